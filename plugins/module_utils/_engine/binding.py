# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver holds a NIC: what is wanted, what speaks against it, and what has to be done (private to this collection).

Sources: Linux, Documentation/driver-api/vfio.rst (groups, no-IOMMU mode) and drivers/vfio/vfio_iommu_type1.c (interrupt remapping);
DPDK, Linux Drivers (bifurcated drivers); INSTALL.DPDK 3.2 of Open vSwitch; driverctl 0.111.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import PCI_ADDRESS, Former
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import Iommu, Nic
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_pci import PciFunction

Record = t.Mapping[str, Former]
"""What devices were before this module bound them, by PCI address."""

BIFURCATED = ("mlx4_core", "mlx5_core")
"""Kernel drivers that stay while DPDK has the device too."""

_MELLANOX = "15b3"
_SHORT_ADDRESS = re.compile(r"[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


@dataclasses.dataclass(frozen=True)
class Want:
    """A device, as the user calls it, and its driver; None is the one that it had before, and no override."""

    device: str
    driver: str | None


@dataclasses.dataclass(frozen=True)
class Permission:
    """What the user allows by name."""

    force: bool = False
    confirm: frozenset[str] = frozenset()
    """PCI addresses."""
    noiommu: bool | None = None
    interrupts: bool | None = None
    """None leaves the mode of vfio as it is, False takes it back if this module has switched it on."""


@dataclasses.dataclass(frozen=True)
class Host:
    """What was read."""

    functions: Mapping[str, PciFunction]
    nics: tuple[Nic, ...]
    iommu: Iommu
    remapping: bool | None
    """Whether interrupts are remapped; None where the host does not show it."""
    record: Record
    on_top: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """Interface -> those that stand on it: bond, bridge, VLAN."""
    connection: frozenset[str] = frozenset()
    """The interfaces that Ansible's connection comes in on, those below them included."""
    addresses: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """Interface that is up -> its addresses."""

    def nics_of(self, address: str) -> list[Nic]:
        """Return the interfaces of a function; a card with two ports on one function has two."""
        return [nic for nic in self.nics if nic.pci == address]


@dataclasses.dataclass(frozen=True)
class Binding:
    """Who may have a function, and who has it."""

    driver: str | None
    """The driver that holds it. Wanted as None, any is right."""
    override: str | None
    """The only driver that may."""
    saved: str | None
    """The driver that driverctl gives it at each boot."""

    def __str__(self) -> str:
        """Return what a person would say."""
        driver = self.driver or "none"
        return driver if not self.override or self.saved == self.driver else f"{driver} until the next boot"


@dataclasses.dataclass(frozen=True)
class Step:
    """One function, before and after."""

    address: str
    before: Binding
    after: Binding
    virtual: bool
    """A virtual function is gone at the next boot, and a new one may not want what the old one had."""
    absent: bool
    former: Former | None
    """What it was before this module bound it."""
    device_files: tuple[str, ...] = ()

    @property
    def rebinds(self) -> bool:
        """Whether the driver changes."""
        if self.absent:
            return self.before.override is not None or (self.after.driver is not None and self.before.driver != self.after.driver)
        return self.before.driver != self.after.driver

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return self.rebinds or self.before.saved != self.after.saved

    def back(self) -> Step:
        """Return the step that undoes this one."""
        return dataclasses.replace(self, before=self.after, after=self.before)

    @property
    def argv(self) -> list[str]:
        """Return the arguments of driverctl that bring the function from before to after."""
        if self.after.override:
            return [*self._nosave(self.after.saved), "set-override", self.address, self.after.override]
        return [*self._nosave(self.before.saved), "unset-override", self.address]

    @staticmethod
    def _nosave(saved: str | None) -> list[str]:
        return [] if saved else ["--nosave"]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a task means on this host."""

    steps: tuple[Step, ...]
    """All devices of the task, by address, those that stay as they are among them."""
    gone: tuple[str, ...]
    """Functions of the record that the host does not have any more."""
    record: Record
    """As it will be."""
    noiommu: bool | None
    interrupts: bool | None
    """True: vfio needs the mode, and the user has allowed it. False: not any more. None: as it is."""
    warnings: tuple[str, ...]

    @property
    def to_do(self) -> tuple[Step, ...]:
        """What differs."""
        return tuple(step for step in self.steps if step.changes)

    @property
    def drivers(self) -> tuple[str, ...]:
        """The drivers that will be bound."""
        return tuple(sorted({step.after.driver for step in self.to_do if step.rebinds and step.after.driver}))


def is_vfio(driver: str | None) -> bool:
    """Tell whether a driver is vfio-pci or one that is made of it, such as mlx5_vfio_pci."""
    return driver is not None and "vfio" in driver


def is_for_programs(driver: str | None) -> bool:
    """Tell whether a driver gives the device to programs such as DPDK."""
    return is_vfio(driver) or (driver is not None and driver.startswith(("uio_", "igb_uio")))


def full_address(text: str) -> str | None:
    """Return a PCI address with its domain, 05:00.0 as 0000:05:00.0; None for anything else."""
    address = text.lower()
    if _SHORT_ADDRESS.fullmatch(address):
        return f"0000:{address}"
    return address if PCI_ADDRESS.fullmatch(address) else None


def _subject(device: str) -> str:
    return f"device {device}"


def _called(host: Host, address: str) -> str:
    names = [nic.name for nic in host.nics_of(address) if nic.name]
    return _subject(f"{address} ({', '.join(names)})" if names else address)


def _known(host: Host) -> str:
    names = [f"{nic.name} ({nic.pci})" if nic.name else str(nic.pci) for nic in host.nics if nic.pci]
    former = [f"{was.name} ({address})" for address, was in sorted(host.record.items()) if was.name]
    before = f" Those that DPDK has were: {', '.join(former)}." if former else ""
    return f"The NICs on the PCI bus of this host are: {', '.join(names) or 'none'}.{before}"


def find(host: Host, device: str) -> str:
    """Return the PCI address of a device that is called by its address, interface name or MAC, also those that it had before.

    Raises InputError for one that is not there, is not on the PCI bus, is no NIC, or could be two.
    """
    address = full_address(device)
    if address is not None:
        if address in host.functions and not host.functions[address].network:
            raise InputError(_subject(device), "device", device, f"It is no network controller. {_known(host)}", "Only NICs can be bound.")
        if address in host.functions or address in host.record:
            return address
        raise InputError(_subject(device), "device", device, f"The PCI bus has no such device. {_known(host)}", "Choose one of them.")
    key, value = ("mac", device.lower()) if _MAC.fullmatch(device.lower()) else ("name", device)
    now = [nic for nic in host.nics if getattr(nic, key) == value]
    addresses = {nic.pci for nic in now if nic.pci}
    addresses |= {address for address, was in host.record.items() if getattr(was, key) == value}
    if len(addresses) > 1:
        advice = "Give the PCI address."
        raise InputError(_subject(device), "device", device, f"It is, or was, {key} of {', '.join(sorted(addresses))}.", advice)
    if now and not addresses:
        raise InputError(_subject(device), "device", device, f"It is not on the PCI bus, but held by {now[0].driver}.", "Only PCI devices can be bound.")
    if not addresses:
        raise InputError(_subject(device), "device", device, f"This host has no such interface. {_known(host)}", "Choose one of them.")
    return addresses.pop()


def takes_interfaces(host: Host, wants: Iterable[Want]) -> bool:
    """Tell whether a NIC that the kernel has is to get another driver, so that it is worth asking who needs its interface. Raises InputError."""
    wanted = {find(host, want.device): want.driver for want in wants if want.driver is not None}
    return any(nic.name and nic.driver != wanted[nic.pci] for nic in host.nics if nic.pci in wanted)


def _former(host: Host, address: str) -> Former:
    """Return what has to be remembered of a device: what it is, or, where DPDK has it already, what it was."""
    function = host.functions[address]
    nics = host.nics_of(address)
    known = host.record.get(address, Former(None, None, None))
    if is_for_programs(function.driver):
        return known
    name, mac = (nics[0].name, nics[0].mac) if nics and nics[0].name else (known.name, known.mac)
    return Former(name=name, mac=mac, driver=function.driver or known.driver)


def _step(host: Host, address: str, want: Want) -> Step:
    function = host.functions[address]
    before = Binding(function.driver, function.override, function.saved)
    virtual = any(nic.virtual_function for nic in host.nics_of(address))
    if want.driver is None:
        was = host.record.get(address)
        # without an override there is nothing to take back: whoever gave it another driver since then has done so on purpose
        left_alone = function.driver is not None and function.override is None and not is_for_programs(function.driver)
        kept = function.driver if left_alone else was.driver if was else None
        return Step(address, before, Binding(kept, None, None), virtual, absent=True, former=was, device_files=function.device_files)
    after = Binding(want.driver, want.driver, None if virtual else want.driver)
    former = _former(host, address)
    return Step(address, before, after, virtual, absent=False, former=former, device_files=function.device_files)


def plan(host: Host, wants: Iterable[Want], allowed: Permission) -> Plan:
    """Return what has to be done; a pure function.

    Raises InputError for a device that is not there or no NIC, one that is named twice, and for everything that speaks against it:
    a connection or route over it, a bond or bridge that it is in, virtual functions of it, a bifurcated driver, a split IOMMU group,
    no IOMMU, or interrupts that are not remapped.
    """
    steps: dict[str, Step] = {}
    gone: list[str] = []
    called: dict[str, str] = {}
    for want in wants:
        address = find(host, want.device)
        if address in called:
            raise InputError(_subject(want.device), "device", want.device, f"It is {called[address]}, which the task has already.", "Name each device once.")
        called[address] = want.device
        if address in host.functions:
            steps[address] = _step(host, address, want)
        elif want.driver is None:
            gone.append(address)
        else:
            raise InputError(_subject(want.device), "device", want.device, f"It was {address}, which is not there any more. {_known(host)}", "Look for it.")
    bound = [step for step in steps.values() if step.rebinds and not step.absent]
    for step in bound:
        _check(host, step, allowed)
        _check_group(host, step, steps)
    record = {address: was for address, was in host.record.items() if address not in gone and not (address in steps and steps[address].absent)}
    record.update({step.address: step.former for step in steps.values() if not step.absent and step.former and (step.changes or step.address in record)})
    kept = bool(record) or any(not step.absent for step in steps.values())
    noiommu, interrupts = _modes(host, steps.values(), bound, allowed, kept=kept)
    return Plan(
        steps=tuple(steps[address] for address in sorted(steps)),
        gone=tuple(sorted(gone)),
        record=dict(sorted(record.items())),
        noiommu=noiommu,
        interrupts=interrupts,
        warnings=tuple(_warnings(host, bound, noiommu, interrupts)),
    )


def _check(host: Host, step: Step, allowed: Permission) -> None:
    """Refuse a device that somebody needs where it is, or that does not need to go."""
    address, driver = step.address, step.after.driver
    names = [nic.name for nic in host.nics_of(address) if nic.name]
    subject = _called(host, address)
    for name in names:
        if host.on_top.get(name):
            advice = "Take it out first, with whatever configures the network of this host."
            raise InputError(subject, "driver", driver, f"{', '.join(host.on_top[name])} stands on {name}.", advice)
    reasons = ["the default route goes through it"] if any(nic.default_route for nic in host.nics_of(address)) else []
    reasons += ["Ansible's connection comes in on it"] if host.connection.intersection(names) else []
    if reasons and not (allowed.force and address in allowed.confirm):
        advice = f"Take another device, or, if the host shall lose that, say so twice: force=true and confirm=[{address}]."
        raise InputError(subject, "driver", driver, f"This may cut the host off: {' and '.join(reasons)}.", advice)
    function = host.functions[address]
    if function.virtual_functions:
        possible = f"It has {function.virtual_functions} virtual functions, which would vanish with its driver."
        raise InputError(subject, "driver", driver, possible, "Bind virtual functions instead, or switch them off first (sriov_numvfs).")
    if is_for_programs(driver) and (function.driver in BIFURCATED or any(nic.vendor_id == _MELLANOX for nic in host.nics_of(address))):
        possible = "The kernel's mlx driver is bifurcated: it has to keep the device, and DPDK takes the packets beside it."
        raise InputError(subject, "driver", driver, possible, f"No binding is needed: give the port devargs {address}, that is enough.")


def _check_group(host: Host, step: Step, steps: Mapping[str, Step]) -> None:
    """Refuse to give away a part of an IOMMU group: vfio lets no program open it while a kernel driver has another part."""
    function = host.functions[step.address]
    if not is_vfio(step.after.driver) or function.iommu_group is None:
        return
    others = [address for address in host.iommu.groups.get(function.iommu_group, ()) if address != step.address and address in host.functions]
    in_the_way = []
    for address in others:
        driver = steps[address].after.driver if address in steps and steps[address].changes else host.functions[address].driver
        if driver and not host.functions[address].bridge and not is_vfio(driver) and driver != "pci-stub":
            in_the_way.append(f"{address} ({driver})")
    if in_the_way:
        possible = f"Its IOMMU group {function.iommu_group} has other devices, which a kernel driver holds: {', '.join(in_the_way)}."
        advice = "A group can only be given away as a whole: name those of them that are NICs in this task too, or put the card into another slot."
        raise InputError(_called(host, step.address), "driver", step.after.driver, possible, advice)


def _modes(host: Host, steps: Iterable[Step], bound: Sequence[Step], allowed: Permission, kept: bool) -> tuple[bool | None, bool | None]:
    """Return whether vfio has to work without IOMMU and without interrupt remapping. Raises InputError where nobody allowed it."""
    with_vfio = [step for step in steps if not step.absent and is_vfio(step.after.driver)]
    without_iommu = [step for step in with_vfio if host.functions[step.address].iommu_group is None]
    not_remapped = [] if host.remapping else [step for step in with_vfio if step not in without_iommu]
    for step in without_iommu:
        if step in bound and not allowed.noiommu:
            possible = "The device is behind no IOMMU, which keeps what it writes within the memory that it was given." + _iommu_state(host)
            advice = (
                "Switch the IOMMU on in the firmware (VT-d, AMD-Vi) and boot with intel_iommu=on or amd_iommu=on (module kernel_args, option "
                "iommu), or say unsafe_noiommu=true where a device that can write to all memory is no harm, as in a virtual machine."
            )
            raise InputError(_called(host, step.address), "driver", step.after.driver, possible, advice)
    for step in not_remapped if host.remapping is False else ():
        if step in bound and not allowed.interrupts:
            possible = "Interrupts are not remapped on this host, and vfio lets no program open a device that could raise any interrupt."
            advice = "Switch interrupt remapping on in the firmware, boot without intremap=off, or say unsafe_interrupts=true."
            raise InputError(_called(host, step.address), "driver", step.after.driver, possible, advice)
    return _mode(allowed.noiommu, needed=bool(without_iommu), kept=kept), _mode(allowed.interrupts, needed=bool(not_remapped), kept=kept)


def _mode(asked: bool | None, needed: bool, kept: bool) -> bool | None:
    if asked and needed:
        return True
    # with the last device the modes go too
    return False if asked is False or not kept else None


def _iommu_state(host: Host) -> str:
    return " The host has one, but not for this device." if host.iommu.enabled else " This host has none in use."


def _warnings(host: Host, bound: Sequence[Step], noiommu: bool | None, interrupts: bool | None) -> Iterator[str]:
    for step in bound:
        for nic in host.nics_of(step.address):
            if nic.name and host.addresses.get(nic.name):
                yield f"{nic.name} ({step.address}) is up and has {', '.join(host.addresses[nic.name])}: these addresses go with it."
    if noiommu:
        yield "vfio works without IOMMU: a program that has one of these devices can reach all memory of the host, and the kernel counts as tainted."
    if interrupts:
        yield "vfio works without interrupt remapping: a program that has one of these devices can raise any interrupt."
