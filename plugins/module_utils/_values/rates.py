# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet and bit rates, bursts, sizes and times, and what the policers of OVS-DPDK make of them (private to this collection).

What a policer counts: ``rte_pktmbuf_pkt_len(pkt) - sizeof(struct rte_ether_hdr)`` for each packet (Open vSwitch 2.6 to 4.0,
lib/netdev-dpdk.c, srTCM and trTCM alike). A DPDK mbuf has no FCS, so a frame of 64 bytes on the wire counts as 64 - 4 - 14 = 46 bytes,
and a VLAN tag counts. Ingress policing has the same meter behind kbit/s (netdev_dpdk_policer_construct).

A bit rate given to a policer is a rate of the bits it counts, that is of IP packets without Ethernet header and FCS. For a rate of whole frames
give packets per second and the frame size.

DPDK refills the buckets once in a period of at least 100 TSC cycles, cut down to whole cycles (DPDK lib/meter/rte_meter.c,
rte_meter_get_tb_params): a meter lets through up to 1 % more than its rate, never less.
"""

from __future__ import annotations

import re
import typing as t

RateUnit = t.Literal["pps", "bps"]
BurstUnit = t.Literal["us", "bytes", "packets"]

ETHERNET_HEADER = 14
FCS = 4
MIN_FRAME = 64  # IEEE 802.3, with FCS
MAX_FRAME = 9728  # NETDEV_DPDK_MAX_PKT_LEN in Open vSwitch lib/netdev-dpdk.c
VLAN_TAGS = 8  # two tags: what netdev-dpdk leaves room for above the MTU (MTU_TO_MAX_FRAME_LEN)

# Beyond any link there is (Ethernet ends at 1.6 Tbit/s): a typing error, not a limit
MAX_PPS = 10**10
MAX_BPS = 10**13
MAX_BURST_US = 60 * 10**6

# vswitchd/bridge.c clamps ingress_policing_rate and ingress_policing_burst to 32 bits
MAX_INGRESS = 2**32 - 1
# netdev_dpdk_set_policing: what burst 0 stands for where a rate is set
DEFAULT_INGRESS_BURST_KBIT = 8000

_RATE_UNITS = "packets per second as 1Mpps, 500kpps or 1000pps, bits per second as 10Gbit, 100Mbit or 1kbit; k, M, G and T are powers of 1000"
_BURST_UNITS = "a time as 10ms or 500us, bytes as 2048B or 460kB, bits as 1000kbit, or packets as 1000packets; k and M are powers of 1000"
_SIZE_UNITS = "512kB, 2M, 2048MB or 1G; k, M, G and T are powers of 1024, as the kernel has them"
_DURATION_UNITS = "10ms, 500us or 1s"

_NUMBER = r"\s*(?P<sign>[+-]?)(?P<number>[0-9]+(?:\.[0-9]+)?)\s*"
_RATE = _NUMBER + r"(?P<prefix>[kKMGT]?)(?P<unit>pps|bps|bits?(?:/s)?)\s*"
_BURST = _NUMBER + r"(?P<prefix>[kKMG]?)(?P<unit>B|bits?|packets?|pkts?)\s*"
_DURATION = _NUMBER + r"(?P<unit>us|ms|s)\s*"
_SIZE = _NUMBER + r"(?:(?P<prefix>[kKMGT])(?:i?B)?|B)\s*"

_DECIMAL = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"": 1, "k": 2**10, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MICROSECONDS = {"us": 1, "ms": 10**3, "s": 10**6}


class Rate(t.NamedTuple):
    """Packets per second (``pps``) or bits per second (``bps``); always above 0."""

    value: int
    unit: RateUnit

    def __str__(self) -> str:
        """Return it as parse_rate reads it, with the largest prefix that keeps it exact: ``1Mpps``, ``368Mbit``."""
        number, prefix = _shortest(self.value, (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)))
        return f"{number}{prefix}{'pps' if self.unit == 'pps' else 'bit'}"


class Burst(t.NamedTuple):
    """How much may pass at once: a time of the rate (``us``), ``bytes`` that the policer counts, or ``packets`` of the frame size."""

    value: int
    unit: BurstUnit

    def __str__(self) -> str:
        """Return it as parse_burst reads it."""
        if self.unit == "us":
            return format_duration(self.value)
        if self.unit == "packets":
            return f"{self.value}packets"
        number, prefix = _shortest(self.value, (("M", 10**6), ("k", 10**3)))
        return f"{number}{prefix}B"


class Meter(t.NamedTuple):
    """The token buckets of a policer as OVSDB has them: cir and eir in bytes/s, cbs and ebs in bytes, all as the policer counts."""

    cir: int
    cbs: int
    eir: int = 0
    ebs: int = 0


def _shortest(value: int, factors: tuple[tuple[str, int], ...]) -> tuple[int, str]:
    for prefix, factor in factors:
        if value and value % factor == 0:
            return value // factor, prefix
    return value, ""


def _quantity(given: t.Any, pattern: str, possible: str) -> re.Match[str]:
    """Return the match of a quantity above 0. Raises ValueError that says what is possible."""
    match = re.fullmatch(pattern, given) if isinstance(given, str) else None
    if not match:
        raise ValueError(f"{_why_not(given)}; write {possible}")
    if match["sign"] == "-" or not match["number"].strip("0."):
        raise ValueError(f"{given!r} is not above 0; write {possible}")
    return match


def _why_not(given: t.Any) -> str:
    """Say what is wrong with a quantity that has no known unit."""
    text = str(given).strip()
    if isinstance(given, bool) or not re.match(r"[+-]?[0-9]", text):
        return f"{given!r} is not a number with a unit"
    if re.fullmatch(r"[+-]?[0-9.]+", text):
        return f"{given!r} has no unit"
    if re.fullmatch(r"[+-]?[0-9.]+\s*[kKmMgGtT]i?", text):
        return f"{given!r} does not say what it counts"
    if re.fullmatch(r"[+-]?[0-9.]+\s*[kKmMgGtT]?i?B(?:/s|ps)?", text):
        return f"{given!r} is in bytes, which could be of frames or of packets"
    return f"{given!r} has a unit that is not known here"


def _whole(match: re.Match[str], factor: int, what: str, divisor: int = 1) -> int:
    """Return the number of a quantity times *factor*, divided by *divisor*. Raises ValueError where that is not a whole number."""
    whole, _point, decimals = match["number"].partition(".")
    divisor *= int("1" + "0" * len(decimals))
    number, rest = divmod(int(whole + decimals) * factor, divisor)
    if rest:
        raise ValueError(f"{match.string!r} is not a whole number of {what}")
    return number


def _nearest(number: int, divisor: int) -> int:
    """Divide, and round to the nearest integer, halves up."""
    return (2 * number + divisor) // (2 * divisor)


def _up(number: int, divisor: int) -> int:
    return -(-number // divisor)


def parse_rate(given: str) -> Rate:
    """Return the rate of ``1Mpps`` (packets) or ``10Gbit`` (bits; also ``10Gbps``, ``10Gbit/s``).

    Prefixes are powers of 1000, and ``bps`` is bits as in the documentation of Open vSwitch (tc has it as bytes, which this collection never does).
    Raises ValueError where the unit is missing or could be read in two ways (``100``, ``100M``, ``100MB``, ``10K``, ``1g``),
    and for what is 0, negative, broken or beyond any link.
    """
    match = _quantity(given, _RATE, _RATE_UNITS)
    unit: RateUnit = "pps" if match["unit"] == "pps" else "bps"
    rate = Rate(_whole(match, _DECIMAL[match["prefix"]], "packets per second" if unit == "pps" else "bits per second"), unit)
    most = Rate(MAX_PPS if unit == "pps" else MAX_BPS, unit)
    if rate.value > most.value:
        raise ValueError(f"{given!r} is more than any link carries; at most {most} is possible")
    return rate


def parse_burst(given: str) -> Burst:
    """Return the burst of ``10ms``, ``460kB``, ``1000kbit`` or ``1000packets``; prefixes are powers of 1000.

    Raises ValueError, also for a number without a unit: Open vSwitch takes bytes for egress and kbit for ingress.
    """
    if re.fullmatch(_DURATION, str(given)):
        burst = Burst(parse_duration(given), "us")
        if burst.value > MAX_BURST_US:
            raise ValueError(f"{given!r} is longer than {format_duration(MAX_BURST_US)}: that would not limit anything")
        return burst
    match = _quantity(given, _BURST, _BURST_UNITS)
    factor = _DECIMAL[match["prefix"]]
    if match["unit"].startswith("p"):
        return Burst(_whole(match, factor, "packets"), "packets")
    return Burst(_whole(match, factor, "bytes", 1 if match["unit"] == "B" else 8), "bytes")


def parse_duration(given: str) -> int:
    """Return the microseconds of ``10ms``, ``500us`` or ``1s``. Raises ValueError."""
    match = _quantity(given, _DURATION, _DURATION_UNITS)
    return _whole(match, _MICROSECONDS[match["unit"]], "microseconds")


def format_duration(microseconds: int) -> str:
    """Return the time as parse_duration reads it, exactly."""
    number, unit = _shortest(microseconds, (("s", 10**6), ("ms", 10**3)))
    return f"{number}{unit or 'us'}"


def parse_size(given: str) -> int:
    """Return the bytes of ``1G``, ``2M``, ``2048kB`` or ``64KiB``; every prefix is a power of 1024.

    The kernel has it so for hugepages (Linux Documentation/admin-guide/mm/hugetlbpage, ``hugepages-2048kB``). Raises ValueError,
    also for a number without a unit.
    """
    match = _quantity(given, _SIZE, _SIZE_UNITS)
    return _whole(match, _BINARY[match["prefix"] or ""], "bytes")


def format_size(size: int) -> str:
    """Return bytes as parse_size reads them, exactly and as the kernel writes page sizes: ``1G``, ``2M``, ``64kB``."""
    number, prefix = _shortest(size, (("T", 2**40), ("G", 2**30), ("M", 2**20), ("kB", 2**10)))
    return f"{number}{prefix or 'B'}"


def counted_bytes(frame_size: int) -> int:
    """Return what a policer counts of a frame of *frame_size* bytes with FCS: 46 for 64 (see the head of this file).

    Guide section 7; vswitch.xml, QoS, cir. Raises ValueError outside 64 to 9728 bytes.
    """
    if not MIN_FRAME <= frame_size <= MAX_FRAME:
        raise ValueError(f"a frame of {frame_size} bytes is not possible; {MIN_FRAME} to {MAX_FRAME} bytes with FCS are")
    return frame_size - ETHERNET_HEADER - FCS


def egress_cir(rate: Rate, frame_size: int = MIN_FRAME) -> int:
    """Return cir (also eir) in bytes/s: packets/s times the counted bytes of a frame, or bits/s divided by 8, to the nearest byte/s.

    Guide section 7: 1Mpps of 64-byte frames is 46000000; vswitch.xml, QoS, cir: pps x packet data size.
    *frame_size* is not looked at for a bit rate. Raises ValueError where it comes to 0.
    """
    cir = rate.value * counted_bytes(frame_size) if rate.unit == "pps" else _nearest(rate.value, 8)
    if not cir:
        raise ValueError(f"{rate} comes to 0 bytes/s; the least that a policer can do is 8bit")
    return cir


def rate_of_cir(cir: int, unit: RateUnit, frame_size: int = MIN_FRAME) -> Rate:
    """Return the rate that *cir* bytes/s stand for, to the nearest packet/s, in the unit a person gave it in; reverses egress_cir."""
    return Rate(_nearest(cir, counted_bytes(frame_size)) if unit == "pps" else cir * 8, unit)


def ingress_kbps(rate: Rate, frame_size: int = MIN_FRAME) -> int:
    """Return ingress_policing_rate in kbit/s (1000 bits), to the nearest kbit/s, never 0 as that would be no policing.

    Guide section 8: 1Mpps of 64-byte frames is 368000. netdev_dpdk_policer_construct has cir = kbps * 1000 / 8 bytes/s; Open vSwitch before 2.6.2 and 2.7.3
    computed that in 32 bits, so that more than 4294967 kbit/s wrapped there (602c86681).
    Raises ValueError where it comes to 0 or to more than 32 bits.
    """
    bits = rate.value * counted_bytes(frame_size) * 8 if rate.unit == "pps" else rate.value
    kbps = _nearest(bits, 1000)
    if not kbps:
        raise ValueError(f"{rate} comes to 0 kbit/s, which would be no policing at all; the least that Open vSwitch can do is 1kbit")
    if kbps > MAX_INGRESS:
        raise ValueError(f"{rate} comes to {kbps} kbit/s; Open vSwitch cuts at {MAX_INGRESS}")
    return kbps


def cir_of_kbps(kbps: int) -> int:
    """Return the bytes/s (or for a burst in kbit the bytes) that netdev-dpdk makes of a number in kbit (netdev_dpdk_policer_construct)."""
    return kbps * 1000 // 8


def burst_bytes(burst: Burst, cir: int, frame_size: int = MIN_FRAME) -> int:
    """Return cbs (also ebs) in bytes, rounded up: for a time that of *cir* bytes/s, for packets that of frames of *frame_size*."""
    if burst.unit == "us":
        return _up(cir * burst.value, 10**6)
    if burst.unit == "packets":
        return burst.value * counted_bytes(frame_size)
    return burst.value


def ingress_burst_kbit(burst: Burst, kbps: int, frame_size: int = MIN_FRAME) -> int:
    """Return ingress_policing_burst in kbit (1000 bits), rounded up. Raises ValueError where it is more than 32 bits."""
    kbit = _up(burst_bytes(burst, cir_of_kbps(kbps), frame_size) * 8, 1000)
    if kbit > MAX_INGRESS:
        raise ValueError(f"{burst} comes to {kbit} kbit; Open vSwitch cuts at {MAX_INGRESS}")
    return kbit


def ingress_meter(kbps: int, kbit: int) -> Meter | None:
    """Return the bucket that ingress_policing_rate=*kbps* and ingress_policing_burst=*kbit* make; none for rate 0.

    Burst 0 stands for 8000 kbit (netdev_dpdk_set_policing; vswitch.xml, ingress_policing_burst).
    """
    if not kbps:
        return None
    return Meter(cir=cir_of_kbps(kbps), cbs=cir_of_kbps(kbit or DEFAULT_INGRESS_BURST_KBIT))


def bucket_us(size: int, rate: int) -> float:
    """Return after how many microseconds without a packet a bucket of *size* bytes refilled at *rate* bytes/s overflows.

    A PMD thread that is away for longer loses what overflows: the policer then passes less than its rate. The guide's cbs=2048 at
    cir=46000000 is full after 45 microseconds, which asks for an isolated CPU; 10ms bridge what a shared CPU does.
    """
    return size * 1e6 / rate


def check_srtcm(meter: Meter) -> None:
    """Raise ValueError where DPDK refuses an egress-policer or ingress meter (rte_meter_srtcm_profile_config; Open vSwitch has ebs 0)."""
    if meter.eir or meter.ebs:
        raise ValueError("an egress-policer has one bucket; eir and ebs are for trtcm-policer")
    if meter.cir < 1 or meter.cbs < 1:
        raise ValueError("an egress-policer needs cir and cbs above 0")


def check_trtcm(meter: Meter) -> None:
    """Raise ValueError where DPDK refuses a trtcm-policer or one of its queues (rte_meter_trtcm_rfc4115_profile_config), or it would pass nothing."""
    if min(meter.cir, meter.cbs, meter.eir, meter.ebs) < 0:
        raise ValueError("cir, cbs, eir and ebs cannot be negative")
    for rate, size, names in ((meter.cir, meter.cbs, "cir and cbs"), (meter.eir, meter.ebs, "eir and ebs")):
        if bool(rate) != bool(size):
            raise ValueError(f"{names} have to be both 0 or both above 0, not {rate} and {size}")
    if not meter.cir and not meter.eir:
        raise ValueError("cir and eir are both 0, so that no packet would pass")


def check_burst(meter: Meter, frame_size: int) -> None:
    """Raise ValueError where no frame of *frame_size* bytes can ever pass, as no bucket can hold it.

    vswitch.xml, QoS, cbs: at least the largest packet that is expected.
    """
    counted, size = counted_bytes(frame_size), max(meter.cbs, meter.ebs)
    if size < counted:
        raise ValueError(f"a burst of {size} bytes is less than a frame of {frame_size} bytes, which counts as {counted}: none would ever pass")
