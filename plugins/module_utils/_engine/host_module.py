# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module of the host begins and ends (private to this collection). Those of Open vSwitch have task.py."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import OvsDpdkError


def main(run: t.Callable[[AnsibleModule], dict[str, t.Any]], argument_spec: dict[str, dict[str, t.Any]], **checks: t.Any) -> None:
    """Run a module: *run* gives its result or raises OvsDpdkError; *checks* are those that AnsibleModule does on the options."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **checks)
    try:
        result = run(module)
    except OvsDpdkError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(**result)
