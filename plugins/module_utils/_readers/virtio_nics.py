# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtio network devices of a guest: features, queues, vectors, channels (private to this collection).

Sources: VIRTIO 1.2, sections 4.1.4 (the layout of a PCI device) and 5.1.2 (its virtqueues); Linux, Documentation/ABI/testing/sysfs-bus-pci;
ethtool(8) and include/uapi/linux/ethtool.h (ETHTOOL_GCHANNELS); PCI Local Bus Specification 3.0, sections 6.7 and 6.8.2 (capabilities, MSI-X).
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import mmap
import socket
import struct
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, link_name, read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import virtio

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

_VENDOR = "0x1af4"
_NETWORK_DEVICES = ("0x1000", "0x1041")  # transitional and modern
_NETWORK_ID = "0x0001"  # on the virtio bus

_STATUS, _HAS_CAPABILITIES, _FIRST_CAPABILITY = 0x06, 0x10, 0x34
_MSIX, _VENDOR_SPECIFIC = 0x11, 0x09
_COMMON_CONFIGURATION, _NUM_QUEUES = 1, 0x12
_CONFIGURATION_SIZE = 256  # bytes that root can read of it at least
_NO_ANSWER = 0xFFFF  # what a device that sleeps gives for every register

_SIOCETHTOOL, _GET_CHANNELS = 0x8946, 0x3C
_MAX_COMBINED, _COMBINED = 4, 8  # of struct ethtool_channels, in numbers of 32 bits


class Channels(t.NamedTuple):
    """Combined channels of an interface, each an rx and a tx queue: how many it may have, and how many it has."""

    most: int
    now: int


class VirtioNic(t.NamedTuple):
    """A virtio network device. What cannot be read is None.

    *driver* is the one of the PCI device. *features* are negotiated by the driver of the kernel; another one does not show them.
    *virtqueues* are those of the device itself, its control queue among them; *vectors* are the entries of its MSI-X table.
    """

    name: str | None
    mac: str | None
    pci_address: str | None
    driver: str | None
    features: frozenset[int] | None
    virtqueues: int | None
    vectors: int | None
    channels: Channels | None


def read_virtio_nics(root: pathlib.Path) -> list[VirtioNic]:
    """Return the virtio network devices of this machine, by PCI address; those that are no PCI devices come last."""
    found = []
    seen = set()
    for device in entries(root / "sys/bus/pci/devices"):
        if read_text(device / "vendor") == _VENDOR and read_text(device / "device") in _NETWORK_DEVICES:
            below = next((entry for entry in entries(device) if entry.name.startswith("virtio") and (entry / "features").exists()), None)
            seen.add(below.name if below else "")
            found.append(_nic(device, below))
    others = [entry for entry in entries(root / "sys/bus/virtio/devices") if entry.name not in seen]
    return found + [_nic(None, entry) for entry in others if read_text(entry / "device") == _NETWORK_ID]


def _nic(pci: pathlib.Path | None, device: pathlib.Path | None) -> VirtioNic:
    interface = next(iter(entries(device / "net")), None) if device else None
    driven = pci or device
    config = b""
    with contextlib.suppress(OSError):
        config = (pci / "config").read_bytes() if pci else b""
    return VirtioNic(
        name=interface.name if interface else None,
        mac=read_text(interface / "address") if interface else None,
        pci_address=pci.name if pci else None,
        driver=link_name(driven / "driver") if driven else None,
        features=virtio.bits_of_digits(read_text(device / "features")) if device else None,
        virtqueues=_virtqueues(pci, config) if pci else None,
        vectors=msix_entries(config),
        channels=_channels(interface) if interface else None,
    )


# --- PCI ---


def _capabilities(config: bytes) -> Iterator[tuple[int, int]]:
    """Yield the capabilities in the configuration space of a PCI device: what each is, and where it begins."""
    if len(config) <= _FIRST_CAPABILITY or not config[_STATUS] & _HAS_CAPABILITIES:
        return
    place, seen = config[_FIRST_CAPABILITY] & ~3, set()
    while place and place + 1 < len(config) and place not in seen:
        seen.add(place)
        yield config[place], place
        place = config[place + 1] & ~3


def msix_entries(config: bytes) -> int | None:
    """Return how many MSI-X vectors a PCI device has; None where its configuration space cannot be read beyond the first part, as by other users."""
    for kind, place in _capabilities(config):
        if kind == _MSIX and place + 4 <= len(config):
            return int(struct.unpack_from("<H", config, place + 2)[0] & 0x7FF) + 1
    return 0 if len(config) >= _CONFIGURATION_SIZE else None


def common_configuration(config: bytes) -> tuple[int, int] | None:
    """Return the BAR and the offset in it of the registers that all virtio devices have; None for a legacy device."""
    for kind, place in _capabilities(config):
        if kind == _VENDOR_SPECIFIC and place + 16 <= len(config) and config[place + 3] == _COMMON_CONFIGURATION:
            return config[place + 4], struct.unpack_from("<I", config, place + 8)[0]
    return None


def _virtqueues(pci: pathlib.Path, config: bytes) -> int | None:
    """Return how many virtqueues a device has, from the register num_queues, which changes nothing by being read.

    None also where the kernel keeps the registers to the driver that has them (CONFIG_IO_STRICT_DEVMEM, as Debian has it).
    """
    place = common_configuration(config)
    if place is None:
        return None
    resource, offset = place
    begin = offset - offset % mmap.ALLOCATIONGRANULARITY
    with contextlib.suppress(OSError, ValueError), (pci / f"resource{resource}").open("rb") as window:
        registers = mmap.mmap(window.fileno(), mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ, offset=begin)
        with registers, memoryview(registers) as view, view.cast("H") as numbers:  # one access of two bytes, as the register wants it
            number = numbers[(offset - begin + _NUM_QUEUES) // 2]
        return None if number == _NO_ANSWER else number
    return None


# --- channels ---


def _channels(interface: pathlib.Path) -> Channels | None:
    """Return the combined channels of an interface; without ethtool's answer, those that it has are all that sysfs shows."""
    channels = ask_channels(interface.name)
    if channels is None:
        now = len([entry for entry in entries(interface / "queues") if entry.name.startswith("rx-")])
        return Channels(now, now) if now else None
    return channels


def ask_channels(name: str) -> Channels | None:
    """Return what ``ethtool -l`` shows; None where the driver does not say."""
    numbers = array.array("I", [_GET_CHANNELS, *[0] * 8])
    request = struct.pack("16sP16x", name.encode(), numbers.buffer_info()[0])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
            fcntl.ioctl(kernel, _SIOCETHTOOL, request)
    except OSError:
        return None
    return Channels(numbers[_MAX_COMBINED], numbers[_COMBINED]) if numbers[_MAX_COMBINED] else None
