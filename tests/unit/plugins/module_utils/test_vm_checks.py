# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether guests fit to each other and to the host."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import vm_checks
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.vm_examples import GIB, MIB, facts, options, port, ports, vm

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import HostFacts, Vm

PORTS = ports(*(port(number) for number in range(4)))


def pair(first: dict[str, t.Any] | None = None, second: dict[str, t.Any] | None = None, *, at: dict[str, t.Any] | None = None) -> list[Vm]:
    """Return two guests that fit, but for the changes."""
    one = options(**{"name": "vm1", "interfaces": [{"port": "vhost-user0"}, {"port": "vhost-user1"}], **(first or {})})
    two = options(**{"name": "vm2", "image": "/srv/vm2.qcow2", "cpus": "6,7", "interfaces": [{"port": "vhost-user2"}], **(second or {})})
    return [vm(given, at=at or PORTS) for given in (one, two)]


def refusal(vms: list[Vm], host: HostFacts | None = None) -> str:
    with pytest.raises(InputError) as error:
        vm_checks.check(vms, host or facts())
    return str(error.value)


def test_guests_that_have_nothing_in_common_fit() -> None:
    vm_checks.check(pair(), facts())


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({}, {"interfaces": [{"port": "vhost-user1"}]}, ["guest vm2", "interfaces.port='vhost-user1'", "Guest vm1 has this port"]),
        ({"interfaces": [{"port": "vhost-user0"}, {"port": "vhost-user0"}]}, {}, ["guest vm1", "This guest has this port"]),
        ({}, {"name": "vm1"}, ["A guest stands once"]),
        ({}, {"image": "/var/lib/libvirt/images/vm1.qcow2"}, ["image=", "Guest vm1", "destroy"]),
        ({}, {"image": "/var/lib/libvirt//images/./vm1.qcow2"}, ["image=", "Guest vm1"]),
        ({"management": {"mac": "00:00:00:00:00:03"}}, {}, ["mac='00:00:00:00:00:03'", "Guest vm1"]),
        ({"management": {"mac": "00:00:00:00:00:01"}}, {}, ["mac=", "This guest has this MAC"]),
        ({"management": {"ssh_port": 2222}}, {"management": {"ssh_port": 2222}}, ["ssh_port=2222", "Only one process"]),
        ({"serial_log": "/var/log/vm.log"}, {"serial_log": "/var/log/vm.log"}, ["serial_log="]),
        ({}, {"cpus": "5,6"}, ["guest vm2", "cpus.0='5'", "vCPU 1 of guest vm1", "guide 4.1"]),
        ({"cpus": {0: "4", 1: "4"}}, {}, ["guest vm1", "cpus.1='4'", "vCPU 0 of guest vm1"]),
        ({"shared_cpus": True}, {"cpus": "5,6"}, ["guest vm2", "cpus.0='5'"]),
        ({"cpus": "4,2"}, {}, ["cpus.1='2'", "PMD thread's", "0-1,4-38"]),
        ({"emulator_cpus": "3"}, {}, ["emulator_cpus='3'", "PMD thread's"]),
        ({"cpus": "4,39"}, {}, ["cpus.1='39'", "offline"]),
        ({"cpus": "4,64"}, {}, ["cpus.1='64'", "This host has CPUs 0-39"]),
    ],
)
def test_what_two_guests_or_a_guest_and_the_host_cannot_share_is_refused(first: t.Any, second: t.Any, words: list[str]) -> None:
    message = refusal(pair(first, second))
    assert all(word in message for word in words), message


def test_two_ports_with_one_socket_or_one_mac_are_refused() -> None:
    for changes, word in (({"socket": PORTS["vhost-user0"]["socket"]}, "socket"), ({"mac": "00:00:00:00:00:01"}, "MAC")):
        at = {**PORTS, "vhost-user2": port(2, **changes)}
        assert f"has this {word} too" in refusal(pair(at=at))


def test_guests_that_both_allow_it_may_have_a_cpu_together_but_not_with_a_pmd_thread() -> None:
    vm_checks.check(pair({"shared_cpus": True, "cpus": {0: "4", 1: "4"}}, {"shared_cpus": True, "cpus": "4,5"}), facts())
    assert "PMD thread's" in refusal(pair({"shared_cpus": True, "cpus": {0: "2", 1: "2"}}))


def test_more_vcpus_than_cpus_that_are_left_are_refused_where_they_are_not_pinned() -> None:
    host = facts(present=parse_cpu_list("0-7"), online=parse_cpu_list("0-7"), nodes={0: parse_cpu_list("0-7")})
    vm_checks.check(pair({}, {"cpus": None, "vcpus": 4}), host)  # 0, 1, 6 and 7
    message = refusal(pair({}, {"cpus": None, "vcpus": 5}), host)
    assert "vcpus=5" in message
    assert "4 CPUs are left (0-1,6-7)" in message
    vm_checks.check(pair({}, {"cpus": None, "vcpus": 5, "shared_cpus": True}), host)


# --- memory ---


def memory_refusal(vms: list[Vm], held: dict[tuple[int, int | None], int] | None = None) -> str:
    with pytest.raises(InputError) as error:
        vm_checks.check_memory(vms, facts(), held or {})
    return str(error.value)


def test_memory_over_the_free_pages_of_the_node_is_refused() -> None:
    vm_checks.check_memory([vm(options(memory="8G"))], facts(), {})
    message = memory_refusal([vm(options(memory="9G"))])
    assert all(word in message for word in ("guest vhost-vm", "memory='9G'", "9 hugepages of 1G on node 0", "8 are free", "hugepage_alloc"))


def test_guests_of_a_node_are_counted_together() -> None:
    message = memory_refusal(pair({"memory": "4G"}, {"memory": "5G"}))
    assert "guest vm2" in message
    assert "need 9 hugepages" in message
    vm_checks.check_memory(pair({"memory": "4G"}, {"memory": "5G", "cpus": "12,13"}), facts(), {})
    vm_checks.check_memory(pair({"memory": "4G"}, {"memory": "5G", "state": "stopped"}), facts(), {})
    vm_checks.check_memory(pair({"memory": "8G"}, {"memory": "512M", "hugepage_size": "2M"}), facts(), {})


def test_a_guest_without_a_node_and_one_with_it_need_pages_of_the_host_together() -> None:
    assert "on this host" in memory_refusal(pair({"memory": "8G"}, {"memory": "9G", "cpus": None}))


def test_what_running_guests_of_the_task_have_counts_as_free() -> None:
    big = [vm(options(memory="10G"))]
    memory_refusal(big)
    vm_checks.check_memory(big, facts(), {(GIB, 0): 2})
    assert "on node 0" in memory_refusal(big, {(GIB, 1): 2})
    assert "10 hugepages" in memory_refusal(big, {(2 * MIB, 0): 2000})


# --- warnings ---


def warned(*guests: Vm, **host: t.Any) -> str:
    return "\n".join(vm_checks.warnings(guests, facts(**host)))


def test_the_guides_guest_gives_no_warning() -> None:
    assert not warned(vm(options(), at=PORTS))


@pytest.mark.parametrize(("threads", "warns"), [(1, True), (2, False), (None, False), (0, True)])
def test_more_queues_than_pmd_threads_give_the_guides_warning(threads: int | None, warns: bool) -> None:
    text = warned(vm(options(), at=PORTS), pmd_threads=threads)
    assert ("2 queues" in text) == warns
    assert ("at least 2 PMD threads" in text) == warns


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accel": "tcg"}, "emulates the CPU in software"),
        ({"vcpus": 1, "cpus": "4"}, "2 queues and the guest 1 vCPU(s)"),
        ({"cpus": None}, "not pinned"),
        ({"cpus": "4,12"}, "several NUMA nodes"),
        ({"node": 1}, "memory is on node 1, and CPU 4-5 is on another"),
        ({"emulator_cpus": "5"}, "emulator_cpus has CPU 5, on which a vCPU of guest vhost-vm runs"),
    ],
)
def test_what_works_and_is_not_as_it_should_be_gives_a_warning(changes: dict[str, t.Any], words: str) -> None:
    assert words in warned(vm(options(**changes), at=PORTS))


# --- properties ---


CPUS = st.integers(min_value=0, max_value=11)
GUEST = st.fixed_dictionaries(
    {
        "cpus": st.one_of(st.none(), st.dictionaries(st.integers(0, 2), st.sets(CPUS, min_size=1, max_size=2), min_size=1, max_size=3)),
        "ports": st.lists(st.integers(0, 5), max_size=2),
        "shared": st.booleans(),
        "image": st.integers(0, 3),
        "management": st.one_of(st.none(), st.integers(1, 8)),
    }
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(GUEST, min_size=1, max_size=4), st.lists(st.integers(0, 5), min_size=6, max_size=6), st.sets(CPUS, max_size=2))
def test_no_two_guests_of_an_accepted_task_share_a_cpu_a_socket_a_mac_or_an_image(drawn: list[dict[str, t.Any]], sockets: list[int], pmd: set[int]) -> None:
    """Six ports of which some may have one socket; addresses of ports are 01 to 06, and those of management can be the same."""
    at = ports(*(port(number, queues=1, socket=f"/run/{socket}") for number, socket in enumerate(sockets)))
    host = facts(present=parse_cpu_list("0-11"), online=parse_cpu_list("0-10"), nodes={0: parse_cpu_list("0-10")}, pmd_cpus=frozenset(pmd))
    vms = []
    for number, one in enumerate(drawn):
        pins = one["cpus"]
        assume(pins is None or set(pins) == set(range(len(pins))))
        mac = one["management"]
        given = options(
            name=f"vm{number}",
            image=f"/srv/{one['image']}",
            vcpus=len(pins) if pins else 1,
            cpus={key: ",".join(map(str, sorted(cpus))) for key, cpus in pins.items()} if pins else None,
            shared_cpus=one["shared"],
            interfaces=[{"port": f"vhost-user{index}"} for index in one["ports"]],
            management=None if mac is None else {"type": "user", "mac": f"00:00:00:00:00:{mac:02x}"},
        )
        vms.append(vm(given, host=host, at=at))
    with contextlib.suppress(InputError):
        vm_checks.check(vms, host)
        sockets_used = [interface.socket for one in vms for interface in one.interfaces]
        macs = [mac for one in vms for mac in one.macs]
        alone = [cpu for one in vms if not one.shared_cpus for cpus in one.pins for cpu in cpus]
        shared = {cpu for one in vms if one.shared_cpus for cpu in one.pinned}
        assert len(set(sockets_used)) == len(sockets_used)
        assert len(set(macs)) == len(macs)
        assert len({one.image for one in vms}) == len(vms)
        assert len(set(alone)) == len(alone)
        assert not shared & set(alone)
        assert not (set(alone) | shared) & (pmd | {11})
