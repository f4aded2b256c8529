#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dpdk_device
short_description: Which driver holds a NIC, now and after each boot
version_added: 0.2.0
description:
  - Binds NICs to C(vfio-pci) or another driver that gives them to programs such as Open vSwitch with DPDK, by C(driverctl), so that it
    lasts. Loads the driver first, and proves by C(/sys/bus/pci/devices/ADDRESS/driver) that it has the device.
  - Writes down in C(/var/lib/nfv.ovs_dpdk.dpdk_device.json) what driver, interface name and MAC a device had, before it is bound.
    O(state=absent) gives it back to that driver, and the device can still be called by that name or MAC.
  - All devices of a task are bound, or none. Where one of them fails, the others are given back and the task says why.
  - Virtual functions (SR-IOV) are bound until the next boot only, since they are gone then.
  - "Refused are, before anything is touched: a device that is no NIC; one with interfaces on top of its own, such as a bond, bridge or
    VLAN; one that a program has open; one with virtual functions; a Mellanox (NVIDIA) card, whose driver stays and whose port needs
    devargs alone; a part of an IOMMU group of which a kernel driver holds another part; and what O(force), O(unsafe_noiommu) and
    O(unsafe_interrupts) are for."
options:
  device:
    description:
      - The NIC, by its PCI address (V(0000:05:00.0) or V(05:00.0)), the name of its interface, or its MAC, as they are now or as they
        were before the module bound it.
      - Either this or O(devices).
    type: str
  devices:
    description: Many NICs at once. Each may come only once.
    type: list
    elements: dict
    suboptions:
      device:
        description: See O(device).
        type: str
        required: true
      driver:
        description: See O(driver), from which it is taken if left out.
        type: str
      state:
        description: See O(state), from which it is taken if left out.
        type: str
        choices: [present, absent]
  driver:
    description:
      - The driver that has the device, such as V(vfio-pci), V(uio_pci_generic), or V(igb_uio).
      - Not used with O(state=absent).
    type: str
    default: vfio-pci
  state:
    description:
      - With V(present) the driver O(driver) has the device, now and after each boot.
      - With V(absent) there is no override any more, and the driver that had the device before has it. Where the module has nothing
        written down, it is the one that the kernel chooses.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Bind a NIC that the default route goes through or that Ansible's connection comes in on, if its address is in O(confirm) too.
        Bonds, bridges and VLANs on the way are looked through. The connection is found by C(SSH_CONNECTION), also through sudo.
    type: bool
    default: false
  confirm:
    description: The PCI addresses of the devices that O(force) is for.
    type: list
    elements: str
    default: []
  unsafe_noiommu:
    description:
      - Whether vfio may give away a device that is behind no IOMMU. A program that has it can then reach all memory of the host.
      - With V(true) the mode is switched on where a device of the task needs it, now and by C(/etc/modprobe.d/nfv-ovs-dpdk-vfio.conf).
      - With V(false), or when the last device is given back, a mode that this module has switched on is taken back.
    type: bool
  unsafe_interrupts:
    description:
      - Whether vfio may give away devices on a host that does not remap interrupts. A program that has one can then raise any interrupt.
      - As with O(unsafe_noiommu), it is switched on only where it is needed, and taken back.
    type: bool
  timeout:
    description: Seconds in which a driver may still take a device after C(driverctl) is done.
    type: int
    default: 10
  root:
    description: Folder that stands for V(/), a copy of another host's /sys, /proc, /etc and /var. Only in check mode.
    type: path
    default: /
attributes:
  check_mode:
    support: full
    details: Whether a driver really takes a device shows only in a run. Without C(driverctl) check mode warns, and a run fails.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.dpdk_host_info
  - module: nfv.ovs_dpdk.kernel_args
    description: Switches the IOMMU on.
  - name: DPDK, Linux Drivers
    description: Which driver is for what.
    link: https://doc.dpdk.org/guides/linux_gsg/linux_drivers.html
  - name: Linux, VFIO
    description: IOMMU groups.
    link: https://docs.kernel.org/driver-api/vfio.html
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
"""

EXAMPLES = r"""
- name: Give a NIC to DPDK by its PCI address (physical NIC)
  nfv.ovs_dpdk.dpdk_device:
    device: "0000:05:00.0"

- name: Give two NICs to DPDK, by name and by MAC (physical NIC)
  nfv.ovs_dpdk.dpdk_device:
    devices:
      - device: ens5f0
      - device: "52:54:00:12:34:56"

- name: Give a NIC to DPDK in a virtual machine that has no IOMMU (physical NIC)
  nfv.ovs_dpdk.dpdk_device:
    device: "0000:05:00.0"
    unsafe_noiommu: true

- name: Give the NIC of the default route away, because the host has another way in (physical NIC)
  nfv.ovs_dpdk.dpdk_device:
    device: "0000:05:00.0"
    force: true
    confirm: ["0000:05:00.0"]

- name: Give a NIC back to the driver that it had (physical NIC)
  nfv.ovs_dpdk.dpdk_device:
    device: ens5f0
    state: absent
"""

RETURN = r"""
devices:
  description: The devices of the task as they now are, in check mode as they would be; by PCI address.
  returned: always
  type: list
  elements: dict
  contains:
    pci:
      description: PCI address.
      type: str
      sample: "0000:05:00.0"
    name:
      description: Its interface, or the one that it had before it was bound.
      type: str
      sample: ens5f0
    mac:
      description: The MAC of that interface.
      type: str
      sample: 52:54:00:12:34:56
    driver:
      description: The driver that has it.
      type: str
      sample: vfio-pci
    driver_before:
      description: The driver that it had before the module first bound it. V(null) where that is not known.
      type: str
      sample: e1000e
    persistent:
      description: Whether C(driverctl) gives it to this driver at each boot.
      type: bool
      sample: true
    iommu_group:
      description: Its IOMMU group. V(null) where no IOMMU is behind it.
      type: int
      sample: 14
    node:
      description: NUMA node. V(null) where the firmware does not say.
      type: int
      sample: 0
  sample:
    - pci: "0000:05:00.0"
      name: ens5f0
      mac: 52:54:00:12:34:56
      driver: vfio-pci
      driver_before: e1000e
      persistent: true
      iommu_group: 14
      node: 0
commands:
  description: The commands that were run, in order; in check mode those that would be. Commands that only read are not among them.
  returned: always
  type: list
  elements: list
  sample: [["/usr/sbin/modprobe", "vfio-pci"], ["/usr/sbin/driverctl", "set-override", "0000:05:00.0", "vfio-pci"]]
diff:
  description: The driver of each device of the task, and the unsafe modes of vfio where they change, before and after.
  returned: always
  type: dict
  sample: {"before": {"0000:05:00.0": "e1000e"}, "after": {"0000:05:00.0": "vfio-pci"}}
"""

import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import devices
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.binding import Host, Permission, Plan, Step, Want, full_address, plan, takes_interfaces
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError, OvsDpdkError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

LIVE = pathlib.Path("/")
"""The host that commands act on."""


def wants_of(params: dict[str, t.Any]) -> list[Want]:
    """Return the devices of the task and their drivers."""
    given = [{"device": params["device"]}] if params["devices"] is None else params["devices"]
    wants = []
    for one in given:
        state = one.get("state") or params["state"]
        wants.append(Want(one["device"].strip(), (one.get("driver") or params["driver"]) if state == "present" else None))
    return wants


def permission_of(params: dict[str, t.Any]) -> Permission:
    """Return what the task allows. Raises InputError."""
    confirmed = {text: full_address(text) for text in params["confirm"]}
    for text, address in confirmed.items():
        if address is None:
            raise InputError("device", "confirm", text, "It takes PCI addresses, such as 0000:05:00.0.", "Write the address of the device.")
    addresses = frozenset(address for address in confirmed.values() if address)
    return Permission(params["force"], addresses, params["unsafe_noiommu"], params["unsafe_interrupts"])


def device_result(step: Step, host: Host) -> dict[str, t.Any]:
    """Return a device as the module shows it; what the kernel does not show of it is what it was."""
    nic = host.nics_of(step.address)[0]
    function = host.functions[step.address]
    was = step.former
    return {
        "pci": step.address,
        "name": nic.name or (was.name if was else None),
        "mac": nic.mac or (was.mac if was else None),
        "driver": function.driver,
        "driver_before": was.driver if was else None,
        "persistent": function.driver is not None and function.saved == function.driver,
        "iommu_group": function.iommu_group,
        "node": nic.node,
    }


def planned_result(step: Step, host: Host) -> dict[str, t.Any]:
    """Return a device as it would be after a run."""
    driver = step.after.driver if step.rebinds else step.before.driver
    return {**device_result(step, host), "driver": driver, "persistent": driver is not None and step.after.saved == driver}


def diff_of(wanted: Plan, modes: devices.Modes, changed_modes: bool) -> dict[str, dict[str, t.Any]]:
    """Return the drivers, and the modes of vfio that change, before and after."""
    before: dict[str, t.Any] = {step.address: str(step.before) for step in wanted.steps}
    after: dict[str, t.Any] = {step.address: after_text(step) for step in wanted.steps}
    before.update(dict.fromkeys(wanted.gone, "not there, remembered"))
    after.update(dict.fromkeys(wanted.gone, "not there"))
    if changed_modes:
        for mode in (*modes.on, *modes.off):
            before[mode.option], after[mode.option] = mode in modes.off, mode in modes.on
    return {"before": before, "after": after}


def after_text(step: Step) -> str:
    """Return what a person would call the driver that comes."""
    if not step.changes:
        return str(step.before)
    return "what the kernel chooses" if step.rebinds and step.after.driver is None else str(step.after)


def warn(module: AnsibleModule, warnings: list[str]) -> None:
    """Have Ansible show each warning."""
    for warning in warnings:
        module.warn(warning)


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the options say and return the result."""
    root, wants, allowed = pathlib.Path(module.params["root"]), wants_of(module.params), permission_of(module.params)
    live = root == LIVE
    if not live and not module.check_mode:
        raise InputError("device", "root", str(root), "Commands act on this host, whatever the root is.", "Use it in check mode.")
    commands = Commands(module)
    applier = devices.Applier(commands, root, module.params["timeout"])
    host = devices.read_host(root)
    if live and takes_interfaces(host, wants):
        host = devices.with_network(commands, root, host)
    wanted = plan(host, wants, allowed)
    devices.check_free(root, wanted)
    modes = devices.modes_of(root, wanted)
    warnings = [*wanted.warnings, *(applier.check(wanted, modes, must_have=not module.check_mode) if live else [])]
    changed_modes = modes.changes(root)
    record = devices.record_change(root, wanted.record)
    result: dict[str, t.Any] = {
        "changed": bool(wanted.to_do or wanted.gone or record.differs or changed_modes),
        "diff": diff_of(wanted, modes, changed_modes),
    }
    if module.check_mode:
        shown = [planned_result(step, host) for step in wanted.steps]
        warn(module, warnings)
        return {**result, "commands": applier.planned(wanted, modes), "devices": shown}
    if result["changed"]:
        try:
            applier.apply(wanted, host.record, modes)
        except OvsDpdkError as error:
            error.details.update(commands=applier.ran)
            raise
        host = devices.read_host(root)
    shown = [device_result(step, host) for step in wanted.steps]
    warn(module, [*warnings, *applier.warnings])
    return {**result, "commands": applier.ran, "devices": shown}


def main() -> None:
    """Entry point."""
    run_module(
        run,
        {
            "device": {"type": "str"},
            "devices": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "device": {"type": "str", "required": True},
                    "driver": {"type": "str"},
                    "state": {"type": "str", "choices": ["present", "absent"]},
                },
            },
            "driver": {"type": "str", "default": "vfio-pci"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "force": {"type": "bool", "default": False},
            "confirm": {"type": "list", "elements": "str", "default": []},
            "unsafe_noiommu": {"type": "bool"},
            "unsafe_interrupts": {"type": "bool"},
            "timeout": {"type": "int", "default": 10},
            "root": {"type": "path", "default": "/"},
        },
        mutually_exclusive=[("device", "devices")],
        required_one_of=[("device", "devices")],
    )


if __name__ == "__main__":
    main()
