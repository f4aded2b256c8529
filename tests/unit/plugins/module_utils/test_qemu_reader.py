# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running guests as the kernel shows them, and whether KVM works."""

from __future__ import annotations

import fcntl
import os
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import qemu

if t.TYPE_CHECKING:
    import pathlib


def process(root: pathlib.Path, pid: int, threads: dict[int, tuple[str, str]]) -> None:
    """Write a process with its threads: number -> name and CPUs."""
    for thread, (name, cpus) in threads.items():
        task = root / f"proc/{pid}/task/{thread}"
        task.mkdir(parents=True)
        (task / "comm").write_text(f"{name}\n", encoding="ascii")
        status = root / f"proc/{thread}/status"
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(f"Name:\t{name}\nCpus_allowed:\tff\nCpus_allowed_list:\t{cpus}\nMems_allowed_list:\t0\n", encoding="ascii")


def test_threads_of_vcpus_are_found_by_their_names(tmp_path: pathlib.Path) -> None:
    process(tmp_path, 70, {70: ("qemu-system-x86", "0-1"), 75: ("CPU 1/KVM", "3"), 74: ("CPU 0/KVM", "2,22"), 80: ("worker", "0-1"), 90: ("CPU 10/TCG", "5")})
    assert qemu.vcpu_threads(tmp_path, 70) == {0: (74, frozenset({2, 22})), 1: (75, frozenset({3})), 10: (90, frozenset({5}))}
    assert qemu.allowed_cpus(tmp_path, 70) == {0, 1}


def test_a_process_that_has_ended_has_nothing(tmp_path: pathlib.Path) -> None:
    assert qemu.vcpu_threads(tmp_path, 70) == {}
    assert qemu.allowed_cpus(tmp_path, 70) == frozenset()
    assert qemu.command_line(tmp_path, 70) == []
    assert qemu.libvirt_pid(tmp_path, "vm1") is None


def test_a_command_line_has_blanks_in_its_words(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "proc/70"
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"/usr/bin/qemu\0-append\0root=/dev/vda quiet\0-x\0\0")
    assert qemu.command_line(tmp_path, 70) == ["/usr/bin/qemu", "-append", "root=/dev/vda quiet", "-x", ""]


@pytest.mark.parametrize(("version", "machine", "works"), [(12, True, True), (12, False, False), (11, True, False), (None, True, False)])
def test_kvm_works_where_a_machine_can_be_made(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, version: int | None, machine: bool, works: bool
) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kvm").touch()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - how many there are

    def ioctl(_device: int, request: int, _argument: int) -> int:
        if version is None or (request == 0xAE01 and not machine):
            raise OSError(19, "No such device")
        return version if request == 0xAE00 else os.open(tmp_path / "dev/kvm", os.O_RDONLY)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert qemu.kvm_works(tmp_path) == works
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - how many there are


def test_a_host_without_the_device_has_no_kvm(tmp_path: pathlib.Path) -> None:
    assert not qemu.kvm_works(tmp_path)


def test_sockets_are_those_that_a_process_has(tmp_path: pathlib.Path) -> None:
    assert qemu.used_sockets(tmp_path) == frozenset()
    (tmp_path / "proc/net").mkdir(parents=True)
    lines = [
        "Num       RefCount Protocol Flags    Type St Inode Path",
        "0000000000000000: 00000002 00000000 00010000 0001 01 18263 /run/with a blank/qmp",
        "0000000000000000: 00000003 00000000 00000000 0001 03 18264 @/abstract",
        "0000000000000000: 00000003 00000000 00000000 0001 03 18265",
    ]
    (tmp_path / "proc/net/unix").write_text("\n".join(lines) + "\n", encoding="ascii")
    assert "/run/with a blank/qmp" in qemu.used_sockets(tmp_path)
    assert len(qemu.used_sockets(tmp_path)) == 1
