# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CPUs PMD threads run on (private to this collection). Pure: CPUs of a host in, a CPU set or a refusal out.

Guide 3.4 (SMT siblings), 3.5 (isolated cores), 4.1 and 4.2 (pmd-cpu-mask).
"""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.chosen_cpus import listed_cpus, sentence
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, format_mask, parse_mask
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import CpuTopology
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

SUBJECT = "PMD threads"


def cpus_of_list(given: Iterable[str | int]) -> CpuSet:
    """Return the CPUs of option cpus. Raises InputError."""
    return listed_cpus(SUBJECT, "cpus", given)


def cpus_of_mask(given: t.Any) -> CpuSet:
    """Return the CPUs of option mask. Raises InputError.

    A number is refused: by the time it is here, YAML's 0x400004 has become 4194308, and it cannot be told from a mask without quotes.
    """
    advice = 'Write it in quotes, such as "0x400004".'
    if not isinstance(given, str):
        raise InputError(SUBJECT, "mask", given, "Without quotes YAML reads a mask as a number, in decimal or not.", advice)
    try:
        return parse_mask(given)
    except ValueError as error:
        raise InputError(SUBJECT, "mask", given, sentence(error), advice) from None


def pick_cores(topology: CpuTopology, cores_per_node: Mapping[t.Any, t.Any], *, siblings: bool) -> CpuSet:
    """Return the CPUs of so many physical cores of each NUMA node. Raises InputError.

    The order in which the cores of a node are taken: those of which all threads are isolated, then the others, each by their lowest CPU
    number; the core that has the lowest CPU of the node is the last one in any case, since the kernel and the boot leave most work there.
    With *siblings* all online threads of a core, without its lowest isolated thread, or its lowest one.
    """
    chosen: set[int] = set()
    for given_node, given_count in cores_per_node.items():
        node, count = _whole(given_node, cores_per_node), _whole(given_count, cores_per_node)
        cores = topology.cores(node)
        if not cores:
            possible = f"NUMA nodes with CPUs are {format_cpu_list(topology.nodes)}."
            raise InputError(SUBJECT, "cores_per_node", dict(cores_per_node), possible, f"Leave node {node} out.")
        if count > len(cores):
            possible = f"Node {node} has {len(cores)} cores: CPUs {format_cpu_list(topology.on_node(node))}."
            raise InputError(SUBJECT, "cores_per_node", dict(cores_per_node), possible, "Ask for fewer, and leave some to the host.")
        ordered = sorted(cores, key=lambda core: (core == cores[0], not core <= topology.isolated, min(core)))
        for core in ordered[:count]:
            chosen |= core if siblings else {min(core & topology.isolated or core)}
    return frozenset(chosen)


def _whole(given: t.Any, all_given: Mapping[t.Any, t.Any]) -> int:
    if isinstance(given, bool) or not str(given).isdigit():
        raise InputError(
            SUBJECT, "cores_per_node", dict(all_given), "It maps node numbers to core counts, such as {0: 2, 1: 1}.", "Write whole numbers from 0."
        )
    return int(given)


def check_cpus(topology: CpuTopology, cpus: CpuSet, option: str, given: t.Any) -> None:
    """Refuse a set that has no CPU, one that is absent or offline, or all. Raises InputError."""
    online = format_cpu_list(topology.online)
    if not cpus:
        raise InputError(SUBJECT, option, given, "It names no CPU.", "Name one at least, or use state: absent to let Open vSwitch choose.")
    absent, offline = cpus - topology.present, cpus & topology.offline
    if absent:
        possible = f"This host has no CPU {format_cpu_list(absent)}; it has {format_cpu_list(topology.present)}."
        raise InputError(SUBJECT, option, given, possible, f"Choose from CPUs {online}, which are online.")
    if offline:
        raise InputError(SUBJECT, option, given, f"CPU {format_cpu_list(offline)} is offline.", f"Choose from CPUs {online}, or switch it on.")
    if cpus >= topology.online:
        raise InputError(
            SUBJECT, option, given, f"These are all CPUs of this host ({online}), and a PMD thread takes all of its CPU.", "Leave one to the host."
        )


def warnings_on(topology: CpuTopology, cpus: CpuSet, port_nodes: Mapping[str, int], *, lone_on_purpose: bool = False) -> list[str]:
    """Return what is doubtful about a set: lone siblings, CPUs that the kernel uses, nodes that do not go with the ports.

    *port_nodes* are the DPDK ports whose NUMA node the switch knows; without any nothing is said about nodes.
    """
    found = []
    for cpu in [] if lone_on_purpose else sorted(cpus):
        others = topology.cpus[cpu].siblings - cpus
        if others:
            found.append(
                f"CPU {cpu} shares its core with CPU {format_cpu_list(others)}, which is not in the mask: what runs there slows the PMD thread down. "
                f"Take both, or keep CPU {format_cpu_list(others)} free of work"
            )
    used = cpus - topology.isolated
    if used:
        found.append(f"the kernel schedules other work on CPU {format_cpu_list(used)} too: not isolated (isolcpus= or an isolated cgroup partition)")
    if not port_nodes:
        return found
    nodes = {topology.cpus[cpu].node for cpu in cpus}
    for node in topology.nodes:
        of_node = cpus & topology.on_node(node)
        ports = sorted(name for name, where in port_nodes.items() if where == node)
        if of_node and not ports:
            found.append(f"no DPDK port is on NUMA node {node}: PMD threads on CPU {format_cpu_list(of_node)} have no port of their own node to poll")
        if ports and node not in nodes:
            found.append(f"port {', '.join(ports)} is on NUMA node {node}, where the mask has no CPU: it is polled from another node, which is slower")
    return found


def shown(cpus: CpuSet) -> dict[str, str]:
    """Return a set as a person reads it, for the diff; nothing for no mask."""
    return {"cpus": format_cpu_list(cpus), "mask": format_mask(cpus)} if cpus else {}
