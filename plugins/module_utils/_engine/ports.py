# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two port modules have in common: one port or many, options to rows, and the proof (private to this collection)."""

from __future__ import annotations

import abc
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import policer, policing
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Decision
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantInterface, WantPort
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import DatapathPort, RxQueue, parse_dpif_show, parse_rx_queues
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import cpus, names, releases
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Evidence
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Want
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface, Port, Snapshot

Given = t.Dict[str, t.Any]  # noqa: UP006 - evaluated at run time on Python 3.9

# What stands here is there when ovs-vsctl ends, or never: the datapath is reconfigured before the daemon reports the configuration as
# taken up, and the columns that the daemon writes follow in its next round.
_SETTLE_SECONDS = 3.0

_MAX_VLAN = 4095

# Options of both modules, and the key of the registry that each one sets
COMMON_KEYS = {"rxq_affinity": "pmd-rxq-affinity", "emc_enable": "emc-enable", "tx_steering": "tx-steering"}


class Asked(t.NamedTuple):
    """What of an interface can be proven: None where the task does not ask for it."""

    n_rxq: int | None = None
    n_rxq_desc: int | None = None
    n_txq_desc: int | None = None
    mtu: int | None = None
    affinity: t.Mapping[int, int] = {}


def entries(params: Given, own: Sequence[str], shared: Sequence[str]) -> list[Given]:
    """Return the ports of a task: the one of its options, or those of ``ports``, for which the options in *shared* are defaults."""
    if params["ports"] is None:
        return [{key: params[key] for key in (*own, *shared)}]
    return [{**{key: item[key] for key in own}, **{key: params[key] if item[key] is None else item[key] for key in shared}} for item in params["ports"]]


def parsed(subject: str, option: str, known: releases.InterfaceOption, given: t.Any) -> releases.Value | None:
    """Return the value of an option, or None for an empty one, which clears. Raises InputError."""
    if given in ("", {}, []):
        return None
    if isinstance(given, dict):
        given = [f"{key}:{value}" for key, value in given.items()]
    try:
        return releases.parse(known, given)
    except ValueError as error:
        words = str(error)
        raise InputError(subject, option, given, f"{words[:1].upper()}{words[1:]}.", "Correct it.") from None


def parsed_mtu(subject: str, given: str) -> int | None:
    """Return an MTU, or None for an empty one."""
    if given == "":
        return None
    if not given.isdigit() or not releases.MIN_MTU <= int(given) <= releases.MAX_MTU:
        possible = f"The MTU of a DPDK port is {releases.MIN_MTU} to {releases.MAX_MTU} bytes, without the Ethernet header."
        raise InputError(subject, "mtu", given, possible, "Give one that the device can, too.")
    return int(given)


def parsed_tag(name: str, given: str) -> int | None:
    """Return a VLAN, or None for an empty one."""
    if given == "":
        return None
    if not given.isdigit() or int(given) > _MAX_VLAN:
        raise InputError(f"port {name}", "tag", given, f"A VLAN is 0 to {_MAX_VLAN}.", "Correct it.")
    return int(given)


class PortsDecision(Decision):
    """The ports of a task. A module says what they are called, of which types they are, and what their rows hold."""

    # Types that the module makes, changes and removes, and the module for the others
    types: t.ClassVar[tuple[str, ...]]
    other_module: t.ClassVar[str]
    # Its options of interfaces, and the key of the registry that each one sets
    keys: t.ClassVar[dict[str, str]]

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(module)
        self.given = self.all_given()
        self.release: releases.Release = releases.NEWEST
        self.asked: dict[str, Asked] = {}
        self.polices = False
        self._notes: dict[str, list[str]] = {}
        self._proving_since: float | None = None
        names.check_names_unique(name for given in self.given for name in (given["name"], *self.member_names(given)))

    @abc.abstractmethod
    def all_given(self) -> list[Given]:
        """Return the ports of the task, with their own options."""

    def member_names(self, given: Given) -> list[str]:
        """Return the names of the members of a bond."""
        del given
        return []

    @abc.abstractmethod
    def want(self, given: Given, snapshot: Snapshot) -> WantPort:
        """Return the want for one port that shall be there. Raises InputError."""

    def check_absent(self, given: Given) -> None:
        """Check what is given for a port that shall not be there. Raises InputError."""

    # --- before anything is touched ---

    def note(self, message: str, name: str) -> None:
        """Warn of one port; the same words for many ports become one warning."""
        self._notes.setdefault(message, []).append(name)

    def refuse(self, subject: str, option: str, value: t.Any, possible: str, advice: str) -> None:
        """Raise InputError; in check mode, where an earlier task may have changed what is in the way, warn."""
        if not self.module.check_mode:
            raise InputError(subject, option, value, possible, advice)
        self.warnings.append(f"{subject}: {option}={value!r} would be refused unless an earlier task changes this: {possible}")

    def wants(self, snapshot: Snapshot) -> list[Want]:
        """Return one want for each port, and gather the warnings."""
        self.release = releases.parse_version(snapshot.switch.ovs_version) if snapshot.switch.ovs_version else releases.NEWEST
        self.asked = {}
        self._notes = {}
        wants: list[Want] = []
        for given in self.given:
            self.check_kind(given, snapshot)
            if given["state"] == "absent":
                self.check_absent(given)
                self.check_elsewhere(given, snapshot)
                wants.append(WantPort(given["name"], bridge=given["bridge"], present=False))
            else:
                self.check_datapath(given, snapshot)
                wants.append(self.policed(self.want(given, snapshot), given, snapshot))
        for message, concerned in self._notes.items():
            self.warnings.append(f"port {names.listed(concerned)}: {message}")
        return wants

    def policed(self, want: WantPort, given: Given, snapshot: Snapshot) -> WantPort:
        """Return the want with the policers that the port is given."""
        port = snapshot.ports.get(want.name)
        interfaces = want.interfaces or tuple(WantInterface(name) for name in (port.interfaces if port else ()))
        mtus = [t.cast("int", interface.columns["mtu_request"]) for interface in interfaces if interface.columns.get("mtu_request")]
        mtu = max([policer.largest_mtu(snapshot.interfaces.get(interface.name) for interface in interfaces), *mtus])
        qos, columns = policing.wanted(want.name, given, mtu)
        if columns:
            interfaces = tuple(interface._replace(columns={**interface.columns, **columns}) for interface in interfaces)
        self.polices = self.polices or qos is not None
        return want._replace(qos=qos, interfaces=interfaces if columns else want.interfaces)

    def check_kind(self, given: Given, snapshot: Snapshot) -> None:
        """Refuse a port of that name that the module would not have made."""
        port = snapshot.ports.get(given["name"])
        for name in port.interfaces if port else ():
            there = snapshot.interfaces[name].type
            if port and there not in self.types:
                possible = f"A port of that name and of type {there or 'system'} is on bridge {port.bridge}."
                advice = f"Take another name, or remove that port first{f' with {self.other_module}' if there in releases.DPDK_TYPES else ''}."
                raise InputError(f"port {given['name']}", "name", given["name"], possible, advice)

    def check_elsewhere(self, given: Given, snapshot: Snapshot) -> None:
        """Warn of a port that shall go from one bridge and is on another."""
        port = snapshot.ports.get(given["name"])
        if port and given["bridge"] not in (None, port.bridge):
            self.note(f"it is on bridge {port.bridge}, not on {given['bridge']}, and stays", given["name"])

    def check_datapath(self, given: Given, snapshot: Snapshot) -> None:
        """Refuse a DPDK port on a bridge of the kernel's datapath."""
        bridge = snapshot.bridges.get(given["bridge"] or "")
        if bridge and bridge.datapath_type != "netdev":
            possible = f"Bridge {bridge.name} has datapath_type {bridge.datapath_type or 'system'}, which has no DPDK ports."
            self.refuse(f"port {given['name']}", "bridge", bridge.name, possible, "Set datapath_type netdev with ovs_dpdk_bridge, or take another bridge.")

    def want_interface(
        self, name: str, given: Given, snapshot: Snapshot, columns: Mapping[str, t.Any], options: Mapping[str, str | None] | None = None
    ) -> WantInterface:
        """Return the want for an interface with those of its options that are given, *columns* (its type among them) and further *options*."""
        subject = f"port {name}"
        maps: dict[str, dict[str, str | None]] = {"options": dict(options or {}), "other_config": {}}
        port_type = columns["type"]
        values: dict[str, releases.Value | None] = {}
        for option, key in self.keys.items():
            if given.get(option) is None:
                continue
            known = releases.INTERFACE_OPTIONS[key]
            value = values[option] = parsed(subject, option, known, given[option])
            maps[known.column][key] = None if value is None else releases.format_value(value)
            for warning in self.option_warnings(known, port_type, value):
                self.note(warning, name)
        all_columns = dict(columns)
        if given.get("mtu") is not None:
            all_columns["mtu_request"] = parsed_mtu(subject, given["mtu"])
            there = snapshot.interfaces.get(name)
            if all_columns["mtu_request"] is None and there is not None and there.mtu_request is not None:
                self.note(f"Open vSwitch keeps the MTU of {there.mtu} bytes until the port is made anew", name)
        affinity = values.get("rxq_affinity")
        pairs = t.cast("tuple[tuple[int, int], ...]", affinity or ())
        self.check_affinity(name, pairs, values.get("n_rxq"), port_type, snapshot)
        self.asked[name] = Asked(
            n_rxq=_number(values.get("n_rxq")),
            n_rxq_desc=_number(values.get("n_rxq_desc")),
            n_txq_desc=_number(values.get("n_txq_desc")),
            mtu=all_columns.get("mtu_request"),
            affinity=dict(pairs),
        )
        return WantInterface(name, columns=all_columns, options=maps["options"], other_config=maps["other_config"])

    def option_warnings(self, known: releases.InterfaceOption, port_type: str, value: releases.Value | None) -> list[str]:
        """Return what this release does not do of an option."""
        if value is None:
            return []
        return releases.check_interface_option(known.key, port_type, self.release) or releases.check_value(known, value, self.release)

    def check_affinity(self, name: str, pairs: Sequence[tuple[int, int]], n_rxq: t.Any, port_type: str, snapshot: Snapshot) -> None:
        """Refuse a queue that is bound twice or that the port does not have, and a CPU without a PMD thread, which Open vSwitch overlooks."""
        subject = f"port {name}"
        text = ",".join(f"{queue}:{cpu}" for queue, cpu in pairs)
        queues = [queue for queue, _cpu in pairs]
        if len(set(queues)) != len(queues):
            raise InputError(subject, "rxq_affinity", text, "A queue is bound to one CPU.", "Name each queue once.")
        there = snapshot.interfaces.get(name)
        count = n_rxq if n_rxq is not None else _count(there)
        if port_type in ("dpdk", "dpdkr") and any(queue >= count for queue in queues):
            raise InputError(subject, "rxq_affinity", text, f"The port has {count} rx queues, numbers 0 to {count - 1}.", "Ask for more with n_rxq.")
        mask = snapshot.switch.other_config.get("pmd-cpu-mask")
        try:
            pmd = cpus.parse_mask(mask) if mask else None
        except ValueError:
            return
        missing = sorted({cpu for _queue, cpu in pairs} - pmd) if pmd is not None else []
        if missing and pmd:
            possible = f"PMD threads run on CPUs {cpus.format_cpu_list(pmd)}; Open vSwitch would poll the queue from another one than {missing[0]}."
            self.refuse(subject, "rxq_affinity", text, possible, "Take one of them, or set the mask first, with pmd_mask.")

    # --- proof ---

    def prove(self, evidence: Evidence) -> list[str]:
        """Return what the switch does not do yet; refuse it when it had its time."""
        problems = [*(self.problems(evidence) if self.asked else ()), *(policing.problems(evidence) if self.polices else ())]
        if not problems:
            return []
        now = time.monotonic()
        self._proving_since = self._proving_since or now
        if now - self._proving_since > _SETTLE_SECONDS:
            raise evidence.refusal(problems)
        return problems

    def problems(self, evidence: Evidence) -> Iterable[str]:
        """Yield what the datapath does not do of what was asked."""
        questions = [("dpif/show",)]
        queues_asked = any(asked.n_rxq is not None or asked.affinity for asked in self.asked.values())
        if queues_asked:
            questions.append(("dpif-netdev/pmd-rxq-show",))
        answers = [_checked(answer) for answer in evidence.daemon.ask_all(questions)]
        datapath = parse_dpif_show(answers[0])
        queues = parse_rx_queues(answers[1]) if queues_asked else ()
        refused = _mtu_refusals(evidence.log.problems()) if evidence.changed and any(asked.mtu for asked in self.asked.values()) else {}
        by_port: dict[str, list[RxQueue]] = {}
        for queue in queues:
            by_port.setdefault(queue.port, []).append(queue)
        for name, asked in self.asked.items():
            if name not in datapath.ports:
                yield f"port {name}: the datapath did not take it"
                continue
            interface = evidence.snapshot.interfaces[name]
            yield from _device_problems(name, asked, interface, datapath.ports[name])
            if asked.mtu and name in refused:
                yield f"port {name}: {refused[name]}"
            affinity = {} if _waits_for_guest(interface) else asked.affinity
            count = (_rx_queues(interface, datapath.ports[name]) or asked.n_rxq or 0) if asked.n_rxq or affinity else 0
            yield from _queue_problems(name, count, affinity, by_port.get(name, []))
        if queues_asked:
            idle = [name for name, port in datapath.ports.items() if port.type in releases.DPDK_TYPES and name not in by_port and name not in self.asked]
            if idle:
                message = "no PMD thread polls it, since each one has queues bound to it (see pmd-rxq-isolate)"
                self.warnings.append(f"port {names.listed(idle)}: {message}")

    # --- for people ---

    def view(self, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return the ports for the diff."""
        return {f"port {given['name']}": {**self.view_port(given["name"], snapshot), **self.view_policers(given, snapshot)} for given in self.given}

    def view_policers(self, given: Given, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return, on a line each, the policers that the task manages and those that go with a port."""
        shown = policing.shown(snapshot, given["name"], given)
        return {
            name: policer.view_of(found) for name, found in shown.items() if found is not None or (given[name] is not None and given["name"] in snapshot.ports)
        }

    def view_port(self, name: str, snapshot: Snapshot) -> dict[str, t.Any]:
        """Return the configuration of a port; a bond has that of its members."""
        port = snapshot.ports.get(name)
        if port is None:
            return {"state": "absent"}
        view: dict[str, t.Any] = {"state": "present", "bridge": port.bridge, **_columns(port)}
        if port.interfaces == (name,):
            return {**view, **self.view_interface(snapshot.interfaces[name])}
        return {**view, "members": {member: self.view_interface(snapshot.interfaces[member]) for member in port.interfaces}}

    def view_interface(self, interface: Interface) -> dict[str, t.Any]:
        """Return what is configured, under the names of the options."""
        view: dict[str, t.Any] = {"type": interface.type}
        for option, key in self.keys.items():
            column = interface.options if releases.INTERFACE_OPTIONS[key].column == "options" else interface.other_config
            if key in column:
                view[option] = column[key]
        if interface.mtu_request is not None:
            view["mtu"] = interface.mtu_request
        return view

    def results(self, before: Snapshot, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return the ports as they now are."""
        del before
        return {"ports": [{**self.result(given, after, evidence), **policing.shown(after, given["name"], given)} for given in self.given]}

    def result(self, given: Given, after: Snapshot, evidence: Evidence | None) -> dict[str, t.Any]:
        """Return one port as it now is."""
        del evidence
        name = given["name"]
        port = after.ports.get(name)
        found = {"name": name, **self.view_port(name, after)}
        if port is None:
            return found
        states = {member: _state(after.interfaces[member]) for member in port.interfaces}
        if port.interfaces == (name,):
            return {**found, **states[name]}
        return {**found, "members": {member: {**found["members"][member], **states[member]} for member in port.interfaces}}


def _columns(port: Port) -> dict[str, t.Any]:
    return {column: value for column in ("bond_mode", "lacp", "tag") if (value := getattr(port, column)) is not None}


def _state(interface: Interface) -> dict[str, t.Any]:
    """Return what the switch says of an interface."""
    return {
        "ofport": interface.ofport,
        "mtu_in_use": interface.mtu or None,
        "link_state": interface.link_state,
        "mac_in_use": interface.mac_in_use,
        "status": dict(sorted(interface.status.items())),
    }


def _number(value: releases.Value | None) -> int | None:
    return value if isinstance(value, int) else None


def _count(interface: Interface | None) -> int:
    """Return how many rx queues an interface is to have, 1 where it does not say."""
    text = interface.options.get("n_rxq", "") if interface else ""
    return int(text) if text.isdigit() and int(text) else 1


def _checked(answer: str | HostError) -> str:
    if isinstance(answer, HostError):
        raise answer
    return answer


def _mtu_refusals(log: Iterable[str]) -> dict[str, str]:
    """Return, by interface, the words of the daemon for a device that keeps its MTU; nothing but the log tells this.

    "Interface P does not support MTU configuration" is of netdev_dpdk_reconfigure, whose column mtu shows the wanted number all the same.
    """
    found: dict[str, str] = {}
    for line in log:
        if "does not support MTU configuration" in line:
            words = line.split(": ", 1)[-1]
            found[words.split()[1]] = words.rstrip(".")
    return found


def _waits_for_guest(interface: Interface) -> bool:
    """Tell whether this is a vhost-user port that has its MTU and its queues only when a guest connects."""
    return interface.status.get("status") == "disconnected"


def _rx_queues(interface: Interface, port: DatapathPort) -> int | None:
    """Return how many rx queues the device gave: since 3.3 the column status says so, before that the datapath."""
    status = interface.status.get("n_rxq", "")
    return int(status) if status.isdigit() else port.number("n_rxq")


def _device_problems(name: str, asked: Asked, interface: Interface, port: DatapathPort) -> Iterable[str]:
    """Yield where the device gives something else than was asked: Open vSwitch takes what it gets, without an error."""
    for option, wanted, found in (
        ("n_rxq", asked.n_rxq, _rx_queues(interface, port)),
        ("n_rxq_desc", asked.n_rxq_desc, port.number("n_rxq_desc")),
        ("n_txq_desc", asked.n_txq_desc, port.number("n_txq_desc")),
    ):
        if wanted is not None and found is not None and found != wanted:
            most = interface.status.get("max_rx_queues") if option == "n_rxq" else None
            yield f"port {name}: {option} is {found}, not {wanted}{f' (the device has at most {most} rx queues)' if most else ''}"
    if asked.mtu is not None and interface.mtu is not None and interface.mtu != asked.mtu and not _waits_for_guest(interface):
        yield f"port {name}: the MTU is {interface.mtu}, not {asked.mtu}"


def _queue_problems(name: str, count: int, affinity: Mapping[int, int], queues: Sequence[RxQueue]) -> Iterable[str]:
    """Yield those of *count* queues that no PMD thread polls, and those that another one polls than was asked."""
    polled = {queue.queue: queue.core for queue in queues}
    for number, core in sorted(affinity.items()):
        if number in polled and polled[number] != core:
            yield f"port {name}: rx queue {number} is polled on CPU {polled[number]}, not {core}"
    missing = [str(number) for number in sorted({*range(count), *affinity}) if number not in polled]
    if missing:
        yield f"port {name}: no PMD thread polls rx queue {names.listed(missing)}; threads that have queues bound to them poll no others (see pmd-rxq-isolate)"
