# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ovs_dpdk_config: typed keys, what waits for a restart, and the proof that DPDK is initialised."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import config
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import releases
from ansible_collections.nfv.ovs_dpdk.plugins.modules import ovs_dpdk_config
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import MIB, Machine, Memory, Pages, grid

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

TWO_NODES = Machine(
    threads=grid(2, 2),
    memory={0: Memory(pages={2 * MIB: Pages(512)}), 1: Memory(pages={2 * MIB: Pages(256)})},
    mounts="hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\n",
)
# As ovs-vswitchd 3.1 logged them for a wrong dpdk-extra and for too few hugepages
WRONG_ARGUMENT = [
    ("ERR", "dpdk|EAL: Invalid 'command line' arguments."),
    ("EMER", "dpdk|Unable to initialize DPDK: Invalid argument"),
    ("ERR", "dpdk|DPDK Initialization Failed."),
]
NO_MEMORY = [
    ("WARN", "dpdk|EAL: No free 1048576 kB hugepages reported on node 0"),
    ("ERR", "dpdk|EAL: Not enough memory available on socket 0! Requested: 256MB, available: 70MB"),
    ("EMER", "dpdk|Unable to initialize DPDK: Cannot allocate memory"),
]


def said(result: dict[str, t.Any]) -> str:
    """Return all warnings as one text; their form depends on the release of ansible-core."""
    return json.dumps(result.get("warnings", []))


class Run(t.Protocol):
    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module."""


class Host:
    """The host of the switch: its /proc shows one ovs-vswitchd, which can be restarted."""

    def __init__(self, root: pathlib.Path, switch: FakeSwitch) -> None:
        self.stat = root / "proc" / str(switch.daemon.PID) / "stat"
        self.stat.parent.mkdir(parents=True)
        self.restart(1000)

    def restart(self, started: int) -> None:
        self.stat.write_text(f"4242 (ovs-vswitchd) S {' '.join(['0'] * 18)} {started} 0 0\n", encoding="ascii")


@pytest.fixture
def host(switch: FakeSwitch, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    root = TWO_NODES.write(tmp_path / "root")
    monkeypatch.setattr(ovs_dpdk_config, "ROOT", root)
    return Host(root, switch)


@pytest.fixture
def run(switch: FakeSwitch, run_module: RunModule, host: Host) -> Run:
    del host

    def go(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return run_module(ovs_dpdk_config, {**switch.args, **options}, check=check)

    return go


def keys(switch: FakeSwitch) -> dict[str, str]:
    return dict(switch.switch_row["other_config"])


def without_dpdk(switch: FakeSwitch, log: list[tuple[str, str]] | None = None) -> None:
    """Make it a switch that has not been asked for DPDK; at the first dpdk-init it does, or logs *log* and does not."""
    switch.switch_row.update(other_config={}, dpdk_initialized=False)

    def reconfigure() -> None:
        if switch.switch_row["other_config"].get("dpdk-init") in {"true", "try"}:
            for level, text in log or []:
                switch.say(level, text)
            switch.switch_row["dpdk_initialized"] = log is None

    switch.reconfigure = reconfigure


# --- options and registry ---------------------------------------------------------------------------------------------------------------


def test_every_key_of_the_registry_is_an_option_with_its_type_bounds_choices_release_and_effect_in_the_documentation() -> None:
    options = yaml.safe_load(ovs_dpdk_config.DOCUMENTATION)["options"]
    assert set(options) - {"state", "other_config"} == set(config.OPTIONS)
    assert set(releases.KEYS) - {key.key for key in config.OPTIONS.values()} == config.NO_OPTIONS
    effects = {"live": "Live.", "dpdk": "Read once, when DPDK is initialised", "restart": "A change needs a restart"}
    for name, key in config.OPTIONS.items():
        text = " ".join(options[name]["description"])
        assert options[name]["type"] == ovs_dpdk_config.ARGUMENT_SPEC[name]["type"], name
        assert effects[key.effect] in text, name
        assert sum(effect in text for effect in effects.values()) == 1, name
        if key.minimum is not None:
            bounds = f"From V({key.minimum})" + (f" to V({key.maximum})" if key.maximum is not None else "") + (f" {key.unit}" if key.unit else "")
            assert bounds in text, name
        for choice, _since in key.choices:
            assert f"V({choice})" in text, name
        if key.since > releases.OLDEST:
            assert f"Since Open vSwitch {releases.format_release(key.since)}." in text, name


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ({"dpdk_init": True}, {"dpdk-init": "true"}),
        ({"dpdk_init": "try"}, {"dpdk-init": "try"}),
        ({"dpdk_socket_mem": {"0": 512, 1: "1G"}}, {"dpdk-socket-mem": "512,1024"}),
        ({"dpdk_socket_mem": {1: 256}}, {"dpdk-socket-mem": "0,256"}),
        ({"dpdk_socket_mem": ["512M", 0]}, {"dpdk-socket-mem": "512,0"}),
        ({"dpdk_socket_mem": 128}, {"dpdk-socket-mem": "128"}),
        ({"dpdk_socket_mem": {0: 0}}, {"dpdk-socket-mem": "0"}),
        ({"dpdk_socket_limit": "1024,512"}, {"dpdk-socket-limit": "1024,512"}),
        ({"dpdk_extra": "--no-pci -n 4"}, {"dpdk-extra": "--no-pci -n 4"}),
        ({"dpdk_lcore_mask": "0x2"}, {"dpdk-lcore-mask": "2"}),
        ({"emc_insert_inv_prob": 0}, {"emc-insert-inv-prob": "0"}),
        ({"smc_enable": "yes"}, {"smc-enable": "true"}),
        ({"pmd_rxq_assign": "group", "pmd_rxq_isolate": False}, {"pmd-rxq-assign": "group", "pmd-rxq-isolate": "false"}),
        ({"shared_mempool_config": ["9000", "1500:1"]}, {"shared-mempool-config": "9000,1500:1"}),
        ({"tc_policy": "skip_sw"}, {"tc-policy": "skip_sw"}),
        ({"other_config": {"flow-limit": 1000, "n-mystery": True}}, {"flow-limit": "1000", "n-mystery": "true"}),
    ],
)
def test_options_become_the_texts_that_ovs_vswitchd_reads(run: Run, switch: FakeSwitch, options: dict[str, t.Any], written: dict[str, str]) -> None:
    assert "failed" not in run(**options)
    assert {name: keys(switch)[name] for name in written} == written
    assert run(**options)["changed"] is False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dpdk_init": "perhaps"}, "one of false, true, try"),
        ({"dpdk_socket_mem": {2: 512}}, "no NUMA node 2; it has 0-1"),
        ({"dpdk_socket_limit": [1, 1, 1]}, "no NUMA node 2; it has 0-1"),
        ({"dpdk_socket_mem": {0: -512}}, "dpdk_socket_mem"),
        ({"dpdk_socket_mem": {"a": 512}}, "dpdk_socket_mem"),
        ({"dpdk_socket_mem": "1500K"}, "not a whole number of MB"),
        ({"dpdk_lcore_mask": 4}, "in quotes"),
        ({"emc_insert_inv_prob": 4294967296}, "from 0 to 4294967295"),
        ({"emc_insert_inv_prob": -1}, "from 0 to 4294967295"),
        ({"pmd_auto_lb_load_threshold": 101}, "from 0 to 100 (%)"),
        ({"tx_flush_interval": "1ms"}, "from 0 to 1000000 (us)"),
        ({"smc_enable": "perhaps"}, "true or false"),
        ({"vhost_sock_dir": "/tmp"}, "below the run directory"),  # noqa: S108 - refused
        ({"vhost_sock_dir": "../x"}, "below the run directory"),
        ({"pmd_sleep_max": 10001}, "from 0 to 10000"),
        ({"pmd_sleep_max": "50,1:0"}, "from 0 to 10000"),  # 3.1 has one number for all
        ({"shared_mempool_config": "70000"}, "from 68 to 9702"),
        ({"dpdk_extra": "--no-pci\n--foo"}, "without control characters"),
        ({"other_config": {"pmd-cpu-mask": "2"}}, "nfv.ovs_dpdk.pmd_mask"),
        ({"other_config": {"smc-enable": "perhaps"}}, "true or false"),
        ({"other_config": {"x": ["y"]}}, "names of keys to texts"),
        ({"other_config": {"smc-enable": True}, "smc_enable": False}, "sets the same key"),
        ({"state": "absent", "smc_enable": True}, "no other option may be given"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(run: Run, switch: FakeSwitch, options: dict[str, t.Any], words: str) -> None:
    before = switch.dump()
    result = run(**options)
    assert result["failed"] is True
    assert words in result["msg"]
    assert switch.dump() == before
    assert switch.writes == 0


def test_an_option_left_out_is_left_alone_and_an_empty_one_clears(run: Run, switch: FakeSwitch) -> None:
    run(smc_enable=True, emc_insert_inv_prob=7, dpdk_socket_limit=[100], other_config={"mine": "x"})
    result = run(smc_enable="", dpdk_socket_limit={}, other_config={"mine": ""})
    assert keys(switch) == {"dpdk-init": "true", "emc-insert-inv-prob": "7"}
    assert result["cleared"] == ["dpdk-socket-limit", "mine", "smc-enable"]
    assert result["diff"]["after"] == {}


def test_the_result_has_each_key_in_its_type(run: Run, switch: FakeSwitch) -> None:
    switch.write("set", "Open_vSwitch", ".", "other_config:pmd-cpu-mask=6", "other_config:stats-update-interval=quick")
    result = run(smc_enable=True, dpdk_socket_mem={1: 64}, max_idle=600)
    assert result["other_config"] == {
        "dpdk-init": "true",
        "dpdk-socket-mem": [0, 64],
        "max-idle": 600,
        "pmd-cpu-mask": "1-2",
        "smc-enable": True,
        "stats-update-interval": "quick",  # not a number: shown as it stands
    }
    assert (result["dpdk_version"], result["ovs_version"]) == ("DPDK 22.11.11", "3.1.0")


def test_absent_clears_what_concerns_dpdk_and_nothing_else(run: Run, switch: FakeSwitch) -> None:
    switch.write("set", "Open_vSwitch", ".", "other_config:pmd-cpu-mask=6", "other_config:dpdk-mem-channels=4", "other_config:flow-limit=1000")
    switch.write("set", "Open_vSwitch", ".", "other_config:mine=x", "other_config:per-port-memory=true")
    result = run(state="absent")
    assert keys(switch) == {"flow-limit": "1000", "mine": "x"}
    assert result["cleared"] == ["dpdk-init", "dpdk-mem-channels", "per-port-memory", "pmd-cpu-mask"]


# --- releases ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "options", "warning"),
    [
        ("3.1.0", {"other_config": {"dpdk-mem-channels": "4"}}, "never read by any Open vSwitch"),
        ("3.1.0", {"other_config": {"dpdk-sockt-mem": "4"}}, "is not known"),
        ("3.5.0", {"dpdk_probe_at_init": True}, "read since Open vSwitch 4.0; 3.5 does not look at it"),
        ("2.15.0", {"pmd_sleep_max": 50}, "read since Open vSwitch 3.2; 2.15 does not look at it"),
        ("2.15.0", {"pmd_rxq_assign": "group"}, "known since Open vSwitch 2.16"),
        ("3.5.0", {"other_config": {"pmd-maxsleep": 50}}, "use pmd-sleep-max"),
        ("3.1.0", {"dpdk_lcore_mask": "2"}, "discouraged"),
        ("3.1.0", {"pmd_rxq_isolate": False}, "only with group"),
        ("3.1.0", {"pmd_auto_lb": True, "pmd_rxq_assign": "roundrobin"}, "no effect with pmd-rxq-assign=roundrobin"),
        ("3.1.0", {"dpdk_hugepage_dir": "/mnt/huge"}, "/mnt/huge is no mounted hugetlbfs; mounted are /dev/hugepages"),
        ("3.1.0", {"vhost_sock_dir": "vhost"}, "there is no directory vhost in"),
    ],
)
def test_what_this_release_does_not_read_is_written_and_warned_of(run: Run, switch: FakeSwitch, version: str, options: dict[str, t.Any], warning: str) -> None:
    switch.switch_row["ovs_version"] = version
    result = run(**options)
    assert result["changed"] is True
    assert warning in said(result)


def test_what_is_in_order_is_not_warned_of(run: Run) -> None:
    assert said(run(smc_enable=True, dpdk_hugepage_dir="/dev/hugepages", pmd_sleep_max=50)) == "[]"


@pytest.mark.parametrize(
    ("version", "before", "after"),
    [
        ("3.1.0", {}, {"pmd-maxsleep": "50"}),
        ("3.5.0", {}, {"pmd-sleep-max": "50"}),
        ("3.5.0", {"pmd-maxsleep": "70"}, {"pmd-sleep-max": "50"}),  # left over from before an upgrade
    ],
)
def test_the_sleep_of_pmd_threads_goes_by_the_name_of_the_release(
    run: Run, switch: FakeSwitch, version: str, before: dict[str, str], after: dict[str, str]
) -> None:
    switch.switch_row.update(ovs_version=version, other_config=before)
    run(pmd_sleep_max=50)
    assert keys(switch) == after
    assert run(pmd_sleep_max=50)["changed"] is False
    run(pmd_sleep_max="")
    assert keys(switch) == {}


def test_threads_that_may_not_sleep_as_long_fail_the_task(run: Run, switch: FakeSwitch) -> None:
    switch.switch_row["ovs_version"] = "3.5.0"
    answer = "Default max sleep:  400 us\npmd thread numa_id 0 core_id 1:\n  max sleep:  {} us\n"
    switch.daemon.answers["dpif-netdev/pmd-sleep-show"] = answer.format(300)
    assert "failed" not in run(pmd_sleep_max="400,1:300")
    switch.daemon.answers["dpif-netdev/pmd-sleep-show"] = answer.format(400)
    assert "the PMD thread on CPU 1 may sleep 400 us, not 200 us" in run(pmd_sleep_max="400,1:200")["msg"]
    assert keys(switch)["pmd-sleep-max"] == "400,1:300"


# --- memory -----------------------------------------------------------------------------------------------------------------------------


def test_more_than_the_free_hugepages_of_a_node_is_warned_of_with_the_figures(run: Run, switch: FakeSwitch) -> None:
    switch.switch_row.update(other_config={}, dpdk_initialized=False)
    result = run(dpdk_socket_mem={0: 1024, 1: 513})
    warnings = said(result)
    assert len(result["memory_short"]) == 1
    assert "513 MB are asked for on NUMA node 1, where hugepages of 512 MB are free" in warnings
    assert "NUMA node 0" not in warnings


def test_what_the_daemon_holds_already_counts_as_free_for_its_next_start(run: Run, switch: FakeSwitch) -> None:
    switch.write("set", "Open_vSwitch", ".", 'other_config:dpdk-socket-mem="0,64"')
    assert said(run(dpdk_socket_mem={1: 576}, check=True)) == "[]"
    assert "and ovs-vswitchd has 64 MB" in said(run(dpdk_socket_mem={1: 577}))


# --- restart ----------------------------------------------------------------------------------------------------------------------------


def test_a_change_that_waits_for_a_restart_is_said_until_the_restart(run: Run, switch: FakeSwitch, host: Host) -> None:
    switch.write("set", "Open_vSwitch", ".", "other_config:dpdk-socket-mem=64")
    reasons = ["dpdk-socket-mem: ovs-vswitchd runs with '64'; '128' takes effect when it is restarted"]
    assert run(dpdk_socket_mem=128, check=True)["restart_required"] == reasons
    assert run(dpdk_socket_mem=128)["restart_required"] == reasons
    again = run(dpdk_socket_mem=128)
    assert (again["changed"], again["restart_required"]) == (False, reasons)
    assert run(smc_enable=True)["restart_required"] == reasons  # a task about something else knows it as well
    host.restart(2000)
    after = run(dpdk_socket_mem=128)
    assert (after["changed"], after["restart_required"]) == (False, [])
    assert config.NOTE_KEY in switch.switch_row["external_ids"]  # an unchanged task writes nothing
    run(smc_enable=False)
    assert config.NOTE_KEY not in switch.switch_row["external_ids"]


def test_the_value_that_the_daemon_runs_with_needs_no_restart_whatever_was_set_between(run: Run, switch: FakeSwitch) -> None:
    switch.write("set", "Open_vSwitch", ".", "other_config:dpdk-socket-mem=64")
    run(dpdk_socket_mem=128)
    assert run(dpdk_socket_mem=256)["restart_required"] == ["dpdk-socket-mem: ovs-vswitchd runs with '64'; '256' takes effect when it is restarted"]
    assert run(dpdk_socket_mem=[64, 0])["restart_required"] == []
    assert config.NOTE_KEY not in switch.switch_row["external_ids"]


@pytest.mark.parametrize(
    ("options", "pending"),
    [
        ({"smc_enable": True, "pmd_auto_lb": True}, []),  # live
        ({"dpdk_init": "try"}, []),  # it is initialised already
        ({"dpdk_init": False}, ["dpdk-init"]),
        ({"dpdk_extra": "--no-pci", "userspace_tso_enable": True}, ["dpdk-extra", "userspace-tso-enable"]),
        ({"userspace_tso_enable": False, "per_port_memory": False}, []),  # what it does without the keys
        ({"state": "absent"}, ["dpdk-init"]),
    ],
)
def test_only_keys_that_are_read_once_need_a_restart(run: Run, options: dict[str, t.Any], pending: list[str]) -> None:
    assert [reason.split(":")[0] for reason in run(**options)["restart_required"]] == pending


def test_keys_of_dpdk_need_no_restart_before_it_is_initialised(run: Run, switch: FakeSwitch) -> None:
    without_dpdk(switch)
    result = run(dpdk_socket_mem=64, dpdk_extra="--no-pci", dpdk_init=True)
    assert (result["restart_required"], result["dpdk_initialized"]) == ([], True)
    assert len(switch.transactions) == 1


def test_a_note_of_somebody_elses_making_is_ignored(run: Run, switch: FakeSwitch) -> None:
    switch.switch_row["external_ids"][config.NOTE_KEY] = "not a note"
    assert run(smc_enable=True)["restart_required"] == []


def test_absent_forgets_the_note_of_a_daemon_that_is_gone(run: Run, switch: FakeSwitch, host: Host) -> None:
    run(state="absent")
    assert config.NOTE_KEY in switch.switch_row["external_ids"]
    host.restart(2000)
    result = run(state="absent")
    assert result["changed"] is True
    assert result["diff"]["before"] != result["diff"]["after"]
    assert config.NOTE_KEY not in switch.switch_row["external_ids"]
    assert run(state="absent")["changed"] is False


def test_without_a_daemon_nothing_waits_for_a_restart(run: Run, switch: FakeSwitch) -> None:
    switch.daemon.mode = "down"
    result = run(dpdk_extra="--no-pci", wait=False)
    assert (result["changed"], result["restart_required"]) == (True, [])
    assert config.NOTE_KEY not in switch.switch_row["external_ids"]


# --- initialisation ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("log", "words"), [(WRONG_ARGUMENT, "Invalid 'command line' arguments"), (NO_MEMORY, "Requested: 256MB, available: 70MB")])
def test_a_failed_initialisation_fails_the_task_with_the_words_of_the_log_and_is_taken_back(
    run: Run, switch: FakeSwitch, log: list[tuple[str, str]], words: str
) -> None:
    without_dpdk(switch, log)
    before = switch.dump()
    result = run(dpdk_init="try", dpdk_socket_mem=64)
    assert result["failed"] is True
    assert words in result["msg"]
    assert "restart it before the next attempt" in result["msg"]
    assert "1048576 kB" not in result["msg"]
    assert switch.dump() == before


def test_a_daemon_that_ends_over_the_change_is_named_with_its_last_words_and_the_change_is_taken_back(run: Run, switch: FakeSwitch) -> None:
    """dpdk-init=true makes ovs-vswitchd abort where DPDK cannot be initialised (dpdk_init in lib/dpdk.c); seen on 3.1."""
    without_dpdk(switch)
    before = switch.dump()

    def abort() -> None:
        for level, text in WRONG_ARGUMENT:
            switch.say(level, text)
        switch.daemon.mode = "crashed"

    switch.before_write.append(abort)
    result = run(dpdk_init=True, dpdk_extra="--nonsense")
    assert "is not running" in result["msg"]
    assert "Invalid 'command line' arguments" in result["msg"]
    assert "taken back" in result["msg"]
    assert switch.dump() == before


def test_an_attempt_before_this_task_leaves_a_restart_to_do(run: Run, switch: FakeSwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovs_dpdk_config, "_DOUBT_SECONDS", 0)
    without_dpdk(switch, [])  # it logs nothing and does nothing: its one attempt is over
    for level, text in WRONG_ARGUMENT:
        switch.say(level, text)
    reason = (
        "dpdk-init: ovs-vswitchd could not initialise DPDK, and tries once in its life; "
        "it logged EAL: Invalid 'command line' arguments. / Unable to initialize DPDK: Invalid argument"
    )
    for changed in (True, False):
        result = run(dpdk_init="try")
        assert (result["changed"], result["dpdk_initialized"], result["restart_required"]) == (changed, False, [reason])
        assert "restart ovs-vswitchd for another attempt" in said(result)


def test_a_switch_without_dpdk_is_refused_before_anything_is_written(run: Run, switch: FakeSwitch) -> None:
    without_dpdk(switch)
    switch.switch_row["dpdk_version"] = "none"
    result = run(dpdk_init=True)
    assert "built without DPDK" in result["msg"]
    assert switch.writes == 0


def test_check_mode_says_what_the_run_does(run: Run, switch: FakeSwitch) -> None:
    without_dpdk(switch)
    options: dict[str, t.Any] = {"dpdk_init": True, "dpdk_socket_mem": {0: 64}, "smc_enable": True}
    planned = run(check=True, **options)
    assert switch.writes == 0
    done = run(**options)
    assert {key: done[key] for key in done if key != "invocation"} == {key: planned[key] for key in planned if key != "invocation"}
