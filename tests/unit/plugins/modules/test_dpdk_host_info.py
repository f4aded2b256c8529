# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dpdk_host_info on machines below a folder."""

from __future__ import annotations

import os
import subprocess
import typing as t

import yaml

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
        cards=(
            Card("ens1f0", "0000:05:00.0", "ixgbe", 1, "02:00:00:00:00:10", 10000, iommu_group=7, vendor="8086", device="10fb", slot="Riser 1 Slot 2"),
            Card(None, "0000:06:00.0", "vfio-pci", node=1, iommu_group=8, link=("2.5 GT/s PCIe", 4, "8.0 GT/s PCIe", 8)),
        ),
        cgroups={"ovs_dpdk.slice": ("10-11", "isolated")},
        board=("Intel Corporation", "S2600WT2"),
        noiommu=True,
        unsafe_interrupts=False,
        record={"0000:06:00.0": {"driver": "ixgbe", "name": "ens2f0", "mac": "02:00:00:00:00:11"}},
        governors={"performance": "0-39"},
        idle_states={"C6": "1-9"},
        command_line="isolcpus=1-9,21-29",
    )
    host = gathered(run_module, machine.write(tmp_path))
    assert sorted(host) == ["board", "cpus", "iommu", "kernel", "memory", "nics", "nodes", "partitions", "power"]
    cores = host["cpus"].pop("cores")
    assert host["cpus"] == {
        "present": "0-39",
        "possible": "0-39",
        "online": "0-38",
        "offline": "39",
        "isolated": "1-11,21-29",
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
    assert host["nics"] == [
        {
            "name": "ens1f0",
            "pci": "0000:05:00.0",
            "driver": "ixgbe",
            "node": 1,
            "mac": "02:00:00:00:00:10",
            "speed": 10000,
            "iommu_group": 7,
            "default_route": False,
            "vendor_id": "8086",
            "device_id": "10fb",
            "slot": "Riser 1 Slot 2",
            "link": {"speed": None, "width": None, "max_speed": None, "max_width": None},
            "virtual_function": False,
            "former": None,
        },
        {
            "name": None,
            "pci": "0000:06:00.0",
            "driver": "vfio-pci",
            "node": 1,
            "mac": None,
            "speed": None,
            "iommu_group": 8,
            "default_route": False,
            "vendor_id": None,
            "device_id": None,
            "slot": None,
            "link": {"speed": 2.5, "width": 4, "max_speed": 8.0, "max_width": 8},
            "virtual_function": False,
            "former": {"name": "ens2f0", "mac": "02:00:00:00:00:11", "driver": "ixgbe"},
        },
    ]
    groups = {"7": ["0000:05:00.0"], "8": ["0000:06:00.0"]}
    assert host["iommu"] == {"enabled": True, "groups": groups, "noiommu": True, "unsafe_interrupts": False}
    assert host["partitions"] == [{"path": "/ovs_dpdk.slice", "cpus": "10-11", "state": "isolated"}]
    assert host["power"] == {
        "governors": {"performance": "0-39"},
        "idle_driver": "intel_idle",
        "idle_states": [{"name": "C6", "disabled": "1-9"}],
    }
    assert host["kernel"]["command_line"] == "isolcpus=1-9,21-29"
    assert host["board"] == {"vendor": "Intel Corporation", "name": "S2600WT2"}


def test_copy_made_as_the_examples_say_reads_as_the_host_does(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    machine = Machine(
        threads=grid(2, 4, 2, nodes_per_socket=2),
        offline="0",
        isolated="1",
        nohz_full="2",
        partitions="3",
        memory={node: Memory(pages={GIB: Pages(2, 1)}) for node in range(4)},
        cards=(
            Card("ens1f0", "0000:05:00.0", "ixgbe", 1, speed=10000, iommu_group=7, vendor="8086", device="10fb", slot="Slot 2"),
            Card(None, "0000:05:10.0", "vfio-pci", 1, iommu_group=9, physical="0000:05:00.0", link=("5.0 GT/s PCIe", 4, "8.0 GT/s PCIe", 8)),
            Card("ens2", "0000:07:00.0", "mlx5_core", above="0000:00:02.0"),
            Card("eth0", "0000:00:03.0", "virtio-pci", virtio=True),
        ),
        slots={"4": "0000:07:00"},
        lower={"bond0": ("ens1f0",)},
        default_routes=("bond0",),
        cgroups={"a.slice": ("5-6", "isolated"), "a.slice/b.slice": ("6", "isolated invalid (no parent)")},
        board=("Intel Corporation", "S2600WT2"),
        noiommu=True,
        unsafe_interrupts=True,
        mounts="none /dev/hugepages hugetlbfs rw,pagesize=1024M 0 0",
        governors={"performance": "1-3"},
        idle_states={"C1": "", "C6": "1"},
        record={"0000:05:10.0": {"driver": "iavf", "name": "vf0", "mac": "02:00:00:00:00:12"}},
    )
    root, copy = machine.write(tmp_path / "host"), tmp_path / "copy"
    copy.mkdir()
    (task,) = (task for task in yaml.safe_load(dpdk_host_info.EXAMPLES) if "find" in str(task))
    target = "--target-directory="
    argv = [f"{target}{copy}" if word.startswith(target) else word for word in task["ansible.builtin.command"]["argv"]]
    done = subprocess.run(argv, cwd=root, check=False)  # noqa: S603 - the command of the documentation is what is tested
    assert done.returncode in {0, 1}
    there, here = gathered(run_module, root), gathered(run_module, copy)
    assert here == there
    assert [nic["slot"] for nic in there["nics"]] == [None, "Slot 2", "Slot 2", "4"]


def test_448_cpus_are_read(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    threads = grid(2, 112, 2, nodes_per_socket=4)
    machine = Machine(threads=threads, memory={node: Memory() for node in range(8)}, governors={"performance": "0-447"})
    root = machine.write(tmp_path)
    host = gathered(run_module, root)
    assert len(host["cpus"]["cores"]) == 224


def test_what_root_alone_may_read_is_left_out(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    machine = Machine(cards=(Card("ens1f0", "0000:05:00.0", "ixgbe", slot="Slot 2"), Card("ens2", "0000:06:00.0")), slots={"3": "0000:06:00"})
    root = machine.write(tmp_path)
    table = root / "sys/firmware/dmi/tables/DMI"
    if os.geteuid() == 0:  # root may read everything
        table.unlink()
        table.symlink_to("nowhere")
    else:
        table.chmod(0)
    assert [nic["slot"] for nic in gathered(run_module, root, "nics")["nics"]] == [None, "3"]


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
