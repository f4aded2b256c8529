# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates, bursts and sizes, and the numbers of the guide that come from them."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import rates

MPPS = rates.Rate(10**6, "pps")
FRAMES = st.integers(min_value=rates.MIN_FRAME, max_value=rates.MAX_FRAME)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1Mpps", 10**6, "pps"),
        ("500kpps", 500_000, "pps"),
        ("500Kpps", 500_000, "pps"),
        ("1000pps", 1000, "pps"),
        ("14.88Mpps", 14_880_000, "pps"),
        (" 10 Gbit ", 10**10, "bps"),
        ("10Gbps", 10**10, "bps"),
        ("100Mbit/s", 10**8, "bps"),
        ("1kbit", 1000, "bps"),
        ("8bits", 8, "bps"),
        ("1Tbit", 10**12, "bps"),
    ],
)
def test_a_rate_says_packets_or_bits_with_powers_of_1000(text: str, value: int, unit: str) -> None:
    rate = rates.parse_rate(text)
    assert (rate.value, rate.unit) == (value, unit)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("100", "has no unit"),
        ("100M", "does not say what it counts"),
        ("10K", "does not say what it counts"),
        ("1g", "does not say what it counts"),
        ("10Ki", "does not say what it counts"),
        ("100MB", "is in bytes"),
        ("100MB/s", "is in bytes"),
        ("100MBps", "is in bytes"),
        ("1Kibit", "not known"),
        ("1mpps", "not known"),
        ("5Mfoo", "not known"),
        ("-1Mpps", "not above 0"),
        ("0pps", "not above 0"),
        ("0.0Mbit", "not above 0"),
        ("nan", "not a number"),
        ("NaNpps", "not a number"),
        ("infpps", "not a number"),
        ("", "not a number"),
        ("pps", "not a number"),
    ],
)
def test_a_rate_that_is_not_clear_is_refused_with_the_units_that_exist(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        rates.parse_rate(text)
    for unit in ("1Mpps", "500kpps", "10Gbit", "1kbit"):
        assert unit in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("number", [100, 1.5, True, None])
def test_a_bare_yaml_number_is_no_rate(number: t.Any) -> None:
    with pytest.raises(ValueError, match="1Mpps"):
        rates.parse_rate(number)


@pytest.mark.parametrize(("text", "most"), [("11Gpps", "10Gpps"), ("11Tbit", "10Tbit"), ("1000000Tbit", "10Tbit")])
def test_more_than_any_link_is_a_typing_error(text: str, most: str) -> None:
    with pytest.raises(ValueError, match=most):
        rates.parse_rate(text)


def test_half_a_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of packets"):
        rates.parse_rate("0.5pps")


@given(st.integers(min_value=1, max_value=rates.MAX_PPS), st.sampled_from(t.get_args(rates.RateUnit)))
def test_a_rate_reads_back_as_it_is_shown(value: int, unit: rates.RateUnit) -> None:
    rate = rates.Rate(value, unit)
    assert rates.parse_rate(str(rate)) == rate


def test_a_rate_is_shown_with_the_largest_exact_prefix() -> None:
    assert [str(rates.Rate(*pair)) for pair in ((10**6, "pps"), (368 * 10**6, "bps"), (1_500_000, "pps"), (7, "bps"))] == [
        "1Mpps",
        "368Mbit",
        "1500kpps",
        "7bit",
    ]


def test_the_guides_egress_figure() -> None:
    assert rates.counted_bytes(64) == 46
    assert rates.egress_cir(rates.parse_rate("1Mpps"), 64) == 46_000_000


def test_the_guides_ingress_figure() -> None:
    assert rates.ingress_kbps(rates.parse_rate("1Mpps"), 64) == 368_000


def test_a_bit_rate_is_of_what_the_policer_counts_so_both_directions_agree() -> None:
    rate = rates.parse_rate("368Mbit")
    assert rates.egress_cir(rate) == 46_000_000
    assert rates.ingress_kbps(rate) == 368_000


def test_rates_are_shown_back_in_the_unit_they_were_given_in() -> None:
    assert str(rates.rate_of_cir(46_000_000, "pps", 64)) == "1Mpps"
    assert str(rates.rate_of_cir(46_000_000, "bps")) == "368Mbit"


@given(st.integers(min_value=1, max_value=rates.MAX_PPS), FRAMES)
def test_packet_rates_survive_cir_exactly(pps: int, frame_size: int) -> None:
    rate = rates.Rate(pps, "pps")
    assert rates.rate_of_cir(rates.egress_cir(rate, frame_size), "pps", frame_size) == rate


@given(st.integers(min_value=3, max_value=10**7), FRAMES)
def test_packet_rates_survive_kbps_within_half_a_kbit(pps: int, frame_size: int) -> None:
    kbps = rates.ingress_kbps(rates.Rate(pps, "pps"), frame_size)
    bits = pps * (frame_size - 18) * 8
    assert abs(kbps * 1000 - bits) <= 500


@pytest.mark.parametrize("text", ["1pps", "499bit"])
def test_an_ingress_rate_that_rounds_to_nothing_would_switch_policing_off(text: str) -> None:
    with pytest.raises(ValueError, match="no policing"):
        rates.ingress_kbps(rates.parse_rate(text), 64)


def test_an_egress_rate_that_rounds_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 bytes/s"):
        rates.egress_cir(rates.parse_rate("3bit"))


def test_ingress_rates_end_at_32_bits() -> None:
    assert rates.ingress_kbps(rates.parse_rate("4294967295kbit")) == rates.MAX_INGRESS
    with pytest.raises(ValueError, match="4294967295"):
        rates.ingress_kbps(rates.parse_rate("4294967296kbit"))


@pytest.mark.parametrize("frame_size", [0, 63, 9729, -1])
def test_frames_that_ethernet_does_not_have(frame_size: int) -> None:
    with pytest.raises(ValueError, match="64 to 9728"):
        rates.counted_bytes(frame_size)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("10ms", 10_000, "us"),
        ("500us", 500, "us"),
        ("1.5ms", 1500, "us"),
        ("2048B", 2048, "bytes"),
        ("460kB", 460_000, "bytes"),
        ("1000kbit", 125_000, "bytes"),
        ("32packets", 32, "packets"),
        ("1 packet", 1, "packets"),
        ("1kpkts", 1000, "packets"),
    ],
)
def test_a_burst_is_a_time_bytes_bits_or_packets(text: str, value: int, unit: str) -> None:
    burst = rates.parse_burst(text)
    assert (burst.value, burst.unit) == (value, unit)
    assert rates.parse_burst(str(burst)) == burst


@pytest.mark.parametrize("text", ["2048", "1000k", "-10ms", "0ms", "10m", "2KiB", "1bit", "61s", "0.5packets", "0.1us", ""])
def test_a_burst_that_is_not_clear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|whole|longer"):
        rates.parse_burst(text)


def test_ten_milliseconds_of_the_guides_rate() -> None:
    ten = rates.parse_burst("10ms")
    assert rates.burst_bytes(ten, 46_000_000) == 460_000
    assert rates.ingress_burst_kbit(ten, 368_000) == 3680


def test_bursts_round_up_so_that_nothing_asked_for_is_cut() -> None:
    assert rates.burst_bytes(rates.Burst(1, "us"), 1) == 1
    assert rates.ingress_burst_kbit(rates.Burst(126, "bytes"), 1) == 2
    assert rates.burst_bytes(rates.Burst(32, "packets"), 1, 64) == 32 * 46


def test_an_ingress_burst_ends_at_32_bits() -> None:
    with pytest.raises(ValueError, match="4294967295"):
        rates.ingress_burst_kbit(rates.Burst(10**13, "bytes"), 1)


def test_ingress_numbers_as_the_switch_reads_them() -> None:
    assert rates.ingress_meter(368_000, 1000) == rates.Meter(cir=46_000_000, cbs=125_000)
    assert rates.ingress_meter(368_000, 0) == rates.Meter(cir=46_000_000, cbs=1_000_000)  # burst 0: 8000 kbit
    assert rates.ingress_meter(0, 1000) is None


def test_the_guides_burst_bridges_45_microseconds() -> None:
    assert round(rates.bucket_us(2048, 46_000_000)) == 45
    assert rates.bucket_us(460_000, 46_000_000) == pytest.approx(10_000)


@pytest.mark.parametrize("meter", [rates.Meter(0, 2048), rates.Meter(46_000_000, 0), rates.Meter(-1, 2048), rates.Meter(1, 1, 1, 1), rates.Meter(1, 1, 0, 1)])
def test_an_egress_policer_that_dpdk_would_refuse(meter: rates.Meter) -> None:
    with pytest.raises(ValueError, match="egress-policer"):
        rates.check_srtcm(meter)


def test_the_guides_policer_is_accepted() -> None:
    meter = rates.Meter(46_000_000, 2048)
    rates.check_srtcm(meter)
    rates.check_burst(meter, 64)


@pytest.mark.parametrize(
    ("meter", "reason"),
    [
        (rates.Meter(50_000, 0, 50_000, 2048), "cir and cbs"),
        (rates.Meter(0, 2048, 50_000, 2048), "cir and cbs"),
        (rates.Meter(50_000, 2048, 50_000, 0), "eir and ebs"),
        (rates.Meter(0, 0, 0, 0), "no packet"),
        (rates.Meter(-1, 1, 0, 0), "negative"),
    ],
)
def test_a_two_rate_policer_that_dpdk_would_refuse(meter: rates.Meter, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rates.check_trtcm(meter)


@pytest.mark.parametrize("meter", [rates.Meter(50_000, 2048, 50_000, 2048), rates.Meter(100_000, 2048), rates.Meter(0, 0, 50_000, 2048)])
def test_the_policers_of_the_ovs_documentation_are_accepted(meter: rates.Meter) -> None:
    rates.check_trtcm(meter)


def test_a_burst_has_to_hold_a_frame() -> None:
    rates.check_burst(rates.Meter(1000, 46), 64)
    with pytest.raises(ValueError, match="45 bytes is less than a frame"):
        rates.check_burst(rates.Meter(1000, 45), 64)
    rates.check_burst(rates.Meter(0, 0, 1000, 46), 64)  # excess traffic passes as well


@pytest.mark.parametrize(
    ("text", "size"),
    [("1G", 2**30), ("1GB", 2**30), ("1GiB", 2**30), ("2M", 2**21), ("4096M", 2**32), ("2048kB", 2**21), ("64KiB", 2**16), ("0.5G", 2**29), ("4096B", 4096)],
)
def test_sizes_are_powers_of_1024_as_the_kernel_has_them(text: str, size: int) -> None:
    assert rates.parse_size(text) == size


@pytest.mark.parametrize("text", ["1", "1048576", "2m", "-2M", "0M", "1Gbit", "0.3kB", "", "M"])
def test_sizes_that_are_not_clear_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|whole"):
        rates.parse_size(text)


@given(st.integers(min_value=1, max_value=2**50))
def test_sizes_read_back_as_they_are_shown(size: int) -> None:
    assert rates.parse_size(rates.format_size(size)) == size


def test_page_sizes_are_shown_as_the_kernel_names_them() -> None:
    assert [rates.format_size(size) for size in (2**30, 2**21, 2**16, 2**25)] == ["1G", "2M", "64kB", "32M"]


@given(st.integers(min_value=1, max_value=10**9))
def test_times_read_back_as_they_are_shown(microseconds: int) -> None:
    assert rates.parse_duration(rates.format_duration(microseconds)) == microseconds
