# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CPUs the host, the PMD threads and the guests get (private to this collection).

Guide 3.4 (siblings), 3.5 (isolation), 3.6 (NUMA, Cluster on Die), 4.1 (affinity). Physical cores are given as a whole.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_facts import shown

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_facts import HostFacts
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_intent import GuestIntent, Intent


class CorePool:
    """The physical cores of each node that nobody has yet, by their lowest CPU."""

    def __init__(self, facts: HostFacts, intent: Intent) -> None:
        """Keep the host's cores back. Raises InputError."""
        if len(facts.online) <= 1:
            possible = f"CPU {shown(facts.online)} is the one that is online; the host needs it, and a PMD thread takes all of its CPU."
            raise InputError("host", "cpus.online", shown(facts.online), possible, "Switch more CPUs on, or use a host that has some.")
        self.facts = facts
        self.kept = _kept_by_number(facts, intent) if intent.host_cpus is None else _kept_by_name(facts, intent.host_cpus)
        self.free = {node.id: [core for core in node.cores if not core & self.kept] for node in facts.nodes.values()}
        self._shared: dict[int, list[int]] = {node: [] for node in facts.nodes}
        """CPUs left over of cores that guests share."""

    def take(self, node: int, count: int, subject: str, option: str, given: t.Any) -> list[CpuSet]:
        """Return so many cores of a node. Raises InputError with the other parameters where they are not there."""
        free = self.free.get(node, [])
        if count > len(free):
            raise InputError(subject, option, given, self.shortage(node, count), "Ask for fewer, keep fewer for the host, or use another node.")
        self.free[node] = free[count:]
        return free[:count]

    def shortage(self, node: int, count: int) -> str:
        """Return the sentence about cores that a node lacks."""
        free = self.free[node]
        kept = self.facts.nodes[node].cpus & self.kept
        left = f"{len(free)} {'core is' if len(free) == 1 else 'cores are'} left (CPUs {shown(frozenset().union(*free))})" if free else "no core is left"
        of = f"{left} on node {node}, of {len(self.facts.nodes[node].cores)}; the host keeps CPUs {shown(kept)}"
        return f"{count - len(free)} of {count} cores missing: {of}."

    def threads_for(self, node: int, guest: GuestIntent) -> tuple[int, int]:
        """Return how many cores a guest needs on a node, and how many CPUs of shared cores it finds there."""
        shared = min(len(self._shared[node]), guest.vcpus) if guest.cores == "threads" else 0
        if guest.cores == "single":
            return guest.vcpus, 0
        missing, count = guest.vcpus - shared, 0
        for core in self.free[node]:
            if missing <= 0:
                break
            missing, count = missing - len(core), count + 1
        widest = max(map(len, self.facts.nodes[node].cores), default=1)
        return count + max(0, math.ceil(missing / widest)), shared

    def give(self, node: int, guest: GuestIntent) -> tuple[list[int], CpuSet]:
        """Return the CPUs of a guest's vCPUs in their order, and all CPUs that are isolated for it. Raises InputError."""
        count, shared = self.threads_for(node, guest)
        cores = self.take(node, count, f"guest {guest.name} on NUMA node {node}", "vcpus", guest.vcpus)
        old, self._shared[node] = self._shared[node][:shared], self._shared[node][shared:]
        threads = [min(core) for core in cores] if guest.cores == "single" else [cpu for core in cores for cpu in sorted(core)]
        cpus = [*old, *threads]
        if guest.cores == "threads":
            self._shared[node] += cpus[guest.vcpus :]
        return cpus[: guest.vcpus], frozenset(old).union(*cores)


def _kept_by_number(facts: HostFacts, intent: Intent) -> CpuSet:
    for node in intent.host_cores.nodes:
        if node not in facts.with_cpus:
            raise InputError(f"NUMA node {node}", "host_cores", dict(intent.host_cores.nodes), _nodes_with_cpus(facts), f"Leave node {node} out.")
    kept = [core for node in facts.nodes.values() for core in node.cores[: intent.host_cores.of(node.id, 1)]]
    return facts.adrift.union(*kept)


def _kept_by_name(facts: HostFacts, cpus: CpuSet) -> CpuSet:
    absent = cpus - facts.online
    if absent:
        state = "offline" if absent <= facts.offline else "not there"
        raise InputError("host", "host_cpus", shown(cpus), f"CPU {shown(absent)} is {state}; online are {shown(facts.online)}.", "Choose from these.")
    # a thread beside a CPU of the host is no good for polling: its core goes to the host as a whole
    cores = [core for node in facts.nodes.values() for core in node.cores if core & cpus]
    return facts.adrift.union(*cores)


def _nodes_with_cpus(facts: HostFacts) -> str:
    return f"NUMA nodes with CPUs online are {', '.join(map(str, facts.with_cpus))}."


@dataclasses.dataclass(frozen=True)
class PmdCores:
    """The cores of PMD threads by node."""

    cores: Mapping[int, Sequence[CpuSet]]
    siblings: bool

    @property
    def nodes(self) -> tuple[int, ...]:
        """The nodes with PMD threads."""
        return tuple(sorted(node for node, cores in self.cores.items() if cores))

    @property
    def isolated(self) -> CpuSet:
        """All CPUs of the cores, siblings that idle among them."""
        return frozenset().union(*(core for cores in self.cores.values() for core in cores))

    def threads(self, node: int) -> list[int]:
        """Return the CPUs of a node's PMD threads: one of each core, then the second ones."""
        columns = [sorted(core) if self.siblings else [min(core)] for core in self.cores.get(node, ())]
        return [core[index] for index in range(max(map(len, columns), default=0)) for core in columns if index < len(core)]

    @property
    def cpus(self) -> CpuSet:
        """The CPUs of all PMD threads."""
        return frozenset(cpu for node in self.cores for cpu in self.threads(node))


def place_pmd(facts: HostFacts, intent: Intent, pool: CorePool, nic_nodes: Mapping[str, int]) -> PmdCores:
    """Return the cores of the PMD threads. *nic_nodes* are the nodes of the NICs, by port. Raises InputError."""
    option = "pmd_cores" if intent.pmd_cores_per_nic is None else "pmd_cores_per_nic"
    wanted = _wanted(facts, intent, list(nic_nodes.values()))
    for node in wanted:
        if node not in facts.with_cpus:
            raise InputError(f"PMD threads on NUMA node {node}", option, wanted, _nodes_with_cpus(facts), f"Leave node {node} out.")
    if not any(wanted.values()):
        raise InputError("PMD threads", option, wanted, "Ports need a PMD thread.", "Ask for one core at least on a node.")
    given = intent.pmd_cores_per_nic or dict(intent.pmd_cores.nodes) or intent.pmd_cores.default or 1
    cores = {node: pool.take(node, count, f"PMD threads on NUMA node {node}", option, given) for node, count in sorted(wanted.items())}
    return PmdCores(cores, intent.siblings)


def _wanted(facts: HostFacts, intent: Intent, nic_nodes: Sequence[int]) -> dict[int, int]:
    """Return the cores of PMD threads that are asked for, by node."""
    if intent.pmd_cores.nodes:
        return dict(intent.pmd_cores.nodes)
    nodes: Iterable[int] = nic_nodes or {guest.node for guest in intent.guests if guest.node is not None}
    if intent.pmd_cores_per_nic is not None and nic_nodes:
        return {node: intent.pmd_cores_per_nic * nic_nodes.count(node) for node in nic_nodes}
    if not nodes:
        usable = [node for node in facts.with_cpus if facts.nodes[node].memory] or list(facts.with_cpus)
        nodes = usable[:1]
    return dict.fromkeys(nodes, intent.pmd_cores.default or intent.pmd_cores_per_nic or 1)
