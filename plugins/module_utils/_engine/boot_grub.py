# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GRUB as Debian configures it: one drop-in of our own below /etc/default/grub.d, and update-grub (private to this collection).

grub-mkconfig reads /etc/default/grub and then the drop-ins, by name, as shell scripts; the entries get GRUB_CMDLINE_LINUX and, but for
the rescue entries, GRUB_CMDLINE_LINUX_DEFAULT. Ours comes last: it takes the arguments that are managed out of both, wherever they come
from, and adds its own. So nobody's file is edited, and without the drop-in everything is as its owner has it now.
"""

from __future__ import annotations

import os
import re
import shlex
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.boot import COMMAND_SECONDS, Loader, Plan, Record, prove
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.files import FileChange, back_up, read_file, remove_backups, replace
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import boot_loader
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_args import SUBJECT
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import Grammar, in_order, names_of

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands

DROP_IN = f"{boot_loader.DEBIAN_FOLDER}/zz-nfv-ovs-dpdk.cfg"

_RECORD = "# record: "
_HEADER = """\
# Kernel arguments staged by the Ansible module nfv.ovs_dpdk.kernel_args. It writes this file as a whole: do not edit it.
# Without this file and after update-grub, the arguments of all other files hold again.
"""

# sed: one line in, two lines out. The first has the words for the kernel but for those that are managed, the second what begins with `--`
# and is for init. A newline marks how far the line was read; the word under it is put between two. Quotes as in the GRUB script that
# the line becomes a part of. GNU sed: \x27 is a single quote, \n in brackets a newline.
_SED = r"""
s/^/\n/
:word
s/\n([[:blank:]]*([^[:blank:]"\x27\\]|\\.|"([^"\\]|\\.)*"|\x27[^\x27]*\x27)+)/\n\1\n/
t found
s/\n//
b
:found
s/\n([[:blank:]]*--)\n/\n\1/
t
s/\n[[:blank:]]*["\x27]?(NAMES)(["\x27]|=[^\n]*)?\n/\n/
t word
s/\n([^\n]*)\n/\1\n/
b word
"""

_SCRIPT = """\
nfv_ovs_dpdk_newline='
'
nfv_ovs_dpdk_split() {
  printf '%s\\n' "$1" | sed -E {sed}
}
nfv_ovs_dpdk_linux=$(nfv_ovs_dpdk_split "${GRUB_CMDLINE_LINUX-}")
nfv_ovs_dpdk_default=$(nfv_ovs_dpdk_split "${GRUB_CMDLINE_LINUX_DEFAULT-}")
nfv_ovs_dpdk_words={words}
case $nfv_ovs_dpdk_linux in
  *"$nfv_ovs_dpdk_newline"*)  # words for init: all that follows is theirs, the other variable too
    GRUB_CMDLINE_LINUX="${nfv_ovs_dpdk_linux%%"$nfv_ovs_dpdk_newline"*} $nfv_ovs_dpdk_words ${nfv_ovs_dpdk_linux#*"$nfv_ovs_dpdk_newline"}" ;;
  *)
    GRUB_CMDLINE_LINUX=$nfv_ovs_dpdk_linux
    case $nfv_ovs_dpdk_default in
      *"$nfv_ovs_dpdk_newline"*)
        GRUB_CMDLINE_LINUX_DEFAULT="${nfv_ovs_dpdk_default%%"$nfv_ovs_dpdk_newline"*} $nfv_ovs_dpdk_words ${nfv_ovs_dpdk_default#*"$nfv_ovs_dpdk_newline"}" ;;
      *)
        GRUB_CMDLINE_LINUX_DEFAULT="$nfv_ovs_dpdk_default${nfv_ovs_dpdk_words:+ $nfv_ovs_dpdk_words}" ;;
    esac ;;
esac
unset nfv_ovs_dpdk_newline nfv_ovs_dpdk_linux nfv_ovs_dpdk_default nfv_ovs_dpdk_words
unset -f nfv_ovs_dpdk_split
"""


def _pattern(name: str) -> str:
    """Return a name as an extended regular expression; - and _ are the same to the kernel."""
    return "".join("[-_]" if char in "-_" else char if char.isalnum() else f"[{char}]" for char in name)


def drop_in_text(record: Record) -> str:
    """Return the text of the drop-in that stages a record."""
    head = f"{_HEADER}{_RECORD}{record.as_json()}\n"
    if not record.managed:
        return head
    sed = _SED.replace("NAMES", "|".join(map(_pattern, names_of(in_order(record.managed)))))
    words = " ".join(Grammar.GRUB.quoted(word) for argument in in_order(record.managed) for word in record.managed[argument])
    return head + _SCRIPT.replace("{sed}", shlex.quote(sed)).replace("{words}", shlex.quote(words))


class Grub(Loader):
    """GRUB with update-grub."""

    kind = "grub"

    def __init__(self, root: pathlib.Path, commands: Commands) -> None:
        """*root* stands for ``/``."""
        self.root = root
        self.commands_run = commands
        self.drop_in = root / DROP_IN
        self.config = root / boot_loader.DEBIAN_CONFIG
        self.update_grub = commands.find("update-grub")

    def record(self) -> Record | None:
        """Read the drop-in."""
        text = read_file(self.drop_in)
        if text is None:
            return None
        found = re.search(rf"^{re.escape(_RECORD)}(.*)$", text, flags=re.MULTILINE)
        return Record.of_json(found[1] if found else "", self.drop_in)

    def next_boot(self) -> boot_loader.NextBoot:
        """Read grub.cfg and the environment block."""
        text = read_file(self.config)
        if text is None:
            raise HostError(f"{self.config} is not there, so what the next boot gets is not known. Run update-grub.")
        environment = boot_loader.parse_environment(read_file(self.root / boot_loader.DEBIAN_ENVIRONMENT) or "")
        found = boot_loader.parse_grub_config(text, environment)
        if found is None:
            raise HostError(f"{self.config}: the entry that is booted next is not a Linux kernel. Set GRUB_DEFAULT to one that is.")
        return found

    def unfinished(self) -> bool:
        """Tell whether the drop-in is newer than grub.cfg: the machine stopped before update-grub was through."""
        if not (self.drop_in.exists() and self.config.exists()):
            return False
        return self.drop_in.stat().st_mtime_ns > self.config.stat().st_mtime_ns

    def check(self, plan: Plan) -> None:
        """Look for update-grub and whether the files can be written."""
        if not plan.changed:
            return
        if not self.update_grub:
            raise HostError(f"{SUBJECT}: update-grub is missing, which the boot loader GRUB is configured with. Install grub2-common.")
        folder = self.drop_in.parent
        for path in (self.config, self.drop_in if self.drop_in.exists() else folder if folder.exists() else self.root / "etc/default"):
            if not os.access(path, os.W_OK):
                raise HostError(f"{path} cannot be written: it is read-only. Nothing was changed.")

    def commands(self, plan: Plan) -> list[list[str]]:
        """Return update-grub where something changes."""
        return [[self.update_grub or "update-grub"]] if plan.changed else []

    def stage(self, plan: Plan) -> pathlib.Path | None:
        """Write the drop-in, run update-grub, look at the result."""
        before, config = read_file(self.drop_in), read_file(self.config)
        written = None if before is None else self.drop_in.stat().st_mtime_ns
        backup = back_up(self.drop_in)
        # an empty record first: a file that is gone would not tell, after a loss of power, that update-grub has still to be run
        change = FileChange(self.drop_in, before, drop_in_text(plan.record))
        try:
            replace(change)
            self._update_grub()
            prove(self, plan, self._causes())
            if not plan.record.managed:
                replace(FileChange(self.drop_in, change.after, None))
                remove_backups(self.drop_in)  # nothing of ours is left
        except HostError as error:
            raise HostError(f"{error} {self._take_back(change, config, written)}", **error.details) from error
        return backup if plan.record.managed else None

    def _update_grub(self) -> None:
        argv = [self.update_grub or "update-grub"]
        rc, out, err = self.commands_run.run_within(COMMAND_SECONDS, argv)
        if rc:
            said = (err.strip() or out.strip() or "it said nothing").splitlines()
            raise HostError(f"{' '.join(argv)} failed: {' / '.join(said[-5:])}.", cmd=argv, rc=rc, stdout=out, stderr=err)

    def _take_back(self, change: FileChange, config: str | None, written: int | None) -> str:
        """Bring drop-in, with the time it was written, and grub.cfg back to what they were, and say so."""
        try:
            if read_file(self.drop_in) == change.before and read_file(self.config) == config:
                return "Nothing was changed."
            replace(change.back())
            if written is not None:  # or it would look as if update-grub were still to be run
                os.utime(self.drop_in, ns=(written, written))
            try:
                self._update_grub()
                again = ""
            except HostError as error:
                again = f" update-grub failed then, too ({error})."
            # what others have pending in their files is for them to bring in
            now = read_file(self.config)
            if now != config:
                replace(FileChange(self.config, now, config))
        except (HostError, OSError) as error:
            return f"It could not be taken back: {error} Before the next boot, see to {self.drop_in} and {self.config}."
        return f"The drop-in was taken back, and {self.config} is as it was.{again}"

    def _causes(self) -> list[str]:
        """Return what may keep a drop-in from having its effect, as far as it can be seen."""
        later = sorted(path.name for path in self.drop_in.parent.glob("*.cfg") if path.name > self.drop_in.name)
        found = [f"{', '.join(later)} in {self.drop_in.parent} is read after {self.drop_in.name} and may set the command line anew." if later else ""]
        if "BEGIN /etc/grub.d/10_linux" not in (read_file(self.config) or ""):
            found.append(f"{self.config} does not look as grub-mkconfig writes it.")
        else:
            found.append("Look at GRUB_DEFAULT, at saved entries (grub-editenv list) and at entries of /etc/grub.d that carry lines of their own.")
        return [cause for cause in found if cause]
