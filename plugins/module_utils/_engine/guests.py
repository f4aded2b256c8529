# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests of a task: read, checked, planned, and done by one of two backends (private to this collection).

What changes a guest goes in three rounds over all of them: what has to stop stops, then all are defined, then what has to run is started.
So a guest that gives memory back does so before another one needs it.
"""

from __future__ import annotations

import abc
import dataclasses
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import qemu
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import vm_checks
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm_options import format_pins

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import HostFacts, Vm


@dataclasses.dataclass(frozen=True)
class Found:
    """A guest as it is."""

    defined: bool = False
    running: bool = False
    autostart: bool = False
    lines: tuple[str, ...] = ()
    """What of its definition is ours, as people read it."""
    agrees: bool = False
    """Whether the definition is the one that is wanted."""
    runs_as_wanted: bool = False
    """Whether it runs with that definition, but for the CPUs that threads are bound to."""
    pid: int | None = None
    held: tuple[int, int | None, int] | None = None
    """Page size in bytes, node and number of the hugepages that it runs on."""
    sockets: frozenset[str] = frozenset()
    """The sockets of the vhost-user interfaces that it runs with."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What holds for all guests of a task."""

    root: pathlib.Path
    check: bool
    restart_ok: bool
    shutdown_timeout: int
    user: str = ""
    group: str = ""
    libvirt_uri: str = "qemu:///system"


class Backend(abc.ABC):
    """One way to run guests. Orders are given in a run, and in check mode only written down."""

    name: t.ClassVar[str]

    def __init__(self, commands: Commands, settings: Settings) -> None:
        self.commands, self.settings = commands, settings
        self.root, self.check = settings.root, settings.check
        self.orders: list[list[str]] = []
        self.warnings: list[str] = []

    def order(self, seconds: int, *argv: str) -> None:
        """Run a command that changes something. Raises HostError with its words."""
        self.orders.append([*argv])
        if self.check:
            return
        rc, out, err = self.commands.run_within(seconds, argv)
        if rc:
            raise HostError(f"{' '.join(argv)}: {err.strip() or out.strip() or f'exit status {rc}'}", cmd=[*argv], rc=rc, stdout=out, stderr=err)

    @abc.abstractmethod
    def found(self, name: str, wanted: Vm | None) -> Found:
        """Return a guest as it is, compared to the one that is wanted."""

    def refreshed(self, vm: Vm) -> Found:
        """Return a guest as it is after changes."""
        return self.found(vm.name, vm)

    @abc.abstractmethod
    def wanted_lines(self, vm: Vm) -> tuple[str, ...]:
        """Return the definition that a guest shall have, in the form of :attr:`Found.lines`."""

    @abc.abstractmethod
    def stop(self, name: str) -> None:
        """Have a guest shut down."""

    @abc.abstractmethod
    def define(self, vms: Sequence[Vm], names_to_remove: Sequence[str]) -> None:
        """Write the definitions of guests, and take others away."""

    @abc.abstractmethod
    def set_autostart(self, vm: Vm) -> None:
        """Have a guest start with the host, or not."""

    @abc.abstractmethod
    def start(self, vm: Vm) -> None:
        """Start a guest."""

    @abc.abstractmethod
    def bind(self, vm: Vm) -> None:
        """Bind the threads of a guest that runs."""

    @abc.abstractmethod
    def details(self, vm: Vm) -> dict[str, t.Any]:
        """Return what only this backend has to say of a guest: its XML, or its command line."""


def check_sockets(vms: Sequence[Vm], root: pathlib.Path, found: t.Mapping[str, Found]) -> None:
    """Raise InputError for a socket that a process serves which is no guest of the task: QEMU would take it away from that one."""
    taken = qemu.used_sockets(root) - frozenset().union(*(one.sockets for one in found.values() if one.running))
    for vm in vms:
        for interface in vm.interfaces if vm.running else ():
            if interface.mode == "client" and interface.socket in taken:
                possible = f"A process that is no guest of this task has {interface.socket} already."
                raise InputError(f"guest {vm.name}", "interfaces.port", interface.name, possible, "Take another port, or end the other guest first.")


class Plan(t.NamedTuple):
    """What is to be done, by name of the guest."""

    stop: list[str]
    define: list[Vm]
    remove: list[str]
    autostart: list[Vm]
    start: list[Vm]
    bind: list[Vm]
    restart_required: list[str]

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return any((self.stop, self.define, self.remove, self.autostart, self.start, self.bind))


def _bound(root: pathlib.Path, vm: Vm, pid: int) -> dict[str, str]:
    """Return the CPUs of the threads of a guest that runs, of those that shall be bound."""
    threads = qemu.vcpu_threads(root, pid)
    vcpus = {str(vcpu): format_cpu_list(threads[vcpu].cpus) for vcpu in range(len(vm.pins)) if vcpu in threads}
    return {**vcpus, **({"emulator": format_cpu_list(qemu.allowed_cpus(root, pid))} if vm.emulator_cpus else {})}


def _to_bind(vm: Vm) -> dict[str, str]:
    """Return the CPUs that threads shall be bound to."""
    return {**format_pins(vm.pins), **({"emulator": format_cpu_list(vm.emulator_cpus)} if vm.emulator_cpus else {})}


def plan(vms: Sequence[Vm], absent: Sequence[str], found: t.Mapping[str, Found], settings: Settings) -> Plan:
    """Return what brings the guests from what was found to what is wanted."""
    result = Plan([], [], [], [], [], [], [])
    result.stop.extend(name for name in absent if found[name].running)
    result.remove.extend(name for name in absent if found[name].defined)
    result.define.extend(vm for vm in vms if not found[vm.name].agrees)
    result.autostart.extend(vm for vm in vms if found[vm.name].autostart != vm.autostart)
    for vm in vms:
        if found[vm.name].running:
            _plan_running(vm, found[vm.name], settings, result)
        elif vm.running:
            result.start.append(vm)
    return result


def _plan_running(vm: Vm, now: Found, settings: Settings, result: Plan) -> None:
    if not vm.running:
        result.stop.append(vm.name)
    elif not now.runs_as_wanted and settings.restart_ok:
        result.stop.append(vm.name)
        result.start.append(vm)
    elif not now.runs_as_wanted:
        result.restart_required.append(f"guest {vm.name} runs with another definition; the one of the task holds when it is started again")
    elif now.pid is not None and _bound(settings.root, vm, now.pid) != _to_bind(vm):
        result.bind.append(vm)


def carry_out(backend: Backend, steps: Plan) -> None:
    """Do what is planned. Raises HostError."""
    for name in steps.stop:
        backend.stop(name)
    if steps.define or steps.remove:
        backend.define(steps.define, steps.remove)
    for vm in steps.autostart:
        backend.set_autostart(vm)
    for vm in steps.bind:
        backend.bind(vm)
    for vm in steps.start:
        backend.start(vm)


def check_memory(vms: Sequence[Vm], facts: HostFacts, found: t.Mapping[str, Found]) -> None:
    """Raise InputError where the pages do not suffice."""
    running = {name: one.held for name, one in found.items() if one.running and one.held}
    held: dict[tuple[int, int | None], int] = {}
    for size, node, pages in running.values():
        held[size, node] = held.get((size, node), 0) + pages
    vm_checks.check_memory(vms, facts, held)


_ABSENT = {"state": "absent"}


def _view(running: bool, autostart: bool, lines: Sequence[str], cpus: dict[str, str]) -> dict[str, t.Any]:
    return {"state": "running" if running else "stopped", "autostart": autostart, **({"cpus": cpus} if cpus else {}), "definition": list(lines)}


def views(backend: Backend, vms: Sequence[Vm], absent: Sequence[str], found: t.Mapping[str, Found]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return the guests before and after, for a diff; of those that run, the CPUs of their threads too."""
    before: dict[str, t.Any] = {f"guest {name}": _ABSENT for name in absent}
    after: dict[str, t.Any] = dict(before)
    for vm in vms:
        now = found[vm.name]
        cpus = _bound(backend.root, vm, now.pid) if now.pid is not None and now.running else {}
        before[f"guest {vm.name}"] = _view(now.running, now.autostart, now.lines, cpus) if now.defined else _ABSENT
        after[f"guest {vm.name}"] = _view(vm.running, vm.autostart, backend.wanted_lines(vm), _to_bind(vm) if vm.running else {})
    for name in absent:
        if found[name].defined:
            before[f"guest {name}"] = _view(found[name].running, found[name].autostart, found[name].lines, {})
    return before, after


def results(backend: Backend, vms: Sequence[Vm], absent: Sequence[str], after: t.Mapping[str, Found]) -> Iterator[dict[str, t.Any]]:
    """Yield each guest as it now is, in check mode as it would be."""
    for vm in vms:
        pid = after[vm.name].pid if vm.running else None
        threads = qemu.vcpu_threads(backend.root, pid) if pid else {}
        management = vm.management
        yield {
            "name": vm.name,
            "state": "running" if vm.running else "stopped",
            "backend": backend.name,
            "emulated": not vm.kvm,
            "autostart": vm.autostart,
            "pid": pid,
            "node": vm.node,
            "vcpus": {str(vcpu): {"thread": one.id, "cpus": format_cpu_list(one.cpus)} for vcpu, one in threads.items()},
            "interfaces": [
                {"port": one.name, "socket": one.socket, "port_mode": one.mode, "mac": one.mac, "queues": one.queues, "mrg_rxbuf": one.mrg_rxbuf}
                for one in vm.interfaces
            ],
            "management": {key: value for key, value in management._asdict().items() if value not in (None, "")} if management else None,
            **backend.details(vm),
        }
    for name in absent:
        yield {"name": name, "state": "absent", "backend": backend.name}
