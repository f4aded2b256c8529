# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel forwarding in a guest, planned: the guide's addresses, what is refused and why, and what is read back."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.nfv.ovs_dpdk.plugins.filter.forwarding_plan import FilterModule
from ansible_collections.nfv.ovs_dpdk.plugins.plugin_utils import forwarding

forwarding_plan = FilterModule().filters()["forwarding_plan"]

SSH = "10.0.2.2 34154 10.0.2.15 22"
MAC1, MAC2 = "52:54:00:00:01:00", "52:54:00:00:01:01"
CHANNELS = """Channel parameters for ens1:
Pre-set maximums:
RX:\t\tn/a
TX:\t\tn/a
Other:\t\tn/a
Combined:\t{}
Current hardware settings:
RX:\t\tn/a
TX:\t\tn/a
Other:\t\tn/a
Combined:\t{}
"""


def link(name: str, mac: str, addresses: t.Sequence[str] = (), *, up: bool = False, **more: t.Any) -> dict[str, t.Any]:
    """Return an interface as `ip -json -details address show` of iproute2 6.1 shows it, what nobody reads left out."""
    info = []
    for text in addresses:
        address, _slash, length = text.partition("/")
        info.append({"family": "inet6" if ":" in address else "inet", "local": address, "prefixlen": int(length), "scope": "global"})
    return {
        "ifname": name,
        "flags": ["BROADCAST", "MULTICAST", *(["UP", "LOWER_UP"] if up else [])],
        "mtu": 1500,
        "link_type": "ether",
        "address": mac,
        "min_mtu": 68,
        "max_mtu": 9212,
        "addr_info": info,
        **more,
    }


def guest(
    *links: dict[str, t.Any],
    routes: t.Sequence[dict[str, t.Any]] = (),
    neighbours: t.Sequence[dict[str, t.Any]] = (),
    ssh: str = SSH,
    **more: t.Any,
) -> dict[str, t.Any]:
    """Return a guest with a management interface and two others, or these *links* instead of the two."""
    lo = {"ifname": "lo", "link_type": "loopback", "flags": ["LOOPBACK", "UP"], "address": "00:00:00:00:00:00", "addr_info": []}
    management = link("enp0s3", "52:54:00:00:00:01", ["10.0.2.15/24", "fe80::5054:ff:fe00:1/64"], up=True)
    rows = [lo, management, *(links or (link("ens1", MAC1, altnames=["enp65s0"]), link("ens2", MAC2)))]
    table = [
        {"type": "unicast", "dst": "default", "gateway": "10.0.2.2", "dev": "enp0s3", "protocol": "static", "flags": []},
        {"type": "unicast", "dst": "10.0.2.0/24", "dev": "enp0s3", "protocol": "kernel", "flags": []},
        *routes,
    ]
    return {"ip": "\n".join(json.dumps(part) for part in (rows, table, list(neighbours))), "ssh": ssh, **more}


def one(**options: t.Any) -> dict[str, t.Any]:
    return {"mac": MAC1, "address": "1.1.1.2/24", **options}


def two(**options: t.Any) -> dict[str, t.Any]:
    return {"mac": MAC2, "address": "1.1.2.2/24", **options}


def guide() -> list[dict[str, t.Any]]:
    """Return the interfaces of the guide's section 5.1."""
    return [
        one(neighbours=[{"address": "1.1.1.99", "mac": "DE:AD:BE:EF:CA:EE"}]),
        two(neighbours=[{"address": "1.1.2.99", "mac": "DE:AD:BE:EF:CA:FE"}]),
    ]


def refused(interfaces: t.Any, facts: dict[str, t.Any] | None = None, **more: t.Any) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        forwarding_plan(interfaces, facts or guest(), **more)
    return str(caught.value)


def lines(part: list[list[str]]) -> list[str]:
    return [" ".join(line) for line in part]


def test_the_guides_steps_come_out_of_its_addresses() -> None:
    plan = forwarding_plan(guide(), guest(sysctls="0\n1\n1\n2\n"))
    assert lines(plan["start"]) == [
        f"grep -qixF -e {MAC1} /sys/class/net/ens1/address",
        f"grep -qixF -e {MAC2} /sys/class/net/ens2/address",
        "ip link set dev ens1 up",
        "ip address replace 1.1.1.2/24 broadcast + dev ens1",
        "ip neighbour replace 1.1.1.99 lladdr de:ad:be:ef:ca:ee dev ens1 nud permanent",
        "ip link set dev ens2 up",
        "ip address replace 1.1.2.2/24 broadcast + dev ens2",
        "ip neighbour replace 1.1.2.99 lladdr de:ad:be:ef:ca:fe dev ens2 nud permanent",
    ]
    assert lines(plan["stop"]) == [
        "ip neighbour del 1.1.2.99 dev ens2",
        "ip address del 1.1.2.2/24 dev ens2",
        "ip link set dev ens2 down",
        "ip neighbour del 1.1.1.99 dev ens1",
        "ip address del 1.1.1.2/24 dev ens1",
        "ip link set dev ens1 down",
        "sysctl --quiet --write net.ipv4.ip_forward=0",
        "sysctl --quiet --write net.ipv4.conf.all.rp_filter=1",
        "sysctl --quiet --write net.ipv4.conf.ens1.rp_filter=1",
        "sysctl --quiet --write net.ipv4.conf.ens2.rp_filter=2",
    ]
    assert plan["sysctls"] == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.all.rp_filter": "0",
        "net.ipv4.conf.ens1.rp_filter": "0",
        "net.ipv4.conf.ens2.rp_filter": "0",
    }


def test_mac_mtu_and_queues_are_set_before_the_address_and_given_back_after_it() -> None:
    channels = {"ens1": CHANNELS.format(4, 1)}
    plan = forwarding_plan([one(new_mac="02-00-00-00-00-0A", mtu=9000, queues=2), two()], guest(channels=channels))
    assert [line for line in lines(plan["start"]) if "ens1" in line][1:] == [
        "ip link set dev ens1 down",
        "ip link set dev ens1 address 02:00:00:00:00:0a",
        "ip link set dev ens1 mtu 9000",
        "ethtool -L ens1 combined 2",
        "test -d /sys/class/net/ens1/queues/rx-1",
        "test ! -d /sys/class/net/ens1/queues/rx-2",
        "ip link set dev ens1 up",
        "ip address replace 1.1.1.2/24 broadcast + dev ens1",
    ]
    assert [line for line in lines(plan["stop"]) if "ens1" in line] == [
        "ip address del 1.1.1.2/24 dev ens1",
        "ip link set dev ens1 down",
        f"ip link set dev ens1 address {MAC1}",
        "ip link set dev ens1 mtu 1500",
        "ethtool -L ens1 combined 1",
    ]


def test_the_routes_of_the_guides_multiqueue_section_come_in_an_order_that_the_kernel_takes() -> None:
    interfaces = [
        {"name": "ens1", "address": "5.5.5.1/24"},
        {
            "name": "ens2",
            "address": "90.90.90.1/24",
            "neighbours": [{"address": "90.90.90.90", "mac": "DE:AD:BE:EF:CA:FE"}, {"address": "2.1.1.2", "mac": "DE:AD:BE:EF:CA:FA"}],
            "routes": [{"to": "default", "via": "2.1.1.2", "metric": 10}, {"to": "2.1.1.0/24"}],
        },
    ]
    plan = forwarding_plan(interfaces, guest(ssh=""))
    routes = ["2.1.1.0/24 dev ens2", "default via 2.1.1.2 dev ens2 metric 10"]
    assert [line for line in lines(plan["start"]) if "route" in line] == [f"ip route replace {route}" for route in routes]
    assert [line for line in lines(plan["stop"]) if "route" in line] == [f"ip route del {route}" for route in reversed(routes)]


def as_planned() -> dict[str, t.Any]:
    """Return the guest after the guide's steps and a route."""
    return guest(
        link("ens1", MAC1, ["1.1.1.2/24"], up=True),
        link("ens2", MAC2, ["1.1.2.2/24"], up=True),
        routes=[{"dst": "2.1.1.7", "dev": "ens2", "gateway": "1.1.2.99", "flags": []}],
        neighbours=[
            {"dst": "1.1.1.99", "dev": "ens1", "lladdr": "de:ad:be:ef:ca:ee", "state": ["PERMANENT"]},
            {"dst": "1.1.2.99", "dev": "ens2", "lladdr": "de:ad:be:ef:ca:fe", "state": ["PERMANENT"]},
        ],
        sysctls="1\n0\n0\n0\n",
        channels={"ens2": CHANNELS.format(4, 2)},
    )


def with_route_and_queues() -> list[dict[str, t.Any]]:
    first, second = guide()
    return [first, {**second, "routes": [{"to": "2.1.1.7/32", "via": "1.1.2.99"}], "queues": 2}]


def test_a_guest_that_has_it_all_differs_in_nothing() -> None:
    assert forwarding_plan(with_route_and_queues(), as_planned())["differs"] == []


def test_what_did_not_take_effect_is_told_in_words() -> None:
    facts = guest(
        link("ens1", MAC1, up=True),
        link("ens2", MAC2, ["1.1.2.2/24"]),
        neighbours=[{"dst": "1.1.1.99", "dev": "ens1", "lladdr": "de:ad:be:ef:ca:ff", "state": ["PERMANENT"]}],
        sysctls="1\n2\n0\n0\n",
        channels={"ens2": CHANNELS.format(4, 1)},
    )
    assert forwarding_plan(with_route_and_queues(), facts)["differs"] == [
        "ens1: address is not there, not 1.1.1.2/24",
        "ens1: permanent neighbour 1.1.1.99 is de:ad:be:ef:ca:ff, not de:ad:be:ef:ca:ee",
        "ens2: state is down, not up",
        "ens2: number of combined channels is 1, not 2",
        "ens2: permanent neighbour 1.1.2.99 is not there, not de:ad:be:ef:ca:fe",
        "ens2: route 2.1.1.7/32 via 1.1.2.99 dev ens2 is not there",
        "net.ipv4.conf.all.rp_filter is 2, not 0",
    ]


def test_a_neighbour_that_the_kernel_may_forget_does_not_count() -> None:
    facts = as_planned()
    assert "permanent neighbour" in " ".join(forwarding_plan(guide(), {**facts, "ip": facts["ip"].replace("PERMANENT", "REACHABLE")})["differs"])


def test_what_was_before_the_first_run_is_what_the_undo_gives_back() -> None:
    wanted = [one(new_mac="02:00:00:00:00:0a", mtu=9000, queues=2), two()]
    channels = {"ens1": CHANNELS.format(4, 1)}
    first = forwarding_plan(wanted, guest(channels=channels, sysctls="0\n1\n1\n2\n"))
    now = guest(
        link("ens1", "02:00:00:00:00:0a", ["1.1.1.2/24"], up=True, mtu=9000, permaddr=MAC1),
        link("ens2", MAC2, ["1.1.2.2/24"], up=True),
        channels={"ens1": CHANNELS.format(4, 2)},
        sysctls="1\n0\n0\n0\n",
    )
    second = forwarding_plan(wanted, now, first["before"])
    assert second["differs"] == []
    assert {key: second[key] for key in ("before", "start", "stop")} == {
        **{key: first[key] for key in ("before", "stop")},
        "start": first["start"],
    }


def test_an_interface_is_found_by_the_mac_that_it_had_before_it_got_another() -> None:
    by_kernel = guest(link("ens1", "02:00:00:00:00:0a", permaddr=MAC1), link("ens2", MAC2))
    assert forwarding_plan([one(), two()], by_kernel)["names"] == ["ens1", "ens2"]
    by_record = guest(link("ens1", "02:00:00:00:00:0a"), link("ens2", MAC2))
    assert "no such interface" in refused([one(), two()], by_record)
    assert forwarding_plan([one(), two()], by_record, {"interfaces": {"ens1": {"mac": MAC1}}})["names"] == ["ens1", "ens2"]


def test_a_vlan_has_the_mac_of_the_interface_below_it_and_is_not_taken_for_it() -> None:
    facts = guest(link("ens1", MAC1), link("ens1.5", MAC1, link="ens1", linkinfo={"info_kind": "vlan"}), link("ens2", MAC2))
    assert forwarding_plan([one(), two()], facts)["names"] == ["ens1", "ens2"]


def test_an_interface_has_alternative_names() -> None:
    assert forwarding_plan([{"name": "enp65s0", "address": "1.1.1.2/24"}, two()], guest())["names"] == ["ens1", "ens2"]


def test_a_name_with_a_dot_or_a_dash_is_written_as_sysctl_and_systemd_want_it() -> None:
    plan = forwarding_plan([{"name": "v-1.5", "address": "1.1.1.2/24"}, two()], guest(link("v-1.5", MAC1), link("ens2", MAC2)))
    assert "net/ipv4/conf/v-1.5/rp_filter" in plan["sysctls"]
    assert plan["devices"] == ["sys-subsystem-net-devices-v\\x2d1.5.device", "sys-subsystem-net-devices-ens2.device"]


@pytest.mark.parametrize(
    ("interfaces", "words"),
    [
        ([], ["at least two"]),
        ([one()], ["at least two"]),
        ([one(), one(address="1.1.2.2/24")], [f"interface {MAC1}", "there twice"]),
        ([one(adress="1.1.1.2/24"), two()], ["adress=", "Correct the name"]),
        ([one(name="ens1"), two()], ["name or by mac, one of them"]),
        ([{"address": "1.1.1.2/24"}, two()], ["name is missing"]),
        ([one(mac="52:54:00:00:09:09"), two()], ["There is no such interface", f"ens1 ({MAC1}), ens2 ({MAC2})"]),
        ([one(mac="52:54:00"), two()], ["mac='52:54:00'", "six bytes"]),
        ([one(address="1.1.1.2"), two()], ["address='1.1.1.2'", "such as 1.1.1.2/24"]),
        ([one(address=None), two()], ["address is missing"]),
        ([one(address="1.1.1/24"), two()], ["address='1.1.1'"]),
        ([one(address="1.1.1.2/33"), two()], ["length of its network's prefix"]),
        ([one(address="fd00::1/64"), two()], ["IPv4"]),
        ([one(address="1.1.1.0/24"), two()], ["1.1.1.0 is the network or its broadcast address"]),
        ([one(address="1.1.1.255/24"), two()], ["1.1.1.255 is the network or its broadcast address"]),
        ([one(address="224.0.0.5/24"), two()], ["no address of a host"]),
        ([one(address="127.0.0.5/8"), two()], ["no address of a host"]),
        ([one(), two(address="1.1.1.2/24")], [f"interface {MAC2}", "ens1 has it", "address of its own"]),
        ([one(), two(address="1.1.1.3/24")], ["ens1 is in 1.1.1.0/24", "network of its own"]),
        ([one(), two(address="1.1.0.3/16")], ["ens1 is in 1.1.1.0/24"]),
        ([one(), two(address="10.0.2.15/24")], ["enp0s3 has it"]),
        ([one(), two(address="10.0.2.16/24")], ["enp0s3 is in 10.0.2.0/24"]),
        ([one(new_mac="01:00:5e:00:00:01"), two()], ["new_mac='01:00:5e:00:00:01'", "multicast", "unicast"]),
        ([one(new_mac="ff:ff:ff:ff:ff:ff"), two()], ["multicast"]),
        ([one(new_mac="00:00:00:00:00:00"), two()], ["no MAC of an interface"]),
        ([one(new_mac=MAC2), two()], ["ens1 has it, or is given it"]),
        ([one(new_mac="52:54:00:00:00:01"), two()], ["enp0s3 has it"]),
        ([one(new_mac="02:00:00:00:00:01"), two(new_mac="02:00:00:00:00:01")], ["ens1 has it, or is given it"]),
        ([one(neighbours=[{"address": "1.1.2.99", "mac": MAC2}]), two()], ["neighbours: address='1.1.2.99'", "reaches 1.1.1.0/24"]),
        ([one(neighbours=[{"address": "1.1.1.2", "mac": MAC2}]), two()], ["address of the interface itself"]),
        ([one(neighbours=[{"address": "1.1.1.255", "mac": MAC2}]), two()], ["broadcast"]),
        ([one(neighbours=[{"address": "1.1.1.9", "mac": "03:00:00:00:00:01"}]), two()], ["neighbours: mac=", "multicast"]),
        ([one(neighbours=[{"address": "1.1.1.9", "mac": MAC2}] * 2), two()], ["twice"]),
        ([one(neighbours=[{"address": "1.1.1", "mac": MAC2}]), two()], ["such as 1.1.1.99"]),
        ([one(routes=[{"to": "2.1.1.5/24"}]), two()], ["Write 2.1.1.0/24, or 2.1.1.5/32"]),
        ([one(routes=[{"to": "2.1.1.0"}]), two()], ["routes: to='2.1.1.0'"]),
        ([one(routes=[{"to": "2.1.1.0/24", "via": "1.1.2.99"}]), two()], ["routes: via='1.1.2.99'", "reaches 1.1.1.0/24"]),
        ([one(routes=[{"to": "2.1.1.0/24"}]), two(routes=[{"to": "2.1.1.0/24"}])], ["ens1 is given", "another metric"]),
        ([one(routes=[{"to": "2.1.1.0/24", "metric": -1}]), two()], ["metric=-1"]),
        ([one(queues=0), two()], ["queues=0", "at least one"]),
        ([one(mtu=9300), two()], ["mtu=9300", "68 to 9212"]),
    ],
    ids=lambda value: value[0] if value and isinstance(value[0], str) else "",
)
def test_what_cannot_be_is_refused_with_the_reason(interfaces: t.Any, words: list[str]) -> None:
    text = refused(interfaces)
    assert all(word in text for word in words), text


def test_the_interface_that_ansible_comes_in_on_is_refused() -> None:
    text = refused([{"name": "enp0s3", "address": "1.1.1.2/24"}, two()])
    assert "Ansible's connection comes in on enp0s3, to 10.0.2.15" in text


@pytest.mark.parametrize(
    ("ssh", "address"),
    [
        ("10.9.9.1 4000 10.9.9.9 22", "10.9.9.9/24"),
        ("::ffff:10.9.9.1 4000 ::ffff:10.9.9.9 22", "10.9.9.9/24"),
        ("fe80::1%br0 4000 fe80::9%br0 22", "fe80::9/64"),
    ],
)
def test_so_is_one_below_a_bridge_or_vlan_that_ansible_comes_in_on(ssh: str, address: str) -> None:
    facts = guest(
        link("ens1", MAC1, master="br0"),
        link("br0", MAC1, linkinfo={"info_kind": "bridge"}),
        link("br0.7", MAC1, [address], link="br0", linkinfo={"info_kind": "vlan"}),
        link("ens2", MAC2),
        ssh=ssh,
    )
    assert "Ansible's connection comes in on ens1" in refused([one(), two()], facts)


def test_an_interface_that_is_part_of_another_or_no_ethernet_is_refused() -> None:
    facts = guest(link("ens1", MAC1, master="br0"), link("br0", MAC1, linkinfo={"info_kind": "bridge"}), link("ens2", MAC2))
    assert "ens1 is part of br0" in refused([one(), two()], facts)
    assert "lo is no Ethernet interface" in refused([{"name": "lo", "address": "1.1.1.2/24"}, two()])


def test_an_interface_to_which_something_else_gives_an_address_is_refused() -> None:
    facts = guest(link("ens1", MAC1, ["192.168.7.9/24", "169.254.3.4/16"], up=True), link("ens2", MAC2))
    text = refused([one(), two()], facts)
    assert "ens1 has 192.168.7.9/24, which something else gives it" in text
    assert "169.254" not in text
    assert "ip address del 192.168.7.9/24 dev ens1" in text


def test_the_address_that_an_earlier_run_gave_may_change() -> None:
    facts = guest(link("ens1", MAC1, ["1.1.9.2/24"], up=True), link("ens2", MAC2))
    plan = forwarding_plan([one(), two()], facts, {"interfaces": {"ens1": {"mac": MAC1, "up": False, "mtu": 1500, "channels": 0, "address": "1.1.9.2/24"}}})
    assert plan["before"]["interfaces"]["ens1"] == {"mac": MAC1, "up": False, "mtu": 1500, "channels": 0, "address": "1.1.1.2/24"}


def test_a_route_does_not_replace_that_of_another_interface() -> None:
    text = refused([one(routes=[{"to": "default", "via": "1.1.1.99"}]), two()], guest(ssh=""))
    assert "the guest has through enp0s3" in text
    assert forwarding_plan([one(routes=[{"to": "default", "via": "1.1.1.99", "metric": 5}]), two()], guest(ssh=""))["names"]


def test_a_route_does_not_take_ansibles_connection_away() -> None:
    far = guest(ssh="172.16.0.9 4000 10.0.2.15 22")
    for route in ({"to": "172.16.0.0/16"}, {"to": "172.16.0.9/32"}):
        assert "Ansible's connection comes from 172.16.0.9" in refused([one(routes=[route]), two()], far)
    assert forwarding_plan([one(routes=[{"to": "172.17.0.0/16"}]), two()], far)["names"]
    assert forwarding_plan([one(routes=[{"to": "default", "via": "1.1.1.99", "metric": 5}]), two()], far)["names"]
    assert forwarding_plan([one(routes=[{"to": "10.0.0.0/8"}]), two()], guest())["names"]  # 10.0.2.0/24 is more specific


@pytest.mark.parametrize(
    ("channels", "queues", "words"),
    [
        (CHANNELS.format(2, 1), 3, ["queues=3", "ens1 has at most 2", "vectors=2*queues+2"]),
        ("", 2, ["no channels that ethtool could set"]),
        (CHANNELS.format("n/a", "n/a"), 2, ["no channels that ethtool could set"]),
    ],
)
def test_more_queues_than_the_device_has_are_refused(channels: str, queues: int, words: list[str]) -> None:
    text = refused([one(queues=queues), two()], guest(channels={"ens1": channels}))
    assert all(word in text for word in words), text


def test_one_queue_needs_no_channels() -> None:
    plan = forwarding_plan([one(queues=1), two()], guest(channels={"ens1": ""}))
    assert not [line for line in lines(plan["start"]) if "ethtool" in line]


def test_rp_filter_is_for_all_and_for_each_interface_as_the_kernel_takes_the_higher_one() -> None:
    values = forwarding_plan([one(), two()], guest(), rp_filter=2)["sysctls"]
    assert [value for key, value in values.items() if "rp_filter" in key] == ["2", "2", "2"]
    assert "rp_filter=3" in refused([one(), two()], rp_filter=3)


def test_without_netaddr_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "NETADDR_ERROR", ImportError("netaddr"))
    assert "pip install netaddr" in refused([one(), two()])
