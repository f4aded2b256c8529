# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How DPDK is built, with make (to 20.08) and with meson (private to this collection).

Sources: DPDK, doc/guides/linux_gsg/build_dpdk.rst of 16.07 and of 22.11; mk/rte.sdkinstall.mk (since 2.2 ``make install`` without T= installs
what was built in O= below DESTDIR and prefix; before it only builds); guide 2.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build import Build, Description, Recipe
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.source_tree import read_dpdk_tree
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.dpdk_build_options import (
    MAKE,
    MakePlan,
    MesonPlan,
    Tree,
    Wanted,
    generation_of,
    is_before,
    plan,
    switched_config,
)
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

# From this release on `make install` knows prefix
_INSTALLS = "2.2"


class DpdkRecipe(Recipe):
    """Builds DPDK as *wanted*."""

    product = "dpdk"

    def __init__(self, wanted: Wanted, cc: str) -> None:
        self.wanted = wanted
        self.cc = cc
        self.tree: Tree | None = None
        self.plan: MakePlan | MesonPlan | None = None

    def inputs(self) -> dict[str, t.Any]:
        """Return the options."""
        return {"options": {name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self.wanted).items()}}

    @property
    def is_for_this_cpu(self) -> bool:
        """Whether the compiler may use what only this CPU has."""
        return self.wanted.is_for_this_cpu

    def describe(self, tree: pathlib.Path) -> Description:
        """Read the tree and map the options to it."""
        self.tree = read_dpdk_tree(tree)
        generation = generation_of(self.tree, self.wanted.generation)
        self.plan = plan(self.tree, self.wanted, os.uname().machine)
        facts: dict[str, t.Any] = {"generation": generation, "library": self.wanted.library, "target": None}
        headers = ("numa.h", "numaif.h") if self.wanted.numa else ()
        if self.wanted.vhost_backend == "cuse":
            headers = (*headers, "fuse/cuse_lowlevel.h")
        if isinstance(self.plan, MakePlan):
            facts["target"] = self.plan.target
            return Description(self.tree.version, facts, ("make",), headers)
        return Description(self.tree.version, facts, ("meson", "ninja|ninja-build", "pkg-config|pkgconf"), headers, resumes_when_killed=True)

    def configure(self, build: Build) -> None:
        """Make the configuration in the output folder."""
        if isinstance(self.plan, MesonPlan):
            options = [f"-D{name}={value}" for name, value in self._meson_options(build, self.plan).items()]
            build.run([build.tool("meson"), "setup", f"--prefix={build.final}", *options, str(build.out), str(build.tree)], self._environ(build))
            return
        if self.plan is None:
            raise RuntimeError("describe comes first")
        build.run(self._make(build, "config", f"T={self.plan.target}"), self._environ(build))
        if not build.dry:
            config = build.out / ".config"
            config.write_text(switched_config(config.read_text(encoding="utf-8"), self.plan.switches), encoding="utf-8")

    def _meson_options(self, build: Build, chosen: MesonPlan) -> Mapping[str, str]:
        """Return the options with where DPDK's own programs find shared libraries; meson leaves it to ld.so.conf or LD_LIBRARY_PATH."""
        if self.wanted.library != "shared":
            return chosen.options
        flags = f"{chosen.options.get('c_link_args', '')} -Wl,-rpath,{build.final}/lib"
        return {**chosen.options, "c_link_args": flags.strip()}

    def compile(self, build: Build) -> None:
        """Compile all that is on."""
        if isinstance(self.plan, MesonPlan):
            build.run([build.tool("ninja|ninja-build"), "-C", str(build.out), "-j", str(build.request.jobs)], self._environ(build))
        else:
            build.run(self._make(build, "-j", str(build.request.jobs)), self._environ(build))

    def install(self, build: Build) -> None:
        """Stage it, with its kernel modules in the folder kmod of the prefix: only what is below the prefix is kept."""
        if isinstance(self.plan, MesonPlan):
            build.run([build.tool("ninja|ninja-build"), "-C", str(build.out), "install"], {**self._environ(build), "DESTDIR": str(build.destdir)})
            modules = build.destdir / "lib/modules"
            if not build.dry and modules.is_dir():
                modules.rename(build.staged / "kmod")
        elif self._has_install():
            places = [f"DESTDIR={build.destdir}", f"prefix={build.final}", f"kerneldir={build.final}/kmod"]
            build.run(self._make(build, "install", *places), self._environ(build))
        else:
            if not build.dry:
                build.staged.mkdir(parents=True)
            for name in ("lib", "include", "app", "kmod"):  # links into the tree become files
                if build.dry or (build.out / name).is_dir():
                    build.run(["cp", "-rL", str(build.out / name), str(build.staged)])

    def prove(self, build: Build) -> None:
        """Look for libraries of the kind that was asked for, and headers."""
        suffix = ".so" if self.wanted.library == "shared" else ".a"
        library = next((path for path in build.staged.glob(f"lib/**/lib*{suffix}")), None)
        header = next((path for path in build.staged.glob("include/**/rte_*.h")), None)
        if library is None or header is None:
            what = f"no library {suffix}" if library is None else "no header"
            raise HostError(f"{build.title}: what was built installs {what}. All output is in {build.log}.", **build.details())

    def results(self, path: pathlib.Path, facts: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return where things are."""
        pkg_config = str(path / "lib/pkgconfig") if facts.get("generation") == "meson" else None
        sdk = None
        if facts.get("generation") == MAKE:
            version = path.name[len("dpdk-") :]
            sdk = str(path) if is_before(version, _INSTALLS) else f"{path}/share/dpdk/{facts['target']}"
        return {"lib_dir": str(path / "lib"), "pkg_config_path": pkg_config, "sdk_dir": sdk}

    def _has_install(self) -> bool:
        return self.tree is not None and not is_before(self.tree.version, _INSTALLS)

    def _make(self, build: Build, *words: str) -> list[str]:
        """Return a call of make. The compiler is given where it is not the one of the target's name."""
        variables = {} if self.cc == "gcc" else {"CC": self.cc}
        if isinstance(self.plan, MakePlan):
            variables.update(self.plan.variables)
        return [build.tool("make"), "-C", str(build.tree), f"O={build.out}", *words, *(f"{name}={value}" for name, value in variables.items())]

    def _environ(self, build: Build) -> dict[str, str]:
        """Return the environment; what a user exports for other trees does not count."""
        if isinstance(self.plan, MesonPlan):
            return {"CC": self.cc, "CFLAGS": "", "LDFLAGS": ""}
        # 20.08 asks whether one really wants make, and waits for a key
        return {"CC": self.cc, "RTE_SDK": str(build.tree), "MAKE_PAUSE": "n"}
