# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan needs to know of a host, typed (private to this collection).

The input is the result ``host`` of the module dpdk_host_info, as JSON has it, where anything may be null. Nothing is taken from it that
a plan changes when it is applied (isolated CPUs, free memory, pages, interface names that are gone), so that a host gets the same plan again.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.names import parse_mac, parse_pci
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import parse_size

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

# Drivers that DPDK works beside, not instead of (DPDK doc/guides/nics/mlx4.rst, mlx5.rst): the device stays with the kernel
BIFURCATED = ("mlx4_core", "mlx5_core")

# The kernel's distance of a node to itself is 10, to another one up to 254; 255 is unreachable (ACPI, SLIT)
UNREACHABLE = 255

_ADVICE = "Give the result host of dpdk_host_info, with all its parts."


@dataclasses.dataclass(frozen=True)
class Node:
    """A NUMA node; it may have no CPU online, or no memory."""

    id: int
    cores: tuple[CpuSet, ...]
    """Physical cores, each as the set of its online threads, by their lowest CPU."""
    memory: int
    """Bytes, hugepages among them."""
    distances: Mapping[int, int]

    @property
    def cpus(self) -> CpuSet:
        """All its CPUs that are online."""
        return frozenset().union(*self.cores)


@dataclasses.dataclass(frozen=True)
class Nic:
    """A NIC on the PCI bus; *names* and *macs* are those it has and those it had before DPDK got it."""

    pci: str | None
    names: frozenset[str]
    macs: frozenset[str]
    node: int | None
    bifurcated: bool


@dataclasses.dataclass(frozen=True)
class HostFacts:
    """A host."""

    nodes: Mapping[int, Node]
    nics: tuple[Nic, ...]
    page_sizes: tuple[int, ...]
    """Bytes, ascending; empty for a kernel without hugepages."""
    default_page_size: int | None
    offline: CpuSet
    adrift: CpuSet
    """CPUs whose NUMA node the host does not tell, though it has several."""
    kernel: tuple[int, int] | None

    @property
    def online(self) -> CpuSet:
        """All CPUs that are online."""
        return self.adrift.union(*(node.cpus for node in self.nodes.values()))

    @property
    def with_cpus(self) -> tuple[int, ...]:
        """The nodes that have a CPU online."""
        return tuple(node.id for node in self.nodes.values() if node.cores)

    def nearest(self, node: int, candidates: Iterable[int]) -> int:
        """Return the candidate nearest to *node*; of equally near ones the lowest."""
        distances = self.nodes[node].distances if node in self.nodes else {}
        return min(candidates, key=lambda other: (other != node, distances.get(other, UNREACHABLE), other))

    def nic(self, device: str) -> Nic:
        """Return the NIC with this PCI address, interface name or MAC, or that had the name or MAC. Raises InputError."""
        kind, wanted = _kind(device)
        found: dict[str | None, Nic] = {}
        for nic in self.nics:
            if wanted == nic.pci or (kind == "name" and wanted in nic.names) or (kind == "mac" and wanted in nic.macs):
                found.setdefault(nic.pci, nic)  # the two ports of an mlx4 NIC have one PCI address
        subject = f"NIC {device}"
        if not found:
            known = ", ".join(" ".join(filter(None, [nic.pci, *sorted(nic.names)])) for nic in self.nics) or "none"
            raise InputError(subject, "nics[].device", device, f"The host has no such NIC; it has: {known}.", "Choose one of them.")
        if len(found) > 1:
            addresses = ", ".join(sorted(str(address) for address in found))
            raise InputError(subject, "nics[].device", device, f"Several NICs go by it: {addresses}.", "Give the PCI address.")
        nic = next(iter(found.values()))
        if nic.pci is None:
            raise InputError(subject, "nics[].device", device, "It is not on the PCI bus.", "Choose a PCI device.")
        return nic


def _kind(device: str) -> tuple[t.Literal["pci", "mac", "name"], str]:
    """Return what *device* is, and how it is written in facts."""
    try:
        return "pci", parse_pci(device)
    except ValueError:
        pass
    try:
        return "mac", parse_mac(device)
    except ValueError:
        return "name", device.strip()


def read_facts(host: t.Any) -> HostFacts:
    """Return the facts in the result ``host`` of dpdk_host_info. Raises InputError where the CPUs are missing, and for what cannot be read."""
    try:
        return _facts(host if isinstance(host, dict) else {})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        possible = f"They are not what dpdk_host_info gives ({type(error).__name__}: {error})."
        raise InputError("host facts", "host", "...", possible, _ADVICE) from error


def _facts(parts: Mapping[str, t.Any]) -> HostFacts:
    cpus = parts.get("cpus") or {}
    if not cpus.get("cores"):
        raise InputError("host facts", "cpus", None, "A plan needs the cores of the host.", _ADVICE)
    if not parts.get("nodes"):
        raise InputError("host facts", "nodes", None, "A plan needs the memory of each NUMA node.", _ADVICE)
    given = {int(node["id"]): node for node in parts["nodes"]}
    offline = parse_cpu_list(cpus.get("offline") or "")
    online = parse_cpu_list(cpus.get("online") or "") or None
    cores: dict[int, set[CpuSet]] = {}
    nowhere: set[CpuSet] = set()
    for core in cpus["cores"]:
        threads = parse_cpu_list(core.get("cpus") or "") - offline
        if online is not None:
            threads &= online
        if threads:
            node = core.get("node")
            (nowhere if node is None else cores.setdefault(node, set())).add(threads)
    if len(given | cores) <= 1:  # without NUMA all is one node
        cores.setdefault(next(iter(given | cores), 0), set()).update(nowhere)
        nowhere = set()
    memory = parts.get("memory") or {}
    pools = [pool for pools in (memory, *given.values()) for pool in pools.get("hugepages") or []]
    default = memory.get("default_hugepage_size")
    version = re.match(r"(\d+)\.(\d+)", (parts.get("kernel") or {}).get("version") or "")
    return HostFacts(
        nodes={node: _node(node, given.get(node, {}), cores.get(node, set())) for node in sorted(given | cores)},
        nics=tuple(_nic(nic) for nic in parts.get("nics") or []),
        page_sizes=tuple(sorted({parse_size(pool["size"]) for pool in pools})),
        default_page_size=parse_size(default) if default else None,
        offline=offline,
        adrift=frozenset().union(*nowhere),
        kernel=(int(version[1]), int(version[2])) if version else None,
    )


def _node(number: int, given: Mapping[str, t.Any], cores: set[CpuSet]) -> Node:
    distances = {int(node): int(distance) for node, distance in (given.get("distances") or {}).items()}
    return Node(number, tuple(sorted(cores, key=min)), int(given.get("memory_total") or 0), distances)


def _nic(given: Mapping[str, t.Any]) -> Nic:
    former = given.get("former") or {}
    return Nic(
        pci=given.get("pci"),
        names=frozenset(filter(None, [given.get("name"), former.get("name")])),
        macs=frozenset(mac.lower() for mac in (given.get("mac"), former.get("mac")) if mac),
        node=given.get("node"),
        bifurcated=given.get("driver") in BIFURCATED,
    )


def shown(cpus: Iterable[int]) -> str:
    """Return a CPU set for a message."""
    return format_cpu_list(cpus) or "none"
