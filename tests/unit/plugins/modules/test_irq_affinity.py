# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""irq_affinity on machines below a folder."""

from __future__ import annotations

import errno
import json
import os
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import irqs
from ansible_collections.nfv.ovs_dpdk.plugins.modules import irq_affinity
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import Machine, Memory, grid

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

MACHINE = Machine(threads=grid(2, 4), memory={0: Memory(), 1: Memory()})  # CPUs 0-3 on node 0, 4-7 on node 1


def put_irq(root: pathlib.Path, number: int, cpus: str, name: str = "eth0", *, node: int = 0, fixed: bool = False, effective: str | None = None) -> None:
    folder = root / f"proc/irq/{number}"
    (folder / name).mkdir(parents=True)
    texts = {"smp_affinity_list": cpus, "effective_affinity_list": "" if effective is None else effective, "node": str(node)}
    for file, text in texts.items():
        (folder / file).write_text(f"{text}\n", encoding="ascii")
    if fixed:
        (folder / "smp_affinity_list").chmod(0o444)


def list_of(root: pathlib.Path, number: int) -> str:
    return (root / f"proc/irq/{number}/smp_affinity_list").read_text(encoding="ascii").strip()


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    MACHINE.write(tmp_path)
    put_irq(tmp_path, 24, "0-7", "eth0-rx-0")
    put_irq(tmp_path, 25, "2", "eth0-rx-1")
    put_irq(tmp_path, 26, "6", "nvme0q3", fixed=True)
    put_irq(tmp_path, 27, "1,4", "ahci")
    put_irq(tmp_path, 28, "2-5", "eth1-rx-0", node=1)
    (tmp_path / "proc/irq/default_smp_affinity").write_text("ff\n", encoding="ascii")
    (tmp_path / "run").mkdir()
    return tmp_path


AWAY = "2-3,6"


def test_interrupts_lose_these_cpus_and_keep_the_others(run_module: RunModule, root: pathlib.Path) -> None:
    result = run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    assert result["changed"]
    assert {number: list_of(root, number) for number in (24, 25, 26, 27, 28)} == {24: "0-1,4-5,7", 25: "0-1", 26: "6", 27: "1,4", 28: "4-5"}
    assert (root / "proc/irq/default_smp_affinity").read_text(encoding="ascii") == "b3\n"
    assert result["default_cpus"] == "0-1,4-5,7"
    assert result["managed"] == [{"irq": 26, "name": "nvme0q3", "cpus": "6"}]
    assert "isolcpus=managed_irq,domain,2-3,6" in str(result["warnings"])
    assert result["irqs"][1] == {"irq": 25, "name": "eth0-rx-1", "cpus": "0-1"}
    assert result["diff"] == {
        "before": {"default": "0-7", "IRQ 24 eth0-rx-0": "0-7", "IRQ 25 eth0-rx-1": "2", "IRQ 28 eth1-rx-0": "2-5"},
        "after": {"default": "0-1,4-5,7", "IRQ 24 eth0-rx-0": "0-1,4-5,7", "IRQ 25 eth0-rx-1": "0-1", "IRQ 28 eth1-rx-0": "4-5"},
    }


def test_check_mode_says_what_a_run_does_and_writes_nothing(run_module: RunModule, root: pathlib.Path) -> None:
    args = {"away_from": AWAY, "root": str(root)}
    checked = run_module(irq_affinity, args, check=True)
    assert list_of(root, 24) == "0-7"
    assert not (root / irqs.RECORD).exists()
    assert run_module(irq_affinity, args) == {**checked, "invocation": checked["invocation"]}


def test_second_run_changes_nothing_and_shows_the_same(run_module: RunModule, root: pathlib.Path) -> None:
    args = {"away_from": AWAY, "root": str(root)}
    first = run_module(irq_affinity, args)
    second = run_module(irq_affinity, args)
    assert not second["changed"]
    assert second["writes"] == []
    assert second["diff"] == {"before": {}, "after": {}}
    assert second["irqs"] == first["irqs"]


@pytest.mark.parametrize("back", [{"state": "absent"}, {"away_from": []}, {"away_from": ""}])
def test_everything_comes_back(run_module: RunModule, root: pathlib.Path, back: dict[str, t.Any]) -> None:
    run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    result = run_module(irq_affinity, {**back, "root": str(root)})
    assert result["changed"]
    assert [list_of(root, number) for number in (24, 25, 28)] == ["0-7", "2", "2-5"]
    assert result["default_cpus"] == "0-7"
    assert not (root / irqs.RECORD).exists()
    assert not run_module(irq_affinity, {**back, "root": str(root)})["changed"]


def test_smaller_set_gives_the_other_cpus_back(run_module: RunModule, root: pathlib.Path) -> None:
    run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    run_module(irq_affinity, {"away_from": "3", "root": str(root)})
    assert [list_of(root, number) for number in (24, 25, 28)] == ["0-2,4-7", "2", "2,4-5"]
    run_module(irq_affinity, {"state": "absent", "root": str(root)})
    assert list_of(root, 24) == "0-7"


def test_interrupt_that_somebody_else_moved_meanwhile_stays(run_module: RunModule, root: pathlib.Path) -> None:
    run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    (root / "proc/irq/24/smp_affinity_list").write_text("7\n", encoding="ascii")
    run_module(irq_affinity, {"state": "absent", "root": str(root)})
    assert list_of(root, 24) == "7"


def test_number_that_went_to_another_device_is_not_given_the_old_cpus(run_module: RunModule, root: pathlib.Path) -> None:
    run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    (root / "proc/irq/24/eth0-rx-0").rename(root / "proc/irq/24/usb")
    run_module(irq_affinity, {"state": "absent", "root": str(root)})
    assert list_of(root, 24) == "0-1,4-5,7"


@pytest.mark.parametrize("number", [errno.EIO, errno.EPERM])
def test_interrupt_that_older_kernels_refuse_to_move_is_managed_and_remembered(
    run_module: RunModule, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write = irqs.write_text

    def refuse(path: pathlib.Path, text: str) -> None:
        if path.parent.name == "25":
            raise OSError(number, os.strerror(number))
        write(path, text)

    monkeypatch.setattr(irqs, "write_text", refuse)
    args = {"away_from": AWAY, "root": str(root)}
    first = run_module(irq_affinity, args)
    assert [one["irq"] for one in first["managed"]] == [25, 26]
    assert "25" not in [one["irq"] for one in first["irqs"]]
    assert "IRQ 25 eth0-rx-1" not in first["diff"]["after"]
    assert not run_module(irq_affinity, args, check=True)["changed"]
    assert not run_module(irq_affinity, args)["changed"]
    run_module(irq_affinity, {"state": "absent", "root": str(root)})
    assert [list_of(root, one) for one in (24, 25)] == ["0-7", "2"]


def test_kernel_without_vectors_left_is_said_with_the_interrupt(run_module: RunModule, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = irqs.write_text

    def refuse(path: pathlib.Path, text: str) -> None:
        if path.parent.name == "24":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, text)

    monkeypatch.setattr(irqs, "write_text", refuse)
    result = run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    assert result["failed"]
    assert "IRQ 24 eth0-rx-0 to CPUs 0-1,4-5,7: No space left" in result["msg"]
    assert list_of(root, 28) == "4-5"
    run_module(irq_affinity, {"state": "absent", "root": str(root)})
    assert list_of(root, 28) == "2-5"


def test_affinity_that_does_not_stay_is_a_failure(run_module: RunModule, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(irqs, "write_text", lambda path, text: None)
    result = run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    assert result["failed"]
    assert "default: 0-1,4-5,7 was written and 0-7 is there" in result["msg"]


def test_interrupt_that_goes_away_meanwhile_is_no_failure(run_module: RunModule, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = irqs.write_text

    def vanish(path: pathlib.Path, text: str) -> None:
        if path.parent.name == "24":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        write(path, text)

    monkeypatch.setattr(irqs, "write_text", vanish)
    assert "failed" not in run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})


def test_interrupt_that_comes_once_more_is_pending(run_module: RunModule, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(irqs, "SETTLE_SECONDS", 0)
    (root / "proc/irq/24/effective_affinity_list").write_text("3\n", encoding="ascii")
    result = run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    assert result["pending"] == [{"irq": 24, "name": "eth0-rx-0", "cpus": "3"}]


def test_managed_interrupt_whose_queue_is_taken_elsewhere_is_not_on_these_cpus(run_module: RunModule, root: pathlib.Path) -> None:
    put_irq(root, 30, "2-5", "mlx5", fixed=True, effective="4")
    result = run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    assert [one["irq"] for one in result["managed"]] == [26]


def test_machine_with_more_than_32_cpus_gets_a_mask_in_groups(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    root = Machine(threads=grid(1, 72)).write(tmp_path)
    put_irq(root, 24, "0-71")
    (root / "proc/irq/default_smp_affinity").write_text("ff,ffffffff,ffffffff\n", encoding="ascii")
    (root / "run").mkdir()
    result = run_module(irq_affinity, {"away_from": "4,40-71", "root": str(root)})
    assert result["writes"][0]["value"] == "ff,ffffffef"
    assert list_of(root, 24) == "0-3,5-39"


@pytest.mark.parametrize(
    ("banned", "warned"),
    [("", True), ("IRQBALANCE_BANNED_CPULIST=2-3,6", False), ("IRQBALANCE_BANNED_CPULIST=2-3", True), ("IRQBALANCE_BANNED_CPUS=4c", False)],
)
def test_irqbalance_that_was_not_told_is_warned_of(run_module: RunModule, root: pathlib.Path, banned: str, warned: bool) -> None:
    process = root / "proc/77"
    process.mkdir()
    (process / "comm").write_text("irqbalance\n", encoding="ascii")
    (process / "environ").write_bytes(b"PATH=/bin\0" + banned.encode() + b"\0X=1\0")
    result = run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    assert ("irqbalance runs (process 77)" in str(result["warnings"])) == warned


def test_irqbalance_leaves_isolated_cpus_alone_by_itself(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    root = Machine(threads=grid(1, 4), isolated="2-3").write(tmp_path)
    (root / "proc/77").mkdir()
    (root / "proc/77/comm").write_text("irqbalance\n", encoding="ascii")
    assert "warnings" not in run_module(irq_affinity, {"away_from": "2-3", "root": str(root)})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("0-7", "These are all CPUs of this host that are online (0-7)"),
        ("2,99", "This host has no CPU 99; it has 0-7"),
        ("5-2", "ends before it begins"),
        ("two", "'two' is not a CPU"),
    ],
)
def test_sets_that_are_refused(run_module: RunModule, root: pathlib.Path, given: str, said: str) -> None:
    result = run_module(irq_affinity, {"away_from": given, "root": str(root)}, check=True)
    assert result["failed"]
    assert said in result["msg"]


def test_a_set_is_needed(run_module: RunModule, root: pathlib.Path) -> None:
    assert "away_from is missing" in run_module(irq_affinity, {"root": str(root)})["msg"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"irqs": [], "default": 3, "fixed": 4}', '{"irqs": {"24": {"name": "eth0-rx-0", "after": "x"}}}'])
def test_record_that_is_damaged_is_made_anew(run_module: RunModule, root: pathlib.Path, text: str) -> None:
    (root / irqs.RECORD).write_text(text, encoding="ascii")
    run_module(irq_affinity, {"away_from": AWAY, "root": str(root)})
    assert json.loads((root / irqs.RECORD).read_text(encoding="ascii"))["irqs"]["24"] == {"name": "eth0-rx-0", "before": "0-7", "after": "0-1,4-5,7"}


def test_without_the_right_to_write_check_mode_fails_as_a_run_does(run_module: RunModule, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for check in (True, False):
        result = run_module(irq_affinity, {"away_from": AWAY, "root": str(root)}, check=check)
        assert "cannot be written. This needs root" in result["msg"]
    assert list_of(root, 24) == "0-7"
