# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first error in a log, and the package that brings what is missing."""

from __future__ import annotations

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.build_log import first_error, is_full_disk, last_lines, missing_package

MAKE = """\
  CC eal.o
/src/lib/eal.c: In function 'main':
/src/lib/eal.c:7:3: warning: implicit declaration of function 'f' [-Wimplicit-function-declaration]
/src/lib/eal.c:9:10: error: 'first' undeclared (first use in this function)
/src/lib/eal.c:12:10: error: 'second' undeclared (first use in this function)
make[2]: *** [/src/mk/internal/rte.compile-pre.mk:138: eal.o] Error 1
make: *** [/src/mk/rte.sdkroot.mk:129: all] Error 2
"""


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (MAKE, "/src/lib/eal.c:9:10: error: 'first' undeclared (first use in this function)"),
        ("a.c:1:10: fatal error: numa.h: No such file or directory\ncompilation terminated.\n", "a.c:1:10: fatal error: numa.h: No such file or directory"),
        ("checking for gcc... no\nconfigure: error: no acceptable C compiler found\nSee config.log\n", "configure: error: no acceptable C compiler found"),
        ('[1/2] Compiling\n\nmeson.build:4:0: ERROR: Unknown option: "x".\n', 'meson.build:4:0: ERROR: Unknown option: "x".'),
        ("../buildtools/meson.build:55:8: ERROR: Problem encountered: missing python module: elftools\n", "missing python module: elftools"),
        (
            "/usr/bin/ld: a.o: in function `f':\na.c:(.text+0x1): undefined reference to `makedev'\ncollect2: error: ld returned 1 exit status\n",
            "undefined reference to `makedev'",
        ),
        (
            "/usr/bin/ld: cannot find -lnuma: No such file or directory\ncollect2: error: ld returned 1 exit status\nmake: *** [x] Error 1\n",
            "cannot find -lnuma",
        ),
        ("gcc: fatal error: Killed signal terminated program cc1\ncompilation terminated.\n", "Killed signal terminated program cc1"),
        ("a.c:3:1: error: x\n/tmp/a.s: fatal error: when writing output: No space left on device\n", "No space left on device"),
        ("make: *** No rule to make target 'config'.  Stop.\n", "make: *** No rule to make target 'config'.  Stop."),
        ("Press enter to continue...\nmake: *** [mk/x.mk:72: warning] Error 1\n", "Press enter to continue...; make: *** [mk/x.mk:72: warning] Error 1"),
        ("/bin/sh: 1: python: not found\nmake: *** [x] Error 127\n", "python: not found"),
    ],
)
def test_the_first_line_that_tells_the_cause_is_found(log: str, line: str) -> None:
    found = first_error(log)
    assert found is not None
    assert line in found


@pytest.mark.parametrize("log", ["", "  CC eal.o\n  LD lib\n", "checking for error.h... yes\n"])
def test_a_log_without_an_error_has_none(log: str) -> None:
    assert first_error(log) is None


def test_the_last_lines_are_the_last_ones() -> None:
    assert last_lines("a\nb\nc\n", 2) == ["b", "c"]
    assert last_lines("", 2) == []
    assert len(last_lines("gcc " + "x" * 10_000, 2)[0]) < 1000


@pytest.mark.parametrize(
    ("line", "name", "debian"),
    [
        ("a.c:1:10: fatal error: numa.h: No such file or directory", "numa.h", "libnuma-dev"),
        ("a.c:1:10: fatal error: 'fuse/cuse_lowlevel.h' file not found", "fuse/cuse_lowlevel.h", "libfuse-dev"),
        ("/usr/bin/ld: cannot find -lpcap", "pcap", "libpcap-dev"),
        ("meson.build:55:8: ERROR: Problem encountered: missing python module: elftools", "elftools", "python3-pyelftools"),
        ("configure: error: unable to find libnuma, install the dependency package", "libnuma", "libnuma-dev"),
        ("/bin/sh: 1: autoconf: not found", "autoconf", "autoconf"),
        ("No package 'libdpdk' found", "libdpdk", "libdpdk-dev"),
        ("a.c:1:10: fatal error: generated/autoconf.h: No such file or directory", "generated/autoconf.h", "linux-headers-$(uname -r)"),
    ],
)
def test_the_package_of_what_is_missing_is_known(line: str, name: str, debian: str) -> None:
    found = missing_package(line)
    assert found is not None
    assert found[0] == name
    assert found[1] is not None
    assert found[1].debian == debian


def test_an_unknown_thing_is_missing_without_a_package_and_an_error_misses_nothing() -> None:
    assert missing_package("a.c:1:10: fatal error: ours.h: No such file or directory") == ("ours.h", None)
    assert missing_package("a.c:1:10: error: 'x' undeclared") is None
    assert missing_package("/usr/bin/ld: cannot find -lrte_eal") is None


def test_a_full_disk_is_known_by_its_words() -> None:
    assert is_full_disk("a.s: fatal error: when writing output: No space left on device")
    assert not is_full_disk("a.c:1:10: error: 'x' undeclared")
