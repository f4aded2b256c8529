# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot loader of the Red Hat family, through grubby (private to this collection).

grubby has no place for what an argument was before, so a file of our own remembers it. Releases of grubby treat a name that comes more
than once differently (some keep the first place, some drop a word that is there already), which pairs of hugepages do not bear: so the line
is read back, and all files that grubby may have touched are put back to the byte if it is not as wanted, or others' words changed.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.boot import COMMAND_SECONDS, Loader, Plan, Record, prove
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.files import FileChange, back_up, read_file, remove_backups, replace
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import boot_loader
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_args import SUBJECT, unexpected
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import in_order, names_of

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands

RECORD = "var/lib/nfv.ovs_dpdk.kernel_args.json"

# What grubby --update-kernel=ALL writes to: entries, environment block (kernelopts), settings for kernels to come; grub.cfg before entries
_TOUCHED = ("boot/grub2/grubenv", "boot/grub2/grub.cfg", "etc/grub2.cfg", "etc/default/grub", "etc/kernel/cmdline")


class Grubby(Loader):
    """Entries of all kernels, edited by grubby."""

    kind = "grubby"

    def __init__(self, root: pathlib.Path, commands: Commands, path: str) -> None:
        """*root* stands for ``/``; *path* is the command grubby."""
        self.root = root
        self.commands_run = commands
        self.path = path
        self.record_file = root / RECORD

    def record(self) -> Record | None:
        """Read the file that remembers."""
        text = read_file(self.record_file)
        return None if text is None else Record.of_json(text, self.record_file)

    def next_boot(self) -> boot_loader.NextBoot:
        """Ask grubby for the default entry."""
        argv = [self.path, "--info=DEFAULT"]
        rc, out, err = self.commands_run.run_within(COMMAND_SECONDS, argv)
        found = boot_loader.parse_grubby(out) if rc == 0 else None
        if found is None:
            raise HostError(f"{' '.join(argv)} names no kernel: {(err or out).strip() or 'it said nothing'}.", cmd=argv, rc=rc, stdout=out, stderr=err)
        return found

    def check(self, plan: Plan) -> None:
        """Refuse what grubby cannot carry, and files that cannot be written."""
        for word in (word for words in plan.record.managed.values() for word in words if " " in word):
            raise InputError(SUBJECT, "args", word, "grubby parts its arguments at blanks.", "Use a value without blanks.")
        if not plan.changed:
            return
        folder = next(path for path in (self.record_file, *self.record_file.parents) if path.exists())
        for path in (folder, *self._files()):
            if path.exists() and not os.access(path, os.W_OK):
                raise HostError(f"{path} cannot be written: it is read-only. Nothing was changed.")

    def commands(self, plan: Plan) -> list[list[str]]:
        """Return one command that takes away and one that adds: grubby would otherwise keep the place of a name that is there."""
        if not plan.changed:
            return []
        names = [name for name in names_of(plan.arguments) if plan.before.line.named([name])]
        spelled = dict.fromkeys(token.name for token in plan.before.line.named(names))
        words = {**plan.coming_back, **plan.record.managed}
        added = [word for argument in in_order(words) for word in words[argument]]
        update = [self.path, "--update-kernel=ALL"]
        return [
            *([[*update, f"--remove-args={' '.join(spelled)}"]] if spelled else []),
            *([[*update, f"--args={' '.join(added)}"]] if added else []),
        ]

    def stage(self, plan: Plan) -> pathlib.Path | None:
        """Remember, run grubby, look at the result."""
        backup = back_up(self.record_file)
        texts = {path: read_file(path) for path in self._files()}
        # all that was and all that will be first: after a loss of power nothing that is on the line may be forgotten
        change = FileChange(self.record_file, read_file(self.record_file), plan.record.beside(plan.record_before).as_json() + "\n")
        try:
            replace(change)
            self._run(self.commands(plan))
            prove(self, plan, ["This release of grubby may not keep a name that comes more than once."])
            self._prove_others(plan)
            replace(FileChange(self.record_file, change.after, plan.record.as_json() + "\n" if plan.record.managed else None))
            if not plan.record.managed:
                remove_backups(self.record_file)  # nothing of ours is left
        except HostError as error:
            raise HostError(f"{error} {self._take_back(change, texts)}", **error.details) from error
        return backup if plan.record.managed else None

    def _prove_others(self, plan: Plan) -> None:
        """Look whether the arguments of others are as they were, those that come back among them. Raises HostError."""
        gone = {name: plan.coming_back.get(name, ()) for name in plan.record_before.managed if name not in plan.record.managed}
        problems = "; ".join(unexpected(self.next_boot().line, gone))
        if problems:
            raise HostError(f"grubby did not give arguments back. {problems}.")
        names = names_of(plan.arguments)
        before, after = plan.before.line.without(names), self.next_boot().line.without(names)
        if [token.raw for token in before.tokens] != [token.raw for token in after.tokens]:
            raise HostError(f"grubby changed arguments that it was not told to: {before} became {after}.")

    def _files(self) -> list[pathlib.Path]:
        entries = sorted((self.root / boot_loader.ENTRIES_FOLDER).glob("*.conf"))
        return [path for path in (*entries, *(self.root / name for name in _TOUCHED)) if path.is_file() and not path.is_symlink()]

    def _run(self, commands: Sequence[Sequence[str]]) -> None:
        for argv in commands:
            rc, out, err = self.commands_run.run_within(COMMAND_SECONDS, argv)
            if rc:
                raise HostError(f"{' '.join(argv)} failed: {(err or out).strip() or 'it said nothing'}.", cmd=[*argv], rc=rc, stdout=out, stderr=err)

    def _take_back(self, change: FileChange, texts: dict[pathlib.Path, str | None]) -> str:
        try:
            for path, text in texts.items():
                now = read_file(path)
                if now != text:
                    replace(FileChange(path, now, text))
            if read_file(change.path) != change.before:
                replace(change.back())
        except HostError as error:
            return f"It could not be taken back: {error} Look at the entries before the next boot."
        return "The entries of all kernels are as they were."
