# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages in docs/ name only what there is: files, tests, modules, options, variables, targets of make."""

from __future__ import annotations

import ast
import functools
import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import cpus, rates

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
PAGE_IDS = [page.name for page in PAGES]

# The contents of "OVS DPDK ADVANCED INSTALL GUIDE" (Open vSwitch, INSTALL.DPDK-ADVANCED.md, August 2016) but for its overview
GUIDE_SECTIONS = (
    *("2", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "4.1", "4.2", "4.3", "4.4", "4.5"),
    *("5.1", "5.2", "5.3", "6.1", "6.2", "6.3", "7", "8", "9", "10"),
)
FOLDERS = ("docs", "meta", "molecule", "playbooks", "plugins", "roles", "tests", "tools")
SHARED_OPTIONS = {"database", "rundir", "log_file", "timeout"}


def text_of(page: pathlib.Path) -> str:
    return page.read_text(encoding="utf-8")


def without_blocks(text: str) -> str:
    """Return the text without fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def snippets(page: pathlib.Path) -> list[str]:
    """Return the fenced blocks of YAML."""
    return re.findall(r"^```yaml\n(.*?)^```$", text_of(page), flags=re.MULTILINE | re.DOTALL)


def anchors(page: pathlib.Path) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(text_of(page)), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-") for heading in headings}


def constant(path: pathlib.Path, name: str) -> str:
    """Return the text that is assigned to *name* in a Python file; the empty text where there is none."""
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
            return str(ast.literal_eval(node.value))
    return ""


@functools.cache
def module_options(name: str) -> dict[str, t.Any]:
    """Return the documented options of a module, those of its fragments among them."""
    documentation = yaml.safe_load(constant(ROOT / f"plugins/modules/{name}.py", "DOCUMENTATION"))
    options = dict(documentation.get("options", {}))
    for fragment in documentation.get("extends_documentation_fragment", ()):
        file, _dot, part = fragment.removeprefix("nfv.ovs_dpdk.").partition(".")
        options.update(yaml.safe_load(constant(ROOT / f"plugins/doc_fragments/{file}.py", (part or "documentation").upper())).get("options", {}))
    return options


@functools.cache
def role_variables() -> dict[str, t.Any]:
    """Return the documented variables of all roles."""
    variables: dict[str, t.Any] = {}
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(text_of(path))["argument_specs"].values():
            variables.update(entry.get("options", {}))
    return variables


def names(folder: str, pattern: str = "*") -> set[str]:
    return {path.stem for path in (ROOT / folder).glob(pattern)}


MODULES = names("plugins/modules", "*.py")
ROLES = names("roles")


@functools.cache
def module_words() -> set[str]:
    """Return the names of all options and results of modules: some begin like variables of the role dpdk, such as dpdk_socket_mem."""
    returned = (yaml.safe_load(constant(ROOT / f"plugins/modules/{name}.py", "RETURN")) or {} for name in MODULES)
    return {word for name in MODULES for word in module_options(name)} | {word for results in returned for word in results}


def mappings(value: t.Any) -> Iterator[Mapping[str, t.Any]]:
    """Yield every mapping in a YAML document, the outer one first."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(item)


def strangers(given: t.Any, options: Mapping[str, t.Any], place: str) -> Iterator[str]:
    """Yield what is given and not documented, in sub-options too."""
    for one in given if isinstance(given, list) else [given]:
        for name, value in one.items() if isinstance(one, dict) else ():
            if name not in options:
                yield f"{place}{name}"
            elif options[name].get("suboptions") or options[name].get("options"):
                yield from strangers(value, options[name].get("suboptions") or options[name]["options"], f"{place}{name}.")


def test_the_guide_page_has_a_row_for_every_section_of_the_guide() -> None:
    rows = re.findall(r"^\| \[?([0-9]+(?:\.[0-9]+)?)[ \]]", text_of(ROOT / "docs/guide.md"), flags=re.MULTILINE)
    assert rows == list(GUIDE_SECTIONS)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_links_lead_to_files_and_headings_that_exist(page: pathlib.Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text_of(page))):
        if re.match(r"https?:", target):
            continue
        file, _hash, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_files_and_tests_that_are_named_exist(page: pathlib.Path) -> None:
    missing = []
    for named in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[^`\s]*)", text_of(page)):
        file, _colons, test = named.partition("::")
        path = ROOT / file
        if re.search(r"[A-Z<*{]", file.rpartition("/")[2].removesuffix("README.md")):
            continue  # a pattern or a placeholder
        if not path.exists() or (test and f"def {test}(" not in text_of(path)):
            missing.append(named)
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_tests_and_scenarios_that_are_named_without_a_path_exist(page: pathlib.Path) -> None:
    files = [path for path in (ROOT / "tests/unit").rglob("test_*.py") if path.name != "test_docs.py"]
    known = {path.name for path in files} | {name for path in files for name in re.findall(r"^ *def (test_\w+)\(", text_of(path), flags=re.MULTILINE)}
    assert not set(re.findall(r"`(test_\w+(?:\.py)?)`", text_of(page))) - known
    assert not set(re.findall(r"scenario `(\w+)`", text_of(page))) - {path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_modules_roles_filters_and_playbooks_that_are_named_exist(page: pathlib.Path) -> None:
    known = MODULES | ROLES | names("plugins/filter", "*.yml") | names("playbooks", "*.yml") | {"ovs_dpdk"}
    assert not set(re.findall(r"\bnfv\.ovs_dpdk\.([a-z_]+)", text_of(page))) - known


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_yaml_parses_and_options_and_variables_in_it_exist(page: pathlib.Path) -> None:
    variables = role_variables()
    unknown: list[str] = []
    for snippet in snippets(page):
        for mapping in mappings(yaml.safe_load(snippet)):
            for key, value in mapping.items():
                module = str(key).removeprefix("nfv.ovs_dpdk.")
                if str(key).startswith("group/nfv.ovs_dpdk."):
                    unknown += strangers(value, {option: {} for option in SHARED_OPTIONS}, f"{key}: ")
                elif module != key and module in MODULES:
                    unknown += strangers(value, module_options(module), f"{module}: ")
                elif str(key).startswith(tuple(f"{role}_" for role in ROLES)) and key not in module_words():
                    unknown += strangers({key: value}, variables, "")
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_variables_that_are_named_in_the_text_exist(page: pathlib.Path) -> None:
    named = set(re.findall(rf"`((?:{'|'.join(sorted(ROLES))})_[a-z_]+)`", text_of(page)))
    tasks = "".join(text_of(path) for path in ROOT.glob("roles/*/tasks/*.yml"))
    facts = set(re.findall(r"set_fact:\n\s+(\w+):", tasks))
    playbooks = set(re.findall(r"\{\{ (\w+)", "".join(text_of(path) for path in ROOT.glob("playbooks/*.yml"))))
    assert not named - set(role_variables()) - MODULES - facts - playbooks - module_words()


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_targets_of_make_that_are_named_exist(page: pathlib.Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), flags=re.MULTILINE))
    assert not set(re.findall(r"`make ([a-z-]+)", text_of(page))) - targets


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_a_page_can_be_read_in_one_sitting(page: pathlib.Path) -> None:
    assert len(text_of(page).splitlines()) <= (500 if page.name == "guide.md" else 220)


def test_the_action_group_has_the_modules_that_take_its_options() -> None:
    """Another module would fail with unsupported parameters as soon as module_defaults has database or rundir."""
    group = yaml.safe_load(text_of(ROOT / "meta/runtime.yml"))["action_groups"]["ovs_dpdk"]
    assert set(group) == {name for name in MODULES if set(module_options(name)) >= SHARED_OPTIONS}
    assert set(group) == {name for name in MODULES if "nfv.ovs_dpdk.attributes.actiongroup" in text_of(ROOT / f"plugins/modules/{name}.py")}


def test_the_arithmetic_of_policers_is_that_of_the_collection() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+) \| ([\d ]+) \| ([\d ]+) \| ([\d ]+) \|$", text_of(ROOT / "docs/qos.md"), flags=re.MULTILINE)
    million = rates.parse_rate("1Mpps")
    assert len(rows) >= 6
    for frame, counted, cir, kbps, passes in rows:
        assert int(counted) == rates.counted_bytes(int(frame))
        assert int(cir.replace(" ", "")) == rates.egress_cir(million, int(frame))
        assert int(kbps.replace(" ", "")) == rates.ingress_kbps(million, int(frame))
        assert int(passes.replace(" ", "")) == rates.rate_of_cir(46_000_000, "pps", int(frame)).value


def test_the_masks_of_the_guide_are_the_cpus_that_stand_beside_them() -> None:
    rows = re.findall(r"^\| [\d.]+ \| `([0-9a-f]+)` \| ([\d,-]+) \|", text_of(ROOT / "docs/cpus_and_numa.md"), flags=re.MULTILINE)
    assert rows
    assert {mask: cpus.format_cpu_list(cpus.parse_mask(mask)) for mask, _list in rows} == dict(rows)
