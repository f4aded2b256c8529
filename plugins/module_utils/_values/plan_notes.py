# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all steps of a plan share, and why the plan is as it is (private to this collection)."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_facts import HostFacts
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_intent import Intent


class Notes:
    """Reasons and warnings, in the order in which they were found."""

    def __init__(self) -> None:
        self.reasons: list[dict[str, str]] = []
        self.warnings: list[str] = []

    def because(self, subject: str, choice: str, reason: str) -> None:
        """Note the reason of a choice."""
        self.reasons.append({"subject": subject, "choice": choice, "reason": reason})

    def warn(self, text: str) -> None:
        """Note what is doubtful, once."""
        if text not in self.warnings:
            self.warnings.append(text)


@dataclasses.dataclass(frozen=True)
class Planning:
    """What is known and wanted, and the notes that the steps leave."""

    facts: HostFacts
    intent: Intent
    notes: Notes
