# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a running ovs-vswitchd over its control socket (private to this collection).

The socket speaks JSON-RPC 1.0 (Open vSwitch, ovs-appctl(8) and lib/unixctl.c): it is what ovs-appctl itself uses. Asked here directly,
because ovs-appctl takes one question a process, and a task with 256 policers has 256 questions; and because a socket has a timeout.
"""

from __future__ import annotations

import json
import pathlib
import socket
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Sequence

DAEMON = "ovs-vswitchd"


class NoDaemonError(HostError):
    """ovs-vswitchd does not run, or does not answer."""


class Daemon:
    """A running ovs-vswitchd. Every method raises :class:`NoDaemonError` where it is down or silent for *timeout* seconds."""

    def __init__(self, rundir: str, timeout: float) -> None:
        self.rundir = pathlib.Path(rundir)
        self.timeout = timeout

    def pid(self) -> int:
        """Return the process id that the daemon wrote down."""
        path = self.rundir / f"{DAEMON}.pid"
        try:
            return int(path.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise NoDaemonError(f"{DAEMON} is not running: no process id in {path}. Start it, or set wait to false to write the database only.") from error

    def ask(self, method: str, *params: str) -> str:
        """Return the answer to one question. Raises HostError with the daemon's words where it refuses."""
        answer = self.ask_all([(method, *params)])[0]
        if isinstance(answer, HostError):
            raise answer
        return answer

    def ask_all(self, questions: Sequence[tuple[str, ...]]) -> list[str | HostError]:
        """Return the answer to each question, in order, over one connection; a refused one gives a HostError instead."""
        if not questions:
            return []
        path = self.rundir / f"{DAEMON}.{self.pid()}.ctl"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self.timeout)
                connection.connect(str(path))
                return _converse(connection, questions)
        except socket.timeout as error:
            raise NoDaemonError(f"{DAEMON} did not answer within {self.timeout:g} s: it hangs, or it is busy. Look at its log.") from error
        except OSError as error:
            why = error.strerror or error  # the error of a path that is too long for a socket has no number
            raise NoDaemonError(f"{DAEMON} is not running: {path}: {why}. Start it, or set wait to false to write the database only.") from error


def _converse(connection: socket.socket, questions: Sequence[tuple[str, ...]]) -> list[str | HostError]:
    """Ask one question after the other: the daemon reads the next one only when it has answered."""
    answers: list[str | HostError] = []
    for number, (method, *params) in enumerate(questions):
        connection.sendall(json.dumps({"id": number, "method": method, "params": params}).encode())
        reply = _receive(connection)
        if reply.get("error") is not None:
            answers.append(HostError(f"{DAEMON} refused {' '.join([method, *params])}: {str(reply['error']).strip()}"))
        else:
            answers.append(str(reply.get("result") or ""))
    return answers


def _receive(connection: socket.socket) -> dict[str, t.Any]:
    """Return the next JSON object; there is no other mark between messages."""
    received = b""
    while True:
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise NoDaemonError(f"{DAEMON} closed its control socket: it stopped, or it crashed. Look at its log.")
        received += chunk
        if not received.rstrip().endswith(b"}"):
            continue
        try:
            reply = json.loads(received.decode("utf-8", "replace"))
        except ValueError:
            continue
        if isinstance(reply, dict):
            return reply
