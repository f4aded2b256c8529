# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ovs-vswitchd answers about its PMD threads (private to this collection). Pure.

Read from the code that prints it (dpif_netdev_pmd_info in lib/dpif-netdev.c) and from switches of 2.15, 3.1, 3.5 and 4.0.
"""

from __future__ import annotations

import dataclasses
import re

_THREAD = re.compile(r"^pmd thread numa_id (?P<node>-?\d+) core_id (?P<core>\d+):", re.MULTILINE)
_DEFAULT_SLEEP = re.compile(r"^Default max sleep:\s+(?P<us>\d+) us", re.MULTILINE)
_SLEEP = re.compile(_THREAD.pattern + r"\s+max sleep:\s+(?P<us>\d+) us", re.MULTILINE)


@dataclasses.dataclass(frozen=True, order=True)
class PmdThread:
    """A PMD thread: the CPU that it is bound to, and the NUMA node of that CPU."""

    core: int
    node: int


@dataclasses.dataclass(frozen=True)
class PmdSleep:
    """How long PMD threads may sleep, in microseconds: the number for all, and that of each thread by its CPU."""

    default: int | None
    threads: dict[int, int]


def parse_pmd_threads(text: str) -> tuple[PmdThread, ...]:
    """Return the threads that ``dpif-netdev/pmd-rxq-show`` lists, by CPU; none where no datapath has any."""
    return tuple(sorted(PmdThread(int(match["core"]), int(match["node"])) for match in _THREAD.finditer(text)))


def parse_pmd_sleep(text: str) -> PmdSleep:
    """Return what ``dpif-netdev/pmd-sleep-show`` (since 3.3) says."""
    default = _DEFAULT_SLEEP.search(text)
    return PmdSleep(int(default["us"]) if default else None, {int(match["core"]): int(match["us"]) for match in _SLEEP.finditer(text)})
