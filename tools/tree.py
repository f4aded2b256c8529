# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy what git knows or would add into BUILD/ansible_collections/nfv/ovs_dpdk and print that path.

Steps that run at the same time need a BUILD each, since what was there before is removed.

ansible-test wants a real directory of that name; the copy gets a git repository of its own because the outer one
ignores the build directory, in which case ansible-test would find no files ("All targets skipped").
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys


def main() -> None:
    """Make the copy."""
    root = pathlib.Path(__file__).resolve().parent.parent
    tree = pathlib.Path(sys.argv[1]).resolve() / "ansible_collections/nfv/ovs_dpdk"
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, check=True, stdout=subprocess.PIPE)
    names = {pathlib.Path(name) for name in listing.stdout.decode().split("\0") if name}
    shutil.rmtree(tree, ignore_errors=True)
    for name in sorted(names):
        if (root / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, tree / name, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    print(tree)


if __name__ == "__main__":
    main()
