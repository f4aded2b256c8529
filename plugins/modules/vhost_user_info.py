#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vhost_user_info
short_description: What is wrong with vhost-user ports, in plain words
version_added: 0.3.0
description:
  - Looks at vhost-user ports from the side of the switch - socket, permissions, who of both sides makes the socket, link, features, the memory of
    the guest's process, queues, policers - and says of each check what is, and where it is wrong what to do.
  - It changes nothing, and connects to no socket of a guest. It costs one read of the database, one question to ovs-vswitchd and one look
    at the processes of the host, however many ports there are.
  - Processes of other users are seen by root only, so the task needs C(become). What cannot be seen is V(null) and no finding.
options:
  ports:
    description:
      - Names of the ports to look at. All vhost-user ports of the switch, if left out.
    type: list
    elements: str
    default: []
  guest_user:
    description:
      - User that QEMU runs as, such as V(libvirt-qemu), for the permissions of sockets while no guest runs.
      - If left out, permissions are checked for guests that run, for who they run as.
    type: str
  expect:
    description:
      - What is expected of ports. Where nothing is, it is checked only that what is there fits together.
    type: list
    elements: dict
    default: []
    suboptions:
      port:
        description: Name of the port.
        type: str
        required: true
      queues:
        description: Queue pairs that its guest shall have. More than 1 needs the feature C(MQ).
        type: int
      mrg_rxbuf:
        description: Whether the guest shall merge receive buffers, which jumbo frames need and which costs throughput (guide, section 4.5).
        type: bool
      features:
        description: Features that shall be negotiated, by the names of VIRTIO such as V(CSUM) or V(VIRTIO_NET_F_MTU).
        type: list
        elements: str
        default: []
      node:
        description: NUMA node that the memory of its guest shall be on. If left out, that of the PMD threads that poll the port.
        type: int
      policer:
        description: Whether the port shall have a policer. One that was left on a port is a finding otherwise.
        type: bool
        default: false
attributes:
  check_mode:
    support: full
    details: On a host without Open vSwitch check mode reports an empty switch with a warning, and ports that are not there yet are passed over.
  diff_mode:
    support: N/A
    details: Changes nothing.
seealso:
  - module: nfv.ovs_dpdk.vhost_user_port
  - module: nfv.ovs_dpdk.virtio_queues_info
  - module: nfv.ovs_dpdk.ovs_dpdk_info
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
"""

EXAMPLES = r"""
- name: Look at all vhost-user ports
  nfv.ovs_dpdk.vhost_user_info:
  register: vhost

- name: Show what is wrong, and what to do
  ansible.builtin.debug:
    msg: "{{ item.says }} {{ item.do }}"
  loop: "{{ vhost.findings }}"
  loop_control:
    label: "{{ item.port }} {{ item.check }}"

- name: Look at one port, whose guest shall have two queues without mergeable buffers
  nfv.ovs_dpdk.vhost_user_info:
    ports: [vhost-user0]
    expect:
      - port: vhost-user0
        queues: 2
        mrg_rxbuf: false

- name: Look whether QEMU of libvirt will be able to use the sockets
  nfv.ovs_dpdk.vhost_user_info:
    guest_user: root # libvirt-qemu on Debian, qemu on Fedora
"""

RETURN = r"""
healthy:
  description: Whether ovs-vswitchd answers and no check found anything wrong.
  returned: success
  type: bool
running:
  description: Whether ovs-vswitchd answers.
  returned: success
  type: bool
problem:
  description: Why it does not; V(null) where it does.
  returned: success
  type: str
findings:
  description: What is wrong, one entry for each check and port; empty where nothing is.
  returned: success
  type: list
  elements: dict
  contains:
    port:
      description: Name of the port.
      type: str
    check:
      description:
        - Name of the check - V(socket_path), V(socket_owner), V(socket_mode), V(who_is_server), V(link_up), V(features), V(memory_shared),
          V(guest_hugepages), V(guest_node), V(queues), V(stale_socket) or V(policer).
      type: str
    ok:
      description: V(false).
      type: bool
    says:
      description: What is, and what should be.
      type: str
    do:
      description: What to do.
      type: str
  sample:
    - port: vhost-user0
      check: who_is_server
      ok: false
      says: >-
        Both sides of /var/run/openvswitch/vhost/vhost-user0 are clients: port vhost-user0 has type dpdkvhostuserclient and connects, and
        guest vm1 (qemu-system-x86_64, pid 4761) connects too: nobody makes the socket.
      do: "Start the guest with server=on (libvirt: mode='server'), or give the port mode server."
ports:
  description: The ports, in the order of the task, or by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the port.
      type: str
    mode:
      description: V(client) or V(server), which side of the socket the switch is.
      type: str
    socket:
      description: The socket.
      type: dict
      contains:
        path:
          description: Its path.
          type: str
        exists:
          description: Whether there is a file.
          type: bool
        owner:
          description: User that it belongs to.
          type: str
        group:
          description: Group that it belongs to.
          type: str
        mode:
          description: Its mode, as chmod takes it.
          type: str
        listening:
          description: Whether somebody listens on it; V(null) where that cannot be seen.
          type: bool
        listener:
          description: Who does, with C(pid) and C(command).
          type: dict
    connected:
      description: Whether a guest is connected and its driver has set the device up.
      type: bool
    features:
      description: Names of the features that were negotiated; V(null) while no guest is connected.
      type: list
      elements: str
    queues:
      description: Queues of the port.
      type: dict
      contains:
        guest:
          description: Queue pairs that the guest's device has.
          type: int
        polled:
          description: Queues that the guest uses and a PMD thread polls.
          type: int
        pmds:
          description: CPUs of the PMD threads that poll the port.
          type: list
          elements: int
    guest:
      description: The process of the guest; V(null) where none is seen.
      type: dict
      contains:
        pid:
          description: Its number.
          type: int
        name:
          description: The name that QEMU was given for the guest.
          type: str
        command:
          description: Its program.
          type: str
        user:
          description: Who it runs as.
          type: str
        attached:
          description: Whether it is connected to the socket.
          type: bool
        memory:
          description: Bytes of memory of the guest.
          type: int
        memory_shared:
          description: Whether the switch can see all of it.
          type: bool
        hugepages:
          description: Whether it is on hugepages.
          type: bool
        page_size:
          description: Bytes of its smallest page.
          type: int
        nodes:
          description: NUMA nodes that it is on.
          type: list
          elements: int
    findings:
      description: What each check says, in the order of the list above; C(ok) is V(null) where it cannot be told.
      type: list
      elements: dict
  sample:
    - name: vhost-user0
      mode: client
      socket:
        path: /var/run/openvswitch/vhost/vhost-user0
        exists: true
        owner: root
        group: root
        mode: "0755"
        listening: true
        listener: {pid: 4794, command: qemu-system-x86_64}
      connected: true
      features: [MRG_RXBUF, CTRL_VQ, MQ, PROTOCOL_FEATURES, VERSION_1]
      queues: {guest: 2, polled: 2, pmds: [1]}
      guest:
        pid: 4794
        name: vm1
        command: qemu-system-x86_64
        user: root
        attached: true
        memory: 268435456
        memory_shared: true
        hugepages: true
        page_size: 2097152
        nodes: [0]
      findings:
        - check: socket_path
          ok: true
          says: The socket of port vhost-user0 is /var/run/openvswitch/vhost/vhost-user0.
          do: ""
"""

import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import vhost_report
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import SWITCH_OPTIONS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vsctl import Vsctl
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.log import DaemonLog
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import guest, virtio
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Expected

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.access import Who

ROOT = pathlib.Path("/")


def names(module: AnsibleModule, snapshot: Snapshot) -> list[str]:
    """Return the ports to look at. Raises InputError for one that is not there, or is no vhost-user port."""
    there = sorted(name for name, interface in snapshot.interfaces.items() if interface.type in vhost_report.MODES)
    possible = f"vhost-user ports of the switch are {', '.join(there) or 'none'}."
    chosen = []
    for option, asked in (("ports", module.params["ports"]), ("expect.port", [entry["port"] for entry in module.params["expect"]])):
        for name in asked:
            interface = snapshot.interfaces.get(name)
            if interface is None and module.check_mode:
                module.warn(f"port {name} is not there; check mode passes it over, as an earlier task may add it")
            elif interface is None or interface.type not in vhost_report.MODES:
                what = "There is no such port" if interface is None else f"It has type {interface.type or 'system'}"
                raise InputError(f"port {name}", option, name, f"{what}; {possible}", "Correct the name, or add the port with vhost_user_port.")
            elif option == "ports":
                chosen.append(name)
            elif module.params["ports"] and name not in module.params["ports"]:
                raise InputError(f"port {name}", option, name, f"ports has {', '.join(module.params['ports'])} only.", "Add it there, or leave ports out.")
    return list(dict.fromkeys(chosen)) if module.params["ports"] else there


def expectations(entries: list[dict[str, t.Any]]) -> dict[str, Expected]:
    """Return what is expected, by port. Raises InputError."""
    found: dict[str, Expected] = {}
    for entry in entries:
        port = f"port {entry['port']}"
        if entry["port"] in found:
            raise InputError(port, "expect.port", entry["port"], "It is there twice.", "Write all that is expected of a port into one entry.")
        if entry["queues"] is not None and not 1 <= entry["queues"] <= guest.MAX_QUEUE_PAIRS:
            raise InputError(port, "expect.queues", entry["queues"], f"A virtio device has 1 to {guest.MAX_QUEUE_PAIRS} queue pairs.", "Correct it.")
        if entry["node"] is not None and entry["node"] < 0:
            raise InputError(port, "expect.node", entry["node"], "A NUMA node is 0 or more.", "Correct it.")
        try:
            features = tuple(virtio.bit_of(name) for name in entry["features"])
        except ValueError as error:
            raise InputError(port, "expect.features", entry["features"], f"{error}.", "Correct the name.") from None
        found[entry["port"]] = Expected(entry["queues"], entry["mrg_rxbuf"], features, entry["node"], entry["policer"])
    return found


def guest_user(module: AnsibleModule) -> Who | None:
    """Return who guests run as. Raises InputError."""
    name = module.params["guest_user"]
    found = vhost_report.user(name) if name else None
    if name and found is None:
        if not module.check_mode:
            raise InputError("guests", "guest_user", name, "This host has no such user.", "Correct it, or install QEMU or libvirt first, which bring it.")
        module.warn(f"user {name} is not there; check mode passes it over, as an earlier task may add it")
    return found


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the results. Raises InputError or HostError."""
    params = module.params
    expected, who = expectations(params["expect"]), guest_user(module)
    vsctl = Vsctl(module, params["database"] or f"unix:{params['rundir']}/db.sock", params["timeout"])
    if module.check_mode and vsctl.path is None:
        module.warn("Open vSwitch is not on this host; check mode reports an empty switch, as an earlier task installs it")
        snapshot = Snapshot()
    else:
        snapshot = vsctl.read()
    chosen = names(module, snapshot)
    report = vhost_report.VhostReport(snapshot, Daemon(params["rundir"], params["timeout"]), ROOT, chosen)
    return {"changed": False, **report.results(expected, who, DaemonLog(params["log_file"]).history())}


def main() -> None:
    """Run the module."""
    run_module(
        run,
        {
            **SWITCH_OPTIONS,
            "ports": {"type": "list", "elements": "str", "default": []},
            "guest_user": {"type": "str"},
            "expect": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "port": {"type": "str", "required": True},
                    "queues": {"type": "int"},
                    "mrg_rxbuf": {"type": "bool"},
                    "features": {"type": "list", "elements": "str", "default": []},
                    "node": {"type": "int"},
                    "policer": {"type": "bool", "default": False},
                },
            },
        },
    )


if __name__ == "__main__":
    main()
