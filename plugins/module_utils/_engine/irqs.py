# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interrupts away from CPUs that poll: what has to be written, and the writing (private to this collection).

Sources: Linux, Documentation/core-api/irq/irq-affinity.rst; kernel/irq/proc.c (the kernel answers EIO, newer ones EPERM, for an interrupt
that it places by itself or that each CPU has for itself); guide 3.5 and 4.1.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.files import FileChange, read_file, replace
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_irqs import IRQ_FOLDER, Irq, read_default_affinity, read_irqs
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet, format_cpu_list, format_grouped_mask, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import CpuTopology

RECORD = "run/nfv.ovs_dpdk.irq_affinity.json"
"""What was there before. It goes with the next boot, as the affinities themselves do."""

# An interrupt that is pending moves when it comes the next time; most come within this time.
SETTLE_SECONDS = 1.0

_PLACED_BY_THE_KERNEL = {errno.EIO, errno.EPERM}
_GONE = {errno.ENOENT, errno.ENXIO}


@dataclasses.dataclass(frozen=True)
class Change:
    """The CPUs of an interrupt: those that come back one day, those it has now, those it shall have."""

    number: int | None
    """None: the default for interrupts to come."""
    name: str
    original: CpuSet
    now: CpuSet
    wanted: CpuSet

    @property
    def title(self) -> str:
        """What it is called in diffs and messages: ``IRQ 24 eth0-rx-0``."""
        return "default" if self.number is None else f"IRQ {self.number} {self.name}"

    @property
    def differs(self) -> bool:
        """Whether it has to be written."""
        return self.now != self.wanted

    @property
    def kept_away(self) -> bool:
        """Whether it has other CPUs than it would have without this collection."""
        return self.original != self.wanted


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is wanted. *changes* holds those that have to be written and those that were written before."""

    changes: tuple[Change, ...]
    fixed: frozenset[int]
    """Interrupts that the kernel places by itself, as far as known."""
    record: FileChange


def _without(cpus: CpuSet, away: CpuSet, near: CpuSet, online: CpuSet) -> CpuSet:
    """Return *cpus* without *away*; where nothing is left that is online, the CPUs of the interrupt's node, or else all others."""
    if not cpus & away:
        return cpus
    return next(left for left in (cpus - away, near - away, online - away) if left & online)


def _cpus(entry: t.Any, key: str) -> CpuSet | None:
    try:
        return parse_cpu_list(str(entry[key]))
    except (KeyError, TypeError, ValueError):
        return None


def _record(root: pathlib.Path) -> tuple[str | None, dict[str, t.Any]]:
    """Return the text of the record and what it says; a damaged one says nothing."""
    text = read_file(root / RECORD)
    try:
        known = json.loads(text or "{}")
    except ValueError:
        known = {}
    return text, known if isinstance(known, dict) else {}


def _original(now: CpuSet, entry: t.Any, name: str) -> CpuSet:
    """Return what comes back one day: what was written down, if what this collection wrote still stands; else what is there."""
    before = _cpus(entry, "before")
    same = isinstance(entry, dict) and entry.get("name") == name and _cpus(entry, "after") == now
    return before if same and before is not None else now


def plan(root: pathlib.Path, topology: CpuTopology, away: CpuSet) -> Plan:
    """Return what has to be done to have no interrupt on *away*; with the empty set everything comes back. Leaves one CPU at least."""
    text, known = _record(root)
    entries, placed = known.get("irqs"), known.get("fixed")
    entries = entries if isinstance(entries, dict) else {}
    placed = placed if isinstance(placed, dict) else {}
    changes, fixed = [], set()
    for irq in read_irqs(root):
        if irq.fixed or placed.get(str(irq.number)) == irq.name:
            fixed.add(irq.number)
            continue
        original = _original(irq.cpus, entries.get(str(irq.number)), irq.name)
        near = topology.on_node(irq.node) if irq.node is not None else frozenset()
        changes.append(Change(irq.number, irq.name, original, irq.cpus, _without(original, away, near, topology.online)))
    now = read_default_affinity(root)
    if now is not None:
        original = _original(now, known.get("default"), "default")
        changes.insert(0, Change(None, "default", original, now, _without(original, away, frozenset(), topology.online)))
    wanted = tuple(change for change in changes if change.differs or change.kept_away)
    remembered = {number: name for number, name in placed.items() if str(number).isdigit() and int(number) in fixed}
    return Plan(wanted, frozenset(fixed), FileChange(root / RECORD, text, _record_text(wanted, remembered)))


def _record_text(changes: Iterable[Change], fixed: Mapping[str, str]) -> str | None:
    """Return what is written down; None for nothing."""

    def entry(change: Change) -> dict[str, str]:
        return {"name": change.name, "before": format_cpu_list(change.original), "after": format_cpu_list(change.wanted)}

    kept = [change for change in changes if change.kept_away]
    content: dict[str, t.Any] = {
        "default": next((entry(change) for change in kept if change.number is None), None),
        "irqs": {str(change.number): entry(change) for change in kept if change.number is not None},
        "fixed": dict(fixed),
    }
    return json.dumps(content, indent=2, sort_keys=True) + "\n" if any(content.values()) else None


def path_of(root: pathlib.Path, number: int | None) -> pathlib.Path:
    """Return the file that sets the CPUs of an interrupt, or (None) the default."""
    folder = root / IRQ_FOLDER
    return folder / "default_smp_affinity" if number is None else folder / str(number) / "smp_affinity_list"


def check_writable(root: pathlib.Path, wanted: Plan) -> None:
    """Raise HostError where this process cannot write; check mode asks too, so that it does not promise what a run cannot do."""
    for change in wanted.changes:
        path = path_of(root, change.number)
        if change.differs and not os.access(path, os.W_OK):
            raise HostError(
                f"Moving {change.title} is not possible: {path} cannot be written. This needs root, and a container only sees the "
                "interrupts of its host: set them there."
            )


def write_text(path: pathlib.Path, text: str) -> None:
    """Write into a file of the kernel."""
    path.write_text(f"{text}\n", encoding="ascii")


def text_of(change: Change) -> str:
    """Return what is written for a change."""
    return format_grouped_mask(change.wanted) if change.number is None else format_cpu_list(change.wanted)


@dataclasses.dataclass(frozen=True)
class Applied:
    """What a run did."""

    written: tuple[Change, ...]
    fixed: frozenset[int]


def apply(root: pathlib.Path, wanted: Plan) -> Applied:
    """Write a plan. Raises HostError that names what the kernel refused; the others are written then."""
    if wanted.record.differs:
        replace(wanted.record)  # first: a run that is cut off leaves enough to give everything back
    written, refused, placed = [], [], {}
    for change in wanted.changes:
        if not change.differs:
            continue
        try:
            write_text(path_of(root, change.number), text_of(change))
        except OSError as error:
            if error.errno in _PLACED_BY_THE_KERNEL and change.number is not None:
                placed[str(change.number)] = change.name
            elif error.errno not in _GONE:
                refused.append(f"{change.title} to CPUs {format_cpu_list(change.wanted)}: {error.strerror}")
            continue
        written.append(change)
    if placed:
        known = _record(root)[1]
        kept = [change for change in wanted.changes if str(change.number) not in placed]
        before = wanted.record.after
        replace(FileChange(wanted.record.path, before, _record_text(kept, {**(known.get("fixed") or {}), **placed})))
    if refused:
        advice = "No space left means that the vectors of those CPUs are used up: leave more CPUs to the host, or lower the number of NIC queues."
        raise HostError(f"The kernel refused to move {len(refused)} interrupts: {'; '.join(refused)}. {advice}")
    _check(root, written)
    return Applied(tuple(written), wanted.fixed | {int(number) for number in placed})


def _check(root: pathlib.Path, written: Iterable[Change]) -> None:
    """Read back what was written. Raises HostError."""
    now: dict[int | None, CpuSet | None] = {irq.number: irq.cpus for irq in read_irqs(root)}
    now[None] = read_default_affinity(root)
    for change in written:
        found = now.get(change.number, change.wanted)  # it may have gone away meanwhile
        if found != change.wanted:
            raise HostError(
                f"{change.title}: {format_cpu_list(change.wanted)} was written and {format_cpu_list(found or ())} is there. "
                "Something else moves interrupts on this host; irqbalance can be told to leave CPUs alone."
            )


def still_there(root: pathlib.Path, away: CpuSet, fixed: frozenset[int], wait: float) -> tuple[Irq, ...]:
    """Return the interrupts that were moved and come to *away* once more, after *wait* seconds at most."""
    deadline = time.monotonic() + wait
    while True:
        found = tuple(irq for irq in read_irqs(root) if irq.number not in fixed and irq.effective & away)
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(0.1)
