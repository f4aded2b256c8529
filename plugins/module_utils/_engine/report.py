# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a switch as a person reads it, from the database and from what the daemon answers (private to this collection)."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import config, flow_control, policer
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantQoS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_perf import Load, Usage, parse_load, parse_usage
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_pmd import PmdThread, parse_pmd_threads
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import DatapathPort, RxQueue, parse_dpif_show, parse_rx_queues
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_qos import ShownQos, parse_qos_show
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import NoDaemonError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import releases

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface, Port, Snapshot
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon

_DPDK_TYPES = tuple(releases.PORT_TYPES)


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the daemon says. *problem* is why it does not say anything; a question that this release does not know has no answer."""

    problem: str | None = None
    ports: Mapping[str, DatapathPort] = dataclasses.field(default_factory=dict)
    rx_queues: Sequence[RxQueue] = ()
    threads: Sequence[PmdThread] = ()
    usage: Usage = dataclasses.field(default_factory=lambda: Usage({}, {}))
    loads: Mapping[int, Load] = dataclasses.field(default_factory=dict)
    policers: Mapping[str, ShownQos] = dataclasses.field(default_factory=dict)


def ask(daemon: Daemon, snapshot: Snapshot) -> Answers:
    """Ask all that the report needs, over one connection."""
    policed = sorted(interface for port in snapshot.ports.values() if port.qos for interface in port.interfaces)
    questions = [("dpif/show",), ("dpif-netdev/pmd-rxq-show",), ("dpif-netdev/pmd-perf-show", "-nh"), *(("qos/show", name) for name in policed)]
    try:
        answers = daemon.ask_all(questions)
    except NoDaemonError as error:
        return Answers(problem=str(error))
    ports, rxqs, perf, *policers = (answer if isinstance(answer, str) else "" for answer in answers)
    return Answers(
        ports=parse_dpif_show(ports).ports,
        rx_queues=parse_rx_queues(rxqs),
        threads=parse_pmd_threads(rxqs),
        usage=parse_usage(rxqs),
        loads=parse_load(perf),
        policers={name: parse_qos_show(answer) for name, answer in zip(policed, policers) if answer},
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _affinity(interface: Interface) -> dict[int, int]:
    """Return the CPU for each rx queue that is bound to one; nothing where the value cannot be read."""
    key = releases.INTERFACE_OPTIONS["pmd-rxq-affinity"]
    try:
        value = releases.parse(key, interface.other_config[key.key])
    except (KeyError, ValueError):
        return {}
    return {pair[0]: pair[1] for pair in value if isinstance(pair, tuple) and pair[1] is not None} if isinstance(value, tuple) else {}


class Report:
    """The report about one switch. *lines* are those of the daemon's log; policers are shown for frames of *frame_size* bytes."""

    def __init__(self, snapshot: Snapshot, answers: Answers, lines: Sequence[str], frame_size: int) -> None:
        self.snapshot = snapshot
        self.answers = answers
        self.lines = lines
        self.units = policer.Units("pps", frame_size)

    def result(self) -> dict[str, t.Any]:
        """Return all of it."""
        switch = self.snapshot.switch
        return {
            "running": self.answers.problem is None,
            "problem": self.answers.problem,
            "ovs_version": switch.ovs_version,
            "dpdk_version": None if switch.dpdk_version == "none" else switch.dpdk_version,
            "dpdk_initialized": switch.dpdk_initialized,
            "iface_types": list(switch.iface_types),
            "other_config": config.typed(switch.other_config),
            "bridges": [self.bridge(name) for name in sorted(self.snapshot.bridges)],
            "ports": [self.port(name) for name in sorted(self.snapshot.interfaces)],
            "pmd_threads": [self.thread(thread) for thread in sorted(self.answers.threads)],
            "orphans": policer.orphans_of(self.snapshot).result(),
            "findings": self.findings(),
        }

    def bridge(self, name: str) -> dict[str, t.Any]:
        """Return a bridge with the names of its ports."""
        bridge = self.snapshot.bridges[name]
        return {
            "name": name,
            "datapath_type": bridge.datapath_type or "system",
            "fail_mode": bridge.fail_mode,
            "other_config": dict(sorted(bridge.other_config.items())),
            "ports": [port.name for port in self.snapshot.ports_of(name) if port.name != name],
        }

    def port(self, name: str) -> dict[str, t.Any]:
        """Return an interface, with what belongs to the port that it is of."""
        interface, port = self.snapshot.interfaces[name], self.snapshot.port_of(name)
        return {
            "name": name,
            "port": port.name if port else None,
            "bridge": port.bridge if port else None,
            "type": interface.type or "system",
            "ofport": interface.ofport,
            "error": interface.error,
            "admin_state": interface.admin_state,
            "link_state": interface.link_state,
            "mac": interface.mac_in_use,
            "mtu": interface.mtu or None,
            "mtu_request": interface.mtu_request,
            "devargs": interface.options.get("dpdk-devargs"),
            "driver": interface.status.get("driver_name"),
            "numa_node": _number(interface.status.get("numa_id", interface.status.get("numa"))),
            "options": dict(sorted(interface.options.items())),
            "other_config": dict(sorted(interface.other_config.items())),
            **self.queues(interface),
            "egress": self.egress(port),
            "ingress": self.in_bits(policer.show_ingress(interface, self.units)),
            "flow_control": self.flow_control(interface) if interface.type == "dpdk" else None,
            "vhost": self.vhost(interface) if interface.type.startswith("dpdkvhost") else None,
        }

    def queues(self, interface: Interface) -> dict[str, t.Any]:
        """Return the queues: what was asked for, what the switch has, and who polls them."""
        there = self.answers.ports.get(interface.name)
        rxqs = [queue for queue in self.answers.rx_queues if queue.port == interface.name]
        descriptors = {}
        for name in ("n_rxq_desc", "n_txq_desc"):
            descriptors[name] = {"asked": _number(interface.options.get(name)), "there": there.number(name) if there else None}
        configured = _number(interface.status.get("n_rxq")) or (there.number("n_rxq") if there else None)
        return {
            "n_rxq": {"asked": _number(interface.options.get("n_rxq")), "there": configured},
            **descriptors,
            "rxq_affinity": _affinity(interface),
            "rxqs": [
                {
                    "queue": queue.queue,
                    "core": queue.core,
                    "node": queue.node,
                    "isolated": queue.isolated,
                    "enabled": queue.enabled,
                    "usage_percent": self.answers.usage.queues.get((queue.port, queue.queue)),
                }
                for queue in rxqs
            ],
        }

    def in_bits(self, shown: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
        """Add the rate in bits per second, which holds for frames of any size."""
        if shown is None or "rate" not in shown:
            return shown
        cir = shown["cir"] if "cir" in shown else shown["kbps"] * 125
        return {**shown, "bit_rate": policer.Units().show(cir)}

    def egress(self, port: Port | None) -> dict[str, t.Any] | None:
        """Return the egress policer."""
        return self.in_bits(policer.show_egress(self.snapshot.qos.get(port.qos or ""), self.snapshot.queues, self.units)) if port else None

    def flow_control(self, interface: Interface) -> dict[str, t.Any]:
        """Return the settings of flow control, and whether the device does it."""
        effective = flow_control.has_effect(interface, self.answers.ports.get(interface.name), self.lines, changed=False)
        return {**{option: flow_control.stored(interface, option) for option in flow_control.KEYS}, "effective": effective}

    def vhost(self, interface: Interface) -> dict[str, t.Any]:
        """Return the state of the connection to the guest; what was negotiated is there once it is connected."""
        status = interface.status
        vrings = _number(status.get("num_of_vrings"))
        return {
            "mode": status.get("mode"),
            "connected": status.get("status") == "connected",
            "socket": status.get("socket", interface.options.get("vhost-server-path")),
            "queues": None if vrings is None else vrings // 2,
            "features": status.get("features"),
        }

    def thread(self, thread: PmdThread) -> dict[str, t.Any]:
        """Return a PMD thread with its queues and its load."""
        load = self.answers.loads.get(thread.core)
        queues = [queue for queue in self.answers.rx_queues if queue.core == thread.core]
        return {
            "core": thread.core,
            "node": thread.node,
            "isolated": any(queue.isolated for queue in queues),
            "rxqs": [{"port": queue.port, "queue": queue.queue, "usage_percent": self.answers.usage.queues.get((queue.port, queue.queue))} for queue in queues],
            "overhead_percent": self.answers.usage.overhead.get(thread.core),
            "seconds": load.seconds if load else None,
            "busy_percent": load.busy_percent if load else None,
            "sleep_percent": load.sleep_percent if load else None,
            "rx_packets": load.rx_packets if load else None,
            "tx_packets": load.tx_packets if load else None,
        }

    def findings(self) -> list[str]:
        """Return what is set and not read, what is stored and not done, and what is left over."""
        switch = self.snapshot.switch
        found = []
        if config.wants_dpdk(switch.other_config) and switch.dpdk_initialized is False:
            found.append("dpdk-init is set, and DPDK is not initialised: the log of ovs-vswitchd says why")
        try:
            release = releases.parse_version(switch.ovs_version or "")
        except ValueError:
            release = None
        if release is not None:
            found += [text for texts in releases.unknown_keys(switch.other_config, release).values() for text in texts]
        for name, interface in sorted(self.snapshot.interfaces.items()):
            found += [f"port {name}: {text}" for text in self.port_findings(interface, release)]
        orphans = policer.orphans_of(self.snapshot)
        if orphans:
            found.append(f"{len(orphans.qos)} row(s) of QoS and {len(orphans.queues)} of Queue belong to no port and do nothing")
        return found

    def port_findings(self, interface: Interface, release: releases.Release | None) -> list[str]:
        """Return the findings about one interface."""
        found = [interface.error] if interface.error else []
        if interface.type not in _DPDK_TYPES:
            return found
        if release is not None:
            deprecated = releases.describe_deprecated_type(interface.type, release)
            found += [deprecated] if deprecated else []
            known = [name for name in interface.other_config if name in releases.INTERFACE_OPTIONS]
            found += [text for name in sorted([*interface.options, *known]) for text in releases.check_interface_option(name, interface.type, release)]
        if interface.type == "dpdk" and flow_control.has_effect(interface, self.answers.ports.get(interface.name), self.lines, changed=False) is False:
            found.append("flow control is stored but has no effect")
        if self.answers.problem is None:
            found += self.undone(interface)
        return found

    def undone(self, interface: Interface) -> list[str]:
        """Return what the running switch does not do of what is stored."""
        found = []
        port = self.snapshot.port_of(interface.name)
        row = self.snapshot.qos.get(port.qos or "") if port else None
        if row is not None:
            queues = {number: dict(self.snapshot.queues[key].other_config) for number, key in row.queues.items() if key in self.snapshot.queues}
            want = WantQoS(type=row.type, other_config=row.other_config, queues=queues)
            found += policer.differences(want, self.answers.policers.get(interface.name, ShownQos()))
        if interface.ofport is not None and interface.ofport > 0 and not any(queue.port == interface.name for queue in self.answers.rx_queues):
            found.append("no PMD thread polls it")
        return found
