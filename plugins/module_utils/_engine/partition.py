# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An isolated cpuset partition of cgroup v2 for PMD threads, kept over boots by units of systemd (private to this collection).

The partition is a slice below the root of cgroup v2, so that it is one on every kernel that has isolated partitions (a parent that is no
partition will do since Linux 6.7 only). Only what runs in a partition may use its CPUs: ovs-vswitchd runs in the slice, and its threads other
than PMD threads, which the scheduler does not move about there, have CPUs of their own in it.

Sources: Linux, Documentation/admin-guide/cgroup-v2.rst (cpuset.cpus.partition); systemd.slice(5), systemd.resource-control(5) (AllowedCPUs),
systemd.exec(5) (CPUAffinity, StandardInputText); guide 3.5 and 4.1.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.files import FileChange, read_file, replace
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_partitions
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, read_cpu_list, read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet, format_cpu_list, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import Partition

SLICE = "ovs_dpdk.slice"
UNIT = "ovs_dpdk-partition.service"

_UNITS = "etc/systemd/system"
_DROP_IN = "nfv.ovs_dpdk-partition.conf"
_GROUP = f"sys/fs/cgroup/{SLICE}"
_TIMEOUT = 90  # systemd's own for a unit that starts

_HEAD = "# Written by the module nfv.ovs_dpdk.cpu_partition, which replaces it.\n"


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the units say: CPUs for PMD threads and guests, CPUs for the other threads of the services, and the services."""

    cpus: CpuSet = frozenset()
    service_cpus: CpuSet = frozenset()
    services: tuple[str, ...] = ()

    @property
    def all_cpus(self) -> CpuSet:
        """The CPUs of the partition."""
        return self.cpus | self.service_cpus

    def as_result(self) -> dict[str, t.Any]:
        """Return it as JSON values."""
        return {"cpus": format_cpu_list(self.cpus), "service_cpus": format_cpu_list(self.service_cpus), "services": list(self.services)}


def _texts(wanted: Setting, tee: str) -> dict[str, str]:
    """Return the files below the folder of systemd's units; none for a partition without CPUs."""
    if not wanted.all_cpus:
        return {}
    services = " ".join(wanted.services)
    texts = {
        SLICE: f"{_HEAD}[Unit]\nDescription=CPUs of Open vSwitch with DPDK\n\n[Slice]\nAllowedCPUs={format_cpu_list(wanted.all_cpus)}\n",
        # No default dependencies: the switch may have to run before sysinit.target does. No shell: what is written comes on standard input.
        UNIT: (
            f"{_HEAD}[Unit]\nDescription=Isolate the CPUs of Open vSwitch with DPDK\nDefaultDependencies=no\n"
            f"Requires={SLICE}\nAfter={SLICE}\nBefore={services} shutdown.target\nConflicts=shutdown.target\n\n"
            "[Service]\nType=oneshot\nRemainAfterExit=yes\nStandardInput=data\nStandardInputText=isolated\nStandardOutput=null\n"
            f"ExecStart={tee} /{_GROUP}/cpuset.cpus.partition\n"
        ),
    }
    # The first CPUAffinity clears what other files say. Wants, not Requires: the switch also runs where the kernel refuses the partition.
    drop_in = f"{_HEAD}[Unit]\nWants={UNIT}\nAfter={UNIT}\n\n[Service]\nSlice={SLICE}\nCPUAffinity=\nCPUAffinity={format_cpu_list(wanted.service_cpus)}\n"
    return {**texts, **{f"{service}.d/{_DROP_IN}": drop_in for service in wanted.services}}


def _drop_ins(root: pathlib.Path) -> dict[str, str]:
    """Return the text of our file for each service that has one."""
    folders = [entry for entry in entries(root / _UNITS) if entry.name.endswith(".service.d")]
    texts = ((folder.name[: -len(".d")], read_file(folder / _DROP_IN)) for folder in folders)
    return {service: text for service, text in texts if text is not None}


def _listed(text: str | None, key: str) -> CpuSet:
    found = re.findall(rf"^{key}=(.+)$", text or "", re.MULTILINE)
    try:
        return parse_cpu_list(found[-1]) if found else frozenset()
    except ValueError:  # somebody wrote there
        return frozenset()


def read_setting(root: pathlib.Path) -> Setting:
    """Return what the units say now."""
    drop_ins = _drop_ins(root)
    service_cpus = frozenset[int]().union(*(_listed(text, "CPUAffinity") for text in drop_ins.values()))
    allowed = _listed(read_file(root / _UNITS / SLICE), "AllowedCPUs")
    return Setting(allowed - service_cpus, service_cpus, tuple(sorted(drop_ins)))


def _file_changes(root: pathlib.Path, wanted: Setting, tee: str) -> tuple[FileChange, ...]:
    texts = _texts(wanted, tee)
    places = sorted({SLICE, UNIT, *texts, *(f"{service}.d/{_DROP_IN}" for service in _drop_ins(root))})
    changes = (FileChange(root / _UNITS / place, read_file(root / _UNITS / place), texts.get(place)) for place in places)
    return tuple(change for change in changes if change.differs)


@dataclasses.dataclass(frozen=True)
class Service:
    """A service as systemd knows it now."""

    name: str
    running: bool
    in_slice: bool
    cpus: CpuSet
    """CPUs that its main thread may use; empty for one that does not run."""

    def as_result(self) -> dict[str, t.Any]:
        """Return it as JSON values."""
        return {"name": self.name, "running": self.running, "in_partition": self.in_slice, "cpus": format_cpu_list(self.cpus)}


def read_partition(root: pathlib.Path) -> Partition | None:
    """Return the partition as the kernel has it; None where there is none."""
    return next((partition for partition in read_partitions(root) if partition.path == f"/{SLICE}"), None)


class Systemd:
    """The questions and orders to systemd; orders are left out in check mode, and all are in ``orders``."""

    def __init__(self, commands: Commands, root: pathlib.Path, *, check: bool) -> None:
        found = {name: commands.find(name) for name in ("systemctl", "tee")}
        lacking = [name for name, path in found.items() if path is None]
        if lacking:
            raise HostError(f"A partition is not possible: this host has no {lacking[0]}, and it is kept by units of systemd.")
        self.commands, self.root, self.check = commands, root, check
        self.systemctl, self.tee = str(found["systemctl"]), str(found["tee"])
        self.orders: list[list[str]] = []

    def _ask(self, units: Iterable[str]) -> Iterator[dict[str, str]]:
        """Yield the properties of each unit, in order; of units that systemd does not know too."""
        argv = [self.systemctl, "show", "--property=Id,ActiveState,ControlGroup,MainPID", "--", *units]
        rc, out, err = self.commands.run_within(_TIMEOUT, argv)
        if rc:
            raise HostError(f"systemd does not answer: {err.strip() or out.strip()}", cmd=argv, rc=rc, stdout=out, stderr=err)
        for block in out.strip().split("\n\n"):
            yield dict(line.partition("=")[::2] for line in block.splitlines())

    def services(self, names: Iterable[str]) -> tuple[Service, ...]:
        """Return the state of services."""
        names = list(names)
        return tuple(self._service(name, known) for name, known in zip(names, self._ask(names) if names else ()))

    def _service(self, name: str, known: dict[str, str]) -> Service:
        running = known.get("ActiveState") not in {None, "inactive", "failed"}
        in_slice = known.get("ControlGroup", "").startswith(f"/{SLICE}/")
        return Service(name, running, in_slice, _allowed(self.root, known.get("MainPID", "0")))

    def state(self, unit: str) -> str:
        """Return active, inactive or failed; inactive for a unit that systemd does not know."""
        return next(self._ask([unit])).get("ActiveState", "inactive")

    def order(self, *words: str) -> None:
        """Give an order. Raises HostError."""
        argv = [self.systemctl, *words]
        self.orders.append(argv)
        if self.check:
            return
        rc, out, err = self.commands.run_within(_TIMEOUT, argv)
        if rc:
            raise HostError(f"{' '.join(argv)}: {err.strip() or out.strip()}", cmd=argv, rc=rc, stdout=out, stderr=err)


def _holds(root: pathlib.Path, wanted: Setting) -> bool:
    """Tell whether the kernel has the partition as it is wanted."""
    found = read_partition(root)
    return found is not None and found.state == "isolated" and found.cpus == wanted.all_cpus


def _why_not(root: pathlib.Path, wanted: Setting) -> str:
    """Return the kernel's words for a partition that does not hold."""
    asked = f"CPUs {format_cpu_list(wanted.all_cpus)} are no isolated partition"
    advice = (
        "Isolated partitions need cgroup v2 and Linux 6.1 or newer; their CPUs may be neither in cpuset.cpus (AllowedCPUs) of another slice, "
        "nor all that are left. CPUs that were isolated at boot may be mixed with others on some kernels only."
    )
    state = read_text(root / _GROUP / "cpuset.cpus.partition")
    if state is None:
        return f"{asked}: there is no /{_GROUP}/cpuset.cpus.partition. {advice}"
    effective = format_cpu_list(read_cpu_list(root / _GROUP / "cpuset.cpus.effective"))
    return f"{asked}: the kernel says {state!r}, with CPUs {effective or 'none'}. {advice}"


def _reasons(services: Iterable[Service], wanted: Setting) -> list[str]:
    """Return why services have to be restarted."""
    found = []
    for service in (one for one in services if one.running):
        if wanted.all_cpus and not service.in_slice:
            found.append(f"{service.name} runs outside of {SLICE}: the CPUs are isolated as soon as it is restarted")
        elif wanted.all_cpus and not service.cpus <= wanted.service_cpus:
            cpus = f"{format_cpu_list(service.cpus)}, not {format_cpu_list(wanted.service_cpus)}"
            found.append(f"threads of {service.name} other than PMD threads have CPUs {cpus} (its own options may say so, such as dpdk-lcore-mask)")
        elif not wanted.all_cpus and service.in_slice:
            found.append(f"{service.name} runs in {SLICE} until it is restarted")
    return found


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run did, or would do."""

    changed: bool
    before: dict[str, t.Any]
    after: dict[str, t.Any]
    partition: Partition | None
    services: tuple[Service, ...]
    restart_required: tuple[str, ...]


def _pids(group: pathlib.Path) -> Iterator[str]:
    """Yield the processes of a cgroup and of those below it."""
    yield from (read_text(group / "cgroup.procs") or "").split()
    for below in entries(group):
        if below.is_dir():
            yield from _pids(below)


def _allowed(root: pathlib.Path, thread: str) -> CpuSet:
    """Return the CPUs that a thread may use; none for one that has ended."""
    match = re.search(r"^Cpus_allowed_list:\s*(\S+)", read_text(root / "proc" / thread / "status") or "", re.MULTILINE)
    return parse_cpu_list(match[1]) if match else frozenset()


def _threads(root: pathlib.Path) -> dict[str, CpuSet]:
    """Return the CPUs of every thread that runs in the slice."""
    tasks = (task.name for pid in _pids(root / _GROUP) for task in entries(root / "proc" / pid / "task"))
    return {task: _allowed(root, task) for task in tasks}


def set_affinity(thread: int, cpus: CpuSet) -> None:
    """Have a thread run on these CPUs."""
    os.sched_setaffinity(thread, cpus)


def _pin_again(root: pathlib.Path, threads: dict[str, CpuSet], old: Setting, wanted: Setting) -> None:
    """Have the threads in the slice on the CPUs that they had, in as far as these are left; those that are no PMD threads on service_cpus.

    Kernels before 6.2 let every thread run on all CPUs of its cpuset whenever these change.
    """
    for thread, before in threads.items():
        moves = wanted.service_cpus and before == old.service_cpus
        cpus = wanted.service_cpus if moves else before & wanted.all_cpus if wanted.all_cpus else before
        if cpus and cpus != _allowed(root, thread):
            with contextlib.suppress(OSError):  # it has ended, or may not be bound (a thread of the kernel)
                set_affinity(int(thread), cpus)


def check_host(root: pathlib.Path) -> None:
    """Raise HostError for a host that cannot have partitions."""
    controllers = (read_text(root / "sys/fs/cgroup/cgroup.controllers") or "").split()
    if "cpuset" not in controllers:
        raise HostError(
            "A partition is not possible: this host does not have the cpuset controller of cgroup v2 (no cpuset in /sys/fs/cgroup/cgroup.controllers). "
            "Boot with systemd.unified_cgroup_hierarchy=1, or use isolcpus; in a container do this on its host."
        )


def _shown(setting: Setting, state: str | None, *, waits: bool = False) -> dict[str, t.Any]:
    """Return a setting for the diff; *waits*: a service has to be restarted first."""
    return {**setting.as_result(), "state": state or ("waits for a restart" if waits else "none")} if setting.all_cpus or state else {}


def set_up(root: pathlib.Path, systemd: Systemd, wanted: Setting) -> Outcome:
    """Have the partition. Raises HostError with the kernel's reason; then all is as it was."""
    check_host(root)
    old, old_partition = read_setting(root), read_partition(root)
    changes = _file_changes(root, wanted, systemd.tee)
    services = systemd.services(wanted.services)
    # isolated now, their CPUs would be taken from under their PMD threads: their restart begins the partition, by the drop-in
    outside = [service for service in services if service.running and not service.in_slice]
    starts = not outside and (bool(changes) or not _holds(root, wanted))
    active = bool(changes) and not systemd.check and systemd.state(UNIT) == "active"
    threads = _threads(root)
    try:
        _write(changes, systemd)
        if starts:
            _begin(root, systemd, wanted)
            if not systemd.check:
                _pin_again(root, threads, old, wanted)
    except HostError as error:
        if changes and not systemd.check:
            came_of_it = "The units are as they were before."
            try:
                _take_back(root, changes, systemd, active=active)
                _pin_again(root, threads, old, old)
            except HostError as second:
                came_of_it = f"Not everything could be put back: {second} A task with state: absent removes what is left."
            raise HostError(f"{error} {came_of_it}", **error.details) from error
        raise
    partition = read_partition(root)
    if starts and systemd.check:
        # what is in the slice gets the CPUs of its threads by then
        services = tuple(dataclasses.replace(one, cpus=wanted.service_cpus) if one.in_slice and one.cpus == old.service_cpus else one for one in services)
    elif starts:
        services = systemd.services(wanted.services)
    if systemd.check and starts:
        state: str | None = "isolated"
    else:
        state = partition.state if partition else None
    before = _shown(old, old_partition.state if old_partition else None, waits=bool(outside))
    after = _shown(wanted, state, waits=bool(outside))
    return Outcome(bool(changes) or starts, before, after, partition, services, tuple(_reasons(services, wanted)))


def _make_member(root: pathlib.Path) -> None:
    """Have the slice be no partition. Raises HostError."""
    try:
        (root / _GROUP / "cpuset.cpus.partition").write_text("member\n", encoding="ascii")
    except OSError as error:
        raise HostError(f"/{_GROUP}/cpuset.cpus.partition: the kernel refused 'member': {error.strerror}.") from error


def _restart(root: pathlib.Path, systemd: Systemd) -> None:
    """Isolate the slice, from where it is. A partition that is invalid stays so (Linux 6.1) until it was none."""
    if "invalid" in (read_text(root / _GROUP / "cpuset.cpus.partition") or "") and not systemd.check:
        _make_member(root)
    systemd.order("restart", UNIT)


def _begin(root: pathlib.Path, systemd: Systemd, wanted: Setting) -> None:
    """Start the partition and see that the kernel has it. Raises HostError with the kernel's reason."""
    _restart(root, systemd)
    if not systemd.check and not _holds(root, wanted):
        raise HostError(_why_not(root, wanted))


def _write(changes: Iterable[FileChange], systemd: Systemd) -> None:
    changes = list(changes)
    for change in changes if not systemd.check else ():
        replace(change)
        if change.after is None and not entries(change.path.parent):
            change.path.parent.rmdir()  # the folder of a drop-in
    if changes:
        systemd.order("daemon-reload")


def _is_empty(root: pathlib.Path) -> bool:
    """Tell whether nothing runs in the slice."""
    return "populated 1" not in (read_text(root / _GROUP / "cgroup.events") or "")


def _end(root: pathlib.Path, systemd: Systemd) -> bool:
    """End the partition and, where nothing runs in it, the slice; tell whether there was anything to end."""
    ends = read_text(root / _GROUP / "cpuset.cpus.partition") not in {None, "member"}
    if ends and not systemd.check:
        _make_member(root)
    units = [UNIT] if systemd.state(UNIT) == "active" else []
    if (root / _GROUP).is_dir() and _is_empty(root):
        units.append(SLICE)
    if units:
        systemd.order("stop", *units)
    return ends or bool(units)


def _take_back(root: pathlib.Path, changes: Iterable[FileChange], systemd: Systemd, *, active: bool) -> None:
    """Undo what a run did before the kernel refused; while the units are still there, since systemd stops only what it knows."""
    if not active:
        _end(root, systemd)
        if systemd.state(UNIT) == "failed":
            systemd.order("reset-failed", UNIT)
    _write([change.back() for change in changes], systemd)
    if active:
        _restart(root, systemd)


def take_away(root: pathlib.Path, systemd: Systemd) -> Outcome:
    """Have no partition: the CPUs are everybody's at once, and services leave the slice with their restart. Raises HostError."""
    old, old_partition = read_setting(root), read_partition(root)
    changes = _file_changes(root, Setting(), systemd.tee)
    services = systemd.services(old.services or ("ovs-vswitchd.service",))
    threads = _threads(root)
    ended = _end(root, systemd)
    _write(changes, systemd)
    if not systemd.check:
        _pin_again(root, threads, old, Setting())
    before = _shown(old, old_partition.state if old_partition else None)
    left = None if systemd.check else read_partition(root)
    return Outcome(bool(changes) or ended, before, {}, left, services, tuple(_reasons(services, Setting())))
