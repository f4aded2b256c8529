#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_args
short_description: Kernel arguments of the next boot
version_added: 0.2.0
description:
  - Stages hugepages, isolated CPUs, IOMMU and other kernel arguments for the next boot, and says what of it the running kernel does not have.
    It never reboots.
  - "Debian family: through a drop-in of its own, C(/etc/default/grub.d/zz-nfv-ovs-dpdk.cfg), and C(update-grub). The drop-in takes the arguments
    that are managed out of what other files set and adds its own. No other file is edited."
  - "Red Hat family: through C(grubby) for all kernels. What was there before is remembered in C(/var/lib/nfv.ovs_dpdk.kernel_args.json)."
  - Arguments that are not managed stay as they are, byte for byte. After the write the entry that is booted next is read again. If it does not
    have what was asked for, everything is taken back and the task fails.
  - Page sizes, pages, nodes and CPUs that the host does not have are refused before anything is touched.
options:
  default_hugepagesz:
    description: Page size that a program gets if it names none, for example V(1G).
    type: str
  hugepages:
    description:
      - Pages that the kernel allocates at boot, as pairs C(hugepagesz=) C(hugepages=) in this order. All pairs on the line are replaced.
      - "More pages than the memory of the host or of a node could hold are refused."
    type: list
    elements: dict
    suboptions:
      size:
        description: Size of a page, for example V(2M), V(1G).
        type: str
        required: true
      count:
        description: Pages, which the kernel spreads evenly over the nodes.
        type: int
      nodes:
        description: "Pages by NUMA node, for example V({0: 4, 1: 4}), instead of O(hugepages[].count). Needs Linux 5.16 or newer."
        type: dict
  isolcpus:
    description:
      - CPUs that the scheduler leaves alone, for example V(1-19). All CPUs of the host are refused.
      - The flags that were staged earlier are kept where O(isolcpus_flags) is left out.
    type: str
  isolcpus_flags:
    description: What the CPUs are isolated from; the kernel takes an empty list as V(domain). V(managed_irq) needs Linux 5.6 or newer.
    type: list
    elements: str
    choices: [domain, managed_irq, nohz]
  nohz_full:
    description: CPUs without a regular timer tick while one task runs. All CPUs of the host are refused.
    type: str
  rcu_nocbs:
    description: CPUs whose RCU callbacks run elsewhere.
    type: str
  irqaffinity:
    description: CPUs that interrupts go to by default.
    type: str
  iommu:
    description:
      - V(on) switches the IOMMU on, V(passthrough) does and lets devices of the host by without translation, V(off) switches it off.
      - On x86 these are C(intel_iommu) and C(iommu). An IOMMU of AMD is on unless switched off and takes no notice of C(intel_iommu).
    type: str
    choices: ["", "on", "passthrough", "off"]
  args:
    description:
      - Any other argument by name. The value is text or a number, V(true) for a bare word, a list where the argument comes several times, V(null)
        to have it nowhere, whoever sets it. An empty text takes away what was staged for it.
      - A name that was staged with this option earlier and is not given any more goes; an empty dictionary takes all of them away. What others
        say of names that are not given is left alone.
    type: dict
  state:
    description:
      - V(present) stages the options that are given. An option left out is left alone, so that what was staged for it stays. An empty value takes
        away what was staged for the option; what other files say of the argument holds again.
      - V(absent) takes away everything that this module staged; what other files say holds again.
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
    details: Whether the boot loader takes the arguments shows only in a run. Words of others that come back may have another place.
  diff_mode:
    support: full
notes:
  - Arguments that GRUB lets a user change at the console, and what another boot loader in front of GRUB does, are not seen.
seealso:
  - module: nfv.ovs_dpdk.dpdk_host_info
  - module: nfv.ovs_dpdk.hugepage_alloc
  - name: Linux, The kernel's command-line parameters
    description: All arguments.
    link: https://docs.kernel.org/admin-guide/kernel-parameters.html
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
"""

EXAMPLES = r"""
- name: Stage 1G pages for both nodes and isolate the CPUs of PMD threads and guests (40 CPUs)
  nfv.ovs_dpdk.kernel_args:
    default_hugepagesz: 1G
    hugepages:
      - size: 1G
        nodes:
          0: 4
          1: 4
    isolcpus: 1-19
    isolcpus_flags: [managed_irq, domain]
    nohz_full: 1-19
    rcu_nocbs: 1-19
    iommu: passthrough
  register: staged

- name: Say what waits for a reboot
  ansible.builtin.debug:
    msg: "{{ staged.reboot_required | default([]) }}"

- name: Stage pages of two sizes, keep the CPUs out of deep sleep, and have no mitigations argument (no container)
  nfv.ovs_dpdk.kernel_args:
    hugepages:
      - size: 1G
        count: 4
      - size: 2M
        count: 512
    args:
      intel_idle.max_cstate: 1
      nosmt: true
      mitigations: null

- name: Give back everything that was staged (no container)
  nfv.ovs_dpdk.kernel_args:
    state: absent
"""

RETURN = r"""
staged:
  description: The command line that the next boot gets, as the boot loader has it; in check mode as it would be.
  returned: always
  type: str
  sample: root=UUID=2b7e ro quiet default_hugepagesz=1G hugepagesz=1G hugepages=8 isolcpus=1-19
running:
  description: The command line of the running kernel.
  returned: always
  type: str
  sample: root=UUID=2b7e ro quiet
differs:
  description: The arguments that are or were managed, and those that have an option, where both lines do not mean the same.
  returned: always
  type: list
  elements: dict
  contains:
    argument:
      description: The argument. V(hugepages) stands for all pairs, V(iommu) for all arguments of that option.
      type: str
      sample: isolcpus
    staged:
      description: What the next boot gets; empty for nothing.
      type: str
      sample: 1-19
    running:
      description: What the running kernel got; empty for nothing.
      type: str
      sample: ""
reboot_required:
  description: One reason for each entry of RV(differs); empty when no reboot is needed.
  returned: always
  type: list
  elements: str
  sample: ["isolcpus: staged 1-19, running none"]
boot_loader:
  description: How the boot loader is configured, V(grub) or V(grubby); V(none) on a host without one, which RV(staged) takes to stay as it runs.
  returned: always
  type: str
  sample: grub
backup:
  description: Copy of the file that was replaced; V(null) where there was none, or nothing was replaced. When nothing is managed any more, all copies go.
  returned: always
  type: str
  sample: /etc/default/grub.d/zz-nfv-ovs-dpdk.cfg.2026-01-31@12:00:00~
commands:
  description: The commands that were run to change something; in check mode those that would be.
  returned: always
  type: list
  elements: list
  sample: [["/usr/sbin/update-grub"]]
diff:
  description: Each argument that is or was managed, on the line of the next boot before and after.
  returned: always
  type: dict
  sample: {"before": {"isolcpus": ""}, "after": {"isolcpus": "1-19"}}
"""

import dataclasses
import pathlib
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.boot import Loader, Nothing, Plan, plan_absent, plan_present
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.boot_grub import Grub
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.boot_grubby import Grubby
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import boot_loader
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_cpus, read_kernel, read_memory
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_args import SUBJECT, Limits, hugepage_warnings, wanted
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import ORDER, as_text, differences, fold, in_order, parse_line, without_loader

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import Line

STAGED = ("default_hugepagesz", "hugepages", "isolcpus", "isolcpus_flags", "nohz_full", "rcu_nocbs", "irqaffinity", "iommu", "args")


def find_loader(root: pathlib.Path, commands: Commands) -> Loader:
    """Return the boot loader of the host; one that can do nothing where there is none that this collection knows."""
    grubby = commands.find("grubby")
    if grubby and (boot_loader.has_entries(root) or not boot_loader.has_grub(root)):
        return Grubby(root, commands, grubby)
    grub = Grub(root, commands)
    if grub.config.exists() or grub.drop_in.exists():
        return grub
    if boot_loader.has_grub(root):
        reason = f"{grub.config} is not there, so what the next boot gets is not known. Run update-grub, if this host boots through GRUB."
    else:
        reason = f"There is no boot loader that can be configured, neither GRUB ({grub.config}) nor grubby."
    reason += " A container runs with the command line of its host; set it there."
    return Nothing(without_loader(parse_line(read_kernel(root).command_line)), reason)


def read_limits(root: pathlib.Path, release: str | None) -> Limits:
    """Read what the host can meet. Sizes that the kernel shows, and those that the processor has: some kernels show 1G pages only once asked for them."""
    cpus, memory = read_cpus(root), read_memory(root)
    info = read_text(root / "proc/cpuinfo") or ""
    flags = set((re.findall(r"^flags\s*:(.*)$", info, flags=re.MULTILINE) or [""])[0].split())
    by_flag = {size for flag, size in (("pse", 2 << 20), ("pdpe1gb", 1 << 30)) if flag in flags}
    return Limits(
        present=cpus.present,
        online=cpus.online,
        page_sizes=frozenset(memory.hugepages) | by_flag,
        memory=memory.total,
        nodes={node.id: node.memory_total for node in memory.nodes.values()},
        release=release or read_kernel(root).version,
        x86="CPU implementer" not in info,
    )


def plan_of(module: AnsibleModule, root: pathlib.Path, loader: Loader) -> tuple[Plan, list[str]]:
    """Return the plan of the task, and warnings. Raises InputError, HostError."""
    given = {option: module.params[option] for option in STAGED if module.params[option] is not None}
    if given.get("hugepages"):
        given["hugepages"] = [{name: value for name, value in entry.items() if value is not None} for entry in given["hugepages"]]
    if module.params["state"] == "absent":
        if given:
            option, value = next(iter(given.items()))
            advice = "Leave it out; or use state=present with an empty value to take one argument away."
            raise InputError(SUBJECT, option, value, "state=absent takes away everything that was staged.", advice)
        return plan_absent(loader), []
    record = loader.record()
    limits = read_limits(root, loader.next_boot().release)
    wants = wanted(given, record.managed if record else {}, limits)
    return plan_present(loader, wants), hugepage_warnings(given.get("hugepages") or [], limits)


def words_of(line: Line) -> str:
    """Return a line with one blank between words; more of them mean nothing."""
    return " ".join(token.raw for token in line.tokens)


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the options say and return the result."""
    root = pathlib.Path(module.params["root"])
    loader = find_loader(root, Commands(module))
    plan, warnings = plan_of(module, root, loader)
    loader.check(plan)
    commands, backup, staged = loader.commands(plan), None, plan.after
    if plan.changed and not module.check_mode:
        backup = loader.stage(plan)
        staged = loader.next_boot().line
    for warning in warnings:
        module.warn(warning)
    running = without_loader(parse_line(read_kernel(root).command_line))
    named = [fold(name) for name in module.params["args"] or {}]
    differs = differences(staged, running, [*ORDER, *plan.arguments, *named])
    shown = in_order({*plan.arguments, *named})
    return {
        "changed": plan.changed,
        "staged": words_of(staged),
        "running": words_of(running),
        "differs": [dataclasses.asdict(difference) for difference in differs],
        "reboot_required": [str(difference) for difference in differs],
        "boot_loader": loader.kind,
        "backup": str(backup) if backup else None,
        "commands": commands,
        "diff": {name: {argument: as_text(line, argument) for argument in shown} for name, line in (("before", plan.before.line), ("after", staged))},
    }


def main() -> None:
    """Entry point."""
    lists: dict[str, t.Any] = {option: {"type": "str"} for option in ("isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity")}
    run_module(
        run,
        {
            "default_hugepagesz": {"type": "str"},
            "hugepages": {
                "type": "list",
                "elements": "dict",
                "options": {"size": {"type": "str", "required": True}, "count": {"type": "int"}, "nodes": {"type": "dict"}},
                "mutually_exclusive": [("count", "nodes")],
            },
            **lists,
            "isolcpus_flags": {"type": "list", "elements": "str", "choices": ["domain", "managed_irq", "nohz"]},
            "iommu": {"type": "str", "choices": ["", "on", "passthrough", "off"]},
            "args": {"type": "dict"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "root": {"type": "path", "default": "/"},
        },
    )


if __name__ == "__main__":
    main()
