# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU sets as lists (``2-5,^4``) and as masks (``0x2c``) (private to this collection).

A CPU set is a frozenset of int. A list is what the kernel calls a cpulist (Linux, Documentation/core-api/cpu_hotplug,
Documentation/admin-guide/kernel-parameters: ``2``, ``0-3``, ``0-31:2/4``, ``all``), with ``^n`` to leave CPUs out as libvirt has it.
A mask is hexadecimal of any width, with or without ``0x``, with or without the commas of ``/sys/.../cpumap``.
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable

CpuSet = frozenset[int]

# Linux builds for at most 8192 CPUs (CONFIG_NR_CPUS with MAXSMP, arch/x86/Kconfig): more is a typing error, not a machine.
MAX_CPUS = 8192

_RANGE = re.compile(r"(?P<first>\d+)(?:-(?P<last>\d+)(?::(?P<used>\d+)/(?P<group>\d+))?)?")
_MASK = re.compile(r"(?:0[xX])?(?P<digits>[0-9a-fA-F]+(?:,[0-9a-fA-F]{8})*)")


def _expand(item: str) -> CpuSet:
    """Return the CPUs of one item of a list such as ``3``, ``0-3`` or ``0-31:2/4``."""
    match = _RANGE.fullmatch(item)
    if not match:
        raise ValueError(f"{item!r} is not a CPU, a range such as 2-5, or an exclusion such as ^4")
    first = int(match["first"])
    last = int(match["last"] or first)
    if last < first:
        raise ValueError(f"the range {item!r} ends before it begins")
    if last >= MAX_CPUS:
        raise ValueError(f"{item!r} is beyond CPU {MAX_CPUS - 1}, the last one that Linux can have")
    used, group = int(match["used"] or 1), int(match["group"] or 1)
    if not 0 < used <= group:
        raise ValueError(f"{item!r} takes {used} of every {group} CPUs; it has to be 1 to {group}")
    return frozenset(cpu for cpu in range(first, last + 1) if (cpu - first) % group < used)


def parse_cpu_list(given: str | int | Iterable[str | int]) -> CpuSet:
    """Return the CPUs of a list: ``"2-5,^4"``, ``2`` or ``["2-5", "^4"]``. An empty one gives the empty set.

    Raises ValueError that names the item. Exclusions hold wherever they stand.
    """
    if isinstance(given, (str, int)) and not isinstance(given, bool):
        given = [given]
    elif isinstance(given, bool):
        raise ValueError(f"{given!r} is not a CPU list")  # noqa: TRY004 - one kind of error for all that cannot be read
    items = [item.strip() for part in given for item in str(part).split(",")]
    chosen: set[int] = set()
    excluded: set[int] = set()
    for item in filter(None, items):
        if item.startswith("^"):
            excluded |= _expand(item[1:])
        else:
            chosen |= _expand(item)
    return frozenset(chosen - excluded)


def format_cpu_list(cpus: Iterable[int]) -> str:
    """Return the shortest list, ``2-3,5``; the empty string for the empty set."""
    ordered = sorted(set(cpus))
    runs: list[list[int]] = []
    for cpu in ordered:
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def parse_mask(given: str) -> CpuSet:
    """Return the CPUs of a hexadecimal mask, with or without ``0x``. Raises ValueError."""
    match = _MASK.fullmatch(given.strip())
    if not match:
        raise ValueError(f"{given!r} is not a hexadecimal mask such as 0x400004")
    value = int(match["digits"].replace(",", ""), 16)
    if value.bit_length() > MAX_CPUS:
        raise ValueError(f"the mask names CPU {value.bit_length() - 1}; the last one that Linux can have is {MAX_CPUS - 1}")
    return frozenset(bit for bit in range(value.bit_length()) if value >> bit & 1)


def format_mask(cpus: Iterable[int]) -> str:
    """Return the mask as people write it, ``0x400004``; ``0x0`` for the empty set."""
    return hex(sum(1 << cpu for cpu in set(cpus)))


def format_bare_mask(cpus: Iterable[int]) -> str:
    """Return the mask without ``0x``, the one form that every Open vSwitch since 2.6 reads without a warning."""
    return format_mask(cpus)[2:]


def format_grouped_mask(cpus: Iterable[int]) -> str:
    """Return the mask as the kernel reads and writes it in /proc/irq: without ``0x``, a comma after each eight digits from the right."""
    digits = format_bare_mask(cpus)
    groups = [digits[max(end - 8, 0) : end] for end in range(len(digits), 0, -8)]
    return ",".join(reversed(groups))
