# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for tests of plans: facts as dpdk_host_info gives them, what a plan makes of them, and what is true of every plan."""

from __future__ import annotations

import collections
import copy
import json
import math
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list, parse_mask
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import parse_size
from ansible_collections.nfv.ovs_dpdk.plugins.modules.dpdk_host_info import PARTS, Parts

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import Machine

Facts = dict[str, t.Any]

GIB = 2**30
NAME = "ens{}"


def facts_of(machine: Machine, root: pathlib.Path) -> Facts:
    """Return the facts of a machine, read from its /sys and /proc below *root*."""
    parts = Parts(machine.write(root))
    facts = {part: parts.read(part) for part in PARTS}
    return t.cast("Facts", json.loads(json.dumps(facts)))


def nic(number: int, node: int | None, **more: t.Any) -> dict[str, t.Any]:
    """Return a NIC as the facts have it: ens0 at 0000:00:00.0, ens1 at 0000:01:00.0 ..."""
    known = {"name": NAME.format(number), "pci": f"0000:{number:02x}:00.0", "driver": "ixgbe", "node": node, "mac": f"02:00:00:00:00:{number:02x}"}
    return {**known, "former": None, **more}


def build(
    cores: Mapping[int, Sequence[Sequence[int]]],
    *,
    memory: Mapping[int, int] | None = None,
    nics: Sequence[dict[str, t.Any]] = (),
    sizes: Sequence[str] = ("2M", "1G"),
    offline: str = "",
    distances: Mapping[int, Mapping[int, int]] | None = None,
) -> Facts:
    """Return facts. *cores* are the cores by node, each as its CPUs; *memory* is in GiB by node, 64 where nothing is said."""
    off = parse_cpu_list(offline)
    memory = memory or {}
    nodes = sorted({*cores, *memory})
    present = [cpu for all_cores in cores.values() for core in all_cores for cpu in core]
    pools = [{"size": size, "total": 0, "free": 0, "reserved": None, "surplus": 0} for size in sizes]
    online = sorted(set(present) - off)
    return {
        "board": {"vendor": None, "name": None},
        "cpus": {
            **dict.fromkeys(("present", "possible"), format_cpu_list(present)),
            "online": format_cpu_list(online),
            "offline": offline,
            "isolated": "",
            "nohz_full": "",
            "smt_active": any(len(core) > 1 for all_cores in cores.values() for core in all_cores),
            "cores": [
                {"socket": 0, "core": number, "node": node, "cpus": format_cpu_list(set(core) - off)}
                for node, all_cores in cores.items()
                for number, core in enumerate(all_cores)
                if set(core) - off
            ],
        },
        "iommu": {"enabled": False, "groups": {}},
        "kernel": {"version": "6.12.0-test", "command_line": "root=/dev/vda1"},
        "memory": {"total": None, "free": None, "default_hugepage_size": sizes[0] if sizes else None, "hugepages": copy.deepcopy(pools), "mounts": []},
        "nics": list(nics),
        "nodes": [
            {
                "id": node,
                "cpus": format_cpu_list({cpu for core in cores.get(node, ()) for cpu in core} - off),
                "memory_total": memory.get(node, 64) * GIB,
                "memory_free": memory.get(node, 64) * GIB,
                "distances": {str(other): (distances or {}).get(node, {}).get(other, 10 if other == node else 21) for other in nodes},
                "hugepages": copy.deepcopy(pools),
            }
            for node in nodes
        ],
        "power": {},
    }


def applied(facts: Facts, plan: Mapping[str, t.Any]) -> Facts:
    """Return the facts of the same host after the plan was applied to it and the host was booted."""
    after = copy.deepcopy(facts)
    isolated = plan["kernel_args"].get("isolcpus") or plan["isolated_cpus"]
    after["cpus"].update(isolated=isolated, nohz_full=plan["kernel_args"].get("nohz_full", ""))
    after["kernel"]["command_line"] += f" isolcpus={isolated} default_hugepagesz={plan['kernel_args'].get('default_hugepagesz', '')}"
    after["memory"]["default_hugepage_size"] = plan["kernel_args"].get("default_hugepagesz", after["memory"]["default_hugepage_size"])
    after["iommu"] = {"enabled": True, "groups": {"1": list(plan["devices"])}}
    for pool in plan["hugepages"]:
        for node in after["nodes"]:
            count = pool["nodes"].get(str(node["id"]), 0)
            node["memory_free"] = max(0, node["memory_free"] - count * parse_size(pool["size"]))
            for known in node["hugepages"]:
                if known["size"] == pool["size"]:
                    known.update(total=count, free=0)
    for card in after["nics"]:
        if card["pci"] in plan["devices"] and card["driver"] != "vfio-pci":
            card.update(former={name: card[name] for name in ("name", "mac", "driver")}, name=None, mac=None, driver="vfio-pci", speed=None)
    return after


def shuffled(facts: Facts) -> Facts:
    """Return the same facts in another order."""
    other = copy.deepcopy(facts)
    for some in (other["cpus"]["cores"], other["nodes"], other["nics"]):
        some.reverse()
    return other


def _cores(facts: Facts) -> list[tuple[int | None, frozenset[int]]]:
    return [(core["node"], parse_cpu_list(core["cpus"])) for core in facts["cpus"]["cores"]]


def check_cpus(facts: Facts, intent: Mapping[str, t.Any], plan: Mapping[str, t.Any]) -> None:
    """Assert what is true of the CPUs of every plan."""
    online = parse_cpu_list(facts["cpus"]["online"])
    host, isolated, pmd = (parse_cpu_list(text) for text in (plan["host_cpus"], plan["isolated_cpus"], plan["pmd"]["cpus"]))
    vcpus = [cpu for guest in plan["guests"] for cpu in guest["vcpus"].values()]
    assert host, "never all CPUs"
    assert pmd == parse_mask(plan["pmd"]["mask"]) != frozenset()
    assert host | isolated == online, "every CPU that is online is somebody's, and none that is offline"
    assert not host & isolated
    uses = collections.Counter([*pmd, *vcpus])
    assert not uses or max(uses.values()) == 1, "no CPU is given twice"
    assert pmd | set(vcpus) <= isolated
    for node, core in _cores(facts):
        assert core <= isolated or not core & isolated, "a core is isolated as a whole"
        if core & pmd:
            assert core <= pmd if intent.get("siblings", True) else len(core & pmd) == 1
            assert not core & set(vcpus), "nobody shares a core with a PMD thread"
            assert core & pmd <= parse_cpu_list(plan["pmd"]["nodes"][str(node)])
        sharing = [guest["name"] for guest in plan["guests"] if core & set(guest["vcpus"].values())]
        modes = {guest.get("cores", "whole") for guest in intent.get("guests", ()) if guest["name"] in sharing}
        assert len(sharing) <= 1 or modes == {"threads"}
        for guest in plan["guests"]:
            assert not core & set(guest["vcpus"].values()) or guest["node"] == node
    wanted = {guest["name"]: guest["vcpus"] for guest in intent.get("guests", ())}
    assert {guest["name"]: len(guest["vcpus"]) for guest in plan["guests"]} == wanted


def check_memory(facts: Facts, plan: Mapping[str, t.Any]) -> None:
    """Assert what is true of the memory of every plan."""
    memory = {str(node["id"]): node["memory_total"] for node in facts["nodes"]}
    for pool in plan["hugepages"]:
        size = parse_size(pool["size"])
        for node, count in pool["nodes"].items():
            assert 0 < count * size <= memory[node], "pages never exceed the memory of the node"
            guests = sum(math.ceil(guest["memory_bytes"] / size) for guest in plan["guests"] if str(guest["node"]) == node)
            assert count == math.ceil(plan["socket_mem"].get(node, 0) * 2**20 / size) + guests
    if not plan["hugepages"]:
        assert not plan["guests"]
        assert not plan["socket_mem"]


def check_queues(facts: Facts, intent: Mapping[str, t.Any], plan: Mapping[str, t.Any]) -> None:
    """Assert what is true of the rx queues of every plan."""
    threads = {node: parse_cpu_list(cpus) for node, cpus in plan["pmd"]["nodes"].items()}
    nodes = {card["pci"]: card["node"] for card in facts["nics"]}
    queues = {wanted.get("port", f"dpdk{number}"): wanted.get("rx_queues", 1) for number, wanted in enumerate(intent.get("nics", ()))}
    pinned = {cpu for affinity in plan["rxq_affinity"].values() for cpu in affinity.values()}
    for port in plan["ports"]:
        affinity = plan["rxq_affinity"].get(port["name"], {})
        assert port["rxq_affinity"] == affinity
        assert port["n_rxq"] == queues[port["name"]]
        assert list(affinity) in ([], [str(queue) for queue in range(port["n_rxq"])])
        node = str(nodes[port["devargs"]])
        assert set(affinity.values()) <= (threads[node] if node in threads else frozenset().union(*threads.values()))
    for guest in plan["guests"]:
        ports = next(wanted.get("ports", ()) for wanted in intent["guests"] if wanted["name"] == guest["name"])
        if set(ports) - {port["name"] for port in plan["ports"]} and str(guest["node"]) in threads:
            assert threads[str(guest["node"])] - pinned, "a thread without a pinned queue polls the ports of guests"


def check(facts: Facts, intent: Mapping[str, t.Any], plan: Mapping[str, t.Any]) -> None:
    """Assert what is true of every plan."""
    assert json.loads(json.dumps(plan)) == plan, "JSON values alone"
    check_cpus(facts, intent, plan)
    check_memory(facts, plan)
    check_queues(facts, intent, plan)
    assert all(set(reason) == {"subject", "choice", "reason"} and all(reason.values()) for reason in plan["reasons"])
