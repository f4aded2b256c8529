# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` runs at the same time does not get in its own way."""

from __future__ import annotations

import itertools
import pathlib
import re

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


def test_no_step_removes_the_copy_of_the_collection_that_another_one_reads() -> None:
    """ansible-test failed where another step made its copy anew in the same folder."""
    copies = {script.name: re.findall(r"tools/tree\.py (\.build/[\w/]+)", script.read_text(encoding="utf-8")) for script in TOOLS.glob("*.sh")}
    assert {name for name, folders in copies.items() if folders} == {"sanity.sh", "docs.sh", "dist.sh"}
    removed = {name: re.findall(r"(?m)^(?:rm -rf|out=)(?:.* )?(\.build/[\w/]+)", (TOOLS / name).read_text(encoding="utf-8")) for name in copies}
    for name, other in itertools.permutations(copies, 2):
        for folder in copies[name] + removed[name]:
            assert not [path for path in copies[other] if f"{path}/".startswith(f"{folder}/")], f"{name} removes what {other} reads"
