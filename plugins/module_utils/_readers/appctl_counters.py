# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ovs-vswitchd has counted: packets of ports, cycles of PMD threads (private to this collection). Pure.

Read from the code that prints it (show_dpif in lib/dpctl.c, pmd_info_show_stats in lib/dpif-netdev.c, pmd_perf_format_overall_stats in
lib/dpif-netdev-perf.c) of 2.15 to 4.0, and from switches of 3.1.
"""

from __future__ import annotations

import re
import typing as t

_PORT = re.compile(r"(?:, could not retrieve stats \(.*?\))?  port (?P<number>\d+): (?P<name>\S+)")
_PACKETS = re.compile(r"\s+(?P<way>RX|TX) packets:(?P<packets>\d+|\?) errors:\S+ dropped:(?P<dropped>\d+|\?)")
_BYTES = re.compile(r"\s+RX bytes:(?P<rx>\d+|\?).*?TX bytes:(?P<tx>\d+|\?)")
_THREAD = re.compile(r"pmd thread numa_id -?\d+ core_id (?P<core>\d+):")
_RECEIVED = re.compile(r"\s+(?:packets received|Rx packets):\s+(?P<number>\d+)")
_CYCLES = re.compile(r"\s+(?:- )?(?:processing|Used TSC) cycles:\s+(?P<number>\d+)")


class PortCounters(t.NamedTuple):
    """The counters of a port; None where it has none, as a vhost-user port without a guest. Packets that a policer dropped are in *rx_dropped*."""

    rx_packets: int | None = None
    rx_bytes: int | None = None
    rx_dropped: int | None = None
    tx_packets: int | None = None
    tx_bytes: int | None = None
    tx_dropped: int | None = None


class Cycles(t.NamedTuple):
    """What a PMD thread did since its counters were cleared: packets that it took from ports, and the cycles of the TSC that it worked.

    Open vSwitch 4.0 shows those of iterations without packets among the others. Under full load there are next to none.
    """

    packets: int
    processing: int


def _number(text: str) -> int | None:
    return None if text == "?" else int(text)


def parse_port_counters(text: str) -> dict[str, PortCounters]:
    """Return the counters of each port in ``dpctl/show --statistics``, by its name."""
    ports: dict[str, PortCounters] = {}
    name = ""
    for line in text.splitlines():
        if match := _PORT.match(line):
            name = match["name"]
            ports[name] = PortCounters()
        elif not name:
            continue
        elif match := _PACKETS.match(line):
            packets, dropped = _number(match["packets"]), _number(match["dropped"])
            found = ports[name]
            changed = found._replace(rx_packets=packets, rx_dropped=dropped) if match["way"] == "RX" else found._replace(tx_packets=packets, tx_dropped=dropped)
            ports[name] = changed
        elif match := _BYTES.match(line):
            ports[name] = ports[name]._replace(rx_bytes=_number(match["rx"]), tx_bytes=_number(match["tx"]))
    return ports


def parse_cycles(text: str) -> dict[int, Cycles]:
    """Return what each PMD thread did by ``dpif-netdev/pmd-stats-show``, by its CPU; the main thread is left out.

    Since 4.0 that is another name of ``pmd-perf-show``, whose output is read too.
    """
    threads: dict[int, dict[str, int]] = {}
    core: int | None = None
    for line in text.splitlines():
        if line and not line.startswith(" "):
            match = _THREAD.fullmatch(line)
            core = int(match["core"]) if match else None
        elif core is not None and (match := _RECEIVED.match(line)):
            threads.setdefault(core, {})["packets"] = int(match["number"])
        elif core is not None and (match := _CYCLES.match(line)):
            threads.setdefault(core, {})["processing"] = int(match["number"])
    return {number: Cycles(**found) for number, found in threads.items() if len(found) == len(Cycles._fields)}
