# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ovs-vswitchd says of the load of its PMD threads; captured from Open vSwitch 2.15, 3.5 and 4.0."""

from __future__ import annotations

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_perf import Load, Usage, parse_load, parse_usage

RXQ_SHOW_3_5 = """Displaying last 60 seconds pmd usage %
pmd thread numa_id 0 core_id 1:
  isolated : false
  port: dpdk0             queue-id:  0 (enabled)   pmd usage:  0 %
  port: dpdk1             queue-id:  0 (enabled)   pmd usage: 42 %
  port: vhost-user0       queue-id:  0 (enabled)   pmd usage:  0 %
  overhead:  7 %
"""
RXQ_SHOW_2_15 = """pmd thread numa_id 0 core_id 1:
  isolated : false
  port: dpdk0             queue-id:  0 (enabled)   pmd usage: NOT AVAIL
"""
PERF_SHOW_3_5 = """
Time: 02:32:43.310
Measurement duration: 130.683 s

pmd thread numa_id 0 core_id 1:

  Iterations:              6571629  (18.08 us/it)
  - Used TSC cycles:   85085415643  ( 25.1 % of total cycles)
  - idle iterations:        275535  (  0.6 % of used cycles)
  - busy iterations:       6296094  ( 99.4 % of used cycles)
  - sleep iterations:       152607  (  2.3 % of iterations)
  Sleep time (us):        86034652  (564 us/iteration avg.)
  Rx packets:            201475104  (1542 Kpps, 420 cycles/pkt)
  Datapath passes:       201475104  (1.00 passes/pkt)
  - PHWOL hits:                  0  (  0.0 %)
  - Simple Match hits:   201472608  (100.0 %)
  - Upcalls:                     1  (  0.0 %, 0.0 us/upcall)
  - Lost upcalls:             2464  (  0.0 %)
  Tx packets:            200893056  (1537 Kpps)
  Tx batches:              6277908  (32.00 pkts/batch)
"""
PERF_SHOW_4_0 = """
Time: 01:52:30.709
Measurement duration: 33.053 s

pmd thread numa_id 0 core_id 1:

  Iterations:                57180  (543.89 us/it)
  - idle iterations:         57180  (100.0 % of used cycles)
  - busy iterations:             0  (  0.0 % of used cycles)
  - sleep iterations:        57180  (100.0 % of iterations)
  Rx packets:                   12
  Tx packets:                    0

Time: 01:52:30.709
Measurement duration: 33.068 s

main thread:

  Rx packets:                   77
  Tx packets:                    0
"""
PERF_SHOW_2_15 = """
Time: 02:20:03.466
Measurement duration: 2.775 s

pmd thread numa_id 0 core_id 1:

  Iterations:            15494111  (0.18 us/it)
  - Used TSC cycles:   7147337236  ( 99.1 % of total cycles)
  - idle iterations:     15494111  (100.0 % of used cycles)
  - busy iterations:            0  (  0.0 % of used cycles)
  Rx packets:                   0
  Tx packets:                   0
"""


def test_each_queue_has_its_share_and_each_thread_its_overhead() -> None:
    assert parse_usage(RXQ_SHOW_3_5) == Usage({("dpdk0", 0): 0, ("dpdk1", 0): 42, ("vhost-user0", 0): 0}, {1: 7})


def test_what_was_not_measured_yet_is_left_out() -> None:
    assert parse_usage(RXQ_SHOW_2_15) == Usage({}, {})


def test_a_thread_with_traffic_has_its_figures() -> None:
    assert parse_load(PERF_SHOW_3_5) == {1: Load(130.683, 201475104, 200893056, 99.4, 2.3)}


def test_the_main_thread_is_left_out() -> None:
    assert parse_load(PERF_SHOW_4_0) == {1: Load(33.053, 12, 0, 0.0, 100.0)}


def test_a_release_that_does_not_sleep_says_nothing_of_it() -> None:
    assert parse_load(PERF_SHOW_2_15) == {1: Load(2.775, 0, 0, 0.0, None)}


def test_no_threads_are_no_load() -> None:
    assert parse_load("\n") == {}
