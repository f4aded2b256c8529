# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, apply, prove: what a task does to the database when all goes well, and that nothing is left of it when not."""

from __future__ import annotations

import time
import types
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Decision, main
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import WantInterface, WantPort, WantQoS, WantSwitch
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Evidence
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Want
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

SPEC: dict[str, dict[str, t.Any]] = {
    "ports": {"type": "list", "elements": "str", "default": ["p0"]},
    "bridge": {"type": "str", "default": "br0"},
    "key": {"type": "str"},
    "socket": {"type": "str"},
    "policed": {"type": "bool", "default": False},
    "shown": {"type": "str"},
}


class Ports(Decision):
    """A small module: internal ports or vhost-user ports, a key of the switch, a policer, and an answer of the daemon to wait for."""

    def wants(self, snapshot: Snapshot) -> Sequence[Want]:
        del snapshot
        if self.params["key"] == "bad":
            raise InputError("the switch", "key", "bad", "Good is possible.", "Take that.")
        kind = {"type": "dpdkvhostuserclient"} if self.params["socket"] else {"type": "internal"}
        options = {"vhost-server-path": self.params["socket"]} if self.params["socket"] else {}
        qos = WantQoS("egress-policer", {"cir": "46000000"}, {1: {"cir": "1"}}) if self.params["policed"] else None
        key = WantSwitch({"key": self.params["key"]}) if self.params["key"] else WantSwitch()
        return [key, *(WantPort(name, self.params["bridge"], interfaces=(WantInterface(name, kind, options),), qos=qos) for name in self.params["ports"])]

    def view(self, snapshot: Snapshot) -> dict[str, t.Any]:
        return {"key": snapshot.switch.other_config.get("key"), "ports": {name: snapshot.ports[name].bridge for name in snapshot.ports if name != "br0"}}

    def prove(self, evidence: Evidence) -> list[str]:
        expected = self.params["shown"]
        return [] if not expected or evidence.daemon.ask("shown") == expected else [f"the daemon does not show {expected}"]


MODULE = types.SimpleNamespace(main=lambda: main(Ports, SPEC))


@pytest.fixture
def ready(switch: FakeSwitch) -> FakeSwitch:
    """Return a switch with bridges, and rows of somebody else."""
    switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev", "other_config:foreign=1")
    switch.write("add-br", "br1", "--", "set", "Open_vSwitch", ".", "other_config:foreign=1", "external_ids:foreign=1")
    switch.write("add-port", "br1", "foreign", "--", "set", "Interface", "foreign", "type=internal")
    switch.write("--id=@w", "create", "Queue", "other_config:cir=1", "--", "--id=@q", "create", "QoS", "type=foreign", "queues:1=@w")
    switch.reads = switch.writes = 0
    return switch


class TestGoodWay:
    def test_a_change_is_one_read_one_write_and_one_read_to_prove_it(self, ready: FakeSwitch, run_module: RunModule) -> None:
        result = run_module(MODULE, {**ready.args, "ports": ["p0", "p1"], "key": "v"})
        assert result["changed"]
        assert (ready.reads, ready.writes) == (2, 1)
        assert ready.rows("Interface")["p1"]["type"] == "internal"
        assert result["diff"]["after"] == {"key": "v", "ports": {"br1": "br1", "foreign": "br1", "p0": "br0", "p1": "br0"}}
        assert result["commands"][0][:3] == ["/testbin/ovs-vsctl", f"--db={ready.database}", "--timeout=2"]

    def test_an_unchanged_run_is_one_read(self, ready: FakeSwitch, run_module: RunModule) -> None:
        run_module(MODULE, {**ready.args, "policed": True})
        ready.reads = ready.writes = 0
        result = run_module(MODULE, {**ready.args, "policed": True})
        assert not result["changed"]
        assert result["commands"] == []
        assert result["diff"]["before"] == result["diff"]["after"]
        assert (ready.reads, ready.writes) == (1, 0)

    def test_an_unchanged_run_waits_for_a_port_that_was_written_a_moment_ago(self, ready: FakeSwitch, run_module: RunModule) -> None:
        set_up = ready.reconfigure
        ready.reconfigure = lambda: None  # the daemon has not come to it
        run_module(MODULE, {**ready.args, "wait": False})
        ready.reads = 0
        ready.after_read = lambda: ready.reads == 1 and set_up()
        assert not run_module(MODULE, ready.args)["changed"]
        assert ready.reads == 2

    def test_a_port_that_the_switch_never_sets_up_is_an_error_of_an_unchanged_run_too(self, ready: FakeSwitch, run_module: RunModule) -> None:
        ready.reconfigure = lambda: None
        run_module(MODULE, {**ready.args, "wait": False})
        assert "port p0: it got no OpenFlow port number" in run_module(MODULE, ready.args)["msg"]
        assert "p0" in ready.rows("Port")

    def test_check_mode_says_what_the_run_does_and_writes_nothing(self, ready: FakeSwitch, run_module: RunModule) -> None:
        args = {**ready.args, "ports": ["p0", "p1"], "key": "v", "policed": True}
        before = ready.dump()
        planned = run_module(MODULE, args, check=True)
        assert ready.dump() == before
        assert ready.writes == 0
        done = run_module(MODULE, args)
        assert {key: planned[key] for key in ("changed", "diff", "commands")} == {key: done[key] for key in ("changed", "diff", "commands")}

    def test_check_mode_without_a_change_is_as_quiet(self, ready: FakeSwitch, run_module: RunModule) -> None:
        run_module(MODULE, ready.args)
        assert not run_module(MODULE, ready.args, check=True)["changed"]

    def test_check_mode_assumes_a_bridge_that_an_earlier_task_would_have_made(self, switch: FakeSwitch, run_module: RunModule) -> None:
        result = run_module(MODULE, switch.args, check=True)
        assert result["changed"]
        assert "bridge br0 is not there; check mode assumes that an earlier task adds it" in str(result["warnings"])
        assert run_module(MODULE, switch.args)["failed"]

    def test_check_mode_plans_on_a_host_without_open_vswitch(self, switch: FakeSwitch, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: None)
        switch.daemon.mode = "down"
        result = run_module(MODULE, switch.args, check=True)
        assert result["changed"]
        assert "an earlier task installs it" in str(result["warnings"])
        assert switch.reads == 0

    def test_waits_for_an_effect_that_comes_late(self, ready: FakeSwitch, run_module: RunModule) -> None:
        answers = iter(["no", "no", "yes"])
        ready.daemon.answers["shown"] = lambda: next(answers)
        assert run_module(MODULE, {**ready.args, "shown": "yes"})["changed"]


class TestSecondWriter:
    def test_a_change_between_read_and_write_is_planned_again(self, ready: FakeSwitch, run_module: RunModule) -> None:
        ready.before_write = [lambda: ready.write("add-port", "br0", "p0")]  # the engine's add-port is refused: the name is taken
        result = run_module(MODULE, ready.args)
        assert result["changed"]
        assert ready.writes == 2
        assert ready.rows("Interface")["p0"]["type"] == "internal"

    def test_where_the_other_one_did_the_same_nothing_is_changed(self, ready: FakeSwitch, run_module: RunModule) -> None:
        ready.before_write = [lambda: ready.write("add-port", "br0", "p0", "--", "set", "Interface", "p0", "type=internal")]
        result = run_module(MODULE, ready.args)
        assert not result["changed"]
        assert result["commands"] == []

    def test_gives_up_after_three_times_and_leaves_what_the_others_wrote(self, ready: FakeSwitch, run_module: RunModule) -> None:
        names = iter(["p0", "p1", "p2"])

        def before_each_write() -> None:
            ready.write("add-port", "br0", next(names))
            ready.after_write = lambda: ready.before_write.append(before_each_write)

        ready.before_write = [before_each_write]
        ports = ["p0", "p1", "p2", "p3"]
        result = run_module(MODULE, {**ready.args, "ports": ports})
        assert result["failed"]
        assert "already exists" in result["msg"]
        assert ready.writes == 3
        assert "p3" not in ready.rows("Port")
        assert ready.rows("Interface")["p0"]["type"] == ""

    def test_a_refusal_that_planning_again_cannot_help_is_raised_at_once(self, ready: FakeSwitch, run_module: RunModule) -> None:
        before = ready.dump()
        ready.before_write = [lambda: ready.drop_column("Interface", "options")]
        result = run_module(MODULE, {**ready.args, "socket": "/run/a"})
        assert 'Interface does not contain a column whose name matches "options"' in result["msg"]
        assert ready.writes == 1
        assert set(ready.dump()["Port"]) == set(before["Port"])

    def test_one_who_takes_away_what_the_task_did_right_after_it_is_named(self, ready: FakeSwitch, run_module: RunModule) -> None:
        set_up = ready.reconfigure

        def undo() -> None:
            set_up()
            if "p0" in ready.rows("Port"):
                ready.reconfigure = set_up
                ready.write("set", "Open_vSwitch", ".", "other_config:key=other")

        ready.reconfigure = undo
        result = run_module(MODULE, {**ready.args, "key": "mine"})
        assert "somebody else changed the database meanwhile" in result["msg"]
        assert "p0" not in ready.rows("Port")


class TestTakenBack:
    """Nothing in the database that the task did not own has changed after any of these, and nothing of the task is left."""

    def test_a_device_that_cannot_be_attached(self, ready: FakeSwitch, run_module: RunModule) -> None:
        before = ready.dump()
        ready.refuse["p1"] = "Error attaching device '0000:05:00.0' to DPDK"
        ready.before_write = [lambda: ready.say("ERR", "netdev_dpdk|Cannot find it")]
        result = run_module(MODULE, {**ready.args, "ports": ["p0", "p1"], "key": "v", "policed": True})
        assert result["failed"]
        assert "port p1: Error attaching device '0000:05:00.0' to DPDK" in result["msg"]
        assert "netdev_dpdk: Cannot find it" in result["msg"]
        assert "was taken back" in result["msg"]
        assert ready.dump() == before

    def test_a_device_that_cannot_be_attached_where_ovs_vsctl_tells_of_it(self, ready: FakeSwitch, run_module: RunModule) -> None:
        before = ready.dump()
        ready.tells_of_errors = True
        ready.refuse["p1"] = "Error attaching device"
        result = run_module(MODULE, {**ready.args, "ports": ["p0", "p1"], "key": "v", "policed": True})
        assert "port p1: Error attaching device" in result["msg"]
        assert ready.dump() == before

    def test_what_another_writer_did_meanwhile_stays(self, ready: FakeSwitch, run_module: RunModule) -> None:
        ready.write("set", "Open_vSwitch", ".", "other_config:key=old")
        ready.refuse["p0"] = "no"
        ready.before_write = [lambda: ready.write("set", "Open_vSwitch", ".", "other_config:theirs=1", "--", "add-port", "br0", "theirs")]
        assert run_module(MODULE, {**ready.args, "key": "mine"})["failed"]
        assert ready.switch_row["other_config"] == {"dpdk-init": "true", "foreign": "1", "key": "old", "theirs": "1"}
        assert set(ready.rows("Port")) == {"br0", "br1", "foreign", "theirs"}

    def test_a_policer_that_was_changed_has_its_old_numbers_and_no_new_queue(self, ready: FakeSwitch, run_module: RunModule) -> None:
        run_module(MODULE, ready.args)
        ready.write("--id=@q", "create", "QoS", "type=egress-policer", "other_config:cir=7", "--", "set", "Port", "p0", "qos=@q")
        before = ready.dump()
        ready.daemon.answers["shown"] = "no"
        result = run_module(MODULE, {**ready.args, "timeout": 2, "policed": True, "shown": "yes"})
        assert "the daemon does not show yes" in result["msg"]
        assert ready.dump() == before

    def test_a_change_that_the_daemon_does_not_take_up_within_the_timeout(self, ready: FakeSwitch, run_module: RunModule) -> None:
        before = ready.dump()
        ready.before_write = [lambda: setattr(ready.daemon, "mode", "hung")]
        result = run_module(MODULE, {**ready.args, "policed": True})
        assert "did not take up the change" in result["msg"]
        assert "it hangs, or it is busy" in result["msg"]
        assert "was taken back" in result["msg"]
        assert ready.dump() == before

    def test_where_the_way_back_is_closed_too_both_reasons_are_said(self, ready: FakeSwitch, run_module: RunModule) -> None:
        ready.refuse["p0"] = "no device"

        ready.before_write = [lambda: setattr(ready, "after_write", lambda: ready.before_write.append(lambda: setattr(ready, "server_down", True)))]
        result = run_module(MODULE, ready.args)
        assert "no device" in result["msg"]
        assert "could not be taken back" in result["msg"]
        assert "database connection failed" in result["msg"]

    def test_a_refused_socket_leaves_the_old_one_open(self, ready: FakeSwitch, run_module: RunModule) -> None:
        run_module(MODULE, {**ready.args, "socket": "/run/a"})
        before = ready.dump()
        ready.daemon.answers["shown"] = "no"
        result = run_module(MODULE, {**ready.args, "socket": "/run/b", "shown": "yes"})
        assert result["failed"]
        assert ready.dump() == before
        assert ready.rows("Interface")["p0"]["options"] == {"vhost-server-path": "/run/a"}

    def test_bad_input_is_refused_before_anything_is_written(self, ready: FakeSwitch, run_module: RunModule) -> None:
        result = run_module(MODULE, {**ready.args, "key": "bad"})
        assert result["msg"] == "the switch: key='bad' is not possible. Good is possible. Take that."
        assert ready.writes == 0


class TestNoAnswer:
    @pytest.mark.parametrize(
        ("mode", "words"),
        [
            ("down", "ovs-vswitchd is not running: no process id in"),
            ("crashed", "Connection refused. Start it, or set wait to false to write the database only."),
            ("closes", "closed its control socket"),
        ],
    )
    def test_a_daemon_that_does_not_run_is_found_before_anything_is_written(self, ready: FakeSwitch, run_module: RunModule, mode: str, words: str) -> None:
        ready.daemon.mode = mode
        result = run_module(MODULE, ready.args)
        assert words in result["msg"]
        assert ready.writes == 0

    def test_a_daemon_that_hangs_is_found_within_the_timeout(self, ready: FakeSwitch, run_module: RunModule) -> None:
        ready.daemon.mode = "hung"
        start = time.monotonic()
        result = run_module(MODULE, ready.args)
        assert 1.9 < time.monotonic() - start < 4
        assert "did not answer within 2 s: it hangs, or it is busy" in result["msg"]
        assert ready.writes == 0

    @pytest.mark.parametrize("mode", ["down", "crashed", "hung"])
    def test_without_waiting_the_database_is_written_all_the_same(self, ready: FakeSwitch, run_module: RunModule, mode: str) -> None:
        ready.daemon.mode = mode
        result = run_module(MODULE, {**ready.args, "wait": False})
        assert result["changed"]
        assert result["commands"][0][3] == "--no-wait"
        assert "p0" in ready.rows("Port")
        assert ready.reads == 1

    def test_ovsdb_server_down(self, ready: FakeSwitch, run_module: RunModule) -> None:
        ready.server_down = True
        result = run_module(MODULE, ready.args)
        assert "cannot be read" in result["msg"]
        assert "database connection failed (No such file or directory)" in result["msg"]
        assert "Is ovsdb-server running?" in result["msg"]

    def test_ovsdb_server_goes_down_before_the_write(self, ready: FakeSwitch, run_module: RunModule) -> None:
        ready.before_write = [lambda: setattr(ready, "server_down", True)]
        assert "database connection failed" in run_module(MODULE, ready.args)["msg"]

    def test_no_ovs_vsctl(self, switch: FakeSwitch, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: None)
        assert "ovs-vsctl is not on this host" in run_module(MODULE, switch.args)["msg"]

    @pytest.mark.parametrize("timeout", [0, -1])
    def test_a_timeout_below_1(self, switch: FakeSwitch, run_module: RunModule, timeout: int) -> None:
        assert f"timeout={timeout} is not possible" in run_module(MODULE, {**switch.args, "timeout": timeout})["msg"]
        assert switch.reads == 0
