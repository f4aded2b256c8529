# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory, NUMA nodes and hugepages of a host (private to this collection).

Sources: Linux, Documentation/admin-guide/mm/hugetlbpage.rst, Documentation/ABI/testing/sysfs-kernel-mm-hugepages,
Documentation/ABI/stable/sysfs-devices-node; guide 3.3 and 3.6.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_cpus import NODE_FOLDER
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, numbered, read_cpu_list, read_int, read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import parse_size

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

SIZES_FOLDER = "sys/kernel/mm/hugepages"

_MEMINFO = re.compile(r"^(?:Node \d+ )?(?P<name>\w+):\s+(?P<kib>\d+) kB$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Pool:
    """The hugepages of one size, on one node or (``node`` is None) on all of them together. Counts are pages."""

    node: int | None
    size: int
    """Bytes."""
    total: int
    """All pages, surplus ones among them."""
    free: int
    reserved: int | None
    """Free pages that are promised to somebody. The kernel counts them over all nodes only: None for one node of several."""
    surplus: int
    """Pages beyond what was configured; they go when their user lets go of them."""
    folder: pathlib.Path

    @property
    def configured(self) -> int:
        """The pages that nr_hugepages sets."""
        return self.total - self.surplus

    @property
    def in_use(self) -> int:
        """The pages that somebody has, or was promised as far as the kernel tells."""
        return self.total - self.free + (self.reserved or 0)


@dataclasses.dataclass(frozen=True)
class Node:
    """A NUMA node. Memory is in bytes; a node may have no memory, or no CPUs."""

    id: int
    cpus: CpuSet
    memory_total: int
    memory_free: int
    distances: t.Mapping[int, int]
    """Node -> distance; 10 is the node itself."""
    pools: t.Mapping[int, Pool]
    """Page size in bytes -> pool."""


@dataclasses.dataclass(frozen=True)
class HugepageMount:
    """A mounted hugetlbfs."""

    path: str
    page_size: int | None
    """Bytes."""
    options: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Memory:
    """The memory of a host, in bytes."""

    total: int
    free: int
    nodes: t.Mapping[int, Node]
    hugepages: t.Mapping[int, Pool]
    """Page size in bytes -> the pages of all nodes together. The keys are the sizes that the kernel has."""
    default_size: int | None
    """The page size that a program gets if it names none, in bytes."""


def _meminfo(path: pathlib.Path) -> dict[str, int]:
    """Return the sizes in a meminfo file of the machine or of a node, in bytes."""
    return {match["name"]: int(match["kib"]) * 1024 for match in _MEMINFO.finditer(read_text(path) or "")}


def _pools(folder: pathlib.Path, node: int | None, reserved: t.Mapping[int, int | None]) -> dict[int, Pool]:
    """Return the pools in a folder that holds ``hugepages-2048kB`` and the like."""
    pools: dict[int, Pool] = {}
    for entry in entries(folder):
        match = re.fullmatch(r"hugepages-(\d+)kB", entry.name)
        total = read_int(entry / "nr_hugepages") if match else None
        if match and total is not None:
            size = int(match[1]) * 1024
            free, surplus = read_int(entry / "free_hugepages") or 0, read_int(entry / "surplus_hugepages") or 0
            # only the machine's own folder has this file
            promised = reserved.get(size) if reserved else read_int(entry / "resv_hugepages")
            pools[size] = Pool(node, size, total, free, promised, surplus, entry)
    return dict(sorted(pools.items()))


def _distances(folder: pathlib.Path, nodes: t.Sequence[int]) -> dict[int, int]:
    """Return the distance to each node; the file has one number per node that is online, in their order."""
    words = (read_text(folder / "distance") or "").split()
    return dict(zip(nodes, map(int, words))) if all(word.isdigit() for word in words) else {}


def _nodes(root: pathlib.Path, machine: t.Mapping[str, int], hugepages: t.Mapping[int, Pool]) -> dict[int, Node]:
    """Return the NUMA nodes. A kernel without NUMA has no folder for them: then all memory and all CPUs are node 0."""
    folders = numbered(root / NODE_FOLDER, "node")
    total, free = machine.get("MemTotal", 0), machine.get("MemFree", 0)
    if not folders:
        cpus = read_cpu_list(root / "sys/devices/system/cpu/online")
        pools = {size: dataclasses.replace(pool, node=0) for size, pool in hugepages.items()}
        return {0: Node(0, cpus, total, free, {0: 10}, pools)}
    sizes = {node: _meminfo(folder / "meminfo") for node, folder in folders.items()}
    with_memory = [node for node, size in sizes.items() if size.get("MemTotal")]
    if len(with_memory) == 1:  # the node's figure lags behind the machine's where the kernel sets memory up as it is needed
        sizes[with_memory[0]] = {"MemTotal": total, "MemFree": free}
    alone = len(with_memory) <= 1
    reserved = {size: pool.reserved if alone else None for size, pool in hugepages.items()}
    return {
        node: Node(
            id=node,
            cpus=read_cpu_list(folder / "cpulist"),
            memory_total=sizes[node].get("MemTotal", 0),
            memory_free=sizes[node].get("MemFree", 0),
            distances=_distances(folder, list(folders)),
            pools=_pools(folder / "hugepages", node, reserved),
        )
        for node, folder in folders.items()
    }


def read_memory(root: pathlib.Path = pathlib.Path("/")) -> Memory:
    """Read memory, nodes and hugepages of the host below *root*."""
    machine = _meminfo(root / "proc/meminfo")
    hugepages = _pools(root / SIZES_FOLDER, None, {})
    return Memory(
        total=machine.get("MemTotal", 0),
        free=machine.get("MemFree", 0),
        nodes=_nodes(root, machine, hugepages),
        hugepages=hugepages,
        default_size=machine.get("Hugepagesize"),
    )


def _page_size(text: str) -> int | None:
    try:
        return parse_size(text)
    except ValueError:
        return None


def read_hugepage_mounts(root: pathlib.Path, default_size: int | None) -> tuple[HugepageMount, ...]:
    """Return where hugetlbfs is mounted, in the order of mounting, as the process that asks sees it."""
    mounts: list[HugepageMount] = []
    for line in (read_text(root / "proc/mounts") or "").splitlines():
        words = line.split(" ")
        if len(words) < 4 or words[2] != "hugetlbfs":  # noqa: PLR2004 - device, path, type, options; see fstab(5)
            continue
        # blanks and the like in a path are written as \040
        path = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[1])
        options = tuple(words[3].split(","))
        sizes = [option.partition("=")[2] for option in options if option.startswith("pagesize=")]
        mounts.append(HugepageMount(path, _page_size(sizes[-1]) if sizes else default_size, options))
    return tuple(mounts)
