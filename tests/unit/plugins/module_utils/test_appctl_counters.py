# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters of ports and PMD threads, in the words of real switches."""

from __future__ import annotations

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_counters import Cycles, PortCounters, parse_cycles, parse_port_counters

# Open vSwitch 3.1: the guest of gen0 has just gone, those of vm0 and vm1 are there
SHOW_3_1 = """netdev@ovs-netdev:
  lookups: hit:381690 missed:0 lost:0
  flows: 2
  port 0: ovs-netdev (tap)
    RX packets:0 errors:0 dropped:0 overruns:0 frame:0
    TX packets:0 errors:0 dropped:0 aborted:0 carrier:0
    collisions:0
    RX bytes:0  TX bytes:0
  port 2: gen0 (dpdkvhostuserclient: configured_rx_queues=1, configured_tx_queues=1, mtu=1500, requested_rx_queues=1, requested_tx_queues=1)
, could not retrieve stats (Protocol error)  port 3: vm0 (dpdkvhostuserclient: configured_rx_queues=1, configured_tx_queues=1, mtu=1500)
    RX packets:0 errors:? dropped:0 overruns:? frame:?
    TX packets:9052575 errors:? dropped:41877660 aborted:? carrier:?
    collisions:?
    RX bytes:0  TX bytes:532610872 (507.9 MiB)
  port 4: vm1 (dpdkvhostuserclient: configured_rx_queues=1, configured_tx_queues=1, mtu=1500, requested_rx_queues=1, requested_tx_queues=1)
    RX packets:9029266 errors:? dropped:0 overruns:? frame:?
    TX packets:0 errors:? dropped:0 aborted:? carrier:?
    collisions:?
    RX bytes:531233368 (506.6 MiB)  TX bytes:0
  port 5: null0 (dpdk: configured_rx_queues=1, configured_rxq_descriptors=2048, configured_tx_queues=2, configured_txq_descriptors=2048, mtu=1500)
    RX packets:33426848 errors:0 dropped:5795551 overruns:? frame:?
    TX packets:6386394 errors:0 dropped:0 aborted:? carrier:?
    collisions:?
    RX bytes:0  TX bytes:0
"""
STATS_3_1 = """pmd thread numa_id 0 core_id 1:
  packets received: 383545
  packet recirculations: 0
  avg. datapath passes per packet: 1.00
  phwol hits: 0
  simple match hits: 383545
  avg. packets per output batch: 8.45
  idle cycles: 1023351 (0.32%)
  processing cycles: 318431941 (99.68%)
  avg cycles per packet: 832.90 (319455292/383545)
  avg processing cycles per packet: 830.23 (318431941/383545)
main thread:
  packets received: 17
  packet recirculations: 0
  idle cycles: 12 (1.00%)
  processing cycles: 13 (99.00%)
"""


def test_the_counters_of_all_ports_are_read() -> None:
    ports = parse_port_counters(SHOW_3_1)
    assert list(ports) == ["ovs-netdev", "gen0", "vm0", "vm1", "null0"]
    assert ports["vm0"] == PortCounters(0, 0, 0, 9052575, 532610872, 41877660)
    assert ports["null0"] == PortCounters(33426848, 0, 5795551, 6386394, 0, 0)


def test_a_port_without_counters_has_none_and_does_not_hide_the_next_one() -> None:
    assert parse_port_counters(SHOW_3_1)["gen0"] == PortCounters()
    assert parse_port_counters("  port 2: p (dpdkvhostuser)\n    RX packets:? errors:? dropped:? overruns:? frame:?\n")["p"].rx_packets is None


def test_cycles_are_those_of_pmd_threads_alone() -> None:
    assert parse_cycles(STATS_3_1) == {1: Cycles(packets=383545, processing=318431941)}


# What 4.0 answers to the same question is pmd-perf-show; this one is of 3.1
PERF = """Time: 08:28:23.328
Measurement duration: 2.085 s

pmd thread numa_id 0 core_id 1:

  Iterations:               466571  (4.46 us/it)
  - Used TSC cycles:    5411063190  ( 99.8 % of total cycles)
  - idle iterations:             0  (  0.0 % of used cycles)
  - busy iterations:        466571  (100.0 % of used cycles)
  Rx packets:             17648448  (8464 Kpps, 307 cycles/pkt)
  Datapath passes:        17648448  (1.00 passes/pkt)
  Tx packets:             17648448  (8464 Kpps)

main thread:

  Iterations:                    5
  Rx packets:                    7
  - Used TSC cycles:             9
"""


def test_cycles_of_a_release_that_has_one_command_less_are_read_from_the_other_one() -> None:
    assert parse_cycles(PERF) == {1: Cycles(packets=17648448, processing=5411063190)}


def test_a_thread_that_has_done_nothing_and_other_output_have_no_cycles() -> None:
    assert parse_cycles("pmd thread numa_id 0 core_id 1:\n  packets received: 0\n") == {}
    assert parse_cycles("Time: 08:28:32.885\npmd thread numa_id 0 core_id 1:\n\n  Rx packets: 5\n") == {}
