# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that turn CPU lists into masks and back."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import cpus


def _read(filter_name: str, value: t.Any) -> cpus.CpuSet:
    """Return the CPUs of a list, or of a mask where it begins with 0x."""
    if not isinstance(value, (str, int, Iterable)) or isinstance(value, Mapping):
        raise AnsibleFilterError(f"{filter_name}: {value!r} is not a CPU list such as 2,22 or a mask such as 0x400004")
    try:
        if isinstance(value, str) and value.strip()[:2].lower() == "0x":
            return cpus.parse_mask(value)
        return cpus.parse_cpu_list(value)
    except ValueError as exc:
        raise AnsibleFilterError(f"{filter_name}: {exc}") from exc


def cpu_mask(value: t.Any, *, grouped: bool = False) -> str:
    """Return the mask of a CPU list, with 0x, or *grouped* as the kernel writes it."""
    return (cpus.format_grouped_mask if grouped else cpus.format_mask)(_read("cpu_mask", value))


def cpu_list(value: t.Any) -> str:
    """Return the shortest list of a mask or of another list."""
    return cpus.format_cpu_list(_read("cpu_list", value))


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"cpu_mask": cpu_mask, "cpu_list": cpu_list}
