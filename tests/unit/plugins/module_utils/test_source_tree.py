# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from source trees, and when two of them are the same."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.source_tree import content_digest, read_dpdk_tree, read_ovs_tree, signature
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError
from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules import small_trees

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

HEADER = "lib/librte_eal/common/include/rte_version.h"


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({HEADER: "#define RTE_VER_YEAR 16\n#define RTE_VER_MONTH 7\n#define RTE_VER_MINOR 2\n"}, "16.07.2"),
        ({HEADER: "#define RTE_VER_MAJOR 2\n#define RTE_VER_MINOR 2\n#define RTE_VER_PATCH_LEVEL 0\n"}, "2.2.0"),
        ({"VERSION": "19.11.14\n", HEADER: ""}, "19.11.14"),
        ({"VERSION": "20.08.0-rc1\n", HEADER: ""}, "20.08.0-rc1"),
    ],
)
def test_the_version_of_a_make_tree_is_where_its_release_has_it(tmp_path: pathlib.Path, files: dict[str, t.Any], version: str) -> None:
    tree = read_dpdk_tree(small_trees.make_tree(tmp_path, files=files))
    assert (tree.version, tree.generations) == (version, ("make",))


def test_a_meson_tree_before_18_11_has_its_version_in_meson_build(tmp_path: pathlib.Path) -> None:
    tree = read_dpdk_tree(small_trees.write(tmp_path, {"meson.build": "project('DPDK', 'C',\n\tversion: '18.05.0',\n)"}))
    assert (tree.version, tree.generations) == ("18.05.0", ("meson",))


def test_a_make_tree_says_its_targets_switches_and_parts(tmp_path: pathlib.Path) -> None:
    tree = read_dpdk_tree(small_trees.make_tree(tmp_path, files={"config/defconfig_old~": ""}))
    assert tree.targets == tuple(sorted([small_trees.NATIVE, small_trees.IVSHMEM]))
    assert (tree.switches["CONFIG_RTE_BUILD_SHARED_LIB"], tree.switches["CONFIG_RTE_KNI_KMOD"]) == ("n", "y"), "the last file wins"
    assert tree.parts["net/ixgbe"] == "CONFIG_RTE_LIBRTE_IXGBE_PMD"
    assert tree.parts["lib/vhost"] == "CONFIG_RTE_LIBRTE_VHOST"
    assert tree.parts["app/test-pmd"] == "CONFIG_RTE_TEST_PMD"


def test_what_comes_with_the_operating_system_is_no_part_that_can_be_switched(tmp_path: pathlib.Path) -> None:
    """Without CONFIG_RTE_EXEC_ENV_LINUXAPP nothing of DPDK would be built."""
    makefile = "DIRS-$(CONFIG_RTE_EXEC_ENV_LINUXAPP) += proc_info\nDIRS-$(CONFIG_RTE_TEST_PMD) += test-pmd\n"
    parts = read_dpdk_tree(small_trees.make_tree(tmp_path, files={"app/Makefile": makefile})).parts
    assert {name for name in parts if name.startswith("app/")} == {"app/test-pmd"}


def test_drivers_were_in_lib_to_2_0(tmp_path: pathlib.Path) -> None:
    tree = read_dpdk_tree(
        small_trees.make_tree(tmp_path, files={"lib/Makefile": "DIRS-$(CONFIG_RTE_LIBRTE_IXGBE_PMD) += librte_pmd_ixgbe\n", "drivers/net/Makefile": ""})
    )
    assert tree.parts["net/ixgbe"] == "CONFIG_RTE_LIBRTE_IXGBE_PMD"


def test_a_meson_tree_says_its_options(tmp_path: pathlib.Path) -> None:
    tree = read_dpdk_tree(small_trees.meson_tree(tmp_path))
    assert (tree.version, tree.generations) == ("22.11.1", ("meson",))
    assert {"enable_drivers", "platform", "tests"} <= set(tree.meson_options)


def test_trees_of_the_time_between_have_both_and_make_comes_first(tmp_path: pathlib.Path) -> None:
    assert read_dpdk_tree(small_trees.make_tree(tmp_path, "19.11", meson=True)).generations == ("make", "meson")


@pytest.mark.parametrize("read", [read_dpdk_tree, read_ovs_tree])
def test_another_folder_is_refused(tmp_path: pathlib.Path, read: Callable[[pathlib.Path], t.Any]) -> None:
    small_trees.write(tmp_path, {"meson.build": "project('other', 'c', version: '1.0')", "configure.ac": "AC_INIT(other, 1.0)"})
    with pytest.raises(InputError, match="source tree"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("version", "rules", "ways"),
    [
        ("2.6.0", "[AC_HELP_STRING([--with-dpdk=/path/to/dpdk],", ("dir",)),
        ("2.13.0", "[AC_HELP_STRING([--with-dpdk=/path/to/dpdk],\nPKG_CHECK_MODULES_STATIC([DPDK], [libdpdk],", ("dir", "pkg-config")),
        ("3.1.0", "[AS_HELP_STRING([--with-dpdk=static|shared|yes],\nPKG_CHECK_MODULES([DPDK], [libdpdk],", ("linkage",)),
        ("2.3.0", "nothing", ()),
    ],
)
def test_an_ovs_tree_says_how_it_finds_dpdk(tmp_path: pathlib.Path, version: str, rules: str, ways: tuple[str, ...]) -> None:
    tree = read_ovs_tree(small_trees.ovs_tree(tmp_path, version, files={"acinclude.m4": rules}))
    assert (tree.version, tree.with_dpdk, tree.configured) == (version, ways, True)


def test_an_ovs_tree_of_later_releases_quotes_its_name(tmp_path: pathlib.Path) -> None:
    tree = read_ovs_tree(small_trees.ovs_tree(tmp_path, files={"configure.ac": "AC_INIT([openvswitch],[3.7.1],[bugs@openvswitch.org])\n"}))
    assert (tree.version, tree.emc, tree.emc_shift) == ("3.7.1", "lib/dpif-netdev-private-dfc.h", 13)


@pytest.mark.parametrize(("newer", "configured"), [("configure", True), ("Makefile.am", False), ("lib/automake.mk", False), ("m4/compat.m4", False)])
def test_a_configure_that_is_older_than_its_sources_has_to_be_made_again(tmp_path: pathlib.Path, newer: str, configured: bool) -> None:
    """Make would do so too, but with no other automake than the one that was used before."""
    files = dict.fromkeys(("boot.sh", "Makefile.am", "Makefile.in", "lib/automake.mk", "m4/compat.m4"), "")
    root = small_trees.ovs_tree(tmp_path, files=files)
    for path in root.rglob("*"):
        os.utime(path, (1000, 1000))
    os.utime(root / newer, (2000, 2000))
    assert read_ovs_tree(root).configured is configured


def test_the_orig_archive_of_a_debian_package_alone_is_refused(tmp_path: pathlib.Path) -> None:
    root = small_trees.ovs_tree(tmp_path, files={"boot.sh": "", "Makefile.am": "include debian/automake.mk\n"})
    with pytest.raises(InputError, match="dpkg-source --extract"):
        read_ovs_tree(root)
    small_trees.write(root, {"debian/automake.mk": ""})
    assert read_ovs_tree(root).version == "3.1.0"


# digests


def test_the_digest_of_a_tree_is_that_of_its_names_and_content(tmp_path: pathlib.Path) -> None:
    one, other = small_trees.meson_tree(tmp_path / "one"), small_trees.meson_tree(tmp_path / "other")
    assert content_digest(one) == content_digest(other)
    assert signature(one) != signature(other)
    for path in one.rglob("*"):
        os.utime(path, (1, 1))
    assert content_digest(one) == content_digest(other)


@pytest.mark.parametrize("change", ["content", "name", "mode", "new", "link"])
def test_a_change_changes_both_digests(tmp_path: pathlib.Path, change: str) -> None:
    tree = small_trees.meson_tree(tmp_path / "tree")
    (tree / "link").symlink_to("VERSION")
    before = content_digest(tree), signature(tree)
    file = tree / "lib/eal/eal.c"
    if change == "content":
        file.write_text(file.read_text().replace("DPDK", "DPDX"))
    elif change == "name":
        file.rename(file.with_name("new.c"))
    elif change == "mode":
        file.chmod(0o755)
    elif change == "new":
        (tree / "new").touch()
    else:
        (tree / "link").unlink()
        (tree / "link").symlink_to("meson.build")
    assert content_digest(tree) != before[0]
    assert signature(tree) != before[1]


def test_version_control_and_bytecode_are_no_part_of_a_tree(tmp_path: pathlib.Path) -> None:
    tree = small_trees.meson_tree(tmp_path)
    before = content_digest(tree), signature(tree)
    small_trees.write(tree, {".git/index": "x", "buildtools/__pycache__/a.pyc": "x"})
    assert (content_digest(tree), signature(tree)) == before


def test_what_cannot_be_read_is_an_error(tmp_path: pathlib.Path) -> None:
    for digest in (content_digest, signature):
        with pytest.raises(HostError, match="cannot be read"):
            digest(tmp_path / "none")
