# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how many packets per second a policer lets pass, by the counters of the port itself. Runs on a lab host, as root.

    measure_rate.py --port vhost-user0 --direction egress [--limit 1000000] [--bridge br0] [--seconds 10] [--samples 5]

It prints one JSON object:

    port, direction, type   what was measured, and the type of the interface
    passed                  packets per second that passed the policer: median, min, max and mean of the samples
    offered                 packets per second that came to it (mean), so that one can see that it had something to drop
    pmd                     the PMD threads: name, share (of one CPU, that they ran), wait (for a CPU, while ready to run)
    pmd_share               the largest of these shares: that of the PMD thread that did the work
    limit, ratio            what was given as --limit, and passed.mean / limit
    ratio_of_share          ratio / pmd_share: what the policer would have let pass with a CPU for itself, if all of the loss were due to that

Why not the packets that the guest counts: a guest without a CPU leaves packets in its ring, and the switch drops them behind the policer.

    egress    passed = tx packets + ovs_tx_failure_drops (what a full ring of the guest costs); offered = passed + ovs_tx_qos_drops
    ingress   offered = rx packets, passed = offered - ovs_rx_qos_drops, as the device counts before the policer; a vhost-user port counted
              behind it before Open vSwitch 3.1 (DPDK 22.07 has counters of its own)

The counters are those of `ovs-ofctl -O OpenFlow14 dump-ports BRIDGE PORT`, which are current. A dpdkvhostuser port (server mode) has no packet
counters: use dpdkvhostuserclient. A guest has to be connected, or the switch drops everything in front of the policer.
A PMD thread that shares its CPU with others is away for some milliseconds at a time: a burst of 10 ms bridges that. One with SCHED_FIFO is
taken off its CPU for 50 ms of each second (sched_rt_runtime_us), which takes a burst of 50 ms or more.
Only the standard library and Python 3.9 are needed.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import typing as t

COUNTER = re.compile(r"(\w+)=(\d+)")
VHOST_COUNTS_ITSELF_SINCE = (3, 1)


def ask(*argv: str) -> str:
    """Return what a command prints; end with its words where it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30, env={**os.environ, "LC_ALL": "C"})
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def counters(bridge: str, port: str) -> tuple[float, dict[str, int]]:
    """Return the time, and the counters of a port: rx, tx (packets), and the ovs_* ones."""
    before = time.monotonic()
    text = ask("ovs-ofctl", "-O", "OpenFlow14", "dump-ports", bridge, port)
    moment = (before + time.monotonic()) / 2
    found = {name: int(value) for name, value in COUNTER.findall(text.partition("CUSTOM Statistics")[2])}
    for direction in ("rx", "tx"):
        packets = re.search(rf"{direction} pkts=(\d+)", text)
        if not packets:
            sys.exit(f"port {port} has no {direction} packet counter: is a guest connected, and is it a dpdkvhostuserclient or dpdk port?\n{text}")
        found[direction] = int(packets[1])
    return moment, found


def counts_behind_the_policer(kind: str) -> bool:
    """Tell whether a port of this type counts as received what its ingress policer has let pass only."""
    version = re.match(r"\D*(\d+)\.(\d+)", ask("ovs-vsctl", "get", "Open_vSwitch", ".", "ovs_version"))
    return kind != "dpdk" and version is not None and (int(version[1]), int(version[2])) < VHOST_COUNTS_ITSELF_SINCE


def passed_and_offered(counted: dict[str, int], direction: str, *, behind: bool) -> tuple[int, int]:
    """Return how many packets passed the policer, and how many came to it."""
    if direction == "egress":
        passed = counted["tx"] + counted.get("ovs_tx_failure_drops", 0)
        return passed, passed + counted.get("ovs_tx_qos_drops", 0)
    drops = counted.get("ovs_rx_qos_drops", 0)
    passed = counted["rx"] if behind else counted["rx"] - drops
    return passed, passed + drops


def pmd_times(pid: int) -> dict[str, tuple[float, float]]:
    """Return, by name, the seconds that each PMD thread ran, and that it waited for a CPU (Linux, Documentation/scheduler/sched-stats.rst)."""
    times = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        if not name.startswith("pmd-"):
            continue
        schedstat = task / "schedstat"
        if schedstat.exists():
            run, wait, _slices = schedstat.read_text().split()
            times[name] = (int(run) / 1e9, int(wait) / 1e9)
        else:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            times[name] = ((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), 0.0)
    return times


def measure(options: argparse.Namespace) -> dict[str, t.Any]:
    """Return the object that is printed."""
    kind = ask("ovs-vsctl", "get", "Interface", options.port, "type").strip().strip('"')
    behind = counts_behind_the_policer(kind)
    pid = int(pathlib.Path(options.pidfile).read_text())
    first_times, started = pmd_times(pid), time.monotonic()
    points = [counters(options.bridge, options.port)]
    for number in range(1, options.samples + 1):
        time.sleep(max(0.0, started + number * options.seconds / options.samples - time.monotonic()))
        points.append(counters(options.bridge, options.port))
    last_times, elapsed = pmd_times(pid), time.monotonic() - started
    totals = [(moment, *passed_and_offered(counted, options.direction, behind=behind)) for moment, counted in points]
    rates = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in zip(totals, totals[1:])]
    duration = totals[-1][0] - totals[0][0]
    mean = (totals[-1][1] - totals[0][1]) / duration
    threads = [
        {"name": name, "share": round((run - first_times[name][0]) / elapsed, 3), "wait": round((wait - first_times[name][1]) / elapsed, 3)}
        for name, (run, wait) in sorted(last_times.items())
        if name in first_times
    ]
    share = max((thread["share"] for thread in threads), default=0.0)
    result: dict[str, t.Any] = {
        "port": options.port,
        "direction": options.direction,
        "type": kind,
        "seconds": round(duration, 3),
        "passed": {"median": round(statistics.median(rates)), "min": round(min(rates)), "max": round(max(rates)), "mean": round(mean)},
        "offered": round((totals[-1][2] - totals[0][2]) / duration),
        "pmd": threads,
        "pmd_share": share,
        "limit": options.limit,
    }
    if options.limit:
        result["ratio"] = round(mean / options.limit, 4)
        result["ratio_of_share"] = round(mean / options.limit / share, 4) if share else None
    return result


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Packets per second that a policer lets pass.")
    parser.add_argument("--port", required=True)
    parser.add_argument("--direction", required=True, choices=["egress", "ingress"])
    parser.add_argument("--limit", type=float, help="packets per second that the policer is set to")
    parser.add_argument("--bridge", default="br0")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--pidfile", default="/run/openvswitch/ovs-vswitchd.pid")
    json.dump(measure(parser.parse_args()), sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
