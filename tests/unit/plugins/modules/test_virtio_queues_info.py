# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virtio_queues_info: which queue property is missing, from the devices of a guest and from the Open vSwitch in it."""

from __future__ import annotations

import struct
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import virtio_nics
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.virtio_nics import Channels
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.virtio_queues import InnerPort, inner_rx_queues, inner_tx_queues
from ansible_collections.nfv.ovs_dpdk.plugins.modules import virtio_queues_info

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

MQ, CTRL_VQ, VERSION_1 = 22, 17, 32
COMMON_BAR, COMMON_OFFSET, NUM_QUEUES = 4, 0x1000, 0x12


def config(vectors: int, *, root: bool = True) -> bytes:
    """Return the configuration space of a modern virtio device of QEMU: MSI-X, and where its registers are."""
    space = bytearray(256)
    struct.pack_into("<HHHH", space, 0, 0x1AF4, 0x1041, 0x0507, 0x0010)
    space[0x34] = 0x98 if vectors else 0x84
    struct.pack_into("<BBH", space, 0x98, 0x11, 0x84, (vectors - 1) & 0x7FF)
    struct.pack_into("<BBBBB3xII", space, 0x84, 0x09, 0x70, 16, 3, COMMON_BAR, 0x2000, 0x1000)  # notifications come first
    struct.pack_into("<BBBBB3xII", space, 0x70, 0x09, 0x00, 16, 1, COMMON_BAR, COMMON_OFFSET, 0x1000)
    return bytes(space if root else space[:64])


class FakeGuest:
    """Virtio devices below a folder that stands for /."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.channels: dict[str, Channels | None] = {}
        self.set_vcpus("0-1")
        (root / "sys/bus/virtio/devices").mkdir(parents=True)

    def set_vcpus(self, cpus: str) -> None:
        folder = self.root / "sys/devices/system/cpu"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "online").write_text(f"{cpus}\n", "ascii")

    def pci(self, number: int, *, virtqueues: int = 5, vectors: int = 6, driver: str = "virtio-pci", root: bool = True) -> pathlib.Path:
        """Add a device."""
        device = self.root / f"sys/bus/pci/devices/0000:00:{number:02x}.0"
        device.mkdir(parents=True)
        for name, text in (("vendor", "0x1af4"), ("device", "0x1041")):
            (device / name).write_text(f"{text}\n", "ascii")
        (device / "config").write_bytes(config(vectors, root=root))
        registers = bytearray(0x3000)
        struct.pack_into("<H", registers, COMMON_OFFSET + NUM_QUEUES, virtqueues)
        (device / f"resource{COMMON_BAR}").write_bytes(registers)
        (device / "driver").symlink_to(f"/sys/bus/pci/drivers/{driver}")
        return device

    def virtio(self, device: pathlib.Path, name: str, features: set[int], channels: Channels | None) -> None:
        """Have the kernel drive a device."""
        below = device / f"virtio{len(self.channels)}"
        (below / "net" / name / "queues/rx-0").mkdir(parents=True)
        (below / "features").write_text("".join("1" if bit in features else "0" for bit in range(64)) + "\n", "ascii")
        (below / "device").write_text("0x0001\n", "ascii")
        (below / "net" / name / "address").write_text(f"52:54:00:00:02:{len(self.channels):02x}\n", "ascii")
        (self.root / "sys/bus/virtio/devices" / below.name).symlink_to(below)
        self.channels[name] = channels

    def nic(self, number: int, name: str, *, features: set[int], channels: Channels | None, **pci: t.Any) -> None:
        self.virtio(self.pci(number, **pci), name, features | {VERSION_1}, channels)


@pytest.fixture
def guest(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeGuest:
    fake = FakeGuest(tmp_path / "root")
    monkeypatch.setattr(virtio_queues_info, "ROOT", fake.root)
    monkeypatch.setattr(virtio_nics, "ask_channels", fake.channels.get)
    return fake


class Run(t.Protocol):
    def __call__(self, **options: t.Any) -> dict[str, t.Any]:
        """Run the module in a guest without Open vSwitch."""


@pytest.fixture
def run(guest: FakeGuest, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> Run:
    del guest
    monkeypatch.setattr("ansible.module_utils.basic.AnsibleModule.get_bin_path", lambda self, arg, *args, **kwargs: None)

    def go(**options: t.Any) -> dict[str, t.Any]:
        result = run_module(virtio_queues_info, options)
        assert not result["changed"]
        return result

    return go


def missing(result: dict[str, t.Any]) -> dict[str, str]:
    assert not result.get("failed"), result["msg"]
    return {one["check"]: f"{one['says']} {one['do']}" for one in result["findings"]}


def test_a_device_with_all_there_is(guest: FakeGuest, run: Run) -> None:
    guest.nic(3, "ens3", features={MQ, CTRL_VQ}, channels=Channels(2, 2))
    result = run(queues=2)
    assert (result["healthy"], result["vcpus"], result["ports"], result["problem"]) == (True, 2, [], None)
    (nic,) = result["nics"]
    assert {key: nic[key] for key in ("name", "mac", "pci_address", "driver", "features", "multiqueue", "control_queue", "vectors", "queues")} == {
        "name": "ens3",
        "mac": "52:54:00:00:02:00",
        "pci_address": "0000:00:03.0",
        "driver": "virtio-pci",
        "features": ["CTRL_VQ", "MQ", "VERSION_1"],
        "multiqueue": True,
        "control_queue": True,
        "vectors": 6,
        "queues": {"most": 2, "enabled": 2, "wanted": 2},
    }
    assert [(one["check"], one["ok"]) for one in nic["findings"]] == [
        *(("multiqueue", True), ("queue_pairs", True), ("control_queue", True), ("vectors", True), ("vcpus", True), ("channels", True)),
    ]


@pytest.mark.parametrize(
    ("nic", "queues", "found"),
    [
        pytest.param(
            {"features": {CTRL_VQ}, "channels": Channels(1, 1), "virtqueues": 3, "vectors": 4},
            2,
            {"multiqueue": "no multiqueue (VIRTIO_NET_F_MQ). On the host: queues=2", "queue_pairs": "its device has 1", "vectors": "2 queue pairs need 6"},
            id="mq=off",
        ),
        pytest.param(
            {"features": {CTRL_VQ, MQ}, "channels": Channels(2, 2)},
            4,
            {"queue_pairs": "shall have 4 queue pairs, and its device has 2", "vectors": "vectors=10", "vcpus": "2 vCPU(s)"},
            id="fewer pairs than wanted",
        ),
        pytest.param(
            {"features": {CTRL_VQ, MQ}, "channels": Channels(2, 2), "vectors": 3},
            None,
            {"vectors": "has 3 MSI-X vector(s), and 2 queue pairs need 6"},
            id="vectors",
        ),
        pytest.param({"features": {MQ}, "channels": Channels(2, 1)}, 2, {"control_queue": "VIRTIO_NET_F_CTRL_VQ", "channels": "combined 2"}, id="ctrl_vq=off"),
        pytest.param(
            {"features": {CTRL_VQ, MQ}, "channels": Channels(2, 1)}, None, {"channels": "uses 1 combined channel(s), and could use 2"}, id="ethtool -L"
        ),
        pytest.param({"features": {CTRL_VQ}, "channels": Channels(1, 1), "virtqueues": 3, "vectors": 3}, None, {}, id="one queue, and nothing more wanted"),
        pytest.param({"features": {CTRL_VQ}, "channels": None, "virtqueues": 3, "vectors": 4}, 1, {}, id="without ethtool"),
    ],
)
def test_what_is_missing(guest: FakeGuest, run: Run, nic: dict[str, t.Any], queues: int | None, found: dict[str, str]) -> None:
    guest.nic(3, "ens3", **nic)
    result = missing(run(**({"queues": queues} if queues else {})))
    assert set(result) == set(found)
    for check, words in found.items():
        assert words in result[check]


def test_fewer_vcpus_than_queues(guest: FakeGuest, run: Run) -> None:
    guest.set_vcpus("0")
    guest.nic(3, "ens3", features={MQ, CTRL_VQ}, channels=Channels(2, 2))
    assert set(missing(run())) == {"vcpus"}


def test_vectors_that_this_user_may_not_see_are_not_known(guest: FakeGuest, run: Run) -> None:
    guest.nic(3, "ens3", features={MQ, CTRL_VQ}, channels=Channels(2, 2), root=False)
    nic = run(queues=2)["nics"][0]
    assert nic["vectors"] is None
    assert [one for one in nic["findings"] if one["ok"] is None] == [
        {"check": "vectors", "ok": None, "says": "ens3: its MSI-X vectors cannot be read.", "do": "Run the task as root (become), in a guest with PCI."}
    ]


def test_a_device_on_no_pci_bus_has_no_vectors_to_show(guest: FakeGuest, run: Run) -> None:
    guest.virtio(guest.root / "sys/devices/platform/virtio-mmio", "eth0", {VERSION_1}, Channels(1, 1))
    nic = run()["nics"][0]
    assert (nic["name"], nic["pci_address"], nic["vectors"]) == ("eth0", None, None)


@pytest.mark.parametrize(("virtqueues", "multiqueue", "found"), [(5, True, set()), (3, False, {"multiqueue", "queue_pairs"}), (0xFFFF, None, set())])
def test_a_device_that_dpdk_has_is_asked_itself(guest: FakeGuest, run: Run, virtqueues: int, multiqueue: bool | None, found: set[str]) -> None:
    guest.pci(4, virtqueues=virtqueues, driver="vfio-pci")
    result = run(queues=2, interfaces=["00:04.0"])
    assert (result["nics"][0]["name"], result["nics"][0]["features"], result["nics"][0]["multiqueue"]) == (None, None, multiqueue)
    assert set(missing(result)) == found


def test_other_pci_devices_are_passed_over(guest: FakeGuest, run: Run) -> None:
    (guest.pci(5) / "device").write_text("0x1042\n", "ascii")  # a disk
    assert run()["nics"] == []


@pytest.mark.parametrize("given", ["ens3", "52:54:00:00:02:00", "0000:00:03.0", "00:03.0"])
def test_a_device_is_named_in_any_way(guest: FakeGuest, run: Run, given: str) -> None:
    guest.nic(3, "ens3", features=set(), channels=Channels(1, 1))
    guest.nic(4, "ens4", features=set(), channels=Channels(1, 1))
    assert [nic["name"] for nic in run(interfaces=[given])["nics"]] == ["ens3"]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"interfaces": ["ens9"]}, "Its virtio network devices are: ens3 52:54:00:00:02:00 0000:00:03.0."), ({"queues": 0}, "1 to 32768 queue pairs")],
)
def test_what_cannot_be_is_refused(guest: FakeGuest, run_module: RunModule, run: Run, options: dict[str, t.Any], words: str) -> None:
    del run
    guest.nic(3, "ens3", features=set(), channels=Channels(1, 1))
    result = run_module(virtio_queues_info, options)
    assert result["failed"]
    assert words in result["msg"]


# --- the Open vSwitch in the guest ---

DPIF_SHOW = """netdev@ovs-netdev: hit:0 missed:0
  br0:
    br0 65534/1: (tap)
    dpdk0 1/2: (dpdk: configured_rx_queues={there}, configured_rxq_descriptors=2048)
"""
RXQ_SHOW = """pmd thread numa_id 0 core_id 1:
  isolated : false
  port: dpdk0             queue-id:  0 (enabled)   pmd usage: NOT AVAIL
pmd thread numa_id 0 core_id 2:
  isolated : false
"""


@pytest.fixture
def inner(switch: FakeSwitch, guest: FakeGuest) -> FakeSwitch:
    guest.pci(4, driver="vfio-pci", virtqueues=3)
    switch.write("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev")
    switch.write("add-port", "br0", "dpdk0", "--", "set", "Interface", "dpdk0", "type=dpdk", 'options:dpdk-devargs="0000:00:04.0"', "options:n_rxq=2")
    switch.write("add-port", "br0", "null", "--", "set", "Interface", "null", "type=dpdk", "options:dpdk-devargs=net_null0")
    row = next(row for row in switch.tables["Interface"].values() if row["name"] == "dpdk0")
    row["status"] = {"max_rx_queues": "1", "max_tx_queues": "1", "driver_name": "net_virtio"}
    switch.daemon.answers["dpif/show"] = DPIF_SHOW.format(there=1)
    switch.daemon.answers["dpif-netdev/pmd-rxq-show"] = RXQ_SHOW
    return switch


def test_an_inner_switch_that_asks_for_more_than_there_is(inner: FakeSwitch, run_module: RunModule) -> None:
    result = run_module(virtio_queues_info, dict(inner.args))
    found = missing(result)
    assert set(found) == {"multiqueue", "queue_pairs", "inner_rx_queues", "inner_tx_queues"}
    assert "dpdk0 shall have 2 queue pairs" in found["multiqueue"]
    assert "asks for 2 rx queues, and its device has 1" in found["inner_rx_queues"]
    assert "has 1 tx queue(s), and 2 PMD thread(s) and the main thread want one each (guide, section 6.3)" in found["inner_tx_queues"]
    assert "mq=on,vectors=8" in found["inner_tx_queues"]
    (port,) = result["ports"]
    assert (port["rx_queues"], port["tx_queues"], port["pmd_threads"]) == ({"asked": 2, "there": 1, "most": 1}, {"most": 1}, 2)
    assert result["nics"][0]["port"] == "dpdk0"
    assert inner.reads == 1


def test_an_inner_switch_that_is_down_is_said(inner: FakeSwitch, run_module: RunModule) -> None:
    inner.daemon.mode = "down"
    result = run_module(virtio_queues_info, dict(inner.args))
    assert "not running" in result["problem"]
    assert "inner_tx_queues" not in missing(result)
    inner.server_down = True
    result = run_module(virtio_queues_info, dict(inner.args))
    assert "cannot be read" in result["problem"]
    assert result["ports"] == []


def test_the_queues_of_an_inner_port() -> None:
    port = InnerPort("dpdk0", asked=2, there=2, most_rx=2, most_tx=3, threads=2)
    assert inner_rx_queues(port).ok
    assert inner_tx_queues(port).ok
    assert inner_rx_queues(port._replace(there=1)).ok is False
    assert inner_rx_queues(port._replace(there=None)).ok is None
    assert inner_tx_queues(port._replace(threads=3)).ok is False
    assert inner_tx_queues(port._replace(threads=0)).ok is None
    assert inner_tx_queues(port._replace(most_tx=None)).ok is None


def test_a_ring_of_capabilities_ends() -> None:
    space = bytearray(config(6))
    space[0x71] = 0x98  # the last one leads back to the first
    assert virtio_nics.msix_entries(bytes(space)) == 6
    assert virtio_nics.common_configuration(bytes(space)) == (COMMON_BAR, COMMON_OFFSET)
    assert virtio_nics.msix_entries(config(0)) == 0
    assert virtio_nics.common_configuration(b"") is None


def test_an_interface_that_is_not_there_has_no_channels() -> None:
    assert virtio_nics.ask_channels("no-such-nic") is None
    assert virtio_nics.ask_channels("lo") is None
