# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The typed rows of what ovs-vsctl printed on each release (fixtures/ovsdb-*.jsonl: captured, statistics cut)."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import TABLES, Snapshot, list_commands, parse_snapshot

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
RELEASES = ("2.15", "3.1", "3.5", "4.0")
RUNNING = ("3.1", "3.5", "4.0")  # the one of 2.15 was captured while ovs-vswitchd was down


def captured(release: str) -> Snapshot:
    return parse_snapshot((FIXTURES / f"ovsdb-{release}.jsonl").read_text(encoding="utf-8"))


@pytest.mark.parametrize("release", RELEASES)
class TestEveryRelease:
    def test_the_switch(self, release: str) -> None:
        switch = captured(release).switch
        assert switch.ovs_version == f"{release}.0"
        assert switch.other_config["dpdk-extra"] == "--no-pci -m 512"
        assert "internal" in switch.iface_types

    def test_a_bridge_with_its_ports_local_one_included(self, release: str) -> None:
        snapshot = captured(release)
        assert (snapshot.bridges["br0"].datapath_type, snapshot.bridges["br0"].fail_mode) == ("netdev", "secure")
        assert snapshot.bridges["br0"].external_ids == {"owner": "a b"}
        assert [port.name for port in snapshot.ports_of("br0")] == ["bond0", "br0", "dpdk0", "vhost-user0"]

    def test_a_port_and_its_interface(self, release: str) -> None:
        snapshot = captured(release)
        port, interface = snapshot.ports["dpdk0"], snapshot.interfaces["dpdk0"]
        assert (port.bridge, port.interfaces, port.tag, port.qos) == ("br0", ("dpdk0",), 7, None)
        assert (interface.type, interface.options, interface.mtu_request) == ("dpdk", {"dpdk-devargs": "net_null0,no-rx=1"}, 2000)
        assert (interface.ingress_policing_rate, interface.ingress_policing_burst) == (368000, 1000)

    def test_a_bond_has_its_members_in_order(self, release: str) -> None:
        snapshot = captured(release)
        assert snapshot.ports["bond0"].interfaces == ("m0", "m1")
        found = snapshot.port_of("m1")
        assert found is not None
        assert found.name == "bond0"
        assert snapshot.port_of("nobody") is None

    def test_a_policer_with_its_queue(self, release: str) -> None:
        snapshot = captured(release)
        row = snapshot.qos[snapshot.ports["vhost-user0"].qos or ""]
        assert (row.type, row.other_config) == ("trtcm-policer", {"cir": "46000000"})
        assert {number: snapshot.queues[key].other_config for number, key in row.queues.items()} == {3: {"cir": "1000"}}

    def test_the_columns_that_are_asked_for_are_in_the_schema(self, release: str) -> None:
        schema = dict(zip(TABLES, (json.loads(line)["headings"] for line in (FIXTURES / f"ovsdb-{release}.jsonl").read_text(encoding="utf-8").splitlines())))
        asked = [words.split() for words in " ".join(list_commands()).split("-- ")[1:]]
        assert [words[-1] for words in asked] == list(TABLES)
        chosen = {words[-1]: words[0].removeprefix("--columns=").split(",") for words in asked if words[0] != "list"}
        assert set(chosen) == {"Port", "Interface"}
        assert {column for table, columns in chosen.items() for column in columns if column not in schema[table]} == set()


@pytest.mark.parametrize("release", RUNNING)
def test_what_the_daemon_wrote(release: str) -> None:
    snapshot = captured(release)
    assert snapshot.switch.dpdk_initialized is True
    assert {"dpdk", "dpdkvhostuserclient"} <= set(snapshot.switch.iface_types)
    device = snapshot.interfaces["dpdk0"]
    assert (device.ofport, device.mtu, device.error, device.admin_state) == (1, 2000, None, "up")
    assert device.status["driver_name"] == "net_null"
    refused = snapshot.interfaces["m0"]
    assert refused.ofport == -1
    assert refused.error is not None
    assert refused.error.startswith("Error attaching device '0000:05:00.0'")


def test_what_a_daemon_that_never_ran_did_not_write_is_empty() -> None:
    snapshot = captured("2.15")
    assert snapshot.switch.dpdk_initialized is False
    device = snapshot.interfaces["dpdk0"]
    assert (device.ofport, device.mtu, device.error, device.status) == (None, None, None, {})


def test_a_database_without_a_row_of_open_vswitch_is_an_empty_switch() -> None:
    assert parse_snapshot('{"data":[],"headings":["_uuid"]}' * len(TABLES)).switch.iface_types == ()


@pytest.mark.parametrize("text", ["", "ovs-vsctl: no", '{"data":[],"headings":[]}'])
def test_other_output_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"tables|Expecting"):
        parse_snapshot(text)
