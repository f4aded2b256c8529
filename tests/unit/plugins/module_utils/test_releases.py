# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each release of Open vSwitch reads, and what its values mean."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import releases

KEYS = releases.KEYS
OPTIONS = releases.INTERFACE_OPTIONS
RELEASES = [(2, minor) for minor in range(5, 18)] + [(3, minor) for minor in range(8)] + [(4, 0)]


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("3.1.0", (3, 1)),
        ("v3.5", (3, 5)),
        ("2.17.12", (2, 17)),
        ("3.1.0-2+deb12u1", (3, 1)),
        ("4.0.0~git20260101", (4, 0)),
        ("ovs-vswitchd (Open vSwitch) 2.15.0", (2, 15)),
    ],
)
def test_a_release_is_major_and_minor(text: str, release: releases.Release) -> None:
    assert releases.parse_version(text) == release


@pytest.mark.parametrize("text", ["", "unknown", "3", "x.y"])
def test_what_is_no_release(text: str) -> None:
    with pytest.raises(ValueError, match="not a release"):
        releases.parse_version(text)


def test_releases_compare_as_numbers() -> None:
    assert releases.parse_version("2.9.0") < releases.parse_version("2.17.0") < releases.parse_version("3.0.0")


def test_every_key_has_an_option_of_its_own() -> None:
    assert len(releases.OPTIONS) == len(KEYS)
    for name, key in KEYS.items():
        assert releases.OPTIONS[key.option].key == name
        assert "-" not in key.option


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.key)
def test_a_key_is_silent_where_it_is_read_and_warned_about_before(key: releases.OtherConfigKey) -> None:
    for release in RELEASES:
        warnings = releases.check_key(key.key, release)
        read = key.since <= release and not (key.until and release >= key.until)
        assert bool(warnings) == (not read or bool(key.discouraged) or bool(key.deprecated and release >= key.deprecated))
        if release < key.since:
            assert f"since Open vSwitch {releases.format_release(key.since)}" in warnings[0]


@pytest.mark.parametrize(
    ("name", "release", "words"),
    [
        ("dpdk-mem-channels", (3, 1), ["never read", "dpdk-extra"]),
        ("pmd-maxsleep", (3, 1), []),
        ("pmd-maxsleep", (3, 2), ["deprecated", "3.2", "pmd-sleep-max"]),
        ("pmd-sleep-max", (3, 1), ["since Open vSwitch 3.2", "3.1 does not"]),
        ("n-dpdk-rxqs", (2, 6), ["not read since Open vSwitch 2.6", "n_rxq"]),
        ("dpdk-lcore-mask", (3, 1), ["discouraged", "pins"]),
        ("pmd-rxq-affinity", (3, 1), ["other_config:pmd-rxq-affinity of an Interface"]),
        ("n_rxq", (3, 1), ["options:n_rxq of an Interface"]),
        ("pmd-cpu-msk", (3, 1), ["not known", "2.5 to 4.0"]),
        ("dpdk-probe-at-init", (3, 7), ["since Open vSwitch 4.0"]),
        ("userspace-tso-enable", (2, 12), ["since Open vSwitch 2.13"]),
    ],
)
def test_keys_that_do_not_do_what_one_hopes(name: str, release: releases.Release, words: list[str]) -> None:
    warnings = releases.check_key(name, release)
    assert len(warnings) == (1 if words else 0)
    for word in words:
        assert word in warnings[0]


def test_keys_of_somebody_else_are_left_alone() -> None:
    found = releases.unknown_keys(["dpdk-mem-channels", "pmd-cpu-mask", "hw-offload", "private_key", "ovn-something", "dpdk-typo"], (3, 1))
    assert sorted(found) == ["dpdk-mem-channels", "dpdk-typo"]


@pytest.mark.parametrize(
    ("name", "given", "value", "text"),
    [
        ("dpdk-init", True, "true", "true"),
        ("dpdk-init", "TRY", "try", "try"),
        ("dpdk-init", False, "false", "false"),
        ("smc-enable", "True", True, "true"),
        ("smc-enable", False, False, "false"),
        ("emc-insert-inv-prob", "4294967295", 4294967295, "4294967295"),
        ("dpdk-socket-mem", "1024,0", (1024, 0), "1024,0"),
        ("dpdk-socket-mem", 1024, (1024,), "1024"),
        ("dpdk-socket-mem", [1024, "0"], (1024, 0), "1024,0"),
        ("dpdk-socket-mem", {"1": 512}, (0, 512), "0,512"),
        ("dpdk-socket-limit", "0", (0,), "0"),
        ("pmd-cpu-mask", "0x400004", frozenset({2, 22}), "400004"),
        ("pmd-cpu-mask", [2, 22], frozenset({2, 22}), "400004"),
        ("pmd-rxq-assign", "group", "group", "group"),
        ("pmd-sleep-max", 50, ((50, None),), "50"),
        ("pmd-sleep-max", "50, 2:0", ((50, None), (2, 0)), "50,2:0"),
        ("shared-mempool-config", "9000,1500:1", ((9000, None), (1500, 1)), "9000,1500:1"),
        ("dpdk-hugepage-dir", "/dev/hugepages/", "/dev/hugepages", "/dev/hugepages"),
        ("vhost-sock-dir", "vhost", "vhost", "vhost"),
        ("dpdk-extra", " -n 4 -a 0000:05:00.0 ", "-n 4 -a 0000:05:00.0", "-n 4 -a 0000:05:00.0"),
    ],
)
def test_values_as_a_playbook_and_the_database_have_them(name: str, given: t.Any, value: t.Any, text: str) -> None:
    key = KEYS[name]
    assert releases.parse(key, given) == value
    assert releases.format_value(releases.parse(key, given)) == text
    assert releases.same(key, given, text)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("dpdk-init", "yes"),
        ("smc-enable", 1),
        ("smc-enable", "on"),
        ("emc-insert-inv-prob", -1),
        ("emc-insert-inv-prob", 2**32),
        ("emc-insert-inv-prob", 0.5),
        ("emc-insert-inv-prob", True),
        ("emc-insert-inv-prob", "1e3"),
        ("dpdk-socket-mem", "1024,,0"),
        ("dpdk-socket-mem", "1G"),
        ("dpdk-socket-mem", "-1"),
        ("dpdk-socket-mem", ""),
        ("dpdk-socket-mem", []),
        ("dpdk-socket-mem", {}),
        ("dpdk-socket-mem", {"-1": 5}),
        ("dpdk-socket-mem", {"a": 5}),
        ("pmd-cpu-mask", "0x0"),
        ("pmd-cpu-mask", ""),
        ("pmd-cpu-mask", "2-5"),
        ("pmd-rxq-assign", "Group"),
        ("pmd-rxq-assign", "random"),
        ("pmd-auto-lb-load-threshold", 101),
        ("pmd-auto-lb-rebal-interval", 20001),
        ("pmd-sleep-max", 10001),
        ("pmd-sleep-max", "2:10001"),
        ("pmd-sleep-max", "99999:1"),
        ("pmd-sleep-max", ""),
        ("shared-mempool-config", "10000"),
        ("dpdk-hugepage-dir", "hugepages"),
        ("dpdk-hugepage-dir", ""),
        ("vhost-sock-dir", "/var/run/vhost"),
        ("vhost-sock-dir", "a/../b"),
        ("vhost-sock-dir", "a" * 256),
        ("dpdk-extra", "-n 4\n"),
        ("n-offload-threads", 11),
        ("max-idle", 499),
    ],
)
def test_values_that_the_daemon_would_ignore_or_die_of_are_refused(name: str, given: t.Any) -> None:
    with pytest.raises(ValueError, match=r"possible|out of range|mask"):
        releases.parse(KEYS[name], given)


@pytest.mark.parametrize("name", ["n_rxq_desc", "n_txq_desc"])
def test_descriptors_are_powers_of_two(name: str) -> None:
    key = OPTIONS[name]
    assert releases.parse(key, 1) == 1
    assert releases.parse(key, 4096) == 4096
    for bad in (0, -2, 3, 2047):
        with pytest.raises(ValueError, match=str(bad)):
            releases.parse(key, bad)
    assert releases.check_value(key, 8192, (3, 6)) == []
    assert "since Open vSwitch 3.6" in releases.check_value(key, 8192, (3, 5))[0]


def test_n_rxq_has_bounds() -> None:
    for bad in (0, -1, 1025):
        with pytest.raises(ValueError, match="from 1 to 1024"):
            releases.parse(OPTIONS["n_rxq"], bad)


def test_an_rxq_affinity_needs_a_cpu_for_each_queue() -> None:
    key = OPTIONS["pmd-rxq-affinity"]
    assert releases.parse(key, "0:2,1:22") == ((0, 2), (1, 22))
    assert releases.same(key, "1:22,0:2", "0:2,1:22")
    for bad in ("0", "0:", "0:9999", "a:1", "0:-1", "0:2,,1:3"):
        with pytest.raises(ValueError, match=r"CPU|possible|range"):
            releases.parse(key, bad)


@pytest.mark.parametrize(
    ("name", "one", "other", "equal"),
    [
        ("pmd-cpu-mask", "0x400004", "400004", True),
        ("pmd-cpu-mask", "0000000C", "c", True),
        ("pmd-cpu-mask", "c", "6", False),
        ("dpdk-socket-mem", "1024,0", "1024", True),
        ("dpdk-socket-mem", "0,0", "0", True),
        ("dpdk-socket-mem", "0,1024", "1024", False),
        ("smc-enable", "TRUE", "true", True),
        ("smc-enable", "yes", "true", False),
        ("pmd-sleep-max", "2:0,50", "50,2:0", True),
        ("n_rxq", "2", "02", True),
        ("dpdk-devargs", "net_null0", "net_null1", False),
        ("cir", "46000000", "46000000", True),
        ("cir", "1", "01", False),
    ],
)
def test_whether_two_values_mean_the_same_to_the_daemon(name: str, one: str, other: str, equal: bool) -> None:
    assert releases.same_value(name, one, other) is equal


@given(st.sampled_from(sorted(KEYS)), st.text(max_size=20))
def test_what_is_in_the_database_already_never_ends_in_a_traceback(name: str, text: str) -> None:
    assert releases.same_value(name, text, text)


@pytest.mark.parametrize(
    ("name", "given", "release", "word"),
    [
        ("pmd-rxq-assign", "group", (2, 15), "2.16"),
        ("pmd-rxq-assign", "group", (2, 16), None),
        ("dpdk-init", "try", (2, 9), "2.10"),
        ("pmd-sleep-max", "50,2:0", (3, 2), "3.3"),
        ("pmd-sleep-max", "50,2:0", (3, 3), None),
        ("pmd-sleep-max", "50", (3, 2), None),
        ("min-revalidate-pps", 0, (3, 1), "3.2"),
        ("dpdk-socket-mem", "0,0", (2, 10), "18.05"),
        ("dpdk-socket-mem", "0,0", (3, 1), None),
    ],
)
def test_values_that_a_release_does_not_know_yet(name: str, given: t.Any, release: releases.Release, word: str | None) -> None:
    warnings = releases.check_value(KEYS[name], releases.parse(KEYS[name], given), release)
    assert len(warnings) == (0 if word is None else 1)
    assert word is None or word in warnings[0]


@pytest.mark.parametrize(
    ("name", "value", "initialized", "restart"),
    [
        ("pmd-cpu-mask", frozenset({2}), True, False),
        ("dpdk-socket-mem", (1024,), True, True),
        ("dpdk-socket-mem", (1024,), False, False),  # DPDK reads it when it starts, and it has not
        ("dpdk-socket-mem", None, True, True),
        ("dpdk-init", "true", False, False),  # the first true initialises DPDK at once
        ("dpdk-init", "try", True, False),
        ("dpdk-init", "false", True, True),
        ("dpdk-init", None, True, True),
        ("vhost-iommu-support", True, True, True),
        ("userspace-tso-enable", True, False, True),
        ("hw-offload", None, True, True),
        ("pmd-sleep-max", ((50, None),), True, False),
    ],
)
def test_which_changes_need_a_restart(name: str, value: t.Any, initialized: bool, restart: bool) -> None:
    assert releases.needs_restart(KEYS[name], value, dpdk_initialized=initialized) is restart


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dpdkr", ["gone since Open vSwitch 2.14", "virtio-user", "net_ring0"]),
        ("dpdkvhostcuse", ["gone since Open vSwitch 2.6", "dpdkvhostuserclient"]),
        ("dpdk", ["built with DPDK"]),
        ("dpdkfoo", ["dpdkvhostuserclient"]),
    ],
)
def test_a_port_type_that_a_switch_lacks_is_explained(name: str, words: list[str]) -> None:
    text = releases.describe_missing_type(name)
    for word in words:
        assert word in text


def test_port_types_are_missing_until_dpdk_is_initialised() -> None:
    assert "dpdk-init" in releases.describe_missing_type("dpdk", initialized=False)
    assert "gone since" in releases.describe_missing_type("dpdkr", initialized=False)  # initialising it would not help
    assert "dpdkr" not in releases.describe_missing_type("dpdkfoo")


def test_server_mode_is_deprecated_and_still_there() -> None:
    assert releases.describe_deprecated_type("dpdkvhostuser", (2, 7)) is None
    warning = releases.describe_deprecated_type("dpdkvhostuser", (4, 0))
    assert warning is not None
    assert "dpdkvhostuserclient" in warning
    assert releases.describe_deprecated_type("dpdk", (4, 0)) is None


@pytest.mark.parametrize(
    ("name", "port_type", "release", "word"),
    [
        ("n_rxq", "dpdk", (3, 1), None),
        ("n_rxq", "dpdkvhostuserclient", (3, 1), "no effect on a port of type dpdkvhostuserclient"),
        ("rx-flow-ctrl", "dpdkvhostuser", (3, 1), "no effect"),
        ("vhost-max-queue-pairs", "dpdkvhostuserclient", (3, 4), "since Open vSwitch 3.5"),
        ("dq-zero-copy", "dpdkvhostuserclient", (2, 14), None),
        ("dq-zero-copy", "dpdkvhostuserclient", (2, 15), "not read since Open vSwitch 2.15"),
        ("dpdk-devargs", "dpdk", (2, 6), "since Open vSwitch 2.7"),
        ("pmd-rxq-affinity", "dpdkvhostuser", (2, 6), None),
        ("frobnicate", "dpdk", (3, 1), "not an option"),
    ],
)
def test_interface_options_per_type_and_release(name: str, port_type: str, release: releases.Release, word: str | None) -> None:
    warnings = releases.check_interface_option(name, port_type, release)
    assert len(warnings) == (0 if word is None else 1)
    assert word is None or word in warnings[0]
