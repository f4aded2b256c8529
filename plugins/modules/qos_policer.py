#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: qos_policer
short_description: Egress and ingress policers of DPDK ports
version_added: 0.1.0
description:
  - Limits what a DPDK port sends (a row of the table QoS, of type V(egress-policer) or V(trtcm-policer)) and what it receives
    (C(ingress_policing_rate) and C(ingress_policing_burst) of its interfaces), in packets per second at a size of frames, in bits per
    second, or in the numbers of the database. All in one transaction, for one port or for many.
  - A direction that is given is the whole policer of that direction. A direction that is left out is left alone, and one that is empty,
    C(egress={}), is cleared.
  - "A policer counts the bytes of a packet without Ethernet header and without FCS: a frame of 64 bytes counts as 46. So 1,000,000 packets
    per second of 64-byte frames is C(cir=46000000) bytes per second for egress, and C(ingress_policing_rate=368000) kbit per second for
    ingress. Frames of another size pass at another packet rate. A bit rate is one of the counted bits. A VLAN tag counts."
  - QoS and Queue are tables that Open vSwitch never cleans. This module reuses the row of the port, destroys rows that the port no longer
    has, and also those that earlier commands left behind, as the well-known C(ovs-vsctl set port P qos=@new -- --id=@new create qos ...)
    does every time it is run. Such rows have the type of a policer, no port, and no C(external_ids); which port they were of is not known.
    A row that two ports share is left to the other one.
notes:
  - What the egress policer does is proven by C(qos/show) of the running switch, for every port of the task and each time. No release of
    Open vSwitch shows the ingress policer of a DPDK port (the database is its only account), so that only traffic proves that one.
  - "A small burst asks for an isolated CPU. The bucket of C(cbs=2048) at C(cir=46000000) is full after 45 microseconds: a PMD thread that
    the kernel takes off its CPU for longer loses the tokens of that time, and the policer passes less than its rate. With half of a CPU a
    PMD thread passed 0.47 of the rate so. A burst of 10 milliseconds bridges what the scheduler does, and is the default here. On a PMD
    thread that has its CPU alone, the packets that can pass at once are the only difference."
  - A policer that passes up to 1 % more than its rate does what DPDK makes it do, which fills the buckets in whole cycles of the clock.
options:
  name:
    description:
      - Name of the port. It has to be there, with DPDK interfaces only (types C(dpdk), C(dpdkvhostuser), C(dpdkvhostuserclient), C(dpdkr)).
      - The policers of a bond are for each of its interfaces.
      - Required unless O(policers) is given, or O(purge_orphans) is all that is wanted.
    type: str
  egress:
    description:
      - The policer of what the port sends. An empty value clears it.
    type: dict
    suboptions: &egress
      type:
        description:
          - V(egress-policer) has one rate. V(trtcm-policer) has two (RFC 4115), for the port and for each queue of it; it is known
            to Open vSwitch 2.13 and newer.
          - V(egress-policer) if left out.
        type: str
        choices: [egress-policer, trtcm-policer]
      rate: &rate
        description:
          - Packets per second as V(1Mpps), V(500kpps), V(1000pps), or bits per second as V(10Gbit), V(100Mbit). Prefixes are powers of 1000.
          - A number without a unit is refused, because Open vSwitch counts egress in bytes and ingress in kbit. See O(egress.cir).
        type: str
      frame_size: &frame_size
        description:
          - Bytes of a frame on the wire, with Ethernet header and FCS, that rates and bursts in packets are meant for. V(64) if left out.
        type: int
      burst: &burst
        description:
          - What may pass at once, as a time of the rate (V(10ms)), bytes as the policer counts (V(2048B)), bits (V(1000kbit)), or packets (V(1000packets)).
          - V(10ms) if left out, and at least the largest packet of the port with two VLAN tags.
          - Less than the largest packet of the port (its MTU), or than O(egress.frame_size), is refused, as such packets would never pass.
        type: str
      cir: &cir
        description: The rate in bytes per second, instead of O(egress.rate).
        type: int
      cbs: &cbs
        description: The burst in bytes, instead of O(egress.burst).
        type: int
      excess_rate: &excess_rate
        description: What may pass beyond O(egress.rate), for a V(trtcm-policer).
        type: str
      excess_burst: &excess_burst
        description: The burst of O(egress.excess_rate).
        type: str
      eir: &eir
        description: Like O(egress.excess_rate), in bytes per second.
        type: int
      ebs: &ebs
        description: Like O(egress.excess_burst), in bytes.
        type: int
      queues:
        description:
          - The queues of a V(trtcm-policer). A packet has to pass the one of its queue and then the one of the port.
          - A packet is in the queue that an OpenFlow action C(set_queue) gave it, else in queue 0.
          - Where queue 0 is left out, Open vSwitch gives it the numbers of the port.
        type: list
        elements: dict
        suboptions:
          queue:
            description: Number of the queue.
            type: int
            required: true
          rate: *rate
          burst: *burst
          cir: *cir
          cbs: *cbs
          excess_rate: *excess_rate
          excess_burst: *excess_burst
          eir: *eir
          ebs: *ebs
  ingress:
    description:
      - The policer of what the port receives. An empty value clears it.
    type: dict
    suboptions: &ingress
      rate: *rate
      frame_size: *frame_size
      burst: *burst
      kbps:
        description: The rate in kbit (1000 bits) per second, C(ingress_policing_rate), instead of O(ingress.rate).
        type: int
      kbit:
        description: The burst in kbit (1000 bits), C(ingress_policing_burst), instead of O(ingress.burst).
        type: int
  policers:
    description:
      - Many ports in one task and one transaction, each with the options above.
    type: list
    elements: dict
    suboptions:
      name:
        description: See O(name).
        type: str
        required: true
      egress:
        description: See O(egress).
        type: dict
        suboptions: *egress
      ingress:
        description: See O(ingress).
        type: dict
        suboptions: *ingress
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
  state:
    description:
      - V(absent) clears both directions. A port that is not there has no policers either.
      - In O(policers) it is for the ports that do not say something else.
    type: str
    choices: [present, absent]
    default: present
  purge_orphans:
    description:
      - Also destroy all rows of QoS that no port refers to, and their rows of Queue, whoever made them. Without it there is a warning where some remain.
      - Such rows do nothing. Somebody may be about to use one.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.ovs_dpdk_info
  - module: nfv.ovs_dpdk.vhost_user_port
  - name: Open vSwitch, database schema
    description: Tables QoS, Queue and Interface.
    link: https://docs.openvswitch.org/en/latest/ref/ovs-vswitchd.conf.db.5/
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.switch.write
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
"""

EXAMPLES = r"""
- name: Limit what a port sends to 1,000,000 packets per second of 64-byte frames
  nfv.ovs_dpdk.qos_policer:
    name: vhost-user0
    egress:
      rate: 1Mpps
      frame_size: 64

- name: Limit both directions of a port
  nfv.ovs_dpdk.qos_policer:
    name: vhost-user0
    egress:
      rate: 1Mpps
      burst: 10ms
    ingress:
      rate: 1Gbit

- name: Set the numbers of the Open vSwitch documentation, for a PMD thread on an isolated CPU
  nfv.ovs_dpdk.qos_policer:
    name: vhost-user0
    egress:
      cir: 46000000
      cbs: 2048
    ingress:
      kbps: 368000
      kbit: 1000

- name: Limit several ports at once
  nfv.ovs_dpdk.qos_policer:
    policers:
      - name: vhost-user0
        egress:
          rate: 250kpps
          frame_size: 1518
      - name: vhost-user1
        egress:
          rate: 2Mpps

- name: Guarantee voice its share, and let the rest take what is left
  nfv.ovs_dpdk.qos_policer:
    name: vhost-user1
    egress:
      type: trtcm-policer
      rate: 100Mbit
      excess_rate: 900Mbit
      queues:
        - queue: 0
          excess_rate: 900Mbit
        - queue: 1
          rate: 100Mbit

- name: Clear the egress policer and keep the ingress one
  nfv.ovs_dpdk.qos_policer:
    name: vhost-user0
    egress: {}

- name: Clear both
  nfv.ovs_dpdk.qos_policer:
    name: vhost-user0
    state: absent

- name: Destroy all rows of QoS and Queue that nothing refers to
  nfv.ovs_dpdk.qos_policer:
    purge_orphans: true
"""

RETURN = r"""
policers:
  description: The ports of the task as they now are, in check mode as they would be, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the port.
      type: str
      sample: vhost-user0
    egress:
      description: The policer of what the port sends; V(null) where there is none.
      type: dict
      contains:
        type:
          description: V(egress-policer) or V(trtcm-policer).
          type: str
        rate:
          description: The rate in the unit that the task has; bits per second where the task has raw numbers or none.
          type: str
        frame_size:
          description: Size of the frames that a rate in packets is for.
          type: int
        burst:
          description: The time after which an empty bucket is full.
          type: str
        cir:
          description: Bytes per second.
          type: int
        cbs:
          description: Bytes.
          type: int
        excess_rate:
          description: The second rate of a V(trtcm-policer); C(excess_burst), C(eir) and C(ebs) come with it.
          type: str
        queues:
          description: The queues of a V(trtcm-policer).
          type: list
          elements: dict
      sample:
        {"type": "egress-policer", "frame_size": 64, "rate": "1Mpps", "burst": "10ms", "cir": 46000000, "cbs": 460000}
    ingress:
      description: The policer of what the port receives; V(null) where there is none. Of a bond, that of its first interface.
      type: dict
      contains:
        rate:
          description: The rate in the unit that the task has.
          type: str
        frame_size:
          description: Size of the frames that a rate in packets is for.
          type: int
        burst:
          description: The time after which an empty bucket is full.
          type: str
        kbps:
          description: C(ingress_policing_rate).
          type: int
        kbit:
          description: C(ingress_policing_burst), or the 8000 that Open vSwitch takes for 0.
          type: int
      sample: {"frame_size": 64, "rate": "1Mpps", "burst": "10ms", "kbps": 368000, "kbit": 3680}
  sample:
    - name: vhost-user0
      egress: {"type": "egress-policer", "frame_size": 64, "rate": "1Mpps", "burst": "10ms", "cir": 46000000, "cbs": 460000}
      ingress: null
orphans:
  description: Rows of QoS and Queue that nothing refers to and that remain, by UUID, with what is in them.
  returned: always
  type: dict
  contains:
    qos:
      description: Rows of QoS.
      type: dict
    queues:
      description: Rows of Queue.
      type: dict
  sample: {"qos": {"0d6c39c3-1f3f-4a88-b0a5-7a7c2ac1a2b5": "egress-policer cbs=2048 cir=92000000"}, "queues": {}}
commands:
  description: The transaction, as a list of words; empty where there was nothing to do. In check mode the one that would be run.
  returned: always
  type: list
  elements: list
  sample:
    - [/usr/bin/ovs-vsctl, "--db=unix:/var/run/openvswitch/db.sock", --timeout=30, --, --id=@row0, create, QoS, type=egress-policer, "other_config:cbs=460000",
       "other_config:cir=46000000", "external_ids:ovs-dpdk-port=vhost-user0", --, set, Port, vhost-user0, qos=@row0]
diff:
  description: The policers of the ports of the task before and after, and the rows that nothing refers to.
  returned: always
  type: dict
  sample:
    before:
      vhost-user0: {"egress": "unlimited", "ingress": "unlimited"}
    after:
      vhost-user0: {"egress": "1Mpps at 64-byte frames (cir 46000000, cbs 460000)", "ingress": "unlimited"}
"""

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import policer, policing
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Decision, Evidence
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import main as run_decision
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantInterface, WantNoOrphans, WantPort
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import names, releases
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Want
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot


class Policers(Decision):
    """The policers of some ports."""

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(module)
        self.given: list[dict[str, t.Any]] = self.params["policers"] or ([self.params] if self.params["name"] is not None else [])
        if self.params["name"] is None and self.params["policers"] is None and not self.params["purge_orphans"]:
            raise InputError("policers", "name", None, "A port is needed.", "Give name, policers, or purge_orphans.")
        names.check_names_unique(given["name"] for given in self.given)
        for given in self.given:
            self.warnings.extend(names.check_port_name(given["name"]))
            self.check_state(given)

    def state(self, given: dict[str, t.Any]) -> str:
        """Return the state of one port: its own, or that of the task."""
        return given["state"] or str(self.params["state"])

    def check_state(self, given: dict[str, t.Any]) -> None:
        """Refuse a port with nothing to do, or with two things that exclude each other."""
        directions = {name: given[name] for name in policing.DIRECTIONS if given[name] is not None}
        if self.state(given) == "absent" and not all(policer.is_empty(options) for options in directions.values()):
            raise InputError(f"port {given['name']}", "state", "absent", "It clears both directions.", f"Leave out {' and '.join(directions)}.")
        if self.state(given) == "present" and not directions:
            raise InputError(f"port {given['name']}", "egress", None, "A port needs egress, ingress, or both.", "Give a rate, or state: absent to clear both.")

    def wants(self, snapshot: Snapshot) -> Sequence[Want]:
        """Return a port for each one of the task, and the sweep if it is asked for."""
        wants: list[Want] = [want for given in self.given for want in self.want_port(snapshot, given)]
        if self.params["purge_orphans"]:
            wants.append(WantNoOrphans())
        return wants

    def want_port(self, snapshot: Snapshot, given: dict[str, t.Any]) -> list[WantPort]:
        """Return what one port shall have; nothing for a port that is not there and shall have none."""
        name: str = given["name"]
        absent = self.state(given) == "absent"
        port = snapshot.ports.get(name)
        if absent and port is None:
            return []
        members = port.interfaces if port else (name,)
        interfaces = [snapshot.interfaces.get(member) for member in members]
        for interface in interfaces:
            if interface is not None and interface.type not in releases.DPDK_TYPES and not absent:
                possible = f"A policer of DPDK is for ports of type {', '.join(releases.DPDK_TYPES)}; this one is of type {interface.type or 'system'}."
                raise InputError(f"port {name}", "name", name, possible, "Take a DPDK port, or the QoS of the kernel for this one.")
        qos, columns = policing.wanted(name, given, policer.largest_mtu(interfaces), clear=absent)
        return [WantPort(name, qos=qos, interfaces=tuple(WantInterface(member, columns=columns) for member in members))]

    def view(self, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return the policers of each port, and the orphans."""
        view: dict[str, t.Any] = {
            given["name"]: {direction: policer.view_of(shown) for direction, shown in policing.shown(snapshot, given["name"], given).items()}
            for given in self.given
        }
        orphans = policer.orphans_of(snapshot)
        if orphans:
            view["rows that nothing refers to"] = {
                **{f"QoS {key}": text for key, text in orphans.qos.items()},
                **{f"Queue {key}": text for key, text in orphans.queues.items()},
            }
        return dict(sorted(view.items()))

    def results(self, before: Snapshot, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return the policers as they now are, and what is left behind by others."""
        del before, evidence
        orphans = policer.orphans_of(after)
        if orphans:
            self.warnings.append(
                f"{len(orphans.qos)} row(s) of QoS and {len(orphans.queues)} of Queue belong to no port and do nothing; purge_orphans: true destroys them"
            )
        return {"policers": [{"name": given["name"], **policing.shown(after, given["name"], given)} for given in self.given], "orphans": orphans.result()}

    def prove(self, evidence: Evidence) -> list[str]:
        """Ask the switch for the policer of every interface of the task."""
        return policing.problems(evidence)


def main() -> None:
    """Run the module."""
    port_options = {**policing.DIRECTIONS, "state": {"type": "str", "choices": ["present", "absent"]}}
    run_decision(
        Policers,
        {
            "name": {"type": "str"},
            **policing.DIRECTIONS,
            "policers": {"type": "list", "elements": "dict", "options": {"name": {"type": "str", "required": True}, **port_options}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purge_orphans": {"type": "bool", "default": False},
        },
        mutually_exclusive=[("name", "policers"), ("policers", "egress"), ("policers", "ingress")],
        required_by={"egress": "name", "ingress": "name"},
    )


if __name__ == "__main__":
    main()
