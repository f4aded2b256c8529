# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for the highest rate without loss, and what is reported of it (private to this collection). Pure.

In outline that of RFC 2544, section 26.1: offer a rate, count what comes back, halve the interval between a rate that was carried and one that
was not. What was offered is what was counted, not what was asked for: a generator without hardware offers less than it is asked for.
"""

from __future__ import annotations

import statistics
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Sequence

# IEEE 802.3: what a frame takes on the wire besides its own bytes, preamble and gap
WIRE_OVERHEAD = 20

# A rate of so small a part of what the generator can offer, and still not carried, ends a search
_LEAST = 2**-12

# Less than this of the rate that was asked for is a generator that cannot do more
_REACHED = 0.9


class Trial(t.NamedTuple):
    """One trial: *asked* and *offered* in packets per second (asked None: as many as the generator has), packets sent into the path and out of it."""

    asked: float | None
    offered: float
    sent: int
    received: int
    cycles_per_packet: float | None = None
    """What a packet that the PMD threads took from a port cost them; each packet of the path is taken twice. None where a policer was at work:
    packets that it drops cost cycles too, and are not counted."""
    pmd_share: float | None = None
    """The least share of a CPU that a PMD thread had of the time in which it could run."""

    @property
    def loss(self) -> float:
        """The part of what was sent that did not come back; packets that others put into the path do not make it negative."""
        return max(0, self.sent - self.received) / self.sent if self.sent else 0.0


class Search:
    """A binary search for the highest rate that is carried: while it is not ``done``, :meth:`take` a trial at the rate ``asks``."""

    def __init__(self, acceptable: float, resolution: float, most: float | None = None) -> None:
        """Begin at *most* packets per second; *acceptable*: the part of them that may be lost; *resolution*: when to stop, as a part of the rate."""
        self.acceptable = acceptable
        self.resolution = resolution
        self.asks: float | None = most
        """The rate of the next trial in packets per second; None for as many as the generator has."""
        self.done = False
        self.carried: Trial | None = None
        """The trial at the highest rate that was carried."""
        self.limited_by: str | None = None
        """What kept the rate from being higher: loss, generator, or max_rate."""
        self.trials: list[Trial] = []
        # the interval is one of rates that were asked for: it gets smaller with each trial, whatever was offered
        self._low = 0.0
        self._high = most
        self._begun_at = most or 0.0

    @property
    def rate(self) -> float:
        """The result, in packets per second; 0 where no rate was carried."""
        return self.carried.offered if self.carried else 0.0

    def take(self, trial: Trial) -> None:
        """Take the trial at the rate that was asked for, and decide what comes next."""
        asked = trial.offered if trial.asked is None else trial.asked
        first = not self.trials
        self.trials.append(trial)
        if self._high is None or first:
            self._begun_at = self._high = asked
        if trial.loss > self.acceptable:
            self.limited_by = "loss"
            self._high = min(self._high, asked)
            # what came back under too much is near to what can be carried
            self._ask(trial.offered * (1 - trial.loss) if first else None)
            return
        if self.carried is None or trial.offered > self.carried.offered:
            self.carried = trial
        self._low = max(self._low, asked)
        if first:
            self.limited_by = "max_rate" if trial.asked is not None and trial.offered >= _REACHED * asked else "generator"
        self._ask(None)

    def count(self, trial: Trial) -> None:
        """Take the one trial of a generator that has a rate of its own: what was carried of it, whatever was lost."""
        self.trials.append(trial)
        self.carried = trial._replace(offered=trial.offered * (1 - trial.loss))
        self.limited_by = "generator" if trial.loss <= self.acceptable else "loss"
        self.done = True

    def _ask(self, rate: float | None) -> None:
        high = self._high or 0.0
        if high - self._low <= self.resolution * high or high < self._begun_at * _LEAST:
            self.done = True
        self.asks = rate if rate is not None and self._low < rate < high else (self._low + high) / 2


class Spread(t.NamedTuple):
    """The median of several figures, the least and the largest of them."""

    median: float
    min: float
    max: float


def spread(figures: Sequence[float]) -> Spread:
    """Return it. Raises ValueError for none."""
    if not figures:
        raise ValueError("there are no figures")
    return Spread(statistics.median(figures), min(figures), max(figures))


def frame_bits(pps: float, frame_size: int) -> float:
    """Return the bits per second of frames, with FCS and without what is between them."""
    return pps * frame_size * 8


def wire_bits(pps: float, frame_size: int) -> float:
    """Return the bits per second that the same takes on a wire, with preamble and gap."""
    return pps * (frame_size + WIRE_OVERHEAD) * 8


class Result(t.NamedTuple):
    """What was measured of one size of frames in one direction or both."""

    direction: str
    frame_size: int
    searches: Sequence[Search]

    def report(self) -> dict[str, t.Any]:
        """Return it for the result of the module: whole packets per second, everything else as it is."""
        rates = spread([search.rate for search in self.searches])
        carried = [search.carried for search in self.searches if search.carried]
        cycles = [trial.cycles_per_packet for search in self.searches for trial in search.trials if trial.cycles_per_packet]
        shares = [trial.pmd_share for search in self.searches for trial in search.trials if trial.pmd_share is not None]
        return {
            "direction": self.direction,
            "frame_size": self.frame_size,
            "pps": {name: round(value) for name, value in rates._asdict().items()},
            "bps": round(frame_bits(rates.median, self.frame_size)),
            "wire_bps": round(wire_bits(rates.median, self.frame_size)),
            "loss_percent": round(max((100 * trial.loss for trial in carried), default=0.0), 4),
            "cycles_per_packet": round(statistics.median(cycles), 1) if cycles else None,
            "pmd_share": round(min(shares), 3) if shares else None,
            "limited_by": sorted({search.limited_by for search in self.searches if search.limited_by}),
            "runs": [
                {"pps": round(search.rate), "limited_by": search.limited_by, "trials": [_shown(trial) for trial in search.trials]} for search in self.searches
            ],
        }


def _shown(trial: Trial) -> dict[str, t.Any]:
    return {
        "asked_pps": None if trial.asked is None else round(trial.asked),
        "offered_pps": round(trial.offered),
        "sent": trial.sent,
        "received": trial.received,
        "loss_percent": round(100 * trial.loss, 4),
        "cycles_per_packet": None if trial.cycles_per_packet is None else round(trial.cycles_per_packet, 1),
        "pmd_share": None if trial.pmd_share is None else round(trial.pmd_share, 3),
    }


def table_row(report: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the row of a measurement in a table for people."""
    pps = report["pps"]
    return {
        "direction": report["direction"],
        "frame": report["frame_size"],
        "Mpps": f"{pps['median'] / 1e6:.3f}",
        "min - max": f"{pps['min'] / 1e6:.3f} - {pps['max'] / 1e6:.3f}",
        "Gbit/s": f"{report['bps'] / 1e9:.3f}",
        "loss %": f"{report['loss_percent']:g}",
        "cycles/packet": "" if report["cycles_per_packet"] is None else f"{report['cycles_per_packet']:.0f}",
        "PMD CPU": "" if report["pmd_share"] is None else f"{report['pmd_share']:.2f}",
        "limited by": ", ".join(report["limited_by"]),
    }


def parse_ping(text: str) -> dict[str, t.Any] | None:
    """Return what ``ping -q`` of iputils says: packets, and the round trip in milliseconds; None where nothing came back."""
    import re  # noqa: PLC0415 - only where a latency is asked for

    counted = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    times = re.search(r"= ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms", text)
    if not counted or not times:
        return None
    minimum, average, maximum, deviation = (float(value) for value in times.groups())
    return {
        "sent": int(counted[1]),
        "received": int(counted[2]),
        "min_ms": minimum,
        "avg_ms": average,
        "max_ms": maximum,
        "mdev_ms": deviation,
    }
