# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of the switch against the examples of Open vSwitch, and the budget of a node."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import plan_memory
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan import make_plan
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.plan_hosts import build, nic

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.plan_hosts import Facts

MIB = 2**20
CORES = {node: [[10 * node + core] for core in range(8)] for node in (0, 1)}


def host(**more: t.Any) -> Facts:
    return build(CORES, nics=[nic(0, 0), nic(1, 1)], **more)


def intent(**more: t.Any) -> dict[str, t.Any]:
    return {"nics": [{"device": "ens0"}], **more}


@pytest.mark.parametrize(("mtu", "size", "megabytes"), [(1500, 3008, 788), (1800, 3008, 788), (6000, 7104, 1862), (9000, 10176, 2667)])
def test_mbufs_are_as_large_as_the_examples_of_open_vswitch_say(mtu: int, size: int, megabytes: int) -> None:
    """Documentation/topics/dpdk/memory.rst, shared memory calculations 1 to 4."""
    assert plan_memory.mbuf_size(mtu) == size
    assert plan_memory.mbufs(mtu) * size // 10**6 == megabytes


@pytest.mark.parametrize(("mtu", "buffer"), [(68, 1152), (998, 1152), (999, 2176), (1500, 2176), (2022, 2176), (2023, 3200), (9702, 10368)])
def test_buffers_grow_by_1024_where_a_frame_with_two_tags_does_not_fit(mtu: int, buffer: int) -> None:
    assert plan_memory.buffer_size(mtu) == buffer


def test_the_number_of_mbufs_goes_by_the_mtu_that_fits_the_buffer() -> None:
    assert [plan_memory.mbufs(mtu) for mtu in (68, 998, 999, 1500)] == [16384, 16384, 262144, 262144]


def test_ports_whose_buffers_are_of_one_size_share_a_pool() -> None:
    assert plan_memory.switch_bytes([1500]) == plan_memory.switch_bytes([1500, 1800]) < plan_memory.switch_bytes([1500, 9000])
    assert plan_memory.switch_bytes([]) == 0


def test_memory_is_on_the_node_of_the_port_in_whole_pages() -> None:
    plan = make_plan(host(), {"nics": [{"device": "ens0"}, {"device": "ens1", "mtu": 9000}]})
    assert plan["socket_mem"] == {"0": 1024, "1": 3072}
    assert plan["hugepages"] == [{"size": "1G", "nodes": {"0": 1, "1": 3}}]


def test_small_pages_waste_less() -> None:
    plan = make_plan(host(), intent(hugepage_size="2M"))
    assert plan["socket_mem"] == {"0": 912}
    assert plan["hugepages"] == [{"size": "2M", "nodes": {"0": 456}}]


def test_pages_are_for_the_switch_and_the_guests_of_the_node() -> None:
    guests = [{"name": "vm0", "vcpus": 2, "memory": "4G", "node": 0, "ports": ["vhost-user0"]}, {"name": "vm1", "vcpus": 1, "memory": "1536M", "node": 0}]
    plan = make_plan(host(), intent(guests=guests))
    assert plan["hugepages"] == [{"size": "1G", "nodes": {"0": 1 + 4 + 2}}]
    assert [(guest["memory_bytes"], guest["pages"], guest["hugepage_size"]) for guest in plan["guests"]] == [(4 * 2**30, 4, "1G"), (1536 * MIB, 2, "1G")]


def test_a_vhost_port_takes_memory_from_the_node_of_its_guest() -> None:
    guest = {"name": "vm0", "vcpus": 2, "memory": "1G", "node": 1, "ports": ["vhost-user0"]}
    plan = make_plan(host(), intent(guests=[guest], vhost_ports=[{"name": "vhost-user0", "mtu": 9000}]))
    assert plan["socket_mem"] == {"0": 1024, "1": 3072}
    assert plan["warnings"] == ["guest vm0 is on node 1, which has no PMD thread: its ports are polled from node 0"]


def test_a_vhost_port_without_a_guest_has_memory_wherever_there_are_pmd_threads() -> None:
    plan = make_plan(host(), {"nics": [{"device": "ens0"}, {"device": "ens1"}], "vhost_ports": [{"name": "spare", "mtu": 9000}]})
    assert plan["socket_mem"] == {"0": 4096, "1": 4096}


def test_socket_mem_can_be_given_and_what_it_lacks_is_a_warning() -> None:
    plan = make_plan(host(), intent(socket_mem={"0": 512, "1": 1500}))
    assert plan["socket_mem"] == {"0": 512, "1": 1500}
    assert plan["hugepages"] == [{"size": "1G", "nodes": {"0": 1, "1": 2}}]
    assert [warning for warning in plan["warnings"] if "node 0: socket_mem is 512 MiB, ports with MTU 1500 need 1024 MiB" in warning]


@pytest.mark.parametrize(("sizes", "chosen"), [(("2M", "1G"), "1G"), (("64kB", "2M", "32M"), "2M"), (("512M",), "512M"), (("2M", "1G", "16G"), "1G")])
def test_the_size_of_pages_is_1g_then_2m_then_the_default_of_the_kernel(sizes: tuple[str, ...], chosen: str) -> None:
    plan = make_plan(host(sizes=sizes), intent())
    assert plan["hugepages"][0]["size"] == plan["kernel_args"]["default_hugepagesz"] == chosen


@pytest.mark.parametrize(("sizes", "wanted"), [((), None), (("2M",), "1G"), (("2M", "1G"), "4M")])
def test_a_size_that_the_kernel_lacks_is_refused_with_those_it_has(sizes: tuple[str, ...], wanted: str | None) -> None:
    with pytest.raises(InputError, match=f"host: hugepage_size.*{', '.join(sizes) or 'none'}"):
        make_plan(host(sizes=sizes), intent(**({"hugepage_size": wanted} if wanted else {})))


def test_a_shortage_names_the_node_and_how_much() -> None:
    guest = {"name": "vm0", "vcpus": 2, "memory": "4G", "node": 0}
    with pytest.raises(InputError) as error:
        make_plan(host(memory={0: 5, 1: 64}), intent(guests=[guest]))
    assert str(error.value) == (
        "memory of NUMA node 0: hugepages={0: 5} is not possible. 1 GiB are missing on node 0: 5 pages of 1G (switch 1 GiB, guests 4 GiB) are needed, "
        "it has 5 GiB, of which 1 GiB are kept for the host. "
        "Give guests less memory or another node, lower the MTU, memory_for_host or socket_mem, or add memory."
    )


def test_every_node_that_is_short_is_named() -> None:
    with pytest.raises(InputError, match=r"NUMA node 0, 1: .* 0.1 GiB are missing on node 0: .* 1 GiB are missing on node 1: "):
        make_plan(host(memory={0: 4, 1: 3}), {"nics": [{"device": "ens0"}, {"device": "ens1", "mtu": 9000}], "memory_for_host": {0: "3100M", 1: "1G"}})


def test_what_a_guest_finds_no_memory_for_is_on_another_node() -> None:
    nics = [{"device": "ens0"}, {"device": "ens1"}]
    plan = make_plan(host(memory={0: 6, 1: 64}), {"nics": nics, "guests": [{"name": "vm0", "vcpus": 1, "memory": "8G", "ports": ["v0"]}]})
    assert plan["guests"][0]["node"] == 1


@pytest.mark.parametrize(("memory", "pages", "fits"), [(64, 60, True), (64, 61, False), (8, 7, True), (8, 8, False), (20, 18, True), (20, 19, False)])
def test_a_tenth_of_a_node_but_1_to_4_gib_stays_with_the_host(memory: int, pages: int, fits: bool) -> None:
    wanted = intent(guests=[{"name": "vm0", "vcpus": 1, "memory": f"{pages - 1}G", "node": 0}])
    if fits:
        assert make_plan(host(memory={0: memory}), wanted)["hugepages"][0]["nodes"] == {"0": pages}
    else:
        with pytest.raises(InputError, match="missing on node 0"):
            make_plan(host(memory={0: memory}), wanted)


def test_a_nic_on_a_node_without_memory_is_refused_as_dpdk_takes_none_from_elsewhere() -> None:
    with pytest.raises(InputError, match=r"memory of NUMA node 1: .*1 GiB are missing on node 1"):
        make_plan(host(memory={0: 64, 1: 0}), {"nics": [{"device": "ens1"}]})


def test_socket_mem_of_a_node_without_cpus_is_refused_as_dpdk_does_not_start_with_it() -> None:
    with pytest.raises(InputError, match=r"NUMA node 2: socket_mem=.*nodes with CPUs: 0, 1"):
        make_plan(host(memory={0: 64, 1: 64, 2: 64}), intent(socket_mem={0: 1024, 2: 1024}))
