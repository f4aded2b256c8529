# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what a policer lets pass, by burst and by the share of a CPU that the PMD thread has, and write docs/policers.{md,svg}.

Usage: molecule/lab/run python tests/benchmark/policers.py [--rounds N] [--host NAME]

The switch of the lab host has one PMD thread, a device dpdk0 that offers as many packets of 64 bytes as it can (net_null), and a flow from
it to dpdk1. Packets that passed are those of the port's own counters, and the CPU time is the kernel's account of the PMD thread
(molecule/lab/files/measure_rate.py). The policers are set by hand, with ovs-vsctl: this shows Open vSwitch, not the modules.

What share a PMD thread gets depends on what else the machine does. So each run adds its samples to policers.json, and page and plot are of
all of them. Without rounds they are only written anew.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
KEPT = pathlib.Path(__file__).with_suffix(".json")
HOST = ROOT / "molecule/lab/host"
MEASURE = (ROOT / "molecule/lab/files/measure_rate.py").read_text(encoding="utf-8")

BYTES = 46  # what a policer counts of a frame of 64 bytes
RATES = {"egress": (250_000, 500_000, 1_000_000, 2_000_000, 4_000_000), "ingress": (250_000, 1_000_000, 4_000_000)}
BURSTS = {"as in the guide": None, "1 ms": 1, "10 ms": 10}
GUIDE = {"egress": 2048, "ingress": 125_000}  # bytes: cbs=2048, ingress_policing_burst=1000 (kbit)
BANDS = ((0.0, 0.2), (0.2, 0.35), (0.35, 0.6), (0.6, 0.9), (0.9, 1.01))
LOOP = "import sys; sys.stdout.close()\nwhile True: pass"


@dataclasses.dataclass(frozen=True)
class Sample:
    """One measurement: what the limit was and what passed, in packets per second, and the share of a CPU that the PMD thread had."""

    release: str
    direction: str
    burst: str
    size: int
    limit: int
    passed: int
    share: float

    @property
    def ratio(self) -> float:
        """What passed, of what the limit is."""
        return self.passed / self.limit


def on(host: str, *argv: str, given: str = "") -> str:
    """Run a command on the lab host and return what it prints."""
    done = subprocess.run([str(HOST), "exec", host, *argv], input=given, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def police(host: str, direction: str, limit: int, size: int) -> None:
    """Set the one policer, of so many packets per second and bytes of burst."""
    clear = ["clear", "Port", "dpdk1", "qos", "--", "--all", "destroy", "QoS", "--", "set", "Interface", "dpdk0", "ingress_policing_rate=0"]
    if direction == "egress":
        create = ["--id=@new", "create", "QoS", "type=egress-policer", f"other_config:cir={limit * BYTES}", f"other_config:cbs={size}"]
        words = ["set", "Port", "dpdk1", "qos=@new", "--", *create]
    else:
        words = ["set", "Interface", "dpdk0", f"ingress_policing_rate={limit * BYTES * 8 // 1000}", f"ingress_policing_burst={size * 8 // 1000}"]
    on(host, "ovs-vsctl", *clear, "--", *words)


@contextlib.contextmanager
def busy_loop(host: str) -> Iterator[None]:
    """Let a busy loop share the CPU of the PMD thread."""
    thread = on(host, "sh", "-c", "grep -l ^pmd /proc/$(cat /run/openvswitch/ovs-vswitchd.pid)/task/*/comm").strip().split("/")[-2]
    cpu = on(host, "taskset", "--cpu-list", "--pid", thread).split()[-1]
    on(host, "systemd-run", "--quiet", "--collect", "--unit=busy-loop", "taskset", "--cpu-list", cpu, "python3", "-c", LOOP)
    try:
        yield
    finally:
        on(host, "systemctl", "stop", "busy-loop")


def sample(host: str, release: str, direction: str, burst: str, limit: int) -> Sample:
    """Set a policer and measure for three seconds."""
    milliseconds = BURSTS[burst]
    size = GUIDE[direction] if milliseconds is None else limit * BYTES * milliseconds // 1000
    police(host, direction, limit, size)
    time.sleep(0.3)
    port = "dpdk1" if direction == "egress" else "dpdk0"
    arguments = ["--port", port, "--direction", direction, "--limit", str(limit), "--seconds", "3", "--samples", "1"]
    found = json.loads(on(host, "python3", "-", *arguments, given=MEASURE))
    return Sample(release, direction, burst, size, limit, found["passed"]["mean"], found["pmd_share"])


def measure(host: str, rounds: int) -> list[Sample]:
    """Return all samples, with and without a busy loop in turn."""
    release = on(host, "ovs-vsctl", "get", "Open_vSwitch", ".", "ovs_version").strip().strip('"')
    samples = []
    for _round in range(rounds):
        for company in (contextlib.nullcontext(), busy_loop(host)):
            with company:
                for direction, limits in RATES.items():
                    samples += [sample(host, release, direction, burst, limit) for limit in limits for burst in BURSTS]
    return samples


def band_of(share: float) -> tuple[float, float]:
    return next(band for band in BANDS if band[0] <= share < band[1])


def write_page(samples: list[Sample]) -> None:
    """Write docs/policers.md."""
    bands = [band for band in BANDS if any(band_of(one.share) == band for one in samples)]
    releases = " and ".join(sorted({one.release for one in samples}))
    lines = [
        "# What a policer lets pass, measured",
        "",
        f"Open vSwitch {releases} on a lab host. Frames of 64 bytes from `net_null` through one PMD thread, {len(samples)} measurements of three seconds.",
        "`molecule/lab/run python tests/benchmark/policers.py` adds to them and writes this page. What it means stands in [qos.md](qos.md).",
        "",
        "![packets passed, divided by the limit, by the CPU share of the PMD thread](policers.svg)",
        "",
        "Packets passed, divided by the limit, by the share of a CPU that the PMD thread had meanwhile (median):",
        "",
        f"| direction | limit, Mpps | burst | bytes | as a time | {' | '.join(f'CPU {low:g} - {min(high, 1):g}' for low, high in bands)} |",
        f"|---|---:|---|---:|---:|{'---:|' * len(bands)}",
    ]
    groups = sorted({(one.direction, one.limit, one.size, one.burst) for one in samples})
    for direction, limit, size, burst in groups:
        cells = []
        for band in bands:
            found = [one.ratio for one in samples if (one.direction, one.limit, one.size) == (direction, limit, size) and band_of(one.share) == band]
            cells.append(f"{statistics.median(found):.3f}" if found else "")
        lines.append(f"| {direction} | {limit / 1e6:g} | {burst} | {size} | {size / (limit * BYTES) * 1e6:.0f} us | {' | '.join(cells)} |")
    (DOCS / "policers.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def draw(samples: list[Sample]) -> None:
    """Write docs/policers.svg: what passed by the CPU share, one panel for each direction."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, and only needed at the end

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "nfv.ovs_dpdk"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, panels = plt.subplots(1, len(GUIDE), figsize=(8, 3.4), layout="constrained", sharey=True)
    guide = {"egress": "the guide's: cbs=2048", "ingress": "the guide's: burst=1000 (kbit)"}
    for panel, direction in zip(panels, GUIDE):
        panel.plot([0, 1], [0, 1], color="#999999", linestyle=":", label="the PMD thread's share")
        for burst, colour, mark in zip(BURSTS, ("#cc6677", "#ddaa33", "#4477aa"), "osD"):
            found = [one for one in samples if one.direction == direction and one.burst == burst]
            label = guide[direction] if BURSTS[burst] is None else f"burst {burst}"
            panel.scatter([one.share for one in found], [one.ratio for one in found], s=16, color=colour, marker=mark, label=label, alpha=0.8)
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1.1)
        panel.set_xlabel("CPU share of the PMD thread")
        panel.set_title(f"{direction}, limits of {min(RATES[direction]) / 1e6:g} to {max(RATES[direction]) / 1e6:g} Mpps", fontsize="medium")
        panel.legend(fontsize="small", loc="lower right")
    panels[0].set_ylabel("packets passed / limit")
    figure.savefig(DOCS / "policers.svg", metadata={"Date": None})


@contextlib.contextmanager
def lab_host(name: str | None) -> Iterator[str]:
    """Return a lab host that is a switch as the head of this file says: the one that is given, or a new one."""
    if name:
        yield name
        return
    host = "policers"
    subprocess.run([str(HOST), "up", host], check=True)
    try:
        target = {"ansible_connection": "lab_podman", "ansible_host": f"{os.environ['LAB_PREFIX']}{host}", "ansible_python_interpreter": "/usr/bin/python3"}
        extra = json.dumps(target)
        playbook = str(pathlib.Path(__file__).with_suffix(".yml"))
        subprocess.run(["ansible-playbook", "-i", f"{host},", "-e", extra, playbook], cwd=ROOT, check=True)
        yield host
    finally:
        subprocess.run([str(HOST), "down", host], check=True)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Measure what a policer lets pass.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--host", help="a lab host that is set up already")
    options = parser.parse_args()
    samples = [Sample(**one) for one in json.loads(KEPT.read_text(encoding="utf-8"))] if KEPT.exists() else []
    if options.rounds:
        with lab_host(options.host) as host:
            samples += measure(host, options.rounds)
        rows = ",\n".join(json.dumps(dataclasses.asdict(one)) for one in samples)
        KEPT.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
    write_page(samples)
    draw(samples)


if __name__ == "__main__":
    main()
