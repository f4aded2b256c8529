# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ovs-vswitchd answers about the load of its PMD threads (private to this collection). Pure.

Read from the code that prints it (dpif_netdev_pmd_info in lib/dpif-netdev.c, pmd_perf_format_overall_stats in lib/dpif-netdev-perf.c) and
from switches of 2.15, 3.1, 3.5 and 4.0.
"""

from __future__ import annotations

import dataclasses
import re

_THREAD = re.compile(r"pmd thread numa_id (?P<node>-?\d+) core_id (?P<core>\d+):")
_MAIN = re.compile(r"main thread:")
_RXQ_USAGE = re.compile(r"\s+port: (?P<port>\S+)\s+queue-id:\s*(?P<queue>\d+).*pmd usage:\s*(?P<percent>\d+) %")
_OVERHEAD = re.compile(r"\s+overhead:\s*(?P<percent>\d+) %")
_SECONDS = re.compile(r"Measurement duration: (?P<seconds>[\d.]+) s")
_PACKETS = re.compile(r"\s+(?P<direction>[RT]x) packets:\s+(?P<packets>\d+)")
_PERCENT = re.compile(r"\s+- (?P<what>idle|busy|sleep) iterations:\s+\d+\s+\(\s*(?P<percent>[\d.]+) %")


@dataclasses.dataclass(frozen=True)
class Usage:
    """How much of a PMD thread each rx queue took lately, and what is left as overhead, in percent; nothing where it was not measured yet."""

    queues: dict[tuple[str, int], int]
    overhead: dict[int, int]


@dataclasses.dataclass(frozen=True)
class Load:
    """What a PMD thread did since it was started, or since its counters were cleared."""

    seconds: float
    rx_packets: int
    tx_packets: int
    busy_percent: float | None
    """Share of its cycles in iterations that had packets."""
    sleep_percent: float | None
    """Share of its iterations in which it slept; None where this release or its settings do not let it sleep."""


def parse_usage(text: str) -> Usage:
    """Return the usage in ``dpif-netdev/pmd-rxq-show``. Releases before 2.16 show no overhead."""
    queues: dict[tuple[str, int], int] = {}
    overhead: dict[int, int] = {}
    core = -1
    for line in text.splitlines():
        if match := _THREAD.fullmatch(line):
            core = int(match["core"])
        elif match := _RXQ_USAGE.match(line):
            queues[match["port"], int(match["queue"])] = int(match["percent"])
        elif match := _OVERHEAD.match(line):
            overhead[core] = int(match["percent"])
    return Usage(queues, overhead)


def parse_load(text: str) -> dict[int, Load]:
    """Return the load of each PMD thread in ``dpif-netdev/pmd-perf-show``, by its CPU; the main thread is left out."""
    loads: dict[int, Load] = {}
    core: int | None = None
    seconds = 0.0
    for line in text.splitlines():
        if match := _THREAD.fullmatch(line):
            core = int(match["core"])
            loads[core] = Load(seconds, 0, 0, None, None)
        elif _MAIN.fullmatch(line):
            core = None
        elif match := _SECONDS.fullmatch(line):
            seconds = float(match["seconds"])
            core = None
        elif core is not None:
            loads[core] = _with_line(loads[core], line)
    return loads


def _with_line(load: Load, line: str) -> Load:
    if match := _PACKETS.match(line):
        packets = int(match["packets"])
        return dataclasses.replace(load, rx_packets=packets) if match["direction"] == "Rx" else dataclasses.replace(load, tx_packets=packets)
    if match := _PERCENT.match(line):
        percent = float(match["percent"])
        if match["what"] == "busy":
            return dataclasses.replace(load, busy_percent=percent)
        if match["what"] == "sleep":
            return dataclasses.replace(load, sleep_percent=percent)
    return load
