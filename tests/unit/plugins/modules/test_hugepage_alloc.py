# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hugepage_alloc on machines below a folder, with a kernel that gives what it has."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import hugepages
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_memory
from ansible_collections.nfv.ovs_dpdk.plugins.modules import hugepage_alloc
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import GIB, MIB, Machine, Memory, Pages, grid

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

Counts = dict[tuple[int, str], int]


@dataclasses.dataclass
class Kernel:
    """Stands for the kernel behind nr_hugepages below a folder."""

    root: pathlib.Path
    limits: dict[tuple[int, int], list[int]] = dataclasses.field(default_factory=dict)
    """(node, size) -> the most pages that it can find, at each attempt to raise; the last one holds from then on."""
    after_compaction: dict[int, int] = dataclasses.field(default_factory=dict)
    """Node -> the most pages of any size that it can find once the node was compacted."""
    refuses: t.Callable[[pathlib.Path, int], OSError | None] = lambda _path, _value: None
    taken_when_lowering: int = 0
    """Pages that a program takes between the module's look and its write."""
    compacted: list[int] = dataclasses.field(default_factory=list)

    def write(self, path: pathlib.Path, value: int) -> None:
        error = self.refuses(path, value)
        if error:
            raise error
        parts = re.search(r"node(\d+)/(?:(compact)|hugepages/hugepages-(\d+)kB/nr_hugepages)$", str(path))
        assert parts, f"unexpected write to {path}"
        node = int(parts[1])
        if parts[2]:
            self.compacted.append(node)
            return
        self._set(path.parent, node, int(parts[3]) * 1024, value)

    def _set(self, pool: pathlib.Path, node: int, size: int, value: int) -> None:
        total, free, surplus = (int((pool / f"{name}_hugepages").read_text(encoding="ascii")) for name in ("nr", "free", "surplus"))
        configured = total - surplus
        if value < configured:
            free -= self.taken_when_lowering
            gone = min(configured - value, free)
            surplus += configured - value - gone
            total, free = total - gone, free - gone
        elif value > configured:
            limits = self.limits.get((node, size), [value])
            limit = limits.pop(0) if len(limits) > 1 else limits[0]
            if node in self.compacted:
                limit = max(limit, self.after_compaction.get(node, 0))
            reused = min(value - configured, surplus)
            surplus -= reused
            added = max(0, min(value, limit) - configured - reused)
            total, free = total + added, free + added
        for name, number in (("nr", total), ("free", free), ("surplus", surplus)):
            (pool / f"{name}_hugepages").write_text(f"{number}\n", encoding="ascii")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Kernel:
    fake = Kernel(tmp_path / "machine")
    fake.root.mkdir()
    monkeypatch.setattr(hugepages, "write_value", fake.write)
    monkeypatch.setattr(hugepages, "RETRY_SECONDS", 0.01)
    return fake


def two_nodes(kernel: Kernel, first: dict[int, Pages] | None = None, second: dict[int, Pages] | None = None, free: int = 32 * GIB) -> None:
    memory = {0: Memory(64 * GIB, free, first or {}), 1: Memory(64 * GIB, free, second or {})}
    Machine(threads=grid(2, 4), memory=memory).write(kernel.root)


def one_node(kernel: Kernel, pages: dict[int, Pages] | None = None, free: int = 32 * GIB) -> None:
    Machine(memory={0: Memory(64 * GIB, free, pages or {})}).write(kernel.root)


def pages_on(kernel: Kernel) -> Counts:
    """Return what the files say, read without the module."""
    return {
        (int(path.parts[-4][4:]), path.parts[-2]): int(path.read_text(encoding="ascii"))
        for path in kernel.root.glob("sys/devices/system/node/node*/hugepages/*/nr_hugepages")
        if path.read_text(encoding="ascii") != "0\n"
    }


def alloc(run_module: RunModule, kernel: Kernel, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    return run_module(hugepage_alloc, {"root": str(kernel.root), **options}, check=check)


def test_one_pool_is_written_and_read_back_and_then_unchanged(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel)
    result = alloc(run_module, kernel, size="1G", node=1, count=4)
    assert result["changed"]
    assert result["pools"] == [{"size": "1G", "node": 1, "total": 4, "free": 4, "reserved": None, "surplus": 0}]
    assert result["writes"] == [{"path": f"{kernel.root}/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages", "value": 4}]
    assert result["diff"] == {"before": {"node1 1G": 0}, "after": {"node1 1G": 4}}
    assert result["commands"] == []
    assert pages_on(kernel) == {(1, "hugepages-1048576kB"): 4}
    again = alloc(run_module, kernel, size="1048576kB", node=1, count=4)
    assert (again["changed"], again["writes"], again["pools"]) == (False, [], result["pools"])


@pytest.mark.parametrize("pools", [{}, {2 * MIB: Pages(6, 2, surplus=2)}, {2 * MIB: Pages(900)}], ids=["empty", "surplus", "more"])
def test_check_mode_says_what_the_run_then_does_and_writes_nothing(run_module: RunModule, kernel: Kernel, pools: dict[int, Pages]) -> None:
    two_nodes(kernel, pools)
    options: dict[str, t.Any] = {"pools": [{"size": "2M", "nodes": {"0": 512, "1": 7}}, {"size": "1G", "node": [0, 1], "count": 2}]}
    before = pages_on(kernel)
    promised = alloc(run_module, kernel, check=True, **options)
    assert pages_on(kernel) == before
    done = alloc(run_module, kernel, **options)
    assert promised == done
    assert [(pool["node"], pool["size"]) for pool in done["pools"]] == [(0, "2M"), (0, "1G"), (1, "2M"), (1, "1G")]


def test_pools_that_shrink_are_written_first_and_large_pages_before_small_ones(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel, {2 * MIB: Pages(10)})
    result = alloc(run_module, kernel, pools=[{"size": "2M", "nodes": {"1": 5, "0": 3}}, {"size": "1G", "node": 1, "count": 1}])
    assert [[*write["path"].split("/")[-4:-1:2], write["value"]] for write in result["writes"]] == [
        ["node0", "hugepages-2048kB", 3],
        ["node1", "hugepages-1048576kB", 1],
        ["node1", "hugepages-2048kB", 5],
    ]


def test_nodes_that_are_not_named_keep_their_pages(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel, {2 * MIB: Pages(10)}, {2 * MIB: Pages(20)})
    alloc(run_module, kernel, size="2M", nodes={"1": 0})
    assert pages_on(kernel) == {(0, "hugepages-2048kB"): 10}


def test_at_least_never_lowers(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel, {2 * MIB: Pages(10)}, {2 * MIB: Pages(20)})
    result = alloc(run_module, kernel, size="2M", node=[0, 1], count=15, at_least=True)
    assert result["diff"] == {"before": {"node0 2M": 10, "node1 2M": 20}, "after": {"node0 2M": 15, "node1 2M": 20}}
    assert not alloc(run_module, kernel, size="2M", node=[0, 1], count=0, at_least=True)["changed"]


def test_node_may_be_left_out_where_one_node_has_memory(run_module: RunModule, kernel: Kernel) -> None:
    Machine(threads=grid(2, 2), memory={0: Memory(0, 0), 1: Memory()}).write(kernel.root)
    assert alloc(run_module, kernel, size="2M", count=8)["pools"][0]["node"] == 1


def test_kernel_without_numa_uses_the_pages_of_the_machine(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    root = Machine(numa=False).write(tmp_path)
    result = run_module(hugepage_alloc, {"root": str(root), "size": "2M", "count": 8, "node": 0}, check=True)
    assert result["writes"] == [{"path": f"{root}/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "value": 8}]


def test_file_is_really_written(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    root = Machine().write(tmp_path)
    result = run_module(hugepage_alloc, {"root": str(root), "size": "2M", "count": 8})
    assert result["pools"][0]["total"] == 8


def test_empty_list_of_pools_does_nothing(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel)
    result = alloc(run_module, kernel, pools=[])
    assert (result["changed"], result["pools"], result["writes"]) == (False, [], [])


def test_too_few_pages_for_lack_of_memory_are_given_back_in_every_pool(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel, {2 * MIB: Pages(100)}, {2 * MIB: Pages(5)}, free=GIB // 2)
    kernel.limits[1, GIB] = [3]
    before = pages_on(kernel)
    result = alloc(run_module, kernel, pools=[{"size": "2M", "nodes": {"0": 50, "1": 9}}, {"size": "1G", "node": [0, 1], "count": 8}])
    assert result["failed"]
    assert "hugepages 1G on node 1: 8 pages were asked for and the kernel gave 3 (there were 0)." in result["msg"]
    assert "The node has 0.5 GiB free and the missing 5 need 5.0 GiB: not enough memory. Ask for 3 at most" in result["msg"]
    assert "fragmented" not in result["msg"]
    assert "Every pool of this task has as many pages as before: node0 2M: 100, node0 1G: 0, node1 1G: 0." in result["msg"]
    assert pages_on(kernel) == before
    assert (result["asked"], result["got"], result["node"], result["size"]) == (8, 3, 1, "1G")
    assert [pool["total"] for pool in result["pools"]] == [100, 0, 5, 0]


def test_too_few_pages_for_fragmentation_say_so(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel)
    kernel.limits[0, GIB] = [3]
    result = alloc(run_module, kernel, size="1G", count=8)
    assert "The node has 32.0 GiB free and the missing 5 need 5.0 GiB: the free memory is fragmented" in result["msg"]
    assert "not enough memory" not in result["msg"]
    assert pages_on(kernel) == {}


def test_too_few_pages_for_both_reasons_name_both(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel, free=2 * GIB)
    kernel.limits[0, GIB] = [3]
    message = alloc(run_module, kernel, size="1G", count=8)["msg"]
    assert "not enough memory" in message
    assert "the free memory is fragmented" in message


def test_one_compaction_of_that_node_is_tried_and_may_help(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel)
    kernel.limits[1, GIB] = [3]
    kernel.after_compaction[1] = 8
    result = alloc(run_module, kernel, size="1G", node=1, count=8)
    assert result["pools"][0]["total"] == 8
    assert kernel.compacted == [1]
    assert [write["value"] for write in result["writes"]] == [8, 1, 8]


def test_one_compaction_only_whatever_the_timeout(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel)
    kernel.limits[0, GIB] = [3]
    assert alloc(run_module, kernel, size="1G", count=8, timeout=1)["failed"]
    assert kernel.compacted == [0]


def test_compaction_falls_back_to_the_machine_and_is_no_failure_where_it_is_refused(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel)
    kernel.limits[0, GIB] = [3]
    tried: list[str] = []

    def refuse(path: pathlib.Path, _value: int) -> OSError | None:
        if "compact" not in path.name:
            return None
        tried.append(path.name)
        return OSError(errno.EACCES, "Permission denied")

    kernel.refuses = refuse
    assert "the kernel gave 3" in alloc(run_module, kernel, size="1G", count=8)["msg"]
    assert tried == ["compact", "compact_memory"]


def test_pages_that_come_late_count_within_the_timeout(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel)
    kernel.limits[0, 2 * MIB] = [3, 3, 4, 6, 8]
    assert alloc(run_module, kernel, size="2M", node=0, count=8, timeout=30)["pools"][0]["total"] == 8


def test_kernel_that_refuses_the_value_is_quoted_and_what_was_done_is_taken_back(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel, {2 * MIB: Pages(10)})
    kernel.refuses = lambda path, value: OSError(errno.EINVAL, "Invalid argument") if "1048576" in str(path) else None
    result = alloc(run_module, kernel, pools=[{"size": "2M", "node": 0, "count": 2}, {"size": "1G", "node": 1, "count": 1}])
    assert "the kernel refused 1: Invalid argument" in result["msg"]
    assert pages_on(kernel) == {(0, "hugepages-2048kB"): 10}
    assert "Every pool of this task has as many pages as before" in result["msg"]


def test_pages_that_cannot_be_put_back_are_named(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel, {2 * MIB: Pages(10)})
    kernel.limits = {(1, GIB): [0], (0, 2 * MIB): [7]}
    result = alloc(run_module, kernel, pools=[{"size": "2M", "node": 0, "count": 2}, {"size": "1G", "node": 1, "count": 1}])
    assert "Not everything could be put back: node0 2M has 7 pages and had 10." in result["msg"]


def test_interruption_gives_back_too(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel, {2 * MIB: Pages(10)})

    def interrupt(path: pathlib.Path, _value: int) -> OSError | None:
        if "1048576" in str(path):
            raise KeyboardInterrupt
        return None

    kernel.refuses = interrupt
    with pytest.raises(KeyboardInterrupt):
        alloc(run_module, kernel, pools=[{"size": "2M", "node": 0, "count": 2}, {"size": "1G", "node": 1, "count": 1}])
    assert pages_on(kernel) == {(0, "hugepages-2048kB"): 10}


def test_pages_taken_while_lowering_are_no_success(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel, {2 * MIB: Pages(10)})
    kernel.taken_when_lowering = 4
    result = alloc(run_module, kernel, size="2M", count=2)
    assert "2 pages were asked for and the kernel kept 4" in result["msg"]
    assert result["pools"][0]["total"] - result["pools"][0]["surplus"] == 4 + 6


def test_files_that_cannot_be_written_are_refused_in_check_mode_too(run_module: RunModule, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    one_node(kernel)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for check in (True, False):
        assert "nr_hugepages cannot be written. This needs root" in alloc(run_module, kernel, check=check, size="2M", count=2)["msg"]
    assert not alloc(run_module, kernel, size="2M", count=0)["changed"]


IN_USE = {2 * MIB: Pages(total=10, free=5, reserved=2)}
BAD: list[tuple[str, dict[str, t.Any], str]] = [
    ("fewer than in use or reserved", {"size": "2M", "count": 6, "node": 0}, "count=6 is not possible. 7 of its 10 pages are in use or reserved."),
    ("all while in use", {"size": "2M", "count": 0}, "Stop what uses them first"),
    ("negative", {"size": "2M", "count": -1}, "0 and more pages are possible"),
    ("size that the kernel lacks", {"size": "4M", "count": 1}, "hugepages 4M: size='4M' is not possible. The running kernel has 2M, 1G."),
    ("size without unit", {"size": "2", "count": 1}, "size='2' is not possible"),
    ("size of nothing", {"size": "", "count": 1}, "size='' is not possible"),
    ("node that is not there", {"size": "2M", "count": 1, "node": 2}, "node=2 is not possible. The NUMA nodes with memory are: 0."),
    ("node below 0", {"size": "2M", "count": 1, "node": -1}, "node=-1 is not possible. The NUMA nodes with memory are: 0."),
    ("node without memory", {"size": "2M", "count": 1, "node": 1}, "Node 1 has no memory for such pages. The NUMA nodes with memory are: 0."),
    ("more than the node has", {"size": "1G", "count": 65}, "All hugepages of the node would need 65.0 GiB, 0.0 GiB of it in pages of other sizes;"),
    ("how many could fit", {"size": "1G", "count": 65}, "it has 64.0 GiB in all and 32.0 GiB free. No more than 63 could ever fit"),
    ("same pool twice", {"pools": [{"size": "2M", "count": 9, "node": [0, 0]}]}, "count=9 is not possible. The task already asks for 9 of them."),
    ("same pool in other words", {"pools": [{"size": "2M", "count": 9}, {"size": "2048kB", "nodes": {"0": 10}}]}, "already asks for 9"),
    ("no count", {"size": "2M"}, "A count of pages is needed."),
    ("count that is a word", {"size": "2M", "nodes": {"0": "many"}}, "nodes='many' is not possible"),
    ("node that is a word", {"size": "2M", "nodes": {"all": 1}}, "nodes='all' is not possible"),
    ("count that is a bool", {"size": "2M", "nodes": {"0": True}}, "nodes=True is not possible"),
    ("timeout below 0", {"size": "2M", "count": 10, "timeout": -1}, "timeout=-1 is not possible"),
    ("nothing", {}, "one of the following is required: size, pools"),
    ("one and many", {"size": "2M", "count": 1, "pools": []}, "mutually exclusive"),
    ("node and nodes", {"size": "2M", "count": 1, "node": 0, "nodes": {"0": 1}}, "mutually exclusive"),
    ("count and nodes in pools", {"pools": [{"size": "2M", "count": 1, "nodes": {"0": 1}}]}, "mutually exclusive"),
]


@pytest.mark.parametrize(("options", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_refused_before_anything_is_written(run_module: RunModule, kernel: Kernel, options: dict[str, t.Any], message: str) -> None:
    Machine(threads=grid(2, 2), memory={0: Memory(64 * GIB, 32 * GIB, IN_USE)}).write(kernel.root)
    kernel.refuses = lambda path, value: pytest.fail(f"wrote {value} to {path}")
    for check in (True, False):
        result = alloc(run_module, kernel, check=check, **options)
        assert result["failed"]
        assert message in result["msg"]


def test_surplus_pages_in_use_are_no_reason_to_refuse_more_or_as_many(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel, {2 * MIB: Pages(total=10, free=0, surplus=2)})
    assert not alloc(run_module, kernel, size="2M", count=8)["changed"]
    result = alloc(run_module, kernel, size="2M", count=9)
    assert result["pools"] == [{"size": "2M", "node": 0, "total": 10, "free": 0, "reserved": 0, "surplus": 1}]
    assert "10 of its 10 pages are in use" in alloc(run_module, kernel, size="2M", count=8)["msg"]


def test_two_nodes_must_be_told_apart(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel)
    assert "The NUMA nodes with memory are: 0, 1. Say on which of them" in alloc(run_module, kernel, size="2M", count=1)["msg"]


def test_pages_reserved_somewhere_on_several_nodes_are_kept_in_sum(run_module: RunModule, kernel: Kernel) -> None:
    two_nodes(kernel, {2 * MIB: Pages(10, reserved=6)}, {2 * MIB: Pages(10)})
    message = alloc(run_module, kernel, size="2M", nodes={"0": 2, "1": 3})["msg"]
    assert "That would leave 5 pages on all nodes, and 6 of 20 are in use or reserved." in message
    assert alloc(run_module, kernel, size="2M", nodes={"0": 3, "1": 3})["changed"]


def test_kernel_without_hugepages_says_so(run_module: RunModule, kernel: Kernel) -> None:
    Machine(sizes=()).write(kernel.root)
    assert "The running kernel has no hugepages at all." in alloc(run_module, kernel, size="2M", count=1)["msg"]


def test_pools_that_exceed_the_node_only_together_are_refused(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel, {2 * MIB: Pages(16 * 512)})
    message = alloc(run_module, kernel, size="1G", count=50)["msg"]
    assert "would need 66.0 GiB, 16.0 GiB of it in pages of other sizes" in message
    assert "No more than 48 could ever fit" in message


def test_machine_that_is_overfull_already_may_be_lowered(run_module: RunModule, kernel: Kernel) -> None:
    one_node(kernel, {GIB: Pages(80)})
    assert alloc(run_module, kernel, size="1G", count=70)["changed"]


def test_plan_needs_no_kernel(tmp_path: pathlib.Path) -> None:
    memory = read_memory(Machine().write(tmp_path))
    (change,) = hugepages.plan(memory, [hugepages.Want(None, GIB, 3)]).changes
    assert (change.name, change.before, change.after) == ("node0 1G", 0, 3)
