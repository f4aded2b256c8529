# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domain of libvirt for a guest: written, compared and merged by the elements that this collection owns (private to it). Pure.

libvirt adds to what it is given (addresses, controllers, a UUID, defaults), and people add devices of their own. So nothing is compared as
text: `_TREE` says which elements and attributes are ours, :func:`owned` gives a domain with these alone, and :func:`merged` puts ours
into a domain that is there and leaves the rest of it as it is. The addresses of devices stay, and with them their names in the guest.

Sources: libvirt, Domain XML format; guide 6.1 (VM configuration with libvirt: vcpupin, NUMA cell, memAccess shared, mrg_rxbuf off).
"""

from __future__ import annotations

import copy
import re
import typing as t
import xml.etree.ElementTree as ET

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import guest, qemu_command
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import Vm

QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
# What tells our interface for management from others; libvirt keeps names that begin so (Domain XML format, alias)
MANAGEMENT_ALIAS = "ua-nfv-management"
_COMMANDLINE = f"{{{QEMU_NAMESPACE}}}commandline"
_ARG = f"{{{QEMU_NAMESPACE}}}arg"
_KIB = 1024
# QEMU places what stands in its own words before what libvirt has placed from slot 1 on: this one is out of the way of both machines
_SLOT = "0x1e"

ET.register_namespace("qemu", QEMU_NAMESPACE)


class _Rule(t.NamedTuple):
    """What of an element is ours."""

    attributes: tuple[str, ...] = ()
    children: t.Mapping[str, _Rule] = {}
    text: bool = False
    key: str = ""
    """What tells several of them apart: an attribute of it, or ``tag/attribute`` of a child; ``.`` for the text."""


_TEXT = _Rule(text=True)
_SIZE = _Rule(("unit",), text=True)
_DISK = _Rule(("type", "device"), {"driver": _Rule(("name", "type")), "source": _Rule(("file",)), "target": _Rule(("dev", "bus"))}, key="target/dev")
_SOURCE = _Rule(("type", "path", "mode", "bridge", "network"), {"reconnect": _Rule(("enabled", "timeout"))})
_INTERFACE = _Rule(
    ("type",),
    {
        "mac": _Rule(("address",)),
        "source": _SOURCE,
        "model": _Rule(("type",)),
        "driver": _Rule(("name", "queues"), {"host": _Rule(("mrg_rxbuf",))}),
        "alias": _Rule(("name",)),
    },
    key="mac/address",
)
_SERIAL = _Rule(("type",), {"log": _Rule(("file", "append")), "target": _Rule(("port",))}, key="target/port")
# libvirt gives the console what it finds of the serial port that it stands for
_CONSOLE = _Rule(("type",), {"log": _Rule(("file", "append")), "target": _Rule(("type", "port"))}, key="target/port")
_TREE = _Rule(
    ("type",),
    {
        "name": _TEXT,
        "memory": _SIZE,
        "currentMemory": _SIZE,
        "memoryBacking": _Rule(children={"hugepages": _Rule(children={"page": _Rule(("size", "unit"), key="size")}), "access": _Rule(("mode",))}),
        "vcpu": _TEXT,
        "cputune": _Rule(children={"vcpupin": _Rule(("vcpu", "cpuset"), key="vcpu"), "emulatorpin": _Rule(("cpuset",))}),
        "numatune": _Rule(children={"memory": _Rule(("mode", "nodeset"))}),
        "sysinfo": _Rule(("type",), {"oemStrings": _Rule(children={"entry": _Rule(text=True, key=".")})}),
        "os": _Rule(
            children={
                "type": _Rule(("arch", "machine"), text=True),
                "loader": _Rule(("type",), text=True),
                "kernel": _TEXT,
                "initrd": _TEXT,
                "cmdline": _TEXT,
                "smbios": _Rule(("mode",)),
            }
        ),
        "cpu": _Rule(
            ("mode",),
            {
                "model": _TEXT,
                "feature": _Rule(("policy", "name"), key="name"),
                "numa": _Rule(children={"cell": _Rule(("id", "cpus", "memory", "unit", "memAccess"), key="id")}),
            },
        ),
        "devices": _Rule(children={"disk": _DISK, "interface": _INTERFACE, "serial": _SERIAL, "console": _CONSOLE}),
        _COMMANDLINE: _Rule(children={_ARG: _Rule(("value",))}),
    },
)


def parse(text: str) -> ET.Element:
    """Return the domain in a text. Raises ValueError."""
    try:
        return ET.fromstring(text)  # noqa: S314 - libvirtd's own words
    except ET.ParseError as error:
        raise ValueError(f"no XML: {error}") from None


def text_of(domain: ET.Element) -> str:
    """Return a domain as text that people read."""
    tree = copy.deepcopy(domain)
    ET.indent(tree)
    return ET.tostring(tree, encoding="unicode") + "\n"


# --- written ---


def _add(parent: ET.Element, tag: str, text: str = "", /, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    if text:
        element.text = text
    return element


def build(vm: Vm) -> ET.Element:
    """Return the domain of a guest."""
    domain = ET.Element("domain", type="kvm" if vm.kvm else "qemu")
    kib = str(vm.memory // _KIB)
    _add(domain, "name", vm.name)
    _add(domain, "memory", kib, unit="KiB")
    _add(domain, "currentMemory", kib, unit="KiB")
    backing = _add(domain, "memoryBacking")
    _add(_add(backing, "hugepages"), "page", size=str(vm.page_size // _KIB), unit="KiB")
    _add(backing, "access", mode="shared")
    _add(domain, "vcpu", str(vm.vcpus), placement="static")
    _add_pins(domain, vm)
    if vm.node is not None:
        _add(_add(domain, "numatune"), "memory", mode="strict", nodeset=str(vm.node))
    if vm.oem_strings:
        strings = _add(_add(domain, "sysinfo", type="smbios"), "oemStrings")
        for text in vm.oem_strings:
            _add(strings, "entry", text)
    _add_os(domain, vm)
    features = _add(domain, "features")
    _add(features, "acpi")
    _add(features, "apic")
    _add_cpu(domain, vm, kib)
    _add_devices(domain, vm)
    words = _own_words(vm)
    if words:
        commandline = _add(domain, _COMMANDLINE)
        for word in words:
            _add(commandline, _ARG, value=word)
    return domain


def _add_pins(domain: ET.Element, vm: Vm) -> None:
    if not vm.pins and not vm.emulator_cpus:
        return
    tune = _add(domain, "cputune")
    for vcpu, cpus in enumerate(vm.pins):
        _add(tune, "vcpupin", vcpu=str(vcpu), cpuset=format_cpu_list(cpus))
    if vm.emulator_cpus:
        _add(tune, "emulatorpin", cpuset=format_cpu_list(vm.emulator_cpus))


def _add_os(domain: ET.Element, vm: Vm) -> None:
    system = _add(domain, "os")
    _add(system, "type", "hvm", arch="x86_64", machine=vm.machine)
    if vm.firmware:
        _add(system, "loader", vm.firmware, type="rom")
    for tag, value in (("kernel", vm.boot.kernel), ("initrd", vm.boot.initrd), ("cmdline", vm.boot.append)):
        if value:
            _add(system, tag, value)
    if vm.oem_strings:
        _add(system, "smbios", mode="sysinfo")


def _add_cpu(domain: ET.Element, vm: Vm, kib: str) -> None:
    model, *features = vm.cpu_model.split(",")
    if model == "host-passthrough":
        cpu = _add(domain, "cpu", mode="host-passthrough")
    elif model == "max":
        cpu = _add(domain, "cpu", mode="maximum")
    else:
        cpu = _add(domain, "cpu", mode="custom", match="exact", check="none")
        _add(cpu, "model", model, fallback="forbid")
    for feature in features:
        name = feature.lstrip("+-").partition("=")[0]
        off = feature.startswith("-") or feature.endswith("=off")
        _add(cpu, "feature", policy="disable" if off else "require", name=name)
    cell = _add(cpu, "numa")
    cpus = format_cpu_list(range(vm.vcpus))
    _add(cell, "cell", id="0", cpus=cpus, memory=kib, unit="KiB", memAccess="shared")


def _add_devices(domain: ET.Element, vm: Vm) -> None:
    devices = _add(domain, "devices")
    disk = _add(devices, "disk", type="file", device="disk")
    _add(disk, "driver", name="qemu", type=vm.image_format)
    _add(disk, "source", file=vm.image)
    _add(disk, "target", dev="vda", bus="virtio")
    for interface in vm.interfaces:
        devices.append(_stripped(ET.fromstring(guest.libvirt_xml(interface))))  # noqa: S314 - our own text
    if vm.management and vm.management.type != "user":
        kind, source = vm.management.type, vm.management.source
        management = _add(devices, "interface", type=kind)
        _add(management, "mac", address=vm.management.mac)
        _add(management, "source", **{kind: source})
        _add(management, "model", type="virtio")
        _add(management, "alias", name=MANAGEMENT_ALIAS)
    serial, console = _add(devices, "serial", type="pty"), _add(devices, "console", type="pty")
    if vm.serial_log:
        _add(serial, "log", file=vm.serial_log, append="on")
        _add(console, "log", file=vm.serial_log, append="on")
    _add(serial, "target", port="0")
    _add(console, "target", type="serial", port="0")


def _own_words(vm: Vm) -> list[str]:
    """Return arguments of QEMU for which libvirt has no element: it forwards no port to an interface of type user."""
    return qemu_command.management_args(vm.management, _SLOT) if vm.management and vm.management.type == "user" else []


def _stripped(element: ET.Element) -> ET.Element:
    """Return an element without the white space between its children."""
    for one in element.iter():
        if len(one) or not (one.text or "").strip():
            one.text = None
        one.tail = None
    return element


# --- compared ---


def _is_ours(element: ET.Element) -> bool:
    """Tell whether one of several elements of a kind is ours."""
    if element.tag == "disk":
        return _value(element, "target/dev") == "vda"
    if element.tag == "interface":
        return element.get("type") == "vhostuser" or _value(element, "alias/name") == MANAGEMENT_ALIAS
    if element.tag in {"serial", "console"}:
        return _value(element, "target/port") in {"0", None}
    if element.tag == "alias":  # libvirt's own, of a domain that runs
        return (element.get("name") or "").startswith("ua-nfv-")
    if element.tag == "loader":
        return element.get("type") != "pflash"
    return True


def _value(element: ET.Element, path: str) -> str | None:
    """Return what a key of a rule names."""
    if path == ".":
        return element.text
    tag, _slash, attribute = path.rpartition("/")
    found = element.find(tag) if tag else element
    return None if found is None else found.get(attribute)


def owned(domain: ET.Element) -> ET.Element:
    """Return what of a domain is ours, in a fixed order and in one spelling."""
    kept = _owned(domain, _TREE)
    return ET.Element("domain") if kept is None else kept


def _owned(element: ET.Element, rule: _Rule) -> ET.Element | None:
    """Return what of an element is ours; None where nothing is."""
    kept = ET.Element(element.tag, {name: element.attrib[name] for name in rule.attributes if name in element.attrib})
    if "cpuset" in kept.attrib:
        kept.set("cpuset", format_cpu_list(parse_cpu_list(kept.attrib["cpuset"])))
    if rule.text:
        kept.text = (element.text or "").strip()
    if element.tag == _COMMANDLINE:
        for word in _ours_of(element):
            ET.SubElement(kept, _ARG, value=word)
        return kept if len(kept) else None
    for tag, below in rule.children.items():
        found = [one for one in (_owned(child, below) for child in element.findall(tag) if _is_ours(child)) if one is not None]
        kept.extend(_in_order(found, below.key))
    return kept if kept.attrib or kept.text or len(kept) else None


def _in_order(elements: list[ET.Element], key: str) -> list[ET.Element]:
    """Return several elements of a kind in one order, since theirs says nothing; a number before a text."""
    if not key:
        return elements
    values = {id(one): _value(one, key) or "" for one in elements}
    return sorted(elements, key=lambda one: (not values[id(one)].isdigit(), values[id(one)].zfill(20) if values[id(one)].isdigit() else values[id(one)]))


def _ours_of(commandline: ET.Element) -> list[str]:
    """Return our words of a command line: an option and its value each, with our name in the value."""
    words = [one.get("value") or "" for one in commandline.findall(_ARG)]
    pairs = zip(words, words[1:])
    return [word for option, value in pairs if option in {"-netdev", "-device"} and _names_ours(value) for word in (option, value)]


def _names_ours(value: str) -> bool:
    return re.search(rf"[,=]{qemu_command.MANAGEMENT_ID}(?:,|$)", value) is not None


# --- merged ---


def merged(found: ET.Element, wanted: ET.Element) -> ET.Element:
    """Return the domain that is there with our elements as wanted, and all others as they are."""
    result = _stripped(copy.deepcopy(found))
    _merge(result, _with_machine_of(result, wanted), _TREE)
    return result


def agrees(found: ET.Element, wanted: ET.Element) -> bool:
    """Tell whether what is ours of a domain is as wanted."""
    return ET.tostring(owned(found)) == ET.tostring(owned(_with_machine_of(found, wanted)))


def runs_as(active: ET.Element, wanted: ET.Element) -> bool:
    """Tell whether a domain runs as wanted, but for its CPU, which libvirt spells out as long as it runs, and the CPUs of its threads."""
    both = [owned(active), owned(_with_machine_of(active, wanted))]
    for domain in both:
        for tune in domain.findall("cputune"):
            domain.remove(tune)
        cpu = domain.find("cpu")
        if cpu is not None:
            cpu.attrib.clear()
            for one in cpu.findall("model") + cpu.findall("feature"):
                cpu.remove(one)
    return ET.tostring(both[0]) == ET.tostring(both[1])


def pages_of(domain: ET.Element) -> tuple[int, int | None, int] | None:
    """Return page size in bytes, node and number of the hugepages of a domain; None for one without."""
    page, memory, place = (domain.find(path) for path in ("memoryBacking/hugepages/page", "memory", "numatune/memory"))
    if page is None or memory is None or page.get("unit") != "KiB" or memory.get("unit") != "KiB":
        return None
    size, kib = int(page.get("size") or 0), int(memory.text or 0)
    node = "" if place is None else place.get("nodeset") or ""
    return (size * _KIB, int(node) if node.isdigit() else None, kib // size) if size else None


def sockets_of(domain: ET.Element) -> frozenset[str]:
    """Return the sockets of the vhost-user interfaces of a domain."""
    return frozenset(one.get("path") or "" for one in domain.findall("devices/interface[@type='vhostuser']/source"))


def as_lines(domain: ET.Element) -> list[str]:
    """Return what of a domain is ours as lines, for a diff."""
    return text_of(owned(domain)).splitlines()


def wanted_lines(found: ET.Element | None, wanted: ET.Element) -> list[str]:
    """Return the lines that a domain has once it is as wanted."""
    return as_lines(wanted if found is None else _with_machine_of(found, wanted))


def _with_machine_of(found: ET.Element, wanted: ET.Element) -> ET.Element:
    """Return the domain with the version of the machine that is there: libvirt writes ``pc-q35-7.2`` for ``q35``, and a guest keeps it."""
    there, ours = found.find("os/type"), wanted.find("os/type")
    if there is None or ours is None:
        return wanted
    family, version = ours.get("machine") or "", there.get("machine") or ""
    prefixes = {"q35": "pc-q35-", "pc": "pc-i440fx-"}
    if not version.startswith(prefixes.get(family, f"{family}-")) and version != family:
        return wanted
    result = copy.deepcopy(wanted)
    machine = result.find("os/type")
    if machine is not None:
        machine.set("machine", version)
    return result


def _merge(found: ET.Element, wanted: ET.Element, rule: _Rule) -> None:
    """Have of *found* what is ours as it is in *wanted*."""
    if found.tag == "cpu" and found.get("mode") != wanted.get("mode"):
        found.attrib.clear()  # some belong to one mode only
        found.attrib.update(wanted.attrib)
    for name in rule.attributes:
        if name in wanted.attrib:
            found.set(name, wanted.attrib[name])
        else:
            found.attrib.pop(name, None)
    if rule.text:
        found.text = wanted.text
    if found.tag == _COMMANDLINE:
        _merge_words(found, wanted)
        return
    for tag, below in rule.children.items():
        _merge_children(found, [one for one in wanted.findall(tag) if _is_ours(one)], tag, below)


def _merge_children(found: ET.Element, wanted: list[ET.Element], tag: str, rule: _Rule) -> None:
    there = [one for one in found.findall(tag) if _is_ours(one)]
    if rule.children and not rule.attributes and not rule.text and there and not wanted:
        wanted = [ET.Element(tag)]  # it may hold what is not ours
    unused = {(_value(one, rule.key) if rule.key else "") or "": one for one in there}
    for one in wanted:
        old = unused.pop((_value(one, rule.key) if rule.key else "") or "", None)
        if old is not None:
            _merge(old, one, rule)
            if not len(old) and not old.attrib and not old.text and not len(one):
                found.remove(old)
        else:
            found.append(copy.deepcopy(one))
    for one in unused.values():
        found.remove(one)


def _merge_words(found: ET.Element, wanted: ET.Element) -> None:
    """Have our words at the end of a command line, and those of others before them."""
    arguments = found.findall(_ARG)
    values = [one.get("value") or "" for one in arguments]
    for place, value in enumerate(values[1:], 1):
        if values[place - 1] in {"-netdev", "-device"} and _names_ours(value):
            found.remove(arguments[place - 1])
            found.remove(arguments[place])
    for word in _ours_of(wanted):
        ET.SubElement(found, _ARG, value=word)
