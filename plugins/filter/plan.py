# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that plans CPUs, memory and queues of a host."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan import make_plan


def plan(host: t.Any, intent: t.Any) -> dict[str, t.Any]:
    """Return the plan for the result host of dpdk_host_info and an intent."""
    try:
        return make_plan(host, intent)
    except InputError as error:
        raise AnsibleFilterError(f"plan: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return them by name."""
        return {"plan": plan}
