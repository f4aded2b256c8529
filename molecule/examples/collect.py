# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the examples of all modules as one file of tasks that works on a lab host, and print their names.

    collect.py FILE

Modules come in an order in which each finds what it needs; what removes something comes last, in the opposite order. An example whose
name ends in a condition that a lab host does not meet, such as ``(physical NIC)``, runs in check mode, and may say that it is not possible.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import typing as t

import yaml

COLLECTION = "nfv.ovs_dpdk"
ORDER = (
    *("dpdk_host_info", "dpdk_device", "irq_affinity", "cpu_partition", "kernel_args", "hugepage_alloc", "ovs_dpdk_config", "ovs_dpdk_bridge", "pmd_mask"),
    *("ovs_dpdk_port", "flow_ctrl", "vhost_user_port", "vhost_guest", "qos_policer", "ovs_dpdk_info"),
    *("vhost_user_info", "virtio_queues_info", "pvp_measure", "dpdk_build", "ovs_build"),
)
CONDITION = re.compile(r".*\((physical NIC|two NUMA nodes|40 CPUs|no container|DPDK source|Open vSwitch source|forwarding guest|guest)\)")

Task = dict[str, t.Any]


def read_examples() -> dict[str, list[Task]]:
    """Return the tasks in the examples of each module, by its short name."""
    listing = subprocess.run(["ansible-doc", "--type=module", "--list", "--json", COLLECTION], check=True, capture_output=True)
    names = sorted(json.loads(listing.stdout))
    documented = subprocess.run(["ansible-doc", "--type=module", "--json", *names], check=True, capture_output=True)
    return {name.rpartition(".")[2]: yaml.safe_load(entry["examples"]) for name, entry in json.loads(documented.stdout).items()}


def removes(task: Task) -> bool:
    """Tell whether a task of this collection removes something."""
    return any(isinstance(value, dict) and value.get("state") == "absent" for key, value in task.items() if key.startswith(f"{COLLECTION}."))


def in_order(examples: dict[str, list[Task]]) -> list[Task]:
    """Return all tasks in the order in which they work."""
    missing = set(examples) ^ set(ORDER)
    if missing:
        raise SystemExit(f"no place in the order, or no module: {', '.join(sorted(missing))}")
    tasks = [task for name in ORDER for task in examples[name] if not removes(task)]
    return tasks + [task for name in reversed(ORDER) for task in examples[name] if removes(task)]


def adapted(task: Task) -> Task:
    """Return a task as it can run on a lab host."""
    if not CONDITION.fullmatch(task["name"]):
        return task
    return {**task, "check_mode": True, "register": "example", "failed_when": "example is failed and 'is not possible' not in example.msg"}


def main(path: pathlib.Path) -> None:
    """Write the file and print the names."""
    tasks = in_order(read_examples())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("---\n" + yaml.safe_dump([adapted(task) for task in tasks], sort_keys=False, width=160), encoding="utf-8")
    for task in tasks:
        print(f"{'checked' if CONDITION.fullmatch(task['name']) else 'ran    '} {task['name']}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
