# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the control socket of a daemon, over a real socket."""

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon, NoDaemonError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeDaemon, Refusal

if t.TYPE_CHECKING:
    import pathlib


@pytest.fixture
def fake(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FakeDaemon]:
    daemon = FakeDaemon(tmp_path_factory.mktemp("ovs"), {"version": "ovs-vswitchd (Open vSwitch) 3.1.0\n", "echo": lambda *words: " ".join(words)})
    yield daemon
    daemon.close()


def _ask(fake: FakeDaemon, timeout: float = 1) -> Daemon:
    return Daemon(str(fake.path.parent), timeout)


def test_one_question(fake: FakeDaemon) -> None:
    assert _ask(fake).ask("version") == "ovs-vswitchd (Open vSwitch) 3.1.0\n"


def test_many_questions_are_answered_in_order(fake: FakeDaemon) -> None:
    questions = [("echo", str(number)) for number in range(300)]
    assert _ask(fake).ask_all(questions) == [str(number) for number in range(300)]


def test_no_question_is_asked_of_nobody(fake: FakeDaemon) -> None:
    fake.mode = "down"
    assert _ask(fake).ask_all([]) == []


@pytest.mark.parametrize("words", ['}{"', "ünïcode \\ \n", "x" * 500_000, '{"error":"no"}'])
def test_any_text_comes_back_whole(fake: FakeDaemon, words: str) -> None:
    assert _ask(fake).ask("echo", words) == words


def test_a_refused_question_has_the_words_of_the_daemon_and_does_not_end_the_others(fake: FakeDaemon) -> None:
    fake.answers["qos/show"] = Refusal("no such interface\n")
    answers = _ask(fake).ask_all([("version",), ("qos/show", "p9"), ("nosuch",), ("version",)])
    assert str(answers[1]) == "ovs-vswitchd refused qos/show p9: no such interface"
    assert isinstance(answers[2], HostError)
    assert answers[0] == answers[3]
    with pytest.raises(HostError, match="no such interface"):
        _ask(fake).ask("qos/show", "p9")


@pytest.mark.parametrize(
    ("mode", "words"),
    [("down", "is not running: no process id in"), ("crashed", "Connection refused"), ("closes", "closed its control socket")],
)
def test_a_daemon_that_does_not_run_says_so_at_once(fake: FakeDaemon, mode: str, words: str) -> None:
    fake.mode = mode
    start = time.monotonic()
    with pytest.raises(NoDaemonError, match=words):
        _ask(fake, 30).ask("version")
    assert time.monotonic() - start < 5


def test_a_daemon_that_hangs_is_left_after_the_timeout(fake: FakeDaemon) -> None:
    fake.mode = "hung"
    with pytest.raises(NoDaemonError, match=r"did not answer within 0.2 s: it hangs"):
        _ask(fake, 0.2).ask("version")


@pytest.mark.parametrize("text", ["", "not a number"])
def test_a_damaged_process_id_counts_as_not_running(fake: FakeDaemon, text: str) -> None:
    fake.pid_file.write_text(text, encoding="ascii")
    with pytest.raises(NoDaemonError, match="no process id"):
        _ask(fake).ask("version")


def test_a_path_that_is_too_long_for_a_socket_is_named(tmp_path: pathlib.Path) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    (long / "ovs-vswitchd.pid").write_text("1\n", encoding="ascii")
    with pytest.raises(NoDaemonError, match="path too long"):
        Daemon(str(long), 1).ask("version")
