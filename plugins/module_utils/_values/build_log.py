# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the log of a build says: the first error, and the package that brings what is missing (private to this collection)."""

from __future__ import annotations

import re
import typing as t

_LINE = 400


class Package(t.NamedTuple):
    """The names of a package in Debian (and Ubuntu) and in Fedora (and RHEL)."""

    debian: str
    redhat: str

    def __str__(self) -> str:
        """Return ``Debian: libnuma-dev, RHEL: numactl-devel``."""
        return f"Debian: {self.debian}, RHEL: {self.redhat}"


TOOLS: t.Final = {
    "autoconf": Package("autoconf", "autoconf"),
    "automake": Package("automake", "automake"),
    "cc": Package("gcc", "gcc"),
    "clang": Package("clang", "clang"),
    "gcc": Package("gcc", "gcc"),
    "libtoolize": Package("libtool", "libtool"),
    "make": Package("make", "make"),
    "meson": Package("meson", "meson"),
    "ninja": Package("ninja-build", "ninja-build"),
    "pkg-config": Package("pkg-config", "pkgconf-pkg-config"),
    "python3": Package("python3", "python3"),
}

# By the name of a header, a library (-l) or a Python module
_NEEDED: t.Final = {
    "numa.h": Package("libnuma-dev", "numactl-devel"),
    "numaif.h": Package("libnuma-dev", "numactl-devel"),
    "numa": Package("libnuma-dev", "numactl-devel"),
    "libnuma": Package("libnuma-dev", "numactl-devel"),
    "fuse.h": Package("libfuse-dev", "fuse-devel"),
    "fuse/cuse_lowlevel.h": Package("libfuse-dev", "fuse-devel"),
    "fuse": Package("libfuse-dev", "fuse-devel"),
    "pcap.h": Package("libpcap-dev", "libpcap-devel"),
    "pcap/pcap.h": Package("libpcap-dev", "libpcap-devel"),
    "pcap": Package("libpcap-dev", "libpcap-devel"),
    "libpcap": Package("libpcap-dev", "libpcap-devel"),
    "elftools": Package("python3-pyelftools", "python3-pyelftools"),
    "openssl/ssl.h": Package("libssl-dev", "openssl-devel"),
    "ssl": Package("libssl-dev", "openssl-devel"),
    "crypto": Package("libssl-dev", "openssl-devel"),
    "cap-ng.h": Package("libcap-ng-dev", "libcap-ng-devel"),
    "infiniband/verbs.h": Package("libibverbs-dev", "rdma-core-devel"),
    "ibverbs": Package("libibverbs-dev", "rdma-core-devel"),
    "mnl": Package("libmnl-dev", "libmnl-devel"),
    "libmnl": Package("libmnl-dev", "libmnl-devel"),
    "dbus-1": Package("libdbus-1-dev", "dbus-devel"),
    "systemd": Package("libsystemd-dev", "systemd-devel"),
    "libbpf": Package("libbpf-dev", "libbpf-devel"),
    "libdpdk": Package("libdpdk-dev", "dpdk-devel"),
    "stdio.h": Package("libc6-dev", "glibc-devel"),
    "linux/version.h": Package("linux-headers-$(uname -r)", "kernel-devel"),
    "generated/autoconf.h": Package("linux-headers-$(uname -r)", "kernel-devel"),
}

# In the order of how plainly they say what is wrong; a later kind is looked for only where no earlier one is
_ERRORS: t.Final = (
    re.compile(r"^.*No space left on device.*$", re.MULTILINE),
    re.compile(r"^\S[^\n]*?:\d+(?::\d+)?: (?:fatal )?error: .*$", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^\S*meson\.build:\d+:\d+: ERROR: .*$", re.MULTILINE),
    re.compile(r"^(?:\S*cc1\S*|\S*gcc\S*|\S*clang\S*|\S*as|cc): (?:fatal )?error: .*$", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^configure: error: .*$", re.MULTILINE),
    re.compile(r"^.*(?:undefined reference to|multiple definition of|cannot find -l|file not recognized|file truncated|relocation truncated).*$", re.MULTILINE),
    re.compile(r"^.*(?::|^)\s*(?:error|ERROR|Error): .*$", re.MULTILINE),
    re.compile(r"^.*(?:command not found|: not found|No such file or directory|Permission denied|Killed).*$", re.MULTILINE),
)
# It only says that a command failed: the line before it may say more
_MAKE_ERROR: t.Final = re.compile(r"^make(?:\[\d+\])?: \*\*\* .*$", re.MULTILINE)

_MISSING: t.Final = (
    re.compile(r"fatal error: '?([\w./+-]+\.h)'?(?:: No such file| file not found)"),
    re.compile(r"cannot find -l([\w+-]+)"),
    re.compile(r"missing python module:? '?([\w.]+)", re.IGNORECASE),
    re.compile(r"No module named '([\w.]+)'"),
    re.compile(r"Program '?([\w.+-]+)[\w ']* not found"),
    re.compile(r"unable to find (lib\w+)"),
    re.compile(r"(?:^|[\s/])([\w.+-]+): (?:command )?not found", re.MULTILINE),
    re.compile(r"Dependency \"?(\w+)\"? (?:not found|is required)"),
    re.compile(r"No package '(\w+)' found"),
)


def first_error(log: str) -> str | None:
    """Return the first line that says an error of the compiler, the linker, meson, configure or make; None where none does."""
    for kind in _ERRORS:
        found = kind.search(log)
        if found:
            return found[0].strip()
    found = _MAKE_ERROR.search(log)
    if not found:
        return None
    before = [line for line in log[: found.start()].splitlines() if line.strip() and not line.startswith("make")]
    return "; ".join(line.strip() for line in (*before[-1:], found[0]))


def last_lines(log: str, count: int = 30) -> list[str]:
    """Return the last lines; of very long ones, as calls of the linker are, the beginning."""
    return [line if len(line) <= _LINE else f"{line[:_LINE]}..." for line in log.rstrip("\n").splitlines()[-count:]]


def missing_package(line: str) -> tuple[str, Package | None] | None:
    """Return what an error line misses and the package that brings it (None where that is not known); None where nothing is missing."""
    for words in _MISSING:
        found = words.search(line)
        if found and not found[1].startswith("rte_"):  # one of the tree's own libraries, that no package brings
            return found[1], package_of(found[1])
    return None


def package_of(name: str) -> Package | None:
    """Return the package of a tool, header, library or Python module."""
    return TOOLS.get(name) or _NEEDED.get(name) or _NEEDED.get(name.rpartition("/")[2])


def is_full_disk(line: str) -> bool:
    """Tell whether an error line says that a disk is full."""
    return "No space left on device" in line or "Disk quota exceeded" in line
