# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kernel_args on a host of the Red Hat family: entries of two kernels, and releases of grubby that differ in what they do to a name that comes twice."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.nfv.ovs_dpdk.plugins.modules import kernel_args
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import GIB, Machine, Memory, grid

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

Result = dict[str, t.Any]

KERNELS = ("5.14.0-427.el9.x86_64", "5.14.0-362.el9.x86_64")
LINE = "ro crashkernel=1G-4G:192M,4G-64G:256M isolcpus=1 xisolcpus=3 quiet $tuned_params"


@dataclasses.dataclass
class Grubby:
    """A grubby that edits the entries below a folder."""

    root: pathlib.Path
    keeps_repeated: bool = True
    """Otherwise a name that is there already gets the new value in its place."""
    takes_prefixes: bool = False
    """--remove-args takes away every word that begins so."""
    fails_at: str = "nothing"
    kernels: tuple[str, ...] = KERNELS
    calls: list[list[str]] = dataclasses.field(default_factory=list)

    def entry(self, kernel: str) -> pathlib.Path:
        return self.root / f"boot/loader/entries/d2-{kernel}.conf"

    def line(self, kernel: str = KERNELS[0]) -> str:
        found = re.search(r"^options (.*)$", self.entry(kernel).read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert found
        return found[1]

    def write(self, kernel: str, line: str) -> None:
        path = self.entry(kernel)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"title Red Hat ({kernel})\nlinux /vmlinuz-{kernel}\noptions {line}\n", encoding="utf-8")

    def run(self, args: list[str], **_kwargs: t.Any) -> tuple[int, str, str]:
        argv = args[3:]
        assert argv[0] == "/testbin/grubby"
        if argv[1] == "--info=DEFAULT":
            if not self.kernels:
                return 1, "", "grubby: there are no entries\n"
            args_text = f'args="{self.line()}"\nroot="/dev/mapper/rhel-root"\n'
            return 0, f'index=0\nkernel="/boot/vmlinuz-{KERNELS[0]}"\n{args_text}title="Red Hat"\n', ""
        self.calls.append(argv)
        option, _equals, text = argv[2].partition("=")
        for kernel in KERNELS:
            self.write(kernel, self.edited(self.line(kernel), option, text.split()))
        return (2, "", "grubby fatal error: unable to write\n") if option == self.fails_at else (0, "", "")

    def edited(self, line: str, option: str, given: list[str]) -> str:
        words = line.split()
        for one in given:
            name = one.split("=", maxsplit=1)[0]
            if option == "--remove-args":
                words = [word for word in words if not (word.startswith(one) if self.takes_prefixes else word.split("=", maxsplit=1)[0] == one)]
            elif self.keeps_repeated or name not in [word.split("=", maxsplit=1)[0] for word in words]:
                words.append(one)
            else:
                words = [one if word.split("=", maxsplit=1)[0] == name else word for word in words]
        return " ".join(words)

    def files(self) -> dict[str, str]:
        found = [path for folder in ("boot", "var") for path in (self.root / folder).rglob("*") if path.is_file()]
        return {path.name: path.read_text(encoding="utf-8") for path in found if not path.name.endswith("~")}


@pytest.fixture
def grubby(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Grubby:
    fake = Grubby(tmp_path / "host")
    Machine(
        threads=grid(2, 2, 2), memory={0: Memory(8 * GIB), 1: Memory(8 * GIB)}, command_line=f"BOOT_IMAGE=(hd0)/vmlinuz root=/dev/mapper/rhel-root {LINE}"
    ).write(fake.root)
    (fake.root / "var/lib").mkdir(parents=True)
    for kernel in KERNELS:
        fake.write(kernel, LINE)
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: "/testbin/grubby" if arg == "grubby" else None)
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, args, **kwargs: fake.run(args, **kwargs))
    return fake


class Stage(t.Protocol):
    """Signature of the fixture below."""

    def __call__(self, *, check: bool = False, **options: t.Any) -> Result:
        """Run the module."""


@pytest.fixture
def stage(run_module: RunModule, grubby: Grubby) -> Stage:
    def run(*, check: bool = False, **options: t.Any) -> Result:
        return run_module(kernel_args, {"root": str(grubby.root), **options}, check=check)

    return run


PAGES = [{"size": "1G", "count": 2}, {"size": "2M", "count": 2}]
OTHERS = "ro crashkernel=1G-4G:192M,4G-64G:256M xisolcpus=3 quiet $tuned_params"


def test_all_kernels_get_the_arguments_and_the_second_time_nothing_happens(stage: Stage, grubby: Grubby) -> None:
    result = stage(isolcpus="2-5", hugepages=PAGES)
    assert result["boot_loader"] == "grubby"
    assert (
        result["commands"]
        == grubby.calls
        == [
            ["/testbin/grubby", "--update-kernel=ALL", "--remove-args=isolcpus"],
            ["/testbin/grubby", "--update-kernel=ALL", "--args=hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=2 isolcpus=2-5"],
        ]
    )
    assert {grubby.line(kernel) for kernel in KERNELS} == {f"{OTHERS} hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=2 isolcpus=2-5"}
    assert result["reboot_required"] == [
        "hugepages: staged hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=2, running none",
        "isolcpus: staged 2-5, running 1",
    ]
    assert not stage(isolcpus="2-5", hugepages=PAGES)["changed"]
    assert len(grubby.calls) == 2


def test_what_was_displaced_comes_back(stage: Stage, grubby: Grubby) -> None:
    stage(isolcpus="2-5", iommu="on")
    stage(isolcpus="2-3", args={"quiet": None})
    result = stage(state="absent")
    assert result["staged"] == f"root=/dev/mapper/rhel-root {OTHERS.replace(' quiet', '')} isolcpus=1 quiet"
    assert result["reboot_required"] == []
    assert set(grubby.files()) == {grubby.entry(kernel).name for kernel in KERNELS}
    assert not stage(state="absent")["changed"]


@pytest.mark.parametrize("options", [{"isolcpus": "2-5", "hugepages": PAGES}, {"args": {"quiet": ""}}, {"state": "absent"}])
@pytest.mark.parametrize("earlier", [{}, {"isolcpus": "2-3", "nohz_full": "2-3"}], ids=["fresh", "staged"])
def test_check_mode_says_what_the_run_then_does_and_writes_nothing(stage: Stage, grubby: Grubby, options: Result, earlier: Result) -> None:
    if earlier:
        stage(**earlier)
    files = grubby.files()
    promised = stage(check=True, **options)
    assert grubby.files() == files
    assert {**stage(**options), "backup": None} == promised


def test_a_grubby_that_keeps_each_name_once_is_found_out_and_everything_put_back(stage: Stage, grubby: Grubby) -> None:
    grubby.keeps_repeated = False
    files = grubby.files()
    result = stage(hugepages=PAGES)
    assert "may not keep a name that comes more than once" in result["msg"]
    assert "as they were" in result["msg"]
    assert grubby.files() == files
    assert stage(hugepages=PAGES[:1])["staged"].endswith(" hugepagesz=1G hugepages=2")


def test_a_grubby_that_takes_away_others_arguments_is_found_out(stage: Stage, grubby: Grubby) -> None:
    for kernel in KERNELS:
        grubby.write(kernel, f"{LINE} isolcpus_more=4")
    grubby.takes_prefixes = True
    files = grubby.files()
    assert "grubby changed arguments that it was not told to" in stage(isolcpus="2-5")["msg"]
    assert grubby.files() == files


@pytest.mark.parametrize("option", ["--remove-args", "--args"])
def test_a_grubby_that_fails_midway_leaves_the_entries_as_they_were(stage: Stage, grubby: Grubby, option: str) -> None:
    grubby.fails_at = option
    files = grubby.files()
    result = stage(isolcpus="2-5")
    assert "unable to write" in result["msg"]
    assert result["rc"] == 2
    assert grubby.files() == files


def test_no_entry(stage: Stage, grubby: Grubby) -> None:
    grubby.kernels = ()
    assert "names no kernel: grubby: there are no entries" in stage(isolcpus="2-5")["msg"]


def test_a_value_with_blanks_is_refused(stage: Stage, grubby: Grubby) -> None:
    files = grubby.files()
    assert "parts its arguments at blanks" in stage(args={"dyndbg": "file a +p"})["msg"]
    assert grubby.files() == files
