# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of PCIe slots (private to this collection).

Sources: DMTF DSP0134 (SMBIOS), 6.1.2 and 6.1.3 (structures and their strings), 7.10 (type 9, system slots; the bus address is there since 2.6);
Linux, Documentation/ABI/testing/sysfs-firmware-dmi-tables, -dmi-entries, and Documentation/PCI (slots/*/address); guide 3.2.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, read_text

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

_SLOT = 9
_HEADER = 4
# segment, bus, device and function end at this offset; structures of SMBIOS before 2.6 are shorter
_WITH_ADDRESS = 0x11
_NO_ADDRESS = (0xFFFF, 0xFF, 0xFF)


@dataclasses.dataclass(frozen=True)
class SlotNames:
    """What the slots of a host are called."""

    firmware: t.Mapping[str, str]
    """PCI address, with function -> name, as DMI has it. The address is that of the card, or of the bridge above it."""
    hotplug: t.Mapping[str, str]
    """``0000:05:00`` (a device) or ``0000:05`` (a bus) -> name, as the kernel's drivers of slots have it."""

    def of(self, path: t.Sequence[str]) -> str | None:
        """Return the slot of a function, whose address comes first in *path*, followed by those of the bridges above it.

        A card of several functions stands in DMI with its first one. Bridges are told apart by their function: several
        root ports may be functions of one device.
        """
        for address in [*path[:1], *(one[:-1] + "0" for one in path[:1]), *path[1:]]:
            device = address.rpartition(".")[0]
            name = self.firmware.get(address) or self.hotplug.get(device) or self.hotplug.get(device.rpartition(":")[0])
            if name:
                return name
        return None


def _structures(table: bytes) -> Iterator[tuple[bytes, list[str]]]:
    """Yield each structure and its strings; stop where the table is damaged."""
    begin = 0
    while begin + _HEADER <= len(table) and table[begin + 1] >= _HEADER:
        end = begin + table[begin + 1]
        # two zero bytes end the strings, also where there are none
        after = table.find(b"\0\0", end)
        if after < 0:
            return
        yield table[begin:end], [string.decode("ascii", "replace").strip() for string in table[end:after].split(b"\0")]
        begin = after + 2


def _firmware(tables: t.Iterable[bytes]) -> dict[str, str]:
    names: dict[str, str] = {}
    for structure, strings in (item for table in tables for item in _structures(table)):
        if structure[0] != _SLOT or len(structure) < _WITH_ADDRESS:
            continue
        segment, bus, function = int.from_bytes(structure[0x0D:0x0F], "little"), structure[0x0F], structure[0x10]
        number = structure[4]
        if (segment, bus, function) != _NO_ADDRESS and 0 < number <= len(strings) and strings[number - 1]:
            names.setdefault(f"{segment:04x}:{bus:02x}:{function >> 3:02x}.{function & 7}", strings[number - 1])
    return names


def _bytes(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # root alone may read it
        return b""


def read_slots(root: pathlib.Path) -> SlotNames:
    """Read the names of slots: the table of DMI, else its entries (there with the kernel module dmi-sysfs), and one file per slot of a hotplug driver."""
    folder = root / "sys/firmware/dmi"
    tables = [_bytes(folder / "tables/DMI")]
    if not tables[0]:
        tables = [_bytes(entry / "raw") for entry in entries(folder / "entries") if entry.name.startswith(f"{_SLOT}-")]
    hotplug = ((read_text(slot / "address"), slot.name) for slot in entries(root / "sys/bus/pci/slots"))
    return SlotNames(firmware=_firmware(tables), hotplug={address: name for address, name in hotplug if address})
