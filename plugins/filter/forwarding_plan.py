# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that plans kernel forwarding in a guest."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.plugin_utils import forwarding, forwarding_guest


def forwarding_plan(interfaces: t.Any, guest: t.Any, earlier: t.Any = None, rp_filter: int = 0) -> dict[str, t.Any]:
    """Return the plan for interfaces as the role guest_forwarding takes them, in a guest as `ip` shows it."""
    if forwarding.NETADDR_ERROR is not None:
        raise AnsibleFilterError("forwarding_plan needs the Python package netaddr on the controller: pip install netaddr") from forwarding.NETADDR_ERROR
    try:
        return forwarding.make_plan(interfaces, forwarding_guest.read(guest), earlier or {}, int(rp_filter))
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return them by name."""
        return {"forwarding_plan": forwarding_plan}
