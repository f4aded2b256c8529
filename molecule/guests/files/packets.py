# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a capture of one UDP packet that the guest routes back by the port that it comes in by, to the file that is named."""

from __future__ import annotations

import pathlib
import struct
import sys

TO, FROM = bytes.fromhex("000000000001"), bytes.fromhex("525400000150")
SOURCE, DESTINATION = bytes((1, 1, 1, 50)), bytes((1, 1, 1, 99))
LENGTH = 46  # of the IP packet, for a frame of 64 bytes with FCS


def checksum(header: bytes) -> int:
    """Return the checksum of an IP header (RFC 1071)."""
    return sum(struct.unpack(f">{len(header) // 2}H", header)) % 0xFFFF ^ 0xFFFF


def main() -> None:
    """Write it."""
    parts = [0x45, 0, LENGTH, 0, 0, 64, 17, 0, SOURCE, DESTINATION]
    parts[7] = checksum(struct.pack(">BBHHHBBH4s4s", *parts))
    ip = struct.pack(">BBHHHBBH4s4s", *parts) + struct.pack(">HHHH", 1000, 2000, LENGTH - 20, 0)
    frame = (TO + FROM + b"\x08\x00" + ip).ljust(LENGTH + 14, b"\0")
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
    pathlib.Path(sys.argv[1]).write_bytes(capture)


if __name__ == "__main__":
    main()
