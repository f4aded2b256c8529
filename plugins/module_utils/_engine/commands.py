# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that runs commands: list arguments, a fixed locale, and an end to every wait (private to this collection)."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible.module_utils.basic import AnsibleModule

ENVIRONMENT = {"LC_ALL": "C", "LANGUAGE": "C"}

# timeout(1): the command did not end in time, or had to be killed
_TIMEOUT_RCS = (124, 137)


class Commands:
    """Runs commands for a module."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module

    def find(self, name: str) -> str | None:
        """Return the path of a command; None where the host does not have it."""
        path: str | None = self.module.get_bin_path(name)  # looks into the sbin folders too
        return path

    def run(self, argv: Sequence[str]) -> tuple[int, str, str]:
        """Return exit status, output and error output of a command that bounds its own time."""
        answer: tuple[int, str, str] = self.module.run_command([*argv], environ_update=ENVIRONMENT, expand_user_and_vars=False)
        return answer

    def run_within(self, seconds: int, argv: Sequence[str]) -> tuple[int, str, str]:
        """Do the same for a command that may hang. Raises HostError after *seconds*, when the command was ended."""
        bounded = ["timeout", "--kill-after=5", str(seconds), *argv]
        answer: tuple[int, str, str] = self.module.run_command(bounded, environ_update=ENVIRONMENT, expand_user_and_vars=False)
        if answer[0] in _TIMEOUT_RCS:
            raise HostError(f"{' '.join(argv)}: no end within {seconds} s; it was ended.", cmd=[*argv], rc=answer[0], stdout=answer[1], stderr=answer[2])
        return answer

    def run_logged(self, seconds: int, argv: Sequence[str], log: str, *, cwd: str, environ: dict[str, str], held: Sequence[int] = ()) -> int:
        """Run a command that takes long, with its output at the end of the file *log* as it comes, and return the exit status.

        *environ* comes on top of this process's; the file descriptors *held* (of locks) stay open in the command, so that they are held
        for as long as any process of it runs. Raises HostError after *seconds*.
        """
        # the shell does nothing but open the log: the command's own words stay arguments
        shell = ["/bin/sh", "-c", 'exec "$@" >>"$0" 2>&1 </dev/null', log, *argv]
        bounded = ["timeout", "--kill-after=5", str(seconds), *shell]
        begun = time.monotonic()
        settings = {**ENVIRONMENT, **environ}
        rc: int = self.module.run_command(bounded, environ_update=settings, expand_user_and_vars=False, cwd=cwd, pass_fds=[*held])[0]
        if rc in _TIMEOUT_RCS and time.monotonic() - begun >= seconds:
            raise HostError(f"{' '.join(argv)}: no end within {seconds} s; it was ended.", cmd=[*argv], rc=rc)
        return rc
