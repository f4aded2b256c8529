#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pvp_measure
short_description: Measure how many packets a guest on vhost-user ports forwards
version_added: 0.3.0
description:
  - Measures port - guest - port on a running switch, without hardware. Packets come in from a port of the generator, are sent into the
    guest by one vhost-user port, come out of it by another one, and go back to the generator.
  - Searches the highest rate at which no more than O(acceptable_loss) of them is lost, in outline as RFC 2544 has it, for each of
    O(frame_sizes) and O(directions), O(repeats) times, and returns median, minimum and maximum.
  - The rate is set by ingress policers on the ports of the generator. What is counted as offered is what the switch had for the guest,
    so that a generator that is slower than it was asked to be makes no loss.
  - Before it, looks at what would change the figure. RV(findings) says so, and O(require) makes it an error.
  - Flows with the cookie C(0x6e66762d707670), the policers on the ports of the generator and the generator itself are there while it
    measures, and taken back at the end, also of a failure. Nothing else is changed.
  - A measurement takes its time. With the default options and one size of frames it is about three minutes; run it with C(async) where
    the connection of Ansible does not last as long.
options:
  guest_ports:
    description:
      - The vhost-user port by which packets go into the guest, and the one by which they come out of it. Where the guest sends them back
        by the same port, that one alone.
    type: list
    elements: str
    required: true
  generator:
    description: Where the packets come from.
    type: dict
    required: true
    suboptions:
      type:
        description:
          - With V(testpmd) the module runs C(dpdk-testpmd) on vhost-user ports of its own, with 1024 flows of UDP. It needs CPUs and hugepages.
          - With V(port) packets come from the ports by themselves, and as many as the switch takes, as those of C(net_null) or of C(net_pcap) with
            C(infinite_rx=1) do, which cost no CPU of their own.
          - With V(external) somebody else sends at a rate of its own, for instance a hardware generator to a physical port. There is no
            search then; packets are counted O(repeats) times.
        type: str
        choices: [testpmd, port, external]
        default: testpmd
      ports:
        description:
          - The port that packets come in from, and the one that they leave by. With one port they leave by it too.
          - Packets in both directions need two ports. With V(testpmd) in O(generator.type), packets in one direction use the first only.
        type: list
        elements: str
        required: true
      cpus:
        description: The CPUs that C(dpdk-testpmd) runs on, as V(3) or V(3-4). Required with V(testpmd) in O(generator.type).
        type: str
      queues:
        description: Pairs of queues of each port of C(dpdk-testpmd).
        type: int
        default: 1
      memory:
        description: Megabytes of hugepages for C(dpdk-testpmd).
        type: int
        default: 256
  directions:
    description: Whether packets go one way, or both ways at once. In both, the rates of both are added up.
    type: list
    elements: str
    choices: [unidirectional, bidirectional]
    default: [unidirectional]
  frame_sizes:
    description:
      - Sizes of frames in bytes on the wire, with Ethernet header and FCS, 64 to 9728. Those of a generator that the module does not run
        are what it sends, and this option has to say it.
      - A jumbo frame needs the MTU on all ports, which is the size less 18.
    type: list
    elements: int
    default: [64]
  acceptable_loss:
    description: Percent of the packets that may be lost. RFC 2544 has 0; a machine that has other work to do needs more.
    type: float
    default: 0
  resolution:
    description: A search ends where carried and lost rates are no further apart than this, in percent.
    type: float
    default: 2
  trial_seconds:
    description: How long packets are sent at each rate.
    type: float
    default: 5
  repeats:
    description: How many times each search is made.
    type: int
    default: 3
  max_rate:
    description: The rate to begin at, in packets per second for all directions together, as V(2Mpps). By default as many as the generator has.
    type: str
  burst:
    description:
      - Burst of the policers that set the rate, as V(64packets) or V(1ms). It has to be less than what the queues of the guest hold.
    type: str
    default: 64packets
  guest_macs:
    description:
      - Ethernet addresses of the guest on O(guest_ports), in the same order. Packets get them as destination, where the guest looks at it, as
        a kernel that forwards does. It costs the switch some cycles per packet.
      - The packets of V(testpmd) in O(generator.type) go from 10.254.0.0 to 10.253.0.0 - 10.253.3.255. A kernel needs a route for them.
    type: list
    elements: str
    default: []
  latency:
    description:
      - Measures the round trip of C(ping) with nothing else under way, before the flows of the measurement are there, from a network
        namespace, through a guest whose kernel forwards. By default no latency is measured, as testpmd in the guest answers no ping.
    type: dict
    suboptions:
      namespace:
        description: The network namespace of the host that sends.
        type: str
        required: true
      address:
        description: The address that answers.
        type: str
        required: true
      count:
        description: How many requests, one each 10 ms.
        type: int
        default: 200
  require:
    description: The names of checks that have to be good, or nothing is measured. RV(findings) has them.
    type: list
    elements: str
    choices:
      - guest_connected
      - queues
      - policers
      - pmd_isolated
      - pmd_alone
      - generator_apart
      - one_node
      - mergeable_buffers
      - pmd_sleep
      - emulated
    default: [guest_connected]
attributes:
  check_mode:
    support: full
    details:
      - Makes the checks and says in RV(plan) what would be measured. Measures nothing. Ports that are not there are assumed to be made by an
        earlier task.
  diff_mode:
    support: N/A
    details: Changes nothing that stays.
seealso:
  - module: nfv.ovs_dpdk.vhost_user_port
  - module: nfv.ovs_dpdk.qos_policer
  - module: nfv.ovs_dpdk.ovs_dpdk_info
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
"""

EXAMPLES = r"""
- name: Measure 64-byte frames through the guest on two ports (forwarding guest)
  nfv.ovs_dpdk.pvp_measure:
    guest_ports: [vhost-user0, vhost-user1]
    generator:
      ports: [dpdk0]
      type: port
    frame_sizes: [64]
  register: pvp

- name: Measure both ways with testpmd, and only on a host that is set up for it (forwarding guest)
  nfv.ovs_dpdk.pvp_measure:
    guest_ports: [vhost-user0, vhost-user1]
    generator:
      ports: [vhost-user2, vhost-user3]
      cpus: "4"
    directions: [unidirectional, bidirectional]
    frame_sizes: [64, 512, 1518]
    require: [guest_connected, queues, policers, pmd_isolated, pmd_alone, one_node]

- name: Count what a hardware generator sends, at the rate at which it does (forwarding guest)
  nfv.ovs_dpdk.pvp_measure:
    guest_ports: [vhost-user0, vhost-user1]
    generator:
      type: external
      ports: [dpdk0, dpdk1]
    frame_sizes: [64]
    trial_seconds: 30
"""

RETURN = r"""
measurements:
  description: One for each direction and size of frames. Empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    direction:
      description: V(unidirectional) or V(bidirectional).
      type: str
    frame_size:
      description: Bytes of a frame, with FCS.
      type: int
    pps:
      description: The rate that was found, in packets per second, as C(median), C(min) and C(max) of all repeats. 0 where no rate was carried.
      type: dict
    bps:
      description: The median in bits per second of frames.
      type: int
    wire_bps:
      description: The median in bits per second as a wire has it, with preamble and gap.
      type: int
    loss_percent:
      description: The most that was lost at one of these rates, as far as O(acceptable_loss) lets it.
      type: float
    cycles_per_packet:
      description:
        - Cycles of the TSC that the PMD threads worked for each packet that they took from a port, in trials with all that the generator has, as what a
          policer drops costs cycles too. Each packet of the path is taken twice, from the generator and from the guest. One that the full queue of the
          guest refuses costs less than one that it takes, so compare where as many are lost. Other work on the machine changes it less than the rates.
        - V(null) where the release does not say it, and with O(max_rate).
      type: float
    pmd_share:
      description: The least share of a CPU that a PMD thread had in any trial, of the time in which it could run. V(null) where it is not known.
      type: float
    limited_by:
      description: What kept the rate from being higher in the repeats - V(loss), V(generator) or V(max_rate).
      type: list
      elements: str
    runs:
      description: Each repeat with its rate and its trials.
      type: list
      elements: dict
  sample:
    - direction: unidirectional
      frame_size: 64
      pps: {"median": 1190422, "min": 1172340, "max": 1204518}
      bps: 609496064
      wire_bps: 799963584
      loss_percent: 0
      cycles_per_packet: 211.4
      pmd_share: 0.998
      limited_by: [loss]
      runs:
        - pps: 1190422
          limited_by: loss
          trials:
            - asked_pps: null
              offered_pps: 5210332
              sent: 27614760
              received: 6319113
              loss_percent: 77.117
              cycles_per_packet: 170.1
              pmd_share: 0.998
table:
  description: The same in the units of people, for the filter P(nfv.ovs_dpdk.text_table#filter).
  returned: success
  type: list
  elements: dict
findings:
  description: What each check found, what it does to the figure, and what to do about it.
  returned: success
  type: list
  elements: dict
  contains:
    check:
      description: Name of the check, as O(require) takes it.
      type: str
    ok:
      description: Whether it is good. V(null) where it cannot be told.
      type: bool
    says:
      description: What was found, and what it does to the figure.
      type: str
    do:
      description: What to do about it; empty where it is good.
      type: str
  sample:
    - {"check": pmd_sleep, "ok": true, "says": PMD threads do not sleep., "do": ""}
latency:
  description: Round trip in milliseconds, with nothing else under way. V(null) where it was not measured.
  returned: success
  type: dict
  sample: {"sent": 200, "received": 200, "min_ms": 0.102, "avg_ms": 0.148, "max_ms": 0.611, "mdev_ms": 0.04}
latency_reason:
  description: Why there is no latency; V(null) where there is one.
  returned: success
  type: str
  sample: no latency was asked for, and testpmd in a guest answers no ping
plan:
  description: What is measured, a sentence each.
  returned: success
  type: list
  elements: str
  sample:
    - "unidirectional, frames of 64 bytes, dpdk0 -> vhost-user0 -> guest -> vhost-user1 -> dpdk0: searched 3 times with trials of 5 s"
commands:
  description: The commands that changed something, all of which is taken back. Empty in check mode.
  returned: success
  type: list
  elements: list
  sample: []
"""

import pathlib
import signal
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.pvp_task import Task
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import SWITCH_OPTIONS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.pvp_checks import CHECKS

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

ROOT = pathlib.Path("/")

OPTIONS: dict[str, dict[str, t.Any]] = {
    **SWITCH_OPTIONS,
    "guest_ports": {"type": "list", "elements": "str", "required": True},
    "generator": {
        "type": "dict",
        "required": True,
        "options": {
            "type": {"type": "str", "choices": ["testpmd", "port", "external"], "default": "testpmd"},
            "ports": {"type": "list", "elements": "str", "required": True},
            "cpus": {"type": "str"},
            "queues": {"type": "int", "default": 1},
            "memory": {"type": "int", "default": 256},
        },
    },
    "directions": {"type": "list", "elements": "str", "choices": ["unidirectional", "bidirectional"], "default": ["unidirectional"]},
    "frame_sizes": {"type": "list", "elements": "int", "default": [64]},
    "acceptable_loss": {"type": "float", "default": 0},
    "resolution": {"type": "float", "default": 2},
    "trial_seconds": {"type": "float", "default": 5},
    "repeats": {"type": "int", "default": 3},
    "max_rate": {"type": "str"},
    "burst": {"type": "str", "default": "64packets"},
    "guest_macs": {"type": "list", "elements": "str", "default": []},
    "latency": {
        "type": "dict",
        "options": {
            "namespace": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "count": {"type": "int", "default": 200},
        },
    },
    "require": {"type": "list", "elements": "str", "choices": list(CHECKS), "default": ["guest_connected"]},
}


def _end(number: int, _frame: object) -> None:
    """Have a signal end the measurement as an error does: all that was changed is taken back."""
    raise HostError(f"the measurement was ended by {signal.Signals(number).name}.")


def measure(module: AnsibleModule) -> dict[str, t.Any]:
    """Return what was measured."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _end)
    result = Task(module, ROOT).run()
    for warning in result.pop("warnings"):
        module.warn(warning)
    return {"changed": False, **result}


def main() -> None:
    """Run the module."""
    run_module(measure, OPTIONS)


if __name__ == "__main__":
    main()
