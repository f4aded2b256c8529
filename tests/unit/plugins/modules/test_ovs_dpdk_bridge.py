# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ovs_dpdk_bridge: bridges of the userspace datapath, one or many."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.modules import ovs_dpdk_bridge
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.datapath import Datapath

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch


class Run(t.Protocol):
    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module."""


@pytest.fixture
def run(switch: FakeSwitch, run_module: RunModule) -> Run:
    Datapath(switch)

    def call(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return run_module(ovs_dpdk_bridge, {**switch.args, **options}, check=check)

    return call


def test_a_bridge_is_added_and_the_second_run_changes_nothing(switch: FakeSwitch, run: Run) -> None:
    planned = run(check=True, name="br0", fail_mode="secure")
    assert switch.writes == 0
    result = run(name="br0", fail_mode="secure")
    assert result["changed"]
    assert [result[key] for key in ("commands", "diff")] == [planned[key] for key in ("commands", "diff")]
    row = switch.rows("Bridge")["br0"]
    assert (row["datapath_type"], row["fail_mode"]) == ("netdev", "secure")
    assert result["bridges"] == [{"name": "br0", "state": "present", "datapath_type": "netdev", "fail_mode": "secure", "other_config": {}, "ports": []}]
    again = run(name="br0", fail_mode="secure")
    assert not again["changed"]
    assert again["commands"] == []
    assert switch.writes == 1


def test_many_bridges_are_one_transaction_with_common_defaults(switch: FakeSwitch, run: Run) -> None:
    run(bridges=[{"name": f"br{number}"} for number in range(20)] + [{"name": "brx", "fail_mode": "standalone"}], fail_mode="secure")
    assert switch.writes == 1
    assert {name: row["fail_mode"] for name, row in switch.rows("Bridge").items()} == {**{f"br{number}": "secure" for number in range(20)}, "brx": "standalone"}


def test_an_option_left_out_stays_and_an_empty_one_clears(switch: FakeSwitch, run: Run) -> None:
    run(name="br0", fail_mode="secure", other_config={"mac-table-size": 4096, "disable-in-band": True})
    assert not run(name="br0")["changed"]
    run(name="br0", fail_mode="", other_config={"mac-table-size": ""})
    row = switch.rows("Bridge")["br0"]
    assert row["fail_mode"] is None
    assert row["other_config"] == {"disable-in-band": "true"}


def test_a_bridge_of_the_kernels_datapath_is_changed_and_said_so(switch: FakeSwitch, run: Run) -> None:
    switch.write("add-br", "br0")
    result = run(name="br0")
    assert switch.rows("Bridge")["br0"]["datapath_type"] == "netdev"
    assert "datapath_type changes from system to netdev" in str(result["warnings"])


def test_a_removed_bridge_takes_its_ports_and_their_policers_with_it(switch: FakeSwitch, run: Run) -> None:
    switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev", "--", "add-port", "br0", "dpdk0")
    switch.write("set", "Interface", "dpdk0", "type=dpdk", 'options:dpdk-devargs="net_null0"')
    switch.write("--id=@q", "create", "QoS", "type=egress-policer", "other_config:cir=1", "--", "set", "Port", "dpdk0", "qos=@q")
    result = run(name="br0", state="absent")
    assert result["changed"]
    assert result["bridges"] == [{"name": "br0", "state": "absent"}]
    assert [switch.rows(table) for table in ("Bridge", "Port", "Interface", "QoS")] == [{}, {}, {}, {}]
    assert not run(name="br0", state="absent")["changed"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "a-name-of-16-chr"}, "at most 15 bytes"),
        ({"name": "a/b"}, "without blanks, '/'"),
        ({"name": "-br0"}, "something else than a name"),
        ({"bridges": [{"name": "br0"}, {"name": "br0"}]}, "Each name can be given once"),
        ({"name": "br0", "other_config": {"a": [1]}}, "a text, a number or a boolean"),
        ({}, "one of the following is required: name, bridges"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(switch: FakeSwitch, run: Run, options: dict[str, t.Any], words: str) -> None:
    before = switch.dump()
    result = run(**options)
    assert result["failed"]
    assert words in result["msg"]
    assert switch.writes == 0
    assert switch.dump() == before


def test_a_name_that_a_port_has_is_refused(switch: FakeSwitch, run: Run) -> None:
    switch.write("add-br", "br0", "--", "add-port", "br0", "p")
    before = switch.dump()
    assert "Port p of bridge br0 has that name" in run(name="p")["msg"]
    assert (switch.writes, switch.dump()) == (0, before)


def test_no_bridges_change_nothing(switch: FakeSwitch, run: Run) -> None:
    result = run(bridges=[])
    assert not result["changed"]
    assert result["bridges"] == []
    assert switch.writes == 0


def test_a_local_port_that_cannot_be_made_is_a_failure_and_taken_back(switch: FakeSwitch, run: Run) -> None:
    before = switch.dump()
    switch.refuse["br0"] = "could not open network device br0 (No such file or directory)"
    result = run(name="br0")
    assert "bridge br0: could not open network device" in result["msg"]
    assert switch.dump() == before


def test_a_bridge_in_no_datapath_is_a_failure_and_taken_back(switch: FakeSwitch, run: Run) -> None:
    before = switch.dump()
    switch.daemon.answers["dpif/show"] = "netdev@ovs-netdev: hit:0 missed:0\n"
    result = run(name="br0")
    assert "bridge br0: it is in no datapath, not in netdev" in result["msg"]
    assert switch.dump() == before
