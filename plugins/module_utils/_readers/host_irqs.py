# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interrupts of a host and the CPUs that take them (private to this collection).

Sources: Linux, Documentation/core-api/irq/irq-affinity.rst, proc_interrupts(5), kernel/irq/proc.c (who may write what); irqbalance(1).
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, numbered, read_cpu_list, read_int, read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list, parse_mask

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

IRQ_FOLDER = "proc/irq"


@dataclasses.dataclass(frozen=True)
class Irq:
    """An interrupt that has a handler."""

    number: int
    name: str
    """The names of its handlers, as /proc/interrupts has them."""
    cpus: CpuSet
    """CPUs that may take it."""
    effective: CpuSet
    """Those of them that do; empty where the kernel does not say."""
    node: int | None
    fixed: bool
    """The kernel places it by itself, or each CPU has its own; kernels that do not mark these refuse the write instead."""

    @property
    def taken_by(self) -> CpuSet:
        """The CPUs that take it, as far as the kernel says."""
        return self.effective or self.cpus


def read_irqs(root: pathlib.Path) -> tuple[Irq, ...]:
    """Return the interrupts that have a handler, by number: two small files and one folder each."""
    found = []
    for number, folder in numbered(root / IRQ_FOLDER, "").items():
        names = [entry.name for entry in entries(folder) if entry.is_dir()]  # one folder per handler
        allowed = folder / "smp_affinity_list"
        try:
            fixed = not allowed.stat().st_mode & 0o200
        except OSError:  # it went away meanwhile
            continue
        if names:
            node = read_int(folder / "node")
            cpus, effective = read_cpu_list(allowed), read_cpu_list(folder / "effective_affinity_list")
            found.append(Irq(number, ", ".join(names), cpus, effective, node if node is not None and node >= 0 else None, fixed))
    return tuple(found)


def read_default_affinity(root: pathlib.Path) -> CpuSet | None:
    """Return the CPUs of interrupts to come; None where the kernel does not say."""
    try:
        return parse_mask(read_text(root / IRQ_FOLDER / "default_smp_affinity") or "")
    except ValueError:
        return None


@dataclasses.dataclass(frozen=True)
class Irqbalance:
    """The daemon irqbalance, which moves interrupts about."""

    pid: int
    banned: CpuSet | None
    """CPUs that it leaves alone; None where it was not told any: then it leaves isolated and nohz_full ones alone."""


def read_irqbalance(root: pathlib.Path) -> Irqbalance | None:
    """Return the irqbalance that runs; None where none does."""
    for pid, folder in numbered(root / "proc", "").items():
        if read_text(folder / "comm") == "irqbalance":
            variables = dict(re.findall(r"(?:^|\0)IRQBALANCE_(BANNED_CPUS|BANNED_CPULIST)=([^\0]+)", read_text(folder / "environ") or ""))
            try:
                if "BANNED_CPULIST" in variables:
                    return Irqbalance(pid, parse_cpu_list(variables["BANNED_CPULIST"]))
                return Irqbalance(pid, parse_mask(variables["BANNED_CPUS"]) if "BANNED_CPUS" in variables else None)
            except ValueError:
                return Irqbalance(pid, frozenset())
    return None
