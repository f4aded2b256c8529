# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module begins, out of the zip that Ansible sends, and how it ends."""

from __future__ import annotations

import collections
import gc
import json
import os
import pathlib
import subprocess
import sys
import typing as t
import zipfile

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import ansible_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

ROOT = pathlib.Path(__file__).resolve().parents[4]
PACKAGE = "ansible_collections/nfv/ovs_dpdk/plugins/module_utils"
ENGINE = PACKAGE.replace("/", ".") + "._engine"

# Lists each file that Python compiles, as often as it does, while it imports what the statement says.
IMPORT = """\
import json, sys
compiled = []
sys.addaudithook(lambda event, args: compiled.append(str(args[1])) if event == "compile" else None)
%s
print(json.dumps({"compiled": compiled, "files": {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}}))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return a zip with the module_utils of the collection, as Ansible makes one."""
    path = tmp_path_factory.mktemp("payload") / "payload.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for parent in list(pathlib.PurePosixPath(PACKAGE).parents)[:-1]:
            made.writestr(f"{parent}/__init__.py", "")
        for file in (ROOT / "plugins/module_utils").rglob("*.py"):
            made.write(file, f"{PACKAGE}/{file.relative_to(ROOT / 'plugins/module_utils')}")
    return path


def run(archive: pathlib.Path, statement: str) -> subprocess.CompletedProcess[str]:
    """Import in a process that has the collection from the zip only."""
    environment = {**os.environ, "PYTHONPATH": str(archive)}
    argv = [sys.executable, "-c", IMPORT % statement]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_a_file_out_of_the_zip_is_compiled_once(archive: pathlib.Path) -> None:
    said = json.loads(run(archive, f"import {ENGINE}.task").stdout)
    files = (name for name in said["compiled"] if str(archive) in name and not name.endswith("__init__.py"))
    ours = collections.Counter(name.rpartition(f"{PACKAGE}/")[2] for name in files)
    first = {"_engine/task.py", "_engine/ansible_module.py", "_values/errors.py"}  # imported before there is that way
    assert {"_engine/target.py", "_readers/ovsdb.py", "_values/releases.py"} < set(ours) - first
    assert {name: count for name, count in ours.items() if name not in first} == dict.fromkeys(set(ours) - first, 1)


def test_a_module_out_of_the_zip_knows_its_file(archive: pathlib.Path) -> None:
    files = json.loads(run(archive, f"import {ENGINE}.task").stdout)["files"]
    assert files[f"{ENGINE}.target"] == f"{archive}/{PACKAGE}/_engine/target.py"
    assert files[f"{PACKAGE.replace('/', '.')}._values"] == f"{archive}/{PACKAGE}/_values/__init__.py"


def test_a_module_that_the_zip_lacks_is_not_found(archive: pathlib.Path) -> None:
    done = run(archive, f"import {ENGINE}.ansible_module, {ENGINE}.nothing")
    assert f"ModuleNotFoundError: No module named '{ENGINE}.nothing'" in done.stderr


def test_outside_a_zip_imports_are_left_alone() -> None:
    assert ansible_module._Importer not in sys.path_hooks


class FakeModule:
    """Takes the place of AnsibleModule at its end."""

    def __init__(self, params: dict[str, t.Any]) -> None:
        self.params = params

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        """Show the result."""
        raise SystemExit(json.dumps({**result, "frozen": gc.get_freeze_count() > 0}))

    def fail_json(self, msg: str, **result: t.Any) -> t.NoReturn:
        """Show the error."""
        raise SystemExit(json.dumps({"msg": msg, **result}))


def test_the_result_has_the_options_that_are_set() -> None:
    ports = [{"name": "a", "egress": {"rate": "1Mpps", "cir": None}, "queues": 0, "tag": ""}, {"name": "b", "mrg_rxbuf": False, "egress": {}, "mac": None}]
    module = FakeModule({"bridge": None, "timeout": 30, "ports": ports, "state": "present"})
    with pytest.raises(SystemExit) as end:
        ansible_module.finish(module, {"changed": True})  # type: ignore[arg-type]
    gc.unfreeze()
    result = json.loads(str(end.value))
    assert result["changed"] is True
    assert result["invocation"]["module_args"] == {
        "timeout": 30,
        "ports": [{"name": "a", "egress": {"rate": "1Mpps"}, "queues": 0, "tag": ""}, {"name": "b", "mrg_rxbuf": False, "egress": {}}],
        "state": "present",
    }
    assert result["frozen"]


def test_an_error_has_the_options_that_are_set_too() -> None:
    with pytest.raises(SystemExit) as end:
        ansible_module.fail(FakeModule({"bridge": None, "timeout": 30}), HostError("It is down.", rc=1))  # type: ignore[arg-type]
    assert json.loads(str(end.value)) == {"msg": "It is down.", "rc": 1, "invocation": {"module_args": {"timeout": 30}}}
