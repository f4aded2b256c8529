# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of testpmd in a guest."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.nfv.ovs_dpdk.plugins.filter.forwarding_testpmd import FilterModule
from ansible_collections.nfv.ovs_dpdk.plugins.plugin_utils import forwarding

forwarding_testpmd = FilterModule().filters()["forwarding_testpmd"]

FIRST = {"pci": "0000:05:00.0", "name": "ens5", "mac": "52:54:00:12:34:01"}
SECOND = {"pci": "0000:06:00.0", "name": "ens6", "mac": "52:54:00:12:34:02"}
BY_MAC = {"mac": "52:54:00:12:34:01"}
BY_NAME = {"name": "ens6"}


def refused(interfaces: t.Any, options: t.Any = None) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        forwarding_testpmd(interfaces, [FIRST, SECOND], options)
    return str(caught.value)


def test_two_interfaces_and_nothing_else() -> None:
    assert forwarding_testpmd([BY_MAC, BY_NAME], [SECOND, FIRST]) == [
        "--lcores=0@0,1@1",
        "--in-memory",
        *("-a", "0000:05:00.0", "-a", "0000:06:00.0"),
        "--",
        *("--forward-mode=io", "--rxq=1", "--txq=1", "--nb-cores=1", "--burst=32", "--stats-period=60"),
    ]


def test_every_option_is_passed_on() -> None:
    options = {
        "forward_mode": "mac",
        "cpus": "1-3",
        "memory": 256,
        "burst": 64,
        "rx_descriptors": 1024,
        "tx_descriptors": 512,
        "stats_period": 5,
        "eal_args": ["--iova-mode=pa"],
        "testpmd_args": ["--rss-udp"],
    }
    interfaces = [{**BY_MAC, "queues": 2}, {**BY_NAME, "queues": 2}]
    assert forwarding_testpmd(interfaces, [FIRST, SECOND], options) == [
        *("--lcores=0@1,1@2,2@3", "-m", "256", "--in-memory", "-a", "0000:05:00.0", "-a", "0000:06:00.0", "--iova-mode=pa"),
        "--",
        *("--forward-mode=mac", "--rxq=2", "--txq=2", "--nb-cores=2", "--burst=64", "--rxd=1024", "--txd=512", "--stats-period=5", "--rss-udp"),
    ]


def test_peers_go_with_the_number_that_testpmd_gives_a_port_by_its_pci_address() -> None:
    interfaces = [{**BY_NAME, "peer": "02:00:00:00:00:0A"}, {"mac": "52-54-00-12-34-01", "peer": "02:00:00:00:00:0b"}]
    command = forwarding_testpmd(interfaces, [SECOND, FIRST], {"forward_mode": "mac"})
    assert [word for word in command if "peer" in word] == ["--eth-peer=1,02:00:00:00:00:0a", "--eth-peer=0,02:00:00:00:00:0b"]


def test_a_guest_with_one_cpu_prints_and_forwards_on_it() -> None:
    assert forwarding_testpmd([BY_MAC, BY_NAME], [FIRST, SECOND], {"cpus": 0})[0] == "--lcores=0@0,1@0"


@pytest.mark.parametrize(
    ("interfaces", "options", "words"),
    [
        ([{**BY_MAC, "queues": 2}, BY_NAME], {}, ["queues='1, 2'", "same number"]),
        ([{**BY_MAC, "queues": -1}, {**BY_NAME, "queues": -1}], {}, ["queues='-1'"]),
        ([BY_MAC, BY_NAME], {"forward_mode": "rxonly"}, ["forward_mode='rxonly'", "io, mac, macswap"]),
        ([BY_MAC, BY_NAME], {"cpus": "two"}, ["cpus='two'", "CPU list"]),
        ([BY_MAC, BY_NAME], {"cpus": "1,^1"}, ["There has to be a CPU"]),
        ([BY_MAC, BY_NAME], {"burst": 513}, ["burst=513", "1 to 512"]),
        ([{**BY_MAC, "peer": "01:00:00:00:00:01"}, BY_NAME], {"forward_mode": "mac"}, ["peer='01:00:00:00:00:01'", "multicast"]),
        ([{**BY_MAC, "peer": "02:00:00:00:00:01"}, BY_NAME], {}, ["forward_mode=io", "forward_mode: mac"]),
        ([{"name": "eth9", "peer": "02:00:00:00:00:01"}], {"forward_mode": "mac"}, ["No device has eth9", "0000:05:00.0, 0000:06:00.0"]),
    ],
    ids=lambda value: value[0] if value and isinstance(value, list) and isinstance(value[0], str) else "",
)
def test_what_testpmd_does_not_take_is_refused(interfaces: t.Any, options: dict[str, t.Any], words: list[str]) -> None:
    text = refused(interfaces, options)
    assert all(word in text for word in words), text


def test_without_netaddr_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "NETADDR_ERROR", ImportError("netaddr"))
    assert "pip install netaddr" in refused([BY_MAC, BY_NAME])
