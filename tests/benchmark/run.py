# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what a task with many ports costs, side by side with other ways to the same end, and write docs/benchmark.{md,svg}.

Started by `make bench`, through molecule/lab/run. All ways run in turn, in each of several rounds, on one lab host; the loop of
the other collection runs once, after them, as it takes minutes. Times are those of the tasks as ansible-playbook has them; of
the commands that a person would type (the hand-written transaction, one read), the time of the process itself.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import typing as t
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
DOCS = ROOT / "docs"
PEERS = ROOT / ".build/peers"  # where `make bench` unpacks openvswitch.openvswitch

FIRST_AIM = 1.5
LOOP_AIM = 50.0

Times = dict[str, list[float]]

# What the task has to say for its time to count
CHANGED = {"Time | module": True, "Time | module, unchanged": False}

# The floor: Ansible checks every option and sends all of them back, which takes its time with 256 ports. So this module has those
# of the one under test, and does nothing with them. The second one also loads what that one loads of the collection.
FLOOR = """\
from ansible.module_utils.basic import AnsibleModule
{imports}

AnsibleModule(**{arguments}).exit_json(changed=False)
"""
# The third one also returns what the module under test returned, and ends as that one does.
RETURNED = """\
import json
import pathlib

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import finish
{imports}

finish(AnsibleModule(**{arguments}), json.loads(pathlib.Path("{kept}").read_text(encoding="utf-8")))
"""
KEPT = "/run/bench_result.json"  # on the lab host
MODULE = ROOT / "plugins/modules/vhost_user_port.py"


class TakenError(Exception):
    """Ends a module when what it gives to AnsibleModule is known."""


def module_arguments() -> dict[str, t.Any]:
    """Return what vhost_user_port gives to AnsibleModule."""
    sys.path.insert(0, os.environ["ANSIBLE_COLLECTIONS_PATH"])
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import ansible_module  # noqa: PLC0415 - found only now
    from ansible_collections.nfv.ovs_dpdk.plugins.modules import vhost_user_port  # noqa: PLC0415

    with mock.patch.object(ansible_module, "AnsibleModule", side_effect=TakenError) as made, contextlib.suppress(TakenError):
        vhost_user_port.main()
    return dict(made.call_args.kwargs)


def variables(count: int, rounds: int) -> dict[str, t.Any]:
    """Return what bulk.yml takes: the same ports and policers (1 Mpps at 64-byte frames, 10 ms of burst) in three spellings."""
    names = [f"vhost{number}" for number in range(count)]
    sockets = {name: f"/run/openvswitch/{name}.sock" for name in names}
    transaction = ["ovs-vsctl"]
    peers = []
    for number, name in enumerate(names):
        interface = ["Interface", name, "type=dpdkvhostuserclient", f"options:vhost-server-path={sockets[name]}"]
        port = ["Port", name, f"qos=@q{number}", "--", f"--id=@q{number}", "create", "QoS", "type=egress-policer"]
        policer = [*port, "other_config:cir=46000000", "other_config:cbs=460000"]
        transaction += ["--", "add-port", "br0", name, "--", "set", *interface, "--", "set", *policer]
        peers.append({"name": name, "set": [" ".join(interface), " ".join(policer)]})
    tables = ("Open_vSwitch", "Bridge", "Port", "Interface", "QoS", "Queue")
    return {
        "bench_rounds": rounds,
        "bench_ports": [{"name": name, "socket": sockets[name], "egress": {"rate": "1Mpps", "burst": "10ms"}} for name in names],
        "bench_absent": [{"name": name, "state": "absent"} for name in names],
        "bench_transaction": transaction,
        "bench_read": ["ovs-vsctl", "--format=json", *(word for table in tables for word in ("--", "list", table))],
        "bench_peer_ports": peers,
        "bench_kept": KEPT,
    }


def write_floors(folder: pathlib.Path) -> None:
    """Write the modules that do nothing."""
    arguments = module_arguments()
    imports = "\n".join(line for line in MODULE.read_text(encoding="utf-8").splitlines() if line.startswith("from ansible_collections."))
    folder.mkdir()
    for name, text, loaded in (("do_nothing", FLOOR, ""), ("load_and_do_nothing", FLOOR, imports), ("load_and_return", RETURNED, imports)):
        (folder / f"{name}.py").write_text(text.format(imports=loaded, arguments=arguments, kept=KEPT), encoding="utf-8")


def seconds(moment: str) -> float:
    """Return a moment of the JSON callback as seconds."""
    return dt.datetime.fromisoformat(moment.rstrip("Z")).timestamp()


def process_seconds(result: dict[str, t.Any]) -> float:
    """Return how long the process of a command task ran (``0:00:00.804213``)."""
    hours, minutes, rest = result["delta"].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def times_of(report: dict[str, t.Any]) -> Times:
    """Return the times by name, in seconds: of the process for a command, of the task for a module."""
    times: Times = {}
    for play in report["plays"]:
        for task in play["tasks"]:
            name = task["task"]["name"]
            if name.startswith("Time | "):
                (result,) = task["hosts"].values()
                if name in CHANGED and result["changed"] is not CHANGED[name]:
                    sys.exit(f"{name}: changed is {result['changed']}, so it did something else than what is to be measured")
                duration = task["task"]["duration"]
                taken = process_seconds(result) if "delta" in result else seconds(duration["end"]) - seconds(duration["start"])
                times.setdefault(name.removeprefix("Time | "), []).append(taken)
    return times


def play(host: str, playbook: str, given: dict[str, t.Any], modules: pathlib.Path | None = None) -> dict[str, t.Any]:
    """Run a playbook of this folder on a lab host that is up, with the modules of a folder besides; return what the JSON callback says of it."""
    with tempfile.TemporaryDirectory() as place:
        temp = pathlib.Path(place)
        (temp / "variables.json").write_text(json.dumps(given), encoding="utf-8")
        target = {"ansible_connection": "lab_podman", "ansible_host": f"{os.environ['LAB_PREFIX']}{host}", "ansible_python_interpreter": "/usr/bin/python3"}
        inventory = {"all": {"hosts": {host: None}, "vars": target}}
        (temp / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_COLLECTIONS_PATH": f"{os.environ['ANSIBLE_COLLECTIONS_PATH']}:{PEERS}",
            "ANSIBLE_LIBRARY": str(modules or temp),
        }
        command = ["ansible-playbook", "-i", str(temp / "inventory.json"), "-e", f"@{temp / 'variables.json'}", str(HERE / playbook)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    report: dict[str, t.Any] = json.loads(done.stdout[done.stdout.index("{") :])
    if done.returncode:
        tasks = [(task["task"]["name"], result) for play in report["plays"] for task in play["tasks"] for result in task["hosts"].values()]
        sys.exit("\n".join(f"{name}: {result.get('msg')}" for name, result in tasks if result.get("failed")))
    return report


@contextlib.contextmanager
def lab_host(name: str, *kind: str) -> t.Iterator[str]:
    """Have a lab host (of a suite, and a flavour)."""
    command = str(ROOT / "molecule/lab/host")
    subprocess.run([command, "up", name, *kind], check=True)
    try:
        yield name
    finally:
        subprocess.run([command, "down", name], check=True)


def run_playbook(given: dict[str, t.Any]) -> Times:
    """Run bulk.yml on a lab host made for it."""
    with tempfile.TemporaryDirectory() as place, lab_host("bench") as host:
        modules = pathlib.Path(place) / "library"
        write_floors(modules)
        return times_of(play(host, "bulk.yml", given, modules))


def verdicts(times: Times) -> list[tuple[str, float, str, bool | None]]:
    """Return each claim with its figure, its bound in words, and whether it holds, if it is one; of medians of the same run."""
    median = {name: statistics.median(values) for name, values in times.items()}
    first = median["module"] / (median["floor"] + median["hand-written"])
    again = median["module, unchanged"] / (median["floor"] + median["read"])
    least = median["floor, code and result"] / (median["floor"] + median["read"])
    work = median["module, unchanged"] / (median["floor, code and result"] + median["read"])
    loop = median["loop of openvswitch.openvswitch"] / median["module"]
    return [
        ("first run ÷ (floor + hand-written transaction)", first, f"at most {FIRST_AIM}", first <= FIRST_AIM),
        ("unchanged run ÷ (floor + one read)", again, "at most 1.0", again <= 1.0),
        ("(floor with the same code and result) ÷ (floor + one read)", least, "for comparison", None),
        ("unchanged run ÷ (floor with the same code and result + one read)", work, "for comparison", None),
        ("loop of `openvswitch.openvswitch.openvswitch_port` ÷ first run", loop, f"at least {LOOP_AIM:g}", loop >= LOOP_AIM),
    ]


def write_table(times: Times, count: int) -> str:
    """Write docs/benchmark.md, and return it."""
    lines = [
        "# What a task with many ports costs",
        "",
        f"{count} vhost-user ports, each with an egress policer, on one lab host (Debian 12, Open vSwitch 3.1, DPDK 22.11) with two cores.",
        "`make bench` writes this page: all ways in turn, in one run. Ratios are what to look at; the seconds depend on the machine.",
        "",
        "| way | median s | min - max s | runs |",
        "|---|---:|---:|---:|",
    ]
    for name, values in times.items():
        lines.append(f"| {name} | {statistics.median(values):.3f} | {min(values):.3f} - {max(values):.3f} | {len(values)} |")
    lines += ["", "| ratio | measured | aim | |", "|---|---:|---|---|"]
    words = {True: "holds", False: "**missed**", None: ""}
    lines += [f"| {claim} | {figure:.2f} | {bound} | {words[holds]} |" for claim, figure, bound, holds in verdicts(times)]
    lines += [
        "",
        "![seconds by way, logarithmic](benchmark.svg)",
        "",
        "- *floor*: a module that takes the same options, sub-options included, and does nothing: what Ansible itself costs.",
        "- *floor, code loaded*: the same, after the `import` lines of the module under test: Ansible ships code as a zip, which is compiled each time.",
        "- *floor, code and result*: the same, and it returns what the module under test returned: what Ansible takes for carrying both.",
        "  Where that alone takes more than the floor and one read, no module that returns this much can meet the aim of an unchanged run.",
        "- *hand-written*: one `ovs-vsctl` transaction with all ports and policers, as a person would write it; its own process only.",
        "- *read*: one `ovs-vsctl` that lists the six tables; its own process only.",
        "- *module*: `nfv.ovs_dpdk.vhost_user_port` with a list, first run: read, one transaction, read again, proof by `qos/show` of every port.",
        "- *module, unchanged*: the same task again. It still asks the switch for every policer, and returns what each guest needs.",
        "- *loop of openvswitch.openvswitch*: one task with a loop over the ports, the policer in the module's free-text `set`.",
        "",
    ]
    text = "\n".join(lines)
    (DOCS / "benchmark.md").write_text(text, encoding="utf-8")
    return text


def draw(times: Times) -> None:
    """Write docs/benchmark.svg: a bar for each way, on a logarithmic scale."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, and only needed at the end

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "nfv.ovs_dpdk"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    names = list(times)
    medians = [statistics.median(times[name]) for name in names]
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    bars = axes.barh(names, medians, color=["#4477aa" if name.startswith("module") else "#bbbbbb" for name in names])
    axes.bar_label(bars, [f"{value:.2f} s" for value in medians], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(right=max(medians) * 3)
    axes.set_xlabel("seconds (median, logarithmic)")
    axes.invert_yaxis()
    figure.savefig(DOCS / "benchmark.svg", metadata={"Date": None})


def main() -> None:
    """Measure, write, and say whether the aims hold."""
    parser = argparse.ArgumentParser(description="Measure what a task with many ports costs.")
    parser.add_argument("--ports", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    times = run_playbook(variables(options.ports, options.rounds))
    print(write_table(times, options.ports))
    draw(times)


if __name__ == "__main__":
    main()
