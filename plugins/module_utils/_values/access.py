# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what with a file: mode, access control list and capabilities (private to this collection). Pure.

The order in which the kernel looks is that of acl(5), ACCESS CHECK ALGORITHM; the bytes of a list are those of the extended attribute
``system.posix_acl_access`` (include/uapi/linux/posix_acl_xattr.h).
"""

from __future__ import annotations

import struct
import typing as t

READ, WRITE, SEARCH = 4, 2, 1

_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_VERSION = 2


class AclEntry(t.NamedTuple):
    """An entry of an access control list; *id* is a user or group for named ones."""

    tag: int
    permissions: int
    id: int


class Guarded(t.NamedTuple):
    """A file or folder: what it is, who owns it, and what its mode and its list allow."""

    path: str
    kind: t.Literal["socket", "folder", "other"]
    uid: int
    gid: int
    mode: int
    owner: str = "?"
    group: str = "?"
    acl: tuple[AclEntry, ...] = ()

    @property
    def octal(self) -> str:
        """Return the mode as chmod takes it."""
        return f"{self.mode & 0o7777:04o}"


class Who(t.NamedTuple):
    """A user, as a process is one: *overrides* has CAP_DAC_OVERRIDE, so that no permission of a file stops it."""

    name: str
    uid: int
    gids: frozenset[int]
    overrides: bool = False


class Verdict(t.NamedTuple):
    """Whether it is allowed, and which entry says so: that of the owner, of a group, of everybody else, a named one, or none but a capability."""

    allowed: bool
    by: t.Literal["capability", "owner", "group", "named", "others"]


def parse_acl(raw: bytes) -> tuple[AclEntry, ...]:
    """Return the entries of a list; none where the bytes are something else."""
    head, entry = struct.Struct("<I"), struct.Struct("<HHI")
    if len(raw) < head.size or (len(raw) - head.size) % entry.size or head.unpack_from(raw)[0] != _VERSION:
        return ()
    return tuple(AclEntry(*entry.unpack_from(raw, offset)) for offset in range(head.size, len(raw), entry.size))


def may(who: Who, file: Guarded, need: int) -> Verdict:
    """Return whether *who* has all of *need* (READ, WRITE, SEARCH added up) on *file*."""
    if who.overrides:
        return Verdict(allowed=True, by="capability")
    mask = next((entry.permissions for entry in file.acl if entry.tag == _MASK), 7)
    others = file.mode & 7
    if who.uid == file.uid:
        return Verdict((file.mode >> 6) & need == need, "owner")
    for entry in file.acl:
        if entry.tag == _USER and entry.id == who.uid:
            return Verdict(entry.permissions & mask & need == need, "named")
    owning = next((entry.permissions for entry in file.acl if entry.tag == _GROUP_OBJ), (file.mode >> 3) & 7)
    groups: list[tuple[int, t.Literal["group", "named"]]] = [(owning, "group")] if file.gid in who.gids else []
    groups += [(entry.permissions, "named") for entry in file.acl if entry.tag == _GROUP and entry.id in who.gids]
    for permissions, by in groups:
        if permissions & mask & need == need:
            return Verdict(allowed=True, by=by)
    if groups:
        return Verdict(allowed=False, by=groups[0][1])
    return Verdict(others & need == need, "others")
