# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A switch for unit tests: a small OVSDB behind ovs-vsctl, and ovs-vswitchd behind a real control socket.

The fixture ``switch`` (conftest.py beside this file) puts it behind AnsibleModule.run_command and get_bin_path::

    def test_a_port_is_added(switch, run_module):
        switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev")   # what was there before
        result = run_module(ovs_dpdk_port, {**switch.args, "name": "p0", "bridge": "br0"})
        assert switch.rows("Interface")["p0"]["type"] == "dpdk"

What a test has in hand:

- ``switch.args``: the options rundir, log_file and timeout that lead a module to this switch.
- ``switch.write(*words)``: somebody else's ovs-vsctl, same commands as the engine's, ``--`` between them. Not counted.
- ``switch.rows(table)``: rows by name (QoS, Queue, Open_vSwitch: by UUID), columns as Python values, None for an empty
  optional one. ``switch.snapshot()``: the same as the engine reads it. ``switch.dump()``: rows without what the daemon writes, to compare.
- ``switch.reads``, ``switch.writes``: calls of ovs-vsctl so far; ``switch.transactions``: the commands of each write, also of a refused one.
- ``switch.before_write``: a list of functions; each is called once, right before the next write: a second writer.
  ``switch.after_write``, ``switch.after_read``: a function that is called after each write (also a refused one) or read.
- ``switch.refuse["p0"] = "words"``: the daemon cannot set up interface p0 and says so in Interface.error.
- ``switch.tells_of_errors = True``: ovs-vsctl ends with 65 where the daemon could not set up an interface, as since 3.6.
- ``switch.reconfigure``: the function that plays the daemon's part after a write; replace it for another behaviour.
- ``switch.say(level, text)``: a line in the daemon's log.
- ``switch.daemon.mode``: "up", "down" (no process id), "crashed" (a process id, nobody listens), "hung" (connects, never answers),
  "closes" (closes every connection unanswered). Set "crashed" or "hung" later than a question with ``switch.before_write``.
- ``switch.daemon.answers["dpif-netdev/pmd-rxq-show"]``: a text, a function of the parameters that returns one, or a :class:`Refusal`.
  ``version``, ``list-commands`` and ``qos/show`` are answered from the state. ``switch.daemon.asked``: all questions so far.
- ``switch.drop_column("Interface", "ingress_policing_kpkts_rate")``: an older schema.

It is strict: a command, an option or a form of value that the engine has no reason to write fails the test. What Open vSwitch refuses it
refuses in the same words and with nothing written: unknown names, taken names, ranges, dangling references, and the rule that is easy
to miss, that a row of QoS cannot be destroyed in the transaction that removes its port (the port's row still counts then).
QoS and Queue are root tables: nothing collects their rows. All formats are those of Open vSwitch 3.1.
"""

from __future__ import annotations

import copy
import json
import re
import select
import socket
import threading
import typing as t
import uuid

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import TABLES, Snapshot, parse_snapshot

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Mapping, Sequence

Row = t.Dict[str, t.Any]  # noqa: UP006 - evaluated at run time on Python 3.9
Tables = t.Dict[str, t.Dict[str, Row]]  # noqa: UP006 - evaluated at run time on Python 3.9

_IFACE_TYPES = (
    "afxdp afxdp-nonpmd bareudp dpdk dpdkvhostuser dpdkvhostuserclient erspan geneve gre gtpu internal ip6erspan ip6gre lisp patch stt system tap vxlan"
)

# Kinds: str int bool; `?` optional; `*` a set; map: text to text; ref>T one or none, refs>T many, links>T number to row.
_SCHEMA: dict[str, dict[str, str]] = {
    "Open_vSwitch": dict.fromkeys(("external_ids", "other_config", "statistics"), "map")
    | dict.fromkeys(("db_version", "dpdk_version", "ovs_version", "system_type", "system_version", "ssl"), "str?")
    | dict.fromkeys(("datapath_types", "iface_types", "manager_options"), "str*")
    | {"bridges": "refs>Bridge", "cur_cfg": "int", "next_cfg": "int", "dpdk_initialized": "bool", "datapaths": "map"},
    "Bridge": dict.fromkeys(("external_ids", "other_config", "rstp_status", "status", "flow_tables"), "map")
    | dict.fromkeys(("auto_attach", "datapath_id", "fail_mode", "ipfix", "netflow", "sflow"), "str?")
    | dict.fromkeys(("controller", "mirrors", "protocols", "flood_vlans"), "str*")
    | dict.fromkeys(("mcast_snooping_enable", "rstp_enable", "stp_enable"), "bool")
    | {"name": "str", "datapath_type": "str", "datapath_version": "str", "ports": "refs>Port"},
    "Port": dict.fromkeys(("external_ids", "other_config", "rstp_statistics", "rstp_status", "statistics", "status"), "map")
    | dict.fromkeys(("bond_active_slave", "bond_mode", "lacp", "mac", "vlan_mode"), "str?")
    | dict.fromkeys(("bond_fake_iface", "fake_bridge", "protected"), "bool")
    | {"bond_downdelay": "int", "bond_updelay": "int", "cvlans": "str*", "trunks": "str*", "tag": "int?"}
    | {"name": "str", "interfaces": "refs>Interface", "qos": "ref>QoS"},
    "Interface": dict.fromkeys(("bfd", "bfd_status", "external_ids", "lldp", "options", "other_config", "statistics", "status"), "map")
    | dict.fromkeys(("admin_state", "cfm_remote_opstate", "duplex", "error", "link_state", "mac", "mac_in_use"), "str?")
    | dict.fromkeys(("cfm_fault_status", "cfm_remote_mpids"), "str*")
    | dict.fromkeys(("cfm_fault", "lacp_current"), "bool?")
    | dict.fromkeys(("cfm_flap_count", "cfm_health", "cfm_mpid", "ifindex", "link_resets", "link_speed"), "int?")
    | dict.fromkeys(("mtu", "mtu_request", "ofport", "ofport_request"), "int?")
    | dict.fromkeys(("ingress_policing_rate", "ingress_policing_burst", "ingress_policing_kpkts_rate", "ingress_policing_kpkts_burst"), "int")
    | {"name": "str", "type": "str"},
    "QoS": {"type": "str", "other_config": "map", "external_ids": "map", "queues": "links>Queue"},
    "Queue": {"dscp": "int?", "other_config": "map", "external_ids": "map"},
}
_ALLOWED: dict[str, tuple[str, ...]] = {
    "fail_mode": ("secure", "standalone"),
    "bond_mode": ("active-backup", "balance-slb", "balance-tcp"),
    "lacp": ("active", "off", "passive"),
    "vlan_mode": ("access", "dot1q-tunnel", "native-tagged", "native-untagged", "trunk"),
}
_BOUNDS: dict[str, tuple[int, int | None]] = {
    "tag": (0, 4095),
    "mtu_request": (1, None),
    "ofport_request": (1, 65279),
    **dict.fromkeys(("ingress_policing_rate", "ingress_policing_burst", "ingress_policing_kpkts_rate", "ingress_policing_kpkts_burst"), (0, None)),
}
# What ovs-vswitchd writes: not part of a comparison of two dumps.
_DAEMONS = {
    "Open_vSwitch": ("cur_cfg", "next_cfg", "statistics"),
    "Interface": (
        *("admin_state", "duplex", "error", "ifindex", "link_resets", "link_speed"),
        *("link_state", "mac_in_use", "mtu", "ofport", "statistics", "status"),
    ),
}

_WORD = r'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_./@-]+'
_ASSIGNMENT = re.compile(rf"(?P<column>[a-z_]+)(?::(?P<key>{_WORD}))?=(?P<value>{_WORD})", re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class OvsError(Exception):
    """What ovs-vsctl says after its name, with exit code 1."""


class Refusal(str):
    """An answer of the daemon that is an error; the text is its words."""

    __slots__ = ()


def _default(kind: str) -> t.Any:
    if kind == "map" or kind.startswith("links>"):
        return {}
    if kind.endswith(("*", "?")) or kind.startswith("ref"):
        return set() if kind.endswith("*") or kind.startswith("refs>") else None
    return {"str": "", "int": 0, "bool": False}[kind]


def _plain(token: str) -> str:
    """Return the text of a token: a JSON string, or the word itself."""
    if token.startswith('"'):
        text = json.loads(token)
        assert isinstance(text, str)
        return text
    return token


class _Transaction:
    """One run of ovs-vsctl: the commands work on a copy; :meth:`commit` gives it back when the server would have taken it."""

    def __init__(self, schema: dict[str, dict[str, str]], tables: Tables) -> None:
        self.schema = schema
        self.before = tables
        self.tables = copy.deepcopy(tables)
        self.symbols: dict[str, str] = {}
        self.created: set[str] = set()
        self.deleted: dict[str, tuple[str, str]] = {}  # by del-port and del-br, which ovs-vsctl does not send: the server collects them
        self.out: list[str] = []

    # --- lookups -----------------------------------------------------------------------------------------------------------------------

    def symbol(self, name: str) -> str:
        return self.symbols.setdefault(name, str(uuid.uuid4()))

    def find(self, table: str, record: str) -> Row:
        if table == "Open_vSwitch":
            assert record == ".", f"Open_vSwitch has one record, '.', not {record}"
            return next(iter(self.tables[table].values()))
        rows = self.tables[table]
        if _UUID.fullmatch(record) and record in rows:
            return rows[record]
        found = [row for row in rows.values() if "name" in self.schema[table] and row["name"] == record]
        if len(found) > 1:
            raise OvsError(f'multiple rows in {table} match "{record}"')
        if not found:
            raise OvsError(f'no row "{record}" in table {table}')
        return found[0]

    def kind(self, table: str, column: str) -> str:
        if column not in self.schema[table]:
            raise OvsError(f'{table} does not contain a column whose name matches "{column}"')
        return self.schema[table][column]

    def bridges(self) -> dict[str, Row]:
        top = next(iter(self.tables["Open_vSwitch"].values()))
        return {row["name"]: row for key, row in self.tables["Bridge"].items() if key in top["bridges"]}

    def owners(self) -> dict[str, tuple[str, str]]:
        """Return ``port`` or ``interface`` and its bridge for each name that a port or interface has."""
        names: dict[str, tuple[str, str]] = {}
        for bridge in self.bridges().values():
            for key in bridge["ports"]:
                port = self.tables["Port"][key]
                names.update({self.tables["Interface"][item]["name"]: ("interface", bridge["name"]) for item in port["interfaces"]})
                names[port["name"]] = ("port", bridge["name"])
        return names

    def bridge(self, name: str) -> Row:
        if name not in self.bridges():
            raise OvsError(f"no bridge named {name}")
        return self.bridges()[name]

    def check_free(self, name: str, what: str) -> None:
        intro = f"cannot create {what} named {name} because"
        if name in self.bridges():
            raise OvsError(f"{intro} a bridge named {name} already exists")
        if name in self.owners():
            kind, bridge = self.owners()[name]
            raise OvsError(f"{intro} {'a port' if kind == 'port' else 'an interface'} named {name} already exists on bridge {bridge}")

    # --- values ------------------------------------------------------------------------------------------------------------------------

    def atom(self, kind: str, column: str, token: str) -> t.Any:
        if kind.startswith(("ref", "links>")):
            assert token.startswith("@") or _UUID.fullmatch(token), f"{column} refers to a row, by UUID or @name, not {token}"
            return self.symbol(token) if token.startswith("@") else token
        assert token[0] not in "@-", f"a bare {token} is no plain word"
        text = _plain(token)
        if kind.startswith("int"):
            if token.startswith('"') or not re.fullmatch(r"-?[0-9]+", text):
                raise OvsError(f'"{text}" is not a valid integer or range')
            return self.bounded(column, int(text))
        if kind.startswith("bool"):
            assert text in ("true", "false")
            return text == "true"
        if column in _ALLOWED and text not in _ALLOWED[column]:
            raise OvsError(f"constraint violation: {text} is not one of the allowed values ([{', '.join(_ALLOWED[column])}])")
        return text

    def bounded(self, column: str, value: int) -> int:
        low, high = _BOUNDS.get(column, (None, None))
        if high is not None and low is not None and not low <= value <= high:
            raise OvsError(f"constraint violation: {value} is not in the valid range {low} to {high} (inclusive)")
        if low is not None and value < low:
            raise OvsError(f"constraint violation: {value} is less than minimum allowed value {low}")
        return value

    def assign(self, table: str, row: Row, words: Sequence[str]) -> None:
        assert words, "a command without a value"
        for word in words:
            match = _ASSIGNMENT.fullmatch(word)
            assert match, f"not a form of COLUMN[:KEY]=VALUE that ovs-vsctl surely reads as meant: {word}"
            column, key, value = match["column"], match["key"], match["value"]
            kind = self.kind(table, column)
            if key is None:
                assert kind != "map", f"this would replace the whole map: {word}"
                assert not kind.startswith("refs>"), f"this would replace all references: {word}"
                row[column] = self.atom(kind, column, value)
            elif kind == "map":
                row[column][_plain(key)] = _plain(value)
            else:
                assert kind.startswith("links>"), f"{column} is no map: {word}"
                row[column][int(key)] = self.atom(kind, column, value)

    # --- commands ----------------------------------------------------------------------------------------------------------------------

    def run(self, words: list[str]) -> None:
        symbol = None
        if words and words[0].startswith("--"):
            assert words[0].startswith("--id=@"), f"an option that the engine does not use: {words}"
            assert words[1] == "create", f"--id belongs to create: {words}"
            symbol, words = words[0][len("--id=") :], words[1:]
        verb, *rest = words
        handlers: dict[str, Callable[..., None]] = {
            "add-br": self.add_br,
            "del-br": self.del_br,
            "add-port": self.add_port,
            "del-port": self.del_port,
            "add-bond": self.add_bond,
            "set": self.set,
            "remove": self.remove,
            "clear": self.clear,
            "add": self.add,
            "destroy": self.destroy,
        }
        if verb == "create":
            self.create(symbol, *rest)
        else:
            assert verb in handlers, f"a command that the engine does not use: {words}"
            handlers[verb](*rest)

    def insert(self, table: str, key: str, **columns: t.Any) -> Row:
        row = {column: _default(kind) for column, kind in self.schema[table].items()} | columns
        self.tables[table][key] = row
        return row

    def new_port(self, name: str, members: Sequence[str], kind: str = "") -> str:
        keys = [str(uuid.uuid4()) for _member in members]
        for key, member in zip(keys, members):
            self.insert("Interface", key, name=member, type=kind)
        port = str(uuid.uuid4())
        self.insert("Port", port, name=name, interfaces=set(keys))
        return port

    def add_br(self, name: str) -> None:
        self.check_free(name, "a bridge")
        key = str(uuid.uuid4())
        self.insert("Bridge", key, name=name, ports={self.new_port(name, [name], "internal")})
        next(iter(self.tables["Open_vSwitch"].values()))["bridges"].add(key)

    def add_port(self, bridge: str, name: str) -> None:
        self.check_free(name, "a port")
        self.bridge(bridge)["ports"].add(self.new_port(name, [name]))

    def add_bond(self, bridge: str, name: str, *members: str) -> None:
        if len(members) < 2:
            raise OvsError("'add-bond' command requires at least 4 arguments")
        self.check_free(name, "a port")
        for member in members:
            self.check_free(member, "an interface")
        self.bridge(bridge)["ports"].add(self.new_port(name, members))

    def forget(self, table: str, key: str) -> None:
        self.deleted[key] = (table, key)
        for item in self.tables[table].pop(key).get("interfaces", ()):
            self.forget("Interface", item)

    def del_port(self, bridge: str, name: str) -> None:
        kind, owner = self.owners().get(name, ("", ""))
        if kind != "port":
            raise OvsError(f"no port named {name}")
        ports = self.bridge(bridge)["ports"]
        if owner != bridge:
            raise OvsError(f"bridge {bridge} does not have a port {name}")
        if name == bridge:
            raise OvsError(
                f"cannot delete port {name} because it is the local port for bridge {bridge} (deleting this port requires deleting the entire bridge)"
            )
        key = next(key for key in ports if self.tables["Port"][key]["name"] == name)
        ports.discard(key)
        self.forget("Port", key)

    def del_br(self, name: str) -> None:
        bridge = self.bridge(name)
        key = next(key for key, row in self.tables["Bridge"].items() if row is bridge)
        for port in bridge["ports"]:
            self.forget("Port", port)
        next(iter(self.tables["Open_vSwitch"].values()))["bridges"].discard(key)
        self.forget("Bridge", key)

    def set(self, table: str, record: str, *words: str) -> None:
        self.assign(table, self.find(table, record), words)

    def create(self, symbol: str | None, table: str, *words: str) -> None:
        assert symbol, f"a row of {table} without --id that nothing can refer to"
        assert symbol not in self.created, f"{symbol} is created twice"
        if not words:
            raise OvsError("'create' command requires at least 2 arguments")
        self.created.add(symbol)
        key = self.symbol(symbol)
        row = self.insert(table, key)
        if words != ("other_config={}",):
            self.assign(table, row, words)
        self.out.append(key)

    def remove(self, table: str, record: str, column: str, *words: str) -> None:
        assert words, "remove without a value"
        row, kind = self.find(table, record), self.kind(table, column)
        if kind == "map":
            for word in words:
                assert re.fullmatch(_WORD, word, re.DOTALL), f"not a plain or quoted key: {word}"
                row[column].pop(_plain(word), None)
            return
        assert kind.startswith("refs>"), f"remove from {column}: not a form that the engine writes"
        row[column] -= {self.atom(kind, column, word) for word in words}
        if column == "interfaces" and not row[column]:
            raise OvsError(f'"remove" operation would put 0 values in column {column} of table {table} but the minimum number is 1')

    def add(self, table: str, record: str, column: str, *words: str) -> None:
        row, kind = self.find(table, record), self.kind(table, column)
        assert kind.startswith("refs>"), f"add to {column}: not a form that the engine writes"
        row[column] |= {self.atom(kind, column, word) for word in words}

    def clear(self, table: str, record: str, *columns: str) -> None:
        row = self.find(table, record)
        for column in columns:
            kind = self.kind(table, column)
            if kind in ("str", "int", "bool"):
                raise OvsError(f'"clear" operation cannot be applied to column {column} of table {table}, which is not allowed to be empty')
            row[column] = _default(kind)

    def destroy(self, table: str, *records: str) -> None:
        assert table in ("QoS", "Queue"), f"destroy {table}: Open vSwitch collects these rows itself"
        for record in records:
            self.find(table, record)
            del self.tables[table][record]

    # --- the server's part ----------------------------------------------------------------------------------------------------------------

    def commit(self) -> Tables:
        """Return the tables after the server's checks. Raises OvsError as it refuses."""
        for symbol in self.symbols:
            if symbol not in self.created:
                raise OvsError(f'row id "{symbol}" is referenced but never created (e.g. with "-- --id={symbol} create ...")')
        for table, key in self.deleted.values():  # these rows are still there for the server, as they were
            if key in self.before[table]:
                self.tables[table][key] = copy.deepcopy(self.before[table][key])
        self.check_references()
        self.collect()
        self.check_names()
        return self.tables

    def references(self) -> list[tuple[str, str, str, str, str]]:
        """Return table, row, column, table referred to and row referred to, for all references."""
        found = []
        for table, columns in self.schema.items():
            for column, kind in columns.items():
                if ">" not in kind:
                    continue
                for key, row in self.tables[table].items():
                    value = row[column]
                    items = value.values() if isinstance(value, dict) else (value or ()) if isinstance(value, set) else [value] * (value is not None)
                    found += [(table, key, column, kind.split(">")[1], item) for item in items]
        return found

    def check_references(self) -> None:
        dangling: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        for table, key, column, other, item in self.references():
            if item not in self.tables[other]:
                dangling.setdefault((other, item), []).append((table, key, column))
        for (other, item), sources in dangling.items():
            if item in self.before[other]:
                raise _violation(f"cannot delete {other} row {item} because of {len(sources)} remaining reference(s)")
            table, key, column = sources[0]
            raise _violation(f"Table {table} column {column} row {key} references nonexistent row {item} in table {other}.")

    def collect(self) -> None:
        """Drop the rows of Bridge, Port and Interface that nothing refers to."""
        for table in ("Bridge", "Port", "Interface"):
            used = {item for _table, _key, _column, other, item in self.references() if other == table}
            self.tables[table] = {key: row for key, row in self.tables[table].items() if key in used}
        ports = [item for _table, _key, _column, other, item in self.references() if other == "Port"]
        assert len(ports) == len(set(ports)), "a port is on two bridges"

    def check_names(self) -> None:
        for table in ("Bridge", "Port", "Interface"):
            names = [row["name"] for row in self.tables[table].values()]
            for name in {name for name in names if names.count(name) > 1}:
                details = f'Transaction causes multiple rows in "{table}" table to have identical values ({name}) for index on column "name".'
                raise _violation(details, "constraint violation")


def _violation(details: str, error: str = "referential integrity violation") -> OvsError:
    return OvsError(f"transaction error: {json.dumps({'details': details, 'error': error}, separators=(',', ':'))}")


class FakeDaemon:
    """ovs-vswitchd as its control socket shows it: a process id file, a real socket, a thread that answers."""

    PID = 4242

    def __init__(self, rundir: pathlib.Path, answers: dict[str, str | Callable[..., str]]) -> None:
        self.pid_file = rundir / "ovs-vswitchd.pid"
        self.path = rundir / f"ovs-vswitchd.{self.PID}.ctl"
        self.answers = answers
        self.asked: list[list[str]] = []
        self._mode = "up"
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self._stop: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._start()

    @property
    def mode(self) -> str:
        """How it behaves; see the top of this file."""
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        assert mode in ("up", "down", "crashed", "hung", "closes")
        self.close()
        self._mode = mode
        if mode == "crashed":
            with socket.socket(socket.AF_UNIX) as gone:
                gone.bind(str(self.path))
        if mode != "down":
            self.pid_file.write_text(f"{self.PID}\n", encoding="ascii")
        if mode not in ("down", "crashed"):
            self._start()

    def _start(self) -> None:
        self.pid_file.write_text(f"{self.PID}\n", encoding="ascii")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(8)
        if self._mode == "hung":
            return  # the kernel takes connections, nobody answers: what a stopped process looks like
        self._stop, stopped = socket.socketpair()
        self._connections.append(stopped)
        self._thread = threading.Thread(target=self._serve, args=(self._listener, stopped), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and remove the socket and the process id."""
        if self._thread is not None and self._stop is not None:
            self._stop.send(b"x")
            self._thread.join()
        for used in (self._listener, self._stop, *self._connections):
            if used is not None:
                used.close()
        self._listener, self._stop, self._thread, self._connections = None, None, None, []
        self.path.unlink(missing_ok=True)
        self.pid_file.unlink(missing_ok=True)

    def _serve(self, listener: socket.socket, stopped: socket.socket) -> None:
        received: dict[socket.socket, str] = {}
        while True:
            ready, _write, _error = select.select([listener, stopped, *received], [], [])
            if stopped in ready:
                return
            if listener in ready:
                connection, _address = listener.accept()
                self._connections.append(connection)
                received[connection] = ""
            for connection in [item for item in received if item in ready]:
                data = connection.recv(1 << 16)
                if not data or self._mode == "closes":
                    del received[connection]
                    connection.close()
                    continue
                received[connection] = self._reply(connection, received[connection] + data.decode())

    def _reply(self, connection: socket.socket, text: str) -> str:
        """Answer every whole question in the text; return what is left of it."""
        while text:
            try:
                question, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                break
            text = text[end:]
            assert set(question) == {"id", "method", "params"}
            answer = self.answer(question["method"], question["params"])
            body = {"id": question["id"], "error" if isinstance(answer, Refusal) else "result": str(answer)}
            # in two pieces, as a long answer comes
            raw = json.dumps(body).encode()
            connection.sendall(raw[: len(raw) // 2])
            connection.sendall(raw[len(raw) // 2 :])
        return text

    def answer(self, method: str, params: list[str]) -> str:
        """Return what it says to one question."""
        self.asked.append([method, *params])
        answer = self.answers.get(method)
        if answer is None:
            return Refusal(f'"{method}" is not a valid command (use "list-commands" to see a list of valid commands)\n')
        return answer if isinstance(answer, str) else answer(*params)


class FakeSwitch:
    """One host's Open vSwitch; see the top of this file."""

    ENVIRONMENT: t.ClassVar[dict[str, str]] = {"LC_ALL": "C", "LANGUAGE": "C"}

    def __init__(self, folder: pathlib.Path, timeout: int = 2) -> None:
        self.log_file = folder / "ovs-vswitchd.log"
        self.log_file.touch()
        self.timeout = timeout
        self.rundir = folder
        self.database = f"unix:{folder}/db.sock"
        self.args: dict[str, t.Any] = {"rundir": str(folder), "log_file": str(self.log_file), "timeout": timeout}
        self.schema = copy.deepcopy(_SCHEMA)
        self.tables: Tables = {table: {} for table in self.schema}
        self.tables["Open_vSwitch"][str(uuid.uuid4())] = {column: _default(kind) for column, kind in self.schema["Open_vSwitch"].items()} | {
            "external_ids": {"hostname": "t1", "rundir": "/var/run/openvswitch", "system-id": "ea29c701-2a00-4cf1-bcf9-fe541c531c8a"},
            "other_config": {"dpdk-init": "true"},
            "iface_types": set(_IFACE_TYPES.split()),
            "datapath_types": {"netdev", "system"},
            "db_version": "8.3.1",
            "dpdk_initialized": True,
            "dpdk_version": "DPDK 22.11.11",
            "ovs_version": "3.1.0",
            "system_type": "debian",
            "system_version": "12",
        }
        self.reads = 0
        self.writes = 0
        self.transactions: list[list[list[str]]] = []
        self.before_write: list[Callable[[], object]] = []
        self.after_write: Callable[[], object] = bool
        self.after_read: Callable[[], object] = bool
        self.refuse: dict[str, str] = {}
        self.tells_of_errors = False
        self.server_down = False
        self.reconfigure: Callable[[], object] = self.set_up_interfaces
        self._log_lines = 0
        self.daemon = FakeDaemon(folder, {"version": self._version, "list-commands": self._list_commands, "qos/show": self._qos_show})

    # --- for tests ---------------------------------------------------------------------------------------------------------------------

    @property
    def switch_row(self) -> Row:
        """The one row of Open_vSwitch, to read and to change."""
        return next(iter(self.tables["Open_vSwitch"].values()))

    def rows(self, table: str) -> dict[str, Row]:
        """Return a copy of the rows, by name where they have one, else by UUID."""
        return {row.get("name", key): copy.deepcopy(row) for key, row in self.tables[table].items()}

    def snapshot(self) -> Snapshot:
        """Return the database as the engine reads it."""
        return parse_snapshot(self._list(dict.fromkeys(TABLES)))

    def dump(self) -> dict[str, dict[str, Row]]:
        """Return all rows by UUID without what the daemon writes."""
        return {
            table: {key: {column: copy.deepcopy(value) for column, value in row.items() if column not in _DAEMONS.get(table, ())} for key, row in rows.items()}
            for table, rows in self.tables.items()
        }

    def write(self, *words: str) -> None:
        """Run commands of somebody else; a refused one is an error in the test."""
        self._transact(_split(["--", *words]))

    def drop_column(self, table: str, column: str) -> None:
        """Make the schema one of an older release, without that column."""
        del self.schema[table][column]
        for row in self.tables[table].values():
            del row[column]

    def say(self, level: str, text: str) -> None:
        """Write a line to the daemon's log: WARN or ERR, and ``module|text``."""
        module, words = text.split("|", 1)
        self._log_lines += 1
        with self.log_file.open("a", encoding="utf-8") as log:
            log.write(f"2026-11-23T01:51:25.602Z|{self._log_lines:05}|{module}|{level}|{words}\n")

    # --- ovs-vsctl ---------------------------------------------------------------------------------------------------------------------

    def run_command(self, args: list[str], **kwargs: t.Any) -> tuple[int, str, str]:
        """Stand in for AnsibleModule.run_command."""
        assert kwargs == {"environ_update": self.ENVIRONMENT, "expand_user_and_vars": False}
        path, database, timeout, *rest = args
        assert [path, database, timeout] == ["/testbin/ovs-vsctl", f"--db={self.database}", f"--timeout={self.timeout}"], args
        if rest[0] == "--format=json":
            self.reads += 1
            answer = self._answer_read(_split(rest[1:]))
            self.after_read()
            return answer
        answer = self._answer_write(rest)
        self.after_write()
        return answer

    def _answer_write(self, rest: list[str]) -> tuple[int, str, str]:
        self.writes += 1
        wait = rest[0] != "--no-wait"
        commands = _split(rest if wait else rest[1:])
        self.transactions.append(commands)
        while self.before_write:
            self.before_write.pop(0)()
        if self.server_down:
            return self._no_server()
        try:
            out = self._transact(commands)
        except OvsError as error:
            return 1, "", f"ovs-vsctl: {error}\n"
        if wait and self.daemon.mode != "up":
            return -14, "", "2026-11-23T02:04:30Z|00002|fatal_signal|WARN|terminating with signal 14 (Alarm clock)\n"
        failed = wait and self.tells_of_errors and any(row["error"] for row in self.rows("Interface").values())
        return 65 if failed else 0, "".join(f"{key}\n" for key in out), ""

    def _no_server(self) -> tuple[int, str, str]:
        return 1, "", f"ovs-vsctl: {self.database}: database connection failed (No such file or directory)\n"

    def _answer_read(self, commands: list[list[str]]) -> tuple[int, str, str]:
        if self.server_down:
            return self._no_server()
        tables: dict[str, list[str] | None] = {}
        for words in commands:
            *options, verb, table = words
            assert verb == "list", words
            tables[table] = options[0].removeprefix("--columns=").split(",") if options else None
            unknown = [column for column in tables[table] or () if column not in {"_uuid", *self.schema[table]}]
            if unknown:
                return 1, "", f'ovs-vsctl: {table} does not contain a column whose name matches "{unknown[0]}"\n'
        return 0, self._list(tables), ""

    def _transact(self, commands: list[list[str]]) -> list[str]:
        transaction = _Transaction(self.schema, self.tables)
        for words in commands:
            transaction.run(words)
        self.tables = transaction.commit()
        if self.daemon.mode == "up":
            self.reconfigure()
        return transaction.out

    def _list(self, tables: Mapping[str, Sequence[str] | None]) -> str:
        """Return tables with the columns that are asked for, or with all of them."""
        out = ""
        for table, chosen in tables.items():
            columns = chosen or ["_uuid", *sorted(self.schema[table])]
            kinds = self.schema[table]
            data = [
                [["uuid", key] if column == "_uuid" else _json(kinds[column], row[column]) for column in columns] for key, row in self.tables[table].items()
            ]
            out += json.dumps({"data": data, "headings": columns}, separators=(",", ":")) + "\n"
        return out

    # --- ovs-vswitchd ------------------------------------------------------------------------------------------------------------------

    def set_up_interfaces(self) -> None:
        """Set what the daemon writes in each row of Interface, as far as modules look at it."""
        for bridge in self.tables["Bridge"].values():
            members = [self.tables["Interface"][key] for port in sorted(bridge["ports"]) for key in sorted(self.tables["Port"][port]["interfaces"])]
            taken = {row["ofport"] for row in members}
            for row in sorted(members, key=lambda row: str(row["name"])):
                self._set_up(row, bridge["name"], taken)

    def _set_up(self, row: Row, bridge: str, taken: set[int | None]) -> None:
        if (error := self._error_of(row)) is not None:
            row.update(error=error, ofport=-1, mtu=None, status={}, admin_state=None, link_state=None, mac_in_use=None)
            return
        if row["ofport"] in (None, -1):
            row["ofport"] = 65534 if row["name"] == bridge else next(number for number in range(1, 65280) if number not in taken)
            taken.add(row["ofport"])
        vhost = row["type"].startswith("dpdkvhost")
        row.update(error=None, admin_state="up", link_state="down" if vhost else "up", mtu=0 if vhost else row["mtu_request"] or 1500)
        row["mac_in_use"] = row["mac_in_use"] or "16:31:25:8c:24:f2"
        if vhost:
            row["status"] = {"mode": "client" if row["type"] == "dpdkvhostuserclient" else "server", "status": "disconnected"}
        elif row["type"] == "dpdk":
            driver = row["options"]["dpdk-devargs"].split(",")[0].rstrip("0123456789")
            row["status"] = {"driver_name": driver if driver.startswith("net_") else "net_ixgbe", "numa_id": "0", "port_no": "0"}

    def _error_of(self, row: Row) -> str | None:
        """Return why the daemon cannot set up an interface, in the words of Open vSwitch 3.1."""
        name = row["name"]
        if name in self.refuse:
            return self.refuse[name]
        if row["type"] not in ("", *self.switch_row["iface_types"]):
            return f"could not open network device {name} (Address family not supported by protocol)"
        if row["type"] in ("", "system"):
            return f"could not open network device {name} (No such device)"
        if row["type"] == "dpdk" and not row["options"].get("dpdk-devargs"):
            return f"'{name}' is missing 'options:dpdk-devargs'. The old 'dpdk<port_id>' names are not supported"
        return None

    def _version(self) -> str:
        return f"ovs-vswitchd (Open vSwitch) {self.switch_row['ovs_version']}\n"

    def _list_commands(self) -> str:
        return "The available commands are:\n" + "".join(f"  {name}\n" for name in sorted(self.daemon.answers))

    def _qos_show(self, name: str = "") -> str:
        interface = next((key for key, row in self.tables["Interface"].items() if row["name"] == name), None)
        port = next((row for row in self.tables["Port"].values() if interface in row["interfaces"]), None)
        if port is None:
            return Refusal("no such interface\n")
        if port["qos"] is None:
            return f"QoS not configured on {name}\n"
        row = self.tables["QoS"][port["qos"]]
        lines = [f"QoS: {name} {row['type']}", *(f"{key}: {value}" for key, value in row["other_config"].items())]
        for number, queue in sorted(row["queues"].items()):
            lines += ["", f"Queue {number}:" if number else "Default:"]
            lines += [f"  {key}: {value}" for key, value in self.tables["Queue"][queue]["other_config"].items()]
            lines += ["  tx_packets: 0", "  tx_bytes: 0", "  tx_errors: 0"]
        return "\n".join(lines) + "\n"


def _split(words: Sequence[str]) -> list[list[str]]:
    """Return the commands that stand between ``--``."""
    assert words, "ovs-vsctl without a command"
    assert words[0] == "--", f"an option that the engine does not use: {words[0]}"
    commands: list[list[str]] = []
    for word in words:
        if word == "--":
            commands.append([])
        else:
            commands[-1].append(word)
    assert all(commands), "an empty command"
    return commands


def _json(kind: str, value: t.Any) -> t.Any:
    """Return a value as ``--format=json`` prints it."""
    if kind.startswith("links>"):
        return ["map", [[number, ["uuid", key]] for number, key in sorted(value.items())]]
    if kind == "map":
        return ["map", [[key, item] for key, item in sorted(value.items())]]
    if value is None:
        return ["set", []]
    if isinstance(value, set):
        items = [["uuid", item] if ">" in kind else item for item in sorted(value)]
        return items[0] if len(items) == 1 else ["set", items]
    return ["uuid", value] if ">" in kind else value
