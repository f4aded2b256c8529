# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let ansible-test build its sanity environments from the package index alone.

ansible-test makes them without pip and then runs a copy of get-pip.py from ci-files.testing.ansible.com, unless
~/.ansible/test/cache/get_pip_VERSION.py exists.

    ansible_test_pip.py prepare    put the pip wheel and this script in that cache, for the ansible-core of this Python
    get_pip_VERSION.py ARGS...     (as ansible-test calls it) unpack that wheel into the new environment
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile


def prepare() -> None:
    """Fill the cache of ansible-test below the home directory."""
    site = pathlib.Path(sysconfig.get_path("purelib"))
    source = (site / "ansible_test/_internal/python_requirements.py").read_text(encoding="utf-8")
    found = re.search(r"""default_packages = dict\(\s*pip=["']([0-9.]+)["']""", source)
    if not found:
        sys.exit("this ansible-core names its pip version in a way that this script does not know")
    version = found.group(1)
    cache = pathlib.Path.home() / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    if not list(cache.glob(f"pip-{version}-*.whl")):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache), f"pip=={version}"], check=True)
    shutil.copyfile(__file__, cache / f"get_pip_{version.replace('.', '_')}.py")


def bootstrap(arguments: list[str]) -> None:
    """Install pip, and whatever else is asked for, into the environment that runs this."""
    packages = [argument for argument in arguments if not argument.startswith("-")]
    pip = next(package for package in packages if package.startswith("pip=="))
    (wheel,) = pathlib.Path(__file__).parent.glob(f"{pip.replace('==', '-')}-*.whl")
    zipfile.ZipFile(wheel).extractall(sysconfig.get_path("purelib"))
    others = [package for package in packages if package != pip]
    if others:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *others], check=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        bootstrap(sys.argv[1:])
