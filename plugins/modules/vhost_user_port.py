#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vhost_user_port
short_description: vhost-user ports of Open vSwitch, and what a guest needs to attach to them
version_added: 0.1.0
description:
  - Adds, changes, moves and removes ports of type C(dpdkvhostuserclient) and C(dpdkvhostuser). One port or many, in one transaction.
  - Returns the socket of each port, and the arguments of QEMU and the XML of libvirt for a guest that attaches to it.
  - An option that is left out is left alone, an empty value clears it.
options:
  name:
    description:
      - Name of the port, without C(/) and C(\\). It is the name of the socket too.
      - A name of more than 15 bytes is cut by OpenFlow, which gives a warning.
      - Either this or O(ports) is required.
    type: str
  bridge:
    description:
      - The bridge of the port. Required for a new one. A port on another bridge moves here, with all it has.
      - A bridge of datapath type C(system) is refused.
    type: str
  mode:
    description:
      - Which side of the socket the switch is. As V(client) it connects to the socket that QEMU makes, and again when either side was restarted.
      - As V(server) it makes the socket, as the guide has it. This is deprecated since Open vSwitch 2.8, which gives a warning, and a guest loses its
        connection for good when the switch is restarted.
      - V(client) if left out, for a new port. A port that has the other mode is changed in place, which ends its connection.
    type: str
    choices: [client, server]
  socket:
    description:
      - Path of the socket, at most 107 bytes. The default for a new port is its name in O(socket_dir).
      - Only for mode V(client). In mode V(server) the switch takes C(vhost-sock-dir) and the name of the port.
      - A connected port is closed and opened again for another path, in a transaction of its own, since Open vSwitch does not change it in place.
    type: path
  tx_retries_max:
    description:
      - How often the switch tries again to send to a guest that is slow to take packets, V(0) to V(32). Mode V(client), since Open vSwitch 2.12.
    type: str
  max_queue_pairs:
    description:
      - Queue pairs that a VDUSE device has at most, V(1) to V(128), since Open vSwitch 3.5. vhost-user sockets do not look at it.
    type: str
  mtu:
    description:
      - Largest packet in bytes, without the Ethernet header, V(68) to V(9702). The port has it from the time that a guest is connected.
      - A guest takes packets of more than 1500 bytes with O(mrg_rxbuf).
    type: str
  rxq_affinity:
    description:
      - 'Which CPU polls which rx queue, as V({0: 2, 1: 3}) or in quotes as V("0:2,1:3"). It has to be a CPU of the PMD mask.'
      - Queues that the port has only when a guest is connected are not proven before that.
    type: raw
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
  n_rxq:
    description:
      - Always refused. The guest says how many queues there are, when its virtio device connects; see O(queues).
    type: str
  queues:
    description:
      - Queue pairs of the guest's device, for what this module returns for the guest. The switch takes what the guest has.
    type: int
    default: 1
  mrg_rxbuf:
    description:
      - Whether the guest's device may merge receive buffers, which jumbo frames need and which costs throughput (guide, section 4.5).
    type: bool
    default: false
  mac:
    description:
      - Ethernet address of the guest's device. If left out it is made of the names of host and port, so that it is always the same one,
        and locally administered.
    type: str
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
      - An empty list changes no port.
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
      mode:
        description: See O(mode).
        type: str
        choices: [client, server]
      socket:
        description: See O(socket).
        type: path
      tx_retries_max:
        description: See O(tx_retries_max).
        type: str
      max_queue_pairs:
        description: See O(max_queue_pairs).
        type: str
      mtu:
        description: See O(mtu).
        type: str
      rxq_affinity:
        description: See O(rxq_affinity).
        type: raw
      tx_steering:
        description: See O(tx_steering).
        type: str
      emc_enable:
        description: See O(emc_enable).
        type: str
      tag:
        description: See O(tag).
        type: str
      n_rxq:
        description: See O(n_rxq).
        type: str
      queues:
        description: See O(queues).
        type: int
      mrg_rxbuf:
        description: See O(mrg_rxbuf).
        type: bool
      mac:
        description: See O(mac).
        type: str
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
  socket_dir:
    description:
      - Directory of the sockets of ports in mode V(client). A path that does not begin with C(/) is below O(rundir).
      - If left out it is C(vhost-sock-dir) of the switch (a sub-directory of O(rundir)), or O(rundir) where that is not set. Then ports that have a
        socket keep it.
    type: str
  socket_dir_owner:
    description:
      - User that the directory of the sockets belongs to, by name or number. QEMU has to be able to make its sockets there.
      - The directory is made where one of O(socket_dir_owner), O(socket_dir_group) and O(socket_dir_mode) is given. Else a missing one gives a warning.
    type: str
  socket_dir_group:
    description:
      - Group that the directory of the sockets belongs to, by name or number.
    type: str
  socket_dir_mode:
    description:
      - Mode of the directory, in octal digits and quotes such as V('2775'). One that lets everybody write is refused.
      - V('0755') for a directory that has to be made, if left out.
    type: str
  guest_memory:
    description:
      - Memory of a guest as QEMU has it, such as V(4096M), for RV(guest_memory).
    type: str
  guest_memory_path:
    description:
      - Where hugepages are mounted, for RV(guest_memory).
    type: path
    default: /dev/hugepages
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.ovs_dpdk_bridge
  - module: nfv.ovs_dpdk.ovs_dpdk_port
  - module: nfv.ovs_dpdk.qos_policer
  - name: Open vSwitch, DPDK vhost-user ports
    description: How both modes work, and what QEMU and libvirt need.
    link: https://docs.openvswitch.org/en/latest/topics/dpdk/vhost-user/
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.switch.write
"""

EXAMPLES = r"""
- name: Have a port for a guest with two queues, and a directory in which QEMU can make its socket
  nfv.ovs_dpdk.vhost_user_port:
    bridge: br0
    name: vhost-user0
    queues: 2
    socket_dir: /var/run/openvswitch/vhost
    socket_dir_group: root
    socket_dir_mode: "0775"
  register: vhost

- name: Show what QEMU needs
  ansible.builtin.debug:
    msg: "{{ vhost.ports[0].guest.qemu_args | join(' ') }}"

- name: Have 64 ports in one transaction
  nfv.ovs_dpdk.vhost_user_port:
    socket_dir: vhost
    socket_dir_mode: "0755"
    ports: "{{ dict(names | product(['br0'])) | dict2items(key_name='name', value_name='bridge') }}"
  vars:
    names: "{{ range(64) | map('string') | map('regex_replace', '^', 'vhost-user') }}"

- name: Have a port in the way of the guide, for which the switch makes the socket
  nfv.ovs_dpdk.vhost_user_port:
    bridge: br0
    name: vhost-user1
    mode: server

- name: Remove both
  nfv.ovs_dpdk.vhost_user_port:
    ports:
      - name: vhost-user0
      - name: vhost-user1
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
      description: V(dpdkvhostuserclient) or V(dpdkvhostuser). The options that are set follow.
      type: str
    mode:
      description: V(client) or V(server), which side of the socket the switch is.
      type: str
    socket:
      description: Path of the socket.
      type: str
    connected:
      description: Whether a guest is connected.
      type: bool
    ofport:
      description: OpenFlow port number.
      type: int
    mtu_in_use:
      description: The MTU that the port has; V(null) while no guest is connected.
      type: int
    link_state:
      description: V(up) while a guest is connected.
      type: str
    mac_in_use:
      description: Ethernet address on the side of the switch.
      type: str
    status:
      description: What the switch says of the port.
      type: dict
    guest:
      description: What a guest needs to attach to the port.
      type: dict
      contains:
        mac:
          description: Ethernet address of its device.
          type: str
        queues:
          description: Queue pairs.
          type: int
        vectors:
          description: MSI-X vectors, two for each queue pair and two more.
          type: int
        qemu_args:
          description: Arguments of QEMU 6 or newer, one word each.
          type: list
          elements: str
        libvirt_xml:
          description: The element C(interface) of a domain of libvirt.
          type: str
  sample:
    - name: vhost-user0
      state: present
      bridge: br0
      type: dpdkvhostuserclient
      mode: client
      socket: /var/run/openvswitch/vhost/vhost-user0
      connected: false
      ofport: 1
      mtu_in_use: null
      link_state: down
      mac_in_use: "00:00:00:00:00:00"
      status: {"mode": "client", "status": "disconnected"}
      guest:
        mac: "4e:8c:94:1a:57:03"
        queues: 2
        vectors: 6
        qemu_args:
          - -chardev
          - socket,id=char-vhost-user0,path=/var/run/openvswitch/vhost/vhost-user0,server=on
          - -netdev
          - vhost-user,id=net-vhost-user0,chardev=char-vhost-user0,vhostforce=on,queues=2
          - -device
          - virtio-net-pci,mac=4e:8c:94:1a:57:03,netdev=net-vhost-user0,mq=on,vectors=6,mrg_rxbuf=off
        libvirt_xml: |
          <interface type='vhostuser'>
            <mac address='4e:8c:94:1a:57:03'/>
            <source type='unix' path='/var/run/openvswitch/vhost/vhost-user0' mode='server'/>
            <model type='virtio'/>
            <driver name='vhost' queues='2'>
              <host mrg_rxbuf='off'/>
            </driver>
          </interface>
guest_memory:
  description: Memory that the switch can map, once for each guest.
  returned: when O(guest_memory) is given
  type: dict
  contains:
    qemu_args:
      description: Arguments of QEMU, one word each.
      type: list
      elements: str
    libvirt_xml:
      description: The element C(memoryBacking) of a domain of libvirt.
      type: str
commands:
  description: The transactions, each as a list of words; empty where there was nothing to do. In check mode those that would be run.
  returned: always
  type: list
  elements: list
  sample:
    - [/usr/bin/ovs-vsctl, "--db=unix:/var/run/openvswitch/db.sock", --timeout=30, --, add-port, br0, vhost-user0, --, set, Interface, vhost-user0,
       type=dpdkvhostuserclient, "options:vhost-server-path=/var/run/openvswitch/vhost/vhost-user0"]
diff:
  description: The ports of the task before and after, and the directory of the sockets where it is managed.
  returned: always
  type: dict
  sample:
    before: {"port vhost-user0": {"state": "absent"}}
    after: {"port vhost-user0": {"state": "present", "bridge": "br0", "mode": "client", "socket": "/var/run/openvswitch/vhost/vhost-user0"}}
"""

import pathlib
import platform
import posixpath
import re
import stat
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import folder
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.policing import DIRECTIONS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ports import COMMON_KEYS, Given, PortsDecision, entries, parsed_tag
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import HostChange
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import main as run_decision
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantPort
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import guest, names, releases
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Evidence
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface, Snapshot

_TYPES = {"client": "dpdkvhostuserclient", "server": "dpdkvhostuser"}
_MODES: dict[str, t.Literal["client", "server"]] = {"dpdkvhostuserclient": "client", "dpdkvhostuser": "server"}
_PATH = "vhost-server-path"

_PORT: dict[str, dict[str, t.Any]] = {
    "bridge": {"type": "str"},
    "mode": {"type": "str", "choices": ["client", "server"]},
    "socket": {"type": "path"},
    "tx_retries_max": {"type": "str"},
    "max_queue_pairs": {"type": "str"},
    "mtu": {"type": "str"},
    "rxq_affinity": {"type": "raw"},
    "tx_steering": {"type": "str"},
    "emc_enable": {"type": "str"},
    "tag": {"type": "str"},
    "n_rxq": {"type": "str"},
    "queues": {"type": "int"},
    "mrg_rxbuf": {"type": "bool"},
    "mac": {"type": "str"},
    **DIRECTIONS,
    "state": {"type": "str", "choices": ["present", "absent"]},
}
_DEFAULTS = {"queues": 1, "mrg_rxbuf": False, "state": "present"}
# What two ports cannot have in common, so that it is no default of many
_OWN = ("name", "socket", "mac")


class VhostPorts(PortsDecision):
    """The vhost-user ports of a task."""

    types = ("dpdkvhostuser", "dpdkvhostuserclient")
    other_module = "ovs_dpdk_port"
    keys: t.ClassVar[dict[str, str]] = {"tx_retries_max": "tx-retries-max", "max_queue_pairs": "vhost-max-queue-pairs", **COMMON_KEYS}

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(module)
        self.served: dict[str, list[str]] = {}
        for given in self.given:
            self.check_guest(given)
        memory = self.params["guest_memory"]
        if memory is not None and not re.fullmatch(r"[1-9][0-9]*[MG]", memory):
            raise InputError("guest", "guest_memory", memory, "The memory of a guest is a number with M or G.", "Write for instance 4096M.")

    def all_given(self) -> list[Given]:
        """Return the ports of the task."""
        return entries(self.params, _OWN, [option for option in _PORT if option not in _OWN])

    def check_guest(self, given: Given) -> None:
        """Refuse what cannot be of a guest's device, and n_rxq."""
        subject = f"port {given['name']}"
        if given["n_rxq"] is not None:
            possible = "The guest says how many queues a vhost-user port has, when its virtio device connects (guide, section 6.1)."
            raise InputError(subject, "n_rxq", given["n_rxq"], possible, "Leave it out, and give queues for the guest.")
        if not 1 <= given["queues"] <= guest.MAX_QUEUE_PAIRS:
            possible = f"A virtio device has 1 to {guest.MAX_QUEUE_PAIRS} queue pairs."
            raise InputError(subject, "queues", given["queues"], possible, "Correct it.")
        if given["mac"]:
            try:
                names.parse_mac(given["mac"])
            except ValueError as error:
                raise InputError(subject, "mac", given["mac"], f"{error}.", "Correct it.") from None

    # --- sockets ---

    def server_dir(self, snapshot: Snapshot) -> str:
        """Return the directory in which the switch makes sockets: vhost-sock-dir is below the run directory (vswitch.xml)."""
        return posixpath.normpath(posixpath.join(str(self.params["rundir"]), snapshot.switch.other_config.get("vhost-sock-dir", "").strip("/")))

    def socket_dir(self, snapshot: Snapshot) -> str:
        """Return the directory of the sockets of the task."""
        if self.params["socket_dir"]:
            return posixpath.normpath(posixpath.join(str(self.params["rundir"]), str(self.params["socket_dir"])))
        return self.server_dir(snapshot)

    def client_path(self, given: Given, there: Interface | None, snapshot: Snapshot) -> str:
        """Return the socket of a port in mode client: what is given, what it has, or its name in the directory."""
        if given["socket"]:
            return str(given["socket"])
        if there is not None and there.options.get(_PATH) and not self.params["socket_dir"]:
            return there.options[_PATH]
        return posixpath.join(self.socket_dir(snapshot), given["name"])

    # --- before anything is touched ---

    def check_absent(self, given: Given) -> None:
        """Check the name of a port that shall go."""
        names.check_port_name(given["name"])

    def want(self, given: Given, snapshot: Snapshot) -> WantPort:
        """Return the want for one port."""
        name = given["name"]
        there = snapshot.interfaces.get(name)
        port_type = _TYPES[given["mode"]] if given["mode"] else (there.type if there else _TYPES["client"])
        options: dict[str, str | None] = {}
        if port_type == _TYPES["client"]:
            directory = posixpath.dirname(given["socket"]) if given["socket"] else self.socket_dir(snapshot)
            path = self.client_path(given, there, snapshot)
            names.check_socket_path(f"port {name}", "socket", path)
            options[_PATH] = path
        else:
            directory = self.server_dir(snapshot)
            self.check_server(given, directory, snapshot)
            if there is not None and there.type != port_type:
                options = {key: None for key in there.options if key in releases.INTERFACE_OPTIONS and not _for_server(key)}
            warning = releases.describe_deprecated_type(port_type, self.release)
            if warning:
                self.note(warning, name)
        self.warnings.extend(names.check_vhost_name(name, directory))
        if there is not None and there.type != port_type:
            self.note(f"mode changes from {_MODES[there.type]} to {_MODES[port_type]}, which ends the connection of its guest", name)
        columns = {"tag": parsed_tag(name, given["tag"])} if given["tag"] is not None else {}
        interface = self.want_interface(name, given, snapshot, {"type": port_type}, options)
        return WantPort(name, bridge=given["bridge"], interfaces=(interface,), columns=columns)

    def check_server(self, given: Given, directory: str, snapshot: Snapshot) -> None:
        """Refuse a socket that the switch would not make."""
        possible = f"In mode server the switch makes the socket, {posixpath.join(directory, given['name'])}."
        if given["socket"]:
            raise InputError(f"port {given['name']}", "socket", given["socket"], possible, "Leave it out, or take mode client.")
        if self.socket_dir(snapshot) != directory:
            advice = "Leave it out, take mode client, or set vhost-sock-dir with ovs_dpdk_config."
            raise InputError(f"port {given['name']}", "socket_dir", self.params["socket_dir"], possible, advice)

    # --- the directory, and sockets that are left over ---

    def host_change(self, snapshot: Snapshot) -> HostChange | None:
        """Return what is to be done on the host: the directory of the sockets, and sockets that a dead switch has left."""
        changes = []
        present = [given for given in self.given if given["state"] == "present"]
        path = self.socket_dir(snapshot)
        owner, group, mode = (self.params[f"socket_dir_{part}"] for part in ("owner", "group", "mode"))
        if any(part is not None for part in (owner, group, mode)):
            changes.append(folder.plan_folder(path, option="socket_dir", owner=owner, group=group, mode=mode, lenient=self.module.check_mode))
        elif present and not pathlib.Path(path).is_dir() and not (self.module.check_mode and path.startswith(str(self.params["rundir"]))):
            self.warnings.append(f"directory {path} is not there: QEMU cannot make its sockets in it; give socket_dir_mode to have it made")
        for given in present:
            there = snapshot.interfaces.get(given["name"])
            if given["mode"] == "server" and (there is None or there.type != _TYPES["server"]):
                changes.extend(folder.plan_free_socket(f"port {given['name']}", posixpath.join(self.server_dir(snapshot), given["name"])))
        return folder.combined(changes)

    # --- proof and results ---

    def problems(self, evidence: Evidence) -> Iterable[str]:
        """Yield what the datapath and the sockets do not show of what was asked."""
        yield from super().problems(evidence)
        directory = self.server_dir(evidence.snapshot)
        for name in self.asked:
            interface = evidence.snapshot.interfaces[name]
            mode = interface.status.get("mode")
            if mode is not None and mode != _MODES[interface.type]:
                yield f"port {name}: it is in mode {mode}, not {_MODES[interface.type]}"
            elif interface.type == _TYPES["server"] and not _is_socket(posixpath.join(directory, name)):
                elsewhere = posixpath.join(self.params["rundir"], name)
                if _is_socket(elsewhere):
                    self.note_elsewhere(name, elsewhere)
                else:
                    yield f"port {name}: the switch made no socket {posixpath.join(directory, name)}"

    def note_elsewhere(self, name: str, path: str) -> None:
        """Warn of a socket that stands in the run directory although vhost-sock-dir names another one."""
        self.warnings.append(f"port {name}: its socket is {path}; vhost-sock-dir was set after DPDK was initialised, or there is no such directory")

    def view_interface(self, interface: Interface) -> dict[str, t.Any]:
        """Return what is configured, with the mode, and the socket of a client."""
        view = {**super().view_interface(interface), "mode": _MODES.get(interface.type)}
        if interface.options.get(_PATH):
            view["socket"] = interface.options[_PATH]
        return view

    def result(self, given: Given, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return one port as it now is, with what a guest needs."""
        result = super().result(given, after, evidence)
        interface = after.interfaces.get(given["name"])
        if result["state"] == "absent" or interface is None or interface.type not in _MODES:
            return result
        mode = _MODES[interface.type]
        socket = interface.options.get(_PATH, "")
        if mode == "server":
            wanted, elsewhere = (posixpath.join(directory, given["name"]) for directory in (self.server_dir(after), self.params["rundir"]))
            socket = elsewhere if evidence and not _is_socket(wanted) and _is_socket(elsewhere) else wanted
        mac = names.parse_mac(given["mac"]) if given["mac"] else guest.generated_mac(platform.node(), given["name"])
        wanted_guest = guest.GuestInterface(given["name"], socket, mode, mac, given["queues"], mrg_rxbuf=given["mrg_rxbuf"])
        return {
            **result,
            "socket": socket,
            "connected": interface.status.get("status") == "connected",
            "guest": {
                "mac": mac,
                "queues": wanted_guest.queues,
                "vectors": wanted_guest.vectors,
                "qemu_args": guest.qemu_args(wanted_guest),
                "libvirt_xml": guest.libvirt_xml(wanted_guest),
            },
        }

    def results(self, before: Snapshot, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return the ports, and the memory of a guest."""
        results = super().results(before, after, evidence)
        size = self.params["guest_memory"]
        if size:
            args = guest.memory_qemu_args(size, self.params["guest_memory_path"])
            results["guest_memory"] = {"qemu_args": args, "libvirt_xml": guest.memory_libvirt_xml()}
        return results


def _for_server(key: str) -> bool:
    return _TYPES["server"] in releases.INTERFACE_OPTIONS[key].types


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(pathlib.Path(path).stat().st_mode)
    except OSError:
        return False


def main() -> None:
    """Entry point."""
    top = {option: {**spec, **({"default": _DEFAULTS[option]} if option in _DEFAULTS else {})} for option, spec in _PORT.items()}
    run_decision(
        VhostPorts,
        {
            "name": {"type": "str"},
            **top,
            "ports": {"type": "list", "elements": "dict", "options": {"name": {"type": "str", "required": True}, **_PORT}},
            "socket_dir": {"type": "str"},
            "socket_dir_owner": {"type": "str"},
            "socket_dir_group": {"type": "str"},
            "socket_dir_mode": {"type": "str"},
            "guest_memory": {"type": "str"},
            "guest_memory_path": {"type": "path", "default": "/dev/hugepages"},
        },
        mutually_exclusive=[(option, "ports") for option in _OWN],
        required_one_of=[("name", "ports")],
    )


if __name__ == "__main__":
    main()
