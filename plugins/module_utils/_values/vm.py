# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as a task wants it, and what of the host it has to fit to (private to this collection). Pure."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.guest import GuestInterface

# The CPU of a guest without KVM: the first one with SSE 4.2, which DPDK needs; what is newer takes longer to emulate
EMULATED_CPU = "Nehalem"
MIB = 2**20


class Management(t.NamedTuple):
    """The interface of a guest that is not on a vhost-user port."""

    type: t.Literal["user", "bridge", "network"]
    mac: str
    source: str = ""
    """Name of the bridge, or of the network of libvirt."""
    ssh_port: int | None = None
    """Port of the host that leads to port 22 of the guest; type user only."""
    ssh_address: str = "127.0.0.1"


class Boot(t.NamedTuple):
    """A kernel that is started directly; all empty where a guest boots from its disk."""

    kernel: str = ""
    initrd: str = ""
    append: str = ""


class Vm(t.NamedTuple):
    """A guest that shall be there. Sizes are bytes."""

    name: str
    image: str
    image_format: str
    vcpus: int
    pins: tuple[CpuSet, ...]
    """Host CPUs of each vCPU; empty where they are not pinned."""
    emulator_cpus: CpuSet
    """Host CPUs of QEMU's other threads; empty where they are not pinned."""
    memory: int
    page_size: int
    node: int | None
    """NUMA node of the memory; None for any."""
    interfaces: tuple[GuestInterface, ...]
    management: Management | None = None
    boot: Boot = Boot()
    firmware: str = ""
    machine: str = "q35"
    cpu_model: str = "host-passthrough"
    kvm: bool = True
    serial_log: str = ""
    extra_args: tuple[str, ...] = ()
    oem_strings: tuple[str, ...] = ()
    shared_cpus: bool = False
    autostart: bool = False
    running: bool = True

    @property
    def pinned(self) -> CpuSet:
        """The host CPUs of all vCPUs."""
        return frozenset().union(*self.pins)

    @property
    def pages(self) -> int:
        """The hugepages of its memory."""
        return self.memory // self.page_size

    @property
    def macs(self) -> tuple[str, ...]:
        """The Ethernet addresses of its interfaces."""
        return (*(interface.mac for interface in self.interfaces), *((self.management.mac,) if self.management else ()))


class HostFacts(t.NamedTuple):
    """What guests have to fit to."""

    present: CpuSet
    online: CpuSet
    nodes: t.Mapping[int, CpuSet]
    """NUMA node -> its online CPUs."""
    free_pages: t.Mapping[int, t.Mapping[int | None, int]]
    """Page size in bytes -> node -> free pages; None for all nodes together. The sizes are those that the kernel has."""
    default_page_size: int | None
    kvm: bool
    pmd_cpus: CpuSet = frozenset()
    pmd_threads: int | None = None
    """None where nobody could be asked."""


def node_of(cpus: CpuSet, facts: HostFacts) -> int | None:
    """Return the NUMA node that all of these CPUs are on; None where they are on several, or there are none."""
    nodes = {node for node, on_node in facts.nodes.items() if cpus & on_node}
    return nodes.pop() if len(nodes) == 1 else None
