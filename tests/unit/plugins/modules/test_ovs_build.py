# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ovs_build on small trees with a real compiler, with the small DPDK that dpdk_build makes."""

from __future__ import annotations

import os
import pathlib
import sys
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.modules import dpdk_build, ovs_build
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules import small_trees

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

Result = dict[str, t.Any]


class Host:
    """A place to build in."""

    def __init__(self, run_module: RunModule, folder: pathlib.Path, dpdk_folder: pathlib.Path) -> None:
        self.run_module = run_module
        self.folder = folder
        self.dpdk_folder = dpdk_folder
        self.prefix = folder / "opt"

    def dpdk(self, generation: str, **options: t.Any) -> str:
        """Build the small DPDK, unless another test did, and return its prefix."""
        tree = self.dpdk_folder / f"dpdk-{generation}"
        if not tree.exists():
            small_trees.meson_tree(tree) if generation == "meson" else small_trees.make_tree(tree)
        result = self.run_module(dpdk_build, {"prefix": str(self.dpdk_folder / "opt"), "source": str(tree), **options})
        assert "failed" not in result, result
        return str(result["prefix"])

    def tree(self, version: str = "3.1.0", **options: t.Any) -> pathlib.Path:
        return small_trees.ovs_tree(self.folder / f"openvswitch-{version}", version, **options)

    def build(self, source: pathlib.Path | None = None, *, check: bool = False, **options: t.Any) -> Result:
        source_option = {} if source is None else {"source": str(source)}
        return self.run_module(ovs_build, {"prefix": str(self.prefix), **source_option, **options}, check=check)


@pytest.fixture(scope="module")
def dpdk_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("dpdk")


@pytest.fixture
def host(run_module: RunModule, tmp_path: pathlib.Path, dpdk_folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    # where pip has put meson and ninja
    monkeypatch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return Host(run_module, tmp_path, dpdk_folder)


def says(result: Result, word: str = "--version") -> str:
    """Ask the daemon where it is installed."""
    return small_trees.output([f"{result['sbin_dir']}/ovs-vswitchd", word])


@pytest.mark.parametrize(
    ("version", "generation", "library", "with_dpdk"),
    [
        ("3.1.0", "meson", "shared", "--with-dpdk=shared"),
        ("3.1.0", "meson", "static", "--with-dpdk=static"),
        ("2.6.0", "make", "shared", "--with-dpdk={}/share/dpdk/" + small_trees.NATIVE),
        ("2.6.0", "make", "static", "--with-dpdk={}/share/dpdk/" + small_trees.NATIVE),
    ],
)
def test_the_switch_finds_its_dpdk_when_it_starts(host: Host, version: str, generation: str, library: str, with_dpdk: str) -> None:
    dpdk = host.dpdk(generation, library=library)
    first = host.build(host.tree(version), dpdk=dpdk)
    assert (first["changed"], first["version"], first["library"]) == (True, version, library)
    assert with_dpdk.format(dpdk) in first["commands"][0]
    dpdk_version = "22.11.1" if generation == "meson" else "16.07.0"
    assert says(first) == f"ovs-vswitchd (Open vSwitch) {version}\nDPDK {dpdk_version}"
    assert first["dpdk_version"] == dpdk_version
    assert (pathlib.Path(first["prefix"]).parent / "current").resolve() == pathlib.Path(first["prefix"])
    dynamic = small_trees.output(["readelf", "-d", f"{first['sbin_dir']}/ovs-vswitchd"])
    assert ("(RPATH)" in dynamic, "(RUNPATH)" in dynamic) == (library == "shared", False)
    again = host.build(host.folder / f"openvswitch-{version}", dpdk=dpdk)
    assert (again["changed"], again["commands"], again["reasons"]) == (False, [], [])
    assert {**again, "changed": 0, "commands": 0, "reasons": 0, "diff": 0} == {**first, "changed": 0, "commands": 0, "reasons": 0, "diff": 0}


def test_a_meson_dpdk_has_libraries_of_both_kinds(host: Host) -> None:
    dpdk, tree = host.dpdk("meson", library="static"), host.tree()
    assert host.build(tree, dpdk=dpdk)["library"] == "static"
    shared = host.build(tree, dpdk=dpdk, library="shared")
    assert shared["library"] == "shared"
    assert "DPDK 22.11.1" in says(shared)


@pytest.mark.parametrize(
    ("version", "file"),
    [("2.6.0", "lib/dpif-netdev.c"), ("3.1.0", "lib/dpif-netdev-private-dfc.h"), ("4.0.0", "lib/dpif-netdev-dfc.h")],
)
def test_the_size_of_the_emc_is_set_where_the_release_has_it_and_goes_with_the_option(host: Host, version: str, file: str) -> None:
    dpdk = host.dpdk("make" if version == "2.6.0" else "meson")
    tree = host.tree(version, emc=file)
    large = host.build(tree, dpdk=dpdk, emc_flow_hash_shift=16)
    assert (large["emc_flow_hash_shift"], large["emc_file"], says(large, "--emc")) == (16, file, "16")
    assert "EM_FLOW_HASH_SHIFT 13" in (tree / file).read_text(), "the user's tree is not written to"
    plain = host.build(tree, dpdk=dpdk)
    assert plain["reasons"][0].startswith("emc_flow_hash_shift: 16 -> none (against openvswitch-")
    assert (plain["emc_flow_hash_shift"], says(plain, "--emc")) == (13, "13")
    assert not host.build(tree, dpdk=dpdk)["changed"]


@pytest.mark.parametrize("shift", [0, 17, -1])
def test_a_size_of_the_emc_that_a_hash_cannot_address_is_refused(host: Host, shift: int) -> None:
    result = host.build(host.tree(), dpdk=host.dpdk("meson"), emc_flow_hash_shift=shift)
    assert result["failed"]
    assert f"emc_flow_hash_shift={shift} is not possible. It is 1 to 16" in result["msg"]


def test_a_tree_without_an_emc_is_refused_for_that_option(host: Host) -> None:
    tree = host.tree(emc="lib/emc.h")
    result = host.build(tree, dpdk=host.dpdk("meson"), emc_flow_hash_shift=14)
    assert result["failed"]
    assert "No file of this tree defines EM_FLOW_HASH_SHIFT" in result["msg"]


def test_another_dpdk_makes_another_switch(host: Host) -> None:
    tree = host.tree()
    first = host.build(tree, dpdk=host.dpdk("meson"))
    link = str(host.dpdk_folder / "opt/current")
    assert not host.build(tree, dpdk=link)["changed"], "the link leads to the same DPDK"
    host.dpdk("meson", optimization="3")
    other = host.build(tree, dpdk=link)
    assert other["reasons"][0].startswith("dpdk: ")
    assert other["prefix"] != first["prefix"]


def test_flags_reach_the_compiler_and_the_linker_and_a_changed_one_builds_again(host: Host) -> None:
    dpdk, tree = host.dpdk("meson"), host.tree()
    first = host.build(tree, dpdk=dpdk, optimization="3", march="native", cflags=["-DEXTRA"], ldflags=["-Wl,--no-as-needed"])
    assert "CFLAGS=-g -O2 -O3 -march=native -DEXTRA" in first["commands"][0]
    assert "LDFLAGS=-Wl,--no-as-needed" in first["commands"][0]
    assert "-O3 -march=native -DEXTRA" in pathlib.Path(first["log"]).read_text()
    second = host.build(tree, dpdk=dpdk, optimization="3", march="native", cflags=["-DEXTRA"])
    assert second["reasons"][0].startswith("ldflags: -Wl,--no-as-needed -> none (against ")


def test_state_is_where_packages_have_it(host: Host) -> None:
    """Else the database would be another one in each build."""
    dpdk, tree = host.dpdk("meson"), host.tree()
    first = host.build(tree, dpdk=dpdk, check=True)
    assert {"--sysconfdir=/etc", "--localstatedir=/var"} <= set(first["commands"][0])
    assert "--localstatedir=/srv" in host.build(tree, dpdk=dpdk, localstatedir="/srv", check=True)["commands"][0]


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("version", "generation", "why"),
    [
        ("3.1.0", "make", "From 2.15 on Open vSwitch finds DPDK by pkg-config"),
        ("2.6.0", "meson", "Before 2.10 Open vSwitch takes a folder of a DPDK built with make"),
    ],
)
def test_a_dpdk_that_the_release_cannot_find_is_refused(host: Host, version: str, generation: str, why: str, check: bool) -> None:
    result = host.build(host.tree(version), dpdk=host.dpdk(generation), check=check)
    assert result["failed"]
    assert why in result["msg"]


def test_a_folder_without_a_build_of_dpdk_is_refused(host: Host) -> None:
    result = host.build(host.tree(), dpdk=str(host.folder))
    assert result["failed"]
    assert "There is no build of DPDK by dpdk_build" in result["msg"]


def test_a_library_of_another_kind_than_make_has_built_is_refused(host: Host) -> None:
    result = host.build(host.tree("2.6.0"), dpdk=host.dpdk("make", library="static"), library="shared")
    assert result["failed"]
    assert "was built with library static" in result["msg"]


def test_the_dpdk_of_the_distribution_is_found_by_pkg_config(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKG_CONFIG_PATH", f"{host.dpdk('meson')}/lib/pkgconfig")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    result = host.build(host.tree(), dpdk="system", library="static")
    assert (result["changed"], result["dpdk_version"]) == (True, "22.11.1")


def test_the_lack_of_a_dpdk_of_the_distribution_is_said(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKG_CONFIG_LIBDIR", "/nowhere")
    result = host.build(host.tree(), dpdk="system")
    assert result["failed"]
    assert "The distribution's DPDK was not found" in result["msg"]
    assert "libdpdk-dev" in result["msg"]


def test_a_switch_that_says_no_dpdk_is_not_installed(host: Host) -> None:
    result = host.build(host.tree(says_dpdk=False), dpdk=host.dpdk("meson"))
    assert result["failed"]
    assert "without DPDK" in result["msg"]
    assert not list(host.prefix.glob("openvswitch-*"))


def test_an_error_of_configure_is_in_the_message(host: Host) -> None:
    result = host.build(host.tree(), dpdk=host.dpdk("meson"), configure=["--no-such-word"])
    assert result["failed"]
    assert "configure: error: unrecognized option: --no-such-word" in result["msg"]
    assert not list(host.prefix.glob("openvswitch-*"))


def test_a_library_that_only_the_log_of_configure_names_is_in_the_message(host: Host) -> None:
    script = "#!/bin/sh\necho '/usr/bin/ld: cannot find -lsystemd: No such file' >config.log\necho 'configure: error: Failed to link with DPDK' >&2\nexit 1\n"
    tree = host.tree(files={"configure": script})
    result = host.build(tree, dpdk=host.dpdk("meson"))
    assert result["failed"]
    assert "configure: error: Failed to link with DPDK" in result["msg"]
    assert "cannot find -lsystemd, which is in the package libsystemd-dev (Debian) or systemd-devel (RHEL)." in result["msg"]


def test_the_first_error_of_the_compiler_is_in_the_message(host: Host) -> None:
    tree = host.tree(files={"vswitchd/ovs-vswitchd.c": "int main(void) { return first_one + second_one; }\n"})
    result = host.build(tree, dpdk=host.dpdk("meson"))
    assert result["failed"]
    assert "first_one" in result["msg"]
    assert "second_one" not in result["msg"]


def test_a_tree_that_was_built_in_its_own_folder_is_cleaned_in_the_copy(host: Host) -> None:
    tree = host.tree(files={"config.status": "", "Makefile": "distclean:\n\trm config.status Makefile\n"})
    assert host.build(tree, dpdk=host.dpdk("meson"))["changed"]
    assert (tree / "config.status").exists()


def test_a_tree_from_version_control_gets_its_configure(host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    tree = host.tree()
    (tree / "configure").rename(tree / "configure.later")
    (tree / "boot.sh").write_text("#!/bin/sh\nmv configure.later configure\n")
    (tree / "boot.sh").chmod(0o755)
    tools = tmp_path / "autotools"
    tools.mkdir()
    for name in ("autoconf", "automake", "libtoolize"):
        (tools / name).write_text("#!/bin/sh\n")
        (tools / name).chmod(0o755)
    dpdk = host.dpdk("meson")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    result = host.build(tree, dpdk=dpdk)
    assert result["changed"], result
    assert result["commands"][0][0].endswith("/boot.sh")
    assert (tree / "configure.later").exists(), "the user's tree is not written to"


def test_what_is_no_tree_of_open_vswitch_is_refused(host: Host) -> None:
    dpdk = host.dpdk("meson")
    result = host.build(host.dpdk_folder / "dpdk-meson", dpdk=dpdk)
    assert result["failed"]
    assert "It is no Open vSwitch source tree" in result["msg"]


def test_check_mode_says_what_a_run_does(host: Host) -> None:
    dpdk, tree = host.dpdk("meson"), host.tree()
    planned = host.build(tree, dpdk=dpdk, emc_flow_hash_shift=15, check=True)
    assert not host.prefix.exists()
    assert planned == host.build(tree, dpdk=dpdk, emc_flow_hash_shift=15)


def test_check_mode_assumes_that_an_earlier_task_builds_dpdk(host: Host) -> None:
    planned = host.build(host.tree(), dpdk=str(host.folder / "later/current"), check=True)
    assert planned["changed"]
    assert "Check mode assumes that an earlier task builds it." in str(planned["warnings"])
    assert "failed" not in planned


def test_a_version_can_go_and_the_others_stay(host: Host) -> None:
    dpdk = host.dpdk("meson")
    old, new = host.build(host.tree("3.1.0"), dpdk=dpdk), host.build(host.tree("3.5.0"), dpdk=dpdk)
    assert host.build(state="absent", version="3.1.0")["removed"] == [old["prefix"]]
    assert says(new).startswith("ovs-vswitchd (Open vSwitch) 3.5.0")
