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

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_args import SUBJECT, check_line, unexpected
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import in_order, names_of

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.boot_loader import NextBoot
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_args import Managed
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import Line

# Making a boot configuration looks at all disks (os-prober); more than this is a hang
COMMAND_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Record:
    """What this collection staged on a host, as the host keeps it."""

    managed: Managed
    displaced: tuple[str, ...]
    """The words of others that stood on the line before, of the arguments that are managed."""

    def as_json(self) -> str:
        """Return it as one line."""
        return json.dumps({"managed": {name: list(words) for name, words in sorted(self.managed.items())}, "displaced": list(self.displaced)})

    @classmethod
    def of_json(cls, text: str, path: pathlib.Path) -> Record:
        """Read what :meth:`as_json` made. Raises HostError."""
        try:
            found = json.loads(text)
            managed = {str(name): tuple(str(word) for word in words) for name, words in found["managed"].items()}
            return cls(managed, tuple(str(word) for word in found["displaced"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise HostError(f"{path} has lost its record of what it stages ({error!r}). Remove it or restore it; nothing was changed.") from error

    @classmethod
    def none(cls) -> Record:
        """Return the record of a host where nothing is staged."""
        return cls({}, ())


@dataclasses.dataclass(frozen=True)
class Plan:
    """What there is and what shall be."""

    before: NextBoot
    record_before: Record
    record: Record
    present: bool
    """Whether a record shall be there at all."""
    after: Line
    """The line as it shall be; of others' words that come back, the place is a guess."""
    changed: bool

    @property
    def arguments(self) -> list[str]:
        """All arguments that are or were managed."""
        return in_order({**self.record_before.managed, **self.record.managed})

    def unexpected(self, line: Line) -> list[str]:
        """Return what a line does not have as it shall."""
        if self.present:
            return list(unexpected(line, self.record.managed))
        ours = {name: words for name, words in self.record_before.managed.items() if words}
        return [f"{name}: {' '.join(words)} is still there" for name, words in ours.items() if self._is_ours(line, name, words)]

    def _is_ours(self, line: Line, name: str, words: tuple[str, ...]) -> bool:
        """Tell whether words on a line are ours, and not the same ones of another owner that came back."""
        return line.words_of(name) == words and not set(words) & set(self.record_before.displaced)


class Loader(abc.ABC):
    """A boot loader of a host."""

    kind: str

    @abc.abstractmethod
    def record(self) -> Record | None:
        """Read what this collection staged; None where it staged nothing. Raises HostError."""

    @abc.abstractmethod
    def next_boot(self) -> NextBoot:
        """Read what the next boot gets. Raises HostError."""

    @abc.abstractmethod
    def check(self, plan: Plan) -> None:
        """Refuse what cannot be written, before anything is touched. Raises HostError or InputError."""

    @abc.abstractmethod
    def commands(self, plan: Plan) -> list[list[str]]:
        """Return the commands that a run would run."""

    @abc.abstractmethod
    def stage(self, plan: Plan) -> pathlib.Path | None:
        """Write the plan, and return the backup of the file that was replaced. Takes back what it did before it raises HostError."""


def plan_present(loader: Loader, wants: Managed) -> Plan:
    """Return how the next boot gets *wants* beside what was staged earlier. Raises HostError, InputError."""
    found = loader.record()
    record, before = found or Record.none(), loader.next_boot()
    line = before.line
    known = {**record.managed, **wants}
    stale = list(unexpected(line, known))
    settled = not stale and all(record.managed.get(name, words) == words for name, words in wants.items())
    if settled:
        return Plan(before, record, record, found is not None, line, changed=False)
    # what is nowhere and shall be nowhere needs no record
    managed = {name: words for name, words in known.items() if words or name in record.managed or line.words_of(name)}
    if not managed:
        return Plan(before, record, record, found is not None, line, changed=False)
    new = [name for name in managed if name not in record.managed]
    displaced = (*record.displaced, *(token.word for token in line.named(names_of(new))))
    after = line.edited(managed)
    check_line(after, managed)
    return Plan(before, record, Record(managed, displaced), present=True, after=after, changed=True)


def plan_absent(loader: Loader) -> Plan:
    """Return how everything that was staged goes, and what it displaced comes back. Raises HostError."""
    found = loader.record()
    record, before = found or Record.none(), loader.next_boot()
    after = before.line.without(names_of(record.managed)).with_words(record.displaced) if found else before.line
    return Plan(before, record, Record.none(), present=False, after=after, changed=found is not None)


def prove(loader: Loader, plan: Plan, more: Sequence[str] = ()) -> None:
    """Look whether the next boot gets what is planned. Raises HostError that says what it gets instead; *more* are possible causes."""
    boot = loader.next_boot()
    problems = plan.unexpected(boot.line)
    if problems:
        raise HostError(f"{SUBJECT}: the entry that is booted next, {boot.title!r}, did not take them. {'; '.join(problems)}. {' '.join(more)}".strip())
