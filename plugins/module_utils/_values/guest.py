# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest needs to attach to a vhost-user port: arguments of QEMU, XML of libvirt (private to this collection). Pure.

The form is that of the guide, sections 5.3 and 6.1, in the words of QEMU 6 and newer, which took the short booleans (``server``,
``vhostforce``) away. ``server=on`` is for ports of mode client: there QEMU makes the socket (QEMU 2.7 or newer). Where QEMU is the client
it connects again only with an option that QEMU 9.2 renamed, so that who knows the release gives it; libvirt has a word that does not change.
"""

from __future__ import annotations

import hashlib
import typing as t

# Queue pairs of a virtio-net device: VIRTIO 1.2, 5.1.5.6.5
MAX_QUEUE_PAIRS = 0x8000

# What a value between single quotes of XML cannot have
_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;"})


class GuestInterface(t.NamedTuple):
    """A vhost-user interface of a guest. *mode* is that of the port of the switch; the guest has the other one. *mac* is in lower case."""

    name: str
    socket: str
    mode: t.Literal["client", "server"]
    mac: str
    queues: int = 1
    mrg_rxbuf: bool = False

    @property
    def vectors(self) -> int:
        """Return the MSI-X vectors: one for each rx and tx queue, one for changes of the configuration, one for the control queue (guide 5.3)."""
        return 2 * self.queues + 2


def generated_mac(host: str, port: str) -> str:
    """Return an Ethernet address that is always the same for a port of a host; locally administered, so that no device comes with it."""
    digest = hashlib.sha256(f"{host}/{port}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in ((digest[0] & 0xFC) | 0x02, *digest[1:6]))


def _escape(value: str) -> str:
    """Return a value of an option of QEMU, in which a comma is written twice."""
    return value.replace(",", ",,")


def _identifier(prefix: str, name: str) -> str:
    """Return an id for QEMU: letters, digits, ``-``, ``.`` and ``_`` (qemu/util/id.c: id_wellformed), with a letter in front."""
    return f"{prefix}-" + "".join(character if character.isascii() and (character.isalnum() or character in "-._") else "_" for character in name)


def qemu_args(interface: GuestInterface, reconnect: str = "") -> list[str]:
    """Return the arguments of one interface, as words. *reconnect* is the option of a socket for which QEMU connects again."""
    chardev, netdev = _identifier("char", interface.name), _identifier("net", interface.name)
    multiqueue = interface.queues > 1
    side = ",server=on" if interface.mode == "client" else reconnect and f",{reconnect}"
    socket = f"socket,id={chardev},path={_escape(interface.socket)}{side}"
    backend = f"vhost-user,id={netdev},chardev={chardev},vhostforce=on" + (f",queues={interface.queues}" if multiqueue else "")
    device = f"virtio-net-pci,mac={interface.mac},netdev={netdev}"
    device += f",mq=on,vectors={interface.vectors}" if multiqueue else ""
    device += f",mrg_rxbuf={'on' if interface.mrg_rxbuf else 'off'}"
    return ["-chardev", socket, "-netdev", backend, "-device", device]


def libvirt_xml(interface: GuestInterface) -> str:
    """Return the element ``interface`` of a domain; libvirt gives the device its vectors itself."""
    path = interface.socket.translate(_XML)
    if interface.mode == "client":
        source = [f"  <source type='unix' path='{path}' mode='server'/>"]
    else:
        source = [f"  <source type='unix' path='{path}' mode='client'>", "    <reconnect enabled='yes' timeout='1'/>", "  </source>"]
    queues = f" queues='{interface.queues}'" if interface.queues > 1 else ""
    lines = [
        "<interface type='vhostuser'>",
        f"  <mac address='{interface.mac}'/>",
        *source,
        "  <model type='virtio'/>",
        f"  <driver name='vhost'{queues}>",
        f"    <host mrg_rxbuf='{'on' if interface.mrg_rxbuf else 'off'}'/>",
        "  </driver>",
        "</interface>",
    ]
    return "\n".join(lines) + "\n"


def memory_qemu_args(size: str, path: str) -> list[str]:
    """Return the arguments for the memory of a guest, *size* as QEMU has it (``4096M``): on hugepages and shared with the switch (guide 6.1)."""
    return [
        "-m",
        size,
        "-object",
        f"memory-backend-file,id=mem,size={size},mem-path={_escape(path)},share=on,prealloc=on",
        "-numa",
        "node,memdev=mem",
    ]


def memory_libvirt_xml() -> str:
    """Return the element ``memoryBacking`` of a domain: hugepages that the switch can map."""
    return "<memoryBacking>\n  <hugepages/>\n  <access mode='shared'/>\n</memoryBacking>\n"
