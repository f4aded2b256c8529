# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From two snapshots to the commands of one ovs-vsctl transaction (private to this collection). Pure.

The syntax of a value is that of ovs-vsctl(8), "Database Values": what is not a plain word stands in quotes.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Bridge, Interface, Port, Snapshot
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import names

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Command = t.List[str]  # noqa: UP006 - evaluated at run time on Python 3.9

# The columns that a user configures; the others ovs-vswitchd writes, or they are references, which have rules of their own below.
_COLUMNS = {
    "Open_vSwitch": ("other_config", "external_ids"),
    "Bridge": ("datapath_type", "fail_mode", "other_config", "external_ids"),
    "Port": ("bond_mode", "lacp", "tag", "other_config", "external_ids"),
    "Interface": ("type", "options", "other_config", "external_ids", "mtu_request", "ingress_policing_rate", "ingress_policing_burst"),
    "QoS": ("type", "other_config", "external_ids"),
    "Queue": ("other_config", "external_ids"),
}
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def quote(value: str | int) -> str:
    """Return a value as ovs-vsctl reads it: a plain word as it is, all else (also what looks like a UUID) as a JSON string."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) and not _UUID.fullmatch(text) else json.dumps(text)


class _RowNames:
    """How a row of QoS or Queue is called: by its UUID, or ``@name`` while the same transaction makes it."""

    def __init__(self, current: Snapshot) -> None:
        self.present = {*current.qos, *current.queues}
        self.made: dict[str, str] = {}

    def ref(self, key: str) -> str:
        return key if key in self.present else self.made.setdefault(key, f"@row{len(self.made)}")


def _assignments(table: str, old: t.Any, new: t.Any) -> tuple[list[str], list[Command]]:
    """Return what ``set`` or ``create`` takes, and the removals that need commands of their own (without the record's name)."""
    values: list[str] = []
    removals: list[Command] = []
    for column in _COLUMNS[table]:
        before, after = getattr(old, column), getattr(new, column)
        if before == after:
            continue
        if isinstance(after, dict):
            values += [f"{column}:{quote(key)}={quote(value)}" for key, value in sorted(after.items()) if before.get(key) != value]
            gone = sorted(set(before) - set(after))
            removals += [["remove", column, *map(quote, gone)]] if gone else []
        elif after is None:
            removals.append(["clear", column])
        else:
            values.append(f"{column}={quote(after)}")
    return values, removals


def _updates(table: str, record: str, old: t.Any, new: t.Any) -> list[Command]:
    """Return the commands that bring the columns of one row from *old* to *new*."""
    values, removals = _assignments(table, old, new)
    commands = [[verb, table, record, *rest] for verb, *rest in removals]
    return [*commands, ["set", table, record, *values]] if values else commands


def _detach(current: Snapshot, target: Snapshot) -> Iterable[Command]:
    """Take the ports that move off their bridges, which may go in the same transaction."""
    for old, _new in _moves(current, target):
        yield ["remove", "Bridge", old.bridge, "ports", old.uuid]


def _moves(current: Snapshot, target: Snapshot) -> list[tuple[Port, Port]]:
    both = sorted(set(target.ports) & set(current.ports))
    return [(current.ports[name], target.ports[name]) for name in both if current.ports[name].bridge != target.ports[name].bridge]


def _delete(current: Snapshot, target: Snapshot) -> Iterable[Command]:
    """Remove ports and bridges.

    The row of a removed port counts as a reference to its policer until ovsdb-server collects it, and del-port drops any change to that row.
    So a port whose policer is destroyed with it lets go of it, and the reference to the port is removed instead.
    """
    gone = set(current.bridges) - set(target.bridges)
    by_reference: set[str] = set()
    for name in sorted(set(current.ports) - set(target.ports)):
        port = current.ports[name]
        lets_go = port.qos is not None and port.qos not in target.qos
        if lets_go:
            yield ["clear", "Port", name, "qos"]
        if port.bridge in gone:
            by_reference |= {port.bridge} if lets_go else set()
        elif lets_go:
            yield ["remove", "Bridge", port.bridge, "ports", port.uuid]
        else:
            yield ["del-port", port.bridge, name]
    for name in sorted(gone):
        yield ["remove", "Open_vSwitch", ".", "bridges", current.bridges[name].uuid] if name in by_reference else ["del-br", name]


def _create(current: Snapshot, target: Snapshot) -> Iterable[Command]:
    for name in sorted(set(target.bridges) - set(current.bridges)):
        yield ["add-br", name]
    for name in sorted(set(target.ports) - set(current.ports)):
        port = target.ports[name]
        if name == port.bridge and name not in current.bridges:
            continue  # add-br has made it
        if port.interfaces == (name,):
            yield ["add-port", port.bridge, name]
        else:
            yield ["add-bond", port.bridge, name, *port.interfaces]


def _place(current: Snapshot, target: Snapshot) -> Iterable[Command]:
    """Put the ports that move on their new bridges, and change the members of bonds."""
    for old, new in _moves(current, target):
        yield ["add", "Bridge", new.bridge, "ports", old.uuid]
    made = 0
    for name in sorted(set(target.ports) & set(current.ports)):
        old, new = current.ports[name], target.ports[name]
        for interface in sorted(set(new.interfaces) - set(old.interfaces)):
            made += 1
            yield [f"--id=@member{made}", "create", "Interface", f"name={quote(interface)}"]
            yield ["add", "Port", name, "interfaces", f"@member{made}"]
        gone = sorted(set(old.interfaces) - set(new.interfaces))
        if gone:
            yield ["remove", "Port", name, "interfaces", *(current.interfaces[interface].uuid for interface in gone)]


def _configure(current: Snapshot, target: Snapshot) -> Iterable[Command]:
    yield from _updates("Open_vSwitch", ".", current.switch, target.switch)
    for name, bridge in sorted(target.bridges.items()):
        yield from _updates("Bridge", name, current.bridges.get(name, Bridge(name=name)), bridge)
    for name, port in sorted(target.ports.items()):
        yield from _updates("Port", name, current.ports.get(name, Port(name=name)), port)
    kept = _kept_interfaces(current, target)
    for name, interface in sorted(target.interfaces.items()):
        made = Interface(name=name, type="internal" if name in target.bridges else "")
        yield from _updates("Interface", name, current.interfaces[name] if name in kept else made, interface)


def _kept_interfaces(current: Snapshot, target: Snapshot) -> set[str]:
    """Return the interfaces whose rows stay; one of the same name that another port gets is a new row."""
    both = set(target.ports) & set(current.ports)
    return {interface for name in both for interface in {*current.ports[name].interfaces} & {*target.ports[name].interfaces}}


def _police(current: Snapshot, target: Snapshot) -> Iterable[Command]:
    """Make, change, attach and destroy the rows of QoS and Queue."""
    rows = _RowNames(current)
    yield from _rows("Queue", current.queues, target.queues, rows, {})
    links = {key: [f"queues:{number}={rows.ref(queue)}" for number, queue in sorted(row.queues.items())] for key, row in target.qos.items()}
    yield from _rows("QoS", current.qos, target.qos, rows, links)
    for key in sorted(set(target.qos) & set(current.qos)):
        old, new = current.qos[key].queues, target.qos[key].queues
        if old != new:
            yield ["clear", "QoS", key, "queues"]
            yield from ([["set", "QoS", key, *links[key]]] if new else [])
    for name, port in sorted(target.ports.items()):
        old_qos = current.ports[name].qos if name in current.ports else None
        if port.qos != old_qos:
            yield ["set", "Port", name, f"qos={rows.ref(port.qos)}"] if port.qos else ["clear", "Port", name, "qos"]
    for table, old_keys, new_keys in (("QoS", current.qos, target.qos), ("Queue", current.queues, target.queues)):
        yield from (["destroy", table, key] for key in sorted(set(old_keys) - set(new_keys)))


def _rows(table: str, current: Mapping[str, t.Any], target: Mapping[str, t.Any], rows: _RowNames, links: Mapping[str, list[str]]) -> Iterable[Command]:
    """Create the rows that are new, with their links, and update the others."""
    for key, row in sorted(target.items()):
        if key in current:
            yield from _updates(table, key, current[key], row)
        else:
            values = [*_assignments(table, type(row)(uuid=""), row)[0], *links.get(key, [])]
            yield [f"--id={rows.ref(key)}", "create", table, *(values or ["other_config={}"])]  # create wants one column at least


def commands_between(current: Snapshot, target: Snapshot) -> list[Command]:
    """Return the ovs-vsctl commands that bring the database from *current* to *target*; none where they are equal.

    Columns that ovs-vswitchd writes are not looked at.
    """
    steps = (_detach, _delete, _create, _place, _configure, _police)
    return [command for step in steps for command in step(current, target)]


# A type that never opens a device: a patch port without its peer. It makes ovs-vswitchd close the device that the interface had.
_CLOSED = "patch"


def transactions_between(current: Snapshot, target: Snapshot) -> list[list[Command]]:
    """Return the commands of each transaction that it takes to bring the database from *current* to *target*; mostly one, or none.

    Some devices have to be closed first, in a transaction of its own; their rows stay, with all else that they have:

    - A dpdkvhostuserclient port keeps the socket that it was opened with (dpdk_vhost_client_set_config in lib/netdev-dpdk.c).
    - A device that goes to another bridge or interface is still taken when it is opened there (Open vSwitch 4.0: "already in use").
    """
    sockets = {name for name in set(current.interfaces) & set(target.interfaces) if _socket_changes(current.interfaces[name], target.interfaces[name])}
    moved = sorted(sockets | _devices_that_move(current, target))
    closed = {name: current.interfaces[name]._replace(type=_CLOSED) for name in moved}
    first = [command for name in moved for command in _updates("Interface", name, current.interfaces[name], closed[name])]
    middle = current._replace(interfaces={**current.interfaces, **closed}) if moved else current
    return [commands for commands in (first, commands_between(middle, target)) if commands]


def _socket_changes(old: Interface, new: Interface) -> bool:
    sockets = [interface.options.get("vhost-server-path") for interface in (old, new)]
    return old.type == new.type == "dpdkvhostuserclient" and sockets[0] is not None and sockets[0] != sockets[1]


def _devices_that_move(current: Snapshot, target: Snapshot) -> set[str]:
    """Return the interfaces of *current* whose DPDK device has another bridge or another interface in *target*."""
    before, after = _places(current), _places(target)
    return {place[1] for device, place in before.items() if after.get(device, place) != place}


def _places(snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    """Return the bridge and the interface that have each DPDK device."""
    found = {}
    for port in snapshot.ports.values():
        for name in port.interfaces:
            interface = snapshot.interfaces[name]
            device = names.device_identity(interface.options.get("dpdk-devargs", "")) if interface.type == "dpdk" else None
            if device is not None:
                found[device] = (port.bridge, name)
    return found
