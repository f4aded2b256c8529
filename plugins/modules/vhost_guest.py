#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vhost_guest
short_description: Virtual machines on vhost-user ports, by libvirt or by QEMU under systemd
version_added: 0.3.0
description:
  - Defines, starts, stops and removes virtual machines that are attached to vhost-user ports of Open vSwitch. Their memory is on hugepages that
    the switch can map, their vCPUs are bound to CPUs of the host, and their interfaces have the sockets, queues and addresses of the ports.
  - All guests of a host belong into one task. They are checked against each other and against the host before anything is touched.
  - A guest that runs is not restarted for a new definition unless O(restart_ok) allows it; RV(restart_required) says which ones wait for it.
    CPUs that threads are bound to change while it runs.
  - Disk images, bridges and networks have to be there. Whether QEMU may use the sockets of the switch is what the role C(vhost_guest) sees to.
requirements:
  - QEMU 6.2 or newer, qemu-img; with O(backend=libvirt) libvirt 8.0 or newer and virsh, with O(backend=qemu) systemd 244 or newer
  - Without KVM a newer QEMU than 7.2, which crashes when a guest without KVM uses a vhost-user device
options:
  guests:
    description: The guests of the task. An empty list changes none.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the guest, that of the domain and in that of the service. At most 50 letters, digits, C(_), C(.) and C(-).
        type: str
        required: true
      state:
        description:
          - V(running) and V(stopped) have the guest defined. V(absent) shuts it down and removes the definition; its disk stays.
          - A guest is stopped by its power button, and switched off where it does not react within O(shutdown_timeout).
        type: str
        choices: [running, stopped, absent]
        default: running
      image:
        description: Disk image on the host. Required for a guest that is not absent.
        type: path
      image_format:
        description:
          - Format of the image, such as V(qcow2). If left out C(qemu-img info) tells it.
          - An image that is not recognised is V(raw) only if it begins with a boot sector; name V(raw) for others.
        type: str
      vcpus:
        description: Number of vCPUs. Required for a guest that is not absent.
        type: int
      cpus:
        description:
          - 'Host CPUs that the vCPUs are bound to (guide, section 4.1): a list of as many CPUs as vCPUs, in the order of the vCPUs, such as V("2,22"),
            or the CPUs of each vCPU as V({0: "2", 1: "3-4"}).'
          - CPUs of PMD threads, CPUs that are offline and CPUs of another vCPU are refused.
          - If left out the vCPUs are not bound, which gives a warning.
        type: raw
      shared_cpus:
        description:
          - Whether vCPUs may have a CPU together, also with other guests that allow it. For labs, where figures do not matter.
        type: bool
        default: false
      emulator_cpus:
        description: Host CPUs of the other threads of QEMU, as a list. If left out they are not bound.
        type: str
      memory:
        description: Memory, such as V(4G), in whole hugepages. Required for a guest that is not absent.
        type: str
      hugepage_size:
        description: Size of the hugepages, such as V(1G) or V(2M). The default size of the host if left out.
        type: str
      node:
        description: NUMA node of the memory. The node of O(guests[].cpus) if left out, or any where these are on several.
        type: int
      interfaces:
        description: Interfaces on vhost-user ports, in the order of the guest's devices.
        type: list
        elements: dict
        suboptions:
          port:
            description: Name of the port. It has to be one of O(ports).
            type: str
            required: true
          queues:
            description: Queue pairs. Those of the port if left out; others are refused.
            type: int
          mac:
            description: Ethernet address. That of the port if left out; another one is refused.
            type: str
          mrg_rxbuf:
            description: Whether the device merges receive buffers (guide, section 4.5). As the port has it if left out; V(false) where it does not say.
            type: bool
      management:
        description: An interface that is not on the switch. None if left out.
        type: dict
        suboptions:
          type:
            description:
              - V(user) is QEMU's own network, in which the guest is 10.0.2.15 and nobody reaches it but by O(guests[].management.ssh_port).
              - V(bridge) is a bridge of the host. With O(backend=qemu) C(qemu-bridge-helper) needs its name in C(/etc/qemu/bridge.conf).
              - V(network) is a network of libvirt, for O(backend=libvirt).
            type: str
            choices: [user, bridge, network]
            default: user
          bridge:
            description: Name of the bridge.
            type: str
          network:
            description: Name of the network.
            type: str
          mac:
            description: Ethernet address. If left out it is made of the names of host and guest, so that it is always the same one.
            type: str
          ssh_port:
            description: TCP port of the host that leads to port 22 of the guest, for type V(user).
            type: int
          ssh_address:
            description: Address of the host that this port is on.
            type: str
            default: 127.0.0.1
      boot:
        description: A kernel that is started directly. The guest boots from its disk if left out.
        type: dict
        suboptions:
          kernel:
            description: File of the kernel on the host.
            type: path
          initrd:
            description: File of the initial RAM disk.
            type: path
          append:
            description: Command line of the kernel.
            type: str
      firmware:
        description: File of a firmware that is loaded as ROM, such as C(OVMF.fd). That of QEMU (SeaBIOS) if left out.
        type: path
      machine:
        description: Machine type of QEMU. libvirt keeps the version of V(q35) and V(pc) that a guest was defined with.
        type: str
        default: q35
      cpu_model:
        description:
          - V(host-passthrough), V(max), or a CPU model of QEMU with features, such as V(Nehalem,+pdpe1gb).
          - V(host-passthrough) if left out, and without KVM V(Nehalem), which is what DPDK needs at least.
        type: str
      accel:
        description:
          - V(auto) takes KVM where it works, else software emulation (TCG), which gives a warning and RV(guests[].emulated).
          - V(kvm) fails where KVM does not work, V(tcg) does not use it.
        type: str
        choices: [auto, kvm, tcg]
        default: auto
      serial_log:
        description: File on the host that the serial console is written to. Its folder has to be there.
        type: path
      oem_strings:
        description: OEM strings of SMBIOS, from which systemd in the guest takes credentials (C(io.systemd.credential:NAME=VALUE)).
        type: list
        elements: str
      extra_args:
        description: Further arguments of QEMU, with O(backend=qemu), one word each.
        type: list
        elements: str
      autostart:
        description: Whether the guest starts with the host.
        type: bool
        default: false
  ports:
    description: The result RV(nfv.ovs_dpdk.vhost_user_port#module:ports) of M(nfv.ovs_dpdk.vhost_user_port), with all ports that the guests are on.
    type: list
    elements: dict
    default: []
  backend:
    description:
      - V(libvirt) has domains of libvirt. Elements and devices of a domain that this module does not write stay as they are.
      - V(qemu) has a service of systemd for each guest, C(nfv-guest-NAME.service), with the command line of the guide.
    type: str
    choices: [libvirt, qemu]
    default: libvirt
  restart_ok:
    description: Whether guests that run may be restarted for a new definition.
    type: bool
    default: false
  user:
    description: User that QEMU runs as, with O(backend=qemu). root if left out. With libvirt C(/etc/libvirt/qemu.conf) says it.
    type: str
  group:
    description: Group that QEMU runs as, with O(backend=qemu). The user's if left out.
    type: str
  shutdown_timeout:
    description: Seconds that a guest gets to shut down.
    type: int
    default: 60
  libvirt_uri:
    description: Connection of libvirt.
    type: str
    default: qemu:///system
  rundir:
    description: Directory of the control socket of C(ovs-vswitchd), which is asked for its PMD threads.
    type: path
    default: /var/run/openvswitch
  root:
    description: Folder that stands for V(/), for tests.
    type: path
    default: /
attributes:
  check_mode:
    support: full
    details:
      - Programs, images, hugepages and their mounts, users, folders and bridges that an earlier task of the play may make give a warning where they
        are missing, and a run refuses them. Whether QEMU may use the files and sockets shows only in a run.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.vhost_user_port
  - module: nfv.ovs_dpdk.hugepage_alloc
  - module: nfv.ovs_dpdk.pmd_mask
  - name: libvirt, domain XML format
    description: What the elements mean.
    link: https://libvirt.org/formatdomain.html
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
"""

EXAMPLES = r"""
- name: Have the ports that guests are on
  nfv.ovs_dpdk.vhost_user_port:
    bridge: br0
    ports:
      - name: vhost-user0
      - name: vhost-user1
  register: vhost

- name: Have a guest that forwards from one to the other, with vCPUs on CPUs 2 and 3 (guest)
  nfv.ovs_dpdk.vhost_guest:
    ports: "{{ vhost.ports }}"
    guests:
      - name: vm1
        image: /var/lib/libvirt/images/vm1.qcow2
        vcpus: 2
        cpus: 2,3
        memory: 4G
        hugepage_size: 1G
        interfaces:
          - port: vhost-user0
          - port: vhost-user1
        management:
          type: user
          ssh_port: 2222
        autostart: true

- name: Remove it (guest)
  nfv.ovs_dpdk.vhost_guest:
    guests:
      - name: vm1
        state: absent
"""

RETURN = r"""
guests:
  description: The guests of the task as they now are, in check mode as they would be; those that are absent at the end.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
      sample: vm1
    state:
      description: V(running), V(stopped) or V(absent).
      type: str
      sample: running
    backend:
      description: V(libvirt) or V(qemu).
      type: str
      sample: libvirt
    emulated:
      description: Whether QEMU emulates the CPU in software.
      type: bool
      sample: false
    autostart:
      description: Whether the guest starts with the host.
      type: bool
      sample: true
    pid:
      description: Process of QEMU; V(null) where it does not run.
      type: int
      sample: 4711
    node:
      description: NUMA node of its memory; V(null) for any.
      type: int
      sample: 0
    vcpus:
      description: Thread of each vCPU and the CPUs that it may use now; empty where the guest does not run.
      type: dict
      sample: {"0": {"thread": 4715, "cpus": "2"}, "1": {"thread": 4716, "cpus": "3"}}
    interfaces:
      description: The interfaces with what their ports say; C(port_mode) is the side of the switch.
      type: list
      elements: dict
      sample:
        - {"port": "vhost-user0", "socket": "/var/run/openvswitch/vhost-user0", "port_mode": "client", "mac": "02:5c:2d:5b:46:1c", "queues": 1,
           "mrg_rxbuf": false}
    management:
      description: The interface for management; V(null) where there is none.
      type: dict
      sample: {"type": "user", "mac": "06:0f:5e:35:e9:4f", "ssh_port": 2222, "ssh_address": "127.0.0.1"}
    xml:
      description: The domain that the task asks for, with O(backend=libvirt).
      type: str
    command:
      description: The command line of QEMU, with O(backend=qemu).
      type: list
      elements: str
    unit:
      description: The service, with O(backend=qemu).
      type: str
      sample: nfv-guest-vm1.service
    qmp:
      description: Socket of the monitor, with O(backend=qemu).
      type: str
      sample: /run/nfv-guests/vm1/qmp
    serial:
      description: Socket of the serial console, with O(backend=qemu).
      type: str
      sample: /run/nfv-guests/vm1/serial
restart_required:
  description: Which guests run with another definition than they now have; empty when none does.
  returned: always
  type: list
  elements: str
  sample: ["guest vm1 runs with another definition; the one of the task holds when it is started again"]
commands:
  description: The commands that changed something, in check mode those that would.
  returned: always
  type: list
  elements: list
  sample: [["/usr/bin/virsh", "--connect=qemu:///system", "--quiet", "start", "--", "vm1"]]
diff:
  description: State and definition of each guest before and after; of a domain the elements that this module writes.
  returned: always
  type: dict
  sample:
    before: {"guest vm1": {"state": "absent"}}
    after: {"guest vm1": {"state": "running", "autostart": true, "definition": ["<domain type=\"kvm\">"]}}
"""

import pathlib
import platform
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import guests as engine
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import guests_host
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guests_libvirt import LibvirtBackend
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guests_qemu import QemuBackend
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import vm_checks, vm_options
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import HostFacts, Vm

_INTERFACE = {
    "port": {"type": "str", "required": True},
    "queues": {"type": "int"},
    "mac": {"type": "str"},
    "mrg_rxbuf": {"type": "bool"},
}
_MANAGEMENT = {
    "type": {"type": "str", "choices": ["user", "bridge", "network"], "default": "user"},
    "bridge": {"type": "str"},
    "network": {"type": "str"},
    "mac": {"type": "str"},
    "ssh_port": {"type": "int"},
    "ssh_address": {"type": "str", "default": "127.0.0.1"},
}
_BOOT = {"kernel": {"type": "path"}, "initrd": {"type": "path"}, "append": {"type": "str"}}
_GUEST = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["running", "stopped", "absent"], "default": "running"},
    "image": {"type": "path"},
    "image_format": {"type": "str"},
    "vcpus": {"type": "int"},
    "cpus": {"type": "raw"},
    "shared_cpus": {"type": "bool", "default": False},
    "emulator_cpus": {"type": "str"},
    "memory": {"type": "str"},
    "hugepage_size": {"type": "str"},
    "node": {"type": "int"},
    "interfaces": {"type": "list", "elements": "dict", "options": _INTERFACE},
    "management": {"type": "dict", "options": _MANAGEMENT},
    "boot": {"type": "dict", "options": _BOOT},
    "firmware": {"type": "path"},
    "machine": {"type": "str", "default": "q35"},
    "cpu_model": {"type": "str"},
    "accel": {"type": "str", "choices": ["auto", "kvm", "tcg"], "default": "auto"},
    "serial_log": {"type": "path"},
    "oem_strings": {"type": "list", "elements": "str"},
    "extra_args": {"type": "list", "elements": "str"},
    "autostart": {"type": "bool", "default": False},
}


def wanted_guests(params: dict[str, t.Any], facts: HostFacts, commands: Commands, warnings: list[str], *, check: bool) -> tuple[list[Vm], list[str]]:
    """Return the guests that shall be there, and the names of those that shall not. Raises InputError."""
    ports = {str(port.get("name")): port for port in params["ports"]}
    vms: list[Vm] = []
    absent: list[str] = []
    for given in params["guests"]:
        name = vm_options.guest_name(given)
        if given["state"] == "absent":
            absent.append(name)
            continue
        vm_options.missing(given, "image", "vcpus", "memory")
        image_format = guests_host.image_format(commands, f"guest {name}", given["image"], given["image_format"], warnings, check=check)
        parsed = vm_options.parse_guest(given, ports, facts, backend=params["backend"], image_format=image_format, hostname=platform.node())
        vms.append(parsed)
    for name in absent:
        if absent.count(name) > 1 or name in {vm.name for vm in vms}:
            raise InputError(f"guest {name}", "name", name, "A guest stands once in a task.", "Leave one out.")
    vm_checks.check(vms, facts)
    return vms, absent


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the options say and return the result."""
    params, check = module.params, bool(module.check_mode)
    root, commands = pathlib.Path(params["root"]), Commands(module)
    warnings: list[str] = []
    facts = guests_host.read_facts(root, params["rundir"], warnings)
    vms, absent = wanted_guests(params, facts, commands, warnings, check=check)
    user, group = params["user"] or "", params["group"] or ""
    mounts = guests_host.hugepage_paths(root, facts.default_page_size)
    with guests_host.refused_in_a_run(warnings, check=check):
        guests_host.check_host(vms, root, params["backend"], user)
        guests_host.check_mounts(vms, mounts)
    settings = engine.Settings(root, check, params["restart_ok"], params["shutdown_timeout"], user, group, params["libvirt_uri"])
    qemu = guests_host.find_qemu(commands, root, check=check)
    libvirt = params["backend"] == "libvirt"
    backend: engine.Backend = LibvirtBackend(commands, settings) if libvirt else QemuBackend(commands, settings, qemu.path, qemu.version, mounts)
    found = {**{vm.name: backend.found(vm.name, vm) for vm in vms}, **{name: backend.found(name, None) for name in absent}}
    engine.check_sockets(vms, root, found)
    with guests_host.refused_in_a_run(warnings, check=check):
        engine.check_memory(vms, facts, found)
    steps = engine.plan(vms, absent, found, settings)
    before, after = engine.views(backend, vms, absent, found)
    for warning in (*warnings, *vm_checks.warnings(vms, facts), *qemu.warnings(vms)):
        module.warn(warning)
    engine.carry_out(backend, steps)
    for warning in backend.warnings:
        module.warn(warning)
    now = found if check or not steps.changes else {vm.name: backend.refreshed(vm) for vm in vms}
    return {
        "changed": steps.changes,
        "commands": backend.orders,
        "diff": {"before": before, "after": after},
        "guests": list(engine.results(backend, vms, absent, now)),
        "restart_required": steps.restart_required,
    }


def main() -> None:
    """Entry point."""
    run_module(
        run,
        {
            "guests": {"type": "list", "elements": "dict", "required": True, "options": _GUEST},
            "ports": {"type": "list", "elements": "dict", "default": []},
            "backend": {"type": "str", "choices": ["libvirt", "qemu"], "default": "libvirt"},
            "restart_ok": {"type": "bool", "default": False},
            "user": {"type": "str"},
            "group": {"type": "str"},
            "shutdown_timeout": {"type": "int", "default": 60},
            "libvirt_uri": {"type": "str", "default": "qemu:///system"},
            "rundir": {"type": "path", "default": "/var/run/openvswitch"},
            "root": {"type": "path", "default": "/"},
        },
    )


if __name__ == "__main__":
    main()
