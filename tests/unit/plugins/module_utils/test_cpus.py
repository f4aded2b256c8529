# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU lists and masks: what is read, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import cpus

CPU_SETS = st.frozensets(st.integers(min_value=0, max_value=cpus.MAX_CPUS - 1), max_size=64)


def test_the_siblings_of_the_guide_are_200002_and_not_100002() -> None:
    assert cpus.format_mask({1, 21}) == "0x200002"
    assert cpus.format_bare_mask({1, 21}) == "200002"
    assert cpus.parse_mask("100002") == {1, 20}  # what guide section 3.4 prints is another CPU


@pytest.mark.parametrize(
    ("mask", "chosen"),
    [("4", {2}), ("6", {1, 2}), ("0x400004", {2, 22}), ("0X0C", {2, 3}), ("0", set()), (" c ", {2, 3}), ("1,00000000", {32}), ("00000000,00000003", {0, 1})],
)
def test_masks_with_and_without_prefix_and_commas(mask: str, chosen: set[int]) -> None:
    assert cpus.parse_mask(mask) == chosen


@pytest.mark.parametrize("mask", ["", "0x", "g", "-1", "0x1,2", "1, 00000000", "2-5", "1" * 2049])
def test_what_is_no_mask(mask: str) -> None:
    with pytest.raises(ValueError, match="mask"):
        cpus.parse_mask(mask)


def test_a_mask_ends_at_the_last_cpu_that_linux_can_have() -> None:
    assert cpus.parse_mask("8" + "0" * 2047) == {8191}
    with pytest.raises(ValueError, match="CPU 8192"):
        cpus.parse_mask("1" + "0" * 2048)


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ("2,22", {2, 22}),
        ("0-3", {0, 1, 2, 3}),
        ("2-5,^4", {2, 3, 5}),
        ("^4,2-5", {2, 3, 5}),
        ("0-31:2/8", {0, 1, 8, 9, 16, 17, 24, 25}),
        ("", set()),
        (" 1 , 2 ", {1, 2}),
        (7, {7}),
        ([1, "3-4"], {1, 3, 4}),
        (["2-5", "^4"], {2, 3, 5}),
        ([], set()),
        ("5-5", {5}),
        ("^1", set()),
    ],
)
def test_lists_as_the_kernel_and_libvirt_write_them(listed: t.Any, chosen: set[int]) -> None:
    assert cpus.parse_cpu_list(listed) == chosen


@pytest.mark.parametrize(
    "listed", ["a", "5-2", "1-", "-1", "8192", "0-8192", "1:2/4", "0-3:0/2", "0-3:3/2", "0-3:1/0", "^", "1.5", "0x4", True, [True], [None]]
)
def test_what_is_no_list(listed: t.Any) -> None:
    with pytest.raises(ValueError, match=r"'.*'|CPU|range|True"):
        cpus.parse_cpu_list(listed)


@pytest.mark.parametrize(("chosen", "listed"), [([], ""), ([3], "3"), ([5, 2, 3, 3], "2-3,5"), ([0, 1, 2, 3], "0-3"), ([1, 3, 5], "1,3,5"), ({2, 22}, "2,22")])
def test_lists_are_shown_short_and_sorted(chosen: t.Iterable[int], listed: str) -> None:
    assert cpus.format_cpu_list(chosen) == listed


def test_no_cpu_is_an_empty_list_and_a_zero_mask() -> None:
    assert cpus.format_mask([]) == "0x0"
    assert cpus.format_bare_mask([]) == "0"


@given(CPU_SETS)
def test_sets_survive_masks_of_any_width(chosen: frozenset[int]) -> None:
    assert cpus.parse_mask(cpus.format_mask(chosen)) == chosen
    assert cpus.parse_mask(cpus.format_bare_mask(chosen)) == chosen


@given(CPU_SETS)
def test_sets_survive_lists(chosen: frozenset[int]) -> None:
    assert cpus.parse_cpu_list(cpus.format_cpu_list(chosen)) == chosen


@given(st.integers(min_value=0, max_value=2**cpus.MAX_CPUS - 1))
def test_a_mask_is_its_number(number: int) -> None:
    assert int(cpus.format_bare_mask(cpus.parse_mask(f"{number:x}")), 16) == number


@given(CPU_SETS, CPU_SETS)
def test_what_is_excluded_is_not_there_and_the_rest_is(chosen: frozenset[int], excluded: frozenset[int]) -> None:
    items = [*map(str, chosen), *(f"^{cpu}" for cpu in excluded)]
    assert cpus.parse_cpu_list(items) == chosen - excluded


@given(CPU_SETS)
def test_the_shortest_list_has_no_neighbours_left(chosen: frozenset[int]) -> None:
    ends = [tuple(map(int, (item.split("-") * 2)[:2])) for item in cpus.format_cpu_list(chosen).split(",") if item]
    assert all(after[0] > before[-1] + 1 for before, after in zip(ends, ends[1:]))
