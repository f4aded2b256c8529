# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vhost_user_info: what is read where, on a fake switch beside the processes and sockets of a host, and that it reads it once."""

from __future__ import annotations

import os
import pathlib
import pwd
import socket
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import process_table, unix_sockets
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unix_sockets import Link
from ansible_collections.nfv.ovs_dpdk.plugins.modules import vhost_user_info
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.datapath import Datapath
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeDaemon

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

MEMORY = pathlib.Path(__file__).parents[1] / "module_utils/fixtures/guest_memory"
STATUS = {"mode": "client", "status": "connected", "num_of_vrings": "2", "numa": "0", "features": "0x0000000950008000"}
UID = os.getuid()


class FakeHost:
    """Processes with sockets below a folder that stands for /, with real files for the sockets, and what the kernel says of them."""

    def __init__(self, root: pathlib.Path, sockets: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.folder = sockets
        self.folder.mkdir(mode=0o755)
        self.links: dict[int, Link] = {}
        self.inode = 1000
        self.lines = ["Num       RefCount Protocol Flags    Type St Inode Path"]
        self.scans = 0
        self.process(FakeDaemon.PID, "/usr/sbin/ovs-vswitchd", "--detach")
        node = root / "sys/devices/system/node/node0"
        for folder in (node / "hugepages/hugepages-2048kB", root / "sys/kernel/mm/hugepages/hugepages-2048kB"):
            folder.mkdir(parents=True)
            for name, number in (("nr_hugepages", 1024), ("free_hugepages", 512), ("surplus_hugepages", 0)):
                (folder / name).write_text(f"{number}\n", "ascii")
        monkeypatch.setattr(vhost_user_info, "ROOT", root)
        monkeypatch.setattr(unix_sockets, "read_links", self.read_links)

    def read_links(self) -> dict[int, Link]:
        self.scans += 1
        return self.links

    def process(self, pid: int, *words: str, memory: str | None = None, uid: int = UID, gid: int | None = None) -> None:
        """Start a process."""
        folder = self.root / "proc" / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "ns").mkdir()
        (folder / "net").mkdir()
        (folder / "ns/net").symlink_to("net:[4026531840]")
        (folder / "cmdline").write_text("\0".join(words) + "\0", "utf-8")
        (folder / "status").write_text(
            f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{0 if gid is None else gid}\t{0 if gid is None else gid}\nCapEff:\t0\n", "ascii"
        )
        self.show(folder)
        for kind in ("maps", "numa_maps") if memory else ():
            (folder / kind).write_text((MEMORY / f"{memory}.{kind}").read_text("utf-8"), "utf-8")

    def show(self, folder: pathlib.Path) -> None:
        (folder / "net/unix").write_text("\n".join(self.lines) + "\n", "utf-8")

    def _socket(self, path: str, pid: int, flags: str, state: str) -> int:
        self.inode += 1
        if path:
            self.lines.append(f"0000000061d6c11d: 00000003 00000000 {flags} 0001 {state} {self.inode} {path}")
        (self.root / f"proc/{pid}/fd/{self.inode}").symlink_to(f"socket:[{self.inode}]")
        for folder in (self.root / "proc").iterdir():
            self.show(folder)
        return self.inode

    def file(self, path: pathlib.Path) -> int:
        """Make the file of a socket that nobody listens on, and return its inode."""
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
        path.chmod(0o755)
        return path.stat().st_ino

    def listen(self, pid: int, path: pathlib.Path) -> None:
        """Have a process make a socket."""
        inode = self._socket(str(path), pid, "00010000", "01")
        self.links[inode] = Link(file=self.file(path))

    def connect(self, client: int, server: int, path: pathlib.Path) -> None:
        """Have two processes connected over the socket of *server*."""
        accepted, end = self._socket(str(path), server, "00000000", "03"), self._socket("", client, "00000000", "03")
        self.links[accepted], self.links[end] = Link(peer=end), Link(peer=accepted)

    def testpmd(self, pid: int, path: pathlib.Path) -> None:
        """Start a guest that makes a socket and is connected."""
        self.process(pid, "dpdk-testpmd", f"--vdev=net_virtio_user0,mac=00:00:00:00:00:01,path={path},queues=1,server=1", memory="testpmd")
        self.listen(pid, path)
        self.connect(FakeDaemon.PID, pid, path)


@pytest.fixture
def host(switch: FakeSwitch, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    Datapath(switch)
    switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev")
    return FakeHost(tmp_path / "root", pathlib.Path(switch.args["rundir"]) / "vhost", monkeypatch)


class Run(t.Protocol):
    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module on the fake switch and host."""


@pytest.fixture
def run(switch: FakeSwitch, host: FakeHost, run_module: RunModule) -> Run:
    del host

    def go(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return run_module(vhost_user_info, {**switch.args, **options}, check=check)

    return go


def add(switch: FakeSwitch, name: str, path: pathlib.Path | str, **status: str) -> None:
    """Add a port of mode client; *status* is what the switch says of it."""
    switch.write("add-port", "br0", name, "--", "set", "Interface", name, "type=dpdkvhostuserclient", f'options:vhost-server-path="{path}"')
    set_status(switch, name, **status)


def set_status(switch: FakeSwitch, name: str, **status: str) -> None:
    row = next(row for row in switch.tables["Interface"].values() if row["name"] == name)
    row["status"], row["link_state"] = status, "up" if status.get("status") == "connected" else "down"


def wrong(result: dict[str, t.Any], port: str = "vhost-user0") -> dict[str, str]:
    """Return what is wrong with a port, by the name of the check."""
    assert not result.get("failed"), result["msg"]
    return {one["check"]: f"{one['says']} {one['do']}" for one in result["findings"] if one["port"] == port}


@pytest.fixture
def path(host: FakeHost) -> pathlib.Path:
    return host.folder / "vhost-user0"


def test_a_guest_that_is_connected_is_shown_with_all_there_is(switch: FakeSwitch, host: FakeHost, run: Run, path: pathlib.Path) -> None:
    add(switch, "vhost-user0", path, **STATUS, socket=str(path))
    host.testpmd(4168, path)
    before = switch.dump()
    result = run(expect=[{"port": "vhost-user0", "queues": 1, "mrg_rxbuf": True, "features": ["VERSION_1"], "node": 0}])
    assert (result["healthy"], result["changed"], result["findings"], result["problem"]) == (True, False, [], None)
    (port,) = result["ports"]
    assert [one["ok"] for one in port["findings"]] == [True] * 12
    user = pwd.getpwuid(UID).pw_name
    assert port["socket"] == {
        "path": str(path),
        "exists": True,
        "owner": user,
        "group": port["socket"]["group"],
        "mode": "0755",
        "listening": True,
        "listener": {"pid": 4168, "command": "dpdk-testpmd"},
    }
    assert (port["mode"], port["connected"], port["queues"]) == ("client", True, {"guest": 1, "polled": 1, "pmds": [1]})
    assert port["features"][0] == "MRG_RXBUF"
    guest = port["guest"]
    assert (guest["pid"], guest["user"], guest["attached"], guest["memory_shared"], guest["hugepages"], guest["nodes"]) == (4168, user, True, True, True, [0])
    assert (switch.reads, switch.writes, switch.dump()) == (1, 0, before)


@pytest.mark.parametrize("links", [True, False], ids=["the kernel says who is connected", "it does not"])
def test_a_guest_whose_sockets_may_not_be_seen_is_known_by_its_words(switch: FakeSwitch, host: FakeHost, run: Run, path: pathlib.Path, links: bool) -> None:
    add(switch, "vhost-user0", path, **STATUS)
    host.testpmd(4168, path)
    for handle in (host.root / "proc/4168/fd").iterdir():
        handle.unlink()
    if not links:
        host.links.clear()
    result = run()
    assert result["healthy"]
    assert (result["ports"][0]["guest"]["pid"], result["ports"][0]["guest"]["attached"]) == (4168, True)
    assert result["ports"][0]["socket"]["listener"] == {"pid": 4168, "command": "dpdk-testpmd"}


def test_private_memory_of_qemu_is_found(switch: FakeSwitch, host: FakeHost, run: Run, path: pathlib.Path) -> None:
    add(switch, "vhost-user0", path, mode="client", status="disconnected")
    host.process(
        4761, "/usr/bin/qemu-system-x86_64", "-name", "guest=vm1,debug-threads=on", "-chardev", f"socket,id=c,path={path},server=on", memory="qemu_ram"
    )
    host.listen(4761, path)
    host.connect(FakeDaemon.PID, 4761, path)
    found = wrong(run())
    assert set(found) == {"link_up", "memory_shared", "guest_hugepages"}
    assert "guest vm1 (qemu-system-x86_64, pid 4761) is connected to the socket, and no driver" in found["link_up"]
    assert "256 MiB of the 256 MiB" in found["memory_shared"]


def test_both_sides_are_clients(switch: FakeSwitch, host: FakeHost, run: Run, path: pathlib.Path) -> None:
    add(switch, "vhost-user0", path, mode="client", status="disconnected")
    host.process(50, "sh", "-c", f"qemu-system-x86_64 -chardev socket,path={path},server=on")  # a shell is no guest
    host.process(51, "qemu-system-x86_64", "-chardev", f"socket,id=c,path={path},reconnect=1")
    found = wrong(run())
    assert set(found) == {"who_is_server", "link_up"}
    assert "are clients" in found["who_is_server"]
    assert "pid 51" in found["who_is_server"]


def test_both_sides_are_servers_and_the_guest_took_the_place_of_the_file(switch: FakeSwitch, host: FakeHost, run: Run) -> None:
    path = pathlib.Path(switch.args["rundir"]) / "vhost-user1"
    switch.write("add-port", "br0", "vhost-user1", "--", "set", "Interface", "vhost-user1", "type=dpdkvhostuser")
    host.listen(FakeDaemon.PID, path)
    path.unlink()
    host.process(51, "qemu-system-x86_64", "-chardev", f"socket,id=c,path={path},server=on")
    host.file(host.folder / "other")  # so that the new file does not get the old one's inode
    host.listen(51, path)
    found = wrong(run(), "vhost-user1")
    assert "are servers" in found["who_is_server"]
    assert "qemu-system-x86_64 (pid 51) has put its own file in the place" in found["who_is_server"]


def test_a_guest_of_a_port_in_mode_server_is_the_other_end_of_the_connection(switch: FakeSwitch, host: FakeHost, run: Run) -> None:
    switch.write("set", "Open_vSwitch", ".", "other_config:vhost-sock-dir=vhost")
    switch.write("add-port", "br0", "vhost-user1", "--", "set", "Interface", "vhost-user1", "type=dpdkvhostuser")
    set_status(switch, "vhost-user1", **{**STATUS, "mode": "server"})
    host.process(4794, "qemu-system-x86_64", memory="qemu_shared_hugepages")  # no word of the socket: it was given by its number
    host.listen(FakeDaemon.PID, host.folder / "vhost-user1")
    host.connect(4794, FakeDaemon.PID, host.folder / "vhost-user1")
    result = run()
    assert result["healthy"]
    assert (result["ports"][0]["guest"]["pid"], result["ports"][0]["guest"]["attached"]) == (4794, True)
    assert result["ports"][0]["socket"]["listener"] == {"pid": FakeDaemon.PID, "command": "ovs-vswitchd"}


def test_a_socket_of_the_switch_that_stands_elsewhere_is_found(switch: FakeSwitch, host: FakeHost, run: Run) -> None:
    switch.write("add-port", "br0", "vhost-user1", "--", "set", "Interface", "vhost-user1", "type=dpdkvhostuser")
    host.listen(FakeDaemon.PID, pathlib.Path(switch.args["rundir"]) / "vhost-user1")
    switch.write("set", "Open_vSwitch", ".", "other_config:vhost-sock-dir=vhost")
    assert f"and is {switch.args['rundir']}/vhost-user1" in wrong(run(), "vhost-user1")["socket_path"]


def test_the_link_of_var_run_to_run_makes_no_other_socket(switch: FakeSwitch, host: FakeHost, run: Run, path: pathlib.Path) -> None:
    alias = host.folder.parent / "alias"
    alias.symlink_to(host.folder)
    add(switch, "vhost-user0", alias / "vhost-user0", **STATUS, socket=str(alias / "vhost-user0"))
    host.testpmd(4168, path)
    assert run()["healthy"]
    add(switch, "vhost-user2", path)
    assert "port vhost-user2 have one socket" in wrong(run())["socket_path"]


def test_a_socket_that_is_left_over_is_found_with_the_words_of_the_log(switch: FakeSwitch, host: FakeHost, run: Run, path: pathlib.Path) -> None:
    add(switch, "vhost-user0", path, mode="client", status="disconnected")
    host.file(path)
    switch.say("WARN", f"dpdk|VHOST_CONFIG: ({path}) failed to connect: Connection refused")
    found = wrong(run())
    assert set(found) == {"stale_socket", "link_up"}
    assert "logged: failed to connect: Connection refused" in found["link_up"]


def test_n_rxq_and_policers_are_found(switch: FakeSwitch, run: Run, path: pathlib.Path) -> None:
    add(switch, "vhost-user0", path)
    switch.write("set", "Interface", "vhost-user0", "options:n_rxq=2", "ingress_policing_rate=368000")
    switch.write("--id=@q", "create", "QoS", "type=egress-policer", "other_config:cir=46000000", "--", "set", "Port", "vhost-user0", "qos=@q")
    found = wrong(run())
    assert "options:n_rxq=2" in found["queues"]
    assert "egress 1Mpps at 64-byte frames" in found["policer"]
    assert "ingress 1Mpps at 64-byte frames" in found["policer"]
    assert "policer" not in wrong(run(expect=[{"port": "vhost-user0", "policer": True}]))


@pytest.mark.skipif(UID != 0, reason="needs a second user")
def test_a_guest_of_another_user_is_let_in_or_not(switch: FakeSwitch, host: FakeHost, run: Run, path: pathlib.Path) -> None:
    add(switch, "vhost-user0", path, mode="client", status="disconnected")
    found = wrong(run(guest_user="nobody"))
    assert f"the guest runs as nobody and cannot make its socket in {host.folder}" in found["socket_owner"] or "cannot get through" in found["socket_owner"]
    assert "socket_owner" not in wrong(run(guest_user="root"))


def test_a_user_that_is_not_there_is_refused(run: Run) -> None:
    result = run(guest_user="no-such-user")
    assert result["failed"]
    assert "guest_user='no-such-user' is not possible" in result["msg"]
    assert "no-such-user is not there" in str(run(check=True, guest_user="no-such-user")["warnings"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"ports": ["vhost-user9"]}, "no such port; vhost-user ports of the switch are vhost-user0", id="no port"),
        pytest.param({"ports": ["br0"]}, "It has type internal", id="another type"),
        pytest.param({"expect": [{"port": "vhost-user9"}]}, "expect.port='vhost-user9'", id="nothing to expect of it"),
        pytest.param({"ports": ["vhost-user0"], "expect": [{"port": "vhost-user1"}]}, "ports has vhost-user0 only", id="not asked for"),
        pytest.param({"expect": [{"port": "vhost-user0"}, {"port": "vhost-user0"}]}, "twice", id="twice"),
        pytest.param({"expect": [{"port": "vhost-user0", "queues": 0}]}, "1 to 32768 queue pairs", id="no queues"),
        pytest.param({"expect": [{"port": "vhost-user0", "node": -1}]}, "0 or more", id="no node"),
        pytest.param({"expect": [{"port": "vhost-user0", "features": ["TSO"]}]}, "'TSO' is not a feature", id="no feature"),
    ],
)
def test_what_cannot_be_is_refused(switch: FakeSwitch, run: Run, host: FakeHost, options: dict[str, t.Any], words: str) -> None:
    for name in ("vhost-user0", "vhost-user1"):
        add(switch, name, host.folder / name)
    result = run(**options)
    assert result["failed"]
    assert words.lower() in result["msg"].lower()


def test_check_mode_passes_over_a_port_that_an_earlier_task_adds(switch: FakeSwitch, run: Run, path: pathlib.Path) -> None:
    add(switch, "vhost-user0", path)
    result = run(check=True, ports=["vhost-user0", "vhost-user9"], expect=[{"port": "vhost-user9"}])
    assert [port["name"] for port in result["ports"]] == ["vhost-user0"]
    assert "vhost-user9 is not there" in str(result["warnings"])


@pytest.mark.parametrize(("mode", "words"), [("down", "not running"), ("crashed", "not running"), ("hung", "did not answer within")])
def test_without_the_daemon_it_says_so_and_judges_the_host(switch: FakeSwitch, host: FakeHost, run: Run, mode: str, words: str) -> None:
    path = host.folder / "vhost-user0"
    add(switch, "vhost-user0", path, **STATUS)  # the database keeps what a dead daemon wrote
    host.file(path)
    switch.daemon.mode = mode
    result = run()
    assert (result["healthy"], result["running"]) == (False, False)
    assert words in result["problem"]
    assert result["ports"][0]["connected"] is None
    assert set(wrong(result)) == {"stale_socket"}


def test_on_a_host_without_open_vswitch_check_mode_has_no_ports(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible.module_utils.basic.AnsibleModule.get_bin_path", lambda self, arg, *args, **kwargs: None)
    result = run(check=True)
    assert (result["ports"], result["findings"]) == ([], [])
    assert "Open vSwitch is not on this host" in str(result["warnings"])
    assert run()["failed"]


def test_256_ports_cost_one_read_one_question_and_one_pass(switch: FakeSwitch, host: FakeHost, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[pathlib.Path] = []
    read_processes = process_table.read_processes

    def counted(root: pathlib.Path) -> dict[int, process_table.Process]:
        passes.append(root)
        return read_processes(root)

    monkeypatch.setattr(process_table, "read_processes", counted)
    words = []
    for number in range(256):
        path = host.folder / f"p{number}"
        words += ["--", "add-port", "br0", path.name, "--", "set", "Interface", path.name, "type=dpdkvhostuserclient", f'options:vhost-server-path="{path}"']
        host.inode += 2
        for inode, flags, state in ((host.inode, "00010000", "01"), (host.inode + 1, "00000000", "03")):
            host.lines.append(f"0000000061d6c11d: 00000003 00000000 {flags} 0001 {state} {inode} {path}")
        guest = 10000 + number
        host.process(guest, "qemu-system-x86_64", "-chardev", f"socket,id=c,path={path},server=on", memory="qemu_shared_hugepages")
        for inode in (host.inode, host.inode + 1):
            (host.root / f"proc/{guest}/fd/{inode}").symlink_to(f"socket:[{inode}]")
        end = 100000 + number
        (host.root / f"proc/{FakeDaemon.PID}/fd/{end}").symlink_to(f"socket:[{end}]")
        host.links[host.inode], host.links[host.inode + 1], host.links[end] = Link(file=host.file(path)), Link(peer=end), Link(peer=host.inode + 1)
    host.show(host.root / f"proc/{FakeDaemon.PID}")
    switch.write(*words[1:])
    for row in switch.tables["Interface"].values():
        if row["type"]:
            row["status"], row["link_state"] = dict(STATUS), "up"
    result = run()
    assert result["healthy"]
    assert len(result["ports"]) == 256
    assert {port["guest"]["memory_shared"] for port in result["ports"]} == {True}
    assert (switch.reads, len(passes), host.scans) == (1, 1, 1)
    assert [question for question in switch.daemon.asked if question[0] != "version"] == [["dpif-netdev/pmd-rxq-show"]]
