# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that run a module of this collection in the test process."""

from __future__ import annotations

import contextlib
import gc
import json
import typing as t
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings as module_warnings

from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

try:
    from ansible.module_utils.testing import patch_module_args  # ansible-core 2.19 and newer
except ImportError:  # ansible-core 2.16 to 2.18

    @contextlib.contextmanager
    def patch_module_args(args: dict[str, t.Any] | None = None) -> t.Iterator[None]:
        """Offer the arguments the way module_utils.basic of ansible-core before 2.19 reads them."""
        payload = json.dumps({"ANSIBLE_MODULE_ARGS": args or {}}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", payload):
            yield


class FakeCommands:
    """Answers AnsibleModule.run_command from an ordered list of expected calls."""

    environ: t.ClassVar[dict[str, str]] = {"LC_ALL": "C", "LANGUAGE": "C"}

    def __init__(self) -> None:
        self.expected: list[tuple[list[str], tuple[int, str, str]]] = []
        self.calls: list[list[str]] = []

    def expect(self, argv: list[str], rc: int = 0, out: str = "", err: str = "") -> None:
        """Add a call that has to come next."""
        self.expected.append((argv, (rc, out, err)))

    def run(self, args: list[str], **kwargs: t.Any) -> tuple[int, str, str]:
        """Stand in for AnsibleModule.run_command."""
        position = len(self.calls)
        self.calls.append(list(args))
        assert position < len(self.expected), f"unexpected call: {args}"
        argv, answer = self.expected[position]
        assert list(args) == argv
        assert kwargs.get("environ_update") == self.environ
        assert kwargs.get("expand_user_and_vars") is False
        return answer


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[FakeCommands]:
    """Fake every external command; fail when an expected one was not run."""
    fake = FakeCommands()
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: f"/testbin/{arg}")
    monkeypatch.setattr(basic.AnsibleModule, "run_command", fake.run)
    yield fake
    assert fake.calls == [argv for argv, _answer in fake.expected]


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FakeSwitch]:
    """Put a stateful switch behind ovs-vsctl and the control socket; see fake_switch.py."""
    fake = FakeSwitch(tmp_path_factory.mktemp("ovs"))  # a short path: that of a socket has to fit in 107 bytes
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: f"/testbin/{arg}")
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, args, **kwargs: fake.run_command(args, **kwargs))
    yield fake
    fake.daemon.close()


class RunModule(t.Protocol):
    """Signature of the run_module fixture."""

    def __call__(self, module: t.Any, args: dict[str, t.Any], *, check: bool = False, diff: bool = True) -> dict[str, t.Any]:
        """Run it."""


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: t.Any) -> RunModule:
    """Return a function that runs a module's main() and returns what it printed for Ansible."""
    monkeypatch.setattr(basic.AnsibleModule, "_log_invocation", lambda self: None)
    with contextlib.suppress(ImportError, AttributeError):  # not in ansible-core before 2.19
        # set by tests of filters in this process: warnings would go to the terminal
        monkeypatch.setattr("ansible.module_utils._internal.is_controller", False)

    def run(module: t.Any, args: dict[str, t.Any], *, check: bool = False, diff: bool = True) -> dict[str, t.Any]:
        for name in ("_global_warnings", "_global_deprecations"):  # module-wide state, shared by all runs in one process
            with contextlib.suppress(AttributeError):
                monkeypatch.setattr(module_warnings, name, type(getattr(module_warnings, name))())
        full = {**args, "_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_remote_tmp": str(tmp_path), "_ansible_keep_remote_files": False}
        capsys.readouterr()
        with patch_module_args(full), pytest.raises(SystemExit) as stop:
            module.main()
        gc.unfreeze()  # a module ends with this process, a test does not
        result = json.loads(capsys.readouterr().out)
        assert isinstance(result, dict)
        assert stop.value.code == (1 if result.get("failed") else 0)
        return result

    return run
