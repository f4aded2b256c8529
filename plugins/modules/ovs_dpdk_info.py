#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_dpdk_info
short_description: The state of an Open vSwitch with DPDK
version_added: 0.1.0
description:
  - Reads what is configured, what the running switch makes of it, and what is left over. It changes nothing, and costs one read of the
    database and one connection to ovs-vswitchd.
  - With ovs-vswitchd down or hung it reports what stands in the database, and why there is nothing else. Without ovsdb-server it fails.
options:
  frame_size:
    description:
      - Bytes of a frame on the wire, with Ethernet header and FCS, that the rates of policers are shown for in packets per second.
    type: int
    default: 64
attributes:
  check_mode:
    support: full
    details: On a host without Open vSwitch check mode reports an empty switch with a warning, as an earlier task would install it.
  diff_mode:
    support: N/A
    details: Changes nothing.
seealso:
  - module: nfv.ovs_dpdk.dpdk_host_info
  - module: nfv.ovs_dpdk.ovs_dpdk_config
  - module: nfv.ovs_dpdk.ovs_dpdk_port
  - module: nfv.ovs_dpdk.qos_policer
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
"""

EXAMPLES = r"""
- name: Read the state of the switch
  nfv.ovs_dpdk.ovs_dpdk_info:
  register: ovs

- name: Show what is set and not read, stored and not done, or left over
  ansible.builtin.debug:
    var: ovs.switch.findings

- name: Fail where a port has an error
  ansible.builtin.assert:
    that: ovs.switch.ports | selectattr("error") | length == 0

- name: Show policers for frames of 1518 bytes
  nfv.ovs_dpdk.ovs_dpdk_info:
    frame_size: 1518
"""

RETURN = r"""
switch:
  description: The switch.
  returned: success
  type: dict
  contains:
    running:
      description: Whether ovs-vswitchd answers.
      type: bool
      sample: true
    problem:
      description: Why it does not; V(null) where it does. What only ovs-vswitchd knows is V(null) or empty below.
      type: str
      sample: null
    ovs_version:
      description: Release of the ovs-vswitchd that was started last.
      type: str
      sample: 3.5.0
    dpdk_version:
      description: Release of the DPDK that it was built with; V(null) where it was built without.
      type: str
      sample: DPDK 24.11.8
    dpdk_initialized:
      description: Whether DPDK is initialised.
      type: bool
      sample: true
    iface_types:
      description: Types of ports that this switch has.
      type: list
      elements: str
      sample: [dpdk, dpdkvhostuser, dpdkvhostuserclient, internal, patch, system, tap]
    other_config:
      description:
        - C(other_config) of the switch by key. Values have their type where the key is known. Numbers by NUMA node are a list, and
          CPUs a list as V(2,22).
      type: dict
      sample: {"dpdk-extra": "--no-pci -m 256", "dpdk-init": "true", "pmd-cpu-mask": "1"}
    restart_required:
      description: Settings that ovs-vswitchd has not taken up, as far as this collection changed them; each with the reason.
      type: list
      elements: str
      sample: []
    bridges:
      description: The bridges, by name.
      type: list
      elements: dict
      contains:
        name:
          description: Name.
          type: str
        datapath_type:
          description: V(netdev) is the one that DPDK ports need.
          type: str
        fail_mode:
          description: V(secure), V(standalone), or V(null).
          type: str
        other_config:
          description: C(other_config) of the bridge.
          type: dict
        ports:
          description: Names of its ports, without its local one.
          type: list
          elements: str
      sample:
        - {"name": br0, "datapath_type": netdev, "fail_mode": secure, "other_config": {}, "ports": [dpdk0, vhost-user0]}
    ports:
      description: All interfaces, by name; the members of a bond each for itself.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the interface.
          type: str
        port:
          description: Name of the port that it is of, another one for members of a bond.
          type: str
        bridge:
          description: The bridge that it is on.
          type: str
        type:
          description: Type of the interface.
          type: str
        ofport:
          description: OpenFlow port number; -1 where the switch could not set it up.
          type: int
        error:
          description: Why the switch could not set it up, in its words.
          type: str
        admin_state:
          description: V(up) or V(down).
          type: str
        link_state:
          description: V(up) or V(down).
          type: str
        mac:
          description: Ethernet address.
          type: str
        mtu:
          description: The MTU in use. V(null) for a vhost-user port that no guest is connected to, in most releases.
          type: int
        mtu_request:
          description: The MTU asked for.
          type: int
        devargs:
          description: The DPDK device.
          type: str
        driver:
          description: Driver of the device.
          type: str
        numa_node:
          description: NUMA node of the device, or of the memory of the guest.
          type: int
        options:
          description: All options as they stand in the database.
          type: dict
        other_config:
          description: C(other_config) as it stands in the database.
          type: dict
        n_rxq:
          description: Number of rx queues, RV(switch.ports[].n_rxq.asked) for and RV(switch.ports[].n_rxq.there).
          type: dict
          contains:
            asked:
              description: What the database says.
              type: int
            there:
              description: What the switch has.
              type: int
        n_rxq_desc:
          description: Descriptors of an rx queue, like RV(switch.ports[].n_rxq).
          type: dict
        n_txq_desc:
          description: Descriptors of a tx queue, like RV(switch.ports[].n_rxq).
          type: dict
        rxq_affinity:
          description: The CPU for each rx queue that is bound to one.
          type: dict
        rxqs:
          description: The rx queues and the PMD threads that poll them.
          type: list
          elements: dict
          contains:
            queue:
              description: Number of the queue.
              type: int
            core:
              description: CPU of the PMD thread.
              type: int
            node:
              description: NUMA node of the PMD thread.
              type: int
            isolated:
              description: Whether the thread polls queues that are bound to it only.
              type: bool
            enabled:
              description: Whether the guest has enabled the queue.
              type: bool
            usage_percent:
              description: Share of the cycles of the thread in the last minute; V(null) where nothing was measured yet.
              type: int
        egress:
          description:
            - The egress policer, as module M(nfv.ovs_dpdk.qos_policer) shows it, with C(bit_rate) in bits per second besides.
            - V(null) where there is none.
          type: dict
        ingress:
          description: The ingress policer, like RV(switch.ports[].egress).
          type: dict
        flow_control:
          description: Flow control as module M(nfv.ovs_dpdk.flow_ctrl) shows it, with C(effective); V(null) for ports that are not of type C(dpdk).
          type: dict
        vhost:
          description: The vhost-user connection; V(null) for other ports.
          type: dict
          contains:
            mode:
              description: What Open vSwitch is, V(client) or V(server).
              type: str
            connected:
              description: Whether a guest is connected.
              type: bool
            socket:
              description: Path of the socket.
              type: str
            queues:
              description: Queue pairs of the guest; V(null) while none is connected.
              type: int
            features:
              description: The negotiated features, as a mask.
              type: str
      sample:
        - name: vhost-user0
          port: vhost-user0
          bridge: br0
          type: dpdkvhostuserclient
          ofport: 2
          error: null
          admin_state: up
          link_state: up
          mac: "00:00:00:00:00:00"
          mtu: 1500
          mtu_request: null
          devargs: null
          driver: null
          numa_node: 0
          options: {"vhost-server-path": /var/run/openvswitch/vhost/vhost-user0}
          other_config: {}
          n_rxq: {"asked": null, "there": 1}
          n_rxq_desc: {"asked": null, "there": null}
          n_txq_desc: {"asked": null, "there": null}
          rxq_affinity: {}
          rxqs: [{"queue": 0, "core": 1, "node": 0, "isolated": false, "enabled": true, "usage_percent": 0}]
          egress:
            {"type": egress-policer, "frame_size": 64, "rate": 1Mpps, "burst": 10ms, "cir": 46000000, "cbs": 460000, "bit_rate": 368Mbit}
          ingress: null
          flow_control: null
          vhost:
            mode: client
            connected: true
            socket: /var/run/openvswitch/vhost/vhost-user0
            queues: 1
            features: "0x0000000950008000"
    pmd_threads:
      description: The PMD threads, by CPU.
      type: list
      elements: dict
      contains:
        core:
          description: CPU.
          type: int
        node:
          description: NUMA node.
          type: int
        isolated:
          description: Whether it polls queues that are bound to it only.
          type: bool
        rxqs:
          description: The rx queues that it polls.
          type: list
          elements: dict
        overhead_percent:
          description: Share of its cycles in the last minute that no queue accounts for. V(null) before Open vSwitch 2.16 and right after a change.
          type: int
        seconds:
          description: How long the following figures were counted, since the thread was started or its counters were cleared.
          type: float
        busy_percent:
          description: Of the cycles that it used, the share in iterations with packets.
          type: float
        sleep_percent:
          description: Of its iterations, the share in which it slept; V(null) where it may not.
          type: float
        rx_packets:
          description: Packets received.
          type: int
        tx_packets:
          description: Packets sent.
          type: int
      sample:
        - core: 1
          node: 0
          isolated: false
          rxqs: [{"port": dpdk1, "queue": 0, "usage_percent": 42}]
          overhead_percent: 7
          seconds: 128.829
          busy_percent: 99.4
          sleep_percent: 2.5
          rx_packets: 186828832
          tx_packets: 186246784
    orphans:
      description: Rows of QoS and Queue that no port refers to, by UUID, with what is in them.
      type: dict
      contains:
        qos:
          description: Rows of QoS.
          type: dict
        queues:
          description: Rows of Queue.
          type: dict
      sample: {"qos": {"93cd12e1-9bcc-42ff-bdad-8af7a25d66b5": "egress-policer cbs=2048 cir=46000000"}, "queues": {}}
    findings:
      description:
        - What deserves a look, one sentence each - keys that this release does not read, options that have no effect on a port, errors of ports,
          ports that no PMD thread polls, policers and flow control that are stored but not done, rows left over.
      type: list
      elements: str
      sample:
        - other_config:pmd-maxsleep is deprecated since Open vSwitch 3.2; use pmd-sleep-max
        - "port dpdk0: flow control is stored but has no effect"
        - "port vhost-user1: no PMD thread polls it"
"""

import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import config, report
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import SWITCH_OPTIONS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vsctl import Vsctl
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.log import DaemonLog
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import rates
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

ROOT = pathlib.Path("/")


def read(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the report: one read of the database, one connection to the daemon."""
    params = module.params
    try:
        rates.counted_bytes(params["frame_size"])
    except ValueError as error:
        raise InputError("policers", "frame_size", params["frame_size"], f"{str(error).capitalize()}.", "Give the size on the wire, with FCS.") from None
    vsctl = Vsctl(module, params["database"] or f"unix:{params['rundir']}/db.sock", params["timeout"])
    if module.check_mode and vsctl.path is None:
        module.warn("Open vSwitch is not on this host; check mode reports an empty switch, as an earlier task installs it")
        nothing = report.Report(Snapshot(), report.Answers("Open vSwitch is not on this host."), [], params["frame_size"])
        return {**nothing.result(), "restart_required": []}
    snapshot = vsctl.read()
    daemon = Daemon(params["rundir"], params["timeout"])
    answers = report.ask(daemon, snapshot)
    result = report.Report(snapshot, answers, DaemonLog(params["log_file"]).history(), params["frame_size"]).result()
    return {**result, "restart_required": config.restart_reasons(snapshot.switch, config.daemon_identity(daemon, ROOT))}


def main() -> None:
    """Run the module."""
    run_module(
        lambda module: {"changed": False, "switch": read(module)},
        {**SWITCH_OPTIONS, "frame_size": {"type": "int", "default": rates.MIN_FRAME}},
    )


if __name__ == "__main__":
    main()
