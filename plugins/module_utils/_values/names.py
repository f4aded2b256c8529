# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bridges, ports, sockets and DPDK devices may be called (private to this collection).

The checks raise InputError before anything is touched, and return warnings where a name works with a restriction.
"""

from __future__ import annotations

import posixpath
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# IFNAMSIZ of Linux less the NUL; OFP_MAX_PORT_NAME_LEN of OpenFlow less the NUL is the same
MAX_NETDEV_NAME = 15
# sun_path of sockaddr_un (unix(7)) less the NUL
MAX_SOCKET_PATH = 107
# NAME_MAX: vhost-user sockets of the switch are files with the name of the port
MAX_FILE_NAME = 255

# netdev_is_reserved_name in lib/netdev.c: the ports of tunnels in the datapath, and the datapaths themselves
_RESERVED_PREFIXES = ("genev_sys", "gre_sys", "vxlan_sys", "erspan_sys", "ip6erspan_sys", "ip6gre_sys", "gtpu_sys", "udp_sys", "srv6_sys")
_RESERVED = ("ovs-netdev", "ovs-system")

_LISTED = 10  # names in a message at the most

# Text, which re compiles at the first use: most tasks need few of these
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PCI = r"(?:(?P<domain>[0-9a-fA-F]{4,8}):)?(?P<bus>[0-9a-fA-F]{2}):(?P<device>[01][0-9a-fA-F])\.(?P<function>[0-7])"
_MAC = r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}"
_VDEV = r"[A-Za-z][A-Za-z0-9_-]*"
_OTHER_BUS = r"(?P<bus>[a-z][a-z0-9_]*):(?P<name>[^,:]+)"
_CLASS = "class=eth,mac="

_NAME_RULE = "A name is printable text without blanks, '/', '\\' and quotes, it does not begin with '-' or '@', and it is not '.', '..' or a UUID."


class Devargs(t.NamedTuple):
    """A device of DPDK and its arguments: ``0000:05:00.0,representor=[0-3]`` or ``net_af_packet0,iface=eth0``.

    *device* is a PCI address in full, the name of a vdev, a MAC address, or ``bus:name``; *text* is what was given, for the database.
    """

    kind: t.Literal["pci", "vdev", "mac", "other"]
    device: str
    arguments: tuple[tuple[str, str], ...]
    text: str

    @property
    def identity(self) -> str:
        """Return what two ports cannot both have: the device, and for a representor which one it is."""
        representor = [value for name, value in self.arguments if name == "representor"]
        return " ".join([self.kind, self.device, *representor])


def parse_pci(given: str) -> str:
    """Return a PCI address in full and in lower case, ``0000:05:00.0``, also of the short form ``05:00.0``. Raises ValueError."""
    match = re.fullmatch(_PCI, given.strip())
    if not match:
        raise ValueError(f"{given!r} is not a PCI address such as 0000:05:00.0 or 05:00.0")
    return f"{int(match['domain'] or '0', 16):04x}:{match['bus']}:{match['device']}.{match['function']}".lower()


def parse_mac(given: str) -> str:
    """Return an Ethernet address in lower case. Raises ValueError, also for a multicast address, which no device can have."""
    text = given.strip().lower()
    if not re.fullmatch(_MAC, text):
        raise ValueError(f"{given!r} is not an Ethernet address such as 00:11:22:33:44:55")
    if int(text[:2], 16) & 1:
        raise ValueError(f"{given!r} is a multicast address, which no device can have")
    return text


def parse_devargs(given: str) -> Devargs:
    """Return the device and the arguments of *given*. Raises ValueError.

    Commas in brackets belong to a value (``representor=[0,2-3]``), and a value can have ``=``. The form class=eth,mac=... takes no other
    arguments, and no other order (netdev_dpdk_process_devargs in lib/netdev-dpdk.c).
    """
    text = given.strip()
    if not text or not text.isprintable():
        raise ValueError(f"{given!r} is not a device such as 0000:05:00.0, net_af_packet0,iface=eth0 or class=eth,mac=00:11:22:33:44:55")
    if text.startswith("class="):
        if not text.startswith(_CLASS):
            raise ValueError(f"{given!r} is not possible; the one form with a class is {_CLASS}00:11:22:33:44:55")
        return Devargs("mac", parse_mac(text[len(_CLASS) :]), (), text)
    first, *rest = _split(text)
    arguments = tuple((name, value) for name, _equals, value in (item.partition("=") for item in rest))
    if any(not name for name, _value in arguments):
        raise ValueError(f"{given!r} has an argument without a name")
    kind, device = _device(first, given)
    return Devargs(kind, device, arguments, text)


def _device(first: str, given: str) -> tuple[t.Literal["pci", "vdev", "other"], str]:
    bare = first.removeprefix("pci:")
    if re.fullmatch(_PCI, bare):
        return "pci", parse_pci(bare)
    bare = first.removeprefix("vdev:")
    if re.fullmatch(_VDEV, bare):
        return "vdev", bare
    if re.fullmatch(_OTHER_BUS, first) or re.fullmatch(_UUID, first):
        return "other", first
    raise ValueError(f"{given!r} does not begin with a PCI address such as 0000:05:00.0 or the name of a virtual device such as net_null0")


def _split(text: str) -> list[str]:
    """Split at the commas outside of brackets. Raises ValueError where the brackets do not pair."""
    items, depth = [""], 0
    for character in text:
        depth += (character in "[(") - (character in "])")
        if depth < 0:
            break
        if character == "," and not depth:
            items.append("")
        else:
            items[-1] += character
    if depth:
        raise ValueError(f"{text!r} has brackets that do not pair")
    return [item.strip() for item in items]


def device_identity(devargs: str) -> str | None:
    """Return what two ports cannot both have of *devargs* as it stands in the database, or None where it cannot be read."""
    try:
        return parse_devargs(devargs).identity
    except ValueError:
        return None


def legacy_dpdk_port(name: str) -> int | None:
    """Return the DPDK port that Open vSwitch 2.6 takes for a port called *name* (``dpdk0``), which has no devargs there, or None."""
    match = re.fullmatch(r"dpdk(\d{1,3})", name)
    return int(match[1]) if match else None


def _check_name(subject: str, option: str, name: str) -> None:
    """Raise InputError for a name that no object can have, or that ovs-vsctl takes for something else."""
    if not name or not name.isprintable() or any(character.isspace() or character in "/\\\"'" for character in name):
        raise InputError(subject, option, name, _NAME_RULE, "Choose another name.")
    if name.startswith(("-", "@")) or name in {".", ".."} or re.fullmatch(_UUID, name):
        raise InputError(subject, option, name, _NAME_RULE, "ovs-vsctl reads this as something else than a name; choose another one.")
    if name.startswith(_RESERVED_PREFIXES) or name in _RESERVED:
        raise InputError(subject, option, name, "Open vSwitch has this name for itself.", "Choose another name.")


def check_bridge_name(name: str, option: str = "name") -> None:
    """Raise InputError where a bridge cannot be called *name*: a bridge is a network device of the host as well (vswitch.xml, Bridge, name)."""
    subject = f"bridge {name}"
    _check_name(subject, option, name)
    if len(name.encode()) > MAX_NETDEV_NAME:
        raise InputError(subject, option, name, f"A bridge is a network device too, so that its name has at most {MAX_NETDEV_NAME} bytes.", "Shorten it.")


def check_port_name(name: str, option: str = "name") -> list[str]:
    """Raise InputError where a DPDK port cannot be called *name*, and return a warning where OpenFlow cuts it (vswitch.xml, Interface, name)."""
    _check_name(f"port {name}", option, name)
    if len(name.encode()) > MAX_NETDEV_NAME:
        return [f"port {name}: OpenFlow 1.0 to 1.3 and ovs-ofctl show {MAX_NETDEV_NAME} bytes of a name, so that this port is not found by its full name there"]
    return []


def check_vhost_name(name: str, directory: str, option: str = "name") -> list[str]:
    """Like check_port_name for a vhost-user port whose socket is *directory*/*name* (netdev_dpdk_vhost_construct in lib/netdev-dpdk.c)."""
    warnings = check_port_name(name, option)
    if len(name.encode()) > MAX_FILE_NAME:
        raise InputError(f"port {name}", option, name, f"The socket has this name, which is at most {MAX_FILE_NAME} bytes for a file.", "Shorten it.")
    check_socket_path(f"port {name}", option, posixpath.join(directory, name))
    return warnings


def check_socket_path(subject: str, option: str, path: str) -> None:
    """Raise InputError where *path* cannot be that of a UNIX socket: absolute, at most 107 bytes (unix(7)), printable, not a directory."""
    if not path.startswith("/") or path.endswith("/") or not path.isprintable() or ".." in path.split("/"):
        raise InputError(subject, option, path, "The path of a socket is absolute, printable, without '..', and ends with a name.", "Correct it.")
    if len(path.encode()) > MAX_SOCKET_PATH:
        possible = f"The path of a UNIX socket has at most {MAX_SOCKET_PATH} bytes; this one has {len(path.encode())}."
        raise InputError(subject, option, path, possible, "Shorten the name of the port or of the socket directory.")


def check_names_unique(names: Iterable[str], option: str = "name") -> None:
    """Raise InputError for a name that occurs twice: bridges, ports and interfaces share one name space (vswitch.xml, Interface, name)."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"port {name}", option, name, "Each name can be given once.", "Remove one of the two.")
        seen.add(name)


def listed(found: Sequence[str]) -> str:
    """Return names for a message, ``a, b, c``, shortened where there are many."""
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return f"{', '.join(found[:_LISTED])}{more}"
