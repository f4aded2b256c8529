# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ovs-vsctl --format=json list`` prints, as typed rows (private to this collection).

A column that this release of the schema lacks keeps its default.
The JSON form of a value is that of RFC 7047, section 5.1: an atom, ``["uuid", U]``, ``["set", [...]]`` or ``["map", [[K, V], ...]]``.

The rows are NamedTuples, not dataclasses, as are all values that most modules load: Ansible compiles a module and what it imports each time
that it runs, and a dataclass takes several times as long to make.
"""

from __future__ import annotations

import json
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# One `list` each, in this order, in one call of ovs-vsctl.
TABLES = ("Open_vSwitch", "Bridge", "Port", "Interface", "QoS", "Queue")


class Switch(t.NamedTuple):
    """The one row of Open_vSwitch; of its last four columns ovs-vswitchd is the writer."""

    other_config: Mapping[str, str] = {}
    external_ids: Mapping[str, str] = {}
    iface_types: tuple[str, ...] = ()
    dpdk_initialized: bool | None = None
    dpdk_version: str | None = None
    ovs_version: str | None = None


class Bridge(t.NamedTuple):
    """A row of Bridge."""

    name: str
    uuid: str = ""
    datapath_type: str = ""
    fail_mode: str | None = None
    other_config: Mapping[str, str] = {}
    external_ids: Mapping[str, str] = {}


class Port(t.NamedTuple):
    """A row of Port, with the name of its bridge and the names of its interfaces; *qos* is the key of a :class:`QoS`."""

    name: str
    uuid: str = ""
    bridge: str = ""
    interfaces: tuple[str, ...] = ()
    qos: str | None = None
    bond_mode: str | None = None
    lacp: str | None = None
    tag: int | None = None
    other_config: Mapping[str, str] = {}
    external_ids: Mapping[str, str] = {}


class Interface(t.NamedTuple):
    """A row of Interface; from *ofport* on ovs-vswitchd is the writer."""

    name: str
    uuid: str = ""
    type: str = ""
    options: Mapping[str, str] = {}
    other_config: Mapping[str, str] = {}
    external_ids: Mapping[str, str] = {}
    mtu_request: int | None = None
    ingress_policing_rate: int = 0
    ingress_policing_burst: int = 0
    ofport: int | None = None
    error: str | None = None
    mtu: int | None = None
    admin_state: str | None = None
    link_state: str | None = None
    mac_in_use: str | None = None
    status: Mapping[str, str] = {}


class QoS(t.NamedTuple):
    """A row of QoS; *queues* has the key of a :class:`Queue` for each queue number."""

    uuid: str
    type: str = ""
    queues: Mapping[int, str] = {}
    other_config: Mapping[str, str] = {}
    external_ids: Mapping[str, str] = {}


class Queue(t.NamedTuple):
    """A row of Queue."""

    uuid: str
    other_config: Mapping[str, str] = {}
    external_ids: Mapping[str, str] = {}


class Snapshot(t.NamedTuple):
    """All that this collection looks at in the database, at one moment. The default is a switch on which nothing is configured."""

    switch: Switch = Switch()
    bridges: Mapping[str, Bridge] = {}
    ports: Mapping[str, Port] = {}
    interfaces: Mapping[str, Interface] = {}
    qos: Mapping[str, QoS] = {}
    queues: Mapping[str, Queue] = {}

    def ports_of(self, bridge: str) -> list[Port]:
        """Return the ports of a bridge, its local one included, by name."""
        return sorted((port for port in self.ports.values() if port.bridge == bridge), key=lambda port: port.name)

    def port_of(self, interface: str) -> Port | None:
        """Return the port that an interface belongs to."""
        return next((port for port in self.ports.values() if interface in port.interfaces), None)


def list_commands() -> list[str]:
    """Return the words of ovs-vsctl that list each of :data:`TABLES`.

    Of the two tables that grow with the number of ports, only what is looked at, which every release since 2.6 has: an interface has statistics.
    """
    words: list[str] = []
    for table in TABLES:
        fields = {"Port": Port._fields, "Interface": Interface._fields}.get(table, ())
        columns = ",".join("_uuid" if field == "uuid" else field for field in fields if field != "bridge")
        words += ["--", *([f"--columns={columns}"] if columns else []), "list", table]
    return words


def _value(raw: t.Any) -> t.Any:
    """Return an atom as it is, a set as a tuple, a map as a dict."""
    if isinstance(raw, list):
        kind, content = raw
        if kind == "map":
            return {key: _value(value) for key, value in content}
        if kind == "set":
            return tuple([_value(item) for item in content])
        return content  # a UUID
    return raw


def _many(value: t.Any) -> tuple[t.Any, ...]:
    """Return a set column as a tuple; RFC 7047 writes a set of one as the bare atom."""
    return value if isinstance(value, tuple) else (value,)


def _row(kind: t.Any, raw: Mapping[str, t.Any]) -> t.Any:
    """Make one of the classes above of a row; an optional column with nothing in it keeps the default."""
    return kind(**{field: raw[field] for field in kind._fields if raw.get(field, ()) != ()})


def _read_tables(text: str) -> Iterable[list[dict[str, t.Any]]]:
    """Yield the rows of each JSON table in the output."""
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        table, end = decoder.raw_decode(text, position)
        headings = ["uuid" if heading == "_uuid" else heading for heading in table["headings"]]
        yield [dict(zip(headings, map(_value, row))) for row in table["data"]]
        position = end
        while position < len(text) and text[position].isspace():
            position += 1


def parse_snapshot(text: str) -> Snapshot:
    """Return the snapshot in the output of one ``ovs-vsctl --format=json`` with :func:`list_commands`.

    Raises ValueError where the output is something else.
    """
    rows = dict(zip(TABLES, _read_tables(text)))
    if len(rows) != len(TABLES):
        raise ValueError(f"ovs-vsctl printed {len(rows)} tables, not {len(TABLES)}")
    switch = dict(rows["Open_vSwitch"][0]) if rows["Open_vSwitch"] else {}
    switch["iface_types"] = tuple(sorted(_many(switch.get("iface_types", ()))))
    interface_names = {row["uuid"]: row["name"] for row in rows["Interface"]}
    bridge_of = {port: row["name"] for row in rows["Bridge"] for port in _many(row["ports"])}
    for row in rows["Port"]:
        row["bridge"] = bridge_of.get(row["uuid"], "")
        row["interfaces"] = tuple(sorted(interface_names[uuid] for uuid in _many(row["interfaces"])))
    return Snapshot(
        switch=_row(Switch, switch),
        bridges={row["name"]: _row(Bridge, row) for row in rows["Bridge"]},
        ports={row["name"]: _row(Port, row) for row in rows["Port"]},
        interfaces={row["name"]: _row(Interface, row) for row in rows["Interface"]},
        qos={row["uuid"]: _row(QoS, row) for row in rows["QoS"]},
        queues={row["uuid"]: _row(Queue, row) for row in rows["Queue"]},
    )
