# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print how many entries the EMC of an ovs-vswitchd has, from what the compiler wrote into it for debuggers: the length of emc_cache.entries."""

import pathlib
import sys

from elftools.elf.elffile import ELFFile


def entries(program: pathlib.Path) -> int:
    """Return the length of the array."""
    with program.open("rb") as stream:
        for unit in ELFFile(stream).get_dwarf_info().iter_CUs():
            if not unit.get_top_DIE().get_full_path().endswith("dpif-netdev.c"):
                continue
            for die in unit.iter_DIEs():
                name = die.attributes.get("DW_AT_name")
                if die.tag != "DW_TAG_structure_type" or name is None or name.value != b"emc_cache":
                    continue
                member = next(child for child in die.iter_children() if child.attributes["DW_AT_name"].value == b"entries")
                bound = next(member.get_DIE_from_attribute("DW_AT_type").iter_children())
                return int(bound.attributes["DW_AT_upper_bound"].value) + 1
    raise SystemExit(f"{program} does not tell")


if __name__ == "__main__":
    print(entries(pathlib.Path(sys.argv[1])))
