# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role guest_forwarding: its options and those of its filters, and the files that it writes in a guest."""

from __future__ import annotations

import pathlib
import typing as t

import jinja2
import pytest
import yaml

from ansible_collections.nfv.ovs_dpdk.plugins.plugin_utils import forwarding, testpmd

ROLE = pathlib.Path(__file__).resolve().parents[2] / "roles/guest_forwarding"


def options() -> dict[str, t.Any]:
    loaded = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    assert isinstance(loaded, dict)
    return loaded


TESTPMD = options()["guest_forwarding_testpmd"]["options"]
OF_THE_ROLE = {"driver", "unsafe_noiommu", "hugepages", "packages", "program"}  # they are for tasks, not for testpmd


def to_bytes(size: str) -> int:
    return int(size[:-1]) * {"M": 1024**2, "G": 1024**3}[size[-1]]


def flatten(given: t.Any) -> list[t.Any]:
    return [part for one in given for part in (one if isinstance(one, list) else [one])]


def rendered(template: str, **variables: t.Any) -> list[str]:
    """Return the lines of a template that are no comments; only what it needs of Ansible's filters is there."""
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)  # noqa: S701 - files for systemd, as Ansible renders them
    environment.filters.update(comment=lambda text: f"# {text}", human_to_bytes=to_bytes, flatten=flatten)
    environment.filters["product"] = lambda one, other: [(first, second) for first in one for second in other]
    text = environment.from_string((ROLE / "templates" / template).read_text(encoding="utf-8"), globals={"dict": dict}).render(
        ansible_managed="x", __guest_forwarding_unit="unit", __guest_forwarding_sysctls="/etc/sysctl.d/x.conf", **variables
    )
    return [line for line in text.splitlines() if line and not line.startswith("#")]


PLAN = {
    "names": ["ens1", "ens2"],
    "devices": ["sys-subsystem-net-devices-ens1.device", "sys-subsystem-net-devices-ens2.device"],
    "start": [["ip", "link", "set", "dev", "ens1", "up"], ["ethtool", "-L", "ens1", "combined", "2"]],
    "stop": [["ip", "link", "set", "dev", "ens1", "down"]],
    "sysctls": {"net.ipv4.ip_forward": "1", "net/ipv4/conf/ens1.5/rp_filter": "0"},
}


def test_an_interface_takes_the_same_options_in_the_role_and_in_the_filter() -> None:
    assert set(options()["guest_forwarding_interfaces"]["options"]) == set(forwarding.OPTIONS)


def test_what_is_left_out_of_testpmd_is_the_documented_default() -> None:
    interfaces, devices = [{"name": "ens1"}, {"name": "ens2"}], [{"pci": "0000:05:00.0"}, {"pci": "0000:06:00.0"}]
    defaults = {name: option["default"] for name, option in TESTPMD.items() if "default" in option}
    assert testpmd.make_command(interfaces, devices, defaults) == testpmd.make_command(interfaces, devices, {})


@pytest.mark.parametrize("option", [name for name in TESTPMD if name not in OF_THE_ROLE])
def test_every_option_of_testpmd_changes_its_command(option: str) -> None:
    interfaces, devices = [{"name": "ens1"}, {"name": "ens2"}], [{"pci": "0000:05:00.0"}, {"pci": "0000:06:00.0"}]
    value = {"forward_mode": "mac", "cpus": "3"}.get(option) or {"int": 77, "list": ["--word"]}[TESTPMD[option]["type"]]
    assert testpmd.make_command(interfaces, devices, {option: value}) != testpmd.make_command(interfaces, devices, {})


def test_the_unit_belongs_to_its_devices_and_undoes_a_start_that_failed() -> None:
    lines = rendered("kernel.service.j2", __guest_forwarding_plan=PLAN)
    both = "sys-subsystem-net-devices-ens1.device sys-subsystem-net-devices-ens2.device"
    assert {f"BindsTo={both}", f"After={both}", f"WantedBy=multi-user.target {both}", "Type=oneshot", "RemainAfterExit=yes"} <= set(lines)
    assert [line for line in lines if line.startswith("Exec")] == [
        "ExecStart=ip link set dev ens1 up",
        "ExecStart=-ethtool -L ens1 combined 2",
        "ExecStart=sysctl --quiet --load=/etc/sysctl.d/x.conf",
        "ExecStopPost=-ip link set dev ens1 down",
    ]


def test_network_tools_are_told_of_all_interfaces() -> None:
    assert rendered("network.j2", __guest_forwarding_plan=PLAN) == ["[Match]", "Name=ens1 ens2", "[Link]", "Unmanaged=yes"]


def test_settings_are_in_the_file_as_sysctl_reads_them() -> None:
    assert rendered("sysctl.conf.j2", __guest_forwarding_plan=PLAN) == ["net.ipv4.ip_forward = 1", "net/ipv4/conf/ens1.5/rp_filter = 0"]


def test_testpmd_has_no_word_that_systemd_would_replace() -> None:
    lines = rendered(
        "testpmd.service.j2",
        __guest_forwarding_nics=[{"pci": "0000:06:00.0"}, {"pci": "0000:05:00.0"}],
        __guest_forwarding_command=["-a", "0000:05:00.0", "--", "--pcap=%n"],
        guest_forwarding_testpmd={},
    )
    assert "Description=testpmd between 0000:05:00.0, 0000:06:00.0" in lines
    assert "ExecStart=stdbuf -oL dpdk-testpmd -a 0000:05:00.0 -- --pcap=%%n" in lines


@pytest.mark.parametrize(
    ("pools", "places"),
    [
        ([{"size": "2M", "count": 256}], [("kernel/mm", 2048, 256)]),
        ([{"size": "2M", "count": 8, "node": 1}], [("devices/system/node/node1", 2048, 8)]),
        ([{"size": "1G", "count": 2, "node": [0, 1]}], [("devices/system/node/node0", 1048576, 2), ("devices/system/node/node1", 1048576, 2)]),
        ([{"size": "2M", "nodes": {0: 5, 1: 6}}], [("devices/system/node/node0", 2048, 5), ("devices/system/node/node1", 2048, 6)]),
    ],
)
def test_hugepages_come_back_at_boot_where_the_module_has_put_them(pools: list[dict[str, t.Any]], places: list[tuple[str, int, int]]) -> None:
    wanted = [f"w /sys/{place}/hugepages/hugepages-{size}kB/nr_hugepages - - - - {count}" for place, size, count in places]
    assert rendered("tmpfiles.conf.j2", __guest_forwarding_hugepages=pools) == wanted
