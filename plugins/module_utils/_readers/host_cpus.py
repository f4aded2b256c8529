# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPUs of a host and the NUMA nodes they are on (private to this collection).

Sources: Linux, Documentation/admin-guide/cputopology.rst, Documentation/ABI/stable/sysfs-devices-system-cpu and -node,
Documentation/admin-guide/cgroup-v2.rst (cpuset.cpus.partition, cpuset.cpus.isolated); guide 3.4 (thread_siblings_list) and 3.5 (isolated CPUs).
"""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, numbered, read_cpu_list, read_int, read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

CPU_FOLDER = "sys/devices/system/cpu"
NODE_FOLDER = "sys/devices/system/node"
CGROUP_FOLDER = "sys/fs/cgroup"


@dataclasses.dataclass(frozen=True)
class Cpu:
    """One logical CPU that is present. The kernel shows socket, core and siblings only of CPUs that are online."""

    id: int
    socket: int | None
    core: int | None
    node: int | None
    siblings: CpuSet
    """All online threads of the same core, this CPU among them."""


@dataclasses.dataclass(frozen=True)
class Partition:
    """A cgroup whose CPUs the scheduler keeps apart from those of the others."""

    path: str
    """The cgroup as systemd writes it, ``/pmd.slice``."""
    cpus: CpuSet
    """The CPUs that it has; where it is invalid, those that it asks for."""
    state: str
    """What the kernel says: root, isolated, or for instance ``isolated invalid (Cpu list in cpuset.cpus not exclusive)``."""

    @property
    def valid(self) -> bool:
        """Whether the kernel made it one."""
        return self.state in {"root", "isolated"}


@dataclasses.dataclass(frozen=True)
class CpuTopology:
    """The CPUs of a host; sets are of CPU numbers, which may have gaps."""

    present: CpuSet
    possible: CpuSet
    online: CpuSet
    isolated: CpuSet
    """CPUs that the scheduler does not balance load to: isolcpus= (domain), and isolated cgroup partitions."""
    nohz_full: CpuSet
    smt_active: bool
    cpus: t.Mapping[int, Cpu]
    """Every present CPU, in the order of the numbers."""
    partitions: tuple[Partition, ...] = ()
    """The partitions of cgroup v2, by path."""

    @property
    def offline(self) -> CpuSet:
        """The CPUs that are present and switched off."""
        return self.present - self.online

    @property
    def nodes(self) -> tuple[int, ...]:
        """The NUMA nodes that have online CPUs."""
        return tuple(sorted({cpu.node for cpu in self.cpus.values() if cpu.node is not None and cpu.id in self.online}))

    def on_node(self, node: int) -> CpuSet:
        """Return the online CPUs of a NUMA node; none for a node that does not exist."""
        return frozenset(cpu.id for cpu in self.cpus.values() if cpu.node == node and cpu.id in self.online)

    def cores(self, node: int) -> tuple[CpuSet, ...]:
        """Return the physical cores of a node, each as the set of its online threads, by their lowest CPU number."""
        return tuple(sorted({self.cpus[cpu].siblings for cpu in self.on_node(node)}, key=min))


def _nodes_of_cpus(root: pathlib.Path, present: CpuSet) -> dict[int, int]:
    """Return the NUMA node of each CPU. A kernel without NUMA has no folder for nodes: all are on node 0, as DPDK has it."""
    folders = numbered(root / NODE_FOLDER, "node")
    if not folders:
        return dict.fromkeys(present, 0)
    nodes = {cpu: node for node, folder in folders.items() for cpu in read_cpu_list(folder / "cpulist")}
    for cpu in present - nodes.keys():  # cpulist leaves out CPUs that are offline; their own folder may still say it
        links = numbered(root / CPU_FOLDER / f"cpu{cpu}", "node")
        if links:
            nodes[cpu] = min(links)
    return nodes


def _threads(root: pathlib.Path, cpu: int) -> CpuSet:
    """Return the threads of a CPU's core. The name core_cpus_list is the newer one (Linux 5.3), the guide has the older."""
    topology = root / CPU_FOLDER / f"cpu{cpu}" / "topology"
    return (read_cpu_list(topology / "thread_siblings_list") or read_cpu_list(topology / "core_cpus_list")) | {cpu}


def read_partitions(root: pathlib.Path = pathlib.Path("/")) -> tuple[Partition, ...]:
    """Return the cpuset partitions of cgroup v2, by path: one file per cgroup that the cpuset controller manages."""
    found: list[Partition] = []
    for top in (root / CGROUP_FOLDER, root / CGROUP_FOLDER / "unified"):
        pending = [entry for entry in entries(top) if entry.is_dir()]
        while pending:
            group = pending.pop()
            state = read_text(group / "cpuset.cpus.partition")
            if state is None:  # not managed here, and so nowhere below
                continue
            pending += [entry for entry in entries(group) if entry.is_dir()]
            if state and state != "member":
                asked = read_cpu_list(group / "cpuset.cpus.exclusive") or read_cpu_list(group / "cpuset.cpus")
                partition = Partition(f"/{group.relative_to(top).as_posix()}", asked, state)
                found.append(dataclasses.replace(partition, cpus=read_cpu_list(group / "cpuset.cpus.effective")) if partition.valid else partition)
    return tuple(sorted(found, key=lambda partition: partition.path))


def _isolated(root: pathlib.Path, partitions: t.Iterable[Partition]) -> CpuSet:
    """Return the CPUs that were isolated at boot, and those of isolated partitions, for which there is one file since Linux 6.7."""
    boot = read_cpu_list(root / CPU_FOLDER / "isolated")
    isolated = [partition.cpus for partition in partitions if partition.state == "isolated"]
    return boot.union(*isolated, *(read_cpu_list(root / CGROUP_FOLDER / place / "cpuset.cpus.isolated") for place in ("", "unified")))


def read_cpus(root: pathlib.Path = pathlib.Path("/")) -> CpuTopology:
    """Read the CPUs of the host below *root*: three small files per physical core, whatever the number of CPUs."""
    folder = root / CPU_FOLDER
    present = read_cpu_list(folder / "present") or frozenset(numbered(folder, "cpu"))
    # the kernel leaves out the file `online` of a machine that cannot switch CPUs off
    online = read_cpu_list(folder / "online") & present or present
    nodes = _nodes_of_cpus(root, present)
    cpus: dict[int, Cpu] = {}
    for number in sorted(present):
        if number in cpus:
            continue
        if number not in online:
            cpus[number] = Cpu(number, None, None, nodes.get(number), frozenset({number}))
            continue
        threads = _threads(root, number) & online
        topology = folder / f"cpu{number}" / "topology"
        socket, core = read_int(topology / "physical_package_id"), read_int(topology / "core_id")
        for thread in threads:
            cpus[thread] = Cpu(thread, socket, core, nodes.get(thread), threads)
    active = read_text(folder / "smt/active")
    partitions = read_partitions(root)
    return CpuTopology(
        present=present,
        possible=read_cpu_list(folder / "possible") or present,
        online=online,
        isolated=_isolated(root, partitions) & present,
        nohz_full=read_cpu_list(folder / "nohz_full") & present,
        smt_active=any(len(cpu.siblings) > 1 for cpu in cpus.values()) if active is None else active == "1",
        cpus=dict(sorted(cpus.items())),
        partitions=partitions,
    )


@dataclasses.dataclass(frozen=True)
class IdleState:
    """An idle state (C-state) that the kernel may put CPUs into."""

    name: str
    disabled: CpuSet
    """The online CPUs for which it is switched off; guide 3.1 wants C3 and C6 off for CPUs that poll."""


@dataclasses.dataclass(frozen=True)
class Power:
    """What the kernel does with CPUs that have little to do (guide 3.1)."""

    governors: t.Mapping[str, CpuSet]
    """Frequency governor -> the CPUs it governs; empty where the kernel does not scale the frequency."""
    idle_driver: str | None
    idle_states: tuple[IdleState, ...]


def read_power(root: pathlib.Path, online: CpuSet) -> Power:
    """Read frequency governors and idle states: one file per frequency policy, one per CPU and idle state."""
    governors: dict[str, CpuSet] = {}
    for policy in numbered(root / CPU_FOLDER / "cpufreq", "policy").values():
        governor = read_text(policy / "scaling_governor")
        if governor:
            governors[governor] = governors.get(governor, frozenset()) | _affected(policy)
    driver = read_text(root / CPU_FOLDER / "cpuidle/current_driver")
    states = numbered(root / CPU_FOLDER / f"cpu{min(online, default=0)}" / "cpuidle", "state")
    return Power(
        governors=dict(sorted(governors.items())),
        idle_driver=None if driver in {None, "", "none"} else driver,
        idle_states=tuple(
            IdleState(
                name=read_text(state / "name") or state.name,
                disabled=frozenset(cpu for cpu in online if (read_int(root / CPU_FOLDER / f"cpu{cpu}" / "cpuidle" / state.name / "disable") or 0) > 0),
            )
            for state in states.values()
        ),
    )


def _affected(policy: pathlib.Path) -> CpuSet:
    """Return the CPUs of a frequency policy; the kernel writes them with blanks between."""
    try:
        return parse_cpu_list((read_text(policy / "affected_cpus") or "").replace(" ", ","))
    except ValueError:
        return frozenset()
