# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policers of the ports of a task: options, wants and proof, for qos_policer and for the modules that make ports (private to this collection)."""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import policer
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import POLICERS, NoQoS, WantPort, WantQoS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_qos import parse_qos_show, parse_qos_types
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Evidence
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot

_METER_OPTIONS: dict[str, dict[str, t.Any]] = {
    "rate": {"type": "str"},
    "burst": {"type": "str"},
    "cir": {"type": "int"},
    "cbs": {"type": "int"},
    "excess_rate": {"type": "str"},
    "excess_burst": {"type": "str"},
    "eir": {"type": "int"},
    "ebs": {"type": "int"},
}
_METER_CHECKS = [("rate", "cir"), ("burst", "cbs"), ("excess_rate", "eir"), ("excess_burst", "ebs")]
DIRECTIONS: dict[str, dict[str, t.Any]] = {
    "egress": {
        "type": "dict",
        "options": {
            "type": {"type": "str", "choices": list(POLICERS)},
            "frame_size": {"type": "int"},
            **_METER_OPTIONS,
            "queues": {
                "type": "list",
                "elements": "dict",
                "options": {"queue": {"type": "int", "required": True}, **_METER_OPTIONS},
                "mutually_exclusive": _METER_CHECKS,
            },
        },
        "mutually_exclusive": _METER_CHECKS,
    },
    "ingress": {
        "type": "dict",
        "options": {
            "rate": {"type": "str"},
            "frame_size": {"type": "int"},
            "burst": {"type": "str"},
            "kbps": {"type": "int"},
            "kbit": {"type": "int"},
        },
        "mutually_exclusive": [("rate", "kbps"), ("burst", "kbit")],
    },
}


def wanted(port: str, given: Mapping[str, t.Any], mtu: int, *, clear: bool = False) -> tuple[WantQoS | NoQoS | None, dict[str, int]]:
    """Return the policer of a port, and the columns of its interfaces, that its options ``egress`` and ``ingress`` ask for.

    A direction that is None is left alone, one with nothing in it is cleared; *clear* does that to both. *mtu* is that of the port. Raises InputError.
    """
    qos: WantQoS | NoQoS | None = None
    if clear or given["egress"] is not None:
        qos = NoQoS() if clear or policer.is_empty(given["egress"]) else policer.egress_want(port, given["egress"], mtu)
    columns: dict[str, int] = {}
    if clear or given["ingress"] is not None:
        kbps, kbit = (0, 0) if clear or policer.is_empty(given["ingress"]) else policer.ingress_want(port, given["ingress"], mtu)
        columns = {"ingress_policing_rate": kbps, "ingress_policing_burst": kbit}
    return qos, columns


def shown(snapshot: Snapshot, name: str, given: Mapping[str, t.Any]) -> dict[str, dict[str, t.Any] | None]:
    """Return both policers of a port as a person reads them, in the units of the task; of a bond, the ingress policer of its first interface."""
    port = snapshot.ports.get(name)
    if port is None:
        return {"egress": None, "ingress": None}
    units = {direction: policer.Units() if given[direction] is None else policer.units_of(given[direction]) for direction in DIRECTIONS}
    first = snapshot.interfaces.get(port.interfaces[0]) if port.interfaces else None
    return {
        "egress": policer.show_egress(snapshot.qos.get(port.qos or ""), snapshot.queues, units["egress"]),
        "ingress": policer.show_ingress(first, units["ingress"]),
    }


def problems(evidence: Evidence) -> list[str]:
    """Ask the switch for the policer of every interface of the task, and return what is not as wanted, yet.

    Raises HostError where the switch has taken up the change and made something else of it.
    """
    wants = {
        interface: want.qos
        for want in evidence.wants
        if isinstance(want, WantPort) and want.qos is not None and want.name in evidence.snapshot.ports
        for interface in evidence.snapshot.ports[want.name].interfaces
    }
    answers = evidence.daemon.ask_all([("qos/show", interface) for interface in wants])
    waiting = [f"{interface}: {answer}" for interface, answer in zip(wants, answers) if isinstance(answer, HostError)]
    if waiting:
        return waiting  # the switch does not have the interface yet
    found = {interface: parse_qos_show(answer) for interface, answer in zip(wants, answers) if isinstance(answer, str)}
    different = {interface: policer.differences(want, found[interface]) for interface, want in wants.items()}
    result = [f"{interface}: {problem}" for interface, differences in different.items() for problem in differences]
    if result and evidence.changed:
        # it has taken up the change, and this is what it made of it: there is nothing to wait for
        kinds = evidence.daemon.ask("qos/show-types", next(interface for interface, differences in different.items() if differences))
        raise evidence.refusal([*result, f"it has the types {', '.join(parse_qos_types(kinds)) or 'none'}"])
    return result
