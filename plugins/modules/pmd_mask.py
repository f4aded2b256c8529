#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pmd_mask
short_description: CPUs of the PMD threads
version_added: 0.1.0
description:
  - Sets C(other_config:pmd-cpu-mask) of Open vSwitch, on which CPUs its poll mode driver (PMD) threads run, from a list of CPUs, a mask, or so
    many cores of each NUMA node.
  - The task fails, before anything is written, for a CPU that is absent or offline, for no CPU, and for all CPUs of the host.
  - The task warns of a CPU without its SMT sibling, of a CPU that the kernel schedules other work on, of a NUMA node without a DPDK port, and of
    a port on a node without a CPU.
  - The change is live. Once there is a DPDK port, the task is done when C(dpif-netdev/pmd-rxq-show) lists a PMD thread on each of these CPUs and
    on no other. Before that there are no PMD threads.
  - The example for SMT in section 3.4 of the guide is wrong. Its two threads of one core are CPUs 1 and 21, which is mask V(0x200002); the
    V(100002) that it prints is CPUs 1 and 20.
options:
  state:
    description:
      - V(present) sets the mask.
      - V(absent) removes it. Open vSwitch then runs one PMD thread on each NUMA node, on a CPU of its own choice, as soon as there is a DPDK port.
    type: str
    choices: [present, absent]
    default: present
  cpus:
    description:
      - The CPUs, as a list such as V(2,22) or V(2-5,22-25), with V(^4) for an exception.
    type: list
    elements: str
  mask:
    description:
      - The CPUs as a hexadecimal mask, with or without V(0x), the lowest bit for CPU 0. Write it in quotes, YAML reads it as a number otherwise.
    type: raw
  cores_per_node:
    description:
      - "Physical cores by NUMA node, for example V({0: 2, 1: 1}). The module chooses them, always the same ones on the same host."
      - Of the CPUs that are online, a node's cores with all threads isolated come first, then the others, in the order of their lowest CPU. The
        core with the lowest CPU of the node is the last choice.
    type: dict
  siblings:
    description:
      - With O(cores_per_node), whether a core is taken with all of its SMT threads. With V(false) it is the lowest isolated thread, or the lowest.
      - The default is V(true).
    type: bool
attributes:
  check_mode:
    support: full
    details: The PMD threads are those that run before.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.dpdk_host_info
  - module: nfv.ovs_dpdk.ovs_dpdk_config
  - name: Open vSwitch, PMD threads
    description: What the mask does.
    link: https://docs.openvswitch.org/en/latest/topics/dpdk/pmd/
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.switch.write
"""

EXAMPLES = r"""
- name: Run one PMD thread, on CPU 1
  nfv.ovs_dpdk.pmd_mask:
    cpus: "1"

- name: Run PMD threads on both threads of one core of the guide's machine, 0x200002 (40 CPUs)
  nfv.ovs_dpdk.pmd_mask:
    cpus: 1,21

- name: Run PMD threads on CPUs 2 and 22 (40 CPUs)
  nfv.ovs_dpdk.pmd_mask:
    mask: "0x400004"

- name: Run PMD threads on two cores of node 0 and one of node 1, with their SMT siblings (two NUMA nodes)
  nfv.ovs_dpdk.pmd_mask:
    cores_per_node:
      0: 2
      1: 1

- name: Leave the choice to Open vSwitch again
  nfv.ovs_dpdk.pmd_mask:
    state: absent
"""

RETURN = r"""
cpus:
  description: The CPUs of the mask; empty where there is none.
  returned: always
  type: list
  elements: int
  sample: [1, 21]
cpu_list:
  description: The same as a list in one word.
  returned: always
  type: str
  sample: "1,21"
mask:
  description: The same as a mask; V(null) where there is none.
  returned: always
  type: str
  sample: "0x200002"
pmd_threads:
  description: The PMD threads that run, by CPU; empty before the first DPDK port. V(null) where the daemon was not asked (O(wait=false)) or does not run.
  returned: always
  type: list
  elements: dict
  contains:
    core:
      description: The CPU.
      type: int
    node:
      description: Its NUMA node.
      type: int
  sample: [{"core": 1, "node": 0}, {"core": 21, "node": 0}]
restart_required:
  description: Always empty; the mask is taken up live.
  returned: always
  type: list
  elements: str
  sample: []
commands:
  description: The transaction, as a list of words; empty where there was nothing to do. In check mode the one that would be run.
  returned: always
  type: list
  elements: list
  sample:
    - [/usr/bin/ovs-vsctl, "--db=unix:/var/run/openvswitch/db.sock", --timeout=30, --, set, Open_vSwitch, ., "other_config:pmd-cpu-mask=200002"]
diff:
  description: CPUs and mask, before and after; empty where there is no mask.
  returned: always
  type: dict
  sample: {"before": {}, "after": {"cpus": "1,21", "mask": "0x200002"}}
"""

import functools
import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import pmd
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Decision
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import main as run_main
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Want, WantSwitch
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_pmd import PmdThread, parse_pmd_threads
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_cpus
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon, NoDaemonError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_bare_mask, format_cpu_list, format_mask, parse_mask
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Evidence
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import CpuTopology
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

KEY = "pmd-cpu-mask"
ROOT = pathlib.Path("/")
GROUP = ("cpus", "mask", "cores_per_node")
ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "cpus": {"type": "list", "elements": "str"},
    "mask": {"type": "raw"},
    "cores_per_node": {"type": "dict"},
    "siblings": {"type": "bool"},
}
CHECKS: dict[str, t.Any] = {
    "mutually_exclusive": [GROUP],
    "required_if": [("state", "present", GROUP, True)],
    "required_by": {"siblings": "cores_per_node"},
}


def mask_of(snapshot: Snapshot) -> CpuSet:
    """Return the CPUs of the mask in the database; none where there is no mask, or one that cannot be read."""
    try:
        return parse_mask(snapshot.switch.other_config.get(KEY, "0"))
    except ValueError:
        return frozenset()


def _port_nodes(snapshot: Snapshot) -> dict[str, int]:
    """Return the NUMA node of each DPDK port that the switch knows it of."""
    nodes = {}
    for interface in snapshot.interfaces.values():
        text = interface.status.get("numa_id", interface.status.get("numa", ""))
        if interface.type.startswith("dpdk") and text.isdigit():
            nodes[interface.name] = int(text)
    return nodes


class PmdMask(Decision):
    """Which CPUs, and whether the PMD threads are there."""

    @functools.cached_property
    def topology(self) -> CpuTopology:
        """The CPUs of this host."""
        return read_cpus(ROOT)

    def wants(self, snapshot: Snapshot) -> list[Want]:
        """Return the mask. Raises InputError."""
        if self.params["state"] == "absent":
            return [WantSwitch(other_config={KEY: None})]
        option = next(name for name in GROUP if self.params[name] is not None)
        given = self.params[option]
        cpus = {"cpus": pmd.cpus_of_list, "mask": pmd.cpus_of_mask, "cores_per_node": self.picked}[option](given)
        pmd.check_cpus(self.topology, cpus, option, ",".join(given) if option == "cpus" else given)
        lone = option == "cores_per_node" and self.params["siblings"] is False
        self.warnings.extend(pmd.warnings_on(self.topology, cpus, _port_nodes(snapshot), lone_on_purpose=lone))
        return [WantSwitch(other_config={KEY: format_bare_mask(cpus)})]

    def picked(self, given: dict[t.Any, t.Any]) -> CpuSet:
        """Return the CPUs for option cores_per_node."""
        return pmd.pick_cores(self.topology, given, siblings=self.params["siblings"] is not False)

    def view(self, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return CPUs and mask."""
        return pmd.shown(mask_of(snapshot))

    def threads(self, daemon: Daemon) -> tuple[PmdThread, ...]:
        """Return the PMD threads that run; none where there is no userspace datapath, which the daemon answers with an error."""
        try:
            return parse_pmd_threads(daemon.ask("dpif-netdev/pmd-rxq-show"))
        except NoDaemonError:
            raise
        except HostError:
            return ()

    def prove(self, evidence: Evidence) -> list[str]:
        """Compare CPUs and threads: reconfigure_pmd_threads() in lib/dpif-netdev.c (2.15 to 4.0) makes one for each CPU as soon as there is a DPDK port."""
        wanted = mask_of(evidence.snapshot)
        cores = {thread.core for thread in self.threads(evidence.daemon)}
        if not wanted or not cores or cores == wanted:
            return []
        return [f"PMD threads run on CPU {format_cpu_list(cores)}, not on {format_cpu_list(wanted)}"]

    def results(self, before: Snapshot, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return the CPUs in three forms, and the threads."""
        del before
        cpus = mask_of(after)
        threads: list[dict[str, int]] | None = None
        daemon = evidence.daemon if evidence else Daemon(self.params["rundir"], self.params["timeout"])
        if evidence or (self.module.check_mode and self.params["wait"]):
            try:
                threads = [{"core": thread.core, "node": thread.node} for thread in self.threads(daemon)]
            except NoDaemonError:  # check mode on a host without a switch
                threads = None
        return {
            "cpus": sorted(cpus),
            "cpu_list": format_cpu_list(cpus),
            "mask": format_mask(cpus) if cpus else None,
            "pmd_threads": threads,
            "restart_required": [],
        }


def main() -> None:
    """Run the module."""
    run_main(PmdMask, ARGUMENT_SPEC, **CHECKS)


if __name__ == "__main__":
    main()
