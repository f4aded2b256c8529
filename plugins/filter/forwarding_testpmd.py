# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that makes the command line of testpmd for a guest."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.plugin_utils import forwarding, testpmd


def forwarding_testpmd(interfaces: t.Any, devices: t.Any, options: t.Any = None) -> list[str]:
    """Return the options of dpdk-testpmd for interfaces as the role guest_forwarding takes them, and what dpdk_device says of them."""
    if forwarding.NETADDR_ERROR is not None:
        raise AnsibleFilterError("forwarding_testpmd needs the Python package netaddr on the controller: pip install netaddr") from forwarding.NETADDR_ERROR
    try:
        return testpmd.make_command(interfaces, devices, options or {})
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return them by name."""
        return {"forwarding_testpmd": forwarding_testpmd}
