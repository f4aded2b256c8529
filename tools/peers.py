# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack single collections out of the `ansible` wheel, for machines that reach a package index but not Galaxy.

Usage: peers.py DEST VERSION NAMESPACE.NAME...
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import zipfile


def main() -> None:
    """Download the wheel and unpack the named collections."""
    dest, version, *names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temp:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", temp, f"ansible=={version}"], check=True)
        (wheel,) = pathlib.Path(temp).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in names:
                prefix = f"ansible_collections/{name.replace('.', '/')}/"
                members = [member for member in archive.namelist() if member.startswith(prefix)]
                if not members:
                    sys.exit(f"ansible {version} has no {name}")
                archive.extractall(dest, members)


if __name__ == "__main__":
    main()
