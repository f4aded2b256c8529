#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irq_affinity
short_description: Device interrupts away from CPUs that poll
version_added: 0.2.0
description:
  - Takes a set of CPUs out of C(/proc/irq/N/smp_affinity_list) of every interrupt that has one of them, and out of
    C(/proc/irq/default_smp_affinity), which is for interrupts to come. The other CPUs of an interrupt stay.
  - An interrupt that had no other CPU gets those of its NUMA node, or else all others.
  - The kernel places some interrupts by itself (those of many NICs and disks that have one queue per CPU), and some are of one CPU alone.
    They cannot be moved, which is no failure; RV(managed) lists those that are on these CPUs. C(isolcpus=managed_irq,...) on the kernel's
    command line is what keeps them away.
  - The affinities last until the next boot. The role C(nfv.ovs_dpdk.host_tuning) sets them at boot too, and tells C(irqbalance).
  - What was there before is written down, until the next boot, and comes back with O(state=absent). An interrupt that somebody else moved
    meanwhile stays as it is then.
options:
  away_from:
    description:
      - CPUs that shall take no interrupts, for example V(2-5,22-25). CPUs that an earlier task named and this one does not are given back.
      - Naming all CPUs of the host is refused. An empty list gives all back, as O(state=absent) does.
    type: list
    elements: str
  state:
    description: V(absent) gives every interrupt the CPUs that it had before.
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
    details: On kernels that do not mark them, which interrupts the kernel places by itself shows in the first run.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.pmd_mask
  - module: nfv.ovs_dpdk.cpu_partition
  - module: nfv.ovs_dpdk.kernel_args
    description: Sets C(irqaffinity) and C(isolcpus) with C(managed_irq).
  - name: Linux, SMP IRQ affinity
    description: What the files mean.
    link: https://docs.kernel.org/core-api/irq/irq-affinity.html
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
"""

EXAMPLES = r"""
- name: Keep interrupts off the CPUs of the PMD threads (no container)
  nfv.ovs_dpdk.irq_affinity:
    away_from: "1"

- name: Give the interrupts back (no container)
  nfv.ovs_dpdk.irq_affinity:
    state: absent
"""

RETURN = r"""
irqs:
  description: The interrupts that are kept away, by number.
  returned: always
  type: list
  elements: dict
  contains:
    irq:
      description: Number of the interrupt.
      type: int
      sample: 41
    name:
      description: Its handlers, as C(/proc/interrupts) names them.
      type: str
      sample: ens1f0-TxRx-0
    cpus:
      description: CPUs that may take it.
      type: str
      sample: 0-1,6-21
  sample: [{"irq": 41, "name": "ens1f0-TxRx-0", "cpus": "0-1,6-21"}]
default_cpus:
  description: CPUs of interrupts to come; V(null) where the kernel does not say.
  returned: always
  type: str
  sample: 0-1,6-21
managed:
  description: Interrupts on these CPUs that cannot be moved. RV(managed[].cpus) are the CPUs that take them.
  returned: always
  type: list
  elements: dict
  contains:
    irq:
      description: Number of the interrupt.
      type: int
      sample: 63
    name:
      description: Its handlers.
      type: str
      sample: nvme0q3
    cpus:
      description: CPUs that take it.
      type: str
      sample: "2"
  sample: [{"irq": 63, "name": "nvme0q3", "cpus": "2"}]
pending:
  description: Interrupts that were moved, and that come to these CPUs once more, since the kernel moves them as they come. Empty in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    irq:
      description: Number of the interrupt.
      type: int
      sample: 41
    name:
      description: Its handlers.
      type: str
      sample: ens1f0-TxRx-0
    cpus:
      description: CPUs that take it.
      type: str
      sample: "3"
  sample: []
writes:
  description: The files that were written, in order, and what; in check mode those that would be.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
    value:
      description: What was written.
      type: str
  sample: [{"path": "/proc/irq/41/smp_affinity_list", "value": "0-1,6-21"}]
commands:
  description: Always empty; this module runs no command.
  returned: always
  type: list
  elements: list
  sample: []
diff:
  description: The CPUs of each interrupt that is moved, before and after.
  returned: always
  type: dict
  sample: {"before": {"IRQ 41 ens1f0-TxRx-0": "0-21"}, "after": {"IRQ 41 ens1f0-TxRx-0": "0-1,6-21"}}
"""

import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import irqs
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.chosen_cpus import chosen_cpus
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_cpus
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_irqs import Irq, read_default_affinity, read_irqbalance, read_irqs
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import CpuTopology
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

Result = dict[str, t.Any]


def as_result(found: Iterable[Irq]) -> list[Result]:
    """Return interrupts with the CPUs that take them."""
    return [{"irq": irq.number, "name": irq.name, "cpus": format_cpu_list(irq.taken_by)} for irq in found]


def warnings_on(root: pathlib.Path, topology: CpuTopology, away: CpuSet, managed: list[Result]) -> list[str]:
    """Return what will put interrupts back onto these CPUs."""
    found = []
    if managed:
        found.append(
            f"{len(managed)} interrupts on these CPUs are placed by the kernel itself: "
            f"{', '.join('{irq} {name} (CPU {cpus})'.format(**one) for one in managed)}. "
            f"Boot with isolcpus=managed_irq,domain,{format_cpu_list(away)} to have it choose others where it can."
        )
    daemon = read_irqbalance(root)
    if daemon:
        left_alone = topology.isolated | topology.nohz_full if daemon.banned is None else daemon.banned
        if away - left_alone:
            found.append(
                f"irqbalance runs (process {daemon.pid}) and may move interrupts to CPUs {format_cpu_list(away - left_alone)} again. "
                f"Set IRQBALANCE_BANNED_CPULIST={format_cpu_list(away)} for it, or stop it."
            )
    return found


def run(module: AnsibleModule) -> Result:
    """Do what the options say and return the result."""
    root = pathlib.Path(module.params["root"])
    topology = read_cpus(root)
    given = module.params["away_from"]
    if module.params["state"] == "absent":
        away: CpuSet = frozenset()
    elif given is None:
        raise InputError("interrupts", "away_from", None, "A list of CPUs is needed.", "Name them, or use state: absent to give all back.")
    else:
        away = chosen_cpus("interrupts", "away_from", given, topology)
    wanted = irqs.plan(root, topology, away)
    irqs.check_writable(root, wanted)
    fixed = wanted.fixed
    written: tuple[irqs.Change, ...] = tuple(change for change in wanted.changes if change.differs)
    if not module.check_mode:
        done = irqs.apply(root, wanted)
        fixed, written = done.fixed, done.written
    managed = as_result(irq for irq in read_irqs(root) if irq.number in fixed and irq.taken_by & away)
    for text in warnings_on(root, topology, away, managed):
        module.warn(text)
    kept = [change for change in wanted.changes if change.kept_away and change.number is not None and change.number not in fixed]
    default = next((change.wanted for change in wanted.changes if change.number is None), read_default_affinity(root))
    pending = () if module.check_mode else irqs.still_there(root, away, fixed, irqs.SETTLE_SECONDS if written else 0)
    return {
        "changed": bool(written),
        "commands": [],
        "irqs": [{"irq": change.number, "name": change.name, "cpus": format_cpu_list(change.wanted)} for change in kept],
        "default_cpus": None if default is None else format_cpu_list(default),
        "managed": managed,
        "pending": as_result(pending),
        "writes": [{"path": str(irqs.path_of(root, change.number)), "value": irqs.text_of(change)} for change in written],
        "diff": {
            "before": {change.title: format_cpu_list(change.now) for change in written},
            "after": {change.title: format_cpu_list(change.wanted) for change in written},
        },
    }


def main() -> None:
    """Entry point."""
    run_module(
        run,
        {
            "away_from": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "root": {"type": "path", "default": "/"},
        },
    )


if __name__ == "__main__":
    main()
