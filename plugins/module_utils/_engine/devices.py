# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bind NICs to drivers as planned, prove it, and take everything back where one of them fails (private to this collection).

What counts is what /sys shows: driverctl has been seen to report failure for a device that it had bound, and success for one that it had not.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.binding import Host
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.files import FileChange, read_file, replace
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import DEVICE_RECORD, read_former, read_iommu, read_nics
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_pci import (
    driver_exists,
    driver_of,
    function_exists,
    interfaces_on,
    override_file,
    read_functions,
    read_interrupt_remapping,
    with_interfaces_below,
)
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_processes import holders, parse_addresses, read_ssh_connection
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError, OvsDpdkError

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.binding import Plan, Record, Step
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands

POLL_SECONDS = 0.1
READ_SECONDS = 10
BIND_SECONDS = 60
"""A driver that lets go of a device may have to stop traffic first."""

_MODES_FILE = "etc/modprobe.d/nfv-ovs-dpdk-vfio.conf"
_MODES_HEAD = "# Written by nfv.ovs_dpdk.dpdk_device, which a task told to do so by name. It goes with the last device that is given back.\n"
_INSTALL = "Install the package {package} (role nic_binding does it)."


@dataclasses.dataclass(frozen=True)
class Mode:
    """A parameter of vfio that gives up some safety."""

    option: str
    """The option of dpdk_device that allows it."""
    module: str
    parameter: str

    @property
    def line(self) -> str:
        """What switches it on when the kernel module is loaded (modprobe.d(5))."""
        return f"options {self.module} {self.parameter}=1"

    def path(self, root: pathlib.Path) -> pathlib.Path:
        """Return where it shows, and can be changed, while the kernel module is loaded."""
        return root / "sys/module" / self.module / "parameters" / self.parameter


NOIOMMU = Mode("unsafe_noiommu", "vfio", "enable_unsafe_noiommu_mode")
INTERRUPTS = Mode("unsafe_interrupts", "vfio_iommu_type1", "allow_unsafe_interrupts")


@dataclasses.dataclass(frozen=True)
class Modes:
    """The parameters of vfio as this module has them, and shall have them."""

    file: FileChange
    on: tuple[Mode, ...]
    """To be on now."""
    off: tuple[Mode, ...]
    """Not to be on any more."""

    def changes(self, root: pathlib.Path) -> bool:
        """Tell whether there is anything to do."""
        return self.file.differs or any(read_text(mode.path(root)) == "N" for mode in self.on)


def modes_of(root: pathlib.Path, wanted: Plan) -> Modes:
    """Return what has to be done about the parameters of vfio."""
    path = root / _MODES_FILE
    text = read_file(path)
    lines = (text or "").splitlines()
    asked = ((NOIOMMU, wanted.noiommu), (INTERRUPTS, wanted.interrupts))
    after = [mode.line for mode, on in asked if on or (on is None and mode.line in lines)]
    return Modes(
        file=FileChange(path, text, _MODES_HEAD + "".join(f"{line}\n" for line in after) if after else None),
        on=tuple(mode for mode, on in asked if on),
        off=tuple(mode for mode, on in asked if on is False and mode.line in lines),
    )


def record_change(root: pathlib.Path, after: Record) -> FileChange:
    """Return the change of the record of what devices were. Raises HostError for a record that cannot be read, rather than lose it."""
    path = root / DEVICE_RECORD
    text = read_file(path)
    try:
        readable = text is None or isinstance(json.loads(text), dict)
    except ValueError:
        readable = False
    if not readable:
        raise HostError(f"{path}, which says whose drivers the devices had, is no JSON object. Repair it, or remove it to have them forgotten.")
    content = {address: {"driver": was.driver, "name": was.name, "mac": was.mac} for address, was in sorted(after.items())}
    # compared by content, so that another spelling is no change
    same = text is not None and json.loads(text) == content
    return FileChange(path, text, text if same else f"{json.dumps(content, indent=2)}\n" if content else None)


def read_host(root: pathlib.Path) -> Host:
    """Read everything that can be read without a command."""
    nics = read_nics(root)
    return Host(
        functions=read_functions(root),
        nics=nics,
        iommu=read_iommu(root),
        remapping=read_interrupt_remapping(root),
        record=read_former(root),
        on_top={nic.name: interfaces_on(root, nic.name) for nic in nics if nic.name},
    )


def with_network(commands: Commands, root: pathlib.Path, host: Host) -> Host:
    """Add which interfaces have addresses, and which ones this task came in on. Raises HostError where that cannot be found out."""
    ssh = read_ssh_connection(root, os.getpid())
    ip = commands.find("ip")
    if ip is None:
        if ssh is None:
            return host
        raise HostError("ip is not there, so that the interface of Ansible's connection cannot be found. " + _INSTALL.format(package="iproute2 (or iproute)"))
    _rc, output, error = commands.run_within(READ_SECONDS, [ip, "-json", "address"])
    try:
        found = parse_addresses(output)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise HostError(f"ip -json address: {(error or output).strip() or 'no output'}") from None
    names = set()
    if ssh is not None:
        names = {entry.name for entry in found if ssh.server in entry.all}
        # an address of the host as a whole (on lo or a dummy) has its traffic elsewhere
        rc, output, _error = commands.run_within(READ_SECONDS, [ip, "-json", "route", "get", ssh.client])
        with contextlib.suppress(ValueError, TypeError, KeyError, IndexError):
            names |= {json.loads(output)[0]["dev"]} if rc == 0 else set()
    return dataclasses.replace(
        host,
        connection=with_interfaces_below(root, names),
        addresses={entry.name: entry.addresses for entry in found if entry.up and entry.addresses},
    )


def check_free(root: pathlib.Path, wanted: Plan) -> None:
    """Refuse to take a device away from a program that has it open: the kernel would wait until that ends. Raises HostError."""
    files = {file: step for step in wanted.to_do if step.rebinds for file in step.device_files}
    for file, holder in sorted(holders(root, files).items()):
        advice = "Remove its port from Open vSwitch, or stop the program, first."
        raise HostError(f"device {files[file].address} is in use: {holder.name} (process {holder.pid}) has {file} open. {advice}")


class Applier:
    """Carries out a plan; the commands that it ran are in ``ran``."""

    def __init__(self, commands: Commands, root: pathlib.Path, timeout: float) -> None:
        """*timeout*: seconds in which a driver may still take a device after driverctl is done."""
        self.commands = commands
        self.root = root
        self.timeout = timeout
        self.ran: list[list[str]] = []
        self.warnings: list[str] = []
        self._begun: list[Step] = []
        self._written: list[FileChange] = []
        self._switched: list[tuple[pathlib.Path, str]] = []

    def _program(self, name: str) -> str:
        return self.commands.find(name) or name

    def _lacks(self, mode: Mode) -> str:
        advice = "Use the IOMMU, or driver=uio_pci_generic." if mode is NOIOMMU else "Have interrupts remapped."
        return f"{mode.option}: the running kernel is built without that mode of vfio ({mode.path(self.root)} is not there). {advice}"

    def check(self, wanted: Plan, modes: Modes, must_have: bool) -> list[str]:
        """Refuse what the host does not have: a driver, a mode of vfio, driverctl. Without *must_have* the last one is returned as a warning."""
        for mode in modes.on:
            if (self.root / "sys/module" / mode.module).is_dir() and not mode.path(self.root).exists():
                raise HostError(self._lacks(mode))
        for driver in sorted({step.after.driver for step in wanted.to_do if step.rebinds and not step.absent and step.after.driver}):
            if not driver_exists(self.root, driver):
                rc, _output, _error = self.commands.run_within(READ_SECONDS, [self._program("modprobe"), "--dry-run", "--quiet", driver])
                if rc != 0:
                    possible = "This host has no such driver: it is not loaded, and there is no such kernel module."
                    raise InputError("device", "driver", driver, possible, "Use vfio-pci, or install the module for the running kernel.")
        if self.commands.find("driverctl") is not None or not wanted.to_do:
            return []
        missing = "driverctl is not there, by which a driver keeps a device over a boot. " + _INSTALL.format(package="driverctl")
        if must_have:
            raise HostError(missing)
        return [missing]

    def planned(self, wanted: Plan, modes: Modes) -> list[list[str]]:
        """Return the commands of a run in which nothing fails."""
        needed = [driver for driver in wanted.drivers if not driver_exists(self.root, driver)]
        needed += [mode.module for mode in modes.on if mode is INTERRUPTS and not mode.path(self.root).exists()]
        return [[self._program("modprobe"), name] for name in needed] + [self._driverctl(step) for step in wanted.to_do if step.rebinds]

    def _driverctl(self, step: Step) -> list[str]:
        return [self._program("driverctl"), *step.argv]

    def apply(self, wanted: Plan, record: Record, modes: Modes) -> None:
        """Bind every device of the plan, or raise HostError after all of them are what they were. *record* is the one of before."""
        try:
            # first of all what is needed to give a device back, whatever happens then
            self._write(record_change(self.root, {**record, **wanted.record}))
            self._note_modes(modes)
            self._write(modes.file)
            self._load(wanted, modes)
            self._switch(modes)
            for step in wanted.to_do:
                self._begun.append(step)
                self._do(step)
            for address in wanted.gone:
                self._save(address, None)
            self._write(record_change(self.root, wanted.record))
        except OvsDpdkError as error:
            raise HostError(f"{error} {self._take_back(record)}", **error.details) from error
        except BaseException:
            self._take_back(record)
            raise
        self._settle(wanted)

    def _write(self, change: FileChange) -> None:
        if change.differs:
            replace(change)
            self._written.append(change)

    def _run(self, seconds: int, argv: list[str]) -> tuple[int, str, str]:
        self.ran.append(argv)
        return self.commands.run_within(seconds, argv)

    def _load(self, wanted: Plan, modes: Modes) -> None:
        """Load the drivers. That of a device that is given back may be part of the kernel: what it does shows later."""
        for argv in self.planned(wanted, modes):
            if argv[0] != self._program("driverctl"):
                self._run(BIND_SECONDS, argv)
        for step in wanted.to_do:
            driver = step.after.driver
            if step.rebinds and not step.absent and driver and not driver_exists(self.root, driver):
                raise HostError(f"device {step.address}: modprobe {driver} was run, but the kernel has no PCI driver of that name now.")

    def _note_modes(self, modes: Modes) -> None:
        """Keep what the parameters are. One that is not there yet, because its kernel module is not loaded, is off by default."""
        for mode in (*modes.on, *modes.off):
            path = mode.path(self.root)
            self._switched.append((path, read_text(path) or "N"))

    def _switch(self, modes: Modes) -> None:
        for mode, value in [*((mode, "Y") for mode in modes.on), *((mode, "N") for mode in modes.off)]:
            path = mode.path(self.root)
            now = read_text(path)
            if value == "Y" and now is None:
                raise HostError(self._lacks(mode))
            if now not in {None, value}:
                _set(path, value)

    def _do(self, step: Step) -> None:
        if step.rebinds:
            rc, _output, error = self._run(BIND_SECONDS, self._driverctl(step))
            self._prove(step, rc, error)
        self._save(step.address, step.after.saved)

    def _prove(self, step: Step, rc: int, error: str) -> None:
        """See in /sys that the driver has the device. Raises HostError."""
        deadline = time.monotonic() + self.timeout
        while True:
            now = driver_of(self.root, step.address)
            # where nobody knows which driver it had, any other is right
            if now == step.after.driver or (step.after.driver is None and now != step.before.driver):
                return
            there = function_exists(self.root, step.address)
            if not there or time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
        words = error.strip().splitlines()[-1:] or ["no message"]
        said = f"driverctl ended with {rc} ({words[0]})" if rc else "driverctl reported success"
        wanted = step.after.driver or "a driver of the kernel"
        state = f"its driver is {now or 'none'}" if there else "the device has vanished from the PCI bus"
        raise HostError(f"device {step.address}: it was to go to {wanted}; {said}, but {state}.", rc=rc, stderr=error, cmd=self._driverctl(step))

    def _save(self, address: str, driver: str | None) -> None:
        """Have driverctl's note for the next boot as it should be: it writes none where it reports failure, and removes none either."""
        path = override_file(self.root, address)
        text = read_file(path)
        if (text or "").strip() != (driver or "") or (text is not None and driver is None):
            self._write(FileChange(path, text, f"{driver}\n" if driver else None))

    def _take_back(self, record: Record) -> str:
        """Undo what was done, last one first, and say what came of it."""
        first = {change.path: change for change in reversed(self._written)}
        failures = {step.address: _failure(self._do, step.back()) for step in reversed(self._begun)}
        still = {step.address: step.former for step in self._begun if failures[step.address] and step.former}
        reasons = [*failures.values(), *(_failure(_set, path, value) for path, value in self._switched if read_text(path) not in {None, value})]
        for path, change in first.items():
            now = read_file(path)
            # a device that could not be given back now can be later
            kept = record_change(self.root, {**record, **still}) if path == self.root / DEVICE_RECORD and still else FileChange(path, now, change.before)
            reasons.append(_failure(replace, kept) if kept.differs else None)
        left = [reason for reason in reasons if reason]
        if left:
            return f"Not everything could be put back: {'; '.join(left)}."
        if not self._begun:
            return "No device was touched."
        return f"All devices of this task are as before: {', '.join(f'{step.address}: {step.before}' for step in self._begun)}."

    def _settle(self, wanted: Plan) -> None:
        """Wait for the interfaces of devices that were given back to have their names again, which is udev's work."""
        deadline = time.monotonic() + self.timeout
        for step in wanted.to_do:
            name = step.former.name if step.absent and step.rebinds and step.former else None
            while name and not (self.root / "sys/class/net" / name).exists():
                if time.monotonic() >= deadline:
                    self.warnings.append(f"device {step.address}: its driver has it again, but there is no interface {name}, as it was called before.")
                    break
                time.sleep(POLL_SECONDS)


def _failure(action: t.Callable[..., None], *args: t.Any) -> str | None:
    """Do something, and return what went wrong; None where nothing did."""
    try:
        action(*args)
    except OvsDpdkError as error:
        return str(error).rstrip(".")
    return None


def _set(path: pathlib.Path, value: str) -> None:
    try:
        path.write_text(value, encoding="ascii")
    except OSError as error:
        raise HostError(f"{path}: the kernel refused {value}: {error.strerror}.") from error
