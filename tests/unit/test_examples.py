# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every module are what its options allow; molecule/examples runs them. The action group has all modules."""

from __future__ import annotations

import ast
import functools
import pathlib
import typing as t

import pytest
import yaml

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("[!_]*.py"))


def _constant(path: pathlib.Path, name: str) -> t.Any:
    """Return the YAML that is assigned to *name* in a Python file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
            return yaml.safe_load(ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no {name}")


def _fragments(module: str) -> list[str]:
    return list(_constant(ROOT / f"plugins/modules/{module}.py", "DOCUMENTATION")["extends_documentation_fragment"])


@functools.cache
def _options(module: str) -> dict[str, t.Any]:
    """Return the options of a module, those of its fragments included."""
    options = dict(_constant(ROOT / f"plugins/modules/{module}.py", "DOCUMENTATION")["options"])
    for fragment in _fragments(module):
        file, _dot, part = fragment.removeprefix("nfv.ovs_dpdk.").partition(".")
        options.update(_constant(ROOT / f"plugins/doc_fragments/{file}.py", (part or "documentation").upper())["options"])
    return options


def _calls(module: str) -> Iterator[tuple[str, Mapping[str, t.Any]]]:
    """Yield the name and the arguments of each example that calls the module."""
    for task in _constant(ROOT / f"plugins/modules/{module}.py", "EXAMPLES"):
        if f"nfv.ovs_dpdk.{module}" in task:
            yield task["name"], task[f"nfv.ovs_dpdk.{module}"] or {}


def _problems(given: Mapping[str, t.Any], options: Mapping[str, t.Any], where: str = "") -> Iterator[str]:
    """Yield what the arguments have that the options do not allow, suboptions included."""
    for name, value in given.items():
        option = options.get(name)
        if option is None:
            yield f"{where}{name} is no option"
            continue
        for item in value if isinstance(value, list) else [value]:
            if "choices" in option and item not in option["choices"]:
                yield f"{where}{name}={item} is not one of {option['choices']}"
            if isinstance(item, dict) and "suboptions" in option:
                yield from _problems(item, option["suboptions"], f"{where}{name}.")
    yield from (f"{where}{name} is required" for name, option in options.items() if option.get("required") and name not in given)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_examples_that_its_options_allow(module: str) -> None:
    calls = list(_calls(module))
    assert calls
    assert {name: problems for name, given in calls if (problems := list(_problems(given, _options(module))))} == {}


@pytest.mark.parametrize("module", MODULES)
def test_every_example_has_a_name_of_its_own(module: str) -> None:
    names = [task.get("name") for task in _constant(ROOT / f"plugins/modules/{module}.py", "EXAMPLES")]
    assert all(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"nme": "x"}, "nme is no option"),
        ({"name": "br0", "state": "gone"}, "state=gone is not one of ['present', 'absent']"),
        ({"bridges": [{"name": "br0"}, {"fail_mode": "secure"}]}, "bridges.name is required"),
        ({"bridges": [{"name": "br0", "mtu": 1}]}, "bridges.mtu is no option"),
    ],
)
def test_a_wrong_example_is_found(given: dict[str, t.Any], problem: str) -> None:
    assert list(_problems(given, _options("ovs_dpdk_bridge"))) == [problem]


def test_the_action_group_has_the_modules_that_take_the_options_of_the_switch_and_no_other() -> None:
    """A default that a module does not know is an error: with database or timeout in the group, all of it has to know them."""
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"] == {"ovs_dpdk": [module for module in MODULES if {"database", "timeout"} <= set(_options(module))]}


def test_a_module_says_that_it_is_in_the_action_group_where_it_is() -> None:
    said = [module for module in MODULES if any(fragment.endswith(".actiongroup") for fragment in _fragments(module))]
    assert {"ovs_dpdk": said} == yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]


def test_the_scenario_that_runs_the_examples_has_a_place_for_every_module() -> None:
    tree = ast.parse((ROOT / "molecule/examples/collect.py").read_text(encoding="utf-8"))
    value = next(node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "ORDER")
    assert sorted(str(node.value) for node in ast.walk(value) if isinstance(node, ast.Constant)) == MODULES
