# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of QEMU and the unit of a guest."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import qemu_command
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.vm_examples import options, port, ports, vm

GOLDEN = pathlib.Path(__file__).parent / "fixtures/domain/vhost-vm.service"
QEMU = "/usr/bin/qemu-system-x86_64"


def command(version: tuple[int, int] | None = (7, 2), at: dict[str, t.Any] | None = None, **changes: t.Any) -> list[str]:
    return qemu_command.command(vm(options(**changes), at=at), QEMU, "/dev/hugepages-1G", version)


def values(words: list[str], option: str) -> list[str]:
    return [value for name, value in zip(words, words[1:]) if name == option]


def test_the_guides_command_line_of_section_5_3() -> None:
    words = command()
    assert values(words, "-m") == ["4096M"]
    assert values(words, "-cpu") == ["host"]
    assert values(words, "-accel") == ["kvm"]
    assert values(words, "-smp") == ["2,sockets=1,cores=2,threads=1"]
    assert values(words, "-object") == ["memory-backend-file,id=mem,size=4096M,mem-path=/dev/hugepages-1G,share=on,prealloc=on,host-nodes=0,policy=bind"]
    assert values(words, "-numa") == ["node,memdev=mem"]
    assert "socket,id=char-vhost-user0,path=/var/run/openvswitch/vhost/vhost-user0,server=on" in values(words, "-chardev")
    assert values(words, "-netdev") == [f"vhost-user,id=net-vhost-user{n},chardev=char-vhost-user{n},vhostforce=on,queues=2" for n in (0, 1)]
    assert [value for value in values(words, "-device") if "net-pci" in value] == [
        f"virtio-net-pci,mac=00:00:00:00:00:0{n + 1},netdev=net-vhost-user{n},mq=on,vectors=6,mrg_rxbuf=off" for n in (0, 1)
    ]
    assert values(words, "-drive") == ["file=/var/lib/libvirt/images/vm1.qcow2,format=qcow2,if=none,id=disk"]


@pytest.mark.parametrize(
    ("version", "option"),
    [((7, 2), "reconnect=1"), ((9, 1), "reconnect=1"), ((9, 2), "reconnect-ms=1000"), ((10, 0), "reconnect-ms=1000"), (None, "reconnect=1")],
)
def test_qemu_connects_again_to_a_socket_of_the_switch_in_the_words_of_its_release(version: tuple[int, int] | None, option: str) -> None:
    words = command(version, at=ports(port(0, mode="server"), port(1)))
    assert f"socket,id=char-vhost-user0,path=/var/run/openvswitch/vhost/vhost-user0,{option}" in values(words, "-chardev")


def test_without_kvm_the_cpu_is_emulated_with_a_thread_for_each_vcpu() -> None:
    words = command(accel="tcg")
    assert values(words, "-accel") == ["tcg,thread=multi"]
    assert values(words, "-cpu") == ["Nehalem"]


def test_memory_of_a_guest_without_a_node_is_not_bound() -> None:
    assert "host-nodes" not in values(command(cpus=None), "-object")[0]


@pytest.mark.parametrize(
    ("management", "netdev"),
    [
        ({"type": "user"}, "user,id=nfv-management"),
        ({"type": "user", "ssh_port": 2222, "ssh_address": "192.0.2.1"}, "user,id=nfv-management,hostfwd=tcp:192.0.2.1:2222-:22"),
        ({"type": "bridge", "bridge": "br-mgmt"}, "bridge,id=nfv-management,br=br-mgmt"),
    ],
)
def test_the_interface_for_management(management: dict[str, t.Any], netdev: str) -> None:
    words = command(management={**management, "mac": "52:54:00:00:00:01"})
    assert netdev in values(words, "-netdev")
    assert "virtio-net-pci,netdev=nfv-management,id=nfv-management-nic,mac=52:54:00:00:00:01" in values(words, "-device")


def test_boot_firmware_strings_and_further_words_stand_as_they_are() -> None:
    words = command(
        boot={"kernel": "/boot/k", "initrd": "/boot/i", "append": "root=/dev/vda quiet"},
        firmware="/usr/share/OVMF.fd",
        oem_strings=["a=b,c"],
        extra_args=["-vnc", ":2"],
        serial_log="/var/log/a,b",
    )
    assert (values(words, "-kernel"), values(words, "-initrd"), values(words, "-append")) == (["/boot/k"], ["/boot/i"], ["root=/dev/vda quiet"])
    assert values(words, "-bios") == ["/usr/share/OVMF.fd"]
    assert values(words, "-smbios") == ["type=11,value=a=b,,c"]
    assert words[-2:] == ["-vnc", ":2"]
    assert "logfile=/var/log/a,,b,logappend=on" in "".join(values(words, "-chardev"))


def test_the_unit_is_written_as_systemd_took_it() -> None:
    one = vm(options(emulator_cpus="1", cpus={0: "4", 1: "5,25"}))
    text = qemu_command.unit(
        one, qemu_command.command(one, QEMU, "/dev/hugepages", (10, 0)), ["/usr/bin/python3", "/x.py"], user="qemu", group="kvm", shutdown_timeout=60
    )
    assert text == GOLDEN.read_text(encoding="utf-8")
    assert qemu_command.command_of(text) == qemu_command.command(one, QEMU, "/dev/hugepages", (10, 0))


def test_a_unit_without_user_and_pins_leaves_them_to_systemd() -> None:
    one = vm(options(cpus=None))
    text = qemu_command.unit(one, ["/q"], ["/p"], user="", group="", shutdown_timeout=9)
    for word in ("User=", "Group=", "CPUAffinity=", "0="):
        assert word not in text
    assert "TimeoutStopSec=24" in text


def test_the_name_of_a_unit_leads_back_to_the_guest() -> None:
    assert qemu_command.guest_of_unit(qemu_command.unit_name("vm-1.a")) == "vm-1.a"
    assert qemu_command.guest_of_unit("openvswitch-switch.service") is None


@pytest.mark.parametrize(
    ("text", "version"),
    [("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", (7, 2)), ("QEMU emulator version 10.0.13 (qemu-kvm-10)", (10, 0)), ("", None)],
)
def test_the_release_of_qemu_is_read(text: str, version: tuple[int, int] | None) -> None:
    assert qemu_command.parse_version(text) == version


def systemd_words(line: str) -> list[str]:
    """Return the words that systemd makes of a command line: systemd.syntax(7), systemd.service(5), as far as quotes and escapes go."""
    words: list[str] = []
    word: str | None = None
    inside = False
    characters = iter(line)
    for character in characters:
        if character == '"':
            inside = not inside
            word = word or ""
        elif character == "\\":
            word = (word or "") + next(characters)
        elif character in "%$":
            assert next(characters) == character  # doubled, or it would mean something
            word = (word or "") + character
        elif character == " " and not inside:
            words, word = words + ([word] if word is not None else []), None
        else:
            word = (word or "") + character
    assert not inside
    return words + ([word] if word is not None else [])


WORDS = st.lists(
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc", "Zs"], include_characters=' "\\%$,')), min_size=1, max_size=4
)


@settings(max_examples=300)
@given(WORDS)
def test_words_come_through_a_unit_as_they_are(words: list[str]) -> None:
    line = qemu_command.quoted(words)
    assert systemd_words(line) == words
    assert qemu_command.unquoted(line) == words
