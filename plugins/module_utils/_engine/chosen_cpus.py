# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPUs that an option names, checked against the host (private to this collection)."""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import CpuTopology
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet


def sentence(error: ValueError) -> str:
    """Return what is wrong with a list or a mask as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def listed_cpus(subject: str, option: str, given: Iterable[str | int]) -> CpuSet:
    """Return the CPUs of a list. Raises InputError for what is none."""
    items = list(given)
    try:
        return parse_cpu_list(items)
    except ValueError as error:
        raise InputError(subject, option, ",".join(map(str, items)), sentence(error), 'Write a list such as "2,22" or "2-5".') from None


def chosen_cpus(subject: str, option: str, given: Iterable[str | int], topology: CpuTopology) -> CpuSet:
    """Return the CPUs of a list. Raises InputError for what is no list, for CPUs that the host lacks, and for all that are online."""
    items = list(given)
    shown = ",".join(map(str, items))
    cpus = listed_cpus(subject, option, items)
    absent = cpus - topology.present
    if absent:
        possible = f"This host has no CPU {format_cpu_list(absent)}; it has {format_cpu_list(topology.present)}."
        raise InputError(subject, option, shown, possible, "Choose from these.")
    if cpus >= topology.online:
        possible = f"These are all CPUs of this host that are online ({format_cpu_list(topology.online)})."
        raise InputError(subject, option, shown, possible, "Leave one to the host.")
    return cpus
