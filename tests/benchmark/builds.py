# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure switches that were built from source in several ways, side by side, and a build with nothing to do; write docs/benchmark_builds.{md,svg}.

Started by `make bench`, through molecule/lab/run. On one lab host, DPDK and Open vSwitch are built by the modules of the collection, at two
levels of optimization, and the switch at each with a shared and with a static DPDK. Then the four switches forward packets in turn, in each
of several rounds (packets_per_core.py), and their ratios are those of one round.

What was built is kept in .build/bench, so that only the first run on a machine takes the minutes that the builds take.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import typing as t

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
DOCS = ROOT / "docs"
HOST = str(ROOT / "molecule/lab/host")
KEPT = ROOT / ".build/bench/builds.tar"
FOLDER = "/opt/bench"
PATHS = {"device": "device to device", "guest": "guest to device"}


@dataclasses.dataclass(frozen=True)
class Level:
    """How both are compiled. DPDK needs more than the first CPUs of the architecture have, so that it always has a march."""

    name: str
    optimization: str
    dpdk_march: str
    march: str | None

    @property
    def folder(self) -> str:
        """Return where its builds are."""
        return f"{FOLDER}/O{self.optimization}"


LEVELS = (Level("-O2", "2", "corei7", None), Level("-O3 -march=native", "3", "native", "native"))


@dataclasses.dataclass(frozen=True)
class Variant:
    """A switch."""

    level: Level
    library: str

    @property
    def name(self) -> str:
        """Return what it is called on the page."""
        return f"{self.library}, `{self.level.name}`"

    @property
    def prefix(self) -> str:
        """Return where its builds are."""
        return f"{self.level.folder}/{self.library}"


VARIANTS = tuple(Variant(level, library) for level in LEVELS for library in ("shared", "static"))

# For each of them: what is divided, by what
RATIOS = {
    "shared ÷ static, `-O2`": (0, 1),
    "shared ÷ static, `-O3 -march=native`": (2, 3),
    "`-O3 -march=native` ÷ `-O2`, shared": (2, 0),
    "`-O3 -march=native` ÷ `-O2`, static": (3, 1),
}

Result = dict[str, t.Any]


def variables(rounds: int) -> dict[str, t.Any]:
    """Return what builds.yml takes: the options of the modules. Of the first builds, all is kept, to run the build tools with nothing to do."""
    lab = yaml.safe_load((ROOT / "molecule/group_vars/build_hosts.yml").read_text(encoding="utf-8"))
    dpdk = [
        {
            **lab["lab_dpdk_build"],
            "prefix": f"{level.folder}/dpdk",
            "library": "shared",  # how test-pmd is linked: there are libraries of both kinds
            "optimization": level.optimization,
            "march": level.dpdk_march,
            "keep_build": level is LEVELS[0],
        }
        for level in LEVELS
    ]
    switches = [
        {
            **lab["lab_ovs_build"],
            "prefix": variant.prefix,
            "dpdk": f"{variant.level.folder}/dpdk/current",
            "library": variant.library,
            "optimization": variant.level.optimization,
            "march": variant.level.march,
            "keep_build": variant is VARIANTS[0],
        }
        for variant in VARIANTS
    ]
    return {"bench_dpdk": dpdk, "bench_switches": switches, "bench_rounds": rounds}


def on(host: str, *command: str, **options: t.Any) -> subprocess.CompletedProcess[str]:
    """Run a command on the lab host; end where it fails."""
    return subprocess.run([HOST, "exec", host, *command], check=True, **options)


def restore(host: str) -> None:
    """Have the builds of an earlier run there."""
    if KEPT.exists():
        with KEPT.open("rb") as stream:
            on(host, "tar", "--extract", "--directory=/", stdin=stream)


def keep(host: str) -> None:
    """Keep the builds. With times as exact as ninja looks at them, which is what the format is for."""
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    new = KEPT.with_suffix(".new")
    with new.open("wb") as stream:
        on(host, "tar", "--create", "--format=posix", "--directory=/", FOLDER.lstrip("/"), stdout=stream)
    new.replace(KEPT)


def has_built(report: dict[str, t.Any]) -> bool:
    """Tell whether a module has built something."""
    tasks = [task for play in report["plays"] for task in play["tasks"] if task["task"]["name"].startswith("Build ")]
    return any(result["changed"] for task in tasks for result in task["hosts"].values())


def version_of(host: str, prefix: str) -> str:
    """Return the version of the current build below a prefix."""
    record = on(host, "cat", f"{prefix}/current/.build.json", stdout=subprocess.PIPE, text=True).stdout
    return str(json.loads(record)["version"])


def forward(host: str, variant: Variant, seconds: float) -> Result:
    """Have one switch forward packets; return what packets_per_core.py says."""
    script = (HERE / "packets_per_core.py").read_text(encoding="utf-8")
    testpmd = f"{LEVELS[-1].folder}/dpdk/current/bin/dpdk-testpmd"  # the same guest for all
    words = ["--switch", f"{variant.prefix}/current", "--testpmd", testpmd, "--seconds", str(seconds)]
    done = on(host, "python3", "-", *words, input=script, text=True, stdout=subprocess.PIPE)
    result: Result = json.loads(done.stdout)
    if bool(result["mapped"]) != (variant.library == "shared"):
        sys.exit(f"{variant.name}: the daemon has mapped {result['mapped']}")
    return result


def cpu_model() -> str:
    """Return the name of the CPU."""
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def figure_of(values: list[float], digits: int = 2) -> str:
    """Return median, smallest and largest as cells of a table."""
    return f"{statistics.median(values):.{digits}f} | {min(values):.{digits}f} - {max(values):.{digits}f}"


def ratios(results: dict[Variant, list[Result]], path: str, first: int, second: int) -> list[float]:
    """Return, by round, packets per second and core of one variant divided by that of the other."""
    pairs = zip(results[VARIANTS[first]], results[VARIANTS[second]], strict=True)
    return [one[path]["pps_per_core"] / other[path]["pps_per_core"] for one, other in pairs]


def write_table(results: dict[Variant, list[Result]], times: dict[str, list[float]], loads: list[float], versions: tuple[str, str]) -> str:
    """Write docs/benchmark_builds.md, and return it."""
    rounds = len(results[VARIANTS[0]])
    shares = [result["share"] for found in results.values() for result in found]
    guests = [result["from_guest"] for found in results.values() for result in found]
    lines = [
        "# What a build makes of a switch",
        "",
        f"Open vSwitch {versions[1]} with DPDK {versions[0]}, both built by `ovs_build` and `dpdk_build` on one lab host (Debian 12), and run on it:",
        f"{cpu_model()}, {os.cpu_count()} CPUs. `make bench` writes this page: all four switches in turn, in each of {rounds} rounds of one run.",
        f"The load of the machine was {min(loads):.1f} to {max(loads):.1f}, of which the PMD thread and the guest are 2. The PMD thread had",
        f"{statistics.median(shares):.0%} of its CPU (median; {min(shares):.0%} at least): packets are those of a second in which it did have it.",
        "",
        "| path | switch | Mpps per core, median | min - max | cycles per packet | min - max |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for path, title in PATHS.items():
        for variant in VARIANTS:
            found = [result[path] for result in results[variant]]
            cells = f"{figure_of([one['pps_per_core'] / 1e6 for one in found])} | {figure_of([one['cycles'] for one in found], 0)}"
            lines.append(f"| {title} | {variant.name} | {cells} |")
    lines += ["", "| packets per second and core | path | median of the rounds | min - max |", "|---|---|---:|---:|"]
    for claim, (first, second) in RATIOS.items():
        for path, title in PATHS.items():
            lines.append(f"| {claim} | {title} | {figure_of(ratios(results, path, first, second), 3)} |")
    lines += [
        "",
        "![packets per second and core of each switch](benchmark_builds.svg)",
        "",
        "- *device to device*: 64-byte packets of one flow from a `net_null` device to another one: the receiving, the EMC, the sending; no packet is copied.",
        "- *guest to device*: the same from a guest (`test-pmd` on virtio-user, the same program for all) through a vhost-user port, which copies each. Both",
        f"  send ({min(guests):.0%} to {max(guests):.0%} of the packets are the guest's), so that the switch has whole batches of both, and what the packets",
        "  of the device cost is taken off.",
        "- *Mpps per core*: packets that the PMD thread received ÷ (its CPU time as the kernel accounts it, times the share of its cycles in which it had",
        "  packets). So neither other processes on its CPU nor a guest that is too slow count.",
        "- *cycles per packet*: what `pmd-stats-show` says, in cycles of the time stamp counter, which goes on while another process has the CPU.",
        '- *shared*, *static*: `library`. *-O2*: `optimization: "2"`, DPDK for the CPU that distributions build it for (`march: corei7`), the switch',
        '  without a `march`. *-O3 -march=native*: `optimization: "3"` and `march: native` for both.',
        "",
        "## A run with nothing to do",
        "",
        "| what | median s | min - max s |",
        "|---|---:|---:|",
    ]
    names = {
        "dpdk_build": "`dpdk_build`, the task",
        "ovs_build": "`ovs_build`, the task",
        "floor": "`ping`, the task: what Ansible itself costs",
        "ninja": "`ninja` in the folder of this DPDK, the process",
        "make": "`make` in the folder of this Open vSwitch, the process",
    }
    lines += [f"| {words} | {figure_of(times[name])} |" for name, words in names.items()]
    lines += [
        "",
        "The tools look at the times of the files of a build that they have kept; the modules at names, sizes and times of the files of the source, at",
        "the options, and at what the compiler says of itself. How a run with nothing to do compares for a tree with `make` stands in [building](building.md).",
        "",
    ]
    text = "\n".join(lines)
    (DOCS / "benchmark_builds.md").write_text(text, encoding="utf-8")
    return text


def draw(results: dict[Variant, list[Result]]) -> None:
    """Write docs/benchmark_builds.svg: a bar for each switch and path, with smallest and largest."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, and only needed at the end

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "nfv.ovs_dpdk"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, panels = plt.subplots(1, len(PATHS), figsize=(9, 3), layout="constrained")
    names = [variant.name.replace("`", "") for variant in VARIANTS]
    for axes, (path, title) in zip(panels, PATHS.items(), strict=True):
        found = [[result[path]["pps_per_core"] / 1e6 for result in results[variant]] for variant in VARIANTS]
        medians = [statistics.median(values) for values in found]
        spread = [[median - min(values) for median, values in zip(medians, found, strict=True)]]
        spread.append([max(values) - median for median, values in zip(medians, found, strict=True)])
        colors = ["#4477aa" if variant.library == "shared" else "#bbbbbb" for variant in VARIANTS]
        axes.barh(names, medians, color=colors, xerr=spread, capsize=3)
        axes.set_title(title)
        axes.set_xlim(left=0)
        axes.set_xlabel("Mpps per core (median, min - max)")
        axes.invert_yaxis()
    for axes in panels[1:]:
        axes.set_yticklabels([])
    figure.savefig(DOCS / "benchmark_builds.svg", metadata={"Date": None})


def main() -> None:
    """Build, measure, write."""
    parser = argparse.ArgumentParser(description="Measure switches that were built from source.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each path in each round")
    options = parser.parse_args()
    sys.path.insert(0, os.environ["ANSIBLE_COLLECTIONS_PATH"])
    from ansible_collections.nfv.ovs_dpdk.tests.benchmark import run  # noqa: PLC0415 - found only now

    with run.lab_host("benchbuild", "bookworm", "source") as host:
        restore(host)
        print("building what is not built yet: about ten minutes the first time", flush=True)
        report = run.play(host, "builds.yml", variables(options.rounds))
        if has_built(report):
            keep(host)
        versions = (version_of(host, f"{LEVELS[0].folder}/dpdk"), version_of(host, VARIANTS[0].prefix))
        results: dict[Variant, list[Result]] = {variant: [] for variant in VARIANTS}
        loads = [os.getloadavg()[0]]
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", flush=True)
            # each variant has each place in the order
            for variant in VARIANTS[number % len(VARIANTS) :] + VARIANTS[: number % len(VARIANTS)]:
                results[variant].append(forward(host, variant, options.seconds))
            loads.append(os.getloadavg()[0])
    print(write_table(results, run.times_of(report), loads, versions))
    draw(results)


if __name__ == "__main__":
    main()
