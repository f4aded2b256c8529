# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each release of Open vSwitch reads: keys, values and port types (private to this collection).

The one place for facts about releases. A release here is the first (or, with *until*, the first no more) of v2.5.0 to v3.7.0 and branch-4.0
whose sources name the key, checked with ``git grep`` over these tags; the NEWS file says why. Bounds, units and what needs a restart are
from vswitchd/vswitch.xml and from the code that reads the key (lib/dpdk.c, lib/netdev-dpdk.c, lib/dpif-netdev.c, lib/dpif-offload.c).

Where a running switch can be asked (``iface_types``, ``dpdk_initialized``), ask it; this file is for what it cannot say: which keys it reads.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import cpus

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Release = tuple[int, int]
Kind = t.Literal["bool", "int", "choice", "mask", "per_numa", "pairs", "path", "text"]
Effect = t.Literal["live", "dpdk", "restart"]
# What parse returns: bool; int; str; CpuSet for a mask; one number a node; (number, what follows the colon) pairs
Value = t.Union[bool, int, str, "cpus.CpuSet", "tuple[int, ...]", "tuple[tuple[int, int | None], ...]"]

OLDEST: Release = (2, 5)
NEWEST: Release = (4, 0)
UINT32_MAX = 2**32 - 1

# netdev_dpdk_set_mtu: RTE_ETHER_MIN_MTU, and NETDEV_DPDK_MAX_PKT_LEN less Ethernet header, FCS and two VLAN tags
MIN_MTU = 68
MAX_MTU = 9702
# NIC_PORT_MAX_Q_SIZE in lib/netdev-dpdk.c up to 3.5; since 3.6 the device limits it alone
MAX_DESCRIPTORS = 4096
# Linux, include/uapi/linux/limits.h
NAME_MAX = 255
# RTE_MAX_QUEUES_PER_PORT as DPDK is built by default (config/rte_config.h)
MAX_QUEUES = 1024
# netdev_dpdk_set_policing and rte_meter, since this release for two rates and three colours
TRTCM_SINCE: Release = (2, 13)
EGRESS_POLICER_SINCE: Release = (2, 6)


def parse_version(text: str) -> Release:
    """Return (major, minor) of ``3.1.0``, ``v3.5``, ``3.1.0-2+deb12u1`` or ``ovs-vswitchd (Open vSwitch) 3.1.0``. Raises ValueError."""
    match = re.search(r"(?:^|[v\s])(\d+)\.(\d+)", text)
    if not match:
        raise ValueError(f"{text!r} is not a release of Open vSwitch such as 3.1.0")
    return int(match[1]), int(match[2])


def format_release(release: Release) -> str:
    """Return ``3.1`` for (3, 1)."""
    return f"{release[0]}.{release[1]}"


class OtherConfigKey(t.NamedTuple):
    """A key of the column other_config of the table Open_vSwitch.

    *effect*: ``live`` keys are read at any time, ``dpdk`` keys once, when DPDK is initialised, ``restart`` keys at the start of the daemon
    (see needs_restart).
    *since* is the first release that reads it, *until* the first that does not any more, *deprecated* the first that warns of it.
    *choices* have the release that knows them. *default* is what Open vSwitch does without the key, as text.
    """

    key: str
    kind: Kind
    since: Release
    effect: Effect = "live"
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[tuple[str, Release], ...] = ()
    unit: str = ""
    default: str = ""
    until: Release | None = None
    deprecated: Release | None = None
    replaced_by: str = ""
    discouraged: str = ""
    note: str = ""

    @property
    def option(self) -> str:
        """Return the key as an Ansible option: ``dpdk_socket_mem``."""
        return self.key.replace("-", "_")


class InterfaceOption(t.NamedTuple):
    """A key of the column *column* (options or other_config) of the table Interface, for ports of *types*."""

    key: str
    kind: Kind
    since: Release
    types: tuple[str, ...]
    column: t.Literal["options", "other_config"] = "options"
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[tuple[str, Release], ...] = ()
    default: str = ""
    until: Release | None = None
    note: str = ""

    @property
    def option(self) -> str:
        """Return the key as an Ansible option."""
        return self.key.replace("-", "_")


class PortType(t.NamedTuple):
    """A type of the table Interface for the userspace datapath with DPDK."""

    name: str
    since: Release
    until: Release | None = None
    deprecated: Release | None = None
    replaced_by: str = ""


def _choices(*names: str, since: Release = OLDEST, **later: Release) -> tuple[tuple[str, Release], ...]:
    return tuple((name, since) for name in names) + tuple(later.items())


_KEYS = (
    # --- DPDK itself ---
    OtherConfigKey(
        "dpdk-init",
        "choice",
        (2, 6),
        "dpdk",
        choices=_choices("false", "true", since=(2, 6), **{"try": (2, 10)}),
        default="false",
        note="true ends the daemon where DPDK cannot be initialised, try lets it go on without; the first change to true initialises it at once",
    ),
    OtherConfigKey(
        "dpdk-socket-mem",
        "per_numa",
        (2, 6),
        "dpdk",
        unit="MB",
        note="hugepage memory taken at the start, one number for each NUMA node; 1024 for each node by default up to 2.16, none since 2.17",
    ),
    OtherConfigKey(
        "dpdk-socket-limit",
        "per_numa",
        (2, 11),
        "dpdk",
        unit="MB",
        note="0 is no limit for a node; up to 2.16 it was dpdk-socket-mem by default, since 2.17 there is none (in 2.11.0, though NEWS has it under 2.12)",
    ),
    OtherConfigKey(
        "dpdk-alloc-mem",
        "int",
        (2, 6),
        "dpdk",
        minimum=0,
        unit="MB",
        note="regardless of the NUMA node; dpdk-socket-mem wins over it and is the one to use",
    ),
    OtherConfigKey("dpdk-hugepage-dir", "path", (2, 6), "dpdk", default="the first hugetlbfs mount that DPDK finds"),
    OtherConfigKey("dpdk-extra", "text", (2, 6), "dpdk", note="arguments of the DPDK EAL; they win over the keys with the same meaning"),
    OtherConfigKey(
        "dpdk-lcore-mask",
        "mask",
        (2, 6),
        "dpdk",
        discouraged="it pins all main, handler and revalidator threads to its lowest CPU",
    ),
    OtherConfigKey(
        "dpdk-probe-at-init",
        "bool",
        (4, 0),
        "dpdk",
        default="false",
        note="before 4.0 all devices were probed; devargs class=eth,mac=... need it to be true",
    ),
    # --- vhost-user ---
    OtherConfigKey("vhost-sock-dir", "path", (2, 6), "dpdk", default="the run directory", note="below the run directory of Open vSwitch; it has to exist"),
    OtherConfigKey("vhost-iommu-support", "bool", (2, 9), "dpdk", default="false", note="dpdkvhostuserclient ports only; QEMU 2.9.1"),
    OtherConfigKey("vhost-postcopy-support", "bool", (2, 12), "dpdk", default="false", note="dpdkvhostuserclient ports only; not with --mlockall before 3.4"),
    # --- memory pools ---
    OtherConfigKey("per-port-memory", "bool", (2, 10), "dpdk", default="false"),
    OtherConfigKey("shared-mempool-config", "pairs", (3, 0), "dpdk", minimum=MIN_MTU, maximum=MAX_MTU, note="MTU or MTU:NUMA node, for instance 9000,1500:1"),
    # --- PMD threads ---
    OtherConfigKey("pmd-cpu-mask", "mask", OLDEST, default="one PMD thread on any CPU of each NUMA node; up to 2.6 only of nodes with a DPDK port"),
    OtherConfigKey(
        "pmd-rxq-assign",
        "choice",
        (2, 11),
        choices=_choices("cycles", "roundrobin", since=(2, 11), group=(2, 16)),
        default="cycles",
    ),
    OtherConfigKey("pmd-rxq-isolate", "bool", (2, 16), default="true", note="false only together with pmd-rxq-assign=group"),
    OtherConfigKey("pmd-auto-lb", "bool", (2, 11), default="false", note="experimental up to 2.16; not with pmd-rxq-assign=roundrobin"),
    OtherConfigKey("pmd-auto-lb-rebal-interval", "int", (2, 11), minimum=0, maximum=20000, unit="min", default="1"),
    OtherConfigKey("pmd-auto-lb-load-threshold", "int", (2, 15), minimum=0, maximum=100, unit="%", default="95"),
    OtherConfigKey("pmd-auto-lb-improvement-threshold", "int", (2, 15), minimum=0, maximum=100, unit="%", default="25"),
    OtherConfigKey(
        "pmd-sleep-max",
        "pairs",
        (3, 2),
        minimum=0,
        maximum=10000,
        unit="us",
        default="0",
        note="one number for all PMD threads; since 3.3 also CPU:number, for instance 50,2:0",
    ),
    OtherConfigKey(
        "pmd-maxsleep",
        "int",
        (3, 1),
        minimum=0,
        maximum=10000,
        unit="us",
        default="0",
        deprecated=(3, 2),
        replaced_by="pmd-sleep-max",
        note="read only where pmd-sleep-max is not set",
    ),
    OtherConfigKey("pmd-perf-metrics", "bool", (2, 10), default="false", note="costs about 1 % of the throughput"),
    # --- flow caches of the userspace datapath ---
    OtherConfigKey("emc-insert-inv-prob", "int", (2, 8), minimum=0, maximum=UINT32_MAX, default="100", note="1 inserts every flow, 0 none"),
    OtherConfigKey("smc-enable", "bool", (2, 10), default="false"),
    # --- sending, segmentation ---
    OtherConfigKey("tx-flush-interval", "int", (2, 9), minimum=0, maximum=1_000_000, unit="us", default="0"),
    OtherConfigKey("userspace-tso-enable", "bool", (2, 13), "restart", default="false", note="experimental"),
    # --- hardware offload ---
    OtherConfigKey("hw-offload", "bool", (2, 8), "restart", default="false"),
    OtherConfigKey("hw-offload-priority", "text", (3, 7), "restart", default="tc,dpdk"),
    OtherConfigKey("n-offload-threads", "int", (2, 17), "restart", minimum=1, maximum=10, default="1", note="userspace datapath, with hw-offload"),
    OtherConfigKey("offload-rebalance", "bool", (2, 11), "restart", default="false", note="with hw-offload and tc-policy=skip_sw"),
    OtherConfigKey("tc-policy", "choice", (2, 8), "restart", choices=_choices("none", "skip_sw", "skip_hw", since=(2, 8)), default="none"),
    # --- handling of flows ---
    OtherConfigKey("n-handler-threads", "int", OLDEST, minimum=1, note="the userspace datapath has none since 2.16 and does not look at it"),
    OtherConfigKey("n-revalidator-threads", "int", OLDEST, minimum=1, default="a quarter of the CPUs, plus one"),
    OtherConfigKey("flow-limit", "int", OLDEST, minimum=0, default="200000"),
    OtherConfigKey("max-idle", "int", OLDEST, minimum=500, unit="ms", default="10000"),
    OtherConfigKey("max-revalidator", "int", (2, 13), minimum=100, unit="ms", default="500"),
    OtherConfigKey("min-revalidate-pps", "int", (2, 13), minimum=0, default="5", note="0 (always revalidate) since 3.2"),
    OtherConfigKey("offloaded-stats-delay", "int", (3, 2), minimum=0, unit="ms", default="2000"),
    OtherConfigKey("explicit-sampled-drops", "bool", (3, 4), default="false"),
    OtherConfigKey("bundle-idle-timeout", "int", (2, 10), minimum=1, unit="s", default="10"),
    OtherConfigKey("stats-update-interval", "int", OLDEST, minimum=5000, unit="ms", default="5000"),
    OtherConfigKey("vlan-limit", "int", (2, 8), minimum=0, default="1"),
    # --- gone ---
    OtherConfigKey(
        "n-dpdk-rxqs",
        "int",
        OLDEST,
        minimum=1,
        until=(2, 6),
        replaced_by="options:n_rxq of each Interface",
    ),
)

KEYS: Mapping[str, OtherConfigKey] = {key.key: key for key in _KEYS}
OPTIONS: Mapping[str, OtherConfigKey] = {key.option: key for key in _KEYS}

# Keys that guides and roles set and that the sources of no release name
NEVER_READ: Mapping[str, str] = {
    "dpdk-mem-channels": "give the number of memory channels as -n in dpdk-extra, or leave it to DPDK, which finds it",
}

_PHYSICAL = ("dpdk",)
_VHOST = ("dpdkvhostuser", "dpdkvhostuserclient")
_CLIENT = ("dpdkvhostuserclient",)
_ALL = _PHYSICAL + _VHOST

_INTERFACE_OPTIONS = (
    InterfaceOption("dpdk-devargs", "text", (2, 7), _PHYSICAL, note="2.6 takes the device from the name of the port, dpdk0, dpdk1, ..."),
    InterfaceOption(
        "n_rxq", "int", (2, 6), _PHYSICAL, minimum=1, maximum=MAX_QUEUES, default="1", note="for vhost-user ports the guest decides (queues of QEMU)"
    ),
    InterfaceOption(
        "n_rxq_desc", "int", (2, 7), _PHYSICAL, minimum=1, default="2048", note="a power of 2, at most 4096 up to 3.5 and what the device can since 3.6"
    ),
    InterfaceOption(
        "n_txq_desc", "int", (2, 7), _PHYSICAL, minimum=1, default="2048", note="a power of 2, at most 4096 up to 3.5 and what the device can since 3.6"
    ),
    InterfaceOption("rx-flow-ctrl", "bool", (2, 6), _PHYSICAL, default="false"),
    InterfaceOption("tx-flow-ctrl", "bool", (2, 6), _PHYSICAL, default="false"),
    InterfaceOption("flow-ctrl-autoneg", "bool", (2, 6), _PHYSICAL, default="false"),
    InterfaceOption("dpdk-lsc-interrupt", "bool", (2, 10), _PHYSICAL, default="true", note="the default was false up to 3.3"),
    InterfaceOption("dpdk-vf-mac", "text", (2, 15), _PHYSICAL, note="VF representors only"),
    InterfaceOption(
        "rx-steering", "choice", (3, 2), _PHYSICAL, choices=_choices("rss", "rss+lacp", since=(3, 2)), default="rss", note="rss+lacp not with hw-offload"
    ),
    InterfaceOption("vhost-server-path", "path", (2, 6), _CLIENT, note="the socket that QEMU creates"),
    InterfaceOption("tx-retries-max", "int", (2, 12), _CLIENT, minimum=0, maximum=32, default="8"),
    InterfaceOption(
        "vhost-max-queue-pairs", "int", (3, 5), _CLIENT, minimum=1, maximum=128, default="1", note="VDUSE only; vhost-user backends do not look at it"
    ),
    InterfaceOption("dq-zero-copy", "bool", (2, 9), _CLIENT, default="false", until=(2, 15), note="vhost dequeue zero copy, experimental"),
    InterfaceOption("rx-checksum-offload", "bool", (2, 7), _PHYSICAL, default="true", until=(2, 8), note="always on since 2.8"),
    InterfaceOption("pmd-rxq-affinity", "pairs", (2, 6), _ALL, column="other_config", minimum=0, maximum=MAX_QUEUES - 1, note="rx queue:CPU"),
    InterfaceOption("emc-enable", "bool", (2, 11), _ALL, column="other_config", default="true"),
    InterfaceOption("tx-steering", "choice", (2, 17), _ALL, column="other_config", choices=_choices("thread", "hash", since=(2, 17)), default="thread"),
    InterfaceOption("hw-offload-priority", "text", (3, 7), _ALL, column="other_config"),
)

INTERFACE_OPTIONS: Mapping[str, InterfaceOption] = {option.key: option for option in _INTERFACE_OPTIONS}

_PORT_TYPES = (
    PortType("dpdk", OLDEST),
    PortType("dpdkvhostuserclient", (2, 6)),
    PortType("dpdkvhostuser", OLDEST, deprecated=(2, 8), replaced_by="dpdkvhostuserclient"),
    PortType(
        "dpdkr",
        OLDEST,
        until=(2, 14),
        deprecated=(2, 13),
        replaced_by="a dpdkvhostuserclient port with a virtio-user device in the other process, or a dpdk port with dpdk-devargs=net_ring0 inside this one",
    ),
    PortType("dpdkvhostcuse", OLDEST, until=(2, 6), replaced_by="dpdkvhostuserclient"),
)

PORT_TYPES: Mapping[str, PortType] = {kind.name: kind for kind in _PORT_TYPES}

# Those of lib/netdev-dpdk.c; other types of port are of the kernel, or have no device
DPDK_TYPES = ("dpdk", "dpdkr", "dpdkvhostcuse", "dpdkvhostuser", "dpdkvhostuserclient")


def needs_restart(key: OtherConfigKey, value: Value | None, *, dpdk_initialized: bool) -> bool:
    """Return whether a change of *key* to *value* (None: removed) has an effect only after a restart of ovs-vswitchd.

    dpdk_init() in lib/dpdk.c reads its keys once, at the first dpdk-init=true or try that it sees, be it at the start or later: until then none
    of them needs a restart, and after that all do. An attempt that failed is not repeated: where dpdk-init is set and dpdk_initialized stays
    false, only a restart helps, which this function cannot know.
    """
    if key.effect == "dpdk":
        return dpdk_initialized and not (key.key == "dpdk-init" and value in {"true", "try"})
    return key.effect == "restart"


def check_key(name: str, release: Release) -> list[str]:
    """Return warnings on setting key *name* with *release*: not read yet, not any more, renamed, discouraged, of another table, or never read."""
    known = KEYS.get(name)
    if not known:
        return [_unknown(name)]
    wanted = f"other_config:{name}"
    now = format_release(release)
    if release < known.since:
        return [f"{wanted} is read since Open vSwitch {format_release(known.since)}; {now} does not look at it"]
    instead = f"; use {known.replaced_by}" if known.replaced_by else ""
    if known.until and release >= known.until:
        return [f"{wanted} is not read since Open vSwitch {format_release(known.until)}; {now} does not look at it{instead}"]
    if known.deprecated and release >= known.deprecated:
        return [f"{wanted} is deprecated since Open vSwitch {format_release(known.deprecated)}{instead}"]
    if known.discouraged:
        return [f"{wanted} is discouraged: {known.discouraged}"]
    return []


def _unknown(name: str) -> str:
    if name in NEVER_READ:
        return f"other_config:{name} was never read by any Open vSwitch; {NEVER_READ[name]}"
    interface = INTERFACE_OPTIONS.get(name)
    if interface:
        return f"{name} is not a key of the table Open_vSwitch; it is {interface.column}:{name} of an Interface"
    return f"other_config:{name} is not known: no Open vSwitch from {format_release(OLDEST)} to {format_release(NEWEST)} reads it for its datapath"


def check_value(key: OtherConfigKey | InterfaceOption, value: Value, release: Release) -> list[str]:
    """Return warnings on *value* (from parse) where *release* reads the key but not this value."""
    now = format_release(release)
    wanted = f"{key.key}={format_value(value)}"
    since = dict(key.choices).get(str(value))
    if since and release < since:
        return [f"{wanted} is known since Open vSwitch {format_release(since)}; {now} takes it for {key.default}"]
    if key.key == "pmd-sleep-max" and release < (3, 3) and not _is_single(value):
        return [f"{wanted}: a value for single CPUs is known since Open vSwitch 3.3; {now} cannot read it"]
    if key.key == "dpdk-socket-mem" and isinstance(value, tuple) and not any(value) and release < (2, 11):
        return [f"{wanted}: DPDK before 18.05 does not start with no memory at all"]
    if key.key == "min-revalidate-pps" and value == 0 and release < (3, 2):
        return [f"{wanted}: 0 is known since Open vSwitch 3.2"]
    if key.key in {"n_rxq_desc", "n_txq_desc"} and isinstance(value, int) and value > MAX_DESCRIPTORS and release < (3, 6):
        return [f"{wanted}: more than {MAX_DESCRIPTORS} is possible since Open vSwitch 3.6; {now} takes it for {key.default}"]
    return []


def check_interface_option(name: str, port_type: str, release: Release) -> list[str]:
    """Return warnings on setting *name* on a port of *port_type* with *release*: not read by this release or for this type."""
    known = INTERFACE_OPTIONS.get(name)
    if not known:
        return [f"{name} is not an option of DPDK ports that is known here"]
    wanted = f"{known.column}:{name}"
    if port_type not in known.types:
        return [f"{wanted} has no effect on a port of type {port_type}; it is for {' and '.join(known.types)}"]
    if release < known.since:
        return [f"{wanted} is read since Open vSwitch {format_release(known.since)}; {format_release(release)} does not look at it"]
    if known.until and release >= known.until:
        return [f"{wanted} is not read since Open vSwitch {format_release(known.until)}"]
    return []


def describe_missing_type(name: str, *, initialized: bool = True) -> str:
    """Return why a switch does not have port type *name* and what to do: since when it is gone and what replaces it, or what else is missing.

    *initialized* is the column dpdk_initialized of the switch.
    """
    known = PORT_TYPES.get(name)
    if not known:
        return f"Port types for DPDK are {', '.join(kind.name for kind in _PORT_TYPES if not kind.until)}."
    if known.until:
        return f"Port type {name} is gone since Open vSwitch {format_release(known.until)}; what replaces it: {known.replaced_by}."
    if not initialized:
        return f"Port type {name} is there once DPDK is initialised, and it is not: set dpdk-init, or look into the log of ovs-vswitchd."
    since = format_release(known.since)
    return f"Port type {name} is in Open vSwitch since {since} where it was built with DPDK (Debian: package openvswitch-switch-dpdk)."


def describe_deprecated_type(name: str, release: Release) -> str | None:
    """Return a warning where *release* deprecates port type *name*, else None."""
    known = PORT_TYPES.get(name)
    if not known or not known.deprecated or release < known.deprecated:
        return None
    return f"port type {name} is deprecated since Open vSwitch {format_release(known.deprecated)}; what replaces it: {known.replaced_by}"


def parse(key: OtherConfigKey | InterfaceOption, given: t.Any) -> Value:
    """Return the value of *given*, as a playbook or the database has it. Raises ValueError that says what is possible.

    bool: a boolean, ``true`` or ``false`` in any case; vswitchd reads nothing else. choice: one of them (a boolean for dpdk-init). mask: a mask
    as text, or CPUs as numbers in a list. per_numa: ``"1024,0"``, a list, a dictionary of nodes, or one number for node 0.
    pairs: ``"50,2:0"`` or one number.
    """
    if isinstance(given, float):
        raise ValueError(f"{given!r} is not possible; {possible(key)}")  # noqa: TRY004 - one kind of error for all that cannot be read
    return _PARSERS[key.kind](key, given)


def possible(key: OtherConfigKey | InterfaceOption) -> str:
    """Return what is possible, for messages and documentation: ``it is a whole number from 0 to 100 (%)``."""
    unit = f" ({key.unit})" if isinstance(key, OtherConfigKey) and key.unit else ""
    return {
        "bool": "it is true or false",
        "int": f"it is a whole number {_bounds(key)}{unit}",
        "choice": f"it is one of {', '.join(name for name, _since in key.choices)}",
        "mask": "it is a hexadecimal mask such as 0x400004 with at least one CPU",
        "per_numa": f"it is one whole number{unit} for each NUMA node, such as 1024,0",
        "pairs": f"it is a list of numbers {_bounds(key)}{unit} or of pairs with a colon; {key.note}",
        "path": "it is a path without control characters",
        "text": "it is text without control characters",
    }[key.kind]


def _bounds(key: OtherConfigKey | InterfaceOption) -> str:
    return f"from {key.minimum}" + ("" if key.maximum is None else f" to {key.maximum}")


def _number(key: OtherConfigKey | InterfaceOption, given: t.Any) -> int:
    """Return a whole number, without looking at the bounds."""
    if isinstance(given, bool) or not re.fullmatch(r"\s*-?[0-9]+\s*", str(given)):
        raise ValueError(f"{given!r} is not possible; {possible(key)}")
    return int(given)


def _bounded(key: OtherConfigKey | InterfaceOption, number: int) -> int:
    if (key.minimum is not None and number < key.minimum) or (key.maximum is not None and number > key.maximum):
        raise ValueError(f"{number} is out of range; {possible(key)}")
    return number


def _parse_bool(key: OtherConfigKey | InterfaceOption, given: t.Any) -> bool:
    text = str(given).strip().lower()
    if text not in {"true", "false"}:
        raise ValueError(f"{given!r} is not possible; {possible(key)}")
    return text == "true"


def _parse_int(key: OtherConfigKey | InterfaceOption, given: t.Any) -> int:
    number = _bounded(key, _number(key, given))
    if key.key in {"n_rxq_desc", "n_txq_desc"} and number & (number - 1):
        raise ValueError(f"{number} is not a power of 2, so that Open vSwitch would take {key.default} instead; {possible(key)} and a power of 2")
    return number


def _parse_choice(key: OtherConfigKey | InterfaceOption, given: t.Any) -> str:
    text = str(given).strip()
    if key.key == "dpdk-init":
        text = text.lower()  # vswitchd compares this one without regard to case
    if text not in dict(key.choices):
        raise ValueError(f"{given!r} is not possible; {possible(key)}")
    return text


def _parse_mask(key: OtherConfigKey | InterfaceOption, given: t.Any) -> cpus.CpuSet:
    chosen = cpus.parse_mask(given) if isinstance(given, str) else cpus.parse_cpu_list(given)
    if not chosen:
        raise ValueError(f"{given!r} has no CPU; {possible(key)}")
    return chosen


def _parse_per_numa(key: OtherConfigKey | InterfaceOption, given: t.Any) -> tuple[int, ...]:
    if isinstance(given, dict):
        nodes = {_number(key, node): number for node, number in given.items()}
        if not nodes or min(nodes) < 0 or max(nodes) > MAX_QUEUES:
            raise ValueError(f"{given!r} is not possible; {possible(key)}")
        given = [nodes.get(node, 0) for node in range(max(nodes) + 1)]
    items = given.split(",") if isinstance(given, str) else given
    numbers = tuple(_number(key, item) for item in (items if isinstance(items, (list, tuple)) else [items]))
    if not numbers or min(numbers) < 0:
        raise ValueError(f"{given!r} is not possible; {possible(key)}")
    return numbers


def _parse_pairs(key: OtherConfigKey | InterfaceOption, given: t.Any) -> tuple[tuple[int, int | None], ...]:
    """Return (number, number after the colon or None) pairs in the order given. The bounds are for what the key measures."""
    items = given if isinstance(given, (list, tuple)) else str(given).split(",")
    pairs: list[tuple[int, int | None]] = []
    for item in items:
        first, colon, second = str(item).partition(":")
        pair = (_number(key, first), _number(key, second) if colon else None)
        measured, other = (pair[1], pair[0]) if key.key == "pmd-sleep-max" and pair[1] is not None else pair
        _bounded(key, measured)
        if other is not None and not 0 <= other < cpus.MAX_CPUS:
            raise ValueError(f"{item!r} is not possible; {possible(key)}")
        if key.key == "pmd-rxq-affinity" and pair[1] is None:
            raise ValueError(f"{item!r} has no CPU; write rx queue:CPU, for instance 0:2,1:22")
        pairs.append(pair)
    return tuple(pairs)


def _parse_text(key: OtherConfigKey | InterfaceOption, given: t.Any) -> str:
    if not isinstance(given, str) or not given.strip() or not given.isprintable():
        raise ValueError(f"{given!r} is not possible; {possible(key)}")
    return given.strip()


def _parse_path(key: OtherConfigKey | InterfaceOption, given: t.Any) -> str:
    text = _parse_text(key, given)
    if key.key == "vhost-sock-dir":
        # parse_vhost_config in lib/netdev-dpdk.c puts the run directory in front, and falls back to it for '..' or more than NAME_MAX
        if text.startswith("/") or ".." in text or len(text) > NAME_MAX:
            raise ValueError(f"{given!r} is not possible; it is a path below the run directory of Open vSwitch, without / in front and without '..'")
    elif not text.startswith("/"):
        raise ValueError(f"{given!r} is not possible; it is an absolute path")
    return text.rstrip("/") or "/"


_PARSERS: Mapping[str, t.Callable[[OtherConfigKey | InterfaceOption, t.Any], Value]] = {
    "bool": _parse_bool,
    "int": _parse_int,
    "choice": _parse_choice,
    "mask": _parse_mask,
    "per_numa": _parse_per_numa,
    "pairs": _parse_pairs,
    "path": _parse_path,
    "text": _parse_text,
}


def format_value(value: Value) -> str:
    """Return *value* (from parse) as the database has it; a mask without ``0x``, which every release reads without a warning."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, frozenset):
        return cpus.format_bare_mask(value)
    if isinstance(value, tuple):
        return ",".join(_format_item(item) for item in value)
    return str(value)


def _format_item(item: int | tuple[int, int | None]) -> str:
    if isinstance(item, int):
        return str(item)
    return str(item[0]) if item[1] is None else f"{item[0]}:{item[1]}"


def _is_single(value: Value) -> bool:
    return isinstance(value, tuple) and len(value) == 1 and (isinstance(value[0], int) or value[0][1] is None)


def same(key: OtherConfigKey | InterfaceOption, one: t.Any, other: t.Any) -> bool:
    """Return whether two values as a playbook or the database has them mean the same to vswitchd; what cannot be read equals only itself.

    Masks compare as CPUs, booleans in any case, numbers for NUMA nodes without zeros at the end, pairs in any order.
    """
    try:
        return bool(_meaning(key, parse(key, one)) == _meaning(key, parse(key, other)))
    except ValueError:
        equal: bool = one == other
        return equal


def same_value(name: str, one: str, other: str) -> bool:
    """Return what same says for key or option *name* of any table; a name that is not known compares as text."""
    key = KEYS.get(name) or INTERFACE_OPTIONS.get(name)
    return same(key, one, other) if key else one == other


def _meaning(key: OtherConfigKey | InterfaceOption, value: Value) -> t.Any:
    if key.kind == "per_numa" and isinstance(value, tuple):
        used = [index for index, number in enumerate(value) if number]
        return value[: max(used, default=-1) + 1]
    if key.kind == "pairs" and isinstance(value, tuple):
        return frozenset(value)
    return value


def unknown_keys(names: Iterable[str], release: Release) -> dict[str, list[str]]:
    """Return the warnings of check_key for each of *names* that starts as a key of DPDK or its PMD threads does (others are somebody else's)."""
    ours = re.compile(r"(?:dpdk|pmd|vhost|emc|smc|n-dpdk|userspace-tso)-")
    found = {name: check_key(name, release) for name in sorted(names) if name in KEYS or name in NEVER_READ or ours.match(name)}
    return {name: warnings for name, warnings in found.items() if warnings}
