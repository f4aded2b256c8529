#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virtio_queues_info
short_description: Which queue property of a virtio device is missing in a guest
version_added: 0.3.0
description:
  - Runs in a guest. Looks at its virtio network devices, and at the ports of an Open vSwitch with DPDK in the guest that use them, and says what
    keeps them from having the queues that are wanted - multiqueue of the device, its queue pairs, control queue, MSI-X vectors, vCPUs,
    combined channels, rx and tx queues of the inner switch (guide, section 6.3).
  - It changes nothing. Interrupts, and devices that DPDK has, are seen by root only, so the task needs C(become).
options:
  interfaces:
    description:
      - Devices to look at, each by name of its interface, Ethernet address or PCI address. One that DPDK has is known by its PCI address only.
      - All virtio network devices, if left out.
    type: list
    elements: str
    default: []
  queues:
    description:
      - Queue pairs that each device shall have.
      - If left out, it is checked that all pairs which a device has are used, and those that the inner switch asks for with C(n_rxq) are there.
    type: int
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: Changes nothing.
seealso:
  - module: nfv.ovs_dpdk.vhost_user_info
  - module: nfv.ovs_dpdk.vhost_user_port
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.switch
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.attributes.actiongroup
"""

EXAMPLES = r"""
- name: Look at all virtio network devices of a guest
  nfv.ovs_dpdk.virtio_queues_info:
  register: virtio

- name: Show what is missing, and what to do
  ansible.builtin.debug:
    msg: "{{ item.says }} {{ item.do }}"
  loop: "{{ virtio.findings }}"
  loop_control:
    label: "{{ item.name }} {{ item.check }}"

- name: Look whether one device has two queues (guest)
  nfv.ovs_dpdk.virtio_queues_info:
    interfaces: ["52:54:00:00:02:00"]
    queues: 2
"""

RETURN = r"""
healthy:
  description: Whether no check found anything missing.
  returned: success
  type: bool
findings:
  description: What is missing, one entry for each check and device or port of the inner switch; empty where nothing is.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The interface, the port of the inner switch, or the PCI address of the device.
      type: str
    check:
      description:
        - Name of the check - V(multiqueue), V(queue_pairs), V(control_queue), V(vectors), V(vcpus), V(channels), V(inner_rx_queues) or V(inner_tx_queues).
      type: str
    ok:
      description: V(false).
      type: bool
    says:
      description: What is, and what should be.
      type: str
    do:
      description: What to do, and whether that is on the host or in the guest.
      type: str
  sample:
    - name: enp0s3
      check: channels
      ok: false
      says: enp0s3 uses 1 combined channel(s), and could use 2.
      do: ethtool -L enp0s3 combined 2, and have it done at each boot (role guest_forwarding).
nics:
  description: The virtio network devices, by PCI address.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The interface; V(null) where the kernel does not drive the device.
      type: str
    mac:
      description: Its Ethernet address.
      type: str
    pci_address:
      description: PCI address; V(null) for a device that is on no PCI bus.
      type: str
    driver:
      description: What drives the device, such as V(virtio-pci) or V(vfio-pci).
      type: str
    port:
      description: The port of the inner switch that has it.
      type: str
    features:
      description: Names of the features that were negotiated; V(null) where the kernel does not drive the device.
      type: list
      elements: str
    multiqueue:
      description: Whether it has multiqueue.
      type: bool
    control_queue:
      description: Whether it has a control queue.
      type: bool
    vectors:
      description: MSI-X vectors of the device; V(null) where that cannot be read.
      type: int
    queues:
      description: Queue pairs that the device has at most (C(most)), that are in use (C(enabled)), and that are wanted (C(wanted)).
      type: dict
    findings:
      description: What each check says; C(ok) is V(null) where it cannot be told.
      type: list
      elements: dict
  sample:
    - name: enp0s3
      mac: "52:54:00:00:02:00"
      pci_address: "0000:00:03.0"
      driver: virtio-pci
      port: null
      features: [MRG_RXBUF, STATUS, CTRL_VQ, MQ, VERSION_1]
      multiqueue: true
      control_queue: true
      vectors: 6
      queues: {most: 2, enabled: 2, wanted: 2}
      findings:
        - {check: multiqueue, ok: true, says: enp0s3 has multiqueue., do: ""}
ports:
  description: Ports of the Open vSwitch in the guest that use these devices.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the port.
      type: str
    pci_address:
      description: PCI address of its device.
      type: str
    rx_queues:
      description: Rx queues that the port asks for (C(asked)), has (C(there)) and could have (C(most)).
      type: dict
    tx_queues:
      description: Tx queues that it could have (C(most)).
      type: dict
    pmd_threads:
      description: PMD threads of the inner switch, each of which wants a tx queue.
      type: int
    findings:
      description: What each check says.
      type: list
      elements: dict
problem:
  description: Why an Open vSwitch that is in the guest does not say more; V(null) where it does, or there is none.
  returned: success
  type: str
vcpus:
  description: Number of vCPUs that are online.
  returned: success
  type: int
"""

import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import virtio_report
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import SWITCH_OPTIONS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vsctl import Vsctl
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import guest
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

ROOT = pathlib.Path("/")


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the results. Raises InputError."""
    params = module.params
    queues = params["queues"]
    if queues is not None and not 1 <= queues <= guest.MAX_QUEUE_PAIRS:
        raise InputError("guest", "queues", queues, f"A virtio device has 1 to {guest.MAX_QUEUE_PAIRS} queue pairs.", "Correct it.")
    vsctl = Vsctl(module, params["database"] or f"unix:{params['rundir']}/db.sock", params["timeout"])
    inner = virtio_report.read_inner_switch(vsctl, Daemon(params["rundir"], params["timeout"]))
    return {"changed": False, **virtio_report.results(ROOT, params["interfaces"], queues, inner)}


def main() -> None:
    """Run the module."""
    run_module(run, {**SWITCH_OPTIONS, "interfaces": {"type": "list", "elements": "str", "default": []}, "queues": {"type": "int"}})


if __name__ == "__main__":
    main()
