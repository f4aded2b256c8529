# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes: on which SSH connection one came in, and who has a file open (private to this collection).

Sources: proc_pid_environ(5), proc_pid_status(5), proc_pid_fd(5), ssh(1) (SSH_CONNECTION); ip-address(8) (-json).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, read_text

if t.TYPE_CHECKING:
    import pathlib

    IpAddress = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


@dataclasses.dataclass(frozen=True)
class SshConnection:
    """The addresses at the two ends of an SSH connection."""

    client: str
    server: str


@dataclasses.dataclass(frozen=True)
class Holder:
    """A process that has a file open."""

    pid: int
    name: str


@dataclasses.dataclass(frozen=True)
class Addressed:
    """An interface and its IP addresses."""

    name: str
    up: bool
    addresses: tuple[str, ...]
    """Such as 192.0.2.5/24, without those that the kernel makes of the MAC."""
    all: frozenset[str]
    """Every address, without the length of the prefix."""


def _plain(address: str) -> str:
    """Return an address in its one spelling: without a zone, and IPv4 in IPv6 as IPv4."""
    try:
        parsed: IpAddress = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def read_ssh_connection(root: pathlib.Path, pid: int) -> SshConnection | None:
    """Return the SSH connection that a process came in on; None where it came in another way.

    sudo takes the variable away, so the processes above are asked too, up to the first one.
    """
    seen: set[int] = set()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        folder = root / "proc" / str(pid)
        match = re.search(r"(?:^|\0)SSH_CONNECTION=(\S+) \d+ (\S+) \d+", read_text(folder / "environ") or "")
        if match:
            return SshConnection(_plain(match[1]), _plain(match[2]))
        parent = re.search(r"^PPid:\s*(\d+)", read_text(folder / "status") or "", re.MULTILINE)
        pid = int(parent[1]) if parent else 0
    return None


def parse_addresses(text: str) -> tuple[Addressed, ...]:
    """Read what ``ip -json address`` prints. Raises ValueError."""
    found = []
    for entry in json.loads(text):
        with_scope = [(info["local"], info.get("prefixlen"), info.get("scope")) for info in entry.get("addr_info", ()) if "local" in info]
        found.append(
            Addressed(
                name=str(entry.get("ifname")),
                up="UP" in entry.get("flags", ()),
                addresses=tuple(f"{local}/{length}" for local, length, scope in with_scope if scope != "link"),
                all=frozenset(_plain(local) for local, _length, _scope in with_scope),
            )
        )
    return tuple(found)


def holders(root: pathlib.Path, paths: t.Iterable[str]) -> dict[str, Holder]:
    """Return which of these files some process has open, and one such process each. What this user may not see is not there."""
    wanted = set(paths)
    found: dict[str, Holder] = {}
    for process in entries(root / "proc") if wanted else ():
        for handle in entries(process / "fd") if process.name.isdigit() else ():
            try:
                target = str(handle.readlink())
            except OSError:
                continue
            if target in wanted:
                found.setdefault(target, Holder(int(process.name), read_text(process / "comm") or "?"))
    return found
