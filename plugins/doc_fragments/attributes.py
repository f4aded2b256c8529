# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation fragment with the attributes that every module of the collection declares."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes shared by all modules."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and says what a run would do, without doing it.
  diff_mode:
    description: Shows what changed, or in C(check_mode) what would change, when run with C(--diff).
  platform:
    description: Operating systems that the module runs on.
    support: full
    platforms: linux
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/nfv.ovs_dpdk.ovs_dpdk) in C(module_defaults) to set options of all modules that talk to Open vSwitch at once.
    support: full
    membership:
      - nfv.ovs_dpdk.ovs_dpdk
"""
