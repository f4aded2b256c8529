# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""process_memory: the memory of guests of all kinds, as captured on a host with one node and pages of 2 MiB."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.process_memory import guest_memory, parse_numa_maps, read_guest_memory

FIXTURES = pathlib.Path(__file__).parent / "fixtures/guest_memory"
MIB = 1 << 20
SHARED = "7f8b17e00000-7f8b27e00000 rw-s 00000000 00:6a 1 /dev/hugepages/a (deleted)\n7f8b37e00000-7f8b47e00000 rw-s 00000000 00:6a 2 /dev/hugepages/b\n"


def captured(name: str) -> tuple[str, str]:
    return (FIXTURES / f"{name}.maps").read_text("utf-8"), (FIXTURES / f"{name}.numa_maps").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "size", "private", "page_size"),
    [
        pytest.param("testpmd", 0, 0, 2 * MIB, id="testpmd, which maps each page of one file by itself"),
        pytest.param("qemu_shared_hugepages", 256 * MIB, 0, 2 * MIB, id="QEMU as the guide has it"),
        pytest.param("qemu_private_hugepages", 256 * MIB, 256 * MIB, 2 * MIB, id="QEMU on hugepages with share=off"),
        pytest.param("qemu_ram", 256 * MIB, 256 * MIB, 4096, id="QEMU without a file"),
    ],
)
def test_the_memory_of_a_guest_is_found_among_all_that_its_process_has(name: str, size: int, private: int, page_size: int) -> None:
    memory = guest_memory(*captured(name))
    assert memory is not None
    assert memory.size == size or not size
    assert (memory.private, memory.page_size, list(memory.nodes)) == (private, page_size, [0])


def test_a_guest_with_two_nodes_has_both_parts() -> None:
    numa_maps = (
        "7f8b17e00000 bind:0 file=/dev/hugepages/a huge dirty=128 N0=128 kernelpagesize_kB=2048\n"
        "7f8b37e00000 bind:1 file=/dev/hugepages/b huge dirty=128 N0=28 N1=100 kernelpagesize_kB=2048\n"
    )
    memory = guest_memory(SHARED, numa_maps)
    assert memory is not None
    assert (memory.size, memory.private, memory.nodes) == (512 * MIB, 0, {0: 312 * MIB, 1: 200 * MIB})


def test_one_private_part_is_seen_among_shared_ones() -> None:
    memory = guest_memory(SHARED.replace("rw-s 00000000 00:6a 2", "rw-p 00000000 00:6a 2"), "")
    assert memory is not None
    assert (memory.size, memory.private, memory.page_size, memory.nodes) == (512 * MIB, 256 * MIB, None, {})


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("7f64ec000000-7f752bfff000 rwxp 00000000 00:00 0 \n", id="code that TCG made"),
        pytest.param("7f64ec000000-7f752bfff000 ---p 00000000 00:00 0 \n", id="addresses that DPDK keeps free"),
        pytest.param("7f64ec000000-7f752bfff000 rw-s 00000000 00:0e 12 anon_inode:[vfio-device]\n", id="windows of a device"),
        pytest.param("7f64ec000000-7f752bfff000 rw-s 00000000 00:0e 12 /dev/vfio/12\n", id="windows of a group"),
        pytest.param("7f64ec000000-7f752bfff000 rw-p 00000000 00:00 0 [heap]\n", id="a heap"),
    ],
)
def test_what_is_larger_and_no_memory_of_the_guest_does_not_count(line: str) -> None:
    memory = guest_memory(SHARED + line, "")
    assert memory is not None
    assert memory.size == 512 * MIB


def test_a_process_that_waits_for_its_socket_has_no_memory_of_a_guest_yet() -> None:
    assert guest_memory("55d9ceecd000-55d9cfe7d000 rw-p 00000000 00:00 0\n7f6530752000-7f6530852000 rw-p 00000000 00:00 0\n", "") is None
    assert guest_memory("", "") is None


def test_lines_without_pages_are_passed_over() -> None:
    assert parse_numa_maps("140000000 local\n100000000 local anon=47 dirty=47 N0=47 kernelpagesize_kB=4\n").keys() == {0x100000000}


def test_a_process_that_has_ended_has_none(tmp_path: pathlib.Path) -> None:
    assert read_guest_memory(tmp_path, 7) is None
