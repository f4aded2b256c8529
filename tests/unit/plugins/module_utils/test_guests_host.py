# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests are told of their host, read from machines below a folder."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import guests_host
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import GIB, MIB, Machine, Memory, Pages, grid
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.vm_examples import options, vm

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands

TWO_NODES = Machine(
    threads=grid(2, 2),
    offline="3",
    sizes=(2 * MIB, GIB),
    memory={
        0: Memory(pages={GIB: Pages(total=4, free=3), 2 * MIB: Pages(total=100, free=60)}),
        1: Memory(pages={GIB: Pages(total=4, free=4), 2 * MIB: Pages(total=0)}),
    },
)


class Programs:
    """Stands in for Commands: which programs there are, and what one of them says."""

    def __init__(self, *names: str, says: str = "") -> None:
        self.names, self.says = names, says

    def find(self, name: str) -> str | None:
        """Return the path of a program."""
        return f"/usr/bin/{name}" if name in self.names else None

    def run_within(self, _seconds: int, _argv: t.Sequence[str]) -> tuple[int, str, str]:
        """Answer."""
        return 0, self.says, ""


def programs(*names: str, says: str = "") -> Commands:
    return t.cast("Commands", Programs(*names, says=says))


def test_pages_are_counted_by_node_and_for_the_whole_host(tmp_path: pathlib.Path) -> None:
    warnings: list[str] = []
    facts = guests_host.read_facts(TWO_NODES.write(tmp_path), str(tmp_path / "nowhere"), warnings)
    assert facts.free_pages == {2 * MIB: {None: 60, 0: 60, 1: 0}, GIB: {None: 7, 0: 3, 1: 4}}
    assert facts.nodes == {0: frozenset({0, 1}), 1: frozenset({2})}
    assert (facts.present, facts.online) == (frozenset(range(4)), frozenset(range(3)))
    assert (facts.pmd_cpus, facts.pmd_threads, facts.kvm) == (frozenset(), None, False)
    assert "could not be asked for its PMD threads" in warnings[0]


def test_pages_that_are_promised_to_somebody_are_not_free(tmp_path: pathlib.Path) -> None:
    machine = Machine(sizes=(2 * MIB,), memory={0: Memory(pages={2 * MIB: Pages(total=100, free=60, reserved=10)})})
    facts = guests_host.read_facts(machine.write(tmp_path), str(tmp_path), [])
    assert facts.free_pages == {2 * MIB: {None: 50, 0: 50}}


def test_hugetlbfs_is_found_by_its_page_size_and_the_first_mount_wins(tmp_path: pathlib.Path) -> None:
    lines = [
        "hugetlbfs /dev/hugepages hugetlbfs rw 0 0",
        "hugetlbfs /mnt/1G hugetlbfs rw,pagesize=1024M 0 0",
        "hugetlbfs /mnt/2M hugetlbfs rw,pagesize=2M 0 0",
    ]
    Machine(mounts="\n".join(lines)).write(tmp_path)
    mounts = guests_host.hugepage_paths(tmp_path, 2 * MIB)
    assert mounts == {2 * MIB: "/dev/hugepages", GIB: "/mnt/1G"}
    guests_host.check_mounts([vm(options())], mounts)
    with pytest.raises(InputError, match="it is: 2M on /dev/hugepages"):
        guests_host.check_mounts([vm(options())], {2 * MIB: "/dev/hugepages"})


def test_qemu_is_found_where_each_distribution_has_it(tmp_path: pathlib.Path) -> None:
    text = "QEMU emulator version 9.1.0 (qemu-kvm-9.1.0-15.el9)"
    assert guests_host.find_qemu(programs("qemu-system-x86_64", "qemu-kvm", says=text), tmp_path, check=False) == ("/usr/bin/qemu-system-x86_64", (9, 1))
    assert guests_host.find_qemu(programs("qemu-kvm", says=text), tmp_path, check=False).path == "/usr/bin/qemu-kvm"
    assert guests_host.find_qemu(programs(), tmp_path, check=True) == ("/usr/bin/qemu-system-x86_64", None)
    with pytest.raises(HostError, match="has no QEMU"):
        guests_host.find_qemu(programs(), tmp_path, check=False)
    (tmp_path / "usr/libexec").mkdir(parents=True)
    (tmp_path / "usr/libexec/qemu-kvm").touch()
    assert guests_host.find_qemu(programs(says=text), tmp_path, check=False).path == "/usr/libexec/qemu-kvm"
