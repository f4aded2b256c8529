# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel command lines: read, edited and compared, with every byte that is not ours kept (private to this collection).

Two grammars. The kernel's own (/proc/cmdline; Linux, lib/cmdline.c next_arg, kernel/params.c): blanks part words, double quotes protect
blanks and cannot be escaped, ``-`` and ``_`` are the same in a name, what follows a bare ``--`` is for init. And that of GRUB scripts
(a ``linux`` line of grub.cfg, ``options`` of a boot loader entry; GNU GRUB manual, "Shell-like scripting"), where single quotes and backslashes
quote too; GRUB takes the quotes away and gives the kernel a word that holds blanks in double quotes.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Arguments that make sense only together, and in their order: names by the name of the group
GROUPS: Mapping[str, tuple[str, ...]] = {
    "hugepages": ("hugepagesz", "hugepages"),
    "iommu": ("intel_iommu", "amd_iommu", "iommu", "iommu.passthrough"),
}
CPU_ARGUMENTS = ("isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity")
# The order in which this collection writes them; others follow by name
ORDER = ("default_hugepagesz", "hugepages", *CPU_ARGUMENTS, "iommu")
# Each occurrence counts (Linux, Documentation/admin-guide/kernel-parameters: console; memmap); of other arguments the last one does
CUMULATIVE = frozenset({"console", "earlycon", "memmap"})
# Words that the boot loader adds by itself
OF_THE_LOADER = frozenset({"BOOT_IMAGE", "initrd"})

# Linux, include/uapi/asm-generic/setup.h and arch/x86/include/asm/setup.h: 2048 bytes on x86 and arm64, the closing zero among them
MAX_LENGTH = 2047


class Grammar(enum.Enum):
    """How words are parted and quoted. The value is a word; what no quote closes ends with the line."""

    KERNEL = r'(?:[^\s"]|"[^"]*(?:"|$))+'
    GRUB = r"""(?:[^\s"'\\]|\\(?:.|$)|"(?:[^"\\]|\\.)*(?:"|\\?$)|'[^']*(?:'|$))+"""

    def unquoted(self, raw: str) -> str:
        """Return what a word stands for."""
        if self is Grammar.GRUB:
            return re.sub(r"""\\(?P<escaped>.)|"(?P<double>(?:[^"\\]|\\.)*)"?|'(?P<single>[^']*)'?""", _grub_part, raw, flags=re.DOTALL)
        # the kernel takes away the quotes around a word and around a value; others are part of it
        name, equals, value = raw.partition("=")
        if name.startswith('"'):
            return raw[1:].removesuffix('"')
        return f"{name}={value[1:].removesuffix(chr(34))}" if equals and value.startswith('"') else raw

    def quoted(self, word: str) -> str:
        """Return *word* as it is written. It must hold no quote and no backslash, which do not survive the way through GRUB."""
        if self is Grammar.GRUB:
            return word if re.fullmatch(r"[\w.,:/=@%+~^-]+", word, re.ASCII) else f"'{word}'"
        name, equals, value = word.partition("=")
        return f'{name}{equals}"{value}"' if re.search(r"\s", word) else word


def _grub_part(match: re.Match[str]) -> str:
    if match["escaped"] is not None:
        return match["escaped"]
    if match["single"] is not None:
        return match["single"]
    return re.sub(r'\\([$"\\])', r"\1", match["double"])


def fold(name: str) -> str:
    """Return a name as the kernel compares it."""
    return name.replace("-", "_")


@dataclasses.dataclass(frozen=True)
class Token:
    """A word of a line."""

    gap: str
    """The blanks before it."""
    raw: str
    """As it stands there."""
    word: str
    """What it stands for, without quotes."""

    @property
    def name(self) -> str:
        """The name; an equals sign that comes first belongs to it."""
        return self.word[: self._equals]

    @property
    def value(self) -> str | None:
        """What follows the first equals sign; None for a bare word."""
        return self.word[self._equals + 1 :] if self._equals < len(self.word) else None

    @property
    def _equals(self) -> int:
        found = self.word.find("=", 1)
        return len(self.word) if found < 0 else found


@dataclasses.dataclass(frozen=True)
class Line:
    """A command line."""

    tokens: tuple[Token, ...]
    tail: str
    """Blanks at its end."""
    grammar: Grammar

    def __str__(self) -> str:
        """Return it byte for byte."""
        return "".join(token.gap + token.raw for token in self.tokens) + self.tail

    @property
    def for_kernel(self) -> tuple[Token, ...]:
        """The words before ``--``; the others are arguments of init."""
        return self.tokens[: self._end]

    @property
    def _end(self) -> int:
        return next((at for at, token in enumerate(self.tokens) if token.word == "--"), len(self.tokens))

    def named(self, names: Iterable[str]) -> tuple[Token, ...]:
        """Return the words for the kernel that have one of the names, in their order."""
        wanted = {fold(name) for name in names}
        return tuple(token for token in self.for_kernel if fold(token.name) in wanted)

    def without(self, names: Iterable[str]) -> Line:
        """Return the line without the words of these names, each with the blanks before it; everything else stays byte for byte."""
        gone = {id(token) for token in self.named(names)}
        kept = [token for token in self.tokens if id(token) not in gone]
        if kept and self.tokens[0] is not kept[0]:
            kept[0] = dataclasses.replace(kept[0], gap="")
        return dataclasses.replace(self, tokens=tuple(kept))

    def with_words(self, words: Iterable[str]) -> Line:
        """Return the line with words added in this order, after the last one for the kernel."""
        end = self._end
        tokens = list(self.tokens)
        for at, word in enumerate(words, start=end):
            tokens.insert(at, Token(" " if at else "", self.grammar.quoted(word), word))
        if end == 0 and len(tokens) > len(self.tokens) and self.tokens:  # before a `--` that came first
            first = len(tokens) - len(self.tokens)
            tokens[0] = dataclasses.replace(tokens[0], gap=self.tokens[0].gap)
            tokens[first] = dataclasses.replace(tokens[first], gap=" ")
        return dataclasses.replace(self, tokens=tuple(tokens))

    def edited(self, managed: Mapping[str, Sequence[str]]) -> Line:
        """Return the line with each argument or group of *managed* as it says: its words once, in their order; none takes it away."""
        words = [word for argument in in_order(managed) for word in managed[argument]]
        return self.without(names_of(managed)).with_words(words)

    def words_of(self, argument: str) -> tuple[str, ...]:
        """Return the words of an argument or group as they stand on the line, without quotes."""
        return tuple(token.word for token in self.named(names_of([argument])))

    def has(self, managed: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether the line has every argument as *managed* says."""
        return all(self.words_of(argument) == tuple(words) for argument, words in managed.items())


def parse_line(text: str, grammar: Grammar = Grammar.KERNEL) -> Line:
    """Return the words of a line. Every text is a line; ``str()`` of the result is the text."""
    tokens: list[Token] = []
    position = 0
    for match in re.finditer(grammar.value, text, flags=re.DOTALL):
        tokens.append(Token(text[position : match.start()], match[0], grammar.unquoted(match[0])))
        position = match.end()
    return Line(tuple(tokens), text[position:], grammar)


def names_of(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return the names of arguments and of groups of arguments."""
    return tuple(name for argument in arguments for name in GROUPS.get(argument, (argument,)))


def in_order(arguments: Iterable[str]) -> list[str]:
    """Return arguments in the order in which they are written."""
    return sorted(arguments, key=lambda argument: (ORDER.index(argument) if argument in ORDER else len(ORDER), argument))


def without_loader(line: Line) -> Line:
    """Return the line without the words that the boot loader adds by itself."""
    return line.without(OF_THE_LOADER)


# Comparison --------------------------------------------------------------------------------------------------------------------------


def parse_page_size(text: str) -> int | None:
    """Return a page size in bytes as the kernel reads it (lib/cmdline.c memparse): a number, a letter, the rest ignored, as in ``1GB``."""
    match = re.match(r"(?P<number>0[xX][0-9a-fA-F]+|\d+)(?P<unit>[kKmMgGtT]?)", text)
    return (
        int(match["number"], 0 if match["number"][:2] in {"0x", "0X"} else 10) << {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[match["unit"].lower()]
        if match
        else None
    )


def _pages(text: str) -> t.Hashable:
    """Return a count of pages, or the counts by node; the text itself if it is neither."""
    if re.fullmatch(r"\d+", text):
        return int(text)
    parts = [re.fullmatch(r"(\d+):(\d+)", part) for part in text.split(",")]
    return frozenset((int(part[1]), int(part[2])) for part in parts if part) if all(parts) else text


def hugepages_of(line: Line) -> dict[int | None, t.Hashable]:
    """Return pages by size in bytes, as the kernel takes the pairs (Linux, Documentation/admin-guide/mm/hugetlbpage.rst, mm/hugetlb.c).

    A count belongs to the size before it. A second count of a size, and a size that comes a second time, are ignored. A count before
    any size is for the default size, and goes before a pair of that size; the key is None where the line does not tell that size.
    """
    default: int | None = None
    pages: dict[int | None, t.Hashable] = {}
    sizes: set[int | None] = {None}
    current: int | None = None
    ignored = False
    for token in line.named(["default_hugepagesz", *GROUPS["hugepages"]]):
        name, value = fold(token.name), token.value or ""
        if name == "hugepages":
            if not ignored:
                pages.setdefault(current, _pages(value))
            continue
        size = parse_page_size(value)
        if name == "default_hugepagesz":
            default = size if default is None else default
        current, ignored = (size, size in sizes) if name == "hugepagesz" else (None, False)
        sizes.add(current)
    if default is not None and None in pages:
        pages[default] = pages.pop(None)
    return {size: count for size, count in pages.items() if count not in {0, frozenset()}}


def _cpus(argument: str, value: str) -> t.Hashable:
    """Return flags and CPUs of a CPU list; the text itself where it cannot be read."""
    items = value.split(",")
    flags = [item for item in items if re.match(r"[a-z]", item) and item not in {"all", "N"}]
    try:
        cpus = parse_cpu_list([item for item in items if item not in flags])
    except ValueError:
        return value
    return frozenset(flags or (["domain"] if argument == "isolcpus" else [])), cpus


def meaning(line: Line, argument: str) -> t.Hashable:
    """Return what the kernel makes of an argument or group on a line, to compare; None where it is not there."""
    tokens = line.named(names_of([argument]))
    if not tokens:
        return None
    if argument == "hugepages":
        return frozenset(hugepages_of(line).items())
    if argument == "iommu":
        return frozenset({fold(token.name): token.value for token in tokens}.items())
    if argument in CUMULATIVE:
        return tuple(token.value for token in tokens)
    if argument == "default_hugepagesz":
        return parse_page_size(tokens[0].value or "")
    value = tokens[-1].value or ""
    return _cpus(argument, value) if argument in CPU_ARGUMENTS else value


def as_text(line: Line, argument: str) -> str:
    """Return an argument or group as a person reads it: the value, the words of a group, nothing where it is not there."""
    words = line.words_of(argument)
    if argument in GROUPS or len(words) > 1:
        return " ".join(Grammar.KERNEL.quoted(word) for word in words)
    return "".join(token.value if token.value is not None else token.name for token in line.named([argument]))


@dataclasses.dataclass(frozen=True)
class Difference:
    """An argument that the next boot gets otherwise than the running kernel did."""

    argument: str
    staged: str
    running: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.argument}: staged {self.staged or 'none'}, running {self.running or 'none'}"


def differences(staged: Line, running: Line, arguments: Iterable[str]) -> list[Difference]:
    """Compare two lines by what the kernel makes of them. The order of arguments does not matter, that within a group of pages does."""
    return [
        Difference(argument, as_text(staged, argument), as_text(running, argument))
        for argument in in_order(set(arguments))
        if meaning(staged, argument) != meaning(running, argument)
    ]
