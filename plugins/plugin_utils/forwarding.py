# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel forwarding in a guest: from the interfaces that the user names to commands, settings and what is still missing (private to this collection).

The guide's steps are in its sections 5.1 and 5.3. Everything is checked here, before anything is touched.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.plugin_utils.forwarding_guest import Guest, Link, Route

NETADDR_ERROR: ImportError | None = None
try:
    netaddr: t.Any = importlib.import_module("netaddr")  # it has no type hints
except ImportError as import_error:
    NETADDR_ERROR = import_error

OPTIONS = ("name", "mac", "address", "new_mac", "queues", "mtu", "neighbours", "routes", "peer")
AT_LEAST = 2  # interfaces
POINT_TO_POINT = 31  # from this prefix length on a network has no address of its own and no broadcast (RFC 3021)
SIX_BYTES = re.compile(r"(?i)([0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2}|([0-9a-f]{4}[.]){2}[0-9a-f]{4}|[0-9a-f]{12}")  # netaddr takes fewer for zeros
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclasses.dataclass(frozen=True)
class Hop:
    """A route that is wanted; *via* is empty where it is on the link."""

    to: t.Any  # netaddr.IPNetwork
    via: str
    metric: int

    def words(self, device: str) -> list[str]:
        """Return what comes after `ip route replace` and `ip route del`."""
        to = "default" if self.to.prefixlen == 0 else str(self.to)
        return [to, *(("via", self.via) if self.via else ()), "dev", device, *(("metric", str(self.metric)) if self.metric else ())]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """An interface as it shall be."""

    label: str
    """Interface and name or MAC, as the user calls it."""
    link: Link
    by_mac: bool
    """Whether the user names it by its MAC."""
    address: t.Any  # netaddr.IPNetwork
    mac: str
    """Empty where it stays."""
    queues: int
    """Zero where they stay."""
    mtu: int
    """Zero where it stays."""
    neighbours: dict[str, str]
    hops: tuple[Hop, ...]

    @property
    def name(self) -> str:
        """The name of the interface."""
        return self.link.name


def make_plan(interfaces: t.Any, guest: Guest, earlier: Mapping[str, t.Any], rp_filter: int) -> dict[str, t.Any]:
    """Return the plan: names, devices, queues, start, stop (argv lists), sysctls, before, differs. Raises InputError.

    *earlier* is what the result before of an earlier run was: interfaces (by name mac, up, mtu, channels before it, and the address that it gave)
    and sysctls.
    """
    if not isinstance(interfaces, (list, tuple)) or len(interfaces) < AT_LEAST or not all(isinstance(one, dict) for one in interfaces):
        raise InputError("guest_forwarding", "interfaces", interfaces, "Packets are forwarded between interfaces, at least two.", "Name two interfaces.")
    were = earlier.get("interfaces", {})
    wanted = [wanted_of(one, guest, were) for one in interfaces]
    check_together(wanted, guest, were)
    check_routes(wanted, guest)
    sysctls = sysctls_of(wanted, rp_filter)
    before = {
        "interfaces": {one.name: before_of(one, guest, were) for one in wanted},
        "sysctls": {key: earlier.get("sysctls", {}).get(key, value) for key, value in zip(sysctls, guest.sysctls or ())},
    }
    return {
        "names": [one.name for one in wanted],
        "devices": [device_unit(one.name) for one in wanted],
        "queues": [one.name for one in wanted if one.queues],
        "start": start_of(wanted, before),
        "stop": stop_of(wanted, before),
        "sysctls": sysctls,
        "before": before,
        "differs": list(differences(wanted, guest, sysctls)),
    }


def wanted_of(given: Mapping[str, t.Any], guest: Guest, earlier: Mapping[str, t.Any]) -> Wanted:
    """Return an interface as it shall be, checked by itself."""
    given = {key: value for key, value in given.items() if value is not None}
    label = f"interface {given.get('name') or given.get('mac')}"
    unknown = sorted(set(given) - set(OPTIONS))
    if unknown:
        raise InputError(label, unknown[0], given[unknown[0]], f"An interface takes {', '.join(OPTIONS)}.", "Correct the name of the option.")
    link = find_link(label, given, guest, earlier)
    check_link(label, given, link, guest)
    address = address_of(label, "address", given.get("address"))
    hops = tuple(hop_of(label, route) for route in given.get("routes", ()))
    reachable = [address, *(hop.to for hop in hops if not hop.via)]
    for hop in hops:
        if hop.via:
            check_reachable(label, "routes: via", hop.via, address, reachable)
    neighbours = {}
    for entry in given.get("neighbours", ()):
        neighbour = plain_address(label, "neighbours: address", entry.get("address"))
        check_reachable(label, "neighbours: address", neighbour, address, reachable)
        if neighbour in neighbours:
            raise InputError(label, "neighbours: address", neighbour, "A neighbour has one MAC, and it is there twice.", "Leave one out.")
        neighbours[neighbour] = mac_of(label, "neighbours: mac", entry.get("mac"))
    return Wanted(
        label=label,
        link=link,
        by_mac="mac" in given,
        address=address,
        mac=mac_of(label, "new_mac", given["new_mac"]) if "new_mac" in given else "",
        queues=queues_of(label, given, link, guest),
        mtu=mtu_of(label, given, link),
        neighbours=neighbours,
        hops=hops,
    )


def find_link(label: str, given: Mapping[str, t.Any], guest: Guest, earlier: Mapping[str, t.Any]) -> Link:
    """Return the interface of the guest that is meant, by its name, or by the MAC that it has, was made with or had before an earlier run."""
    there = "The guest has " + ", ".join(f"{link.name} ({link.mac})" for link in guest.links if link.ether) + "."
    if ("name" in given) == ("mac" in given):
        raise InputError(label, "name", given.get("name"), "An interface is named by name or by mac, one of them.", "Give one of the two.")
    if "name" in given:
        found = [link for link in guest.links if given["name"] in link.names]
        option = "name"
    else:
        option, mac = "mac", mac_of(label, "mac", given["mac"])
        macs = {link.name: {link.mac, link.permanent_mac, earlier.get(link.name, {}).get("mac")} for link in guest.links}
        found = [link for link in guest.links if link.ether and not link.upper and mac in macs[link.name]]
        # a MAC that one has now may be the one that another was made with
        found = [link for link in found if link.permanent_mac == mac] or found
    if len(found) > 1:
        raise InputError(label, option, given[option], f"{' and '.join(link.name for link in found)} have it.", "Name the interface by name.")
    if not found:
        raise InputError(label, option, given[option], f"There is no such interface. {there}", "Correct it, or attach the interface to the guest.")
    return found[0]


def check_link(label: str, given: Mapping[str, t.Any], link: Link, guest: Guest) -> None:
    """Refuse an interface that is not to be touched."""
    option = "name" if "name" in given else "mac"
    if link.name in guest.connected():
        raise InputError(
            label,
            option,
            given[option],
            f"Ansible's connection comes in on {link.name}, to {guest.server}, and would be lost.",
            "Name the interfaces that are on vhost-user ports; the guest needs another one for Ansible.",
        )
    if not link.ether:
        raise InputError(label, option, given[option], f"{link.name} is no Ethernet interface.", "Name another one.")
    if link.master:
        raise InputError(label, option, given[option], f"{link.name} is part of {link.master}.", f"Take it out of {link.master}, or name another one.")


def address_of(label: str, option: str, given: t.Any) -> t.Any:
    """Return an address of a host with its network as netaddr.IPNetwork."""
    possible = "It takes an IPv4 address of a host with the length of its network's prefix, such as 1.1.1.2/24."
    advice = "Correct it."
    text = str(given or "")
    try:
        network = netaddr.IPNetwork(text, version=4) if "/" in text and plain_address(label, option, text.partition("/")[0]) else None
    except (netaddr.AddrFormatError, ValueError):
        network = None
    if network is None:
        raise InputError(label, option, given, possible, advice)
    if network.prefixlen == 0 or network.ip.is_multicast() or network.ip.is_loopback() or network.ip.is_reserved() or int(network.ip) >> 24 == 0:
        raise InputError(label, option, given, f"{network.ip} is no address of a host. {possible}", advice)
    if network.prefixlen < POINT_TO_POINT and network.ip in (network.network, network.broadcast):
        raise InputError(label, option, given, f"{network.ip} is the network or its broadcast address. {possible}", advice)
    return network


def plain_address(label: str, option: str, given: t.Any) -> str:
    """Return an IPv4 address as text."""
    try:
        return str(netaddr.IPAddress(str(given or ""), version=4, flags=netaddr.INET_PTON))
    except (netaddr.AddrFormatError, ValueError):
        raise InputError(label, option, given, "It takes an IPv4 address, such as 1.1.1.99.", "Correct it.") from None


def mac_of(label: str, option: str, given: t.Any) -> str:
    """Return a MAC of one interface as `ip` writes it."""
    text = str(given or "")
    try:
        mac = netaddr.EUI(text if SIX_BYTES.fullmatch(text) else "", version=48, dialect=netaddr.mac_unix_expanded)
    except (netaddr.AddrFormatError, ValueError, TypeError):
        raise InputError(label, option, given, "It takes a MAC of six bytes, such as 52:54:00:12:34:56.", "Correct it.") from None
    if int(mac) == 0 or mac.words[0] & 1:
        raise InputError(
            label,
            option,
            given,
            "It is " + ("no MAC of an interface." if int(mac) == 0 else "a multicast MAC: the lowest bit of its first byte is 1."),
            "Use a unicast MAC, such as one that begins with 02.",
        )
    return str(mac)


def hop_of(label: str, given: Mapping[str, t.Any]) -> Hop:
    """Return a route that is wanted."""
    text = "0.0.0.0/0" if given.get("to") == "default" else str(given.get("to") or "")
    try:
        to = netaddr.IPNetwork(text, version=4) if "/" in text and plain_address(label, "routes: to", text.partition("/")[0]) else None
    except (netaddr.AddrFormatError, ValueError):
        to = None
    if to is None:
        raise InputError(label, "routes: to", given.get("to"), "It takes a network, such as 2.1.1.0/24, or default.", "Correct it.")
    if to.ip != to.network:
        raise InputError(label, "routes: to", text, "This is an address in a network, not a network.", f"Write {to.cidr}, or {to.ip}/32 for this one alone.")
    via = given.get("via")
    metric = int(given.get("metric") or 0)
    if not 0 <= metric < 2**32:
        raise InputError(label, "routes: metric", metric, "It takes 0 to 4294967295.", "Correct it.")
    return Hop(to, plain_address(label, "routes: via", via) if via else "", metric)


def check_reachable(label: str, option: str, neighbour: str, address: t.Any, networks: Sequence[t.Any]) -> None:
    """Refuse a neighbour that is in no network of the interface, or that is the interface itself."""
    there = [network for network in networks if neighbour in network]
    if not there:
        raise InputError(
            label,
            option,
            neighbour,
            f"The interface reaches {', '.join(str(network.cidr) for network in networks)}.",
            "Take an address in there, or add a route to its network without via.",
        )
    if neighbour == str(address.ip):
        raise InputError(label, option, neighbour, "This is the address of the interface itself.", "Take the address of the host beyond.")
    if any(network.prefixlen < POINT_TO_POINT and neighbour in (str(network.network), str(network.broadcast)) for network in there if network == address):
        raise InputError(label, option, neighbour, f"It is {address.cidr} itself or its broadcast address.", "Take the address of a host.")


def queues_of(label: str, given: Mapping[str, t.Any], link: Link, guest: Guest) -> int:
    """Return how many combined channels are wanted; 0 where they are not to be set."""
    queues = int(given.get("queues", 0))
    has = guest.channels.get(link.name)
    if queues < 1 and "queues" in given:
        raise InputError(label, "queues", queues, "An interface has at least one queue.", "Give 1 or more, or leave it out.")
    if has is None or not queues:
        return queues
    if has.maximum == 0:
        if queues > 1:
            raise InputError(label, "queues", queues, f"{link.name} has no channels that ethtool could set.", "Leave queues out.")
        return 0
    if queues > has.maximum:
        raise InputError(
            label,
            "queues",
            queues,
            f"{link.name} has at most {has.maximum} (ethtool -l {link.name}).",
            "Give the guest's interface as many queues first: queues of the vhost-user port, mq=on and vectors=2*queues+2 of virtio-net-pci.",
        )
    return queues


def mtu_of(label: str, given: Mapping[str, t.Any], link: Link) -> int:
    """Return the MTU that is wanted; 0 where it stays."""
    mtu = int(given.get("mtu", 0))
    low, high = max(link.min_mtu, 68), link.max_mtu or 65535
    if "mtu" in given and not low <= mtu <= high:
        raise InputError(label, "mtu", mtu, f"{link.name} takes {low} to {high}.", "Correct it; a larger one needs a larger MTU of the vhost-user port.")
    return mtu


def check_together(wanted: Sequence[Wanted], guest: Guest, earlier: Mapping[str, t.Any]) -> None:
    """Refuse what two interfaces cannot both have."""
    names = [one.name for one in wanted]
    macs = {link.name: link.mac for link in guest.links if link.ether and not link.upper and link.name not in names}
    used = {link.name: [netaddr.IPNetwork(text) for text in link.addresses] for link in guest.links if link.name not in names}
    for one in wanted:
        if names.count(one.name) > 1:
            raise InputError(one.label, "interfaces", one.name, "It is there twice.", "Name each interface once.")
        check_alone(one, earlier.get(one.name, {}).get("address"))
        for name, networks in used.items():
            for network in networks:
                check_networks(one, name, network)
        used[one.name] = [one.address]
        mac = one.mac or one.link.mac
        twin = next((name for name, other in macs.items() if other == mac), None)
        if twin:
            option, given = ("new_mac", one.mac) if one.mac else ("mac", mac)
            raise InputError(one.label, option, given, f"{twin} has it, or is given it.", "Give each interface a MAC of its own.")
        macs[one.name] = mac


def check_networks(one: Wanted, name: str, network: t.Any) -> None:
    """Refuse a network that overlaps with one of another interface."""
    if network.ip == one.address.ip:
        raise InputError(one.label, "address", str(one.address), f"{name} has it.", "Give each interface an address of its own.")
    if network.cidr in one.address.cidr or one.address.cidr in network.cidr:
        raise InputError(
            one.label,
            "address",
            str(one.address),
            f"{name} is in {network.cidr}: between two interfaces in one network nothing is forwarded.",
            "Give each interface a network of its own.",
        )


def check_alone(one: Wanted, earlier: str | None) -> None:
    """Refuse an interface to which something else gives addresses."""
    other = sorted(set(one.link.addresses) - {str(one.address), earlier})
    if other:
        raise InputError(
            one.label,
            "address",
            str(one.address),
            f"{one.name} has {', '.join(other)}, which something else gives it (such as DHCP, /etc/network/interfaces or NetworkManager).",
            f"Take {one.name} out of that configuration and the address away (ip address del {other[0]} dev {one.name}), or name another interface.",
        )


def check_routes(wanted: Sequence[Wanted], guest: Guest) -> None:
    """Refuse routes that are there twice, that replace one of another interface, or that take Ansible's connection away."""
    names = {one.name for one in wanted}
    foreign = [route for route in guest.routes if route.device not in names]
    taken = {(str(netaddr.IPNetwork(route.to)), route.metric): f"the guest has through {route.device}" for route in foreign}
    best = max((rank(netaddr.IPNetwork(route.to), route.metric) for route in foreign if guest.client and in_network(guest.client, route.to)), default=(-1, 0))
    for one in wanted:
        for hop in one.hops:
            key = (str(hop.to), hop.metric)
            if key in taken:
                raise InputError(
                    one.label,
                    "routes: to",
                    str(hop.to),
                    f"It is the same as a route that {taken[key]}.",
                    "Leave one out, or give this one another metric; the lowest is used.",
                )
            taken[key] = f"{one.name} is given"
            if guest.client and in_network(guest.client, str(hop.to)) and rank(hop.to, hop.metric) >= best:
                raise InputError(
                    one.label,
                    "routes: to",
                    str(hop.to),
                    f"Ansible's connection comes from {guest.client}, and answers would go out through {one.name}.",
                    "Take smaller networks, or a higher metric.",
                )


def rank(network: t.Any, metric: int) -> tuple[int, int]:
    """Return what decides between routes to one address: the longest prefix, then the lowest metric."""
    return (network.prefixlen, -metric)


def in_network(address: str, network: str) -> bool:
    """Tell whether an address, which may be IPv6, is in an IPv4 network."""
    return ":" not in address and address in netaddr.IPNetwork(network)


def before_of(one: Wanted, guest: Guest, earlier: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what the undo of an interface needs: what it was before the first run, and the address that it has after this one."""
    link, channels = one.link, guest.channels.get(one.name)
    now = {"mac": link.mac, "up": link.up, "mtu": link.mtu, "channels": channels.current if channels and channels.maximum else 0}
    was = earlier.get(one.name, {})
    return {**{key: was.get(key) or value if key == "channels" else was.get(key, value) for key, value in now.items()}, "address": str(one.address)}


def start_of(wanted: Sequence[Wanted], before: Mapping[str, t.Any]) -> list[list[str]]:
    """Return the commands that set all up; they may run again."""
    lines = [line for one in wanted for line in guard(one, before["interfaces"][one.name])]
    lines += [line for one in wanted for line in up_lines(one)]
    return lines + gateway_lines(wanted, "replace")


def stop_of(wanted: Sequence[Wanted], before: Mapping[str, t.Any]) -> list[list[str]]:
    """Return the commands that undo it."""
    lines = gateway_lines(wanted, "del")[::-1]
    lines += [line for one in reversed(wanted) for line in down_lines(one, before["interfaces"][one.name])]
    return lines + [["sysctl", "--quiet", "--write", f"{key}={value}"] for key, value in before["sysctls"].items()]


def guard(one: Wanted, before: Mapping[str, t.Any]) -> Iterator[list[str]]:
    """Yield a command that fails where another interface has got the name of one that the user names by its MAC."""
    if one.by_mac:
        macs = dict.fromkeys([before["mac"], one.mac or one.link.mac])
        yield ["grep", "-qixF", *(word for mac in macs for word in ("-e", mac)), f"/sys/class/net/{one.name}/address"]


def up_lines(one: Wanted) -> Iterator[list[str]]:
    """Yield the commands that set an interface up, all of which may run again."""
    link = ["ip", "link", "set", "dev", one.name]
    if one.mac:
        yield [*link, "down"]  # not every driver takes a MAC while it is up
        yield [*link, "address", one.mac]
    if one.mtu:
        yield [*link, "mtu", str(one.mtu)]
    if one.queues:
        queues = f"/sys/class/net/{one.name}/queues/rx-"
        yield ["ethtool", "-L", one.name, "combined", str(one.queues)]  # some releases fail where nothing changes; so see what came of it
        yield ["test", "-d", f"{queues}{one.queues - 1}"]
        yield ["test", "!", "-d", f"{queues}{one.queues}"]
    yield [*link, "up"]
    broadcast = ["broadcast", "+"] if one.address.prefixlen < POINT_TO_POINT else []
    yield ["ip", "address", "replace", str(one.address), *broadcast, "dev", one.name]
    for hop in one.hops:
        if not hop.via:
            yield ["ip", "route", "replace", *hop.words(one.name)]
    for address, mac in one.neighbours.items():
        yield ["ip", "neighbour", "replace", address, "lladdr", mac, "dev", one.name, "nud", "permanent"]


def gateway_lines(wanted: Sequence[Wanted], verb: str) -> list[list[str]]:
    """Return the routes over gateways, which come when all networks are there."""
    return [["ip", "route", verb, *hop.words(one.name)] for one in wanted for hop in one.hops if hop.via]


def down_lines(one: Wanted, before: Mapping[str, t.Any]) -> Iterator[list[str]]:
    """Yield the commands that undo it."""
    link = ["ip", "link", "set", "dev", one.name]
    for address in reversed(one.neighbours):
        yield ["ip", "neighbour", "del", address, "dev", one.name]
    for hop in reversed(one.hops):
        if not hop.via:
            yield ["ip", "route", "del", *hop.words(one.name)]
    yield ["ip", "address", "del", str(one.address), "dev", one.name]
    yield [*link, "down"]
    if one.mac:
        yield [*link, "address", before["mac"]]
    if one.mtu:
        yield [*link, "mtu", str(before["mtu"])]
    if one.queues and before["channels"]:
        yield ["ethtool", "-L", one.name, "combined", str(before["channels"])]
    if before["up"]:
        yield [*link, "up"]


def sysctls_of(wanted: Sequence[Wanted], rp_filter: int) -> dict[str, str]:
    """Return the settings by key. The kernel filters by the highest of all and the interface."""
    if rp_filter not in (0, 1, 2):
        raise InputError("guest_forwarding", "rp_filter", rp_filter, "It takes 0 (off), 1 (strict) or 2 (loose).", "The guide has 0.")
    keys = ["net.ipv4.conf.all.rp_filter", *(interface_key(one.name) for one in wanted)]
    return {"net.ipv4.ip_forward": "1", **dict.fromkeys(keys, str(rp_filter))}


def interface_key(name: str) -> str:
    """Return the key of rp_filter of an interface; where its name has a dot the parts of the key are parted by slashes."""
    return f"net/ipv4/conf/{name}/rp_filter" if "." in name else f"net.ipv4.conf.{name}.rp_filter"


def device_unit(name: str) -> str:
    """Return the unit by which systemd knows an interface (systemd.unit(5), String Escaping for Inclusion in Unit Names)."""
    escaped = "".join(char if char in PLAIN or char in ":_" or (char == "." and index) else f"\\x{ord(char):02x}" for index, char in enumerate(name))
    return f"sys-subsystem-net-devices-{escaped}.device"


def differences(wanted: Sequence[Wanted], guest: Guest, sysctls: Mapping[str, str]) -> Iterator[str]:
    """Yield in words what the guest does not have."""
    for one in wanted:
        for what, has, wants in facts_of(one, guest):
            if has != wants:
                yield f"{one.name}: {what} is {has}, not {wants}"
        for hop in one.hops:
            if not any(same_route(hop, one.name, route) for route in guest.routes):
                yield f"{one.name}: route {' '.join(hop.words(one.name))} is not there"
    for (key, value), has in zip(sysctls.items(), guest.sysctls or ()):
        if has != value:
            yield f"{key} is {has}, not {value}"


def facts_of(one: Wanted, guest: Guest) -> Iterator[tuple[str, t.Any, t.Any]]:
    """Yield each property of an interface, what it is and what it shall be."""
    link = one.link
    yield "address", ", ".join(link.addresses) or "not there", str(one.address)
    yield "MAC", link.mac, one.mac or link.mac
    yield "MTU", link.mtu, one.mtu or link.mtu
    yield "state", "up" if link.up else "down", "up"
    if one.queues and one.name in guest.channels:
        yield "number of combined channels", guest.channels[one.name].current, one.queues
    for address, mac in one.neighbours.items():
        yield f"permanent neighbour {address}", guest.neighbours.get((one.name, address), "not there"), mac


def same_route(hop: Hop, name: str, route: Route) -> bool:
    """Tell whether a route is the one that is wanted."""
    return (route.to, route.device, route.via, route.metric) == (str(hop.to), name, hop.via, hop.metric)
