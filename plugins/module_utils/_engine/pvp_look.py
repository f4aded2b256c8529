# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at host and switch before a measurement (private to this collection). Reads only."""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.pvp import pmd_share
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vhost_report import VhostReport
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_pmd import parse_pmd_threads
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import parse_rx_queues
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_cpus
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_threads import read_pmd_times, read_running
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.pvp_checks import Outside, Seen

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Snapshot
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon

_LOOK_SECONDS = 0.5
_LOOKS = 5


class Subject(t.NamedTuple):
    """What is looked at: the ports of the guest and of the generator, and what the generator is like."""

    guest_ports: Sequence[str]
    generator_ports: Sequence[str]
    generator_cpus: Sequence[int]
    largest_frame: int


def look(root: pathlib.Path, snapshot: Snapshot, daemon: Daemon, subject: Subject) -> Seen:
    """Return what the checks need: two questions to the daemon, files of /sys and /proc, half a second."""
    text = daemon.ask("dpif-netdev/pmd-rxq-show")
    pid = daemon.pid()
    pmd_cpus = frozenset(thread.core for thread in parse_pmd_threads(text))
    topology = read_cpus(root)
    before = read_pmd_times(root, pid)
    others: dict[int, list[str]] = {}
    for _look in range(_LOOKS):
        time.sleep(_LOOK_SECONDS / _LOOKS)
        for cpu, names in read_running(root, pmd_cpus, {pid, os.getpid()}).items():
            others[cpu] = sorted({*others.get(cpu, ()), *names})
    share = pmd_share(before, read_pmd_times(root, pid))
    report = VhostReport(snapshot, daemon, root, subject.guest_ports)
    guest_ports = [report.facts(name, None, {}) for name in subject.guest_ports]
    guests = {facts.guest.pid for facts in guest_ports if facts.guest}
    polled = [queue.port for queue in parse_rx_queues(text)]
    config = snapshot.switch.other_config
    sleep = config.get("pmd-sleep-max", config.get("pmd-maxsleep", "0")).partition(",")[0]
    return Seen(
        guest_ports=guest_ports,
        outside=[Outside(name, polled.count(name), list(_policers(snapshot, name))) for name in subject.generator_ports],
        pmd_cpus=pmd_cpus,
        isolated=topology.isolated,
        generator_cpus=frozenset(subject.generator_cpus),
        siblings={number: cpu.siblings for number, cpu in topology.cpus.items()},
        others=others,
        pmd_share=share,
        sleep_us=int(sleep) if sleep.isdecimal() else 0,
        guests=[report.host.processes[pid].words for pid in sorted(guests) if pid in report.host.processes],
        largest_frame=subject.largest_frame,
    )


def _policers(snapshot: Snapshot, name: str) -> Iterator[str]:
    """Yield the directions in which a port has a policer."""
    port = snapshot.port_of(name)
    if port is not None and port.qos:
        yield "egress"
    if snapshot.interfaces[name].ingress_policing_rate:
        yield "ingress"
