# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of a DPDK build are in each generation of its build system, and in which release each came or went (private to this collection).

The two generations are ``make`` (to 20.08: a target, switches CONFIG_RTE_*, EXTRA_CFLAGS) and ``meson`` (from 18.02 beside make, from 20.11
alone). Whether a tree knows a switch or an option is read from the tree itself; FACTS only says, for the message, when it came and went.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.releases import parse_version

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAKE, MESON = "make", "meson"


class Fact(t.NamedTuple):
    """The first release that has something and the first that has it no more, as DPDK writes releases; None where there is none."""

    first: str | None
    gone: str | None


# Source: the folders config and kernel and the file meson_options.txt in the tags v1.5.0 to v26.07 of the DPDK repository. Patch releases
# of one series never differ in these.
FACTS: t.Final = {
    "make": Fact(None, "20.11"),
    "meson": Fact("18.02", None),
    "ivshmem": Fact("1.6", "16.11"),
    "cuse": Fact("1.8", "16.11"),
    "vhost": Fact("1.8", None),
    "vhost-user": Fact("2.0", None),
    "numa": Fact("2.1", None),
    "igb_uio": Fact(None, "20.11"),
    "kni": Fact(None, "23.11"),
    # options of meson
    "disable_drivers": Fact("19.11", None),
    "enable_drivers": Fact("21.05", None),
    "disable_libs": Fact("21.05", None),
    "enable_libs": Fact("23.11", None),
    "disable_apps": Fact("22.11", None),
    "enable_apps": Fact("22.11", None),
    "platform": Fact("21.05", None),
    "cpu_instruction_set": Fact("21.08", None),
    "machine": Fact("18.02", None),
    "enable_kmods": Fact("18.02", "25.11"),
}

OPTIMIZATIONS: t.Final = ("0", "1", "2", "3", "g", "s")


@dataclasses.dataclass(frozen=True)
class Tree:
    """What a DPDK source tree says of itself."""

    version: str
    """As the tree writes it, for instance ``16.07.0``."""
    generations: tuple[str, ...]
    targets: tuple[str, ...] = ()
    """make: the names of config/defconfig_*, sorted."""
    switches: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """make: CONFIG_RTE_* with their defaults."""
    parts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """make: the switch of each part, for instance ``net/ixgbe``, ``lib/vhost``, ``app/test-pmd``."""
    meson_options: tuple[str, ...] = ()
    """meson: the options of the tree's own, sorted."""

    @property
    def subject(self) -> str:
        """What it is called in messages."""
        return f"DPDK {self.version}"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The options of a build as the user gives them; None and empty mean what the tree does by itself."""

    generation: str | None = None
    library: str = "static"
    optimization: str | None = None
    march: str | None = None
    cflags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    kernel_modules: bool = False
    vhost_backend: str | None = None
    numa: bool | None = None
    ivshmem: bool | None = None
    tests: bool = False
    enable_drivers: tuple[str, ...] = ()
    disable_drivers: tuple[str, ...] = ()
    enable_apps: tuple[str, ...] = ()
    disable_apps: tuple[str, ...] = ()
    enable_libs: tuple[str, ...] = ()
    disable_libs: tuple[str, ...] = ()
    target: str | None = None
    platform: str | None = None
    cpu_instruction_set: str | None = None
    config: Mapping[str, str] = dataclasses.field(default_factory=dict)
    meson_options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def is_for_this_cpu(self) -> bool:
        """Whether the compiler may use what only this machine's CPU has; it does by default in both generations."""
        if self.march is not None:
            return self.march == "native"
        if self.cpu_instruction_set is not None:
            return self.cpu_instruction_set == "native"
        return self.platform in {None, "native"}

    @property
    def flags(self) -> tuple[str, ...]:
        """The compiler's flags of optimization, march and cflags, in the order in which a later one wins."""
        return compiler_flags(self.optimization, self.march, self.cflags)


@dataclasses.dataclass(frozen=True)
class MakePlan:
    """How a make tree is configured: the template, switches that differ from it, and the variables of every call of make."""

    target: str
    switches: Mapping[str, str]
    variables: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class MesonPlan:
    """How a meson tree is configured: options and their values, sorted; -D of each."""

    options: Mapping[str, str]


def compiler_flags(optimization: str | None, march: str | None, cflags: Sequence[str]) -> tuple[str, ...]:
    """Return flags for gcc and clang; *optimization* is one of OPTIMIZATIONS."""
    flags = [] if optimization is None else [f"-O{optimization}"]
    return (*flags, *(() if march is None else (f"-march={march}",)), *cflags)


def _when(name: str) -> str:
    """Say when something came and went: ``It came with DPDK 2.0 and went with 16.11.``."""
    fact = FACTS[name]
    words = [f"came with DPDK {fact.first}"] if fact.first else []
    words += [f"went with DPDK {fact.gone}"] if fact.gone else []
    return f"It {' and '.join(words)}."


def _refuse(tree: Tree, option: str, given: t.Any, possible: str, advice: str = "Leave the option out, or take another release.") -> t.NoReturn:
    raise InputError(tree.subject, option, given, possible, advice)


def is_before(version: str, release: str) -> bool:
    """Tell whether a version is older than a release."""
    return parse_version(version) < parse_version(release)


def generation_of(tree: Tree, asked: str | None) -> str:
    """Return the generation that is to be used: the one that is asked for, or make where the tree has both. Raises InputError."""
    if asked is None:
        return tree.generations[0]
    if asked not in tree.generations:
        _refuse(tree, "generation", asked, f"This tree has {' and '.join(tree.generations)}. {_when(asked)}", "Leave the option out.")
    return asked


def plan(tree: Tree, wanted: Wanted, machine: str) -> MakePlan | MesonPlan:
    """Return how the tree is configured for what is wanted; pure. *machine* as uname says it, for instance ``x86_64``.

    Raises InputError for what this tree cannot do, with the release in which it came or went.
    """
    _check_vhost(tree, wanted)
    if wanted.numa is not None and is_before(tree.version, "2.1"):
        _refuse(tree, "numa", wanted.numa, f"This release cannot follow the NUMA node of a guest. {_when('numa')}")
    if wanted.ivshmem and not is_before(tree.version, "16.11"):
        _refuse(tree, "ivshmem", True, f"This release has no IVSHMEM. {_when('ivshmem')}", "Use vhost-user ports.")
    if generation_of(tree, wanted.generation) == MAKE:
        return _plan_make(tree, wanted, machine)
    return _plan_meson(tree, wanted)


def _check_vhost(tree: Tree, wanted: Wanted) -> None:
    if wanted.vhost_backend == "cuse" and not (is_before(tree.version, "16.11") and "CONFIG_RTE_LIBRTE_VHOST" in tree.switches):
        _refuse(tree, "vhost_backend", "cuse", f"This release has no vhost-cuse. {_when('cuse')}", "Use vhost_backend user.")
    if wanted.vhost_backend == "user" and is_before(tree.version, "2.0"):
        _refuse(tree, "vhost_backend", "user", f"This release has no vhost-user. {_when('vhost-user')}")


# make


def _plan_make(tree: Tree, wanted: Wanted, machine: str) -> MakePlan:
    for option in ("platform", "cpu_instruction_set", "meson_options", "enable_libs"):
        given = getattr(wanted, option)
        if given:
            possible = f"That is for trees built with meson. {_when(option) if option in FACTS else ''}".rstrip()
            _refuse(tree, option, given if isinstance(given, str) else sorted(given), possible, "Use target, march and config with a make tree.")
    switches: dict[str, str] = {"CONFIG_RTE_BUILD_SHARED_LIB": _yes(wanted.library == "shared")}
    if "CONFIG_RTE_BUILD_COMBINE_LIBS" in tree.switches:  # to 2.2: what Open vSwitch of that time links with
        switches["CONFIG_RTE_BUILD_COMBINE_LIBS"] = "y"
    switches["CONFIG_RTE_APP_TEST"] = _yes(wanted.tests)
    modules = [name for name in ("CONFIG_RTE_EAL_IGB_UIO", "CONFIG_RTE_KNI_KMOD") if name in tree.switches]
    if "CONFIG_RTE_KNI_KMOD" not in tree.switches:  # to 2.0 one switch was for the module and its library
        modules.append("CONFIG_RTE_LIBRTE_KNI")
    switches.update({name: _yes(wanted.kernel_modules) for name in modules})
    switches.update(_vhost_switches(wanted))
    switches.update(_part_switches(tree, wanted))
    for name, value in wanted.config.items():
        if name not in tree.switches:
            near = difflib.get_close_matches(name, tree.switches, n=3)
            possible = f"This tree has no such switch{'; near it are ' + ', '.join(near) if near else ''}."
            _refuse(tree, "config", name, possible, "Correct the name, or leave it out.")
        switches[name] = value
    known = {name: value for name, value in switches.items() if name in tree.switches or name in wanted.config}
    variables = {"EXTRA_CFLAGS": " ".join(wanted.flags), "EXTRA_LDFLAGS": " ".join(wanted.ldflags)}
    return MakePlan(_target(tree, wanted, machine), dict(sorted(known.items())), {name: value for name, value in variables.items() if value})


def _yes(value: bool) -> str:
    return "y" if value else "n"


def _target(tree: Tree, wanted: Wanted, machine: str) -> str:
    """Return the name of the template: x86_64-native-linuxapp-gcc or its like."""
    arch = {"aarch64": "arm64", "ppc64le": "ppc_64", "i686": "i686"}.get(machine, machine)
    cpus = ["ivshmem"] if wanted.ivshmem else ["native", "armv8a", "power8"]
    likely = [f"{arch}-{cpu}-{system}-gcc" for cpu in cpus for system in ("linuxapp", "linux")]
    if wanted.target is not None:
        likely = [wanted.target]
        if wanted.ivshmem is not None and ("-ivshmem-" in wanted.target) is not wanted.ivshmem:
            _refuse(tree, "ivshmem", wanted.ivshmem, f"The target {wanted.target} says otherwise.", "Leave one of the two out.")
    for target in likely:
        if target in tree.targets:
            return target
    option = "ivshmem" if wanted.ivshmem and wanted.target is None else "target"
    given = True if option == "ivshmem" else wanted.target
    shown = [target for target in tree.targets if target.startswith(f"{arch}-")] or tree.targets
    _refuse(tree, option, given, f"Targets of this tree for {arch} are {', '.join(shown) or 'none'}.", "Choose one of them with target.")


def _vhost_switches(wanted: Wanted) -> dict[str, str]:
    switches = {}
    if wanted.vhost_backend is not None:
        switches["CONFIG_RTE_LIBRTE_VHOST"] = "y"  # off by default before 16.04
        switches["CONFIG_RTE_LIBRTE_VHOST_USER"] = _yes(wanted.vhost_backend == "user")
    if wanted.numa is not None:
        switches["CONFIG_RTE_LIBRTE_VHOST_NUMA"] = switches["CONFIG_RTE_EAL_NUMA_AWARE_HUGEPAGES"] = _yes(wanted.numa)
    return switches


_PART_OPTIONS: t.Final = (
    ("enable_drivers", "", "y"),
    ("disable_drivers", "", "n"),
    ("enable_apps", "app/", "y"),
    ("disable_apps", "app/", "n"),
    ("disable_libs", "lib/", "n"),
)
# They carry the drivers: without them named they stay as they are. Those of a system on chip (dpaa, octeontx ...) go with its drivers.
_CARRIERS: t.Final = ("bus/pci", "bus/vdev", "mempool/ring", "mempool/stack")

# The one driver with two switches: mk/rte.vars.mk makes one of them, whatever the configuration says
_E1000: t.Final = "CONFIG_RTE_LIBRTE_E1000_PMD"
_E1000_HALVES: t.Final = ("CONFIG_RTE_LIBRTE_EM_PMD", "CONFIG_RTE_LIBRTE_IGB_PMD")


def _part_switches(tree: Tree, wanted: Wanted) -> dict[str, str]:
    """Return the switches of drivers, applications and libraries; the words are those of meson: enabled ones are the only ones."""
    switches: dict[str, str] = {}
    of_libs = {switch for name, switch in tree.parts.items() if name.startswith("lib/")}
    for option, folder, value in _PART_OPTIONS:
        asked = getattr(wanted, option)
        mine = [name for name in tree.parts if (name.startswith(folder) if folder else not name.startswith(("lib/", "app/")))]
        if folder != "lib/":  # some come with a library and have no switch of their own
            mine = [name for name in mine if tree.parts[name] not in of_libs]
        if asked and value == "y":
            switches.update({tree.parts[name]: "n" for name in mine if name not in _CARRIERS})
        for pattern in asked:
            found = fnmatch.filter(mine, f"{folder}{pattern}")
            if not found:
                names = difflib.get_close_matches(f"{folder}{pattern}", mine, n=4, cutoff=0.4)
                near = f" Near it are {', '.join(name[len(folder) :] for name in names)}." if names else ""
                _refuse(tree, option, pattern, f"This tree has nothing of that name with a switch of its own.{near}", "Correct the name, or leave it out.")
            switches.update({tree.parts[name]: value for name in found})
    if _E1000 in switches:
        switches.update(dict.fromkeys(_E1000_HALVES, switches.pop(_E1000)))
    return switches


# meson


def _plan_meson(tree: Tree, wanted: Wanted) -> MesonPlan:
    for option in ("target", "config"):
        given = getattr(wanted, option)
        if given:
            possible = f"That is for trees built with make. {_when('make')}"
            _refuse(tree, option, given if isinstance(given, str) else sorted(given), possible, "Use platform, march and meson_options with a meson tree.")
    options: dict[str, str] = {"default_library": wanted.library, "tests": str(wanted.tests).lower(), "libdir": "lib"}
    if wanted.numa is False:
        possible = "Trees built with meson use libnuma wherever its header is, and have no option for it."
        _refuse(tree, "numa", False, possible, "Leave the option out; without the package of libnuma's header the build has no NUMA.")
    if wanted.optimization is not None:
        options["optimization"] = wanted.optimization
    options.update(_cpu_options(tree, wanted))
    if wanted.cflags:
        options["c_args"] = " ".join(wanted.cflags)
    if wanted.ldflags:
        options["c_link_args"] = " ".join(wanted.ldflags)
    if wanted.kernel_modules:
        options["enable_kmods"] = _module_option(tree)
    for name in ("enable_drivers", "disable_drivers", "enable_apps", "disable_apps", "enable_libs", "disable_libs"):
        values = getattr(wanted, name)
        if values:
            _need(tree, name, list(values))
            options[name] = ",".join(values)
    options.update(wanted.meson_options)
    return MesonPlan(dict(sorted(options.items())))


def _need(tree: Tree, name: str, given: t.Any) -> None:
    if name not in tree.meson_options:
        _refuse(tree, name, given, f"The meson_options.txt of this tree has no such option. {_when(name)}")


def _module_option(tree: Tree) -> str:
    if not is_before(tree.version, str(FACTS["kni"].gone)):
        possible = (
            f"From {FACTS['kni'].gone} on there is no kernel module for Linux in DPDK: igb_uio went with {FACTS['igb_uio'].gone}, KNI with {FACTS['kni'].gone}."
        )
        _refuse(tree, "kernel_modules", True, possible, "Use vfio-pci, which is part of the kernel.")
    _need(tree, "enable_kmods", True)
    return "true"


def _cpu_options(tree: Tree, wanted: Wanted) -> dict[str, str]:
    """Return platform and instruction set. march means the same as cpu_instruction_set, and makes the platform generic unless it is native."""
    if wanted.march is not None and wanted.cpu_instruction_set is not None:
        _refuse(tree, "cpu_instruction_set", wanted.cpu_instruction_set, f"march={wanted.march} says the same thing.", "Leave one of the two out.")
    options = {}
    for name in ("platform", "cpu_instruction_set"):
        value = getattr(wanted, name)
        if value is not None:
            _need(tree, name, value)
            options[name] = value
    if wanted.march is not None:
        options["cpu_instruction_set" if "cpu_instruction_set" in tree.meson_options else "machine"] = wanted.march
        if wanted.march != "native" and "platform" in tree.meson_options:
            options.setdefault("platform", "generic")
    return options


def switched_config(text: str, switches: Mapping[str, str]) -> str:
    """Return the text of a .config with these switches; those that are not in it come at its end."""
    left = dict(switches)
    lines = []
    for line in text.splitlines():
        name = line.partition("=")[0].strip()
        lines.append(f"{name}={left.pop(name)}" if name in left else line)
    return "\n".join([*lines, *(f"{name}={value}" for name, value in left.items())]) + "\n"


def differing(before: Mapping[str, t.Any], after: Mapping[str, t.Any]) -> Iterable[str]:
    """Yield what differs between the inputs of two builds, as sentences without a full stop."""
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if isinstance(one, dict) or isinstance(other, dict):
            yield from differing(one or {}, other or {})
        elif one != other:
            yield f"{name}: {_shown(one)} -> {_shown(other)}"


def _shown(value: t.Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None or value == "" else str(value)
