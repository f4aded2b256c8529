# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel arguments are wanted, and whether a host can meet them (private to this collection).

Sources: guide 3.3 and 3.5; Linux, Documentation/admin-guide/kernel-parameters.txt and mm/hugetlbpage.rst. Counts by node
(``hugepages=0:4,1:4``) are understood since Linux 5.16 (commit b5389086ad7b); older kernels take no pages at all from such a word.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import (
    CPU_ARGUMENTS,
    GROUPS,
    MAX_LENGTH,
    OF_THE_LOADER,
    ORDER,
    fold,
    parse_page_size,
)
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size, parse_size

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import CpuSet
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.kernel_line import Line

Managed = dict[str, tuple[str, ...]]
"""Argument or group -> the words that it shall be on the line, without quotes; none if it shall not be there."""
Wants = dict[str, t.Optional[tuple[str, ...]]]
"""The same; None for an argument of which only what was staged shall go."""

SUBJECT = "kernel arguments"
PAGES_BY_NODE_SINCE = (5, 16)
# What the host itself is left with before a warning; an ordinary system with Open vSwitch needs about this much
LITTLE_MEMORY = 1 << 30


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a host can meet. An empty set or mapping means that the host does not show it: then it is not checked."""

    present: CpuSet
    online: CpuSet
    page_sizes: frozenset[int]
    """Bytes."""
    memory: int
    """Bytes on all nodes."""
    nodes: Mapping[int, int]
    """NUMA node -> bytes."""
    release: str | None
    """Of the kernel of the next boot, as ``uname -r`` prints it."""
    x86: bool


def _refuse(option: str, given: t.Any, possible: str, advice: str) -> InputError:
    return InputError(SUBJECT, option, given, possible, advice)


# Words -------------------------------------------------------------------------------------------------------------------------------


def cpu_words(option: str, given: str, limits: Limits, flags: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the word of a CPU list; none for an empty one. Raises InputError."""
    try:
        cpus = limits.present if given.strip() == "all" else parse_cpu_list(given)
    except ValueError as error:
        raise _refuse(option, given, f"{error}.", "Write CPUs such as 2-5,8.") from None
    if not cpus:
        return ()
    if limits.present and cpus - limits.present:
        missing = format_cpu_list(cpus - limits.present)
        raise _refuse(option, given, f"This host has CPUs {format_cpu_list(limits.present)}, not {missing}.", "Leave out the CPUs that do not exist.")
    if option in {"isolcpus", "nohz_full"} and limits.online and limits.online <= cpus:
        raise _refuse(option, given, f"These are all CPUs of the host ({format_cpu_list(limits.online)}).", "Keep at least one for the operating system.")
    return (f"{option}={','.join([*flags, format_cpu_list(cpus)])}",)


def split_flags(words: Sequence[str]) -> tuple[list[str], str]:
    """Return flags and CPU list of the word isolcpus; both empty where there is none."""
    items = words[0].partition("=")[2].split(",") if words else []
    flags = [item for item in items if re.match(r"[a-z]", item)]
    return flags, ",".join(item for item in items if item not in flags)


def page_size(option: str, given: str, limits: Limits) -> int:
    """Return a page size in bytes that the kernel has. Raises InputError."""
    size: int | None
    try:
        size = parse_size(given)
    except ValueError:
        size = parse_page_size(given) if re.fullmatch(r"\d+[kKmMgG]B", given) else None
    if size is None:
        raise _refuse(option, given, "It is the size of a page.", "Write for instance 2M or 1G.")
    if size not in limits.page_sizes:
        possible = ", ".join(map(format_size, sorted(limits.page_sizes))) or "none at all"
        raise _refuse(option, given, f"Page sizes of this host: {possible}.", "Use one of them; 1G pages need a processor with pdpe1gb.")
    return size


def _counts(given: Mapping[str, t.Any], size: int, limits: Limits) -> tuple[str, dict[int, int] | None, int]:
    """Return the value of hugepages=, the pages by node where they are given so, and the sum."""
    option = "hugepages"
    count, nodes = given.get("count"), given.get("nodes")
    if nodes is None:
        if count is None or count < 0:
            raise _refuse(option, given, "It needs a count of pages, from 0, or nodes.", "Write for instance {size: 1G, count: 8}.")
        return str(count), None, count
    by_node: dict[int, int] = {}
    for node, pages in nodes.items():
        if isinstance(pages, bool) or not (str(node).isdigit() and str(pages).isdigit()):
            raise _refuse(option, given, "nodes maps node numbers to page counts.", "Write for instance {size: 1G, nodes: {0: 4, 1: 4}}.")
        by_node[int(node)] = int(pages)
    for node, pages in by_node.items():
        if not limits.nodes.get(node):
            possible = ", ".join(str(known) for known, memory in sorted(limits.nodes.items()) if memory)
            raise _refuse(option, given, f"Nodes with memory: {possible}; not {node}.", "Leave it out.")
        if pages * size > limits.nodes[node]:
            held = limits.nodes[node] // size
            raise _refuse(option, given, f"Node {node} has memory for {held} pages of {format_size(size)}, not {pages}.", "Ask for fewer.")
    release = re.match(r"(\d+)\.(\d+)", limits.release or "")
    if release and (int(release[1]), int(release[2])) < PAGES_BY_NODE_SINCE:
        raise _refuse(
            option,
            given,
            f"Linux {limits.release} does not know pages by node on its command line; 5.16 and newer do.",
            "Let the boot unit of the role nfv.ovs_dpdk.host_tuning allocate them by node at boot, or give one count for all nodes.",
        )
    return ",".join(f"{node}:{pages}" for node, pages in sorted(by_node.items())), by_node, sum(by_node.values())


def hugepage_words(given: Sequence[Mapping[str, t.Any]], limits: Limits) -> tuple[str, ...]:
    """Return the pairs hugepagesz= hugepages= in the order given. Raises InputError."""
    words: list[str] = []
    sizes: set[int] = set()
    memory, by_node = 0, dict.fromkeys(limits.nodes, 0)
    for entry in given:
        size = page_size("hugepages.size", entry["size"], limits)
        if size in sizes:
            raise _refuse("hugepages", entry["size"], "The kernel takes a page size once.", "Put all pages of a size in one entry.")
        sizes.add(size)
        value, nodes, count = _counts(entry, size, limits)
        memory += size * count
        for node, pages in (nodes or {}).items():
            by_node[node] += size * pages
        if count:
            words += [f"hugepagesz={format_size(size)}", f"hugepages={value}"]
    for node, asked in by_node.items():
        if asked > limits.nodes[node]:
            raise _refuse("hugepages", list(given), _short(f"Node {node}", asked, limits.nodes[node]), "Ask for fewer pages.")
    if limits.memory and memory > limits.memory:
        raise _refuse("hugepages", list(given), _short("This host", memory, limits.memory), "Ask for fewer pages.")
    return tuple(words)


def _short(what: str, asked: int, there: int) -> str:
    mib = 1 << 20
    return f"{what} has {there // mib} MiB of memory; the pages are {asked // mib} MiB, {-(-(asked - there) // mib)} MiB more."


def hugepage_warnings(given: Sequence[Mapping[str, t.Any]], limits: Limits) -> list[str]:
    """Return warnings on pages that :func:`hugepage_words` takes."""
    memory = sum((parse_size(entry["size"])) * (sum(map(int, entry["nodes"].values())) if entry.get("nodes") else entry.get("count") or 0) for entry in given)
    left = limits.memory - memory
    if limits.memory and memory and left < LITTLE_MEMORY:
        return [f"hugepages: {left >> 20} MiB of {limits.memory >> 20} MiB are left to the host; it may not boot."]
    return []


def iommu_words(given: str, limits: Limits) -> tuple[str, ...]:
    """Return the words of the option iommu. The IOMMU of AMD is on unless it is switched off, and takes no notice of intel_iommu. Raises InputError."""
    if limits.x86:
        return {"": (), "on": ("intel_iommu=on",), "passthrough": ("intel_iommu=on", "iommu=pt"), "off": ("intel_iommu=off", "amd_iommu=off")}[given]
    if given == "off":
        raise _refuse("iommu", given, "Only kernels for x86 can switch it off.", "Use on or passthrough.")
    return {"": (), "on": ("iommu.passthrough=0",), "passthrough": ("iommu.passthrough=1",)}[given]


def _word(name: str, value: t.Any) -> str:
    if value is True:
        return name
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        possible = "A value is text, a number, true for a bare word, a list of these, or null to take the argument away."
        raise _refuse(f"args.{name}", value, possible, "Put quotes around words that YAML takes for others, such as 'off'.")
    if not re.fullmatch(r"[ -~]+", str(value)) or re.search(r"[\"'\\]", str(value)):
        raise _refuse(f"args.{name}", value, "Quotes, backslashes and what is not printable ASCII do not survive the boot loader.", "Leave them out.")
    return f"{name}={value}"


def other_words(given: Mapping[str, t.Any]) -> Wants:
    """Return the words of the option args, by folded name. Raises InputError."""
    owned = {fold(name): option for option in ORDER for name in GROUPS.get(option, (option,))}
    managed: Wants = {}
    for name, value in given.items():
        folded = fold(name)
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", name):
            raise _refuse("args", name, "A name has letters, digits, dots, hyphens and underscores.", "Write the name alone as the key.")
        if folded in owned:
            raise _refuse("args", name, f"It belongs to the option {owned[folded]}.", "Use that option.")
        if folded in OF_THE_LOADER | {"root", "ro", "rw"}:
            raise _refuse("args", name, "It is the boot loader's own.", "Change the configuration of the boot loader.")
        if folded in managed:
            raise _refuse("args", name, "It is there twice; - and _ are the same to the kernel.", "Give a list of values for an argument that may come again.")
        if value in ("", []):
            managed[folded] = None
        else:
            values = value if isinstance(value, list) else [] if value is None else [value]
            managed[folded] = tuple(_word(name, one) for one in values)
    return managed


# Wants -------------------------------------------------------------------------------------------------------------------------------


def wanted(options: Mapping[str, t.Any], before: Mapping[str, Sequence[str]], limits: Limits) -> Wants:
    """Return what the options of a task ask for; *before* is what this module staged earlier. Options that are None ask for nothing.

    Raises InputError for what the host cannot meet.
    """
    managed: Wants = {}
    size = options.get("default_hugepagesz")
    if size is not None:
        managed["default_hugepagesz"] = (f"default_hugepagesz={format_size(page_size('default_hugepagesz', size, limits))}",) if size else None
    if options.get("hugepages") is not None:
        managed["hugepages"] = hugepage_words(options["hugepages"], limits) if options["hugepages"] else None
    managed.update(_isolation(options, before, limits))
    for option in CPU_ARGUMENTS[1:]:
        if options.get(option) is not None:
            managed[option] = cpu_words(option, options[option], limits) or None
    if options.get("iommu") is not None:
        managed["iommu"] = iommu_words(options["iommu"], limits) or None
    if options.get("args") is not None:
        managed.update({argument: None for argument in before if argument not in ORDER})
        managed.update(other_words(options["args"]))
    return managed


def _isolation(options: Mapping[str, t.Any], before: Mapping[str, Sequence[str]], limits: Limits) -> Wants:
    """Return isolcpus; of CPUs and flags, what the task leaves out is as it was staged."""
    cpus, flags = options.get("isolcpus"), options.get("isolcpus_flags")
    if cpus is None and flags is None:
        return {}
    old_flags, old_cpus = split_flags(before.get("isolcpus", ()))
    cpus = old_cpus if cpus is None else cpus
    if flags and not cpus:
        raise _refuse("isolcpus_flags", flags, "They need CPUs, and none are isolated.", "Give isolcpus too.")
    return {"isolcpus": cpu_words("isolcpus", cpus, limits, old_flags if flags is None else list(dict.fromkeys(flags))) or None}


def check_line(after: Line, managed: Mapping[str, Sequence[str]]) -> None:
    """Refuse a line on which the words would not do what they say. Raises InputError."""
    counts = [fold(token.name) for token in after.named(["default_hugepagesz", *GROUPS["hugepages"]])]
    if managed.get("default_hugepagesz") and "hugepages" not in managed and "hugepages" in counts:
        first = next(name for name in counts if name != "default_hugepagesz")
        if first == "hugepages":
            given = " ".join(managed["default_hugepagesz"])
            possible = f"The line has {' '.join(after.words_of('hugepages'))} of the default size, which would become pages of the new one."
            raise _refuse("default_hugepagesz", given, possible, "Give hugepages too.")
    if len(str(after)) > MAX_LENGTH:
        raise _refuse("args", f"{len(str(after))} bytes", f"The kernel cuts its command line after {MAX_LENGTH} bytes.", "Use fewer or shorter arguments.")


def unexpected(after: Line, managed: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """Yield a sentence for each argument that a line does not have as it should."""
    for argument, words in managed.items():
        found = after.words_of(argument)
        if found != tuple(words):
            yield f"{argument}: wanted {' '.join(words) or 'none'}, the next boot gets {' '.join(found) or 'none'}"
