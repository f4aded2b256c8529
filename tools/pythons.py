# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a PATH that starts with the interpreters of the given versions that really start and has no pyenv shims.

The shim of a version that is not selected exits 127, which stops ansible-test and uv.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys


def find(version: str, directories: list[pathlib.Path]) -> str | None:
    """Return the directory of the interpreter of that version."""
    for directory in directories:
        candidate = directory / f"python{version}"
        if candidate.exists():
            done = subprocess.run([str(candidate), "-c", "import venv"], check=False, capture_output=True)
            if done.returncode == 0:
                return str(directory)
    return None


def main() -> None:
    """Print the new path; name the versions that were not found."""
    path = [pathlib.Path(directory) for directory in os.environ["PATH"].split(os.pathsep)]
    real = [directory for directory in path if directory.name != "shims"]
    pyenv = [version / "bin" for shims in path if shims.name == "shims" for version in sorted((shims.parent / "versions").glob("3.*"), reverse=True)]
    found = {version: find(version, real + pyenv) for version in sys.argv[1:]}
    for version in (version for version, directory in found.items() if not directory):
        print(f"no Python {version} on this machine: not tested with it", file=sys.stderr)
    print(os.pathsep.join(dict.fromkeys([directory for directory in found.values() if directory] + [str(directory) for directory in real])))


if __name__ == "__main__":
    main()
