# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure a run of dpdk_build or ovs_build with nothing to do, beside the build tool itself with nothing to do.

    python tests/benchmark/builds.py PREFIX MODULE OPTIONS...

MODULE is dpdk_build or ovs_build, OPTIONS are its options as JSON. The first run builds into PREFIX and keeps what it made; then both
ways run in turn, each as a process of its own, and the medians of their times are printed as a row of a table.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import typing as t

ROUNDS = 7

RUN = """\
import json, sys
from unittest import mock
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nfv.ovs_dpdk.plugins.modules import {module}
with patch_module_args(json.loads(sys.argv[1])), mock.patch.object(basic.AnsibleModule, "_log_invocation"):
    {module}.main()
"""


def run(module: str, options: dict[str, t.Any]) -> tuple[float, dict[str, t.Any]]:
    """Run a module in a new process; return seconds and its result."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", RUN.format(module=module), json.dumps(options)], check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    result: dict[str, t.Any] = json.loads(done.stdout) if done.stdout else {"msg": done.stderr}
    if done.returncode:
        raise SystemExit(f"{module}: {result['msg']}")
    return seconds, result


def tool(argv: list[str]) -> float:
    """Run the build tool; return seconds."""
    begun = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return time.perf_counter() - begun


def floor() -> float:
    """Return the seconds of a process that only loads what every module loads."""
    return tool([sys.executable, "-c", "import ansible.module_utils.basic"])


def main(prefix: str, module: str, given: str) -> None:
    """Build once, measure, print."""
    options = {**json.loads(given), "prefix": prefix, "keep_build": True, "_ansible_remote_tmp": prefix, "_ansible_keep_remote_files": False}
    first, built = run(module, options)
    folder = pathlib.Path(prefix, ".build", f"{'dpdk' if module == 'dpdk_build' else 'openvswitch'}-{built['stamp'][:10]}")
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not kept: this was built before; take another prefix")
    argv = next(command for command in built["commands"] if "-j" in command)
    times: dict[str, list[float]] = {"module": [], "tool": [], "floor": []}
    for _round in range(ROUNDS):
        seconds, again = run(module, options)
        if again["changed"] or again["commands"]:
            raise SystemExit(f"not idempotent: {again['reasons']}")
        times["module"].append(seconds)
        times["tool"].append(tool(argv))
        times["floor"].append(floor())
    median = {name: statistics.median(values) for name, values in times.items()}
    name = f"{folder.name.partition('-')[0]} {built['version']}"
    shown = " | ".join(f"{median[way]:.2f} s" for way in ("module", "floor", "tool"))
    print(f"| {name} | {pathlib.Path(argv[0]).name} | {first:.0f} s | {shown} | {os.getloadavg()[0]:.1f} |")


if __name__ == "__main__":
    main(*sys.argv[1:4])
