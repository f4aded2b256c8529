# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What shall be there, given what is and what is wanted."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.target import OWNER_KEY, assume_parents, merge_keys, target_of
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import (
    NoQoS,
    WantBridge,
    WantInterface,
    WantNoOrphans,
    WantPort,
    WantQoS,
    WantSwitch,
)
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Bridge, Interface, Port, QoS, Queue, Snapshot, Switch
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

POLICER = WantQoS("egress-policer", {"cir": "46000000", "cbs": "2048"})


def _switch(**more: t.Any) -> Snapshot:
    """Return a switch with bridges br0 and br1, the port p0 and the bond b0 of m0 and m1 on br0."""
    ports = [
        *(Port(name, f"port {name}", name, (name,)) for name in ("br0", "br1")),
        Port("p0", "port p0", "br0", ("p0",), more.pop("qos_of_p0", None)),
        Port("b0", "port b0", "br0", ("m0", "m1")),
    ]
    interfaces = [
        *(Interface(name, f"interface {name}", "internal") for name in ("br0", "br1")),
        Interface("p0", "interface p0", "dpdk", {"dpdk-devargs": "0000:05:00.0", "n_rxq": "2"}),
        *(Interface(name, f"interface {name}", "dpdk", {"dpdk-devargs": f"net_null{name[1]}"}) for name in ("m0", "m1")),
    ]
    return Snapshot(
        switch=Switch({"dpdk-init": "true", "pmd-cpu-mask": "0x6"}, iface_types=("dpdk", "dpdkvhostuserclient", "internal", "system")),
        bridges={name: Bridge(name, f"bridge {name}", "netdev", other_config={"a": "1"}) for name in ("br0", "br1")},
        ports={port.name: port for port in ports},
        interfaces={interface.name: interface for interface in interfaces},
        **more,
    )


class TestKeys:
    def test_what_is_not_mentioned_stays_and_none_removes(self) -> None:
        assert merge_keys({"a": "1", "b": "2", "c": "3"}, {"a": "9", "b": None, "d": "4", "e": None}) == {"a": "9", "c": "3", "d": "4"}

    def test_a_value_that_means_the_same_stays_as_it_was_written(self) -> None:
        assert merge_keys({"pmd-cpu-mask": "6"}, {"pmd-cpu-mask": "0x6"}) == {"pmd-cpu-mask": "6"}

    def test_keys_of_the_switch(self) -> None:
        target = target_of(_switch(), [WantSwitch({"dpdk-init": None, "x": "y"}, {"id": "1"})])
        assert target.switch.other_config == {"pmd-cpu-mask": "0x6", "x": "y"}
        assert target.switch.external_ids == {"id": "1"}


class TestBridges:
    def test_a_new_one_has_its_local_port(self) -> None:
        target = target_of(_switch(), [WantBridge("br2", columns={"datapath_type": "netdev"})])
        assert target.ports["br2"].bridge == "br2"
        assert target.interfaces["br2"].type == "internal"

    def test_one_that_goes_takes_its_ports_and_their_policers(self) -> None:
        before = _switch(qos_of_p0="q", qos={"q": QoS("q", "x", {0: "w"})}, queues={"w": Queue("w")})
        target = target_of(before, [WantBridge("br0", present=False)])
        assert set(target.ports) == set(target.interfaces) == {"br1"}
        assert (target.qos, target.queues) == ({}, {})

    def test_one_that_is_not_there_is_removed_without_a_change(self) -> None:
        assert target_of(_switch(), [WantBridge("br9", present=False)]) == _switch()

    @pytest.mark.parametrize("name", ["p0", "b0", "m1"])
    def test_a_name_that_a_port_or_a_member_has(self, name: str) -> None:
        with pytest.raises(InputError, match="has that name"):
            target_of(_switch(), [WantBridge(name)])


class TestPorts:
    def test_a_move_keeps_all_it_has(self) -> None:
        target = target_of(_switch(qos_of_p0="q", qos={"q": QoS("q", "x")}), [WantPort("p0", "br1")])
        assert target.ports["p0"] == _switch().ports["p0"]._replace(bridge="br1", qos="q")
        assert target.interfaces == _switch().interfaces

    def test_a_port_of_another_type_on_another_bridge_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"A port of that name and of type dpdk is on bridge br0"):
            target_of(_switch(), [WantPort("p0", "br1", interfaces=(WantInterface("p0", {"type": "dpdkvhostuserclient"}),))])

    @pytest.mark.parametrize(
        ("want", "words"),
        [
            (WantPort("p9"), "This switch has ports b0, br0, br1, p0"),
            (WantPort("p9", "br9"), "This switch has bridges br0, br1"),
            (WantPort("m0", "br0"), "Port b0 of bridge br0 has that name"),
            (WantPort("br0", "br1"), "local port of its own bridge"),
            (WantPort("br0", present=False), "local port of its own bridge"),
            (WantPort("b0", interfaces=(WantInterface("b0"),)), "It has interfaces m0, m1"),
            (WantPort("b0", interfaces=(WantInterface("m0"), WantInterface("p0")), members_exactly=True), "Port p0 of bridge br0 has that name"),
            (WantPort("p9", "br0", interfaces=(WantInterface("p9", {"type": "dpdkr"}),)), "This switch has dpdk, dpdkvhostuserclient"),
            (
                WantPort("p9", "br0", interfaces=(WantInterface("p9", {"type": "dpdk"}, {"dpdk-devargs": "05:00.0,x=1"}),)),
                "Port p0 has that device",
            ),
        ],
    )
    def test_what_cannot_be(self, want: WantPort, words: str) -> None:
        with pytest.raises(InputError, match=words):
            target_of(_switch(), [want])

    def test_many_names_are_cut_in_an_error(self) -> None:
        ports = {f"p{number:02}": Port(f"p{number:02}", bridge="br0", interfaces=()) for number in range(40)}
        with pytest.raises(InputError, match="p09 and 30 more"):
            target_of(_switch()._replace(ports=ports), [WantPort("x")])

    def test_an_error_of_somebody_elses_port_does_not_stop_a_task(self) -> None:
        twin = Interface("m0", "interface m0", "dpdk", {"dpdk-devargs": "net_null1"})
        before = _switch()._replace(interfaces={**_switch().interfaces, "m0": twin})
        assert target_of(before, [WantPort("p0", interfaces=(WantInterface("p0", options={"n_rxq": "4"}),))]).interfaces["p0"].options["n_rxq"] == "4"

    def test_one_that_is_to_go_from_another_bridge_stays(self) -> None:
        assert "p0" in target_of(_switch(), [WantPort("p0", "br1", present=False)]).ports
        assert "p0" not in target_of(_switch(), [WantPort("p0", "br0", present=False)]).ports


class TestPolicers:
    def test_a_new_row_says_whose_it_is(self) -> None:
        target = target_of(_switch(), [WantPort("p0", qos=POLICER)])
        row = target.qos[target.ports["p0"].qos or ""]
        assert (row.type, row.other_config, row.external_ids) == ("egress-policer", POLICER.other_config, {OWNER_KEY: "p0"})

    def test_a_row_that_is_there_is_brought_to_exactly_that_and_keeps_its_external_ids(self) -> None:
        before = _switch(qos_of_p0="q", qos={"q": QoS("q", "old", {0: "w"}, {"x": "1"}, {"owner": "me"})}, queues={"w": Queue("w")})
        target = target_of(before, [WantPort("p0", qos=POLICER)])
        assert target.qos == {"q": QoS("q", "egress-policer", {}, POLICER.other_config, {"owner": "me"})}
        assert target.queues == {}

    def test_a_row_that_another_port_has_too_stays_for_that_one(self) -> None:
        before = _switch(qos_of_p0="q", qos={"q": QoS("q", "old")})
        before = before._replace(ports={**before.ports, "b0": before.ports["b0"]._replace(qos="q")})
        target = target_of(before, [WantPort("p0", qos=POLICER)])
        assert target.qos["q"] == before.qos["q"]
        assert target.ports["p0"].qos != "q"

    def test_clearing_destroys_the_row_its_queues_and_what_an_earlier_command_left_for_this_port(self) -> None:
        rows = {
            "q": QoS("q", "x", {0: "w"}, {"cir": "1"}),
            "manual": QoS("manual", "egress-policer", {}, {"cir": "2"}),
            "manual marked": QoS("manual marked", "egress-policer", {}, {"cir": "2"}, {"owner": "me"}),
            "of a port that is gone": QoS("of a port that is gone", "y", {}, {}, {OWNER_KEY: "p9"}),
            "marked": QoS("marked", "y", {1: "v"}, {}, {OWNER_KEY: "p0"}),
            "other": QoS("other", "y", {}, {}, {OWNER_KEY: "br0"}),
            "foreign": QoS("foreign", "z", {0: "u"}),
        }
        queues = {key: Queue(key) for key in ("u", "v", "w", "alone")}
        target = target_of(_switch(qos_of_p0="q", qos=rows, queues=queues), [WantPort("p0", qos=NoQoS())])
        assert target.ports["p0"].qos is None
        assert set(target.qos) == {"other", "foreign", "manual marked"}
        assert set(target.queues) == {"u", "alone"}

    def test_a_queue_that_another_row_has_too_stays(self) -> None:
        rows = {"q": QoS("q", "x", {0: "w"}), "foreign": QoS("foreign", "z", {0: "w"})}
        target = target_of(_switch(qos_of_p0="q", qos=rows, queues={"w": Queue("w")}), [WantPort("p0", qos=NoQoS())])
        assert set(target.queues) == {"w"}

    def test_no_orphans_takes_all_that_nothing_refers_to_and_only_that(self) -> None:
        rows = {"q": QoS("q", "x", {0: "w"}), "o": QoS("o", "y", {0: "v"})}
        queues = {key: Queue(key) for key in ("v", "w", "alone")}
        target = target_of(_switch(qos_of_p0="q", qos=rows, queues=queues), [WantNoOrphans()])
        assert set(target.qos) == {"q"}
        assert set(target.queues) == {"w"}


class TestCheckModeOnAnUntouchedHost:
    def test_bridges_and_ports_of_earlier_tasks_are_assumed_each_with_a_warning(self) -> None:
        snapshot, warnings = assume_parents(Snapshot(), [WantPort("p0", "br0"), WantPort("p1", qos=NoQoS()), WantPort("p2", present=False)])
        assert set(snapshot.bridges) == {"br0"}
        assert set(snapshot.ports) == {"p1"}
        assert [warning.split(" is not there")[0] for warning in warnings] == ["bridge br0", "port p1"]

    def test_nothing_is_assumed_where_all_is_there(self) -> None:
        assert assume_parents(_switch(), [WantPort("p0", "br0"), WantPort("b0")]) == (_switch(), [])
