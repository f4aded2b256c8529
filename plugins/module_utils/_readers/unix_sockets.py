# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unix sockets: who listens on a path, and who is connected with whom (private to this collection).

Sources: unix(7) and Linux, net/unix/af_unix.c (unix_seq_show: the columns of /proc/net/unix); sock_diag(7) and include/uapi/linux/unix_diag.h
(the other end of a connection and the file of a socket, which /proc/net/unix does not show).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterator

# unix(7), include/linux/net.h: __SO_ACCEPTCON; SS_CONNECTED
_LISTENS = 1 << 16
_CONNECTED = 3

_SOCK_DIAG_BY_FAMILY = 20
_NETLINK_SOCK_DIAG = 4
_NLM_F_REQUEST_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_SHOW_VFS_AND_PEER = 2 | 4
_ATTRIBUTE_VFS, _ATTRIBUTE_PEER = 1, 2
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBHIIIII")
_ANSWER = struct.Struct("=BBBBIII")
_SECONDS = 5


class UnixSocket(t.NamedTuple):
    """A socket that has a path: one that listens there, or the end of a connection that was accepted there."""

    inode: int
    path: str
    listening: bool
    connected: bool


class Link(t.NamedTuple):
    """What a socket belongs to: the inode of the file that it was bound to, and the inode of the socket at the other end."""

    file: int | None = None
    peer: int | None = None


def parse_unix(text: str) -> Iterator[UnixSocket]:
    """Yield the sockets with a path in /proc/net/unix."""
    for line in text.splitlines()[1:]:
        words = line.split(None, 7)
        if words[7:] and words[7].startswith("/"):
            yield UnixSocket(int(words[6]), words[7], bool(int(words[3], 16) & _LISTENS), int(words[5], 16) == _CONNECTED)


def parse_links(data: bytes) -> tuple[dict[int, Link], bool]:
    """Return the sockets in one block of answers of the kernel by inode, and whether it was the last one.

    Raises ValueError where the kernel refuses.
    """
    found: dict[int, Link] = {}
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data, offset)
        if kind == _NLMSG_DONE:
            return found, True
        if kind == _NLMSG_ERROR or length < _HEADER.size:
            raise ValueError("the kernel does not list its Unix sockets")
        inode = _ANSWER.unpack_from(data, offset + _HEADER.size)[4]
        found[inode] = Link(**dict(_attributes(data[offset + _HEADER.size + _ANSWER.size : offset + length])))
        offset += (length + 3) & ~3
    return found, False


def _attributes(data: bytes) -> Iterator[tuple[str, int]]:
    """Yield the attributes of one socket that are of interest."""
    names = {_ATTRIBUTE_VFS: "file", _ATTRIBUTE_PEER: "peer"}
    offset = 0
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if kind in names:
            yield names[kind], struct.unpack_from("=I", data, offset + 4)[0]  # unix_diag_vfs begins with the inode too
        offset += max((length + 3) & ~3, 4)


def read_links() -> dict[int, Link]:
    """Return what the sockets of this network namespace belong to, by inode; nothing where the kernel cannot say."""
    found: dict[int, Link] = {}
    with contextlib.suppress(OSError, ValueError, AttributeError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_SECONDS)
        # every state, every inode, no cookie
        request = _REQUEST.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _SHOW_VFS_AND_PEER, 0xFFFFFFFF, 0xFFFFFFFF)
        kernel.send(_HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0) + request)
        last = False
        while not last:
            more, last = parse_links(kernel.recv(1 << 18))
            found.update(more)
    return found
