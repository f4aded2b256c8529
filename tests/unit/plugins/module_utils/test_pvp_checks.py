# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would change the figure of a measurement: each check good, and each not."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import pvp_checks
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.pvp_checks import Outside, Seen
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Facts, Finding, Guest, Memory, Polled

MIB = 2**20
GUEST = Guest(50, "qemu-system-x86_64", "vm0", None, server=True, attached=True, memory=Memory(256 * MIB, 0, 2 * MIB, {0: 256 * MIB}))
PORT = Facts(
    port="vhost-user0",
    mode="client",
    socket="/run/vhost/vhost-user0",
    guest=GUEST,
    connected=True,
    features=frozenset({32, 22}),
    rings=2,
    rxqs=(Polled(0, 2, 0, enabled=True),),
)
QEMU = ("/usr/bin/qemu-system-x86_64", "-machine", "q35,accel=kvm", "-cpu", "host")
GOOD = Seen(
    guest_ports=[PORT, PORT._replace(port="vhost-user1")],
    outside=[Outside("dpdk0", 1, [])],
    pmd_cpus=frozenset({2}),
    isolated=frozenset({2, 3}),
    generator_cpus=frozenset({4}),
    siblings={2: frozenset({2, 6}), 4: frozenset({4, 8}), 6: frozenset({2, 6})},
    others={},
    pmd_share=1.0,
    sleep_us=0,
    guests=[QEMU],
    largest_frame=1518,
)


def finding(check: str, **changes: t.Any) -> Finding:
    found = {one.check: one for one in pvp_checks.judge(GOOD._replace(**changes))}
    return found[check]


def both(**changes: t.Any) -> list[Facts]:
    """Return the guest's ports, the second one with changes."""
    return [GOOD.guest_ports[0], GOOD.guest_ports[1]._replace(**changes)]


def test_a_host_that_is_set_up_for_it_has_nothing_to_be_said() -> None:
    assert pvp_checks.not_ok(pvp_checks.judge(GOOD)) == []
    assert [one.check for one in pvp_checks.judge(GOOD)] == list(pvp_checks.CHECKS)
    assert all(one.ok for one in pvp_checks.judge(GOOD))


@pytest.mark.parametrize(
    ("check", "changes", "words"),
    [
        ("guest_connected", {"guest_ports": both(connected=False)}, "Port vhost-user1 has no guest"),
        ("queues", {"guest_ports": both(rings=4)}, "its guest has 2 queue pairs and uses 1. Packets of a queue that is not used"),
        ("queues", {"guest_ports": both(rxqs=(Polled(0, 2, 0, enabled=False),))}, "uses 0"),
        ("queues", {"outside": [Outside("dpdk0", 0, [])]}, "No PMD thread polls port dpdk0"),
        ("policers", {"guest_ports": both(policers=("egress 1Mpps",))}, "egress 1Mpps. What is measured is the policer."),
        ("policers", {"outside": [Outside("dpdk0", 1, ["egress", "ingress"])]}, "Port dpdk0 has a policer: egress and ingress"),
        ("pmd_isolated", {"pmd_cpus": frozenset({2, 7, 8})}, "other work on CPU 7-8"),
        ("pmd_alone", {"others": {2: ["cc1", "sshd"]}}, "CPU 2 has to run cc1, sshd besides"),
        ("pmd_alone", {"pmd_share": 0.5}, "50 % of the time"),
        ("generator_apart", {"generator_cpus": frozenset({2})}, "on CPU 2"),
        ("generator_apart", {"generator_cpus": frozenset({4, 6})}, "on CPU 6"),  # the other thread of CPU 2
        ("one_node", {"guest_ports": both(rxqs=(Polled(0, 12, 1, enabled=True),))}, "copied from one NUMA node to the other"),
        ("mergeable_buffers", {"guest_ports": both(features=frozenset({15, 32}))}, "Port vhost-user1 has mergeable rx buffers"),
        ("mergeable_buffers", {"largest_frame": 9018}, "Port vhost-user0 and vhost-user1 has no mergeable rx buffers"),
        ("pmd_sleep", {"sleep_us": 500}, "up to 500 us"),
        ("emulated", {"guests": [("qemu-system-x86_64", "-machine", "q35,accel=tcg")]}, "software emulation"),
    ],
)
def test_what_changes_the_figure_is_said_with_what_it_does(check: str, changes: dict[str, t.Any], words: str) -> None:
    found = finding(check, **changes)
    assert found.ok is False
    assert words in found.says
    assert found.do


def test_mergeable_buffers_are_right_for_jumbo_frames() -> None:
    ports = [facts._replace(features=frozenset({15})) for facts in GOOD.guest_ports]
    assert finding("mergeable_buffers", largest_frame=9018, guest_ports=ports).ok is True


@pytest.mark.parametrize(
    ("check", "changes"),
    [("emulated", {"guests": []}), ("mergeable_buffers", {"guest_ports": [PORT._replace(features=None)]}), ("one_node", {"guest_ports": both(guest=None)})],
)
def test_what_cannot_be_told_is_neither_good_nor_bad(check: str, changes: dict[str, t.Any]) -> None:
    assert finding(check, **changes).ok is None


@pytest.mark.parametrize(
    ("command", "emulated"),
    [
        (["qemu-system-x86_64", "-accel", "tcg,thread=multi"], True),
        (["/usr/bin/qemu-system-x86_64", "-m", "1G"], True),  # QEMU's own choice is tcg
        (["qemu-system-x86_64", "-machine", "q35,accel=kvm:tcg"], False),
        (["qemu-system-x86_64", "-accel", "kvm"], False),
        (["qemu-kvm", "-machine", "pc-q35,usb=off,accel=kvm,dump-guest-core=off"], False),
        (["qemu-system-x86_64", "--enable-kvm"], False),
        (["qemu-system-x86_64", "-name", "kvm,accel=kvm"], True),
        (["dpdk-testpmd", "-l", "1"], False),
        ([], False),
    ],
)
def test_a_guest_without_kvm_is_known_by_its_command_line(command: list[str], emulated: bool) -> None:
    assert pvp_checks.is_emulated(command) is emulated
