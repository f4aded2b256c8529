# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation fragment with the options of modules that build from source."""

from __future__ import annotations


class ModuleDocFragment:
    """Options shared by the modules that build from source."""

    DOCUMENTATION = r"""
options:
  source:
    description:
      - A source tree on the host, an archive of one on the host (V(.tar), V(.tar.gz), V(.tar.bz2), V(.tar.xz)), or a URL of an archive.
      - An archive with a member that would be written outside of the folder that it is unpacked to is refused.
      - Required unless O(state=absent).
    type: str
  checksum:
    description:
      - Digest of the archive, as V(sha256:9f86d081...). Required for a URL, and taken for what the URL leads to without another look, so
        that a build that is there needs no network.
    type: str
  jobs:
    description: How many processes compile at once. By default as many as there are CPUs for this task.
    type: int
  cc:
    description: The C compiler, a command or a path.
    type: str
    default: gcc
  optimization:
    description: Level of optimization of the compiler, V(3) for C(-O3). By default that of the tree.
    type: str
    choices: ["0", "1", "2", "3", g, s]
  march:
    description:
      - The CPU that code is made for, C(-march). With V(native) the CPU of the host that builds; a baseline such as V(x86-64-v3) or
        V(haswell) for a host that builds for others.
      - What V(native) means to the compiler is an input of the build, so that a copy of the host with another CPU builds again.
    type: str
  cflags:
    description: More flags of the compiler, after those of O(optimization) and O(march). Old trees need some on a new compiler.
    type: list
    elements: str
    default: []
  ldflags:
    description: More flags of the linker.
    type: list
    elements: str
    default: []
  build_dir:
    description:
      - Folder for what is needed only while building, and for archives that were fetched. By default V(.build) in O(prefix).
      - What a build that failed has made stays there, and the next run goes on with it; a build that ended well is removed from there.
    type: path
  keep_build:
    description: Keep objects and the copy of the tree after a build that ended well, for a debugger.
    type: bool
    default: false
  current:
    description: Have the link V(current) in O(prefix) lead to this build.
    type: bool
    default: true
  timeout:
    description: Seconds after which a step (configure, compile, install) is ended.
    type: int
    default: 7200
  lock_timeout:
    description: Seconds to wait for another build into the same O(prefix) to end. With V(0) the task fails at once.
    type: int
    default: 0
  state:
    description:
      - With V(present) the build is there. A stamp of all inputs decides, which are the content of the source, the options, the compiler
        and O(prefix). Where there is a build of that stamp, nothing is run.
      - With V(absent) the builds of O(version) are removed, and the link V(current) where it leads to one of them.
    type: str
    choices: [present, absent]
    default: present
  version:
    description:
      - With O(state=absent), the builds to remove, V(22.11.1) for all of a version or V(22.11.1-1a2b3c4d5e) for one.
    type: str
attributes:
  check_mode:
    support: full
    details: Says whether and why it would build. What a URL leads to is not fetched, so that options which its tree cannot meet are not found.
  diff_mode:
    support: full
notes:
  - A build is installed to a staging folder, looked at, and gets its place by one rename; the link is replaced by another. What is in
    O(prefix) is whole at any moment, also after a loss of power.
  - "All output of the build goes to the file RV(log) as it comes: C(tail -f) it to see how far a long build is. The name of the file is known
    in check mode too."
  - "Proxies are taken from the environment (C(http_proxy), C(https_proxy), C(no_proxy)). With O(source) on the host nothing is fetched."
"""
