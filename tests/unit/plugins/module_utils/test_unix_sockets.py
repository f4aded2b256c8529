# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""unix_sockets and process_table: who listens where and who holds what, as captured and with real sockets of this process."""

from __future__ import annotations

import os
import pathlib
import socket
import struct
import sys

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import process_table, unix_sockets
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unix_sockets import Link, UnixSocket

# Of a host with Open vSwitch 3.1 and QEMU 7.2; testpmd writes names without a path
CAPTURED = """Num       RefCount Protocol Flags    Type St Inode Path
00000000b4e2c200: 00000003 00000000 00000000 0001 03 28765410 /run/openvswitch/vhost/c3
00000000edacb9c3: 00000002 00000000 00010000 0001 01 28756233 /var/run/openvswitch/s0
0000000049497036: 00000002 00000000 00010000 0001 01 28765387 /run/openvswitch/vhost/c3
0000000061d6c11d: 00000003 00000000 00000000 0001 03 28755712
00000000d93069e5: 00000002 00000000 00010000 0005 01 28765409 @/tmp/.X11-unix/X0
00000000d93069e6: 00000002 00000000 00010000 0001 01 28765411 /run/with a blank
"""
ROOT = pathlib.Path("/")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


def test_sockets_with_a_path_are_listed() -> None:
    assert list(unix_sockets.parse_unix(CAPTURED)) == [
        UnixSocket(28765410, "/run/openvswitch/vhost/c3", listening=False, connected=True),
        UnixSocket(28756233, "/var/run/openvswitch/s0", listening=True, connected=False),
        UnixSocket(28765387, "/run/openvswitch/vhost/c3", listening=True, connected=False),
        UnixSocket(28765411, "/run/with a blank", listening=True, connected=False),
    ]


def answer(inode: int, *attributes: tuple[int, int, int]) -> bytes:
    """Return one message of the kernel; an attribute is its kind, its number, and a second number or -1."""
    body = struct.pack("=BBBBIII", 1, 1, 10, 0, inode, 1, 0)
    for kind, number, second in attributes:
        value = struct.pack("=I", number) + (struct.pack("=I", second) if second >= 0 else b"")
        body += struct.pack("=HH", 4 + len(value), kind) + value
    return struct.pack("=IHHII", 16 + len(body), 20, 2, 1, 0) + body


def test_the_kernel_says_file_and_peer() -> None:
    block = answer(10, (1, 277, 95), (0, 0x2F72756E, -1)) + answer(11, (2, 12, -1), (1, 277, 95)) + answer(13)
    assert unix_sockets.parse_links(block) == ({10: Link(277), 11: Link(277, 12), 13: Link()}, False)
    assert unix_sockets.parse_links(struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)) == ({}, True)


def test_a_kernel_that_cannot_say_is_no_answer() -> None:
    with pytest.raises(ValueError, match="does not list"):
        unix_sockets.parse_links(struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -2))


@linux
def test_a_real_connection_is_followed_from_its_file_to_the_other_end(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(path))
        listener.listen(1)
        client.connect(str(path))
        accepted, _address = listener.accept()
        with accepted:
            found = [one for one in unix_sockets.parse_unix((ROOT / "proc/net/unix").read_text("utf-8")) if one.path == str(path)]
            inodes = {end: os.fstat(end.fileno()).st_ino for end in (listener, client, accepted)}
            assert {(one.inode, one.listening, one.connected) for one in found} == {(inodes[listener], True, False), (inodes[accepted], False, True)}
            holders = process_table.socket_holders(ROOT, [os.getpid(), 1], inodes.values())
            assert all(holders[inode] == [os.getpid()] for inode in inodes.values())
            links = unix_sockets.read_links()
            if links:  # not in a kernel without unix_diag
                assert (links[inodes[listener]].file, links[inodes[accepted]].peer) == (path.stat().st_ino, inodes[client])


@linux
def test_this_process_is_in_the_table() -> None:
    this = process_table.read_processes(ROOT)[os.getpid()]
    assert this.words[0] == pathlib.Path("/proc/self/cmdline").read_text("utf-8").partition("\0")[0]
    assert this.namespace == str(pathlib.Path("/proc/self/ns/net").readlink())


def test_who_a_process_is_stands_in_its_status(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "proc/7"
    folder.mkdir(parents=True)
    folder.joinpath("status").write_text("Name:\tqemu\nUid:\t0\t64055\t0\t0\nGid:\t0\t108\t0\t0\nGroups:\t36 64055 \nNStgid:\t7\nCapEff:\t0000000000000000\n")
    assert process_table.read_identity(tmp_path, 7) == process_table.Identity(64055, frozenset({108, 36, 64055}), overrides=False)
    folder.joinpath("status").write_text("Name:\tovs\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t \nNStgid:\t7\nCapEff:\t00000000a8a475fb\n")
    assert process_table.read_identity(tmp_path, 7) == process_table.Identity(0, frozenset({0}), overrides=True)
    assert process_table.read_identity(tmp_path, 8) is None
    assert process_table.read_processes(tmp_path / "nothing") == {}
