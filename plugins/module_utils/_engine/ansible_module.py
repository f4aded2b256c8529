# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module begins and ends (private to this collection): its code is loaded, its options are read, its result is sent.

A task with few ports takes most of its time there, and not with the switch; what of it can be saved is saved here, for all modules.
"""

from __future__ import annotations

import gc
import sys
import typing as t
import zipimport

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import OvsDpdkError


class _Importer(zipimport.zipimporter):
    """Imports from the zip in which Ansible sends a module, and compiles each file once.

    CPython (3.9 to 3.13 at least) compiles it twice: ``zipimporter.get_filename``, which any import asks, compiles what it names (Lib/zipimport.py).
    """

    def get_filename(self, fullname: str) -> str:
        """Return the path of a module in the zip. Raises ZipImportError where there is none."""
        end = "/__init__.py" if self.is_package(fullname) else ".py"
        return f"{self.archive}/{self.prefix}{fullname.rpartition('.')[2]}{end}"


def _compile_once() -> None:
    """Have what is imported from now on compiled once, where this file came out of a zip."""
    if isinstance(globals().get("__loader__"), zipimport.zipimporter):
        sys.path_hooks.insert(0, _Importer)
        for path, finder in sys.path_importer_cache.items():
            if isinstance(finder, zipimport.zipimporter):
                sys.path_importer_cache[path] = _Importer(path)


_compile_once()


def _set(value: t.Any) -> t.Any:
    """Return options without those that nobody has set."""
    if isinstance(value, dict):
        return {key: _set(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_set(item) for item in value]
    return value


def finish(module: AnsibleModule, result: dict[str, t.Any]) -> t.NoReturn:
    """End the module with its result.

    Ansible sends the options back too, every sub-option of every port: only those that are set are sent.
    The last thing that Python does is to search all that it has for cycles: nothing of it is left to search.
    """
    gc.freeze()
    module.exit_json(invocation={"module_args": _set(module.params)}, **result)


def fail(module: AnsibleModule, error: OvsDpdkError) -> t.NoReturn:
    """End the module with an error and what belongs to it, with the options as :func:`finish` sends them."""
    module.fail_json(msg=str(error), invocation={"module_args": _set(module.params)}, **error.details)


def main(run: t.Callable[[AnsibleModule], dict[str, t.Any]], argument_spec: dict[str, dict[str, t.Any]], **checks: t.Any) -> None:
    """Run a module: *run* gives its result or raises OvsDpdkError; *checks* are those that AnsibleModule does on the options."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **checks)
    try:
        result = run(module)
    except OvsDpdkError as error:
        fail(module, error)
    finish(module, result)
