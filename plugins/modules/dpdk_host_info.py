#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dpdk_host_info
short_description: CPUs, NUMA nodes, hugepages and NICs of a host
version_added: 0.1.0
description:
  - Reads what matters for Open vSwitch with DPDK from C(/sys) and C(/proc). Changes nothing and runs no command, so that it also works
    on a host where nothing is installed yet.
  - The names of PCIe slots come from the table of DMI, which root alone may read, and from the kernel's drivers of slots.
  - What the host does not show is V(null) or empty. CPU sets are lists as the kernel writes them, for instance V(0-3,7).
options:
  gather:
    description: The parts to read. The others are not in RV(host).
    type: list
    elements: str
    choices: [board, cpus, iommu, kernel, memory, nics, nodes, partitions, power]
    default: [board, cpus, iommu, kernel, memory, nics, nodes, partitions, power]
  root:
    description:
      - Folder that stands for V(/), for instance with the C(/sys) and C(/proc) of another host.
      - C(tar) alone cannot copy these, because their files are not as long as they seem. The examples show how to copy what this module reads.
    type: path
    default: /
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
seealso:
  - module: nfv.ovs_dpdk.hugepage_alloc
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
"""

EXAMPLES = r"""
- name: Read the host
  nfv.ovs_dpdk.dpdk_host_info:
  register: machine

- name: Show the threads of the first core of each socket
  ansible.builtin.debug:
    msg: "{{ machine.host.cpus.cores | groupby('socket') | map('last') | map('first') | map(attribute='cpus') }}"

- name: Read NICs and NUMA nodes only
  nfv.ovs_dpdk.dpdk_host_info:
    gather: [nics, nodes]

- name: Make a folder for a copy
  ansible.builtin.file:
    path: /tmp/host
    state: directory
    mode: "0700"

- name: Copy what this module reads, to read it on another machine
  ansible.builtin.command:
    chdir: /
    argv:
      - find
      - -H
      - sys/devices
      - sys/bus/pci
      - sys/class/net
      - sys/class/iommu
      - sys/class/dmi
      - sys/firmware/dmi/tables
      - sys/fs/cgroup
      - sys/kernel/iommu_groups
      - sys/kernel/mm/hugepages
      - sys/module/vfio
      - sys/module/vfio_iommu_type1
      - proc/cmdline
      - proc/meminfo
      - proc/mounts
      - proc/net/route
      - proc/net/ipv6_route
      - proc/sys/kernel/osrelease
      - var/lib/nfv.ovs_dpdk.dpdk_device.json
      - -regextype
      - posix-extended
      - -type
      - f
      - -regex
      - "proc/.*|var/.*|.*/tables/DMI|.*/cpuset[.]cpus.*|.*/\
        (present|possible|online|isolated|nohz_full|active|core_id|physical_package_id|thread_siblings_list|core_cpus_list\
        |cpulist|meminfo|distance|(nr|free|surplus|resv)_hugepages|scaling_governor|affected_cpus|current_driver|name|disable\
        |class|vendor|device|numa_node|address|speed|(current|max)_link_(speed|width)|board_(vendor|name)\
        |enable_unsafe_noiommu_mode|allow_unsafe_interrupts)"
      - -exec
      - cp
      - --parents
      - --target-directory=/tmp/host
      - "{}"
      - +
      - -o
      - -type
      - l
      - -exec
      - cp
      - --no-dereference
      - --parents
      - --target-directory=/tmp/host
      - "{}"
      - +
  register: copied
  changed_when: true
  failed_when: copied.rc not in [0, 1] # 1: some files of the kernel cannot be read, such as the speed of a link that is down

- name: Pack the copy
  ansible.builtin.command:
    argv: [tar, --create, --gzip, --file=/tmp/host.tar.gz, --directory=/tmp, host]
  changed_when: true

- name: Read a host from its copy
  nfv.ovs_dpdk.dpdk_host_info:
    root: /tmp/host
"""

RETURN = r"""
host:
  description: The host, by the parts of O(gather).
  returned: always
  type: dict
  contains:
    board:
      description: The main board, which tells where to look up its PCIe slots; V(null) where there is no DMI.
      type: dict
      contains:
        vendor:
          description: Manufacturer.
          type: str
          sample: Intel Corporation
        name:
          description: Product name, as C(dmidecode -t baseboard) prints it.
          type: str
          sample: S2600WT2
    cpus:
      description: The logical CPUs.
      type: dict
      contains:
        present:
          description: CPUs that the host has.
          type: str
          sample: 0-39
        possible:
          description: CPUs that it could have.
          type: str
          sample: 0-39
        online:
          description: CPUs that are switched on.
          type: str
          sample: 0-39
        offline:
          description: CPUs that the host has and that are switched off.
          type: str
          sample: ""
        isolated:
          description: CPUs that the kernel does not balance load to, by C(isolcpus) or an isolated cgroup partition.
          type: str
          sample: 1-19
        nohz_full:
          description: CPUs without a regular timer tick.
          type: str
          sample: 1-19
        smt_active:
          description: Whether cores run more than one thread (Hyper-Threading).
          type: bool
          sample: true
        cores:
          description: The physical cores that have a CPU online, by node and lowest CPU.
          type: list
          elements: dict
          contains:
            socket:
              description: The processor; V(null) where the kernel does not say.
              type: int
              sample: 0
            core:
              description: Its number on the processor; V(null) where the kernel does not say.
              type: int
              sample: 1
            node:
              description: NUMA node.
              type: int
              sample: 0
            cpus:
              description: Its threads that are online.
              type: str
              sample: 1,21
    iommu:
      description: The IOMMU, which vfio-pci needs.
      type: dict
      contains:
        enabled:
          description: Whether the kernel uses one.
          type: bool
          sample: true
        groups:
          description: Devices by group. A group can be given away only as a whole.
          type: dict
          sample: {"7": ["0000:05:00.0"], "8": ["0000:05:00.1"]}
        noiommu:
          description: Whether vfio may give devices away without an IOMMU (C(enable_unsafe_noiommu_mode)).
          type: bool
          sample: false
        unsafe_interrupts:
          description: Whether vfio gives devices away although their interrupts are not remapped (C(allow_unsafe_interrupts)).
          type: bool
          sample: false
    kernel:
      description: The running kernel.
      type: dict
      contains:
        version:
          description: As C(uname -r) prints it.
          type: str
          sample: 6.1.0-18-amd64
        command_line:
          description: What it was booted with.
          type: str
          sample: root=/dev/sda1 default_hugepagesz=1GB hugepagesz=1G hugepages=8 isolcpus=1-19
    memory:
      description: The memory of all nodes together.
      type: dict
      contains:
        total:
          description: Bytes.
          type: int
          sample: 137438953472
        free:
          description: Bytes.
          type: int
          sample: 68719476736
        default_hugepage_size:
          description: Page size that a program gets if it names none.
          type: str
          sample: 1G
        hugepages:
          description: The page sizes that the kernel has, and the pages of each.
          type: list
          elements: dict
          contains: &pages
            size:
              description: Size of a page.
              type: str
              sample: 1G
            total:
              description: Pages, surplus ones among them.
              type: int
              sample: 8
            free:
              description: Pages that nobody has.
              type: int
              sample: 6
            reserved:
              description: Free pages that are promised to somebody. V(null) where several nodes have memory, as the kernel does not count them by node.
              type: int
              sample: 0
            surplus:
              description: Pages beyond what was configured; they go when their user lets go of them.
              type: int
              sample: 0
        mounts:
          description: Where hugetlbfs is mounted, as the module's process sees it.
          type: list
          elements: dict
          contains:
            path:
              description: The folder.
              type: str
              sample: /dev/hugepages
            page_size:
              description: Size of its pages.
              type: str
              sample: 1G
            options:
              description: Mount options.
              type: list
              elements: str
              sample: [rw, relatime, pagesize=1024M]
    nics:
      description: NICs that the kernel drives and those it does not, by PCI address.
      type: list
      elements: dict
      contains:
        name:
          description: The interface; V(null) where the kernel has none, for instance when DPDK has the device.
          type: str
          sample: ens1f0
        pci:
          description: PCI address; V(null) for a device that is not on the PCI bus.
          type: str
          sample: "0000:05:00.0"
        driver:
          description: The driver that holds the device; V(null) if none does.
          type: str
          sample: ixgbe
        node:
          description: NUMA node; V(null) where the firmware does not say.
          type: int
          sample: 0
        mac:
          description: MAC address.
          type: str
          sample: 02:00:00:00:00:10
        speed:
          description: Speed of the link in Mbit/s; V(null) where there is no link or the driver does not say.
          type: int
          sample: 10000
        iommu_group:
          description: IOMMU group.
          type: int
          sample: 7
        default_route:
          description: Whether a default route leads through it, directly or below a bond, bridge or VLAN.
          type: bool
          sample: false
        vendor_id:
          description: Vendor of the PCI function, as C(lspci -n) prints it.
          type: str
          sample: "8086"
        device_id:
          description: Model of the PCI function, as C(lspci -n) prints it.
          type: str
          sample: 10d3
        slot:
          description: PCIe slot as the firmware or the kernel names it; V(null) for a NIC on the board, or where neither says.
          type: str
          sample: Riser 1 Slot 1
        link:
          description: PCIe link between the NIC and what is above it, now and at best; V(null) where the device does not say.
          type: dict
          contains:
            speed:
              description: GT/s per lane.
              type: float
              sample: 5.0
            width:
              description: Lanes.
              type: int
              sample: 4
            max_speed:
              description: GT/s per lane that the NIC can do.
              type: float
              sample: 8.0
            max_width:
              description: Lanes that the NIC has.
              type: int
              sample: 8
        virtual_function:
          description: Whether it is a virtual function (SR-IOV) of another NIC.
          type: bool
          sample: false
        former:
          description: What the NIC was before DPDK had it, as M(nfv.ovs_dpdk.dpdk_device) recorded it; V(null) where there is no record.
          type: dict
          contains:
            name:
              description: The interface.
              type: str
              sample: ens1f0
            mac:
              description: MAC address.
              type: str
              sample: 02:00:00:00:00:10
            driver:
              description: The driver that held it.
              type: str
              sample: ixgbe
    nodes:
      description: The NUMA nodes. A kernel without NUMA has node 0 alone.
      type: list
      elements: dict
      contains:
        id:
          description: Number of the node.
          type: int
          sample: 0
        cpus:
          description: Its CPUs that are online.
          type: str
          sample: 0-9,20-29
        memory_total:
          description: Bytes; 0 for a node without memory.
          type: int
          sample: 68719476736
        memory_free:
          description: Bytes.
          type: int
          sample: 34359738368
        distances:
          description: Distance by node; 10 is the node itself.
          type: dict
          sample: {"0": 10, "1": 21}
        hugepages:
          description: The hugepages of each size on this node.
          type: list
          elements: dict
          contains: *pages
    partitions:
      description: The partitions of cgroup v2, whose CPUs the scheduler keeps apart; by path.
      type: list
      elements: dict
      contains:
        path:
          description: The cgroup, as C(systemctl show --property=ControlGroup) prints it.
          type: str
          sample: /ovs_dpdk.slice
        cpus:
          description: Its CPUs; those that it asks for where it is invalid.
          type: str
          sample: 1-4
        state:
          description: What C(cpuset.cpus.partition) says, with the kernel's reason where the partition is invalid.
          type: str
          sample: isolated
    power:
      description: What the kernel does with CPUs that have little to do.
      type: dict
      contains:
        governors:
          description: CPUs by frequency governor; empty where the kernel does not scale the frequency.
          type: dict
          sample: {"performance": "0-39"}
        idle_driver:
          description: What puts CPUs to sleep; V(null) for nothing.
          type: str
          sample: intel_idle
        idle_states:
          description: Idle states (C-states) that the kernel knows, the lightest first.
          type: list
          elements: dict
          contains:
            name:
              description: Name of the state.
              type: str
              sample: C6
            disabled:
              description: CPUs for which it is switched off.
              type: str
              sample: 1-19
"""

import dataclasses
import functools
import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import host
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible.module_utils.basic import AnsibleModule

Result = dict[str, t.Any]


def _size(size: int | None) -> str | None:
    return None if size is None else format_size(size)


def _hugepages(pools: Iterable[host.Pool]) -> list[Result]:
    names = ("total", "free", "reserved", "surplus")
    return [{"size": format_size(pool.size), **{name: getattr(pool, name) for name in names}} for pool in pools]


def cpus(topology: host.CpuTopology) -> Result:
    """Return CPUs and cores."""
    cores = {min(cpu.siblings): cpu for cpu in topology.cpus.values() if cpu.id in topology.online}
    ordered = sorted(cores.items(), key=lambda item: (-1 if item[1].node is None else item[1].node, item[0]))
    names = ("present", "possible", "online", "offline", "isolated", "nohz_full")
    return {
        **{name: format_cpu_list(getattr(topology, name)) for name in names},
        "smt_active": topology.smt_active,
        "cores": [{"socket": cpu.socket, "core": cpu.core, "node": cpu.node, "cpus": format_cpu_list(cpu.siblings)} for _lowest, cpu in ordered],
    }


def memory(root: pathlib.Path, known: host.Memory) -> Result:
    """Return the memory of the whole host, with the mounts of hugetlbfs."""
    return {
        "total": known.total,
        "free": known.free,
        "default_hugepage_size": _size(known.default_size),
        "hugepages": _hugepages(known.hugepages.values()),
        "mounts": [
            {"path": mount.path, "page_size": _size(mount.page_size), "options": list(mount.options)}
            for mount in host.read_hugepage_mounts(root, known.default_size)
        ],
    }


def nodes(known: host.Memory) -> list[Result]:
    """Return the NUMA nodes."""
    return [
        {
            "id": node.id,
            "cpus": format_cpu_list(node.cpus),
            "memory_total": node.memory_total,
            "memory_free": node.memory_free,
            "distances": {str(other): distance for other, distance in node.distances.items()},
            "hugepages": _hugepages(node.pools.values()),
        }
        for node in known.nodes.values()
    ]


def power(known: host.Power) -> Result:
    """Return governors and idle states."""
    return {
        "governors": {governor: format_cpu_list(governed) for governor, governed in known.governors.items()},
        "idle_driver": known.idle_driver,
        "idle_states": [{"name": state.name, "disabled": format_cpu_list(state.disabled)} for state in known.idle_states],
    }


def iommu(known: host.Iommu) -> Result:
    """Return the IOMMU."""
    return {**dataclasses.asdict(known), "groups": {str(group): list(devices) for group, devices in known.groups.items()}}


def partitions(known: Iterable[host.Partition]) -> list[Result]:
    """Return the partitions of cgroup v2."""
    return [{"path": partition.path, "cpus": format_cpu_list(partition.cpus), "state": partition.state} for partition in known]


class Parts:
    """The parts of a host as JSON values; what two of them need is read once."""

    def __init__(self, root: pathlib.Path) -> None:
        """*root* stands for ``/``."""
        self.root = root

    @functools.cached_property
    def _cpus(self) -> host.CpuTopology:
        return host.read_cpus(self.root)

    @functools.cached_property
    def _memory(self) -> host.Memory:
        return host.read_memory(self.root)

    def read(self, part: str) -> t.Any:
        """Return a part by its name."""
        readers: dict[str, t.Callable[[], t.Any]] = {
            "board": lambda: dataclasses.asdict(host.read_board(self.root)),
            "cpus": lambda: cpus(self._cpus),
            "iommu": lambda: iommu(host.read_iommu(self.root)),
            "kernel": lambda: dataclasses.asdict(host.read_kernel(self.root)),
            "memory": lambda: memory(self.root, self._memory),
            "nics": lambda: [dataclasses.asdict(nic) for nic in host.read_nics(self.root)],
            "nodes": lambda: nodes(self._memory),
            "partitions": lambda: partitions(self._cpus.partitions),
            "power": lambda: power(host.read_power(self.root, self._cpus.online)),
        }
        return readers[part]()


PARTS = ["board", "cpus", "iommu", "kernel", "memory", "nics", "nodes", "partitions", "power"]


def run(module: AnsibleModule) -> Result:
    """Return the parts that are asked for. Raises InputError."""
    root = pathlib.Path(module.params["root"])
    if not (root / "sys").is_dir():
        raise InputError("host", "root", str(root), "There is no folder sys in it.", "Give / or a folder with the sys and proc of a host.")
    parts = Parts(root)
    return {"changed": False, "host": {part: parts.read(part) for part in sorted(set(module.params["gather"]))}}


def main() -> None:
    """Entry point."""
    run_module(
        run,
        {
            "gather": {"type": "list", "elements": "str", "choices": PARTS, "default": PARTS},
            "root": {"type": "path", "default": "/"},
        },
    )


if __name__ == "__main__":
    main()
