# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next boot gets: the entry that GRUB takes, and its kernel command line (private to this collection).

Sources: GNU GRUB manual, "Multi-boot manual config", "Simple configuration" (GRUB_DEFAULT, saved entries), "The GRUB environment block";
grubby(8).
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import Grammar, Line, parse_line

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Mapping

DEBIAN_DEFAULTS = "etc/default/grub"
DEBIAN_FOLDER = "etc/default/grub.d"
DEBIAN_CONFIG = "boot/grub/grub.cfg"
DEBIAN_ENVIRONMENT = "boot/grub/grubenv"
ENTRIES_FOLDER = "boot/loader/entries"

_LINUX_COMMANDS = ("linux", "linux16", "linuxefi")


@dataclasses.dataclass(frozen=True)
class NextBoot:
    """The entry that is booted next."""

    title: str
    kernel: str
    """Path of the kernel as the boot loader sees it."""
    line: Line
    """What the kernel gets, as the boot loader's configuration has it."""

    @property
    def release(self) -> str | None:
        """The release of the kernel, from the name of its file; None where that does not tell."""
        match = re.search(r"vmlinu[xz]-(\d[^/]*)$", self.kernel)
        return match[1] if match else None


@dataclasses.dataclass
class _Entry:
    title: str
    id: str
    submenu: bool
    linux: str | None = None
    children: list[_Entry] = dataclasses.field(default_factory=list)

    def first(self) -> _Entry:
        """Return the first entry in a submenu, or the entry itself."""
        return self.children[0].first() if self.submenu and self.children else self

    def called(self, name: str, index: int) -> bool:
        return name in {self.id, self.title} or name == str(index)


def _statements(text: str) -> Iterator[str]:
    """Yield the lines of a GRUB script, joined where a backslash ends one."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def _opened(statement: str) -> _Entry | None:
    """Return the entry or submenu that a statement begins; None if it begins none."""
    words = [token.word for token in parse_line(statement, Grammar.GRUB).tokens]
    if words[0] not in {"menuentry", "submenu"} or len(words) < 2:  # noqa: PLR2004 - a title follows
        return None
    # $menuentry_id_option stands for --id, or for nothing in a GRUB that is too old for it
    marks = [at for at, word in enumerate(words[:-1]) if word in {"$menuentry_id_option", "--id"}]
    return _Entry(words[1], words[marks[-1] + 1] if marks else "", words[0] == "submenu")


def _menu(text: str) -> list[_Entry]:
    """Return the menu of a grub.cfg."""
    top = _Entry("", "", submenu=True)
    blocks: list[_Entry | None] = [top]  # None: a function or another block
    for statement in _statements(text):
        if statement == "}":
            if len(blocks) > 1:
                blocks.pop()
            continue
        entry = _opened(statement) if statement.endswith("{") else None
        parent = next(block for block in reversed(blocks) if block)
        if entry:
            parent.children.append(entry)
        elif re.match(rf"({'|'.join(_LINUX_COMMANDS)})\s", statement) and parent.linux is None:
            parent.linux = statement
        if statement.endswith("{"):
            blocks.append(entry)
    return top.children


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables in an environment block of GRUB."""
    return {name: value for name, equals, value in (line.partition("=") for line in text.splitlines()) if equals and not name.startswith("#")}


def _default(text: str, environment: Mapping[str, str]) -> str:
    """Return what names the entry that is booted next: index, title or id, with those of submenus before it."""
    once = environment.get("next_entry")
    if once:
        return once
    settings = re.findall(r"^\s*set\s+default=(.*)$", text, flags=re.MULTILINE)
    for setting in settings:
        value = Grammar.GRUB.unquoted(setting.strip())
        if "next_entry" not in value:
            return re.sub(r"\$\{?(\w+)\}?", lambda match: environment.get(match[1], ""), value) or "0"
    return "0"


def _chosen(menu: list[_Entry], default: str) -> _Entry | None:
    """Return the entry that is booted; GRUB takes the first one where the name fits none."""
    entries, found = menu, None
    for name in re.split(r"(?<!>)>(?!>)", default):
        found = next((entry for index, entry in enumerate(entries) if entry.called(name.replace(">>", ">"), index)), None)
        if found is None:
            break
        entries = found.children
    found = found or (menu[0] if menu else None)
    return found.first() if found else None


def parse_grub_config(text: str, environment: Mapping[str, str]) -> NextBoot | None:
    """Return the entry that a grub.cfg boots next; None where that is no Linux kernel, or there is no entry."""
    entry = _chosen(_menu(text), _default(text, environment))
    if entry is None or entry.linux is None:
        return None
    tokens = parse_line(entry.linux, Grammar.GRUB).tokens
    if len(tokens) < 2:  # noqa: PLR2004 - command and kernel
        return None
    rest = entry.linux[sum(len(token.gap + token.raw) for token in tokens[:2]) :]
    return NextBoot(entry.title, tokens[1].word, parse_line(rest.strip(), Grammar.GRUB))


def parse_grubby(text: str) -> NextBoot | None:
    """Return the entry that ``grubby --info=DEFAULT`` prints; None where it prints none."""
    found = {name: value for name, equals, value in (line.partition("=") for line in reversed(text.splitlines())) if equals}
    if "kernel" not in found or "args" not in found:
        return None
    plain = {name: value[1:-1] if value.startswith('"') and value.endswith('"') else value for name, value in found.items()}
    root = [f"root={plain['root']}"] if plain.get("root") else []
    return NextBoot(plain.get("title", ""), plain["kernel"], parse_line(" ".join([*root, plain["args"]]), Grammar.GRUB))


def has_grub(root: pathlib.Path) -> bool:
    """Tell whether there is GRUB as Debian configures it."""
    return (root / DEBIAN_CONFIG).exists() or (root / DEBIAN_DEFAULTS).exists()


def has_entries(root: pathlib.Path) -> bool:
    """Tell whether there are entries of the Boot Loader Specification, as the Red Hat family has them."""
    return any((root / ENTRIES_FOLDER).glob("*.conf")) if (root / ENTRIES_FOLDER).is_dir() else False
