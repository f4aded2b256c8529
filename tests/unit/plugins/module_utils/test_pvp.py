# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for the highest rate without loss, and what is reported of it."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import pvp


def path(capacity: float, generator: float, slower: float = 1.0) -> t.Callable[[float | None], pvp.Trial]:
    """Return a path that carries *capacity* packets per second, with a generator that offers at most *generator*, and *slower* than asked."""

    def trial(asked: float | None) -> pvp.Trial:
        offered = generator if asked is None else min(generator, asked * slower)
        return pvp.Trial(asked, offered, sent=round(offered * 10), received=round(min(offered, capacity) * 10))

    return trial


def searched(trial: t.Callable[[float | None], pvp.Trial], acceptable: float = 0.0, resolution: float = 0.02, most: float | None = None) -> pvp.Search:
    search = pvp.Search(acceptable, resolution, most)
    while not search.done:
        search.take(trial(search.asks))
        assert len(search.trials) < 40
    return search


@given(st.floats(2_000, 2e7), st.floats(2_000, 2e7), st.sampled_from([0.001, 0.02, 0.2]))
def test_the_search_ends_within_its_resolution_below_what_the_path_carries(capacity: float, generator: float, resolution: float) -> None:
    search = searched(path(capacity, generator), resolution=resolution)
    best = min(capacity, generator)
    assert search.rate <= best * 1.0001
    assert search.rate >= best * (1 - resolution) * 0.999
    assert search.limited_by == ("generator" if generator <= capacity else "loss")


@given(st.floats(0.3, 1.0), st.floats(1e5, 1e6))
def test_a_generator_that_is_slower_than_asked_makes_no_search_endless_and_no_loss(slower: float, capacity: float) -> None:
    search = searched(path(capacity, 1e7, slower))
    assert 0 < search.rate <= capacity * 1.0001


def test_the_first_trial_offers_all_there_is_and_the_second_what_came_back_of_it() -> None:
    search = searched(path(1e6, 8e6))
    assert search.trials[0].asked is None
    assert search.trials[1].asked == pytest.approx(1e6)


def test_a_path_that_carries_all_that_there_is_takes_one_trial() -> None:
    assert len(searched(path(9e6, 8e6)).trials) == 1


def test_loss_that_is_acceptable_is_carried() -> None:
    assert searched(path(1e6, 8e6), acceptable=0.05).rate == pytest.approx(1.05e6, rel=0.03)


def test_a_search_that_begins_at_a_rate_stays_below_it() -> None:
    search = searched(path(1e6, 8e6), most=5e5)
    assert (search.rate, search.limited_by, len(search.trials)) == (5e5, "max_rate", 1)
    assert searched(path(1e6, 3e5), most=5e5).limited_by == "generator"


def test_a_path_that_always_loses_has_rate_0_after_a_bounded_number_of_trials() -> None:
    search = searched(lambda asked: pvp.Trial(asked, asked or 1e6, 1000, 990))
    assert (search.rate, search.carried, search.limited_by) == (0.0, None, "loss")
    assert len(search.trials) < 20


def test_the_best_rate_that_was_carried_counts_also_where_a_later_one_was_lower() -> None:
    search = pvp.Search(0.0, 0.1)
    for asked, offered, received in ((None, 1000, 900), (900.0, 850, 850), (950.0, 700, 700)):
        search.take(pvp.Trial(asked, offered, offered, received))
    assert search.rate == 850


def test_packets_of_others_in_the_path_are_no_negative_loss() -> None:
    assert pvp.Trial(None, 10, 100, 120).loss == 0


def test_an_external_generator_is_counted_at_the_rate_that_it_has() -> None:
    search = pvp.Search(0.0, 0.02)
    search.count(pvp.Trial(None, 1000.0, 10_000, 9_000))
    assert (search.done, search.limited_by) == (True, "loss")
    assert search.rate == pytest.approx(900)


def test_the_report_has_median_and_spread_of_all_repeats() -> None:
    searches = [searched(path(capacity, 8e6), resolution=0.001) for capacity in (1.0e6, 1.2e6, 0.9e6)]
    report = pvp.Result("unidirectional", 64, searches).report()
    assert report["pps"]["median"] == pytest.approx(1.0e6, rel=0.002)
    assert (report["pps"]["min"], report["pps"]["max"]) == (pytest.approx(0.9e6, rel=0.002), pytest.approx(1.2e6, rel=0.002))
    assert report["bps"] == pytest.approx(report["pps"]["median"] * 512, rel=1e-6)
    assert report["wire_bps"] == pytest.approx(report["pps"]["median"] * 672, rel=1e-6)  # RFC 2544: 84 bytes on the wire for a frame of 64
    assert [len(run["trials"]) for run in report["runs"]] == [len(search.trials) for search in searches]
    assert (report["limited_by"], report["loss_percent"]) == (["loss"], 0.0)


def test_the_report_of_a_path_that_carries_nothing_says_so() -> None:
    report = pvp.Result("unidirectional", 64, [searched(lambda asked: pvp.Trial(asked, asked or 1e6, 1000, 500))]).report()
    assert (report["pps"]["median"], report["loss_percent"], report["cycles_per_packet"]) == (0, 0.0, None)


def test_the_row_of_a_table_is_in_the_units_of_people() -> None:
    trial = pvp.Trial(None, 1_234_567.0, 10, 10, cycles_per_packet=211.4, pmd_share=0.987)
    search = pvp.Search(0, 0.1)
    search.take(trial)
    assert pvp.table_row(pvp.Result("bidirectional", 1518, [search]).report()) == {
        "direction": "bidirectional",
        "frame": 1518,
        "Mpps": "1.235",
        "min - max": "1.235 - 1.235",
        "Gbit/s": "14.993",
        "loss %": "0",
        "cycles/packet": "211",
        "PMD CPU": "0.99",
        "limited by": "generator",
    }


def test_no_figures_have_no_spread() -> None:
    with pytest.raises(ValueError, match="no figures"):
        pvp.spread([])


PING = """PING 1.1.2.99 (1.1.2.99) 56(84) bytes of data.

--- 1.1.2.99 ping statistics ---
200 packets transmitted, 199 received, 0.5% packet loss, time 2190ms
rtt min/avg/max/mdev = 0.102/0.148/0.611/0.040 ms
"""


def test_ping_is_read_and_one_without_an_answer_is_none() -> None:
    assert pvp.parse_ping(PING) == {"sent": 200, "received": 199, "min_ms": 0.102, "avg_ms": 0.148, "max_ms": 0.611, "mdev_ms": 0.04}
    assert pvp.parse_ping("2 packets transmitted, 0 received, 100% packet loss, time 1005ms\n") is None
