# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the features that a virtio network device and its driver agree on (private to this collection). Pure.

VIRTIO 1.2, sections 2.2, 5.1.3 and 6; bits 26 and 30 belong to vhost and its user protocol (QEMU, docs/interop/vhost-user.rst).
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Collection

CTRL_VQ = 17
MRG_RXBUF = 15
MQ = 22

FEATURES: dict[int, str] = {
    0: "CSUM",
    1: "GUEST_CSUM",
    2: "CTRL_GUEST_OFFLOADS",
    3: "MTU",
    5: "MAC",
    7: "GUEST_TSO4",
    8: "GUEST_TSO6",
    9: "GUEST_ECN",
    10: "GUEST_UFO",
    11: "HOST_TSO4",
    12: "HOST_TSO6",
    13: "HOST_ECN",
    14: "HOST_UFO",
    MRG_RXBUF: "MRG_RXBUF",
    16: "STATUS",
    CTRL_VQ: "CTRL_VQ",
    18: "CTRL_RX",
    19: "CTRL_VLAN",
    20: "CTRL_RX_EXTRA",
    21: "GUEST_ANNOUNCE",
    MQ: "MQ",
    23: "CTRL_MAC_ADDR",
    24: "NOTIFY_ON_EMPTY",
    26: "LOG_ALL",
    27: "ANY_LAYOUT",
    28: "INDIRECT_DESC",
    29: "EVENT_IDX",
    30: "PROTOCOL_FEATURES",
    32: "VERSION_1",
    33: "ACCESS_PLATFORM",
    34: "RING_PACKED",
    35: "IN_ORDER",
    36: "ORDER_PLATFORM",
    37: "SR_IOV",
    38: "NOTIFICATION_DATA",
    39: "NOTIF_CONFIG_DATA",
    40: "RING_RESET",
    52: "VQ_NOTF_COAL",
    53: "NOTF_COAL",
    54: "GUEST_USO4",
    55: "GUEST_USO6",
    56: "HOST_USO",
    57: "HASH_REPORT",
    59: "GUEST_HDRLEN",
    60: "RSS",
    61: "RSC_EXT",
    62: "STANDBY",
    63: "SPEED_DUPLEX",
}
_BITS = {name: bit for bit, name in FEATURES.items()}


def bits_of_hex(text: str | None) -> frozenset[int] | None:
    """Return the bits of a number such as ``0x0000000950008000``; None where it is no number."""
    if text is None or not re.fullmatch(r"(?:0x)?[0-9a-fA-F]+", text):
        return None
    number = int(text, 16)
    return frozenset(bit for bit in range(number.bit_length()) if number >> bit & 1)


def bits_of_digits(text: str | None) -> frozenset[int] | None:
    """Return the bits of the file ``features`` of a device in sysfs: one digit for each, bit 0 first; None where it is something else."""
    if not text or not re.fullmatch(r"[01]+", text):
        return None
    return frozenset(bit for bit, digit in enumerate(text) if digit == "1")


def names_of(bits: Collection[int]) -> list[str]:
    """Return the names of bits in their order; one without a name here is ``bit 25``."""
    return [FEATURES.get(bit, f"bit {bit}") for bit in sorted(bits)]


def bit_of(name: str) -> int:
    """Return the bit of a name in any case, with or without ``VIRTIO_NET_F_``. Raises ValueError."""
    plain = re.sub(r"^VIRTIO_(?:NET_|RING_)?F_", "", name.strip().upper())
    if plain not in _BITS:
        raise ValueError(f"{name!r} is not a feature of a virtio network device; the names are those of VIRTIO 1.2, such as MRG_RXBUF, MQ or CSUM")
    return _BITS[plain]
