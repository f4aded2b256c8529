# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ovs-vswitchd says of its ports, as captured from the releases (net_null with two queues, a vhost-user port of each mode)."""

from __future__ import annotations

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import DatapathPort, RxQueue, parse_dpif_show, parse_rx_queues

SHOW_3_1 = """\
netdev@ovs-netdev: hit:0 missed:0
  br0:
    br0 65534/1: (tap)
    dpdk0 1/2: (dpdk: configured_rx_queues=2, configured_rxq_descriptors=512, configured_tx_queues=2, configured_txq_descriptors=2048, \
lsc_interrupt_mode=false, mtu=1500, requested_rx_queues=2, requested_rxq_descriptors=512, requested_tx_queues=2, requested_txq_descriptors=2048, \
rx_csum_offload=false, tx_tso_offload=false)
    vhost-user0 2/3: (dpdkvhostuserclient: configured_rx_queues=1, configured_tx_queues=1, mtu=0, requested_rx_queues=1, requested_tx_queues=1)
    vhost-user1 3/4: (dpdkvhostuser: configured_rx_queues=1, configured_tx_queues=1, mtu=0, requested_rx_queues=1, requested_tx_queues=1)
"""
SHOW_3_5 = """\
netdev@ovs-netdev: hit:0 missed:0
  br0:
    br0 65534/1: (tap)
    dpdk0 1/2: (dpdk: dpdk-devargs=net_null0,size=60,no-rx=1, dpdk-lsc-interrupt=false, n_rxq=2, n_rxq_desc=512, n_txq_desc=2048)
    vhost-user0 2/3: (dpdkvhostuserclient: vhost-server-path=/var/run/openvswitch/vhost/vhost-user0)
    vhost-user1 3/4: (dpdkvhostuser)
"""
RXQ_2_15 = """\
pmd thread numa_id 0 core_id 1:
  isolated : false
  port: dpdk0             queue-id:  0 (enabled)   pmd usage: NOT AVAIL
  port: dpdk0             queue-id:  1 (enabled)   pmd usage: NOT AVAIL
  port: vhost-user0       queue-id:  0 (enabled)   pmd usage: NOT AVAIL
"""
RXQ_3_1 = f"Displaying last 60 seconds pmd usage %\n{RXQ_2_15}  overhead: NOT AVAIL\n"
RXQ_BOUND = """\
Displaying last 60 seconds pmd usage %
pmd thread numa_id 0 core_id 1:
  isolated : true
  port: dpdk0             queue-id:  0 (enabled)   pmd usage: NOT AVAIL
  overhead: NOT AVAIL
pmd thread numa_id 1 core_id 21:
  isolated : false
  port: a-port-with-a-name-of-more-than-18 queue-id: 12 (disabled)  pmd usage:  0 %
  overhead:  3 %
"""


@pytest.mark.parametrize("text", [SHOW_3_1, SHOW_3_5], ids=["3.1", "3.5"])
def test_every_release_shows_the_ports_and_what_their_devices_gave(text: str) -> None:
    datapath = parse_dpif_show(text)
    assert datapath.bridges == {"br0": "netdev"}
    assert {name: (port.bridge, port.type) for name, port in datapath.ports.items()} == {
        "br0": ("br0", "tap"),
        "dpdk0": ("br0", "dpdk"),
        "vhost-user0": ("br0", "dpdkvhostuserclient"),
        "vhost-user1": ("br0", "dpdkvhostuser"),
    }
    assert [datapath.ports["dpdk0"].number(key) for key in ("n_rxq", "n_rxq_desc", "n_txq_desc", "no-such")] == [2, 512, 2048, None]


def test_commas_of_devargs_do_not_end_a_value() -> None:
    assert parse_dpif_show(SHOW_3_5).ports["dpdk0"].config["dpdk-devargs"] == "net_null0,size=60,no-rx=1"


def test_a_port_that_the_datapath_did_not_take_is_not_in_it() -> None:
    kernel = "system@ovs-system: hit:0 missed:0\n  brs:\n    brs 65534/1: (internal)\n"
    text = f"{kernel}netdev@ovs-netdev: hit:0 missed:0\n  br0:\n    dpdk0 1/none:\n    p 2/7: (tap)\n"
    datapath = parse_dpif_show(text)
    assert datapath.bridges == {"brs": "system", "br0": "netdev"}
    assert datapath.ports == {"brs": DatapathPort("brs", "internal", {}), "p": DatapathPort("br0", "tap", {})}


@pytest.mark.parametrize("text", [RXQ_2_15, RXQ_3_1], ids=["2.15", "3.1"])
def test_every_release_shows_which_thread_polls_a_queue(text: str) -> None:
    assert parse_rx_queues(text) == (
        RxQueue("dpdk0", 0, core=1, node=0, isolated=False, enabled=True),
        RxQueue("dpdk0", 1, core=1, node=0, isolated=False, enabled=True),
        RxQueue("vhost-user0", 0, core=1, node=0, isolated=False, enabled=True),
    )


def test_a_thread_with_bound_queues_is_isolated_and_the_next_one_is_not() -> None:
    assert parse_rx_queues(RXQ_BOUND) == (
        RxQueue("a-port-with-a-name-of-more-than-18", 12, core=21, node=1, isolated=False, enabled=False),
        RxQueue("dpdk0", 0, core=1, node=0, isolated=True, enabled=True),
    )


def test_nothing_is_found_in_nothing() -> None:
    assert parse_rx_queues("") == ()
    assert parse_dpif_show("").ports == {}
