# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What qos/show and qos/show-types say; captured from Open vSwitch 3.1 and 4.0, which say the same."""

from __future__ import annotations

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.policer import differences
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import NoQoS, WantQoS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_qos import ShownQos, parse_qos_show, parse_qos_types

EGRESS = "QoS: vhost-user0 egress-policer\ncir: 46000000\ncbs: 2048\n"
TRTCM = """QoS: vhost-user1 trtcm-policer
cir: 52000
eir: 52000
ebs: 2048
cbs: 2048

Default:
  cir: 41600000
  eir: 52000
  ebs: 2048
  cbs: 2048
  tx_packets: 0
  tx_bytes: 0
  tx_errors: 0

Queue 1:
  cir: 0
  eir: 20000000
  ebs: 2048
  cbs: 0
  tx_packets: 0
  tx_bytes: 0
  tx_errors: 0
"""
KEYS = {"cir": "52000", "eir": "52000", "ebs": "2048", "cbs": "2048"}


def test_an_egress_policer_has_a_type_and_two_numbers() -> None:
    assert parse_qos_show(EGRESS) == ShownQos("egress-policer", {"cir": "46000000", "cbs": "2048"}, {})


def test_no_policer_has_no_type() -> None:
    assert parse_qos_show("QoS not configured on vhost-user1\n") == ShownQos()


def test_the_default_queue_is_number_0() -> None:
    shown = parse_qos_show(TRTCM)
    assert (shown.type, shown.keys, sorted(shown.queues)) == ("trtcm-policer", KEYS, [0, 1])
    assert (shown.queues[0]["cir"], shown.queues[1]["eir"]) == ("41600000", "20000000")


@pytest.mark.parametrize("text", ["", "no such interface\n"])
def test_something_else_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="qos/show answered"):
        parse_qos_show(text)


def test_the_types_are_sorted() -> None:
    assert parse_qos_types("QoS type: trtcm-policer\nQoS type: egress-policer\n") == ("egress-policer", "trtcm-policer")
    assert parse_qos_types("No QoS types supported for interface: br0\n") == ()


def test_a_queue_that_the_switch_does_not_have_is_a_difference() -> None:
    want = WantQoS(type="trtcm-policer", other_config=KEYS, queues={1: {"eir": "20000000"}, 2: {"cir": "1"}})
    assert differences(want, parse_qos_show(TRTCM)) == ["qos/show has queue 2 cir None instead of 1"]


def test_queue_0_that_the_switch_makes_itself_is_no_difference() -> None:
    assert differences(WantQoS(type="trtcm-policer", other_config=KEYS), parse_qos_show(TRTCM)) == []


def test_a_policer_that_shall_not_be_there_is_a_difference() -> None:
    assert differences(NoQoS(), parse_qos_show(EGRESS)) == ["qos/show still has a policer, egress-policer"]
    assert differences(NoQoS(), ShownQos()) == []
