# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floors of plugins/module_utils: who may import whom, and who may do what."""

from __future__ import annotations

import ast
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UTILS = ROOT / "plugins/module_utils"
PREFIX = "ansible_collections.nfv.ovs_dpdk.plugins.module_utils."
BELOW = {"_values": {"_values"}, "_readers": {"_values", "_readers"}, "_engine": {"_values", "_readers", "_engine"}}
FILES = sorted(path for floor in BELOW for path in (UTILS / floor).glob("*.py") if path.name != "__init__.py")
HOST_FILES = FILES + sorted((ROOT / "plugins/modules").glob("*.py"))


def imports(path: pathlib.Path) -> list[str]:
    """Return the full names of what a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return plain + [f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) and node.module for alias in node.names]


def test_there_are_files_on_every_floor() -> None:
    assert {path.parent.name for path in FILES} == set(BELOW)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_floor_imports_from_itself_and_below(path: pathlib.Path) -> None:
    floors = {name.removeprefix(PREFIX).split(".")[0] for name in imports(path) if name.startswith(PREFIX)}
    assert floors <= BELOW[path.parent.name]


@pytest.mark.parametrize("path", HOST_FILES, ids=lambda path: path.stem)
def test_code_for_hosts_needs_the_standard_library_alone(path: pathlib.Path) -> None:
    tops = {name.split(".")[0] for name in imports(path)}
    assert tops <= sys.stdlib_module_names | {"ansible", "ansible_collections"}
    assert all(name.startswith(("ansible.module_utils.", PREFIX)) for name in imports(path) if name.split(".")[0].startswith("ansible"))


@pytest.mark.parametrize("path", HOST_FILES, ids=lambda path: path.stem)
def test_only_one_file_runs_commands(path: pathlib.Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ("run_command(" in text) == (path.name == "commands.py")
    assert not {"subprocess", "os.system", "os.popen"} & set(imports(path))


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name == "_values"], ids=lambda path: path.stem)
def test_values_do_no_input_or_output(path: pathlib.Path) -> None:
    assert not {"os", "pathlib", "socket", "time", "shutil"} & {name.split(".")[0] for name in imports(path)}
    assert not [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open"]
