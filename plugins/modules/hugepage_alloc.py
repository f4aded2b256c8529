#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hugepage_alloc
short_description: Hugepages per NUMA node at run time
version_added: 0.1.0
description:
  - Sets how many hugepages of a size a NUMA node has, by C(/sys/devices/system/node/nodeN/hugepages/hugepages-XkB/nr_hugepages),
    and reads back what the kernel gave. On a kernel without NUMA the pages of the machine count as those of node 0.
  - The kernel gives as many pages as it finds and reports no error when there are fewer. This module fails then, after one attempt to
    compact the memory of the node, says how many pages came, on which node and what stood in the way, and sets every pool of the task
    back to what it was.
  - The pages last until the next boot. Boot parameters and the hugetlbfs mount are not managed here.
  - Several pools can be set in one task with O(pools). Pools that shrink come first, so that their memory can serve the others.
options:
  size:
    description:
      - Size of a page, for example V(2M), V(1G), V(2048kB). Prefixes are powers of 1024.
      - Required unless O(pools) is given.
    type: str
  count:
    description:
      - Pages on each node of O(node). V(0) gives all of them back.
      - Less than what is in use is refused before anything is written. Reserved pages count as in use; on a host of several nodes the
        kernel counts these only for all nodes together, and so does this check.
      - More than the whole memory of the node could hold is refused as well.
    type: int
  node:
    description:
      - NUMA nodes that O(count) is for, each of them gets so many.
      - Can be left out on a host where only one node has memory.
    type: list
    elements: int
  nodes:
    description:
      - "Pages by NUMA node, for example V({0: 4, 1: 2}), instead of O(node) and O(count). Nodes that are not named keep what they have."
    type: dict
  pools:
    description:
      - Many pools at once, with the options above. Each size on each node may come only once.
    type: list
    elements: dict
    suboptions:
      size:
        description: See O(size).
        type: str
        required: true
      count:
        description: See O(count).
        type: int
      node:
        description: See O(node).
        type: list
        elements: int
      nodes:
        description: See O(nodes).
        type: dict
  at_least:
    description:
      - With V(true) a pool that has more pages keeps them, for pages that several parties share. Nothing is ever lowered.
      - With V(false) a pool has exactly as many as the task says.
    type: bool
    default: false
  timeout:
    description:
      - Seconds in which pages that are missing may still come, for a host that has just booted or where other programs end.
        The count is written and read again every half second.
    type: int
    default: 0
  root:
    description: Folder that stands for V(/), for tests.
    type: path
    default: /
attributes:
  check_mode:
    support: full
    details: Whether the kernel finds all pages shows only in a run.
  diff_mode:
    support: full
seealso:
  - module: nfv.ovs_dpdk.dpdk_host_info
  - module: ansible.posix.mount
    description: Mounts hugetlbfs.
  - name: Linux, HugeTLB Pages
    description: What the files mean.
    link: https://docs.kernel.org/admin-guide/mm/hugetlbpage.html
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
"""

EXAMPLES = r"""
- name: Have 512 pages of 2M on node 0 or more, if somebody else asked for more
  nfv.ovs_dpdk.hugepage_alloc:
    size: 2M
    node: 0
    count: 512
    at_least: true

- name: Have four pages of 1G on node 0 and two on node 1 (two NUMA nodes)
  nfv.ovs_dpdk.hugepage_alloc:
    size: 1G
    nodes:
      0: 4
      1: 2

- name: Have 1G pages for the switch and 2M pages for the guests on two nodes, and wait up to a minute for them (two NUMA nodes)
  nfv.ovs_dpdk.hugepage_alloc:
    timeout: 60
    pools:
      - size: 1G
        node: [0, 1]
        count: 2
      - size: 2M
        nodes:
          0: 1024
          1: 0
"""

RETURN = r"""
pools:
  description: The pools of the task as they now are, in check mode as they would be; by node and size.
  returned: always
  type: list
  elements: dict
  contains:
    size:
      description: Size of a page.
      type: str
      sample: 2M
    node:
      description: NUMA node.
      type: int
      sample: 0
    total:
      description: Pages, surplus ones among them.
      type: int
      sample: 512
    free:
      description: Pages that nobody has.
      type: int
      sample: 384
    reserved:
      description: Free pages that are promised to somebody. V(null) where several nodes have memory, because the kernel does not count them by node.
      type: int
      sample: 0
    surplus:
      description: Pages beyond what was asked for; they go when their user lets go of them.
      type: int
      sample: 0
  sample: [{"size": "2M", "node": 0, "total": 512, "free": 384, "reserved": 0, "surplus": 0}]
writes:
  description: The files that were written, in order, and what; in check mode those that would be.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
    value:
      description: What was written.
      type: int
  sample: [{"path": "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "value": 512}]
commands:
  description: Always empty; this module runs no command.
  returned: always
  type: list
  elements: list
  sample: []
diff:
  description: The pages of each pool of the task, before and after.
  returned: always
  type: dict
  sample: {"before": {"node0 2M": 0}, "after": {"node0 2M": 512}}
"""

import pathlib
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.hugepages import Applier, Plan, Want, check_writable, plan
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import read_memory
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError, OvsDpdkError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size, parse_size

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host import Pool


def _whole(subject: str, option: str, given: t.Any) -> int:
    if isinstance(given, bool) or not str(given).isdigit():
        raise InputError(subject, option, given, "It maps node numbers to page counts, such as {0: 4, 1: 2}.", "Write whole numbers from 0.")
    return int(given)


def wants_of(options: dict[str, t.Any], at_least: bool) -> Iterator[Want]:
    """Yield what one set of the options size, count, node and nodes asks for. Raises InputError."""
    subject = f"hugepages {options['size']}"
    try:
        size = parse_size(options["size"])
    except ValueError as error:
        raise InputError("hugepages", "size", options["size"], f"{error}.", "Write for instance 2M or 1G.") from None
    if options["nodes"] is not None:
        for node, count in options["nodes"].items():
            yield Want(_whole(subject, "nodes", node), size, _whole(subject, "nodes", count), at_least)
        return
    if options["count"] is None:
        raise InputError(subject, "count", None, "A count of pages is needed.", "Give count (and node), or nodes.")
    for node in [None] if options["node"] is None else options["node"]:
        yield Want(node, size, options["count"], at_least)


def pool_result(pool: Pool) -> dict[str, t.Any]:
    """Return a pool as the module shows it."""
    return {
        "size": format_size(pool.size),
        "node": pool.node,
        "total": pool.total,
        "free": pool.free,
        "reserved": pool.reserved,
        "surplus": pool.surplus,
    }


def pools_now(root: pathlib.Path, wanted: Plan) -> list[dict[str, t.Any]]:
    """Read the pools of the task again."""
    nodes = read_memory(root).nodes
    return [pool_result(nodes[change.pool.node or 0].pools[change.pool.size]) for change in wanted.changes]


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the options say and return the result."""
    root, timeout = pathlib.Path(module.params["root"]), module.params["timeout"]
    if timeout < 0:
        raise InputError("hugepages", "timeout", timeout, "It is a number of seconds.", "Use 0 not to wait.")
    given = [module.params] if module.params["pools"] is None else module.params["pools"]
    wants = [want for options in given for want in wants_of(options, module.params["at_least"])]
    wanted = plan(read_memory(root), wants)
    check_writable(wanted)
    result: dict[str, t.Any] = {"changed": bool(wanted.to_write), "commands": []}
    result["diff"] = {
        "before": {change.name: change.before for change in wanted.changes},
        "after": {change.name: change.after for change in wanted.changes},
    }
    if module.check_mode:
        pools = [pool_result(change.pool_after) for change in wanted.changes]
        return {**result, "pools": pools, "writes": [write.as_result() for write in wanted.writes]}
    applier = Applier(root, timeout)
    try:
        applier.apply(wanted)
    except OvsDpdkError as error:
        error.details.update(pools=pools_now(root, wanted), writes=[write.as_result() for write in applier.writes])
        raise
    return {**result, "pools": pools_now(root, wanted), "writes": [write.as_result() for write in applier.writes]}


def main() -> None:
    """Entry point."""
    pool_options: dict[str, t.Any] = {
        "count": {"type": "int"},
        "node": {"type": "list", "elements": "int"},
        "nodes": {"type": "dict"},
    }
    either = [("node", "nodes"), ("count", "nodes")]
    run_module(
        run,
        {
            "size": {"type": "str"},
            **pool_options,
            "pools": {
                "type": "list",
                "elements": "dict",
                "options": {"size": {"type": "str", "required": True}, **pool_options},
                "mutually_exclusive": either,
            },
            "at_least": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 0},
            "root": {"type": "path", "default": "/"},
        },
        mutually_exclusive=[*either, *(("pools", option) for option in ("size", *pool_options))],
        required_one_of=[("size", "pools")],
    )


if __name__ == "__main__":
    main()
