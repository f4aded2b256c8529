# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of a guest, and the ports of the switch, to the guest (private to this collection). Pure.

What a port says of itself (socket, side of the socket, queues, MAC) is never said again by the guest: an option may repeat it, and is
refused where it does not agree.
"""

from __future__ import annotations

import posixpath
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import guest, names
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet, format_cpu_list, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size, parse_size
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import EMULATED_CPU, MIB, Boot, HostFacts, Management, Vm, node_of

Given = t.Mapping[str, t.Any]

# A name is one of a systemd unit, of a domain of libvirt and of a folder
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}"
# What Linux and QEMU have of vCPUs is more than any of these machines
MAX_VCPUS = 288
_MAX_PORT = 65535
_CPU_MODEL = r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:,(?:[+-][a-z0-9_.-]+|[a-z0-9_.-]+=(?:on|off)))*"


def guest_name(given: Given) -> str:
    """Return the name of a guest. Raises InputError."""
    name = str(given["name"])
    if not re.fullmatch(_NAME, name):
        possible = "A name has 1 to 50 letters, digits, '_', '.' and '-', and begins with a letter or a digit."
        raise InputError("guest", "name", name, possible, "Choose another one.")
    return name


def missing(given: Given, *options: str) -> None:
    """Raise InputError for the first of *options* that a guest which shall be there lacks."""
    for option in options:
        if given.get(option) in (None, ""):
            raise InputError(f"guest {given['name']}", option, None, "A guest that is not absent needs it.", "Give it.")


def parse_guest(given: Given, ports: t.Mapping[str, Given], facts: HostFacts, *, backend: str, image_format: str, hostname: str) -> Vm:
    """Return the guest that the options ask for. *ports* are results of vhost_user_port by name. Raises InputError."""
    name = guest_name(given)
    subject = f"guest {name}"
    missing(given, "image", "vcpus", "memory")
    vcpus = given["vcpus"]
    if not 1 <= vcpus <= MAX_VCPUS:
        raise InputError(subject, "vcpus", vcpus, f"A guest has 1 to {MAX_VCPUS} vCPUs.", "Correct it.")
    pins = parse_pins(subject, given.get("cpus"), vcpus)
    kvm = _accel(subject, given.get("accel") or "auto", facts)
    extra_args = tuple(str(word) for word in given.get("extra_args") or ())
    if extra_args and backend != "qemu":
        raise InputError(subject, "extra_args", list(extra_args), "libvirt writes the command line of QEMU.", "Leave it out, or take backend qemu.")
    pinned: CpuSet = frozenset().union(*pins)
    memory, page_size = _memory(subject, given, facts)
    return Vm(
        name=name,
        image=_path(subject, "image", given["image"]),
        image_format=image_format,
        vcpus=vcpus,
        pins=pins,
        emulator_cpus=_cpu_list(subject, "emulator_cpus", given.get("emulator_cpus") or ""),
        memory=memory,
        page_size=page_size,
        node=node_of(pinned, facts) if given.get("node") is None else _node(subject, given["node"], facts),
        interfaces=tuple(parse_interface(subject, one, ports) for one in given.get("interfaces") or ()),
        management=_management(subject, given.get("management"), backend, guest.generated_mac(hostname, f"{name}/management")),
        boot=_boot(subject, given.get("boot")),
        firmware=_path(subject, "firmware", given["firmware"]) if given.get("firmware") else "",
        machine=_machine(subject, given.get("machine") or "q35"),
        cpu_model=_cpu_model(subject, given.get("cpu_model"), kvm=kvm),
        kvm=kvm,
        serial_log=_path(subject, "serial_log", given["serial_log"]) if given.get("serial_log") else "",
        extra_args=extra_args,
        oem_strings=_oem_strings(subject, given.get("oem_strings") or ()),
        shared_cpus=bool(given.get("shared_cpus")),
        autostart=bool(given.get("autostart")),
        running=given.get("state") != "stopped",
    )


def _path(subject: str, option: str, given: t.Any) -> str:
    text = str(given)
    if not posixpath.isabs(text) or not text.isprintable():
        raise InputError(subject, option, given, "It is a file of the host, so a path that begins with '/'.", "Write the whole path.")
    return posixpath.normpath(text)


def _cpu_list(subject: str, option: str, given: t.Any) -> CpuSet:
    try:
        return parse_cpu_list(given)
    except ValueError as error:
        text = str(error)
        raise InputError(subject, option, given, f"{text[:1].upper()}{text[1:]}.", 'Write a list such as "2,22" or "2-5".') from None


def parse_pins(subject: str, given: t.Any, vcpus: int) -> tuple[CpuSet, ...]:
    """Return the host CPUs of each vCPU: of ``{0: "2", 1: "3,23"}``, or of a list of as many CPUs as vCPUs, in its order. Raises InputError."""
    if given in (None, "", [], {}):
        return ()
    if isinstance(given, dict):
        pins = {str(vcpu): _cpu_list(subject, f"cpus.{vcpu}", cpus) for vcpu, cpus in given.items()}
        wanted = [str(vcpu) for vcpu in range(vcpus)]
        if set(pins) != set(wanted):
            possible = f"The guest has {vcpus} vCPUs, {_range(vcpus)}; cpus is for {', '.join(sorted(pins)) or 'none'}."
            raise InputError(subject, "cpus", given, possible, "Give the CPUs of each vCPU, or none.")
        empty = [vcpu for vcpu in wanted if not pins[vcpu]]
        if empty:
            raise InputError(subject, f"cpus.{empty[0]}", given.get(empty[0], ""), "A vCPU needs a CPU.", "Name one.")
        return tuple(pins[vcpu] for vcpu in wanted)
    items = [item.strip() for part in (given if isinstance(given, (list, tuple)) else [given]) for item in str(part).split(",")]
    # in the order that was written, a range from its beginning, what is excluded left out
    excluded = _cpu_list(subject, "cpus", [item[1:] for item in items if item.startswith("^")])
    ordered = [cpu for item in items if item and not item.startswith("^") for cpu in sorted(_cpu_list(subject, "cpus", item) - excluded)]
    if len(ordered) != vcpus:
        more = "more vCPUs than CPUs" if vcpus > len(ordered) else "more CPUs than vCPUs"
        possible = f"These are {len(ordered)} CPUs, and the guest has {vcpus} vCPUs: {more}."
        raise InputError(subject, "cpus", given, possible, "Give one CPU for each vCPU, or a mapping of each vCPU to its CPUs.")
    return tuple(frozenset({cpu}) for cpu in ordered)


def _range(number: int) -> str:
    return "0" if number == 1 else f"0 to {number - 1}"


def _accel(subject: str, given: str, facts: HostFacts) -> bool:
    if given == "kvm" and not facts.kvm:
        raise InputError(subject, "accel", given, "This host has no /dev/kvm that works.", "Take auto, or tcg for software emulation.")
    return facts.kvm if given == "auto" else given == "kvm"


def _memory(subject: str, given: Given, facts: HostFacts) -> tuple[int, int]:
    """Return the memory and the size of its pages. Raises InputError."""
    sizes = {}
    for option in ("memory", "hugepage_size"):
        if given.get(option):
            try:
                sizes[option] = parse_size(str(given[option]))
            except ValueError as error:
                raise InputError(subject, option, given[option], f"{error}.", "Write a number with M or G.") from None
    page_size = sizes.get("hugepage_size") or facts.default_page_size
    known = ", ".join(format_size(size) for size in sorted(facts.free_pages)) or "none"
    if page_size is None:
        raise InputError(subject, "hugepage_size", None, f"This host has no default size of hugepages; its sizes: {known}.", "Name one of these.")
    if page_size not in facts.free_pages:
        shown = given.get("hugepage_size") or format_size(page_size)
        raise InputError(subject, "hugepage_size", shown, f"The sizes of this host's hugepages are {known}.", "Choose one of these.")
    memory = sizes["memory"]
    if memory % max(page_size, MIB) or not memory:
        possible = f"Memory is in whole hugepages of {format_size(page_size)}."
        raise InputError(subject, "memory", given["memory"], possible, f"Take a multiple of {format_size(max(page_size, MIB))}.")
    return memory, page_size


def _node(subject: str, given: int, facts: HostFacts) -> int:
    if given not in facts.nodes:
        raise InputError(subject, "node", given, f"The NUMA nodes of this host are {', '.join(map(str, sorted(facts.nodes)))}.", "Choose one.")
    return given


def parse_interface(subject: str, given: Given, ports: t.Mapping[str, Given]) -> guest.GuestInterface:
    """Return an interface with what its port says. Raises InputError where the port is not there, or says something else."""
    name = str(given["port"])
    port = ports.get(name)
    if port is None or port.get("state") == "absent" or not port.get("guest") or not port.get("socket"):
        known = ", ".join(sorted(one for one, entry in ports.items() if entry.get("guest"))) or "none"
        possible = f"That port is not there; the vhost-user ports of the task are: {known}."
        raise InputError(subject, "interfaces.port", name, possible, "Add it with vhost_user_port, and give its result as ports.")
    wanted = port["guest"]
    subject = f"{subject}, interface {name}"
    mac = _mac(subject, "mac", given["mac"]) if given.get("mac") else _mac(subject, "mac", wanted["mac"])
    queues = int(wanted["queues"]) if given.get("queues") is None else int(given["queues"])
    if not 1 <= queues <= guest.MAX_QUEUE_PAIRS:
        raise InputError(subject, "queues", queues, f"A virtio device has 1 to {guest.MAX_QUEUE_PAIRS} queue pairs.", f"The port has {wanted['queues']}.")
    if queues != int(wanted["queues"]):
        raise InputError(subject, "queues", queues, f"The port has {wanted['queues']}.", "Leave it out here, or change queues of vhost_user_port.")
    if mac != str(wanted["mac"]).lower():
        raise InputError(subject, "mac", given["mac"], f"The port has {wanted['mac']}.", "Leave it out here, or change mac of vhost_user_port.")
    declared = wanted.get("mrg_rxbuf", port.get("mrg_rxbuf"))
    mrg_rxbuf = bool(declared) if given.get("mrg_rxbuf") is None else bool(given["mrg_rxbuf"])
    if declared is not None and mrg_rxbuf != bool(declared):
        raise InputError(subject, "mrg_rxbuf", mrg_rxbuf, f"The port has {declared}.", "Leave it out here, or change mrg_rxbuf of vhost_user_port.")
    mode = port.get("mode")
    if mode not in {"client", "server"}:
        raise InputError(subject, "ports.mode", mode, "It is client or server.", "Give the result ports of vhost_user_port as it is.")
    return guest.GuestInterface(name, str(port["socket"]), mode, mac, queues, mrg_rxbuf=mrg_rxbuf)


def _mac(subject: str, option: str, given: t.Any) -> str:
    try:
        return names.parse_mac(str(given))
    except ValueError as error:
        raise InputError(subject, option, given, f"{error}.", "Correct it.") from None


def _management(subject: str, given: Given | None, backend: str, mac: str) -> Management | None:
    """Return the interface for management. Raises InputError."""
    if not given:
        return None
    subject = f"{subject}, management"
    kind: t.Literal["user", "bridge", "network"] = given.get("type") or "user"
    source = ""
    for other in ("bridge", "network"):
        if other != kind and given.get(other):
            raise InputError(subject, other, given[other], f"The interface is of type {kind}.", f"Leave it out, or take type {other}.")
        if other == kind:
            if not given.get(other):
                raise InputError(subject, other, None, f"An interface of type {other} needs its name.", "Give it.")
            source = str(given[other])
    if kind == "network" and backend != "libvirt":
        raise InputError(subject, "type", kind, "Networks belong to libvirt.", "Take type bridge or user, or backend libvirt.")
    port = given.get("ssh_port")
    if port is not None and kind != "user":
        raise InputError(subject, "ssh_port", port, "Ports are forwarded to an interface of type user only.", "Leave it out.")
    if port is not None and not 1 <= port <= _MAX_PORT:
        raise InputError(subject, "ssh_port", port, f"A port is 1 to {_MAX_PORT}.", "Correct it.")
    address = str(given.get("ssh_address") or "127.0.0.1")
    if not re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", address):
        raise InputError(subject, "ssh_address", address, "It is an IPv4 address of the host, such as 127.0.0.1.", "Correct it.")
    return Management(kind, _mac(subject, "mac", given["mac"]) if given.get("mac") else mac, source, port, address)


def _boot(subject: str, given: Given | None) -> Boot:
    """Return what is started directly. Raises InputError for parts without a kernel."""
    given = given or {}
    if not given.get("kernel"):
        for option in ("initrd", "append"):
            if given.get(option):
                raise InputError(subject, f"boot.{option}", given[option], "It belongs to a kernel that is started directly.", "Give boot.kernel too.")
        return Boot()
    initrd = _path(subject, "boot.initrd", given["initrd"]) if given.get("initrd") else ""
    return Boot(_path(subject, "boot.kernel", given["kernel"]), initrd, str(given.get("append") or ""))


def _machine(subject: str, given: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", given):
        raise InputError(subject, "machine", given, "It is a machine of QEMU such as q35 or pc.", "See qemu-system-x86_64 -machine help.")
    return given


def _cpu_model(subject: str, given: str | None, *, kvm: bool) -> str:
    """Return host-passthrough, max, or a model of QEMU with its features: ``Nehalem,+pdpe1gb``. Raises InputError."""
    model = given or ("host-passthrough" if kvm else EMULATED_CPU)
    model = "host-passthrough" if model == "host" else model
    if model == "host-passthrough" and not kvm:
        raise InputError(subject, "cpu_model", given, "Without KVM a guest cannot have the CPU of the host.", f"Leave it out, for {EMULATED_CPU}, or take max.")
    if not re.fullmatch(_CPU_MODEL, model):
        raise InputError(subject, "cpu_model", given, "It is a model of QEMU with features after it, such as Nehalem,+pdpe1gb.", "Correct it.")
    return model


def _oem_strings(subject: str, given: t.Iterable[t.Any]) -> tuple[str, ...]:
    strings = tuple(str(text) for text in given)
    for text in strings:
        if not text or not text.isprintable():
            raise InputError(subject, "oem_strings", text, "It is printable text.", "Encode it, for instance in base64.")
    return strings


def format_pins(pins: t.Sequence[CpuSet]) -> dict[str, str]:
    """Return pins as results have them: vCPU -> list of host CPUs."""
    return {str(vcpu): format_cpu_list(cpus) for vcpu, cpus in enumerate(pins)}
