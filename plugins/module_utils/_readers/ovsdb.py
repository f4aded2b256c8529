# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ovs-vsctl --format=json list`` prints, as typed rows (private to this collection).

A column that this release of the schema lacks keeps its default; :attr:`Snapshot.columns` says which ones there are.
The JSON form of a value is that of RFC 7047, section 5.1: an atom, ``["uuid", U]``, ``["set", [...]]`` or ``["map", [[K, V], ...]]``.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Text = t.Dict[str, str]  # noqa: UP006 - evaluated at run time on Python 3.9

# One `list` each, in this order, in one call of ovs-vsctl.
TABLES = ("Open_vSwitch", "Bridge", "Port", "Interface", "QoS", "Queue")


def _map() -> Text:
    return {}


@dataclasses.dataclass(frozen=True)
class Switch:
    """The one row of Open_vSwitch; of its last four columns ovs-vswitchd is the writer."""

    other_config: Mapping[str, str] = dataclasses.field(default_factory=_map)
    external_ids: Mapping[str, str] = dataclasses.field(default_factory=_map)
    iface_types: tuple[str, ...] = ()
    dpdk_initialized: bool | None = None
    dpdk_version: str | None = None
    ovs_version: str | None = None


@dataclasses.dataclass(frozen=True)
class Bridge:
    """A row of Bridge."""

    name: str
    uuid: str = ""
    datapath_type: str = ""
    fail_mode: str | None = None
    other_config: Mapping[str, str] = dataclasses.field(default_factory=_map)
    external_ids: Mapping[str, str] = dataclasses.field(default_factory=_map)


@dataclasses.dataclass(frozen=True)
class Port:
    """A row of Port, with the name of its bridge and the names of its interfaces; *qos* is the key of a :class:`QoS`."""

    name: str
    uuid: str = ""
    bridge: str = ""
    interfaces: tuple[str, ...] = ()
    qos: str | None = None
    bond_mode: str | None = None
    lacp: str | None = None
    tag: int | None = None
    other_config: Mapping[str, str] = dataclasses.field(default_factory=_map)
    external_ids: Mapping[str, str] = dataclasses.field(default_factory=_map)


@dataclasses.dataclass(frozen=True)
class Interface:
    """A row of Interface; from *ofport* on ovs-vswitchd is the writer."""

    name: str
    uuid: str = ""
    type: str = ""
    options: Mapping[str, str] = dataclasses.field(default_factory=_map)
    other_config: Mapping[str, str] = dataclasses.field(default_factory=_map)
    external_ids: Mapping[str, str] = dataclasses.field(default_factory=_map)
    mtu_request: int | None = None
    ingress_policing_rate: int = 0
    ingress_policing_burst: int = 0
    ofport: int | None = None
    error: str | None = None
    mtu: int | None = None
    admin_state: str | None = None
    link_state: str | None = None
    mac_in_use: str | None = None
    status: Mapping[str, str] = dataclasses.field(default_factory=_map)


@dataclasses.dataclass(frozen=True)
class QoS:
    """A row of QoS; *queues* has the key of a :class:`Queue` for each queue number."""

    uuid: str
    type: str = ""
    queues: Mapping[int, str] = dataclasses.field(default_factory=dict)
    other_config: Mapping[str, str] = dataclasses.field(default_factory=_map)
    external_ids: Mapping[str, str] = dataclasses.field(default_factory=_map)


@dataclasses.dataclass(frozen=True)
class Queue:
    """A row of Queue."""

    uuid: str
    other_config: Mapping[str, str] = dataclasses.field(default_factory=_map)
    external_ids: Mapping[str, str] = dataclasses.field(default_factory=_map)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """All that this collection looks at in the database, at one moment. The default is a switch on which nothing is configured."""

    switch: Switch = dataclasses.field(default_factory=Switch)
    bridges: Mapping[str, Bridge] = dataclasses.field(default_factory=dict)
    ports: Mapping[str, Port] = dataclasses.field(default_factory=dict)
    interfaces: Mapping[str, Interface] = dataclasses.field(default_factory=dict)
    qos: Mapping[str, QoS] = dataclasses.field(default_factory=dict)
    queues: Mapping[str, Queue] = dataclasses.field(default_factory=dict)
    columns: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)

    def ports_of(self, bridge: str) -> list[Port]:
        """Return the ports of a bridge, its local one included, by name."""
        return sorted((port for port in self.ports.values() if port.bridge == bridge), key=lambda port: port.name)

    def port_of(self, interface: str) -> Port | None:
        """Return the port that an interface belongs to."""
        return next((port for port in self.ports.values() if interface in port.interfaces), None)


# The fields of each class, and the columns that they are read from
_COLUMNS: dict[t.Any, list[tuple[str, str]]] = {
    kind: [(field.name, "_uuid" if field.name == "uuid" else field.name) for field in dataclasses.fields(kind)]
    for kind in (Switch, Bridge, Port, Interface, QoS, Queue)
}


def _value(raw: t.Any) -> t.Any:
    """Return an atom as it is, a set as a tuple, a map as a dict."""
    if isinstance(raw, list):
        kind, content = raw
        if kind == "map":
            return {_value(key): _value(value) for key, value in content}
        if kind == "set":
            return tuple(_value(item) for item in content)
        return content  # a UUID
    return raw


def _many(value: t.Any) -> tuple[t.Any, ...]:
    """Return a set column as a tuple; RFC 7047 writes a set of one as the bare atom."""
    return value if isinstance(value, tuple) else (value,)


def _row(kind: t.Any, raw: Mapping[str, t.Any], **own: t.Any) -> t.Any:
    """Make one of the classes above of a row; an optional column with nothing in it keeps the default."""
    given = {name: raw[column] for name, column in _COLUMNS[kind] if raw.get(column, ()) != () and name not in own}
    return kind(**given, **own)


def _read_tables(text: str) -> Iterable[tuple[list[str], list[dict[str, t.Any]]]]:
    """Yield the headings and the rows of each JSON table in the output."""
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        table, end = decoder.raw_decode(text, position)
        headings = table["headings"]
        yield headings, [dict(zip(headings, (_value(cell) for cell in row))) for row in table["data"]]
        position = end
        while position < len(text) and text[position].isspace():
            position += 1


def parse_snapshot(text: str) -> Snapshot:
    """Return the snapshot in the output of one ``ovs-vsctl --format=json`` with a ``list`` for each of :data:`TABLES`.

    Raises ValueError where the output is something else.
    """
    tables = dict(zip(TABLES, _read_tables(text)))
    if len(tables) != len(TABLES):
        raise ValueError(f"ovs-vsctl printed {len(tables)} tables, not {len(TABLES)}")
    rows = {name: content for name, (_headings, content) in tables.items()}
    switch = dict(rows["Open_vSwitch"][0]) if rows["Open_vSwitch"] else {}
    switch["iface_types"] = tuple(sorted(_many(switch.get("iface_types", ()))))
    interface_names = {row["_uuid"]: row["name"] for row in rows["Interface"]}
    bridge_of = {port: row["name"] for row in rows["Bridge"] for port in _many(row["ports"])}
    return Snapshot(
        switch=_row(Switch, switch),
        bridges={row["name"]: _row(Bridge, row) for row in rows["Bridge"]},
        ports={
            row["name"]: _row(
                Port, row, bridge=bridge_of.get(row["_uuid"], ""), interfaces=tuple(sorted(interface_names[uuid] for uuid in _many(row["interfaces"])))
            )
            for row in rows["Port"]
        },
        interfaces={row["name"]: _row(Interface, row) for row in rows["Interface"]},
        qos={row["_uuid"]: _row(QoS, row) for row in rows["QoS"]},
        queues={row["_uuid"]: _row(Queue, row) for row in rows["Queue"]},
        columns={name: frozenset(headings) for name, (headings, _content) in tables.items()},
    )
