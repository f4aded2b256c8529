# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cpu_partition on a machine below a folder, with a systemd and a cgroup v2 that do what the real ones were seen to do (systemd 252, Linux 6.1)."""

from __future__ import annotations

import configparser
import shutil
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import partition
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.modules import cpu_partition
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import Machine, grid

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

ONLINE = parse_cpu_list("0-7")
OVS = "ovs-vswitchd.service"
NOT_EXCLUSIVE = "isolated invalid (Cpu list in cpuset.cpus not exclusive)"


def read_unit(path: pathlib.Path) -> configparser.ConfigParser:
    """Read a unit; keys may come twice (CPUAffinity), the last one counts."""

    class Unit(configparser.ConfigParser):
        def optionxform(self, optionstr: str) -> str:
            return optionstr

    unit = Unit(strict=False, interpolation=None)
    unit.read_string(path.read_text(encoding="utf-8"))
    return unit


class FakeSystemd:
    """Units as files, a slice as a folder of cgroup v2, and a kernel that says whether the partition is valid."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.units = root / "etc/systemd/system"
        self.group = root / "sys/fs/cgroup" / partition.SLICE
        self.active: set[str] = set()
        self.failed: set[str] = set()
        self.places: dict[str, str] = {}  # running service -> its cgroup
        self.taken = frozenset[int]()  # CPUs that another slice asks for
        self.loaded = ""  # what systemd read last
        self.refuses: set[str] = set()  # verbs that fail
        self.orders: list[str] = []
        self.bound: dict[int, str] = {}  # thread in the slice -> its CPUs

    def answer(self, args: list[str]) -> tuple[int, str, str]:
        """Stand in for AnsibleModule.run_command."""
        assert args[:3] == ["timeout", "--kill-after=5", "90"]
        assert args[3] == "/testbin/systemctl"
        verb, words = args[4], args[5:]
        if verb == "show":
            return 0, "\n".join(map(self.show, words[words.index("--") + 1 :])), ""
        self.orders.append(" ".join([verb, *words]))
        if verb in self.refuses:
            self.failed |= set(words)
            return 1, "", f"Job failed: {verb}"
        getattr(self, verb.replace("-", "_"))(*words)
        return 0, "", ""

    def show(self, unit: str) -> str:
        running = unit in self.places
        state = "active" if running or unit in self.active else "failed" if unit in self.failed else "inactive"
        return f"Id={unit}\nActiveState={state}\nControlGroup={self.places.get(unit, '')}\nMainPID={100 if running else 0}\n"

    def daemon_reload(self) -> None:
        path = self.units / partition.SLICE
        self.loaded = read_unit(path)["Slice"]["AllowedCPUs"] if path.exists() else ""
        if self.group.exists():
            self.write("cpuset.cpus", self.loaded)
            self.kernel()

    def restart(self, unit: str) -> None:
        text = read_unit(self.units / unit)
        assert text["Unit"]["Requires"] == partition.SLICE
        self.active |= {unit, partition.SLICE}
        self.group.mkdir(exist_ok=True)
        self.write("cpuset.cpus", self.loaded)
        self.write("cgroup.events", f"populated {int(any(partition.SLICE in place for place in self.places.values()))}")
        tee, _blank, path = text["Service"]["ExecStart"].partition(" ")
        assert (tee, path) == ("/testbin/tee", f"/sys/fs/cgroup/{partition.SLICE}/cpuset.cpus.partition")
        if self.state() != NOT_EXCLUSIVE:  # what is invalid stays so
            self.write("cpuset.cpus.partition", text["Service"]["StandardInputText"])
        self.kernel()

    def stop(self, *units: str) -> None:
        self.active -= set(units)
        if partition.SLICE in units:
            assert not any(partition.SLICE in place for place in self.places.values()), "that would stop what runs in the slice"
            shutil.rmtree(self.group)

    def reset_failed(self, unit: str) -> None:
        assert unit in self.failed, f"Unit {unit} not loaded."
        self.failed.discard(unit)

    def state(self) -> str:
        path = self.group / "cpuset.cpus.partition"
        return path.read_text(encoding="ascii").strip() if path.exists() else ""

    def write(self, name: str, text: str) -> None:
        (self.group / name).write_text(f"{text}\n", encoding="ascii")

    def kernel(self) -> None:
        cpus = parse_cpu_list(self.loaded) or ONLINE
        invalid = bool(cpus & self.taken)
        self.write("cpuset.cpus.effective", format_cpu_list(ONLINE - self.taken if invalid else cpus))
        for thread in self.bound:  # as kernels before 6.2 do
            self.bind(thread, cpus)
        if invalid and self.state() != "member":
            self.write("cpuset.cpus.partition", NOT_EXCLUSIVE)

    def bind(self, thread: int, cpus: frozenset[int]) -> None:
        """Stand in for sched_setaffinity(2)."""
        self.bound[thread] = format_cpu_list(cpus)
        text = f"Name:\tthread\nCpus_allowed:\tff\nCpus_allowed_list:\t{self.bound[thread]}\n"
        for folder in (self.root / f"proc/{thread}", self.root / f"proc/100/task/{thread}"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "status").write_text(text, encoding="ascii")

    def start_service(self, *, inside: bool, cpus: str) -> None:
        """Run ovs-vswitchd: its main thread, and PMD threads on CPUs 2 and 3."""
        self.places[OVS] = f"/{partition.SLICE}/{OVS}" if inside else f"/system.slice/{OVS}"
        if inside:
            self.write("cgroup.events", "populated 1")
            (self.group / OVS).mkdir()
            (self.group / OVS / "cgroup.procs").write_text("100\n", encoding="ascii")
        for thread, bound in ((100, cpus), (102, "2"), (103, "3")):
            self.bind(thread, parse_cpu_list(bound))
        if not inside:
            self.bound.clear()


@pytest.fixture
def systemd(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    root = Machine(threads=grid(1, 8)).write(tmp_path / "root")
    (root / "etc/systemd/system").mkdir(parents=True)
    (root / "sys/fs/cgroup/cgroup.controllers").write_text("cpuset cpu io memory pids\n", encoding="ascii")
    fake = FakeSystemd(root)
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: f"/testbin/{arg}")
    monkeypatch.setattr(partition, "set_affinity", fake.bind)
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, args, **kwargs: fake.answer(args))
    return fake


@pytest.fixture
def run(run_module: RunModule, systemd: FakeSystemd) -> t.Callable[..., dict[str, t.Any]]:
    def partition_of(cpus: str | None = "2-3", service_cpus: str | None = "1", *, check: bool = False, **more: t.Any) -> dict[str, t.Any]:
        given = {"cpus": cpus, "service_cpus": service_cpus, "root": str(systemd.root), **more}
        return run_module(cpu_partition, {name: value for name, value in given.items() if value is not None}, check=check)

    return partition_of


Run = t.Callable[..., dict[str, t.Any]]
SHOWN = {"cpus": "2-3", "service_cpus": "1", "services": [OVS]}


def files(root: pathlib.Path) -> dict[str, str]:
    folder = root / "etc/systemd/system"
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") if path.is_file() else "" for path in sorted(folder.rglob("*"))}


def test_cpus_are_isolated_at_once_where_the_service_does_not_run(run: Run, systemd: FakeSystemd) -> None:
    result = run()
    assert result["changed"]
    assert systemd.orders == ["daemon-reload", f"restart {partition.UNIT}"]
    assert result["partition"] == {"path": "/ovs_dpdk.slice", "cpus": "1-3", "state": "isolated"}
    assert result["restart_required"] == []
    assert result["diff"] == {"before": {}, "after": {**SHOWN, "state": "isolated"}}
    assert result["commands"] == [["/testbin/systemctl", "daemon-reload"], ["/testbin/systemctl", "restart", partition.UNIT]]
    drop_in = read_unit(systemd.units / f"{OVS}.d/nfv.ovs_dpdk-partition.conf")
    assert (drop_in["Service"]["Slice"], drop_in["Service"]["CPUAffinity"]) == (partition.SLICE, "1")
    assert (drop_in["Unit"]["Wants"], drop_in["Unit"]["After"]) == (partition.UNIT, partition.UNIT)
    assert read_unit(systemd.units / partition.UNIT)["Unit"]["Before"] == f"{OVS} shutdown.target"


def test_service_that_runs_outside_keeps_its_cpus_until_its_restart(run: Run, systemd: FakeSystemd) -> None:
    systemd.start_service(inside=False, cpus="0-7")
    result = run()
    assert systemd.orders == ["daemon-reload"]
    assert result["changed"]
    assert result["partition"] is None
    assert result["restart_required"] == [f"{OVS} runs outside of ovs_dpdk.slice: the CPUs are isolated as soon as it is restarted"]
    assert result["services"] == [{"name": OVS, "running": True, "in_partition": False, "cpus": "0-7"}]
    assert result["diff"]["after"]["state"] == "waits for a restart"
    again = run()
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert again["restart_required"] == result["restart_required"]

    systemd.restart(partition.UNIT)  # by the drop-in
    systemd.start_service(inside=True, cpus="1")
    after = run()
    assert not after["changed"]
    assert after["restart_required"] == []
    assert after["partition"]["state"] == "isolated"


@pytest.mark.parametrize("outside", [False, True])
def test_check_mode_says_what_a_run_does_and_does_nothing(run: Run, systemd: FakeSystemd, outside: bool) -> None:
    if outside:
        systemd.start_service(inside=False, cpus="0-7")
    checked = run(check=True)
    assert files(systemd.root) == {}
    assert systemd.orders == []
    done = run()
    for key in ("changed", "commands", "diff", "services", "restart_required"):
        assert checked[key] == done[key], key


def test_second_run_changes_nothing(run: Run, systemd: FakeSystemd) -> None:
    run()
    systemd.orders.clear()
    result = run()
    assert not result["changed"]
    assert systemd.orders == []
    assert result["diff"] == {"before": {**SHOWN, "state": "isolated"}, "after": {**SHOWN, "state": "isolated"}}


def test_partition_that_was_ended_by_hand_is_made_again(run: Run, systemd: FakeSystemd) -> None:
    run()
    systemd.write("cpuset.cpus.partition", "member")
    result = run()
    assert result["changed"]
    assert result["diff"]["before"] == {**SHOWN, "state": "none"}
    assert result["partition"]["state"] == "isolated"


def test_other_cpus_while_the_service_runs_inside(run: Run, systemd: FakeSystemd) -> None:
    run()
    systemd.start_service(inside=True, cpus="1")
    checked = run("2-3,5", check=True)
    result = run("2-3,5")
    assert result["partition"]["cpus"] == "1-3,5"
    assert result["restart_required"] == []
    assert result["services"] == checked["services"]
    assert systemd.bound == {100: "1", 102: "2", 103: "3"}
    moved = run("2,5", "0")
    assert moved["restart_required"] == []
    assert moved["partition"]["cpus"] == "0,2,5"
    assert systemd.bound == {100: "0", 102: "2", 103: "0,2,5"}  # its CPU is gone: the kernel has chosen


def test_service_with_cpus_of_its_own_choice_is_said(run: Run, systemd: FakeSystemd) -> None:
    run()
    systemd.start_service(inside=True, cpus="2")
    assert "other than PMD threads have CPUs 2, not 1" in run()["restart_required"][0]


def test_the_kernels_reason_is_the_error_and_the_units_are_as_they_were(run: Run, systemd: FakeSystemd) -> None:
    systemd.taken = frozenset({3})
    result = run()
    assert result["failed"]
    assert f"CPUs 1-3 are no isolated partition: the kernel says {NOT_EXCLUSIVE!r}" in result["msg"]
    assert "The units are as they were before." in result["msg"]
    assert files(systemd.root) == {}
    assert not systemd.group.exists()
    assert systemd.orders[-1] == "daemon-reload"


def test_partition_that_stood_before_stands_after_the_kernel_refused_another(run: Run, systemd: FakeSystemd) -> None:
    run()
    before = files(systemd.root)
    systemd.start_service(inside=True, cpus="1")
    systemd.taken = frozenset({5})
    assert run("2-3,5")["failed"]
    assert files(systemd.root) == before
    assert systemd.bound == {100: "1", 102: "2", 103: "3"}
    assert systemd.state() == "isolated"
    assert run()["partition"] == {"path": "/ovs_dpdk.slice", "cpus": "1-3", "state": "isolated"}


def test_partition_that_became_invalid_is_tried_again_and_then_a_failure(run: Run, systemd: FakeSystemd) -> None:
    run()
    before = files(systemd.root)
    systemd.taken = frozenset({2})
    systemd.kernel()
    result = run()
    assert "not exclusive" in result["msg"]
    assert files(systemd.root) == before
    systemd.taken = frozenset()
    assert run()["changed"]


def test_systemd_that_fails_is_said_and_taken_back(run: Run, systemd: FakeSystemd) -> None:
    systemd.refuses = {"restart"}
    result = run()
    assert "/testbin/systemctl restart ovs_dpdk-partition.service: Job failed: restart" in result["msg"]
    assert files(systemd.root) == {}
    assert systemd.failed == set()


def test_what_cannot_be_taken_back_is_said_beside_the_reason(run: Run, systemd: FakeSystemd) -> None:
    systemd.taken = frozenset({3})
    systemd.refuses = {"stop"}
    result = run()
    assert NOT_EXCLUSIVE in result["msg"]
    assert "Not everything could be put back: /testbin/systemctl stop" in result["msg"]
    systemd.refuses = set()
    run(None, None, state="absent")
    assert files(systemd.root) == {}


def test_service_that_is_not_named_any_more_is_let_go(run: Run, systemd: FakeSystemd) -> None:
    run(services=[OVS, "guest.service"])
    assert read_unit(systemd.units / partition.UNIT)["Unit"]["Before"] == f"guest.service {OVS} shutdown.target"
    run()
    assert not (systemd.units / "guest.service.d").exists()
    assert (systemd.units / f"{OVS}.d").exists()


def test_absent_gives_the_cpus_back_and_removes_everything(run: Run, systemd: FakeSystemd) -> None:
    run()
    result = run(None, None, state="absent")
    assert result["changed"]
    assert result["partition"] is None
    assert result["diff"] == {"before": {**SHOWN, "state": "isolated"}, "after": {}}
    assert files(systemd.root) == {}
    assert not systemd.group.exists()
    assert not run(None, None, state="absent")["changed"]


def test_absent_while_the_service_runs_gives_the_cpus_back_and_leaves_the_service_alone(run: Run, systemd: FakeSystemd) -> None:
    run()
    systemd.start_service(inside=True, cpus="1")
    checked = run(None, None, state="absent", check=True)
    assert systemd.group.joinpath("cpuset.cpus.partition").read_text(encoding="ascii") == "isolated\n"
    result = run(None, None, state="absent")
    assert {**result, "invocation": 0} == {**checked, "invocation": 0}
    assert systemd.group.joinpath("cpuset.cpus.partition").read_text(encoding="ascii") == "member\n"
    assert result["restart_required"] == [f"{OVS} runs in ovs_dpdk.slice until it is restarted"]
    assert systemd.bound == {100: "1", 102: "2", 103: "3"}
    again = run(None, None, state="absent")
    assert not again["changed"]
    assert again["restart_required"] == result["restart_required"]
    systemd.places.clear()
    systemd.write("cgroup.events", "populated 0")
    last = run(None, None, state="absent")
    assert last["changed"]
    assert systemd.orders[-1] == f"stop {partition.SLICE}"


def test_file_of_another_owner_beside_ours_stays(run: Run, systemd: FakeSystemd) -> None:
    other = systemd.units / f"{OVS}.d/memory.conf"
    other.parent.mkdir(parents=True)
    other.write_text("[Service]\nLimitMEMLOCK=infinity\n", encoding="ascii")
    run()
    run(None, None, state="absent")
    assert other.exists()


@pytest.mark.parametrize(
    ("cpus", "service_cpus", "said"),
    [
        ("2-3", "3", "CPU 3 is in cpus too"),
        ("1-7", "0", "With cpus=1-7 these are all CPUs of the host that are online"),
        ("0-7", "1", "cpus='0-7' is not possible. These are all CPUs"),
        ("2,9", "1", "This host has no CPU 9"),
        ("", "1", "At least one CPU is needed"),
        ("2", "", "At least one CPU is needed"),
        ("2-", "1", "is not a CPU, a range"),
    ],
)
def test_sets_that_are_refused(run: Run, systemd: FakeSystemd, cpus: str, service_cpus: str, said: str) -> None:
    for check in (True, False):
        assert said in run(cpus, service_cpus, check=check)["msg"]
    assert files(systemd.root) == {}


def test_offline_cpus_are_refused(run: Run, systemd: FakeSystemd) -> None:
    (systemd.root / "sys/devices/system/cpu/online").write_text("0-6\n", encoding="ascii")
    assert "CPU 7 is offline" in run("2,7")["msg"]


@pytest.mark.parametrize("services", [[], ["ovs-vswitchd"], ["../x.service"]])
def test_names_that_are_no_services_are_refused(run: Run, services: list[str]) -> None:
    assert "services=" in run(services=services)["msg"]


def test_host_without_the_controller_is_told_what_to_do(run: Run, systemd: FakeSystemd) -> None:
    (systemd.root / "sys/fs/cgroup/cgroup.controllers").unlink()
    assert "Boot with systemd.unified_cgroup_hierarchy=1" in run(check=True)["msg"]
    assert files(systemd.root) == {}


def test_host_without_systemd_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: None)
    assert "this host has no systemctl" in run()["msg"]


def test_file_that_somebody_damaged_is_written_anew(run: Run, systemd: FakeSystemd) -> None:
    run()
    (systemd.units / partition.SLICE).write_text("[Slice]\nAllowedCPUs=what\n", encoding="ascii")
    result = run()
    assert result["changed"]
    assert read_unit(systemd.units / partition.SLICE)["Slice"]["AllowedCPUs"] == "1-3"
