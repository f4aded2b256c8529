# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NICs, IOMMU, board and kernel of a host (private to this collection).

Sources: Linux, Documentation/ABI/testing/sysfs-class-net and sysfs-bus-pci, proc_pid_net(5),
Documentation/driver-api/vfio.rst (IOMMU groups, no-IOMMU mode); guide 3.2.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, link_name, read_int, read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_pci import with_interfaces_below
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_slots import SlotNames, read_slots

PCI_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")

DEVICE_RECORD = "var/lib/nfv.ovs_dpdk.dpdk_device.json"
"""Where the module dpdk_device keeps what a device was before DPDK had it: PCI address -> driver, name, mac."""

_PCI_DEVICES = "sys/bus/pci/devices"
_NETDEVS = "sys/class/net"


@dataclasses.dataclass(frozen=True)
class Link:
    """The PCIe link of a device, now and at best. Speeds are GT/s per lane, widths are lanes; None where the device does not say."""

    speed: float | None = None
    width: int | None = None
    max_speed: float | None = None
    max_width: int | None = None


@dataclasses.dataclass(frozen=True)
class Former:
    """What a device was when the kernel had it, as the module dpdk_device recorded it."""

    name: str | None
    mac: str | None
    driver: str | None


@dataclasses.dataclass(frozen=True)
class Nic:
    """A network device: one that the kernel drives, or a PCI function of the network class that DPDK or nobody drives."""

    name: str | None
    """None where the kernel has no interface for it, for instance when vfio-pci holds it."""
    pci: str | None
    """None for a device that is not on the PCI bus."""
    driver: str | None
    """The driver that holds the PCI function (or the device, off the PCI bus)."""
    node: int | None
    """None where the firmware does not say."""
    mac: str | None
    speed: int | None
    """Mbit/s; None where the link is down or the driver does not say."""
    iommu_group: int | None
    default_route: bool
    """Traffic to the outside, perhaps also Ansible's own connection, goes through it."""
    vendor_id: str | None = None
    """Four hexadecimal digits, as lspci -n prints them; None off the PCI bus."""
    device_id: str | None = None
    slot: str | None = None
    """The PCIe slot as the board's firmware names it; None for a device on the board, or where the firmware does not say."""
    link: Link = Link()
    virtual_function: bool = False
    """It is a virtual function (SR-IOV) of another one."""
    former: Former | None = None


def _default_route_devices(root: pathlib.Path) -> frozenset[str]:
    """Return the interfaces of default routes, and all that are below them (bond, bridge, VLAN)."""
    names: set[str] = set()
    for line in (read_text(root / "proc/net/route") or "").splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == words[7] == "00000000":  # noqa: PLR2004 - interface, destination, ... 8th: mask
            names.add(words[0])
    for line in (read_text(root / "proc/net/ipv6_route") or "").splitlines():
        words = line.split()
        if len(words) > 9 and words[0] == "0" * 32 and words[1] == "00":  # noqa: PLR2004 - 10th: interface
            names.add(words[9])
    names.discard("lo")  # the kernel's own route that rejects
    return with_interfaces_below(root, names)


def _pci_of(device: pathlib.Path) -> str | None:
    """Return the PCI function that a network device belongs to; a virtio device lies one level below its own."""
    try:
        parts = device.resolve(strict=True).parts
    except OSError:
        return None
    return next((part for part in reversed(parts) if PCI_ADDRESS.fullmatch(part)), None)


def _id(path: pathlib.Path) -> str | None:
    """Return a vendor or device number, which the kernel writes as 0x8086."""
    match = re.fullmatch(r"0x([0-9a-f]{4})", read_text(path) or "")
    return match[1] if match else None


def _link_speed(path: pathlib.Path) -> float | None:
    """Return GT/s; the kernel writes ``8.0 GT/s PCIe``, or Unknown."""
    match = re.match(r"(\d+(?:\.\d+)?) GT/s", read_text(path) or "")
    return float(match[1]) if match else None


def _link_width(path: pathlib.Path) -> int | None:
    """Return lanes; 0 is a link that is down, and 255 a device that does not say (Linux, include/linux/pci.h)."""
    width = read_int(path)
    return width if width is not None and 0 < width < 255 else None  # noqa: PLR2004 - see the docstring


def _pcie_link(device: pathlib.Path) -> Link:
    return Link(
        speed=_link_speed(device / "current_link_speed"),
        width=_link_width(device / "current_link_width"),
        max_speed=_link_speed(device / "max_link_speed"),
        max_width=_link_width(device / "max_link_width"),
    )


def _slot(device: pathlib.Path, slots: SlotNames) -> str | None:
    """Return the slot that a PCI function is in: a virtual function where its physical one is."""
    try:
        place = (device / "physfn" if (device / "physfn").exists() else device).resolve(strict=True)
    except OSError:
        return None
    return slots.of([part for part in reversed(place.parts) if PCI_ADDRESS.fullmatch(part)])


def read_former(root: pathlib.Path = pathlib.Path("/")) -> dict[str, Former]:
    """Return what devices were before DPDK had them, by PCI address; nothing where no record is, or one that cannot be read."""
    try:
        record = json.loads(read_text(root / DEVICE_RECORD) or "{}")
    except ValueError:
        return {}
    known = record.items() if isinstance(record, dict) else ()
    return {address: Former(*(was.get(key) for key in ("name", "mac", "driver"))) for address, was in known if isinstance(was, dict)}


def _nic(root: pathlib.Path, name: str | None, pci: str | None, routed: frozenset[str], slots: SlotNames) -> Nic:
    netdev = root / _NETDEVS / name if name else None
    device = root / _PCI_DEVICES / pci if pci else root / _NETDEVS / str(name) / "device"
    node, group = read_int(device / "numa_node"), link_name(device / "iommu_group")
    speed = read_int(netdev / "speed") if netdev else None
    return Nic(
        name=name,
        pci=pci,
        driver=link_name(device / "driver"),
        node=node if node is not None and node >= 0 else None,
        mac=read_text(netdev / "address") if netdev else None,
        speed=speed if speed is not None and speed > 0 else None,
        iommu_group=int(group) if group is not None and group.isdigit() else None,
        default_route=name in routed,
        vendor_id=_id(device / "vendor") if pci else None,
        device_id=_id(device / "device") if pci else None,
        slot=_slot(device, slots) if pci else None,
        link=_pcie_link(device),
        virtual_function=link_name(device / "physfn") is not None,
    )


def read_nics(root: pathlib.Path = pathlib.Path("/")) -> tuple[Nic, ...]:
    """Return the NICs, by PCI address and name. Interfaces without a device (lo, bridges, tunnels) are none."""
    routed = _default_route_devices(root)
    with_device = [entry for entry in entries(root / _NETDEVS) if (entry / "device").exists()]
    found: set[tuple[str | None, str | None]] = {(entry.name, _pci_of(entry / "device")) for entry in with_device}
    driven = {pci for _name, pci in found}
    for entry in entries(root / _PCI_DEVICES):
        # class 0x02....: network controller (PCI Code and ID Assignment Specification)
        if entry.name not in driven and (read_text(entry / "class") or "").startswith("0x02"):
            found.add((None, entry.name))
    ordered = sorted(found, key=lambda item: (item[1] or "~", item[0] or ""))
    slots, former = read_slots(root), read_former(root)
    return tuple(dataclasses.replace(_nic(root, name, pci, routed, slots), former=former.get(pci or "")) for name, pci in ordered)


@dataclasses.dataclass(frozen=True)
class Iommu:
    """The IOMMU, which vfio-pci needs."""

    enabled: bool
    groups: t.Mapping[int, tuple[str, ...]]
    """Group -> its devices; a group can only be given away as a whole."""
    noiommu: bool = False
    """vfio may give devices away without an IOMMU: their DMA then reaches all memory."""
    unsafe_interrupts: bool = False
    """vfio gives devices away although interrupts are not remapped: a device can then raise any interrupt."""


def _switched_on(path: pathlib.Path) -> bool:
    return read_text(path) in {"Y", "1"}


def read_iommu(root: pathlib.Path = pathlib.Path("/")) -> Iommu:
    """Read IOMMU and groups: one folder per group."""
    groups = {
        int(group.name): tuple(device.name for device in entries(group / "devices"))
        for group in entries(root / "sys/kernel/iommu_groups")
        if group.name.isdigit()
    }
    return Iommu(
        enabled=bool(entries(root / "sys/class/iommu")),
        groups=dict(sorted(groups.items())),
        noiommu=_switched_on(root / "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"),
        unsafe_interrupts=_switched_on(root / "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"),
    )


@dataclasses.dataclass(frozen=True)
class Board:
    """The main board as DMI names it: what ``dmidecode -t baseboard`` prints as manufacturer and product name (guide 3.2)."""

    vendor: str | None
    name: str | None


def read_board(root: pathlib.Path = pathlib.Path("/")) -> Board:
    """Read the board; both None on a machine without DMI."""
    folder = root / "sys/class/dmi/id"
    return Board(read_text(folder / "board_vendor") or None, read_text(folder / "board_name") or None)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """The running kernel."""

    version: str | None
    command_line: str
    """As the boot loader gave it to the kernel that runs now."""


def read_kernel(root: pathlib.Path = pathlib.Path("/")) -> Kernel:
    """Read version and command line."""
    return Kernel(read_text(root / "proc/sys/kernel/osrelease"), read_text(root / "proc/cmdline") or "")
