# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ovs-vswitchd answers to qos/show and qos/show-types (private to this collection). Pure.

Read from the code that prints it (qos_unixctl_show in vswitchd/bridge.c) and from switches of 2.15, 3.1, 3.5 and 4.0.
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_QUEUE = r"(?:Queue (?P<number>\d+)|Default):"


class ShownQos(t.NamedTuple):
    """The policer that an interface has, with the numbers that it works with; type None where it has none. Queue 0 is the default one."""

    type: str | None = None
    keys: Mapping[str, str] = {}
    queues: Mapping[int, Mapping[str, str]] = {}


def parse_qos_show(text: str) -> ShownQos:
    """Return what ``qos/show INTERFACE`` says. The counters of a queue are among its keys. Raises ValueError where it is something else."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("QoS not configured on "):
        return ShownQos()
    if not lines or not lines[0].startswith("QoS: "):
        raise ValueError(f"qos/show answered {text!r}")
    keys: dict[str, str] = {}
    queues: dict[int, dict[str, str]] = {}
    current = keys
    for line in lines[1:]:
        queue = re.fullmatch(_QUEUE, line)
        if queue:
            current = queues.setdefault(int(queue["number"] or 0), {})
            continue
        key, _colon, value = line.strip().partition(": ")
        current[key] = value
    return ShownQos(lines[0].split()[-1], keys, queues)


def parse_qos_types(text: str) -> tuple[str, ...]:
    """Return the types that ``qos/show-types INTERFACE`` lists, sorted."""
    lead = "QoS type: "
    return tuple(sorted(line[len(lead) :] for line in text.splitlines() if line.startswith(lead)))
