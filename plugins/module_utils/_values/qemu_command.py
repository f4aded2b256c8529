# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of QEMU for a guest, and the unit of systemd that runs it (private to this collection). Pure.

The command line is that of the guide, sections 5.3 and 6.1, in the words of QEMU 6 and newer: memory on hugetlbfs that is shared with the
switch, a character device, a backend and a virtio device for each vhost-user port.
Sources: qemu(1); systemd.syntax(7), systemd.service(5) (quoting, ``%`` and ``$`` in command lines), systemd.exec(5).
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import guest
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet, format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import MIB

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import Management, Vm

UNIT_PREFIX = "nfv-guest-"
RUN_FOLDER = "nfv-guests"
MANAGEMENT_ID = "nfv-management"
_HEAD = "# Written by the module nfv.ovs_dpdk.vhost_guest, which replaces it.\n"

# Seconds: for QEMU to end once its work is done, and for the switch to connect when a guest starts
STOP_MARGIN = 15
START_TIMEOUT = 120
# `reconnect` of a socket is `reconnect-ms` since QEMU 9.2, and gone in later ones
_RECONNECT_MS = (9, 2)
_VERSION = re.compile(r"version (\d+)\.(\d+)")


def unit_name(name: str) -> str:
    """Return the service of a guest."""
    return f"{UNIT_PREFIX}{name}.service"


def guest_of_unit(unit: str) -> str | None:
    """Return the guest of a service; None for another service."""
    match = re.fullmatch(rf"{UNIT_PREFIX}(.+)\.service", unit)
    return match[1] if match else None


def run_file(name: str, what: str) -> str:
    """Return the path of a socket of a guest; *what* is ``qmp`` or ``serial``."""
    return f"/run/{RUN_FOLDER}/{name}/{what}"


def parse_version(text: str) -> tuple[int, int] | None:
    """Return the version that ``qemu-system-x86_64 --version`` prints."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2])) if match else None


def reconnect_option(version: tuple[int, int] | None) -> str:
    """Return the option that has QEMU connect again, for a second between two attempts."""
    return "reconnect-ms=1000" if version is not None and version >= _RECONNECT_MS else "reconnect=1"


def _escape(value: str) -> str:
    """Return a value of an option of QEMU, in which a comma is written twice."""
    return value.replace(",", ",,")


def management_args(management: Management, place: str = "") -> list[str]:
    """Return the arguments for the interface of type user or bridge; *place* is a free slot of its bus, where QEMU must not choose one."""
    if management.type == "bridge":
        backend = f"bridge,id={MANAGEMENT_ID},br={_escape(management.source)}"
    else:
        backend = f"user,id={MANAGEMENT_ID}"
        if management.ssh_port is not None:
            backend += f",hostfwd=tcp:{management.ssh_address}:{management.ssh_port}-:22"
    return ["-netdev", backend, "-device", f"virtio-net-pci,netdev={MANAGEMENT_ID},id={MANAGEMENT_ID}-nic,mac={management.mac}{place and f',addr={place}'}"]


def cpu_word(model: str) -> str:
    """Return a CPU model as QEMU has it."""
    return "host" if model == "host-passthrough" else model


def command(vm: Vm, qemu: str, hugepage_path: str, version: tuple[int, int] | None) -> list[str]:
    """Return the command line of a guest, as words."""
    memory = f"{vm.memory // MIB}M"
    backend, numa = guest.memory_qemu_args(memory, hugepage_path)[3], guest.memory_qemu_args(memory, hugepage_path)[5]
    if vm.node is not None:
        backend += f",host-nodes={vm.node},policy=bind"
    qmp, serial = run_file(vm.name, "qmp"), run_file(vm.name, "serial")
    log = f",logfile={_escape(vm.serial_log)},logappend=on" if vm.serial_log else ""
    words = [
        *(qemu, "-name", f"guest={vm.name},debug-threads=on", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", vm.machine, "-accel", "kvm" if vm.kvm else "tcg,thread=multi", "-cpu", cpu_word(vm.cpu_model)),
        *("-smp", f"{vm.vcpus},sockets=1,cores={vm.vcpus},threads=1"),
        *("-m", memory, "-object", backend, "-numa", numa),
        *("-chardev", f"socket,id=qmp,path={qmp},server=on,wait=off", "-mon", "chardev=qmp,mode=control"),
        *("-chardev", f"socket,id=serial,path={serial},server=on,wait=off{log}", "-serial", "chardev:serial"),
        *("-drive", f"file={_escape(vm.image)},format={vm.image_format},if=none,id=disk", "-device", "virtio-blk-pci,drive=disk,bootindex=1"),
    ]
    for interface in vm.interfaces:
        words += guest.qemu_args(interface, reconnect=reconnect_option(version))
    if vm.management:
        words += management_args(vm.management)
    if vm.firmware:
        words += ["-bios", vm.firmware]
    for option in ("kernel", "initrd", "append"):
        value = getattr(vm.boot, option)
        if value:
            words += [f"-{option}", value]
    for text in vm.oem_strings:
        words += ["-smbios", f"type=11,value={_escape(text)}"]
    return [*words, *vm.extra_args]


def quoted(words: Iterable[str]) -> str:
    """Return words as a command line of a unit: systemd takes them back as they are."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./$\\-]+", escaped):
        return escaped
    return '"' + escaped.replace('"', '\\"') + '"'


def unquoted(line: str) -> list[str]:
    """Return the words of a command line that :func:`quoted` made."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
    return [re.sub(r"\\(.)", r"\1", quoted_word or plain).replace("%%", "%").replace("$$", "$") for quoted_word, plain in words]


def pin_words(pins: Sequence[CpuSet], emulator_cpus: CpuSet) -> list[str]:
    """Return pins as the helper script takes them: ``0=2 emulator=1``."""
    return [*(f"{vcpu}={format_cpu_list(cpus)}" for vcpu, cpus in enumerate(pins)), *([f"emulator={format_cpu_list(emulator_cpus)}"] if emulator_cpus else [])]


def unit(vm: Vm, words: Sequence[str], helper: Sequence[str], *, user: str, group: str, shutdown_timeout: int) -> str:
    """Return the text of the unit of a guest. *helper* is the beginning of a command line of the helper script.

    QEMU does not answer before the switch has connected, so that the guest has started when its vCPUs are pinned, or there are none.
    """
    qmp = run_file(vm.name, "qmp")
    lines = [
        _HEAD + "[Unit]",
        f"Description=Guest {vm.name} on vhost-user ports",
        "After=network.target ovs-vswitchd.service openvswitch-switch.service openvswitch.service",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        *([f"User={user}"] if user else []),
        *([f"Group={group}"] if group else []),
        f"RuntimeDirectory={RUN_FOLDER}/{vm.name}",
        "RuntimeDirectoryMode=0750",
        "UMask=0007",
        *([f"CPUAffinity={format_cpu_list(vm.emulator_cpus)}"] if vm.emulator_cpus else []),
        f"ExecStart={quoted(words)}",
        # with the rights of systemd: a user may not bind the threads of a program that has other rights
        f"ExecStartPost=+{quoted([*helper, 'pin', '--qmp', qmp, '--timeout', str(START_TIMEOUT - 5), *pin_words(vm.pins, vm.emulator_cpus)])}",
        f"ExecStop=+{quoted([*helper, 'powerdown', '--qmp', qmp, '--timeout', str(shutdown_timeout)])}",
        f"TimeoutStartSec={START_TIMEOUT}",
        f"TimeoutStopSec={shutdown_timeout + STOP_MARGIN}",
        "Restart=on-failure",
        "RestartSec=2",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"


def command_of(text: str) -> list[str]:
    """Return the command line in the text of a unit; nothing where there is none."""
    found = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)
    return unquoted(found[1]) if found else []


def sockets_of(words: Sequence[str]) -> frozenset[str]:
    """Return the sockets of the character devices in a command line of :func:`command`."""
    found = (re.match(r"socket,id=[^,]*,path=((?:[^,]|,,)*)", word) for word in words)
    return frozenset(match[1].replace(",,", ",") for match in found if match)
