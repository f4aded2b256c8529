# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter plan as playbooks use it, and that its documentation and docs/planning.md tell the truth."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.nfv.ovs_dpdk.plugins.filter.plan import FilterModule
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.plan_hosts import build, nic

ROOT = pathlib.Path(__file__).resolve().parents[4]
DOCUMENTED = yaml.safe_load((ROOT / "plugins/filter/plan.yml").read_text(encoding="utf-8"))
OPTIONS = DOCUMENTED["DOCUMENTATION"]["options"]["intent"]["suboptions"]
RETURNED = DOCUMENTED["RETURN"]["_value"]["contains"]

plan = FilterModule().filters()["plan"]

GUIDE = {node: [[10 * node + core, 20 + 10 * node + core] for core in range(10)] for node in (0, 1)}
HOST = build(GUIDE, nics=[nic(5, 0, name="ens1f0"), nic(133, 1, name="ens2f0")])


def possible(error: str) -> set[str]:
    """Return the options that an error lists."""
    return set(re.findall(r"Options are (.*?)\. ", error)[0].split(", "))


def test_an_error_has_the_name_of_the_filter() -> None:
    with pytest.raises(AnsibleFilterError, match="plan: PMD threads on NUMA node 0: pmd_cores=10 is not possible"):
        plan(HOST, {"nics": [{"device": "ens1f0"}], "pmd_cores": 10})


@pytest.mark.parametrize(("name", "suboptions"), [("intent", OPTIONS), *((name, OPTIONS[name]["suboptions"]) for name in ("nics", "vhost_ports", "guests"))])
def test_each_option_is_documented_and_each_documented_one_is_there(name: str, suboptions: dict[str, t.Any]) -> None:
    wrong = {"no_such_option": 1}
    intent = wrong if name == "intent" else {name: [wrong]}
    with pytest.raises(AnsibleFilterError) as error:
        plan(HOST, intent)
    assert possible(str(error.value)) == set(suboptions)


def test_each_part_of_the_plan_is_documented() -> None:
    made = plan(HOST, {"nics": [{"device": "ens1f0"}]})
    assert set(made) == set(RETURNED)
    assert {name for reason in made["reasons"] for name in reason} == set(RETURNED["reasons"]["contains"])


def test_what_is_left_out_is_what_the_documentation_calls_the_default() -> None:
    nics = [{"device": "ens1f0"}]
    guest = {"name": "vm0", "vcpus": 3, "memory": "1G", "ports": ["v"]}
    defaults = {name: option["default"] for name, option in OPTIONS.items() if "default" in option}
    assert set(defaults) == {"siblings", "isolation", "rxq_affinity"}
    said = {name: option["default"] for name, option in OPTIONS["nics"]["suboptions"].items() if "default" in option}
    of_guest = {name: option["default"] for name, option in OPTIONS["guests"]["suboptions"].items() if "default" in option}
    whole = {"nics": [{**nics[0], **said, "port": "dpdk0"}], "guests": [{**guest, **of_guest}], **defaults}
    whole.update(pmd_cores=1, host_cores=1, hugepage_size="1G")
    assert plan(HOST, whole) == plan(HOST, {"nics": nics, "guests": [guest]})


def test_the_samples_are_a_plan_of_the_guides_machine() -> None:
    """Of the first example: two NICs, the first one with two rx queues, and a guest."""
    intent = yaml.safe_load(DOCUMENTED["EXAMPLES"])[1]["vars"]["intent"]
    made = plan(HOST, intent)
    for name, described in RETURNED.items():
        if "sample" in described:
            assert made[name] == described["sample"], name
    assert made["reasons"][1] == {name: described["sample"] for name, described in RETURNED["reasons"]["contains"].items()}


def test_each_intent_of_the_examples_can_be_met() -> None:
    intents = [task["vars"]["intent"] for task in yaml.safe_load(DOCUMENTED["EXAMPLES"]) if "vars" in task]
    assert [plan(HOST, intent)["hugepages"] for intent in intents] == [
        [{"size": "1G", "nodes": {"0": 5, "1": 1}}],
        [{"size": "1G", "nodes": {"0": 3}}],
    ]


def test_the_worked_example_in_the_documentation_is_what_the_filter_gives() -> None:
    page = (ROOT / "docs/planning.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    intent = next(yaml.safe_load(block)["host_plan_intent"] for block in blocks if block.startswith("host_plan_intent:"))
    shown = next(yaml.safe_load(block) for block in blocks if block.startswith("pmd:"))
    assert shown == plan(HOST, intent)


def test_the_errors_in_the_documentation_are_those_of_the_filter() -> None:
    page = (ROOT / "docs/planning.md").read_text(encoding="utf-8")
    shown = [line for block in re.findall(r"^```text\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL) for line in block.splitlines()]
    intents = [
        {"nics": [{"device": "ens1f0"}], "pmd_cores": 10},
        {"nics": [{"device": "ens1f0"}], "guests": [{"name": "vm0", "vcpus": 4, "memory": "62G", "node": 0}]},
        {"nics": [{"device": "ens9"}]},
        {"nics": [{"device": "ens1f0"}], "pmd_core": 2},
    ]
    messages = []
    for intent in intents:
        with pytest.raises(AnsibleFilterError) as error:
            plan(HOST, intent)
        messages.append(str(error.value))
    assert shown == messages


def test_the_table_of_memory_in_the_documentation_is_what_the_filter_reckons() -> None:
    page = (ROOT / "docs/planning.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d and]+) \| (\d+) \| (\d+) \| (\d+) \|$", page, flags=re.MULTILINE)
    assert len(rows) == 3
    for mtus, needed, large, small in rows:
        nics = [{"device": "ens1f0"}]
        ports = [{"name": f"v{mtu}", "mtu": int(mtu)} for mtu in mtus.split(" and ")]
        nics[0]["mtu"] = mtus.split(" and ")[0]
        sizes = [plan(HOST, {"nics": nics, "vhost_ports": ports, "hugepage_size": size})["socket_mem"]["0"] for size in ("1G", "2M")]
        assert [str(size) for size in sizes] == [large, small]
        assert int(small) - 2 < int(needed) <= int(small)
