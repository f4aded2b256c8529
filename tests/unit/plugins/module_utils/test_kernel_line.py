# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel command lines: a table of lines before, what is wanted, and lines after, run by Python and by the shell of a drop-in."""

from __future__ import annotations

import subprocess
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.boot import Record
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.boot_grub import drop_in_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import (
    GROUPS,
    Grammar,
    as_text,
    differences,
    fold,
    hugepages_of,
    in_order,
    meaning,
    names_of,
    parse_line,
    parse_page_size,
    without_loader,
)

Managed = dict[str, tuple[str, ...]]

MIB, GIB = 1 << 20, 1 << 30
ONE_G = ("hugepagesz=1G", "hugepages=8")
TWO_SIZES = (*ONE_G, "hugepagesz=2M", "hugepages=8")
ISOLATED: Managed = {"isolcpus": ("isolcpus=2-5",)}
PASSTHROUGH: Managed = {"iommu": ("intel_iommu=on", "iommu=pt")}

# what happens: line before, wanted, line after
TABLE: dict[str, tuple[str, Managed, str]] = {
    "an empty line": ("", ISOLATED, "isolcpus=2-5"),
    "nothing wanted": ("ro  quiet ", {}, "ro  quiet "),
    "nothing there to remove": ("ro quiet", {"isolcpus": ()}, "ro quiet"),
    "removing from an empty line": ("", {"isolcpus": ()}, ""),
    "added at the end": ("ro quiet", ISOLATED, "ro quiet isolcpus=2-5"),
    "replaced, and at the end": ("isolcpus=1 ro quiet", ISOLATED, "ro quiet isolcpus=2-5"),
    "the same value stays once": ("ro isolcpus=2-5", ISOLATED, "ro isolcpus=2-5"),
    "removed in the middle": ("ro isolcpus=1 quiet", {"isolcpus": ()}, "ro quiet"),
    "removed at the begin": ("isolcpus=1 quiet", {"isolcpus": ()}, "quiet"),
    "removed at the end": ("quiet isolcpus=1", {"isolcpus": ()}, "quiet"),
    "removed when it is alone": ("isolcpus=1", {"isolcpus": ()}, ""),
    "repeated tokens become one": ("isolcpus=1 ro isolcpus=3 isolcpus=1", ISOLATED, "ro isolcpus=2-5"),
    "repeated tokens go": ("isolcpus=1 isolcpus=1 ro isolcpus=1", {"isolcpus": ()}, "ro"),
    "repeated tokens of others stay": (
        "console=tty0 console=ttyS0,115200 console=tty0",
        ISOLATED,
        "console=tty0 console=ttyS0,115200 console=tty0 isolcpus=2-5",
    ),
    "several values of one name, in order": ("console=ttyS1 ro", {"console": ("console=tty0", "console=ttyS0,115200")}, "ro console=tty0 console=ttyS0,115200"),
    "a hyphen is an underscore": ("nohz-full=1 quiet", {"nohz_full": ("nohz_full=2",)}, "quiet nohz_full=2"),
    "an underscore is a hyphen": ("rd_foo-bar=1", {"rd_foo_bar": ()}, ""),
    "a dot is no letter": ("intel_idleXmax_cstate=1", {"intel_idle.max_cstate": ()}, "intel_idleXmax_cstate=1"),
    "a name that begins alike": ("isolcpus_extra=1 isolcpusx", ISOLATED, "isolcpus_extra=1 isolcpusx isolcpus=2-5"),
    "a name that ends alike": ("xisolcpus=1 my.isolcpus=2", ISOLATED, "xisolcpus=1 my.isolcpus=2 isolcpus=2-5"),
    "iommu is no part of intel_iommu": ("intel_iommu=on iommu=soft", {"intel_iommu": ()}, "iommu=soft"),
    "hugepages is no part of hugepagesz": (
        "transparent_hugepage=never hugepages_treat_as_movable=1",
        {"hugepages": ONE_G},
        "transparent_hugepage=never hugepages_treat_as_movable=1 hugepagesz=1G hugepages=8",
    ),
    "the name is the value of another": ("video=isolcpus foo=isolcpus=1", ISOLATED, "video=isolcpus foo=isolcpus=1 isolcpus=2-5"),
    "values hold equals signs": ("root=UUID=1-2 rd.luks.name=a=b quiet", ISOLATED, "root=UUID=1-2 rd.luks.name=a=b quiet isolcpus=2-5"),
    "a value with an equals sign is replaced whole": ("rd.luks.name=a=b ro", {"rd.luks.name": ("rd.luks.name=c=d=e",)}, "ro rd.luks.name=c=d=e"),
    "a quoted value with blanks stays": ('dyndbg="file a.c +p" ro', ISOLATED, 'dyndbg="file a.c +p" ro isolcpus=2-5'),
    "a quoted value with blanks goes": ('ro dyndbg="file a.c +p; file b.c" quiet', {"dyndbg": ()}, "ro quiet"),
    "a word that is quoted as a whole goes": ('ro "dyndbg=file a.c +p" quiet', {"dyndbg": ()}, "ro quiet"),
    "a name inside quotes is none": ('foo="x isolcpus=1 y" ro', ISOLATED, 'foo="x isolcpus=1 y" ro isolcpus=2-5'),
    "two quoted parts in a word": ('foo="a b","c d" isolcpus=1', ISOLATED, 'foo="a b","c d" isolcpus=2-5'),
    "a bare word goes": ("ro nosmt quiet", {"nosmt": ()}, "ro quiet"),
    "a bare word becomes a value": ("ro nosmt", {"nosmt": ("nosmt=force",)}, "ro nosmt=force"),
    "a value becomes a bare word": ("nosmt=force ro", {"nosmt": ("nosmt",)}, "ro nosmt"),
    "an empty value": ("isolcpus= ro", ISOLATED, "ro isolcpus=2-5"),
    "one size": ("ro", {"hugepages": ONE_G}, "ro hugepagesz=1G hugepages=8"),
    "two sizes with equal counts": ("ro", {"hugepages": TWO_SIZES}, "ro hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=8"),
    "two sizes are there already": (
        "hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=8 ro",
        {"hugepages": TWO_SIZES},
        "ro hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=8",
    ),
    "two sizes become one": ("hugepagesz=2M hugepages=8 ro hugepagesz=1G hugepages=8", {"hugepages": ONE_G}, "ro hugepagesz=1G hugepages=8"),
    "pages of the default size": ("hugepages=512 ro", {"hugepages": ONE_G}, "ro hugepagesz=1G hugepages=8"),
    "default size before the pairs": (
        "ro",
        {"hugepages": TWO_SIZES, "default_hugepagesz": ("default_hugepagesz=1G",)},
        "ro default_hugepagesz=1G hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=8",
    ),
    "another's default size stays": ("default_hugepagesz=2M ro", {"hugepages": ONE_G}, "default_hugepagesz=2M ro hugepagesz=1G hugepages=8"),
    "another's pairs keep their order": (
        "hugepagesz=2M hugepages=4 hugepagesz=1G hugepages=4",
        ISOLATED,
        "hugepagesz=2M hugepages=4 hugepagesz=1G hugepages=4 isolcpus=2-5",
    ),
    "pages by node": ("hugepagesz=1G hugepages=8", {"hugepages": ("hugepagesz=1G", "hugepages=0:4,1:4")}, "hugepagesz=1G hugepages=0:4,1:4"),
    "all pages go": ("ro hugepagesz=1G hugepages=8 quiet hugepages=2", {"hugepages": ()}, "ro quiet"),
    "all arguments of the IOMMU": ("intel_iommu=off amd_iommu=off iommu=soft ro", PASSTHROUGH, "ro intel_iommu=on iommu=pt"),
    "everything in the fixed order": (
        "ro",
        {
            "zz": ("zz",),
            "aa": ("aa=1",),
            **PASSTHROUGH,
            "irqaffinity": ("irqaffinity=0",),
            "rcu_nocbs": ("rcu_nocbs=2",),
            "nohz_full": ("nohz_full=2",),
            **ISOLATED,
        },
        "ro isolcpus=2-5 nohz_full=2 rcu_nocbs=2 irqaffinity=0 intel_iommu=on iommu=pt aa=1 zz",
    ),
    "arguments of init stay behind": ("ro -- single", ISOLATED, "ro isolcpus=2-5 -- single"),
    "nothing but arguments of init": ("-- single", ISOLATED, "isolcpus=2-5 -- single"),
    "arguments of init are not touched": ("ro isolcpus=1 -- isolcpus=1", {"isolcpus": ()}, "ro -- isolcpus=1"),
    "three hyphens are no end": ("ro --- quiet", ISOLATED, "ro --- quiet isolcpus=2-5"),
    "tabs and more blanks between others": ("ro\t quiet   splash", ISOLATED, "ro\t quiet   splash isolcpus=2-5"),
    "flags of isolcpus": ("isolcpus=domain,1", {"isolcpus": ("isolcpus=managed_irq,domain,2-5",)}, "isolcpus=managed_irq,domain,2-5"),
    "crashkernel with its commas and colons": ("crashkernel=512M-:192M@16M,high ro", ISOLATED, "crashkernel=512M-:192M@16M,high ro isolcpus=2-5"),
}
# The quotes and variables of GRUB; the kernel would take these lines apart elsewhere
GRUB_TABLE: dict[str, tuple[str, Managed, str]] = {
    "a variable of GRUB stays": ("quiet $vt_handoff ${extra} isolcpus=1", ISOLATED, "quiet $vt_handoff ${extra} isolcpus=2-5"),
    "single quotes protect blanks": ("foo='a isolcpus=1 b' ro", ISOLATED, "foo='a isolcpus=1 b' ro isolcpus=2-5"),
    "a word in single quotes goes": ("'dyndbg=file a +p' ro", {"dyndbg": ()}, "ro"),
    "a backslash protects a blank": (r"foo=a\ isolcpus=1 ro isolcpus=3", ISOLATED, r"foo=a\ isolcpus=1 ro isolcpus=2-5"),
    "a quote behind a backslash": (r'foo="a \" isolcpus=1" isolcpus=3', ISOLATED, r'foo="a \" isolcpus=1" isolcpus=2-5'),
    "a value with blanks is quoted for GRUB": ("ro", {"dyndbg": ("dyndbg=file a.c +p",)}, "ro 'dyndbg=file a.c +p'"),
    "a value with a dollar is quoted for GRUB": ("ro", {"foo": ("foo=a$b;c",)}, "ro 'foo=a$b;c'"),
}


def test_the_table_is_as_long_as_it_has_to_be() -> None:
    assert len(TABLE) + len(GRUB_TABLE) >= 40


@pytest.mark.parametrize("grammar", Grammar, ids=lambda grammar: grammar.name.lower())
@pytest.mark.parametrize(("before", "managed", "after"), TABLE.values(), ids=TABLE)
def test_a_line_is_edited_and_the_second_time_unchanged(before: str, managed: Managed, after: str, grammar: Grammar) -> None:
    edited = parse_line(before, grammar).edited(managed)
    assert str(edited) == after
    assert str(parse_line(after, grammar).edited(managed)).split() == after.split()
    assert edited.has(managed)


@pytest.mark.parametrize(("before", "managed", "after"), GRUB_TABLE.values(), ids=GRUB_TABLE)
def test_a_line_of_grub_is_edited(before: str, managed: Managed, after: str) -> None:
    edited = parse_line(before, Grammar.GRUB).edited(managed)
    assert str(edited) == after
    assert parse_line(after, Grammar.GRUB).has(managed)


def shell(script: str, variables: t.Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script as grub-mkconfig would: it ends on an error."""
    argv = ["/bin/sh", "-ec", script]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=dict(variables))  # noqa: S603 - the drop-in is what is tested


def sourced(managed: Managed, linux: str | None, default: str | None) -> str:
    """Return the line that grub-mkconfig would make after reading a drop-in: run by the shell, with what ends it on an error."""
    script = drop_in_text(Record(managed, {}))
    variables = {"GRUB_CMDLINE_LINUX": linux, "GRUB_CMDLINE_LINUX_DEFAULT": default}
    show = 'printf "%s %s|" "${GRUB_CMDLINE_LINUX}" "${GRUB_CMDLINE_LINUX_DEFAULT}"; set | grep -c ^nfv_'
    there = {name: value for name, value in variables.items() if value is not None}
    done = shell(f"{script}\n{show} || :", {"PATH": "/usr/bin:/bin", **there})
    assert (done.returncode, done.stderr) == (0, "")
    line, _bar, left = done.stdout.rpartition("|")
    assert left == "0\n"  # nothing of ours stays in the shell of grub-mkconfig
    return line


@pytest.mark.parametrize("where", ["linux", "default"])
@pytest.mark.parametrize(("before", "managed", "after"), [*TABLE.values(), *GRUB_TABLE.values()], ids=[*TABLE, *GRUB_TABLE])
def test_the_shell_of_the_drop_in_does_the_same(before: str, managed: Managed, after: str, where: str) -> None:
    line = sourced(managed, *((before, "quiet2") if where == "linux" else ("quiet1", before)))
    words = [token.raw for token in parse_line(line, Grammar.GRUB).tokens]
    expected = [token.raw for token in parse_line(after, Grammar.GRUB).tokens]
    if where == "linux" and "--" not in expected:  # ours follows the other variable
        ours = [Grammar.GRUB.quoted(word) for argument in managed for word in managed[argument]]
        kept = [word for word in expected if word not in ours]
        assert [word for word in words if word not in ours] == [*kept, "quiet2"]
        assert parse_line(line, Grammar.GRUB).has(managed)
    else:
        assert words == ([*expected, "quiet2"] if where == "linux" else ["quiet1", *expected])


def test_a_drop_in_works_where_no_variable_is_set() -> None:
    assert sourced(ISOLATED, None, None).split() == ["isolcpus=2-5"]


def test_a_drop_in_takes_words_out_of_both_variables_and_adds_them_once() -> None:
    assert sourced(ISOLATED, "isolcpus=1 a", "b isolcpus=3").split() == ["a", "b", "isolcpus=2-5"]


def test_a_drop_in_leaves_words_for_init_alone_in_both_variables() -> None:
    assert sourced(ISOLATED, "a -- isolcpus=7", "isolcpus=8").split() == ["a", "isolcpus=2-5", "--", "isolcpus=7", "isolcpus=8"]


def test_a_shell_without_sed_stops_instead_of_losing_the_line() -> None:
    script = drop_in_text(Record(ISOLATED, {}))
    done = shell(f"{script}\necho went on", {"PATH": "/nowhere", "GRUB_CMDLINE_LINUX": "a"})
    assert done.returncode != 0
    assert done.stdout == ""


# Properties ---------------------------------------------------------------------------------------------------------------------------

NAMES = ("isolcpus", "isolcpus_x", "nohz-full", "nohz_full", "hugepagesz", "hugepages", "iommu", "intel_iommu", "quiet", "console", "root", "a.b", "$var")
VALUES = st.sampled_from(["", "=", "=1", "=1G", "=a=b", "=0:4,1:4", '="a b"', '="isolcpus=1 x"', "=managed_irq,2-5", "=ttyS0,115200n8"])
WORDS = st.builds(str.__add__, st.sampled_from(NAMES), VALUES) | st.sampled_from(['"quiet=a b"', '"isolcpus=1 2"', "---"])
BLANKS = st.text(" \t", min_size=1, max_size=3)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Draw a line, with words for init now and then."""
    words = draw(st.lists(WORDS, max_size=8))
    if draw(st.booleans()) and words:
        words.insert(draw(st.integers(0, len(words))), "--")
    return "".join(word + (draw(BLANKS) if at < len(words) - 1 else "") for at, word in enumerate(words))


def _words(name: str) -> tuple[str, ...]:
    return {"hugepages": TWO_SIZES, "iommu": PASSTHROUGH["iommu"], "quiet": ("quiet",)}.get(name, (f"{name}=7",))


MANAGED = st.dictionaries(
    st.sampled_from(["isolcpus", "nohz_full", "hugepages", "iommu", "default_hugepagesz", "console", "quiet", "a.b"]),
    st.booleans(),
    max_size=5,
).map(lambda chosen: {name: _words(name) if there else () for name, there in chosen.items()})


@given(st.text() | lines(), st.sampled_from(Grammar))
def test_every_text_is_a_line_and_comes_back_byte_for_byte(text: str, grammar: Grammar) -> None:
    assert str(parse_line(text, grammar)) == text


@given(lines(), MANAGED, st.sampled_from(Grammar))
def test_an_edit_is_idempotent(text: str, managed: Managed, grammar: Grammar) -> None:
    once = parse_line(text, grammar).edited(managed)
    assert once.has(managed)
    assert str(parse_line(str(once), grammar).edited(managed)) == str(once)


@given(lines(), MANAGED, st.sampled_from(Grammar))
def test_words_of_others_stay_byte_for_byte_and_in_their_order(text: str, managed: Managed, grammar: Grammar) -> None:
    names = {fold(name) for name in names_of(managed)}
    before, after = parse_line(text, grammar), parse_line(str(parse_line(text, grammar).edited(managed)), grammar)
    for_init = len(before.tokens) - len(before.for_kernel)
    assert [token.raw for token in after.for_kernel if fold(token.name) not in names] == [
        token.raw for token in before.for_kernel if fold(token.name) not in names
    ]
    assert [token.raw for token in after.tokens[len(after.for_kernel) :]] == [token.raw for token in before.tokens[len(before.tokens) - for_init :]]


@given(lines(), MANAGED, st.sampled_from(Grammar))
def test_removing_what_was_set_gives_the_line_before(text: str, managed: Managed, grammar: Grammar) -> None:
    before = parse_line(text, grammar).without(names_of(managed))
    added = parse_line(str(before.edited(managed)), grammar)
    assert str(added.without(names_of(managed))) == str(before)


@settings(max_examples=30)
@given(lines(), lines(), MANAGED)
def test_the_shell_of_the_drop_in_keeps_words_of_others_and_sets_ours(linux: str, default: str, managed: Managed) -> None:
    line = parse_line(sourced(managed, linux, default), Grammar.GRUB)
    expected = parse_line(f"{linux} {default}", Grammar.GRUB).edited(managed)
    ours = [word for argument in in_order(managed) for word in managed[argument]]
    at = len(line.for_kernel)
    assert [token.word for token in line.for_kernel if token.word in ours] == ours
    assert sorted(token.raw for token in line.for_kernel) == sorted(token.raw for token in expected.for_kernel)
    assert [token.raw for token in line.tokens[at:]] == [token.raw for token in expected.tokens[len(expected.for_kernel) :]]
    assert line.has(managed)


# Comparison ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("staged", "running", "expected"),
    [
        ("isolcpus=2-5 nohz_full=2-5", "nohz_full=2-5 isolcpus=2-5", []),
        ("isolcpus=2-5", "isolcpus=2,3,4,5", []),
        ("isolcpus=domain,2-5", "isolcpus=2-5", []),
        ("isolcpus=managed_irq,domain,2-5", "isolcpus=domain,managed_irq,2-5", []),
        ("isolcpus=2-5", "isolcpus=managed_irq,2-5", ["isolcpus: staged 2-5, running managed_irq,2-5"]),
        ("isolcpus=2-5", "quiet", ["isolcpus: staged 2-5, running none"]),
        ("quiet", "isolcpus=2-5", ["isolcpus: staged none, running 2-5"]),
        ("rcu_nocbs=1 rcu_nocbs=2", "rcu-nocbs=2", []),
        ("rcu_nocbs=2 rcu_nocbs=1", "rcu_nocbs=2", ["rcu_nocbs: staged rcu_nocbs=2 rcu_nocbs=1, running 2"]),
        ("hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=9", "hugepagesz=2M hugepages=9 hugepagesz=1G hugepages=8", []),
        ("hugepagesz=1GB hugepages=8", "hugepagesz=1024M hugepages=8", []),
        (
            "hugepages=0:4,1:4 hugepagesz=1G",
            "hugepagesz=1G hugepages=1:4,0:4",
            ["hugepages: staged hugepages=0:4,1:4 hugepagesz=1G, running hugepagesz=1G hugepages=1:4,0:4"],
        ),
        (
            "hugepagesz=1G hugepagesz=2M hugepages=8 hugepages=9",
            "hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=9",
            ["hugepages: staged hugepagesz=1G hugepagesz=2M hugepages=8 hugepages=9, running hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=9"],
        ),
        ("default_hugepagesz=1G hugepages=4", "default_hugepagesz=1G hugepagesz=1G hugepages=4", []),
        ("default_hugepagesz=1GB", "default_hugepagesz=1048576K", []),
        ("default_hugepagesz=1G", "default_hugepagesz=2M", ["default_hugepagesz: staged 1G, running 2M"]),
        ("iommu=pt intel_iommu=on", "intel_iommu=on iommu=pt", []),
        ("iommu=pt", "intel_iommu=on iommu=pt", ["iommu: staged iommu=pt, running intel_iommu=on iommu=pt"]),
        ('foo="a b"', '"foo=a b"', []),
        ("console=tty0 console=ttyS0", "console=ttyS0 console=tty0", ["console: staged console=tty0 console=ttyS0, running console=ttyS0 console=tty0"]),
        ("foo=a", "-- foo=a", ["foo: staged a, running none"]),
        ("foo", "quiet", ["foo: staged foo, running none"]),
    ],
)
def test_lines_are_compared_by_what_the_kernel_makes_of_them(staged: str, running: str, expected: list[str]) -> None:
    arguments = ["default_hugepagesz", "hugepages", "isolcpus", "nohz_full", "rcu_nocbs", "iommu", "foo", "console"]
    found = differences(parse_line(staged, Grammar.GRUB), parse_line(running), arguments)
    assert [str(difference) for difference in found] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hugepagesz=1G hugepages=8 hugepages=9", {GIB: 8}),
        ("hugepagesz=1G hugepages=8 hugepagesz=1G hugepages=9", {GIB: 8}),
        ("hugepagesz=1G hugepagesz=1G hugepages=9", {}),
        ("hugepages=5 hugepagesz=1G hugepages=8", {None: 5, GIB: 8}),
        ("default_hugepagesz=1G hugepages=5 hugepagesz=1G hugepages=8", {GIB: 5}),
        ("hugepages=5 default_hugepagesz=2M", {2 * MIB: 5}),
        ("hugepagesz=1G hugepages=0", {}),
        ("hugepagesz=1G hugepages=0:1,1:2", {GIB: frozenset({(0, 1), (1, 2)})}),
    ],
)
def test_pages_are_counted_as_the_kernel_counts_them(line: str, expected: dict[int | None, t.Hashable]) -> None:
    assert hugepages_of(parse_line(line)) == expected


@pytest.mark.parametrize(
    ("text", "size"), [("1G", GIB), ("1GB", GIB), ("2m", 2 * MIB), ("2048k", 2 * MIB), ("0x200000", 2 * MIB), ("16", 16), ("x", None), ("", None)]
)
def test_sizes_are_read_as_the_kernel_reads_them(text: str, size: int | None) -> None:
    assert parse_page_size(text) == size


def test_what_the_kernel_sees_of_quotes() -> None:
    tokens = parse_line('a="b c" "d=e f" g"h i" =x=y').tokens
    assert [(token.name, token.value) for token in tokens] == [("a", "b c"), ("d", "e f"), ('g"h i"', None), ("=x", "y")]


def test_an_argument_reads_as_its_value_and_a_group_as_its_words() -> None:
    line = parse_line('isolcpus=2-5 hugepagesz=1G hugepages=8 nosmt dyndbg="a b"', Grammar.GRUB)
    assert [as_text(line, name) for name in ("isolcpus", "hugepages", "nosmt", "dyndbg", "iommu")] == ["2-5", "hugepagesz=1G hugepages=8", "nosmt", "a b", ""]
    assert meaning(line, "iommu") is None


def test_words_of_the_boot_loader_are_no_arguments() -> None:
    assert str(without_loader(parse_line(r"BOOT_IMAGE=/vmlinuz-6.1 root=/dev/vda1 ro initrd=\initrd.img quiet"))) == "root=/dev/vda1 ro quiet"


def test_groups_do_not_share_names() -> None:
    names = names_of(GROUPS)
    assert len(set(names)) == len(names)
