# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads of PMD CPUs, from files as Linux 6.1 has them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.pvp import pmd_share
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_threads import ThreadTime, read_pmd_times, read_running

if t.TYPE_CHECKING:
    import pathlib


def thread(root: pathlib.Path, pid: int, tid: int, name: str, *, state: str = "R", cpu: int = 1, schedstat: str | None = "3000 1000 7") -> None:
    folder = root / f"proc/{pid}/task/{tid}"
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n", encoding="ascii")
    fields = [state, *["0"] * 35, str(cpu), *["0"] * 13]
    (folder / "stat").write_text(f"{tid} ({name}) {' '.join(fields)}\n", encoding="ascii")
    if schedstat is not None:
        (folder / "schedstat").write_text(f"{schedstat}\n", encoding="ascii")


def test_the_times_of_pmd_threads_are_by_cpu(tmp_path: pathlib.Path) -> None:
    thread(tmp_path, 7, 7, "ovs-vswitchd")
    thread(tmp_path, 7, 8, "pmd-c01/id:8")
    thread(tmp_path, 7, 9, "pmd-c22/id:9", schedstat="5 6 1")
    assert read_pmd_times(tmp_path, 7) == {1: ThreadTime(3000, 1000), 22: ThreadTime(5, 6)}


def test_a_kernel_that_does_not_count_gives_nothing(tmp_path: pathlib.Path) -> None:
    thread(tmp_path, 7, 8, "pmd-c01/id:8", schedstat=None)
    assert read_pmd_times(tmp_path, 7) == {}


def test_what_is_ready_to_run_on_these_cpus_is_named_without_the_switch_itself(tmp_path: pathlib.Path) -> None:
    thread(tmp_path, 7, 8, "pmd-c01/id:8")
    thread(tmp_path, 20, 20, "gcc (deleted)")
    thread(tmp_path, 21, 21, "cc1")
    thread(tmp_path, 22, 22, "sleeps", state="S")
    thread(tmp_path, 23, 23, "elsewhere", cpu=0)
    (tmp_path / "proc/self").mkdir()
    assert read_running(tmp_path, frozenset({1, 2}), {7}) == {1: ["cc1", "gcc (deleted)"]}


def test_the_share_is_that_of_the_time_in_which_a_thread_could_run() -> None:
    """One that sleeps because there is nothing to do has its CPU for itself all the same."""
    before = {1: ThreadTime(0, 0), 2: ThreadTime(100, 100)}
    assert pmd_share(before, {1: ThreadTime(900, 100), 2: ThreadTime(120, 100)}) == pytest.approx(0.9)
    assert pmd_share(before, before) is None
    assert pmd_share({}, before) is None
