# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pmd_mask: which CPUs, what is refused, what is doubtful, and the proof by the threads that run."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_pmd import PmdThread, parse_pmd_sleep, parse_pmd_threads
from ansible_collections.nfv.ovs_dpdk.plugins.modules import pmd_mask
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import Machine, Memory, grid

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

# Open vSwitch 3.1, one bridge, one vhost-user port
RXQ_SHOW = """Displaying last 60 seconds pmd usage %
pmd thread numa_id 0 core_id 1:
  isolated : false
  port: vhost-user0       queue-id:  0 (enabled)   pmd usage: NOT AVAIL
  overhead: NOT AVAIL
"""
# Open vSwitch 2.15
OLD_RXQ_SHOW = """pmd thread numa_id 0 core_id 1:
  isolated : false
  port: dpdk0             queue-id:  0 (enabled)   pmd usage: NOT AVAIL
"""
NO_THREADS = "Displaying last 60 seconds pmd usage %\n"

# Section 3.4 of the guide: two sockets of ten cores with two threads each, CPUs 1 and 21 on one core. Its nodes are sockets.
GUIDE = Machine(threads=grid(2, 10, 2), memory={0: Memory(), 1: Memory()})


def threads(*cpus: int, node: int = 0) -> str:
    return NO_THREADS + "".join(f"pmd thread numa_id {node} core_id {cpu}:\n  isolated : false\n" for cpu in cpus)


class Run(t.Protocol):
    def __call__(self, machine: Machine = GUIDE, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module on a machine."""


@pytest.fixture
def run(switch: FakeSwitch, run_module: RunModule, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Run:
    switch.daemon.answers.setdefault("dpif-netdev/pmd-rxq-show", NO_THREADS)

    def go(machine: Machine = GUIDE, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        if not (tmp_path / "root").exists():
            monkeypatch.setattr(pmd_mask, "ROOT", machine.write(tmp_path / "root"))
        return run_module(pmd_mask, {**switch.args, **options}, check=check)

    return go


def said(result: dict[str, t.Any]) -> str:
    """Return all warnings as one text; their form depends on the release of ansible-core."""
    return json.dumps(result.get("warnings", []))


def mask_in_database(switch: FakeSwitch) -> str | None:
    text: str | None = switch.switch_row["other_config"].get("pmd-cpu-mask")
    return text


@pytest.mark.parametrize(
    ("options", "cpus", "mask"),
    [
        ({"cpus": "1,21"}, [1, 21], "0x200002"),  # the guide prints 100002 for these two
        ({"cpus": ["2", 22]}, [2, 22], "0x400004"),
        ({"cpus": "2-5,^4"}, [2, 3, 5], "0x2c"),
        ({"mask": "0x400004"}, [2, 22], "0x400004"),
        ({"mask": "400004"}, [2, 22], "0x400004"),
        ({"mask": "100002"}, [1, 20], "0x100002"),  # what the guide's command really asks for: two cores on two sockets
        ({"mask": "00,00000004"}, [2], "0x4"),
    ],
)
def test_a_list_and_a_mask_give_the_same_three_forms_and_bare_hex_in_the_database(
    run: Run, switch: FakeSwitch, options: dict[str, t.Any], cpus: list[int], mask: str
) -> None:
    result = run(**options)
    assert (result["cpus"], result["mask"]) == (cpus, mask)
    assert mask_in_database(switch) == mask[2:]
    assert result["diff"] == {"before": {}, "after": {"cpus": result["cpu_list"], "mask": mask}}


def test_the_same_cpus_written_otherwise_are_no_change(run: Run, switch: FakeSwitch) -> None:
    switch.write("set", "Open_vSwitch", ".", 'other_config:pmd-cpu-mask="0x00200002"')
    result = run(cpus="21,1")
    assert result["changed"] is False
    assert switch.writes == 0
    assert mask_in_database(switch) == "0x00200002"


@pytest.mark.parametrize(
    ("options", "cpus"),
    [
        ({"cores_per_node": {"0": 1}}, [1, 21]),  # not the core of CPU 0
        ({"cores_per_node": {0: 2, 1: 1}}, [1, 2, 11, 21, 22, 31]),  # nor that of CPU 10, the lowest of node 1
        ({"cores_per_node": {0: 2, 1: 1}, "siblings": False}, [1, 2, 11]),
        ({"cores_per_node": {0: 0, 1: 1}}, [11, 31]),
        ({"cores_per_node": {0: 10}}, [*range(10), *range(20, 30)]),  # all that the node has: its first core as well
    ],
)
def test_cores_are_chosen_by_their_lowest_cpu_and_the_first_core_of_a_node_last(run: Run, options: dict[str, t.Any], cpus: list[int]) -> None:
    assert run(**options)["cpus"] == cpus


@pytest.mark.parametrize(
    ("isolated", "siblings", "cpus"),
    [
        ("4-9,24-29", True, [4, 5, 24, 25]),
        ("5,25,7", True, [1, 5, 21, 25]),  # a core of which one thread is isolated is not isolated
        ("24-29,4-9", False, [4, 5]),
        ("26,27,6,7", False, [6, 7]),
    ],
)
def test_isolated_cores_come_first(run: Run, isolated: str, siblings: bool, cpus: list[int]) -> None:
    machine = Machine(threads=grid(2, 10, 2), memory={0: Memory(), 1: Memory()}, isolated=isolated)
    assert run(machine, cores_per_node={0: 2}, siblings=siblings)["cpus"] == cpus


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cpus": "4096"}, "no CPU 4096; it has 0-39"),
        ({"cpus": "9000"}, "beyond CPU 8191"),
        ({"cpus": "1-"}, "not a CPU, a range"),
        ({"cpus": "39"}, "CPU 39 is offline"),
        ({"cpus": ""}, "names no CPU"),
        ({"cpus": "0-38"}, "all CPUs of this host"),
        ({"mask": "0"}, "use state: absent"),
        ({"mask": "0x0"}, "use state: absent"),
        ({"mask": "f" * 10}, "CPU 39 is offline"),
        ({"mask": "7fffffffff"}, "all CPUs of this host"),
        ({"mask": "0x1" + "0" * 1024}, "no CPU 4096"),
        ({"mask": 4194308}, "in quotes"),  # what YAML makes of 0x400004
        ({"mask": "2g"}, "hexadecimal mask"),
        ({"cores_per_node": {0: 11}}, "Node 0 has 10 cores"),
        ({"cores_per_node": {2: 1}}, "NUMA nodes with CPUs are 0-1"),
        ({"cores_per_node": {0: -1}}, "whole numbers"),
        ({"cores_per_node": {"a": 1}}, "whole numbers"),
        ({"cores_per_node": {0: 0}}, "names no CPU"),
        ({"cores_per_node": {0: 10, 1: 10}}, "all CPUs of this host"),
        ({"cpus": "1", "mask": "2"}, "mutually exclusive"),
        ({"cpus": "1", "siblings": True}, "required by 'siblings'"),
        ({}, "any of the following are missing"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(run: Run, switch: FakeSwitch, options: dict[str, t.Any], words: str) -> None:
    before = switch.dump()
    result = run(Machine(threads=grid(2, 10, 2), offline="39", memory={0: Memory(), 1: Memory()}), **options)
    assert result["failed"] is True
    assert words in result["msg"]
    assert switch.writes == 0
    assert switch.dump() == before


def test_a_lone_sibling_and_a_cpu_that_is_not_isolated_are_warned_of(run: Run) -> None:
    warnings = said(run(Machine(threads=grid(2, 10, 2), isolated="1", memory={0: Memory(), 1: Memory()}), cpus="1,2,22"))
    assert "CPU 1 shares its core with CPU 21, which is not in the mask" in warnings
    assert "CPU 2 shares" not in warnings
    assert "the kernel schedules other work on CPU 2,22 too" in warnings


def test_lone_siblings_that_were_asked_for_are_not_warned_of(run: Run) -> None:
    assert "shares its core" in said(run(cpus="1"))
    assert "shares its core" not in said(run(cores_per_node={0: 1}, siblings=False))


def test_nodes_that_do_not_go_with_the_ports_are_warned_of(run: Run, switch: FakeSwitch) -> None:
    switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev")
    switch.write("add-port", "br0", "dpdk0", "--", "set", "Interface", "dpdk0", "type=dpdk", 'options:dpdk-devargs="net_null0"')
    switch.daemon.answers["dpif-netdev/pmd-rxq-show"] = threads(11, 31, node=1)
    warnings = said(run(Machine(threads=grid(2, 10, 2), isolated="0-39", memory={0: Memory(), 1: Memory()}), cpus="11,31"))
    assert "port dpdk0 is on NUMA node 0, where the mask has no CPU" in warnings
    assert "no DPDK port is on NUMA node 1: PMD threads on CPU 11,31" in warnings


def test_the_threads_that_run_are_the_proof_and_the_result(run: Run, switch: FakeSwitch) -> None:
    switch.daemon.answers["dpif-netdev/pmd-rxq-show"] = threads(1, 21)
    result = run(cpus="1,21")
    assert result["pmd_threads"] == [{"core": 1, "node": 0}, {"core": 21, "node": 0}]


def test_threads_on_other_cpus_fail_the_task_and_the_mask_is_taken_back(run: Run, switch: FakeSwitch) -> None:
    switch.daemon.answers["dpif-netdev/pmd-rxq-show"] = threads(1)
    before = switch.dump()
    result = run(cpus="1,21", timeout=switch.timeout)
    assert result["failed"] is True
    assert "PMD threads run on CPU 1, not on 1,21" in result["msg"]
    assert switch.dump() == before


def test_absent_removes_the_mask_once(run: Run, switch: FakeSwitch) -> None:
    run(cpus="1")
    result = run(state="absent")
    assert (result["changed"], result["cpus"], result["cpu_list"], result["mask"]) == (True, [], "", None)
    assert result["diff"] == {"before": {"cpus": "1", "mask": "0x2"}, "after": {}}
    assert mask_in_database(switch) is None
    assert run(state="absent")["changed"] is False


def test_check_mode_says_what_the_run_does(run: Run, switch: FakeSwitch) -> None:
    planned = run(cpus="1", check=True)
    assert switch.writes == 0
    done = run(cpus="1")
    assert {key: done[key] for key in done if key != "invocation"} == {key: planned[key] for key in planned if key != "invocation"}


def test_parsers_read_old_and_new_releases() -> None:
    assert parse_pmd_threads(RXQ_SHOW) == parse_pmd_threads(OLD_RXQ_SHOW) == (PmdThread(1, 0),)
    assert parse_pmd_threads(NO_THREADS) == ()
    # Open vSwitch 3.5
    shown = parse_pmd_sleep("Default max sleep:  500 us\npmd thread numa_id 0 core_id 1:\n  max sleep:  450 us\n")
    assert (shown.default, shown.threads) == (500, {1: 450})
    assert parse_pmd_sleep("").default is None
