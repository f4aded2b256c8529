# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A measurement port - guest - port on a running switch (private to this collection): what it changes for that, and that it takes it back.

It changes two things: flows with a cookie of its own, and the ingress policers of the ports that packets come in from, which set the rate that is
offered. What the policers were stands in the database while they are changed, so that a run after one that was killed puts them back.
"""

from __future__ import annotations

import contextlib
import re
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.delta import commands_between
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_counters import Cycles, PortCounters, parse_cycles, parse_port_counters
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_threads import ThreadTime, read_pmd_times
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import pvp, rates
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vsctl import Vsctl
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface, Snapshot
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon

COOKIE = 0x6E66762D707670  # "nfv-pvp" in ASCII: flows of a measurement, and of nothing else
PRIORITY = 65535  # the highest one there is, so that no flow of the user takes the packets
FORMER = "nfv-pvp-ingress"  # in external_ids of an interface: what its ingress policer was, "rate/burst"

_COMMAND_SECONDS = 30
_LEAD_SECONDS = 0.3  # from the change of a flow until all packets take it, mostly
_DRAIN_POLL_SECONDS = 0.1
_DRAIN_SECONDS = 5.0


class Route(t.NamedTuple):
    """One way through the guest: port that packets come in from, port into the guest, port out of it, port that they leave by."""

    source: str
    into: str
    out: str
    sink: str

    def __str__(self) -> str:
        """Return it as a person draws it."""
        return f"{self.source} -> {self.into} -> guest -> {self.out} -> {self.sink}"


class Sample(t.NamedTuple):
    """All counters at one moment; *moment* in seconds of the monotonic clock."""

    moment: float
    ports: dict[str, PortCounters]
    cycles: dict[int, Cycles]
    times: dict[int, ThreadTime]

    def known(self, port: str) -> PortCounters:
        """Return the counters of a port. Raises HostError where it has none."""
        counters = self.ports.get(port)
        if counters is None or None in (counters.rx_packets, counters.tx_packets):
            raise HostError(
                f"port {port} has no packet counters: no guest is connected to it now, or it is of type dpdkvhostuser, which counts none. "
                "Connect the guest, or use a port of type dpdkvhostuserclient."
            )
        return counters

    def sent_to(self, port: str) -> int:
        """Return the packets that the switch had for a port, whether it took them or not. Raises HostError."""
        counters = self.known(port)
        return (counters.tx_packets or 0) + (counters.tx_dropped or 0)


class Throttle(t.NamedTuple):
    """What the ingress policers of the sources are set to: kbit/s and kbit; 0 for no policer."""

    kbps: int
    kbit: int


def throttle_for(pps: float | None, frame_size: int, burst: rates.Burst) -> Throttle:
    """Return the policer that lets so many packets per second of this size pass; None lets all pass."""
    if pps is None:
        return Throttle(0, 0)
    kbps = rates.ingress_kbps(rates.Rate(max(1, round(pps)), "pps"), frame_size)
    least = -(-rates.counted_bytes(frame_size) * 8 // 1000)
    return Throttle(kbps, max(least, rates.ingress_burst_kbit(burst, kbps, frame_size)))


class Bench:
    """The switch while it is measured on: :meth:`prepared` has the flows and policers taken back, whatever happens."""

    def __init__(self, vsctl: Vsctl, daemon: Daemon, commands: Commands, root: pathlib.Path, snapshot: Snapshot) -> None:
        self.vsctl = vsctl
        self.daemon = daemon
        self.commands = commands
        self.root = root
        self.snapshot = snapshot
        self.ran: list[list[str]] = []
        self.bridge = ""
        self._former: dict[str, Interface] = {}
        self._now = snapshot
        self._throttle: Throttle | None = None

    # --- the switch --------------------------------------------------------------------------------------------------------------------

    def ofctl(self, *words: str) -> str:
        """Run ovs-ofctl on the bridge. Raises HostError."""
        path = self.commands.find("ovs-ofctl")
        if path is None:
            raise HostError("ovs-ofctl is not on this host, which adds the flows of the measurement. It is in the package openvswitch-switch.")
        argv = [path, words[0], self.bridge, *words[1:]]
        rc, out, err = self.commands.run_within(_COMMAND_SECONDS, argv)
        if rc != 0:
            raise HostError(f"ovs-ofctl {words[0]} {self.bridge}: {err.strip() or out.strip()}", cmd=argv, rc=rc, stderr=err)
        if words[0] != "dump-flows":
            self.ran.append(argv)
        return out

    def number(self, port: str) -> int:
        """Return the OpenFlow number of a port."""
        return int(self.snapshot.interfaces[port].ofport or -1)

    def point(self, routes: Sequence[Route], *, forward: bool, macs: dict[str, str]) -> None:
        """Have the packets of the sources sent into the guest, or dropped; what comes out of it goes to the sinks. *macs*: destination by port."""
        for route in routes:
            to_guest = f"output:{self.number(route.into)}"
            if route.into in macs:
                to_guest = f"mod_dl_dst:{macs[route.into]},{to_guest}"
            self._flow(route.source, to_guest if forward else "drop")

    def back(self, routes: Sequence[Route]) -> None:
        """Have what comes out of the guest sent to the sinks."""
        for route in routes:
            sink = "in_port" if route.sink == route.out else f"output:{self.number(route.sink)}"
            self._flow(route.out, sink)

    def _flow(self, port: str, actions: str) -> None:
        self.ofctl("add-flow", f"cookie={COOKIE:#x},priority={PRIORITY},in_port={self.number(port)},actions={actions}")

    def remove_flows(self) -> None:
        """Remove the flows of this measurement, and of one that was killed."""
        self.ofctl("del-flows", f"cookie={COOKIE:#x}/-1")

    def check_flows(self, ports: Sequence[str]) -> None:
        """Refuse flows of the user that those of the measurement would replace, as they have the same match. Raises InputError."""
        numbers = {str(self.number(port)): port for port in ports}
        for line in self.ofctl("dump-flows", "table=0").splitlines():
            found = re.search(rf"cookie=(\S+),.*priority={PRIORITY},in_port=(\S+) actions=", line)
            if not found or int(found[1], 16) == COOKIE:
                continue
            port = numbers.get(found[2].strip('"')) or (found[2].strip('"') if found[2].strip('"') in ports else None)
            if port:
                raise InputError(
                    f"bridge {self.bridge}",
                    "ports",
                    port,
                    f"It has a flow of priority {PRIORITY} for all packets of {port}, which that of the measurement would replace.",
                    "Give it a lower priority.",
                )

    def set_throttle(self, routes: Sequence[Route], throttle: Throttle) -> None:
        """Set the policers of the sources, in one transaction, and note what they were."""
        if throttle == self._throttle:
            return
        changed = {}
        for source in dict.fromkeys(route.source for route in routes):
            former = self._former.setdefault(source, self.snapshot.interfaces[source])
            note = {**former.external_ids, FORMER: f"{former.ingress_policing_rate}/{former.ingress_policing_burst}"}
            changed[source] = former._replace(ingress_policing_rate=throttle.kbps, ingress_policing_burst=throttle.kbit, external_ids=note)
        self._write(changed)
        self._throttle = throttle

    def restore_policers(self) -> None:
        """Set the policers to what they were."""
        if self._former:
            self._write(dict(self._former))
        self._former, self._throttle = {}, None

    def _write(self, interfaces: dict[str, Interface]) -> None:
        target = self._now._replace(interfaces={**self._now.interfaces, **interfaces})
        commands = commands_between(self._now, target)
        if commands:
            argv = self.vsctl.transaction(commands, wait=True)
            self.ran.append(argv)
            self._now = target  # also where it fails: then what was written is not known, and taking it back has to set all of it
            self.vsctl.write(argv)

    def recover(self) -> list[str]:
        """Put back the policers that a run left that was killed, and return what was done."""
        found = {}
        for name, interface in self.snapshot.interfaces.items():
            former = re.fullmatch(r"(\d+)/(\d+)", interface.external_ids.get(FORMER, ""))
            if former:
                others = {key: value for key, value in interface.external_ids.items() if key != FORMER}
                found[name] = interface._replace(ingress_policing_rate=int(former[1]), ingress_policing_burst=int(former[2]), external_ids=others)
        self._write(found)
        self.snapshot = self._now
        return [f"port {name}: the ingress policer is again what it was before a measurement that was killed" for name in sorted(found)]

    @contextlib.contextmanager
    def prepared(self, routes: Sequence[Route], macs: dict[str, str]) -> Iterator[None]:
        """Have flows through the guest, closed at first; all that was changed is taken back at the end."""
        try:
            self.remove_flows()
            self.point(routes, forward=False, macs=macs)
            self.back(routes)
            yield
        finally:
            failed = [why for why in map(_failure, (self.remove_flows, self.restore_policers)) if why]
            if failed:
                raise HostError(f"not everything could be taken back: {'; '.join(failed)}. The next run tries again.")

    # --- counters ----------------------------------------------------------------------------------------------------------------------

    def sample(self) -> Sample:
        """Return all counters, read over one connection."""
        ports, threads = self.daemon.ask_all([("dpctl/show", "--statistics"), ("dpif-netdev/pmd-stats-show",)])
        moment = time.monotonic()
        if isinstance(ports, HostError):
            raise ports
        cycles = parse_cycles(threads) if isinstance(threads, str) else {}
        return Sample(moment, parse_port_counters(ports), cycles, read_pmd_times(self.root, self.daemon.pid()))

    def counted(self, sample: Sample, conditions: Conditions) -> tuple[int, int]:
        """Return the packets that went into the path, and those that came out of it.

        What a vhost-user sink did not take came through all the same: it is a part of the generator. A NIC that takes no more does lose it, and
        one that sends at a rate of its own has lost itself what was not taken from it in time.
        """
        routes = conditions.routes
        sent = sum(sample.sent_to(route.into) for route in routes)
        if not conditions.throttled:
            sent += sum(sample.known(route.source).rx_dropped or 0 for route in routes)
        received = 0
        for route in routes:
            is_nic = self.snapshot.interfaces[route.sink].type == "dpdk"
            received += (sample.known(route.sink).tx_packets or 0) if is_nic else sample.sent_to(route.sink)
        return sent, received

    def drained(self, conditions: Conditions) -> Sample:
        """Return the counters when nothing is under way in the path any more."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        before = self.sample()
        while True:
            time.sleep(_DRAIN_POLL_SECONDS)
            now = self.sample()
            if self.counted(now, conditions) == self.counted(before, conditions) or time.monotonic() > deadline:
                return now
            before = now


def _failure(action: t.Callable[[], None]) -> str | None:
    try:
        action()
    except HostError as error:
        return str(error)
    return None


def _cycles_per_packet(first: Sample, last: Sample) -> float | None:
    both = first.cycles.keys() & last.cycles.keys()
    packets = sum(last.cycles[core].packets - first.cycles[core].packets for core in both)
    cycles = sum(last.cycles[core].processing - first.cycles[core].processing for core in both)
    return cycles / packets if packets > 0 else None


def pmd_share(first: dict[int, ThreadTime], last: dict[int, ThreadTime]) -> float | None:
    """Return the least share of a CPU that a thread had of the time in which it could run; None where the kernel does not count it."""
    shares = []
    for core in first.keys() & last.keys():
        run, wait = last[core].run - first[core].run, last[core].wait - first[core].wait
        if run + wait > 0:
            shares.append(run / (run + wait))
    return min(shares, default=None)


class Conditions(t.NamedTuple):
    """What stays the same in all trials of a measurement."""

    routes: Sequence[Route]
    frame_size: int
    seconds: float
    burst: rates.Burst
    macs: dict[str, str]
    throttled: bool
    """Whether the rate is set by the policers; else packets are counted at the rate at which they come."""


def trial(bench: Bench, conditions: Conditions, pps: float | None) -> pvp.Trial:
    """Offer *pps* packets per second to each route (None: all there are) and count. Raises HostError where nothing moves."""
    routes = conditions.routes
    if conditions.throttled:
        bench.set_throttle(routes, throttle_for(None if pps is None else pps / len(routes), conditions.frame_size, conditions.burst))
    start = bench.drained(conditions)
    bench.point(routes, forward=True, macs=conditions.macs)
    time.sleep(_LEAD_SECONDS)
    first = bench.sample()
    time.sleep(conditions.seconds)
    last = bench.sample()
    bench.point(routes, forward=False, macs=conditions.macs)
    end = bench.drained(conditions)
    sent, received = (after - before for before, after in zip(bench.counted(start, conditions), bench.counted(end, conditions)))
    offered = (bench.counted(last, conditions)[0] - bench.counted(first, conditions)[0]) / (last.moment - first.moment)
    _check_traffic(start, end, conditions, sent, received)
    cycles = None if pps is not None else _cycles_per_packet(first, last)
    return pvp.Trial(pps, offered, sent, received, cycles, pmd_share(first.times, last.times))


def _check_traffic(start: Sample, end: Sample, conditions: Conditions, sent: int, received: int) -> None:
    """Raise HostError where no packets came, where they have another size, or where none came back."""
    sources = ", ".join(dict.fromkeys(route.source for route in conditions.routes))
    if sent <= 0:
        raise HostError(f"no packet came in from {sources} in {conditions.seconds:g} s: is there a generator, and is the port up?")
    for route in conditions.routes:
        before, after = start.known(route.into), end.known(route.into)
        packets, size = (after.tx_packets or 0) - (before.tx_packets or 0), (after.tx_bytes or 0) - (before.tx_bytes or 0)
        found = size / packets + rates.FCS if packets > 0 and size > 0 else None
        if found is not None and abs(found - conditions.frame_size) > 1:
            raise HostError(
                f"port {route.source}: its packets are frames of {found:.0f} bytes with FCS, not of {conditions.frame_size} as frame_sizes says. "
                "Correct frame_sizes, or what sends."
            )
    if received <= 0:
        ways = " and ".join(map(str, conditions.routes))
        raise HostError(f"{sent} packets went into the guest and none came out ({ways}): is the guest forwarding, and do the ports have this order?")
