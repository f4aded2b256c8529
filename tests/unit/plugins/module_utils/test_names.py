# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bridges, ports, sockets and DPDK devices may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import names
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

UUID = "0d3b9e6c-1c50-4b5a-9c0d-0a6e1b2c3d4e"


@pytest.mark.parametrize("name", ["br0", "br-int", "eth0.100", "vhost-user0", "a" * 15, "dead", "..."])
def test_names_that_are_fine_for_bridges_and_ports(name: str) -> None:
    names.check_bridge_name(name)
    assert names.check_port_name(name) == []


@pytest.mark.parametrize(
    "name", ["", "a/b", "a\\b", "-br0", "--help", "@new", ".", "..", "br 0", "br\t0", "br\n0", "br\x00", 'br"0', "br'0", UUID, UUID.upper()]
)
def test_names_that_nothing_can_have(name: str) -> None:
    for check in (names.check_bridge_name, names.check_port_name):
        with pytest.raises(InputError, match="name"):
            check(name)


@pytest.mark.parametrize("name", ["ovs-netdev", "ovs-system", "vxlan_sys_4789", "gre_sys"])
def test_names_that_open_vswitch_has_for_itself(name: str) -> None:
    with pytest.raises(InputError, match="for itself"):
        names.check_port_name(name)


def test_an_error_names_object_option_value_and_what_to_do() -> None:
    with pytest.raises(InputError) as caught:
        names.check_port_name("a/b", option="port")
    assert str(caught.value).startswith("port a/b: port='a/b' is not possible.")
    assert "another name" in str(caught.value)


def test_a_bridge_is_a_network_device_and_ends_at_15_bytes() -> None:
    with pytest.raises(InputError, match="at most 15 bytes"):
        names.check_bridge_name("a" * 16)
    with pytest.raises(InputError, match="at most 15 bytes"):
        names.check_bridge_name("ä" * 8)  # 16 bytes


def test_a_longer_port_name_works_and_is_cut_in_openflow() -> None:
    warnings = names.check_port_name("vhost-user-port-1")
    assert len(warnings) == 1
    assert "15 bytes" in warnings[0]


def test_a_vhost_user_socket_has_the_name_of_the_port() -> None:
    assert names.check_vhost_name("vhost-user0", "/var/run/openvswitch/vhost") == []
    assert len(names.check_vhost_name("a" * 80, "/var/run/openvswitch")) == 1  # works, cut in OpenFlow
    with pytest.raises(InputError, match="107 bytes; this one has 108"):
        names.check_vhost_name("a" * 87, "/var/run/openvswitch")
    with pytest.raises(InputError, match="255"):
        names.check_vhost_name("a" * 256, "/d")


@pytest.mark.parametrize("path", ["vhost/sock", "/run/sock/", "/run/../etc/sock", "/run/so\nck", ""])
def test_paths_that_no_socket_can_have(path: str) -> None:
    with pytest.raises(InputError, match="absolute"):
        names.check_socket_path("port vhost-user0", "socket", path)


def test_a_socket_path_may_fill_sun_path() -> None:
    names.check_socket_path("port p", "socket", "/" + "a" * 106)
    with pytest.raises(InputError, match="107"):
        names.check_socket_path("port p", "socket", "/" + "a" * 107)


def test_a_name_given_twice() -> None:
    names.check_names_unique(["dpdk0", "dpdk1"])
    names.check_names_unique([])
    with pytest.raises(InputError, match="dpdk0"):
        names.check_names_unique(["dpdk0", "dpdk1", "dpdk0"])


def test_ports_of_2_6_have_their_device_in_the_name() -> None:
    assert [names.legacy_dpdk_port(name) for name in ("dpdk0", "dpdk12", "dpdk", "dpdk0a", "vhost0")] == [0, 12, None, None, None]


@pytest.mark.parametrize("text", ["0000:05:00.0", "05:00.0", "00000000:05:00.0", " 05:00.0 "])
def test_pci_addresses_of_one_device_in_any_form(text: str) -> None:
    assert names.parse_pci(text) == "0000:05:00.0"


def test_pci_addresses_are_lower_case_and_keep_a_long_domain() -> None:
    assert names.parse_pci("0000:AF:1F.7") == "0000:af:1f.7"
    assert names.parse_pci("10000:01:00.0") == "10000:01:00.0"  # NVMe and VMD domains have more than 16 bits


@pytest.mark.parametrize("text", ["", "5:0.0", "05:00.8", "05:20.0", "0000:05:00", "xx:00.0", "05:00.0,a=1"])
def test_what_is_no_pci_address(text: str) -> None:
    with pytest.raises(ValueError, match="PCI address"):
        names.parse_pci(text)


def test_ethernet_addresses() -> None:
    assert names.parse_mac("00:AA:bb:33:44:55") == "00:aa:bb:33:44:55"


@pytest.mark.parametrize("text", ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:11:22:33:44", "00-11-22-33-44-55", "", "0:11:22:33:44:55"])
def test_what_is_no_ethernet_address_of_a_device(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        names.parse_mac(text)


@pytest.mark.parametrize(
    ("text", "kind", "device", "arguments"),
    [
        ("0000:05:00.0", "pci", "0000:05:00.0", ()),
        ("pci:05:00.0", "pci", "0000:05:00.0", ()),
        ("0000:05:00.0,representor=[0-3]", "pci", "0000:05:00.0", (("representor", "[0-3]"),)),
        ("0000:05:00.0,representor=pf0vf[0,2],dv_flow_en=2", "pci", "0000:05:00.0", (("representor", "pf0vf[0,2]"), ("dv_flow_en", "2"))),
        ("net_null0", "vdev", "net_null0", ()),
        ("vdev:net_null0,no-rx=1", "vdev", "net_null0", (("no-rx", "1"),)),
        ("net_af_packet0,iface=eth0", "vdev", "net_af_packet0", (("iface", "eth0"),)),
        ("net_pcap0,rx_pcap=/a=b.pcap,infinite_rx", "vdev", "net_pcap0", (("rx_pcap", "/a=b.pcap"), ("infinite_rx", ""))),
        ("class=eth,mac=00:11:22:33:44:5A", "mac", "00:11:22:33:44:5a", ()),
        ("auxiliary:mlx5_core.sf.1,dv_flow_en=1", "other", "auxiliary:mlx5_core.sf.1", (("dv_flow_en", "1"),)),
    ],
)
def test_devargs_have_a_device_and_arguments_with_equals_and_commas(text: str, kind: str, device: str, arguments: tuple[tuple[str, str], ...]) -> None:
    devargs = names.parse_devargs(text)
    assert (devargs.kind, devargs.device, devargs.arguments, devargs.text) == (kind, device, arguments, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",a=1",
        "net_null0,=1",
        "net_null0,,a=1",
        "05:00.0,representor=[0-3",
        "05:00.0,representor=0]",
        "class=eth,mac=zz",
        "class=bbdev",
        "5",
        "net null",
        "a\nb",
    ],
)
def test_devargs_that_dpdk_could_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|has an argument|brackets|does not begin"):
        names.parse_devargs(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0000:05:00.0", "05:00.0"),
        ("0000:05:00.0,dv_flow_en=1", "0000:05:00.0"),
        ("net_null0,no-rx=1", "net_null0"),
        ("class=eth,mac=00:11:22:33:44:AA", "class=eth,mac=00:11:22:33:44:aa"),
        ("0000:AF:00.0", "0000:af:00.0"),
    ],
)
def test_two_ways_to_write_one_device(one: str, other: str) -> None:
    assert names.device_identity(one) is not None
    assert names.device_identity(one) == names.device_identity(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0000:05:00.0", "0000:05:00.1"),
        ("net_null0", "net_null1"),
        ("0000:05:00.0,representor=0", "0000:05:00.0,representor=1"),
        ("0000:05:00.0,representor=0", "0000:05:00.0"),
    ],
)
def test_two_devices(one: str, other: str) -> None:
    assert names.device_identity(one) != names.device_identity(other)


def test_devargs_that_somebody_else_wrote_have_no_identity_and_no_error() -> None:
    assert names.device_identity("=?=") is None


@given(st.text())
def test_any_text_is_taken_or_refused_with_an_error_for_people(text: str) -> None:
    try:
        names.check_bridge_name(text)
    except InputError:
        return
    assert text.strip() == text
    assert 0 < len(text.encode()) <= names.MAX_NETDEV_NAME
