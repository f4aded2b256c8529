# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of other_config of Open_vSwitch: from options to values, and what waits for a restart (private to this collection).

Nothing in the database says what a running ovs-vswitchd works with where a key is read once. So each transaction that changes such a key also
writes a note into external_ids: which daemon it is about (process id and start time), and for each key the value that this daemon runs with. A
note about a daemon that is gone says nothing any more.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import DAEMON, NoDaemonError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import releases
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import parse_size

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_pmd import PmdSleep
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import Memory
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Switch
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.releases import OtherConfigKey, Release

SUBJECT = "Open vSwitch"
NOTE_KEY = "ovs-dpdk-restart-pending"
MASK_KEY = "pmd-cpu-mask"
INIT_KEY = "dpdk-init"
SLEEP_KEY, OLD_SLEEP_KEY = "pmd-sleep-max", "pmd-maxsleep"
MIB = 2**20

# Keys of the registry that are no options: module pmd_mask has the first, pmd_sleep_max writes the second, no supported release reads the third
NO_OPTIONS = frozenset({MASK_KEY, OLD_SLEEP_KEY, "n-dpdk-rxqs"})
OPTIONS: Mapping[str, OtherConfigKey] = {name: key for name, key in releases.OPTIONS.items() if key.key not in NO_OPTIONS}

_OF_DPDK = re.compile(r"(?:n-)?(?:dpdk|pmd|vhost|emc|smc)-.*|per-port-memory|shared-mempool-config|tx-flush-interval|userspace-tso-enable")
# All that state=absent clears: keys of DPDK, vhost-user, PMD threads, flow caches and memory pools, also the ones that nobody reads
DPDK_KEYS = frozenset(key for key in {*releases.KEYS, *releases.NEVER_READ} if _OF_DPDK.fullmatch(key))


def option_type(key: OtherConfigKey) -> str:
    """Return the type of the Ansible option: text, so that an empty one clears; raw where it can be a dictionary, a list, or a quoted mask."""
    return "raw" if key.kind in {"per_numa", "pairs", "mask"} else "str"


def _refuse(option: str, given: t.Any, error: ValueError) -> InputError:
    reason = str(error).split("; ", 1)[-1]
    return InputError(SUBJECT, option, given, f"{reason[:1].upper()}{reason[1:]}.", "Correct the value; an empty one clears the key.")


def _megabytes(item: t.Any) -> t.Any:
    """Return a size such as ``1G`` in MB; a number stays as it is."""
    text = str(item).strip()
    if isinstance(item, bool) or re.fullmatch(r"-?\d*", text):
        return item
    size = parse_size(text)
    if size % MIB:
        raise ValueError(f"{text!r} is not a whole number of MB")
    return size // MIB


def _sizes(given: t.Any) -> t.Any:
    """Return the sizes by NUMA node with each size in MB."""
    if isinstance(given, dict):
        return {node: _megabytes(size) for node, size in given.items()}
    items = given.split(",") if isinstance(given, str) else given
    return [_megabytes(item) for item in (items if isinstance(items, (list, tuple)) else [items])]


def parse_option(key: OtherConfigKey, option: str, given: t.Any) -> releases.Value | None:
    """Return the value of an option, None for an empty one, which clears. Raises InputError."""
    if given is None or (isinstance(given, (str, list, dict)) and not given):
        return None
    try:
        if key.kind == "bool" and not isinstance(given, bool):
            given = boolean(given)
        elif key.kind == "per_numa":
            given = _sizes(given)
        elif key.kind == "mask" and not isinstance(given, (str, list)):
            raise _refuse(option, given, ValueError('it is a hexadecimal mask in quotes, such as "0x4"'))
        return releases.parse(key, given)
    except TypeError as error:
        raise _refuse(option, given, ValueError(releases.possible(key))) from error
    except ValueError as error:
        raise _refuse(option, given, error) from None


def sleep_key(release: Release | None) -> str:
    """Return what pmd-sleep-max is called in a release: 3.1 has another name for it."""
    old, new = releases.KEYS[OLD_SLEEP_KEY], releases.KEYS[SLEEP_KEY]
    return OLD_SLEEP_KEY if release is not None and old.since <= release < new.since else SLEEP_KEY


def sleep_keys(value: releases.Value | None, given: t.Any, release: Release | None) -> dict[str, releases.Value | None]:
    """Return the keys that option pmd_sleep_max sets and removes, so that only the name that the release goes by remains."""
    name = sleep_key(release)
    if value is None:
        return {SLEEP_KEY: None, OLD_SLEEP_KEY: None}
    if name == SLEEP_KEY:
        return {SLEEP_KEY: value, OLD_SLEEP_KEY: None}
    return {OLD_SLEEP_KEY: parse_option(releases.KEYS[OLD_SLEEP_KEY], "pmd_sleep_max", given)}


def free_form(given: Mapping[str, t.Any]) -> dict[str, releases.Value | None]:
    """Return the keys of option other_config; one of the registry has to be what the registry says. Raises InputError."""
    values: dict[str, releases.Value | None] = {}
    for name, value in given.items():
        option = f"other_config[{name}]"
        known = releases.KEYS.get(name)
        if name == MASK_KEY and value not in ("", None):
            raise InputError(SUBJECT, option, value, "Module nfv.ovs_dpdk.pmd_mask sets this key, and checks it against the host.", "Use that module.")
        if not name or not name.isprintable() or isinstance(value, (list, dict)):
            raise InputError(SUBJECT, option, value, "It maps names of keys to texts.", "Correct the name or the value.")
        if known:
            values[name] = parse_option(known, option, value)
        elif value in ("", None):
            values[name] = None
        else:
            values[name] = releases.format_value(value) if isinstance(value, bool) else str(value)
    return values


def check_nodes(option: str, given: t.Any, value: releases.Value, memory: Memory) -> None:
    """Refuse memory on a NUMA node that the host lacks. Raises InputError."""
    if not isinstance(value, tuple):
        return
    lacking = sorted(node for node, size in enumerate(value) if size and node not in memory.nodes)
    if lacking:
        possible = f"This host has no NUMA node {format_cpu_list(lacking)}; it has {format_cpu_list(memory.nodes)}."
        raise InputError(SUBJECT, option, given, possible, "Leave that node out.")


def memory_warnings(wanted: releases.Value, held: releases.Value | None, memory: Memory) -> list[str]:
    """Return a warning for each node with fewer free hugepages than dpdk-socket-mem takes at the next start; *held* is what the daemon has and gives back."""
    found = []
    back = held if isinstance(held, tuple) else ()
    for node, size in enumerate(wanted if isinstance(wanted, tuple) else ()):
        pools = memory.nodes[node].pools.values() if node in memory.nodes else ()
        free = sum(pool.free * pool.size for pool in pools) // MIB
        kept = back[node] if node < len(back) else 0
        if isinstance(size, int) and isinstance(kept, int) and size > free + kept:
            found.append(
                f"dpdk_socket_mem: {size} MB are asked for on NUMA node {node}, where hugepages of {free} MB are free"
                + (f" and ovs-vswitchd has {kept} MB" if kept else "")
                + ". DPDK cannot be initialised with that; allocate more with hugepage_alloc, or ask for less"
            )
    return found


def value_warnings(values: Mapping[str, releases.Value | None], release: Release) -> list[str]:
    """Return what the release makes of the keys to be set: not read, renamed, discouraged, or a value that it does not know."""
    found = []
    for name, value in values.items():
        if value is not None:
            known = releases.KEYS.get(name)
            found += [] if name == OLD_SLEEP_KEY and name == sleep_key(release) else releases.check_key(name, release)
            found += releases.check_value(known, value, release) if known else []
    return found


def together_warnings(config: Mapping[str, str]) -> list[str]:
    """Return keys that undo each other (pmd-rxq-assign in lib/dpif-netdev.c, set_pmd_auto_lb and dpif_netdev_set_config)."""
    assign = config.get("pmd-rxq-assign", "cycles")
    found = []
    if config.get("pmd-rxq-isolate") == "false" and assign != "group":
        found.append(f"pmd-rxq-isolate=false has no effect with pmd-rxq-assign={assign}, only with group")
    if config.get("pmd-auto-lb") == "true" and assign == "roundrobin":
        found.append("pmd-auto-lb=true has no effect with pmd-rxq-assign=roundrobin")
    return found


def typed(config: Mapping[str, str]) -> dict[str, t.Any]:
    """Return other_config with each value that the registry knows in its own type: bool, int, a list by node, CPUs as a list, else the text."""
    shown: dict[str, t.Any] = {}
    for name, text in sorted(config.items()):
        known = releases.KEYS.get(name)
        try:
            value = releases.parse(known, text) if known else text
        except ValueError:
            value = text
        if known and known.kind == "pairs":
            value = text
        shown[name] = format_cpu_list(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value
    return shown


def daemon_identity(daemon: Daemon, root: pathlib.Path) -> str | None:
    """Return process id and start time (clock ticks since boot, the 22nd field of /proc/PID/stat, proc(5)) of ovs-vswitchd; None where it does not run."""
    try:
        pid = daemon.pid()
    except NoDaemonError:
        return None
    name, _bracket, fields = (read_text(root / "proc" / str(pid) / "stat") or "").rpartition(")")
    words = fields.split()
    if f"({DAEMON}" not in name or len(words) < 20:  # noqa: PLR2004 - the 3rd field is the first one after the name
        return None
    return f"{pid}.{words[19]}"


def read_note(switch: Switch, identity: str | None) -> dict[str, str | None] | None:
    """Return what the note says the daemon runs with, by key; empty without a note, None for one about another daemon, which says nothing."""
    text = switch.external_ids.get(NOTE_KEY)
    if text is None:
        return {}
    try:
        note = json.loads(text)
        running = {str(key): None if value is None else str(value) for key, value in note["runs_with"].items()}
        about = note["daemon"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return running if identity is not None and about == identity else None


def format_note(identity: str, running: Mapping[str, str | None]) -> str:
    """Return the note as it stands in external_ids."""
    return json.dumps({"daemon": identity, "runs_with": dict(sorted(running.items()))}, separators=(",", ":"))


def runs_with(switch: Switch, target: Mapping[str, str], identity: str | None) -> dict[str, str | None]:
    """Return, for each key that the daemon does not take up before a restart, the value that it runs with, if *target* is written."""
    if identity is None:
        return {}
    running = dict(read_note(switch, identity) or {})
    for name in {*switch.other_config, *target}:
        known = releases.KEYS.get(name)
        if known and name not in running and _waits(known, target.get(name), dpdk_initialized=bool(switch.dpdk_initialized)):
            running[name] = switch.other_config.get(name)
    return {name: value for name, value in running.items() if _differs(name, value, target.get(name))}


def _waits(key: OtherConfigKey, text: str | None, *, dpdk_initialized: bool) -> bool:
    try:
        value = None if text is None else releases.parse(key, text)
    except ValueError:
        value = text
    return releases.needs_restart(key, value, dpdk_initialized=dpdk_initialized)


def _differs(name: str, running: str | None, wanted: str | None) -> bool:
    """Tell whether two values of a key mean different things; no value is the default, and of dpdk-init true and try are the same once it is done."""
    key = releases.KEYS.get(name)
    if key is None:
        return False
    one, other = running or key.default, wanted or key.default
    if name == INIT_KEY and {one.lower(), other.lower()} <= {"true", "try"}:
        return False
    return not (one == other or releases.same(key, one, other))


def restart_reasons(switch: Switch, identity: str | None) -> list[str]:
    """Return one reason for each key that the running daemon has not taken up, as far as the note of this collection knows."""
    running = read_note(switch, identity) or {}
    config = switch.other_config
    return [
        f"{name}: ovs-vswitchd runs with {_named(value)}; {_named(config.get(name))} takes effect when it is restarted"
        for name, value in sorted(running.items())
        if _differs(name, value, config.get(name))
    ]


def _named(value: str | None) -> str:
    return "no value" if value is None else repr(value)


def sleep_differences(text: str, shown: PmdSleep) -> list[str]:
    """Return where PMD threads may sleep otherwise than pmd-sleep-max says: a number for all, and CPU:number for single ones."""
    wanted = [item.split(":") for item in text.split(",")]
    default = next((int(item[0]) for item in wanted if len(item) == 1), 0)
    of_cpu = {int(item[0]): int(item[1]) for item in wanted if len(item) == 2}  # noqa: PLR2004 - CPU and number
    found = [] if shown.default == default else [f"pmd-sleep-max is {shown.default} us, not {default} us"]
    differ = {cpu: us for cpu, us in shown.threads.items() if us != of_cpu.get(cpu, default)}
    return found + [f"the PMD thread on CPU {cpu} may sleep {us} us, not {of_cpu.get(cpu, default)} us" for cpu, us in differ.items()]


def wants_dpdk(config: Mapping[str, str]) -> bool:
    """Tell whether other_config asks for DPDK."""
    return config.get(INIT_KEY, "false").lower() in {"true", "try"}


def failure_words(log: Iterable[str]) -> list[str]:
    """Return what the log says about a failed initialisation of DPDK, the last lines of it; nothing where it says none (dpdk_init in lib/dpdk.c)."""
    lines = [line for line in log if line.startswith("dpdk: ")]
    failed = any(re.search(r"Unable to initialize DPDK|DPDK won't be available|DPDK not supported", line) for line in lines)
    # a host without 1G pages says the first of these, and what follows a failure the second
    return [line for line in lines if not re.search(r"No free \d+ kB hugepages|DPDK Initialization Failed", line)][-5:] if failed else []


def last_failure(history: Iterable[str]) -> list[str]:
    """Return the errors of DPDK up to the last failed initialisation, from lines of the log as they stand; a few at the most."""
    found = [match.group(1) for match in (re.search(r"\|dpdk\|(?:ERR|EMER)\|(.*)", line) for line in history) if match]
    while found and not found[-1].startswith("Unable to initialize DPDK"):
        found.pop()
    return list(dict.fromkeys(found[-3:]))
