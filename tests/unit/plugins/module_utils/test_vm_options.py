# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options and ports to a guest, and what is refused."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import vm_options
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.vm_examples import GIB, MIB, facts, options, port, ports, vm


def refusal(**changes: t.Any) -> str:
    with pytest.raises(InputError) as error:
        vm(options(**changes))
    return str(error.value)


def test_a_guest_takes_socket_queues_and_mac_from_its_ports() -> None:
    guest = vm()
    assert [(one.name, one.socket, one.mode, one.mac, one.queues) for one in guest.interfaces] == [
        ("vhost-user0", "/var/run/openvswitch/vhost/vhost-user0", "client", "00:00:00:00:00:01", 2),
        ("vhost-user1", "/var/run/openvswitch/vhost/vhost-user1", "client", "00:00:00:00:00:02", 2),
    ]
    assert (guest.memory, guest.page_size, guest.pages, guest.node) == (4 * GIB, GIB, 4, 0)
    assert guest.pins == (frozenset({4}), frozenset({5}))
    assert (guest.kvm, guest.cpu_model) == (True, "host-passthrough")


def test_what_a_guest_says_again_of_a_port_is_taken_where_it_agrees() -> None:
    given = {"port": "vhost-user0", "queues": 2, "mac": "00:00:00:00:00:01", "mrg_rxbuf": True}
    assert vm(options(interfaces=[given])).interfaces[0].mrg_rxbuf
    assert vm(options(interfaces=[{**given, "mac": "00:00:00:00:00:01".upper()}]))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"port": "vhost-user7"}, ["interfaces.port='vhost-user7'", "not there", "vhost-user0, vhost-user1", "vhost_user_port"]),
        ({"port": "vhost-user0", "queues": 0}, ["queues=0", "1 to 32768"]),
        ({"port": "vhost-user0", "queues": 3}, ["interface vhost-user0", "queues=3", "The port has 2"]),
        ({"port": "vhost-user0", "queues": 1}, ["queues=1", "The port has 2"]),
        ({"port": "vhost-user0", "mac": "01:00:5e:00:00:01"}, ["mac=", "multicast"]),
        ({"port": "vhost-user0", "mac": "00:00:00:00:00"}, ["mac=", "not an Ethernet address"]),
        ({"port": "vhost-user0", "mac": "00:00:00:00:00:09"}, ["mac=", "The port has 00:00:00:00:00:01"]),
    ],
)
def test_an_interface_that_its_port_does_not_have_is_refused(given: dict[str, t.Any], words: list[str]) -> None:
    message = refusal(interfaces=[given])
    assert all(word in message for word in ["guest vhost-vm", *words])


def test_a_port_that_is_removed_or_has_no_guest_side_is_not_there() -> None:
    for at in (ports(port(0, state="absent")), ports({"name": "vhost-user0", "state": "present"})):
        with pytest.raises(InputError, match="not there"):
            vm(options(interfaces=[{"port": "vhost-user0"}]), at=at)


def test_a_port_says_whether_buffers_merge_and_a_guest_does_not_contradict() -> None:
    at = ports({**port(0), "guest": {**port(0)["guest"], "mrg_rxbuf": True}})
    one = options(interfaces=[{"port": "vhost-user0"}])
    assert vm(one, at=at).interfaces[0].mrg_rxbuf
    with pytest.raises(InputError, match="mrg_rxbuf"):
        vm(options(interfaces=[{"port": "vhost-user0", "mrg_rxbuf": False}]), at=at)


@pytest.mark.parametrize(
    ("given", "pins"),
    [
        ("4,5", [{4}, {5}]),
        ("5,4", [{5}, {4}]),
        (["4-5"], [{4}, {5}]),
        ([24, 4], [{24}, {4}]),
        ("4-6,^5", [{4}, {6}]),
        ({0: "4", 1: "5,25"}, [{4}, {5, 25}]),
        ({"1": 5, "0": "4"}, [{4}, {5}]),
    ],
)
def test_cpus_are_a_list_in_the_order_of_the_vcpus_or_a_mapping(given: t.Any, pins: list[set[int]]) -> None:
    assert [set(cpus) for cpus in vm_options.parse_pins("guest vm", given, 2)] == pins


@pytest.mark.parametrize("given", [None, "", [], {}])
def test_without_cpus_nothing_is_pinned(given: t.Any) -> None:
    assert vm_options.parse_pins("guest vm", given, 2) == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("4", ["more vCPUs than CPUs", "1 CPUs", "2 vCPUs"]),
        ("4-6", ["more CPUs than vCPUs"]),
        ({0: "4"}, ["vCPUs, 0 to 1", "cpus is for 0"]),
        ({0: "4", 1: "5", 2: "6"}, ["vCPUs, 0 to 1"]),
        ({0: "4", 1: ""}, ["cpus.1", "needs a CPU"]),
        ("4,x", ["'x' is not a CPU"]),
        ({0: "4", 1: "5-"}, ["cpus.1", "'5-'"]),
    ],
)
def test_cpus_that_are_no_place_for_each_vcpu_are_refused(given: t.Any, words: list[str]) -> None:
    message = refusal(cpus=given)
    assert all(word in message for word in words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"memory": "4097M"}, ["memory='4097M'", "whole hugepages of 1G"]),
        ({"memory": "4096"}, ["memory='4096'"]),
        ({"memory": "0G"}, ["memory"]),
        ({"hugepage_size": "16G"}, ["hugepage_size='16G'", "2M, 1G"]),
        ({"memory": None}, ["memory is missing"]),
        ({"image": None}, ["image is missing"]),
        ({"vcpus": None}, ["vcpus is missing"]),
        ({"vcpus": 0}, ["vcpus=0", "1 to 288"]),
        ({"vcpus": 289}, ["vcpus=289"]),
        ({"image": "vm1.qcow2"}, ["image='vm1.qcow2'", "begins with '/'"]),
        ({"name": "vm/1"}, ["name='vm/1'"]),
        ({"name": "-vm"}, ["name='-vm'"]),
        ({"node": 2}, ["node=2", "0, 1"]),
        ({"emulator_cpus": "a"}, ["emulator_cpus='a'"]),
        ({"machine": "q 35"}, ["machine='q 35'"]),
        ({"cpu_model": "Nehalem +x"}, ["cpu_model="]),
        ({"boot": {"initrd": "/boot/initrd"}}, ["boot.initrd", "boot.kernel"]),
        ({"boot": {"kernel": "vmlinuz"}}, ["boot.kernel='vmlinuz'"]),
        ({"oem_strings": ["a\nb"]}, ["oem_strings"]),
        ({"management": {"type": "bridge"}}, ["bridge is missing"]),
        ({"management": {"type": "user", "bridge": "br1"}}, ["bridge='br1'", "type user"]),
        ({"management": {"type": "bridge", "bridge": "br1", "ssh_port": 22}}, ["ssh_port=22"]),
        ({"management": {"type": "user", "ssh_port": 70000}}, ["ssh_port=70000"]),
        ({"management": {"type": "user", "ssh_address": "localhost"}}, ["ssh_address='localhost'"]),
        ({"management": {"type": "user", "mac": "ff:ff:ff:ff:ff:ff"}}, ["mac=", "multicast"]),
        ({"management": {"type": "network", "network": "default"}}, ["type='network'", "belong to libvirt"]),
    ],
)
def test_what_cannot_be_is_refused_with_the_option_and_a_way_out(changes: dict[str, t.Any], words: list[str]) -> None:
    message = refusal(**changes)
    assert all(word in message for word in words)


def test_the_page_size_is_the_hosts_default_if_left_out() -> None:
    assert vm(options(hugepage_size=None)).page_size == 2 * MIB
    with pytest.raises(InputError, match="hugepage_size is missing"):
        vm(options(hugepage_size=None), host=facts(default_page_size=None))


def test_the_node_is_that_of_the_cpus_and_any_for_several() -> None:
    assert vm(options(cpus="12,13")).node == 1
    assert vm(options(cpus="4,13")).node is None
    assert vm(options(cpus="4,13", node=1)).node == 1
    assert vm(options(cpus=None)).node is None


def test_without_kvm_a_guest_is_emulated_with_a_cpu_that_dpdk_can_use() -> None:
    emulated = vm(options(), host=facts(kvm=False))
    assert (emulated.kvm, emulated.cpu_model) == (False, "Nehalem")
    assert vm(options(accel="tcg")).kvm is False
    with pytest.raises(InputError, match="accel='kvm'"):
        vm(options(accel="kvm"), host=facts(kvm=False))
    with pytest.raises(InputError, match="cpu_model='host'"):
        vm(options(cpu_model="host"), host=facts(kvm=False))
    assert vm(options(cpu_model="host")).cpu_model == "host-passthrough"


def test_arguments_of_qemu_are_for_the_backend_that_has_a_command_line() -> None:
    assert vm(options(extra_args=["-vnc", ":2"])).extra_args == ("-vnc", ":2")
    with pytest.raises(InputError, match="extra_args"):
        vm(options(extra_args=["-vnc", ":2"]), backend="libvirt")


def test_the_management_address_is_always_the_same_and_another_one_for_each_guest() -> None:
    macs = [vm(options(name=name, management={"type": "user"})).management for name in ("a", "a", "b")]
    assert macs[0] == macs[1] != macs[2]
