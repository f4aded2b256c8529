# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dpdk_build on small trees with real make, meson, ninja and compiler."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import http.server
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import build_source
from ansible_collections.nfv.ovs_dpdk.plugins.modules import dpdk_build
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules import small_trees

if t.TYPE_CHECKING:
    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import RunModule

Result = dict[str, t.Any]


class Host:
    """A place to build in."""

    def __init__(self, run_module: RunModule, folder: pathlib.Path) -> None:
        self.run_module = run_module
        self.prefix = folder / "opt"
        self.sources = folder / "src"
        self.sources.mkdir()

    def make_tree(self, version: str = "16.07", **options: t.Any) -> pathlib.Path:
        return small_trees.make_tree(self.sources / f"dpdk-{version}", version, **options)

    def meson_tree(self, version: str = "22.11.1", **options: t.Any) -> pathlib.Path:
        return small_trees.meson_tree(self.sources / f"dpdk-{version}", version, **options)

    def build(self, source: pathlib.Path | str | None = None, *, check: bool = False, **options: t.Any) -> Result:
        source_option = {} if source is None else {"source": str(source)}
        return self.run_module(dpdk_build, {"prefix": str(self.prefix), "jobs": 1, **source_option, **options}, check=check)

    def names(self) -> list[str]:
        """Return what is in the prefix, but for its log and its hidden files."""
        return sorted(path.name for path in self.prefix.glob("[!.]*") if path.name != "log") if self.prefix.exists() else []

    def everything(self) -> dict[str, tuple[int, int]]:
        """Return every file below the prefix with its size and time."""
        return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in sorted(self.prefix.rglob("*"))} if self.prefix.exists() else {}


@pytest.fixture
def host(run_module: RunModule, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    # where pip has put meson and ninja
    monkeypatch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return Host(run_module, tmp_path)


def version_in(library: str) -> str:
    """Call the library that was built, in another process."""
    program = f"import ctypes; f = ctypes.CDLL({library!r}).rte_version; f.restype = ctypes.c_char_p; print(f().decode())"
    return small_trees.output([sys.executable, "-c", program])


def archive_of(folder: pathlib.Path, suffix: str = "tar.gz") -> pathlib.Path:
    path = folder.with_name(f"{folder.name}.{suffix}")
    with tarfile.open(path, t.cast("t.Literal['w:gz']", f"w:{suffix.partition('.')[2]}")) as stream:
        stream.add(folder, folder.name)
    return path


def sha256(path: pathlib.Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


# what comes out


def test_a_make_tree_is_built_and_the_second_run_runs_nothing(host: Host) -> None:
    tree = host.make_tree()
    before = sorted(path for path in tree.rglob("*"))
    first = host.build(tree, library="shared", numa=False)
    name = pathlib.Path(first["prefix"]).name
    assert (first["changed"], first["version"], first["generation"], first["library"]) == (True, "16.07.0", "make", "shared")
    assert first["reasons"] == [f"nothing is built in {host.prefix} yet", f"current build: none -> {name}"]
    assert first["target"] == small_trees.NATIVE
    assert name == f"dpdk-16.07.0-{first['stamp'][:10]}"
    assert host.names() == ["current", name]
    assert (host.prefix / "current").resolve() == pathlib.Path(first["prefix"])
    assert version_in(f"{first['lib_dir']}/libdpdk.so") == "DPDK 16.07.0"
    assert pathlib.Path(first["sdk_dir"], "include/rte_config.h").is_file()
    assert pathlib.Path(first["sdk_dir"], "lib/libdpdk.so").is_file()
    assert first["pkg_config_path"] is None
    assert "Configuration done" in pathlib.Path(first["log"]).read_text()
    assert sorted(tree.rglob("*")) == before, "the user's tree is not written to"

    everything = host.everything()
    again = host.build(tree, library="shared", numa=False)
    assert (again["changed"], again["reasons"], again["commands"]) == (False, [], [])
    assert {key: again[key] for key in ("prefix", "version", "sdk_dir", "stamp", "log", "lib_dir")} == {
        key: first[key] for key in ("prefix", "version", "sdk_dir", "stamp", "log", "lib_dir")
    }
    assert host.everything() == everything


def test_a_meson_tree_is_built_and_found_by_pkg_config(host: Host) -> None:
    first = host.build(host.meson_tree(), library="shared", optimization="3", enable_drivers=["net/null", "bus/*"], cflags=["-DX=1"])
    assert (first["changed"], first["version"], first["generation"], first["target"], first["sdk_dir"]) == (True, "22.11.1", "meson", None, None)
    assert version_in(f"{first['lib_dir']}/librte_eal.so") == "DPDK 22.11.1"
    assert f"-L{first['lib_dir']}" in small_trees.output(["pkg-config", "--libs", "libdpdk"], PKG_CONFIG_PATH=first["pkg_config_path"])
    setup = first["commands"][0]
    assert {"-Ddefault_library=shared", "-Denable_drivers=net/null,bus/*", "-Doptimization=3", "-Dtests=false", "-Dc_args=-DX=1"} <= set(setup)
    assert f"-Dc_link_args=-Wl,-rpath,{first['lib_dir']}" in setup, "programs of DPDK find its libraries by themselves"
    again = host.build(host.sources / "dpdk-22.11.1", library="shared", optimization="3", enable_drivers=["net/null", "bus/*"], cflags=["-DX=1"])
    assert (again["changed"], again["commands"]) == (False, [])


def test_the_switches_of_a_make_tree_are_those_that_were_asked_for(host: Host) -> None:
    result = host.build(
        host.make_tree(),
        vhost_backend="user",
        ivshmem=True,
        enable_drivers=["net/i*"],
        disable_drivers=["net/i40e"],
        disable_apps=["test-pmd"],
        config={"CONFIG_RTE_LIBRTE_PMD_PCAP": "y"},
        optimization="3",
        march="native",
    )
    assert result["target"] == small_trees.IVSHMEM
    config = (pathlib.Path(result["sdk_dir"]) / ".config").read_text().splitlines()
    assert {
        "CONFIG_RTE_BUILD_SHARED_LIB=n",
        "CONFIG_RTE_LIBRTE_VHOST=y",
        "CONFIG_RTE_LIBRTE_IXGBE_PMD=y",
        "CONFIG_RTE_LIBRTE_I40E_PMD=n",
        "CONFIG_RTE_LIBRTE_PMD_NULL=n",
        "CONFIG_RTE_LIBRTE_PMD_PCAP=y",
        "CONFIG_RTE_TEST_PMD=n",
        "CONFIG_RTE_APP_TEST=n",
        "CONFIG_RTE_KNI_KMOD=n",
        "CONFIG_RTE_EAL_IGB_UIO=n",
    } <= set(config)
    assert "EXTRA_CFLAGS=-O3 -march=native" in result["commands"][1]
    assert "-O3 -march=native" in pathlib.Path(result["log"]).read_text()


def test_a_changed_option_builds_beside_and_going_back_runs_nothing(host: Host) -> None:
    tree = host.make_tree()
    static = host.build(tree)
    shared = host.build(tree, library="shared")
    names = [pathlib.Path(one["prefix"]).name for one in (static, shared)]
    assert shared["reasons"] == [f"library: static -> shared (against {names[0]})", f"current build: {names[0]} -> {names[1]}"]
    assert shared["diff"]["before"]["library"] == "static"
    assert shared["diff"]["after"] == {"current": names[1], **{key: value for key, value in shared["diff"]["after"].items() if key != "current"}}
    assert host.names() == sorted(["current", *names])
    back = host.build(tree)
    assert (back["changed"], back["commands"]) == (True, [])
    assert back["reasons"] == [f"current build: {names[1]} -> {names[0]}"]
    assert (host.prefix / "current").readlink() == pathlib.Path(names[0])
    aside = host.build(tree, library="shared", current=False)
    assert not aside["changed"]
    assert (host.prefix / "current").readlink() == pathlib.Path(names[0])


def test_what_was_only_touched_is_not_built_and_what_was_edited_is(host: Host) -> None:
    tree = host.make_tree()
    first = host.build(tree)
    for path in tree.rglob("*"):
        os.utime(path, (1, 1))
    assert not host.build(tree)["changed"]
    (tree / "lib/librte_eal/eal.c").write_text(small_trees.EAL + "int more;\n")
    again = host.build(tree)
    assert [words.split(" ")[0] for words in again["reasons"][:1]] == ["source:"]
    assert again["prefix"] != first["prefix"]


def test_another_compiler_or_cpu_builds_again(host: Host, tmp_path: pathlib.Path) -> None:
    tree = host.make_tree()
    compiler = tmp_path / "gcc-of-ours"
    text = f'#!/bin/sh\ncase "$*" in *--version*) echo "gcc (ours) {{}}" ;; *-dM*) echo "cpu {{}}" ;; *) exec {shutil.which("gcc")} "$@" ;; esac\n'
    compiler.write_text(text.format(12, 1))
    compiler.chmod(0o755)
    host.build(tree, cc=str(compiler))
    assert not host.build(tree, cc=str(compiler))["changed"]
    compiler.write_text(text.format(13, 1))
    assert host.build(tree, cc=str(compiler))["reasons"][0].startswith("compiler: gcc (ours) 12 -> gcc (ours) 13 (against ")
    compiler.write_text(text.format(13, 2))
    assert host.build(tree, cc=str(compiler))["reasons"][0].startswith("cpu: ")
    baseline = host.build(tree, cc=str(compiler), march="x86-64")
    compiler.write_text(text.format(13, 3))
    assert not host.build(tree, cc=str(compiler), march="x86-64")["changed"], f"another CPU matters to a build for a baseline: {baseline['prefix']}"


def test_two_versions_live_side_by_side_and_one_can_go(host: Host) -> None:
    old, new = host.build(host.make_tree("16.07")), host.build(host.make_tree("17.11", ivshmem=False))
    assert pathlib.Path(old["prefix"]).is_dir()
    gone = host.build(state="absent", version="16.07.0")
    assert (gone["changed"], gone["removed"], "warnings" in gone) == (True, [old["prefix"]], False)
    assert host.names() == ["current", pathlib.Path(new["prefix"]).name]
    assert not host.build(state="absent", version="16.07.0")["changed"]
    last = host.build(state="absent", version=f"17.11.0-{new['stamp'][:10]}", check=True)
    assert last["changed"]
    assert "no build is current" in str(last["warnings"])
    assert host.names() == ["current", pathlib.Path(new["prefix"]).name]
    host.build(state="absent", version=f"17.11.0-{new['stamp'][:10]}")
    assert host.names() == []


# sources


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_an_archive_is_built_without_a_network(host: Host, suffix: str) -> None:
    archive = archive_of(host.make_tree(), suffix)
    shutil.rmtree(host.sources / "dpdk-16.07")
    first = host.build(archive, checksum=sha256(archive))
    assert (first["changed"], first["version"]) == (True, "16.07.0")
    assert not host.build(archive, checksum=sha256(archive))["changed"]
    assert not host.build(archive)["changed"], "the same archive without its checksum is the same archive"
    assert not list(host.prefix.glob(".build/dpdk-*")), "what was unpacked is removed"


class Server(t.NamedTuple):
    """A web server of the test."""

    url: str
    requests: list[str]


@pytest.fixture
def server(tmp_path: pathlib.Path) -> t.Iterator[Server]:
    requests: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: t.Any) -> None:
            requests.append(self.path)

    daemon = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path / "src")))
    thread = threading.Thread(target=daemon.serve_forever)
    thread.start()
    yield Server(f"http://127.0.0.1:{daemon.server_port}", requests)
    daemon.shutdown()
    thread.join()
    daemon.server_close()


def test_a_url_is_fetched_once(host: Host, server: Server) -> None:
    archive = archive_of(host.make_tree())
    url, checksum = f"{server.url}/{archive.name}", sha256(archive)
    planned = host.build(url, checksum=checksum, check=True)
    assert planned["changed"]
    assert planned["version"] is None
    assert f"{url} is fetched" in planned["reasons"]
    assert (server.requests, host.everything()) == ([], {})
    assert host.build(url, checksum=checksum)["version"] == "16.07.0"
    assert not host.build(url, checksum=checksum)["changed"]
    assert host.build(url, checksum=checksum, library="shared")["changed"], "built again from the archive that is here"
    assert server.requests == [f"/{archive.name}"]
    assert host.build(archive, check=True)["stamp"] == host.build(url, checksum=checksum, check=True)["stamp"], "the same from a file"


def test_a_url_that_gives_nothing_or_something_else_is_an_error(host: Host, server: Server) -> None:
    wrong = "sha256:" + "0" * 64
    missing = host.build(f"{server.url}/none.tar.gz", checksum=wrong)
    assert missing["failed"]
    assert "cannot be fetched" in missing["msg"]
    assert "404" in missing["msg"]
    archive = archive_of(host.make_tree())
    other = host.build(f"{server.url}/{archive.name}", checksum=wrong)
    assert other["failed"]
    assert "another checksum" in other["msg"]
    assert other["checksum"] == sha256(archive)
    assert host.names() == []
    assert not list(host.prefix.glob(".build/sources/*.part"))


@pytest.mark.parametrize("given", ["sha256:abc", "sha256:" + "g" * 64, "crc32:00000000", "0" * 64])
def test_a_checksum_that_is_none_is_refused(host: Host, given: str) -> None:
    result = host.build(archive_of(host.make_tree()), checksum=given)
    assert result["failed"]
    assert f"checksum={given!r} is not possible" in result["msg"]


def test_a_url_needs_a_checksum_and_a_folder_has_none(host: Host) -> None:
    assert "checksum is missing" in host.build("https://example.org/dpdk.tar.xz")["msg"]
    assert "only a file has a checksum" in host.build(host.make_tree(), checksum="sha256:" + "0" * 64)["msg"]


def test_an_archive_with_another_checksum_is_not_unpacked(host: Host) -> None:
    archive = archive_of(host.make_tree())
    result = host.build(archive, checksum="sha256:" + "0" * 64)
    assert result["failed"]
    assert "another checksum" in result["msg"]
    assert host.everything() == {}


def _evil(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", before: tuple[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as stream:
        if before:
            first = tarfile.TarInfo(before[0])
            first.type, first.linkname = tarfile.SYMTYPE, before[1]
            stream.addfile(first)
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        member.size = 5 if kind == tarfile.REGTYPE else 0
        stream.addfile(member, io.BytesIO(b"evil\n") if member.size else None)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (_evil("../evil"), "leads out of the folder"),
        (_evil("dpdk/../../evil"), "leads out of the folder"),
        (_evil("/tmp/evil"), "leads out of the folder"),  # noqa: S108 # never written
        (_evil("dpdk/link", kind=tarfile.SYMTYPE, link="/etc"), "is a link out of it, to /etc"),
        (_evil("dpdk/link", kind=tarfile.SYMTYPE, link="../../etc"), "is a link out of it"),
        (_evil("dpdk/link", kind=tarfile.SYMTYPE, link="up/../../.."), "is a link out of it"),
        (_evil("dpdk/link", kind=tarfile.LNKTYPE, link="../evil"), "is a link out of it"),
        (_evil("dpdk/inner/evil", before=("dpdk/inner", "..")), "is written through a link"),
        (_evil("dpdk/tty", kind=tarfile.CHRTYPE), "is a device or a pipe"),
        (_evil("dpdk/pipe", kind=tarfile.FIFOTYPE), "is a device or a pipe"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_an_archive_that_would_write_elsewhere_is_refused(host: Host, tmp_path: pathlib.Path, content: bytes, why: str, check: bool) -> None:
    archive = host.sources / "evil.tar"
    archive.write_bytes(content)
    result = host.build(archive, check=check)
    assert result["failed"]
    assert why in result["msg"]
    assert not list(tmp_path.rglob("evil")), "nothing was written"


def test_links_inside_an_archive_are_fine(host: Host) -> None:
    tree = host.make_tree()
    (tree / "lib/librte_eal/same.h").symlink_to("../librte_eal/rte_eal.h")
    (tree / "include").symlink_to("lib/librte_eal")
    assert host.build(archive_of(tree))["changed"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00damaged", b"\xfd7zXZ\x00damaged"])
def test_a_file_that_is_no_archive_is_refused(host: Host, content: bytes) -> None:
    archive = host.sources / "dpdk.tar.xz"
    archive.write_bytes(content)
    result = host.build(archive)
    assert result["failed"]
    assert "It is no tar archive" in result["msg"]
    assert host.names() == []


def test_an_archive_that_ends_too_early_is_refused(host: Host) -> None:
    archive = archive_of(host.make_tree())
    archive.write_bytes(archive.read_bytes()[:-200])
    assert "or not a whole one" in host.build(archive)["msg"]


def test_what_is_neither_make_nor_meson_is_refused(host: Host) -> None:
    folder = host.sources / "something"
    folder.mkdir()
    assert "It is no DPDK source tree" in host.build(folder)["msg"]
    assert "nothing of that name" in host.build(host.sources / "none")["msg"]
    (folder / "meson.build").write_text("project('other', 'c', version: '1.0')\n")
    assert "It is no DPDK source tree" in host.build(archive_of(folder))["msg"]
    switch = small_trees.ovs_tree(host.sources / "ovs")
    assert "build it with ovs_build" in host.build(switch)["msg"]
    small_trees.make_tree(folder / "dpdk-16.07")
    (folder / "meson.build").unlink()
    assert "Did you mean the folder dpdk-16.07 in it?" in host.build(folder)["msg"]
    assert host.names() == []
    assert not list(host.prefix.glob(".build/dpdk-*"))


def test_a_tree_of_both_generations_is_built_with_make_unless_meson_is_asked_for(host: Host) -> None:
    tree = host.make_tree("19.11", ivshmem=False, meson=True, files={"lib/eal/eal.c": small_trees.EAL, "lib/eal/rte_eal.h": small_trees.EAL_HEADER})
    assert host.build(tree, check=True)["generation"] == "make"
    assert host.build(tree, generation="meson")["generation"] == "meson"
    assert "This tree has meson." in host.build(host.meson_tree(), generation="make")["msg"]


def test_an_option_that_the_tree_cannot_meet_is_refused_before_anything_is_made(host: Host) -> None:
    result = host.build(host.meson_tree(), ivshmem=True)
    assert result["failed"]
    assert "It came with DPDK 1.6 and went with DPDK 16.11" in result["msg"]
    assert host.names() == []
    assert not list(host.prefix.glob(".build/dpdk-*"))


def test_a_make_tree_that_asks_for_a_key_gets_an_answer(host: Host) -> None:
    asks = small_trees.MAKEFILE.replace("config:\n", 'config:\n\t@test "$(MAKE_PAUSE)" = n || read key\n')
    assert host.build(host.make_tree("20.08", ivshmem=False, files={"GNUmakefile": asks}))["changed"]


# check mode


@pytest.mark.parametrize("generation", ["make", "meson"])
@pytest.mark.parametrize("archive", [False, True])
def test_check_mode_says_what_a_run_does_and_writes_nothing(host: Host, generation: str, archive: bool) -> None:
    tree = host.make_tree() if generation == "make" else host.meson_tree()
    source = archive_of(tree) if archive else tree
    planned = host.build(source, check=True)
    assert host.everything() == {}
    done = host.build(source)
    assert "warnings" not in planned
    if archive:  # the name of the folder in it shows only when it is unpacked
        planned.pop("commands"), done.pop("commands")
    assert planned == done
    assert host.build(source, check=True) == host.build(source)
    assert [host.build(source, check=True, library="shared")[key] for key in ("changed", "version")] == [True, done["version"]]


def test_check_mode_warns_of_a_tool_that_a_run_would_miss(host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    tree = host.meson_tree()
    _path_with(monkeypatch, tmp_path, "gcc", "timeout", "env", "sh")
    planned = host.build(tree, check=True)
    assert planned["changed"]
    assert "The command meson is missing" in str(planned["warnings"])
    assert "failed" not in planned


# what is missing


def _path_with(monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path, *tools: str) -> None:
    """Have only these commands in PATH."""
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    for tool in tools:
        path = shutil.which(tool)
        assert path, f"{tool} is needed for this test"
        (commands / tool).symlink_to(os.path.realpath(path))
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setattr("ansible.module_utils.common.process.os.path.exists", lambda path: not str(path).endswith("sbin") and os.path.lexists(path))


@pytest.mark.parametrize(
    ("generation", "there", "missing", "debian", "redhat"),
    [
        ("make", ("timeout", "sh"), "gcc", "gcc", "gcc"),
        ("make", ("gcc", "timeout", "sh"), "make", "make", "make"),
        ("meson", ("gcc", "timeout", "sh", "ninja", "pkg-config"), "meson", "meson", "meson"),
        ("meson", ("gcc", "timeout", "sh", "meson", "pkg-config"), "ninja", "ninja-build", "ninja-build"),
        ("meson", ("gcc", "timeout", "sh", "meson", "ninja"), "pkg-config", "pkg-config", "pkgconf-pkg-config"),
    ],
)
def test_a_missing_tool_is_named_with_its_package(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, *, generation: str, there: tuple[str, ...], missing: str, debian: str, redhat: str
) -> None:
    tree = host.make_tree() if generation == "make" else host.meson_tree()
    _path_with(monkeypatch, tmp_path, *there)
    result = host.build(tree)
    assert result["failed"]
    assert f"The command {missing} is missing on this host. It is in the package {debian} (Debian) or {redhat} (RHEL)." in result["msg"]
    assert host.names() == []


def test_a_missing_header_is_named_with_its_package(host: Host, tmp_path: pathlib.Path) -> None:
    compiler = tmp_path / "gcc"
    compiler.write_text(f'#!/bin/sh\ncase "$*" in *numa*) echo "numa.h: No such file or directory" >&2; exit 1 ;; esac\nexec {shutil.which("gcc")} "$@"\n')
    compiler.chmod(0o755)
    result = host.build(host.make_tree(), numa=True, cc=str(compiler))
    assert result["failed"]
    assert "The header numa.h is missing on this host. It is in the package libnuma-dev (Debian) or numactl-devel (RHEL)." in result["msg"]


def test_a_header_that_wants_more_than_an_include_is_not_missing(host: Host, tmp_path: pathlib.Path) -> None:
    """That of cuse wants -D_FILE_OFFSET_BITS=64."""
    compiler = tmp_path / "gcc"
    compiler.write_text(
        f'#!/bin/sh\ncase "$*" in *cuse*) echo "#error Please add -D_FILE_OFFSET_BITS=64" >&2; exit 1 ;; esac\nexec {shutil.which("gcc")} "$@"\n'
    )
    compiler.chmod(0o755)
    assert host.build(host.make_tree(), vhost_backend="cuse", cc=str(compiler))["changed"]


def test_a_header_that_only_the_compiler_misses_is_named_with_its_package(host: Host) -> None:
    tree = host.make_tree(files={"lib/librte_eal/eal.c": "#include <pcap.h_of_no_host/pcap.h>\n"})
    result = host.build(tree)
    assert "fatal error: pcap.h_of_no_host/pcap.h: No such file or directory" in result["msg"]
    assert "libpcap-dev (Debian) or libpcap-devel (RHEL)" in result["msg"]


# what fails


@pytest.mark.parametrize("generation", ["make", "meson"])
def test_the_message_has_the_first_error_of_the_compiler_and_the_result_the_last_lines(host: Host, generation: str) -> None:
    broken = small_trees.EAL + "\nint first(void) { return undeclared_first; }\nint second(void) { return undeclared_second; }\n"
    tree = host.make_tree(files={"lib/librte_eal/eal.c": broken}) if generation == "make" else host.meson_tree(files={"lib/eal/eal.c": broken})
    result = host.build(tree)
    assert result["failed"]
    assert "undeclared_first" in result["msg"]
    assert "undeclared_second" not in result["msg"]
    assert result["log"] in result["msg"]
    assert result["last_lines"] == pathlib.Path(result["log"]).read_text().splitlines()[-30:]
    assert host.names() == []
    good = small_trees.EAL
    tree.joinpath("lib/librte_eal/eal.c" if generation == "make" else "lib/eal/eal.c").write_text(good)
    assert host.build(tree)["changed"]
    assert not list(host.prefix.glob(".build/dpdk-*")), "what the build that failed had left is gone"
    assert not list(host.prefix.glob(".new*"))


def test_an_error_of_meson_is_in_the_message(host: Host) -> None:
    result = host.build(host.meson_tree(), meson_options={"no_such_option": "1"})
    assert result["failed"]
    assert "no_such_option" in result["msg"]
    assert "ERROR" in result["msg"]


def test_a_full_disk_is_named(host: Host) -> None:
    rule = small_trees.MAKEFILE.replace("-c -o $@ $<", "-E -o /dev/full $<")
    result = host.build(host.make_tree(files={"GNUmakefile": rule}))
    assert result["failed"]
    assert "No space left on device" in result["msg"]
    assert "MiB are free). Make room there" in result["msg"]
    assert host.names() == []


def test_a_disk_that_fills_while_unpacking_is_named_and_nothing_stays(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = archive_of(host.make_tree())

    def fill(*_args: t.Any, **_kwargs: t.Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "lib/file.c")

    monkeypatch.setattr(build_source, "_extract", fill)
    result = host.build(archive)
    assert result["failed"]
    assert "is full (" in result["msg"]
    assert not list(host.prefix.rglob("*.c"))
    monkeypatch.undo()


def test_a_disk_that_fills_when_the_build_gets_its_name_leaves_the_current_one(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = host.make_tree()
    first = host.build(tree)

    def fill(*_args: t.Any, **_kwargs: t.Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(json, "dump", fill)
    assert "is full (" in host.build(tree, library="shared")["msg"]
    assert host.names() == ["current", pathlib.Path(first["prefix"]).name]
    monkeypatch.undo()
    assert host.build(tree, library="shared")["changed"]


def test_something_else_in_the_place_of_the_link_is_left_alone(host: Host) -> None:
    (host.prefix / "current").mkdir(parents=True)
    result = host.build(host.make_tree())
    assert result["failed"]
    assert "is no link" in result["msg"]
    assert host.names() == ["current"]


@pytest.mark.parametrize("prefix", ["/", "/usr/local", "/opt"])
def test_a_prefix_that_others_use_is_refused(host: Host, prefix: str) -> None:
    result = host.build(host.make_tree(), prefix=prefix)
    assert result["failed"]
    assert f"prefix={prefix!r} is not possible" in result["msg"]


@pytest.mark.parametrize("options", [{"source": "dpdk-16.07"}, {"source": "/usr/src/my dpdk"}, {"prefix": "/opt/my dpdk"}, {"build_dir": "/tmp/my build"}])  # noqa: S108
def test_a_folder_that_make_or_a_task_cannot_use_is_refused(host: Host, options: dict[str, t.Any]) -> None:
    result = host.build(**{"source": host.make_tree(), **options})
    assert result["failed"]
    assert f"{next(iter(options))}='" in result["msg"]


@pytest.mark.parametrize("options", [{"jobs": 0}, {"timeout": 0}, {"lock_timeout": -1}, {"version": "16.07.0"}])
def test_numbers_that_cannot_be_are_refused(host: Host, options: dict[str, t.Any]) -> None:
    result = host.build(host.make_tree(), **options)
    assert result["failed"]
    assert next(iter(options)) in result["msg"]


def test_a_step_that_hangs_is_ended(host: Host) -> None:
    result = host.build(host.make_tree(files={"GNUmakefile": ".PHONY: config\nall install:\nconfig:\n\tsleep 60\n"}), timeout=1)
    assert result["failed"]
    assert "no end within 1 s" in result["msg"]


def test_a_build_that_installs_nothing_is_an_error(host: Host) -> None:
    result = host.build(
        host.make_tree(files={"GNUmakefile": ".PHONY: config\nall:\ninstall:\n\tmkdir -p $(DESTDIR)$(prefix)\nconfig:\n\ttouch $(O)/.config\n"})
    )
    assert result["failed"]
    assert "installs no library .a" in result["msg"]
    assert host.names() == []


# two at once, and kills

_WAITS = small_trees.MAKEFILE.replace("\t$(RTE_CC) -O2", "\t@touch $(O)/started; while test -e ../hold; do sleep 0.05; done\n\t$(RTE_CC) -O2")


@contextlib.contextmanager
def in_background(host: Host, tree: pathlib.Path, **options: t.Any) -> t.Iterator[subprocess.Popen[bytes]]:
    """Run the module as a process of its own, from when it compiles."""
    arguments = {"prefix": str(host.prefix), "source": str(tree), "jobs": 1, **options, "_ansible_remote_tmp": str(host.sources)}
    program = (
        "import json, sys; from ansible.module_utils import basic\n"
        "from ansible_collections.nfv.ovs_dpdk.plugins.modules import dpdk_build\n"
        "from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.conftest import patch_module_args\n"
        "basic.AnsibleModule._log_invocation = lambda self: None\n"
        "with patch_module_args(json.loads(sys.argv[1])): dpdk_build.main()\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", program, json.dumps(arguments)], env=environ, start_new_session=True)  # noqa: S603 # our own
    try:
        deadline = time.monotonic() + 60
        while not list(host.prefix.glob(".build/dpdk-*/out/started")):
            assert time.monotonic() < deadline, "it does not start to compile"
            assert process.poll() is None, "it ended before it compiled"
            time.sleep(0.02)
        yield process
    finally:
        kill_all(process, host)


def kill_all(process: subprocess.Popen[bytes], host: Host) -> None:
    """Kill the module and every process that works in its prefix (timeout puts what it runs into a group of its own)."""
    for _round in range(3):  # one that is being started is missed by the first look
        for cmdline in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(host.prefix) in cmdline.read_text(errors="replace") and int(cmdline.parent.name) != os.getpid():
                    os.kill(int(cmdline.parent.name), signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def test_two_builds_into_one_prefix_are_not_done_at_once(host: Host) -> None:
    tree = host.make_tree(files={"GNUmakefile": _WAITS})
    hold = host.sources / "hold"
    hold.touch()
    with in_background(host, tree) as first:
        second = host.build(tree, library="shared")
        assert second["failed"]
        assert f"Another build into {host.prefix} is running (process {first.pid} since " in second["msg"]
        hold.unlink()
        waited = host.build(tree, lock_timeout=60)
        assert (waited["changed"], waited["commands"]) == (False, []), "the other one built the same"
        assert first.wait(60) == 0


def test_what_a_killed_module_left_running_still_holds_the_lock(host: Host) -> None:
    tree = host.make_tree(files={"GNUmakefile": _WAITS})
    hold = host.sources / "hold"
    hold.touch()
    with in_background(host, tree) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait(10)
        assert "Another build into" in host.build(tree)["msg"], "its make is still running"
        hold.unlink()
        result = host.build(tree, lock_timeout=60)
    assert result["changed"]
    assert "an earlier run of this build came to no end" in result["reasons"]


@pytest.mark.parametrize("generation", ["make", "meson"])
def test_a_killed_build_leaves_no_prefix_and_the_next_run_is_whole(host: Host, generation: str, tmp_path: pathlib.Path) -> None:
    """A file that a kill left half done would pass for a finished one in make, so that such a tree is built from its start."""
    compiler = tmp_path / "cc-that-waits"
    hold = tmp_path / "hold"
    hold.touch()
    script = f"""#!/bin/sh
case "$*" in
*-c\\ *eal.c* | *-c\\ -o*eal*) for out in {host.prefix}/.build/dpdk-*/out; do touch "$out/started"; done
    for word; do case $word in *.o) echo half >"$word" ;; esac; done
    while test -e {hold}; do sleep 0.05; done ;;
esac
exec {shutil.which("gcc")} "$@"
"""
    compiler.write_text(script)
    compiler.chmod(0o755)
    tree = host.make_tree() if generation == "make" else host.meson_tree()
    with in_background(host, tree, cc=str(compiler)) as first:
        kill_all(first, host)
    assert host.names() == []
    hold.unlink()
    result = host.build(tree, cc=str(compiler), lock_timeout=10)
    assert "an earlier run of this build came to no end" in result["reasons"]
    library = result["lib_dir"] + ("/libdpdk.a" if generation == "make" else "/librte_eal.a")
    assert "rte_version" in small_trees.output(["nm", library])
    assert not list(host.prefix.glob(".build/dpdk-*"))


def test_a_build_that_failed_goes_on_where_it_ended(host: Host, tmp_path: pathlib.Path) -> None:
    """The archive stays the same, so that the build does: only what it lacked on the host comes."""
    needed = tmp_path / "needed.h"
    second = f'#include "{needed}"\nint second;\n'
    rules = small_trees.MAKEFILE.replace("$(O)/obj/eal.o\n", "$(O)/obj/eal.o $(O)/obj/second.o\n")
    tree = host.make_tree(files={"GNUmakefile": rules, "lib/librte_eal/second.c": second})
    failed = host.build(tree)
    assert f"{needed}: No such file or directory" in failed["msg"]
    needed.touch()
    result = host.build(tree, keep_build=True)
    assert result["changed"]
    assert "an earlier run of this build came to no end" in result["reasons"]
    assert not any("config" in command for command in result["commands"]), "it is configured already"
    compiled = next(host.prefix.glob(".build/dpdk-*/out/compiled")).read_text().split()
    assert compiled.count("lib/librte_eal/eal.c") == 1, "what was compiled is not compiled again"


def test_a_run_with_nothing_to_do_takes_less_than_a_second(host: Host) -> None:
    tree = host.make_tree(files={f"lib/many/file{number}.c": f"int x{number};\n" for number in range(2000)})
    host.build(tree)
    begun = sum(os.times()[:4])
    assert not host.build(tree)["changed"]
    assert sum(os.times()[:4]) - begun < 1, "seconds of CPU, of commands too: others may be busy on this machine"


def test_what_is_installed_can_be_read_by_everybody_whatever_the_umask_of_root(host: Host) -> None:
    tree = host.make_tree()
    before = os.umask(0o077)
    try:
        result = host.build(tree)
    finally:
        os.umask(before)
    closed = [path for path in [host.prefix, *pathlib.Path(result["prefix"]).rglob("*")] if not path.is_symlink() and not path.stat().st_mode & 0o004]
    assert closed == []
