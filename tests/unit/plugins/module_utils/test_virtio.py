# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virtio: names of features, from the switch and from sysfs."""

from __future__ import annotations

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import virtio


@pytest.mark.parametrize(
    ("text", "names"),
    [  # of Open vSwitch 3.1: testpmd with one and with two queues, iPXE in QEMU
        ("0x0000000950008000", ["MRG_RXBUF", "INDIRECT_DESC", "PROTOCOL_FEATURES", "VERSION_1", "IN_ORDER"]),
        ("0x0000000950448000", ["MRG_RXBUF", "CTRL_RX", "MQ", "INDIRECT_DESC", "PROTOCOL_FEATURES", "VERSION_1", "IN_ORDER"]),
        ("0x0000000140000000", ["PROTOCOL_FEATURES", "VERSION_1"]),
        ("0x0000000002000000", ["bit 25"]),
        ("0x0", []),
    ],
)
def test_the_number_of_the_switch_has_names(text: str, names: list[str]) -> None:
    bits = virtio.bits_of_hex(text)
    assert bits is not None
    assert virtio.names_of(bits) == names


@pytest.mark.parametrize("text", [None, "", "none", "0x"])
def test_no_number_is_no_features(text: str | None) -> None:
    assert virtio.bits_of_hex(text) is None


def test_the_digits_of_sysfs_begin_with_bit_0() -> None:
    digits = "1100010111111111111111110000110010000000000000000000000000000000"
    bits = virtio.bits_of_digits(digits)
    assert bits is not None
    assert {virtio.MQ, virtio.CTRL_VQ, virtio.MRG_RXBUF, 0, 32} <= bits
    assert 3 not in bits
    assert virtio.bits_of_digits("12") is None
    assert virtio.bits_of_digits("") is None


@pytest.mark.parametrize("name", ["MQ", "mq", "VIRTIO_NET_F_MQ", " Mq "])
def test_a_name_is_known_in_any_spelling(name: str) -> None:
    assert virtio.bit_of(name) == virtio.MQ


def test_every_name_leads_back_to_its_bit() -> None:
    assert {virtio.bit_of(name): name for name in virtio.FEATURES.values()} == virtio.FEATURES


def test_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'TSO' is not a feature of a virtio network device"):
        virtio.bit_of("TSO")
