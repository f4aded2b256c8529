# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The readers of the host, on machines below a folder and on the machine that runs the tests."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import host
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_mask, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import (
    DMI_BOARD,
    GIB,
    MIB,
    Card,
    Machine,
    Memory,
    Pages,
    Thread,
    dmi_slot,
    grid,
)

if t.TYPE_CHECKING:
    import pathlib

GUIDE = Machine(threads=grid(2, 10, 2), memory={0: Memory(), 1: Memory()})


def test_guide_machine_has_siblings_1_and_21_and_so_mask_200002(tmp_path: pathlib.Path) -> None:
    cpus = host.read_cpus(GUIDE.write(tmp_path))
    assert cpus.cpus[1] == host.Cpu(id=1, socket=0, core=1, node=0, siblings=frozenset({1, 21}))
    assert format_mask(cpus.cpus[21].siblings) == "0x200002"
    assert cpus.on_node(1) == parse_cpu_list("10-19,30-39")
    assert cpus.cores(1)[0] == {10, 30}
    assert (len(cpus.cpus), cpus.nodes, cpus.smt_active) == (40, (0, 1), True)
    assert cpus.offline == cpus.isolated == cpus.nohz_full == frozenset()


def test_cluster_on_die_gives_two_nodes_per_socket(tmp_path: pathlib.Path) -> None:
    cpus = host.read_cpus(Machine(threads=grid(2, 10, 2, nodes_per_socket=2)).write(tmp_path))
    assert cpus.nodes == (0, 1, 2, 3)
    assert cpus.on_node(1) == parse_cpu_list("5-9,25-29")
    assert {cpu.socket for cpu in cpus.cpus.values() if cpu.node == 1} == {0}


def test_four_sockets(tmp_path: pathlib.Path) -> None:
    cpus = host.read_cpus(Machine(threads=grid(4, 6, 2)).write(tmp_path))
    assert cpus.nodes == (0, 1, 2, 3)
    assert cpus.on_node(3) == parse_cpu_list("18-23,42-47")
    assert {cpu.socket for cpu in cpus.cpus.values() if cpu.node == 3} == {3}
    assert cpus.cores(3)[0] == {18, 42}


def test_sub_numa_clusters_give_four_nodes_per_socket(tmp_path: pathlib.Path) -> None:
    cpus = host.read_cpus(Machine(threads=grid(2, 32, 2, nodes_per_socket=4)).write(tmp_path))
    assert cpus.nodes == tuple(range(8))
    assert cpus.on_node(5) == parse_cpu_list("40-47,104-111")
    assert {cpu.socket for cpu in cpus.cpus.values() if cpu.node in range(4, 8)} == {1}
    assert all(len(cpus.cores(node)) == 8 for node in cpus.nodes)


def test_amd_with_nps4_numbers_like_sub_numa_clusters_and_has_two_distances(tmp_path: pathlib.Path) -> None:
    root = Machine(threads=grid(2, 64, 2, nodes_per_socket=4), memory={node: Memory() for node in range(8)}).write(tmp_path)
    for node in range(8):
        distances = [10 if other == node else 12 if other // 4 == node // 4 else 32 for other in range(8)]
        (root / f"sys/devices/system/node/node{node}/distance").write_text(" ".join(map(str, distances)), encoding="ascii")
    cpus, memory = host.read_cpus(root), host.read_memory(root)
    assert cpus.on_node(7) == parse_cpu_list("112-127,240-255")
    assert memory.nodes[5].distances == {0: 32, 1: 32, 2: 32, 3: 32, 4: 12, 5: 10, 6: 12, 7: 12}


def test_hybrid_cores_have_siblings_where_they_are_big(tmp_path: pathlib.Path) -> None:
    big = [Thread(cpu, 0, cpu // 2 * 4, 0) for cpu in range(8)]
    little = [Thread(8 + number, 0, 32 + number, 0) for number in range(4)]
    cpus = host.read_cpus(Machine(threads=(*big, *little)).write(tmp_path))
    assert cpus.smt_active
    assert cpus.cores(0) == tuple(map(frozenset, ([0, 1], [2, 3], [4, 5], [6, 7], [8], [9], [10], [11])))


def test_more_than_64_cpus_have_siblings_beyond_the_first_word_of_a_mask(tmp_path: pathlib.Path) -> None:
    cpus = host.read_cpus(Machine(threads=grid(2, 36, 2)).write(tmp_path))
    assert cpus.cpus[71].siblings == {71, 143}
    assert format_mask(cpus.cpus[71].siblings) == hex(1 << 71 | 1 << 143)


def test_one_cpu(tmp_path: pathlib.Path) -> None:
    cpus = host.read_cpus(Machine(threads=grid(1, 1)).write(tmp_path))
    assert cpus.cpus == {0: host.Cpu(0, 0, 0, 0, frozenset({0}))}
    assert not cpus.smt_active


def test_offline_cpu_0_has_no_core_and_is_no_sibling(tmp_path: pathlib.Path) -> None:
    cpus = host.read_cpus(Machine(threads=grid(1, 2, 2), offline="0").write(tmp_path))
    assert cpus.offline == {0}
    assert cpus.cpus[0] == host.Cpu(0, None, None, None, frozenset({0}))
    assert cpus.cpus[2].siblings == {2}
    assert cpus.cores(0) == (frozenset({1, 3}), frozenset({2}))


def test_sibling_that_goes_offline_while_reading_is_left_out(tmp_path: pathlib.Path) -> None:
    root = Machine(threads=grid(1, 2, 2)).write(tmp_path)
    (root / "sys/devices/system/cpu/online").write_text("0-2\n", encoding="ascii")
    cpus = host.read_cpus(root)
    assert cpus.cpus[1].siblings == {1}
    assert cpus.cpus[3] == host.Cpu(3, None, None, 0, frozenset({3}))


def test_offline_cpu_keeps_the_node_that_its_own_folder_names(tmp_path: pathlib.Path) -> None:
    root = Machine(threads=grid(2, 1), offline="1").write(tmp_path)
    (root / "sys/devices/system/cpu/cpu1/node1").symlink_to("../../node/node1")
    cpus = host.read_cpus(root)
    assert cpus.cpus[1].node == 1
    assert cpus.nodes == (0,)


def test_sparse_numbering(tmp_path: pathlib.Path) -> None:
    threads = tuple(Thread(cpu, 0, core, node) for cpu, core, node in ((0, 0, 0), (8, 0, 0), (16, 1, 8), (24, 1, 8)))
    cpus = host.read_cpus(Machine(threads=threads).write(tmp_path))
    assert list(cpus.cpus) == [0, 8, 16, 24]
    assert cpus.nodes == (0, 8)
    assert cpus.cores(8) == (frozenset({16, 24}),)


def test_isolated_at_boot_and_by_cgroup_partition_are_both_isolated(tmp_path: pathlib.Path) -> None:
    cpus = host.read_cpus(Machine(threads=grid(1, 8), isolated="1-2", partitions="4", nohz_full="1-2").write(tmp_path))
    assert cpus.isolated == {1, 2, 4}
    assert cpus.nohz_full == {1, 2}


def test_isolated_partitions_count_where_the_kernel_has_no_list_of_them(tmp_path: pathlib.Path) -> None:
    cgroups = {
        "pmd.slice": ("1-4", "isolated"),
        "pmd.slice/guest.slice": ("4", "root"),
        "load.slice": ("5", "root"),
        "bad.slice": ("6", "isolated invalid (Cpu list in cpuset.cpus not exclusive)"),
        "user.slice": ("", "member"),
    }
    root = Machine(threads=grid(1, 8), cgroups=cgroups).write(tmp_path)
    (root / "sys/fs/cgroup/pmd.slice/cpuset.cpus.effective").write_text("1-3\n", encoding="ascii")  # the child has CPU 4 for itself
    (root / "sys/fs/cgroup/cpuset.cpus.isolated").unlink()
    (root / "sys/fs/cgroup/system.slice/deep.service").mkdir(parents=True)
    cpus = host.read_cpus(root)
    assert cpus.isolated == {1, 2, 3}
    assert cpus.partitions == (
        host.Partition("/bad.slice", frozenset({6}), "isolated invalid (Cpu list in cpuset.cpus not exclusive)"),
        host.Partition("/load.slice", frozenset({5}), "root"),
        host.Partition("/pmd.slice", frozenset({1, 2, 3}), "isolated"),
        host.Partition("/pmd.slice/guest.slice", frozenset({4}), "root"),
    )
    assert [partition.valid for partition in cpus.partitions] == [False, True, True, True]


def test_remote_partition_is_found_below_cgroups_that_are_none(tmp_path: pathlib.Path) -> None:
    cgroups = {"system.slice": ("", "member"), "system.slice/ovs.service": ("", "isolated")}
    root = Machine(threads=grid(1, 8), cgroups=cgroups).write(tmp_path)
    service = root / "sys/fs/cgroup/system.slice/ovs.service"
    (service / "cpuset.cpus.exclusive").write_text("3\n", encoding="ascii")
    (service / "cpuset.cpus.effective").write_text("3\n", encoding="ascii")
    assert host.read_partitions(root) == (host.Partition("/system.slice/ovs.service", frozenset({3}), "isolated"),)


def test_kernel_without_numa_has_everything_on_node_0(tmp_path: pathlib.Path) -> None:
    root = Machine(numa=False, memory={0: Memory(pages={2 * MIB: Pages(8, 5, reserved=1)})}).write(tmp_path)
    assert host.read_cpus(root).nodes == (0,)
    node = host.read_memory(root).nodes[0]
    assert (node.memory_total, node.distances) == (64 * GIB, {0: 10})
    assert node.cpus == {0, 1}
    assert node.pools[2 * MIB].in_use == 4
    assert node.pools[2 * MIB].folder == root / "sys/kernel/mm/hugepages/hugepages-2048kB"


def test_448_cpus_are_read(tmp_path: pathlib.Path) -> None:
    root = Machine(threads=grid(2, 112, 2), memory={0: Memory(), 1: Memory()}).write(tmp_path)
    cpus = host.read_cpus(root)
    host.read_memory(root)
    assert len(cpus.cpus) == 448


def test_nodes_without_memory_or_cpus(tmp_path: pathlib.Path) -> None:
    machine = Machine(threads=grid(2, 2), memory={0: Memory(pages={GIB: Pages(4, 3)}), 2: Memory(GIB, GIB)})
    memory = host.read_memory(machine.write(tmp_path))
    assert [(node.id, bool(node.cpus), node.memory_total // GIB) for node in memory.nodes.values()] == [(0, True, 64), (1, True, 0), (2, False, 1)]
    assert memory.nodes[1].distances == {0: 21, 1: 10, 2: 21}
    assert memory.nodes[0].pools[GIB].total == memory.hugepages[GIB].total == 4


def test_reserved_pages_are_known_per_node_only_where_one_node_has_memory(tmp_path: pathlib.Path) -> None:
    pages = {2 * MIB: Pages(10, 10, reserved=3)}
    one = host.read_memory(Machine(threads=grid(2, 1), memory={0: Memory(pages=pages)}).write(tmp_path / "one"))
    two = host.read_memory(Machine(threads=grid(2, 1), memory={0: Memory(pages=pages), 1: Memory()}).write(tmp_path / "two"))
    assert one.nodes[0].pools[2 * MIB].reserved == 3
    assert two.nodes[0].pools[2 * MIB].reserved is None
    assert two.hugepages[2 * MIB].reserved == 3


def test_only_node_with_memory_has_the_memory_of_the_machine(tmp_path: pathlib.Path) -> None:
    root = Machine().write(tmp_path)
    (root / "sys/devices/system/node/node0/meminfo").write_text("Node 0 MemTotal:  4096 kB\nNode 0 MemFree:  1 kB\n", encoding="ascii")
    assert host.read_memory(root).nodes[0].memory_total == 64 * GIB


def test_hugepage_mounts_with_size_default_and_blank(tmp_path: pathlib.Path) -> None:
    mounts = (
        "proc /proc proc rw 0 0\nhugetlbfs /dev/hugepages hugetlbfs rw,relatime 0 0\n"
        "none /mnt/huge\\0401G hugetlbfs rw,pagesize=1024M 0 0\nnone /odd hugetlbfs rw,pagesize=x 0 0"
    )
    root = Machine(mounts=mounts).write(tmp_path)
    assert host.read_hugepage_mounts(root, 2 * MIB) == (
        host.HugepageMount("/dev/hugepages", 2 * MIB, ("rw", "relatime")),
        host.HugepageMount("/mnt/huge 1G", GIB, ("rw", "pagesize=1024M")),
        host.HugepageMount("/odd", None, ("rw", "pagesize=x")),
    )


def test_nics_with_and_without_kernel_driver_and_the_way_out(tmp_path: pathlib.Path) -> None:
    machine = Machine(
        cards=(
            Card("ens1f0", "0000:05:00.0", "ixgbe", node=1, mac="02:00:00:00:00:10", speed=10000, iommu_group=7),
            Card(None, "0000:05:00.1", "vfio-pci", node=1, iommu_group=8),
            Card("eth0", "0000:00:03.0", "virtio-pci", virtio=True),
            Card("wan0"),
        ),
        lower={"bond0": ("ens1f0",), "bond0.5": ("bond0",)},
        default_routes=("bond0.5",),
    )
    root = machine.write(tmp_path)
    (root / "sys/class/net/lo").mkdir()
    assert host.read_nics(root) == (
        host.Nic("eth0", "0000:00:03.0", "virtio-pci", None, "02:00:00:00:00:01", None, None, default_route=False),
        host.Nic("ens1f0", "0000:05:00.0", "ixgbe", 1, "02:00:00:00:00:10", 10000, 7, default_route=True),
        host.Nic(None, "0000:05:00.1", "vfio-pci", 1, None, None, 8, default_route=False),
        host.Nic("wan0", None, None, None, "02:00:00:00:00:01", None, None, default_route=False),
    )
    assert host.read_iommu(root) == host.Iommu(enabled=True, groups={7: ("0000:05:00.0",), 8: ("0000:05:00.1",)})


def test_slots_by_the_card_the_bridge_above_and_the_hotplug_driver(tmp_path: pathlib.Path) -> None:
    machine = Machine(
        cards=(
            Card("onboard", "0000:00:1f.6"),
            Card("first", "0000:05:00.0", slot="Slot 5"),
            Card("second", "0000:05:00.1"),
            Card("behind", "0000:07:00.0", above="0000:00:1c.4"),
            Card("beside", "0000:08:00.0", above="0000:00:1c.5"),
            Card("hot", "0000:09:00.0"),
            Card("bus", "0000:0a:00.0"),
            Card("vf", "0000:05:10.2", physical="0000:05:00.0"),
        ),
        slots={"9": "0000:09:00", "10": "0000:0a", "empty": "0000:0b:00"},
    )
    root = machine.write(tmp_path)
    table = root / "sys/firmware/dmi/tables/DMI"
    old = dmi_slot("old", "0000:00:1f.6", length=0x0D)
    nowhere = dmi_slot("nowhere", "ffff:ff:1f.7")
    table.write_bytes(DMI_BOARD + old + nowhere + table.read_bytes()[len(DMI_BOARD) : -6] + dmi_slot("Slot 7", "0000:00:1c.4"))
    slots = {nic.name: nic.slot for nic in host.read_nics(root)}
    assert slots == {
        "onboard": None,
        "first": "Slot 5",
        "second": "Slot 5",
        "behind": "Slot 7",
        "beside": None,
        "hot": "9",
        "bus": "10",
        "vf": "Slot 5",
    }


def test_slots_of_a_host_that_shows_dmi_by_entries(tmp_path: pathlib.Path) -> None:
    cards = (Card("a", "0000:05:00.0", slot="Slot 5"), Card("b", "0001:81:02.3", slot="Slot 6"))
    root = Machine(cards=cards, dmi_entries=True).write(tmp_path)
    assert [nic.slot for nic in host.read_nics(root)] == ["Slot 5", "Slot 6"]


def test_table_of_dmi_that_ends_early_gives_the_slots_before(tmp_path: pathlib.Path) -> None:
    root = Machine(cards=(Card("a", "0000:05:00.0", slot="Slot 5"), Card("b", "0000:06:00.0", slot="Slot 6"))).write(tmp_path)
    table = root / "sys/firmware/dmi/tables/DMI"
    table.write_bytes(table.read_bytes()[:-9])
    assert [nic.slot for nic in host.read_nics(root)] == ["Slot 5", None]


def test_link_now_and_at_best_and_unknown(tmp_path: pathlib.Path) -> None:
    cards = (
        Card("slow", "0000:05:00.0", link=("2.5 GT/s PCIe", 4, "16.0 GT/s PCIe", 16)),
        Card("down", "0000:06:00.0", link=("Unknown", 0, "8.0 GT/s PCIe", 255)),
        Card("old", "0000:07:00.0"),
    )
    links = [nic.link for nic in host.read_nics(Machine(cards=cards).write(tmp_path))]
    assert links == [host.Link(2.5, 4, 16.0, 16), host.Link(None, None, 8.0, None), host.Link()]


def test_virtual_functions_and_numbers_of_the_model(tmp_path: pathlib.Path) -> None:
    cards = (Card("pf", "0000:05:00.0", vendor="8086", device="10fb"), Card(None, "0000:05:10.0", "vfio-pci", physical="0000:05:00.0"))
    nics = host.read_nics(Machine(cards=cards).write(tmp_path))
    assert [(nic.virtual_function, nic.vendor_id, nic.device_id) for nic in nics] == [(False, "8086", "10fb"), (True, None, None)]


def test_nic_that_dpdk_has_keeps_its_former_name(tmp_path: pathlib.Path) -> None:
    record = {"0000:05:00.0": {"driver": "ixgbe", "name": "ens1f0", "mac": "02:00:00:00:00:10"}, "0000:06:00.0": {"driver": "ixgbe"}}
    root = Machine(cards=(Card(None, "0000:05:00.0", "vfio-pci"), Card("ens9", "0000:09:00.0")), record=record).write(tmp_path)
    assert [nic.former for nic in host.read_nics(root)] == [host.Former("ens1f0", "02:00:00:00:00:10", "ixgbe"), None]
    assert host.read_former(root)["0000:06:00.0"] == host.Former(None, None, "ixgbe")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"0000:05:00.0": "ixgbe"}'])
def test_record_that_is_damaged_tells_nothing(tmp_path: pathlib.Path, text: str) -> None:
    root = Machine(record={"0000:05:00.0": {}}).write(tmp_path)
    (root / host.DEVICE_RECORD).write_text(text, encoding="ascii")
    assert host.read_former(root) == {}


def test_unsafe_modes_of_vfio(tmp_path: pathlib.Path) -> None:
    assert host.read_iommu(Machine().write(tmp_path / "none")) == host.Iommu(enabled=False, groups={})
    root = Machine(noiommu=True, unsafe_interrupts=False).write(tmp_path / "no")
    assert host.read_iommu(root) == host.Iommu(enabled=False, groups={}, noiommu=True, unsafe_interrupts=False)
    assert host.read_iommu(Machine(unsafe_interrupts=True).write(tmp_path / "irq")).unsafe_interrupts


def test_default_route_of_ipv6_alone_counts_and_the_rejecting_one_of_lo_does_not(tmp_path: pathlib.Path) -> None:
    root = Machine(cards=(Card("eth0", "0000:00:03.0"), Card("eth1", "0000:00:04.0"))).write(tmp_path)
    zero = "0" * 32
    lines = [f"{zero} 00 {zero} 00 {'1' * 32} 00000400 00000001 00000000 00000003     eth1"]
    lines += [f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo"]
    (root / "proc/net/ipv6_route").write_text("\n".join(lines), encoding="ascii")
    assert [nic.default_route for nic in host.read_nics(root)] == [False, True]


def test_governors_and_idle_states(tmp_path: pathlib.Path) -> None:
    root = Machine(threads=grid(1, 4), governors={"performance": "0-2", "powersave": "3"}, idle_states={"POLL": "", "C1": "", "C6": "1-2"}).write(tmp_path)
    power = host.read_power(root, host.read_cpus(root).online)
    assert power.governors == {"performance": {0, 1, 2}, "powersave": {3}}
    assert power.idle_driver == "intel_idle"
    assert power.idle_states == tuple(host.IdleState(name, frozenset(cpus)) for name, cpus in (("POLL", ()), ("C1", ()), ("C6", (1, 2))))


def test_board_and_kernel(tmp_path: pathlib.Path) -> None:
    root = Machine(command_line="quiet isolcpus=1-19", board=("Intel Corporation", "S2600WT2")).write(tmp_path)
    assert host.read_board(root) == host.Board("Intel Corporation", "S2600WT2")
    assert host.read_kernel(root) == host.Kernel("6.12.0-test", "quiet isolcpus=1-19")


READERS: list[t.Callable[[pathlib.Path], t.Any]] = [
    host.read_cpus,
    host.read_memory,
    host.read_nics,
    host.read_iommu,
    host.read_former,
    host.read_partitions,
    host.read_board,
    host.read_kernel,
    lambda root: host.read_power(root, frozenset({0})),
    lambda root: host.read_hugepage_mounts(root, None),
]


@pytest.mark.parametrize("reader", READERS)
def test_folder_that_has_nothing_is_no_error(tmp_path: pathlib.Path, reader: t.Callable[[pathlib.Path], t.Any]) -> None:
    reader(tmp_path)


@pytest.mark.parametrize("reader", READERS)
def test_damaged_files_are_no_error(tmp_path: pathlib.Path, reader: t.Callable[[pathlib.Path], t.Any]) -> None:
    cards = (Card("ens1f0", "0000:05:00.0", "ixgbe", iommu_group=7, vendor="8086", slot="Slot 1", link=("Unknown", 0, "Unknown", 255)),)
    machine = Machine(
        threads=grid(1, 2, 2),
        cards=cards,
        governors={"performance": "0"},
        idle_states={"C1": ""},
        cgroups={"pmd.slice": ("1", "isolated")},
        slots={"1": "0000:05:00"},
        noiommu=True,
        record={"0000:05:00.0": {}},
    )
    root = machine.write(tmp_path)
    for path in list(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(b"\xff 3-1,x\n")
    reader(root)


def test_machine_that_runs_the_tests_is_read_without_gaps() -> None:
    cpus, memory = host.read_cpus(), host.read_memory()
    assert cpus.online
    assert set(cpus.cpus) == cpus.present
    assert all(cpu.id in cpu.siblings for cpu in cpus.cpus.values())
    assert memory.total > 0
    assert set(cpus.nodes) <= set(memory.nodes)
