# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source trees of DPDK and Open vSwitch: what they are, and a digest of what is in them (private to this collection)."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.dpdk_build_options import MAKE, MESON, Tree
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

_CONFIG_FILES = ("common_base", "common_linux", "common_linuxapp")
_PART_FOLDERS = ("baseband", "bus", "common", "compress", "crypto", "event", "mempool", "net", "raw", "regex", "vdpa")
_VERSION_HEADER = "lib/librte_eal/common/include/rte_version.h"

# What a build or an editor leaves in a tree, and version control: no part of what is built
_PASSED_OVER = frozenset({".git", ".hg", ".svn", "__pycache__"})


def _text(path: pathlib.Path) -> str:
    """Return the text of a file, empty where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}.") from error


# DPDK


def read_dpdk_tree(root: pathlib.Path) -> Tree:
    """Return what a DPDK tree has. Raises InputError for a folder that is no such tree."""
    generations = []
    if (root / "mk").is_dir() and (root / "GNUmakefile").is_file() and any((root / "config" / name).is_file() for name in _CONFIG_FILES):
        generations.append(MAKE)
    meson = _text(root / "meson.build")
    if re.search(r"project\s*\(\s*'DPDK'", meson, re.IGNORECASE):
        generations.append(MESON)
    version = _dpdk_version(root, meson) if generations else None
    if version is None:
        possible = (
            "It is no DPDK source tree: that has mk/, GNUmakefile and config/common_base or common_linuxapp (make, to 20.08), "
            "or a meson.build of the project DPDK (meson, from 18.02), and says its version."
        )
        raise InputError("DPDK source", "source", str(root), possible, _advice(root))
    return Tree(
        version=version,
        generations=tuple(generations),
        targets=tuple(sorted(path.name[len("defconfig_") :] for path in root.glob("config/defconfig_*") if not path.name.endswith("~"))),
        switches=_switches(root),
        parts=dict(_parts(root)),
        meson_options=tuple(sorted(set(re.findall(r"^option\(\s*'(\w+)'", _text(root / "meson_options.txt"), re.MULTILINE)))),
    )


def _advice(root: pathlib.Path) -> str:
    """Say what else is there, when that tells something."""
    if (root / "configure.ac").is_file() and "openvswitch" in _text(root / "configure.ac"):
        return "This is a tree of Open vSwitch: build it with ovs_build."
    inner = [path.name for path in root.iterdir() if path.is_dir() and ((path / "meson.build").is_file() or (path / "mk").is_dir())] if root.is_dir() else []
    if inner:
        return f"Did you mean the folder {min(inner)} in it?"
    return "Name the folder that the release's archive unpacks to, or the archive."


def _dpdk_version(root: pathlib.Path, meson: str) -> str | None:
    """Return the version: the file VERSION (from 19.05), rte_version.h, or meson.build (18.02 to 18.08)."""
    found = re.match(r"(\d+\.\d+(?:\.\d+)?(?:-rc\d+)?)\s*$", _text(root / "VERSION"))
    if found:
        return found[1]
    header = _text(root / _VERSION_HEADER)
    numbers = dict(re.findall(r"^#define RTE_VER_(YEAR|MONTH|MAJOR|MINOR|PATCH_LEVEL)\s+(\d+)", header, re.MULTILINE))
    if "YEAR" in numbers:
        return f"{int(numbers['YEAR'])}.{int(numbers['MONTH']):02d}.{int(numbers['MINOR'])}"
    if "MAJOR" in numbers:
        return f"{int(numbers['MAJOR'])}.{int(numbers['MINOR'])}.{int(numbers.get('PATCH_LEVEL', 0))}"
    found = re.search(r"version:\s*'(\d+\.\d+(?:\.\d+)?)'", meson)
    return found[1] if found else None


def _switches(root: pathlib.Path) -> dict[str, str]:
    """Return the switches of a make tree with their defaults."""
    switches: dict[str, str] = {}
    for name in _CONFIG_FILES:
        switches.update(re.findall(r"^(CONFIG_RTE_\w+)=(.*?)\s*$", _text(root / "config" / name), re.MULTILINE))
    return switches


def _parts(root: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Yield the parts of a make tree that a switch builds, from the lists of folders in its makefiles."""
    if not (root / "mk").is_dir():
        return
    for kind in _PART_FOLDERS:
        for switch, name in _listed(root / "drivers" / kind / "Makefile"):
            yield f"{kind}/{name}", switch
    for switch, name in _listed(root / "app/Makefile"):
        yield f"app/{name}", switch
    for switch, name in _listed(root / "lib/Makefile"):
        if name.startswith("librte_pmd_"):  # where drivers were to 2.0
            yield f"net/{name[len('librte_pmd_') :]}", switch
        elif name.startswith("librte_"):
            yield f"lib/{name[len('librte_') :]}", switch


def _listed(makefile: pathlib.Path) -> list[tuple[str, str]]:
    """Return switches and folders; what comes with the operating system or the architecture has no switch of its own."""
    return re.findall(r"^\s*DIRS-\$\((CONFIG_RTE_(?!EXEC_ENV|ARCH)\w+)\)\s*\+=\s*(\w[\w-]*)\s*$", _text(makefile), re.MULTILINE)


# Open vSwitch


@dataclasses.dataclass(frozen=True)
class OvsTree:
    """What an Open vSwitch source tree says of itself."""

    version: str
    configured: bool
    """Whether it has a configure script that is newer than what it is made from; else boot.sh makes one."""
    with_dpdk: tuple[str, ...]
    """What --with-dpdk takes: ``dir`` (to 2.14), ``pkg-config`` (any libdpdk.pc, 2.10 to 2.14), ``linkage`` (static or shared, from 2.15)."""
    emc: str | None
    """The file that defines EM_FLOW_HASH_SHIFT, from the root of the tree."""
    emc_shift: int | None


def read_ovs_tree(root: pathlib.Path) -> OvsTree:
    """Return what an Open vSwitch tree has. Raises InputError for a folder that is no such tree."""
    found = re.search(r"AC_INIT\(\[?openvswitch\]?,\s*\[?([0-9][^\],\s]*)", _text(root / "configure.ac"))
    if not found or not ((root / "configure").is_file() or (root / "boot.sh").is_file()):
        possible = "It is no Open vSwitch source tree: that has a configure.ac for openvswitch, and configure or boot.sh."
        raise InputError("Open vSwitch source", "source", str(root), possible, "Name the folder that the release's archive unpacks to, or the archive.")
    rules = _text(root / "acinclude.m4") or _text(root / "configure")
    emc, shift = _emc(root)
    ways = [("linkage", "--with-dpdk=static|shared|yes"), ("dir", "--with-dpdk=/path/to/dpdk")]
    with_dpdk = [way for way, words in ways if words in rules]
    if "linkage" not in with_dpdk and re.search(r"PKG_CHECK_MODULES(_STATIC)?\(\[DPDK\]", rules):
        with_dpdk.append("pkg-config")
    return OvsTree(found[1], _is_generated(root), tuple(with_dpdk), emc, shift)


def _is_generated(root: pathlib.Path) -> bool:
    """Tell whether make would leave the files of autoconf and automake as they are; else it wants the very release that made them."""
    made = [root / "configure", root / "Makefile.in"]
    if not made[0].is_file() or not (root / "boot.sh").is_file():
        return made[0].is_file()
    sources = [root / "Makefile.am", root / "configure.ac", root / "acinclude.m4", *root.glob("*/automake.mk"), *root.glob("m4/*.m4")]
    if "debian/automake.mk" in _text(root / "Makefile.am") and not (root / "debian/automake.mk").is_file():
        possible = "Its folder debian is missing: this is the .orig archive of a Debian source package, which alone cannot be built."
        raise InputError("Open vSwitch source", "source", str(root), possible, "Unpack the package with dpkg-source --extract, and name the folder.")
    oldest = min((path.stat().st_mtime for path in made if path.is_file()), default=0.0)
    return all(path.stat().st_mtime <= oldest for path in sources if path.is_file())


EMC_DEFINITION = re.compile(r"^(#define[ \t]+EM_FLOW_HASH_SHIFT[ \t]+)(\d+)[ \t]*$", re.MULTILINE)


def _emc(root: pathlib.Path) -> tuple[str | None, int | None]:
    """Return the file with EM_FLOW_HASH_SHIFT: lib/dpif-netdev.c to 2.15, lib/dpif-netdev-private-dfc.h from 2.16, lib/dpif-netdev-dfc.h on main."""
    for path in sorted(root.glob("lib/dpif-netdev*.[ch]")):
        found = EMC_DEFINITION.search(_text(path))
        if found:
            return str(path.relative_to(root)), int(found[2])
    return None, None


# Digests


def _files(root: pathlib.Path, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield files and links below a folder, with what they are, in a fixed order."""
    inner = []
    for entry in sorted(os.scandir(root / folder), key=lambda one: one.name):
        if entry.name in _PASSED_OVER:
            continue
        if entry.is_dir(follow_symlinks=False):
            inner.append(f"{folder}{entry.name}/")
        else:
            yield f"{folder}{entry.name}", entry.stat(follow_symlinks=False)
    for name in inner:
        yield from _files(root, name)


def signature(path: pathlib.Path) -> str:
    """Return a quick digest of a tree or an archive: names, sizes, times, inodes. One that is the same means that nothing was written. Raises HostError."""
    digest = hashlib.sha256()
    try:
        files = _files(path, "") if path.is_dir() else iter([(path.name, path.stat())])
        for name, found in files:
            digest.update(f"{name}\0{found.st_mode}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ino}\0".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def content_digest(path: pathlib.Path, algorithm: str = "sha256") -> str:
    """Return a digest of what is in a tree (names, x bits, content) or of the bytes of an archive. Raises HostError."""
    digest = hashlib.new(algorithm)
    try:
        if not path.is_dir():
            return file_digest(path, algorithm)
        for name, found in _files(path, ""):
            file = path / name
            content = str(file.readlink()) if file.is_symlink() else file_digest(file, algorithm)
            digest.update(f"{name}\0{found.st_mode & 0o170100}\0{content}\0".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def file_digest(path: pathlib.Path, algorithm: str) -> str:
    """Return the digest of the bytes of a file; OSError is the caller's."""
    digest = hashlib.new(algorithm)
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
