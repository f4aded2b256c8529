#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_dpdk_bridge
short_description: Bridges of the userspace datapath
version_added: 0.1.0
description:
  - Adds, changes and removes bridges with C(datapath_type=netdev), the datapath that DPDK ports need. One bridge or many, in one transaction.
  - An option that is left out is left alone, an empty value clears it.
options:
  name:
    description:
      - Name of the bridge, at most 15 bytes, since it is a network device of the host too.
      - Either this or O(bridges) is required.
    type: str
  datapath_type:
    description:
      - The datapath that forwards the packets of the bridge; V(netdev) is the one in userspace, V(system) that of the kernel.
      - A bridge that has the other one is changed, with a warning. Its ports are set up anew then, and traffic stops for that time.
    type: str
    choices: [netdev, system]
    default: netdev
  fail_mode:
    description:
      - What the bridge does without a controller. V(standalone) learns addresses and forwards like a switch, V(secure) forwards by its flows alone.
      - An empty value leaves it to Open vSwitch, which does as with V(standalone).
    type: str
    choices: [secure, standalone, '']
  other_config:
    description:
      - Keys of the column C(other_config) of the bridge, for example C(mac-table-size). Keys that are not named are left alone, one with an empty value
        is removed.
    type: dict
  state:
    description:
      - V(absent) removes the bridge with all its ports, and the policers (rows of QoS and Queue) of these.
    type: str
    choices: [present, absent]
    default: present
  bridges:
    description:
      - Many bridges in one task and one transaction, with the options above. What stands beside this option is the default of all of them.
    type: list
    elements: dict
    suboptions:
      name:
        description: See O(name).
        type: str
        required: true
      datapath_type:
        description: See O(datapath_type).
        type: str
        choices: [netdev, system]
      fail_mode:
        description: See O(fail_mode).
        type: str
        choices: [secure, standalone, '']
      other_config:
        description: See O(other_config).
        type: dict
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.ovs_dpdk_port
  - module: nfv.ovs_dpdk.vhost_user_port
  - name: Open vSwitch, the database
    description: What the columns mean.
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
- name: Have a bridge for DPDK ports that forwards by its flows alone
  nfv.ovs_dpdk.ovs_dpdk_bridge:
    name: br0
    fail_mode: secure

- name: Have two bridges, of which one learns more addresses
  nfv.ovs_dpdk.ovs_dpdk_bridge:
    bridges:
      - name: br0
      - name: br1
        other_config:
          mac-table-size: 16384

- name: Remove a bridge with its ports and their policers
  nfv.ovs_dpdk.ovs_dpdk_bridge:
    name: br1
    state: absent
"""

RETURN = r"""
bridges:
  description: The bridges of the task as they now are, in check mode as they would be, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the bridge.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    datapath_type:
      description: V(netdev) or V(system).
      type: str
    fail_mode:
      description: V(secure), V(standalone), or V(null) where it is not set.
      type: str
    other_config:
      description: The keys of that column.
      type: dict
    ports:
      description: Names of the ports, without the local one.
      type: list
      elements: str
  sample:
    - {"name": "br0", "state": "present", "datapath_type": "netdev", "fail_mode": "secure", "other_config": {}, "ports": ["dpdk0", "vhost-user0"]}
commands:
  description: The transaction, as a list of words; empty where there was nothing to do. In check mode the one that would be run.
  returned: always
  type: list
  elements: list
  sample:
    - [/usr/bin/ovs-vsctl, "--db=unix:/var/run/openvswitch/db.sock", --timeout=30, --, add-br, br0, --, set, Bridge, br0, datapath_type=netdev,
       fail_mode=secure]
diff:
  description: The bridges of the task before and after.
  returned: always
  type: dict
  sample:
    before: {"bridge br0": {"state": "absent"}}
    after: {"bridge br0": {"state": "present", "datapath_type": "netdev", "fail_mode": "secure", "ports": []}}
"""

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Decision, Evidence
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import main as run_decision
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantBridge
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import parse_dpif_show
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import names
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Want
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot

_OPTIONS: dict[str, dict[str, t.Any]] = {
    "datapath_type": {"type": "str", "choices": ["netdev", "system"]},
    "fail_mode": {"type": "str", "choices": ["secure", "standalone", ""]},
    "other_config": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "absent"]},
}
_DEFAULTS = {"datapath_type": "netdev", "state": "present"}


class Bridges(Decision):
    """The bridges of a task."""

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(module)
        many = self.params["bridges"]
        given = [self.params] if many is None else many
        self.given = [{"name": item["name"], **{key: self.params[key] if item[key] is None else item[key] for key in _OPTIONS}} for item in given]
        names.check_names_unique(item["name"] for item in self.given)
        for item in self.given:
            names.check_bridge_name(item["name"])

    def wants(self, snapshot: Snapshot) -> list[Want]:
        """Return one want for each bridge."""
        return [self.want(given, snapshot) for given in self.given]

    def want(self, given: dict[str, t.Any], snapshot: Snapshot) -> WantBridge:
        """Return the want for one bridge."""
        name = given["name"]
        if given["state"] == "absent":
            return WantBridge(name, present=False)
        there = snapshot.bridges.get(name)
        if there and (there.datapath_type or "system") != given["datapath_type"]:
            change = f"{there.datapath_type or 'system'} to {given['datapath_type']}"
            self.warnings.append(f"bridge {name}: datapath_type changes from {change}; its ports are set up anew and traffic stops for that time")
        columns: dict[str, str | None] = {"datapath_type": given["datapath_type"]}
        if there and given["datapath_type"] == "system" and not there.datapath_type:
            columns = {}  # the empty type is that of the kernel
        if given["fail_mode"] is not None:
            columns["fail_mode"] = given["fail_mode"] or None
        return WantBridge(name, columns=columns, other_config={str(key): _text(name, key, value) for key, value in (given["other_config"] or {}).items()})

    def prove(self, evidence: Evidence) -> list[str]:
        """Return the bridges that are not in the datapath that they shall be in."""
        problems = []
        present = [given for given in self.given if given["state"] == "present"]
        shown = parse_dpif_show(evidence.daemon.ask("dpif/show")).bridges if present else {}
        for given in present:
            name = given["name"]
            local = evidence.snapshot.interfaces.get(name)
            if local and local.error:
                raise evidence.refusal([f"bridge {name}: {local.error}"])
            if shown.get(name) != given["datapath_type"]:
                problems.append(f"bridge {name}: it is in {f'datapath {shown[name]}' if name in shown else 'no datapath'}, not in {given['datapath_type']}")
        return problems

    def view(self, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return the bridges for the diff."""
        return {f"bridge {given['name']}": _view(given["name"], snapshot) for given in self.given}

    def results(self, before: Snapshot, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return the bridges as they now are."""
        del before, evidence
        return {"bridges": [{"name": given["name"], **_view(given["name"], after)} for given in self.given]}


def _view(name: str, snapshot: Snapshot) -> dict[str, t.Any]:
    bridge = snapshot.bridges.get(name)
    if bridge is None:
        return {"state": "absent"}
    return {
        "state": "present",
        "datapath_type": bridge.datapath_type or "system",
        "fail_mode": bridge.fail_mode,
        "other_config": dict(sorted(bridge.other_config.items())),
        "ports": [port.name for port in snapshot.ports_of(name) if port.name != name],
    }


def _text(bridge: str, key: str, value: t.Any) -> str | None:
    """Return a value of other_config as the database has it; None for one to remove."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise InputError(f"bridge {bridge}", "other_config", {key: value}, "A value is a text, a number or a boolean.", "Write it as a text.")
    return str(value)


def main() -> None:
    """Entry point."""
    top = {key: {**option, **({"default": _DEFAULTS[key]} if key in _DEFAULTS else {})} for key, option in _OPTIONS.items()}
    run_decision(
        Bridges,
        {
            "name": {"type": "str"},
            **top,
            "bridges": {"type": "list", "elements": "dict", "options": {"name": {"type": "str", "required": True}, **_OPTIONS}},
        },
        mutually_exclusive=[("name", "bridges")],
        required_one_of=[("name", "bridges")],
    )


if __name__ == "__main__":
    main()
