# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory the switch and its guests need on each NUMA node (private to this collection).

Sources: Open vSwitch Documentation/topics/dpdk/memory.rst and lib/netdev-dpdk.c (dpdk_buf_size, dpdk_calculate_mbufs), the same from 2.10 to
4.0, shared memory model; DPDK lib/mempool/rte_mempool.c (rte_mempool_calc_obj_size).
"""

from __future__ import annotations

import math
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_facts import HostFacts
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan_intent import PerNode

MIB, GIB = 2**20, 2**30

# MTU -> bytes in a buffer: Ethernet header, FCS and two VLAN tags, up to the next 1024, and RTE_PKTMBUF_HEADROOM
_FRAME = 14 + 4
_FRAME_WITH_TAGS = _FRAME + 2 * 4
_BUFFER_ALIGN = 1024
_HEADROOM = 128
# memory.rst has 3008 bytes for a buffer of 2176: the rest is struct dp_packet
_DP_PACKET = 832
# what DPDK puts around an mbuf in a pool: a header of a cache line, and up to one more to spread mbufs over memory channels
_POOL_OBJECT = 128
_MANY_MBUFS, _FEW_MBUFS = 262144, 16384
_ETHERNET_MTU = 1500
# Room for the ring of the pool (8 bytes an mbuf), queues of devices and vhost structures. Not from a document: what is left of
# 1024 MiB with one pool for MTU 1500 is twice as much.
_OTHER = 128 * MIB

# Kept for the kernel and its programs on each node, where the user does not say
_HOST_SHARE = 10
_HOST_LEAST, _HOST_MOST = GIB, 4 * GIB


def buffer_size(mtu: int) -> int:
    """Return the bytes in the buffer of an mbuf: 2176 for MTU 1500. Ports with the same one share a pool."""
    return math.ceil((mtu + _FRAME_WITH_TAGS) / _BUFFER_ALIGN) * _BUFFER_ALIGN + _HEADROOM


def mbuf_size(mtu: int) -> int:
    """Return the bytes of an mbuf as memory.rst counts them: 3008 for MTU 1500, 10176 for 9000."""
    return buffer_size(mtu) + _DP_PACKET


def mbufs(mtu: int) -> int:
    """Return how many mbufs a shared pool has. memory.rst: 16384 below MTU 1500; the code compares the MTU that fits the buffer, so below 999."""
    return _MANY_MBUFS if buffer_size(mtu) - _FRAME >= _ETHERNET_MTU else _FEW_MBUFS


def pool_bytes(mtu: int) -> int:
    """Return the bytes of a shared pool."""
    return mbufs(mtu) * (mbuf_size(mtu) + _POOL_OBJECT)


def switch_bytes(mtus: Iterable[int]) -> int:
    """Return what the switch needs on a node where its ports have these MTUs; nothing without ports."""
    pools = {buffer_size(mtu): pool_bytes(mtu) for mtu in mtus}
    return sum(pools.values()) + _OTHER if pools else 0


def page_size(facts: HostFacts, wanted: int | None) -> int:
    """Return the size of the hugepages: the wanted one, else 1G, 2M or the kernel's default. Raises InputError."""
    known = ", ".join(map(format_size, facts.page_sizes)) or "none"
    if wanted is None:
        for size in (GIB, 2 * MIB, facts.default_page_size):
            if size in facts.page_sizes:
                return size
        raise InputError("host", "hugepage_size", None, f"Page sizes of the running kernel: {known}.", "Boot a kernel with hugetlbfs.")
    if wanted not in facts.page_sizes:
        raise InputError("host", "hugepage_size", format_size(wanted), f"Page sizes of the running kernel: {known}.", "Choose one of them.")
    return wanted


class Budget:
    """The hugepages of each node, as ports and guests are added to it."""

    def __init__(self, facts: HostFacts, size: int, for_host: PerNode, socket_mem: Mapping[int, int] | None) -> None:
        """*size* is that of a page in bytes, *for_host* in bytes, *socket_mem* what the user wants for the switch in MiB, if so."""
        self.facts, self.size, self.for_host, self.given = facts, size, for_host, socket_mem
        self.mtus: dict[int, set[int]] = {node: set() for node in facts.nodes}
        self.guests: dict[int, int] = dict.fromkeys(facts.nodes, 0)
        for node in socket_mem or ():
            if node not in facts.with_cpus:
                possible = f"DPDK has memory on nodes with CPUs: {', '.join(map(str, facts.with_cpus))}."
                raise InputError(f"NUMA node {node}", "socket_mem", dict(socket_mem or {}), possible, f"Leave node {node} out.")

    def pages_for(self, size: int) -> int:
        """Return the pages that so many bytes take."""
        return math.ceil(size / self.size)

    def kept(self, node: int) -> int:
        """Return the bytes that stay with the host."""
        memory = self.facts.nodes[node].memory
        return min(memory, self.for_host.of(node, min(max(memory // _HOST_SHARE, _HOST_LEAST), _HOST_MOST)))

    def switch_mib(self, node: int, more: Iterable[int] = ()) -> int:
        """Return the switch's MiB on a node, a whole number of pages unless the user gave it; *more* are MTUs of further ports."""
        if self.given is not None:
            return self.given.get(node, 0)
        return self.needed_mib(node, more)

    def needed_mib(self, node: int, more: Iterable[int] = ()) -> int:
        """Return the MiB that the ports of a node need, a whole number of pages."""
        return math.ceil(self.pages_for(switch_bytes({*self.mtus[node], *more})) * self.size / MIB)

    def pages(self, node: int, more: Iterable[int] = ()) -> int:
        """Return the pages of a node."""
        return self.pages_for(self.switch_mib(node, more) * MIB) + self.guests[node]

    def missing(self, node: int, pages: int = 0, more: Iterable[int] = ()) -> int:
        """Return the bytes that a node lacks, with so many more pages and MTUs; 0 or less where all fits."""
        wanted = (self.pages(node, more) + pages) * self.size
        return wanted - self.facts.nodes[node].memory + self.kept(node) if wanted else 0

    def check(self) -> None:
        """Raise InputError that names each node that lacks memory, and how much."""
        short = [node for node in self.facts.nodes if self.missing(node) > 0]
        if not short:
            return
        raise InputError(
            f"memory of NUMA node {', '.join(map(str, short))}",
            "hugepages",
            {node: self.pages(node) for node in short},
            " ".join(self._shortage(node) for node in short),
            "Give guests less memory or another node, lower the MTU, memory_for_host or socket_mem, or add memory.",
        )

    def _shortage(self, node: int) -> str:
        pages, switch = self.pages(node), self.switch_mib(node)
        wants = f"{pages} pages of {format_size(self.size)} (switch {in_gib(switch * MIB)}, guests {in_gib(self.guests[node] * self.size)})"
        has = f"it has {in_gib(self.facts.nodes[node].memory)}, of which {in_gib(self.kept(node))} are kept for the host"
        return f"{in_gib(self.missing(node))} are missing on node {node}: {wants} are needed, {has}."


def in_gib(size: int) -> str:
    """Return bytes for a message; a shortage never reads as 0."""
    return f"{math.ceil(size / GIB * 10) / 10:g} GiB"
