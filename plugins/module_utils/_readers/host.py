# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is: CPUs, memory, NICs, kernel (private to this collection). This is the place to import a reader from."""

from __future__ import annotations

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_cpus import Cpu, CpuTopology, read_cpus

__all__ = ["Cpu", "CpuTopology", "read_cpus"]
