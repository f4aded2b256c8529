# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the daemon logged while a task ran."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.log import DaemonLog

if t.TYPE_CHECKING:
    import pathlib

# Open vSwitch 3.1.0
OLD = "2026-11-23T01:50:00.000Z|00160|bridge|ERR|an old story\n"
NEW = """\
2026-11-23T01:51:25.602Z|00161|bridge|WARN|could not open network device p2 (No such device)
2026-11-23T01:51:25.602Z|00162|netdev_dpdk|ERR|Could not create rte meter for egress policer
2026-11-23T01:51:25.603Z|00164|poll_loop|INFO|wakeup due to [POLLIN] on fd 15 (<->/var/run/openvswitch/db.sock) at ../lib/stream-fd.c:157
2026-11-23T01:51:25.708Z|00002|dpdk(pmd-c01/id:8)|WARN|a | in the text
2026-11-23T01:51:25.709Z|00165|netdev_dpdk|ERR|Could not create rte meter for egress policer
half a li"""
PROBLEMS = [
    "bridge: could not open network device p2 (No such device)",
    "netdev_dpdk: Could not create rte meter for egress policer",
    "dpdk: a | in the text",
]


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "ovs-vswitchd.log"
    path.write_text(OLD, encoding="utf-8")
    return path


def test_warnings_and_errors_since_the_beginning_each_once(path: pathlib.Path) -> None:
    log = DaemonLog(str(path))
    assert log.problems() == []
    with path.open("a", encoding="utf-8") as end:
        end.write(NEW)
    assert log.problems() == PROBLEMS


def test_a_rotated_log_is_read_from_its_beginning(path: pathlib.Path) -> None:
    path.write_text(OLD * 100, encoding="utf-8")
    log = DaemonLog(str(path))
    path.write_text(NEW, encoding="utf-8")
    assert log.problems() == PROBLEMS


def test_bytes_that_are_no_text_do_not_hide_the_rest(path: pathlib.Path) -> None:
    log = DaemonLog(str(path))
    with path.open("ab") as end:
        end.write(b"\xff\xfe\n" + NEW.encode())
    assert log.problems() == PROBLEMS


def test_a_log_that_is_not_there_is_an_empty_one(tmp_path: pathlib.Path) -> None:
    log = DaemonLog(str(tmp_path / "nothing"))
    assert log.problems() == []
    assert log.history() == []


def test_history_is_what_was_there_before_too(path: pathlib.Path) -> None:
    assert DaemonLog(str(path)).history() == [OLD.strip()]
