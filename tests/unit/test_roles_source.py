# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles dpdk and ovs_dpdk with a build from source: options, packages, services, and when what runs is to be replaced."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

import pytest
import yaml
from ansible import release
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar

ROOT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(tuple(int(part) for part in release.__version__.split(".")[:2]) < (2, 19), reason="the roles need ansible-core 2.19")

# What a role does not leave to the user: it builds what it is asked for, makes it the current build, and keeps the places of the packages
NOT_PASSED: t.Final = {
    "dpdk_build": {"state", "version"},
    "ovs_build": {"state", "version", "current", "sysconfdir", "localstatedir"},
}
PLACES: t.Final = [("dpdk", "dpdk_build", "dpdk_build"), ("ovs_dpdk", "ovs_dpdk_build", "ovs_build")]


@pytest.fixture(autouse=True, scope="module")
def plugins() -> None:
    """Let filters and tests be found."""
    init_plugin_loader()


def documentation(path: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    """Return the options that a module or a fragment documents."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "DOCUMENTATION":
            assert isinstance(node.value, ast.Constant)
            options = yaml.safe_load(str(node.value.value))["options"]
            assert isinstance(options, dict)
            return options
    raise AssertionError(path)


def options_of(module: str) -> dict[str, dict[str, t.Any]]:
    shared = documentation(ROOT / "plugins/doc_fragments/build.py")
    options = {**shared, **documentation(ROOT / f"plugins/modules/{module}.py")}
    return {name: option for name, option in options.items() if name not in NOT_PASSED[module]}


def template(role: str, name: str, **variables: t.Any) -> t.Any:
    """Return a variable of a role on Debian, as Ansible computes it from *variables*."""
    loader = DataLoader()
    known: dict[str, t.Any] = {}
    for file in ("defaults/main.yml", "vars/Debian.yml", "vars/main.yml"):
        known.update(loader.load_from_file(str(ROOT / "roles" / role / file), trusted_as_template=True))
    known.update(variables)
    return Templar(loader=loader, variables=known).template(known[name])


@pytest.mark.parametrize(("role", "variable", "module"), PLACES)
def test_the_role_passes_on_every_option_of_the_module(role: str, variable: str, module: str) -> None:
    text = (ROOT / f"roles/{role}/tasks/build.yml").read_text(encoding="utf-8")
    options = options_of(module)
    assert set(re.findall(r"^    (\w+): \"", text, re.MULTILINE)) == set(options)
    left_out = set(re.findall(rf"{variable}\.(\w+) \| default\(omit\)", text))
    assert set(options) - left_out <= {"source", "dpdk"}  # the role has a default for these


@pytest.mark.parametrize(("role", "variable", "module"), PLACES)
def test_the_dictionary_of_a_build_has_the_types_of_the_module(role: str, variable: str, module: str) -> None:
    specification = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))
    given = specification["argument_specs"]["main"]["options"][variable]["options"]
    kept = ("type", "elements", "choices")
    assert {name: {key: option.get(key) for key in kept} for name, option in given.items()} == {
        name: {key: option.get(key) for key in kept} for name, option in options_of(module).items()
    }


@pytest.mark.parametrize(
    ("build", "has", "lacks"),
    [
        ({"source": "/usr/src/dpdk_22.11.11.orig.tar.xz"}, {"meson", "ninja-build", "python3-pyelftools", "libnuma-dev"}, {"make"}),
        ({"source": "https://fast.dpdk.org/rel/dpdk-16.07.tar.xz"}, {"make", "gcc", "libnuma-dev"}, {"meson", "libfuse-dev"}),
        ({"source": "/usr/src/dpdk-stable-20.08"}, {"make"}, {"meson"}),
        ({"source": "/usr/src/dpdk-20.08", "generation": "meson"}, {"meson"}, {"make"}),
        ({"source": "/home/me/tree"}, {"make", "meson"}, set()),
        ({"source": "/usr/src/dpdk-16.07", "vhost_backend": "cuse"}, {"make", "libfuse-dev"}, {"meson"}),
        ({"source": "/usr/src/dpdk-22.11", "enable_drivers": ["net/mlx5", "net/pcap"]}, {"libibverbs-dev", "libpcap-dev"}, {"libxdp-dev"}),
    ],
)
def test_a_build_of_dpdk_needs_packages_of_its_generation_and_options(build: dict[str, t.Any], has: set[str], lacks: set[str]) -> None:
    wanted = set(template("dpdk", "__dpdk_wanted", dpdk_build=build))
    assert has <= wanted
    assert not lacks & wanted


def test_packages_that_the_user_names_are_all_there_are() -> None:
    assert template("dpdk", "__dpdk_wanted", dpdk_build={"source": "/x"}, dpdk_build_packages=["clang"]) == ["clang"]
    wanted = template(
        "ovs_dpdk", "__ovs_dpdk_wanted", ovs_dpdk_source="source", ovs_dpdk_build={"dpdk": "/opt/dpdk/current"}, ovs_dpdk_build_packages=["clang"]
    )
    assert wanted == ["clang"]


def test_an_archive_of_the_controller_is_the_source() -> None:
    assert template("dpdk", "__dpdk_source_path", dpdk_build_copy="files/dpdk-22.11.tar.xz", dpdk_build={"source": "/x"}) == "/usr/src/dpdk-22.11.tar.xz"
    assert template("ovs_dpdk", "__ovs_dpdk_source_path", ovs_dpdk_build_copy="ovs.tar.gz") == "/usr/src/ovs.tar.gz"


@pytest.mark.parametrize(
    ("variables", "dpdk", "has", "lacks"),
    [
        ({"dpdk_prefix": "system"}, "system", {"libdpdk-dev", "librte-meta-net"}, {"libsystemd-dev"}),
        ({"dpdk_prefix": "/opt/dpdk/current", "dpdk_build": {"library": "shared"}}, "/opt/dpdk/current", {"make"}, {"libdpdk-dev", "libsystemd-dev"}),
        ({"dpdk_prefix": "/opt/dpdk/current", "dpdk_build": {}}, "/opt/dpdk/current", {"libsystemd-dev", "libnuma-dev"}, {"libdpdk-dev"}),
        ({"ovs_dpdk_build": {"dpdk": "system", "library": "static"}, "dpdk_prefix": "/x"}, "system", {"libdpdk-dev", "libsystemd-dev"}, set()),
        ({}, "/opt/dpdk/current", {"gcc"}, {"libdpdk-dev"}),
    ],
)
def test_a_build_of_the_switch_needs_packages_of_its_dpdk(variables: dict[str, t.Any], dpdk: str, has: set[str], lacks: set[str]) -> None:
    assert template("ovs_dpdk", "__ovs_dpdk_dpdk", **variables) == dpdk
    wanted = set(template("ovs_dpdk", "__ovs_dpdk_wanted", ovs_dpdk_source="source", **variables))
    assert has <= wanted
    assert not lacks & wanted


def test_with_packages_nothing_is_needed_for_a_build() -> None:
    wanted = template("ovs_dpdk", "__ovs_dpdk_wanted", dpdk_prefix="/opt/dpdk/current")
    assert wanted == ["openvswitch-switch-dpdk", "librte-meta-bus", "librte-meta-mempool", "librte-meta-net"]


BUILD, OLDER = "/opt/openvswitch/openvswitch-4.0.0-aaaaaaaaaa", "/opt/openvswitch/openvswitch-3.1.0-bbbbbbbbbb"
DAEMONS = ("sbin/ovsdb-server", "sbin/ovs-vswitchd")


def stale(programs: list[str], source: str = "source", conversion: str = "no", **variables: t.Any) -> list[str]:
    """Return why what runs is to be replaced. The link of the current build leads to BUILD."""
    reasons = template(
        "ovs_dpdk",
        "__ovs_dpdk_stale_now",
        ovs_dpdk_source=source,
        __ovs_dpdk_programs={"results": [{"stat": {"exists": True, "lnk_target": program}} for program in programs] + [{"stat": {"exists": False}}]},
        __ovs_dpdk_conversion={"stdout": f"{conversion}\n"},
        __ovs_dpdk_current_now={"stat": {"exists": True, "lnk_source": BUILD}},
        **variables,
    )
    assert isinstance(reasons, list)
    return reasons


def test_the_current_build_that_runs_is_left_alone() -> None:
    assert stale([f"{BUILD}/{one}" for one in DAEMONS]) == []
    assert stale([f"{BUILD}/{one}" for one in DAEMONS], __ovs_dpdk_seen={"prefix": BUILD}) == []


@pytest.mark.parametrize(
    "program", [f"{OLDER}/sbin/ovs-vswitchd", "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk", f"{BUILD}/sbin/ovs-vswitchd (deleted)"]
)
def test_another_build_or_the_package_that_runs_is_replaced(program: str) -> None:
    reasons = stale([f"{BUILD}/sbin/ovsdb-server", program])
    assert reasons == [f"{program} runs, which is not of the build {pathlib.Path(BUILD).name}"]


def test_what_is_built_in_this_run_counts_and_not_the_link_of_before() -> None:
    assert len(stale([f"{BUILD}/{one}" for one in DAEMONS], __ovs_dpdk_planned={"prefix": OLDER})) == len(DAEMONS)


def test_a_database_of_another_schema_needs_a_restart_only_of_what_runs() -> None:
    assert stale([f"{BUILD}/{one}" for one in DAEMONS], conversion="yes") == ["the database has the schema of another release"]
    assert stale([], conversion="yes") == []


def test_back_to_the_package_only_builds_of_the_role_are_replaced() -> None:
    """Else the role would restart, in package mode, what it never did before."""
    record = {"builds": [BUILD]}
    assert stale(["/usr/sbin/ovsdb-server", f"{BUILD}/sbin/ovs-vswitchd"], "package", "yes", __ovs_dpdk_old=record) == [
        f"{BUILD}/sbin/ovs-vswitchd runs, which is not of the package"
    ]
    assert stale(["/usr/sbin/ovsdb-server", "/usr/local/ovs/ovs-vswitchd"], "package", "yes", __ovs_dpdk_old=record) == []
    assert stale([f"{BUILD}0/sbin/ovs-vswitchd"], "package", __ovs_dpdk_old=record) == []


def unit(name: str, version: str = "4.0.0") -> str:
    """Return a service as the role writes it."""
    text = (ROOT / f"roles/ovs_dpdk/templates/{name}.service.j2").read_text(encoding="utf-8").partition("\n")[2]  # the first line is Ansible's own
    variables = {
        "__ovs_dpdk_current": "/opt/openvswitch/current",
        "__ovs_dpdk_run": "/run/openvswitch",
        "__ovs_dpdk_logs": "/var/log/openvswitch",
        "__ovs_dpdk_log": "/var/log/openvswitch/ovs-vswitchd.log",
        "__ovs_dpdk_database": "/etc/openvswitch/conf.db",
        "__ovs_dpdk_unit": "openvswitch-switch",
        "__ovs_dpdk_version": version,
    }
    from ansible.template import trust_as_template  # noqa: PLC0415 - not there before 2.19

    return str(Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text)))


def commands(text: str, key: str) -> list[list[str]]:
    """Return the words of each command of a service."""
    return [line.partition("=")[2].split() for line in text.replace("\\\n", " ").splitlines() if line.startswith(f"{key}=")]


@pytest.mark.parametrize("name", ["ovsdb-server", "ovs-vswitchd"])
def test_a_service_runs_the_program_of_the_current_build_without_a_shell(name: str) -> None:
    text = unit(name)
    [start] = commands(text, "ExecStart")
    assert start[0] == f"/opt/openvswitch/current/sbin/{name}"
    assert f"--pidfile=/run/openvswitch/{name}.pid" in start
    assert f"--log-file=/var/log/openvswitch/{name}.log" in start
    assert f"PIDFile=/run/openvswitch/{name}.pid" in text
    words = [word for key in ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop") for line in commands(text, key) for word in line]
    assert not [word for word in words if re.fullmatch(r"(.*/)?(ba|da)?sh|.*[|;&<>`].*", word)]


def test_the_database_says_which_release_runs() -> None:
    """The modules read it there, and only a start script of a package writes it otherwise."""
    [after] = commands(unit("ovsdb-server", "3.1.0"), "ExecStartPost")
    assert after[-1] == "ovs_version=3.1.0"
    assert "--no-wait" in after  # ovs-vswitchd is not there yet


@pytest.mark.parametrize(("version", "asked"), [("2.5.12", False), ("2.6.0", True), ("4.0.0", True)])
def test_a_switch_is_asked_to_end_where_it_keeps_its_ports(version: str, asked: bool) -> None:
    assert bool(commands(unit("ovs-vswitchd", version), "ExecStop")) == asked
