# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All processes of a host at once: their words, their network namespace, the sockets that they hold, who they run as (private to this collection).

Sources: proc_pid_cmdline(5), proc_pid_fd(5), proc_pid_status(5), namespaces(7); capabilities(7) for CAP_DAC_OVERRIDE.
What this user may not see is not there.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import read_text

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Collection

_CAP_DAC_OVERRIDE = 1


class Process(t.NamedTuple):
    """A process; *namespace* names the network namespace that it is in."""

    pid: int
    words: tuple[str, ...]
    namespace: str | None

    @property
    def command(self) -> str:
        """Return the name of its program."""
        return self.words[0].rpartition("/")[2] if self.words else "?"


class Identity(t.NamedTuple):
    """Who a process runs as. *overrides*: permissions of files do not stop it."""

    uid: int
    gids: frozenset[int]
    overrides: bool


def read_processes(root: pathlib.Path) -> dict[int, Process]:
    """Return the processes that have words (threads of the kernel have none), by pid."""
    found = {}
    for pid in _pids(root):
        folder = root / "proc" / str(pid)
        words = tuple((read_text(folder / "cmdline") or "").rstrip("\0").split("\0"))
        if words != ("",):
            found[pid] = Process(pid, words, _target(f"{folder}/ns/net"))
    return found


def _pids(root: pathlib.Path) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(root / "proc") if name.isdigit())  # noqa: PTH208 - thousands of names, of which paths cost much
    except OSError:
        return []


def _target(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 - tens of thousands of times, of which paths cost much
    except OSError:
        return None


def socket_holders(root: pathlib.Path, pids: Collection[int], inodes: Collection[int]) -> dict[int, list[int]]:
    """Return which of the processes *pids* hold each of the sockets *inodes*."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, list[int]] = {}
    for pid in pids if wanted else ():
        folder = f"{root / 'proc' / str(pid)}/fd"
        try:
            handles = os.listdir(folder)  # noqa: PTH208 - as above
        except OSError:
            continue
        for inode in {wanted[target] for target in (_target(f"{folder}/{handle}") for handle in handles) if target in wanted}:
            found.setdefault(inode, []).append(pid)
    return found


def read_identity(root: pathlib.Path, pid: int) -> Identity | None:
    """Return who a process runs as; None where it has ended."""
    text = read_text(root / "proc" / str(pid) / "status") or ""
    lines = dict(re.findall(r"^(Uid|Gid|Groups|CapEff):[ \t]*(.*)$", text, re.MULTILINE))
    if "Uid" not in lines or "Gid" not in lines:
        return None
    groups = {*lines["Gid"].split()[1:2], *lines.get("Groups", "").split()}  # the second number is the one that counts
    capabilities = int(lines.get("CapEff", "0") or "0", 16)
    return Identity(int(lines["Uid"].split()[1]), frozenset(map(int, groups)), bool(capabilities >> _CAP_DAC_OVERRIDE & 1))
