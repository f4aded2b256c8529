# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""qos_policer: what is written, what is refused, what is shown, and that no row of QoS or Queue is left behind."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.modules import qos_policer
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import Refusal

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

SHOW_TYPES = "QoS type: egress-policer\nQoS type: trtcm-policer\n"


class Run(t.Protocol):
    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module on the fake switch."""


@pytest.fixture
def run(switch: FakeSwitch, run_module: RunModule) -> Run:
    switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev")
    for name in ("vhost-user0", "vhost-user1"):
        switch.write("add-port", "br0", name, "--", "set", "Interface", name, "type=dpdkvhostuserclient")
    switch.daemon.answers["qos/show-types"] = SHOW_TYPES

    def go(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return run_module(qos_policer, {**switch.args, **options}, check=check)

    return go


def by_hand(switch: FakeSwitch, port: str, *keys: str, kind: str = "egress-policer") -> None:
    """Do what the guide does in section 7: a new row each time."""
    values = [f"other_config:{key}" for key in keys]
    switch.write("--id=@new", "create", "QoS", f"type={kind}", *values, "--", "set", "Port", port, "qos=@new")


def police(switch: FakeSwitch) -> list[dict[str, t.Any]]:
    return [{"type": row["type"], **row["other_config"]} for row in switch.rows("QoS").values()]


def columns(switch: FakeSwitch, name: str = "vhost-user0") -> tuple[int, int]:
    row = switch.rows("Interface")[name]
    return row["ingress_policing_rate"], row["ingress_policing_burst"]


def test_one_million_packets_of_64_bytes_are_the_numbers_of_the_guide(switch: FakeSwitch, run: Run) -> None:
    result = run(name="vhost-user0", egress={"rate": "1Mpps", "frame_size": 64}, ingress={"rate": "1Mpps", "frame_size": 64})
    assert result["changed"]
    assert police(switch) == [{"type": "egress-policer", "cir": "46000000", "cbs": "460000"}]
    assert columns(switch) == (368000, 3680)
    assert result["policers"] == [
        {
            "name": "vhost-user0",
            "egress": {"type": "egress-policer", "frame_size": 64, "rate": "1Mpps", "burst": "10ms", "cir": 46000000, "cbs": 460000},
            "ingress": {"frame_size": 64, "rate": "1Mpps", "burst": "10ms", "kbps": 368000, "kbit": 3680},
        }
    ]
    assert result["diff"]["before"] == {"vhost-user0": {"egress": "unlimited", "ingress": "unlimited"}}
    assert result["diff"]["after"] == {
        "vhost-user0": {
            "egress": "1Mpps at 64-byte frames (cir 46000000, cbs 460000)",
            "ingress": "1Mpps at 64-byte frames (kbps 368000, kbit 3680)",
        }
    }


def test_it_is_one_read_one_transaction_and_a_read_to_prove_it(switch: FakeSwitch, run: Run) -> None:
    run(name="vhost-user0", egress={"rate": "1Mpps"}, ingress={"rate": "1Mpps"})
    assert (switch.reads, switch.writes) == (2, 1)
    assert ["qos/show", "vhost-user0"] in switch.daemon.asked


def test_a_second_run_changes_nothing_and_still_asks_the_switch(switch: FakeSwitch, run: Run) -> None:
    options: dict[str, t.Any] = {"name": "vhost-user0", "egress": {"rate": "1Mpps"}, "ingress": {"rate": "100Mbit"}}
    run(**options)
    before, writes, reads, asked = switch.dump(), switch.writes, switch.reads, len(switch.daemon.asked)
    assert not run(**options)["changed"]
    assert (switch.dump(), switch.writes, switch.reads) == (before, writes, reads + 1)
    assert ["qos/show", "vhost-user0"] in switch.daemon.asked[asked:]


def test_check_mode_says_what_the_run_then_does(switch: FakeSwitch, run: Run) -> None:
    by_hand(switch, "vhost-user0", "cir=46000000", "cbs=2048")
    options: dict[str, t.Any] = {"name": "vhost-user0", "egress": {"rate": "2Mpps"}, "ingress": {"rate": "1Gbit"}}
    before = switch.dump()
    planned = run(check=True, **options)
    assert switch.dump() == before
    done = run(**options)
    assert {key: planned[key] for key in ("changed", "commands", "diff", "policers")} == {key: done[key] for key in ("changed", "commands", "diff", "policers")}


def test_raw_numbers_are_taken_as_they_are(switch: FakeSwitch, run: Run) -> None:
    result = run(name="vhost-user0", egress={"cir": 46000000, "cbs": 2048}, ingress={"kbps": 368000, "kbit": 1000})
    assert police(switch) == [{"type": "egress-policer", "cir": "46000000", "cbs": "2048"}]
    assert columns(switch) == (368000, 1000)
    assert result["diff"]["after"]["vhost-user0"]["egress"] == "368Mbit (cir 46000000, cbs 2048)"


def test_a_direction_that_is_left_out_is_left_alone_and_an_empty_one_is_cleared(switch: FakeSwitch, run: Run) -> None:
    run(name="vhost-user0", egress={"rate": "1Mpps"}, ingress={"rate": "1Mpps"})
    run(name="vhost-user0", egress={})
    assert (police(switch), columns(switch)) == ([], (368000, 3680))
    run(name="vhost-user0", egress={"rate": "1Mpps"})
    run(name="vhost-user0", ingress={})
    assert (len(police(switch)), columns(switch)) == (1, (0, 0))


def test_absent_clears_both_directions_and_all_rows(switch: FakeSwitch, run: Run) -> None:
    run(name="vhost-user0", egress={"type": "trtcm-policer", "rate": "1Mpps", "queues": [{"queue": 1, "rate": "1Mpps"}]}, ingress={"rate": "1Mpps"})
    result = run(name="vhost-user0", state="absent")
    assert result["changed"]
    assert result["policers"] == [{"name": "vhost-user0", "egress": None, "ingress": None}]
    assert (switch.rows("QoS"), switch.rows("Queue"), columns(switch)) == ({}, {}, (0, 0))
    assert not run(name="vhost-user0", state="absent")["changed"]


def test_absent_is_content_with_a_port_that_is_not_there(run: Run) -> None:
    result = run(name="gone", state="absent")
    assert (result["changed"], result["policers"]) == (False, [{"name": "gone", "egress": None, "ingress": None}])


def test_what_the_command_of_the_guide_left_behind_is_collected(switch: FakeSwitch, run: Run) -> None:
    for _time in range(3):
        by_hand(switch, "vhost-user0", "cir=46000000", "cbs=2048")
    assert len(police(switch)) == 3
    result = run(name="vhost-user0", egress={"rate": "1Mpps"})
    assert police(switch) == [{"type": "egress-policer", "cir": "46000000", "cbs": "460000"}]
    assert len(result["diff"]["before"]["rows that nothing refers to"]) == 2
    assert "warnings" not in result


def test_what_the_command_of_the_guide_left_behind_goes_where_the_policer_stays(switch: FakeSwitch, run: Run) -> None:
    for _time in range(3):
        by_hand(switch, "vhost-user0", "cir=46000000", "cbs=2048")
    assert run(name="vhost-user0", egress={"cir": 46000000, "cbs": 2048})["changed"]
    assert len(police(switch)) == 1


def test_a_row_that_two_ports_share_stays_with_the_other_one(switch: FakeSwitch, run: Run) -> None:
    by_hand(switch, "vhost-user0", "cir=46000000", "cbs=2048")
    shared = next(iter(switch.rows("QoS")))
    switch.write("set", "Port", "vhost-user1", f"qos={shared}")
    run(name="vhost-user0", egress={"rate": "2Mpps"})
    assert switch.rows("Port")["vhost-user1"]["qos"] == shared
    assert switch.rows("QoS")[shared]["other_config"] == {"cir": "46000000", "cbs": "2048"}
    run(name="vhost-user1", state="absent")
    assert police(switch) == [{"type": "egress-policer", "cir": "92000000", "cbs": "920000"}]


def test_manual_commands_with_other_rates_leave_nothing_behind(switch: FakeSwitch, run: Run) -> None:
    for cir in ("1000000", "2000000", "3000000"):
        policer = ["--id=@a", "create", "QoS", "type=egress-policer", f"other_config:cir={cir}", "other_config:cbs=2048"]
        switch.write(*policer, "--", "set", "Port", "vhost-user0", "qos=@a")
    assert len(police(switch)) == 3
    assert run(name="vhost-user0", egress={"rate": "1Mpps"})["changed"]
    assert police(switch) == [{"type": "egress-policer", "cir": "46000000", "cbs": "460000"}]


def test_rows_of_others_stay_with_a_warning_until_they_are_to_be_purged(switch: FakeSwitch, run: Run) -> None:
    switch.write("--id=@a", "create", "QoS", "type=linux-htb", "other_config:max-rate=1000")
    switch.write("--id=@b", "create", "Queue", "other_config:max-rate=1000")
    result = run(name="vhost-user0", egress={"rate": "1Mpps"})
    assert len(police(switch)) == 2
    assert list(result["orphans"]["qos"].values()) == ["linux-htb max-rate=1000"]
    assert "purge_orphans" in str(result["warnings"])
    result = run(purge_orphans=True)
    assert result["changed"]
    assert result["orphans"] == {"qos": {}, "queues": {}}
    assert police(switch) == [{"type": "egress-policer", "cir": "46000000", "cbs": "460000"}]
    assert not switch.rows("Queue")
    assert not run(purge_orphans=True)["changed"]


def test_a_trtcm_policer_has_queues_and_loses_those_it_shall_not_have(switch: FakeSwitch, run: Run) -> None:
    egress: dict[str, t.Any] = {"type": "trtcm-policer", "rate": "100Mbit", "excess_rate": "900Mbit"}
    result = run(name="vhost-user0", egress={**egress, "queues": [{"queue": 0, "excess_rate": "900Mbit"}, {"queue": 1, "rate": "100Mbit"}]})
    assert police(switch) == [{"type": "trtcm-policer", "cir": "12500000", "cbs": "125000", "eir": "112500000", "ebs": "1125000"}]
    queues = next(iter(switch.rows("QoS").values()))["queues"]
    assert switch.rows("Queue")[queues[1]]["other_config"] == {"cir": "12500000", "cbs": "125000", "eir": "0", "ebs": "0"}
    assert result["policers"][0]["egress"]["queues"][0]["excess_rate"] == "900Mbit"
    assert result["diff"]["after"]["vhost-user0"]["egress"] == {
        "port": "100Mbit and 900Mbit excess (cir 12500000, cbs 125000, eir 112500000, ebs 1125000)",
        "queue 0": "900Mbit excess (cir 0, cbs 0, eir 112500000, ebs 1125000)",
        "queue 1": "100Mbit (cir 12500000, cbs 125000, eir 0, ebs 0)",
    }
    run(name="vhost-user0", egress={**egress, "queues": [{"queue": 2, "rate": "100Mbit"}]})
    assert len(switch.rows("Queue")) == 1
    run(name="vhost-user0", egress={"rate": "1Gbit"})
    assert not switch.rows("Queue")


def test_many_ports_are_one_transaction(switch: FakeSwitch, run: Run) -> None:
    result = run(
        policers=[{"name": "vhost-user0", "egress": {"rate": "1Mpps"}}, {"name": "vhost-user1", "egress": {"rate": "2Mpps"}, "ingress": {"rate": "1Gbit"}}]
    )
    assert len(result["commands"]) == 1
    assert {row["cir"] for row in police(switch)} == {"46000000", "92000000"}
    result = run(policers=[{"name": "vhost-user0", "state": "absent"}, {"name": "vhost-user1", "egress": {"rate": "2Mpps"}}])
    assert [row["cir"] for row in police(switch)] == ["92000000"]


def test_an_empty_list_of_ports_is_nothing_to_do(switch: FakeSwitch, run: Run) -> None:
    assert not run(policers=[])["changed"]
    assert not switch.writes


def test_a_low_rate_still_lets_the_largest_packet_of_the_port_pass(switch: FakeSwitch, run: Run) -> None:
    switch.write("set", "Interface", "vhost-user0", "mtu_request=9000")
    run(name="vhost-user0", egress={"rate": "1kpps"}, ingress={"rate": "1kpps"})
    assert police(switch)[0]["cbs"] == "9008"  # MTU and two VLAN tags; 10 ms would be 460 bytes
    assert columns(switch) == (368, 73)  # 9008 bytes are 72.064 kbit


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"egress": {"rate": "1000000"}}, "has no unit"),
        ({"egress": {"rate": "1M"}}, "does not say what it counts"),
        ({"egress": {"rate": "1MB"}}, "in bytes"),
        ({"egress": {"rate": "-1Mpps"}}, "not above 0"),
        ({"egress": {"cir": -46000000, "cbs": 2048}}, "from 0 to"),
        ({"egress": {"cir": 0}}, "clears the policer"),
        ({"egress": {"cir": 46000000, "cbs": 45}}, "less than a frame of 64 bytes"),
        ({"egress": {"rate": "1Mpps", "burst": "1024B"}}, "less than the largest packet"),
        ({"egress": {"rate": "1Mpps", "burst": "2048"}}, "has no unit"),
        ({"egress": {"rate": "1Mpps", "burst": "2048B", "frame_size": 9000}}, "less than a frame of 9000 bytes"),
        ({"egress": {"rate": "1Mpps", "burst": "-10ms"}}, "not above 0"),
        ({"egress": {"rate": "1Mpps", "frame_size": 63}}, "64 to 9728"),
        ({"egress": {"burst": "10ms"}}, "needs a rate"),
        ({"egress": {"rate": "1Mpps", "eir": 10}}, "trtcm-policer"),
        ({"egress": {"rate": "1Mpps", "queues": [{"queue": 1, "rate": "1Mpps"}]}}, "no queues"),
        ({"egress": {"type": "trtcm-policer", "rate": "1Mpps", "queues": [{"queue": 1, "rate": "1Mpps"}] * 2}}, "given once"),
        ({"egress": {"type": "trtcm-policer", "rate": "1Mpps", "queues": [{"queue": -1, "rate": "1Mpps"}]}}, "from 0 on"),
        ({"egress": {"type": "trtcm-policer", "cir": 0, "cbs": 9000, "eir": 10}}, "both 0 or both above 0"),
        ({"egress": {"rate": "1Mpps", "cir": 1}}, "mutually exclusive"),
        ({"ingress": {"rate": "368000"}}, "has no unit"),
        ({"ingress": {"kbps": -1}}, "from 1 to"),
        ({"ingress": {"kbps": 0}}, "clears the policer"),
        ({"ingress": {"kbps": 368000, "kbit": 0}}, "8000"),
        ({"ingress": {"kbps": 368000, "kbit": 10}}, "less than the largest packet"),
        ({"ingress": {"rate": "9Tbit"}}, "cuts at"),
        ({"ingress": {"burst": "10ms"}}, "needs a rate"),
        ({}, "needs egress, ingress, or both"),
        ({"state": "absent", "egress": {"rate": "1Mpps"}}, "Leave out egress"),
        ({"name": "br0", "egress": {"rate": "1Mpps"}}, "of type internal"),
        ({"name": "nosuch", "egress": {"rate": "1Mpps"}}, "This switch has port"),
        ({"name": "a/b", "egress": {"rate": "1Mpps"}}, "without blanks"),
        ({"name": "-x", "egress": {"rate": "1Mpps"}}, "does not begin with '-'"),
        ({"name": None, "policers": [{"name": "vhost-user0", "egress": {"rate": "1Mpps"}}] * 2}, "given once"),
        ({"name": None}, "A port is needed"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(switch: FakeSwitch, run: Run, options: dict[str, t.Any], words: str) -> None:
    by_hand(switch, "vhost-user0", "cir=46000000", "cbs=2048")
    before = switch.dump()
    given = {"name": "vhost-user0", **options}
    result = run(**{name: value for name, value in given.items() if value is not None})
    assert result["failed"]
    assert words in result["msg"]
    assert switch.dump() == before
    assert not switch.transactions


def test_a_switch_that_does_not_know_the_type_is_asked_what_it_knows_and_the_row_is_taken_back(switch: FakeSwitch, run: Run) -> None:
    switch.daemon.answers["qos/show"] = lambda name: f"QoS not configured on {name}\n"
    switch.daemon.answers["qos/show-types"] = "QoS type: egress-policer\n"
    before = switch.dump()
    switch.before_write.append(lambda: switch.say("ERR", "netdev_dpdk|Failed to set QoS type trtcm-policer on port vhost-user0: Operation not supported"))
    result = run(name="vhost-user0", egress={"type": "trtcm-policer", "rate": "1Gbit"})
    assert result["failed"]
    assert "no policer instead of trtcm-policer" in result["msg"]
    assert "it has the types egress-policer" in result["msg"]
    assert "Operation not supported" in result["msg"]
    assert "taken back" in result["msg"]
    assert switch.dump() == before


def test_a_switch_that_polices_at_another_rate_is_a_failure(switch: FakeSwitch, run: Run) -> None:
    switch.daemon.answers["qos/show"] = "QoS: vhost-user0 egress-policer\ncir: 1\ncbs: 460000\n"
    result = run(name="vhost-user0", egress={"rate": "1Mpps"})
    assert "cir 1 instead of 46000000" in result["msg"]
    assert police(switch) == []


def test_a_policer_that_stays_after_it_was_cleared_is_a_failure(switch: FakeSwitch, run: Run) -> None:
    by_hand(switch, "vhost-user0", "cir=46000000", "cbs=2048")
    switch.daemon.answers["qos/show"] = "QoS: vhost-user0 egress-policer\ncir: 46000000\ncbs: 2048\n"
    result = run(name="vhost-user0", state="absent")
    assert "still has a policer" in result["msg"]
    assert len(police(switch)) == 1


def test_an_interface_that_the_switch_does_not_have_yet_is_waited_for(switch: FakeSwitch, run: Run) -> None:
    answers = iter([Refusal("no such interface\n"), "QoS: vhost-user0 egress-policer\ncir: 46000000\ncbs: 460000\n"])
    switch.daemon.answers["qos/show"] = lambda _name: next(answers)
    assert run(name="vhost-user0", egress={"rate": "1Mpps"})["changed"]


def test_a_daemon_that_is_down_is_found_before_anything_is_written(switch: FakeSwitch, run: Run) -> None:
    switch.daemon.mode = "down"
    before = switch.dump()
    result = run(name="vhost-user0", egress={"rate": "1Mpps"})
    assert "not running" in result["msg"]
    assert switch.dump() == before
    assert run(name="vhost-user0", egress={"rate": "1Mpps"}, wait=False)["changed"]
    assert len(police(switch)) == 1


def test_a_bond_has_the_policer_on_each_member(switch: FakeSwitch, run: Run) -> None:
    switch.write("add-bond", "br0", "bond0", "m0", "m1")
    for number, name in enumerate(("m0", "m1")):
        switch.write("set", "Interface", name, "type=dpdk", f'options:dpdk-devargs="net_null{number}"')
    run(name="bond0", egress={"rate": "1Mpps"}, ingress={"rate": "1Mpps"})
    assert columns(switch, "m0") == columns(switch, "m1") == (368000, 3680)
    assert [question for question in switch.daemon.asked if question[0] == "qos/show"] == [["qos/show", "m0"], ["qos/show", "m1"]]


def test_check_mode_assumes_a_port_that_an_earlier_task_adds(switch: FakeSwitch, run: Run) -> None:
    result = run(check=True, name="later", egress={"rate": "1Mpps"})
    assert result["changed"]
    assert "later is not there" in str(result["warnings"])
    assert result["policers"][0]["egress"]["cir"] == 46000000
    assert not switch.writes
