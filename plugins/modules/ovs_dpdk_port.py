#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_dpdk_port
short_description: DPDK ports of Open vSwitch
version_added: 0.1.0
description:
  - Adds, changes, moves and removes ports that have a DPDK device (type C(dpdk)), and bonds of such devices. One port or many, in one transaction.
  - What the switch did is read back, and a device that refuses is a failure in which the ports are as before. Open vSwitch itself reports no error for
    a device that gives fewer rx queues than asked, or keeps its MTU or descriptors, nor for an rx queue that no PMD thread polls.
  - An option that is left out is left alone, an empty value clears it.
options:
  name:
    description:
      - Name of the port. Any name will do since Open vSwitch 2.7. In 2.6 it is V(dpdk0), V(dpdk1) and so on, by the number of the device.
      - A name of more than 15 bytes is cut by OpenFlow, which gives a warning.
      - Either this or O(ports) is required.
    type: str
  bridge:
    description:
      - The bridge of the port. Required for a new one. A port on another bridge moves here, with all it has.
      - A bridge of datapath type C(system) is refused.
    type: str
  type:
    description:
      - V(dpdkr) is a port of DPDK rings, which Open vSwitch 2.14 has no more; it is refused where the switch does not list it.
      - V(dpdkvhostcuse) is a vhost-cuse port (guide, section 6.2), which Open vSwitch 2.6 has no more; it is refused in the same way.
      - V(dpdk) if left out, for a new port.
    type: str
    choices: [dpdk, dpdkr, dpdkvhostcuse]
  devargs:
    description:
      - The device, as a PCI address or as a virtual device, and its arguments, for example V(0000:05:00.0), V(0000:05:00.0,representor=[0]),
        V(net_null0,size=60) or V(net_tap0,iface=tap0).
      - Required for a new port since Open vSwitch 2.7. A device can have one port only.
    type: str
  n_rxq:
    description:
      - Number of rx queues, from V(1). More than the device has is a failure. An empty value clears, which gives one queue.
    type: str
  n_rxq_desc:
    description:
      - Descriptors of each rx queue, a power of 2; at most 4096 before Open vSwitch 3.6. An empty value clears, which gives 2048.
    type: str
  n_txq_desc:
    description:
      - Descriptors of each tx queue, as O(n_rxq_desc).
    type: str
  rxq_affinity:
    description:
      - 'Which CPU polls which rx queue, as V({0: 2, 1: 3}) or in quotes as V("0:2,1:3"). It has to be a CPU of the PMD mask.'
      - A PMD thread that has a queue bound to it polls no others, unless C(pmd-rxq-isolate) is false. There is a warning for ports that nothing polls then.
    type: raw
  mtu:
    description:
      - Largest packet in bytes, without the Ethernet header, V(68) to V(9702).
      - An empty value clears the request. Open vSwitch keeps the MTU that the port has until it is made anew.
    type: str
  lsc_interrupt:
    description:
      - Whether the device reports a change of its link by an interrupt; V(true) or V(false).
    type: str
  rx_flow_ctrl:
    description:
      - Ethernet flow control of what the device receives, V(true) or V(false). A device that cannot do it is a failure in which the port is as before;
        see M(nfv.ovs_dpdk.flow_ctrl) for ports that are there and for storing it all the same.
    type: str
  tx_flow_ctrl:
    description:
      - As O(rx_flow_ctrl), of what it sends.
    type: str
  flow_ctrl_autoneg:
    description:
      - As O(rx_flow_ctrl), negotiated with the other side of the link.
    type: str
  vf_mac:
    description:
      - Ethernet address of the VF behind a representor.
    type: str
  rx_steering:
    description:
      - V(rss), or V(rss+lacp) for a queue of its own for LACP, since Open vSwitch 3.2.
    type: str
  tx_steering:
    description:
      - V(thread) or V(hash), which tx queue a packet takes; since Open vSwitch 2.17.
    type: str
  emc_enable:
    description:
      - Whether packets of this port use the exact match cache; V(true) or V(false).
    type: str
  tag:
    description:
      - The VLAN of an access port, V(0) to V(4095).
    type: str
  members:
    description:
      - The interfaces of a bond, two or more. The port is a bond then, with exactly these; the options of devices are those of its members.
    type: list
    elements: dict
    suboptions: &device
      name:
        description: Name of the interface.
        type: str
        required: true
      devargs:
        description: See O(devargs).
        type: str
      n_rxq:
        description: See O(n_rxq).
        type: str
      n_rxq_desc:
        description: See O(n_rxq_desc).
        type: str
      n_txq_desc:
        description: See O(n_txq_desc).
        type: str
      rxq_affinity:
        description: See O(rxq_affinity).
        type: raw
      mtu:
        description: See O(mtu).
        type: str
      lsc_interrupt:
        description: See O(lsc_interrupt).
        type: str
      rx_flow_ctrl:
        description: See O(rx_flow_ctrl).
        type: str
      tx_flow_ctrl:
        description: See O(tx_flow_ctrl).
        type: str
      flow_ctrl_autoneg:
        description: See O(flow_ctrl_autoneg).
        type: str
      vf_mac:
        description: See O(vf_mac).
        type: str
      rx_steering:
        description: See O(rx_steering).
        type: str
      tx_steering:
        description: See O(tx_steering).
        type: str
      emc_enable:
        description: See O(emc_enable).
        type: str
  bond_mode:
    description:
      - How a bond shares its load. V(balance-tcp) needs O(lacp). An empty value clears, which gives V(active-backup).
    type: str
    choices: [active-backup, balance-slb, balance-tcp, '']
  lacp:
    description:
      - LACP of a bond. An empty value clears, which is V(off).
    type: str
    choices: [active, passive, 'off', '']
  state:
    description:
      - V(absent) removes the port and its policers (rows of QoS and Queue). Where O(bridge) is given, from that bridge only.
    type: str
    choices: [present, absent]
    default: present
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
  ports:
    description:
      - Many ports in one task and one transaction, with the options above. What stands beside this option is the default of all of them.
      - An empty list changes nothing.
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
      bridge:
        description: See O(bridge).
        type: str
      type:
        description: See O(type).
        type: str
        choices: [dpdk, dpdkr, dpdkvhostcuse]
      devargs:
        description: See O(devargs).
        type: str
      n_rxq:
        description: See O(n_rxq).
        type: str
      n_rxq_desc:
        description: See O(n_rxq_desc).
        type: str
      n_txq_desc:
        description: See O(n_txq_desc).
        type: str
      rxq_affinity:
        description: See O(rxq_affinity).
        type: raw
      mtu:
        description: See O(mtu).
        type: str
      lsc_interrupt:
        description: See O(lsc_interrupt).
        type: str
      rx_flow_ctrl:
        description: See O(rx_flow_ctrl).
        type: str
      tx_flow_ctrl:
        description: See O(tx_flow_ctrl).
        type: str
      flow_ctrl_autoneg:
        description: See O(flow_ctrl_autoneg).
        type: str
      vf_mac:
        description: See O(vf_mac).
        type: str
      rx_steering:
        description: See O(rx_steering).
        type: str
      tx_steering:
        description: See O(tx_steering).
        type: str
      emc_enable:
        description: See O(emc_enable).
        type: str
      tag:
        description: See O(tag).
        type: str
      members:
        description: See O(members).
        type: list
        elements: dict
        suboptions: *device
      bond_mode:
        description: See O(bond_mode).
        type: str
        choices: [active-backup, balance-slb, balance-tcp, '']
      lacp:
        description: See O(lacp).
        type: str
        choices: [active, passive, 'off', '']
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
attributes:
  check_mode:
    support: full
    details: Whether the device does what is asked shows only in a run.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.ovs_dpdk_bridge
  - module: nfv.ovs_dpdk.vhost_user_port
  - module: nfv.ovs_dpdk.pmd_mask
  - module: nfv.ovs_dpdk.flow_ctrl
  - module: nfv.ovs_dpdk.qos_policer
  - name: Open vSwitch, DPDK physical ports
    description: What the options do.
    link: https://docs.openvswitch.org/en/latest/topics/dpdk/phy/
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.switch.write
"""

EXAMPLES = r"""
- name: Have a port with two rx queues
  nfv.ovs_dpdk.ovs_dpdk_port:
    bridge: br0
    name: dpdk0
    devargs: net_null0,size=60,no-rx=1
    n_rxq: 2

- name: Have two ports with jumbo frames in one transaction
  nfv.ovs_dpdk.ovs_dpdk_port:
    bridge: br0
    mtu: 9000
    ports:
      - name: dpdk0
        devargs: net_null0,size=60,no-rx=1
      - name: dpdk1
        devargs: net_null1,size=60,no-rx=1

- name: Have both rx queues polled on the CPUs that are meant for them (physical NIC)
  nfv.ovs_dpdk.ovs_dpdk_port:
    bridge: br0
    name: dpdk0
    devargs: "0000:05:00.0"
    n_rxq: 2
    rxq_affinity:
      0: 2
      1: 22

- name: Have a bond of two devices (physical NIC)
  nfv.ovs_dpdk.ovs_dpdk_port:
    bridge: br0
    name: bond0
    bond_mode: balance-tcp
    lacp: active
    members:
      - name: dpdk0
        devargs: "0000:05:00.0"
      - name: dpdk1
        devargs: "0000:05:00.1"

- name: Remove a port and its policers
  nfv.ovs_dpdk.ovs_dpdk_port:
    name: dpdk1
    state: absent
"""

RETURN = r"""
ports:
  description: The ports of the task as they now are, in check mode as they would be, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the port.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    bridge:
      description: The bridge that it is on.
      type: str
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
    type:
      description: Type of the interface. This and what follows is in C(members) where the port is a bond, by name.
      type: str
    devargs:
      description: The device. The other options follow, those that are set.
      type: str
    ofport:
      description: OpenFlow port number.
      type: int
    mtu_in_use:
      description: The MTU that the port has.
      type: int
    link_state:
      description: V(up) or V(down).
      type: str
    mac_in_use:
      description: Ethernet address.
      type: str
    status:
      description: What the switch says of the device, for example its driver and NUMA node.
      type: dict
    members:
      description: The interfaces of a bond.
      type: dict
  sample:
    - name: dpdk0
      state: present
      bridge: br0
      type: dpdk
      devargs: net_null0,size=60,no-rx=1
      n_rxq: "2"
      ofport: 1
      mtu_in_use: 1500
      link_state: up
      mac_in_use: "4e:60:f5:9a:42:74"
      status: {"driver_name": "net_null", "max_rx_queues": "1024", "numa_id": "0", "port_no": "0"}
commands:
  description: The transaction, as a list of words; empty where there was nothing to do. In check mode the one that would be run.
  returned: always
  type: list
  elements: list
  sample:
    - [/usr/bin/ovs-vsctl, "--db=unix:/var/run/openvswitch/db.sock", --timeout=30, --, add-port, br0, dpdk0, --, set, Interface, dpdk0, type=dpdk,
       "options:dpdk-devargs=\"net_null0,size=60,no-rx=1\"", "options:n_rxq=2"]
diff:
  description: The ports of the task before and after.
  returned: always
  type: dict
  sample:
    before: {"port dpdk0": {"state": "absent"}}
    after: {"port dpdk0": {"state": "present", "bridge": "br0", "type": "dpdk", "devargs": "net_null0,size=60,no-rx=1", "n_rxq": "2"}}
"""

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.flow_control import effects, no_effect
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.policing import DIRECTIONS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ports import COMMON_KEYS, Given, PortsDecision, entries, parsed_tag
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import main as run_decision
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantInterface, WantPort
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import names
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Evidence
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot

_DEVICE: dict[str, dict[str, t.Any]] = {
    "devargs": {"type": "str"},
    "n_rxq": {"type": "str"},
    "n_rxq_desc": {"type": "str"},
    "n_txq_desc": {"type": "str"},
    "rxq_affinity": {"type": "raw"},
    "mtu": {"type": "str"},
    "lsc_interrupt": {"type": "str"},
    "rx_flow_ctrl": {"type": "str"},
    "tx_flow_ctrl": {"type": "str"},
    "flow_ctrl_autoneg": {"type": "str"},
    "vf_mac": {"type": "str"},
    "rx_steering": {"type": "str"},
    "tx_steering": {"type": "str"},
    "emc_enable": {"type": "str"},
}
_FLOW_CONTROL = {"rx_flow_ctrl": "rx-flow-ctrl", "tx_flow_ctrl": "tx-flow-ctrl", "flow_ctrl_autoneg": "flow-ctrl-autoneg"}
_NAMED = {"name": {"type": "str", "required": True}}
_PORT: dict[str, dict[str, t.Any]] = {
    "bridge": {"type": "str"},
    "type": {"type": "str", "choices": ["dpdk", "dpdkr", "dpdkvhostcuse"]},
    **_DEVICE,
    "tag": {"type": "str"},
    "members": {"type": "list", "elements": "dict", "options": {**_NAMED, **_DEVICE}},
    "bond_mode": {"type": "str", "choices": ["active-backup", "balance-slb", "balance-tcp", ""]},
    "lacp": {"type": "str", "choices": ["active", "passive", "off", ""]},
    **DIRECTIONS,
    "state": {"type": "str", "choices": ["present", "absent"]},
}
# What two ports cannot have in common, so that it is no default of many
_OWN = ("name", "devargs", "vf_mac", "members")

_DEVARGS_SINCE = (2, 7)


class DpdkPorts(PortsDecision):
    """The DPDK ports of a task."""

    types = ("dpdk", "dpdkr", "dpdkvhostcuse")
    other_module = "vhost_user_port"
    keys: t.ClassVar[dict[str, str]] = {
        "devargs": "dpdk-devargs",
        "n_rxq": "n_rxq",
        "n_rxq_desc": "n_rxq_desc",
        "n_txq_desc": "n_txq_desc",
        "lsc_interrupt": "dpdk-lsc-interrupt",
        **_FLOW_CONTROL,
        "vf_mac": "dpdk-vf-mac",
        "rx_steering": "rx-steering",
        **COMMON_KEYS,
    }

    def problems(self, evidence: Evidence) -> Iterable[str]:
        """Yield what the datapath does not do of what was asked, flow control among it."""
        yield from super().problems(evidence)
        devices = [device for given in self.given for device in (given["members"] or [given])]
        names_asked = [device["name"] for device in devices if any(device[option] for option in _FLOW_CONTROL)]
        interfaces = [evidence.snapshot.interfaces[name] for name in names_asked if name in evidence.snapshot.interfaces]
        if interfaces:
            found = effects(evidence, interfaces)
            yield from (no_effect(interface) for interface in interfaces if found[interface.name] is False)

    def all_given(self) -> list[Given]:
        """Return the ports of the task."""
        return entries(self.params, _OWN, [option for option in _PORT if option not in _OWN])

    def member_names(self, given: Given) -> list[str]:
        """Return the names of the members of a bond."""
        return [member["name"] for member in given["members"] or []]

    def want(self, given: Given, snapshot: Snapshot) -> WantPort:
        """Return the want for one port."""
        name = given["name"]
        for warning in names.check_port_name(name):
            self.warnings.append(warning)
        there = snapshot.ports.get(name)
        columns: dict[str, t.Any] = {column: given[column] or None for column in ("bond_mode", "lacp") if given[column] is not None}
        if given["tag"] is not None:
            columns["tag"] = parsed_tag(name, given["tag"])
        if given["members"] is not None:
            return self.want_bond(given, snapshot, columns)
        if columns.keys() & {"bond_mode", "lacp"} and (there is None or there.interfaces == (name,)):
            option = "bond_mode" if "bond_mode" in columns else "lacp"
            raise InputError(f"port {name}", option, given[option], "This is of a bond, and the port is none.", "Give its members, or leave this out.")
        if there is not None and there.interfaces != (name,):
            devices = [option for option in ("type", *_DEVICE) if given[option] is not None]
            if devices:
                possible = f"The port is a bond of {', '.join(there.interfaces)}."
                raise InputError(f"port {name}", devices[0], given[devices[0]], possible, "Give it for its members.")
            return WantPort(name, bridge=given["bridge"], columns=columns)
        return WantPort(name, bridge=given["bridge"], interfaces=(self.want_device(name, given, snapshot, new=there is None),), columns=columns)

    def want_bond(self, given: Given, snapshot: Snapshot, columns: dict[str, t.Any]) -> WantPort:
        """Return the want for a bond with exactly the given members."""
        name = given["name"]
        members = given["members"]
        if len(members) < 2:  # noqa: PLR2004 - a bond is of two
            raise InputError(
                f"port {name}", "members", [member["name"] for member in members], "A bond has two members or more.", "Name them, or leave this out."
            )
        for option in _DEVICE:
            if given[option] is not None and option in _OWN:
                raise InputError(f"port {name}", option, given[option], "The port is a bond.", "Give it for its members.")
        there = snapshot.ports.get(name)
        lacp = columns.get("lacp", there.lacp if there else None)
        if columns.get("bond_mode", there.bond_mode if there else None) == "balance-tcp" and lacp not in ("active", "passive"):
            self.note("bond_mode balance-tcp needs lacp active or passive; without it the bond sends nothing", name)
        interfaces = []
        for member in members:
            for warning in names.check_port_name(member["name"]):
                self.warnings.append(warning)
            options = {**member, "type": given["type"], **{option: given[option] for option in _DEVICE if member[option] is None and option not in _OWN}}
            new = there is None or member["name"] not in there.interfaces
            interfaces.append(self.want_device(member["name"], options, snapshot, new=new))
        return WantPort(name, bridge=given["bridge"], interfaces=tuple(interfaces), members_exactly=True, columns=columns)

    def want_device(self, name: str, given: Given, snapshot: Snapshot, *, new: bool) -> WantInterface:
        """Return the want for an interface with a device."""
        there = snapshot.interfaces.get(name)
        port_type = given["type"] or (there.type if there and not new else "dpdk")
        subject = f"port {name}"
        given_device = given["devargs"]
        if port_type == "dpdk":
            has_device = bool(given_device) or (given_device is None and there is not None and "dpdk-devargs" in there.options)
            if self.release < _DEVARGS_SINCE:
                self.check_legacy(name, given_device)
            elif not has_device and (new or given_device == ""):
                raise InputError(subject, "devargs", given_device, "A DPDK port has a device.", "Give a PCI address or a virtual device such as net_null0.")
        elif given_device:
            instead = "a ring" if port_type == "dpdkr" else "a guest"
            raise InputError(subject, "devargs", given_device, f"A port of type {port_type} has {instead} and no device.", "Leave it out, or take type dpdk.")
        for option, read in (("devargs", names.parse_devargs), ("vf_mac", names.parse_mac)):
            if given[option]:
                try:
                    read(given[option])
                except ValueError as error:
                    raise InputError(subject, option, given[option], f"{error}.", "Correct it.") from None
        return self.want_interface(name, given, snapshot, {"type": port_type})

    def check_legacy(self, name: str, devargs: str | None) -> None:
        """Check a port of Open vSwitch 2.6, whose name says which device it has."""
        if names.legacy_dpdk_port(name) is None:
            raise InputError(f"port {name}", "name", name, "Before Open vSwitch 2.7 a DPDK port is dpdkN, with the number of the device.", "Call it dpdk0.")
        if devargs:
            self.note("Open vSwitch takes devargs since 2.7; here the name says which device the port has", name)


def main() -> None:
    """Entry point."""
    run_decision(
        DpdkPorts,
        {
            "name": {"type": "str"},
            **_PORT,
            "state": {**_PORT["state"], "default": "present"},
            "ports": {"type": "list", "elements": "dict", "options": {**_NAMED, **_PORT}},
        },
        mutually_exclusive=[(option, "ports") for option in _OWN],
        required_one_of=[("name", "ports")],
    )


if __name__ == "__main__":
    main()
