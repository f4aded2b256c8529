# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dpdk_device on hosts below a folder, with a driverctl that moves drivers, and one that lies."""

from __future__ import annotations

import dataclasses
import json
import time
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import devices
from ansible_collections.nfv.ovs_dpdk.plugins.modules import dpdk_device
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import Card
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_pci import (
    ENS5,
    ENS6,
    ENS7,
    INTERRUPTS,
    MODES,
    NOIOMMU,
    NOT_REMAPPED,
    RECORD,
    REMAPPED,
    FakeHost,
    put,
)

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

FIVE, SIX, SEVEN = "0000:05:00.0", "0000:06:00.0", "0000:07:00.0"
BOUND = [["modprobe", "vfio-pci"], ["driverctl", "set-override", FIVE, "vfio-pci"]]
WAS = {"driver": "e1000e", "name": "ens5", "mac": "52:54:00:00:00:05"}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> FakeHost:
    fake = FakeHost(tmp_path / "host")
    fake.root.mkdir()
    monkeypatch.setattr(dpdk_device, "LIVE", fake.root)
    monkeypatch.setattr(devices, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: f"/sbin/{arg}" if arg in fake.programs else None)
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, args, **kwargs: fake.run_command(args, **kwargs))
    return fake


class Bind(t.Protocol):
    """Signature of the bind fixture."""

    def __call__(self, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Run the module."""


@pytest.fixture
def bind(run_module: RunModule, host: FakeHost) -> Bind:
    def run(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return run_module(dpdk_device, {"root": str(host.root), "timeout": 0, **options}, check=check)

    return run


def without_iommu(card: Card) -> Card:
    return dataclasses.replace(card, iommu_group=None)


def files(host: FakeHost) -> dict[str, str]:
    """Return all that the module or driverctl may leave in files."""
    return {
        str(path.relative_to(host.root)): path.read_text(encoding="utf-8") for top in ("etc", "var") for path in (host.root / top).rglob("*") if path.is_file()
    }


def warnings(result: dict[str, t.Any]) -> list[str]:
    """Return the warnings as text, whatever shape this ansible-core gives them."""
    return [one if isinstance(one, str) else one["event"]["msg"] for one in result.get("warnings", [])]


def refused(host: FakeHost, bind: Bind, **options: t.Any) -> str:
    """Return why a task is refused, in check mode and in a run, without anything touched."""
    before = files(host)
    messages = {bind(check=check, **options)["msg"] for check in (True, False)}
    assert host.changes() == []
    assert files(host) == before
    assert len(messages) == 1
    message = messages.pop()
    assert isinstance(message, str)
    return message


# --- binding and giving back


def test_device_is_bound_and_shown_with_what_it_was(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6)
    result = bind(device=FIVE)
    assert result["changed"]
    assert host.driver(FIVE) == "vfio-pci"
    assert result["devices"] == [
        {
            "pci": FIVE,
            "name": "ens5",
            "mac": "52:54:00:00:00:05",
            "driver": "vfio-pci",
            "driver_before": "e1000e",
            "persistent": True,
            "iommu_group": 5,
            "node": 0,
        }
    ]
    assert result["diff"] == {"before": {FIVE: "e1000e"}, "after": {FIVE: "vfio-pci"}}
    assert host.changes() == BOUND
    assert result["commands"] == [["/sbin/modprobe", "vfio-pci"], ["/sbin/driverctl", "set-override", FIVE, "vfio-pci"]]
    assert host.record() == {FIVE: WAS}
    assert host.driver(SIX) == "ixgbe"


@pytest.mark.parametrize("device", [FIVE, "05:00.0", "0000:05:00.0".upper(), "ens5", "52:54:00:00:00:05", "52:54:00:00:00:05".upper(), " ens5 "])
def test_device_is_found_by_each_of_its_names_now_and_when_it_is_bound(host: FakeHost, bind: Bind, device: str) -> None:
    host.write(ENS5, ENS6)
    assert bind(device=device)["devices"][0]["pci"] == FIVE
    again = bind(device=device)
    assert not again["changed"]
    assert again["devices"][0]["name"] == "ens5"
    assert bind(device=device, state="absent")["changed"]
    assert host.driver(FIVE) == "e1000e"


def test_second_run_runs_no_command_at_all(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    bind(device="ens5")
    host.calls.clear()
    result = bind(device="ens5")
    assert (result["changed"], result["commands"], host.calls) == (False, [], [])
    assert result["diff"] == {"before": {FIVE: "vfio-pci"}, "after": {FIVE: "vfio-pci"}}


@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_says_what_a_run_then_does(host: FakeHost, bind: Bind, state: str) -> None:
    host.write(ENS5, ENS6)
    if state == "absent":
        bind(devices=[{"device": "ens5"}, {"device": "ens6"}])
        host.calls.clear()
    options: dict[str, t.Any] = {"devices": [{"device": "ens5"}, {"device": "ens6"}], "state": state}
    before = files(host)
    checked = bind(check=True, **options)
    assert host.changes() == []
    assert files(host) == before
    ran = bind(**options)
    assert checked["changed"]
    for key in ("changed", "diff", "commands", "devices", "warnings"):
        assert checked.get(key) == ran.get(key), key


def test_binding_outlives_a_boot_and_the_record_still_knows_the_name(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6)
    bind(device="ens5")
    host.boot()
    assert host.driver(FIVE) == "vfio-pci"
    assert not bind(device="ens5")["changed"]


def test_absent_gives_the_driver_back_for_good(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6)
    bind(devices=[{"device": "ens5"}, {"device": "ens6"}])
    result = bind(device="ens5", state="absent")
    assert result["changed"]
    assert result["diff"] == {"before": {FIVE: "vfio-pci"}, "after": {FIVE: "e1000e"}}
    assert result["devices"][0]["driver"] == "e1000e"
    assert result["devices"][0]["persistent"] is False
    assert list(host.record()) == [SIX]
    assert host.saved(FIVE) is None
    host.boot()
    assert (host.driver(FIVE), host.driver(SIX)) == ("e1000e", "vfio-pci")
    assert not bind(device="ens5", state="absent")["changed"]


def test_nothing_is_left_when_the_last_device_is_given_back(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6)
    before = files(host)
    bind(devices=[{"device": "ens5"}, {"device": "ens6"}])
    bind(devices=[{"device": "ens5"}, {"device": "ens6"}], state="absent")
    assert files(host) == before


def test_one_task_binds_one_and_gives_another_back(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6)
    bind(device="ens5")
    result = bind(devices=[{"device": "ens5", "state": "absent"}, {"device": "ens6", "driver": "uio_pci_generic"}])
    assert result["diff"]["after"] == {FIVE: "e1000e", SIX: "uio_pci_generic"}
    assert list(host.record()) == [SIX]


def test_driver_that_is_given_back_is_loaded_first(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    bind(device="ens5")
    (host.root / "sys/bus/pci/drivers/e1000e").rmdir()
    assert bind(device="ens5", state="absent")["devices"][0]["driver"] == "e1000e"
    assert ["modprobe", "e1000e"] in host.calls


def test_absent_without_a_record_leaves_a_device_of_the_kernel_alone(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    result = bind(device="ens5", state="absent")
    assert (result["changed"], host.changes()) == (False, [])


def test_absent_without_a_record_takes_the_override_of_somebody_else_back(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    host.modprobe("vfio-pci")
    host.driverctl("set-override", FIVE, "vfio-pci")
    result = bind(device=FIVE, state="absent")
    assert result["diff"] == {"before": {FIVE: "vfio-pci"}, "after": {FIVE: "what the kernel chooses"}}
    assert result["devices"][0]["driver"] == "e1000e"
    assert result["devices"][0]["driver_before"] is None


def test_device_that_was_given_another_driver_by_hand_keeps_it_and_is_forgotten(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    bind(device="ens5")
    host.driverctl("unset-override", FIVE)
    host.calls.clear()
    assert bind(device="ens5", state="absent")["changed"]
    assert host.changes() == []
    assert host.record() == {}


def test_device_that_is_gone_is_forgotten_on_absent_and_refused_on_present(host: FakeHost, bind: Bind) -> None:
    host.write(ENS6)
    put(host.root / RECORD, json.dumps({FIVE: WAS}))
    put(host.root / f"etc/driverctl.d/pci-{FIVE}", "vfio-pci\n")
    assert f"It was {FIVE}, which is not there any more." in refused(host, bind, device="ens5")
    assert bind(check=True, device="ens5", state="absent")["changed"]
    result = bind(device="ens5", state="absent")
    assert result["changed"]
    assert files(host) == {}
    assert host.changes() == []


def test_binding_of_another_tool_is_made_to_last_without_taking_the_device_from_its_program(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    host.modprobe("vfio-pci")
    host.driverctl("--nosave", "set-override", FIVE, "vfio-pci")
    host.open_file("/dev/vfio/5")
    host.calls.clear()
    result = bind(device=FIVE)
    assert result["diff"] == {"before": {FIVE: "vfio-pci until the next boot"}, "after": {FIVE: "vfio-pci"}}
    assert (result["commands"], host.changes()) == ([], [])
    host.boot()
    assert host.driver(FIVE) == "vfio-pci"


def test_other_driver_can_be_asked_for_and_the_first_one_is_still_remembered(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    bind(device="ens5")
    assert bind(device="ens5", driver="uio_pci_generic")["diff"] == {"before": {FIVE: "vfio-pci"}, "after": {FIVE: "uio_pci_generic"}}
    assert host.record() == {FIVE: WAS}
    bind(device="ens5", state="absent")
    assert host.driver(FIVE) == "e1000e"


def test_virtual_function_is_bound_until_the_next_boot_only(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, dataclasses.replace(ENS6, driver="ixgbevf", physical=FIVE))
    result = bind(device="ens6")
    assert host.changes()[-1] == ["driverctl", "--nosave", "set-override", SIX, "vfio-pci"]
    assert result["devices"][0]["persistent"] is False
    assert result["diff"]["after"] == {SIX: "vfio-pci until the next boot"}
    assert host.saved(SIX) is None
    assert not bind(device="ens6")["changed"]
    host.modules.add("ixgbevf")
    bind(device="ens6", state="absent")
    assert host.driver(SIX) == "ixgbevf"


def test_virtio_nic_is_one_whose_interface_lies_a_level_deeper(host: FakeHost, bind: Bind) -> None:
    host.write(dataclasses.replace(ENS5, driver="virtio-pci", virtio=True))
    assert bind(device="ens5", check=True)["devices"][0]["driver_before"] == "virtio-pci"


def test_device_without_any_driver_is_bound_and_given_to_whom_the_kernel_likes(host: FakeHost, bind: Bind) -> None:
    host.write(Card(None, FIVE, iommu_group=5))
    assert bind(device=FIVE)["devices"][0]["driver_before"] is None
    assert bind(device=FIVE, state="absent")["devices"][0]["driver"] is None


def test_files_of_another_host_can_be_checked_and_no_command_is_run(
    host: FakeHost, bind: Bind, run_module: RunModule, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.write(ENS5)
    monkeypatch.setattr(dpdk_device, "LIVE", tmp_path)
    result = run_module(dpdk_device, {"root": str(host.root), "device": "ens5"}, check=True)
    assert result["changed"]
    assert host.calls == []
    assert "Use it in check mode." in run_module(dpdk_device, {"root": str(host.root), "device": "ens5"})["msg"]
    assert host.driver(FIVE) == "e1000e"


# --- what is refused

NAMES: list[tuple[str, dict[str, t.Any], str]] = [
    ("interface that is not there", {"device": "eth9"}, "This host has no such interface. The NICs on the PCI bus of this host are: ens5 (0000:05:00.0)"),
    ("address that is not there", {"device": "09:00.0"}, "The PCI bus has no such device."),
    ("MAC that is not there", {"device": "02:00:00:00:00:99"}, "no such interface"),
    ("nothing", {"device": ""}, "no such interface"),
    ("interface off the PCI bus", {"device": "usb0"}, "It is not on the PCI bus, but held by cdc_ether."),
    ("interface without device", {"device": "lo"}, "no such interface"),
    ("no NIC", {"device": "00:1f.3"}, "It is no network controller."),
    ("twice", {"devices": [{"device": "ens5"}, {"device": FIVE}]}, "It is ens5, which the task has already. Name each device once."),
    ("confirm that is no address", {"device": "ens5", "confirm": ["ens5"]}, "confirm='ens5' is not possible. It takes PCI addresses"),
    ("driver that does not exist", {"device": "ens5", "driver": "vfio-pic"}, "driver='vfio-pic' is not possible. This host has no such driver"),
    ("no device", {}, "one of the following is required: device, devices"),
    ("one and many", {"device": "ens5", "devices": []}, "mutually exclusive"),
]


@pytest.mark.parametrize(("options", "message"), [case[1:] for case in NAMES], ids=[case[0] for case in NAMES])
def test_device_or_driver_that_cannot_be_is_refused(host: FakeHost, bind: Bind, options: dict[str, t.Any], message: str) -> None:
    host.write(ENS5, Card("usb0", None, "cdc_ether", mac="02:00:00:00:00:77"))
    (host.root / "sys/devices/platform/usb0/driver").unlink(missing_ok=True)
    (host.root / "sys/devices/platform/usb0/driver").symlink_to(host.root / "sys/bus/usb/drivers/cdc_ether")
    host.bare("0000:00:1f.3", "0x040300")
    assert message in refused(host, bind, **options)


def test_name_that_went_to_another_card_is_refused_as_it_could_be_two(host: FakeHost, bind: Bind) -> None:
    """eth0 is bound, the host boots, and the kernel calls the next card eth0: perhaps the one that Ansible comes in on."""
    host.write(dataclasses.replace(ENS6, name="eth0"), Card(None, FIVE, "vfio-pci", iommu_group=5), record={FIVE: {**WAS, "name": "eth0"}})
    for state in ("present", "absent"):
        assert f"It is, or was, name of {FIVE}, {SIX}. Give the PCI address." in refused(host, bind, device="eth0", state=state)


def test_module_that_is_no_pci_driver_is_found_before_the_device_loses_its_own(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    result = bind(device="ens5", driver="loop")
    assert "modprobe loop was run, but the kernel has no PCI driver of that name now. No device was touched." in result["msg"]
    assert host.driver(FIVE) == "e1000e"
    assert files(host) == {}


def test_card_of_the_default_route_is_refused_unless_told_twice(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6, default_routes=("ens5",))
    for options in ({}, {"force": True}, {"confirm": [FIVE]}, {"force": True, "confirm": [SIX]}):
        message = refused(host, bind, device="ens5", **options)
        assert "This may cut the host off: the default route goes through it." in message
        assert f"say so twice: force=true and confirm=[{FIVE}]" in message
    assert bind(device="ens5", force=True, confirm=["05:00.0"])["changed"]


def test_route_through_a_vlan_on_it_counts_and_so_does_that_something_stands_on_it(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, default_routes=("ens5.100",), lower={"ens5.100": ("ens5",)})
    assert "the default route goes through it" in refused(host, bind, device="ens5")


@pytest.mark.parametrize("server", ["192.0.2.5", "2001:db8::5", "::ffff:192.0.2.5", "fe80::5%ens5"])
def test_card_of_the_ansible_connection_is_refused_through_sudo_too(host: FakeHost, bind: Bind, server: str) -> None:
    host.write(ENS5, ENS6)
    host.addresses = {"lo": ["127.0.0.1/8"], "ens5": ["192.0.2.5/24", "2001:DB8:0::5/64", "fe80::5/64"], "ens6": ["198.51.100.6/24"]}
    host.come_over_ssh("203.0.113.1", server)
    assert "Ansible's connection comes in on it" in refused(host, bind, device="ens5")
    assert bind(device="ens6")["changed"]
    assert bind(device="ens5", force=True, confirm=[FIVE])["changed"]


def test_both_reasons_are_told_at_once(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, default_routes=("ens5",))
    host.addresses = {"ens5": ["192.0.2.5/24"]}
    host.come_over_ssh("203.0.113.1", "192.0.2.5")
    assert "the default route goes through it and Ansible's connection comes in on it." in refused(host, bind, device="ens5")


def test_card_below_the_bond_of_the_ansible_connection_is_refused(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6, lower={"bond0": ("ens5",), "bond0.7": ("bond0",)})
    host.addresses = {"bond0.7": ["192.0.2.5/24"]}
    host.come_over_ssh("203.0.113.1", "192.0.2.5")
    assert "Ansible's connection comes in on it" in refused(host, bind, device="ens5")


def test_card_that_answers_leave_by_is_refused_where_the_address_is_on_no_card(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6)
    host.addresses = {"lo": ["192.0.2.5/32"]}
    host.routes = {"203.0.113.1": "ens6"}
    host.come_over_ssh("203.0.113.1", "192.0.2.5", depth=0)
    assert "Ansible's connection comes in on it" in refused(host, bind, device="ens6")
    assert bind(device="ens5")["changed"]


def test_without_ip_a_connection_cannot_be_found_and_nothing_is_bound(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    host.programs.discard("ip")
    assert bind(device="ens5", check=True)["changed"]
    host.come_over_ssh("203.0.113.1", "192.0.2.5")
    assert "ip is not there, so that the interface of Ansible's connection cannot be found." in refused(host, bind, device="ens5")


def test_ip_that_prints_no_json_is_an_error(host: FakeHost, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write(ENS5)
    monkeypatch.setattr(host, "ip", lambda *words: (255, "", "Option -json is unknown\n"))
    assert "ip -json address: Option -json is unknown" in refused(host, bind, device="ens5")


@pytest.mark.parametrize("upper", ["bond0", "br0", "ens5.100", "ovs-system"])
def test_card_with_another_interface_on_it_is_refused(host: FakeHost, bind: Bind, upper: str) -> None:
    host.write(ENS5)
    (host.root / "sys/class/net/ens5" / f"upper_{upper}").symlink_to("../..")
    message = refused(host, bind, device=FIVE, force=True, confirm=[FIVE])
    assert f"device {FIVE} (ens5): driver='vfio-pci' is not possible. {upper} stands on ens5." in message


def test_card_that_is_up_with_addresses_is_bound_with_a_warning(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    host.addresses = {"ens5": ["192.0.2.5/24"]}
    result = bind(device="ens5")
    assert result["changed"]
    assert warnings(result) == [f"ens5 ({FIVE}) is up and has 192.0.2.5/24: these addresses go with it."]


def test_card_whose_virtual_functions_would_vanish_is_refused(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    put(host.device(FIVE) / "sriov_numvfs", "4\n")
    assert "It has 4 virtual functions, which would vanish with its driver." in refused(host, bind, device="ens5")


@pytest.mark.parametrize("driver", ["mlx4_core", "mlx5_core"])
def test_card_with_a_bifurcated_driver_is_refused_with_what_to_do_instead(host: FakeHost, bind: Bind, driver: str) -> None:
    host.write(dataclasses.replace(ENS5, driver=driver, vendor="15b3"))
    message = refused(host, bind, device="ens5")
    assert "bifurcated" in message
    assert f"No binding is needed: give the port devargs {FIVE}, that is enough." in message


def test_card_of_that_vendor_without_a_driver_is_refused_too(host: FakeHost, bind: Bind) -> None:
    host.write(Card(None, FIVE, vendor="15b3", iommu_group=5))
    assert "bifurcated" in refused(host, bind, device=FIVE)


def test_card_with_a_bifurcated_driver_that_was_bound_before_gets_it_back(host: FakeHost, bind: Bind) -> None:
    host.write(dataclasses.replace(ENS5, driver="mlx5_core", vendor="15b3"))
    host.modprobe("vfio-pci")
    host.driverctl("set-override", FIVE, "vfio-pci")
    assert bind(device=FIVE, state="absent")["devices"][0]["driver"] == "mlx5_core"


# --- IOMMU groups


def test_iommu_group_that_would_be_split_is_refused_and_the_others_are_named(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, dataclasses.replace(ENS6, iommu_group=5))
    host.add_function("0000:05:00.3", "0x0c0330", "xhci_hcd", 5)
    message = refused(host, bind, device="ens5")
    assert f"Its IOMMU group 5 has other devices, which a kernel driver holds: 0000:05:00.3 (xhci_hcd), {SIX} (ixgbe)." in message
    assert "0000:05:00.3 (xhci_hcd)" in refused(host, bind, devices=[{"device": "ens5"}, {"device": "ens6"}])


def test_iommu_group_that_is_given_as_a_whole_is_fine(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, dataclasses.replace(ENS6, iommu_group=5))
    assert bind(devices=[{"device": "ens5"}, {"device": "ens6"}])["changed"]
    bind(device="ens5", state="absent")
    assert bind(device="ens5")["changed"]


@pytest.mark.parametrize(
    ("kind", "driver"),
    [("0x060400", "pcieport"), ("0x060400", None), ("0x040300", None), ("0x040300", "vfio-pci"), ("0x040300", "pci-stub")],
    ids=["bridge", "bridge without driver", "device that nobody has", "device of vfio", "device that is kept for nobody"],
)
def test_bridges_and_devices_that_no_kernel_driver_has_do_not_count(host: FakeHost, bind: Bind, kind: str, driver: str | None) -> None:
    host.write(ENS5)
    host.add_function("0000:00:1c.0", kind, driver, 5)
    assert bind(device="ens5")["changed"]


def test_task_that_gives_the_rest_of_a_group_back_splits_it(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, dataclasses.replace(ENS6, iommu_group=5))
    bind(devices=[{"device": "ens5"}, {"device": "ens6"}])
    host.driverctl("unset-override", FIVE)
    host.calls.clear()
    assert "ixgbe" in refused(host, bind, devices=[{"device": FIVE}, {"device": SIX, "state": "absent"}])


def test_driver_without_vfio_asks_for_no_iommu_and_no_whole_group(host: FakeHost, bind: Bind) -> None:
    host.write(without_iommu(ENS5), ENS6, dataclasses.replace(ENS7, iommu_group=6))
    result = bind(devices=[{"device": "ens5"}, {"device": "ens6"}], driver="uio_pci_generic")
    assert result["changed"]
    assert warnings(result) == []


# --- the two unsafe modes


def test_host_without_iommu_is_refused_with_what_to_do(host: FakeHost, bind: Bind) -> None:
    host.write(without_iommu(ENS5))
    for unsafe in (None, False):
        message = refused(host, bind, device="ens5", unsafe_noiommu=unsafe)
        assert "The device is behind no IOMMU" in message
        assert "This host has none in use." in message
        for word in ("intel_iommu=on", "amd_iommu=on", "unsafe_noiommu=true"):
            assert word in message


def test_device_outside_the_iommu_of_its_host_is_refused_too(host: FakeHost, bind: Bind) -> None:
    host.write(without_iommu(ENS5), ENS6)
    assert "The host has one, but not for this device." in refused(host, bind, device="ens5")
    assert bind(device="ens6")["changed"]


def test_mode_without_iommu_comes_by_name_lasts_and_goes_with_the_last_device(host: FakeHost, bind: Bind) -> None:
    host.write(without_iommu(ENS5), without_iommu(ENS6))
    result = bind(devices=[{"device": "ens5"}, {"device": "ens6"}], unsafe_noiommu=True)
    assert result["diff"] == {
        "before": {FIVE: "e1000e", SIX: "ixgbe", "unsafe_noiommu": False},
        "after": {FIVE: "vfio-pci", SIX: "vfio-pci", "unsafe_noiommu": True},
    }
    assert "can reach all memory" in warnings(result)[0]
    assert (host.text(NOIOMMU) or "").strip() == "Y"
    assert "options vfio enable_unsafe_noiommu_mode=1\n" in (host.text(MODES) or "")
    assert "unsafe_interrupts" not in (host.text(MODES) or "")
    assert not bind(devices=[{"device": "ens5"}, {"device": "ens6"}], unsafe_noiommu=True)["changed"]
    assert not bind(device="ens5")["changed"]
    host.boot()
    assert (host.driver(FIVE), host.text(MODES) is not None) == ("vfio-pci", True)
    bind(device="ens5", state="absent")
    assert host.text(MODES) is not None
    last = bind(device="ens6", state="absent")
    assert last["diff"]["after"]["unsafe_noiommu"] is False
    assert host.text(MODES) is None


def test_mode_is_switched_on_where_vfio_is_loaded_already_and_off_again(host: FakeHost, bind: Bind) -> None:
    host.write(without_iommu(ENS5))
    host.modprobe("vfio-pci")
    assert host.text(NOIOMMU) == "N\n"
    assert bind(device="ens5", unsafe_noiommu=True)["commands"] == [["/sbin/driverctl", "set-override", FIVE, "vfio-pci"]]
    assert host.text(NOIOMMU) == "Y"
    bind(device="ens5", state="absent")
    assert host.text(NOIOMMU) == "N"


def test_mode_that_was_allowed_is_taken_back_when_it_is_not_any_more(host: FakeHost, bind: Bind) -> None:
    host.write(without_iommu(ENS5))
    bind(device="ens5", unsafe_noiommu=True)
    assert bind(device="ens5", unsafe_noiommu=False, check=True)["diff"]["after"]["unsafe_noiommu"] is False
    assert bind(device="ens5", unsafe_noiommu=False)["changed"]
    assert (host.text(MODES), host.text(NOIOMMU)) == (None, "N")
    assert not bind(device="ens5", unsafe_noiommu=False)["changed"]


def test_mode_that_is_allowed_but_not_needed_stays_off(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    result = bind(device="ens5", unsafe_noiommu=True, unsafe_interrupts=True)
    assert warnings(result) == []
    assert host.text(MODES) is None
    assert (host.text(NOIOMMU), host.text(INTERRUPTS)) == ("N\n", "N\n")


def test_mode_that_somebody_else_has_switched_on_stays_on(host: FakeHost, bind: Bind) -> None:
    host.write(without_iommu(ENS5), noiommu=True)
    bind(device="ens5", driver="uio_pci_generic", unsafe_noiommu=False)
    bind(device="ens5", state="absent")
    assert (host.text(NOIOMMU) or "").strip() == "Y"


def test_kernel_without_that_mode_says_so_and_nothing_is_left(host: FakeHost, bind: Bind) -> None:
    host.write(without_iommu(ENS5))
    host.has_noiommu = False
    message = bind(device="ens5", unsafe_noiommu=True)["msg"]
    assert "unsafe_noiommu: the running kernel is built without that mode of vfio" in message
    assert "Use the IOMMU, or driver=uio_pci_generic. No device was touched." in message
    assert files(host) == {}
    host.calls.clear()
    assert "is built without that mode" in refused(host, bind, device="ens5", unsafe_noiommu=True)


def test_group_that_vfio_made_without_iommu_is_not_taken_for_an_iommu(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    put(host.root / "sys/kernel/iommu_groups/5/name", "vfio-noiommu\n")
    assert "behind no IOMMU" in refused(host, bind, device="ens5")


def test_interrupts_that_are_not_remapped_are_refused_unless_allowed_by_name(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, interrupts=NOT_REMAPPED)
    message = refused(host, bind, device="ens5", unsafe_noiommu=True)
    assert "Interrupts are not remapped on this host" in message
    assert "unsafe_interrupts=true" in message
    result = bind(device="ens5", unsafe_interrupts=True)
    assert ["modprobe", "vfio_iommu_type1"] in host.changes()
    assert "can raise any interrupt" in warnings(result)[0]
    assert (host.text(INTERRUPTS) or "").strip() == "Y"
    assert "options vfio_iommu_type1 allow_unsafe_interrupts=1\n" in (host.text(MODES) or "")
    assert "noiommu" not in (host.text(MODES) or "")
    assert not bind(device="ens5", unsafe_interrupts=True)["changed"]
    bind(device="ens5", state="absent")
    assert (host.text(MODES), host.text(INTERRUPTS)) == (None, "N")


@pytest.mark.parametrize("interrupts", [REMAPPED, "  27:  100  GICv3  27 Level  arch_timer\n", ""], ids=["remapped", "not x86", "not shown"])
def test_interrupts_are_no_reason_where_they_are_remapped_or_the_host_does_not_say(host: FakeHost, bind: Bind, interrupts: str) -> None:
    host.write(ENS5, interrupts=interrupts)
    assert bind(device="ens5")["changed"]


# --- programs that have the device


@pytest.mark.parametrize("file", ["/dev/vfio/5", "/dev/vfio/devices/vfio3"])
def test_device_that_a_program_has_open_is_not_taken_from_it(host: FakeHost, bind: Bind, file: str) -> None:
    host.write(ENS5)
    bind(device="ens5")
    (host.device(FIVE) / "vfio-dev/vfio3").mkdir(parents=True)
    host.open_file(file)
    host.calls.clear()
    for options in ({"state": "absent"}, {"driver": "uio_pci_generic"}):
        message = refused(host, bind, device="ens5", **options)
        assert f"device {FIVE} is in use: ovs-vswitchd (process 812) has {file} open." in message
    assert not bind(device="ens5")["changed"]


def test_device_file_of_uio_counts_too(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    bind(device="ens5", driver="uio_pci_generic")
    (host.device(FIVE) / "uio/uio0").mkdir(parents=True)
    host.open_file("/dev/uio0", name="dpdk-testpmd")
    assert "dpdk-testpmd (process 812) has /dev/uio0 open" in bind(device="ens5", state="absent")["msg"]


# --- faults


def test_driverctl_that_is_missing_is_named_with_its_package(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    host.programs.discard("driverctl")
    message = bind(device="ens5")["msg"]
    assert "driverctl is not there" in message
    assert "Install the package driverctl" in message
    assert host.changes() == []
    checked = bind(device="ens5", check=True)
    assert checked["changed"]
    assert "Install the package driverctl" in warnings(checked)[0]


def test_driverctl_that_fails_but_has_bound_the_device_is_a_success_that_lasts(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    host.faults[FIVE] = "binds and fails"
    result = bind(device="ens5")
    assert result["devices"][0]["persistent"]
    assert host.saved(FIVE) == "vfio-pci\n"
    host.calls.clear()
    assert not bind(device="ens5")["changed"]
    given_back = bind(device="ens5", state="absent")
    assert given_back["devices"][0]["driver"] == "e1000e"
    assert files(host) == {}


def test_driverctl_that_reports_success_without_binding_is_a_failure(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    host.faults[FIVE] = "does nothing"
    result = bind(device="ens5")
    assert f"device {FIVE}: it was to go to vfio-pci; driverctl reported success, but its driver is none." in result["msg"]


def test_device_that_no_driver_takes_is_given_back_and_driverctl_quoted(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    host.faults[FIVE] = "refuses"
    result = bind(device="ens5")
    assert f"driverctl ended with 1 (driverctl: unbinding {FIVE} failed), but its driver is e1000e." in result["msg"]
    assert f"All devices of this task are as before: {FIVE}: e1000e." in result["msg"]
    assert files(host) == {}


@pytest.mark.parametrize("fault", ["does not bind", "refuses", "hangs"])
def test_third_device_that_fails_takes_the_first_two_back(host: FakeHost, bind: Bind, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    host.write(ENS5, ENS6, ENS7, interrupts=NOT_REMAPPED)
    put(host.root / RECORD, "{}\n")
    before = files(host)
    host.faults[SEVEN] = fault
    real = host.driverctl

    def once(*words: str) -> tuple[int, str, str]:
        """Let the fault end when the device is taken back."""
        if words[-2:] == ("unset-override", SEVEN):
            host.faults.clear()
        return real(*words)

    monkeypatch.setattr(host, "driverctl", once)
    result = bind(devices=[{"device": name} for name in ("ens5", "ens6", "ens7")], unsafe_interrupts=True)
    assert result["failed"]
    assert SEVEN in result["msg"]
    assert f"All devices of this task are as before: {FIVE}: e1000e, {SIX}: ixgbe, {SEVEN}: e1000e." in result["msg"]
    assert [host.driver(address) for address in (FIVE, SIX, SEVEN)] == ["e1000e", "ixgbe", "e1000e"]
    assert files(host) == before
    assert host.text(INTERRUPTS) in {"N", None}
    assert ["/sbin/driverctl", "unset-override", FIVE] in result["commands"]


def test_device_that_vanishes_on_bind_is_named_and_the_others_are_given_back(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5, ENS6)
    host.faults[SIX] = "vanishes"
    message = bind(devices=[{"device": "ens5"}, {"device": "ens6"}])["msg"]
    assert f"device {SIX}: it was to go to vfio-pci" in message
    assert "the device has vanished from the PCI bus" in message
    assert "Not everything could be put back: device 0000:06:00.0" in message
    assert host.driver(FIVE) == "e1000e"
    assert host.record() == {SIX: {"driver": "ixgbe", "name": "ens6", "mac": "52:54:00:00:00:06"}}


def test_driver_that_does_not_come_back_is_a_failure_and_the_old_binding_stays(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    bind(device="ens5")
    before = files(host)
    host.faults[FIVE] = "stays without driver"
    message = bind(device="ens5", state="absent")["msg"]
    assert f"device {FIVE}: it was to go to e1000e; driverctl reported success, but its driver is none." in message
    assert host.driver(FIVE) == "vfio-pci"
    assert files(host) == before


def test_driver_that_comes_late_counts_within_the_timeout(host: FakeHost, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write(ENS5)
    host.faults[FIVE] = "does nothing"
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            host.bind(FIVE, "vfio-pci")

    monkeypatch.setattr(time, "sleep", sleep)
    assert bind(device="ens5", timeout=30)["devices"][0]["driver"] == "vfio-pci"
    assert len(slept) == 3


def test_interface_that_has_another_name_afterwards_is_warned_of(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    bind(device="ens5")
    (host.device(FIVE) / ".net/ens5").rename(host.device(FIVE) / ".net/eth0")
    assert "there is no interface ens5, as it was called before" in warnings(bind(device="ens5", state="absent"))[0]


def test_record_that_cannot_be_read_is_not_overwritten(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    for text in ("{", "[]"):
        put(host.root / RECORD, text)
        assert "is no JSON object. Repair it" in refused(host, bind, device="ens5")


def test_record_that_cannot_be_written_leaves_everything_as_it_was(host: FakeHost, bind: Bind) -> None:
    host.write(ENS5)
    put(host.root / "var/lib", "a file where a folder should be\n")
    message = bind(device="ens5")["msg"]
    assert "cannot be written" in message
    assert "No device was touched." in message
    assert host.changes() == []


def test_record_stands_before_the_first_device_is_touched(host: FakeHost, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write(ENS5)
    seen: list[dict[str, t.Any]] = []
    real = host.driverctl

    def look(*words: str) -> tuple[int, str, str]:
        seen.append(host.record())
        return real(*words)

    monkeypatch.setattr(host, "driverctl", look)
    bind(device="ens5")
    assert seen == [{FIVE: WAS}]


def test_interruption_gives_everything_back(host: FakeHost, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write(ENS5, ENS6)
    real = host.driverctl

    def interrupt(*words: str) -> tuple[int, str, str]:
        if words[:2] == ("set-override", SIX):
            raise KeyboardInterrupt
        return real(*words)

    monkeypatch.setattr(host, "driverctl", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bind(devices=[{"device": "ens5"}, {"device": "ens6"}])
    assert (host.driver(FIVE), host.driver(SIX), files(host)) == ("e1000e", "ixgbe", {})
