# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module pvp_measure: options, checks, searches (private to this collection)."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.pvp import Bench, Conditions, Route, trial
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.pvp_generator import Generator, Settings, Socket
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.pvp_look import Subject, look
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vhost_report import server_socket
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vsctl import Vsctl
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import cpus, pvp, pvp_checks, rates
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    import pathlib

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Finding

_SUBJECT = "the measurement"
_HEADER_AND_FCS = rates.ETHERNET_HEADER + rates.FCS
_DEFAULT_MTU = 1500
_MAC = r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}"

# More trials than this no search makes: each halves an interval, and the least rate is 1/4096 of the first one
_MOST_TRIALS = 30
_TRIAL_OVERHEAD_SECONDS = 12
_MOST_PINGS = 100_000
_NO_LATENCY = "no latency was asked for, and testpmd in a guest answers no ping"


class Measurement(t.NamedTuple):
    """One thing to measure."""

    direction: str
    frame_size: int
    routes: tuple[Route, ...]


class Task:
    """One run of the module. Everything is checked before anything is changed."""

    def __init__(self, module: AnsibleModule, root: pathlib.Path) -> None:
        params = module.params
        self.module = module
        self.params: dict[str, t.Any] = params
        self.root = root
        self.commands = Commands(module)
        self.vsctl = Vsctl(module, params["database"] or f"unix:{params['rundir']}/db.sock", params["timeout"])
        self.daemon = Daemon(params["rundir"], params["timeout"])
        self.own_generator: bool = params["generator"]["type"] == "testpmd"
        self.throttled: bool = params["generator"]["type"] != "external"

    def run(self) -> dict[str, t.Any]:
        """Return the result. Raises InputError for what cannot be, HostError where the host or the switch refuses."""
        self._check_numbers()
        burst = _parsed("burst", self.params["burst"], rates.parse_burst)
        most = self._most()
        generator_cpus = self._generator_cpus()
        macs = self._macs()
        measurements = self._measurements()
        result: dict[str, t.Any] = {
            "measurements": [],
            "table": [],
            "findings": [],
            "latency": None,
            "latency_reason": "check mode measures nothing" if self.module.check_mode else _NO_LATENCY,
            "plan": [self._planned(measurement) for measurement in measurements],
            "commands": [],
            "warnings": [],
        }
        snapshot = self._read()
        missing = [name for name in self._ports() if name not in snapshot.interfaces] if self.module.check_mode else []
        if missing:
            result["warnings"] = [f"check mode assumes that an earlier task makes port {', '.join(missing)}, and looks at nothing that depends on it"]
        if set(missing) & set(self.params["guest_ports"]):
            return result
        bench = Bench(self.vsctl, self.daemon, self.commands, self.root, snapshot)
        there = [name for name in self._ports() if name not in missing]
        bench.bridge = self._bridge(snapshot, there)
        self._check_mtu(snapshot, there)
        generator_ports = [name for name in self.params["generator"]["ports"] if name not in missing]
        generator = Generator(self.commands, self.vsctl, self._settings(snapshot, generator_cpus, generator_ports))
        if self.own_generator:
            self._check_generator_ports(snapshot, generator)
        if not self.module.check_mode:
            result["warnings"] += bench.recover()
        findings = self._findings(bench.snapshot, generator_cpus, generator_ports)
        result["findings"] = [finding._asdict() for finding in findings]
        result["warnings"] += [finding.says for finding in pvp_checks.not_ok(findings)]
        if self.module.check_mode:
            return result
        if self.own_generator:
            generator.check()
        if self.params["latency"]:
            result["latency"], result["latency_reason"] = self._latency()
        bench.check_flows(sorted({port for measurement in measurements for route in measurement.routes for port in (route.source, route.out)}))
        reports = []
        for measurement in measurements:
            conditions = Conditions(measurement.routes, measurement.frame_size, self.params["trial_seconds"], burst, macs, self.throttled)
            searches = self._measure(bench, generator, conditions, most)
            reports.append(pvp.Result(measurement.direction, measurement.frame_size, searches).report())
        result.update(measurements=reports, table=[pvp.table_row(report) for report in reports], commands=[*bench.ran, *generator.ran])
        return result

    # --- options -----------------------------------------------------------------------------------------------------------------------

    def _check_numbers(self) -> None:
        params = self.params
        bounds: dict[str, tuple[float, float]] = {"acceptable_loss": (0, 100), "resolution": (0.1, 50), "trial_seconds": (0.5, 3600), "repeats": (1, 100)}
        for name, (least, most) in bounds.items():
            if not least <= params[name] <= most or (name == "acceptable_loss" and params[name] == most):
                raise InputError(_SUBJECT, name, params[name], f"It is a number from {least:g} to {most:g}.", "Correct it, or leave it out.")
        for name, least, most in (("queues", 1, 1024), ("memory", 64, 65536)):
            if not least <= params["generator"][name] <= most:
                raise InputError(_SUBJECT, f"generator.{name}", params["generator"][name], f"It is a number from {least} to {most}.", "Correct it.")
        count = params["latency"]["count"] if params["latency"] else 1
        if not 1 <= count <= _MOST_PINGS:
            raise InputError(_SUBJECT, "latency.count", count, f"It is a number from 1 to {_MOST_PINGS}.", "Correct it, or leave it out.")
        for name in ("frame_sizes", "directions"):
            if not params[name] or len(set(params[name])) != len(params[name]):
                raise InputError(_SUBJECT, name, params[name], "It is a list with something in it, and each once.", "Correct it, or leave it out.")
        for size in params["frame_sizes"]:
            _parsed("frame_sizes", size, rates.counted_bytes)
        if not self.own_generator and len(params["frame_sizes"]) > 1:
            advice = "Give one, and have one task for each."
            raise InputError(_SUBJECT, "frame_sizes", params["frame_sizes"], "A generator that the module does not run sends one size at a time.", advice)

    def _most(self) -> float | None:
        given = self.params["max_rate"]
        if given is None:
            return None
        rate = _parsed("max_rate", given, rates.parse_rate)
        if rate.unit != "pps":
            raise InputError(_SUBJECT, "max_rate", given, "It is in packets per second, as 2Mpps.", "Correct it, or leave it out.")
        if not self.throttled:
            raise InputError(_SUBJECT, "max_rate", given, "An external generator has a rate of its own.", "Set the rate there, and leave it out here.")
        return float(rate.value)

    def _generator_cpus(self) -> list[int]:
        given = self.params["generator"]["cpus"]
        if not self.own_generator:
            return []
        chosen = sorted(_parsed("generator.cpus", given, cpus.parse_cpu_list)) if given is not None else []
        if not chosen:
            raise InputError(_SUBJECT, "generator.cpus", given, "The generator has to run on some CPU.", "Give one that no PMD thread and no guest has.")
        return chosen

    def _settings(self, snapshot: Snapshot, generator_cpus: list[int], ports: list[str]) -> Settings:
        """Return how the generator runs."""
        given = self.params["generator"]
        sockets = {}
        for name in ports:
            interface = snapshot.interfaces[name]
            is_client = interface.type == "dpdkvhostuserclient"
            sockets[name] = Socket(
                interface.options.get("vhost-server-path", "") if is_client else server_socket(snapshot, self.params["rundir"], name), is_client
            )
        return Settings(generator_cpus, given["queues"], given["memory"], sockets)

    def _macs(self) -> dict[str, str]:
        given, ports = self.params["guest_macs"], self.params["guest_ports"]
        if not given:
            return {}
        bad = [mac for mac in given if not re.fullmatch(_MAC, mac)]
        if bad or len(given) != len(ports):
            raise InputError(_SUBJECT, "guest_macs", given, f"It has one Ethernet address for each of {', '.join(ports)}.", "Correct it, or leave it out.")
        return dict(zip(ports, given))

    # --- the ports ---------------------------------------------------------------------------------------------------------------------

    def _ports(self) -> list[str]:
        return [*self.params["guest_ports"], *self.params["generator"]["ports"]]

    def _read(self) -> Snapshot:
        """Return what is in the database. A host without Open vSwitch has nothing, in check mode: an earlier task installs it."""
        if self.module.check_mode and self.vsctl.path is None:
            return Snapshot()
        self.daemon.ask("version")
        return self.vsctl.read()

    def _bridge(self, snapshot: Snapshot, names: list[str]) -> str:
        """Return the one bridge that all ports are on. Raises InputError."""
        params = self.params
        bridges: dict[str, str] = {}
        for name in names:
            port, interface = snapshot.port_of(name), snapshot.interfaces.get(name)
            if port is None or interface is None:
                there = ", ".join(sorted(set(snapshot.interfaces) - set(snapshot.bridges))) or "none"
                raise InputError(f"port {name}", "ports", name, f"There is no such port; there are: {there}.", "Make it first, or correct the name.")
            if interface.error or interface.ofport is None or interface.ofport < 0:
                raise HostError(f"port {name}: {interface.error or 'it has no OpenFlow number: the switch could not set it up'}.")
            bridges.setdefault(port.bridge, name)
        if len(bridges) > 1:
            found = ", ".join(f"{port} is on {bridge}" for bridge, port in sorted(bridges.items()))
            raise InputError(_SUBJECT, "ports", names, f"All ports of a path are on one bridge; {found}.", "Move them.")
        for name in params["guest_ports"]:
            if not snapshot.interfaces[name].type.startswith("dpdkvhost"):
                kind = snapshot.interfaces[name].type
                raise InputError(f"port {name}", "guest_ports", name, f"It is of type {kind}, and a guest is on a vhost-user port.", "Correct it.")
        return next(iter(bridges))

    def _check_generator_ports(self, snapshot: Snapshot, generator: Generator) -> None:
        for name in generator.settings.sockets:
            interface = snapshot.interfaces[name]
            if not interface.type.startswith("dpdkvhost"):
                possible = f"testpmd connects to vhost-user ports, and {name} is of type {interface.type}."
                raise InputError(f"port {name}", "generator.ports", name, possible, "Give a vhost-user port, or another generator.type.")
            if interface.status.get("status") == "connected" and not generator.is_active():  # else what a measurement left that was killed
                possible = "Something is connected to it already, perhaps a guest."
                raise InputError(f"port {name}", "generator.ports", name, possible, "Give a port of its own to the generator.")

    def _check_mtu(self, snapshot: Snapshot, names: list[str]) -> None:
        largest = max(self.params["frame_sizes"])
        for name in names:
            interface = snapshot.interfaces[name]
            mtu = interface.mtu_request or interface.mtu or _DEFAULT_MTU
            if largest - _HEADER_AND_FCS > mtu:
                possible = f"Port {name} has an MTU of {mtu}, so that frames of at most {mtu + _HEADER_AND_FCS} bytes pass."
                raise InputError(_SUBJECT, "frame_sizes", largest, possible, f"Set the MTU of all ports of the path to {largest - _HEADER_AND_FCS}.")

    def _measurements(self) -> list[Measurement]:
        """Return what is to be measured, in order. Raises InputError."""
        for option, names in (("guest_ports", self.params["guest_ports"]), ("generator.ports", self.params["generator"]["ports"])):
            if len(names) not in {1, 2}:
                raise InputError(_SUBJECT, option, names, "It has one port, or two.", "Correct it.")
        if len(set(self._ports())) != len(self._ports()):
            raise InputError(_SUBJECT, "generator.ports", self.params["generator"]["ports"], "No port can be in a path twice.", "Give each port once.")
        into, out = self.params["guest_ports"][0], self.params["guest_ports"][-1]
        first, last = self.params["generator"]["ports"][0], self.params["generator"]["ports"][-1]
        found = []
        for direction in self.params["directions"]:
            if direction == "bidirectional":
                if into == out or first == last:
                    possible = "Packets in both directions need two ports of the guest and two of the generator."
                    raise InputError(_SUBJECT, "directions", direction, possible, "Name them, or leave bidirectional out.")
                routes: tuple[Route, ...] = (Route(first, into, out, last), Route(last, out, into, first))
            else:
                routes = (Route(first, into, out, first if self.own_generator else last),)
            found += [Measurement(direction, size, routes) for size in self.params["frame_sizes"]]
        return found

    def _planned(self, measurement: Measurement) -> str:
        ways = " and ".join(map(str, measurement.routes))
        kind = "searched" if self.throttled else "counted"
        trials = f"{self.params['repeats']} times with trials of {self.params['trial_seconds']:g} s"
        return f"{measurement.direction}, frames of {measurement.frame_size} bytes, {ways}: {kind} {trials}"

    # --- what is there -----------------------------------------------------------------------------------------------------------------

    def _findings(self, snapshot: Snapshot, generator_cpus: list[int], generator_ports: list[str]) -> list[Finding]:
        """Return what the checks found. Raises InputError for what is required and not good."""
        params = self.params
        subject = Subject(params["guest_ports"], generator_ports, generator_cpus, max(params["frame_sizes"]))
        findings = pvp_checks.judge(look(self.root, snapshot, self.daemon, subject))
        refused = [finding for finding in pvp_checks.not_ok(findings) if finding.check in params["require"]]
        if refused:
            words = " ".join(f"{finding.check}: {finding.says} {finding.do}" for finding in refused)
            error = InputError(_SUBJECT, "require", params["require"], f"Not all of these checks are good. {words}", "Nothing was measured.")
            error.details["findings"] = [finding._asdict() for finding in findings]
            raise error
        return findings

    def _latency(self) -> tuple[dict[str, t.Any] | None, str | None]:
        """Return the round trip, or why there is none."""
        wanted = self.params["latency"]
        for program in ("ip", "ping"):
            if self.commands.find(program) is None:
                return None, f"{program} is not on this host"
        inside = ["ping", "-n", "-q", "-i", "0.01", "-W", "1", "-c", str(wanted["count"]), wanted["address"]]
        argv = [self.commands.find("ip") or "ip", "netns", "exec", wanted["namespace"], *inside]
        rc, out, err = self.commands.run_within(60 + wanted["count"], argv)
        found = pvp.parse_ping(out)
        if found is None:
            words = (err.strip() or out.strip() or f"ping ended with {rc}").splitlines()[-1]
            return None, f"no answer from {wanted['address']} in network namespace {wanted['namespace']}: {words}"
        return found, None

    # --- measuring ---------------------------------------------------------------------------------------------------------------------

    def _measure(self, bench: Bench, generator: Generator, conditions: Conditions, most: float | None) -> list[pvp.Search]:
        """Return the searches of one measurement. All that it changes it takes back."""
        try:
            with bench.prepared(conditions.routes, conditions.macs):
                if self.own_generator:
                    seconds = self.params["repeats"] * _MOST_TRIALS * (conditions.seconds + _TRIAL_OVERHEAD_SECONDS)
                    generator.start(list(dict.fromkeys(route.source for route in conditions.routes)), conditions.frame_size, int(seconds))
                return [self._search(bench, generator, conditions, most) for _repeat in range(self.params["repeats"])]
        finally:
            if generator.started:
                generator.stop()

    def _search(self, bench: Bench, generator: Generator, conditions: Conditions, most: float | None) -> pvp.Search:
        search = pvp.Search(self.params["acceptable_loss"] / 100, self.params["resolution"] / 100, most)
        if not self.throttled:
            search.count(trial(bench, conditions, None))
            return search
        try:
            while not search.done:
                search.take(trial(bench, conditions, search.asks))
        except HostError as error:
            if generator.started and not generator.is_active():
                raise HostError(f"the generator ended: {generator.said()}", **error.details) from error
            raise
        return search


def _parsed(option: str, given: t.Any, parse: t.Callable[[t.Any], t.Any]) -> t.Any:
    """Return what *parse* makes of an option. Raises InputError."""
    try:
        return parse(given)
    except ValueError as error:
        text = str(error)
        raise InputError(_SUBJECT, option, given, f"{text[:1].upper()}{text[1:]}.", "Correct it.") from None
