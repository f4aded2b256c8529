# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ovs_dpdk_port: devices, queues, affinity, MTU, bonds, and what a device refuses without an error."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.modules import ovs_dpdk_port
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.datapath import Datapath

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

NULL0 = "net_null0,size=60,no-rx=1"
TWO: list[dict[str, t.Any]] = [{"name": "dpdk0", "devargs": NULL0}, {"name": "dpdk1", "devargs": "net_null1"}]


class Run(t.Protocol):
    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module."""


@pytest.fixture
def datapath(switch: FakeSwitch) -> Datapath:
    """Return the datapath of a switch with bridges br0 and br1, and a PMD thread on CPU 1."""
    for bridge in ("br0", "br1"):
        switch.write("add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev")
    switch.write("set", "Open_vSwitch", ".", "other_config:pmd-cpu-mask=2")
    return Datapath(switch)


@pytest.fixture
def run(switch: FakeSwitch, datapath: Datapath, run_module: RunModule) -> Run:
    def call(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return run_module(ovs_dpdk_port, {**switch.args, **{key: value for key, value in options.items() if value is not None}}, check=check)

    return call


def refused(switch: FakeSwitch, run: Run, options: dict[str, t.Any]) -> str:
    """Run what is refused before anything is written, and return why."""
    before = switch.dump()
    result = run(**options)
    assert result["failed"], result
    assert switch.writes == 0
    assert switch.dump() == before
    return str(result["msg"])


def failed(switch: FakeSwitch, run: Run, options: dict[str, t.Any]) -> str:
    """Run what the switch does not do, and return what was said; the database is as it was."""
    before = switch.dump()
    result = run(**options)
    assert result["failed"], result
    assert switch.writes > 0
    assert switch.dump() == before
    return str(result["msg"])


class TestPorts:
    def test_a_port_is_added_as_check_mode_says_and_the_second_run_changes_nothing(self, switch: FakeSwitch, run: Run) -> None:
        wanted: dict[str, t.Any] = {"bridge": "br0", "name": "dpdk0", "devargs": NULL0, "n_rxq": 2, "n_rxq_desc": 512, "mtu": 9000, "emc_enable": False}
        planned = run(check=True, **wanted)
        assert switch.writes == 0
        result = run(**wanted)
        assert [result[key] for key in ("changed", "commands", "diff")] == [planned[key] for key in ("changed", "commands", "diff")]
        row = switch.rows("Interface")["dpdk0"]
        assert row["type"] == "dpdk"
        assert row["options"] == {"dpdk-devargs": NULL0, "n_rxq": "2", "n_rxq_desc": "512"}
        assert (row["mtu_request"], row["other_config"]) == (9000, {"emc-enable": "false"})
        assert result["diff"]["before"] == {"port dpdk0": {"state": "absent"}}
        assert result["ports"][0]["mtu_in_use"] == 9000
        again = run(**wanted)
        assert not again["changed"]
        assert switch.writes == 1

    def test_many_ports_are_one_read_one_transaction_and_one_proof(self, switch: FakeSwitch, run: Run) -> None:
        ports = [{"name": f"dpdk{number}", "devargs": f"net_null{number}"} for number in range(100)]
        result = run(bridge="br0", ports=ports, n_rxq=2)
        assert (switch.reads, switch.writes) == (2, 1)
        assert [port["n_rxq"] for port in result["ports"]] == ["2"] * 100

    def test_no_ports_change_nothing(self, switch: FakeSwitch, run: Run) -> None:
        result = run(bridge="br0", ports=[])
        assert (result["changed"], result["ports"], switch.writes) == (False, [], 0)

    def test_each_port_can_have_its_own_state(self, switch: FakeSwitch, run: Run) -> None:
        run(bridge="br0", ports=TWO)
        result = run(bridge="br0", ports=[{"name": "dpdk0", "state": "absent"}, {"name": "dpdk2", "devargs": "net_null2"}])
        assert [port["state"] for port in result["ports"]] == ["absent", "present"]
        assert {"dpdk0", "dpdk1", "dpdk2"} & switch.rows("Port").keys() == {"dpdk1", "dpdk2"}

    def test_options_left_out_stay_and_empty_ones_clear(self, switch: FakeSwitch, run: Run) -> None:
        run(bridge="br0", name="dpdk0", devargs=NULL0, n_rxq=2, mtu=9000, tag=5, rxq_affinity={0: 1, 1: 1})
        assert not run(name="dpdk0")["changed"]
        result = run(name="dpdk0", n_rxq="", mtu="", tag="", rxq_affinity={})
        row = switch.rows("Interface")["dpdk0"]
        assert (row["options"], row["mtu_request"], row["other_config"]) == ({"dpdk-devargs": NULL0}, None, {})
        assert switch.rows("Port")["dpdk0"]["tag"] is None
        assert "keeps the MTU of 9000 bytes until the port is made anew" in str(result["warnings"])

    def test_an_affinity_in_another_order_is_the_same(self, run: Run) -> None:
        run(bridge="br0", name="dpdk0", devargs=NULL0, n_rxq=2, rxq_affinity={0: 1, 1: 1})
        assert not run(name="dpdk0", rxq_affinity="1:1,0:1")["changed"]

    def test_a_removed_port_leaves_no_policer_behind(self, switch: FakeSwitch, run: Run) -> None:
        run(bridge="br0", name="dpdk0", devargs=NULL0)
        switch.write("--id=@q", "create", "QoS", "type=egress-policer", "other_config:cir=1", "--", "set", "Port", "dpdk0", "qos=@q")
        assert run(name="dpdk0", state="absent")["changed"]
        assert switch.rows("QoS") == {}
        assert "dpdk0" not in switch.rows("Interface")
        assert not run(name="dpdk0", state="absent")["changed"]

    def test_a_port_of_another_bridge_than_the_named_one_is_not_removed(self, run: Run) -> None:
        run(bridge="br0", name="dpdk0", devargs=NULL0)
        result = run(bridge="br1", name="dpdk0", state="absent")
        assert not result["changed"]
        assert "it is on bridge br0, not on br1, and stays" in str(result["warnings"])

    def test_a_port_moves_with_its_policer_after_its_device_is_closed(self, switch: FakeSwitch, run: Run) -> None:
        run(bridge="br0", name="dpdk0", devargs=NULL0)
        switch.write("--id=@q", "create", "QoS", "type=egress-policer", "other_config:cir=1", "--", "set", "Port", "dpdk0", "qos=@q")
        row = switch.rows("Port")["dpdk0"]
        result = run(bridge="br1", name="dpdk0")
        assert switch.rows("Port")["dpdk0"] == row
        assert switch.snapshot().ports["dpdk0"].bridge == "br1"
        assert [command[-1] for command in result["commands"]] == ["type=patch", "type=dpdk"]

    def test_two_ports_can_swap_their_devices(self, switch: FakeSwitch, run: Run) -> None:
        run(bridge="br0", ports=TWO)
        result = run(ports=[{"name": "dpdk0", "devargs": "net_null1"}, {"name": "dpdk1", "devargs": NULL0}])
        assert len(result["commands"]) == 2
        assert [row["options"]["dpdk-devargs"] for name, row in sorted(switch.rows("Interface").items()) if name.startswith("dpdk")] == ["net_null1", NULL0]

    @pytest.mark.parametrize("port_type", ["dpdkr", "dpdkvhostcuse"])
    def test_a_port_without_a_device_is_made_where_the_switch_lists_its_type(self, switch: FakeSwitch, run: Run, port_type: str) -> None:
        switch.switch_row["iface_types"].add(port_type)
        result = run(bridge="br0", name="vhost-cuse-1", type=port_type)
        assert result["changed"], result
        assert switch.rows("Interface")["vhost-cuse-1"]["type"] == port_type
        assert not run(bridge="br0", name="vhost-cuse-1", type=port_type)["changed"]


class TestBonds:
    BOND: t.ClassVar[dict[str, t.Any]] = {"bridge": "br0", "name": "bond0", "members": TWO, "bond_mode": "balance-tcp", "lacp": "active"}

    def test_a_bond_is_added_and_the_second_run_changes_nothing(self, switch: FakeSwitch, run: Run) -> None:
        result = run(**self.BOND, n_rxq=2)
        port = switch.snapshot().ports["bond0"]
        assert (port.interfaces, port.bond_mode, port.lacp) == (("dpdk0", "dpdk1"), "balance-tcp", "active")
        assert [member["n_rxq"] for member in result["ports"][0]["members"].values()] == ["2", "2"]
        assert not run(**self.BOND)["changed"]

    def test_members_and_mode_of_a_bond_change(self, switch: FakeSwitch, run: Run) -> None:
        run(**self.BOND)
        run(name="bond0", members=[TWO[0], {"name": "dpdk2", "devargs": "net_null2"}], bond_mode="active-backup", lacp="")
        port = switch.snapshot().ports["bond0"]
        assert (port.interfaces, port.bond_mode, port.lacp) == (("dpdk0", "dpdk2"), "active-backup", None)
        assert "dpdk1" not in switch.rows("Interface")

    def test_only_the_mode_of_a_bond_can_be_given(self, switch: FakeSwitch, run: Run) -> None:
        run(**self.BOND)
        run(name="bond0", bond_mode="balance-slb")
        assert switch.snapshot().ports["bond0"].interfaces == ("dpdk0", "dpdk1")

    def test_balance_tcp_without_lacp_has_a_warning(self, run: Run) -> None:
        assert "needs lacp active or passive" in str(run(**{**self.BOND, "lacp": None}))

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"members": TWO[:1]}, "two members or more"),
            ({"members": [TWO[0], TWO[0]]}, "Each name can be given once"),
            ({"members": [TWO[0], {"name": "bond0", "devargs": "net_null1"}]}, "Each name can be given once"),
            ({"members": [TWO[0], {"name": "dpdk1", "devargs": NULL0}]}, "has that device"),
            ({"devargs": NULL0}, "The port is a bond"),
            ({"members": None, "devargs": NULL0}, "the port is none"),
        ],
    )
    def test_bad_bonds_are_refused(self, switch: FakeSwitch, run: Run, changes: dict[str, t.Any], words: str) -> None:
        assert words in refused(switch, run, {**self.BOND, **changes})

    def test_options_of_a_device_are_refused_for_a_bond(self, switch: FakeSwitch, run: Run) -> None:
        run(**self.BOND)
        switch.writes = 0
        assert "The port is a bond of dpdk0, dpdk1" in refused(switch, run, {"name": "bond0", "n_rxq": 2})


class TestBadInput:
    PORT: t.ClassVar[dict[str, t.Any]] = {"bridge": "br0", "name": "dpdk0", "devargs": NULL0}

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"n_rxq": 0}, "from 1 to 1024"),
            ({"n_rxq": -1}, "from 1 to 1024"),
            ({"n_rxq": "two"}, "whole number"),
            ({"n_rxq_desc": 1000}, "power of 2"),
            ({"mtu": 70000}, "68 to 9702"),
            ({"mtu": 67}, "68 to 9702"),
            ({"mtu": "jumbo"}, "68 to 9702"),
            ({"tag": 4096}, "0 to 4095"),
            ({"name": "a/b"}, "without blanks, '/'"),
            ({"name": "-dpdk0"}, "something else than a name"),
            ({"name": ""}, "without blanks"),
            ({"devargs": "net_null0,=1"}, "argument without a name"),
            ({"devargs": "05:00"}, "does not begin with a PCI address"),
            ({"devargs": None}, "A DPDK port has a device"),
            ({"devargs": ""}, "A DPDK port has a device"),
            ({"bridge": None}, "Add the port first"),
            ({"bridge": "br9"}, "This switch has bridges br0, br1"),
            ({"lsc_interrupt": "maybe"}, "true or false"),
            ({"vf_mac": "01:00:00:00:00:00"}, "multicast"),
            ({"rxq_affinity": {0: 0}}, "PMD threads run on CPUs 1"),
            ({"rxq_affinity": {1: 1}}, "has 1 rx queues"),
            ({"rxq_affinity": "0:1,0:1"}, "bound to one CPU"),
            ({"rxq_affinity": "0"}, "has no CPU"),
            ({"rxq_affinity": {0: 4096 * 4}}, "not possible"),
            ({"type": "dpdkr", "devargs": None}, "gone since Open vSwitch 2.14"),
            ({"type": "dpdkr"}, "a ring and no device"),
            ({"type": "dpdkvhostcuse", "devargs": None}, "gone since Open vSwitch 2.6; what replaces it: dpdkvhostuserclient"),
            ({"type": "dpdkvhostcuse"}, "a guest and no device"),
            ({"name": "br0"}, "type internal is on bridge br0"),
        ],
    )
    def test_it_is_refused_before_anything_is_written(self, switch: FakeSwitch, run: Run, changes: dict[str, t.Any], words: str) -> None:
        assert words in refused(switch, run, {**self.PORT, **changes})

    def test_two_ports_with_one_device_are_refused(self, switch: FakeSwitch, run: Run) -> None:
        ports = [{"name": "dpdk0", "devargs": "0000:05:00.0"}, {"name": "dpdk1", "devargs": "05:00.0,dv_flow_en=1"}]
        assert "Port dpdk0 has that device" in refused(switch, run, {"bridge": "br0", "ports": ports})

    def test_a_name_given_twice_is_refused(self, switch: FakeSwitch, run: Run) -> None:
        assert "Each name can be given once" in refused(switch, run, {"bridge": "br0", "ports": [TWO[0], {**TWO[1], "name": "dpdk0"}]})

    def test_devices_and_names_are_no_defaults_of_many(self, switch: FakeSwitch, run: Run) -> None:
        assert "mutually exclusive" in refused(switch, run, {"bridge": "br0", "devargs": NULL0, "ports": TWO})

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_a_port_that_another_module_has_made_is_refused(self, switch: FakeSwitch, run: Run, state: str) -> None:
        switch.write("add-port", "br1", "dpdk0", "--", "set", "Interface", "dpdk0", "type=dpdkvhostuserclient")
        message = refused(switch, run, {**self.PORT, "state": state})
        assert "of type dpdkvhostuserclient is on bridge br1" in message
        assert "vhost_user_port" in message

    def test_a_bridge_of_the_kernels_datapath_is_refused(self, switch: FakeSwitch, run: Run) -> None:
        switch.write("add-br", "brs")
        assert "datapath_type system" in refused(switch, run, {**self.PORT, "bridge": "brs"})

    def test_a_switch_without_dpdk_says_what_to_set(self, switch: FakeSwitch, run: Run) -> None:
        switch.switch_row["dpdk_initialized"] = False
        switch.switch_row["iface_types"] = {"internal", "system", "tap"}
        assert "set dpdk-init" in refused(switch, run, self.PORT)

    def test_a_daemon_that_is_down_is_found_before_anything_is_written(self, switch: FakeSwitch, run: Run) -> None:
        switch.daemon.mode = "down"
        assert "ovs-vswitchd is not running" in refused(switch, run, self.PORT)

    def test_without_waiting_the_database_is_written_all_the_same(self, switch: FakeSwitch, run: Run) -> None:
        switch.daemon.mode = "down"
        assert run(**self.PORT, wait=False)["changed"]
        assert switch.rows("Interface")["dpdk0"]["type"] == "dpdk"

    def test_before_2_7_the_name_is_the_device(self, switch: FakeSwitch, run: Run) -> None:
        switch.switch_row["ovs_version"] = "2.6.1"
        assert "a DPDK port is dpdkN" in refused(switch, run, {**self.PORT, "name": "uplink", "devargs": None})
        assert run(bridge="br0", name="dpdk0", wait=False)["changed"]


class TestProof:
    PORT: t.ClassVar[dict[str, t.Any]] = {"bridge": "br0", "name": "dpdk0", "devargs": NULL0}

    def test_a_device_that_cannot_be_attached_is_taken_back_in_the_words_of_the_switch(self, switch: FakeSwitch, run: Run) -> None:
        switch.refuse["dpdk0"] = "Error attaching device '0000:05:00.0' to DPDK"
        assert "Error attaching device '0000:05:00.0' to DPDK" in failed(switch, run, {**self.PORT, "devargs": "0000:05:00.0"})

    def test_fewer_rx_queues_than_asked_are_a_failure(self, switch: FakeSwitch, run: Run, datapath: Datapath) -> None:
        datapath.most_queues = 16
        message = failed(switch, run, {**self.PORT, "n_rxq": 20})
        assert "n_rxq is 16, not 20" in message
        assert "no PMD thread" not in message

    def test_a_port_that_the_datapath_did_not_take_is_a_failure_although_its_row_has_no_error(self, switch: FakeSwitch, run: Run, datapath: Datapath) -> None:
        datapath.missing.add("dpdk0")
        assert "the datapath did not take it" in failed(switch, run, self.PORT)

    def test_a_queue_that_no_thread_polls_is_a_failure(self, switch: FakeSwitch, run: Run) -> None:
        run(**self.PORT, n_rxq=2)
        assert "no PMD thread polls rx queue 1" in failed(switch, run, {"name": "dpdk0", "rxq_affinity": {0: 1}})

    def test_a_queue_on_another_cpu_is_a_failure(self, switch: FakeSwitch, run: Run, datapath: Datapath) -> None:
        datapath.core = 3
        assert "rx queue 0 is polled on CPU 3, not 1" in failed(switch, run, {**self.PORT, "rxq_affinity": {0: 1}})

    def test_other_ports_that_nothing_polls_any_more_have_a_warning(self, run: Run) -> None:
        run(bridge="br0", ports=TWO)
        assert "port dpdk1: no PMD thread polls it" in str(run(name="dpdk0", rxq_affinity={0: 1})["warnings"])

    def test_a_device_that_keeps_its_mtu_is_a_failure(self, switch: FakeSwitch, run: Run) -> None:
        plain = switch.reconfigure

        def reconfigure() -> None:
            plain()
            for row in switch.tables["Interface"].values():
                row["mtu"] = row["mtu"] and 1500

        switch.reconfigure = reconfigure
        assert "the MTU is 1500, not 9000" in failed(switch, run, {**self.PORT, "mtu": 9000})

    def test_a_device_that_only_the_log_says_keeps_its_mtu_is_a_failure(self, switch: FakeSwitch, run: Run) -> None:
        switch.before_write.append(
            lambda: switch.say("WARN", "netdev_dpdk|Interface dpdk0 does not support MTU configuration, max packet size supported is 1500.")
        )
        assert "max packet size supported is 1500" in failed(switch, run, {**self.PORT, "mtu": 9000})

    def test_an_option_that_this_release_does_not_read_has_a_warning(self, run: Run) -> None:
        result = run(**self.PORT, rx_steering="rss+lacp")
        assert "is read since Open vSwitch 3.2; 3.1 does not look at it" in str(result["warnings"])


class TestFlowControl:
    def test_it_is_there_from_the_beginning(self, switch: FakeSwitch, run: Run) -> None:
        result = run(bridge="br0", name="dpdk0", devargs=NULL0, rx_flow_ctrl=True, tx_flow_ctrl="false")
        assert result["changed"]
        assert switch.writes == 1
        assert switch.rows("Interface")["dpdk0"]["options"] == {"dpdk-devargs": NULL0, "rx-flow-ctrl": "true", "tx-flow-ctrl": "false"}

    def test_a_device_that_cannot_do_it_is_a_failure_and_no_port_is_left(self, switch: FakeSwitch, run: Run) -> None:
        set_up = switch.reconfigure

        def reconfigure() -> None:
            set_up()
            switch.say("WARN", "netdev_dpdk|dpdk0: Flow control is not supported.")

        switch.reconfigure = reconfigure
        result = run(bridge="br0", name="dpdk0", devargs=NULL0, rx_flow_ctrl=True)
        assert result["failed"]
        assert "port dpdk0: flow control is stored but has no effect" in result["msg"]
        assert "dpdk0" not in switch.rows("Interface")


class TestCheckMode:
    def test_what_an_earlier_task_would_make_is_assumed(self, switch: FakeSwitch, run: Run) -> None:
        result = run(check=True, bridge="br7", name="dpdk0", devargs=NULL0)
        assert result["changed"]
        assert "bridge br7 is not there" in str(result["warnings"])
        assert switch.writes == 0

    def test_what_an_earlier_task_may_change_is_a_warning(self, run: Run) -> None:
        result = run(check=True, bridge="br0", name="dpdk0", devargs=NULL0, rxq_affinity={0: 5})
        assert result["changed"]
        assert "would be refused unless an earlier task changes this" in str(result["warnings"])

    def test_dpdk_that_an_earlier_task_would_initialise_is_assumed(self, switch: FakeSwitch, run: Run) -> None:
        switch.switch_row["dpdk_initialized"] = False
        switch.switch_row["iface_types"] = {"internal", "system", "tap"}
        result = run(check=True, bridge="br0", name="dpdk0", devargs=NULL0)
        assert result["changed"]
        assert "DPDK is not initialised" in str(result["warnings"])
