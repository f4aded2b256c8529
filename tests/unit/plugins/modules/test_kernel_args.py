# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kernel_args on machines below a folder: with an update-grub that reads the files as grub-mkconfig does, and with two kinds of grubby."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import boot_grub
from ansible_collections.nfv.ovs_dpdk.plugins.modules import kernel_args
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import GIB, MIB, Machine, Memory, grid

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

Result = dict[str, t.Any]

GRUB_CFG = """\
set default="{default}"
### BEGIN /etc/grub.d/10_linux ###
menuentry 'Debian GNU/Linux' $menuentry_id_option 'simple' {{
\tlinux\t/boot/vmlinuz-{release} root=UUID=1 ro {linux} {rest}
}}
menuentry 'Debian GNU/Linux (recovery mode)' $menuentry_id_option 'recovery' {{
\tlinux\t/boot/vmlinuz-{release} root=UUID=1 ro single {linux}
}}
"""
DEFAULTS = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\n'
BEFORE = "root=UUID=1 ro console=tty0 console=ttyS0,115200 quiet splash"
ALL: Result = {
    "default_hugepagesz": "1G",
    "hugepages": [{"size": "1G", "nodes": {"0": 4, "1": 4}}, {"size": "2M", "count": 512}],
    "isolcpus": "2-7",
    "isolcpus_flags": ["managed_irq", "domain"],
    "nohz_full": "2-7",
    "rcu_nocbs": "2-7",
    "irqaffinity": "0,1",
    "iommu": "passthrough",
    "args": {"intel_idle.max_cstate": 1, "nosmt": True, "dyndbg": "file a.c +p"},
}
ALL_WORDS = (
    "default_hugepagesz=1G hugepagesz=1G hugepages=0:4,1:4 hugepagesz=2M hugepages=512 isolcpus=managed_irq,domain,2-7 nohz_full=2-7 "
    "rcu_nocbs=2-7 irqaffinity=0-1 intel_iommu=on iommu=pt 'dyndbg=file a.c +p' intel_idle.max_cstate=1 nosmt"
)


@dataclasses.dataclass
class Host:
    """A host below a folder, and the commands that configure its boot loader."""

    root: pathlib.Path
    default: str = "0"
    release: str = "6.1.0-44-amd64"
    has_update_grub: bool = True
    fails: list[str] = dataclasses.field(default_factory=list)
    """What update-grub says as it fails, run by run; an empty text lets it succeed."""
    hand_written: bool = False
    """update-grub has no effect on the entries."""
    rcs: list[int] = dataclasses.field(default_factory=list)
    calls: list[list[str]] = dataclasses.field(default_factory=list)

    @property
    def drop_in(self) -> pathlib.Path:
        return self.root / "etc/default/grub.d/zz-nfv-ovs-dpdk.cfg"

    @property
    def config(self) -> pathlib.Path:
        return self.root / "boot/grub/grub.cfg"

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def find(self, name: str) -> str | None:
        return f"/testbin/{name}" if name == "update-grub" and self.has_update_grub else None

    def run(self, args: list[str], **kwargs: t.Any) -> tuple[int, str, str]:
        assert kwargs == {"environ_update": {"LC_ALL": "C", "LANGUAGE": "C"}, "expand_user_and_vars": False}
        assert args[:3] == ["timeout", "--kill-after=5", "300"]
        self.calls.append(args[3:])
        assert args[3:] == ["/testbin/update-grub"]
        said = self.fails.pop(0) if self.fails else ""
        if said:
            self.config.with_name("grub.cfg.new").write_text("half a file", encoding="utf-8")
            return self.rcs.pop(0) if self.rcs else 1, "", said
        if not self.hand_written:
            self.update_grub()
        return 0, "", "done\n"

    def update_grub(self) -> None:
        """Write grub.cfg from what /bin/sh makes of the files."""
        files = [self.root / "etc/default/grub", *sorted((self.root / "etc/default/grub.d").glob("*.cfg"))]
        sources = "\n".join(f". {shlex.quote(str(path))}" for path in files if path.exists())
        script = f'set -e\n{sources}\nprintf "%s\\n%s" "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT"'
        argv = ["/bin/sh", "-c", script]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)  # noqa: S603 - the drop-in is what is tested
        linux, rest = done.stdout.split("\n")
        self.put("boot/grub/grub.cfg", GRUB_CFG.format(default=self.default, release=self.release, linux=linux, rest=rest))

    def files(self) -> dict[str, str]:
        """Return the text of each file of the boot loader but backups."""
        found = [path for folder in ("etc", "boot", "var") for path in (self.root / folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): path.read_text(encoding="utf-8") for path in found if not path.name.endswith((".new", "~"))}

    def boot(self) -> None:
        """Give the running kernel the line of the next boot."""
        found = re.search(r"^\s*linux\s+(\S+) (.*)$", self.config.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert found
        line = found[2].replace("'dyndbg=file a.c +p'", '"dyndbg=file a.c +p"')
        self.put("proc/cmdline", f"BOOT_IMAGE={found[1]} {line}\n")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Host:
    """Two nodes of 8 GiB, CPUs 0-7, booted through GRUB."""
    fake = Host(tmp_path / "host")
    memory = {0: Memory(8 * GIB), 1: Memory(8 * GIB)}
    Machine(threads=grid(2, 2, 2), memory=memory, command_line=f"BOOT_IMAGE=/boot/vmlinuz-{fake.release} {BEFORE}").write(fake.root)
    fake.put("etc/default/grub", DEFAULTS)
    fake.put("etc/default/grub.d/50-cloud.cfg", "# nothing\n")
    fake.update_grub()
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda self, arg, *args, **kwargs: fake.find(arg))
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, args, **kwargs: fake.run(args, **kwargs))
    return fake


class Stage(t.Protocol):
    """Signature of the fixture below."""

    def __call__(self, *, check: bool = False, **options: t.Any) -> Result:
        """Run the module."""


@pytest.fixture
def stage(run_module: RunModule, host: Host) -> Stage:
    """Run the module on the host."""

    def run(*, check: bool = False, **options: t.Any) -> Result:
        return run_module(kernel_args, {"root": str(host.root), **options}, check=check)

    return run


# What works ---------------------------------------------------------------------------------------------------------------------------


def test_all_options_are_staged_once_and_the_second_time_nothing_happens(stage: Stage, host: Host) -> None:
    result = stage(**ALL)
    assert result["changed"]
    assert result["staged"] == f"{BEFORE} {ALL_WORDS}"
    assert result["running"] == BEFORE
    assert result["commands"] == [["/testbin/update-grub"]]
    assert (result["boot_loader"], result["backup"]) == ("grub", None)
    files = host.files()
    again = stage(**ALL)
    assert (again["changed"], again["commands"], again["staged"]) == (False, [], result["staged"])
    assert host.files() == files
    assert len(host.calls) == 1


def test_only_the_drop_in_and_what_update_grub_writes_change(stage: Stage, host: Host) -> None:
    before = host.files()
    stage(**ALL)
    after = host.files()
    assert {name for name in after if after[name] != before.get(name)} == {"etc/default/grub.d/zz-nfv-ovs-dpdk.cfg", "boot/grub/grub.cfg"}
    assert "isolcpus" not in after["boot/grub/grub.cfg"].split("recovery mode")[1]


def test_a_reboot_is_asked_for_argument_by_argument_until_it_happened(stage: Stage, host: Host) -> None:
    first = stage(isolcpus="2-5", iommu="on", args={"nosmt": True})
    assert first["reboot_required"] == [
        "isolcpus: staged 2-5, running none",
        "iommu: staged intel_iommu=on, running none",
        "nosmt: staged nosmt, running none",
    ]
    assert first["differs"][0] == {"argument": "isolcpus", "staged": "2-5", "running": ""}
    assert stage(isolcpus="2-5")["reboot_required"] == first["reboot_required"]
    host.boot()
    assert stage(isolcpus="2-5")["reboot_required"] == []


def test_every_argument_is_running_after_a_boot(stage: Stage, host: Host) -> None:
    stage(**ALL)
    host.boot()
    assert stage(**ALL)["reboot_required"] == []


def test_a_reboot_is_asked_for_when_staged_arguments_were_given_back(stage: Stage, host: Host) -> None:
    stage(isolcpus="2-5")
    host.boot()
    assert stage(state="absent")["reboot_required"] == ["isolcpus: staged none, running 2-5"]
    assert stage(state="absent")["reboot_required"] == ["isolcpus: staged none, running 2-5"]


def test_an_option_that_is_left_out_is_left_alone(stage: Stage) -> None:
    stage(isolcpus="2-5", hugepages=[{"size": "1G", "count": 2}], args={"nosmt": True})
    result = stage(isolcpus="2-3")
    assert result["staged"].endswith("hugepagesz=1G hugepages=2 isolcpus=2-3 nosmt")
    assert result["diff"]["before"]["isolcpus"] == "2-5"
    assert result["diff"]["after"] == {"hugepages": "hugepagesz=1G hugepages=2", "isolcpus": "2-3", "nosmt": "nosmt"}


def test_an_empty_value_takes_an_argument_away(stage: Stage, host: Host) -> None:
    stage(**ALL)
    result = stage(default_hugepagesz="", hugepages=[], isolcpus="", nohz_full="", rcu_nocbs="", irqaffinity="", iommu="", args={})
    assert result["changed"]
    assert result["staged"] == BEFORE
    assert not host.drop_in.exists()
    assert not stage(isolcpus="", hugepages=[], args={})["changed"]


def test_an_empty_value_of_what_is_nowhere_changes_nothing(stage: Stage, host: Host) -> None:
    result = stage(isolcpus="", hugepages=[], iommu="", args={"nosmt": None, "audit": ""})
    assert (result["changed"], host.drop_in.exists()) == (False, False)


def test_an_empty_value_gives_one_argument_back_to_its_owner(stage: Stage, host: Host) -> None:
    host.put("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="isolcpus=7 audit=1"\n')
    host.update_grub()
    assert not stage(isolcpus="")["changed"]
    stage(isolcpus="2-5", args={"audit": None, "nosmt": True})
    result = stage(isolcpus="", args={"audit": None, "nosmt": ""})
    assert result["staged"] == "root=UUID=1 ro isolcpus=7"
    assert result["reboot_required"] == ["isolcpus: staged 7, running none"]
    assert stage(args={})["staged"] == "root=UUID=1 ro isolcpus=7 audit=1"
    assert not host.drop_in.exists()


def test_null_takes_the_argument_of_another_owner_off_the_line(stage: Stage) -> None:
    result = stage(args={"quiet": None, "console": None, "nowhere": None})
    assert result["staged"] == "root=UUID=1 ro splash"
    assert result["diff"]["after"] == {"console": "", "nowhere": "", "quiet": ""}
    assert not stage(args={"quiet": None, "console": None, "nowhere": None})["changed"]


def test_a_name_that_is_not_given_any_more_goes_and_one_of_others_comes_back(stage: Stage) -> None:
    before = stage(args={})["staged"]
    stage(isolcpus="2-5", args={"quiet": None, "nosmt": True, "audit": 0})
    assert stage(args={"audit": 0})["staged"] == f"{before} isolcpus=2-5 audit=0"
    assert not stage(args={"audit": 0})["changed"]


def test_an_owner_may_take_over_the_value_that_was_staged(stage: Stage, host: Host) -> None:
    stage(isolcpus="2-5")
    host.put("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="isolcpus=2-5"\n')
    result = stage(state="absent")
    assert (result["changed"], result["staged"]) == (True, "root=UUID=1 ro isolcpus=2-5")


def test_flags_and_cpus_of_isolcpus_are_left_alone_on_their_own(stage: Stage) -> None:
    stage(isolcpus="2-5", isolcpus_flags=["managed_irq", "domain"])
    assert stage(isolcpus="2-3")["staged"].endswith(" isolcpus=managed_irq,domain,2-3")
    assert stage(isolcpus_flags=["nohz"])["staged"].endswith(" isolcpus=nohz,2-3")
    assert stage(isolcpus_flags=[])["staged"].endswith(" isolcpus=2-3")


def test_the_value_of_another_owner_is_replaced_and_comes_back(stage: Stage, host: Host) -> None:
    host.put("etc/default/grub.d/50-cloud.cfg", 'GRUB_CMDLINE_LINUX_DEFAULT="hugepagesz=2M hugepages=8 isolcpus=1 $GRUB_CMDLINE_LINUX_DEFAULT"\n')
    host.update_grub()
    before = host.files()
    result = stage(isolcpus="2-5", hugepages=[{"size": "1G", "count": 8}, {"size": "2M", "count": 8}], args={"quiet": None})
    assert result["staged"].split()[4:] == ["splash", "hugepagesz=1G", "hugepages=8", "hugepagesz=2M", "hugepages=8", "isolcpus=2-5"]
    assert result["diff"]["before"] == {"hugepages": "hugepagesz=2M hugepages=8", "isolcpus": "1", "quiet": "quiet"}
    planned = stage(state="absent", check=True)
    gone = stage(state="absent")
    assert sorted(planned["staged"].split()) == sorted(gone["staged"].split())
    assert host.files() == before
    assert not stage(state="absent")["changed"]


def test_what_another_owner_changes_later_comes_back_as_it_is_then(stage: Stage, host: Host) -> None:
    stage(isolcpus="2-5")
    host.put("etc/default/grub", 'GRUB_CMDLINE_LINUX="isolcpus=7"\nGRUB_CMDLINE_LINUX_DEFAULT="verbose"\n')
    host.update_grub()
    assert not stage(isolcpus="2-5")["changed"]
    assert stage(state="absent")["staged"] == "root=UUID=1 ro isolcpus=7 verbose"


def test_what_the_line_has_already_is_not_taken_over(stage: Stage, host: Host) -> None:
    host.put("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="isolcpus=2-5"\n')
    host.update_grub()
    assert not stage(isolcpus="2-5")["changed"]
    assert not host.drop_in.exists()


def test_the_backup_is_the_file_that_was_replaced(stage: Stage, host: Host) -> None:
    stage(isolcpus="2-5")
    text = host.drop_in.read_text(encoding="utf-8")
    backup = pathlib.Path(stage(isolcpus="2-3")["backup"])
    assert backup.read_text(encoding="utf-8") == text
    assert not backup.match("*.cfg")


def test_when_nothing_is_managed_any_more_no_backup_is_left(stage: Stage, host: Host) -> None:
    stage(isolcpus="2-5")
    other = host.drop_in.with_name("50-cloud.cfg.mine~")
    other.write_text("# not ours\n", encoding="utf-8")
    assert pathlib.Path(stage(isolcpus="2-3")["backup"]).exists()
    assert stage(state="absent")["backup"] is None
    assert list(host.drop_in.parent.glob("*~")) == [other]


@pytest.mark.parametrize(
    "options", [ALL, {"isolcpus": ""}, {"args": {"quiet": None, "console": ["ttyS1", "tty0"]}}, {"state": "absent"}], ids=["all", "empty", "args", "absent"]
)
@pytest.mark.parametrize("earlier", [{}, {"isolcpus": "1", "hugepages": [{"size": "2M", "count": 8}]}], ids=["fresh", "staged"])
def test_check_mode_says_what_the_run_then_does_and_writes_nothing(stage: Stage, host: Host, options: Result, earlier: Result) -> None:
    if earlier:
        stage(**earlier)
    files, calls = host.files(), len(host.calls)
    promised = stage(check=True, **options)
    assert (host.files(), len(host.calls)) == (files, calls)
    done = stage(**options)
    assert {**promised, "backup": None} == {**done, "backup": None}


def test_an_update_that_was_cut_off_before_update_grub_is_finished(stage: Stage, host: Host) -> None:
    stage(isolcpus="2-5")
    drop_in = host.drop_in.read_text(encoding="utf-8")
    host.drop_in.unlink()
    host.update_grub()
    host.drop_in.write_text(drop_in, encoding="utf-8")
    result = stage(isolcpus="2-5")
    assert result["changed"]
    assert result["staged"].endswith(" isolcpus=2-5")


@pytest.mark.parametrize("options", [{"isolcpus": ""}, {"state": "absent"}])
def test_giving_back_that_was_cut_off_before_update_grub_is_finished(monkeypatch: pytest.MonkeyPatch, stage: Stage, host: Host, options: Result) -> None:
    stage(isolcpus="2-5", nohz_full="2-5")

    class Off(BaseException):
        """The machine is off."""

    def off(*_args: t.Any, **_kwargs: t.Any) -> t.NoReturn:
        raise Off

    with monkeypatch.context() as power:
        power.setattr(host, "update_grub", off)
        with pytest.raises(Off):
            stage(**options)
    assert "isolcpus=2-5" in host.config.read_text(encoding="utf-8")
    result = stage(**options)
    assert result["changed"]
    assert "isolcpus" not in result["staged"]
    assert not stage(**options)["changed"]


# What is refused ----------------------------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Result, str]] = {
    "all CPUs": ({"isolcpus": "0-7"}, r"isolcpus='0-7'.*all CPUs of the host \(0-7\)"),
    "all CPUs by name": ({"isolcpus": "all"}, "isolcpus='all'.*all CPUs"),
    "all CPUs without a tick": ({"nohz_full": "0-7"}, "nohz_full='0-7'.*all CPUs"),
    "CPUs that are not there": ({"rcu_nocbs": "6-9"}, "rcu_nocbs='6-9'.*CPUs 0-7, not 8-9"),
    "no CPU list": ({"irqaffinity": "x"}, "irqaffinity='x'"),
    "flags without CPUs": ({"isolcpus_flags": ["domain"]}, "isolcpus_flags.*none are isolated"),
    "an unknown page size": ({"hugepages": [{"size": "4M", "count": 1}]}, "hugepages.size='4M'.*2M, 1G"),
    "an unknown default size": ({"default_hugepagesz": "16G"}, "default_hugepagesz='16G'.*2M, 1G"),
    "no size": ({"default_hugepagesz": "big"}, "default_hugepagesz='big'"),
    "more pages than memory": ({"hugepages": [{"size": "1G", "count": 17}]}, "16384 MiB of memory; the pages are 17408 MiB, 1024 MiB more"),
    "more pages of two sizes than memory": (
        {"hugepages": [{"size": "1G", "count": 10}, {"size": "2M", "count": 4096}]},
        "16384 MiB of memory; the pages are 18432 MiB",
    ),
    "more pages than a node has": ({"hugepages": [{"size": "1G", "nodes": {"0": 9}}]}, "Node 0 has memory for 8 pages of 1G, not 9"),
    "more pages of two sizes than a node has": (
        {"hugepages": [{"size": "1G", "nodes": {"1": 8}}, {"size": "2M", "nodes": {"1": 1}}]},
        "Node 1 has 8192 MiB of memory; the pages are 8194 MiB, 2 MiB more",
    ),
    "a node that is not there": ({"hugepages": [{"size": "1G", "nodes": {"2": 1}}]}, "Nodes with memory: 0, 1; not 2"),
    "no count": ({"hugepages": [{"size": "1G"}]}, "needs a count"),
    "a count below zero": ({"hugepages": [{"size": "1G", "count": -1}]}, "needs a count"),
    "no number by node": ({"hugepages": [{"size": "1G", "nodes": {"0": "many"}}]}, "maps node numbers"),
    "a size twice": ({"hugepages": [{"size": "1G", "count": 1}, {"size": "1024M", "count": 1}]}, "takes a page size once"),
    "an argument that has an option": ({"args": {"isolcpus": "1"}}, "args='isolcpus'.*option isolcpus"),
    "an argument that has an option, spelled otherwise": ({"args": {"nohz-full": "1"}}, "option nohz_full"),
    "a part of an option": ({"args": {"intel_iommu": "on"}}, "option iommu"),
    "the boot loader's": ({"args": {"root": "/dev/sda"}}, "boot loader's own"),
    "no name": ({"args": {"a b": 1}}, "letters, digits"),
    "false": ({"args": {"audit": False}}, "args.audit=False"),
    "a quote": ({"args": {"foo": 'a"b'}}, "args.foo"),
    "a line end": ({"args": {"foo": "a\nb"}}, "args.foo"),
    "one name in two spellings": ({"args": {"a-b": 1, "a_b": 2}}, "there twice"),
    "a line that is too long": ({"args": {"foo": "x" * 2048}}, "cuts its command line"),
    "options with state absent": ({"state": "absent", "isolcpus": "1"}, "isolcpus='1'.*takes away everything"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_what_cannot_be_is_refused_before_anything_is_touched(stage: Stage, host: Host, options: Result, message: str, check: bool) -> None:
    files = host.files()
    result = stage(check=check, **options)
    assert result.get("failed")
    assert re.search(message, result["msg"], flags=re.DOTALL)
    assert (host.files(), host.calls) == (files, [])


def test_pages_by_node_need_the_kernel_of_the_next_boot_to_know_them(stage: Stage, host: Host) -> None:
    host.release = "5.10.0-9-amd64"
    host.update_grub()
    result = stage(hugepages=[{"size": "1G", "nodes": {"0": 1}}])
    assert result["failed"]
    assert "5.10.0-9-amd64 does not know pages by node" in result["msg"]
    assert "nfv.ovs_dpdk.host_tuning" in result["msg"]
    assert stage(hugepages=[{"size": "1G", "count": 2}])["changed"]


def test_the_default_size_does_not_turn_another_owners_pages_into_larger_ones(stage: Stage, host: Host) -> None:
    host.put("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="hugepages=512"\n')
    host.update_grub()
    result = stage(default_hugepagesz="1G")
    assert result["failed"]
    assert "hugepages=512 of the default size" in result["msg"]
    assert stage(default_hugepagesz="1G", hugepages=[{"size": "2M", "count": 512}])["staged"].endswith("default_hugepagesz=1G hugepagesz=2M hugepages=512")


def test_pages_that_leave_the_host_little_memory_are_told(stage: Stage) -> None:
    result = stage(hugepages=[{"size": "1G", "count": 15}, {"size": "2M", "count": 128}])
    assert [one if isinstance(one, str) else one["event"]["msg"] for one in result["warnings"]] == [
        "hugepages: 768 MiB of 16384 MiB are left to the host; it may not boot."
    ]


def test_pages_of_1g_need_a_processor_or_a_kernel_that_has_them(stage: Stage, host: Host) -> None:
    Machine(sizes=(2 * MIB,)).write(host.root / "other")
    for name in ("sys/kernel/mm/hugepages/hugepages-1048576kB",):
        for path in (host.root / name).iterdir():
            path.unlink()
    assert "Page sizes of this host: 2M." in stage(default_hugepagesz="1G")["msg"]
    host.put("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu pse pdpe1gb\n")
    assert stage(default_hugepagesz="1G")["changed"]


def test_a_processor_of_arm_has_its_own_arguments_for_the_iommu(stage: Stage, host: Host) -> None:
    host.put("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n")
    assert stage(iommu="passthrough")["staged"].endswith(" iommu.passthrough=1")
    assert "Only kernels for x86" in stage(iommu="off")["msg"]


# Faults -------------------------------------------------------------------------------------------------------------------------------


def failed(host: Host, result: Result, before: dict[str, str], *words: str) -> None:
    assert result.get("failed")
    assert all(word in result["msg"] for word in words), result["msg"]
    assert host.files() == before


def test_no_boot_loader_at_all(stage: Stage, host: Host) -> None:
    (host.root / "etc/default/grub").unlink()
    host.config.unlink()
    failed(host, stage(isolcpus="2"), host.files(), "is not possible", "no boot loader", "container")
    failed(host, stage(check=True, isolcpus="2"), host.files(), "is not possible", "no boot loader", "container")


@pytest.mark.parametrize("options", [{"state": "absent"}, {"isolcpus": "", "hugepages": [], "args": {}}, {"isolcpus": "5"}])
def test_a_container_that_is_as_it_shall_be_needs_no_boot_loader(stage: Stage, host: Host, options: Result) -> None:
    (host.root / "etc/default/grub").unlink()
    host.config.unlink()
    host.put("proc/cmdline", "BOOT_IMAGE=/x ro isolcpus=5\n")
    result = stage(**options)
    assert (result["changed"], result["boot_loader"], result["staged"], result["reboot_required"]) == (False, "none", "ro isolcpus=5", [])


@pytest.mark.parametrize("check", [True, False])
def test_update_grub_is_missing(stage: Stage, host: Host, check: bool) -> None:
    host.has_update_grub = False
    failed(host, stage(check=check, isolcpus="2"), host.files(), "update-grub is missing", "grub2-common")


def test_grub_was_never_configured(stage: Stage, host: Host) -> None:
    host.config.unlink()
    failed(host, stage(isolcpus="2"), host.files(), "grub.cfg is not there")


@pytest.mark.parametrize("name", ["boot/grub/grub.cfg", "etc/default/grub.d"])
def test_a_read_only_file_is_told_before_anything_is_touched(monkeypatch: pytest.MonkeyPatch, stage: Stage, host: Host, name: str) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(host.root / name) and real(path, mode))  # tests may run as root
    failed(host, stage(isolcpus="2"), host.files(), name, "read-only", "Nothing was changed")
    assert host.calls == []


@pytest.mark.parametrize("earlier", [False, True])
def test_update_grub_fails_and_the_old_drop_in_comes_back(stage: Stage, host: Host, earlier: bool) -> None:
    if earlier:
        stage(isolcpus="1")
    before, calls = host.files(), len(host.calls)
    host.fails = ["/usr/sbin/grub-probe: error: cannot find a device for /.\n"]
    result = stage(isolcpus="2")
    failed(host, result, before, "grub-probe: error: cannot find a device", "The drop-in was taken back")
    assert (result["rc"], result["cmd"]) == (1, ["/testbin/update-grub"])
    assert len(host.calls) == calls + 2
    assert stage(isolcpus="2")["changed"]


def test_update_grub_fails_the_second_time_too(stage: Stage, host: Host) -> None:
    stage(isolcpus="1")
    before = host.files()
    host.fails = ["first words", "second words"]
    failed(host, stage(isolcpus="2"), before, "first words", "failed then, too", "second words")
    assert not stage(isolcpus="1")["changed"]  # what is staged does not wait for update-grub


def test_update_grub_hangs(stage: Stage, host: Host) -> None:
    host.fails, host.rcs = ["", "x"], [124]
    host.fails = ["x"]
    failed(host, stage(isolcpus="2"), host.files(), "no end within 300 s", "taken back")


def test_giving_back_fails_and_everything_stays_staged(stage: Stage, host: Host) -> None:
    stage(isolcpus="2")
    before = host.files()
    host.fails = ["no"]
    failed(host, stage(state="absent"), before, "update-grub failed: no")
    assert stage(state="absent")["changed"]


def test_a_hand_written_grub_cfg_is_found_out(stage: Stage, host: Host) -> None:
    host.hand_written = True
    host.put("boot/grub/grub.cfg", "menuentry 'mine' {\n linux /vmlinuz ro mine\n}\n")
    failed(
        host,
        stage(isolcpus="2"),
        host.files(),
        "'mine', did not take them",
        "isolcpus: wanted isolcpus=2, the next boot gets none",
        "not look as grub-mkconfig writes it",
    )


def test_a_drop_in_that_is_read_later_is_found_out(stage: Stage, host: Host) -> None:
    host.put("etc/default/grub.d/zzz-mine.cfg", 'GRUB_CMDLINE_LINUX_DEFAULT="isolcpus=7"\n')
    host.update_grub()
    failed(host, stage(isolcpus="2"), host.files(), "the next boot gets isolcpus=7", "zzz-mine.cfg", "is read after")


def test_a_default_entry_that_does_not_get_the_arguments_is_found_out(stage: Stage, host: Host) -> None:
    host.default = "recovery"
    host.update_grub()
    failed(host, stage(isolcpus="2"), host.files(), "recovery mode", "GRUB_DEFAULT")


@pytest.mark.parametrize("cut", ["replace", "chmod"])
def test_power_lost_between_write_and_rename_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch, stage: Stage, host: Host, cut: str) -> None:
    stage(isolcpus="1")
    before = host.files()

    class Off(BaseException):
        """The machine is off: nothing more runs."""

    def off(*_args: t.Any, **_kwargs: t.Any) -> t.NoReturn:
        raise Off

    with monkeypatch.context() as power:
        power.setattr(pathlib.Path, cut, off)
        power.setattr(pathlib.Path, "unlink", off)
        with pytest.raises(Off):
            stage(isolcpus="2")
    left = {name for name in host.files() if name not in before}
    assert {name: text for name, text in host.files().items() if name not in left} == before
    assert not any(pathlib.PurePath(name).match("*.cfg") for name in left)  # what update-grub would read
    host.update_grub()
    assert host.files()["boot/grub/grub.cfg"] == before["boot/grub/grub.cfg"]
    assert stage(isolcpus="2")["staged"].endswith(" isolcpus=2")


def test_a_disk_that_is_full_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch, stage: Stage, host: Host) -> None:
    stage(isolcpus="1")
    before = host.files()

    def full(_handle: int) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        failed(host, stage(isolcpus="2"), before, "No space left on device", "Nothing was changed")


def test_a_drop_in_that_lost_its_record_is_not_overwritten(stage: Stage, host: Host) -> None:
    host.put(boot_grub.DROP_IN, "GRUB_CMDLINE_LINUX=mine\n")
    tries: list[Result] = [{"isolcpus": "2"}, {"state": "absent"}]
    for options in tries:
        failed(host, stage(**options), host.files(), "lost its record")
