# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of QEMU and XML of libvirt for a vhost-user interface."""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import guest, names
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.guest import GuestInterface

SOCKET = "/var/run/openvswitch/vhost/vhost-user0"
MAC = "00:00:00:00:00:01"


def interface(**changes: t.Any) -> GuestInterface:
    return GuestInterface(**{"name": "vhost-user0", "socket": SOCKET, "mode": "client", "mac": MAC, **changes})


def test_qemu_serves_where_the_switch_is_the_client() -> None:
    assert guest.qemu_args(interface()) == [
        "-chardev",
        f"socket,id=char-vhost-user0,path={SOCKET},server=on",
        "-netdev",
        "vhost-user,id=net-vhost-user0,chardev=char-vhost-user0,vhostforce=on",
        "-device",
        f"virtio-net-pci,mac={MAC},netdev=net-vhost-user0,mrg_rxbuf=off",
    ]


def test_qemu_connects_where_the_switch_is_the_server() -> None:
    assert guest.qemu_args(interface(mode="server"))[1] == f"socket,id=char-vhost-user0,path={SOCKET}"


@pytest.mark.parametrize(("queues", "vectors"), [(2, 6), (4, 10), (16, 34)])
def test_vectors_are_two_for_each_queue_and_two_more(queues: int, vectors: int) -> None:
    args = guest.qemu_args(interface(queues=queues, mrg_rxbuf=True))
    assert args[3].endswith(f",queues={queues}")
    assert args[5] == f"virtio-net-pci,mac={MAC},netdev=net-vhost-user0,mq=on,vectors={vectors},mrg_rxbuf=on"


def test_a_comma_is_written_twice_and_an_id_has_what_qemu_allows() -> None:
    args = guest.qemu_args(interface(name="a:b,c", socket="/run/a,b"))
    assert args[1] == "socket,id=char-a_b_c,path=/run/a,,b,server=on"
    assert "netdev=net-a_b_c" in args[5]


@pytest.mark.parametrize(("mode", "other"), [("client", "server"), ("server", "client")])
def test_libvirt_has_the_other_side_of_the_socket(mode: str, other: str) -> None:
    root = ET.fromstring(guest.libvirt_xml(interface(mode=mode, queues=2, socket="/run/<a>'&b")))  # noqa: S314 - our own text
    source = root.find("source")
    driver = root.find("driver")
    host = root.find("driver/host")
    assert source is not None
    assert driver is not None
    assert host is not None
    assert root.attrib == {"type": "vhostuser"}
    assert source.attrib == {"type": "unix", "path": "/run/<a>'&b", "mode": other}
    assert (source.find("reconnect") is not None) == (mode == "server")
    assert driver.attrib == {"name": "vhost", "queues": "2"}
    assert host.attrib == {"mrg_rxbuf": "off"}


def test_one_queue_needs_no_word_of_queues() -> None:
    assert "queues" not in guest.libvirt_xml(interface())


def test_memory_is_shared_and_on_hugepages() -> None:
    args = guest.memory_qemu_args("4096M", "/dev/hugepages")
    assert args[:2] == ["-m", "4096M"]
    assert args[3] == "memory-backend-file,id=mem,size=4096M,mem-path=/dev/hugepages,share=on,prealloc=on"
    root = ET.fromstring(guest.memory_libvirt_xml())  # noqa: S314 - our own text
    assert [child.tag for child in root] == ["hugepages", "access"]
    assert root[1].attrib == {"mode": "shared"}


def test_a_generated_address_is_the_same_each_time_and_no_device_comes_with_it() -> None:
    address = guest.generated_mac("host1", "vhost-user0")
    assert address == guest.generated_mac("host1", "vhost-user0")
    assert names.parse_mac(address) == address  # not multicast
    assert int(address[:2], 16) & 0x02


def test_hosts_and_ports_have_different_addresses() -> None:
    made = {guest.generated_mac(host, f"vhost-user{number}") for host in ("host1", "host2") for number in range(500)}
    assert len(made) == 1000
