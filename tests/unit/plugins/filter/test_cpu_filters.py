# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as playbooks use them, and that their documentation tells the truth."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.filter.cpus import FilterModule

FILTERS = FilterModule().filters()
FOLDER = pathlib.Path(__file__).resolve().parents[4] / "plugins/filter"
EXAMPLE = re.compile(r"\{\{ (?P<value>.+?) \| nfv\.ovs_dpdk\.(?P<name>\w+) \}\}\" # (?P<result>\S+)")


@pytest.mark.parametrize(
    ("value", "mask"),
    [("1,21", "0x200002"), ([1, 21], "0x200002"), ("2-5,^4", "0x2c"), (2, "0x4"), ([], "0x0"), ("0X400004", "0x400004"), (range(3), "0x7")],
)
def test_cpu_mask(value: t.Any, mask: str) -> None:
    assert FILTERS["cpu_mask"](value) == mask


@pytest.mark.parametrize(("value", "mask"), [("0-1,4-7", "f3"), ("31", "80000000"), ("0,32", "1,00000001"), ("64", "1,00000000,00000000")])
def test_cpu_mask_in_the_groups_of_the_kernel(value: str, mask: str) -> None:
    assert FILTERS["cpu_mask"](value, grouped=True) == mask


@pytest.mark.parametrize(("value", "listed"), [("0x400004", "2,22"), ([5, 3, 4], "3-5"), ("0-7,^2-3", "0-1,4-7"), (3, "3"), ("0x0", ""), ("", "")])
def test_cpu_list(value: t.Any, listed: str) -> None:
    assert FILTERS["cpu_list"](value) == listed


@pytest.mark.parametrize("name", ["cpu_mask", "cpu_list"])
@pytest.mark.parametrize("value", [None, True, 1.5, {"a": 1}, "a", "0xg", ["2-"], 400004, "400004", "5-2"])
def test_what_is_neither_list_nor_mask_is_refused_with_the_name_of_the_filter(name: str, value: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match=f"{name}: "):
        FILTERS[name](value)


@given(st.frozensets(st.integers(min_value=0, max_value=1023)))
def test_there_and_back(chosen: frozenset[int]) -> None:
    mask = FILTERS["cpu_mask"](chosen)
    listed = FILTERS["cpu_list"](mask)
    assert FILTERS["cpu_mask"](listed) == mask


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_each_documented_example_gives_what_its_comment_says(name: str) -> None:
    documented = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    assert documented["DOCUMENTATION"]["name"] == name
    examples = list(EXAMPLE.finditer(documented["EXAMPLES"]))
    assert len(examples) == len(yaml.safe_load(documented["EXAMPLES"])) >= 2
    for example in examples:
        assert FILTERS[example["name"]](yaml.safe_load(example["value"])) == example["result"]


def test_each_filter_is_documented() -> None:
    assert set(FILTERS) <= {path.stem for path in FOLDER.glob("*.yml")}
