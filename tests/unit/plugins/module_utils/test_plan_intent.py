# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intents that are refused, and how the error names what is wrong."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan import make_plan
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.plan_hosts import build, nic

HOST = build({node: [[10 * node + core] for core in range(6)] for node in (0, 1)}, nics=[nic(0, 0), nic(1, 1)], offline="5")
NICS = [{"device": "ens0"}]
GUEST = {"name": "vm0", "vcpus": 1, "memory": "1G"}


@pytest.mark.parametrize(
    ("intent", "message"),
    [
        ("text", "intent: intent='text' is not possible. It is a dictionary"),
        ({}, "intent: nics is missing"),
        ({"guests": [GUEST]}, "intent: nics is missing"),
        ({"nics": NICS, "pmd_core": 1}, "intent: pmd_core=1 is not possible. .* Did you mean pmd_cores"),
        ({"nics": NICS, "zzz": 1}, "intent: zzz=1 is not possible. .* Remove it"),
        ({"nics": "ens0"}, "intent: nics='ens0' is not possible. It is a list"),
        ({"nics": ["ens0"]}, r"nics\[0\]: intent='ens0'"),
        ({"nics": [{}]}, r"nics\[0\]: device is missing"),
        ({"nics": [{"device": 5}]}, r"nics\[0\]: device=5 .* It is a text"),
        ({"nics": [{"device": "ens0", "queues": 1}]}, r"nics\[0\]: queues=1 .* Did you mean rx_queues"),
        ({"nics": [{"device": "ens0", "rx_queues": 0}]}, r"nics\[0\]: rx_queues=0 .* from 1 to 1024"),
        ({"nics": [{"device": "ens0", "mtu": 9703}]}, r"nics\[0\]: mtu=9703 .* from 68 to 9702"),
        ({"nics": [{"device": "ens0", "port": "a b"}]}, "port a b: port="),
        ({"nics": [{"device": "ens0", "port": "p"}, {"device": "ens1", "port": "p"}]}, "port p: port='p' .* Each name can be given once"),
        ({"nics": NICS, "pmd_cores": 0}, "intent: pmd_cores=0 .* from 1"),
        ({"nics": NICS, "pmd_cores": True}, "intent: pmd_cores=True"),
        ({"nics": NICS, "pmd_cores": {"a": 1}}, "intent: pmd_cores=.* maps numbers of NUMA nodes"),
        ({"nics": NICS, "pmd_cores": {0: -1}}, "intent: pmd_cores=.* from 0"),
        ({"nics": NICS, "pmd_cores": {0: 0}}, "PMD threads: pmd_cores={0: 0} is not possible. Ports need a PMD thread"),
        ({"nics": NICS, "pmd_cores": {7: 1}}, r"PMD threads on NUMA node 7: .* online are 0, 1\. Leave node 7 out"),
        ({"nics": NICS, "pmd_cores": 5}, "PMD threads on NUMA node 0: pmd_cores=5 .* 1 of 5 cores missing: 4 cores are left"),
        ({"nics": NICS, "pmd_cores": 1, "pmd_cores_per_nic": 1}, "intent: pmd_cores=1 .* Give one of them"),
        ({"nics": NICS, "host_cores": 1, "host_cpus": "0"}, "intent: host_cores=1 .* Give one of them"),
        ({"nics": NICS, "host_cores": {7: 1}}, "NUMA node 7: host_cores="),
        ({"nics": NICS, "host_cpus": ""}, "intent: host_cpus='' .* one CPU at least"),
        ({"nics": NICS, "host_cpus": "x"}, "intent: host_cpus='x'"),
        ({"nics": NICS, "host_cpus": "0,5"}, "host: host_cpus='0,5' is not possible. CPU 5 is offline; online are 0-4,10-15"),
        ({"nics": NICS, "host_cpus": "0,99"}, "host: host_cpus='0,99' is not possible. CPU 99 is not there"),
        ({"nics": NICS, "siblings": "perhaps"}, "intent: siblings='perhaps' .* true or false"),
        ({"nics": NICS, "isolation": "full"}, "intent: isolation='full' .* isolcpus, partition, none"),
        ({"nics": NICS, "hugepage_size": 1}, "intent: hugepage_size=1 .* with a unit"),
        ({"nics": NICS, "socket_mem": 1024}, "intent: socket_mem=1024 .* maps numbers of NUMA nodes"),
        ({"nics": NICS, "memory_for_host": "4"}, "intent: memory_for_host='4' .* with a unit"),
        ({"nics": NICS, "memory_for_host": {0: "lots"}}, "intent: memory_for_host=.* with a unit"),
        ({"nics": NICS, "guests": [{"name": "vm0", "vcpus": 1}]}, "guest vm0: memory is missing"),
        ({"nics": NICS, "guests": [{**GUEST, "vcpus": 0}]}, "guest vm0: vcpus=0"),
        ({"nics": NICS, "guests": [{**GUEST, "cores": "half"}]}, "guest vm0: cores='half' .* whole, single, threads"),
        ({"nics": NICS, "guests": [{**GUEST, "node": 9}]}, "guest vm0: node=9 .* online are 0, 1"),
        ({"nics": NICS, "guests": [GUEST, GUEST]}, "guest vm0: guests.*name='vm0' .* given once"),
        ({"nics": NICS, "guests": [{**GUEST, "ports": ["v"]}, {**GUEST, "name": "vm1", "ports": ["v"]}]}, "guest vm1: ports='v' .* that of guest vm0"),
        ({"nics": NICS, "guests": [{**GUEST, "ports": ["a/b"]}]}, "port a/b: name='a/b'"),
        ({"nics": NICS, "vhost_ports": [{"name": "v"}, {"name": "v"}]}, "port v: .* given once"),
        ({"nics": NICS, "vhost_ports": [{"mtu": 1500}]}, "vhost port: name is missing"),
        ({"nics": NICS, "vhost_ports": [{"name": "v", "guest": "vm9"}]}, "port v: guest='vm9' .* Guests of the plan are: none"),
        ({"nics": NICS, "vhost_ports": [{"name": "dpdk0"}]}, "port dpdk0: .* given once"),
    ],
)
def test_an_intent_that_cannot_be_is_refused_by_name(intent: t.Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_plan(HOST, intent)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (None, "host facts: cpus is missing"),
        ({}, "host facts: cpus is missing"),
        ({"cpus": {"cores": []}}, "host facts: cpus is missing"),
        ({"cpus": None, "nodes": None}, "host facts: cpus is missing"),
        ({"cpus": {"cores": [{"cpus": "0-1", "node": 0}]}, "nodes": None}, "host facts: nodes is missing"),
        ({"cpus": {"cores": [1]}, "nodes": [{"id": 0}]}, "host facts: host=.* not what dpdk_host_info gives"),
        ({"cpus": {"cores": [{"cpus": "a", "node": 0}]}, "nodes": [{"id": 0}]}, "host facts: host=.* not what dpdk_host_info gives"),
    ],
)
def test_facts_that_cannot_be_read_are_refused_with_where_to_get_them(host: t.Any, message: str) -> None:
    with pytest.raises(InputError, match=message + ".* Give the result host of dpdk_host_info"):
        make_plan(host, {"nics": NICS})


def test_what_is_null_in_facts_is_taken_as_not_known() -> None:
    facts: dict[str, t.Any] = {
        "cpus": {"cores": [{"cpus": "0", "node": None, "socket": None}, {"cpus": "1", "node": None}], "online": None, "offline": None},
        "nodes": [{"id": 0, "cpus": "0-1", "memory_total": 8 * 2**30, "distances": None, "hugepages": None}],
        "nics": [{"pci": "0000:05:00.0", "name": None, "mac": None, "node": None, "driver": None, "former": None}],
        "memory": {"hugepages": [{"size": "2M"}], "default_hugepage_size": None},
        "kernel": {"version": None},
    }
    assert make_plan(facts, {"nics": [{"device": "05:00.0"}]})["pmd"]["cpus"] == "1"


def test_numbers_and_flags_may_be_text_as_templates_make_them() -> None:
    intent = {"nics": [{"device": "ens0", "rx_queues": "2", "mtu": "1500"}], "pmd_cores": {"0": "2"}, "siblings": "no", "socket_mem": {"0": "1024"}}
    plain = {"nics": [{"device": "ens0", "rx_queues": 2, "mtu": 1500}], "pmd_cores": {0: 2}, "siblings": False, "socket_mem": {0: 1024}}
    assert make_plan(HOST, intent) == make_plan(HOST, plain)
