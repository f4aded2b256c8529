#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cpu_partition
short_description: Isolated CPUs for PMD threads without a reboot, as a partition of cgroup v2
version_added: 0.2.0
description:
  - Isolates CPUs from the scheduler as C(isolcpus) does, without a boot argument, and gives them back as easily. The CPUs become an isolated
    cpuset partition of cgroup v2, C(/sys/fs/cgroup/ovs_dpdk.slice), which no other program can use. C(ovs-vswitchd) runs in it.
  - Writes units of systemd, so that it lasts over boots; a slice, a service that isolates it, and one file for each service that runs in it.
    The result is what the kernel says of the partition. Where it says that the partition is invalid, the task fails with the kernel's reason
    and the units are as they were.
  - A service comes into the slice when it is started. While one of O(services) runs outside, the CPUs are not isolated yet, because that would
    take them from its PMD threads; RV(restart_required) says so. The restart of the service then isolates them.
  - Other CPUs while services run in the slice need no restart, their threads are bound again. Kernels before 6.2 forget the CPUs that threads
    were bound to whenever the CPUs of their cpuset change. Threads of other programs on the host, such as vCPUs of guests outside of the
    slice, then may use all CPUs that are left, and have to be bound again.
  - "It keeps less away than C(isolcpus) does: see the page I(CPUs and NUMA nodes) of this collection. Interrupts are what
    M(nfv.ovs_dpdk.irq_affinity) is for."
requirements:
  - cgroup v2 with the cpuset controller, in the hierarchy of the whole host
  - Linux 6.1 or newer, or a kernel that has isolated partitions from there
  - systemd 244 or newer
options:
  cpus:
    description:
      - CPUs of the PMD threads, and those of guests that are started in the slice (C(Slice=ovs_dpdk.slice)), for example V(2-5).
      - Nothing but threads that name one of these CPUs themselves, as PMD threads do, should run on them.
      - Required with O(state=present).
    type: list
    elements: str
  service_cpus:
    description:
      - CPUs of the partition for the threads of O(services) that are no PMD threads. One is enough, and best, since the scheduler does not
        move threads about in the partition.
      - Required with O(state=present). No CPU of O(cpus), since these threads would take time from PMD threads.
    type: list
    elements: str
  services:
    description: The services that run in the partition.
    type: list
    elements: str
    default: [ovs-vswitchd.service]
  state:
    description:
      - V(absent) gives the CPUs back to everybody at once and removes the units. Services leave the slice when they are restarted.
    type: str
    choices: [present, absent]
    default: present
  root:
    description: Folder that stands for V(/), for tests.
    type: path
    default: /
attributes:
  check_mode:
    support: full
    details: Whether the kernel accepts the partition shows only in a run.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.irq_affinity
  - module: nfv.ovs_dpdk.kernel_args
    description: Sets C(isolcpus), C(nohz_full) and C(rcu_nocbs).
  - module: nfv.ovs_dpdk.pmd_mask
  - name: Linux, Control Group v2
    description: What a partition is, under C(cpuset.cpus.partition).
    link: https://docs.kernel.org/admin-guide/cgroup-v2.html
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
"""

EXAMPLES = r"""
- name: Isolate CPU 1 for a PMD thread, beside CPU 0 for the other threads of Open vSwitch (no container)
  nfv.ovs_dpdk.cpu_partition:
    cpus: "1"
    service_cpus: "0"

- name: Give the CPUs back (no container)
  nfv.ovs_dpdk.cpu_partition:
    state: absent
"""

RETURN = r"""
partition:
  description: The partition as the kernel has it now; V(null) where there is none. In check mode as it is before a run.
  returned: always
  type: dict
  contains:
    path:
      description: The cgroup, below the root of cgroup v2.
      type: str
      sample: /ovs_dpdk.slice
    cpus:
      description: Its CPUs.
      type: str
      sample: 1-5
    state:
      description: What C(cpuset.cpus.partition) says.
      type: str
      sample: isolated
services:
  description: The services of the partition as they now are, in check mode as they would be.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The service.
      type: str
      sample: ovs-vswitchd.service
    running:
      description: Whether it runs.
      type: bool
      sample: true
    in_partition:
      description: Whether it runs in the slice.
      type: bool
      sample: true
    cpus:
      description: CPUs that its main thread may use.
      type: str
      sample: "1"
  sample: [{"name": "ovs-vswitchd.service", "running": true, "in_partition": true, "cpus": "1"}]
restart_required:
  description: Why a service has to be restarted; empty when nothing has to be.
  returned: always
  type: list
  elements: str
  sample: ["ovs-vswitchd.service runs outside of ovs_dpdk.slice: the CPUs are isolated as soon as it is restarted"]
commands:
  description: The commands that changed something, in check mode those that would.
  returned: always
  type: list
  elements: list
  sample: [["/usr/bin/systemctl", "daemon-reload"], ["/usr/bin/systemctl", "restart", "ovs_dpdk-partition.service"]]
diff:
  description: CPUs, services and state of the partition, before and after.
  returned: always
  type: dict
  sample:
    before: {}
    after: {"cpus": "2-5", "service_cpus": "1", "services": ["ovs-vswitchd.service"], "state": "isolated"}
"""

import pathlib
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import partition
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.chosen_cpus import chosen_cpus
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_cpus
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

SUBJECT = "partition"


def setting(params: dict[str, t.Any], root: pathlib.Path) -> partition.Setting:
    """Return what the options ask for. Raises InputError."""
    topology = read_cpus(root)
    chosen = {}
    for option in ("cpus", "service_cpus"):
        chosen[option] = chosen_cpus(SUBJECT, option, params[option] or (), topology)
        if not chosen[option]:
            raise InputError(SUBJECT, option, params[option], "At least one CPU is needed.", "Name it, or use state: absent to have no partition.")
        offline = chosen[option] & topology.offline
        if offline:
            shown = format_cpu_list(topology.online)
            raise InputError(SUBJECT, option, format_cpu_list(chosen[option]), f"CPU {format_cpu_list(offline)} is offline.", f"Choose from {shown}.")
    cpus, service_cpus = chosen["cpus"], chosen["service_cpus"]
    if cpus & service_cpus:
        possible = f"CPU {format_cpu_list(cpus & service_cpus)} is in cpus too: PMD threads need a CPU each for themselves."
        raise InputError(SUBJECT, "service_cpus", format_cpu_list(service_cpus), possible, "Choose a CPU that no PMD thread has.")
    if cpus | service_cpus >= topology.online:
        possible = f"With cpus={format_cpu_list(cpus)} these are all CPUs of the host that are online."
        raise InputError(SUBJECT, "service_cpus", format_cpu_list(service_cpus), possible, "Leave one to the host.")
    for service in params["services"]:
        if not re.fullmatch(r"[\w.@:\\-]+\.service", service):
            raise InputError(SUBJECT, "services", service, "It is no name of a service.", "Write it in full, such as ovs-vswitchd.service.")
    if not params["services"]:
        raise InputError(SUBJECT, "services", [], "Something has to run in the partition.", "Name ovs-vswitchd.service at least.")
    return partition.Setting(cpus, service_cpus, tuple(sorted(set(params["services"]))))


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the options say and return the result."""
    root = pathlib.Path(module.params["root"])
    wanted = setting(module.params, root) if module.params["state"] == "present" else None
    systemd = partition.Systemd(Commands(module), root, check=module.check_mode)
    outcome = partition.set_up(root, systemd, wanted) if wanted else partition.take_away(root, systemd)
    found = outcome.partition
    return {
        "changed": outcome.changed,
        "commands": systemd.orders,
        "diff": {"before": outcome.before, "after": outcome.after},
        "partition": {"path": found.path, "cpus": format_cpu_list(found.cpus), "state": found.state} if found else None,
        "services": [service.as_result() for service in outcome.services],
        "restart_required": list(outcome.restart_required),
    }


def main() -> None:
    """Entry point."""
    run_module(
        run,
        {
            "cpus": {"type": "list", "elements": "str"},
            "service_cpus": {"type": "list", "elements": "str"},
            "services": {"type": "list", "elements": "str", "default": ["ovs-vswitchd.service"]},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "root": {"type": "path", "default": "/"},
        },
        required_if=[("state", "present", ("cpus", "service_cpus"))],
    )


if __name__ == "__main__":
    main()
