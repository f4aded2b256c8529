# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ovs-vswitchd wrote to its log while a task ran (private to this collection)."""

from __future__ import annotations

import pathlib
import re

# A line is date|sequence|module|LEVEL|text, with the thread's name in brackets behind the module (Open vSwitch, ovs-appctl(8), vlog/set).
_LINE = r"[^|]*\|\d+\|(?P<module>[^|]+)\|(?P<level>EMER|ERR|WARN)\|(?P<text>.*)"
_LONGEST = 1 << 20


class DaemonLog:
    """The log from now on; one that cannot be read is an empty one, since a log only explains."""

    def __init__(self, path: str) -> None:
        self.path = pathlib.Path(path)
        self._start = self._size()

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def _read(self, start: int) -> list[str]:
        try:
            with self.path.open("rb") as log:
                log.seek(start)
                return log.read(_LONGEST).decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    def problems(self) -> list[str]:
        """Return the warnings and errors since this object was made, ``module: text``, each once, in their order."""
        found = (re.fullmatch(_LINE, line) for line in self._read(self._start if self._start <= self._size() else 0))  # a smaller log was rotated
        return list(dict.fromkeys(f"{match['module'].split('(')[0]}: {match['text']}" for match in found if match))

    def history(self) -> list[str]:
        """Return the last lines of the log, from before this object was made too, as they stand."""
        return self._read(max(0, self._size() - _LONGEST))
