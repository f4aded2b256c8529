# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation fragments: how a module reaches the switch."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of all modules that talk to Open vSwitch."""

    DOCUMENTATION = r"""
options:
  database:
    description:
      - How to reach ovsdb-server, in the form of C(ovs-vsctl --db).
      - The default is C(unix:RUNDIR/db.sock) with O(rundir).
    type: str
  rundir:
    description:
      - The directory with the process id and the control socket of ovs-vswitchd.
      - An Open vSwitch built from source has it in V(/usr/local/var/run/openvswitch).
    type: path
    default: /var/run/openvswitch
  log_file:
    description:
      - The log of ovs-vswitchd. What it says while the task runs becomes part of an error.
    type: path
    default: /var/log/openvswitch/ovs-vswitchd.log
  timeout:
    description:
      - Seconds that each question to ovsdb-server and ovs-vswitchd may take, and that the switch may take to show the effect.
    type: int
    default: 30
requirements:
  - Open vSwitch 2.15 or newer with DPDK, and its C(ovs-vsctl)
"""

    WRITE = r"""
options:
  wait:
    description:
      - Wait until ovs-vswitchd has taken up the change, and prove its effect; what the switch refuses is taken back and the task fails.
      - With V(false) only the database is written, also while ovs-vswitchd does not run. Nothing is proven then.
    type: bool
    default: true
"""
