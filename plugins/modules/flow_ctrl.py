#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: flow_ctrl
short_description: Ethernet flow control of physical DPDK ports
version_added: 0.1.0
description:
  - Sets C(options:rx-flow-ctrl), C(options:tx-flow-ctrl) and C(options:flow-ctrl-autoneg) of DPDK ports, and finds out whether the device does it.
  - Flow control is a matter of physical NICs, ports of type C(dpdk). A port of another type is refused; Open vSwitch would store the setting
    there and never read it.
  - Open vSwitch accepts the setting for a device without flow control as well (C(net_null), C(virtio), most virtual devices), writes a warning
    to its log, and goes on. So that this does not read as success, the task fails and takes the setting back. See O(require_effect).
notes:
  - Whether the device does it is known from what ovs-vswitchd logs when it sets the device up, and since Open vSwitch 3.3 from C(dpif/show)
    as well. C(dpif/show) alone is not enough, as it shows a setting that the device has just refused.
  - An option that was never set is V(false) to Open vSwitch, which then switches flow control of the NIC off.
options:
  name:
    description:
      - Name of the port, or of one member of a bond. Of a bond, all members are meant.
      - Required unless O(ports) is given.
    type: str
  rx:
    description:
      - Whether the NIC stops its transmission when it receives pause frames from the other side (C(rx-flow-ctrl)).
    type: bool
  tx:
    description:
      - Whether the NIC sends pause frames when its receive queues are full (C(tx-flow-ctrl)).
    type: bool
  autoneg:
    description:
      - Whether the NIC negotiates flow control with the other side (C(flow-ctrl-autoneg)).
    type: bool
  ports:
    description:
      - Many ports in one task and one transaction, each with the options above.
    type: list
    elements: dict
    suboptions:
      name:
        description: See O(name).
        type: str
        required: true
      rx:
        description: See O(rx).
        type: bool
      tx:
        description: See O(tx).
        type: bool
      autoneg:
        description: See O(autoneg).
        type: bool
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
  state:
    description:
      - V(absent) removes the three settings. A port that is not there has none either.
      - In O(ports) it is for the ports that do not say something else.
    type: str
    choices: [present, absent]
    default: present
  require_effect:
    description:
      - What to do where a device cannot do what is asked for.
      - With V(true) the task fails, and what it changed is taken back.
      - With V(false) the setting is stored, the task warns that it has no effect, and RV(ports[].effective) is V(false). For a play that is
        shared between hosts with NICs and labs with virtual devices.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    details: Whether a device can do it shows only in a run.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.ovs_dpdk_port
  - module: nfv.ovs_dpdk.ovs_dpdk_info
  - name: Open vSwitch, DPDK physical ports
    description: Flow control.
    link: https://docs.openvswitch.org/en/latest/topics/dpdk/phy/
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.switch.write
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
"""

EXAMPLES = r"""
- name: Obey pause frames, and negotiate it (physical NIC)
  nfv.ovs_dpdk.flow_ctrl:
    name: dpdk0
    rx: true
    tx: false
    autoneg: true

- name: Switch flow control on where the device has it, in a lab with virtual devices too
  nfv.ovs_dpdk.flow_ctrl:
    require_effect: false
    ports:
      - name: dpdk0
        rx: true
      - name: dpdk1
        rx: true
        tx: true

- name: Stop sending pause frames
  nfv.ovs_dpdk.flow_ctrl:
    name: dpdk0
    tx: false
    require_effect: false

- name: Remove all flow control settings of a port
  nfv.ovs_dpdk.flow_ctrl:
    name: dpdk0
    state: absent
"""

RETURN = r"""
ports:
  description: The interfaces of the task as they now are, in check mode as they would be, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the interface.
      type: str
      sample: dpdk0
    rx:
      description: What is stored in the database; V(null) where nothing is, which Open vSwitch reads as V(false).
      type: bool
      sample: true
    tx:
      description: See RV(ports[].rx).
      type: bool
      sample: null
    autoneg:
      description: See RV(ports[].rx).
      type: bool
      sample: null
    effective:
      description:
        - Whether the device does what is stored. V(true) also where nothing is switched on.
        - V(null) where nobody has asked the switch (check mode, O(wait=false)), or where it does not say. Before Open vSwitch 3.3 it says so
          only in its log when something changes.
      type: bool
      sample: false
    driver:
      description: The driver of the device.
      type: str
      sample: net_null
  sample: [{"name": "dpdk0", "rx": true, "tx": null, "autoneg": null, "effective": false, "driver": "net_null"}]
commands:
  description: The transaction, as a list of words; empty where there was nothing to do. In check mode the one that would be run.
  returned: always
  type: list
  elements: list
  sample: [[/usr/bin/ovs-vsctl, "--db=unix:/var/run/openvswitch/db.sock", --timeout=30, --, set, Interface, dpdk0, "options:rx-flow-ctrl=true"]]
diff:
  description: The flow control settings of the ports of the task, before and after.
  returned: always
  type: dict
  sample:
    before:
      dpdk0: {"autoneg": null, "rx": null, "tx": null}
    after:
      dpdk0: {"autoneg": null, "rx": true, "tx": null}
"""

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.flow_control import KEYS, effects, no_effect, stored
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Decision, Evidence
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import main as run_decision
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantInterface, WantPort
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import names
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Want
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface, Snapshot


class FlowControl(Decision):
    """Flow control of some ports."""

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(module)
        self.effective: Mapping[str, bool | None] = {}
        self.given: list[dict[str, t.Any]] = [self.params] if self.params["ports"] is None else self.params["ports"]
        names.check_names_unique(given["name"] for given in self.given)
        for given in self.given:
            self.warnings.extend(names.check_port_name(given["name"]))
            settings = [option for option in KEYS if given[option] is not None]
            if self.absent(given) and settings:
                raise InputError(f"port {given['name']}", "state", "absent", "It removes all three settings.", f"Leave out {', '.join(settings)}.")
            if not self.absent(given) and not settings:
                raise InputError(f"port {given['name']}", "rx", None, "A port needs rx, tx or autoneg.", "Give one of them, or state: absent to remove them.")

    def absent(self, given: dict[str, t.Any]) -> bool:
        """Tell whether the settings of a port shall go."""
        return bool((given["state"] or self.params["state"]) == "absent")

    def members(self, snapshot: Snapshot, name: str) -> tuple[str, tuple[str, ...]]:
        """Return the port of that name with its interfaces, or the port of the interface of that name with this one."""
        port = snapshot.ports.get(name)
        if port is not None:
            return name, port.interfaces
        port = snapshot.port_of(name)
        return (port.name if port else name), (name,)

    def wants(self, snapshot: Snapshot) -> Sequence[Want]:
        """Return the settings of each port."""
        wants = []
        for given in self.given:
            port, interfaces = self.members(snapshot, given["name"])
            if self.absent(given) and port not in snapshot.ports:
                continue
            for interface in interfaces:
                self.check_type(given, snapshot.interfaces.get(interface))
            options = {KEYS[option]: str(given[option]).lower() for option in KEYS if given[option] is not None}
            keys = dict.fromkeys(KEYS.values()) if self.absent(given) else options
            wants.append(WantPort(port, interfaces=tuple(WantInterface(interface, options=keys) for interface in interfaces)))
        return wants

    def check_type(self, given: dict[str, t.Any], interface: Interface | None) -> None:
        """Refuse a port that is not a physical one; settings that are there for nothing can be removed from any."""
        if interface is None or interface.type == "dpdk" or self.absent(given):
            return
        why = "the other side of a vhost-user port is memory, not a link" if interface.type.startswith("dpdkvhost") else "Open vSwitch reads it for no other"
        possible = f"Flow control is for ports of type dpdk (physical NICs); this one is of type {interface.type or 'system'}, and {why}."
        raise InputError(f"port {interface.name}", "name", given["name"], possible, "Leave this port out.")

    def shown(self, snapshot: Snapshot) -> list[str]:
        """Return the interfaces of the task, in its order."""
        found = (interface for given in self.given for interface in self.members(snapshot, given["name"])[1])
        return list(dict.fromkeys(found))

    def view(self, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return the settings of each interface."""
        return {name: {option: stored(snapshot.interfaces.get(name), option) for option in sorted(KEYS)} for name in sorted(self.shown(snapshot))}

    def results(self, before: Snapshot, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return the settings, and whether they have an effect."""
        del before, evidence
        ports = []
        for name in self.shown(after):
            interface = after.interfaces.get(name)
            ports.append(
                {
                    "name": name,
                    **{option: stored(interface, option) for option in KEYS},
                    "effective": self.effective.get(name),
                    "driver": interface.status.get("driver_name") if interface else None,
                }
            )
        return {"ports": ports}

    def prove(self, evidence: Evidence) -> list[str]:
        """Find out what the devices do. Waiting would not change it."""
        there = evidence.snapshot.interfaces
        interfaces = [there[name] for name in self.shown(evidence.snapshot) if name in there]
        self.effective = effects(evidence, interfaces)
        problems = [no_effect(interface) for interface in interfaces if self.effective[interface.name] is False]
        if problems and self.params["require_effect"]:
            raise evidence.refusal([f"{problem} (require_effect: false leaves it stored, with a warning)" for problem in problems])
        self.warnings.extend(problems)
        return []


def main() -> None:
    """Run the module."""
    settings: dict[str, dict[str, t.Any]] = {option: {"type": "bool"} for option in KEYS}
    state = {"type": "str", "choices": ["present", "absent"]}
    run_decision(
        FlowControl,
        {
            "name": {"type": "str"},
            **settings,
            "ports": {"type": "list", "elements": "dict", "options": {"name": {"type": "str", "required": True}, **settings, "state": state}},
            "state": {**state, "default": "present"},
            "require_effect": {"type": "bool", "default": True},
        },
        mutually_exclusive=[("name", "ports"), *(("ports", option) for option in KEYS)],
        required_one_of=[("name", "ports")],
    )


if __name__ == "__main__":
    main()
