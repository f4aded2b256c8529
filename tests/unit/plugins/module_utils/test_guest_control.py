# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helper script of guests against a monitor that speaks as QEMU 10.0 was seen to."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
import threading
import time
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import guest_control, guests_qemu
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guest_control import QmpError

if t.TYPE_CHECKING:
    import pathlib

GREETING = {"QMP": {"version": {"qemu": {"micro": 13, "minor": 0, "major": 10}, "package": ""}, "capabilities": ["oob"]}}
EVENT = {"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RTC_CHANGE", "data": {"offset": 0}}


class Monitor:
    """A monitor that answers one connection after the other, from *delay* seconds on."""

    def __init__(self, path: pathlib.Path, *, threads: t.Sequence[int] = (), deaf: bool = False, delay: float = 0, refuses: str = "") -> None:
        self.path, self.threads, self.deaf, self.refuses = path, threads, deaf, refuses
        self.asked: list[str] = []
        self.begin = time.monotonic() + delay
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        time.sleep(max(self.begin - time.monotonic(), 0))
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            with connection:
                if not self._talk(connection):
                    self.listener.close()
                    return

    def _talk(self, connection: socket.socket) -> bool:
        """Talk to one caller and tell whether QEMU goes on."""
        stream = connection.makefile("rw", encoding="utf-8")
        try:
            self._say(stream, GREETING)
            for line in stream:
                command = json.loads(line)["execute"]
                self.asked.append(command)
                self._say(stream, EVENT)
                if command == self.refuses:
                    self._say(stream, {"error": {"class": "CommandNotFound", "desc": f"The command {command} has not been found"}})
                elif command == "query-cpus-fast":
                    self._say(stream, {"return": [{"cpu-index": index, "thread-id": thread} for index, thread in enumerate(self.threads)]})
                else:
                    self._say(stream, {"return": {}})
                if command == "quit" or (command == "system_powerdown" and not self.deaf):
                    return False
        except OSError:  # the caller has gone
            pass
        return True

    @staticmethod
    def _say(stream: t.TextIO, message: dict[str, t.Any]) -> None:
        stream.write(json.dumps(message) + "\r\n")
        stream.flush()


class Bound:
    """Notes which thread was bound where."""

    def __init__(self) -> None:
        self.threads: dict[int, set[int]] = {}
        self.gone: set[int] = set()

    def __call__(self, thread: int, cpus: set[int]) -> None:
        """Stand in for os.sched_setaffinity."""
        if thread in self.gone:
            raise ProcessLookupError(3, "No such process")
        if max(cpus) > 100:
            raise OSError(22, "Invalid argument")
        self.threads[thread] = set(cpus)


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> Bound:
    one = Bound()
    monkeypatch.setattr(os, "sched_setaffinity", one)
    return one


def run(action: str, path: pathlib.Path, *words: str, timeout: float = 5) -> int:
    return guest_control.main([action, "--qmp", str(path), "--timeout", str(timeout), *words])


def test_vcpus_are_bound_as_soon_as_qemu_answers(tmp_path: pathlib.Path, bound: Bound) -> None:
    Monitor(tmp_path / "qmp", threads=[501, 502], delay=0.5)
    assert run("pin", tmp_path / "qmp", "0=2", "1=3,22-23") == 0
    assert bound.threads == {501: {2}, 502: {3, 22, 23}}


def test_a_socket_that_is_not_there_yet_is_waited_for(tmp_path: pathlib.Path, bound: Bound) -> None:
    timer = threading.Timer(0.5, lambda: Monitor(tmp_path / "qmp", threads=[501]))
    timer.start()
    assert run("pin", tmp_path / "qmp", "0=2") == 0
    assert bound.threads == {501: {2}}


def test_the_other_threads_are_bound_too_where_that_is_asked(tmp_path: pathlib.Path, bound: Bound) -> None:
    """The process at the other end of the socket is this one."""
    Monitor(tmp_path / "qmp", threads=[501])
    assert run("pin", tmp_path / "qmp", "0=2", "emulator=4") == 0
    assert bound.threads.pop(501) == {2}
    assert os.getpid() in bound.threads
    assert set(map(tuple, bound.threads.values())) == {(4,)}


def test_a_thread_that_has_ended_does_not_matter(tmp_path: pathlib.Path, bound: Bound) -> None:
    bound.gone = {501}
    Monitor(tmp_path / "qmp", threads=[501, 502])
    assert run("pin", tmp_path / "qmp", "0=2", "1=3") == 0
    assert bound.threads == {502: {3}}


def test_without_pins_it_only_waits(tmp_path: pathlib.Path, bound: Bound) -> None:
    monitor = Monitor(tmp_path / "qmp", threads=[501])
    assert run("pin", tmp_path / "qmp") == 0
    assert monitor.asked == ["qmp_capabilities", "query-cpus-fast"]
    assert not bound.threads


@pytest.mark.parametrize(
    ("words", "said"),
    [(["0=2", "2=3"], "there is no vCPU 2"), (["0=101"], "vCPU 0 cannot run on CPUs [101]: Invalid argument")],
)
def test_what_cannot_be_bound_is_said(tmp_path: pathlib.Path, bound: Bound, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    Monitor(tmp_path / "qmp", threads=[501, 502])
    assert run("pin", tmp_path / "qmp", *words) == 1
    assert said in capsys.readouterr().err
    assert not bound.threads


def test_a_qemu_that_waits_for_the_switch_is_given_up_in_time(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    Monitor(tmp_path / "qmp", delay=60)  # the kernel takes the connection, QEMU says nothing
    begun = time.monotonic()
    assert run("pin", tmp_path / "qmp", "0=2", timeout=0.5) == 1
    assert time.monotonic() - begun < 5
    assert "QEMU did not answer in time" in capsys.readouterr().err


def test_nobody_at_the_socket_is_said(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("powerdown", tmp_path / "qmp") == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_a_refusal_has_the_words_of_qemu(tmp_path: pathlib.Path) -> None:
    Monitor(tmp_path / "qmp", refuses="query-cpus-fast")
    with pytest.raises(QmpError, match="has not been found"):
        guest_control.pin(str(tmp_path / "qmp"), {0: {1}}, 5)


def test_a_guest_that_reacts_ends_by_its_power_button(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    monitor = Monitor(tmp_path / "qmp")
    assert run("powerdown", tmp_path / "qmp") == 0
    monitor.thread.join(5)
    assert monitor.asked == ["qmp_capabilities", "system_powerdown"]
    assert not capsys.readouterr().err


def test_a_guest_that_does_not_react_is_ended(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    monitor = Monitor(tmp_path / "qmp", deaf=True)
    assert run("powerdown", tmp_path / "qmp", timeout=0.5) == 0
    monitor.thread.join(5)
    assert monitor.asked == ["qmp_capabilities", "system_powerdown", "qmp_capabilities", "quit"]
    assert "did not react" in capsys.readouterr().err


def test_the_script_runs_alone_as_systemd_calls_it(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "guest_control.py"
    script.write_text(guests_qemu.helper_text(), encoding="utf-8")
    monitor = Monitor(tmp_path / "qmp")
    argv = [sys.executable, "-I", str(script), "powerdown", "--qmp", str(tmp_path / "qmp"), "--timeout", "20"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - this file's own words
    assert (done.returncode, done.stderr) == (0, "")
    assert "system_powerdown" in monitor.asked


def test_the_script_needs_nothing_but_python() -> None:
    nodes = [node for node in ast.walk(ast.parse(guests_qemu.helper_text())) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name if isinstance(node, ast.Import) else node.module or "" for node in nodes for alias in node.names}
    assert names <= sys.stdlib_module_names | {"__future__"}
