# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a running ovs-vswitchd over its control socket (private to this collection).

The socket speaks JSON-RPC 1.0 (Open vSwitch, ovs-appctl(8) and lib/unixctl.c): it is what ovs-appctl itself uses. Asked here directly,
because ovs-appctl takes one question a process, and a task with 256 policers has 256 questions; and because a socket has a timeout.
"""

from __future__ import annotations

import codecs
import json
import pathlib
import socket
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Sequence

DAEMON = "ovs-vswitchd"

# Questions sent before their answers are read: few enough to fit into the buffer of a socket, so that nobody waits for the other.
_BATCH = 32


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
    """Ask a batch of questions, then read their answers, which come in the order of the questions (unixctl.c answers one before it takes the next)."""
    answers: list[str | HostError] = []
    replies = _replies(connection)
    for start in range(0, len(questions), _BATCH):
        batch = questions[start : start + _BATCH]
        messages = (json.dumps({"id": start + number, "method": method, "params": params}) for number, (method, *params) in enumerate(batch))
        connection.sendall("".join(messages).encode())
        for question, reply in zip(batch, replies):
            if reply.get("error") is not None:
                answers.append(HostError(f"{DAEMON} refused {' '.join(question)}: {str(reply['error']).strip()}"))
            else:
                answers.append(str(reply.get("result") or ""))
    return answers


def _replies(connection: socket.socket) -> t.Iterator[dict[str, t.Any]]:
    """Yield the JSON objects that the daemon sends; there is no other mark between them."""
    decoder = json.JSONDecoder()
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    received = ""
    while True:
        try:
            reply, end = decoder.raw_decode(received)
        except ValueError:
            chunk = connection.recv(1 << 16)
            if not chunk:
                raise NoDaemonError(f"{DAEMON} closed its control socket: it stopped, or it crashed. Look at its log.") from None
            received += utf8.decode(chunk)
            continue
        received = received[end:].lstrip()
        yield reply
