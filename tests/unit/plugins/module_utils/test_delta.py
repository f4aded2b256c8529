# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands between two snapshots: what ovs-vsctl takes, that they give the target, and that they leave all else alone."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.delta import commands_between, quote, transactions_between
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.target import target_of
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import _only_between
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import (
    NoQoS,
    Want,
    WantBridge,
    WantInterface,
    WantPort,
    WantQoS,
    WantSwitch,
)
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Bridge, Interface, Port, QoS, Queue, Snapshot, Switch
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

if t.TYPE_CHECKING:
    from collections.abc import Iterator


class TestQuote:
    @pytest.mark.parametrize("word", ["dpdk", "0x400004", "2048", "net_null0", "/var/run/x.sock", "0000:05:00.0".replace(":", "_"), "a.b-c"])
    def test_a_plain_word_stands_as_it_is(self, word: str) -> None:
        assert quote(word) == word

    @pytest.mark.parametrize(
        ("value", "quoted"),
        [
            ("", '""'),
            ("a=b", '"a=b"'),
            ("net_null0,no-rx=1", '"net_null0,no-rx=1"'),
            ("--no-pci -m 512", '"--no-pci -m 512"'),
            ('say "x"', r'"say \"x\""'),
            ("back\\slash", r'"back\\slash"'),
            ("[]", '"[]"'),
            ("{a=b}", '"{a=b}"'),
            ("0b1b2b3b-1111-2222-3333-444455556666", '"0b1b2b3b-1111-2222-3333-444455556666"'),
            ("-x", '"-x"'),
            ("@row0", '"@row0"'),
            ("new\nline", r'"new\nline"'),
            ("ü", r'"\u00fc"'),
        ],
    )
    def test_anything_else_is_a_json_string(self, value: str, quoted: str) -> None:
        assert quote(value) == quoted


def _snapshot(*ports: Port, interfaces: tuple[Interface, ...] = (), **more: t.Any) -> Snapshot:
    own = {name: Interface(name=name, uuid=f"uuid of {name}") for port in ports for name in port.interfaces}
    bridges = {name: Bridge(name=name, uuid=f"uuid of {name}", datapath_type="netdev") for name in ("br0", "br1")}
    return Snapshot(
        bridges=more.pop("bridges", bridges),
        ports={port.name: port for port in ports},
        interfaces=own | {interface.name: interface for interface in interfaces},
        **more,
    )


def _port(name: str, bridge: str = "br0", **more: t.Any) -> Port:
    return Port(name=name, uuid=f"uuid of {name}", bridge=bridge, interfaces=more.pop("interfaces", (name,)), **more)


class TestCommands:
    """Each shape of a change once, as the argv that ovs-vsctl gets."""

    def test_a_key_is_set_and_another_one_removed_and_the_rest_is_not_mentioned(self) -> None:
        before = Snapshot(switch=Switch(other_config={"a": "1", "b": "2", "c": "3"}))
        after = Snapshot(switch=Switch(other_config={"a": "x y", "c": "3"}))
        assert commands_between(before, after) == [
            ["remove", "Open_vSwitch", ".", "other_config", "b"],
            ["set", "Open_vSwitch", ".", 'other_config:a="x y"'],
        ]

    def test_an_optional_column_is_cleared_and_a_number_that_has_to_be_there_is_set_to_0(self) -> None:
        before = _snapshot(_port("p0", tag=5), interfaces=(Interface("p0", "u", mtu_request=9000, ingress_policing_rate=10),))
        after = _snapshot(_port("p0"), interfaces=(Interface("p0", "u"),))
        assert commands_between(before, after) == [
            ["clear", "Port", "p0", "tag"],
            ["clear", "Interface", "p0", "mtu_request"],
            ["set", "Interface", "p0", "ingress_policing_rate=0"],
        ]

    def test_a_move_takes_the_reference_along_so_that_the_row_stays(self) -> None:
        assert commands_between(_snapshot(_port("p0")), _snapshot(_port("p0", "br1"))) == [
            ["remove", "Bridge", "br0", "ports", "uuid of p0"],
            ["add", "Bridge", "br1", "ports", "uuid of p0"],
        ]

    def test_a_port_is_off_its_bridge_before_that_bridge_goes(self) -> None:
        before = _snapshot(_port("p0"))
        after = _snapshot(_port("p0", "br1"))._replace(bridges={"br1": before.bridges["br1"]})
        assert [command[0] for command in commands_between(before, after)] == ["remove", "del-br", "add"]

    def test_a_port_without_a_policer_goes_by_its_name(self) -> None:
        assert commands_between(_snapshot(_port("p0")), _snapshot()) == [["del-port", "br0", "p0"]]

    def test_a_port_lets_go_of_its_policer_first_because_its_row_counts_until_it_is_collected(self) -> None:
        before = _snapshot(_port("p0", qos="q"), qos={"q": QoS("q", "egress-policer", {0: "w"})}, queues={"w": Queue("w")})
        assert commands_between(before, _snapshot()) == [
            ["clear", "Port", "p0", "qos"],
            ["remove", "Bridge", "br0", "ports", "uuid of p0"],
            ["destroy", "QoS", "q"],
            ["destroy", "Queue", "w"],
        ]

    def test_a_bridge_goes_by_its_reference_where_one_of_its_ports_has_a_policer(self) -> None:
        before = _snapshot(_port("p0", qos="q"), qos={"q": QoS("q", "egress-policer")})
        after = _snapshot()._replace(bridges={"br1": before.bridges["br1"]})
        assert commands_between(before, after) == [
            ["clear", "Port", "p0", "qos"],
            ["remove", "Open_vSwitch", ".", "bridges", "uuid of br0"],
            ["destroy", "QoS", "q"],
        ]

    def test_members_of_a_bond_come_before_others_go_so_that_it_is_never_empty(self) -> None:
        before, after = _snapshot(_port("b", interfaces=("x", "y"))), _snapshot(_port("b", interfaces=("v", "w")))
        assert commands_between(before, after) == [
            ["--id=@member1", "create", "Interface", "name=v"],
            ["add", "Port", "b", "interfaces", "@member1"],
            ["--id=@member2", "create", "Interface", "name=w"],
            ["add", "Port", "b", "interfaces", "@member2"],
            ["remove", "Port", "b", "interfaces", "uuid of x", "uuid of y"],
        ]

    def test_a_row_is_made_before_it_is_referred_to_and_destroyed_after_it_is_not(self) -> None:
        before = _snapshot(_port("p0", qos="q"), qos={"q": QoS("q", "a")})
        target = _snapshot(_port("p0", qos="n"), qos={"n": QoS("n", "b", {0: "m"}, {"cir": "1"})}, queues={"m": Queue("m", {"cir": "2"})})
        assert commands_between(before, target) == [
            ["--id=@row0", "create", "Queue", "other_config:cir=2"],
            ["--id=@row1", "create", "QoS", "type=b", "other_config:cir=1", "queues:0=@row0"],
            ["set", "Port", "p0", "qos=@row1"],
            ["destroy", "QoS", "q"],
        ]

    def test_a_row_with_nothing_in_it_is_made_too(self) -> None:
        assert commands_between(_snapshot(), _snapshot(queues={"m": Queue("m")})) == [["--id=@row0", "create", "Queue", "other_config={}"]]

    def test_another_socket_of_a_vhost_user_client_port_takes_two_transactions(self) -> None:
        def at(path: str) -> Snapshot:
            return _snapshot(_port("v"), interfaces=(Interface("v", "u", "dpdkvhostuserclient", {"vhost-server-path": path}),))

        assert transactions_between(at("/a"), at("/b")) == [
            [["set", "Interface", "v", "type=patch"]],
            [["set", "Interface", "v", "type=dpdkvhostuserclient", "options:vhost-server-path=/b"]],
        ]


# --- any change -------------------------------------------------------------------------------------------------------------------------

BRIDGES = ("br0", "br1", "br2")
PORTS = ("p0", "p1", "p2", "p3")
BONDS = {"bond0": ("m0", "m1", "m2"), "bond1": ("n0", "n1", "n2")}
VALUES = st.sampled_from(["1", "a b", "x=y,z", '"', "", "[]", "-1", "ü\n"])
MAPS = st.dictionaries(st.sampled_from(["k1", "k2", "k=3"]), st.none() | VALUES, max_size=2)
POLICERS = st.builds(
    WantQoS,
    st.sampled_from(["egress-policer", "trtcm-policer"]),
    st.dictionaries(st.sampled_from(["cir", "cbs"]), st.sampled_from(["1", "2"]), max_size=2),
    st.dictionaries(st.integers(0, 2), st.dictionaries(st.just("cir"), st.sampled_from(["1", "2"])), max_size=2),
)
PORT_COLUMNS = st.dictionaries(st.just("tag"), st.sampled_from([None, 7, 8]))
INTERFACE_COLUMNS = st.fixed_dictionaries(
    {}, optional={"mtu_request": st.sampled_from([None, 2000]), "ingress_policing_rate": st.sampled_from([None, 5]), "type": st.just("internal")}
)


@st.composite
def _ports(draw: st.DrawFn) -> WantPort:
    name = draw(st.sampled_from([*PORTS, *BONDS]))
    if draw(st.integers(0, 3)) == 0:
        return WantPort(name, present=False)
    members = draw(st.lists(st.sampled_from(BONDS[name]), min_size=2, max_size=3, unique=True)) if name in BONDS else [name]
    interfaces = tuple(WantInterface(member, draw(INTERFACE_COLUMNS), draw(MAPS), draw(MAPS)) for member in members)
    qos = draw(st.none() | st.just(NoQoS()) | POLICERS)
    return WantPort(name, draw(st.sampled_from(BRIDGES)), interfaces=interfaces, members_exactly=True, columns=draw(PORT_COLUMNS), qos=qos)


@st.composite
def _bridges(draw: st.DrawFn) -> WantBridge:
    fail_mode = st.dictionaries(st.just("fail_mode"), st.sampled_from([None, "secure"]))
    return WantBridge(draw(st.sampled_from(BRIDGES)), draw(st.integers(0, 3)) > 0, draw(fail_mode), draw(MAPS))


WANTS = st.lists(st.one_of(_ports(), _bridges(), st.builds(WantSwitch, MAPS, MAPS)), min_size=1, max_size=4)
TASKS = st.lists(WANTS, min_size=1, max_size=5)


@pytest.fixture(scope="module")
def folder() -> Iterator[pathlib.Path]:
    path = pathlib.Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


def _fresh(folder: pathlib.Path) -> FakeSwitch:
    """Return a switch with three bridges, rows of somebody else, and no daemon in the way."""
    switch = FakeSwitch(folder)
    switch.daemon.mode = "down"
    for bridge in BRIDGES:
        switch.write("add-br", bridge)
    switch.write("set", "Open_vSwitch", ".", "other_config:foreign=1", "--", "set", "Bridge", "br0", "external_ids:foreign=1")
    switch.write("add-port", "br0", "foreign", "--", "set", "Port", "foreign", "tag=1", "--", "set", "Interface", "foreign", "options:x=y")
    switch.write("--id=@w", "create", "Queue", "other_config:cir=9", "--", "--id=@q", "create", "QoS", "type=foreign", "queues:0=@w")
    switch.write("--id=@q", "create", "QoS", "type=foreign2", "--", "set", "Port", "foreign", "qos=@q")
    switch.write("--id=@w", "create", "Queue", "other_config:cir=8")
    switch.write("--id=@q", "create", "QoS", "type=egress-policer", "other_config:cir=7")  # left by an earlier command: it may go
    return switch


def _write(switch: FakeSwitch, commands: list[list[str]]) -> None:
    if commands:
        switch.write(*[word for command in commands for word in ("--", *command)][1:])


def _plain(snapshot: Snapshot) -> dict[str, t.Any]:
    """Return a snapshot with the policers where they are referred to, and without UUIDs and what the daemon writes."""

    def policer(key: str | None) -> t.Any:
        if key is None:
            return None
        row = snapshot.qos[key]
        return row.type, dict(row.other_config), {number: dict(snapshot.queues[queue].other_config) for number, queue in row.queues.items()}

    def columns(row: t.Any, *names: str) -> dict[str, t.Any]:
        return {name: getattr(row, name) for name in names}

    used = {port.qos for port in snapshot.ports.values()}
    return {
        "switch": columns(snapshot.switch, "other_config", "external_ids"),
        "bridges": {name: columns(row, "datapath_type", "fail_mode", "other_config", "external_ids") for name, row in snapshot.bridges.items()},
        "ports": {
            name: {**columns(row, "bridge", "interfaces", "tag", "other_config", "external_ids"), "policer": policer(row.qos)}
            for name, row in snapshot.ports.items()
        },
        "interfaces": {
            name: columns(row, "type", "options", "other_config", "external_ids", "mtu_request", "ingress_policing_rate")
            for name, row in snapshot.interfaces.items()
        },
        "without a port": sorted((policer(key) for key in snapshot.qos if key not in used), key=repr),
        "queues": sorted((sorted(row.other_config.items()) for row in snapshot.queues.values()), key=repr),
    }


def _is_contradictory(wants: list[Want]) -> bool:
    """Tell whether a task names an object twice, or a port on a bridge that it removes. No module does that."""
    names = [want.name for want in wants if isinstance(want, (WantPort, WantBridge))]
    removed = {want.name for want in wants if isinstance(want, WantBridge) and not want.present}
    return len(names) != len(set(names)) or bool(removed & {want.bridge for want in wants if isinstance(want, WantPort)})


@settings(max_examples=80)
@given(tasks=TASKS)
def test_the_commands_give_the_target_and_the_way_back(folder: pathlib.Path, tasks: list[list[Want]]) -> None:
    switch = _fresh(folder)
    orphans = set(switch.rows("QoS"))
    foreign = {table: {key: row for key, row in rows.items() if "foreign" in repr(row)} for table, rows in switch.dump().items() if table != "Bridge"}
    for wants in tasks:
        if _is_contradictory(wants):
            continue
        before = switch.snapshot()
        try:
            target = target_of(before, wants)
        except InputError:
            continue
        assert not commands_between(target, target)

        _write(switch, commands_between(before, target))
        after = switch.snapshot()
        assert _plain(after) == _plain(target)
        assert not commands_between(after, target_of(after, wants)), "a second run finds nothing to do"

        _write(switch, commands_between(after, _only_between(before, target, after)))
        assert _plain(switch.snapshot()) == _plain(before), "the take-back gives what was there"
        again = switch.snapshot()
        _write(switch, commands_between(again, target_of(again, wants)))

        now = switch.snapshot()
        used = {port.qos for port in now.ports.values()}
        assert {key for key in now.qos if key not in used} <= orphans, "no row of QoS without a port that was not there before"
        queues = {key for row in now.qos.values() for key in row.queues.values()}
        assert len([key for key in now.queues if key not in queues]) == 1, "no row of Queue without a QoS but the one that was there before"
        if "br0" in now.bridges and now.ports.get("foreign"):
            kept = switch.dump()
            for table in ("Port", "Interface", "QoS", "Queue"):
                assert {key: kept[table].get(key) for key in foreign[table]} == foreign[table], "rows of others are as they were"
        else:
            break  # a task removed their bridge
