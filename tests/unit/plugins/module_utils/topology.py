# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines for tests: /sys and /proc as Linux would show them, below a folder.

``Machine(threads=grid(2, 10, 2)).write(tmp_path)`` is the guide's machine of section 3.4. The files are those of a Linux 6 host.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable

KIB, MIB, GIB = 2**10, 2**20, 2**30


@dataclasses.dataclass(frozen=True)
class Thread:
    """A logical CPU and where it is."""

    cpu: int
    socket: int
    core: int
    node: int


def grid(sockets: int, cores: int, threads: int = 1, nodes_per_socket: int = 1) -> tuple[Thread, ...]:
    """Return a regular machine as Linux numbers it on most servers: first one thread of each core, socket by socket, then the second ones.

    *cores* is per socket, *threads* per core. More than one node per socket is Cluster-on-Die or sub-NUMA clustering.
    """
    per_node = cores // nodes_per_socket
    return tuple(
        Thread(thread * sockets * cores + socket * cores + core, socket, core, socket * nodes_per_socket + core // per_node)
        for thread in range(threads)
        for socket in range(sockets)
        for core in range(cores)
    )


@dataclasses.dataclass(frozen=True)
class Pages:
    """Hugepages of a node."""

    total: int = 0
    free: int | None = None
    surplus: int = 0
    reserved: int = 0
    """Only the sum over all nodes is written, as the kernel counts it."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """Memory of a node, in bytes."""

    total: int = 64 * GIB
    free: int = 32 * GIB
    pages: t.Mapping[int, Pages] = dataclasses.field(default_factory=dict)
    """Page size in bytes -> pages."""


@dataclasses.dataclass(frozen=True)
class Card:
    """A network device."""

    name: str | None
    pci: str | None = None
    driver: str | None = None
    node: int = -1
    mac: str = "02:00:00:00:00:01"
    speed: int = -1
    virtio: bool = False
    iommu_group: int | None = None
    vendor: str | None = None
    device: str | None = None
    """PCI numbers such as 8086 and 10d3."""
    slot: str | None = None
    """Name in DMI."""
    link: tuple[str, int, str, int] | None = None
    """PCIe link as sysfs writes it: speed and width now, speed and width at best."""
    above: str | None = None
    """PCI address of the bridge above it."""
    physical: str | None = None
    """PCI address of the card that this one is a virtual function of; that one comes first."""


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine to write below a folder. CPU sets are lists such as ``0-3``."""

    threads: tuple[Thread, ...] = grid(1, 2)
    offline: str = ""
    isolated: str = ""
    nohz_full: str = ""
    partitions: str = ""
    """CPUs of isolated cgroup partitions, as Linux 6.7 and newer list them in one file."""
    cgroups: t.Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Path such as ``ovs_dpdk.slice`` -> CPUs and state of the cpuset partition; those above come first."""
    board: tuple[str, str] | None = None
    """Vendor and product name in DMI."""
    slots: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Slot as a hotplug driver names it -> PCI address without function."""
    dmi_entries: bool = False
    """DMI shows one file per structure, not the table."""
    noiommu: bool | None = None
    unsafe_interrupts: bool | None = None
    """Parameters of vfio; None where the kernel module is not loaded."""
    record: t.Mapping[str, t.Mapping[str, str]] = dataclasses.field(default_factory=dict)
    """What dpdk_device recorded: PCI address -> driver, name, mac."""
    memory: t.Mapping[int, Memory] = dataclasses.field(default_factory=lambda: {0: Memory()})
    sizes: tuple[int, ...] = (2 * MIB, GIB)
    numa: bool = True
    cards: tuple[Card, ...] = ()
    default_routes: tuple[str, ...] = ()
    lower: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """Interface such as a bond -> the interfaces below it."""
    mounts: str = ""
    command_line: str = "root=/dev/vda1"
    governors: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    idle_states: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Name -> CPUs for which it is disabled."""

    def write(self, root: pathlib.Path) -> pathlib.Path:
        """Write it and return *root*."""
        self._cpus(root)
        self._power(root)
        self._memory(root)
        for card in self.cards:
            _card(root, card)
        self._firmware(root)
        for upper, below in self.lower.items():
            for name in below:
                _link(root / "sys/class/net" / upper / f"lower_{name}", root / "sys/class/net" / name)
        routes = [f"{name}\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0" for name in self.default_routes]
        _put(root / "proc/net/route", ["Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT", *routes])
        _put(root / "proc/mounts", self.mounts)
        _put(root / "proc/cmdline", self.command_line)
        _put(root / "proc/sys/kernel/osrelease", "6.12.0-test")
        _put(root / "proc/sys/vm/compact_memory", "")
        return root

    def _online(self) -> list[Thread]:
        off = parse_cpu_list(self.offline)
        return [thread for thread in self.threads if thread.cpu not in off]

    def _cpus(self, root: pathlib.Path) -> None:
        folder = root / "sys/devices/system/cpu"
        present = format_cpu_list(thread.cpu for thread in self.threads)
        online = self._online()
        siblings = collections.defaultdict(list)
        for thread in online:
            siblings[thread.socket, thread.node, thread.core].append(thread.cpu)
        sets = {"possible": present, "present": present, "online": format_cpu_list(thread.cpu for thread in online)}
        sets.update(offline=self.offline, isolated=self.isolated, nohz_full=self.nohz_full or "(null)")
        for name, text in sets.items():
            _put(folder / name, text)
        _put(folder / "smt/active", str(int(any(len(cpus) > 1 for cpus in siblings.values()))))
        _put(root / "sys/fs/cgroup/cpuset.cpus.isolated", self.partitions)
        for path, (cpus, state) in self.cgroups.items():
            _put(root / "sys/fs/cgroup" / path / "cpuset.cpus", cpus)
            _put(root / "sys/fs/cgroup" / path / "cpuset.cpus.effective", cpus if state in {"root", "isolated"} else present)
            _put(root / "sys/fs/cgroup" / path / "cpuset.cpus.partition", state)
        for thread in self.threads:
            (folder / f"cpu{thread.cpu}").mkdir()
        for thread in online:
            topology = folder / f"cpu{thread.cpu}/topology"
            _put(topology / "physical_package_id", str(thread.socket))
            _put(topology / "core_id", str(thread.core))
            _put(topology / "thread_siblings_list", format_cpu_list(siblings[thread.socket, thread.node, thread.core]))

    def _firmware(self, root: pathlib.Path) -> None:
        if self.board:
            for name, text in zip(("board_vendor", "board_name"), self.board):
                _put(root / "sys/devices/virtual/dmi/id" / name, text)
            _link(root / "sys/class/dmi/id", root / "sys/devices/virtual/dmi/id")
        for name, address in self.slots.items():
            _put(root / "sys/bus/pci/slots" / name / "address", address)
        structures = [dmi_slot(card.slot, card.pci) for card in self.cards if card.slot and card.pci]
        if structures and self.dmi_entries:
            for number, structure in enumerate(structures):
                _put_bytes(root / f"sys/firmware/dmi/entries/9-{number}/raw", structure)
        elif structures:
            end = bytes((127, 4, 255, 254, 0, 0))
            _put_bytes(root / "sys/firmware/dmi/tables/DMI", b"".join([DMI_BOARD, *structures, end]))
        for path, on in (
            ("vfio/parameters/enable_unsafe_noiommu_mode", self.noiommu),
            ("vfio_iommu_type1/parameters/allow_unsafe_interrupts", self.unsafe_interrupts),
        ):
            if on is not None:
                _put(root / "sys/module" / path, "Y" if on else "N")
        if self.record:
            _put(root / "var/lib/nfv.ovs_dpdk.dpdk_device.json", json.dumps(self.record))

    def _power(self, root: pathlib.Path) -> None:
        folder = root / "sys/devices/system/cpu"
        for number, (governor, cpus) in enumerate(self.governors.items()):
            _put(folder / f"cpufreq/policy{number}/scaling_governor", governor)
            _put(folder / f"cpufreq/policy{number}/affected_cpus", " ".join(map(str, sorted(parse_cpu_list(cpus)))))
        _put(folder / "cpuidle/current_driver", "intel_idle" if self.idle_states else "none")
        for thread in self._online():
            for number, (state, disabled) in enumerate(self.idle_states.items()):
                _put(folder / f"cpu{thread.cpu}/cpuidle/state{number}/name", state)
                _put(folder / f"cpu{thread.cpu}/cpuidle/state{number}/disable", str(int(thread.cpu in parse_cpu_list(disabled))))

    def _memory(self, root: pathlib.Path) -> None:
        nodes = sorted({thread.node for thread in self.threads} | set(self.memory)) if self.numa else []
        for node in nodes:
            memory = self.memory.get(node, Memory(0, 0))
            folder = root / f"sys/devices/system/node/node{node}"
            _put(folder / "cpulist", format_cpu_list(thread.cpu for thread in self._online() if thread.node == node))
            _put(folder / "meminfo", [f"Node {node} MemTotal:  {memory.total // KIB} kB", f"Node {node} MemFree:  {memory.free // KIB} kB"])
            _put(folder / "distance", " ".join("10" if other == node else "21" for other in nodes))
            _put(folder / "compact", "")
            for size in self.sizes:
                _pool(folder / "hugepages", size, [memory.pages.get(size, Pages())])
        for size in self.sizes:
            pages = [memory.pages.get(size, Pages()) for memory in self.memory.values()]
            _pool(root / "sys/kernel/mm/hugepages", size, pages)
            _put(root / f"sys/kernel/mm/hugepages/hugepages-{size // KIB}kB/resv_hugepages", str(sum(one.reserved for one in pages)))
        total, free = (sum(getattr(memory, name) for memory in self.memory.values()) for name in ("total", "free"))
        default = [f"Hugepagesize:  {self.sizes[0] // KIB} kB"] if self.sizes else []
        _put(root / "proc/meminfo", [f"MemTotal:  {total // KIB} kB", f"MemFree:  {free // KIB} kB", "HugePages_Total:       0", *default])


def _put(path: pathlib.Path, text: str | Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((text if isinstance(text, str) else "\n".join(text)) + "\n", encoding="utf-8")


def _put_bytes(path: pathlib.Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# SMBIOS 7.3, a board with two strings
DMI_BOARD = bytes((2, 8, 1, 0, 1, 2, 0, 0)) + b"Intel Corporation\0S2600WT2\0\0"


def dmi_slot(name: str, pci: str, length: int = 0x11) -> bytes:
    """Return a structure of SMBIOS 7.10 (system slots) for a card; one before 2.6 has a *length* of 0x0d and no address."""
    segment, bus, device, function = (int(part, 16) for part in pci.replace(".", ":").split(":"))
    fixed = bytes((9, length, 9, 0, 1, 0xA5, 0x0D, 4, 4, 1, 0, 0x0C, 1))
    address = segment.to_bytes(2, "little") + bytes((bus, device << 3 | function))
    return (fixed + address)[:length] + name.encode("ascii") + b"\0\0"


def _link(path: pathlib.Path, target: pathlib.Path) -> None:
    """Link relatively, so that the folder stays what it is when it is moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))


def _pool(folder: pathlib.Path, size: int, pages: list[Pages]) -> None:
    place = folder / f"hugepages-{size // KIB}kB"
    _put(place / "nr_hugepages", str(sum(one.total for one in pages)))
    _put(place / "free_hugepages", str(sum(one.total if one.free is None else one.free for one in pages)))
    _put(place / "surplus_hugepages", str(sum(one.surplus for one in pages)))


def _card(root: pathlib.Path, card: Card) -> None:
    above = f"pci0000:00/{card.above}" if card.above else "pci0000:00"
    device = root / "sys/devices" / (f"{above}/{card.pci}" if card.pci else f"platform/{card.name}")
    _put(device / "numa_node", str(card.node))
    if card.driver:
        driver = root / "sys/bus/pci/drivers" / card.driver
        driver.mkdir(parents=True, exist_ok=True)
        _link(device / "driver", driver)
    if card.pci:
        _put(device / "class", "0x020000")
        _link(root / "sys/bus/pci/devices" / card.pci, device)
        for name, number in (("vendor", card.vendor), ("device", card.device)):
            if number:
                _put(device / name, f"0x{number}")
        if card.link:
            for name, value in zip(("current_link_speed", "current_link_width", "max_link_speed", "max_link_width"), card.link):
                _put(device / name, str(value))
        if card.physical:
            _link(device / "physfn", (root / "sys/bus/pci/devices" / card.physical).resolve())
    if card.iommu_group is not None:
        group = root / f"sys/kernel/iommu_groups/{card.iommu_group}"
        _link(group / "devices" / device.name, device)
        _link(device / "iommu_group", group)
        _put(root / "sys/class/iommu/dmar0/present", "")
    if card.name:
        owner = device / "virtio0" if card.virtio else device
        netdev = owner / "net" / card.name
        _put(netdev / "address", card.mac)
        _put(netdev / "speed", str(card.speed))
        _link(netdev / "device", owner)
        _link(root / "sys/class/net" / card.name, netdev)
