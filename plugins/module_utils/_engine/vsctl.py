# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ovs-vsctl: one read of all tables, one transaction (private to this collection)."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot, list_commands, parse_snapshot
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible.module_utils.basic import AnsibleModule

# The signal with which ovs-vsctl ends itself at its --timeout (ovs-vsctl(8)): it says so, or the shell's 128 + 14 does.
_ALARM_RCS = (-14, 142)

# EX_DATAERR, with which ovs-vsctl of 3.6 and newer ends where the transaction is in the database and ovs-vswitchd could not set up a port (NEWS)
_NOT_SET_UP_RC = 65


class TransactionError(HostError):
    """ovs-vsctl refused the transaction: nothing of it was written."""


class NotAppliedError(HostError):
    """The transaction is in the database, and ovs-vswitchd did not say within the timeout that it has taken it up."""


class Vsctl:
    """Runs ovs-vsctl against one database, with a timeout."""

    def __init__(self, module: AnsibleModule, database: str, timeout: int) -> None:
        if timeout < 1:
            raise InputError("the switch", "timeout", timeout, "It is a number of seconds, 1 at least.", "Leave it out for 30 s.")
        self.timeout = timeout
        self.database = database
        self.commands = Commands(module)
        self.path = self.commands.find("ovs-vsctl")

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line."""
        return [self.path or "ovs-vsctl", f"--db={self.database}", f"--timeout={self.timeout}", *arguments]

    def _run(self, argv: list[str]) -> tuple[int, str, str]:
        if self.path is None:
            raise HostError("ovs-vsctl is not on this host. Install Open vSwitch with DPDK first (role nfv.ovs_dpdk.ovs_dpdk), or correct PATH.")
        return self.commands.run(argv)

    def read(self) -> Snapshot:
        """Return what is in the database. Raises HostError where ovsdb-server does not answer within the timeout."""
        argv = self.command("--format=json", *list_commands())
        rc, out, err = self._run(argv)
        if rc != 0:
            why = f"no answer within {self.timeout} s" if rc in _ALARM_RCS else _words(err)
            raise HostError(f"the database {self.database} cannot be read: {why}. Is ovsdb-server running?", cmd=argv, rc=rc, stderr=err)
        return parse_snapshot(out)

    def transaction(self, commands: Sequence[list[str]], *, wait: bool) -> list[str]:
        """Return the command line of one transaction, for ovs-vswitchd to take up before it ends if *wait* is set."""
        words = [word for command in commands for word in ("--", *command)]
        return self.command(*([] if wait else ["--no-wait"]), *words)

    def write(self, argv: list[str]) -> None:
        """Run a transaction. Raises TransactionError or NotAppliedError. A port that the switch could not set up is in the database with its error."""
        rc, out, err = self._run(argv)
        if rc in _ALARM_RCS:
            raise NotAppliedError(f"ovs-vswitchd did not take up the change within {self.timeout} s: it hangs, or it is busy.", rc=rc, stderr=err)
        if rc not in (0, _NOT_SET_UP_RC):
            raise TransactionError(f"the database refused the change: {_words(err)}", cmd=argv, rc=rc, stdout=out, stderr=err)


# What ovs-vsctl logs on its standard error before it says the same in its own words: date|sequence|module|LEVEL|text.
_LOGGED = r"[^|]*\|\d+\|[^|]+\|[A-Z]+\|"


def _words(err: str) -> str:
    """Return what ovs-vsctl said, without its name, on one line and each thing once."""
    lines = [re.sub(_LOGGED, "", line.strip(), count=1).removeprefix("ovs-vsctl: ") for line in err.strip().splitlines()]
    return "; ".join(dict.fromkeys(lines)) or "it gave no reason"
