# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ovs_dpdk_info: what the database and the daemon say, also where one of them says nothing."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.modules import ovs_dpdk_info
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.test_appctl_perf import PERF_SHOW_3_5
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.datapath import Datapath

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch


class Run(t.Protocol):
    def __call__(self, **options: t.Any) -> dict[str, t.Any]:
        """Run the module on the fake switch and return the key switch of its result."""


@pytest.fixture
def run(switch: FakeSwitch, run_module: RunModule) -> Run:
    Datapath(switch)
    switch.daemon.answers["dpif-netdev/pmd-perf-show"] = PERF_SHOW_3_5
    switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev", "fail_mode=secure")
    switch.write("add-port", "br0", "dpdk0", "--", "set", "Interface", "dpdk0", "type=dpdk", "options:dpdk-devargs=net_null0")
    switch.write("add-port", "br0", "vhost-user0", "--", "set", "Interface", "vhost-user0", "type=dpdkvhostuserclient")

    def go(**options: t.Any) -> dict[str, t.Any]:
        result = run_module(ovs_dpdk_info, {**switch.args, **options})
        assert not result["changed"]
        answer: dict[str, t.Any] = result["switch"]
        return answer

    return go


def port(report: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = next(row for row in report["ports"] if row["name"] == name)
    return found


def test_it_costs_one_read_and_changes_nothing(switch: FakeSwitch, run: Run) -> None:
    before = switch.dump()
    run()
    assert (switch.reads, switch.writes, switch.dump()) == (1, 0, before)


def test_a_switch_that_runs_is_shown_as_it_runs(switch: FakeSwitch, run: Run) -> None:
    switch.write("set", "Interface", "dpdk0", "options:n_rxq=2", 'other_config:pmd-rxq-affinity="0:1,1:1"')
    report = run()
    assert (report["running"], report["problem"], report["findings"]) == (True, None, ["port vhost-user0: no PMD thread polls it"])
    assert (report["ovs_version"], report["dpdk_version"], report["dpdk_initialized"]) == ("3.1.0", "DPDK 22.11.11", True)
    assert report["bridges"] == [
        {"name": "br0", "datapath_type": "netdev", "fail_mode": "secure", "other_config": {}, "ports": ["dpdk0", "vhost-user0"]},
    ]
    shown = port(report, "dpdk0")
    assert (shown["type"], shown["devargs"], shown["driver"], shown["numa_node"], shown["mtu"]) == ("dpdk", "net_null0", "net_null", 0, 1500)
    assert (shown["n_rxq"], shown["n_rxq_desc"]) == ({"asked": 2, "there": 2}, {"asked": None, "there": 2048})
    assert shown["rxq_affinity"] == {"0": 1, "1": 1}
    assert [(queue["queue"], queue["core"], queue["isolated"]) for queue in shown["rxqs"]] == [(0, 1, True), (1, 1, True)]
    thread = report["pmd_threads"][0]
    assert (thread["core"], thread["isolated"], thread["busy_percent"], thread["rx_packets"]) == (1, True, 99.4, 201475104)
    assert [queue["port"] for queue in thread["rxqs"]] == ["dpdk0", "dpdk0"]


def test_other_config_has_types(switch: FakeSwitch, run: Run) -> None:
    switch.write("set", "Open_vSwitch", ".", 'other_config:pmd-cpu-mask="0x400004"', "other_config:smc-enable=true", "other_config:emc-insert-inv-prob=20")
    assert run()["other_config"] == {"dpdk-init": "true", "emc-insert-inv-prob": 20, "pmd-cpu-mask": "2,22", "smc-enable": True}


def test_policers_are_shown_in_packets_and_in_bits(switch: FakeSwitch, run: Run) -> None:
    values = ("type=egress-policer", "other_config:cir=46000000", "other_config:cbs=460000")
    switch.write("--id=@q", "create", "QoS", *values, "--", "set", "Port", "vhost-user0", "qos=@q")
    switch.write("set", "Interface", "vhost-user0", "ingress_policing_rate=368000", "ingress_policing_burst=0")
    shown = port(run(), "vhost-user0")
    assert (shown["egress"]["rate"], shown["egress"]["bit_rate"], shown["egress"]["burst"]) == ("1Mpps", "368Mbit", "10ms")
    assert (shown["ingress"]["rate"], shown["ingress"]["bit_rate"], shown["ingress"]["kbit"]) == ("1Mpps", "368Mbit", 8000)
    assert port(run(frame_size=110), "vhost-user0")["egress"]["rate"] == "500kpps"
    assert port(run(), "dpdk0")["egress"] is None


def test_a_policer_that_is_stored_and_not_there_is_a_finding(switch: FakeSwitch, run: Run) -> None:
    switch.write("--id=@q", "create", "QoS", "type=egress-policer", "other_config:cir=46000000", "--", "set", "Port", "dpdk0", "qos=@q")
    switch.daemon.answers["qos/show"] = "QoS not configured on dpdk0\n"
    assert "port dpdk0: qos/show has no policer instead of egress-policer" in run()["findings"]


def test_what_is_set_and_never_read_or_left_over_is_a_finding(switch: FakeSwitch, run: Run) -> None:
    switch.write("set", "Open_vSwitch", ".", "other_config:dpdk-mem-channels=4")
    switch.write("set", "Interface", "vhost-user0", "options:n_rxq=2")
    switch.write("--id=@q", "create", "QoS", "type=egress-policer")
    switch.write("set", "Interface", "dpdk0", "options:rx-flow-ctrl=true")
    switch.say("WARN", "netdev_dpdk|dpdk0: Flow control is not supported.")
    report = run()
    text = "\n".join(report["findings"])
    for words in ("dpdk-mem-channels was never read", "vhost-user0: options:n_rxq has no effect", "1 row(s) of QoS", "dpdk0: flow control is stored but"):
        assert words in text
    assert list(report["orphans"]["qos"].values()) == ["egress-policer"]
    assert port(report, "dpdk0")["flow_control"] == {"rx": True, "tx": None, "autoneg": None, "effective": False}


def test_the_error_of_a_port_is_a_finding(switch: FakeSwitch, run: Run) -> None:
    switch.refuse["dpdk0"] = "could not add network device dpdk0 to ofproto (Invalid argument)"
    switch.write("set", "Interface", "dpdk0", "mtu_request=9000")
    report = run()
    assert port(report, "dpdk0")["error"] == switch.refuse["dpdk0"]
    assert f"port dpdk0: {switch.refuse['dpdk0']}" in report["findings"]


def test_a_vhost_port_shows_its_guest(switch: FakeSwitch, run: Run) -> None:
    assert port(run(), "vhost-user0")["vhost"] == {"mode": "client", "connected": False, "socket": None, "queues": None, "features": None}
    status = {"mode": "client", "status": "connected", "socket": "/run/s", "num_of_vrings": "4", "numa": "1", "features": "0x0000000950008000"}
    next(row for row in switch.tables["Interface"].values() if row["name"] == "vhost-user0")["status"] = status
    shown = port(run(), "vhost-user0")
    assert shown["vhost"] == {"mode": "client", "connected": True, "socket": "/run/s", "queues": 2, "features": "0x0000000950008000"}
    assert shown["numa_node"] == 1


@pytest.mark.parametrize(("mode", "words"), [("down", "not running"), ("crashed", "not running"), ("hung", "did not answer within")])
def test_without_the_daemon_it_shows_the_database_and_why_there_is_nothing_else(switch: FakeSwitch, run: Run, mode: str, words: str) -> None:
    switch.daemon.mode = mode
    report = run()
    assert not report["running"]
    assert words in report["problem"]
    assert port(report, "dpdk0")["n_rxq"] == {"asked": None, "there": None}
    assert report["pmd_threads"] == []
    assert not any("polls" in text for text in report["findings"])


def test_without_the_database_it_fails(switch: FakeSwitch, run_module: RunModule) -> None:
    switch.server_down = True
    result = run_module(ovs_dpdk_info, dict(switch.args))
    assert result["failed"]
    assert "Is ovsdb-server running?" in result["msg"]


def test_dpdk_that_could_not_be_initialised_is_a_finding(switch: FakeSwitch, run: Run) -> None:
    switch.switch_row["dpdk_initialized"] = False
    assert any("DPDK is not initialised" in text for text in run()["findings"])


def test_a_frame_that_cannot_be_is_refused(switch: FakeSwitch, run_module: RunModule) -> None:
    assert "64 to 9728" in run_module(ovs_dpdk_info, {**switch.args, "frame_size": 63})["msg"]
