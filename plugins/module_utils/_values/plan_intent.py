# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user wants of a host, typed and checked (private to this collection): the argument of the filter plan."""

from __future__ import annotations

import dataclasses
import difflib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.names import check_names_unique, check_port_name
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import parse_size
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.releases import MAX_MTU, MIN_MTU

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

DEFAULT_MTU = 1500
MAX_QUEUES = 1024  # RTE_MAX_QUEUES_PER_PORT of DPDK
MAX_COUNT = 8192  # CPUs that Linux can have: no count of cores or vCPUs is above

ISOLATIONS = ("isolcpus", "partition", "none")
CORE_MODES = ("whole", "single", "threads")

_NODE_NUMBERS = "It maps numbers of NUMA nodes to values, such as {0: 2, 1: 1}."


@dataclasses.dataclass(frozen=True)
class NicIntent:
    """A NIC that becomes a DPDK port."""

    device: str
    port: str
    rx_queues: int
    mtu: int
    bridge: str | None


@dataclasses.dataclass(frozen=True)
class VhostIntent:
    """A vhost-user port; *guest* is None where no guest of the plan has it."""

    name: str
    mtu: int
    guest: str | None


@dataclasses.dataclass(frozen=True)
class GuestIntent:
    """A guest; *memory* is in bytes."""

    name: str
    vcpus: int
    memory: int
    node: int | None
    ports: tuple[str, ...]
    cores: str


@dataclasses.dataclass(frozen=True)
class PerNode:
    """A number for each NUMA node: those in *nodes*, and *default* for the others."""

    default: int | None
    nodes: Mapping[int, int]

    def of(self, node: int, otherwise: int = 0) -> int:
        """Return the number for *node*; *otherwise* where nothing was said."""
        return self.nodes.get(node, otherwise if self.default is None else self.default)


NOTHING = PerNode(None, {})


@dataclasses.dataclass(frozen=True)
class Intent:
    """All that was asked for."""

    nics: tuple[NicIntent, ...]
    vhost_ports: tuple[VhostIntent, ...]
    guests: tuple[GuestIntent, ...]
    pmd_cores: PerNode
    pmd_cores_per_nic: int | None
    siblings: bool
    host_cpus: CpuSet | None
    host_cores: PerNode
    hugepage_size: int | None
    socket_mem: Mapping[int, int] | None
    """MiB by node."""
    memory_for_host: PerNode
    """Bytes."""
    isolation: str
    nohz_full: bool
    rcu_nocbs: bool
    iommu: bool | None
    rxq_affinity: bool


class Options:
    """The options of one object of an intent; each is read once, by name. The readers raise InputError."""

    def __init__(self, subject: str, given: t.Any, names: Sequence[str]) -> None:
        """*names* are the options that there are."""
        if not isinstance(given, dict):
            raise InputError(subject, "intent", given, f"It is a dictionary of {', '.join(names)}.", "Write one.")
        unknown = [str(name) for name in given if name not in names]
        if unknown:
            near = difflib.get_close_matches(unknown[0], names, n=1)
            advice = f"Did you mean {near[0]}?" if near else "Remove it."
            raise InputError(subject, unknown[0], given[unknown[0]], f"Options are {', '.join(names)}.", advice)
        self.subject, self.given = subject, given

    def raw(self, name: str) -> t.Any:
        """Return what was given, or None."""
        return self.given.get(name)

    def wrong(self, name: str, possible: str, advice: str) -> InputError:
        """Return the error about an option."""
        return InputError(self.subject, name, self.raw(name), possible, advice)

    def text(self, name: str) -> str | None:
        """Return a text without blanks around it."""
        value = self.raw(name)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise self.wrong(name, "It is a text.", "Write one, in quotes.")
        return None if value is None else value.strip()

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self.raw(name)
        words = {"true": True, "yes": True, "false": False, "no": False}
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if str(value).lower() not in words:
            raise self.wrong(name, "It is true or false.", "Write one of them.")
        return words[str(value).lower()]

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Return one of *choices*, the first one where nothing was given."""
        value = self.raw(name)
        if value is None:
            return choices[0]
        if value not in choices:
            raise self.wrong(name, f"It is one of {', '.join(choices)}.", "Choose one of them.")
        return str(value)

    def number(self, name: str, value: t.Any, lowest: int, highest: int) -> int:
        """Return *value*, which belongs to option *name*, as a whole number within bounds."""
        if isinstance(value, bool) or not str(value).isdigit() or not lowest <= int(value) <= highest:
            raise self.wrong(name, f"It is a whole number from {lowest} to {highest}.", "Write such a number.")
        return int(value)

    def count(self, name: str, lowest: int, highest: int) -> int | None:
        """Return a whole number within bounds, or None where nothing was given."""
        value = self.raw(name)
        return None if value is None else self.number(name, value, lowest, highest)

    def size(self, name: str, value: t.Any) -> int:
        """Return *value*, which belongs to option *name*, as bytes."""
        try:
            size = parse_size(str(value))
        except ValueError:
            size = 0
        if size <= 0:
            raise self.wrong(name, "It is a size with a unit, such as 4G or 512M.", "Write such a size.")
        return size

    def nodes(self, name: str, lowest: int) -> dict[int, int]:
        """Return a dictionary of node numbers and whole numbers."""
        return {self.node(name, node): self.number(name, value, lowest, 2**40) for node, value in self.raw(name).items()}

    def node(self, name: str, value: t.Any) -> int:
        """Return the number of a NUMA node, a key of option *name*."""
        if isinstance(value, bool) or not str(value).isdigit():
            raise self.wrong(name, _NODE_NUMBERS, "Write it so.")
        return int(value)

    def counts(self, name: str, lowest: int) -> PerNode:
        """Return a number for all nodes, or a number for each."""
        if isinstance(self.raw(name), dict):
            return PerNode(None, self.nodes(name, lowest))
        return PerNode(self.count(name, lowest, MAX_COUNT), {})

    def sizes(self, name: str) -> PerNode:
        """Return a size in bytes for all nodes, or one for each."""
        value = self.raw(name)
        if isinstance(value, dict):
            return PerNode(None, {self.node(name, node): self.size(name, size) for node, size in value.items()})
        return NOTHING if value is None else PerNode(self.size(name, value), {})

    def items(self, name: str) -> list[t.Any]:
        """Return a list."""
        value = self.raw(name)
        if value is not None and not isinstance(value, (list, tuple)):
            raise self.wrong(name, "It is a list.", "Write one.")
        return list(value or [])


_OPTIONS = tuple(field.name for field in dataclasses.fields(Intent))
_NIC_OPTIONS = tuple(field.name for field in dataclasses.fields(NicIntent))
_VHOST_OPTIONS = tuple(field.name for field in dataclasses.fields(VhostIntent))
_GUEST_OPTIONS = tuple(field.name for field in dataclasses.fields(GuestIntent))


def read_intent(given: t.Any) -> Intent:
    """Return the intent with everything checked that can be checked without a host. Raises InputError."""
    options = Options("intent", given, _OPTIONS)
    nics = tuple(_nic(number, one) for number, one in enumerate(options.items("nics")))
    guests = tuple(_guest(one) for one in options.items("guests"))
    vhost_ports = _vhost_ports(options.items("vhost_ports"), nics, guests)
    if not nics and not vhost_ports:
        raise InputError("intent", "nics", None, "A plan is for ports: NICs, vhost_ports, or guests that have ports.", "Name one at least.")
    if options.raw("pmd_cores") is not None and options.raw("pmd_cores_per_nic") is not None:
        raise options.wrong("pmd_cores", "pmd_cores and pmd_cores_per_nic say the same in two ways.", "Give one of them.")
    if options.raw("host_cpus") is not None and options.raw("host_cores") is not None:
        raise options.wrong("host_cores", "host_cpus and host_cores say the same in two ways.", "Give one of them.")
    isolation = options.choice("isolation", ISOLATIONS)
    page_size, socket_mem = options.raw("hugepage_size"), options.raw("socket_mem")
    if socket_mem is not None and not isinstance(socket_mem, dict):
        raise options.wrong("socket_mem", _NODE_NUMBERS, "Write the MiB of each node so.")
    return Intent(
        nics=nics,
        vhost_ports=vhost_ports,
        guests=guests,
        pmd_cores=options.counts("pmd_cores", 0 if isinstance(options.raw("pmd_cores"), dict) else 1),
        pmd_cores_per_nic=options.count("pmd_cores_per_nic", 1, MAX_COUNT),
        siblings=options.flag("siblings", default=True),
        host_cpus=_host_cpus(options),
        host_cores=options.counts("host_cores", 0),
        hugepage_size=None if page_size is None else options.size("hugepage_size", page_size),
        socket_mem=None if socket_mem is None else options.nodes("socket_mem", 0),
        memory_for_host=options.sizes("memory_for_host"),
        isolation=isolation,
        # both are boot arguments, which the other kinds of isolation are there to do without
        nohz_full=options.flag("nohz_full", default=isolation == "isolcpus"),
        rcu_nocbs=options.flag("rcu_nocbs", default=isolation == "isolcpus"),
        iommu=None if options.raw("iommu") is None else options.flag("iommu", default=True),
        rxq_affinity=options.flag("rxq_affinity", default=True),
    )


def _host_cpus(options: Options) -> CpuSet | None:
    given = options.raw("host_cpus")
    if given is None:
        return None
    try:
        cpus = parse_cpu_list(given)
    except (TypeError, ValueError):
        cpus = frozenset()
    if not cpus:
        raise options.wrong("host_cpus", "It is a CPU list with one CPU at least, such as 0,20.", "Write such a list.")
    return cpus


def _nic(number: int, given: t.Any) -> NicIntent:
    options = Options(f"nics[{number}]", given, _NIC_OPTIONS)
    device = options.text("device")
    if device is None:
        raise options.wrong("device", "A NIC is a PCI address, an interface name or a MAC address.", "Give one.")
    port = options.text("port") or f"dpdk{number}"
    check_port_name(port, "port")
    mtu = options.count("mtu", MIN_MTU, MAX_MTU) or DEFAULT_MTU
    return NicIntent(device, port, options.count("rx_queues", 1, MAX_QUEUES) or 1, mtu, options.text("bridge"))


def _guest(given: t.Any) -> GuestIntent:
    name = str(given.get("name")) if isinstance(given, dict) else "?"
    options = Options(f"guest {name}", given, _GUEST_OPTIONS)
    for required in ("name", "vcpus", "memory"):
        if options.raw(required) is None:
            raise options.wrong(required, "A guest has a name, vcpus and memory.", "Give it.")
    return GuestIntent(
        name=options.text("name") or name,
        vcpus=options.number("vcpus", options.raw("vcpus"), 1, MAX_COUNT),
        memory=options.size("memory", options.raw("memory")),
        node=options.count("node", 0, MAX_COUNT),
        ports=tuple(str(port) for port in options.items("ports")),
        cores=options.choice("cores", CORE_MODES),
    )


def _vhost_ports(given: Sequence[t.Any], nics: Sequence[NicIntent], guests: Sequence[GuestIntent]) -> tuple[VhostIntent, ...]:
    """Return the ports in vhost_ports, and those that only a guest names, with their guests."""
    physical = {nic.port for nic in nics}
    named = [guest.name for guest in guests]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"guest {twice}", "guests[].name", twice, "Each name can be given once.", "Rename one of the two.")
    ports: dict[str, VhostIntent] = {}
    for one in given:
        options = Options("vhost port", one, _VHOST_OPTIONS)
        name, guest = options.text("name"), options.text("guest")
        if name is None:
            raise options.wrong("name", "A port has a name.", "Give it.")
        check_port_name(name)
        if name in ports:
            raise InputError(f"port {name}", "vhost_ports[].name", name, "Each name can be given once.", "Remove one of the two.")
        if guest is not None and guest not in named:
            known = ", ".join(named) or "none"
            raise InputError(f"port {name}", "guest", guest, f"Guests of the plan are: {known}.", "Name one of them.")
        ports[name] = VhostIntent(name, options.count("mtu", MIN_MTU, MAX_MTU) or DEFAULT_MTU, guest)
    for owner in guests:
        for name in owner.ports:
            if name in physical:
                continue
            check_port_name(name)
            port = ports.get(name, VhostIntent(name, DEFAULT_MTU, owner.name))
            if port.guest not in (None, owner.name):
                raise InputError(f"guest {owner.name}", "ports", name, f"The port is that of guest {port.guest}.", "Give it to one of them.")
            ports[name] = dataclasses.replace(port, guest=owner.name)
    check_names_unique([*(nic.port for nic in nics), *ports], "port")
    return tuple(ports.values())
