#!/usr/bin/python
# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_build
short_description: Open vSwitch with DPDK built from source
version_added: 0.2.0
description:
  - Builds Open vSwitch with a DPDK of M(nfv.ovs_dpdk.dpdk_build) or of the distribution, and installs it into a folder of its own,
    V(openvswitch-VERSION-STAMP) in O(prefix). Several builds live there side by side, and the link V(current) leads to one of them.
  - What O(dpdk) was built from is an input of the build, so that another DPDK makes another switch.
  - Programs find a shared DPDK by themselves (DT_RPATH), without C(LD_LIBRARY_PATH) and without an entry in C(/etc/ld.so.conf.d), so that each
    build of the switch keeps the DPDK that it was built with.
  - The tree is copied, also where O(source) is a folder, and is not written to.
options:
  prefix:
    description: Folder that builds are installed in.
    type: path
    default: /opt/openvswitch
  dpdk:
    description:
      - The prefix of a build of M(nfv.ovs_dpdk.dpdk_build), the link V(current) beside it, or V(system) for the DPDK of the distribution.
      - Open vSwitch to 2.14 takes a DPDK built with C(make) (C(--with-dpdk=DIR)), from 2.15 on one that pkg-config finds, built with
        C(meson) (C(--with-dpdk=shared) or C(static)).
      - Required unless O(state=absent).
    type: str
  library:
    description: How the switch is linked with DPDK. By default as the DPDK was built; with O(dpdk=system) V(shared).
    type: str
    choices: [shared, static]
  emc_flow_hash_shift:
    description:
      - Size of the EMC of each PMD thread, V(13) for 2 to the power of 13 entries, from V(1) to V(16). It is C(EM_FLOW_HASH_SHIFT) in the file
        that this release has it in, and is changed in the copy of the tree only. Left out, it is that of the tree.
    type: int
  configure:
    description: More arguments of C(configure), for example V(--disable-ssl).
    type: list
    elements: str
    default: []
  sysconfdir:
    description:
      - Folder of the configuration; the database is V(openvswitch/conf.db) in it. The default is where packages of distributions have it, so
        that it stays when the switch comes from a package or from another build.
    type: path
    default: /etc
  localstatedir:
    description: Folder of state. Sockets are in V(run/openvswitch) in it, the log in V(log/openvswitch).
    type: path
    default: /var
seealso:
  - module: nfv.ovs_dpdk.dpdk_build
  - name: Open vSwitch with DPDK
    description: How it is built by hand.
    link: https://docs.openvswitch.org/en/latest/intro/install/dpdk/
author:
  - NFV OVS-DPDK contributors (@nfv)
extends_documentation_fragment:
  - nfv.ovs_dpdk.attributes
  - nfv.ovs_dpdk.build
"""

EXAMPLES = r"""
- name: Build Open vSwitch with the current DPDK for this machine (Open vSwitch source)
  nfv.ovs_dpdk.ovs_build:
    source: /usr/src/openvswitch-3.1.0.tar.gz
    dpdk: /opt/dpdk/current
    library: shared
    optimization: "3"
    march: native

- name: Build Open vSwitch with an EMC of 65536 entries in each PMD thread (Open vSwitch source)
  nfv.ovs_dpdk.ovs_build:
    source: /usr/src/openvswitch-3.1.0.tar.gz
    dpdk: /opt/dpdk/current
    emc_flow_hash_shift: 16

- name: Remove all builds of Open vSwitch 2.6.0
  nfv.ovs_dpdk.ovs_build:
    state: absent
    version: 2.6.0
"""

RETURN = r"""
prefix:
  description: The folder of the build.
  returned: when state is present and DPDK is there
  type: str
  sample: /opt/openvswitch/openvswitch-3.1.0-1a2b3c4d5e
version:
  description: The version that the tree says. V(null) in check mode for a URL that is not fetched yet.
  returned: when state is present and DPDK is there
  type: str
  sample: 3.1.0
library:
  description: How it is linked with DPDK, V(shared) or V(static).
  returned: when the tree was read
  type: str
  sample: shared
dpdk_version:
  description: The version of DPDK.
  returned: when the tree was read
  type: str
  sample: 22.11.1
emc_flow_hash_shift:
  description: The size of the EMC, 2 to this power.
  returned: when the tree was read
  type: int
  sample: 13
emc_file:
  description: The file of the tree that defines it.
  returned: when the tree was read
  type: str
  sample: lib/dpif-netdev-private-dfc.h
bin_dir:
  description: The folder with C(ovs-vsctl).
  returned: when state is present and DPDK is there
  type: str
  sample: /opt/openvswitch/openvswitch-3.1.0-1a2b3c4d5e/bin
sbin_dir:
  description: The folder with C(ovs-vswitchd) and C(ovsdb-server).
  returned: when state is present and DPDK is there
  type: str
  sample: /opt/openvswitch/openvswitch-3.1.0-1a2b3c4d5e/sbin
scripts_dir:
  description: The folder with C(ovs-ctl).
  returned: when state is present and DPDK is there
  type: str
  sample: /opt/openvswitch/openvswitch-3.1.0-1a2b3c4d5e/share/openvswitch/scripts
stamp:
  description: Digest of all inputs.
  returned: when state is present and DPDK is there
  type: str
  sample: 1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809
log:
  description: The file with all output of the build.
  returned: when state is present and DPDK is there
  type: str
  sample: /opt/openvswitch/log/openvswitch-1a2b3c4d5e.log
reasons:
  description: Why something was done, or in check mode would be; empty when nothing.
  returned: always
  type: list
  elements: str
  sample: ["emc_flow_hash_shift: none -> 16 (against openvswitch-3.1.0-5e6f708192)"]
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
  sample: [["/usr/bin/make", "-C", "/opt/openvswitch/.build/openvswitch-1a2b3c4d5e/out", "-j", "2"]]
last_lines:
  description: The last lines of the log.
  returned: when a step failed
  type: list
  elements: str
  sample: ["make: *** [Makefile:9: ovs-vswitchd] Error 1"]
diff:
  description: The current build and its options, before and after.
  returned: always
  type: dict
  sample: {"before": {"current": null}, "after": {"current": "openvswitch-3.1.0-1a2b3c4d5e", "emc_flow_hash_shift": 16}}
"""

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.ansible_module import main as run_module
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build import Builder
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build_options import FLAGS, SHARED, build_or_remove, request_of
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build_ovs import OvsRecipe, OvsWanted, read_dpdk
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def recipe_of(module: AnsibleModule) -> OvsRecipe:
    """Return how the switch is to be built."""
    params: dict[str, t.Any] = module.params
    options: dict[str, t.Any] = {name: params[name] for name in ("optimization", "march", "emc_flow_hash_shift", "sysconfdir", "localstatedir")}
    options.update({name: tuple(params[name]) for name in ("cflags", "ldflags", "configure")})
    return OvsRecipe(OvsWanted(**options), read_dpdk(Commands(module), params["dpdk"], params["library"]), params["cc"])


def build(module: AnsibleModule) -> dict[str, t.Any]:
    """Have the build there. In check mode an earlier task may be about to build DPDK."""
    try:
        recipe = recipe_of(module)
    except InputError as error:
        if not module.check_mode or error.option != "dpdk":
            raise
        module.warn(f"{error} Check mode assumes that an earlier task builds it.")
        reasons = [f"the DPDK in {module.params['dpdk']} is not built yet"]
        return {"changed": True, "reasons": reasons, "commands": [], "diff": {"before": {}, "after": {}}}
    return Builder(module, request_of(module.params), recipe).ensure()


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the options say and return the result."""
    return build_or_remove(module, "openvswitch", lambda: build(module))


def main() -> None:
    """Entry point."""
    run_module(
        run,
        {
            **SHARED,
            **FLAGS,
            "prefix": {"type": "path", "default": "/opt/openvswitch"},
            "dpdk": {"type": "str"},
            "library": {"type": "str", "choices": ["shared", "static"]},
            "emc_flow_hash_shift": {"type": "int"},
            "configure": {"type": "list", "elements": "str", "default": []},
            "sysconfdir": {"type": "path", "default": "/etc"},
            "localstatedir": {"type": "path", "default": "/var"},
        },
        required_if=[("state", "present", ("source", "dpdk")), ("state", "absent", ("version",))],
    )


if __name__ == "__main__":
    main()
