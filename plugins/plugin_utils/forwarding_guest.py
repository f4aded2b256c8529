# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a guest, from what `ip -json`, `ethtool -l` and `sysctl -n` say (private to this collection).

Sources: ip-address(8), ip-route(8), ip-neighbour(8) (-json), ethtool(8) (-l), ssh(1) (SSH_CONNECTION).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterator

UPPER_KINDS = {"vlan", "macvlan", "macvtap", "bridge", "bond", "team"}
"""Interfaces that have the MAC of the one below them."""


@dataclasses.dataclass(frozen=True)
class Channels:
    """Combined channels of an interface; zero where it has none that can be set."""

    maximum: int
    current: int


@dataclasses.dataclass(frozen=True)
class Link:
    """An interface. Addresses are text with a prefix length, IPv4 with the link-local ones left out."""

    name: str
    names: frozenset[str]
    ether: bool
    upper: bool
    mac: str
    permanent_mac: str
    up: bool
    mtu: int
    min_mtu: int
    max_mtu: int
    master: str
    below: str
    addresses: tuple[str, ...]
    all_addresses: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Route:
    """A route of the main table; *to* with a prefix length, *via* empty where it is on the link."""

    to: str
    device: str
    via: str
    metric: int


@dataclasses.dataclass(frozen=True)
class Guest:
    """What a guest has. Channels and sysctls that were not read are missing."""

    links: tuple[Link, ...]
    routes: tuple[Route, ...]
    neighbours: dict[tuple[str, str], str]
    """(interface, address) to MAC, those that are permanent."""
    channels: dict[str, Channels]
    sysctls: tuple[str, ...] | None
    client: str
    """The address that Ansible's connection comes from; empty where it is no SSH connection."""
    server: str
    """The address of the guest that it comes to."""

    def lower_of(self, link: Link) -> set[str]:
        """Return the names of an interface and of those below it."""
        names, todo = set(), [link.name]
        while todo:
            name = todo.pop()
            if name not in names:
                names.add(name)
                todo += [other.name for other in self.links if other.master == name]
                todo += [other.below for other in self.links if other.name == name and other.below]
        return names

    def connected(self) -> set[str]:
        """Return the names of the interface that Ansible comes in on and of those below it."""
        return set().union(*(self.lower_of(link) for link in self.links if self.server and self.server in link.all_addresses))


def read(facts: dict[str, t.Any]) -> Guest:
    """Return a guest from texts: ip (three JSON lists, of links, routes and neighbours), channels (by interface), sysctls (a value a line), ssh."""
    links, routes, neighbours = lists_of(facts["ip"])
    ssh = re.fullmatch(r"(\S+) \d+ (\S+) \d+\s*", facts.get("ssh") or "")
    sysctls = facts.get("sysctls")
    return Guest(
        links=tuple(link_of(row) for row in links),
        routes=tuple(route_of(row) for row in routes if row.get("dev") and row.get("type", "unicast") == "unicast"),
        neighbours={
            (row["dev"], row["dst"]): str(row["lladdr"]).lower()
            for row in neighbours
            if "PERMANENT" in row.get("state", ()) and "lladdr" in row and "dev" in row
        },
        channels={name: channels_of(text) for name, text in (facts.get("channels") or {}).items()},
        sysctls=None if sysctls is None else tuple(str(sysctls).split()),
        client=plain(ssh[1]) if ssh else "",
        server=plain(ssh[2]) if ssh else "",
    )


def lists_of(text: str) -> Iterator[list[dict[str, t.Any]]]:
    """Yield the lists that `ip -json -batch` has written one after the other; some releases have empty objects in them."""
    decoder, position = json.JSONDecoder(), 0
    while text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        rows, position = decoder.raw_decode(text, position)
        yield [row for row in rows if row]


def plain(address: str) -> str:
    """Return an address without its zone, and an IPv4 address that stands in an IPv6 one as IPv4."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def link_of(row: dict[str, t.Any]) -> Link:
    """Return an interface of `ip -json -details address show`."""
    found = [entry for entry in row.get("addr_info", ()) if "local" in entry]
    ipv4 = [entry for entry in found if entry["family"] == "inet" and not ipaddress.ip_address(entry["local"]).is_link_local]
    return Link(
        name=row["ifname"],
        names=frozenset([row["ifname"], *row.get("altnames", ())]),
        ether=row.get("link_type") == "ether",
        upper="link" in row or row.get("linkinfo", {}).get("info_kind") in UPPER_KINDS,
        mac=str(row.get("address", "")).lower(),
        permanent_mac=str(row.get("permaddr", row.get("address", ""))).lower(),
        up="UP" in row.get("flags", ()),
        mtu=int(row.get("mtu", 0)),
        min_mtu=int(row.get("min_mtu", 0)),
        max_mtu=int(row.get("max_mtu", 0)),
        master=row.get("master", ""),
        below=row.get("link") or "",
        addresses=tuple(f"{entry['local']}/{entry['prefixlen']}" for entry in ipv4),
        all_addresses=frozenset(str(entry["local"]) for entry in found),
    )


def route_of(row: dict[str, t.Any]) -> Route:
    """Return a route of `ip -json route show`."""
    to = "0.0.0.0/0" if row["dst"] == "default" else row["dst"]
    return Route(to if "/" in to else f"{to}/32", row["dev"], row.get("gateway", ""), int(row.get("metric", 0)))


def channels_of(text: str) -> Channels:
    """Return the combined channels that `ethtool -l` shows: first the maximum, then what is set."""
    maximum, current = [*map(int, re.findall(r"^Combined:\s+(\d+)\s*$", text, re.MULTILINE)), 0, 0][:2]
    return Channels(maximum, current)
