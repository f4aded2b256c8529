# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ovs-vswitchd answers about the ports of its datapath (private to this collection). Pure.

Read from the code that prints it (dpif_show_backer in ofproto/ofproto-dpif.c, dpif_netdev_pmd_info in lib/dpif-netdev.c) and from switches of
2.15, 3.1, 3.5 and 4.0.
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_BACKER = r"(?P<type>[^@\s]+)@\S+:.*"
_BRIDGE = r"  (?P<name>\S+):"
_PORT = r"    (?P<name>\S+) (?P<ofport>\d+)/(?P<number>\d+|none):(?: \((?P<type>[^:)]*)(?:: (?P<config>.*))?\))?"

_THREAD = r"pmd thread numa_id (?P<node>-?\d+) core_id (?P<core>\d+):"
_ISOLATED = r"\s+isolated\s*: (?P<isolated>true|false)"
_RXQ = r"\s+port: (?P<port>\S+)\s+queue-id:\s*(?P<queue>\d+)(?: \((?P<enabled>enabled|disabled)\))?"

# What the datapath has, up to 3.2 as configured_*, since 3.3 under the name of the option
_CONFIGURED = {"configured_rx_queues": "n_rxq", "configured_rxq_descriptors": "n_rxq_desc", "configured_txq_descriptors": "n_txq_desc"}


class DatapathPort(t.NamedTuple):
    """A port that is in the datapath, with what the device says of its configuration."""

    bridge: str
    type: str
    config: Mapping[str, str]

    def number(self, key: str) -> int | None:
        """Return a number of the configuration, for instance n_rxq_desc, or None where this release does not show it."""
        text = self.config.get(key, "")
        return int(text) if text.isdigit() else None


class Datapath(t.NamedTuple):
    """All of ``dpif/show``: the type of datapath of each bridge, and the ports that are in one, by name."""

    bridges: Mapping[str, str]
    ports: Mapping[str, DatapathPort]


def parse_dpif_show(text: str) -> Datapath:
    """Return what ``dpif/show`` lists. A port that the datapath could not take is not in it."""
    bridges: dict[str, str] = {}
    ports: dict[str, DatapathPort] = {}
    datapath_type = bridge = ""
    for line in text.splitlines():
        if match := re.fullmatch(_PORT, line):
            if match["number"] != "none":
                ports[match["name"]] = DatapathPort(bridge, match["type"] or "", _config(match["config"] or ""))
        elif match := re.fullmatch(_BRIDGE, line):
            bridge = match["name"]
            bridges[bridge] = datapath_type
        elif match := re.fullmatch(_BACKER, line):
            datapath_type = match["type"]
    return Datapath(bridges, ports)


def _config(text: str) -> dict[str, str]:
    """Return the pairs of ``a=1, b=x,y=2``: what separates them is a comma with a blank."""
    pairs = (item.partition("=") for item in text.split(", ") if "=" in item)
    return {_CONFIGURED.get(key, key): value for key, _equals, value in pairs}


class RxQueue(t.NamedTuple):
    """An rx queue, and the PMD thread that polls it; *isolated* threads have only queues that are bound to them."""

    port: str
    queue: int
    core: int
    node: int
    isolated: bool
    enabled: bool


def parse_rx_queues(text: str) -> tuple[RxQueue, ...]:
    """Return the queues in ``dpif-netdev/pmd-rxq-show``, by port and number. A queue that no thread polls is not in it."""
    found = []
    core, node, isolated = -1, -1, False
    for line in text.splitlines():
        if match := re.fullmatch(_THREAD, line):
            core, node, isolated = int(match["core"]), int(match["node"]), False
        elif match := re.match(_ISOLATED, line):
            isolated = match["isolated"] == "true"
        elif match := re.match(_RXQ, line):
            found.append(RxQueue(match["port"], int(match["queue"]), core, node, isolated, match["enabled"] != "disabled"))
    return tuple(sorted(found))
