# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, apply, prove: the one way in which every OVS module of this collection works (private to it).

A module hands in a :class:`Decision`; :func:`main` does the rest and ends the task.
"""

from __future__ import annotations

import abc
import contextlib
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.target import OWNER_KEY, assume_parents, target_of
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vsctl import NotAppliedError, TransactionError, Vsctl
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantPort
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.log import DaemonLog
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, OvsDpdkError

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Want

# Options of every OVS module; the documentation of them is the fragment nfv.ovs_dpdk.switch.
SWITCH_OPTIONS: dict[str, dict[str, t.Any]] = {
    "database": {"type": "str"},
    "rundir": {"type": "path", "default": "/var/run/openvswitch"},
    "log_file": {"type": "path", "default": "/var/log/openvswitch/ovs-vswitchd.log"},
    "timeout": {"type": "int", "default": 30},
}
WRITE_OPTIONS: dict[str, dict[str, t.Any]] = {**SWITCH_OPTIONS, "wait": {"type": "bool", "default": True}}

# Another writer can be between our read and our write at most this often before the task gives up.
_ATTEMPTS = 3
_POLL_SECONDS = 0.2


class Evidence(t.NamedTuple):
    """What there is to prove an effect with: the database as read last, and the daemon to ask."""

    snapshot: Snapshot
    wants: Sequence[Want]
    daemon: Daemon
    changed: bool
    log: DaemonLog

    def refusal(self, problems: Sequence[str]) -> HostError:
        """Return the error that says what the switch did not do, with what it logged meanwhile. Raised in :meth:`Decision.prove`, it ends the waiting."""
        log = self.log.problems()
        words = f" ovs-vswitchd logged: {' / '.join(log[-5:]).rstrip('.')}." if log else ""
        return HostError(f"the switch did not do it: {'; '.join(problem.rstrip('.') for problem in problems)}.{words}", problems=list(problems), log=log)


class HostChange(t.NamedTuple):
    """What a task changes on the host beside the database, such as a directory: parts of the diff, how to do it, and how to undo it."""

    before: Mapping[str, t.Any]
    after: Mapping[str, t.Any]
    apply: t.Callable[[], None]
    undo: t.Callable[[], None]


class Decision(abc.ABC):
    """What a module decides. Everything but :meth:`prove` is pure."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.params: dict[str, t.Any] = module.params
        self.warnings: list[str] = []

    @abc.abstractmethod
    def wants(self, snapshot: Snapshot) -> Sequence[Want]:
        """Return what shall be there, given what is. Raises InputError for what cannot be."""

    @abc.abstractmethod
    def view(self, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return the managed part of a snapshot as a person would write it; for the diff, before and after."""

    def host_change(self, snapshot: Snapshot) -> HostChange | None:
        """Return what the task has to do on the host before it writes the database, or None. Raises InputError or HostError."""
        del snapshot
        return None

    def results(self, before: Snapshot, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return the results of the module beyond changed, diff, commands and warnings; no *evidence* in check mode or without waiting."""
        del before, after, evidence
        return {}

    def prove(self, evidence: Evidence) -> list[str]:
        """Return what the switch did not do of what was wanted; an empty list when it did all. Called again until the timeout.

        Raises :meth:`Evidence.refusal` where waiting cannot help.
        """
        del evidence
        return []


def _transactions(current: Snapshot, target: Snapshot) -> list[list[list[str]]]:
    """Return the commands of each transaction from one snapshot to the other; none where they are equal, as in most tasks."""
    if current == target:
        return []
    # Ansible compiles what a module imports each time that it runs: only where it is needed
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.delta import transactions_between  # noqa: PLC0415

    return transactions_between(current, target)


def _port_errors(evidence: Evidence) -> tuple[list[str], list[str]]:
    """Return of the ports of the task those that the switch could not set up, in its own words, and those that it did not set up (yet)."""
    errors, missing = [], []
    for want in evidence.wants:
        if not isinstance(want, WantPort) or not want.present or want.name not in evidence.snapshot.ports:
            continue
        for name in evidence.snapshot.ports[want.name].interfaces:
            interface = evidence.snapshot.interfaces[name]
            if interface.error:
                errors.append(f"port {name}: {interface.error}")
            elif interface.ofport is None or interface.ofport < 0:
                missing.append(f"port {name}: it got no OpenFlow port number")
    return errors, missing


class Task:
    """One run of a decision against one switch."""

    def __init__(self, module: AnsibleModule, decision: Decision) -> None:
        params = module.params
        self.module = module
        self.decision = decision
        self.wait: bool = params["wait"]
        self.timeout: int = params["timeout"]
        self.vsctl = Vsctl(module, params["database"] or f"unix:{params['rundir']}/db.sock", self.timeout)
        self.daemon = Daemon(params["rundir"], self.timeout)
        self.log = DaemonLog(params["log_file"])

    def run(self) -> dict[str, t.Any]:
        """Return the results of the task; raises OvsDpdkError, with the database and the host as they were before."""
        before, wants, target, transactions = self.plan()
        host = self.decision.host_change(before)
        evidence = None
        if not self.module.check_mode:
            with _applied(host):
                if transactions:
                    before, wants, target, transactions, evidence = self.apply(before, wants, target, transactions)
                elif self.wait:
                    evidence = self.proven(before, wants, changed=False)
        after = evidence.snapshot if evidence else target
        parts = [host.before, host.after] if host else [{}, {}]
        views = [{**self.decision.view(snapshot), **part} for snapshot, part in zip((before, target), parts)] if transactions or host else [{}, {}]
        return {
            "changed": bool(transactions) or parts[0] != parts[1],
            "commands": [self.vsctl.transaction(commands, wait=self.wait) for commands in transactions],
            "diff": _differing(*views),
            **self.decision.results(before, after, evidence),
        }

    def read(self) -> Snapshot:
        if self.module.check_mode and self.vsctl.path is None:
            self.decision.warnings.append("Open vSwitch is not on this host; check mode plans against an empty switch, as an earlier task installs it")
            return Snapshot()
        if self.wait:
            self.daemon.ask("version")  # a daemon that is down or hangs is found before anything is written
        return self.vsctl.read()

    def plan(self) -> tuple[Snapshot, Sequence[Want], Snapshot, list[list[list[str]]]]:
        """Return what is there, what is wanted, what shall be there, and the commands of each transaction."""
        before = self.read()
        wants = self.decision.wants(before)
        if self.module.check_mode:
            before, warnings = assume_parents(before, wants)
            self.decision.warnings.extend(warnings)
        target = target_of(before, wants)
        return before, wants, target, _transactions(before, target)

    def apply(
        self, before: Snapshot, wants: Sequence[Want], target: Snapshot, transactions: list[list[list[str]]]
    ) -> tuple[Snapshot, Sequence[Want], Snapshot, list[list[list[str]]], Evidence | None]:
        """Write, and prove the effect. Where somebody else wrote in between, plan again from what is there now."""
        for attempt in range(1, _ATTEMPTS + 1):
            written = False
            try:
                for commands in transactions:
                    self.vsctl.write(self.vsctl.transaction(commands, wait=self.wait))
                    written = True
                break
            except TransactionError as error:
                if written:
                    self.take_back(before, target, error)
                again = self.plan()
                if attempt == _ATTEMPTS or again[3] == transactions:
                    raise
                before, wants, target, transactions = again
                if not transactions:
                    break
            except NotAppliedError as error:
                raise self.take_back(before, target, self.silence(error)) from error
        evidence = None
        if self.wait:
            try:
                evidence = self.proven(before, wants, changed=True)
            except OvsDpdkError as error:
                raise self.take_back(before, target, error) from error
        return before, wants, target, transactions, evidence

    def silence(self, error: NotAppliedError) -> HostError:
        """Return *error* with what has become of ovs-vswitchd, and what it logged: it may have ended over the change, as with dpdk-init=true."""
        log = self.log.problems()
        words = f" ovs-vswitchd logged: {' / '.join(log[-5:])}." if log else ""
        try:
            Daemon(self.module.params["rundir"], 1).ask("version")
            why = str(error)
        except HostError as now:
            why = f"ovs-vswitchd did not take up the change. Now: {now}"
        return HostError(f"{why}{words}", **{**error.details, "log": log})

    def proven(self, before: Snapshot, wants: Sequence[Want], *, changed: bool) -> Evidence:
        """Return the evidence that the switch does what is wanted. Raises HostError with what it does not do, after the timeout.

        An unchanged task is proven with the snapshot that it has read already, and read again only where that shows a problem.
        """
        deadline = time.monotonic() + self.timeout
        snapshot = self.vsctl.read() if changed else before
        while True:
            evidence = Evidence(snapshot, wants, self.daemon, changed, self.log)
            final, missing = _port_errors(evidence)
            if changed:  # then ovs-vswitchd has said that it took up all of it
                final += missing
            for commands in _transactions(snapshot, target_of(snapshot, wants)) if changed else ():
                final.append(f"somebody else changed the database meanwhile; still to do: {'; '.join(' '.join(command) for command in commands)}")
            problems = final or missing or self.decision.prove(evidence)
            if not problems:
                return evidence
            if final or time.monotonic() > deadline:
                raise evidence.refusal(problems)
            time.sleep(_POLL_SECONDS)
            snapshot = self.vsctl.read()

    def take_back(self, before: Snapshot, target: Snapshot, error: OvsDpdkError) -> HostError:
        """Bring what the task changed back to what it was; what others changed meanwhile stays. Return *error* with what became of it."""
        try:
            now = self.vsctl.read()
            *first, last = _transactions(now, _only_between(before, target, now)) or [[]]
            for commands in first:
                with contextlib.suppress(NotAppliedError):
                    self.vsctl.write(self.vsctl.transaction(commands, wait=self.wait))
            if last:
                self.vsctl.write(self.vsctl.transaction(last, wait=False))
        except HostError as second:
            return HostError(f"{error} What the task changed could not be taken back: {second}", **error.details)
        return HostError(f"{error} What the task changed was taken back.", **error.details)


def _differing(before: dict[str, t.Any], after: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Return the diff of two views: the objects that differ, since one of 256 ports is easier to read alone."""
    same = {key for key, value in before.items() if key in after and after[key] == value}
    return {name: {key: value for key, value in view.items() if key not in same} for name, view in (("before", before), ("after", after))}


@contextlib.contextmanager
def _applied(host: HostChange | None) -> t.Iterator[None]:
    """Have the change of the host done, and undone where what follows fails."""
    if host is None or host.before == host.after:
        yield
        return
    try:
        host.apply()
        yield
    except BaseException:
        host.undo()
        raise


def _only_between(before: Snapshot, target: Snapshot, now: Snapshot) -> Snapshot:
    """Return *now* with what differs between *before* and *target* as it was before, column by column and key by key.

    A row of QoS that the task made has another key in *now*: it bears the mark of this collection, is new, and no port has it any more.
    """
    parts: dict[str, dict[str, t.Any]] = {}
    for table in ("bridges", "ports", "interfaces", "qos", "queues"):
        old, wanted, current = getattr(before, table), getattr(target, table), dict(getattr(now, table))
        for key in {*old, *wanted}:
            if key not in old:
                current.pop(key, None)
            elif key not in wanted:
                current.setdefault(key, old[key])
            elif key in current:
                current[key] = _undone(old[key], wanted[key], current[key])
        parts[table] = current
    used = {port.qos for port in parts["ports"].values()}
    made = {key for key, row in now.qos.items() if key not in {*before.qos, *used} and OWNER_KEY in row.external_ids}
    parts["qos"] = {key: row for key, row in parts["qos"].items() if key not in made}
    changed = made | {key for key in now.qos if before.qos.get(key) != target.qos.get(key)}
    left = {key for row in parts["qos"].values() for key in row.queues.values()}
    made_queues = {key for row in changed for key in now.qos[row].queues.values() if key not in {*before.queues, *left}}
    parts["queues"] = {key: row for key, row in parts["queues"].items() if key not in made_queues}
    return now._replace(switch=_undone(before.switch, target.switch, now.switch), **parts)


def _undone(old: t.Any, wanted: t.Any, now: t.Any) -> t.Any:
    """Return the row *now* with the columns and keys in which *old* and *wanted* differ as *old* has them."""
    changes: dict[str, t.Any] = {}
    for column, before, after in zip(old._fields, old, wanted):
        if before == after:
            continue
        if isinstance(before, dict):
            kept = {key: value for key, value in getattr(now, column).items() if before.get(key) == after.get(key)}
            changes[column] = {**kept, **{key: value for key, value in before.items() if value != after.get(key)}}
        else:
            changes[column] = before
    return now._replace(**changes)


def main(decision_of: t.Callable[[AnsibleModule], Decision], argument_spec: dict[str, dict[str, t.Any]], **checks: t.Any) -> None:
    """Run a module: its options (besides :data:`WRITE_OPTIONS`), and the checks that AnsibleModule does on them."""

    def run(module: AnsibleModule) -> dict[str, t.Any]:
        decision = decision_of(module)
        try:
            return Task(module, decision).run()
        finally:
            for warning in dict.fromkeys(decision.warnings):
                module.warn(warning)

    run_module(run, {**argument_spec, **WRITE_OPTIONS}, **checks)
