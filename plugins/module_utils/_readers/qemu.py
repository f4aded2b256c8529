# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running guests as the kernel shows them, and whether KVM works (private to this collection).

Sources: Linux, Documentation/virt/kvm/api.rst (KVM_GET_API_VERSION, KVM_CREATE_VM); proc_pid_task(5); QEMU names the threads of vCPUs
``CPU 0/KVM`` or ``CPU 0/TCG`` (-name debug-threads=on, which libvirt gives too).
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, read_int, read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

_KVM_GET_API_VERSION = 0xAE00
_KVM_CREATE_VM = 0xAE01
_API = 12  # of every kernel since 2.6.22


class Thread(t.NamedTuple):
    """A thread and the CPUs that it may use."""

    id: int
    cpus: CpuSet


def kvm_works(root: pathlib.Path = pathlib.Path("/")) -> bool:
    """Tell whether a machine can be made: /dev/kvm may be there and refuse, for instance in a virtual machine that must not nest."""
    try:
        device = os.open(root / "dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if fcntl.ioctl(device, _KVM_GET_API_VERSION, 0) != _API:
            return False
        os.close(fcntl.ioctl(device, _KVM_CREATE_VM, 0))
    except OSError:
        return False
    finally:
        os.close(device)
    return True


def allowed_cpus(root: pathlib.Path, thread: int) -> CpuSet:
    """Return the CPUs that a thread may use; none for one that has ended."""
    match = re.search(r"^Cpus_allowed_list:\s*(\S+)", read_text(root / f"proc/{thread}/status") or "", re.MULTILINE)
    return parse_cpu_list(match[1]) if match else frozenset()


def vcpu_threads(root: pathlib.Path, pid: int) -> dict[int, Thread]:
    """Return the thread of each vCPU of a QEMU process; none where it has ended, or does not name its threads."""
    found: dict[int, Thread] = {}
    for task in entries(root / f"proc/{pid}/task"):
        match = re.match(r"CPU (\d+)/", read_text(task / "comm") or "")
        if match:
            found[int(match[1])] = Thread(int(task.name), allowed_cpus(root, int(task.name)))
    return dict(sorted(found.items()))


def command_line(root: pathlib.Path, pid: int) -> list[str]:
    """Return the command line of a process; nothing for one that has ended."""
    try:
        text = (root / f"proc/{pid}/cmdline").read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return []
    return text.split("\0")[:-1]


def libvirt_pid(root: pathlib.Path, name: str) -> int | None:
    """Return the process that libvirt runs a domain in."""
    return read_int(root / f"run/libvirt/qemu/{name}.pid")


def used_sockets(root: pathlib.Path) -> frozenset[str]:
    """Return the paths of the Unix sockets that some process has; a file that a dead one has left is none (proc_net_unix(5))."""
    lines = (read_text(root / "proc/net/unix") or "").splitlines()[1:]
    found = (re.match(r"(?:\S+\s+){7}(/.*)", line) for line in lines)
    return frozenset(match[1] for match in found if match)
