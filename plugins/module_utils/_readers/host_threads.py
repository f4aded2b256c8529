# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads, and the CPU time that they had (private to this collection).

Sources: Linux, Documentation/scheduler/sched-stats.rst (/proc/PID/schedstat); proc_pid_stat(5).
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries, read_text

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Collection

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

# ovs_numa calls them pmd-c<CPU>/id:<number>; 15 bytes of it are left
_PMD = re.compile(r"pmd-?c?(?P<core>\d+)/.*")
_LAST_CPU = 36  # field 39 of stat, of those after the name


class ThreadTime(t.NamedTuple):
    """Nanoseconds that a thread ran, and that it waited for a CPU while it could have run."""

    run: int
    wait: int


def read_pmd_times(root: pathlib.Path, pid: int) -> dict[int, ThreadTime]:
    """Return the times of each PMD thread of ovs-vswitchd, by its CPU; nothing where the kernel does not count them."""
    found = {}
    for task in entries(root / "proc" / str(pid) / "task"):
        match = _PMD.fullmatch(read_text(task / "comm") or "")
        times = re.match(r"(\d+) (\d+) ", read_text(task / "schedstat") or "")
        if match and times:
            found[int(match["core"])] = ThreadTime(int(times[1]), int(times[2]))
    return found


def read_running(root: pathlib.Path, cpus: CpuSet, leave_out: Collection[int]) -> dict[int, list[str]]:
    """Return the names of the threads that are ready to run, by the CPU of *cpus* that they ran on last, without those of the processes *leave_out*."""
    found: dict[int, set[str]] = {}
    for process in entries(root / "proc"):
        if not process.name.isdigit() or int(process.name) in leave_out:
            continue
        for task in entries(process / "task"):
            name, _bracket, rest = (read_text(task / "stat") or "").rpartition(")")
            fields = rest.split()
            if len(fields) > _LAST_CPU and fields[0] == "R" and int(fields[_LAST_CPU]) in cpus:
                found.setdefault(int(fields[_LAST_CPU]), set()).add(name.partition("(")[2])
    return {cpu: sorted(names) for cpu, names in sorted(found.items())}
