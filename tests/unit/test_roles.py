# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles: that defaults, specifications, documentation and the options of the modules that they call agree."""

from __future__ import annotations

import ast
import json
import pathlib
import re
import typing as t

import jinja2
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def load(path: pathlib.Path) -> t.Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def specification(role: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert isinstance(options, dict)
    return options


def module_options(name: str) -> dict[str, dict[str, t.Any]]:
    """Return the documented options of a module of this collection."""
    tree = ast.parse((ROOT / f"plugins/modules/{name}.py").read_text(encoding="utf-8"))
    texts = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }
    options = yaml.safe_load(str(texts["DOCUMENTATION"]))["options"]
    assert isinstance(options, dict)
    return options


def test_every_role_has_a_specification() -> None:
    assert [role.name for role in ROLES] == sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_are_those_of_the_specification(role: pathlib.Path) -> None:
    specified = {name: option["default"] for name, option in specification(role).items() if "default" in option}
    assert load(role / "defaults/main.yml") == specified
    assert all("default" in option or option.get("required") for option in specification(role).values())


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_readme_names_every_variable(role: pathlib.Path) -> None:
    text = (role / "README.md").read_text(encoding="utf-8")
    assert [name for name in specification(role) if f"`{name}`" not in text and f"`{name}: " not in text] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_variables_bear_the_name_of_the_role(role: pathlib.Path) -> None:
    assert all(name.startswith(f"{role.name}_") for name in specification(role))
    assert all(name.startswith(f"__{role.name}_") for path in role.glob("vars/*.yml") for name in load(path) or {})


def test_the_role_ovs_dpdk_passes_on_every_option_of_the_module() -> None:
    passed = set(re.findall(r"^    (\w+): ", (ROOT / "roles/ovs_dpdk/tasks/options.yml").read_text(encoding="utf-8"), re.MULTILINE))
    options = set(module_options("ovs_dpdk_config")) - {"state"}
    assert options <= passed
    assert set(specification(ROOT / "roles/ovs_dpdk")["ovs_dpdk_config"]["options"]) == options


def test_the_role_host_tuning_passes_on_every_option_of_kernel_args() -> None:
    passed = set(re.findall(r"^    (\w+): ", (ROOT / "roles/host_tuning/tasks/kernel_args.yml").read_text(encoding="utf-8"), re.MULTILINE))
    options = set(module_options("kernel_args")) - {"state", "root"}
    assert options <= passed
    assert set(specification(ROOT / "roles/host_tuning")["host_tuning_kernel_args"]["options"]) == options - {"hugepages"}


def test_the_role_nic_binding_passes_on_every_option_of_dpdk_device() -> None:
    passed = set(re.findall(r"^    (\w+): ", (ROOT / "roles/nic_binding/tasks/bind.yml").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(module_options("dpdk_device")) - {"device", "state", "timeout", "root"} == passed


@pytest.mark.parametrize(
    ("variable", "module", "option"),
    [
        ("ovs_ports_bridges", "ovs_dpdk_bridge", "bridges"),
        ("ovs_ports_dpdk", "ovs_dpdk_port", "ports"),
        ("ovs_ports_vhost_user", "vhost_user_port", "ports"),
        ("ovs_ports_policers", "qos_policer", "policers"),
        ("ovs_ports_flow_control", "flow_ctrl", "ports"),
    ],
)
def test_the_role_ovs_ports_takes_every_option_of_an_object(variable: str, module: str, option: str) -> None:
    """Where the specification lists options at all: it may leave that to the module."""
    given = specification(ROOT / "roles/ovs_ports")[variable]
    assert given["type"] == "list"
    if "options" in given:
        refused = {"n_rxq"} if module == "vhost_user_port" else set()  # it is there to say why it is refused
        assert set(given["options"]) == set(module_options(module)[option]["suboptions"]) - refused


def rendered(template: str, **variables: t.Any) -> list[str]:
    """Return the lines of a template of the role host_tuning that are no comments; only what it needs of Ansible's filters is there."""
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)  # noqa: S701 - files for systemd, as Ansible renders them
    environment.filters.update(comment=lambda text: f"# {text}", to_json=json.dumps)
    text = environment.from_string((ROOT / "roles/host_tuning/templates" / template).read_text(encoding="utf-8")).render(ansible_managed="x", **variables)
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_governor_is_set_for_each_cpu_and_given_back_to_each() -> None:
    """No machine of the lab scales the frequency of its CPUs, so that the files are all there is to test."""
    place = "w /sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor - - - - {}"
    before = {"powersave": "0-2,6", "schedutil": "3"}
    lines = rendered("governor.conf.j2", __host_tuning_governor_before=before, __host_tuning_governor_cpus="2-3,6", host_tuning_governor="performance")
    assert lines == [place.format(cpu, "performance") for cpu in (2, 3, 6)]
    back = rendered("governor_back.conf.j2", __host_tuning_governor_before=before)
    assert back == [place.format(cpu, "powersave") for cpu in (0, 1, 2, 6)] + [place.format(3, "schedutil")]
