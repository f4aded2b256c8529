# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small reads below a root folder that do not mind what is missing (private to this collection).

The root is ``/`` on a live host, or a copy of another host's /sys, /proc and /etc.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet


def read_text(path: pathlib.Path) -> str | None:
    """Return the text of a file without the white space around it; None where it cannot be read.

    Files of sysfs may be there and still refuse (the speed of a link that is down: EINVAL), hence OSError of any kind.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def read_int(path: pathlib.Path) -> int | None:
    """Return the whole number in a file; None where it cannot be read or holds something else."""
    text = read_text(path)
    return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else None


def read_cpu_list(path: pathlib.Path) -> CpuSet:
    """Return the CPUs in a file; the empty set where it cannot be read.

    An empty set is written as nothing, or as ``(null)`` by some kernels in /sys/devices/system/cpu/nohz_full.
    """
    try:
        return parse_cpu_list(read_text(path) or "")
    except ValueError:
        return frozenset()


def entries(path: pathlib.Path) -> list[pathlib.Path]:
    """Return what a folder holds, sorted by name; nothing where it cannot be read."""
    try:
        return sorted(path.iterdir())
    except OSError:
        return []


def numbered(path: pathlib.Path, prefix: str) -> dict[int, pathlib.Path]:
    """Return the entries of a folder that are *prefix* and a number, by that number: ``node0``, ``cpu12``."""
    found = ((re.fullmatch(rf"{prefix}(\d+)", entry.name), entry) for entry in entries(path))
    return dict(sorted((int(match[1]), entry) for match, entry in found if match))


def link_name(path: pathlib.Path) -> str | None:
    """Return the last part of what a symbolic link points to, as sysfs names a driver; None where there is none."""
    try:
        return path.readlink().name
    except OSError:
        return None
