# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage kernel arguments for the next boot, prove that it gets them, or take everything back (private to this collection).

What a boot loader has to offer is in :class:`Loader`; boot_grub.py and boot_grubby.py are the two that there are.
"""

from __future__ import annotations

import abc
import dataclasses
import json
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.boot_loader import NextBoot
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_args import SUBJECT, check_line, unexpected
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import in_order, names_of

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_args import Managed, Wants
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import Line

# Making a boot configuration looks at all disks (os-prober); more than this is a hang
COMMAND_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Record:
    """What this collection staged on a host, as the host keeps it."""

    managed: Managed
    displaced: Managed
    """The words of others that stood on the line when an argument was first managed, by argument; only where there were any."""

    def as_json(self) -> str:
        """Return it as one line."""
        return json.dumps({name: {argument: list(words) for argument, words in sorted(part.items())} for name, part in dataclasses.asdict(self).items()})

    @classmethod
    def of_json(cls, text: str, path: pathlib.Path) -> Record:
        """Read what :meth:`as_json` made. Raises HostError."""
        try:
            found = json.loads(text)
            parts = ({str(name): tuple(map(str, words)) for name, words in found[part].items()} for part in ("managed", "displaced"))
            return cls(*parts)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise HostError(f"{path} has lost its record of what it stages ({error!r}). Remove it or restore it; nothing was changed.") from error

    def beside(self, other: Record) -> Record:
        """Return a record of all that either has; this one goes first."""
        return Record({**other.managed, **self.managed}, {**other.displaced, **self.displaced})


NOTHING = Record({}, {})


@dataclasses.dataclass(frozen=True)
class Plan:
    """What there is and what shall be."""

    before: NextBoot
    record_before: Record
    record: Record
    """With nothing managed, no record shall be left."""
    after: Line
    """The line as it shall be; of others' words that come back, the place is a guess."""
    changed: bool

    @property
    def arguments(self) -> list[str]:
        """All arguments that are or were managed."""
        return in_order({**self.record_before.managed, **self.record.managed})

    @property
    def coming_back(self) -> Managed:
        """The words of others that come back."""
        return {name: words for name, words in self.record_before.displaced.items() if name not in self.record.managed}


class Loader(abc.ABC):
    """A boot loader of a host."""

    kind: str

    @abc.abstractmethod
    def record(self) -> Record | None:
        """Read what this collection staged; None where it staged nothing. Raises HostError."""

    @abc.abstractmethod
    def next_boot(self) -> NextBoot:
        """Read what the next boot gets. Raises HostError."""

    def unfinished(self) -> bool:
        """Tell whether something was written of which the next boot may not know yet."""
        return False

    @abc.abstractmethod
    def check(self, plan: Plan) -> None:
        """Refuse what cannot be written, before anything is touched. Raises HostError or InputError."""

    @abc.abstractmethod
    def commands(self, plan: Plan) -> list[list[str]]:
        """Return the commands that a run would run."""

    @abc.abstractmethod
    def stage(self, plan: Plan) -> pathlib.Path | None:
        """Write the plan, and return the backup of the file that was replaced. Takes back what it did before it raises HostError."""


class Nothing(Loader):
    """A host without a boot loader, such as a container. It stays as it runs."""

    kind = "none"

    def __init__(self, running: Line, reason: str) -> None:
        """Take the command line of the running kernel, and a sentence that says what is missing."""
        self.running = running
        self.reason = reason

    def record(self) -> Record | None:
        """Nothing can have been staged."""
        return None

    def next_boot(self) -> NextBoot:
        """Return what runs: as far as this host knows, it stays."""
        return NextBoot("", "", self.running)

    def check(self, plan: Plan) -> None:
        """Refuse to change anything."""
        if plan.changed:
            raise HostError(f"{SUBJECT}: setting them is not possible. {self.reason} Nothing was changed.")

    def commands(self, plan: Plan) -> list[list[str]]:  # noqa: ARG002 - the signature of all
        """Return no command."""
        return []

    def stage(self, plan: Plan) -> pathlib.Path | None:
        """Refuse, as check() does before."""
        self.check(plan)
        return None


def plan_present(loader: Loader, wants: Wants) -> Plan:
    """Return how the next boot gets *wants* beside what was staged earlier. Raises HostError, InputError."""
    found = loader.record()
    record, before = found or NOTHING, loader.next_boot()
    line = before.line
    kept = {name: words for name, words in record.managed.items() if wants.get(name, words) is not None}
    known = {**kept, **{name: words for name, words in wants.items() if words is not None}}
    as_it_is = all(record.managed.get(name, words) == words for name, words in known.items()) and kept == record.managed
    if as_it_is and line.has(known) and not loader.unfinished():
        return Plan(before, record, record, line, changed=False)
    # what is nowhere and shall be nowhere needs no record
    managed = {name: words for name, words in known.items() if words or name in record.managed or line.words_of(name)}
    displaced = {name: record.displaced.get(name, ()) if name in record.managed else line.words_of(name) for name in managed}
    return _plan(before, found, Record(managed, {name: words for name, words in displaced.items() if words}))


def plan_absent(loader: Loader) -> Plan:
    """Return how everything that was staged goes, and what it displaced comes back. Raises HostError."""
    return _plan(loader.next_boot(), loader.record(), NOTHING)


def _plan(before: NextBoot, found: Record | None, record: Record) -> Plan:
    """Return the plan that leads to a record, if there is anything to do."""
    plan = Plan(before, found or NOTHING, record, before.line, changed=bool(record.managed) or found is not None)
    after = before.line.without(names_of(plan.record_before.managed)).edited({**plan.coming_back, **record.managed})
    check_line(after, record.managed)
    return dataclasses.replace(plan, after=after)


def prove(loader: Loader, plan: Plan, more: Sequence[str] = ()) -> None:
    """Look whether the next boot gets what is planned. Raises HostError that says what it gets instead; *more* are possible causes."""
    boot = loader.next_boot()
    problems = list(unexpected(boot.line, plan.record.managed))
    if problems:
        raise HostError(f"{SUBJECT}: the entry that is booted next, {boot.title!r}, did not take them. {'; '.join(problems)}. {' '.join(more)}".strip())
