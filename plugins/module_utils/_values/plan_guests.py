# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where guests run: CPUs of their vCPUs and the node of their memory (private to this collection).

Guide 3.6 and 4.1: vCPUs, memory and the PMD threads of one datapath are on one NUMA node. Open vSwitch takes the memory of a vhost-user
port from the node that the guest's memory is on (lib/netdev-dpdk.c, new_device).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_facts import shown
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_memory import in_gib
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_cpus import CorePool, PmdCores
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_facts import HostFacts
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_intent import GuestIntent
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_memory import Budget
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_notes import Planning


@dataclasses.dataclass(frozen=True)
class Guests:
    """All guests of a plan; *port_nodes* are the nodes whose PMD threads poll vhost-user ports."""

    results: list[dict[str, t.Any]]
    isolated: CpuSet
    port_nodes: frozenset[int]


def place_guests(planning: Planning, pool: CorePool, pmd: PmdCores, budget: Budget, polled_by: Mapping[str, int]) -> Guests:
    """Return the guests with their CPUs, and add their memory and that of their ports to *budget*. Raises InputError.

    *polled_by* are the nodes that poll the NICs, by port.
    """
    facts, intent, notes = planning.facts, planning.intent, planning.notes
    placer = _Placer(planning, pool, pmd, budget, polled_by)
    results: dict[str, dict[str, t.Any]] = {}
    isolated: set[int] = set()
    for port in intent.vhost_ports:
        if port.guest is None:  # whoever will attach to it should be on a node with PMD threads
            for node in pmd.nodes:
                budget.mtus[node].add(port.mtu)
    # who has to be on a node goes before who may choose; the order among them is the user's
    for guest in sorted(intent.guests, key=lambda guest: placer.fixed(guest) is None):
        node, why = placer.node(guest)
        cpus, cores = pool.give(node, guest)
        isolated |= cores
        budget.mtus[node] |= placer.mtus(guest)
        pages = budget.pages_for(guest.memory)
        budget.guests[node] += pages
        results[guest.name] = {"name": guest.name, "node": node, "vcpus": cpus, "pages": pages, "memory": guest.memory}
        notes.because(f"guest {guest.name}", f"node {node}, CPUs {shown(cpus)}", why)
        if node not in pmd.nodes and guest.ports:
            notes.warn(f"guest {guest.name} is on node {node}, which has no PMD thread: its ports are polled from node {facts.nearest(node, pmd.nodes)}")
    host = facts.online - pmd.isolated - isolated
    nodes = {facts.nearest(results[guest.name]["node"], pmd.nodes) for guest in intent.guests if placer.mtus(guest)}
    if any(port.guest is None for port in intent.vhost_ports):
        nodes.update(pmd.nodes)
    ordered = [_result(results[guest.name], facts, host, format_size(budget.size)) for guest in intent.guests]
    return Guests(ordered, frozenset(isolated), frozenset(nodes))


def _result(found: Mapping[str, t.Any], facts: HostFacts, host: CpuSet, page_size: str) -> dict[str, t.Any]:
    node = found["node"]
    return {
        "name": found["name"],
        "node": node,
        "vcpus": {str(vcpu): cpu for vcpu, cpu in enumerate(found["vcpus"])},
        "emulator": format_cpu_list(host & facts.nodes[node].cpus or host),
        "memory_bytes": found["memory"],
        "pages": found["pages"],
        "hugepage_size": page_size,
    }


class _Placer:
    """Chooses the nodes of guests."""

    def __init__(self, planning: Planning, pool: CorePool, pmd: PmdCores, budget: Budget, polled_by: Mapping[str, int]) -> None:
        self.facts, self.intent = planning.facts, planning.intent
        self.pool, self.pmd, self.budget, self.polled_by = pool, pmd, budget, polled_by

    def mtus(self, guest: GuestIntent) -> set[int]:
        """Return the MTUs of the vhost-user ports of a guest."""
        return {port.mtu for port in self.intent.vhost_ports if port.guest == guest.name}

    def fixed(self, guest: GuestIntent) -> int | None:
        """Return the node that a guest has to be on: the one asked for, or the one whose PMD threads poll the NIC among its ports."""
        if guest.node is not None:
            return guest.node
        return next((self.polled_by[port] for port in guest.ports if port in self.polled_by), None)

    def node(self, guest: GuestIntent) -> tuple[int, str]:
        """Return the node of a guest and the reason. Raises InputError where no node has room."""
        fixed = self.fixed(guest)
        if fixed is not None:
            if fixed not in self.facts.with_cpus:
                possible = f"NUMA nodes with CPUs online are {', '.join(map(str, self.facts.with_cpus))}."
                raise InputError(f"guest {guest.name}", "node", fixed, possible, "Choose one of them.")
            return fixed, "asked for" if guest.node is not None else "PMD threads of this node poll its NIC"
        problems = {node: self._problem(guest, node) for node in self.pmd.nodes}
        fitting = [node for node, problem in problems.items() if problem is None]
        if not fitting:
            advice = "Ask for less, give the PMD threads or the host fewer cores, or choose another node with node."
            possible = f"No node with PMD threads has room. {' '.join(filter(None, problems.values()))}"
            raise InputError(f"guest {guest.name}", "vcpus", guest.vcpus, possible, advice)
        # the emptiest node first, so that guests spread
        return max(fitting, key=lambda node: (len(self.pool.free[node]), -node)), "node with PMD threads that has most cores left"

    def _problem(self, guest: GuestIntent, node: int) -> str | None:
        """Return what a node lacks for a guest, or None."""
        count, _shared = self.pool.threads_for(node, guest)
        if count > len(self.pool.free[node]):
            return f"Node {node}: {self.pool.shortage(node, count)}"
        missing = self.budget.missing(node, self.budget.pages_for(guest.memory), self.mtus(guest))
        return f"Node {node}: {in_gib(missing)} missing." if missing > 0 else None
