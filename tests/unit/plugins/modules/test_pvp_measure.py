# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pvp_measure: what it finds, what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import pvp, pvp_generator, pvp_look
from ansible_collections.nfv.ovs_dpdk.plugins.modules import pvp_measure
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import Machine, grid
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_path import FakePath

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

NULL: dict[str, t.Any] = {"type": "port", "ports": ["null0"]}
TESTPMD: dict[str, t.Any] = {"ports": ["gen0"], "cpus": "4"}


@pytest.fixture
def path(switch: FakeSwitch, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> t.Iterator[FakePath]:
    fake = FakePath(switch, tmp_path / "generator.log")
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: fake.find(arg))
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, args, **kwargs: fake.run_command(args, **kwargs))
    for file in (pvp, pvp_generator, pvp_look):
        monkeypatch.setattr(file, "time", fake.time())
    monkeypatch.setattr(pvp_generator.Generator.__init__, "__defaults__", (fake.log,))
    monkeypatch.setattr(pvp_measure, "ROOT", Machine(threads=grid(1, 4, 2), isolated="2").write(tmp_path / "root"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    yield fake
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Run(t.Protocol):
    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module."""


@pytest.fixture
def run(path: FakePath, switch: FakeSwitch, run_module: RunModule) -> Run:
    """Run the module, and see that it has left nothing behind, whatever came of it."""

    def go(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        before, users = switch.dump(), dict(path.flows)
        result = run_module(pvp_measure, {**switch.args, "guest_ports": ["vm0", "vm1"], "generator": NULL, "repeats": 1, **options}, check=check)
        assert switch.dump() == before
        assert path.flows == {key: flow for key, flow in users.items() if key[0] != "0x6e66762d707670"}
        assert path.running is None
        assert not path.log.exists()
        return result

    return go


def said(result: dict[str, t.Any]) -> str:
    return json.dumps(result.get("warnings", []))


# --- what it finds ---


def test_it_finds_the_rate_that_the_guest_carries(run: Run) -> None:
    result = run(repeats=3)
    (found,) = result["measurements"]
    assert found["pps"]["median"] == pytest.approx(1e6, rel=0.03)
    assert found["pps"]["median"] <= 1e6 * 1.001
    assert (found["direction"], found["frame_size"], found["limited_by"], found["loss_percent"]) == ("unidirectional", 64, ["loss"], 0)
    assert found["cycles_per_packet"] == 200
    assert len(found["runs"]) == 3
    assert result["changed"] is False
    assert [row["frame"] for row in result["table"]] == [64]


def test_what_the_first_trial_asks_for_is_no_policer_at_all_and_later_ones_are_counted_by_what_passed(run: Run, path: FakePath) -> None:
    trials = run()["measurements"][0]["runs"][0]["trials"]
    assert trials[0]["asked_pps"] is None
    assert trials[0]["offered_pps"] == pytest.approx(path.generates)
    assert trials[0]["loss_percent"] == pytest.approx(75, abs=0.1)
    assert all(trial["offered_pps"] == pytest.approx(trial["asked_pps"], rel=0.001) for trial in trials[1:])
    assert [trial["cycles_per_packet"] for trial in trials] == [200, *[None] * (len(trials) - 1)]  # what a policer drops costs cycles too


def test_a_guest_that_carries_all_is_limited_by_the_generator(run: Run, path: FakePath) -> None:
    path.generates = 5e5
    found = run()["measurements"][0]
    assert (found["limited_by"], found["pps"]["median"]) == (["generator"], 500_000)


def test_both_directions_add_up(run: Run) -> None:
    generator = {"ports": ["gen0", "gen1"], "cpus": "4"}
    result = run(generator=generator, directions=["unidirectional", "bidirectional"])
    one, both = result["measurements"]
    assert one["pps"]["median"] == pytest.approx(1e6, rel=0.03)
    assert both["pps"]["median"] == pytest.approx(2e6, rel=0.03)
    assert [row["direction"] for row in result["table"]] == ["unidirectional", "bidirectional"]


def test_the_generator_runs_once_for_each_size_and_sends_that_size(run: Run, path: FakePath) -> None:
    result = run(generator=TESTPMD, frame_sizes=[64, 1518], repeats=2)
    started = [call for call in path.calls if call[0] == "systemd-run"]
    assert [word for call in started for word in call if word.startswith("--txpkts")] == ["--txpkts=64", "--txpkts=1518"]
    assert {"--forward-mode=flowgen", "--port-topology=loop", "--lcores=0@4,1@4"} < set(started[0])
    assert "--vdev=net_virtio_user0,path=/run/nothing/gen0,queues=1,queue_size=1024,server=1" in started[0]
    assert [found["pps"]["median"] for found in result["measurements"]] == [pytest.approx(1e6, rel=0.03)] * 2
    assert [found["bps"] for found in result["measurements"]] == [pytest.approx(512e6, rel=0.03), pytest.approx(12.144e9, rel=0.03)]


def test_a_jumbo_frame_has_large_buffers_in_the_generator(run: Run, path: FakePath, switch: FakeSwitch) -> None:
    for name in ("gen0", "vm0", "vm1"):
        path.row(name)["mtu_request"] = 9000
    result = run(generator=TESTPMD, frame_sizes=[9018])
    (words,) = (call for call in path.calls if call[0] == "systemd-run")
    assert {"--mbuf-size=9216", "--max-pkt-len=9018", "--txpkts=9018"} < set(words)
    assert words.index("--mbuf-size=9216") < words.index("--txpkts=9018")  # it is checked against the size of buffers
    assert result["measurements"][0]["bps"] > 7e10
    assert "mergeable_buffers" in [finding["check"] for finding in result["findings"] if finding["ok"] is False]


def test_a_port_in_mode_server_is_connected_to(run: Run, path: FakePath, switch: FakeSwitch) -> None:
    path.row("gen0").update(type="dpdkvhostuser", options={})
    switch.write("set", "Open_vSwitch", ".", "other_config:vhost-sock-dir=vhost")
    path.before_call["systemd-run --unit=nfv-pvp-generator.service"] = lambda: path.connect("gen0")
    path.generates = 5e5
    run(generator=TESTPMD)
    (words,) = (call for call in path.calls if call[0] == "systemd-run")
    assert f"--vdev=net_virtio_user0,path={switch.rundir}/vhost/gen0,queues=1,queue_size=1024,server=0" in words


def test_an_external_generator_is_counted_and_not_throttled(run: Run, path: FakePath, switch: FakeSwitch) -> None:
    writes = switch.writes
    result = run(generator={**NULL, "type": "external"}, repeats=2)
    assert switch.writes == writes
    found = result["measurements"][0]
    assert found["pps"]["median"] == pytest.approx(1e6, rel=0.001)
    assert found["loss_percent"] == pytest.approx(75, abs=0.1)
    assert [len(one["trials"]) for one in found["runs"]] == [1, 1]


def test_macs_of_the_guest_are_set_on_the_way_in(run: Run, path: FakePath) -> None:
    run(guest_macs=["52:54:00:00:00:01", "52:54:00:00:00:02"])
    into = path.row("vm0")["ofport"]
    flows = [call[3] for call in path.calls if call[:2] == ["ovs-ofctl", "add-flow"]]
    assert any(flow.endswith(f"actions=mod_dl_dst:52:54:00:00:00:01,output:{into}") for flow in flows)
    assert not any("00:00:02" in flow for flow in flows)


def test_a_guest_may_send_packets_back_by_the_same_port(run: Run, path: FakePath) -> None:
    path.forwards = False
    result = run(guest_ports=["vm0"])
    assert "none came out (null0 -> vm0 -> guest -> vm0 -> null0)" in result["msg"]


# --- what it leaves ---


def test_policers_of_the_user_are_there_again_with_all_that_they_had(run: Run, switch: FakeSwitch) -> None:
    switch.write("set", "Interface", "null0", "ingress_policing_rate=36800", "ingress_policing_burst=368", "external_ids:owner=me")
    result = run()
    assert "Port null0 has a policer: ingress" in said(result)
    assert len(switch.transactions) > 3


@pytest.mark.parametrize("when", ["dump-flows", "del-flows", "add-flow"])
def test_a_signal_ends_it_as_an_error_does(run: Run, path: FakePath, when: str) -> None:
    """Each run checks that flows, policers and generator are gone."""
    path.before_call[f"ovs-ofctl {when}"] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    assert "ended by SIGTERM" in run(generator=TESTPMD)["msg"]


def test_an_error_in_the_middle_takes_all_of_it_back(run: Run, path: FakePath, switch: FakeSwitch) -> None:
    switch.after_write = lambda: setattr(path, "generates", 0.0)
    assert "no packet came in from null0" in run()["msg"]
    assert switch.writes == 2  # a policer, and it is gone


def test_what_cannot_be_taken_back_is_said(path: FakePath, switch: FakeSwitch, run_module: RunModule) -> None:
    switch.after_write = lambda: setattr(switch, "server_down", True)
    args = {**switch.args, "guest_ports": ["vm0", "vm1"], "generator": NULL, "repeats": 1}
    result = run_module(pvp_measure, args)
    assert "not everything could be taken back: the database" in result["msg"]
    assert path.flows == {}
    switch.after_write, switch.server_down = bool, False
    assert "is again what it was" in said(run_module(pvp_measure, args))
    assert switch.rows("Interface")["null0"]["external_ids"] == {}


def test_a_run_after_one_that_was_killed_puts_its_policers_back(path: FakePath, switch: FakeSwitch, run_module: RunModule) -> None:
    before = switch.dump()
    switch.write("set", "Interface", "null0", "ingress_policing_rate=1", 'external_ids:nfv-pvp-ingress="0/0"')
    path.flows["0x6e66762d707670", 99] = "drop"
    args = {**switch.args, "guest_ports": ["vm0", "vm1"], "generator": NULL, "repeats": 1}
    result = run_module(pvp_measure, args)
    assert "is again what it was before a measurement that was killed" in said(result)
    assert result["measurements"][0]["limited_by"] == ["loss"]
    assert switch.dump() == before
    assert path.flows == {}


def test_a_generator_that_was_left_is_taken_over(run: Run, path: FakePath) -> None:
    path.running = ["--vdev=path=/run/nothing/gen0"]
    path.connect("gen0")
    assert run(generator=TESTPMD)["measurements"]


# --- check mode ---


def test_check_mode_makes_the_checks_and_says_what_it_would_measure(run: Run, path: FakePath, switch: FakeSwitch) -> None:
    result = run(check=True, generator={"ports": ["gen0", "gen1"], "cpus": "4"}, directions=["bidirectional"], frame_sizes=[64, 1518])
    assert result["plan"] == [
        f"bidirectional, frames of {size} bytes, gen0 -> vm0 -> guest -> vm1 -> gen1 and gen1 -> vm1 -> guest -> vm0 -> gen0: "
        "searched 1 times with trials of 5 s"
        for size in (64, 1518)
    ]
    assert (result["measurements"], result["commands"], result["changed"]) == ([], [], False)
    assert [finding["check"] for finding in result["findings"]][:2] == ["guest_connected", "queues"]
    assert path.calls == []
    assert switch.writes == 0


def test_check_mode_assumes_ports_that_an_earlier_task_makes(run: Run, path: FakePath) -> None:
    result = run(check=True, generator={"ports": ["new0"], "cpus": "4"})
    assert "an earlier task makes port new0" in said(result)
    assert len(result["findings"]) == 10
    result = run(check=True, guest_ports=["new1", "vm1"])
    assert (result["findings"], len(result["plan"])) == ([], 1)


def test_check_mode_on_a_host_without_open_vswitch_says_what_it_would_measure(run: Run, path: FakePath, switch: FakeSwitch) -> None:
    path.missing.add("ovs-vsctl")
    switch.daemon.mode = "down"
    assert len(run(check=True)["plan"]) == 1


# --- latency ---


def test_latency_is_that_of_ping_from_the_namespace(run: Run, path: FakePath) -> None:
    path.ping = (0, "200 packets transmitted, 200 received, 0% packet loss\nrtt min/avg/max/mdev = 0.1/0.2/0.3/0.04 ms\n")
    result = run(latency={"namespace": "left", "address": "1.1.2.99"})
    assert result["latency"] == {"sent": 200, "received": 200, "min_ms": 0.1, "avg_ms": 0.2, "max_ms": 0.3, "mdev_ms": 0.04}
    assert result["latency_reason"] is None
    (ping,) = (call for call in path.calls if call[0] == "ip")
    assert ping[1:5] == ["netns", "exec", "left", "ping"]
    assert path.calls.index(ping) == 0  # before there are flows of the measurement


def test_without_an_answer_there_is_no_latency_and_a_reason(run: Run, path: FakePath) -> None:
    path.ping = (1, "2 packets transmitted, 0 received, 100% packet loss\n")
    result = run(latency={"namespace": "left", "address": "1.1.2.99"})
    assert result["latency"] is None
    assert "no answer from 1.1.2.99 in network namespace left" in result["latency_reason"]
    assert "testpmd" in run()["latency_reason"]


# --- what it refuses ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"guest_ports": ["vm0", "nope"]}, "There is no such port; there are: gen0, gen1, null0, vm0, vm1"),
        ({"guest_ports": ["vm0", "vm1", "gen1"]}, "one port, or two"),
        ({"guest_ports": ["null0"], "generator": TESTPMD}, "is of type dpdk, and a guest is on a vhost-user port"),
        ({"guest_ports": ["vm0", "vm0"]}, "No port can be in a path twice"),
        ({"generator": {**NULL, "ports": ["vm0"]}}, "No port can be in a path twice"),
        ({"generator": {"ports": ["null0"], "cpus": "4"}}, "testpmd connects to vhost-user ports"),
        ({"generator": {"ports": ["gen0"]}}, "generator.cpus is missing"),
        ({"generator": {"ports": ["gen0"], "cpus": "x"}}, "not a CPU"),
        ({"generator": {**TESTPMD, "queues": 0}}, "from 1 to 1024"),
        ({"frame_sizes": [63], "generator": TESTPMD}, "64 to 9728"),
        ({"frame_sizes": [64, 64], "generator": TESTPMD}, "each once"),
        ({"frame_sizes": []}, "each once"),
        ({"frame_sizes": [64, 128]}, "sends one size at a time"),
        ({"frame_sizes": [1519], "generator": TESTPMD}, "has an MTU of 1500, so that frames of at most 1518"),
        ({"directions": ["bidirectional"]}, "need two ports of the guest and two of the generator"),
        ({"acceptable_loss": 100}, "from 0 to 100"),
        ({"resolution": 0}, "from 0.1 to 50"),
        ({"repeats": 0}, "from 1 to 100"),
        ({"trial_seconds": 0.1}, "from 0.5 to 3600"),
        ({"max_rate": "10Gbit"}, "in packets per second"),
        ({"max_rate": "10"}, "has no unit"),
        ({"max_rate": "1Mpps", "generator": {**NULL, "type": "external"}}, "a rate of its own"),
        ({"burst": "64"}, "no unit"),
        ({"guest_macs": ["52:54:00:00:00:01"]}, "one Ethernet address for each of vm0, vm1"),
        ({"guest_macs": ["52:54:00:00:00:01", "x"]}, "one Ethernet address"),
        ({"latency": {"namespace": "a", "address": "b", "count": 0}}, "from 1 to 100000"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(run: Run, path: FakePath, switch: FakeSwitch, options: dict[str, t.Any], words: str) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert words in result["msg"]
    assert path.calls == []
    assert switch.writes == 0


def test_ports_on_two_bridges_are_refused(run: Run, path: FakePath, switch: FakeSwitch) -> None:
    switch.reconfigure = switch.set_up_interfaces
    switch.write(
        "add-br", "br1", "--", "set", "Bridge", "br1", "datapath_type=netdev", "--", "add-port", "br1", "x", "--", "set", "Interface", "x", "type=dpdkvhostuser"
    )
    assert "vm0 is on br0, x is on br1" in run(generator={**NULL, "ports": ["x"]})["msg"]


def test_a_port_with_an_error_is_refused(run: Run, path: FakePath) -> None:
    path.row("null0")["error"] = "could not open network device"
    assert "port null0: could not open network device" in run()["msg"]


def test_a_port_of_the_generator_that_has_a_guest_is_refused(run: Run, path: FakePath) -> None:
    path.connect("gen0")
    assert "Something is connected to it already" in run(generator=TESTPMD)["msg"]


def test_required_checks_that_are_not_good_end_it_with_all_findings(run: Run, path: FakePath) -> None:
    path.disconnect("vm1")
    result = run(require=["guest_connected", "pmd_isolated"])
    assert "guest_connected: Port vm1 has no guest" in result["msg"]
    assert "pmd_isolated:" not in result["msg"]  # CPU 2 is isolated
    assert len(result["findings"]) == 10
    assert path.calls == []


def test_findings_that_are_not_required_are_warnings(run: Run, switch: FakeSwitch) -> None:
    switch.write("set", "Open_vSwitch", ".", "other_config:pmd-maxsleep=500")
    result = run(require=["queues"])
    assert "may sleep for up to 500 us" in said(result)
    assert result["measurements"]


def test_a_flow_of_the_user_that_would_be_replaced_is_refused(run: Run, path: FakePath) -> None:
    number = path.row("null0")["ofport"]
    path.users_flows = [f"cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=65535,in_port={number} actions=drop"]
    assert "a flow of priority 65535 for all packets of null0" in run()["msg"]
    path.users_flows = ["cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=100,in_port=null0 actions=drop"]
    assert run()["measurements"]


@pytest.mark.parametrize("program", ["dpdk-testpmd", "systemd-run"])
def test_a_host_without_a_generator_says_which_package_has_it(run: Run, path: FakePath, program: str) -> None:
    path.missing.add(program)
    assert f"{program} is not on this host" in run(generator=TESTPMD)["msg"]


# --- what goes wrong on the way ---


def test_a_guest_that_does_not_forward_is_an_error(run: Run, path: FakePath) -> None:
    path.forwards = False
    assert "none came out (null0 -> vm0 -> guest -> vm1 -> null0): is the guest forwarding" in run()["msg"]


def test_frames_of_another_size_are_an_error(run: Run, path: FakePath) -> None:
    path.frame = 128
    assert "its packets are frames of 128 bytes with FCS, not of 64" in run()["msg"]


def test_a_generator_that_does_not_connect_is_an_error_with_its_words(run: Run, path: FakePath) -> None:
    path.does_not_connect = True
    result = run(generator=TESTPMD)
    assert "the generator did not connect to gen0. It said: EAL: Detected CPU lcores: 8 / EAL: Error - exiting with code: 1" in result["msg"]


def test_a_generator_that_ends_in_the_middle_is_an_error(run: Run, path: FakePath) -> None:
    path.dies_after = path.now + 20
    assert "the generator ended: EAL: Detected" in run(generator=TESTPMD)["msg"]


def test_a_guest_that_goes_in_the_middle_is_an_error(run: Run, path: FakePath, switch: FakeSwitch) -> None:
    switch.after_write = lambda: path.disconnect("vm0")
    message = ""
    before_ports = dict(path.row("vm0")["status"])
    try:
        message = run()["msg"]
    finally:
        path.row("vm0")["status"] = before_ports
    assert "port vm0 has no packet counters: no guest is connected to it now" in message


def test_a_switch_that_is_down_is_said_before_anything(run: Run, switch: FakeSwitch) -> None:
    switch.daemon.mode = "down"
    assert "not running" in run()["msg"]
