# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""access: who may do what, in the order of acl(5)."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.access import READ, SEARCH, WRITE, AclEntry, Guarded, Verdict, Who, may, parse_acl

QEMU = Who("libvirt-qemu", 64055, frozenset({64055, 108}))
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NOBODY = 0xFFFFFFFF


def socket(mode: int, *acl: AclEntry, uid: int = 0, gid: int = 0) -> Guarded:
    return Guarded("/s", "socket", uid, gid, mode, acl=acl)


@pytest.mark.parametrize(
    ("file", "need", "verdict"),
    [
        pytest.param(socket(0o755), WRITE, Verdict(allowed=False, by="others"), id="a socket of root, as the switch makes it"),
        pytest.param(socket(0o777), WRITE, Verdict(allowed=True, by="others"), id="everybody may"),
        pytest.param(socket(0o750, uid=64055), WRITE, Verdict(allowed=True, by="owner"), id="its owner may"),
        pytest.param(socket(0o577, uid=64055), WRITE, Verdict(allowed=False, by="owner"), id="its owner may not, though everybody else may"),
        pytest.param(socket(0o770, gid=108), WRITE, Verdict(allowed=True, by="group"), id="a second group of it may"),
        pytest.param(socket(0o707, gid=108), WRITE, Verdict(allowed=False, by="group"), id="its group may not, though others may"),
        pytest.param(socket(0o770, gid=109), SEARCH, Verdict(allowed=False, by="others"), id="another group"),
        pytest.param(socket(0o770, AclEntry(USER, 6, 64055), AclEntry(MASK, 7, NOBODY)), WRITE, Verdict(allowed=True, by="named"), id="named in the list"),
        pytest.param(
            socket(0o750, AclEntry(USER, 6, 64055), AclEntry(MASK, 5, NOBODY)),
            WRITE,
            Verdict(allowed=False, by="named"),
            id="named, but the mask takes it away",
        ),
        pytest.param(
            socket(0o770, AclEntry(GROUP_OBJ, 0, NOBODY), AclEntry(GROUP, 7, 108), AclEntry(MASK, 7, NOBODY)),
            READ + WRITE,
            Verdict(allowed=True, by="named"),
            id="a group of it is named",
        ),
        pytest.param(
            socket(0o770, AclEntry(GROUP_OBJ, 4, NOBODY), AclEntry(MASK, 7, NOBODY), gid=108),
            WRITE,
            Verdict(allowed=False, by="group"),
            id="with a list, the group bits of the mode are the mask and not the group's",
        ),
    ],
)
def test_who_may(file: Guarded, need: int, verdict: Verdict) -> None:
    assert may(QEMU, file, need) == verdict


def test_no_permission_stops_who_has_the_capability() -> None:
    assert may(Who("root", 0, frozenset(), overrides=True), socket(0o000, uid=1), WRITE) == Verdict(allowed=True, by="capability")


def test_the_bytes_of_a_list_are_read() -> None:
    # setfacl -m u:64055:rw on a socket of mode 0755
    raw = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *entry) for entry in ((1, 7, NOBODY), (2, 6, 64055), (4, 5, NOBODY), (16, 7, NOBODY), (32, 5, NOBODY))
    )
    entries = parse_acl(raw)
    assert entries[1] == AclEntry(USER, 6, 64055)
    assert may(QEMU, socket(0o775, *entries), WRITE).allowed


@pytest.mark.parametrize("raw", [b"", b"\x02\0\0\0\1", struct.pack("<I", 3), b"\0"])
def test_other_bytes_are_no_list(raw: bytes) -> None:
    assert parse_acl(raw) == ()
