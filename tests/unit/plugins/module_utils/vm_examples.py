# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests, ports and a host for tests: the guide's guest of section 5.3 on a host of 2 x 10 cores with PMD threads on CPUs 2 and 3."""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import vm_options
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import HostFacts

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import Vm

GIB, MIB = 2**30, 2**20
IMAGE = "/var/lib/libvirt/images/vm1.qcow2"
SOCKETS = "/var/run/openvswitch/vhost"


def facts(**changes: t.Any) -> HostFacts:
    """Return a host: CPUs 0-9 and 20-29 on node 0, the others on node 1, CPU 39 is offline."""
    values: dict[str, t.Any] = {
        "present": parse_cpu_list("0-39"),
        "online": parse_cpu_list("0-38"),
        "nodes": {0: parse_cpu_list("0-9,20-29"), 1: parse_cpu_list("10-19,30-38")},
        "free_pages": {GIB: {None: 16, 0: 8, 1: 8}, 2 * MIB: {None: 512, 0: 256, 1: 256}},
        "default_page_size": 2 * MIB,
        "kvm": True,
        "pmd_cpus": frozenset({2, 3}),
        "pmd_threads": 2,
    }
    return HostFacts(**{**values, **changes})


def port(number: int, **changes: t.Any) -> dict[str, t.Any]:
    """Return what vhost_user_port says of a port; *changes* of queues and mac are the guest's."""
    guest = {"mac": f"00:00:00:00:00:{number + 1:02x}", "queues": 2}
    guest.update({key: changes.pop(key) for key in ("mac", "queues") if key in changes})
    name = f"vhost-user{number}"
    return {"name": name, "state": "present", "socket": f"{SOCKETS}/{name}", "mode": "client", "connected": False, "guest": guest, **changes}


def ports(*entries: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Return ports by name; two of them if none is given."""
    return {one["name"]: one for one in entries or (port(0), port(1))}


def options(**changes: t.Any) -> dict[str, t.Any]:
    """Return the options of the guide's guest."""
    values: dict[str, t.Any] = {
        "name": "vhost-vm",
        "state": "running",
        "image": IMAGE,
        "vcpus": 2,
        "cpus": "4,5",
        "memory": "4G",
        "hugepage_size": "1G",
        "interfaces": [{"port": "vhost-user0"}, {"port": "vhost-user1"}],
    }
    return {**values, **changes}


def vm(given: dict[str, t.Any] | None = None, *, backend: str = "qemu", host: HostFacts | None = None, at: dict[str, t.Any] | None = None) -> Vm:
    """Return the guest that options ask for."""
    one = options() if given is None else given
    known = ports() if at is None else at
    return vm_options.parse_guest(one, known, host or facts(), backend=backend, image_format="qcow2", hostname="host1")
