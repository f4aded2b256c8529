# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of a DPDK build become in trees of different releases."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.dpdk_build_options import (
    MakePlan,
    MesonPlan,
    Tree,
    Wanted,
    compiler_flags,
    differing,
    generation_of,
    plan,
    switched_config,
)
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

_SWITCHES = (
    *("CONFIG_RTE_BUILD_SHARED_LIB", "CONFIG_RTE_APP_TEST", "CONFIG_RTE_TEST_PMD", "CONFIG_RTE_LIBRTE_KNI", "CONFIG_RTE_KNI_KMOD"),
    *("CONFIG_RTE_EAL_IGB_UIO", "CONFIG_RTE_LIBRTE_VHOST", "CONFIG_RTE_LIBRTE_VHOST_USER", "CONFIG_RTE_LIBRTE_VHOST_NUMA"),
    *("CONFIG_RTE_LIBRTE_IXGBE_PMD", "CONFIG_RTE_LIBRTE_I40E_PMD", "CONFIG_RTE_LIBRTE_PMD_NULL", "CONFIG_RTE_LIBRTE_ACL"),
)
_PARTS = {
    "net/ixgbe": "CONFIG_RTE_LIBRTE_IXGBE_PMD",
    "net/i40e": "CONFIG_RTE_LIBRTE_I40E_PMD",
    "net/null": "CONFIG_RTE_LIBRTE_PMD_NULL",
    "mempool/ring": "CONFIG_RTE_DRIVER_MEMPOOL_RING",
    "lib/acl": "CONFIG_RTE_LIBRTE_ACL",
    "app/test-acl": "CONFIG_RTE_LIBRTE_ACL",
    "app/test-pmd": "CONFIG_RTE_TEST_PMD",
    "app/test": "CONFIG_RTE_APP_TEST",
}


def make_tree(version: str = "16.07.0", *, without: tuple[str, ...] = (), more: tuple[str, ...] = (), system: str = "linuxapp") -> Tree:
    targets = [f"arm64-armv8a-{system}-gcc", f"x86_64-native-{system}-clang", f"x86_64-native-{system}-gcc"]
    if tuple(map(int, version.split(".")[:2])) < (16, 11):
        targets.insert(1, f"x86_64-ivshmem-{system}-gcc")
    switches = dict.fromkeys([name for name in (*_SWITCHES, *more) if name not in without], "n")
    return Tree(version, ("make",), targets=tuple(targets), switches=switches, parts=_PARTS)


def meson_tree(version: str = "22.11.1", *options: str) -> Tree:
    known = ("cpu_instruction_set", "disable_drivers", "enable_drivers", "enable_apps", "disable_apps", "enable_kmods", "machine", "platform")
    return Tree(version, ("meson",), meson_options=options or known)


def made(tree: Tree, machine: str = "x86_64", **wanted: t.Any) -> MakePlan:
    planned = plan(tree, Wanted(**wanted), machine)
    assert isinstance(planned, MakePlan)
    return planned


def mesons(tree: Tree, **wanted: t.Any) -> dict[str, str]:
    planned = plan(tree, Wanted(**wanted), "x86_64")
    assert isinstance(planned, MesonPlan)
    return dict(planned.options)


# make


def test_without_options_a_make_tree_is_static_and_without_modules_and_its_test_program() -> None:
    planned = made(make_tree())
    assert planned == MakePlan(
        "x86_64-native-linuxapp-gcc",
        {"CONFIG_RTE_APP_TEST": "n", "CONFIG_RTE_BUILD_SHARED_LIB": "n", "CONFIG_RTE_EAL_IGB_UIO": "n", "CONFIG_RTE_KNI_KMOD": "n"},
        {},
    )


@pytest.mark.parametrize(
    ("wanted", "switches"),
    [
        ({"library": "shared"}, {"CONFIG_RTE_BUILD_SHARED_LIB": "y"}),
        ({"kernel_modules": True}, {"CONFIG_RTE_EAL_IGB_UIO": "y", "CONFIG_RTE_KNI_KMOD": "y"}),
        ({"tests": True}, {"CONFIG_RTE_APP_TEST": "y"}),
        ({"vhost_backend": "user"}, {"CONFIG_RTE_LIBRTE_VHOST": "y", "CONFIG_RTE_LIBRTE_VHOST_USER": "y"}),
        ({"vhost_backend": "cuse"}, {"CONFIG_RTE_LIBRTE_VHOST": "y", "CONFIG_RTE_LIBRTE_VHOST_USER": "n"}),
        ({"numa": True}, {"CONFIG_RTE_LIBRTE_VHOST_NUMA": "y"}),
        ({"numa": False}, {"CONFIG_RTE_LIBRTE_VHOST_NUMA": "n"}),
        ({"config": {"CONFIG_RTE_LIBRTE_ACL": "n"}}, {"CONFIG_RTE_LIBRTE_ACL": "n"}),
        ({"enable_drivers": ("net/i*",)}, {"CONFIG_RTE_LIBRTE_IXGBE_PMD": "y", "CONFIG_RTE_LIBRTE_I40E_PMD": "y", "CONFIG_RTE_LIBRTE_PMD_NULL": "n"}),
        ({"disable_drivers": ("net/null",)}, {"CONFIG_RTE_LIBRTE_PMD_NULL": "n"}),
        ({"enable_drivers": ("net/*",), "disable_drivers": ("net/null",)}, {"CONFIG_RTE_LIBRTE_PMD_NULL": "n", "CONFIG_RTE_LIBRTE_I40E_PMD": "y"}),
        ({"disable_apps": ("test-pmd",)}, {"CONFIG_RTE_TEST_PMD": "n"}),
        ({"enable_apps": ("test-pmd",)}, {"CONFIG_RTE_TEST_PMD": "y", "CONFIG_RTE_APP_TEST": "n"}),
        ({"disable_libs": ("acl",)}, {"CONFIG_RTE_LIBRTE_ACL": "n"}),
    ],
)
def test_an_option_becomes_switches_of_a_make_tree(wanted: dict[str, t.Any], switches: dict[str, str]) -> None:
    planned = made(make_tree(), **wanted).switches
    assert {**planned, **switches} == planned
    assert not set(planned) - {*made(make_tree()).switches, *switches, "CONFIG_RTE_LIBRTE_IXGBE_PMD"}


def test_switches_that_a_release_does_not_have_are_not_set() -> None:
    newer = made(make_tree("17.11.0", without=("CONFIG_RTE_LIBRTE_VHOST_USER",)), vhost_backend="user")
    assert newer.switches["CONFIG_RTE_LIBRTE_VHOST"] == "y"
    assert "CONFIG_RTE_LIBRTE_VHOST_USER" not in newer.switches
    numa = made(make_tree("17.11.0", more=("CONFIG_RTE_EAL_NUMA_AWARE_HUGEPAGES",)), numa=True)
    assert (numa.switches["CONFIG_RTE_EAL_NUMA_AWARE_HUGEPAGES"], numa.switches["CONFIG_RTE_LIBRTE_VHOST_NUMA"]) == ("y", "y")


def test_before_2_1_one_switch_is_for_kni_and_its_module_and_the_libraries_are_combined() -> None:
    planned = made(make_tree("2.0.0", without=("CONFIG_RTE_KNI_KMOD",), more=("CONFIG_RTE_BUILD_COMBINE_LIBS",)))
    assert planned.switches["CONFIG_RTE_LIBRTE_KNI"] == "n"
    assert planned.switches["CONFIG_RTE_BUILD_COMBINE_LIBS"] == "y"


def test_flags_of_a_make_tree_come_after_its_own() -> None:
    planned = made(make_tree(), optimization="3", march="native", cflags=("-w", "-fcommon"), ldflags=("-Wl,-z,now",))
    assert planned.variables == {"EXTRA_CFLAGS": "-O3 -march=native -w -fcommon", "EXTRA_LDFLAGS": "-Wl,-z,now"}


@pytest.mark.parametrize(
    ("tree", "machine", "wanted", "target"),
    [
        (make_tree(), "x86_64", {}, "x86_64-native-linuxapp-gcc"),
        (make_tree("20.08.0", system="linux"), "x86_64", {}, "x86_64-native-linux-gcc"),
        (make_tree(), "aarch64", {}, "arm64-armv8a-linuxapp-gcc"),
        (make_tree(), "x86_64", {"ivshmem": True}, "x86_64-ivshmem-linuxapp-gcc"),
        (make_tree(), "x86_64", {"ivshmem": False}, "x86_64-native-linuxapp-gcc"),
        (make_tree(), "x86_64", {"target": "x86_64-native-linuxapp-clang"}, "x86_64-native-linuxapp-clang"),
        (make_tree(), "x86_64", {"target": "x86_64-ivshmem-linuxapp-gcc", "ivshmem": True}, "x86_64-ivshmem-linuxapp-gcc"),
    ],
)
def test_the_target_is_that_of_the_machine(tree: Tree, machine: str, wanted: dict[str, t.Any], target: str) -> None:
    assert made(tree, machine, **wanted).target == target


# meson


def test_without_options_a_meson_tree_is_static_and_without_its_test_program() -> None:
    assert mesons(meson_tree()) == {"default_library": "static", "libdir": "lib", "tests": "false"}


@pytest.mark.parametrize(
    ("tree", "wanted", "options"),
    [
        (meson_tree(), {"library": "shared"}, {"default_library": "shared"}),
        (meson_tree(), {"optimization": "3"}, {"optimization": "3"}),
        (meson_tree(), {"cflags": ("-g", "-w"), "ldflags": ("-s",)}, {"c_args": "-g -w", "c_link_args": "-s"}),
        (meson_tree(), {"tests": True}, {"tests": "true"}),
        (meson_tree(), {"march": "native"}, {"cpu_instruction_set": "native"}),
        (meson_tree(), {"march": "haswell"}, {"cpu_instruction_set": "haswell", "platform": "generic"}),
        (meson_tree("20.11.0", "machine", "disable_drivers"), {"march": "haswell"}, {"machine": "haswell"}),
        (meson_tree(), {"platform": "cn10k"}, {"platform": "cn10k"}),
        (meson_tree(), {"march": "armv8-a", "platform": "cn10k"}, {"cpu_instruction_set": "armv8-a", "platform": "cn10k"}),
        (meson_tree(), {"cpu_instruction_set": "haswell"}, {"cpu_instruction_set": "haswell"}),
        (meson_tree(), {"enable_drivers": ("net/null", "bus/*")}, {"enable_drivers": "net/null,bus/*"}),
        (meson_tree(), {"enable_apps": ("test-pmd",)}, {"enable_apps": "test-pmd"}),
        (meson_tree(), {"kernel_modules": True}, {"enable_kmods": "true"}),
        (meson_tree(), {"vhost_backend": "user", "numa": True, "ivshmem": False}, {}),
        (meson_tree(), {"meson_options": {"max_lcores": "256", "tests": "true"}}, {"max_lcores": "256", "tests": "true"}),
    ],
)
def test_an_option_becomes_options_of_a_meson_tree(tree: Tree, wanted: dict[str, t.Any], options: dict[str, str]) -> None:
    assert mesons(tree, **wanted) == {**mesons(tree), **options}


# refusals


@pytest.mark.parametrize(
    ("tree", "wanted", "words"),
    [
        (make_tree("16.11.0"), {"vhost_backend": "cuse"}, ("no vhost-cuse", "came with DPDK 1.8", "went with DPDK 16.11")),
        (make_tree("1.7.0", without=("CONFIG_RTE_LIBRTE_VHOST",)), {"vhost_backend": "cuse"}, ("no vhost-cuse", "came with DPDK 1.8")),
        (meson_tree(), {"vhost_backend": "cuse"}, ("DPDK 22.11.1", "went with DPDK 16.11")),
        (make_tree("1.8.0"), {"vhost_backend": "user"}, ("no vhost-user", "came with DPDK 2.0")),
        (make_tree("2.0.0"), {"numa": True}, ("came with DPDK 2.1",)),
        (meson_tree(), {"numa": False}, ("have no option for it",)),
        (make_tree("16.11.0"), {"ivshmem": True}, ("no IVSHMEM", "came with DPDK 1.6", "went with DPDK 16.11")),
        (meson_tree(), {"ivshmem": True}, ("no IVSHMEM", "went with DPDK 16.11")),
        (make_tree(), {"target": "x86_64-ivshmem-linuxapp-gcc", "ivshmem": False}, ("says otherwise",)),
        (make_tree(), {"target": "x86_64-native-linuxapp-icc"}, ("x86_64-native-linuxapp-gcc", "x86_64-native-linuxapp-clang")),
        (make_tree(), {"platform": "generic"}, ("platform='generic'", "came with DPDK 21.05")),
        (make_tree(), {"cpu_instruction_set": "haswell"}, ("came with DPDK 21.08",)),
        (make_tree(), {"meson_options": {"x": "1"}}, ("built with meson",)),
        (make_tree(), {"enable_libs": ("vhost",)}, ("came with DPDK 23.11",)),
        (make_tree(), {"config": {"CONFIG_RTE_LIBRTE_VHOST_USR": "y"}}, ("CONFIG_RTE_LIBRTE_VHOST_USER",)),
        (make_tree(), {"disable_drivers": ("net/ixgb",)}, ("Near it are net/ixgbe",)),
        (make_tree(), {"disable_apps": ("test-acl",)}, ("with a switch of its own",)),
        (meson_tree(), {"target": "x86_64-native-linuxapp-gcc"}, ("built with make", "went with DPDK 20.11")),
        (meson_tree(), {"config": {"CONFIG_RTE_X": "y"}}, ("built with make", "went with DPDK 20.11")),
        (meson_tree("21.02.0", "machine"), {"enable_drivers": ("net/null",)}, ("no such option", "came with DPDK 21.05")),
        (meson_tree("21.02.0", "machine"), {"platform": "generic"}, ("came with DPDK 21.05",)),
        (meson_tree("22.07.0", "machine"), {"disable_apps": ("test-pmd",)}, ("came with DPDK 22.11",)),
        (meson_tree("22.11.0"), {"enable_libs": ("vhost",)}, ("came with DPDK 23.11",)),
        (meson_tree("23.11.0"), {"kernel_modules": True}, ("igb_uio went with 20.11, KNI with 23.11", "vfio-pci")),
        (meson_tree(), {"march": "native", "cpu_instruction_set": "haswell"}, ("says the same thing",)),
        (meson_tree(), {"generation": "make"}, ("This tree has meson", "went with DPDK 20.11")),
        (make_tree(), {"generation": "meson"}, ("This tree has make", "came with DPDK 18.02")),
    ],
)
def test_what_a_release_cannot_do_is_refused_with_the_release_in_which_it_came_or_went(tree: Tree, wanted: dict[str, t.Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        plan(tree, Wanted(**wanted), "x86_64")
    for word in (tree.subject, *words):
        assert word in str(error.value)


def test_a_tree_of_both_generations_is_built_with_make_unless_asked() -> None:
    tree = dataclasses.replace(make_tree("19.11.0"), generations=("make", "meson"))
    assert generation_of(tree, None) == "make"
    assert generation_of(tree, "meson") == "meson"


def test_buses_and_mempools_of_a_system_on_chip_go_with_its_drivers_and_the_others_stay() -> None:
    more = {"bus/pci": "CONFIG_RTE_LIBRTE_PCI_BUS", "bus/fslmc": "CONFIG_RTE_LIBRTE_FSLMC_BUS", "mempool/octeontx": "CONFIG_RTE_LIBRTE_OCTEONTX_MEMPOOL"}
    tree = make_tree("17.11.0", more=(*more.values(), "CONFIG_RTE_DRIVER_MEMPOOL_RING"))
    switches = made(dataclasses.replace(tree, parts={**_PARTS, **more}), enable_drivers=("net/null",)).switches
    assert (switches["CONFIG_RTE_LIBRTE_FSLMC_BUS"], switches["CONFIG_RTE_LIBRTE_OCTEONTX_MEMPOOL"]) == ("n", "n")
    assert not {"CONFIG_RTE_LIBRTE_PCI_BUS", "CONFIG_RTE_DRIVER_MEMPOOL_RING"} & set(switches)


def test_the_two_switches_of_e1000_go_together() -> None:
    halves = ("CONFIG_RTE_LIBRTE_EM_PMD", "CONFIG_RTE_LIBRTE_IGB_PMD")
    tree = dataclasses.replace(make_tree(more=halves), parts={**_PARTS, "net/e1000": "CONFIG_RTE_LIBRTE_E1000_PMD"})
    assert {made(tree, enable_drivers=("net/null",)).switches[name] for name in halves} == {"n"}
    assert {made(tree, enable_drivers=("net/e1000",)).switches[name] for name in halves} == {"y"}


# the rest


@pytest.mark.parametrize(
    ("wanted", "native"),
    [
        ({}, True),
        ({"march": "native"}, True),
        ({"march": "x86-64-v3"}, False),
        ({"platform": "generic"}, False),
        ({"platform": "generic", "cpu_instruction_set": "native"}, True),
        ({"cpu_instruction_set": "haswell"}, False),
    ],
)
def test_a_build_is_for_this_cpu_unless_another_one_is_named(wanted: dict[str, t.Any], native: bool) -> None:
    assert Wanted(**wanted).is_for_this_cpu is native


def test_a_later_flag_wins_so_that_those_of_the_user_come_last() -> None:
    assert compiler_flags("3", "native", ["-O0"]) == ("-O3", "-march=native", "-O0")
    assert compiler_flags(None, None, []) == ()


def test_switches_are_set_in_the_text_of_a_configuration() -> None:
    text = "# CONFIG_RTE_A is a comment\nCONFIG_RTE_A=n\nCONFIG_RTE_AB=n\n"
    assert (
        switched_config(text, {"CONFIG_RTE_A": "y", "CONFIG_RTE_C": '"x"'})
        == '# CONFIG_RTE_A is a comment\nCONFIG_RTE_A=y\nCONFIG_RTE_AB=n\nCONFIG_RTE_C="x"\n'
    )


def test_what_differs_between_two_builds_is_said_option_by_option() -> None:
    before = {"compiler": "gcc 12", "options": {"library": "static", "cflags": [], "numa": None}}
    after = {"compiler": "gcc 12", "options": {"library": "shared", "cflags": ["-w", "-g"], "numa": True}}
    assert list(differing(before, after)) == ["cflags: none -> -w -g", "library: static -> shared", "numa: none -> true"]
    assert list(differing(before, before)) == []
