# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Open vSwitch is built with DPDK (private to this collection).

Sources: Open vSwitch, acinclude.m4 (OVS_CHECK_DPDK) of 2.5 to 3.7; Documentation/intro/install/dpdk.rst; guide 2, 3.7 and 4.4;
ld.so(8) for DT_RPATH and DT_RUNPATH.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build import Build, Description, Recipe
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build_store import RECORD
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.source_tree import EMC_DEFINITION, OvsTree, read_ovs_tree
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import build_log
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.dpdk_build_options import MAKE, compiler_flags, is_before
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands

SYSTEM = "system"

# A hash of 32 bits gives the two places of a flow in the EMC: EM_FLOW_HASH_SEGS times the shift has to fit (lib/dpif-netdev-private-dfc.h)
EMC_SHIFTS = range(1, 17)

# The release since which `ovs-vswitchd --version` says the release of DPDK (vswitchd/ovs-vswitchd.c, print_dpdk_version)
_SAYS_DPDK = "2.9"

# What is built and not installed are the test programs: a sixth of all files
_NO_TEST_PROGRAMS = "noinst_PROGRAMS="


@dataclasses.dataclass(frozen=True)
class Dpdk:
    """The DPDK that the switch is built with."""

    generation: str | None
    """None for that of the distribution, which is found by pkg-config."""
    version: str
    library: str
    lib_dir: str | None = None
    pkg_config_path: str | None = None
    sdk_dir: str | None = None
    stamp: str | None = None

    @property
    def inputs(self) -> dict[str, t.Any]:
        """What the build depends on."""
        return {"dpdk": self.stamp or self.version, "dpdk_library": self.library, "dpdk_dir": self.lib_dir}


@dataclasses.dataclass(frozen=True)
class OvsWanted:
    """The options of the switch as the user gives them."""

    optimization: str | None = None
    march: str | None = None
    cflags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    emc_flow_hash_shift: int | None = None
    configure: tuple[str, ...] = ()
    sysconfdir: str = "/etc"
    localstatedir: str = "/var"


def read_dpdk(commands: Commands, given: str, library: str | None) -> Dpdk:
    """Return the DPDK below a prefix of dpdk_build (also its link ``current``), or the distribution's (``system``). Raises InputError, HostError."""
    if given == SYSTEM:
        rc, out, err = commands.run_within(60, [commands.find("pkg-config") or "pkg-config", "--modversion", "libdpdk"])
        if rc != 0:
            advice = "Install its package (Debian: libdpdk-dev, RHEL: dpdk-devel), or name the prefix of a build."
            raise HostError(f"The distribution's DPDK was not found: {(err or out).strip()}. {advice}")
        return Dpdk(None, out.strip(), library or "shared")
    path = pathlib.Path(os.path.realpath(os.path.expanduser(given)))  # noqa: PTH111 # realpath has no counterpart for what is not there
    try:
        record = json.loads((path / RECORD).read_text(encoding="utf-8"))
        facts = record["facts"]
        built = str(facts["library"])
        version, stamp, generation = str(record["version"]), str(record["stamp"]), str(facts["generation"])
    except (OSError, ValueError, KeyError, TypeError):
        advice = "Name the prefix that dpdk_build returns, the link current beside it, or system."
        raise InputError("Open vSwitch", "dpdk", given, "There is no build of DPDK by dpdk_build.", advice) from None
    # a meson tree builds both kinds whichever it is asked for
    kinds = {kind for kind, suffix in (("shared", ".so"), ("static", ".a")) if any(path.glob(f"lib/**/lib*{suffix}"))}
    if library is not None and library not in kinds:
        raise InputError("Open vSwitch", "library", library, f"The DPDK in {path} was built with library {built}.", f"Build DPDK with library {library}.")
    sdk = None
    if generation == MAKE:
        sdk = f"{path}/share/dpdk/{facts['target']}"
        sdk = sdk if os.path.isdir(sdk) else str(path)  # noqa: PTH112 # a text, as all results
    pkg_config = None if generation == MAKE else str(path / "lib/pkgconfig")
    return Dpdk(generation, version, library or built, str(path / "lib"), pkg_config, sdk, stamp)


def unlinked(log: pathlib.Path) -> str:
    """Say which libraries configure did not find when it tried to link with DPDK: only its own log tells. A static DPDK needs all of its packages' own."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    words = ""
    for line in dict.fromkeys(re.findall(r"cannot find -l\S+", text)):
        missing = build_log.missing_package(line)
        package = missing[1] if missing else None
        words += f" config.log: {line.rstrip(':')}" + (f", which is in the package {package.debian} (Debian) or {package.redhat} (RHEL)." if package else ".")
    return words


class OvsRecipe(Recipe):
    """Builds Open vSwitch with a DPDK."""

    product = "openvswitch"
    copies = True

    def __init__(self, wanted: OvsWanted, dpdk: Dpdk, cc: str) -> None:
        shift = wanted.emc_flow_hash_shift
        if shift is not None and shift not in EMC_SHIFTS:
            possible = f"It is {EMC_SHIFTS[0]} to {EMC_SHIFTS[-1]}; the EMC of a PMD thread has 2 to its power entries, 8192 for 13."
            raise InputError("Open vSwitch", "emc_flow_hash_shift", shift, possible, "Take 13 for the size that it has without this option.")
        self.wanted = wanted
        self.dpdk = dpdk
        self.cc = cc
        self.tree: OvsTree | None = None

    def inputs(self) -> dict[str, t.Any]:
        """Return options and DPDK."""
        options = {name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self.wanted).items()}
        return {"options": options, **self.dpdk.inputs}

    @property
    def is_for_this_cpu(self) -> bool:
        """Whether the compiler may use what only this CPU has."""
        return self.wanted.march == "native"

    def describe(self, tree: pathlib.Path) -> Description:
        """Read the tree and see whether it can use this DPDK."""
        self.tree = read_ovs_tree(tree)
        subject = f"Open vSwitch {self.tree.version}"
        self._with_dpdk(subject)
        if self.wanted.emc_flow_hash_shift is not None and self.tree.emc is None:
            possible = "No file of this tree defines EM_FLOW_HASH_SHIFT (it came with 2.4)."
            raise InputError(subject, "emc_flow_hash_shift", self.wanted.emc_flow_hash_shift, possible, "Leave it out.")
        tools = ["make", "python3|python"]
        if self.dpdk.sdk_dir is None:
            tools.append("pkg-config|pkgconf")
        if not self.tree.configured:
            tools += ["autoconf", "automake", "libtoolize"]
        shift = self.tree.emc_shift if self.wanted.emc_flow_hash_shift is None else self.wanted.emc_flow_hash_shift
        facts = {"library": self.dpdk.library, "dpdk_version": self.dpdk.version, "emc_flow_hash_shift": shift, "emc_file": self.tree.emc}
        return Description(self.tree.version, facts, tuple(tools))

    def _with_dpdk(self, subject: str) -> str:
        """Return the value of --with-dpdk. Raises InputError for a DPDK that this release cannot find."""
        ways = self.tree.with_dpdk if self.tree else ()
        if self.dpdk.sdk_dir is not None:
            if "dir" in ways:
                return self.dpdk.sdk_dir
            possible = "From 2.15 on Open vSwitch finds DPDK by pkg-config, and a DPDK built with make has no file for that."
            raise InputError(subject, "dpdk", f"DPDK {self.dpdk.version} (make)", possible, "Build DPDK 20.11 or later, or Open vSwitch 2.14 or earlier.")
        if "linkage" in ways:
            return self.dpdk.library
        if "pkg-config" in ways:
            return "yes"
        possible = "Before 2.10 Open vSwitch takes a folder of a DPDK built with make."
        raise InputError(subject, "dpdk", f"DPDK {self.dpdk.version}", possible, "Build the DPDK of its time (Open vSwitch, faq/releases.rst) with make.")

    def configure(self, build: Build) -> None:
        """Configure in the output folder, with the size of the EMC in the copy of the tree."""
        if self.tree is None:
            raise RuntimeError("describe comes first")
        self._set_emc(build.tree, dry=build.dry)
        if not self.tree.configured:
            build.run([str(build.tree / "boot.sh")], cwd=build.tree)
        elif not build.dry and (build.tree / "config.status").exists():  # built in its own folder before: then no other can be
            build.run([build.tool("make"), "-C", str(build.tree), "distclean"])
        # what automake gives without CFLAGS is -g -O2: a later -O wins
        flags = ["-g", "-O2", *compiler_flags(self.wanted.optimization, self.wanted.march, self.wanted.cflags)]
        words = [
            f"--prefix={build.final}",
            f"--sysconfdir={self.wanted.sysconfdir}",
            f"--localstatedir={self.wanted.localstatedir}",
            f"--with-dpdk={self._with_dpdk(build.title)}",
            *self.wanted.configure,
            f"CC={self.cc}",
            f"CFLAGS={' '.join(flags)}",
        ]
        if self._ldflags():
            words.append(f"LDFLAGS={' '.join(self._ldflags())}")
        try:
            build.run([str(build.tree / "configure"), *words], self._environ(), cwd=build.out)
        except HostError as error:
            raise HostError(f"{error}{unlinked(build.out / 'config.log')}", **error.details) from error

    def _set_emc(self, root: pathlib.Path, *, dry: bool) -> None:
        if self.wanted.emc_flow_hash_shift is None or self.tree is None or self.tree.emc is None or dry:
            return
        path = root / self.tree.emc
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        changed = EMC_DEFINITION.sub(rf"\g<1>{self.wanted.emc_flow_hash_shift}", text)
        path.write_text(changed, encoding="utf-8", errors="surrogateescape")

    def _ldflags(self) -> list[str]:
        """Return the linker's flags, with the folder of a shared DPDK in the programs.

        As DT_RPATH and not DT_RUNPATH: that holds also for what the libraries of DPDK need of each other and for drivers that are loaded.
        """
        flags = [*self.wanted.ldflags]
        if self.dpdk.lib_dir is not None and self.dpdk.library == "shared":
            flags.append(f"-Wl,--disable-new-dtags,-rpath,{self.dpdk.lib_dir}")
        return flags

    def _environ(self) -> dict[str, str]:
        path = self.dpdk.pkg_config_path
        return {} if path is None else {"PKG_CONFIG_PATH": path}

    def compile(self, build: Build) -> None:
        """Compile."""
        build.run([build.tool("make"), "-C", str(build.out), "-j", str(build.request.jobs), _NO_TEST_PROGRAMS], self._environ())

    def install(self, build: Build) -> None:
        """Stage it. Folders for its state are made by what starts the switch, not by the build."""
        build.run([build.tool("make"), "-C", str(build.out), "install", _NO_TEST_PROGRAMS, f"DESTDIR={build.destdir}"], self._environ())

    def prove(self, build: Build) -> None:
        """Ask the daemon that was built, without LD_LIBRARY_PATH, whether it has DPDK."""
        daemon = build.staged / "sbin/ovs-vswitchd"
        argv = ["env", "-u", "LD_LIBRARY_PATH", str(daemon), "--version"]
        rc, out, err = build.commands.run_within(60, argv)
        said = (out + err).strip()
        if rc != 0:
            raise HostError(f"{build.title}: the ovs-vswitchd that was built does not start: {said}", cmd=argv, rc=rc, **build.details())
        has = "DPDK" in said
        if self.tree is not None and is_before(self.tree.version, _SAYS_DPDK):
            config = build.out / "config.h"
            has = config.is_file() and "#define DPDK_NETDEV 1" in config.read_text(encoding="utf-8", errors="replace")
        if not has:
            raise HostError(f"{build.title}: the ovs-vswitchd that was built is without DPDK: {said}", cmd=argv, **build.details())

    def results(self, path: pathlib.Path, _facts: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return where things are."""
        return {"bin_dir": str(path / "bin"), "sbin_dir": str(path / "sbin"), "scripts_dir": str(path / "share/openvswitch/scripts")}
