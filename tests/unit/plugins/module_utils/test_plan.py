# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of named machines: read from their /sys and /proc, or written down as facts."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan import make_plan
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.plan_hosts import applied, build, check, facts_of, nic
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import GIB, Card, Machine, Memory, Thread, grid

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.plan_hosts import Facts

    Read = Callable[..., Facts]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Return a function that gives the facts of a machine with NICs ens0, ens1 ... on *nodes*, and 64 GiB on each node with a thread."""
    known: dict[str, Facts] = {}

    def of(threads: tuple[Thread, ...], *nodes: int, **more: t.Any) -> Facts:
        cards = tuple(Card(f"ens{number}", f"0000:{number:02x}:00.0", "ixgbe", node, f"02:00:00:00:00:{number:02x}") for number, node in enumerate(nodes))
        memory = {thread.node: Memory() for thread in threads}
        machine = Machine(**{"threads": threads, "memory": memory, "cards": cards, **more})
        if repr(machine) not in known:  # hundreds of small files each
            known[repr(machine)] = facts_of(machine, tmp_path_factory.mktemp("host"))
        return copy.deepcopy(known[repr(machine)])

    return of


def planned(facts: Facts, **intent: t.Any) -> dict[str, t.Any]:
    """Return the plan for ens0, or the NICs in *intent*, with all that is true of every plan asserted."""
    intent.setdefault("nics", [{"device": "ens0"}])
    plan = make_plan(facts, intent)
    check(facts, intent, plan)
    assert make_plan(applied(facts, plan), intent) == plan
    return plan


NICS = [{"device": "ens0"}, {"device": "ens1"}]


# --- the guide's machine ---


def test_two_threads_of_one_core_of_the_guides_machine_are_200002_and_never_100002(read: Read) -> None:
    plan = planned(read(grid(2, 10, 2), 0))
    assert plan["pmd"] == {"cpus": "1,21", "mask": "0x200002", "nodes": {"0": "1,21"}}
    assert plan["host_cpus"] == "0,2-20,22-39"
    assert plan["isolated_cpus"] == "1,21"


def test_each_nic_is_polled_on_its_own_node(read: Read) -> None:
    plan = planned(read(grid(2, 10, 2), 0, 1), nics=NICS)
    assert plan["pmd"]["nodes"] == {"0": "1,21", "1": "11,31"}
    assert plan["rxq_affinity"] == {"dpdk0": {"0": 1}, "dpdk1": {"0": 11}}
    assert plan["devices"] == ["0000:00:00.0", "0000:01:00.0"]


@pytest.mark.parametrize(
    ("wanted", "nodes"),
    [
        ({}, {"0": "1,21"}),
        ({"pmd_cores": 2}, {"0": "1-2,21-22"}),
        ({"pmd_cores": "2"}, {"0": "1-2,21-22"}),
        ({"pmd_cores": {0: 2, 1: 1}}, {"0": "1-2,21-22", "1": "11,31"}),
        ({"pmd_cores": {"0": 1, "1": 0}}, {"0": "1,21"}),
        ({"pmd_cores_per_nic": 2}, {"0": "1-2,21-22"}),
        ({"siblings": False}, {"0": "1"}),
        ({"siblings": False, "pmd_cores": 2}, {"0": "1-2"}),
        ({"host_cores": 2}, {"0": "2,22"}),
        ({"host_cores": {0: 3}}, {"0": "3,23"}),
        ({"host_cpus": "0-2"}, {"0": "3,23"}),
        ({"host_cpus": "5"}, {"0": "0,20"}),
    ],
)
def test_pmd_cores_follow_the_cores_of_the_host(read: Read, wanted: dict[str, t.Any], nodes: dict[str, str]) -> None:
    assert planned(read(grid(2, 10, 2), 0), **wanted)["pmd"]["nodes"] == nodes


def test_two_nics_of_a_node_count_twice_with_cores_per_nic(read: Read) -> None:
    plan = planned(read(grid(2, 10, 2), 0, 0, 1), nics=[*NICS, {"device": "ens2"}], pmd_cores_per_nic=1)
    assert plan["pmd"]["nodes"] == {"0": "1-2,21-22", "1": "11,31"}


def test_a_sibling_that_idles_is_isolated_with_its_core(read: Read) -> None:
    plan = planned(read(grid(2, 10, 2), 0), siblings=False)
    assert (plan["pmd"]["mask"], plan["isolated_cpus"]) == ("0x2", "1,21")


def test_cpu_0_among_the_isolated_cpus_is_a_warning(read: Read) -> None:
    assert "CPU 0 is isolated" in planned(read(grid(2, 10, 2), 0), host_cpus="5")["warnings"][0]


# --- rx queues ---


def test_queues_go_to_all_cores_before_a_sibling_and_round_from_port_to_port(read: Read) -> None:
    facts = read(grid(2, 10, 2), 0, 0)
    plan = planned(facts, nics=[{"device": "ens0", "rx_queues": 3}, {"device": "ens1", "rx_queues": 2}], pmd_cores=2)
    assert plan["rxq_affinity"] == {"dpdk0": {"0": 1, "1": 2, "2": 21}, "dpdk1": {"0": 22, "1": 1}}
    assert plan["ports"][0] == {"name": "dpdk0", "devargs": "0000:00:00.0", "n_rxq": 3, "mtu": 1500, "rxq_affinity": {"0": 1, "1": 2, "2": 21}}


def test_half_of_the_threads_have_no_pinned_queue_where_guests_have_ports(read: Read) -> None:
    """A thread with a pinned queue polls no other queue (Documentation/topics/dpdk/pmd.rst)."""
    guest = {"name": "vm0", "vcpus": 2, "memory": "1G", "ports": ["vhost-user0"]}
    plan = planned(read(grid(2, 10, 2), 0), nics=[{"device": "ens0", "rx_queues": 3}], pmd_cores=2, guests=[guest])
    assert plan["rxq_affinity"] == {"dpdk0": {"0": 1, "1": 2, "2": 1}}


def test_no_queue_is_pinned_to_the_one_thread_that_polls_guests_too(read: Read) -> None:
    plan = planned(read(grid(1, 4), 0), vhost_ports=[{"name": "vhost-user0"}])
    assert plan["rxq_affinity"] == {}
    assert plan["ports"][0]["rxq_affinity"] == {}
    assert {"subject": "port dpdk0", "choice": "no rxq affinity", "reason": "node 0 has one PMD thread, which polls the ports of guests too"} in plan["reasons"]


def test_ports_of_guests_on_another_node_leave_the_threads_of_this_node_alone(read: Read) -> None:
    guest = {"name": "vm0", "vcpus": 2, "memory": "1G", "node": 1, "ports": ["vhost-user0"]}
    plan = planned(read(grid(2, 10, 2), 0, 1), nics=[{"device": "ens0", "rx_queues": 2}, {"device": "ens1"}], guests=[guest])
    assert plan["rxq_affinity"] == {"dpdk0": {"0": 1, "1": 21}, "dpdk1": {"0": 11}}


def test_queues_are_left_to_the_switch_where_the_user_wants_it(read: Read) -> None:
    assert planned(read(grid(2, 10, 2), 0), rxq_affinity=False)["rxq_affinity"] == {}


# --- guests ---


def test_guests_get_whole_cores_beside_the_pmd_threads_of_their_node(read: Read) -> None:
    guests = [{"name": "vm0", "vcpus": 4, "memory": "4G", "ports": ["vhost-user0"]}, {"name": "vm1", "vcpus": 3, "memory": "2G", "ports": ["vhost-user1"]}]
    plan = planned(read(grid(2, 10, 2), 0), guests=guests)
    assert [guest["vcpus"] for guest in plan["guests"]] == [{"0": 2, "1": 22, "2": 3, "3": 23}, {"0": 4, "1": 24, "2": 5}]
    assert plan["isolated_cpus"] == "1-5,21-25"
    assert {guest["emulator"] for guest in plan["guests"]} == {"0,6-9,20,26-29"}


@pytest.mark.parametrize(("cores", "vcpus"), [("whole", [[2, 22, 3], [4, 24]]), ("single", [[2, 3, 4], [5, 6]]), ("threads", [[2, 22, 3], [23, 4]])])
def test_cores_of_guests_are_whole_or_with_one_vcpu_or_shared(read: Read, cores: str, vcpus: list[list[int]]) -> None:
    guests = [{"name": f"vm{number}", "vcpus": 3 - number, "memory": "1G", "cores": cores, "node": 0} for number in (0, 1)]
    plan = planned(read(grid(2, 10, 2), 0), guests=guests)
    assert [list(guest["vcpus"].values()) for guest in plan["guests"]] == vcpus


def test_a_guest_is_on_the_node_that_polls_the_nic_among_its_ports(read: Read) -> None:
    guest = {"name": "vm0", "vcpus": 2, "memory": "1G", "ports": ["vhost-user0", "dpdk1"]}
    assert planned(read(grid(2, 10, 2), 0, 1), nics=NICS, guests=[guest])["guests"][0]["node"] == 1


def test_guests_that_may_choose_spread_over_the_nodes_with_pmd_threads(read: Read) -> None:
    guests = [{"name": f"vm{number}", "vcpus": 2, "memory": "1G", "ports": [f"vhost-user{number}"]} for number in range(4)]
    plan = planned(read(grid(4, 6, 2), 1, 3), nics=NICS, guests=guests)
    assert [guest["node"] for guest in plan["guests"]] == [1, 3, 1, 3]


def test_who_has_to_be_on_a_node_gets_cores_before_who_may_choose(read: Read) -> None:
    guests = [{"name": "free", "vcpus": 4, "memory": "1G", "ports": ["v0"]}, {"name": "bound", "vcpus": 16, "memory": "1G", "node": 0, "ports": ["v1"]}]
    plan = planned(read(grid(2, 10, 2), 0, 1), nics=NICS, guests=guests)
    assert [(guest["name"], guest["node"]) for guest in plan["guests"]] == [("free", 1), ("bound", 0)]


def test_ports_of_guests_alone_have_pmd_threads_on_the_node_of_the_guest(read: Read) -> None:
    guest = {"name": "vm0", "vcpus": 2, "memory": "1G", "node": 1, "ports": ["vhost-user0"]}
    plan = planned(read(grid(2, 10, 2)), nics=[], guests=[guest])
    assert plan["pmd"]["nodes"] == {"1": "11,31"}
    assert plan["devices"] == plan["ports"] == []
    assert "iommu" not in plan["kernel_args"]


def test_a_guest_for_whom_no_node_has_room_is_refused_with_what_each_lacks(read: Read) -> None:
    guest = {"name": "vm0", "vcpus": 19, "memory": "1G", "ports": ["v0"]}
    with pytest.raises(InputError) as error:
        planned(read(grid(2, 10, 2), 0, 1), nics=NICS, guests=[guest])
    assert str(error.value) == (
        "guest vm0: vcpus=19 is not possible. No node with PMD threads has room. "
        "Node 0: 2 of 10 cores missing: 8 cores are left (CPUs 2-9,22-29) on node 0, of 10; the host keeps CPUs 0,20. "
        "Node 1: 2 of 10 cores missing: 8 cores are left (CPUs 12-19,32-39) on node 1, of 10; the host keeps CPUs 10,30. "
        "Ask for less, give the PMD threads or the host fewer cores, or choose another node with node."
    )


def test_a_guest_that_is_too_large_for_the_node_it_has_to_be_on_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"guest vm0 on NUMA node 0: vcpus=18 .* 1 of 9 cores missing"):
        planned(read(grid(2, 10, 2), 0), guests=[{"name": "vm0", "vcpus": 18, "memory": "1G", "node": 0}])


# --- other machines ---


def test_cluster_on_die_is_a_node_of_its_own(read: Read) -> None:
    """Guide 3.6: a socket of two clusters is two NUMA nodes, and a PMD thread on the other one is on the wrong node."""
    plan = planned(read(grid(2, 12, 2, nodes_per_socket=2), 1), pmd_cores=2)
    assert plan["pmd"]["nodes"] == {"1": "7-8,31-32"}


def test_four_sockets_with_nics_on_the_second_and_the_last(read: Read) -> None:
    plan = planned(read(grid(4, 6, 2), 1, 3), nics=NICS)
    assert plan["pmd"]["nodes"] == {"1": "7,31", "3": "19,43"}
    assert plan["socket_mem"] == {"1": 1024, "3": 1024}


def test_sub_numa_clusters(read: Read) -> None:
    plan = planned(read(grid(2, 16, 2, nodes_per_socket=4), 0, 7), nics=NICS)
    assert plan["pmd"]["nodes"] == {"0": "1,33", "7": "29,61"}


def test_amd_with_eight_nodes_of_four_cores(read: Read) -> None:
    guests = [{"name": "vm0", "vcpus": 4, "memory": "2G", "ports": ["v0"]}]
    plan = planned(read(grid(2, 32, 2, nodes_per_socket=8), 5), guests=guests)
    assert plan["pmd"]["nodes"] == {"5": "21,85"}
    assert plan["guests"][0]["vcpus"] == {"0": 22, "1": 86, "2": 23, "3": 87}


def test_one_cpu_is_refused_as_the_host_needs_it(read: Read) -> None:
    with pytest.raises(InputError, match=r"host: cpus.online='0' is not possible. CPU 0 is the one that is online; the host needs it"):
        planned(read(grid(1, 1), 0))


def test_one_core_with_two_threads_is_refused_with_the_node(read: Read) -> None:
    with pytest.raises(InputError, match=r"PMD threads on NUMA node 0: pmd_cores=1 .* no core is left on node 0, of 1; the host keeps CPUs 0-1"):
        planned(read(grid(1, 1, 2), 0))


def test_all_cpus_are_refused_even_where_the_user_keeps_none_for_the_host(read: Read) -> None:
    with pytest.raises(InputError, match=r"host: host_cores=0 is not possible. These are all CPUs that are online: 0-1"):
        planned(read(grid(1, 2), 0), host_cores=0, pmd_cores=2)


def test_cpu_0_is_offline(read: Read) -> None:
    """Its sibling is then a core of one thread, with the lowest CPU of the node or not."""
    plan = planned(read(grid(2, 10, 2), 0, offline="0"))
    assert plan["pmd"]["nodes"] == {"0": "2,22"}
    assert plan["host_cpus"] == "1,3-21,23-39"


def test_a_core_with_an_offline_sibling_has_one_pmd_thread(read: Read) -> None:
    plan = planned(read(grid(2, 10, 2), 0, offline="21,30-39"), pmd_cores=2)
    assert plan["pmd"]["nodes"] == {"0": "1-2,22"}
    assert plan["host_cpus"] == "0,3-20,23-29"


@pytest.mark.parametrize("known", [{"offline": "1,7"}, {"online": "0,2-6"}])
def test_a_cpu_that_is_not_online_is_never_used_whatever_the_cores_say(known: dict[str, str]) -> None:
    facts = build({0: [[0, 4], [1, 5], [2, 6], [3, 7]]}, nics=[nic(0, 0)])
    facts["cpus"].update({"online": None, "offline": None, **known})
    plan = make_plan(facts, {"nics": [{"device": "ens0"}], "pmd_cores": 3})
    assert plan["pmd"]["cpus"] == "2-3,5-6"
    assert plan["host_cpus"] == "0,4"


def test_448_cpus_on_eight_nodes_with_nics_on_two(read: Read) -> None:
    facts = read(grid(8, 28, 2), 0, 7)
    intent = {"nics": NICS, "pmd_cores": 4, "guests": [{"name": f"vm{number}", "vcpus": 8, "memory": "2G", "ports": [f"v{number}"]} for number in range(8)]}
    plan = make_plan(facts, intent)
    check(facts, intent, plan)
    assert plan["pmd"]["nodes"] == {"0": "1-4,225-228", "7": "197-200,421-424"}
    assert int(plan["pmd"]["mask"], 16).bit_length() == 425


def test_a_node_without_memory_gets_no_guest(read: Read) -> None:
    facts = read(grid(2, 10, 2), 0, memory={0: Memory(), 1: Memory(0, 0)})
    plan = planned(facts, pmd_cores={0: 1, 1: 1}, guests=[{"name": "vm0", "vcpus": 2, "memory": "1G", "ports": ["v0"]}])
    assert plan["guests"][0]["node"] == 0
    with pytest.raises(InputError, match=r"missing on node 1"):
        planned(facts, guests=[{"name": "vm0", "vcpus": 2, "memory": "1G", "node": 1}])


def test_a_node_without_cpus_has_no_part_in_the_plan(read: Read) -> None:
    plan = planned(read(grid(1, 4, 2), 0, memory={0: Memory(), 2: Memory(256 * GIB)}))
    assert plan["hugepages"] == [{"size": "1G", "nodes": {"0": 1}}]


def test_a_nic_on_a_node_without_cpus_is_refused_as_dpdk_has_no_memory_there(read: Read) -> None:
    facts = read(grid(1, 4, 2), 2, memory={0: Memory(), 2: Memory()})
    with pytest.raises(InputError, match=r"port dpdk0: .* on NUMA node 2, which has no CPU online.* nodes with CPUs are 0\."):
        planned(facts)


def test_a_nic_without_a_node_is_on_the_one_node_there_is_without_a_warning(read: Read) -> None:
    plan = planned(read(grid(1, 4, 2), -1))
    assert plan["pmd"]["nodes"] == {"0": "1,5"}
    assert plan["warnings"] == []
    assert [reason["reason"] for reason in plan["reasons"] if "firmware" in reason["reason"]]


def test_a_nic_without_a_node_is_on_node_0_of_several_as_open_vswitch_has_it(read: Read) -> None:
    plan = planned(read(grid(2, 10, 2), -1, 1), nics=NICS)
    assert plan["pmd"]["nodes"] == {"0": "1,21", "1": "11,31"}
    assert plan["warnings"] == [
        "port dpdk0: the firmware tells no NUMA node for NIC 0000:00:00.0; it is planned on node 0, where Open vSwitch then takes its memory from"
    ]


def test_a_nic_without_a_node_where_node_0_has_no_cpus() -> None:
    plan = planned(build({3: [[0], [1], [2]], 4: [[3], [4]]}, memory={0: 64}, nics=[nic(0, None)]))
    assert plan["pmd"]["nodes"] == {"3": "1"}
    assert "takes the memory for such a NIC from node 0, which has no CPU online" in plan["warnings"][0]


def test_sparse_nodes_and_cpus() -> None:
    cores = {8: [[160 + 8 * core + thread for thread in range(4)] for core in range(3)], 0: [[8 * core + thread for thread in range(4)] for core in range(3)]}
    plan = planned(build(cores, nics=[nic(0, 8)]))
    assert plan["pmd"]["nodes"] == {"8": "168-171"}
    assert plan["socket_mem"] == {"8": 1024}


def test_cores_with_unequal_threads_are_told_of_and_not_guessed_at() -> None:
    hybrid = build({0: [[0, 1], [2, 3], [4], [5], [6]]}, nics=[nic(0, 0)])
    plan = planned(hybrid, pmd_cores=2)
    assert plan["pmd"]["cpus"] == "2-4"
    assert plan["warnings"] == ["node 0: its cores do not have the same number of threads; the facts do not tell which ones are faster"]


def test_pmd_threads_of_another_node_poll_a_nic_that_has_none_of_its_own_and_the_nearest_are_taken() -> None:
    cores = {node: [[10 * node], [10 * node + 1]] for node in range(3)}
    facts = build(cores, nics=[nic(0, 2)], distances={2: {0: 40, 1: 15}})
    plan = planned(facts, pmd_cores={0: 1, 1: 1})
    assert plan["rxq_affinity"] == {"dpdk0": {"0": 11}}
    assert plan["warnings"] == ["port dpdk0 is on node 2, where no PMD core is asked for: node 1 polls it, which is slower"]
    assert plan["socket_mem"] == {"2": 1024}, "the memory of a port is on the node of its NIC, whoever polls it"


def test_cpus_whose_node_nobody_tells_stay_with_the_host() -> None:
    facts = build({0: [[0], [1], [2]], 1: [[3], [4]]}, nics=[nic(0, 0)])
    facts["cpus"]["cores"][2]["node"] = None
    plan = planned(facts)
    assert plan["host_cpus"] == "0,2-4"
    assert plan["reasons"][0]["choice"] == "CPUs 0,2-3"


def test_a_host_without_numa_is_one_node() -> None:
    facts = build({0: [[0], [1], [2]]}, nics=[nic(0, None)])
    facts["nodes"] = [{**facts["nodes"][0], "id": 0}]
    for core in facts["cpus"]["cores"]:
        core["node"] = None
    assert make_plan(facts, {"nics": [{"device": "ens0"}]})["pmd"]["nodes"] == {"0": "1"}


# --- boot arguments ---


def test_boot_arguments(read: Read) -> None:
    plan = planned(read(grid(2, 10, 2), 0, 1), nics=NICS)
    assert plan["kernel_args"] == {
        "default_hugepagesz": "1G",
        "hugepages": [{"size": "1G", "nodes": {"0": 1, "1": 1}}],
        "isolcpus": "1,11,21,31",
        "isolcpus_flags": ["managed_irq", "domain"],
        "nohz_full": "1,11,21,31",
        "rcu_nocbs": "1,11,21,31",
        "iommu": "passthrough",
    }


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"isolation": "partition"}, {"iommu"}),
        ({"isolation": "none", "iommu": False}, set()),
        ({"isolation": "partition", "nohz_full": True}, {"iommu", "nohz_full"}),
        ({"nohz_full": False, "rcu_nocbs": False, "iommu": False}, {"isolcpus", "isolcpus_flags"}),
    ],
)
def test_only_the_boot_arguments_that_are_wanted(read: Read, wanted: dict[str, t.Any], names: set[str]) -> None:
    plan = planned(read(grid(2, 10, 2), 0), **wanted)
    assert set(plan["kernel_args"]) - {"default_hugepagesz", "hugepages"} == names
    assert plan["isolated_cpus"] == "1,21"


def test_a_partition_has_a_cpu_of_the_host_for_the_other_threads_of_the_switch(read: Read) -> None:
    plan = planned(read(grid(2, 4, 2), 1), isolation="partition")
    assert plan["partition"] == {"cpus": plan["isolated_cpus"], "service_cpus": "15"}  # the last of node 1, where the NIC is
    assert planned(read(grid(2, 4, 2), 1))["partition"] == {}


def test_a_partition_wants_two_cpus_that_are_left(read: Read) -> None:
    with pytest.raises(InputError, match=r"isolation='partition' is not possible\. .* CPU 0 alone is left to the host"):
        make_plan(read(grid(1, 2), 0), {"nics": [{"device": "ens0"}], "isolation": "partition"})


BOTH = ["managed_irq", "domain"]


@pytest.mark.parametrize(("version", "flags"), [("6.1.0-18-amd64", BOTH), ("5.6.0", BOTH), ("5.4.0-1", ["domain"]), ("3.10.0-1160", []), (None, BOTH)])
def test_flags_of_isolcpus_that_the_kernel_does_not_know_would_make_it_overlook_the_argument(version: str | None, flags: list[str]) -> None:
    facts = build({0: [[0], [1]]}, nics=[nic(0, 0)])
    facts["kernel"]["version"] = version
    assert planned(facts)["kernel_args"]["isolcpus_flags"] == flags


# --- NICs ---


@pytest.mark.parametrize("device", ["ens0", "0000:00:00.0", "00:00.0", "02:00:00:00:00:00"])
def test_a_nic_goes_by_name_address_or_mac_before_and_after_dpdk_has_it(device: str) -> None:
    facts = build({0: [[0], [1]]}, nics=[nic(0, 0), nic(1, 0)])
    assert planned(facts, nics=[{"device": device}])["devices"] == ["0000:00:00.0"]


def test_a_nic_whose_driver_stays_with_the_kernel_is_a_port_and_not_bound() -> None:
    plan = planned(build({0: [[0], [1]]}, nics=[nic(0, 0, driver="mlx5_core")]))
    assert (plan["ports"][0]["devargs"], plan["devices"]) == ("0000:00:00.0", [])
    assert "iommu" not in plan["kernel_args"]


@pytest.mark.parametrize(
    ("nics", "message"),
    [
        ([{"device": "eth9"}], r"NIC eth9: .* no such NIC; it has: 0000:00:00.0 ens0, 0000:01:00.0 ens1, virt0"),
        ([{"device": "ens0"}, {"device": "0000:00:00.0"}], "NIC 0000:00:00.0: .* which is port dpdk0 already"),
        ([{"device": "02:00:00:00:00:01"}], r"Several NICs go by it: 0000:00:00.0, 0000:01:00.0"),
        ([{"device": "virt0"}], "NIC virt0: .* not on the PCI bus"),
    ],
)
def test_a_nic_that_cannot_be_a_port_is_refused(nics: list[dict[str, t.Any]], message: str) -> None:
    mac = "02:00:00:00:00:01"
    facts = build({0: [[0], [1]]}, nics=[nic(0, 0, mac=mac), nic(1, 0, mac=mac), {"name": "virt0", "pci": None, "node": 0}])
    with pytest.raises(InputError, match=message):
        planned(facts, nics=nics)


def test_the_bridge_of_a_nic_is_handed_on_to_its_port(read: Read) -> None:
    assert planned(read(grid(1, 4), 0), nics=[{"device": "ens0", "bridge": "br0"}])["ports"][0]["bridge"] == "br0"


def test_every_choice_has_a_reason(read: Read) -> None:
    guest = {"name": "vm0", "vcpus": 2, "memory": "1G", "ports": ["vhost-user0"]}
    subjects = [reason["subject"] for reason in planned(read(grid(2, 10, 2), 0), guests=[guest])["reasons"]]
    assert {"host", "PMD threads on node 0", "guest vm0", "port dpdk0", "switch on node 0", "hugepages on node 0", "boot"} == set(subjects)
