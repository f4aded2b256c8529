# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the checks of this collection one after the other, and say at the end what came out of each.

Usage: steps.py [NAME...]    NAME is a step or a group of steps: lint, units, sanity, docs, dist, molecule; default: all

Checks, images and the scenario of an emulated host run two at a time, and what each says is printed when it has ended. The other
scenarios run one by one, as they measure.
A failed step does not stop the others. The exit status is 1 when a step failed. The last line counts the steps.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import typing

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUN = "molecule/lab/run"
CHECK = "molecule/lab/check"
LIMIT_S = 1200  # of one step
BOOT_LIMIT_S = 2400  # of a scenario on an emulated host: 25 minutes on two CPUs with a load of eight
TOGETHER = 2  # steps at a time, where they may
# Suites that a mirror may have dropped: a failure to build their image is no failure of the collection.
ARCHIVED = ("bullseye",)


@dataclasses.dataclass(frozen=True)
class Step:
    """One check: a command, and the steps without which it has nothing to work on."""

    group: str
    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    may_fail: str = ""  # why a failure is reported as skipped
    check: tuple[str, ...] = ()  # says in one line why this machine cannot run it
    limit_s: int = LIMIT_S
    alone: bool = False  # whether nothing else may run beside it


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came out of a step."""

    name: str
    result: str
    seconds: float
    reason: str = ""


def shell_scripts() -> list[str]:
    """Return the paths of all shell scripts that git knows."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    names = [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]
    return [name for name in names if (ROOT / name).read_bytes().startswith((b"#!/bin/sh", b"#!/usr/bin/env bash"))]


def checks() -> list[Step]:
    """Return the steps that need no lab host."""
    collection = "ansible_collections.nfv.ovs_dpdk"
    # antsibull-docs copies ansible.posix as git knows it, and our git ignores .venv: keep it from finding our git there
    ceiling = ("env", f"GIT_CEILING_DIRECTORIES={ROOT}")
    references = ("--check-extra-docs-refs", "--validate-collection-refs", "dependent", "--disallow-unknown-collection-refs")
    return [
        Step("lint", "ruff", ("ruff", "check", ".")),
        Step("lint", "ruff-format", ("ruff", "format", "--check", ".")),
        Step("lint", "mypy", ("mypy", "-p", f"{collection}.plugins", "-p", f"{collection}.tests", "-p", f"{collection}.tools")),
        Step("lint", "yamllint", ("yamllint", "--strict", ".")),
        Step("lint", "shellcheck", ("shellcheck", *shell_scripts())),
        Step("lint", "changelog", ("antsibull-changelog", "lint")),
        Step("lint", "docs-lint", (*ceiling, "antsibull-docs", "lint-collection-docs", "--plugin-docs", *references, ".")),
        Step("lint", "ansible-lint", ("ansible-lint",)),
        Step("units", "units", ("pytest", "-q", "-n", "2")),
        Step("sanity", "sanity", ("tools/sanity.sh",)),
        Step("docs", "docs", ("tools/docs.sh",)),
        Step("dist", "dist", ("tools/dist.sh",)),
    ]


def groups() -> dict[str, typing.Any]:
    """Return the groups of molecule/inventory.yml."""
    inventory = yaml.safe_load((ROOT / "molecule/inventory.yml").read_text(encoding="utf-8"))
    return dict(inventory["all"]["children"])


def hosts() -> dict[str, tuple[str, str]]:
    """Return the hosts that are containers, each with its Debian suite and flavour."""
    suite = os.environ.get("LAB_SUITE") or "bookworm"
    parts = groups()["lab_hosts"]["children"].values()
    values = {host: values or {} for part in parts for host, values in part.get("hosts", {}).items()}
    return {host: (of_host.get("lab_suite", suite), of_host.get("lab_flavour", "")) for host, of_host in values.items()}


def emulated_hosts() -> list[str]:
    """Return the hosts that are emulated machines."""
    return list(groups()["boot_hosts"]["hosts"])


def scenarios() -> list[Step]:
    """Return the steps for the lab: an image of each kind of host that is used, and each of molecule's scenarios."""
    gone = "this suite is archived, and its image could not be built"
    kinds, emulated = {**hosts(), "lab": hosts()["ovs1"]}, emulated_hosts()
    disk = Step("molecule", "image-vm", (RUN, "molecule/lab/vm-image"), check=(CHECK, "vm"))
    images: dict[str, Step] = {}
    tests = []
    for path in sorted((ROOT / "molecule").glob("*/molecule.yml")):
        limit = re.search(r"--limit=(\w+)", path.read_text(encoding="utf-8"))
        host = limit[1] if limit else "lab"
        test = Step("molecule", f"molecule-{path.parent.name}", (RUN, "molecule", "test", "--scenario-name", path.parent.name), check=(CHECK,), alone=True)
        needed = []
        if host in emulated:
            needed.append(disk)
            # it measures nothing and waits for boots, on one of two CPUs most of the time
            test = dataclasses.replace(test, check=disk.check, limit_s=BOOT_LIMIT_S, alone=False)
        else:
            suite, flavour = kinds[host]
            name, command = "-".join(filter(None, ("image", suite, flavour))), (RUN, "molecule/lab/image", suite, flavour)
            needed.append(Step("molecule", name, command, may_fail=gone if suite in ARCHIVED else "", check=(CHECK,)))
            if flavour == "source":  # nine minutes of two CPUs alone, most of it a compiler
                test = dataclasses.replace(test, limit_s=BOOT_LIMIT_S)
            if flavour == "guests":  # they start from the disk of the emulated hosts
                needed.append(disk)
                test = dataclasses.replace(test, check=disk.check, limit_s=BOOT_LIMIT_S)
        images.update({image.name: image for image in needed})
        tests.append(dataclasses.replace(test, needs=tuple(image.name for image in needed)))
    return [*images.values(), *tests]


def chosen(steps: list[Step], names: list[str]) -> list[Step]:
    """Return the steps that have one of the names or are in one of these groups, and those that they need."""
    unknown = set(names) - {step.name for step in steps} - {step.group for step in steps}
    if unknown:
        sys.exit(f"there is no step {', '.join(sorted(unknown))}; there are: {', '.join(step.name for step in steps)}")
    wanted = [step for step in steps if not names or step.name in names or step.group in names]
    needed = {name for step in wanted for name in step.needs}
    return [step for step in steps if step in wanted or step.name in needed]


def remove_hosts() -> None:
    """Remove the hosts of the inventory: a lab that is still up would take the tests' CPUs, and so would what a step left."""
    if not why_not((CHECK,)):
        subprocess.run([RUN, "molecule/lab/host", "down", *hosts()], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    if not why_not((CHECK, "vm")):
        subprocess.run([RUN, "molecule/lab/vm", "down", *emulated_hosts()], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


def in_good_order(steps: list[Step]) -> list[Step]:
    """Return steps that may run beside each other so that the longest one begins early: what it needs is made while the linters run."""
    longest = max(steps, key=lambda step: step.limit_s, default=None)
    needed = longest.needs if longest else ()
    return sorted(steps, key=lambda step: (step.name not in needed, step.group != "lint", step is not longest))


@functools.cache
def why_not(check: tuple[str, ...]) -> str:
    """Return why this machine cannot run what the check is for, nothing when it can."""
    if not check:
        return ""
    done = subprocess.run(check, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip() or ("" if done.returncode == 0 else f"{' '.join(check)}: exit status {done.returncode}")


class Runner:
    """Runs steps. It knows the processes that it waits for, so that it can end them."""

    def __init__(self, steps: list[Step]) -> None:
        """Begin with no outcome."""
        self.steps = steps
        self.names = {step.name: f"[{number}/{len(steps)}] {step.name}" for number, step in enumerate(steps, 1)}
        self.outcomes: dict[str, Outcome] = {}
        self.processes: set[subprocess.Popen[bytes]] = set()
        self.lock = threading.Lock()

    def run(self) -> list[Outcome]:
        """Run the steps: first those that others may run beside, then the others."""
        beside = in_good_order([step for step in self.steps if not step.alone]) if len(self.steps) > 1 else []
        started: dict[str, concurrent.futures.Future[None]] = {}
        try:
            with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
                try:
                    for step in beside:
                        # those before it have been started, so that it can wait for them
                        needed = [started[name] for name in step.needs if name in started]
                        started[step.name] = pool.submit(self.run_step, step, needed, live=False)
                    for done in started.values():
                        done.result()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    self.end_all()
                    raise
            for step in self.steps:
                if step not in beside:
                    self.run_step(step, live=True)
        finally:
            self.end_all()
        return [self.outcomes[step.name] for step in self.steps]

    def run_step(self, step: Step, needed: typing.Sequence[concurrent.futures.Future[None]] = (), *, live: bool) -> None:
        """Run a step, after those that it needs, and write down what came out; what it says is printed at once (*live*), or when it has ended."""
        concurrent.futures.wait(needed)
        blocked = why_not(step.check)
        for other in (self.outcomes[name] for name in step.needs):
            if other.result != "passed":
                blocked = blocked or f"{other.name}: {other.reason}"
        if blocked:
            self.outcomes[step.name] = Outcome(step.name, "skipped", 0, blocked)
            return
        print(f"==> {self.names[step.name]}: {' '.join(filter(None, step.command))}", flush=True)
        start = time.monotonic()
        with tempfile.TemporaryFile() as output:
            failure = self.execute(step, None if live else output)
            seconds = time.monotonic() - start
            output.seek(0)
            said = output.read().decode(errors="replace").rstrip()
        if said:
            with self.lock:
                print(f"==> {self.names[step.name]} says:\n{said}", flush=True)
        result = "passed" if not failure else "skipped" if step.may_fail else "failed"
        self.outcomes[step.name] = Outcome(step.name, result, seconds, failure and (step.may_fail or failure))

    def execute(self, step: Step, output: typing.IO[bytes] | None) -> str:
        """Run the command of a step, its output being ours or *output*; return why it failed, nothing when it did not."""
        quiet = {} if output is None and sys.stdout.isatty() else {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", "MOLECULE_COMMAND_BORDERS": "false"}
        try:
            with self.lock:
                process = subprocess.Popen(
                    step.command, cwd=ROOT, env={**os.environ, **quiet}, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
                self.processes.add(process)
        except OSError as error:
            return f"{step.command[0]}: {error.strerror}"
        try:
            status = process.wait(step.limit_s)
        except subprocess.TimeoutExpired:
            end(process)
            return f"no end after {step.limit_s} s"
        # in case of an interrupt it stays known, for end_all
        self.processes.discard(process)
        return f"exit status {status}" if status else ""

    def end_all(self) -> None:
        """End all that runs."""
        with self.lock:
            for process in self.processes:
                end(process)
            self.processes.clear()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it has started, which are in a session of their own and would go on."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def main() -> None:
    """Run the steps that the arguments name and print the table."""
    steps = chosen([*checks(), *scenarios()], sys.argv[1:])
    start = time.monotonic()
    with_lab = any(step.group == "molecule" for step in steps)
    if with_lab:
        remove_hosts()
    try:
        outcomes = Runner(steps).run()
    finally:
        if with_lab:
            remove_hosts()
    width = max(len(outcome.name) for outcome in outcomes)
    print()
    for outcome in outcomes:
        print(f"{outcome.name:{width}}  {outcome.result:7}  {outcome.seconds:6.1f} s  {outcome.reason}".rstrip())
    print(f"{'in all':{width}}  {'':7}  {time.monotonic() - start:6.1f} s\n")
    count = {result: sum(outcome.result == result for outcome in outcomes) for result in ("passed", "failed", "skipped")}
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped", flush=True)
    sys.exit(1 if count["failed"] else 0)


if __name__ == "__main__":
    main()
