# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains of libvirt: written, compared with what libvirt makes of them, and merged into what people made of them.

fixtures/domain/NAME.xml is what is written, and was checked with virt-xml-validate; NAME.libvirt-RELEASE.xml is what ``virsh dumpxml
--inactive`` of that release gave after ``virsh define`` (on a host without KVM, so of type qemu), running.* without ``--inactive``.
"""

from __future__ import annotations

import pathlib
import typing as t
import xml.etree.ElementTree as ET

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import domain_xml
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.vm_examples import facts, options, port, ports, vm

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import Vm

DOMAINS = pathlib.Path(__file__).parent / "fixtures/domain"

EVERYTHING = options(
    name="everything",
    cpus={0: "4", 1: "5,25"},
    emulator_cpus="1,6",
    management={"type": "bridge", "bridge": "br-mgmt"},
    serial_log="/var/log/e.log",
    oem_strings=["a=b,c", "<&>"],
    boot={"kernel": "/boot/k", "initrd": "/boot/i", "append": "root=/dev/vda1 quiet"},
    firmware="/usr/share/ovmf/OVMF.fd",
    accel="tcg",
    cpu_model="Nehalem,+pdpe1gb,-vme",
    interfaces=[{"port": "vhost-user0"}, {"port": "vhost-user1", "mrg_rxbuf": True}],
)
PLAIN = options(name="plain", cpus=None, hugepage_size="2M", memory="64M", accel="tcg", management={"type": "user", "ssh_port": 2222}, interfaces=[])
# What the running guest of the fixture was asked for
RUNNING = options(
    name="vm1",
    cpus={0: "0", 1: "0"},
    emulator_cpus="0",
    hugepage_size="2M",
    memory="512M",
    interfaces=[{"port": "vhost-user0"}, {"port": "vhost-user1"}],
    management={"type": "user", "ssh_port": 2222, "mac": "52:54:00:00:00:01"},
    oem_strings=["io.systemd.credential:motd=hello"],
    serial_log="/var/log/vm1.log",
)


def guest(name: str, **changes: t.Any) -> Vm:
    """Return one of the three guests of the fixtures, without KVM but for the guide's."""
    at = ports(port(0, mode="server"), port(1, queues=1)) if name == "everything" else ports()
    given = {"vhost-vm": options(), "everything": EVERYTHING, "plain": PLAIN}[name]
    return vm({**given, **changes}, backend="libvirt", at=at)


def emulated(name: str) -> Vm:
    """Return the guest as it was defined where the fixtures come from."""
    return guest(name, accel="tcg", cpu_model="max") if name == "vhost-vm" else guest(name)


def fixture(name: str) -> ET.Element:
    return domain_xml.parse((DOMAINS / f"{name}.xml").read_text(encoding="utf-8"))


DEFINED = sorted(path.stem for path in DOMAINS.glob("*.libvirt-*.xml") if not path.stem.startswith("running"))


@pytest.mark.parametrize("name", ["vhost-vm", "everything", "plain"])
def test_a_domain_is_written_as_it_was_when_libvirts_schema_took_it(name: str) -> None:
    assert domain_xml.text_of(domain_xml.build(guest(name))) == (DOMAINS / f"{name}.xml").read_text(encoding="utf-8")


def test_the_guides_guest_has_all_that_the_guide_wants() -> None:
    domain = domain_xml.build(guest("vhost-vm"))
    assert domain.findtext("memory") == str(4096 * 1024)
    assert [(page.get("size"), page.get("unit")) for page in domain.findall("memoryBacking/hugepages/page")] == [("1048576", "KiB")]
    for path, attribute, value in (
        (".", "type", "kvm"),
        ("memoryBacking/access", "mode", "shared"),
        ("cpu/numa/cell", "memAccess", "shared"),
        ("numatune/memory", "nodeset", "0"),
        ("cputune/vcpupin[@vcpu='1']", "cpuset", "5"),
        ("devices/interface/driver", "queues", "2"),
        ("devices/interface/driver/host", "mrg_rxbuf", "off"),
    ):
        element = domain.find(path)
        assert element is not None, path
        assert element.get(attribute) == value


@pytest.mark.parametrize(("mode", "other"), [("client", "server"), ("server", "client")])
def test_the_guest_has_the_other_side_of_the_socket(mode: str, other: str) -> None:
    domain = domain_xml.build(vm(options(interfaces=[{"port": "vhost-user0"}]), backend="libvirt", at=ports(port(0, mode=mode))))
    source = domain.find("devices/interface/source")
    assert source is not None
    assert source.get("mode") == other
    assert (source.find("reconnect") is not None) == (mode == "server")


@pytest.mark.parametrize("name", DEFINED)
def test_what_libvirt_makes_of_a_domain_is_the_domain(name: str) -> None:
    wanted = domain_xml.build(emulated(name.partition(".")[0]))
    assert domain_xml.agrees(fixture(name), wanted)
    assert domain_xml.as_lines(fixture(name)) == domain_xml.wanted_lines(fixture(name), wanted)
    merged = domain_xml.merged(fixture(name), wanted)
    assert ET.canonicalize(domain_xml.text_of(merged), strip_text=True) == ET.canonicalize(domain_xml.text_of(fixture(name)), strip_text=True)


CHANGES: tuple[dict[str, t.Any], ...] = (
    {"memory": "2G"},
    {"vcpus": 1, "cpus": "4"},
    {"cpus": "4,6"},
    {"cpus": None},
    {"emulator_cpus": "7"},
    {"node": 1},
    {"interfaces": [{"port": "vhost-user0"}]},
    {"interfaces": []},
    {"interfaces": [{"port": "vhost-user0"}, {"port": "vhost-user1", "mrg_rxbuf": False}]},
    {"management": None},
    {"management": {"type": "bridge", "bridge": "br-mgmt", "mac": "52:54:00:00:00:77"}},
    {"management": {"type": "user", "ssh_port": 2200}},
    {"management": {"type": "network", "network": "default"}},
    {"oem_strings": ["a=b,c"]},
    {"oem_strings": []},
    {"boot": None},
    {"boot": {"kernel": "/boot/k"}},
    {"firmware": None},
    {"cpu_model": "max"},
    {"cpu_model": "Nehalem,+pdpe1gb"},
    {"serial_log": None},
    {"machine": "pc"},
    {"image": "/srv/other.qcow2"},
)


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: ",".join(f"{key}={value}" for key, value in changes.items()))
def test_a_change_is_seen_and_after_the_merge_there_is_none(changes: dict[str, t.Any]) -> None:
    found = fixture("everything.libvirt-11.3")
    wanted = domain_xml.build(guest("everything", **changes))
    assert not domain_xml.agrees(found, wanted)
    merged = domain_xml.parse(domain_xml.text_of(domain_xml.merged(found, wanted)))
    assert domain_xml.agrees(merged, wanted)
    assert merged.findtext("uuid") == found.findtext("uuid")


def test_devices_keep_their_addresses_when_a_guest_changes() -> None:
    found = fixture("everything.libvirt-11.3")
    merged = domain_xml.merged(found, domain_xml.build(guest("everything", memory="2G", image="/srv/other.qcow2")))
    for path in ("devices/disk", "devices/interface"):
        addresses = [[ET.tostring(one) for one in domain.findall(f"{path}/address")] for domain in (found, merged)]
        assert len(addresses[0]) == len(addresses[1])
        assert [bus.split(b"bus=")[1][:7] for bus in addresses[0]] == [bus.split(b"bus=")[1][:7] for bus in addresses[1]]


def test_what_other_people_added_stays_and_does_not_count() -> None:
    found = fixture("vhost-vm.libvirt-11.3")
    wanted = domain_xml.build(emulated("vhost-vm"))
    devices, backing, tune = found.find("devices"), found.find("memoryBacking"), found.find("cputune")
    assert devices is not None
    assert backing is not None
    assert tune is not None
    devices.append(ET.fromstring("<disk type='file' device='disk'><source file='/srv/data.img'/><target dev='vdb' bus='virtio'/></disk>"))  # noqa: S314 - ours
    devices.append(ET.fromstring("<interface type='network'><mac address='52:54:00:aa:bb:cc'/><source network='default'/></interface>"))  # noqa: S314 - ours
    ET.SubElement(backing, "locked")
    ET.SubElement(tune, "shares").text = "2048"
    ET.SubElement(found, "metadata")
    line = ET.SubElement(found, f"{{{domain_xml.QEMU_NAMESPACE}}}commandline")
    for word in ("-device", "pvpanic"):
        ET.SubElement(line, f"{{{domain_xml.QEMU_NAMESPACE}}}arg", value=word)
    assert domain_xml.agrees(found, wanted)
    changed = domain_xml.build(guest("vhost-vm", accel="tcg", cpu_model="max", cpus=None, management={"type": "user"}))
    merged = domain_xml.merged(found, changed)
    text = domain_xml.text_of(merged)
    for kept in ("/srv/data.img", "52:54:00:aa:bb:cc", "<locked", "<shares>2048", "<metadata", "pvpanic", "nfv-management"):
        assert kept in text
    assert "vcpupin" not in text
    back = domain_xml.merged(merged, wanted)
    assert "nfv-management" not in domain_xml.text_of(back)
    assert "pvpanic" in domain_xml.text_of(back)
    assert domain_xml.agrees(back, wanted)


def test_an_interface_that_a_guest_no_longer_has_goes() -> None:
    found = fixture("vhost-vm.libvirt-11.3")
    merged = domain_xml.merged(found, domain_xml.build(guest("vhost-vm", interfaces=[{"port": "vhost-user1"}])))
    assert [mac.get("address") for mac in merged.findall("devices/interface/mac")] == ["00:00:00:00:00:02"]


def test_a_guest_keeps_the_version_of_its_machine_and_another_family_replaces_it() -> None:
    found = fixture("vhost-vm.libvirt-9.0")
    for machine, version in (("q35", "pc-q35-7.2"), ("pc-q35-7.2", "pc-q35-7.2"), ("pc-q35-7.1", "pc-q35-7.1"), ("pc", "pc")):
        merged = domain_xml.merged(found, domain_xml.build(guest("vhost-vm", machine=machine)))
        kind = merged.find("os/type")
        assert kind is not None
        assert kind.get("machine") == version


def test_attributes_of_one_mode_of_a_cpu_do_not_stay_in_another() -> None:
    found = fixture("everything.libvirt-11.3")
    merged = domain_xml.merged(found, domain_xml.build(guest("everything", accel="auto", cpu_model="host-passthrough")))
    cpu = merged.find("cpu")
    assert cpu is not None
    assert dict(cpu.attrib) == {"mode": "host-passthrough"}
    assert cpu.find("model") is None
    assert cpu.find("feature") is None
    assert cpu.find("numa/cell") is not None


def running(**changes: t.Any) -> ET.Element:
    at = ports(port(0, mac="52:54:00:00:00:11"), port(1, mac="f6:fc:c7:3a:e2:8d"))
    live = fixture("running.libvirt-11.3").findall("devices/interface/mac")
    at["vhost-user1"]["guest"]["mac"] = live[1].get("address")
    return domain_xml.build(vm({**RUNNING, **changes}, backend="libvirt", host=facts(kvm=False, pmd_cpus=frozenset()), at=at))


def test_a_domain_that_runs_is_recognised_with_all_that_libvirt_adds_then() -> None:
    live = fixture("running.libvirt-11.3")
    assert domain_xml.runs_as(live, running())
    assert domain_xml.runs_as(live, running(cpus="4,5"))  # threads can be bound while it runs
    others: list[dict[str, t.Any]] = [{"memory": "256M"}, {"vcpus": 1, "cpus": "0"}, {"interfaces": [{"port": "vhost-user0"}]}]
    for changes in (*others, {"oem_strings": []}, {"management": None}):
        assert not domain_xml.runs_as(live, running(**changes)), changes


def test_the_pages_of_a_domain_that_runs_are_counted() -> None:
    assert domain_xml.pages_of(fixture("running.libvirt-11.3")) == (2 * 2**20, 0, 256)
    assert domain_xml.pages_of(domain_xml.parse("<domain><memory unit='KiB'>1024</memory></domain>")) is None


def test_what_is_no_xml_is_an_error_that_can_be_caught() -> None:
    with pytest.raises(ValueError, match="no XML"):
        domain_xml.parse("error: failed to connect")
