# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds from source that are made once: what decides whether to build, and how a build comes to be whole or not at all (private to this collection).

A stamp over all inputs (content of the source, options, compiler, for march=native what the compiler makes of this CPU, where it is
installed) names a build. Is there one with that stamp, nothing is run. Else the steps of a recipe run in a folder of that stamp, with all
output in a log; what they install goes to a staging folder, is proved there, and gets its name by one rename.
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import shutil
import tempfile
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build_source import Source
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build_store import LINK, Installed, Store, full_disk, refused, short, stamp_of
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import build_log
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.dpdk_build_options import differing
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

# Raised when the same inputs are built in another way than before, so that builds of an earlier release of this collection are made again
_FORMAT = 2

# Markers in the folder of a build
_CONFIGURED, _COMPILING, _OWNER = ".configured", ".compiling", ".of"
_OUTPUT_LINES = 30
_LOG_BYTES = 16 << 20
_PROBE_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Request:
    """The options that both products have. *build_dir* is the folder for what is only needed while building."""

    source: str
    checksum: str | None
    prefix: pathlib.Path
    build_dir: pathlib.Path
    cc: str
    jobs: int
    timeout: int
    lock_timeout: int
    keep_build: bool
    make_current: bool


@dataclasses.dataclass(frozen=True)
class Description:
    """What a recipe says of a tree before it builds it."""

    version: str
    facts: Mapping[str, t.Any]
    """What stands in the record and in the result: generation, library and so on (JSON values)."""
    tools: tuple[str, ...]
    """Commands that are needed; alternatives are separated by ``|``."""
    headers: tuple[str, ...] = ()
    """Headers that are needed, for what the user asked for by name."""
    resumes_when_killed: bool = False
    """Whether the build tool knows which files it had not finished (ninja does, make does not)."""


class Build:
    """One run of a recipe: where things are, and how to run a step. With *dry* steps are only written down."""

    def __init__(self, commands: Commands, request: Request, store: Store, name: str, *, dry: bool) -> None:
        self.commands = commands
        self.request = request
        self.store = store
        self.dry = dry
        self.folder = request.build_dir / name
        self.tree = self.folder / "tree"
        self.out = self.folder / "out"
        self.destdir = store.prefix / f".new-{name}"
        self.final = store.prefix
        self.log = store.prefix / "log" / f"{name}.log"
        self.log_start = 0
        self.planned: list[list[str]] = []
        self.title = store.product

    @property
    def staged(self) -> pathlib.Path:
        """Where the files of *final* are until they are proved."""
        return self.destdir / self.final.relative_to("/")

    def tool(self, name: str) -> str:
        """Return the path of a tool, the first of alternatives separated by ``|``. Raises HostError with the package that brings it."""
        names = name.split("|")
        for one in names:
            path = one if "/" in one else self.commands.find(one)
            if path is not None and (self.dry or os.access(path, os.X_OK)):
                return path
        if self.dry:
            return names[0]
        raise HostError(missing_tool(names[0]))

    def run(self, argv: Sequence[str], environ: Mapping[str, str] | None = None, cwd: pathlib.Path | None = None) -> None:
        """Run a step, with its output in the log. Raises HostError with the first error line of the log."""
        self.planned.append([*argv])
        if self.dry:
            return
        # a Python that writes its bytecode would change the tree that the stamp is of
        settings = {"PYTHONDONTWRITEBYTECODE": "1", **(environ or {})}
        self.note(f"$ {' '.join(argv)}")
        held = () if self.store.lock_descriptor is None else (self.store.lock_descriptor,)
        try:
            rc = self.commands.run_logged(self.request.timeout, argv, str(self.log), cwd=str(cwd or self.folder), environ=settings, held=held)
        except HostError as error:
            error.details.update(self.details())
            raise
        if rc != 0:
            raise HostError(self.failure(argv, rc), cmd=[*argv], rc=rc, **self.details())

    def note(self, line: str) -> None:
        """Write a line into the log."""
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8", errors="replace") as stream:
                stream.write(f"{line}\n")
        except OSError as error:
            raise refused(error, self.log) from error

    def logged(self) -> str:
        """Return what this run wrote to the log; of a very long one the beginning, where first errors are, and the end."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(self.log_start)
                text = stream.read(_LOG_BYTES)
                left = stream.read()[-_LOG_BYTES:]
        except OSError:
            return ""
        return (text + left).decode("utf-8", "replace")

    def details(self) -> dict[str, t.Any]:
        """Return the further results of a failed task."""
        return {"log": str(self.log), "last_lines": build_log.last_lines(self.logged(), _OUTPUT_LINES), "build_dir": str(self.folder)}

    def failure(self, argv: Sequence[str], rc: int) -> str:
        """Return why a step failed: the first error, what it lacks, and where to read on."""
        text = self.logged()
        step = text.rpartition("\n$ ")[2] or text
        line = build_log.first_error(step) or (build_log.last_lines(step, 1) or [f"{argv[0]} ended with {rc}"])[0]
        words = [f"{self.title}: {pathlib.Path(argv[0]).name} failed (exit status {rc}): {line}"]
        if build_log.is_full_disk(line):
            words.append(full_disk(self.folder))
        missing = build_log.missing_package(line)
        if missing is not None:
            name, package = missing
            words.append(f"{name} is missing" + (f"; it is in the package {package.debian} (Debian) or {package.redhat} (RHEL)." if package else "."))
        words.append(f"All output is in {self.log}. The next run goes on where this one ended; nothing was installed.")
        return " ".join(words)

    @property
    def is_configured(self) -> bool:
        """Whether an earlier run of the same build was configured to the end."""
        return (self.folder / _CONFIGURED).exists()

    @property
    def was_killed(self) -> bool:
        """Whether an earlier run ended while it compiled, without an end of its build tool."""
        return (self.folder / _COMPILING).exists()

    def mark(self, name: str, *, there: bool) -> None:
        """Set or remove a marker in the folder of the build."""
        if self.dry:
            return
        if there:
            (self.folder / name).write_text(f"{self.store.prefix}\n", encoding="utf-8")
        else:
            (self.folder / name).unlink(missing_ok=True)


class Recipe(abc.ABC):
    """How one product is built."""

    product: t.ClassVar[str]
    copies: t.ClassVar[bool] = False
    """Whether the tree is copied, because the build writes into it."""

    @abc.abstractmethod
    def inputs(self) -> dict[str, t.Any]:
        """Return what the build depends on besides source, compiler and prefix (JSON values)."""

    @property
    @abc.abstractmethod
    def is_for_this_cpu(self) -> bool:
        """Whether the compiler may use what only this CPU has."""

    @abc.abstractmethod
    def describe(self, tree: pathlib.Path) -> Description:
        """Return what the tree is. Raises InputError for one that is another thing, and for options that it cannot meet."""

    @abc.abstractmethod
    def configure(self, build: Build) -> None:
        """Configure in ``build.out``, which is empty."""

    @abc.abstractmethod
    def compile(self, build: Build) -> None:
        """Compile."""

    @abc.abstractmethod
    def install(self, build: Build) -> None:
        """Install for ``build.final`` below ``build.destdir``."""

    @abc.abstractmethod
    def prove(self, build: Build) -> None:
        """Raise HostError where what is staged is not what was asked for."""

    @abc.abstractmethod
    def results(self, path: pathlib.Path, facts: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return results of a build that is, or would be, in *path*."""


def missing_tool(name: str) -> str:
    """Say that a command is missing, and what brings it."""
    package = build_log.TOOLS.get(name)
    brings = f" It is in the package {package.debian} (Debian) or {package.redhat} (RHEL)." if package else " Install it, or correct its name."
    return f"The command {name} is missing on this host.{brings}"


def cpu_count() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0))


class Builder:
    """Has a build there: finds it, or makes it."""

    def __init__(self, module: AnsibleModule, request: Request, recipe: Recipe) -> None:
        self.module = module
        self.request = request
        self.recipe = recipe
        self.commands = Commands(module)
        self.store = Store(recipe.product, request.prefix)
        self.dry = bool(module.check_mode)

    def ensure(self) -> dict[str, t.Any]:
        """Return the result of the module."""
        os.umask(0o022)  # what root installs is for everybody, also where root's own files are not
        self.store.check_link()
        source = Source(self.request.source, self.request.checksum, self.request.build_dir / "sources")
        inputs = self._inputs(source)
        stamp = stamp_of(inputs)
        found = self.store.find(stamp)
        if found is not None and self._is_settled(found):
            return self._there(found, self.store.current())
        if self.dry:
            return self._work(source, inputs, found)
        with self.store.locked(self.request.lock_timeout):
            return self._work(source, inputs, self.store.find(stamp))  # somebody may have built it while this task waited

    def _is_settled(self, found: Installed) -> bool:
        current = self.store.current()
        return not self.request.make_current or (current is not None and current.path == found.path)

    def _inputs(self, source: Source) -> dict[str, t.Any]:
        return {
            "format": _FORMAT,
            "product": self.recipe.product,
            "prefix": str(self.request.prefix),
            "source": source.digest(write=not self.dry),
            "compiler": self._compiler(),
            "cpu": self._cpu() if self.recipe.is_for_this_cpu else None,
            **self.recipe.inputs(),
        }

    def _compiler_path(self) -> str | None:
        return self.request.cc if "/" in self.request.cc else self.commands.find(self.request.cc)

    def _compiler(self) -> str | None:
        """Return what the compiler says of itself."""
        path = self._compiler_path()
        if path is None or not os.access(path, os.X_OK):
            if self.dry:
                self.module.warn(missing_tool(self.request.cc))
                return None
            raise HostError(missing_tool(self.request.cc))
        rc, out, err = self.commands.run_within(_PROBE_SECONDS, [path, "--version"])
        if rc != 0:
            raise HostError(f"{path} --version failed: {(err or out).strip()}", rc=rc)
        return out.splitlines()[0].strip() if out.strip() else path

    def _cpu(self) -> str | None:
        """Return a digest of what the compiler may use on this CPU."""
        path = self._compiler_path()
        if path is None:
            return None
        rc, out, _err = self.commands.run_within(_PROBE_SECONDS, [path, "-march=native", "-dM", "-E", "-x", "c", "/dev/null"])
        return hashlib.sha256(out.encode()).hexdigest()[:16] if rc == 0 else None

    # results

    def _there(self, found: Installed, current: Installed | None) -> dict[str, t.Any]:
        """Return the result where there is nothing to do."""
        shown = self._shown(current)
        return {
            "changed": False,
            "reasons": [],
            "commands": [],
            "diff": {"before": shown, "after": shown},
            **self._results(found.path, found.record),
        }

    def _results(self, path: pathlib.Path, record: Mapping[str, t.Any]) -> dict[str, t.Any]:
        facts = record["facts"]
        return {
            "prefix": str(path),
            "version": record["version"],
            "stamp": record["stamp"],
            "log": record["log"],
            **facts,
            **self.recipe.results(path, facts),
        }

    @staticmethod
    def _shown(installed: Installed | None) -> dict[str, t.Any]:
        """Return a build as the diff shows it."""
        if installed is None:
            return {"current": None}
        return shown_record(installed.path.name, installed.record)

    # work

    def _work(self, source: Source, inputs: Mapping[str, t.Any], found: Installed | None) -> dict[str, t.Any]:
        current = self.store.current()
        before = self._shown(current)
        reasons: list[str] = []
        planned: list[list[str]] = []
        if found is None:
            found, planned, reasons = self._build(source, inputs)
        after = before
        if self.request.make_current and (current is None or current.path != found.path):
            after = shown_record(found.path.name, found.record)
            was = "none" if current is None else current.path.name
            reasons.append(f"current build: {was} -> {found.path.name}")
            if not self.dry:
                self.store.switch(found.path)
        return {
            "changed": bool(reasons),
            "reasons": reasons,
            "commands": planned,
            "diff": {"before": before, "after": after},
            **self._results(found.path, found.record),
        }

    def _why(self, inputs: Mapping[str, t.Any], build: Build) -> list[str]:
        """Return why there has to be a build."""
        others = self.store.builds()
        if not others:
            reasons = [f"nothing is built in {self.request.prefix} yet"]
        else:
            nearest = min(others, key=lambda one: len(list(differing(one.record["inputs"], inputs))))
            reasons = [f"{words} (against {nearest.path.name})" for words in differing(nearest.record["inputs"], inputs)]
        if build.folder.exists():
            reasons.append("an earlier run of this build came to no end")
        return reasons

    def _build(self, source: Source, inputs: Mapping[str, t.Any]) -> tuple[Installed, list[list[str]], list[str]]:
        stamp = stamp_of(inputs)
        build = Build(self.commands, self.request, self.store, f"{self.recipe.product}-{short(stamp)}", dry=self.dry)
        reasons = self._why(inputs, build)
        if source.has_to_be_fetched:
            reasons.append(f"{self.request.source} is fetched")
        with contextlib.ExitStack() as stack:
            description = self._prepare(source, build, stack)
            if description is None:
                record = {"version": None, "stamp": stamp, "log": str(build.log), "inputs": inputs, "facts": {}}
                return Installed(self.store.path_of("VERSION", stamp), record), [], reasons
            build.title = f"{self.recipe.product} {description.version}"
            build.final = self.store.path_of(description.version, stamp)
            record = {
                "version": description.version,
                "stamp": stamp,
                "log": str(build.log),
                "inputs": inputs,
                "facts": dict(description.facts),
            }
            self._check_needs(build, description)
            self._steps(build, description)
        if not self.dry:
            self.store.adopt(build.staged, build.final, {**record, "built": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "commands": build.planned})
            self._clean(build)
        return Installed(build.final, record), build.planned, reasons

    def _prepare(self, source: Source, build: Build, stack: contextlib.ExitStack) -> Description | None:
        """Have the tree there, and ask the recipe about it; None where it would have to be fetched first (check mode)."""
        if self.dry:
            if source.has_to_be_fetched:
                self.module.warn(f"{self.request.source} is not fetched in check mode: what its tree can do is not known.")
                return None
            if source.is_tree:
                tree = source.path.absolute()
                build.tree = build.tree if self.recipe.copies else tree
            else:  # it may be no archive, or one of another thing: look into it
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nfv-build-"))
                tree = source.lay_out(pathlib.Path(folder) / "tree", copy=True)
            return self.recipe.describe(tree)
        source.fetch(self.module)
        self._open(build)
        laid_out = build.folder / "laid-out"
        if source.is_tree and not self.recipe.copies:
            build.tree = source.path.absolute()
        elif laid_out.exists():
            build.tree = pathlib.Path(laid_out.read_text(encoding="utf-8").strip())
        else:
            build.tree = source.lay_out(build.tree, copy=self.recipe.copies)
            laid_out.write_text(f"{build.tree}\n", encoding="utf-8")
        try:
            return self.recipe.describe(build.tree)
        except InputError:
            shutil.rmtree(build.folder, ignore_errors=True)
            raise

    def _open(self, build: Build) -> None:
        """Make the folder of the build; remove those of others into this prefix that came to no end, and what they staged."""
        try:
            self.request.build_dir.mkdir(parents=True, exist_ok=True)
            for owner in self.request.build_dir.glob(f"{self.recipe.product}-*/{_OWNER}"):
                if owner.parent != build.folder and owner.read_text(encoding="utf-8").strip() == str(self.request.prefix):
                    shutil.rmtree(owner.parent)
            for staged in self.request.prefix.glob(f".new-{self.recipe.product}-*"):
                shutil.rmtree(staged)
            build.folder.mkdir(exist_ok=True)
            build.mark(_OWNER, there=True)
            build.log.parent.mkdir(parents=True, exist_ok=True)
            build.log_start = build.log.stat().st_size if build.log.exists() else 0
        except OSError as error:
            raise refused(error, build.folder) from error

    def _check_needs(self, build: Build, description: Description) -> None:
        """Raise HostError for a tool or a header that is missing; in check mode it is a warning, as an earlier task may bring it."""
        missing = [missing_tool(tool.split("|")[0]) for tool in description.tools if not any(self.commands.find(one) for one in tool.split("|"))]
        cc = self.request.cc if "/" in self.request.cc else self.commands.find(self.request.cc)
        for header in description.headers if cc else ():
            rc, _out, err = self.commands.run_within(_PROBE_SECONDS, [str(cc), "-E", "-include", header, "-x", "c", "/dev/null", "-o", "/dev/null"])
            if rc != 0 and ("No such file" in err or "not found" in err):  # one that is there may still want to be included in another way
                package = build_log.package_of(header)
                brings = f" It is in the package {package.debian} (Debian) or {package.redhat} (RHEL)." if package else ""
                missing.append(f"The header {header} is missing on this host.{brings}")
        if missing and not self.dry:
            shutil.rmtree(build.folder, ignore_errors=True)
            raise HostError(f"{build.title}: {' '.join(missing)}", missing=missing)
        for words in missing:
            self.module.warn(words)

    def _steps(self, build: Build, description: Description) -> None:
        """Run the steps that are left, up to what is proved and staged."""
        try:
            if build.was_killed and not description.resumes_when_killed:
                build.note("# the last run was killed: it may have left files that are not whole, so it starts clean")
                build.mark(_CONFIGURED, there=False)
                build.mark(_COMPILING, there=False)
            if not build.is_configured or self.dry:
                if not self.dry:
                    shutil.rmtree(build.out, ignore_errors=True)
                    build.out.mkdir(parents=True)
                self.recipe.configure(build)
                build.mark(_CONFIGURED, there=True)
            build.mark(_COMPILING, there=True)
            try:
                self.recipe.compile(build)
            except HostError as error:
                if "rc" in error.details and error.details["rc"] > 0:  # it ended by itself
                    build.mark(_COMPILING, there=False)
                raise
            build.mark(_COMPILING, there=False)
            self.recipe.install(build)
            if not self.dry:
                self.recipe.prove(build)
        except OSError as error:
            raise refused(error, build.folder) from error
        except BaseException:
            if not self.dry:
                shutil.rmtree(build.destdir, ignore_errors=True)
            raise

    def _clean(self, build: Build) -> None:
        shutil.rmtree(build.destdir, ignore_errors=True)
        if not self.request.keep_build:
            shutil.rmtree(build.folder, ignore_errors=True)


def shown_record(name: str, record: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a build as a person reads it: its name, and what it was built with."""
    options = record["inputs"].get("options", {})
    return {"current": name, **{key: value for key, value in sorted(options.items()) if value not in (None, [], {}, "")}}


def remove(module: AnsibleModule, product: str, prefix: pathlib.Path, version: str, lock_timeout: int) -> dict[str, t.Any]:
    """Remove the builds of a version (``16.07.0``, or ``16.07.0-1a2b3c4d5e`` for one of several), and return the result of the module."""
    store = Store(product, prefix)

    def chosen() -> list[Installed]:
        return [one for one in store.builds() if one.record.get("version") == version or one.path.name == f"{product}-{version}"]

    builds, current = chosen(), store.current()
    names = [one.path.name for one in store.builds()]
    left = [name for name in names if name not in {one.path.name for one in builds}]
    goes = current is not None and any(one.path == current.path for one in builds)
    if goes and current:
        module.warn(f"{prefix / LINK} led to {current.path.name} and goes too: no build is current.")
    before = {"builds": names, "current": current.path.name if current else None}
    after = {"builds": left, "current": None if goes else before["current"]}
    if builds and not module.check_mode:
        with store.locked(lock_timeout):
            store.remove(chosen())
    return {
        "changed": bool(builds),
        "commands": [],
        "reasons": [f"{one.path.name} is removed" for one in builds],
        "removed": [str(one.path) for one in builds],
        "diff": {"before": before, "after": after},
    }
