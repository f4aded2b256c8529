# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dpdk_host_info on machines below a folder."""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.modules import dpdk_host_info
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import GIB, MIB, Card, Machine, Memory, Pages, grid

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule


def gathered(run_module: RunModule, root: pathlib.Path, *parts: str) -> dict[str, t.Any]:
    result = run_module(dpdk_host_info, {"root": str(root), **({"gather": list(parts)} if parts else {})}, check=True)
    assert result["changed"] is False
    host = result["host"]
    assert isinstance(host, dict)
    return host


def test_guide_machine(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    machine = Machine(
        threads=grid(2, 10, 2),
        offline="39",
        isolated="1-9,21-29",
        memory={0: Memory(pages={GIB: Pages(8, 6)}), 1: Memory()},
        mounts="none /dev/hugepages hugetlbfs rw,pagesize=1024M 0 0",
        cards=(Card("ens1f0", "0000:05:00.0", "ixgbe", node=1, speed=10000, iommu_group=7),),
        governors={"performance": "0-39"},
        idle_states={"C6": "1-9"},
        command_line="isolcpus=1-9,21-29",
    )
    host = gathered(run_module, machine.write(tmp_path))
    assert sorted(host) == ["board", "cpus", "iommu", "kernel", "memory", "nics", "nodes", "power"]
    cores = host["cpus"].pop("cores")
    assert host["cpus"] == {
        "present": "0-39",
        "possible": "0-39",
        "online": "0-38",
        "offline": "39",
        "isolated": "1-9,21-29",
        "nohz_full": "",
        "smt_active": True,
    }
    assert cores[1] == {"socket": 0, "core": 1, "node": 0, "cpus": "1,21"}
    assert cores[-1] == {"socket": 1, "core": 9, "node": 1, "cpus": "19"}
    assert len(cores) == 20
    node = host["nodes"][0]
    assert (node["id"], node["cpus"], node["memory_total"], node["distances"]) == (0, "0-9,20-29", 64 * GIB, {"0": 10, "1": 21})
    assert node["hugepages"] == [
        {"size": "2M", "total": 0, "free": 0, "reserved": None, "surplus": 0},
        {"size": "1G", "total": 8, "free": 6, "reserved": None, "surplus": 0},
    ]
    assert host["memory"]["hugepages"][1] == {"size": "1G", "total": 8, "free": 6, "reserved": 0, "surplus": 0}
    assert host["memory"]["mounts"] == [{"path": "/dev/hugepages", "page_size": "1G", "options": ["rw", "pagesize=1024M"]}]
    assert host["memory"]["default_hugepage_size"] == "2M"
    assert host["nics"][0]["pci"] == "0000:05:00.0"
    assert host["iommu"] == {"enabled": True, "groups": {"7": ["0000:05:00.0"]}}
    assert host["power"] == {
        "governors": {"performance": "0-39"},
        "idle_driver": "intel_idle",
        "idle_states": [{"name": "C6", "disabled": "1-9"}],
    }
    assert host["kernel"]["command_line"] == "isolcpus=1-9,21-29"
    assert host["board"] == {"vendor": None, "name": None}


def test_parts_that_are_not_asked_for_are_not_in_the_result(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    root = Machine(memory={0: Memory(pages={2 * MIB: Pages(3)})}).write(tmp_path)
    assert sorted(gathered(run_module, root, "nodes", "cpus", "nodes")) == ["cpus", "nodes"]


def test_host_that_runs_the_tests(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    host = run_module(dpdk_host_info, {})["host"]
    assert host["cpus"]["online"]
    assert host["memory"]["total"] > 0
    assert sum(node["memory_total"] for node in host["nodes"]) > 0


def test_folder_without_sys_is_refused(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    result = run_module(dpdk_host_info, {"root": str(tmp_path)})
    assert result["failed"]
    assert f"root='{tmp_path}' is not possible" in result["msg"]
