# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules have that build from source; the fragment nfv.ovs_dpdk.build documents them (private to this collection)."""

from __future__ import annotations

import os
import pathlib
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build import Request, cpu_count, remove
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.dpdk_build_options import OPTIMIZATIONS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

FLAGS: t.Final[dict[str, t.Any]] = {
    "optimization": {"type": "str", "choices": [*OPTIMIZATIONS]},
    "march": {"type": "str"},
    "cflags": {"type": "list", "elements": "str", "default": []},
    "ldflags": {"type": "list", "elements": "str", "default": []},
}
SHARED: t.Final[dict[str, t.Any]] = {
    "source": {"type": "str"},
    "checksum": {"type": "str"},
    "jobs": {"type": "int"},
    "cc": {"type": "str", "default": "gcc"},
    "build_dir": {"type": "path"},
    "keep_build": {"type": "bool", "default": False},
    "current": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 7200},
    "lock_timeout": {"type": "int", "default": 0},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "version": {"type": "str"},
}


def prefix_of(params: t.Mapping[str, t.Any]) -> pathlib.Path:
    """Return the folder of all builds, absolute and without links and dots, as it stands in what is built."""
    return pathlib.Path(os.path.realpath(params["prefix"]))


def check_shared(params: t.Mapping[str, t.Any], subject: str) -> None:
    """Raise InputError for numbers that cannot be, and a prefix that is no place of its own."""
    for name, least in (("jobs", 1), ("timeout", 1), ("lock_timeout", 0)):
        if params[name] is not None and params[name] < least:
            raise InputError(subject, name, params[name], f"It is {least} or more.", "Correct it, or leave it out.")
    if str(prefix_of(params)) in {"/", "/usr", "/usr/local", "/opt"}:
        raise InputError(subject, "prefix", params["prefix"], "Builds need a folder that nothing else is in.", f"Take for instance /opt/{subject}.")
    for name in ("prefix", "build_dir", "source"):
        if params[name] is not None and re.search(r"\s", str(params[name])):
            raise InputError(subject, name, params[name], "make cannot build below a folder with a space in its name.", "Take another folder.")
    if params["state"] == "present" and params["version"] is not None:
        raise InputError(subject, "version", params["version"], "The source says which version it is.", "Give version only with state absent.")


def request_of(params: t.Mapping[str, t.Any]) -> Request:
    """Return what both products want of a build."""
    prefix = prefix_of(params)
    return Request(
        source=params["source"],
        checksum=params["checksum"],
        prefix=prefix,
        build_dir=pathlib.Path(os.path.realpath(params["build_dir"])) if params["build_dir"] else prefix / ".build",
        cc=params["cc"],
        jobs=params["jobs"] or cpu_count(),
        timeout=params["timeout"],
        lock_timeout=params["lock_timeout"],
        keep_build=params["keep_build"],
        make_current=params["current"],
    )


def build_or_remove(module: AnsibleModule, product: str, build: t.Callable[[], dict[str, t.Any]]) -> dict[str, t.Any]:
    """Return the result of a module that builds *product*, as its option state says. Raises InputError, HostError."""
    params = module.params
    check_shared(params, product)
    if params["state"] == "absent":
        return remove(module, product, prefix_of(params), params["version"], params["lock_timeout"])
    return build()
