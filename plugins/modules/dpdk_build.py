#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dpdk_build
short_description: DPDK built from source
version_added: 0.2.0
description:
  - Builds DPDK from a source tree, an archive or a URL, and installs it into a folder of its own, V(dpdk-VERSION-STAMP) in O(prefix). Several
    builds live there side by side, and the link V(current) leads to one of them.
  - Knows both generations of DPDK's build system, C(make) (to 20.08) and C(meson) (20.11 on), and tells from the tree which it is. Each option
    is mapped to its generation, or refused with the release in which it came or went.
options:
  prefix:
    description: Folder that builds are installed in.
    type: path
    default: /opt/dpdk
  generation:
    description:
      - The build system, for trees that have both (18.02 to 20.08). By default C(make) for these, as Open vSwitch of their time (to 2.14)
        looks for what C(make) installs.
    type: str
    choices: [make, meson]
  library:
    description:
      - With V(shared) programs are linked with DPDK when they start (C(CONFIG_RTE_BUILD_SHARED_LIB); C(default_library)).
      - A C(meson) tree installs libraries of both kinds, and the option is what its own programs use.
    type: str
    choices: [shared, static]
    default: static
  kernel_modules:
    description:
      - Whether the kernel modules of DPDK are built, for the running kernel; they are installed to V(kmod) in the prefix.
        igb_uio went with 20.11, KNI with 23.11.
    type: bool
    default: false
  vhost_backend:
    description:
      - V(user) or V(cuse) (C(CONFIG_RTE_LIBRTE_VHOST_USER)). Vhost-cuse is there from 1.8 to 16.07, vhost-user from 2.0 on.
    type: str
    choices: [user, cuse]
  numa:
    description:
      - Whether vhost ports and hugepages follow NUMA nodes, which needs libnuma (C(CONFIG_RTE_LIBRTE_VHOST_NUMA), from 2.1 on).
      - A C(meson) tree does so wherever the header of libnuma is. V(true) then means that the header has to be there, and V(false) is refused.
    type: bool
  ivshmem:
    description: Whether IVSHMEM is built, from 1.6 to 16.07, by the target C(x86_64-ivshmem-linuxapp-gcc).
    type: bool
  tests:
    description: Whether DPDK's own test program is built. It takes about as long as all the rest.
    type: bool
    default: false
  enable_drivers:
    description:
      - Drivers to build, such as V(net/ixgbe) or V(net/*); all others are not. Buses and mempools have to be named for a C(meson) tree
        (V(bus/pci), V(bus/vdev), V(mempool/ring)); in a C(make) tree these three and V(mempool/stack) stay as they are.
      - For C(meson) from 21.05 on.
    type: list
    elements: str
    default: []
  disable_drivers:
    description: Drivers not to build. For C(meson) from 19.11 on.
    type: list
    elements: str
    default: []
  enable_apps:
    description: Programs to build, such as V(test-pmd); all others are not. For C(meson) from 22.11 on.
    type: list
    elements: str
    default: []
  disable_apps:
    description: Programs not to build. For C(meson) from 22.11 on.
    type: list
    elements: str
    default: []
  enable_libs:
    description: Optional libraries to build, such as V(vhost). For C(meson) from 23.11 on.
    type: list
    elements: str
    default: []
  disable_libs:
    description: Libraries not to build. For C(meson) from 21.05 on.
    type: list
    elements: str
    default: []
  target:
    description:
      - The template of a C(make) tree, such as V(x86_64-native-linuxapp-gcc). By default the one for the host's architecture.
    type: str
  platform:
    description: The option C(platform) of a C(meson) tree, V(native), V(generic) or the name of a system on chip. From 21.05 on.
    type: str
  cpu_instruction_set:
    description: The option C(cpu_instruction_set) of a C(meson) tree, from 21.08 on. O(march) means the same in every tree.
    type: str
  config:
    description: "Further switches of a C(make) tree, for example V({CONFIG_RTE_LIBRTE_PMD_PCAP: 'y'}). A name that the tree does not know is refused."
    type: dict
    default: {}
  meson_options:
    description: "Further options of a C(meson) tree, for example V({max_lcores: '256'})."
    type: dict
    default: {}
seealso:
  - module: nfv.ovs_dpdk.ovs_build
  - name: DPDK, Getting Started Guide for Linux
    description: How DPDK is built by hand.
    link: https://doc.dpdk.org/guides/linux_gsg/build_dpdk.html
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.build
"""

EXAMPLES = r"""
- name: Build DPDK for this machine, with libraries that several programs share (DPDK source)
  nfv.ovs_dpdk.dpdk_build:
    source: /usr/src/dpdk-22.11.1.tar.xz
    library: shared
    optimization: "3"
    march: native
    enable_drivers: [bus/pci, bus/vdev, mempool/ring, net/i40e, net/null, net/vhost]

- name: Build DPDK 16.07 with NUMA-aware vhost-user on a new compiler (DPDK source)
  nfv.ovs_dpdk.dpdk_build:
    source: /usr/src/dpdk-16.07
    vhost_backend: user
    numa: true
    cflags: [-w, -fcommon, -include, sys/sysmacros.h]

- name: Build DPDK from the net on a host that builds for others (DPDK source)
  nfv.ovs_dpdk.dpdk_build:
    source: https://fast.dpdk.org/rel/dpdk-16.07.tar.xz
    checksum: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    target: x86_64-ivshmem-linuxapp-gcc
    march: sandybridge

- name: Remove all builds of DPDK 16.07
  nfv.ovs_dpdk.dpdk_build:
    state: absent
    version: 16.07.0
"""

RETURN = r"""
prefix:
  description: The folder of the build.
  returned: when state is present
  type: str
  sample: /opt/dpdk/dpdk-22.11.1-1a2b3c4d5e
version:
  description: The version that the tree says. V(null) in check mode for a URL that is not fetched yet.
  returned: when state is present
  type: str
  sample: 22.11.1
generation:
  description: The build system, V(make) or V(meson).
  returned: when the tree was read
  type: str
  sample: meson
library:
  description: How programs are linked, V(shared) or V(static).
  returned: when the tree was read
  type: str
  sample: shared
target:
  description: The template of a C(make) tree.
  returned: when the tree was read
  type: str
  sample: x86_64-native-linuxapp-gcc
lib_dir:
  description: The folder with the libraries.
  returned: when state is present
  type: str
  sample: /opt/dpdk/dpdk-22.11.1-1a2b3c4d5e/lib
pkg_config_path:
  description: What to have in C(PKG_CONFIG_PATH) to find this build; V(null) for C(make).
  returned: when state is present
  type: str
  sample: /opt/dpdk/dpdk-22.11.1-1a2b3c4d5e/lib/pkgconfig
sdk_dir:
  description: What a program of the time of C(make) takes as C(RTE_SDK/RTE_TARGET), or Open vSwitch as C(--with-dpdk); V(null) for C(meson).
  returned: when state is present
  type: str
  sample: /opt/dpdk/dpdk-16.07.0-1a2b3c4d5e/share/dpdk/x86_64-native-linuxapp-gcc
stamp:
  description: Digest of all inputs.
  returned: when state is present
  type: str
  sample: 1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809
log:
  description: The file with all output of the build.
  returned: when state is present
  type: str
  sample: /opt/dpdk/log/dpdk-1a2b3c4d5e.log
reasons:
  description: Why something was done, or in check mode would be; empty when nothing.
  returned: always
  type: list
  elements: str
  sample: ["library: static -> shared (against dpdk-22.11.1-5e6f708192)", "current build: dpdk-22.11.1-5e6f708192 -> dpdk-22.11.1-1a2b3c4d5e"]
removed:
  description: The folders that were removed.
  returned: when state is absent
  type: list
  elements: str
  sample: []
commands:
  description: The steps that were run, or in check mode would be.
  returned: always
  type: list
  elements: list
  sample: [["/usr/bin/ninja", "-C", "/opt/dpdk/.build/dpdk-1a2b3c4d5e/out", "-j", "2"]]
last_lines:
  description: The last lines of the log.
  returned: when a step failed
  type: list
  elements: str
  sample: ["ninja: build stopped: subcommand failed."]
diff:
  description: The current build and its options, before and after.
  returned: always
  type: dict
  sample: {"before": {"current": null}, "after": {"current": "dpdk-22.11.1-1a2b3c4d5e", "library": "shared"}}
"""

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build import Builder
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build_dpdk import DpdkRecipe
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build_options import FLAGS, SHARED, build_or_remove, request_of
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.dpdk_build_options import Wanted

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

_LISTS = ("cflags", "ldflags", *(f"{word}_{part}" for part in ("drivers", "apps", "libs") for word in ("enable", "disable")))
_PLAIN = ("generation", "library", "kernel_modules", "vhost_backend", "numa", "ivshmem", "tests", "target", "platform", "cpu_instruction_set")


def wanted_of(params: dict[str, t.Any]) -> Wanted:
    """Return the options of a build."""
    options: dict[str, t.Any] = {name: params[name] for name in (*_PLAIN, "optimization", "march")}
    options.update({name: tuple(params[name]) for name in _LISTS})
    options.update({name: {str(key): _text(value) for key, value in params[name].items()} for name in ("config", "meson_options")})
    return Wanted(**options)


def _text(value: t.Any) -> str:
    """Return a value as build systems write it; YAML makes true or a number of some."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the options say and return the result."""

    def build() -> dict[str, t.Any]:
        return Builder(module, request_of(module.params), DpdkRecipe(wanted_of(module.params), module.params["cc"])).ensure()

    return build_or_remove(module, "dpdk", build)


def main() -> None:
    """Entry point."""
    strings = {"type": "list", "elements": "str", "default": []}
    run_module(
        run,
        {
            **SHARED,
            **FLAGS,
            "prefix": {"type": "path", "default": "/opt/dpdk"},
            "generation": {"type": "str", "choices": ["make", "meson"]},
            "library": {"type": "str", "choices": ["shared", "static"], "default": "static"},
            "kernel_modules": {"type": "bool", "default": False},
            "vhost_backend": {"type": "str", "choices": ["user", "cuse"]},
            "numa": {"type": "bool"},
            "ivshmem": {"type": "bool"},
            "tests": {"type": "bool", "default": False},
            **{name: dict(strings) for name in _LISTS if name not in FLAGS},
            "target": {"type": "str"},
            "platform": {"type": "str"},
            "cpu_instruction_set": {"type": "str"},
            "config": {"type": "dict", "default": {}},
            "meson_options": {"type": "dict", "default": {}},
        },
        required_if=[("state", "present", ("source",)), ("state", "absent", ("version",))],
    )


if __name__ == "__main__":
    main()
