# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hugepages per NUMA node at run time: what is wanted, what has to be written, and the writing (private to this collection).

Sources: Linux, Documentation/admin-guide/mm/hugetlbpage.rst (nr_hugepages of a node; the kernel gives what it can and reports no
error when it is less) and Documentation/admin-guide/sysctl/vm.rst (compact_memory); guide 3.3.
"""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import read_int
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_memory import read_memory
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_memory import Memory, Pool

RETRY_SECONDS = 0.5

_READ_ONLY = "This needs root; a container only sees the pages of its host: set them there."
_REFUSED = "A kernel without contiguous allocation gives pages of 1G at boot only (hugepagesz=1G hugepages=N)."


@dataclasses.dataclass(frozen=True)
class Want:
    """So many pages of a size (bytes) on a node; with *at_least* more are as good. A node of None is the only one with memory."""

    node: int | None
    size: int
    count: int
    at_least: bool = False


@dataclasses.dataclass(frozen=True)
class Change:
    """The configured pages of one pool, before and after."""

    pool: Pool
    before: int
    after: int

    @property
    def name(self) -> str:
        """What the pool is called in diffs and messages: ``node0 2M``."""
        return pool_name(self.pool)

    @property
    def pool_after(self) -> Pool:
        """The pool as it will be: the kernel first counts surplus pages as configured ones, then adds or takes free ones."""
        delta = self.after - self.before
        surplus = min(max(delta, 0), self.pool.surplus)
        moved = delta - surplus
        return dataclasses.replace(self.pool, total=self.pool.total + moved, free=self.pool.free + moved, surplus=self.pool.surplus - surplus)


@dataclasses.dataclass(frozen=True)
class Write:
    """A value to write into a file."""

    path: pathlib.Path
    value: int

    def as_result(self) -> dict[str, str | int]:
        """Return it as JSON values."""
        return {"path": str(self.path), "value": self.value}


@dataclasses.dataclass(frozen=True)
class Plan:
    """The pools of a task by node and size, those that stay as they are among them."""

    changes: tuple[Change, ...]

    @property
    def to_write(self) -> tuple[Change, ...]:
        """What differs, in the order that leaves the kernel the most memory in one piece: lower first, then raise, large pages first."""
        differing = [change for change in self.changes if change.before != change.after]
        return tuple(sorted(differing, key=lambda change: (change.after > change.before, -change.pool.size)))

    @property
    def writes(self) -> tuple[Write, ...]:
        """The writes that a run makes if the kernel gives every page at once."""
        return tuple(Write(change.pool.folder / "nr_hugepages", change.after) for change in self.to_write)


def pool_name(pool: Pool) -> str:
    """Return what a pool is called: ``node0 2M``."""
    return f"node{pool.node} {format_size(pool.size)}"


def _subject(size: int, node: int | None) -> str:
    return f"hugepages {format_size(size)}" + ("" if node is None else f" on node {node}")


def _sentence(items: t.Iterable[t.Any], none: str) -> str:
    words = [str(item) for item in items]
    return ", ".join(words) if words else none


def _pool(memory: Memory, want: Want) -> Pool:
    """Return the pool that is meant. Raises InputError for a size or node that the host does not have."""
    subject = _subject(want.size, want.node)
    if want.size not in memory.hugepages:
        sizes = _sentence(map(format_size, memory.hugepages), "no hugepages at all")
        raise InputError(subject, "size", format_size(want.size), f"The running kernel has {sizes}.", "Choose a size that it has.")
    with_memory = [node.id for node in memory.nodes.values() if node.memory_total]
    possible = f"The NUMA nodes with memory are: {_sentence(with_memory, 'none')}."
    if want.node is None:
        if len(with_memory) != 1:
            raise InputError(subject, "node", None, possible, "Say on which of them, with node or nodes.")
        node = memory.nodes[with_memory[0]]
    elif want.node not in memory.nodes:
        raise InputError(subject, "node", want.node, possible, "Choose one of them.")
    else:
        node = memory.nodes[want.node]
    pool = node.pools.get(want.size)
    if pool is None or not node.memory_total:
        raise InputError(subject, "node", node.id, f"Node {node.id} has no memory for such pages. {possible}", "Choose one of them.")
    return pool


def _change(memory: Memory, want: Want) -> Change:
    if want.count < 0:
        raise InputError(_subject(want.size, want.node), "count", want.count, "0 and more pages are possible.", "Use 0 to give all pages back.")
    pool = _pool(memory, want)
    after = max(want.count, pool.configured) if want.at_least else want.count
    return Change(pool, pool.configured, after)


def _check_in_use(memory: Memory, changes: t.Sequence[Change]) -> None:
    """Refuse to take pages that somebody has: the kernel would turn them into surplus pages instead."""
    advice = "Stop what uses them first (Open vSwitch, guests), or ask for at least that many."
    for change in changes:
        if change.after < change.before and change.after < change.pool.in_use:
            possible = f"{change.pool.in_use} of its {change.pool.total} pages are in use or reserved."
            raise InputError(_subject(change.pool.size, change.pool.node), "count", change.after, possible, advice)
    for size in sorted({change.pool.size for change in changes if change.after < change.before}):
        # reserved pages of several nodes are known only all together
        machine = memory.hugepages[size]
        left = machine.configured + sum(change.after - change.before for change in changes if change.pool.size == size)
        if left < machine.in_use:
            possible = f"That would leave {left} pages on all nodes, and {machine.in_use} of {machine.total} are in use or reserved."
            given = {str(change.pool.node): change.after for change in changes if change.pool.size == size}
            raise InputError(_subject(size, None), "count", given, possible, advice)


def _check_memory(memory: Memory, changes: t.Sequence[Change]) -> None:
    """Refuse what cannot be on any day: more bytes of hugepages, of all sizes, than the node has memory."""
    for number in sorted({change.pool.node or 0 for change in changes if change.after > change.before}):
        node = memory.nodes[number]
        after = {size: pool.configured for size, pool in node.pools.items()}
        after.update({change.pool.size: change.after for change in changes if change.pool.node == number})
        needed = sum(size * count for size, count in after.items())
        if needed <= node.memory_total:
            continue
        change = max((one for one in changes if one.pool.node == number), key=lambda one: (one.after - one.before) * one.pool.size)
        others = needed - change.after * change.pool.size
        fit = max(0, (node.memory_total - others) // change.pool.size)
        besides = f", {_gib(others)} of it in pages of other sizes" if others else ""
        raise InputError(
            _subject(change.pool.size, number),
            "count",
            change.after,
            f"All hugepages of the node would need {_gib(needed)}{besides}; it has {_gib(node.memory_total)} in all and {_gib(node.memory_free)} free.",
            f"No more than {fit} could ever fit, and the kernel and its programs need some memory too.",
        )


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def plan(memory: Memory, wants: t.Iterable[Want]) -> Plan:
    """Return what has to be done; a pure function.

    Raises InputError for a size or node that the host does not have, a pool named twice, fewer pages than are in use, and more than
    the memory of a node could ever hold.
    """
    changes: dict[tuple[int, int], Change] = {}
    for want in wants:
        change = _change(memory, want)
        key = (change.pool.node or 0, change.pool.size)
        if key in changes:
            advice = "Name each size on each node once."
            raise InputError(_subject(want.size, key[0]), "count", want.count, f"The task already asks for {changes[key].after} of them.", advice)
        changes[key] = change
    ordered = tuple(changes[key] for key in sorted(changes))
    _check_in_use(memory, ordered)
    _check_memory(memory, ordered)
    return Plan(ordered)


def check_writable(wanted: Plan) -> None:
    """Raise HostError where this process cannot write; check mode asks too, so that it does not promise what a run cannot do."""
    for write in wanted.writes:
        if not os.access(write.path, os.W_OK):
            raise HostError(f"{write.path} cannot be written. {_READ_ONLY}")


def write_value(path: pathlib.Path, value: int) -> None:
    """Write a number into a file of the kernel."""
    path.write_text(f"{value}\n", encoding="ascii")


class Applier:
    """Writes a plan; everything that it wrote is in ``writes``, in order."""

    def __init__(self, root: pathlib.Path, timeout: float) -> None:
        """*timeout*: seconds in which pages that the kernel does not have yet may still come."""
        self.root = root
        self.deadline = time.monotonic() + timeout
        self.writes: list[Write] = []

    def apply(self, wanted: Plan) -> None:
        """Set every pool, or raise HostError after all of them are what they were."""
        begun: list[Change] = []
        try:
            for change in wanted.to_write:
                begun.append(change)
                self._set(change)
        except HostError as error:
            raise HostError(f"{error} {self._give_back(begun)}", **error.details) from error
        except BaseException:
            self._give_back(begun)
            raise

    def _write(self, path: pathlib.Path, value: int) -> None:
        self.writes.append(Write(path, value))
        try:
            write_value(path, value)
        except OSError as error:
            self.writes.pop()
            raise HostError(f"{path}: the kernel refused {value}: {error.strerror}. {_REFUSED}") from error

    def _pages(self, change: Change) -> int:
        """Return the pages that the pool has for good. Pages that were to go and are in use count as there."""
        total, surplus = (read_int(change.pool.folder / name) for name in ("nr_hugepages", "surplus_hugepages"))
        if total is None:
            raise HostError(f"{change.pool.folder / 'nr_hugepages'} cannot be read.")
        return total - (min(surplus or 0, change.pool.surplus) if change.after < change.before else surplus or 0)

    def _try(self, change: Change) -> int:
        self._write(change.pool.folder / "nr_hugepages", change.after)
        return self._pages(change)

    def _set(self, change: Change) -> None:
        got = self._try(change)
        if got < change.after:
            self._compact(change)
            got = self._try(change)
        while got < change.after and time.monotonic() < self.deadline:
            time.sleep(RETRY_SECONDS)
            got = self._try(change)
        if got != change.after:
            raise HostError(self._why(change, got), asked=change.after, got=got, node=change.pool.node, size=format_size(change.pool.size))

    def _compact(self, change: Change) -> None:
        """Have the kernel move pages together, once; it is no failure where it cannot."""
        for path in (change.pool.folder.parent.parent / "compact", self.root / "proc/sys/vm/compact_memory"):
            if path.exists():
                try:
                    self._write(path, 1)
                except HostError:
                    continue
                return

    def _why(self, change: Change, got: int) -> str:
        """Say what came of it and what stood in the way, by the free memory of the node at this moment."""
        subject = _subject(change.pool.size, change.pool.node)
        if got > change.after:
            in_use = got - change.after
            return f"{subject}: {change.after} pages were asked for and the kernel kept {got}, because {in_use} more came into use. Ask again."
        missing = change.after - got
        needed = missing * change.pool.size
        node = read_memory(self.root).nodes[change.pool.node or 0]
        asked = f"{subject}: {change.after} pages were asked for and the kernel gave {got} (there were {change.before})."
        free = f"The node has {_gib(node.memory_free)} free and the missing {missing} need {_gib(needed)}"
        memory = f"not enough memory. Ask for {got} at most, or free memory of node {node.id} (programs, caches, other hugepages)."
        if node.memory_free < change.pool.size:
            return f"{asked} {free}: {memory}"
        fragmented = (
            f"the free memory is fragmented: no page of {format_size(change.pool.size)} is in one piece, also after one compaction. Ask soon "
            f"after the boot, or reserve the pages on the kernel's command line (hugepagesz={format_size(change.pool.size)} hugepages=N)."
        )
        return f"{asked} {free}: {memory} Besides, {fragmented}" if node.memory_free < needed else f"{asked} {free}: {fragmented}"

    def _give_back(self, begun: t.Sequence[Change]) -> str:
        """Set the pools to what they were, last one first, and say what came of it."""
        left: list[str] = []
        for change in reversed(begun):
            back = Change(change.pool, change.after, change.before)
            try:
                now = self._pages(back) if self._pages(back) == back.after else self._try(back)
            except HostError as error:
                left.append(f"{change.name} ({error})")
                continue
            if now != back.after:
                left.append(f"{change.name} has {now} pages and had {back.after}")
        if left:
            return f"Not everything could be put back: {'; '.join(left)}."
        return "Every pool of this task has as many pages as before: " + ", ".join(f"{one.name}: {one.before}" for one in begun) + "."
