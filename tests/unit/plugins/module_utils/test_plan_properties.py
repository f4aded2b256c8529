# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of the plan of any host and any intent."""

from __future__ import annotations

import copy
import re
import typing as t

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.plan import make_plan
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.plan_hosts import NAME, applied, build, check, nic, shuffled

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.plan_hosts import Facts

Given = tuple["Facts", dict[str, t.Any]]


def outcome(facts: Facts, intent: dict[str, t.Any]) -> dict[str, t.Any] | InputError:
    """Return the plan, or why there is none."""
    try:
        return make_plan(facts, intent)
    except InputError as error:
        return error


SLOW = settings(suppress_health_check=[HealthCheck.too_slow])


@st.composite
def hosts(draw: st.DrawFn) -> Facts:
    """Return any host: sparse node numbers, nodes without CPUs or memory, uneven cores, CPUs in any order, some offline, NICs anywhere."""
    nodes = draw(st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True))
    shape = {node: draw(draw(st.sampled_from([st.just([]), *[st.lists(st.sampled_from([1, 2, 2, 4]), min_size=2, max_size=9)] * 4]))) for node in nodes}
    total = sum(map(sum, shape.values()))
    assume(total)
    numbers = iter(draw(st.permutations(draw(st.sampled_from([range(total), range(0, 3 * total, 3), range(60, 60 + total)])))))
    cores = {node: [[next(numbers) for _thread in range(threads)] for threads in sizes] for node, sizes in shape.items()}
    cpus = sorted(cpu for some in cores.values() for core in some for cpu in core)
    off = draw(st.sets(st.sampled_from(cpus), max_size=min(3, len(cpus) - 1)))
    places = st.sampled_from([None, *(node for node in nodes if cores[node]), draw(st.sampled_from(nodes))])
    return build(
        cores,
        memory={node: draw(st.sampled_from([64, 64, 64, 4, 1, 0])) for node in nodes},
        nics=[nic(number, draw(places)) for number in range(draw(st.integers(0, 4)))],
        sizes=draw(st.sampled_from([("2M", "1G"), ("2M", "1G"), ("2M", "1G"), ("2M",), ("64kB", "512M"), ()])),
        offline=format_cpu_list(off),
        distances={node: {other: draw(st.integers(11, 40)) for other in nodes if other != node} for node in nodes},
    )


@st.composite
def intents(draw: st.DrawFn, nics: int, nodes: list[int], most: int = 3) -> dict[str, t.Any]:
    """Return an intent for a host with so many NICs; *most* bounds counts of cores and vCPUs."""
    count = draw(st.integers(0, nics))
    mtus = st.sampled_from([68, 998, 1500, 2022, 9000, 9702])
    guests = [
        {
            "name": f"vm{number}",
            "vcpus": draw(st.integers(1, most + 1)),
            "memory": draw(st.sampled_from(["512M", "1G", "1536M"])),
            "ports": draw(st.sampled_from([[], [f"vhost{number}"], [f"vhost{number}", "dpdk0"] if count else []])),
            "cores": draw(st.sampled_from(["whole", "single", "threads"])),
            **draw(st.sampled_from([{}, {}, {"node": draw(st.sampled_from(nodes))}])),
        }
        for number in range(draw(st.integers(0, 2)))
    ]
    intent: dict[str, t.Any] = {
        "nics": [{"device": NAME.format(number), "rx_queues": draw(st.integers(1, 5)), "mtu": draw(mtus)} for number in range(count)],
        "guests": guests,
        "vhost_ports": draw(st.sampled_from([[], [{"name": "spare", "mtu": 9000}]])),
        "siblings": draw(st.booleans()),
        "isolation": draw(st.sampled_from(["isolcpus", "partition", "none"])),
    }
    intent.update(draw(st.sampled_from([{}, {"pmd_cores": most}, {"pmd_cores_per_nic": 1}, {"pmd_cores": {draw(st.sampled_from(nodes)): 1}}])))
    intent.update(draw(st.sampled_from([{}, {}, {"host_cores": 2}, {"host_cores": {nodes[0]: 0}}, {"socket_mem": {str(nodes[0]): 512}}])))
    if not intent["nics"] and not any(guest["ports"] for guest in guests):
        intent["vhost_ports"] = [{"name": "spare"}]
    return intent


@st.composite
def anything(draw: st.DrawFn) -> Given:
    """Return a host and an intent that it may or may not meet."""
    facts = draw(hosts())
    return facts, draw(intents(len(facts["nics"]), [node["id"] for node in facts["nodes"]]))


@st.composite
def satisfiable(draw: st.DrawFn) -> Given:
    """Return a roomy host, with NICs on nodes of it, and an intent that it can meet."""
    nodes = draw(st.lists(st.integers(0, 12), min_size=1, max_size=6, unique=True))
    threads = draw(st.sampled_from([1, 2, 4]))
    width = 18
    total = len(nodes) * width
    cores = {node: [[thread * total + place * width + core for thread in range(threads)] for core in range(width)] for place, node in enumerate(nodes)}
    facts = build(cores, nics=[nic(number, draw(st.sampled_from(nodes))) for number in range(draw(st.integers(1, 4)))])
    intent = draw(intents(len(facts["nics"]), nodes, most=2))
    return facts, intent


@SLOW
@given(satisfiable())
def test_what_can_be_met_is_met_with_pmd_threads_on_the_node_of_each_nic(given_: Given) -> None:
    facts, intent = given_
    plan = make_plan(facts, intent)
    check(facts, intent, plan)
    where = {NAME.format(number): card["node"] for number, card in enumerate(facts["nics"])}
    for number, wanted in enumerate(intent["nics"]):
        node = str(where[wanted["device"]])
        if not isinstance(intent.get("pmd_cores"), dict):
            assert node in plan["pmd"]["nodes"]
        if node in plan["pmd"]["nodes"]:
            assert set(plan["rxq_affinity"].get(f"dpdk{number}", {}).values()) <= parse_cpu_list(plan["pmd"]["nodes"][node])


@SLOW
@given(anything())
def test_any_host_gets_a_plan_that_holds_or_an_error_that_names_object_and_option(given_: Given) -> None:
    facts, intent = given_
    plan = outcome(facts, intent)
    if isinstance(plan, dict):
        event("plan")
        check(facts, intent, plan)
        return
    event(plan.option)
    known = {"cpus", "hugepages", "node", "vcpus", "nics", "pmd_cores", "pmd_cores_per_nic", "hugepage_size", "host_cores", "socket_mem", "isolation"}
    assert plan.option.replace("[]", "").split(".")[0] in known
    assert re.search(r"node|CPU|page", str(plan), re.IGNORECASE)


@SLOW
@given(st.one_of(anything(), satisfiable()))
def test_a_plan_is_the_same_after_it_was_applied_and_for_facts_in_another_order(given_: Given) -> None:
    facts, intent = given_
    before = copy.deepcopy((facts, intent))
    plan = outcome(facts, intent)
    assert (facts, intent) == before, "what is given is left as it is"
    if not isinstance(plan, dict):
        assert isinstance(outcome(shuffled(facts), intent), InputError)
        return
    assert make_plan(shuffled(facts), intent) == plan
    after = applied(facts, plan)
    assert make_plan(after, intent) == plan
    assert make_plan(applied(after, plan), intent) == plan
