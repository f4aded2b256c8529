# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""flow_ctrl: what is stored, and that a device that cannot do it does not read as success."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import flow_control
from ansible_collections.nfv.ovs_dpdk.plugins.modules import flow_ctrl
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.datapath import Datapath

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

# Open vSwitch 4.0
NEW_SHOW = """netdev@ovs-netdev: hit:0 missed:0
  br0:
    br0 65534/1: (tap)
    dpdk0 1/2: (dpdk: dpdk-devargs=0000:05:00.0, dpdk-lsc-interrupt=true, n_rxq=1, n_rxq_desc=2048, n_txq_desc=2048{})
"""


class Run(t.Protocol):
    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module on the fake switch."""


@pytest.fixture
def run(switch: FakeSwitch, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(flow_control, "_LOG_SECONDS", 0.02)
    Datapath(switch)
    switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev")
    switch.write("add-port", "br0", "dpdk0", "--", "set", "Interface", "dpdk0", "type=dpdk", 'options:dpdk-devargs="0000:05:00.0"')
    switch.write("add-port", "br0", "vhost-user0", "--", "set", "Interface", "vhost-user0", "type=dpdkvhostuserclient")

    def go(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return run_module(flow_ctrl, {**switch.args, **options}, check=check)

    return go


def options_of(switch: FakeSwitch, name: str = "dpdk0") -> dict[str, str]:
    return {key: value for key, value in switch.rows("Interface")[name]["options"].items() if key != "dpdk-devargs"}


def complain(switch: FakeSwitch, words: str = "dpdk0: Flow control is not supported.") -> None:
    """Let the daemon log at each change, as it does where a device has no flow control."""
    set_up = switch.reconfigure

    def reconfigure() -> None:
        set_up()
        switch.say("WARN", f"netdev_dpdk|{words}")

    switch.reconfigure = reconfigure


def test_settings_are_stored_and_those_that_are_left_out_stay(switch: FakeSwitch, run: Run) -> None:
    switch.write("set", "Interface", "dpdk0", "options:tx-flow-ctrl=true")
    result = run(name="dpdk0", rx=True, autoneg=False)
    assert options_of(switch) == {"rx-flow-ctrl": "true", "tx-flow-ctrl": "true", "flow-ctrl-autoneg": "false"}
    assert result["ports"] == [{"name": "dpdk0", "rx": True, "tx": True, "autoneg": False, "effective": True, "driver": "net_ixgbe"}]
    assert result["diff"]["before"] == {"dpdk0": {"autoneg": None, "rx": None, "tx": True}}
    assert result["diff"]["after"] == {"dpdk0": {"autoneg": False, "rx": True, "tx": True}}
    assert not run(name="dpdk0", rx=True, autoneg=False)["changed"]


def test_absent_removes_the_three_settings_and_nothing_else(switch: FakeSwitch, run: Run) -> None:
    run(name="dpdk0", rx=True, tx=False)
    assert run(name="dpdk0", state="absent")["changed"]
    assert switch.rows("Interface")["dpdk0"]["options"] == {"dpdk-devargs": "0000:05:00.0"}
    assert not run(name="dpdk0", state="absent")["changed"]
    assert not run(name="gone", state="absent")["changed"]


def test_check_mode_says_what_the_run_then_does(switch: FakeSwitch, run: Run) -> None:
    before = switch.dump()
    planned = run(check=True, name="dpdk0", rx=True)
    assert switch.dump() == before
    assert planned["ports"][0]["effective"] is None
    done = run(name="dpdk0", rx=True)
    assert [planned[key] for key in ("changed", "commands", "diff")] == [done[key] for key in ("changed", "commands", "diff")]


@pytest.mark.parametrize("words", ["dpdk0: Flow control is not supported.", "Failed to enable flow control on device 0"])
def test_a_device_that_cannot_is_a_failure_and_the_setting_is_taken_back(switch: FakeSwitch, run: Run, words: str) -> None:
    before = switch.dump()
    complain(switch, words)
    result = run(name="dpdk0", rx=True)
    assert result["failed"]
    assert "stored but has no effect" in result["msg"]
    assert words in result["msg"]
    assert "taken back" in result["msg"]
    assert switch.dump() == before


def test_without_required_effect_it_is_stored_with_a_warning_in_the_second_run_too(switch: FakeSwitch, run: Run) -> None:
    complain(switch)
    for changed in (True, False):
        result = run(name="dpdk0", rx=True, require_effect=False)
        assert result["changed"] is changed
        assert result["ports"][0]["effective"] is False
        assert "no effect" in str(result["warnings"])
    assert options_of(switch) == {"rx-flow-ctrl": "true"}


def test_an_unchanged_setting_without_effect_fails_where_the_effect_is_required(switch: FakeSwitch, run: Run) -> None:
    complain(switch)
    run(name="dpdk0", rx=True, require_effect=False)
    result = run(name="dpdk0", rx=True)
    assert result["failed"]
    assert options_of(switch) == {"rx-flow-ctrl": "true"}  # this task did not write it


def test_the_complaint_about_another_port_is_none_about_this_one(switch: FakeSwitch, run: Run) -> None:
    complain(switch, "dpdk1: Flow control is not supported.")
    assert run(name="dpdk0", rx=True)["ports"][0]["effective"] is True


def test_a_complaint_from_before_the_interface_was_added_again_does_not_count(switch: FakeSwitch, run: Run) -> None:
    switch.write("set", "Interface", "dpdk0", "options:rx-flow-ctrl=true")
    switch.say("WARN", "netdev_dpdk|dpdk0: Flow control is not supported.")
    switch.say("INFO", "bridge|bridge br0: added interface dpdk0 on port 1")
    result = run(name="dpdk0", rx=True)
    assert (result["changed"], result["ports"][0]["effective"]) == (False, None)


def test_switching_it_off_is_possible_on_a_device_without_it(switch: FakeSwitch, run: Run) -> None:
    complain(switch)
    result = run(name="dpdk0", rx=False, tx=False, autoneg=False)
    assert (result["changed"], result["ports"][0]["effective"]) == (True, True)


@pytest.mark.parametrize(("shown", "effective"), [(", rx-flow-ctrl=true", True), ("", False), (", rx-flow-ctrl=true, tx-flow-ctrl=true", False)])
def test_a_switch_that_shows_what_the_device_has_is_believed(switch: FakeSwitch, run: Run, shown: str, effective: bool) -> None:
    switch.daemon.answers["dpif/show"] = NEW_SHOW.format(shown)
    result = run(name="dpdk0", rx=True, require_effect=False)
    assert result["ports"][0]["effective"] is effective


def test_a_switch_that_shows_a_setting_that_the_device_refused_is_not_believed(switch: FakeSwitch, run: Run) -> None:
    switch.daemon.answers["dpif/show"] = NEW_SHOW.format(", rx-flow-ctrl=true")
    complain(switch, "Failed to enable flow control on device 0")
    assert run(name="dpdk0", rx=True)["failed"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "vhost-user0", "rx": True}, "memory, not a link"),
        ({"name": "br0", "rx": True}, "of type internal"),
        ({"name": "nosuch", "rx": True}, "This switch has port"),
        ({"name": "dpdk0"}, "needs rx, tx or autoneg"),
        ({"name": "dpdk0", "state": "absent", "rx": True}, "Leave out rx"),
        ({"ports": [{"name": "dpdk0", "rx": True}] * 2}, "given once"),
        ({"name": "a/b", "rx": True}, "without blanks"),
        ({}, "one of the following is required"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(switch: FakeSwitch, run: Run, options: dict[str, t.Any], words: str) -> None:
    result = run(**options)
    assert result["failed"]
    assert words in result["msg"]
    assert not switch.transactions


def test_a_setting_on_a_vhost_port_can_be_removed(switch: FakeSwitch, run: Run) -> None:
    switch.write("set", "Interface", "vhost-user0", "options:rx-flow-ctrl=true")
    assert run(name="vhost-user0", state="absent")["changed"]
    assert options_of(switch, "vhost-user0") == {}


def test_all_members_of_a_bond_are_meant_and_one_can_be_named(switch: FakeSwitch, run: Run) -> None:
    switch.write("add-bond", "br0", "bond0", "m0", "m1")
    for number, name in enumerate(("m0", "m1")):
        switch.write("set", "Interface", name, "type=dpdk", f'options:dpdk-devargs="net_null{number}"')
    run(name="bond0", rx=True)
    run(name="m1", tx=True)
    assert options_of(switch, "m0") == {"rx-flow-ctrl": "true"}
    assert options_of(switch, "m1") == {"rx-flow-ctrl": "true", "tx-flow-ctrl": "true"}


def test_an_empty_list_of_ports_is_nothing_to_do(switch: FakeSwitch, run: Run) -> None:
    assert not run(ports=[])["changed"]
    assert not switch.writes
