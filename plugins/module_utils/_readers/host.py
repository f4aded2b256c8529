# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is: CPUs, memory, NICs, kernel (private to this collection). This is the place to import a reader from.

Every reader takes the folder that stands for ``/`` and gives frozen values; what the host does not show is None or empty.
"""

from __future__ import annotations

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_cpus import (
    Cpu,
    CpuTopology,
    IdleState,
    Partition,
    Power,
    read_cpus,
    read_partitions,
    read_power,
)
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_devices import (
    DEVICE_RECORD,
    PCI_ADDRESS,
    Board,
    Former,
    Iommu,
    Kernel,
    Link,
    Nic,
    read_board,
    read_former,
    read_iommu,
    read_kernel,
    read_nics,
)
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_memory import (
    HugepageMount,
    Memory,
    Node,
    Pool,
    read_hugepage_mounts,
    read_memory,
)

__all__ = [
    "DEVICE_RECORD",
    "PCI_ADDRESS",
    "Board",
    "Cpu",
    "CpuTopology",
    "Former",
    "HugepageMount",
    "IdleState",
    "Iommu",
    "Kernel",
    "Link",
    "Memory",
    "Nic",
    "Node",
    "Partition",
    "Pool",
    "Power",
    "read_board",
    "read_cpus",
    "read_former",
    "read_hugepage_mounts",
    "read_iommu",
    "read_kernel",
    "read_memory",
    "read_nics",
    "read_partitions",
    "read_power",
]
