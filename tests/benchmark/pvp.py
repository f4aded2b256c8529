# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure port - guest - port with mergeable buffers on and off, one and two queues, one and two PMD threads: docs/benchmark_pvp.{md,svg}.

Usage: molecule/lab/run python tests/benchmark/pvp.py [--rounds N]

The guest is dpdk-testpmd with two virtio-user devices, on CPU 0. The packets come from a device that the PMD thread polls, so that they need
no CPU of their own. All settings are measured in turn in each round, by nfv.ovs_dpdk.pvp_measure. The samples are in pvp.json; without rounds, page
and plot are only written anew.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import itertools
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import typing as t

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
KEPT = pathlib.Path(__file__).with_suffix(".json")
HOST = ROOT / "molecule/lab/host"
NAME = "pvpbench"

FLOWS = 64
GUEST_CPU = 0
# A guest and two PMD threads with a CPU each, and one for everything else
CPUS_FOR_TWO = 4
ACCEPTABLE_LOSS = 1  # percent
ALONE = 0.9  # share of a CPU below which the page says that the machine had other work

# The unit of the guest; its journal says why it does not connect
UNIT = "pvp-guest"


class Setting(t.NamedTuple):
    """What is compared."""

    mergeable: bool
    queues: int
    pmds: int

    def __str__(self) -> str:
        """Return it as it stands on the page."""
        buffers = "on" if self.mergeable else "off"
        return f"mergeable {buffers}, {self.queues} queue{'s' * (self.queues > 1)}, {self.pmds} PMD thread{'s' * (self.pmds > 1)}"


@dataclasses.dataclass(frozen=True)
class Sample:
    """One measurement of a setting.

    *full*: packets per second that came back of all that there are, *lost*: percent that did not; *cycles*: what a packet cost the PMD threads
    then; *carried*: packets per second with at most 1 % lost; *pmd_share*: the share of a CPU that the PMD thread had, of the time it could run.
    """

    release: str
    cpus: int
    mergeable: bool
    queues: int
    pmds: int
    full: int
    lost: float
    cycles: float
    carried: int
    pmd_share: float

    @property
    def setting(self) -> Setting:
        """What was measured."""
        return Setting(self.mergeable, self.queues, self.pmds)


def settings(cpus: int) -> list[Setting]:
    """Return what a machine with so many CPUs can compare."""
    pmds = (1, 2) if cpus >= CPUS_FOR_TWO else (1,)
    return [Setting(*one) for one in itertools.product((True, False), (1, 2), pmds)]


def packets() -> bytes:
    """Return a capture of one frame of 64 bytes (60 without FCS) for each flow of UDP."""
    text = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number in range(FLOWS):
        ethernet = bytes.fromhex("525400000001525400000101") + b"\x08\x00"
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 17, 0, bytes((10, 0, 0, number)), bytes((10, 1, 0, number)))
        udp = struct.pack(">HHHH", 1000 + number, 2000, 26, 0)
        frame = (ethernet + ip + udp).ljust(60, b"\0")
        text += struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
    return text


def on(*argv: str) -> str:
    """Run a command on the lab host and return what it prints."""
    return subprocess.run([str(HOST), "exec", NAME, *argv], check=True, stdout=subprocess.PIPE, text=True).stdout


def have_guest(setting: Setting) -> None:
    """Have a guest with these queues and buffers, and so many PMD threads; packets of one PMD thread go to all queues by their flow."""
    subprocess.run([str(HOST), "exec", NAME, "systemctl", "stop", UNIT], check=False, stderr=subprocess.DEVNULL)
    mask = f"{sum(1 << cpu for cpu in range(1, 1 + setting.pmds)):x}"
    steering = "hash" if setting.queues > setting.pmds else "thread"
    ports = [word for name in ("vm0", "vm1") for word in ("--", "set", "Port", name, f"other_config:tx-steering={steering}")]
    on("ovs-vsctl", "set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={mask}", *ports)
    options = f"server=1,queue_size=1024,queues={setting.queues},mrg_rxbuf={int(setting.mergeable)}"
    vdevs = [f"--vdev=net_virtio_user{number},path=/run/openvswitch/vhost/vm{number},{options}" for number in (0, 1)]
    lcores = f"--lcores=0@{GUEST_CPU},1@{GUEST_CPU}"
    eal = [lcores, "-m", "256", "--iova-mode=va", "--in-memory", "--single-file-segments", "--no-pci", *vdevs]
    queues = [f"--rxq={setting.queues}", f"--txq={setting.queues}", "--total-num-mbufs=32768", "--nb-cores=1"]
    unit = ["systemd-run", "--quiet", f"--unit={UNIT}", "--collect", "--property=RuntimeMaxSec=1800"]
    on(*unit, "stdbuf", "-oL", "dpdk-testpmd", *eal, "--", "--forward-mode=io", *queues, "--stats-period=10")
    deadline = time.monotonic() + 60
    while any(on("ovs-vsctl", "get", "Interface", name, "status:status").strip() != "connected" for name in ("vm0", "vm1")):
        if time.monotonic() > deadline:
            sys.exit(f"the guest did not connect: {on('journalctl', '--unit', UNIT, '--lines=20')}")
        time.sleep(0.5)


class Ansible:
    """Runs Ansible against the lab host."""

    def __init__(self, folder: pathlib.Path) -> None:
        target = {"ansible_connection": "lab_podman", "ansible_host": f"{os.environ['LAB_PREFIX']}{NAME}", "ansible_python_interpreter": "/usr/bin/python3"}
        self.inventory = folder / "inventory.json"
        self.inventory.write_text(json.dumps({"all": {"hosts": {NAME: target}}}), encoding="utf-8")

    def playbook(self, path: pathlib.Path, **extra: t.Any) -> None:
        """Run a playbook."""
        subprocess.run(["ansible-playbook", "-i", str(self.inventory), "-e", json.dumps(extra), str(path)], cwd=ROOT, check=True)

    def module(self, name: str, **options: t.Any) -> dict[str, t.Any]:
        """Run a module and return its result."""
        environment = {**os.environ, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
        argv = ["ansible", "-i", str(self.inventory), NAME, "-m", f"nfv.ovs_dpdk.{name}", "-a", json.dumps(options)]
        done = subprocess.run(argv, cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, text=True)
        report = json.loads(done.stdout[done.stdout.index("{") :])
        result: dict[str, t.Any] = report["plays"][0]["tasks"][0]["hosts"][NAME]
        if done.returncode:
            sys.exit(f"{name}: {result.get('msg')}")
        return result


def sample(ansible: Ansible, release: str, setting: Setting) -> Sample:
    """Measure one setting: all packets that there are, and the search."""
    have_guest(setting)
    given = {"guest_ports": ["vm0", "vm1"], "frame_sizes": [64], "repeats": 1}
    full = ansible.module("pvp_measure", **given, generator={"type": "external", "ports": ["source0"]}, trial_seconds=3)["measurements"][0]
    searched = {"acceptable_loss": ACCEPTABLE_LOSS, "resolution": 5, "trial_seconds": 1, "burst": "256packets"}
    carried = ansible.module("pvp_measure", **given, generator={"type": "port", "ports": ["source0"]}, **searched)["measurements"][0]
    return Sample(
        release,
        os.cpu_count() or 1,
        *setting,
        full=full["pps"]["median"],
        lost=full["loss_percent"],
        cycles=full["cycles_per_packet"] or 0.0,
        carried=carried["pps"]["median"],
        pmd_share=full["pmd_share"] or 0.0,
    )


def measure(rounds: int) -> None:
    """Measure all settings, in turn in each round, on a lab host made for it."""
    subprocess.run([str(HOST), "up", NAME], check=True)
    try:
        with tempfile.TemporaryDirectory() as place:
            ansible = Ansible(pathlib.Path(place))
            capture = pathlib.Path(place, "bench.pcap")
            capture.write_bytes(packets())
            ansible.playbook(pathlib.Path(__file__).with_suffix(".yml"), bench_packets=str(capture), bench_pmd_cpus="1")
            release = on("ovs-vsctl", "get", "Open_vSwitch", ".", "ovs_version").strip().strip('"')
            found: list[Sample] = []
            for number in range(rounds):
                for setting in settings(os.cpu_count() or 1):
                    found.append(sample(ansible, release, setting))
                    keep(found)
                    print(f"round {number + 1} of {rounds}: {setting}: {found[-1].full} pps, {found[-1].cycles} cycles a packet", flush=True)
    finally:
        subprocess.run([str(HOST), "down", NAME], check=True)


def keep(samples: list[Sample]) -> None:
    """Write the samples down, as they come: a run takes minutes."""
    rows = ",\n".join(json.dumps(dataclasses.asdict(one)) for one in samples)
    KEPT.write_text(f"[\n{rows}\n]\n", encoding="utf-8")


def by_setting(samples: list[Sample]) -> dict[Setting, list[Sample]]:
    """Return the samples of each setting."""
    groups: dict[Setting, list[Sample]] = collections.defaultdict(list)
    for one in samples:
        groups[one.setting].append(one)
    return dict(groups)


def write_page(samples: list[Sample]) -> None:
    """Write docs/benchmark_pvp.md."""
    groups = by_setting(samples)
    cpus = samples[0].cpus
    rounds = min(len(found) for found in groups.values())
    lines = [
        "# Packets through a guest, by its settings",
        "",
        f"Port - guest - port with frames of 64 bytes, one way, on a lab host (Debian 12, Open vSwitch {samples[0].release}) of a machine with {cpus} CPUs.",
        f"The guest is `dpdk-testpmd` with two virtio-user devices in mode io, on CPU {GUEST_CPU}; the PMD thread is on CPU 1. The packets, {FLOWS} flows",
        f"of UDP, come from `net_pcap`, which the PMD thread polls. All settings in turn, in each of {rounds} rounds: median, least and largest.",
        "`make bench` writes this page. How it is measured stands in [pvp.md](pvp.md).",
        "",
        f"| setting | Mpps of all there is | lost, % | cycles/packet | Mpps, {ACCEPTABLE_LOSS} % may be lost | CPU of the PMD thread |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for setting, found in groups.items():
        full, carried = (_range([getattr(one, name) / 1e6 for one in found], "{:.2f}") for name in ("full", "carried"))
        lost, cycles, share = (
            _range([getattr(one, name) for one in found], form) for name, form in (("lost", "{:.0f}"), ("cycles", "{:.0f}"), ("pmd_share", "{:.2f}"))
        )
        lines.append(f"| {setting} | {full} | {lost} | {cycles} | {carried} | {share} |")
    had = statistics.median(one.pmd_share for one in samples)
    if had < ALONE:
        busy = f"**The machine was busy**: the PMD thread had its CPU for {100 * had:.0f} % of the time in which it could run (median)."
        lines += ["", busy, "The rates are those of such a part of a CPU, and settings whose ranges overlap are not told apart by this run."]
    elif max(min(one.full for one in found) for found in groups.values()) <= min(max(one.full for one in found) for found in groups.values()):
        lines += ["", "The ranges of all settings overlap: with frames of 64 bytes from a guest that only forwards, this run does not tell them apart."]
    lines += [
        "",
        "![packets per second and cycles per packet, by setting](benchmark_pvp.svg)",
        "",
        "- *all there is*: the device gives as many packets as the PMD thread takes; what the guest's queue does not hold is lost.",
        "- *cycles/packet*: what a packet costs the PMD thread then, once from the device and once from the guest. Other work changes it less than the rates.",
        "  One that the full queue of the guest refuses costs less than one that it takes, so compare rows that lose as much.",
        "- *may be lost*: the result of the search. A guest that is taken off its CPU for milliseconds loses packets at nearly any rate.",
        "- *two queues*: with one PMD thread for both, `tx-steering=hash` spreads the flows over them; without it, the thread uses one queue.",
        "- *CPU of the PMD thread*: its share of a CPU, of the time in which it could run. Below 0.98 the machine had other work to do there.",
    ]
    if not any(setting.pmds > 1 for setting in groups):
        why = f"they and the guest need a CPU each, and the rest of the host one: {CPUS_FOR_TWO}, and this machine has {cpus}"
        lines += [f"- Two PMD threads were left out: {why}.", "  On a larger one `make bench` measures them too."]
    (DOCS / "benchmark_pvp.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def _range(figures: list[float], form: str) -> str:
    median, least, most = (form.format(value) for value in (statistics.median(figures), min(figures), max(figures)))
    return f"{median} ({least} - {most})"


def draw(samples: list[Sample]) -> None:
    """Write docs/benchmark_pvp.svg: packets per second, and cycles per packet, by setting."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, and only needed at the end

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "nfv.ovs_dpdk"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    groups = by_setting(samples)
    figure, panels = plt.subplots(1, 2, figsize=(9, 0.6 * len(groups) + 1.2), layout="constrained", sharey=True)
    names = [str(setting) for setting in groups]
    colours = ["#4477aa" if setting.mergeable else "#ddaa33" for setting in groups]
    for panel, field, scale, label in ((panels[0], "full", 1e6, "Mpps of all there is"), (panels[1], "cycles", 1, "cycles/packet")):
        figures = [[getattr(one, field) / scale for one in found] for found in groups.values()]
        medians = [statistics.median(found) for found in figures]
        errors = [[middle - min(found) for middle, found in zip(medians, figures)], [max(found) - middle for middle, found in zip(medians, figures)]]
        panel.barh(names, medians, xerr=errors, color=colours, capsize=3)
        panel.set_xlabel(label)
    panels[0].invert_yaxis()
    figure.savefig(DOCS / "benchmark_pvp.svg", metadata={"Date": None})


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Packets per second through a guest, by its settings.")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.rounds:
        measure(options.rounds)
    samples = [Sample(**one) for one in json.loads(KEPT.read_text(encoding="utf-8"))]
    write_page(samples)
    draw(samples)


if __name__ == "__main__":
    main()
