# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vhost_guest with both backends, on a host of 8 CPUs whose switch has PMD threads on CPUs 1 and 2."""

from __future__ import annotations

import dataclasses
import time
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import guests_host
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guests_qemu import HELPER
from ansible_collections.nfv.ovs_dpdk.plugins.modules import vhost_guest
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import GIB, MIB, Machine, Memory, Pages, grid
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.vm_examples import port
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_guests import BOOT, QCOW2, FakeGuests
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeDaemon

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

PMDS = "pmd thread numa_id 0 core_id 1:\n  isolated : false\npmd thread numa_id 0 core_id 2:\n  isolated : false\n"
MOUNTS = "hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0"
MEMORY = Memory(total=8 * GIB, free=4 * GIB, pages={2 * MIB: Pages(total=1024, free=512)})
PORTS = [port(number) for number in range(4)]
BACKENDS = ("libvirt", "qemu")


@dataclasses.dataclass
class Host:
    """A host, and a way to run the module on it."""

    run_module: RunModule
    root: pathlib.Path
    daemon: FakeDaemon
    programs: FakeGuests
    images: pathlib.Path
    backend: str = "libvirt"

    def guest(self, **changes: t.Any) -> dict[str, t.Any]:
        """Return the options of a guest with two vCPUs, two ports and an image."""
        name = changes.get("name", "vm1")
        image = self.images / f"{name}.qcow2"
        if not image.exists():
            image.write_bytes(QCOW2)
        values = {
            "name": name,
            "image": str(image),
            "vcpus": 2,
            "cpus": "3,4",
            "memory": "512M",
            "interfaces": [{"port": "vhost-user0"}, {"port": "vhost-user1"}],
        }
        return {**values, **changes}

    def run(self, *guests: dict[str, t.Any], check: bool = False, **changes: t.Any) -> dict[str, t.Any]:
        """Run the module."""
        args = {"guests": list(guests), "ports": PORTS, "backend": self.backend, "root": str(self.root), "rundir": str(self.daemon.pid_file.parent), **changes}
        return self.run_module(vhost_guest, args, check=check)

    def refusal(self, *guests: dict[str, t.Any], **changes: t.Any) -> str:
        """Return the message of a task that is refused with nothing touched, in check mode too."""
        messages = set()
        for check in (True, False):
            result = self.run(*guests, check=check, **changes)
            assert result["failed"]
            assert not self.programs.orders
            assert not (self.root / "etc/systemd").exists()
            messages.add(str(result["msg"]))
        return messages.pop()

    def leave_free(self, pages: int) -> None:
        """Have so many free hugepages of 2 MiB."""
        for file in self.root.glob("sys/**/hugepages-2048kB/free_hugepages"):
            file.write_text(f"{pages}\n", encoding="ascii")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, run_module: RunModule, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Return the host with libvirt."""
    root = tmp_path_factory.mktemp("host")
    daemon = FakeDaemon(tmp_path_factory.mktemp("ovs"), {"dpif-netdev/pmd-rxq-show": PMDS})
    programs = FakeGuests(root)
    one = Host(run_module, root, daemon, programs, tmp_path_factory.mktemp("images"))
    Machine(threads=grid(1, 8), offline="7", memory={0: MEMORY}, sizes=(2 * MIB,), mounts=MOUNTS).write(root)
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: programs.find(arg))
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, args, **kwargs: programs.run_command(args, **kwargs))
    monkeypatch.setattr(guests_host, "kvm_works", lambda root: True)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    yield one
    daemon.close()


@pytest.fixture(params=BACKENDS)
def either(request: pytest.FixtureRequest, host: Host) -> Host:
    """Return the host with each of the two backends."""
    host.backend = request.param
    return host


def definition(result: dict[str, t.Any], when: str = "after", name: str = "vm1") -> str:
    return "\n".join(result["diff"][when][f"guest {name}"]["definition"])


def said(result: dict[str, t.Any]) -> str:
    """Return the warnings of a task as one text."""
    return str(result.get("warnings", ""))


# --- both backends ---


def test_a_guest_is_defined_and_started_and_a_second_run_finds_nothing_to_do(either: Host) -> None:
    first = either.run(either.guest(emulator_cpus="0", autostart=True))
    assert first["changed"]
    assert either.programs.cpus("vm1") == {"0": "3", "1": "4", "emulator": "0"}
    assert "vm1" in either.programs.enabled
    guest = first["guests"][0]
    assert {key: guest[key] for key in ("name", "state", "backend", "emulated", "autostart", "node")} == {
        "name": "vm1",
        "state": "running",
        "backend": either.backend,
        "emulated": False,
        "autostart": True,
        "node": 0,
    }
    pid = either.programs.running["vm1"]
    assert guest["pid"] == pid
    assert guest["vcpus"] == {"0": {"thread": pid + 1, "cpus": "3"}, "1": {"thread": pid + 2, "cpus": "4"}}
    assert [one["mac"] for one in guest["interfaces"]] == ["00:00:00:00:00:01", "00:00:00:00:00:02"]
    either.programs.orders.clear()
    second = either.run(either.guest(emulator_cpus="0", autostart=True))
    assert not second["changed"]
    assert not either.programs.orders
    assert second["diff"]["before"] == second["diff"]["after"]
    assert second["guests"] == first["guests"]


STEPS: tuple[tuple[dict[str, t.Any], dict[str, t.Any]], ...] = (
    ({}, {}),
    ({"autostart": True}, {}),
    ({"state": "stopped"}, {}),
    ({"memory": "256M"}, {"restart_ok": True}),
    ({"memory": "256M"}, {}),
    ({"cpus": "5,6"}, {}),
    ({"emulator_cpus": "0"}, {}),
    ({"state": "absent"}, {}),
)


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(("changes", "options"), STEPS, ids=str)
def test_check_mode_says_what_a_run_does_and_does_nothing(either: Host, changes: dict[str, t.Any], options: dict[str, t.Any], *, there: bool) -> None:
    if there:
        either.run(either.guest())
    either.programs.orders.clear()
    files = sorted(either.root.glob("etc/systemd/**/*")) + sorted(either.root.glob("run/**/*"))
    planned = either.run(either.guest(**changes), check=True, **options)
    assert not either.programs.orders
    assert files == sorted(either.root.glob("etc/systemd/**/*")) + sorted(either.root.glob("run/**/*"))
    done = either.run(either.guest(**changes), **options)
    for key in ("changed", "commands", "diff", "restart_required"):
        assert planned[key] == done[key], key
    assert len(done["commands"]) == len(either.programs.orders)
    assert done["changed"] == bool(done["commands"])
    again = either.run(either.guest(**changes), **options)
    assert not again["changed"]
    assert again["restart_required"] == done["restart_required"]


def test_a_guest_that_runs_is_not_restarted_unless_that_is_allowed(either: Host) -> None:
    either.run(either.guest())
    pid = either.programs.running["vm1"]
    waits = either.run(either.guest(memory="256M"))
    assert waits["changed"]
    assert waits["restart_required"] == ["guest vm1 runs with another definition; the one of the task holds when it is started again"]
    assert either.programs.running["vm1"] == pid
    assert "256M" in definition(waits) or "262144" in definition(waits)
    done = either.run(either.guest(memory="256M"), restart_ok=True)
    assert done["changed"]
    assert done["restart_required"] == []
    assert either.programs.running["vm1"] != pid
    assert not either.run(either.guest(memory="256M"), restart_ok=True)["changed"]


def test_cpus_change_while_a_guest_runs(either: Host) -> None:
    either.run(either.guest(emulator_cpus="0"))
    pid = either.programs.running["vm1"]
    changed = either.run(either.guest(cpus="5,6", emulator_cpus="4"))
    assert changed["restart_required"] == []
    assert either.programs.running["vm1"] == pid
    assert either.programs.cpus("vm1") == {"0": "5", "1": "6", "emulator": "4"}
    assert changed["diff"]["before"]["guest vm1"]["cpus"] == {"0": "3", "1": "4", "emulator": "0"}
    assert changed["diff"]["after"]["guest vm1"]["cpus"] == {"0": "5", "1": "6", "emulator": "4"}


def test_threads_that_somebody_moved_come_back(either: Host) -> None:
    either.run(either.guest())
    either.programs.bind(either.programs.running["vm1"] + 2, "0-7")
    either.programs.orders.clear()
    again = either.run(either.guest())
    assert again["changed"]
    assert either.programs.cpus("vm1")["1"] == "4"
    assert len(again["commands"]) == len(either.programs.orders)


def test_a_guest_that_goes_leaves_nothing(either: Host) -> None:
    either.run(either.guest(autostart=True))
    gone = either.run({"name": "vm1", "state": "absent"})
    assert gone["changed"]
    assert gone["guests"] == [{"name": "vm1", "state": "absent", "backend": either.backend}]
    assert not either.programs.running
    assert not either.programs.domains
    assert not list(either.root.glob("etc/systemd/system/*"))
    assert not (either.root / HELPER).parent.exists()
    assert not list(either.root.glob("run/nfv-guests/*"))
    assert not either.run({"name": "vm1", "state": "absent"})["changed"]


def test_what_stops_stops_before_what_starts(either: Host) -> None:
    either.run(either.guest())
    either.programs.orders.clear()
    either.run(
        either.guest(name="vm2", cpus="5,6", memory="1G", interfaces=[{"port": "vhost-user2"}]),
        {"name": "vm1", "state": "absent"},
    )
    verbs = [order.split()[0] for order in either.programs.orders]
    assert verbs.index("shutdown" if either.backend == "libvirt" else "stop") < verbs.index("start")
    assert set(either.programs.running) == {"vm2"}


def test_a_guest_that_does_not_start_fails_with_the_words_of_qemu(either: Host) -> None:
    either.programs.failing["vm1"] = "qemu-system-x86_64: Failed to bind socket to /run/x: Permission denied"
    result = either.run(either.guest())
    assert result["failed"]
    assert "guest vm1 did not start" in result["msg"]
    assert "Permission denied" in result["msg"]


def test_software_emulation_is_said(either: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests_host, "kvm_works", lambda root: False)
    result = either.run(either.guest())
    assert result["guests"][0]["emulated"]
    assert "emulates the CPU in software" in said(result)
    assert "crashes" not in said(result)
    either.programs.version = "QEMU emulator version 7.2.22 (Debian 1:7.2)"
    assert "QEMU 7.2 crashes" in said(either.run(either.guest()))


def test_more_queues_than_pmd_threads_are_said(either: Host) -> None:
    either.daemon.answers["dpif-netdev/pmd-rxq-show"] = PMDS.partition("pmd thread numa_id 0 core_id 2")[0]
    assert "at least 2 PMD threads" in said(either.run(either.guest()))


def test_a_switch_that_does_not_answer_is_said_and_does_not_stop_a_guest(either: Host) -> None:
    either.daemon.mode = "down"
    result = either.run(either.guest(cpus="1,2"))
    assert result["changed"]
    assert "could not be asked for its PMD threads" in said(result)


def test_programs_that_come_later_do_not_matter_in_check_mode(either: Host) -> None:
    either.guest()
    either.programs.programs.clear()
    planned = either.run(either.guest(), check=True)
    assert planned["changed"]
    result = either.run(either.guest())
    assert result["failed"]
    assert "has no qemu-img" in result["msg"]


# --- what is refused, with nothing touched ---


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({}, {"interfaces": [{"port": "vhost-user0"}]}, ["guest vm2", "interfaces.port='vhost-user0'", "Guest vm1"]),
        ({"interfaces": [{"port": "vhost-user9"}]}, {}, ["vhost-user9", "not there"]),
        ({"cpus": "3"}, {}, ["more vCPUs than CPUs"]),
        ({"cpus": None, "vcpus": 4}, {}, ["vcpus=4", "3 CPUs are left (0,3-4)"]),
        ({}, {"cpus": "4,5"}, ["guest vm2", "vCPU 1 of guest vm1"]),
        ({"cpus": "1,3"}, {}, ["PMD thread's"]),
        ({"cpus": "3,7"}, {}, ["offline"]),
        ({"interfaces": [{"port": "vhost-user0", "queues": 0}]}, {}, ["queues=0"]),
        ({"interfaces": [{"port": "vhost-user0", "queues": 3}]}, {}, ["queues=3", "The port has 2"]),
        ({"interfaces": [{"port": "vhost-user0", "mac": "01:00:00:00:00:01"}]}, {}, ["multicast"]),
        ({"management": {"mac": "00:00:00:00:00:03"}}, {}, ["mac=", "Guest vm1 has this MAC"]),
        ({"name": "vm2", "state": "absent"}, {}, ["stands once"]),
        ({"vcpus": None}, {}, ["vcpus is missing"]),
    ],
)
def test_bad_input_is_refused_before_anything_is_touched(either: Host, first: t.Any, second: t.Any, words: list[str]) -> None:
    other = either.guest(**{"name": "vm2", "cpus": "5,6", "memory": "256M", "interfaces": [{"port": "vhost-user2"}], **second})
    message = either.refusal(either.guest(**first), other)
    assert all(word in message for word in words), message


def test_an_image_that_is_missing_or_no_image_is_refused(either: Host) -> None:
    folder = either.images
    (folder / "text").write_text("root:x:0:0", encoding="ascii")
    (folder / "bootable").write_bytes(BOOT)
    assert "Something else than a file" in either.refusal(either.guest(image=str(folder)))
    assert "It is no disk image" in either.refusal(either.guest(image=str(folder / "text")))
    assert "of format qcow2" in either.refusal(either.guest(image=str(folder / "bootable"), image_format="qcow2"))
    assert either.run(either.guest(image=str(folder / "bootable")), check=True)["changed"]
    assert either.run(either.guest(image=str(folder / "text"), image_format="raw"), check=True)["changed"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"serial_log": "/nowhere/at/all.log"}, ["serial_log", "no such folder"]),
        ({"management": {"type": "bridge", "bridge": "br-mgmt"}}, ["management.bridge='br-mgmt'"]),
        ({"boot": {"kernel": "/nowhere/vmlinuz"}}, ["boot.kernel", "no such file"]),
        ({"memory": "1088M"}, ["guest vm1", "544 hugepages of 2M on node 0", "512 are free"]),
        ({"image": "/nowhere/vm1.qcow2"}, ["image='/nowhere/vm1.qcow2'", "no such file"]),
        ({"image_format": "qcow2", "cpus": "5,6"}, ["hugetlbfs of this page size is not mounted"]),
    ],
)
def test_what_an_earlier_task_may_make_is_a_warning_in_check_mode_and_refused_in_a_run(either: Host, changes: dict[str, t.Any], words: list[str]) -> None:
    if "not mounted" in words[0]:
        (either.root / "proc/mounts").write_text("tmpfs /run tmpfs rw 0 0\n", encoding="ascii")
    planned = either.run(either.guest(**changes), check=True)
    assert planned["changed"]
    assert all(word in said(planned) for word in [*words, "an earlier task may see to it"])
    result = either.run(either.guest(**changes))
    assert result["failed"]
    assert all(word in result["msg"] for word in words)
    assert not either.programs.orders
    assert not (either.root / "etc/systemd").exists()


def test_memory_of_guests_is_counted_together(either: Host) -> None:
    other = either.guest(name="vm2", cpus="5,6", memory="512M", interfaces=[{"port": "vhost-user2"}])
    result = either.run(either.guest(memory="768M"), other)
    assert "guest vm2" in result["msg"]
    assert "640 hugepages of 2M on node 0" in result["msg"]


def test_a_bridge_that_is_there_is_taken(either: Host) -> None:
    (either.root / "sys/class/net/br-mgmt/bridge").mkdir(parents=True)
    assert either.run(either.guest(management={"type": "bridge", "bridge": "br-mgmt"}))["changed"]


def test_pages_that_a_guest_has_now_count_as_free_for_it(either: Host) -> None:
    either.run(either.guest(memory="512M"))
    either.leave_free(256)
    assert not either.run(either.guest(memory="512M"))["changed"]
    assert either.run(either.guest(memory="1G"), restart_ok=True)["changed"]
    result = either.run(either.guest(memory="2G"), restart_ok=True)
    assert "1024 hugepages of 2M on node 0, and 768 are free" in result["msg"]


def test_a_socket_that_another_process_has_is_not_taken_away(either: Host) -> None:
    either.programs.have_sockets("/var/run/openvswitch/vhost/vhost-user1", "/run/other")
    message = either.refusal(either.guest())
    assert all(word in message for word in ("guest vm1", "interfaces.port='vhost-user1'", "no guest of this task has /var/run/openvswitch/vhost/vhost-user1"))
    assert either.run(either.guest(state="stopped"), check=True)["changed"]
    either.programs.have_sockets("/run/other")
    either.run(either.guest())
    either.programs.have_sockets("/var/run/openvswitch/vhost/vhost-user0", "/var/run/openvswitch/vhost/vhost-user1")
    assert not either.run(either.guest())["changed"]
    second = either.guest(name="vm2", memory="256M", interfaces=[{"port": "vhost-user0"}])
    assert either.run(second, check=True)["failed"]
    assert either.run(second, {"name": "vm1", "state": "absent"})["changed"]


# --- libvirt ---


def test_what_others_added_to_a_domain_stays(host: Host) -> None:
    host.run(host.guest())
    devices = host.programs.domains["vm1"].find("devices")
    assert devices is not None
    devices.append(devices.makeelement("watchdog", {"model": "i6300esb", "action": "reset"}))
    assert not host.run(host.guest())["changed"]
    host.run(host.guest(memory="256M"))
    domain = host.programs.domains["vm1"]
    assert domain.find("devices/watchdog") is not None
    assert domain.findtext("uuid") == "uuid-of-vm1"
    assert domain.findtext("memory") == "262144"


def test_a_domain_that_does_not_react_is_switched_off_and_that_is_said(host: Host) -> None:
    host.run(host.guest())
    host.programs.deaf.add("vm1")
    result = host.run(host.guest(state="stopped"), shutdown_timeout=0)
    assert not host.programs.running
    assert [command[3] for command in result["commands"]] == ["shutdown", "destroy"]
    assert "did not react to its power button" in said(result)


def test_libvirt_gets_the_port_of_the_host_that_leads_to_the_guest(host: Host) -> None:
    result = host.run(host.guest(management={"type": "user", "ssh_port": 2222}))
    assert "hostfwd=tcp:127.0.0.1:2222-:22" in result["guests"][0]["xml"]
    assert result["guests"][0]["management"]["ssh_port"] == 2222


# --- QEMU ---


def test_a_unit_has_the_command_line_that_runs(host: Host) -> None:
    host.backend = "qemu"
    result = host.run(host.guest(), user="nobody", group="nogroup")
    guest = result["guests"][0]
    text = host.programs.loaded["nfv-guest-vm1.service"]
    assert "User=nobody" in text
    assert "Group=nogroup" in text
    assert guest["unit"] == "nfv-guest-vm1.service"
    assert guest["qmp"] in " ".join(guest["command"])
    command = (host.root / f"proc/{guest['pid']}/cmdline").read_text(encoding="utf-8").split("\0")[:-1]
    assert command == guest["command"]
    assert "mem-path=/dev/hugepages," in " ".join(command)


def test_a_user_that_is_not_there_is_refused_in_a_run(host: Host) -> None:
    host.backend = "qemu"
    result = host.run(host.guest(), user="nobody-knows")
    assert "does not know that user" in result["msg"]
    assert not host.programs.orders


def test_the_helper_script_comes_back_and_stays_while_another_guest_needs_it(host: Host) -> None:
    host.backend = "qemu"
    second = host.guest(name="vm2", cpus="5,6", memory="256M", interfaces=[{"port": "vhost-user2"}])
    host.run(host.guest(memory="256M"), second)
    (host.root / HELPER).unlink()
    assert host.run(host.guest(memory="256M"), second)["changed"]
    assert "def powerdown" in (host.root / HELPER).read_text(encoding="utf-8")
    host.run({"name": "vm1", "state": "absent"})
    assert (host.root / HELPER).exists()
    host.run({"name": "vm2", "state": "absent"})
    assert not (host.root / HELPER).exists()
