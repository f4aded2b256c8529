# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the guests of a task fit to each other and to the host (private to this collection). Pure.

Sources: guide 4.1 (a CPU for each vCPU), 5.3 and 6.1 (memory on hugetlbfs, a socket for each device, PMD threads for queues).
"""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet, format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import HostFacts, Vm

Held = t.Mapping[tuple[int, t.Optional[int]], int]
"""(Page size in bytes, node or None) -> pages that guests of the task have now."""


def check(vms: Sequence[Vm], facts: HostFacts) -> None:
    """Raise InputError for the first guest that does not fit to the others or to the CPUs of the host."""
    check_together(vms)
    for vm in vms:
        _check_cpus_of(vm, facts)
    _check_pins(vms)
    _check_unpinned(vms, facts)


def check_together(vms: Sequence[Vm]) -> None:
    """Raise InputError where two guests, or two interfaces of one, have something that only one can have."""
    _alone("name", "A guest stands once in a task.", ((vm, "name", vm.name) for vm in vms))
    _alone("image", "Two guests that write to one disk destroy it.", ((vm, "image", vm.image) for vm in vms))
    ports = ((vm, "interfaces.port", interface.name) for vm in vms for interface in vm.interfaces)
    _alone("port", "A vhost-user port takes one guest's interface.", ports)
    sockets = ((vm, "interfaces.port", interface.socket) for vm in vms for interface in vm.interfaces)
    _alone("socket", "Each interface needs a socket of its own.", sockets)
    _alone("MAC", "Two interfaces with one address take each other's packets.", ((vm, "mac", mac) for vm in vms for mac in vm.macs))
    forwarded = ((vm, "management.ssh_port", vm.management.ssh_port) for vm in vms if vm.management and vm.management.ssh_port)
    _alone("port of the host", "Only one process can listen on it.", forwarded)
    _alone("serial log", "Two guests would write into one file.", ((vm, "serial_log", vm.serial_log) for vm in vms if vm.serial_log))


def _alone(what: str, why: str, found: Iterable[tuple[Vm, str, t.Any]]) -> None:
    owners: dict[t.Any, Vm] = {}
    for vm, option, value in found:
        if value in owners:
            other = "This guest" if owners[value] is vm else f"Guest {owners[value].name}"
            raise InputError(f"guest {vm.name}", option, value, f"{other} has this {what} too. {why}", "Choose another one for one of them.")
        owners[value] = vm


def _check_cpus_of(vm: Vm, facts: HostFacts) -> None:
    """Raise InputError for CPUs of a guest that nothing but the host or the switch can have."""
    for option, cpus in (*((f"cpus.{vcpu}", cpus) for vcpu, cpus in enumerate(vm.pins)), ("emulator_cpus", vm.emulator_cpus)):
        for bad, why in (
            (cpus - facts.present, f"This host has CPUs {format_cpu_list(facts.present)}."),
            (cpus - facts.online, f"CPU {format_cpu_list(cpus - facts.online)} is offline."),
            (cpus & facts.pmd_cpus, f"CPU {format_cpu_list(cpus & facts.pmd_cpus)} is a PMD thread's, which never stops."),
        ):
            if bad:
                left = format_cpu_list(facts.online - facts.pmd_cpus) or "none"
                raise InputError(f"guest {vm.name}", option, format_cpu_list(cpus), why, f"CPUs that are left: {left}.")


def _check_pins(vms: Iterable[Vm]) -> None:
    """Raise InputError for a host CPU that two vCPUs are pinned to, unless both guests may share theirs."""
    owners: dict[int, tuple[Vm, int]] = {}
    for vm in vms:
        for vcpu, cpus in enumerate(vm.pins):
            for cpu in sorted(cpus):
                other, number = owners.setdefault(cpu, (vm, vcpu))
                if (other.name, number) != (vm.name, vcpu) and not (other.shared_cpus and vm.shared_cpus):
                    possible = f"CPU {cpu} is that of vCPU {number} of guest {other.name}. A vCPU that forwards packets needs a CPU for itself (guide 4.1)."
                    raise InputError(f"guest {vm.name}", f"cpus.{vcpu}", format_cpu_list(cpus), possible, "Choose another CPU, or give shared_cpus in a lab.")


def left_over(vms: Iterable[Vm], facts: HostFacts) -> CpuSet:
    """Return the CPUs that neither PMD threads nor pinned vCPUs have."""
    return facts.online - facts.pmd_cpus.union(*(vm.pinned for vm in vms))


def _check_unpinned(vms: Sequence[Vm], facts: HostFacts) -> None:
    left = left_over(vms, facts)
    for vm in vms:
        if not vm.pins and not vm.shared_cpus and vm.vcpus > len(left):
            possible = f"{len(left)} CPUs are left ({format_cpu_list(left) or 'none'}); the others are those of PMD threads, of pinned vCPUs, or offline."
            raise InputError(f"guest {vm.name}", "vcpus", vm.vcpus, possible, "Take fewer vCPUs, or give shared_cpus in a lab.")


def check_memory(vms: Iterable[Vm], facts: HostFacts, held: Held) -> None:
    """Raise InputError where the guests that shall run need more hugepages than are free; what they have now counts as free."""
    needed: dict[tuple[int, int | None], int] = {}
    for vm in vms:
        if not vm.running:
            continue
        for node in (None,) if vm.node is None else (vm.node, None):
            key = (vm.page_size, node)
            needed[key] = needed.get(key, 0) + vm.pages
            # pages of a node are among all pages, and what is held on no known node may be on any of them
            mine = sum(pages for (size, where), pages in held.items() if size == vm.page_size and (node is None or where in (node, None)))
            free = facts.free_pages.get(vm.page_size, {}).get(node, 0) + mine
            if needed[key] > free:
                place = f"on node {node}" if node is not None else "on this host"
                size = format_size(vm.page_size)
                possible = f"The guests of the task need {needed[key]} hugepages of {size} {place}, and {max(free, 0)} are free."
                advice = f"Take less memory, or have more hugepages (hugepage_alloc){'' if node is None else f' on node {node}'}."
                raise InputError(f"guest {vm.name}", "memory", format_size(vm.memory), possible, advice)


def warnings(vms: Sequence[Vm], facts: HostFacts) -> list[str]:
    """Return what works and is not as the guide has it."""
    return [text for vm in vms for text in _warnings_of(vm, vms, facts)]


def _warnings_of(vm: Vm, vms: Sequence[Vm], facts: HostFacts) -> Iterator[str]:
    subject = f"guest {vm.name}"
    if not vm.kvm:
        yield f"{subject}: QEMU emulates the CPU in software, since KVM is not there or not wanted; rates measured with it say nothing about a real host"
    for interface in vm.interfaces:
        if facts.pmd_threads is not None and interface.queues > max(facts.pmd_threads, 1):
            yield (
                f"{subject}: port {interface.name} has {interface.queues} queues and the switch {facts.pmd_threads} PMD thread(s); traffic to the guest "
                "goes to as many queues as there are PMD threads. The guide (6.1) wants at least 2 PMD threads for multiqueue, see pmd_mask"
            )
        if interface.queues > vm.vcpus:
            yield f"{subject}: {interface.name} has {interface.queues} queues and the guest {vm.vcpus} vCPU(s); Linux takes no more queues than vCPUs itself"
    if not vm.pins:
        yield f"{subject}: its vCPUs are not pinned, so that other programs take time from them (guide 4.1); give cpus"
    elif vm.node is None:
        yield f"{subject}: its CPUs are on several NUMA nodes, and so is its memory"
    elif not vm.pinned <= facts.nodes[vm.node]:
        yield f"{subject}: its memory is on node {vm.node}, and CPU {format_cpu_list(vm.pinned - facts.nodes[vm.node])} is on another one"
    taken = {cpu: other.name for other in vms for cpu in other.pinned & vm.emulator_cpus}
    if taken and not vm.shared_cpus:
        cpu, owner = min(taken.items())
        yield f"{subject}: emulator_cpus has CPU {cpu}, on which a vCPU of guest {owner} runs"
