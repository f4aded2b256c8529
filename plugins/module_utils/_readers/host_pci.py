# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PCI functions: which driver holds them, what they share an IOMMU group with, what stands on their interfaces (private to this collection).

Sources: Linux, Documentation/ABI/testing/sysfs-bus-pci (driver_override, sriov_numvfs), Documentation/driver-api/vfio.rst (groups and
their device files), drivers/vfio/vfio_main.c (what a group that no IOMMU stands behind is called); driverctl 0.111 (/etc/driverctl.d).
"""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, link_name, read_int, read_text

OVERRIDES = "etc/driverctl.d"
"""One file pci-ADDRESS for each override, which driverctl loads at boot: it holds the name of the driver."""

_DEVICES = "sys/bus/pci/devices"
_NETDEVS = "sys/class/net"


@dataclasses.dataclass(frozen=True)
class PciFunction:
    """A function of a PCI device, and who has it."""

    address: str
    network: bool
    """It is a network controller."""
    bridge: bool
    """It is a bridge to another bus, which an IOMMU group may hold beside what it is about."""
    driver: str | None
    override: str | None
    """The only driver that may take it; None where any may."""
    saved: str | None
    """The driver that driverctl gives it at each boot."""
    iommu_group: int | None
    """None also where vfio made a group without an IOMMU."""
    virtual_functions: int
    """So many virtual functions (SR-IOV) of it are switched on."""
    device_files: tuple[str, ...]
    """Files below /dev by which programs open it, where its driver is made for that."""


def override_file(root: pathlib.Path, address: str) -> pathlib.Path:
    """Return where driverctl keeps the override of a function."""
    return root / OVERRIDES / f"pci-{address}"


def driver_of(root: pathlib.Path, address: str) -> str | None:
    """Return the driver that holds a function now; None where none does."""
    return link_name(root / _DEVICES / address / "driver")


def function_exists(root: pathlib.Path, address: str) -> bool:
    """Tell whether the PCI bus has such a function."""
    return (root / _DEVICES / address).exists()


def driver_exists(root: pathlib.Path, driver: str) -> bool:
    """Tell whether the kernel has such a PCI driver loaded."""
    return (root / "sys/bus/pci/drivers" / driver).is_dir()


def _device_files(device: pathlib.Path, group: str | None) -> tuple[str, ...]:
    groups = [f"/dev/vfio/{group}", f"/dev/vfio/noiommu-{group}"] if group else []
    alone = [f"/dev/vfio/devices/{entry.name}" for entry in entries(device / "vfio-dev")]
    return (*groups, *alone, *(f"/dev/{entry.name}" for entry in entries(device / "uio")))


def read_function(root: pathlib.Path, address: str) -> PciFunction:
    """Read one function."""
    device = root / _DEVICES / address
    kind = (read_text(device / "class") or "").removeprefix("0x")
    group = link_name(device / "iommu_group")
    with_iommu = group is not None and group.isdigit() and read_text(root / f"sys/kernel/iommu_groups/{group}/name") != "vfio-noiommu"
    override = read_text(device / "driver_override")
    return PciFunction(
        address=address,
        network=kind.startswith("02"),
        # PCI Code and ID Assignment Specification: bridge to PCI, bridge to CardBus
        bridge=kind.startswith(("0604", "0607")),
        driver=link_name(device / "driver"),
        override=None if override in {None, "", "(null)"} else override,
        saved=read_text(override_file(root, address)) or None,
        iommu_group=int(group) if group and with_iommu else None,
        virtual_functions=read_int(device / "sriov_numvfs") or 0,
        device_files=_device_files(device, group),
    )


def read_functions(root: pathlib.Path = pathlib.Path("/")) -> dict[str, PciFunction]:
    """Return all functions by address."""
    return {entry.name: read_function(root, entry.name) for entry in entries(root / _DEVICES)}


def interfaces_on(root: pathlib.Path, name: str) -> tuple[str, ...]:
    """Return the interfaces that stand directly on one: its bond or bridge, its VLANs."""
    return tuple(entry.name[len("upper_") :] for entry in entries(root / _NETDEVS / name) if entry.name.startswith("upper_"))


def with_interfaces_below(root: pathlib.Path, names: t.Iterable[str]) -> frozenset[str]:
    """Return these interfaces and all that are below them (bond, bridge, VLAN)."""
    found: set[str] = set()
    pending = set(names)
    while pending:
        name = pending.pop()
        found.add(name)
        below = {entry.name[len("lower_") :] for entry in entries(root / _NETDEVS / name) if entry.name.startswith("lower_")}
        pending |= below - found
    return frozenset(found)


def read_interrupt_remapping(root: pathlib.Path = pathlib.Path("/")) -> bool | None:
    """Tell whether interrupts are remapped: vfio lets no program open a device without. None where the host does not show it (not x86)."""
    text = read_text(root / "proc/interrupts") or ""
    if "IR-IO-APIC" in text or "IR-PCI-MSI" in text:
        return True
    return False if "IO-APIC" in text else None
