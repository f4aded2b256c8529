# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vhost_user_port: both modes, sockets and their directory, and what it returns for a guest."""

from __future__ import annotations

import grp
import os
import pathlib
import socket
import stat
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.modules import vhost_user_port
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.datapath import Datapath

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

CLIENT: dict[str, t.Any] = {"bridge": "br0", "name": "vhost-user0"}
SERVER: dict[str, t.Any] = {**CLIENT, "mode": "server"}


class Run(t.Protocol):
    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module."""


def make_socket(path: pathlib.Path) -> None:
    """Leave a socket that nobody serves."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.bind(str(path))


class Sockets:
    """The daemon's part with sockets: it makes those of server ports in *folder*, and removes them."""

    def __init__(self, switch: FakeSwitch) -> None:
        self.switch = switch
        self.folder = pathlib.Path(switch.rundir)
        self.plain = switch.reconfigure
        self.made: set[pathlib.Path] = set()
        switch.reconfigure = self.reconfigure

    def reconfigure(self) -> None:
        self.plain()
        wanted = {self.folder / row["name"] for row in self.switch.tables["Interface"].values() if row["type"] == "dpdkvhostuser" and not row["error"]}
        for path in self.made - wanted:
            path.unlink()
        for path in wanted - self.made:
            make_socket(path)
        self.made = wanted


@pytest.fixture
def sockets(switch: FakeSwitch) -> Sockets:
    for bridge in ("br0", "br1"):
        switch.write("add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev")
    Datapath(switch)
    return Sockets(switch)


@pytest.fixture
def run(switch: FakeSwitch, sockets: Sockets, run_module: RunModule) -> Run:
    def call(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return run_module(vhost_user_port, {**switch.args, **options}, check=check)

    return call


def refused(switch: FakeSwitch, run: Run, options: dict[str, t.Any]) -> str:
    """Run what is refused before anything is written, and return why."""
    before = switch.dump()
    result = run(**options)
    assert result["failed"], result
    assert switch.writes == 0
    assert switch.dump() == before
    return str(result["msg"])


class TestClient:
    def test_a_port_is_added_as_check_mode_says_and_the_second_run_changes_nothing(self, switch: FakeSwitch, run: Run) -> None:
        planned = run(check=True, **CLIENT)
        assert switch.writes == 0
        result = run(**CLIENT)
        assert [result[key] for key in ("changed", "commands", "diff")] == [planned[key] for key in ("changed", "commands", "diff")]
        row = switch.rows("Interface")["vhost-user0"]
        path = f"{switch.rundir}/vhost-user0"
        assert (row["type"], row["options"]) == ("dpdkvhostuserclient", {"vhost-server-path": path})
        port = result["ports"][0]
        assert (port["mode"], port["socket"], port["connected"], port["mtu_in_use"]) == ("client", path, False, None)
        assert not run(**CLIENT)["changed"]
        assert switch.writes == 1

    def test_it_returns_what_a_guest_needs(self, run: Run) -> None:
        result = run(**CLIENT, queues=4, mac="00:00:00:00:00:AA", mrg_rxbuf=True, socket="/run/q/s0", guest_memory="2048M")
        guest = result["ports"][0]["guest"]
        assert guest["vectors"] == 10
        assert guest["qemu_args"][1] == "socket,id=char-vhost-user0,path=/run/q/s0,server=on"
        assert guest["qemu_args"][5].startswith("virtio-net-pci,mac=00:00:00:00:00:aa,")
        assert "mode='server'" in guest["libvirt_xml"]
        assert "size=2048M" in result["guest_memory"]["qemu_args"][3]

    def test_a_generated_address_stays_the_same(self, run: Run) -> None:
        assert run(**CLIENT)["ports"][0]["guest"]["mac"] == run(**CLIENT)["ports"][0]["guest"]["mac"]

    def test_a_connected_guest_is_seen(self, switch: FakeSwitch, run: Run) -> None:
        run(**CLIENT)
        next(row for row in switch.tables["Interface"].values() if row["name"] == "vhost-user0")["status"] = {"mode": "client", "status": "connected"}
        assert run(**CLIENT)["ports"][0]["connected"] is True

    @pytest.mark.parametrize(("given", "folder"), [("sub", "{rundir}/sub"), ("/run/other", "/run/other")])
    def test_the_directory_of_the_sockets_can_be_below_the_run_directory(self, switch: FakeSwitch, run: Run, given: str, folder: str) -> None:
        result = run(**CLIENT, socket_dir=given)
        assert result["ports"][0]["socket"] == f"{folder.format(rundir=switch.rundir)}/vhost-user0"

    def test_the_sub_directory_of_the_switch_is_the_default(self, switch: FakeSwitch, run: Run) -> None:
        switch.write("set", "Open_vSwitch", ".", "other_config:vhost-sock-dir=sub")
        assert run(**CLIENT)["ports"][0]["socket"] == f"{switch.rundir}/sub/vhost-user0"

    def test_another_socket_takes_a_transaction_that_closes_the_old_one(self, switch: FakeSwitch, run: Run) -> None:
        run(**CLIENT)
        result = run(name="vhost-user0", socket="/run/new")
        assert [command[-1] for command in result["commands"]] == ["type=patch", "options:vhost-server-path=/run/new"]
        assert switch.rows("Interface")["vhost-user0"]["type"] == "dpdkvhostuserclient"
        assert not run(name="vhost-user0")["changed"]  # a socket left out stays

    def test_options_left_out_stay_and_empty_ones_clear(self, switch: FakeSwitch, run: Run) -> None:
        run(**CLIENT, tx_retries_max=16, mtu=9000, emc_enable=False, tag=7)
        assert not run(name="vhost-user0")["changed"]
        run(name="vhost-user0", tx_retries_max="", mtu="", emc_enable="", tag="")
        row = switch.rows("Interface")["vhost-user0"]
        assert (set(row["options"]), row["mtu_request"], row["other_config"]) == ({"vhost-server-path"}, None, {})
        assert switch.rows("Port")["vhost-user0"]["tag"] is None

    def test_an_mtu_is_no_failure_while_no_guest_is_connected(self, run: Run) -> None:
        assert run(**CLIENT, mtu=9000)["changed"]

    def test_queues_that_no_guest_has_yet_can_be_bound(self, switch: FakeSwitch, run: Run) -> None:
        run(**CLIENT, rxq_affinity={0: 1, 1: 1})
        assert switch.rows("Interface")["vhost-user0"]["other_config"] == {"pmd-rxq-affinity": "0:1,1:1"}

    def test_256_ports_are_two_reads_and_one_write(self, switch: FakeSwitch, run: Run) -> None:
        ports = [{"name": f"vhost-user{number}"} for number in range(256)]
        assert len(run(bridge="br0", ports=ports)["ports"]) == 256
        assert (switch.reads, switch.writes) == (2, 1)

    def test_1000_ports_fit_into_one_command_line(self, run: Run) -> None:
        result = run(bridge="br0", ports=[{"name": f"vhost-user{number}", "tag": 5} for number in range(1000)], tx_retries_max=8, mtu=9000, socket_dir="/s")
        (command,) = result["commands"]
        assert sum(len(word) + 1 + 8 for word in command) < 1 << 20  # Linux: a quarter of the stack limit, which is 8 MiB

    def test_no_ports_change_nothing(self, switch: FakeSwitch, run: Run) -> None:
        assert not run(bridge="br0", ports=[])["changed"]
        assert switch.writes == 0

    def test_a_removed_port_leaves_no_policer_behind(self, switch: FakeSwitch, run: Run) -> None:
        run(**CLIENT)
        switch.write("--id=@q", "create", "QoS", "type=egress-policer", "other_config:cir=1", "--", "set", "Port", "vhost-user0", "qos=@q")
        result = run(name="vhost-user0", state="absent")
        assert result["ports"][0]["state"] == "absent"
        assert switch.rows("QoS") == {}

    def test_a_port_moves_to_another_bridge(self, switch: FakeSwitch, run: Run) -> None:
        run(**CLIENT)
        run(bridge="br1", name="vhost-user0")
        assert switch.snapshot().ports["vhost-user0"].bridge == "br1"


class TestServer:
    def test_the_switch_makes_the_socket_and_the_mode_is_deprecated(self, switch: FakeSwitch, run: Run) -> None:
        result = run(**SERVER)
        assert switch.rows("Interface")["vhost-user0"]["type"] == "dpdkvhostuser"
        assert result["ports"][0]["socket"] == f"{switch.rundir}/vhost-user0"
        assert "server=on" not in result["ports"][0]["guest"]["qemu_args"][1]
        assert "deprecated since Open vSwitch 2.8" in str(result["warnings"])
        assert not run(**SERVER)["changed"]

    def test_it_becomes_a_client_in_place_and_its_socket_is_gone(self, switch: FakeSwitch, run: Run) -> None:
        run(**SERVER)
        result = run(name="vhost-user0", mode="client", tx_retries_max=4)
        row = switch.rows("Interface")["vhost-user0"]
        assert (row["type"], row["options"]["vhost-server-path"]) == ("dpdkvhostuserclient", f"{switch.rundir}/vhost-user0")
        assert not (switch.rundir / "vhost-user0").exists()
        assert "mode changes from server to client" in str(result["warnings"])

    def test_a_client_becomes_a_server_without_what_only_a_client_has(self, switch: FakeSwitch, run: Run) -> None:
        run(**CLIENT, tx_retries_max=4)
        run(name="vhost-user0", mode="server")
        row = switch.rows("Interface")["vhost-user0"]
        assert (row["type"], row["options"]) == ("dpdkvhostuser", {})

    def test_a_switch_that_makes_no_socket_is_a_failure(self, switch: FakeSwitch, run: Run, sockets: Sockets) -> None:
        before = switch.dump()
        switch.reconfigure = sockets.plain
        assert "the switch made no socket" in run(**SERVER)["msg"]
        assert switch.dump() == before

    def test_a_socket_elsewhere_than_vhost_sock_dir_is_a_warning(self, switch: FakeSwitch, run: Run) -> None:
        switch.write("set", "Open_vSwitch", ".", "other_config:vhost-sock-dir=sub")
        result = run(**SERVER)
        assert "vhost-sock-dir was set after DPDK was initialised" in str(result["warnings"])
        assert result["ports"][0]["socket"] == f"{switch.rundir}/vhost-user0"

    def test_a_socket_that_a_dead_switch_left_is_removed(self, switch: FakeSwitch, run: Run, sockets: Sockets) -> None:
        make_socket(sockets.folder / "vhost-user0")
        planned = run(check=True, **SERVER)
        assert (sockets.folder / "vhost-user0").exists()
        result = run(**SERVER)  # the fake cannot make its socket where one is, like DPDK
        assert result["diff"] == planned["diff"]
        assert result["diff"]["before"][f"socket {switch.rundir}/vhost-user0"] == {"state": "left over"}

    def test_a_socket_that_somebody_serves_is_refused(self, switch: FakeSwitch, run: Run, sockets: Sockets) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as served:
            served.bind(str(sockets.folder / "vhost-user0"))
            served.listen()
            assert "A process serves" in refused(switch, run, SERVER)

    def test_another_file_is_refused_and_stays(self, switch: FakeSwitch, run: Run, sockets: Sockets) -> None:
        (sockets.folder / "vhost-user0").write_text("mine", encoding="ascii")
        assert "is there and is no socket" in refused(switch, run, SERVER)
        assert (sockets.folder / "vhost-user0").read_text(encoding="ascii") == "mine"


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({**CLIENT, "n_rxq": 2}, "The guest says how many queues"),
            ({**CLIENT, "name": "a/b"}, "without blanks, '/'"),
            ({**CLIENT, "name": "a\\b"}, "without blanks, '/'"),
            ({**CLIENT, "name": "-v"}, "something else than a name"),
            ({**CLIENT, "name": "v" * 100}, "at most 107 bytes"),
            ({**CLIENT, "socket": "relative/s"}, "is absolute"),
            ({**CLIENT, "socket": "/s" * 60}, "at most 107 bytes"),
            ({**CLIENT, "mtu": 70000}, "68 to 9702"),
            ({**CLIENT, "tx_retries_max": 33}, "from 0 to 32"),
            ({**CLIENT, "queues": 0}, "1 to 32768 queue pairs"),
            ({**CLIENT, "mac": "01:00:00:00:00:00"}, "multicast"),
            ({**CLIENT, "bridge": "br9"}, "This switch has bridges br0, br1"),
            ({**CLIENT, "socket_dir_mode": "0777"}, "Everybody could write there"),
            ({**CLIENT, "socket_dir_mode": "rwx"}, "octal digits"),
            ({**CLIENT, "socket_dir_owner": "no-such-user"}, "does not know that name"),
            ({**CLIENT, "guest_memory": "4 GB"}, "a number with M or G"),
            ({**SERVER, "socket": "/run/s"}, "In mode server the switch makes the socket"),
            ({**SERVER, "socket_dir": "/run/s"}, "In mode server the switch makes the socket"),
            ({"bridge": "br0", "ports": [{"name": "v"}, {"name": "v"}]}, "Each name can be given once"),
            ({"bridge": "br0", "ports": [{"name": "v"}], "socket": "/s"}, "mutually exclusive"),
        ],
    )
    def test_it_is_refused_before_anything_is_written(self, switch: FakeSwitch, run: Run, options: dict[str, t.Any], words: str) -> None:
        assert words in refused(switch, run, options)

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_a_port_that_another_module_has_made_is_refused(self, switch: FakeSwitch, run: Run, state: str) -> None:
        switch.write("add-port", "br1", "vhost-user0", "--", "set", "Interface", "vhost-user0", "type=dpdk", "options:dpdk-devargs=net_null0")
        message = refused(switch, run, {**CLIENT, "state": state})
        assert "of type dpdk is on bridge br1" in message
        assert "ovs_dpdk_port" in message

    def test_another_mode_on_another_bridge_is_refused(self, switch: FakeSwitch, run: Run) -> None:
        run(**CLIENT)
        switch.writes = 0
        assert "of type dpdkvhostuserclient is on bridge br0" in refused(switch, run, {**SERVER, "bridge": "br1"})


class TestDirectory:
    def test_it_is_made_with_its_mode_and_the_second_run_changes_nothing(self, switch: FakeSwitch, run: Run) -> None:
        group = grp.getgrgid(os.getegid()).gr_name
        options = {**CLIENT, "socket_dir": "a/b", "socket_dir_group": group, "socket_dir_mode": "2770"}
        planned = run(check=True, **options)
        folder = switch.rundir / "a" / "b"
        assert not folder.exists()
        result = run(**options)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2770
        assert result["diff"] == planned["diff"]
        assert result["diff"]["before"][f"directory {folder}"] == {"state": "absent"}
        assert result["diff"]["after"][f"directory {folder}"]["mode"] == "2770"
        assert not run(**options)["changed"]

    def test_it_alone_can_change(self, switch: FakeSwitch, run: Run) -> None:
        options = {**CLIENT, "socket_dir": "a", "socket_dir_mode": "0750"}
        run(**options)
        result = run(**{**options, "socket_dir_mode": "0755"})
        assert result["changed"]
        assert result["commands"] == []
        assert stat.S_IMODE((switch.rundir / "a").stat().st_mode) == 0o755

    def test_it_goes_again_where_the_switch_refuses_the_port(self, switch: FakeSwitch, run: Run) -> None:
        switch.refuse["vhost-user0"] = "no"
        assert run(**CLIENT, socket_dir="a/b", socket_dir_mode="0755")["failed"]
        assert not (switch.rundir / "a").exists()

    def test_its_mode_comes_back_where_the_switch_refuses_the_port(self, switch: FakeSwitch, run: Run) -> None:
        folder = switch.rundir / "a"
        folder.mkdir(mode=0o700)
        switch.refuse["vhost-user0"] = "no"
        assert run(**CLIENT, socket_dir="a", socket_dir_mode="0755")["failed"]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_a_missing_one_that_is_not_managed_has_a_warning(self, run: Run) -> None:
        assert "is not there: QEMU cannot make its sockets" in str(run(**CLIENT, socket_dir="a")["warnings"])

    def test_a_file_in_its_place_is_refused(self, switch: FakeSwitch, run: Run) -> None:
        (switch.rundir / "a").write_text("", encoding="ascii")
        assert "Something else than a directory" in refused(switch, run, {**CLIENT, "socket_dir": "a", "socket_dir_mode": "0755"})

    def test_a_user_that_an_earlier_task_would_add_is_no_matter_in_check_mode(self, run: Run) -> None:
        result = run(check=True, **CLIENT, socket_dir="a", socket_dir_owner="no-such-user")
        assert result["changed"]
