# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import pathlib
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.nfv.ovs_dpdk.plugins.filter.text_table import FilterModule

text_table = FilterModule().filters()["text_table"]


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    assert text_table([{"port": "dpdk0", "pps": 1000000}, {"port": "vhost-user0", "pps": 250}]) == [
        "port               pps",
        "-----------  ---------",
        "dpdk0        1,000,000",
        "vhost-user0        250",
    ]


def test_numbers_that_ansible_has_tagged_with_their_origin_are_numbers() -> None:
    class Tagged(int):
        """As a task hands it to a filter."""

    assert text_table([{"pps": Tagged(1000)}, {"pps": 5}])[3] == "    5"


def test_a_column_that_is_empty_in_every_row_is_left_out() -> None:
    assert text_table([{"port": "dpdk0", "error": None}, {"port": "dpdk1", "error": ""}]) == ["port", "-----", "dpdk0", "dpdk1"]


def test_a_key_that_a_row_lacks_is_empty_there_and_leaves_no_blanks_at_the_end() -> None:
    assert text_table([{"port": "dpdk0"}, {"port": "dpdk1", "error": "no such device"}])[2:] == ["dpdk0", "dpdk1  no such device"]


def test_false_and_zero_are_not_empty() -> None:
    assert text_table([{"up": False, "queues": 0}]) == ["up  queues", "--  ------", "no       0"]


def test_lists_are_joined() -> None:
    assert text_table([{"cpus": [1, 2]}]) == ["cpus", "----", "1, 2"]


def test_no_rows_are_no_lines() -> None:
    assert text_table([]) == []


@pytest.mark.parametrize("rows", ["text", {"a": 1}, [1], None])
def test_anything_but_a_list_of_rows_is_refused(rows: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="list of dictionaries"):
        text_table(rows)


def test_the_documented_example_gives_what_its_comment_says() -> None:
    folder = pathlib.Path(__file__).resolve().parents[4] / "plugins/filter"
    example = yaml.safe_load((folder / "text_table.yml").read_text(encoding="utf-8"))["EXAMPLES"]
    rows = yaml.safe_load(example)[0]["ansible.builtin.debug"]["msg"].partition("{{ ")[2].partition(" | ")[0]
    assert [f"# {line}" for line in text_table(ast.literal_eval(rows))] == example.splitlines()[3:]
