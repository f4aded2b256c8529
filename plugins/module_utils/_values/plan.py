# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a host and an intent to CPUs, pages, queues and boot arguments, each with its reason (private to this collection).

Guide 3.3 (hugepages), 3.4 (siblings), 3.5 (isolation), 3.6 (NUMA), 4.1 to 4.3 (affinity, PMD threads, rx queues). Pure: the same facts and
the same intent give the same plan, and so does the host on which the plan was applied.
"""

from __future__ import annotations

import copy
import dataclasses
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, format_mask
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_cpus import CorePool, PmdCores, place_pmd
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_facts import HostFacts, Nic, read_facts, shown
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_guests import Guests, place_guests
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_intent import Intent, NicIntent, read_intent
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_memory import Budget, page_size
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_notes import Notes, Planning
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

# Documentation/admin-guide/kernel-parameters.txt: isolcpus= has had flags since Linux 4.15, managed_irq since 5.6. A flag that the kernel
# does not know makes it overlook the whole argument.
_ISOLCPUS_FLAGS = (("managed_irq", (5, 6)), ("domain", (4, 15)))

_IOMMU = "passthrough"


@dataclasses.dataclass(frozen=True)
class Port:
    """A NIC of the intent and the device it is; *node* is that of its PMD threads."""

    wanted: NicIntent
    nic: Nic
    node: int


def make_plan(host: t.Any, given: t.Any) -> dict[str, t.Any]:
    """Return the plan for *host* (result host of dpdk_host_info) and an intent, as JSON values. Raises InputError."""
    intent, facts, notes = read_intent(given), read_facts(host), Notes()
    planning = Planning(facts, intent, notes)
    ports = _ports(planning)
    pool = CorePool(facts, intent)
    notes.because("host", f"CPUs {shown(pool.kept)}", _why_kept(facts, intent))
    pmd = place_pmd(facts, intent, pool, {port.wanted.port: port.node for port in ports})
    _explain_pmd(planning, pmd, ports)
    budget = Budget(facts, page_size(facts, intent.hugepage_size), intent.memory_for_host, intent.socket_mem)
    for port in ports:
        budget.mtus[port.node].add(port.wanted.mtu)
    polled_by = {port.wanted.port: facts.nearest(port.node, pmd.nodes) for port in ports}
    guests = place_guests(planning, pool, pmd, budget, polled_by)
    budget.check()
    isolated = pmd.isolated | guests.isolated
    if isolated >= facts.online:
        possible = f"These are all CPUs that are online: {shown(facts.online)}."
        raise InputError("host", "host_cores", 0, possible, "Keep a core of one node for the host.")
    if 0 in isolated:
        notes.warn("CPU 0 is isolated: it boots the machine, and the kernel leaves work there that cannot be moved")
    affinity = _affinity(planning, ports, pmd, guests)
    pages = {node: budget.pages(node) for node in facts.nodes if budget.pages(node)}
    _explain_memory(budget, pages, notes)
    hugepages = [{"size": format_size(budget.size), "nodes": _by_text(pages)}] if pages else []
    devices = [str(port.nic.pci) for port in ports if not port.nic.bifurcated]
    return {
        "pmd": {
            "cpus": format_cpu_list(pmd.cpus),
            "mask": format_mask(pmd.cpus),
            "nodes": {str(node): format_cpu_list(pmd.threads(node)) for node in pmd.nodes},
        },
        "host_cpus": format_cpu_list(facts.online - isolated),
        "isolated_cpus": format_cpu_list(isolated),
        "guests": guests.results,
        "hugepages": hugepages,
        "socket_mem": _by_text({node: budget.switch_mib(node) for node in facts.nodes if budget.switch_mib(node)}),
        "rxq_affinity": affinity,
        "ports": [_port(port, affinity) for port in ports],
        "devices": devices,
        "kernel_args": _kernel_args(planning, isolated, hugepages, devices),
        "partition": _partition(planning, isolated, pmd),
        "reasons": notes.reasons,
        "warnings": notes.warnings,
    }


def _by_text(numbers: Mapping[int, int]) -> dict[str, int]:
    """Return a dictionary as JSON has it: the keys are text."""
    return {str(key): value for key, value in sorted(numbers.items())}


def _port(port: Port, affinity: Mapping[str, Mapping[str, int]]) -> dict[str, t.Any]:
    wanted = port.wanted
    entry = {"name": wanted.port, "devargs": port.nic.pci, "n_rxq": wanted.rx_queues, "mtu": wanted.mtu}
    if wanted.bridge is not None:
        entry["bridge"] = wanted.bridge
    return {**entry, "rxq_affinity": dict(affinity.get(wanted.port, {}))}


def _ports(planning: Planning) -> list[Port]:
    """Return the ports on NICs, each on a node that DPDK has memory on. Raises InputError."""
    facts, intent, notes = planning.facts, planning.intent, planning.notes
    nics = [facts.nic(wanted.device) for wanted in intent.nics]
    for number, nic in enumerate(nics):
        if nic in nics[:number]:
            device = intent.nics[number].device
            other = intent.nics[nics.index(nic)].port
            raise InputError(f"NIC {device}", "nics[].device", device, f"It is {nic.pci}, which is port {other} already.", "Remove one of the two.")
    ports = []
    for wanted, nic in zip(intent.nics, nics):
        node = _unknown_node(facts, wanted.port, nic, notes) if nic.node is None else nic.node
        if node not in facts.with_cpus:
            possible = (
                f"NIC {nic.pci} is on NUMA node {node}, which has no CPU online. DPDK has memory only on nodes with CPUs, "
                f"so that Open vSwitch cannot make a memory pool for the port; nodes with CPUs are {', '.join(map(str, facts.with_cpus))}."
            )
            raise InputError(f"port {wanted.port}", "nics[].device", wanted.device, possible, "Put the NIC into a slot of one of them, or switch CPUs on.")
        if nic.bifurcated:
            notes.because(f"port {wanted.port}", "not in devices", "its driver works beside DPDK: the NIC stays bound to it")
        ports.append(Port(wanted, nic, node))
    return ports


def _unknown_node(facts: HostFacts, port: str, nic: Nic, notes: Notes) -> int:
    """Return the node for a NIC of which the firmware tells none: the lowest one, as Open vSwitch has 0 (lib/netdev-dpdk.c, SOCKET0)."""
    node = facts.with_cpus[0]
    if len(facts.with_cpus) == 1:
        notes.because(f"port {port}", f"node {node}", f"the firmware tells no NUMA node for NIC {nic.pci}, and this one alone has CPUs")
    elif node == 0:
        notes.warn(f"port {port}: the firmware tells no NUMA node for NIC {nic.pci}; it is planned on node 0, where Open vSwitch then takes its memory from")
    else:
        notes.warn(
            f"port {port}: the firmware tells no NUMA node for NIC {nic.pci}; it is planned on node {node}, but Open vSwitch takes the memory "
            "for such a NIC from node 0, which has no CPU online"
        )
    return node


def _why_kept(facts: HostFacts, intent: Intent) -> str:
    if intent.host_cpus is not None:
        return f"host_cpus asks for {shown(intent.host_cpus)}, and cores are given as a whole"
    adrift = f"; nobody tells the NUMA node of CPUs {shown(facts.adrift)}, which stay with the host too" if facts.adrift else ""
    return f"the core with the lowest CPU of a node has most of the kernel's work{adrift}"


def _explain_pmd(planning: Planning, pmd: PmdCores, ports: list[Port]) -> None:
    facts, notes = planning.facts, planning.notes
    for node in pmd.nodes:
        here = [port.wanted.port for port in ports if port.node == node]
        why = f"node of {', '.join(here)}" if here else "asked for, or chosen for ports of guests"
        threads = "all threads of each core poll" if pmd.siblings else "one thread of each core polls, its sibling idles"
        notes.because(f"PMD threads on node {node}", f"CPUs {shown(pmd.threads(node))}", f"{why}; next cores after the host's; {threads}")
        if len({len(core) for core in facts.nodes[node].cores}) > 1 and not facts.offline:
            notes.warn(f"node {node}: its cores do not have the same number of threads; the facts do not tell which ones are faster")
    for port in ports:
        if port.node not in pmd.nodes:
            other = facts.nearest(port.node, pmd.nodes)
            notes.warn(f"port {port.wanted.port} is on node {port.node}, where no PMD core is asked for: node {other} polls it, which is slower")


def _affinity(planning: Planning, ports: list[Port], pmd: PmdCores, guests: Guests) -> dict[str, dict[str, int]]:
    """Return rx queue -> CPU of each port, round robin over the threads of a node, on another core before a sibling.

    A PMD thread that has a pinned queue polls no other queue (Documentation/topics/dpdk/pmd.rst, pmd-rxq-isolate), so that ports of guests
    would stay unpolled: where there are some, the second half of the threads gets none.
    """
    facts, notes = planning.facts, planning.notes
    if not planning.intent.rxq_affinity:
        return {}
    chosen: dict[str, dict[str, int]] = {}
    served: dict[int, int] = {}
    for port in ports:
        node = facts.nearest(port.node, pmd.nodes)
        threads = pmd.threads(node)
        if node in guests.port_nodes:
            if len(threads) == 1:
                notes.because(f"port {port.wanted.port}", "no rxq affinity", f"node {node} has one PMD thread, which polls the ports of guests too")
                continue
            threads = threads[: (len(threads) + 1) // 2]
        start = served.get(node, 0)
        served[node] = start + port.wanted.rx_queues
        chosen[port.wanted.port] = {str(queue): threads[(start + queue) % len(threads)] for queue in range(port.wanted.rx_queues)}
        rest = sorted(set(pmd.threads(node)) - set(threads))
        free = (
            f"the threads on {shown(rest)} are for ports of guests, as one with a pinned queue polls no others" if rest else "one after the other, cores first"
        )
        pinned = ", ".join(f"{queue} on {cpu}" for queue, cpu in chosen[port.wanted.port].items())
        notes.because(f"port {port.wanted.port}", f"rx queues {pinned}", f"PMD threads of node {node}; {free}")
    return chosen


def _explain_memory(budget: Budget, pages: Mapping[int, int], notes: Notes) -> None:
    for node in pages:
        mtus = ", ".join(map(str, sorted(budget.mtus[node]))) or "no port"
        switch = budget.switch_mib(node)
        if switch or budget.mtus[node]:
            why = "socket_mem asks for it" if budget.given is not None else f"a memory pool for each buffer size (MTU {mtus}), in whole pages"
            notes.because(f"switch on node {node}", f"{switch} MiB", why)
        needed = budget.needed_mib(node)
        if needed > switch:
            notes.warn(f"node {node}: socket_mem is {switch} MiB, ports with MTU {mtus} need {needed} MiB: Open vSwitch takes the rest from pages of guests")
        parts = f"{budget.pages_for(switch * 2**20)} for the switch, {budget.guests[node]} for guests"
        notes.because(f"hugepages on node {node}", f"{pages[node]} of {format_size(budget.size)}", parts)


def _kernel_args(planning: Planning, isolated: CpuSet, hugepages: list[dict[str, t.Any]], devices: list[str]) -> dict[str, t.Any]:
    """Return the options of kernel_args that are wanted."""
    facts, intent, notes = planning.facts, planning.intent, planning.notes
    args: dict[str, t.Any] = {}
    cpus = format_cpu_list(isolated)
    if hugepages:
        args.update(default_hugepagesz=hugepages[0]["size"], hugepages=copy.deepcopy(hugepages))
        notes.because("boot", "hugepages", "pages of 1G are found for certain only while memory is in one piece, at boot")
    if intent.isolation == "isolcpus":
        flags = [flag for flag, since in _ISOLCPUS_FLAGS if facts.kernel is None or facts.kernel >= since]
        args.update(isolcpus=cpus, isolcpus_flags=flags)
        notes.because("boot", f"isolcpus {cpus}", "the scheduler puts nothing on these CPUs by itself (guide 3.5)")
    if intent.nohz_full:
        args["nohz_full"] = cpus
        notes.because("boot", f"nohz_full {cpus}", "no timer tick where one thread runs alone")
    if intent.rcu_nocbs:
        args["rcu_nocbs"] = cpus
        notes.because("boot", f"rcu_nocbs {cpus}", "RCU callbacks run on the host's CPUs")
    if intent.iommu if intent.iommu is not None else devices:
        args["iommu"] = _IOMMU
        notes.because("boot", f"iommu {_IOMMU}", "vfio-pci needs an IOMMU; devices that stay with the kernel do without its translation")
    return args


def _partition(planning: Planning, isolated: CpuSet, pmd: PmdCores) -> dict[str, str]:
    """Return the options of cpu_partition, nothing where CPUs are not isolated that way. Raises InputError.

    ovs-vswitchd as a whole is in the partition, so that its other threads need a CPU there that no PMD thread has.
    """
    facts, intent, notes = planning.facts, planning.intent, planning.notes
    if intent.isolation != "partition":
        return {}
    free = facts.online - isolated
    if len(free) < 2:  # noqa: PLR2004 - one for ovs-vswitchd, one for all others
        possible = f"The other threads of ovs-vswitchd need a CPU in the partition, and CPU {shown(free)} alone is left to the host."
        raise InputError("host", "isolation", "partition", possible, "Use isolation=isolcpus, or ask for fewer cores.")
    near = free & frozenset().union(*facts.nodes[pmd.nodes[0]].cores)
    cpu = max(near or free)
    notes.because("partition", f"CPU {cpu} beside {format_cpu_list(isolated)}", "for the threads of ovs-vswitchd that do not poll; one, as nothing moves them")
    return {"cpus": format_cpu_list(isolated), "service_cpus": str(cpu)}
