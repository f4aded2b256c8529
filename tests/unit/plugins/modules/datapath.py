# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The datapath of the fake switch: what ``dpif/show`` and ``dpif-netdev/pmd-rxq-show`` say of its rows, as Open vSwitch 3.1 does."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

_PMD_TYPES = ("dpdk", "dpdkvhostuser", "dpdkvhostuserclient")


class Datapath:
    """Answers from the database. *most_queues* is what a device has, *missing* ports the datapath does not take, *core* the CPU of the one PMD thread."""

    def __init__(self, switch: FakeSwitch) -> None:
        self.switch = switch
        self.most_queues = 1024
        self.missing: set[str] = set()
        self.core = 1
        switch.daemon.answers["dpif/show"] = self.show
        switch.daemon.answers["dpif-netdev/pmd-rxq-show"] = self.rx_queues

    def _members(self) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
        tables = self.switch.tables
        for bridge in tables["Bridge"].values():
            for port in bridge["ports"]:
                for interface in tables["Port"][port]["interfaces"]:
                    row = tables["Interface"][interface]
                    if row["name"] not in self.missing and not row["error"]:
                        yield bridge["name"], row

    def queues(self, row: dict[str, t.Any]) -> int:
        """Return how many rx queues a device gives."""
        return min(int(row["options"].get("n_rxq", "1")), self.most_queues)

    def show(self) -> str:
        """Answer dpif/show."""
        lines = ["netdev@ovs-netdev: hit:0 missed:0"]
        for bridge in self.switch.tables["Bridge"].values():
            lines.append(f"  {bridge['name']}:")
            for owner, row in self._members():
                if owner != bridge["name"]:
                    continue
                descriptors = row["options"].get("n_rxq_desc", "2048")
                config = f"dpdk: configured_rx_queues={self.queues(row)}, configured_rxq_descriptors={descriptors}" if row["type"] == "dpdk" else row["type"]
                lines.append(f"    {row['name']} {row['ofport']}/{row['ofport']}: ({config})")
        return "\n".join(lines) + "\n"

    def rx_queues(self) -> str:
        """Answer dpif-netdev/pmd-rxq-show: a thread with bound queues polls no others."""
        rows = [row for _bridge, row in self._members() if row["type"] in _PMD_TYPES]
        bound = {(row["name"], int(pair.split(":")[0])) for row in rows for pair in row["other_config"].get("pmd-rxq-affinity", "").split(",") if pair}
        every = {(row["name"], number) for row in rows for number in range(self.queues(row))}
        lines = [f"pmd thread numa_id 0 core_id {self.core}:", f"  isolated : {'true' if bound else 'false'}"]
        lines += [f"  port: {name:16}  queue-id: {number:2} (enabled)   pmd usage: NOT AVAIL" for name, number in sorted((bound & every) or every)]
        return "\n".join(lines) + "\n"
