# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of a guest as its process has it: shared or not, on which pages, on which nodes (private to this collection).

Sources: proc_pid_maps(5), proc_pid_numa_maps(5).
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Memory

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator, Mapping

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (r[w-])([x-])([sp]) [0-9a-f]+ (\S+) (\d+)\s*(.*)")
# A guest may have its memory in several parts, one for each of its nodes: those of a quarter of the largest, and more, are its memory
_SMALLEST_PART = 4
# Less than any guest has: a process that has not set up the memory of its guest yet, since it still waits for its socket
_SMALLEST_GUEST = 64 << 20
# Windows of devices, heaps and stacks
_NO_MEMORY = ("anon_inode:", "/dev/vfio", "/sys/", "[")


class Area(t.NamedTuple):
    """A mapping that can be written to and has no code."""

    start: int
    size: int
    shared: bool
    file: str
    """Device and inode; empty for memory without a file."""


class Placement(t.NamedTuple):
    """Where the pages of a mapping are: their size in bytes, and bytes by node."""

    page_size: int
    nodes: Mapping[int, int]


def parse_maps(text: str) -> Iterator[Area]:
    """Yield the mappings in /proc/PID/maps that can be memory of a guest."""
    for line in text.splitlines():
        match = _MAPPING.fullmatch(line.rstrip())
        if match and match[3] == "rw" and match[4] == "-" and not match[8].startswith(_NO_MEMORY):
            start, end = int(match[1], 16), int(match[2], 16)
            file = f"{match[6]} {match[7]}" if match[7] != "0" else ""
            yield Area(start, end - start, match[5] == "s", file)


def parse_numa_maps(text: str) -> dict[int, Placement]:
    """Return where the pages of each mapping are in /proc/PID/numa_maps, by the address at which it starts."""
    found = {}
    for line in text.splitlines():
        address, _blank, rest = line.partition(" ")
        size = re.search(r"\bkernelpagesize_kB=(\d+)", rest)
        if size:
            page = int(size[1]) * 1024
            found[int(address, 16)] = Placement(page, {int(node): int(pages) * page for node, pages in re.findall(r" N(\d+)=(\d+)", rest)})
    return found


def _parts(mappings: Iterable[Area]) -> list[list[Area]]:
    """Return mappings that belong together: those of one file (DPDK maps each page of it by itself), and each one without a file."""
    parts: dict[tuple[str, bool] | int, list[Area]] = {}
    for mapping in mappings:
        parts.setdefault((mapping.file, mapping.shared) if mapping.file else mapping.start, []).append(mapping)
    return [*parts.values()]


def guest_memory(maps: str, numa_maps: str) -> Memory | None:
    """Return the memory of a guest, which is by far the largest that its process can write to; None where it has none (yet).

    *numa_maps* may be empty: then neither pages nor nodes are known.
    """
    parts = _parts(parse_maps(maps))
    sizes = [sum(mapping.size for mapping in part) for part in parts]
    most = max(sizes, default=0)
    chosen = [(part, size) for part, size in zip(parts, sizes) if size * _SMALLEST_PART >= most]
    if most < _SMALLEST_GUEST:
        return None
    placements = parse_numa_maps(numa_maps)
    there = [placements[mapping.start] for part, _size in chosen for mapping in part if mapping.start in placements]
    nodes: dict[int, int] = {}
    for placement in there:
        for node, held in placement.nodes.items():
            nodes[node] = nodes.get(node, 0) + held
    return Memory(
        size=sum(size for _part, size in chosen),
        private=sum(size for part, size in chosen if not part[0].shared),
        page_size=min((placement.page_size for placement in there), default=None),
        nodes=dict(sorted(nodes.items())),
    )


def read_guest_memory(root: pathlib.Path, pid: int) -> Memory | None:
    """Return the memory of the guest that is process *pid*; None where this user may not see it."""
    folder = root / "proc" / str(pid)
    return guest_memory(read_text(folder / "maps") or "", read_text(folder / "numa_maps") or "")
