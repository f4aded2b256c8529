# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of a policer to the rows of the database, and back to what a person reads (private to this collection). Pure.

Guide sections 7 and 8; vswitch.xml, tables QoS and Queue, and Interface, ingress_policing_rate.
"""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import EGRESS_POLICER, POLICERS, TRTCM_POLICER, NoQoS, WantQoS
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import rates
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_qos import ShownQos
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface, QoS, Queue, Snapshot

DEFAULT_MTU = 1500

# A PMD thread that shares its CPU is away for some milliseconds at a time (the time slices of the Linux scheduler): the bucket has to
# hold what comes in meanwhile, or the policer passes less than its rate.
DEFAULT_BURST = rates.Burst(10_000, "us")

_METER_OPTIONS = ("rate", "burst", "cir", "cbs", "excess_rate", "excess_burst", "eir", "ebs")
_EXCESS = ("excess_rate", "excess_burst", "eir", "ebs")
_MOST_BYTES = 2**63 - 1

Options = t.Mapping[str, t.Any]


class Units(t.NamedTuple):
    """In which units the user thinks of a policer, and with which size of frames."""

    rate: rates.RateUnit = "bps"
    frame_size: int = rates.MIN_FRAME

    def show(self, cir: int) -> str:
        """Return the rate of *cir* bytes/s."""
        return str(rates.rate_of_cir(cir, self.rate, self.frame_size))


class Subject(t.NamedTuple):
    """What an error has to name, the largest packet that the port can have to pass, and the size of frames that the task has in mind."""

    port: str
    direction: t.Literal["egress", "ingress"]
    mtu: int
    frame_size: int = rates.MIN_FRAME
    place: str = ""

    def error(self, option: str, given: t.Any, why: ValueError | str, advice: str) -> InputError:
        """Return the error of an option."""
        text = str(why)
        return InputError(f"port {self.port}", f"{self.direction}.{self.place}{option}", given, text[:1].upper() + text[1:] + ".", advice)


def is_empty(options: Options) -> bool:
    """Tell whether a direction was given with nothing in it, which clears it."""
    return all(value is None for value in options.values())


def units_of(options: Options) -> Units:
    """Return the units that a direction is given in; raw numbers are shown in bits per second, which hold for any size of frames."""
    frame_size = options["frame_size"] or rates.MIN_FRAME
    given = [options.get(name) for name in ("rate", "excess_rate")]
    return Units("pps" if any(str(rate).strip().endswith("pps") for rate in given if rate is not None) else "bps", frame_size)


def largest_mtu(interfaces: Iterable[Interface | None]) -> int:
    """Return the largest MTU of these interfaces. A vhost-user port has none in the database while no guest is there: what is asked for counts."""
    return max([DEFAULT_MTU, *(interface.mtu_request for interface in interfaces if interface is not None and interface.mtu_request)])


def _with_frame_size(subject: Subject, options: Options) -> Subject:
    if options["frame_size"] is None:
        return subject
    try:
        rates.counted_bytes(options["frame_size"])
    except ValueError as error:
        raise subject.error("frame_size", options["frame_size"], error, "Give the size of the frames on the wire, with FCS.") from None
    return subject._replace(frame_size=options["frame_size"])


def _number(subject: Subject, option: str, value: int, bounds: tuple[int, int], advice: str) -> int:
    least, most = bounds
    if not least <= value <= most:
        raise subject.error(option, value, f"it is a number from {least} to {most}", advice)
    return value


def _bytes_per_second(subject: Subject, options: Options, rate: str, raw: str) -> int | None:
    """Return a rate in bytes/s; None where neither the option with units nor the raw one is given."""
    if options[raw] is not None:
        return _number(subject, raw, options[raw], (0, rates.MAX_BPS // 8), f"Give bytes per second without Ethernet header and FCS, or use {rate}.")
    if options[rate] is None:
        return None
    try:
        return rates.egress_cir(rates.parse_rate(options[rate]), subject.frame_size)
    except ValueError as error:
        raise subject.error(rate, options[rate], error, f"Correct {rate}, or give {raw} in bytes per second.") from None


def _bytes(subject: Subject, given: t.Any, raw: int | None, rate: int, names: tuple[str, str]) -> int:
    """Return a burst in bytes: what is given (in the options *names*), or 10 ms of the rate and at least the largest packet with two VLAN tags."""
    if raw is not None:
        return _number(subject, names[1], raw, (0, _MOST_BYTES), f"Give bytes without Ethernet header and FCS, or use {names[0]}.")
    if given is None:
        return max(rates.burst_bytes(DEFAULT_BURST, rate, subject.frame_size), subject.mtu + rates.VLAN_TAGS) if rate else 0
    try:
        return rates.burst_bytes(rates.parse_burst(given), rate, subject.frame_size)
    except ValueError as error:
        raise subject.error(names[0], given, error, f"Correct {names[0]}, or give {names[1]} in bytes.") from None


def _check_bucket(subject: Subject, options: Options, raw: str, meter: rates.Meter) -> None:
    """Refuse a bucket that a frame of the given size or the largest packet of the port never fits into: it would be dropped always."""
    size = max(meter.cbs, meter.ebs)
    option = raw if options[raw] is not None else "burst"
    given = options[option]
    advice = f"Give at least {max(subject.mtu + rates.VLAN_TAGS, rates.counted_bytes(subject.frame_size))} bytes, or leave it out."
    try:
        rates.check_burst(meter, subject.frame_size)
    except ValueError as error:
        raise subject.error(option, given, error, advice) from None
    if size < subject.mtu:
        why = f"a burst of {size} bytes is less than the largest packet of the port, {subject.mtu} bytes: such packets would never pass"
        raise subject.error(option, given, why, advice)


def _meter(subject: Subject, options: Options, *, two_rates: bool) -> rates.Meter:
    """Return the buckets of a policer, or of a queue of a trtcm-policer."""
    if not two_rates:
        extra = next((name for name in _EXCESS if options.get(name) is not None), None)
        if extra:
            raise subject.error(extra, options[extra], f"an {EGRESS_POLICER} has one rate only", f"Leave it out, or set type to {TRTCM_POLICER}.")
    cir = _bytes_per_second(subject, options, "rate", "cir")
    eir = _bytes_per_second(subject, options, "excess_rate", "eir") if two_rates else None
    if cir is None and eir is None:
        raise subject.error("rate", None, "a policer needs a rate", f"Give rate or cir. An empty value, {subject.direction}: {{}}, clears the policer.")
    cbs = _bytes(subject, options["burst"], options["cbs"], cir or 0, ("burst", "cbs"))
    ebs = _bytes(subject, options["excess_burst"], options["ebs"], eir or 0, ("excess_burst", "ebs")) if two_rates else 0
    meter = rates.Meter(cir or 0, cbs, eir or 0, ebs)
    try:
        if two_rates:
            rates.check_trtcm(meter)
        else:
            rates.check_srtcm(meter)
    except ValueError as error:
        given = {name: options[name] for name in _METER_OPTIONS if options.get(name) is not None}
        raise subject.error("cir", given, error, f"Correct the numbers. An empty value, {subject.direction}: {{}}, clears the policer.") from None
    _check_bucket(subject, options, "cbs", meter)
    return meter


def _keys(meter: rates.Meter, *, two_rates: bool) -> dict[str, str]:
    names = ("cir", "cbs", "eir", "ebs") if two_rates else ("cir", "cbs")
    return {name: str(getattr(meter, name)) for name in names}


def egress_want(port: str, options: Options, mtu: int) -> WantQoS:
    """Return the row of QoS, with its queues, that the options of direction egress ask for. Raises InputError."""
    subject = _with_frame_size(Subject(port, "egress", mtu), options)
    two_rates = options["type"] == TRTCM_POLICER
    meter = _meter(subject, options, two_rates=two_rates)
    queues: dict[int, dict[str, str]] = {}
    for queue in options["queues"] or ():
        if not two_rates:
            raise subject.error(
                "queues",
                [given["queue"] for given in options["queues"]],
                f"an {EGRESS_POLICER} has no queues",
                f"Leave them out, or set type to {TRTCM_POLICER}.",
            )
        number = queue["queue"]
        inside = subject._replace(place=f"queues[{number}].")
        if number in queues or not 0 <= number < 2**32 - 1:  # OFPQ_ALL is 2**32 - 1
            raise inside.error("queue", number, "a queue has a number from 0 on, and each can be given once", "Correct it.")
        queues[number] = _keys(_meter(inside, queue, two_rates=True), two_rates=True)
    return WantQoS(type=TRTCM_POLICER if two_rates else EGRESS_POLICER, other_config=_keys(meter, two_rates=two_rates), queues=queues)


def ingress_want(port: str, options: Options, mtu: int) -> tuple[int, int]:
    """Return ingress_policing_rate (kbit/s) and ingress_policing_burst (kbit) that the options of direction ingress ask for. Raises InputError."""
    subject = _with_frame_size(Subject(port, "ingress", mtu), options)
    clear = "An empty value, ingress: {}, clears the policer."
    if options["kbps"] is not None:
        kbps = _number(subject, "kbps", options["kbps"], (1, rates.MAX_INGRESS), clear)
    elif options["rate"] is None:
        raise subject.error("rate", None, "a policer needs a rate", f"Give rate or kbps. {clear}")
    else:
        try:
            kbps = rates.ingress_kbps(rates.parse_rate(options["rate"]), subject.frame_size)
        except ValueError as error:
            raise subject.error("rate", options["rate"], error, "Correct rate, or give kbps.") from None
    if options["kbit"] is not None:
        advice = f"To Open vSwitch 0 is {rates.DEFAULT_INGRESS_BURST_KBIT}; give the number that you mean."
        kbit = _number(subject, "kbit", options["kbit"], (1, rates.MAX_INGRESS), advice)
    else:
        try:
            burst = DEFAULT_BURST if options["burst"] is None else rates.parse_burst(options["burst"])
            kbit = rates.ingress_burst_kbit(burst, kbps, subject.frame_size)
            if options["burst"] is None:
                kbit = max(kbit, rates.ingress_burst_kbit(rates.Burst(mtu + rates.VLAN_TAGS, "bytes"), kbps, subject.frame_size))
        except ValueError as error:
            raise subject.error("burst", options["burst"], error, "Correct burst, or give kbit.") from None
    meter = rates.ingress_meter(kbps, kbit)
    if meter is not None:
        _check_bucket(subject, options, "kbit", meter)
    return kbps, kbit


def _int(keys: Mapping[str, str], name: str) -> int:
    """Return a number as the switch reads it: what is none counts as 0 (smap_get_ullong)."""
    value = keys.get(name, "0")
    return int(value) if value.isdecimal() else 0


def _shown_meter(keys: Mapping[str, str], units: Units, *, two_rates: bool) -> dict[str, t.Any]:
    cir, cbs = _int(keys, "cir"), _int(keys, "cbs")
    shown = {"rate": units.show(cir), "burst": _time(cbs, cir), "cir": cir, "cbs": cbs}
    if two_rates:
        eir, ebs = _int(keys, "eir"), _int(keys, "ebs")
        shown.update(excess_rate=units.show(eir), excess_burst=_time(ebs, eir), eir=eir, ebs=ebs)
    return shown


def _time(size: int, rate: int) -> str | None:
    return rates.format_duration(round(rates.bucket_us(size, rate))) if rate else None


def show_egress(row: QoS | None, queues: Mapping[str, Queue], units: Units) -> dict[str, t.Any] | None:
    """Return the policer of a row of QoS in the units of a person; None where there is none."""
    if row is None:
        return None
    if row.type not in POLICERS:
        return {"type": row.type, "other_config": dict(sorted(row.other_config.items()))}
    two_rates = row.type == TRTCM_POLICER
    shown = {"type": row.type, "frame_size": units.frame_size, **_shown_meter(row.other_config, units, two_rates=two_rates)}
    if two_rates:
        found = ((number, queues.get(key)) for number, key in sorted(row.queues.items()))
        shown["queues"] = [{"queue": number, **_shown_meter(queue.other_config if queue else {}, units, two_rates=True)} for number, queue in found]
    return shown


def show_ingress(interface: Interface | None, units: Units) -> dict[str, t.Any] | None:
    """Return the ingress policer of an interface in the units of a person; None where there is none."""
    meter = rates.ingress_meter(interface.ingress_policing_rate, interface.ingress_policing_burst) if interface else None
    if interface is None or meter is None:
        return None
    return {
        "frame_size": units.frame_size,
        "rate": units.show(meter.cir),
        "burst": _time(meter.cbs, meter.cir),
        "kbps": interface.ingress_policing_rate,
        "kbit": interface.ingress_policing_burst or rates.DEFAULT_INGRESS_BURST_KBIT,
    }


def text_of(shown: Mapping[str, t.Any] | None) -> str:
    """Return a policer (from show_egress or show_ingress) on one line: ``1Mpps at 64-byte frames (cir 46000000, cbs 460000)``."""
    if shown is None:
        return "unlimited"
    if "other_config" in shown:
        return " ".join([shown["type"], *(f"{key}={value}" for key, value in shown["other_config"].items())])
    text = " and ".join(
        [
            *([shown["rate"]] if shown.get("cir", 1) else []),
            *([f"{shown['excess_rate']} excess"] if shown.get("eir") else []),
        ]
    )
    if "pps" in text and "frame_size" in shown:
        text = f"{text} at {shown['frame_size']}-byte frames"
    numbers = ", ".join(f"{name} {shown[name]}" for name in ("cir", "cbs", "eir", "ebs", "kbps", "kbit") if name in shown)
    return f"{text} ({numbers})"


def view_of(shown: Mapping[str, t.Any] | None) -> str | dict[str, str]:
    """Return a policer for the diff: its line, or one for the port and one for each queue."""
    if not shown or not shown.get("queues"):
        return text_of(shown)
    return {"port": text_of(shown), **{f"queue {queue['queue']}": text_of(queue) for queue in shown["queues"]}}


def differences(want: WantQoS | NoQoS, shown: ShownQos) -> list[str]:
    """Return how the policer that an interface has differs from the one that it shall have."""
    if isinstance(want, NoQoS):
        return [f"qos/show still has a policer, {shown.type}"] if shown.type else []
    if shown.type != want.type:
        return [f"qos/show has {shown.type or 'no policer'} instead of {want.type}"]
    pairs = [(f"{key}", value, shown.keys.get(key)) for key, value in want.other_config.items()]
    pairs += [(f"queue {number} {key}", value, shown.queues.get(number, {}).get(key)) for number, keys in want.queues.items() for key, value in keys.items()]
    return [f"qos/show has {name} {there} instead of {value}" for name, value, there in pairs if there != value]


class Orphans(t.NamedTuple):
    """The rows of QoS and Queue that no port refers to, by UUID, each on one line."""

    qos: Mapping[str, str]
    queues: Mapping[str, str]

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.qos or self.queues)

    def result(self) -> dict[str, dict[str, str]]:
        """Return them as a module shows them."""
        return {"qos": dict(self.qos), "queues": dict(self.queues)}


def orphans_of(snapshot: Snapshot) -> Orphans:
    """Return what the sweep of all orphans would destroy: rows of QoS without a port, and rows of Queue without a row of QoS that has one."""
    used = {port.qos for port in snapshot.ports.values()}
    linked = {key for key, row in snapshot.qos.items() if key in used}
    queues = {key for row in linked for key in snapshot.qos[row].queues.values()}
    return Orphans(
        {key: " ".join([row.type, *_pairs(row.other_config)]) for key, row in sorted(snapshot.qos.items()) if key not in used},
        {key: " ".join(_pairs(row.other_config)) for key, row in sorted(snapshot.queues.items()) if key not in queues},
    )


def _pairs(keys: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in sorted(keys.items())]
