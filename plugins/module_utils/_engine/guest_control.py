# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the unit of a guest does through the monitor of QEMU: bind vCPUs to CPUs, and end the guest (private to this collection).

The module vhost_guest copies this file to the host, where systemd calls it. So it imports nothing but the standard library.

    guest_control.py pin --qmp SOCKET [--timeout SECONDS] [VCPU=CPUS ...] [emulator=CPUS]
                                                      wait until QEMU answers, then bind the threads of vCPUs, and all others
    guest_control.py powerdown --qmp SOCKET [--timeout SECONDS]
                                                      press the power button; quit QEMU after SECONDS

QEMU answers only when the switch has connected to all sockets that QEMU serves (chardev server=on of a vhost-user backend).
Sources: QEMU, QMP reference manual (query-cpus-fast, system_powerdown, quit).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import socket
import struct
import sys
import time
import typing as t

_TRY_AGAIN = 0.2


class QmpError(Exception):
    """QEMU does not answer, or refuses."""


class Qmp:
    """A connection to the monitor of QEMU; no call of it waits beyond the end of *seconds*."""

    def __init__(self, path: str, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.received = b""
        try:
            self._wait()
            self.connection.connect(path)
            self._message()
            self.ask("qmp_capabilities")
        except OSError as error:
            self.connection.close()
            raise QmpError(f"{path}: {error.strerror or error}") from error
        except QmpError:
            self.connection.close()
            raise

    def __enter__(self) -> Qmp:
        """Return itself."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close the connection."""
        self.connection.close()

    def _wait(self) -> None:
        left = self.end - time.monotonic()
        if left <= 0:
            raise QmpError("QEMU did not answer in time")
        self.connection.settimeout(left)

    def _message(self) -> dict[str, t.Any]:
        """Return the next message; None of them has a line break in it."""
        while b"\n" not in self.received:
            self._wait()
            try:
                chunk = self.connection.recv(1 << 16)
            except socket.timeout as error:
                raise QmpError("QEMU did not answer in time") from error
            if not chunk:
                raise QmpError("QEMU has ended")
            self.received += chunk
        line, _end, self.received = self.received.partition(b"\n")
        message: dict[str, t.Any] = json.loads(line)
        return message

    def ask(self, command: str) -> t.Any:
        """Return the answer to a command; events that come before it are left out."""
        self._wait()
        self.connection.sendall(json.dumps({"execute": command}).encode() + b"\n")
        while True:
            message = self._message()
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise QmpError(f"QEMU refused {command}: {message['error'].get('desc')}")

    def process(self) -> int:
        """Return the process id of QEMU (unix(7), SO_PEERCRED)."""
        size = struct.calcsize("3i")
        pid: int = struct.unpack("3i", self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[0]
        return pid

    def wait_for_end(self) -> bool:
        """Tell whether QEMU ended before the time was over."""
        try:
            while True:
                self._message()
        except QmpError as error:
            return "ended" in str(error)
        except OSError:
            return True


def open_when_ready(path: str, seconds: float) -> Qmp:
    """Return a connection as soon as QEMU answers."""
    end = time.monotonic() + seconds
    while True:
        found = _try(path, max(end - time.monotonic(), 0.01))
        if isinstance(found, Qmp):
            return found
        if time.monotonic() + _TRY_AGAIN >= end:
            raise found
        time.sleep(_TRY_AGAIN)


def _try(path: str, seconds: float) -> Qmp | QmpError:
    try:
        return Qmp(path, seconds)
    except QmpError as error:
        return error


def vcpu_threads(qmp: Qmp) -> dict[int, int]:
    """Return the thread of each vCPU."""
    return {int(one["cpu-index"]): int(one["thread-id"]) for one in qmp.ask("query-cpus-fast")}


def parse_cpus(given: str) -> set[int]:
    """Return the CPUs of ``2-3,5``. Raises ValueError."""
    cpus: set[int] = set()
    for item in given.split(","):
        first, _dash, last = item.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def parse_pin(given: str) -> tuple[int, set[int]]:
    """Return vCPU and CPUs of ``0=2-3``; -1 stands for ``emulator``, the other threads. Raises ValueError."""
    vcpu, _equals, cpus = given.partition("=")
    return -1 if vcpu == "emulator" else int(vcpu), parse_cpus(cpus)


def bind(thread: int, what: str, cpus: set[int]) -> None:
    """Have a thread run on these CPUs; one that has ended does not matter. Raises QmpError."""
    try:
        os.sched_setaffinity(thread, cpus)
    except ProcessLookupError:
        pass
    except OSError as error:
        raise QmpError(f"{what} cannot run on CPUs {sorted(cpus)}: {error.strerror}") from error


def pin(path: str, pins: dict[int, set[int]], seconds: float) -> None:
    """Bind the threads of vCPUs, and the others, as soon as QEMU answers. Raises QmpError, also for a vCPU that is not there."""
    with open_when_ready(path, seconds) as qmp:
        threads, pid = vcpu_threads(qmp), qmp.process()
    missing = sorted(set(pins) - set(threads) - {-1})
    if missing:
        raise QmpError(f"{path}: there is no vCPU {missing[0]}")
    tasks = {int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}
    for vcpu, cpus in pins.items():
        for thread in [threads[vcpu]] if vcpu >= 0 else sorted(tasks - set(threads.values())):
            bind(thread, f"vCPU {vcpu}" if vcpu >= 0 else "QEMU", cpus)


def powerdown(path: str, seconds: float) -> bool:
    """End a guest: by its power button, and where it does not react within *seconds*, by the end of QEMU. Tell whether it reacted."""
    with Qmp(path, seconds) as qmp:
        qmp.ask("system_powerdown")
        if qmp.wait_for_end():
            return True
    with Qmp(path, 5) as qmp:
        qmp.ask("quit")
    return False


def main(words: list[str]) -> int:
    """Do what the words say and return the exit status."""
    parser = argparse.ArgumentParser(description="Bind the vCPUs of a guest, or end it, through the monitor of QEMU")
    parser.add_argument("action", choices=["pin", "powerdown"])
    parser.add_argument("--qmp", required=True)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("pins", nargs="*", type=parse_pin)
    given = parser.parse_intermixed_args(words)
    try:
        if given.action == "pin":
            pin(given.qmp, dict(given.pins), given.timeout)
        elif not powerdown(given.qmp, given.timeout):
            sys.stderr.write(f"the guest did not react within {given.timeout:g} s: QEMU was ended\n")
    except QmpError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
