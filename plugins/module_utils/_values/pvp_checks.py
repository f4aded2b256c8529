# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would change the figure of a measurement port - guest - port, looked at before it (private to this collection). Pure.

Guide 3.5 (isolated CPUs), 3.6 (one NUMA node), 4.1 (affinity), 4.3 and 5.3 (queues), 4.5 (mergeable buffers), 7 and 8 (policers). What concerns
a vhost-user port alone is in vhost_checks; here it is said what it does to the figure.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import vhost_checks
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Expected, Facts, Finding
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.virtio import MRG_RXBUF

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet

# What an rx buffer of a guest's driver holds at least: an ordinary frame with a VLAN tag
_ONE_BUFFER = 1522

# A PMD thread that waits this part of the time for its CPU shares it
_WAITS = 0.02


class Outside(t.NamedTuple):
    """A port of the generator: how many of its rx queues are polled, and in which directions it has a policer."""

    name: str
    polled: int
    policers: Sequence[str]


class Seen(t.NamedTuple):
    """All that the checks look at."""

    guest_ports: Sequence[Facts]
    outside: Sequence[Outside]
    pmd_cpus: CpuSet
    isolated: CpuSet
    generator_cpus: CpuSet
    siblings: Mapping[int, CpuSet]
    others: Mapping[int, Sequence[str]]
    """Threads that are ready to run on a CPU of a PMD thread."""
    pmd_share: float | None
    """The share of a CPU that the least served PMD thread had of the time in which it could run; None where it is not known."""
    sleep_us: int
    guests: Sequence[Sequence[str]]
    """The command lines of the guests."""
    largest_frame: int


def is_emulated(command: Sequence[str]) -> bool:
    """Tell whether a command line is that of QEMU without KVM: it uses software emulation where it is not told otherwise."""
    if not command or "qemu" not in command[0].rpartition("/")[2]:
        return False
    for word, value in zip(command, [*command[1:], ""]):
        option = word.lstrip("-")
        if option == "enable-kvm" or (option in {"accel", "machine", "M"} and re.search(r"(?:^|,)(?:accel=)?kvm(?:$|[,:])", value)):
            return False
    return True


def judge(seen: Seen) -> list[Finding]:
    """Return what each check found, in the order of :data:`CHECKS`. *ok* is None where it cannot be told."""
    return [check(seen) for check in _CHECKS.values()]


def _of_ports(check: str, seen: Seen, question: Callable[[Facts, Expected], Finding], effect: str) -> Finding:
    """Return what a check of vhost_checks says of the guest's ports, with what that does to the figure."""
    said = [question(facts, Expected()) for facts in seen.guest_ports]
    bad = [one for one in said if one.ok is False]
    if bad:
        return Finding(check, ok=False, says=" ".join([*(one.says for one in bad), effect]), do=" ".join(dict.fromkeys(one.do for one in bad)))
    return Finding(check, ok=None if any(one.ok is None for one in said) else True, says=" ".join(one.says for one in said))


def _guest_connected(seen: Seen) -> Finding:
    lone = [facts.port for facts in seen.guest_ports if not facts.connected]
    if lone:
        says = f"Port {' and '.join(lone)} has no guest: nothing can come out of it."
        return Finding("guest_connected", ok=False, says=says, do="Start the guest; module vhost_user_info says what keeps it from connecting.")
    return Finding("guest_connected", ok=True, says="The guest is connected.")


def _queues(seen: Seen) -> Finding:
    effect = "Packets of a queue that is not used do not come, and the others carry all."
    lone = [port.name for port in seen.outside if not port.polled]
    if lone:
        says = f"No PMD thread polls port {' and '.join(lone)}, so that no packet comes in from it."
        return Finding("queues", ok=False, says=says, do="Look at pmd-cpu-mask (modules pmd_mask and ovs_dpdk_info).")
    return _of_ports("queues", seen, vhost_checks.queues, effect)


def _policers(seen: Seen) -> Finding:
    effect = "What is measured is the policer."
    limited = [f"Port {port.name} has a policer: {' and '.join(port.policers)}." for port in seen.outside if port.policers]
    if limited:
        says = " ".join([*limited, effect])
        return Finding("policers", ok=False, says=says, do="Remove it for the measurement (module qos_policer with state absent).")
    return _of_ports("policers", seen, vhost_checks.policer, effect)


def _pmd_isolated(seen: Seen) -> Finding:
    shared = seen.pmd_cpus - seen.isolated
    if shared:
        effect = "Packets are lost whenever a PMD thread is taken off its CPU: the rate without loss is lower, and differs from run to run."
        says = f"The kernel schedules other work on CPU {format_cpu_list(shared)} of the PMD threads too. {effect}"
        return Finding("pmd_isolated", ok=False, says=says, do="Isolate them (module kernel_args with isolcpus, or cpu_partition).")
    return Finding("pmd_isolated", ok=True, says=f"CPU {format_cpu_list(seen.pmd_cpus)} of the PMD threads is isolated.")


def _pmd_alone(seen: Seen) -> Finding:
    bad = [f"CPU {cpu} has to run {', '.join(names)} besides its PMD thread." for cpu, names in seen.others.items()]
    if seen.pmd_share is not None and seen.pmd_share < 1 - _WAITS:
        bad.append(f"A PMD thread had its CPU for {100 * seen.pmd_share:.0f} % of the time in which it could run.")
    if bad:
        says = " ".join([*bad, "The rate is that of a part of a CPU."])
        return Finding("pmd_alone", ok=False, says=says, do="Move the other work to other CPUs.")
    return Finding("pmd_alone", ok=True, says="The PMD threads have their CPUs alone.")


def _generator_apart(seen: Seen) -> Finding:
    near = sorted(cpu for cpu in seen.generator_cpus if (seen.siblings.get(cpu, frozenset()) | {cpu}) & seen.pmd_cpus)
    if near:
        says = f"The generator is on CPU {format_cpu_list(near)}, of which a PMD thread has the core: they slow each other down."
        return Finding("generator_apart", ok=False, says=says, do="Give generator.cpus on another core.")
    return Finding("generator_apart", ok=True, says="The generator has no core of a PMD thread.")


def _one_node(seen: Seen) -> Finding:
    return _of_ports("one_node", seen, vhost_checks.guest_node, "Each packet is copied from one NUMA node to the other.")


def _mergeable_buffers(seen: Seen) -> Finding:
    check = "mergeable_buffers"
    known = [facts for facts in seen.guest_ports if facts.features is not None]
    have = [facts.port for facts in known if MRG_RXBUF in (facts.features or ())]
    lack = [facts.port for facts in known if facts.port not in have]
    if not known:
        return Finding(check, ok=None, says="What guest and switch agreed on is not known.")
    if seen.largest_frame > _ONE_BUFFER and lack:
        says = f"Port {' and '.join(lack)} has no mergeable rx buffers: frames of {seen.largest_frame} bytes need buffers as large in the guest, or are lost."
        return Finding(check, ok=False, says=says, do="Set mrg_rxbuf=on for the guest's NIC, or have large buffers in the guest.")
    if seen.largest_frame <= _ONE_BUFFER and have:
        says = f"Port {' and '.join(have)} has mergeable rx buffers, which jumbo frames need and which cost others some packets per second."
        return Finding(check, ok=False, says=says, do="Set mrg_rxbuf=off for the guest's NIC.")
    return Finding(check, ok=True, says="Mergeable rx buffers are as the frames want them.")


def _pmd_sleep(seen: Seen) -> Finding:
    if seen.sleep_us:
        effect = "Packets wait for as long: latency is higher, and queues overflow at rates that would be carried otherwise."
        says = f"PMD threads may sleep for up to {seen.sleep_us} us. {effect}"
        return Finding("pmd_sleep", ok=False, says=says, do="Set pmd_sleep_max to 0 for the measurement (module ovs_dpdk_config).")
    return Finding("pmd_sleep", ok=True, says="PMD threads do not sleep.")


def _emulated(seen: Seen) -> Finding:
    if any(map(is_emulated, seen.guests)):
        says = "The guest runs by software emulation, without KVM: its CPUs are slower by an order of magnitude, and the figure is theirs."
        return Finding("emulated", ok=False, says=says, do="Use a host with KVM.")
    if not seen.guests:
        return Finding("emulated", ok=None, says="The process of the guest is not seen.")
    return Finding("emulated", ok=True, says="The guest is not emulated.")


_CHECKS: dict[str, Callable[[Seen], Finding]] = {
    "guest_connected": _guest_connected,
    "queues": _queues,
    "policers": _policers,
    "pmd_isolated": _pmd_isolated,
    "pmd_alone": _pmd_alone,
    "generator_apart": _generator_apart,
    "one_node": _one_node,
    "mergeable_buffers": _mergeable_buffers,
    "pmd_sleep": _pmd_sleep,
    "emulated": _emulated,
}
CHECKS = tuple(_CHECKS)


def not_ok(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that are to be said."""
    return [finding for finding in findings if finding.ok is False]
