#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_dpdk_config
short_description: Options of Open vSwitch with DPDK
version_added: 0.1.0
description:
  - Sets keys of C(other_config) of the table Open_vSwitch, each checked for its type and bounds, in one transaction.
  - An option that is left out leaves its key alone. An empty one (V("")) removes the key, so that the default of Open vSwitch holds.
  - A key that the running release does not read, has renamed, or that no release ever read is written and warned of.
  - Some keys are read once. Where ovs-vswitchd runs with another value than the one that is set, RV(restart_required) says so, also in later runs
    and until it is restarted or the value is put back. The module remembers this in C(external_ids:ovs-dpdk-restart-pending) of the same row.
    It does not restart anything. It cannot know of changes that others make.
  - O(dpdk_init) counts as done when the switch says C(dpdk_initialized). Where an initialisation fails that the task has caused, what the task
    wrote is taken back and the task fails with what ovs-vswitchd logged. Since ovs-vswitchd makes one attempt in its life, it has to be restarted
    after that; the next task with correct values says so in RV(restart_required).
options:
  state:
    description:
      - V(present) sets and removes the keys that the task names.
      - V(absent) removes all keys of DPDK, vhost-user, PMD threads (the mask too), flow caches and memory pools, whoever has set them. No other
        option may be given then. Keys for the handling of flows and for offload to NICs stay.
    type: str
    choices: [present, absent]
    default: present
  dpdk_init:
    description:
      - Initialise DPDK. V(true) ends ovs-vswitchd where that fails, V(try) lets it go on without DPDK. The first V(true) or V(try) is taken up at
        once; ovs-vswitchd makes one attempt in its life.
      - One of V(false), V(true), V(try) (since 2.10). Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open
        vSwitch 2.6.
    type: str
  dpdk_socket_mem:
    description:
      - "Hugepage memory to take at the start, by NUMA node. A dictionary such as V({0: 1024, 1: 512}), a list such as V([1024, 512]), or V(1024,512).
        A number is in MB; V(1G) and V(512M) are possible too. A node that the host lacks is refused, and more than its free hugepages is warned of."
      - Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.6.
    type: raw
  dpdk_socket_limit:
    description:
      - The most hugepage memory to take, by NUMA node, in the forms of O(dpdk_socket_mem). V(0) is no limit for a node.
      - Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.11.
    type: raw
  dpdk_alloc_mem:
    description:
      - Hugepage memory to take at the start, wherever it is. O(dpdk_socket_mem) wins over it and is the one to use.
      - From V(0) MB. Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.6.
    type: str
  dpdk_hugepage_dir:
    description:
      - Where hugetlbfs is mounted. A directory that is no hugetlbfs mount is warned of.
      - Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.6.
    type: str
  dpdk_extra:
    description:
      - Further arguments of the DPDK EAL, such as V(--no-pci). They win over the other options with the same meaning.
      - Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.6.
    type: str
  dpdk_lcore_mask:
    description:
      - CPUs of the threads of DPDK itself, as a hexadecimal mask in quotes. Discouraged, because it pins all main, handler and revalidator threads to
        its lowest CPU.
      - Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.6.
    type: raw
  dpdk_probe_at_init:
    description:
      - Probe all devices at the start instead of each one when its port is added. Devargs of the form C(class=eth,mac=...) need it.
      - V(true) or V(false). Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 4.0.
    type: str
  vhost_sock_dir:
    description:
      - Directory of the vhost-user sockets, below O(rundir), without a slash in front. It has to exist when DPDK is initialised.
      - Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.6.
    type: str
  vhost_iommu_support:
    description:
      - IOMMU for C(dpdkvhostuserclient) ports; wants QEMU 2.9.1 or newer.
      - V(true) or V(false). Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.9.
    type: str
  vhost_postcopy_support:
    description:
      - Postcopy live migration of guests on C(dpdkvhostuserclient) ports.
      - V(true) or V(false). Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.12.
    type: str
  per_port_memory:
    description:
      - A memory pool for each port instead of one for all ports with the same MTU and NUMA node.
      - V(true) or V(false). Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 2.10.
    type: str
  shared_mempool_config:
    description:
      - For which MTUs memory pools are made and shared, as MTU or MTU:NUMA node, such as V(9000,1500:1) or a list of these.
      - From V(68) to V(9702). Read once, when DPDK is initialised; a later change needs a restart of ovs-vswitchd. Since Open vSwitch 3.0.
    type: raw
  pmd_rxq_assign:
    description:
      - How receive queues are given to PMD threads.
      - One of V(cycles), V(roundrobin), V(group) (since 2.16). Live. Since Open vSwitch 2.11.
    type: str
  pmd_rxq_isolate:
    description:
      - Whether a PMD thread with a queue of C(pmd-rxq-affinity) gets no other queues. V(false) only together with O(pmd_rxq_assign=group).
      - V(true) or V(false). Live. Since Open vSwitch 2.16.
    type: str
  pmd_auto_lb:
    description:
      - Move receive queues between PMD threads when one is overloaded. Not with O(pmd_rxq_assign=roundrobin).
      - V(true) or V(false). Live. Since Open vSwitch 2.11.
    type: str
  pmd_auto_lb_rebal_interval:
    description:
      - Least time between two moves of O(pmd_auto_lb). V(0) is the same as V(1).
      - From V(0) to V(20000) min. Live. Since Open vSwitch 2.11.
    type: str
  pmd_auto_lb_load_threshold:
    description:
      - Load of a PMD thread from which O(pmd_auto_lb) acts.
      - From V(0) to V(100) %. Live. Since Open vSwitch 2.15.
    type: str
  pmd_auto_lb_improvement_threshold:
    description:
      - Least improvement of the variance of the load for which O(pmd_auto_lb) acts.
      - From V(0) to V(100) %. Live. Since Open vSwitch 2.15.
    type: str
  pmd_sleep_max:
    description:
      - How long a PMD thread with little to do may sleep, for all, such as V(50), or since 3.3 also by CPU, such as V(50,2:0). On Open vSwitch 3.1
        this is the key C(pmd-maxsleep); where both names are read, the old one is removed.
      - From V(0) to V(10000) us. Live. Since Open vSwitch 3.2.
    type: raw
  pmd_perf_metrics:
    description:
      - Record detailed figures of PMD threads for C(pmd-perf-show); costs about 1 % of the throughput.
      - V(true) or V(false). Live. Since Open vSwitch 2.10.
    type: str
  emc_insert_inv_prob:
    description:
      - One in so many packets of a new flow puts it into the exact match cache (EMC). V(1) is every one, V(0) switches the EMC off. It takes the
        place of a larger EMC, for which the guide (section 4.4) has Open vSwitch compiled again.
      - From V(0) to V(4294967295). Live. Since Open vSwitch 2.8.
    type: str
  smc_enable:
    description:
      - Use the signature match cache (SMC), for more flows than the EMC holds.
      - V(true) or V(false). Live. Since Open vSwitch 2.10.
    type: str
  tx_flush_interval:
    description:
      - How long a packet may wait for others to be sent together.
      - From V(0) to V(1000000) us. Live. Since Open vSwitch 2.9.
    type: str
  userspace_tso_enable:
    description:
      - TCP segmentation offload in the userspace datapath.
      - V(true) or V(false). A change needs a restart of ovs-vswitchd. Since Open vSwitch 2.13.
    type: str
  hw_offload:
    description:
      - Offload flows to the NIC.
      - V(true) or V(false). A change needs a restart of ovs-vswitchd. Since Open vSwitch 2.8.
    type: str
  hw_offload_priority:
    description:
      - Which offload providers are tried, in order.
      - A change needs a restart of ovs-vswitchd. Since Open vSwitch 3.7.
    type: str
  n_offload_threads:
    description:
      - Threads that manage offloads of the userspace datapath, with O(hw_offload).
      - From V(1) to V(10). A change needs a restart of ovs-vswitchd. Since Open vSwitch 2.17.
    type: str
  offload_rebalance:
    description:
      - Move offloaded flows according to their packet rate, with O(hw_offload) and O(tc_policy=skip_sw).
      - V(true) or V(false). A change needs a restart of ovs-vswitchd. Since Open vSwitch 2.11.
    type: str
  tc_policy:
    description:
      - Where offloaded flows of the kernel's TC are put.
      - One of V(none), V(skip_sw), V(skip_hw). A change needs a restart of ovs-vswitchd. Since Open vSwitch 2.8.
    type: str
  n_handler_threads:
    description:
      - Threads for new flows; the userspace datapath has none since Open vSwitch 2.16.
      - From V(1). Live.
    type: str
  n_revalidator_threads:
    description:
      - Threads that revalidate flows.
      - From V(1). Live.
    type: str
  flow_limit:
    description:
      - Most flows in the datapath.
      - From V(0). Live.
    type: str
  max_idle:
    description:
      - How long an idle flow stays in the datapath.
      - From V(500) ms. Live.
    type: str
  max_revalidator:
    description:
      - How long revalidator threads may wait.
      - From V(100) ms. Live. Since Open vSwitch 2.13.
    type: str
  min_revalidate_pps:
    description:
      - Packet rate below which a flow may be dropped instead of revalidated. V(0), always revalidate, is possible since 3.2.
      - From V(0). Live. Since Open vSwitch 2.13.
    type: str
  offloaded_stats_delay:
    description:
      - How old statistics of offloaded flows may be.
      - From V(0) ms. Live. Since Open vSwitch 3.2.
    type: str
  explicit_sampled_drops:
    description:
      - Make drops after sampling visible to the datapath.
      - V(true) or V(false). Live. Since Open vSwitch 3.4.
    type: str
  bundle_idle_timeout:
    description:
      - After what time an idle OpenFlow bundle expires.
      - From V(1) s. Live. Since Open vSwitch 2.10.
    type: str
  stats_update_interval:
    description:
      - How often statistics go to the database.
      - From V(5000) ms. Live.
    type: str
  vlan_limit:
    description:
      - How many VLAN headers are matched; V(0) is as many as possible.
      - From V(0). Live. Since Open vSwitch 2.8.
    type: str
  other_config:
    description:
      - Further keys, as they are called in the database. A key that has an option here is checked in the same way, but belongs there.
      - A key that no release reads is written and warned of. An empty value removes the key.
    type: dict
attributes:
  check_mode:
    support: full
    details: That DPDK can be initialised is assumed.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.pmd_mask
  - module: nfv.ovs_dpdk.hugepage_alloc
  - name: Open vSwitch, ovs-vswitchd.conf.db(5)
    description: The keys.
    link: https://docs.openvswitch.org/en/latest/ref/ovs-vswitchd.conf.db.5/
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.switch.write
"""

EXAMPLES = r"""
- name: Initialise DPDK with 512 MB of hugepages on NUMA node 0
  nfv.ovs_dpdk.ovs_dpdk_config:
    dpdk_init: true
    dpdk_socket_mem: {0: 512}
    dpdk_extra: --no-pci
  register: ovs

- name: Show what a restart of ovs-vswitchd is needed for
  ansible.builtin.debug:
    var: ovs.restart_required

- name: Initialise DPDK with memory on two nodes, and go on without DPDK where that fails (two NUMA nodes)
  nfv.ovs_dpdk.ovs_dpdk_config:
    dpdk_init: try
    dpdk_socket_mem:
      0: 1G
      1: 1G
    dpdk_socket_limit: [2048, 2048]

- name: Tune flow caches and PMD threads live
  nfv.ovs_dpdk.ovs_dpdk_config:
    emc_insert_inv_prob: 20
    smc_enable: true
    pmd_sleep_max: 500
    pmd_auto_lb: true
    pmd_auto_lb_load_threshold: 90

- name: Go back to the defaults of two keys
  nfv.ovs_dpdk.ovs_dpdk_config:
    emc_insert_inv_prob: ""
    other_config:
      dpdk-mem-channels: ""

- name: Remove all that concerns DPDK
  nfv.ovs_dpdk.ovs_dpdk_config:
    state: absent
"""

RETURN = r"""
other_config:
  description: All keys of the row as they now are, in their types. Memory by NUMA node is a list of MB, a mask is a list of CPUs in one word.
  returned: always
  type: dict
  sample: {"dpdk-extra": "--no-pci", "dpdk-init": "true", "dpdk-socket-mem": [512], "pmd-cpu-mask": "1"}
cleared:
  description: Keys that the task has removed.
  returned: always
  type: list
  elements: str
  sample: []
restart_required:
  description: A reason for each key that the running ovs-vswitchd has not taken up; empty when there is none.
  returned: always
  type: list
  elements: str
  sample: ["dpdk-socket-mem: ovs-vswitchd runs with '512'; '1024' takes effect when it is restarted"]
memory_short:
  description:
    - Why DPDK could not be initialised with O(dpdk_socket_mem) now, one text for each NUMA node; empty when it could.
    - While this is not empty, a restart of ovs-vswitchd leaves the switch without DPDK.
  returned: always
  type: list
  elements: str
  sample: []
dpdk_initialized:
  description: Whether DPDK is initialised; V(null) where the switch does not say.
  returned: always
  type: bool
  sample: true
dpdk_version:
  description: The version of DPDK; V(null) where the switch has none.
  returned: always
  type: str
  sample: DPDK 22.11.11
ovs_version:
  description: The version of Open vSwitch.
  returned: always
  type: str
  sample: 3.1.0
commands:
  description: The transaction, as a list of words; empty where there was nothing to do. In check mode the one that would be run.
  returned: always
  type: list
  elements: list
  sample:
    - [/usr/bin/ovs-vsctl, "--db=unix:/var/run/openvswitch/db.sock", --timeout=30, --, set, Open_vSwitch, ., "other_config:smc-enable=true"]
diff:
  description: The keys that the task names, before and after.
  returned: always
  type: dict
  sample: {"before": {}, "after": {"smc-enable": "true"}}
"""

import pathlib
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import config
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.target import merge_keys
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Decision
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import main as run_main
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Want, WantSwitch
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_pmd import parse_pmd_sleep
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_hugepage_mounts, read_memory
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.log import DaemonLog
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon, NoDaemonError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import releases
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Evidence
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot, Switch

ROOT = pathlib.Path("/")
# The switch sets dpdk_initialized right after it has taken up the change
_DOUBT_SECONDS = 3

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **{name: {"type": config.option_type(key)} for name, key in config.OPTIONS.items()},
    "other_config": {"type": "dict"},
}


class Config(Decision):
    """Which keys have which values, and what waits for a restart."""

    def __init__(self, module: t.Any) -> None:
        super().__init__(module)
        self.memory_short: list[str] = []
        self.daemon = Daemon(self.params["rundir"], self.params["timeout"])
        self.named: set[str] = set()
        self.had_dpdk = False
        self.doubt_since: float | None = None

    def release(self, switch: Switch) -> releases.Release | None:
        """Return the release that runs; without a daemon the one that was started last, None where there was none."""
        try:
            text: str | None = self.daemon.ask("version") if self.params["wait"] else switch.ovs_version
        except NoDaemonError:  # check mode on a host without a switch
            text = switch.ovs_version
        try:
            return releases.parse_version(text.splitlines()[0]) if text else None
        except ValueError:
            return None

    def wants(self, snapshot: Snapshot) -> list[Want]:
        """Return the keys, and with them the note. Raises InputError."""
        switch = snapshot.switch
        release = self.release(switch)
        identity = config.daemon_identity(self.daemon, ROOT)
        values = self.cleared() if self.params["state"] == "absent" else self.values(release)
        self.named = set(values)
        keys = {name: None if value is None else releases.format_value(value) for name, value in values.items()}
        target = merge_keys(switch.other_config, keys)
        self.had_dpdk = config.wants_dpdk(switch.other_config)
        if identity and self.params["wait"] and switch.dpdk_version == "none" and config.wants_dpdk(keys_set(keys)):
            possible = "This ovs-vswitchd is built without DPDK."
            raise InputError(config.SUBJECT, "dpdk_init", keys[config.INIT_KEY], possible, "Install and select the one with DPDK, and restart it.")
        self.warn(values, target, switch, release)
        return [WantSwitch(other_config=keys, external_ids=self.note(switch, target, identity))]

    def cleared(self) -> dict[str, releases.Value | None]:
        """Return the keys for state=absent. Raises InputError where other options are given."""
        for name in (*config.OPTIONS, "other_config"):
            if self.params[name] is not None:
                possible = "With state=absent all keys of DPDK are removed, and no other option may be given."
                raise InputError(config.SUBJECT, name, self.params[name], possible, "To remove single keys, give them an empty value with state=present.")
        return dict.fromkeys(sorted(config.DPDK_KEYS))

    def values(self, release: releases.Release | None) -> dict[str, releases.Value | None]:
        """Return the keys that the options name. Raises InputError."""
        values: dict[str, releases.Value | None] = {}
        memory = read_memory(ROOT)
        for name, key in config.OPTIONS.items():
            given = self.params[name]
            if given is None:
                continue
            value = config.parse_option(key, name, given)
            values.update(config.sleep_keys(value, given, release) if key.key == config.SLEEP_KEY else {key.key: value})
            if key.kind == "per_numa" and value is not None:
                config.check_nodes(name, given, value, memory)
        more = config.free_form(self.params["other_config"] or {})
        twice = sorted(set(values) & set(more))
        if twice:
            raise InputError(config.SUBJECT, f"other_config[{twice[0]}]", more[twice[0]], "An option of the module sets the same key.", "Give it once.")
        return {**values, **more}

    def note(self, switch: Switch, target: dict[str, str], identity: str | None) -> dict[str, str | None]:
        """Return what has to be remembered, or forgotten; a note that says nothing any more stays until there is something to write."""
        running = config.runs_with(switch, target, identity)
        if running and identity:
            return {config.NOTE_KEY: config.format_note(identity, running)}
        about_this = config.read_note(switch, identity) is not None
        idle = target == switch.other_config and self.params["state"] == "present"
        return {} if config.NOTE_KEY not in switch.external_ids or (idle and not about_this) else {config.NOTE_KEY: None}

    def warn(self, values: dict[str, t.Any], target: dict[str, str], switch: Switch, release: releases.Release | None) -> None:
        """Add the warnings."""
        if release is not None:
            self.warnings.extend(config.value_warnings(values, release))
        if {"pmd-rxq-assign", "pmd-rxq-isolate", "pmd-auto-lb"} & set(values):
            self.warnings.extend(config.together_warnings(target))
        memory = read_memory(ROOT)
        wanted = values.get("dpdk-socket-mem")
        text = switch.other_config.get("dpdk-socket-mem")
        held = config.typed({"dpdk-socket-mem": text})["dpdk-socket-mem"] if text and switch.dpdk_initialized else None
        changes = text is None or not releases.same_value("dpdk-socket-mem", text, target.get("dpdk-socket-mem", ""))
        if wanted is not None and (changes or not switch.dpdk_initialized):
            self.memory_short = config.memory_warnings(wanted, tuple(held) if isinstance(held, list) else None, memory)
            self.warnings.extend(self.memory_short)
        folder = values.get("dpdk-hugepage-dir")
        mounts = sorted(mount.path for mount in read_hugepage_mounts(ROOT, memory.default_size))
        if folder and folder not in mounts:
            self.warnings.append(f"dpdk_hugepage_dir: {folder} is no mounted hugetlbfs; mounted are {', '.join(mounts) or 'none'}")
        sockets = values.get("vhost-sock-dir")
        if sockets and not (pathlib.Path(self.params["rundir"]) / sockets).is_dir():
            self.warnings.append(f"vhost_sock_dir: there is no directory {sockets} in {self.params['rundir']}; ovs-vswitchd takes that one itself then")

    def view(self, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return the keys that the task names; where it removes all of them, the note too."""
        note = snapshot.switch.external_ids.get(config.NOTE_KEY) if self.params["state"] == "absent" else None
        keys = {name: value for name, value in sorted(snapshot.switch.other_config.items()) if name in self.named}
        return keys if note is None else {**keys, f"external_ids:{config.NOTE_KEY}": note}

    def prove(self, evidence: Evidence) -> list[str]:
        """DPDK is initialised where this task has asked for it first, and PMD threads may sleep as long as they were told to."""
        switch = evidence.snapshot.switch
        if config.wants_dpdk(switch.other_config) and switch.dpdk_initialized is False and not self.had_dpdk:
            words = config.failure_words(evidence.log.problems())
            if words:
                raise HostError(
                    f"DPDK was not initialised. ovs-vswitchd logged: {' / '.join(words)}. It tries once in its life: restart it before the next attempt.",
                    log=words,
                )
            if not evidence.log.path.is_file():
                return [f"dpdk_initialized is false, and there is no log {evidence.log.path} to say why"]
            # nothing logged: this daemon made its attempt before, and results() says that it needs a restart
            self.doubt_since = self.doubt_since or time.monotonic()
            if time.monotonic() - self.doubt_since < _DOUBT_SECONDS:
                return ["dpdk_initialized is false"]
        return self.sleep_problems(evidence)

    def sleep_problems(self, evidence: Evidence) -> list[str]:
        """Compare how long PMD threads may sleep; a switch that has no word for it (before 3.3) or no datapath makes no claim."""
        text = evidence.snapshot.switch.other_config.get(config.SLEEP_KEY)
        if config.SLEEP_KEY not in self.named or text is None:
            return []
        try:
            shown = parse_pmd_sleep(evidence.daemon.ask("dpif-netdev/pmd-sleep-show"))
        except NoDaemonError:
            raise
        except HostError:
            return []
        return [] if shown.default is None else config.sleep_differences(text, shown)

    def results(self, before: Snapshot, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return the row, and what waits for a restart."""
        switch = after.switch
        identity = config.daemon_identity(self.daemon, ROOT)
        reasons = config.restart_reasons(switch, identity)
        initialized = switch.dpdk_initialized
        wanted = config.wants_dpdk(switch.other_config)
        if evidence is None and self.module.check_mode and self.params["wait"] and wanted and not self.had_dpdk:
            initialized = True  # what the run is to prove
        if identity and wanted and initialized is False and (evidence is not None or self.had_dpdk):
            words = config.last_failure((evidence.log if evidence else DaemonLog(self.params["log_file"])).history())
            logged = f"; it logged {' / '.join(words)}" if words else ""
            reasons.append(f"{config.INIT_KEY}: ovs-vswitchd could not initialise DPDK, and tries once in its life{logged}")
            self.warnings.append(f"DPDK is not initialised although dpdk-init={switch.other_config[config.INIT_KEY]}: restart ovs-vswitchd for another attempt")
        return {
            "other_config": config.typed(switch.other_config),
            "cleared": sorted(set(before.switch.other_config) - set(switch.other_config)),
            "restart_required": reasons,
            "memory_short": self.memory_short,
            "dpdk_initialized": initialized,
            "dpdk_version": None if switch.dpdk_version == "none" else switch.dpdk_version,
            "ovs_version": switch.ovs_version,
        }


def keys_set(keys: dict[str, str | None]) -> dict[str, str]:
    """Return the keys that get a value."""
    return {name: value for name, value in keys.items() if value is not None}


def main() -> None:
    """Run the module."""
    run_main(Config, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
