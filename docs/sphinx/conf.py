# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx settings for the HTML documentation; `make docs` puts the pages that antsibull-docs writes beside this file."""

from __future__ import annotations

import pathlib
import re
import zlib

project = "nfv.ovs_dpdk"
project_copyright = "NFV OVS-DPDK contributors"
title = html_short_title = "NFV OVS-DPDK collection"
extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_index = False
html_copy_source = False
default_role = "any"
nitpicky = True

HERE = pathlib.Path(__file__).resolve().parent
KINDS = "callback|connection|filter|inventory|lookup|module|role|test|vars"
OTHER = r"(?!nfv\.ovs_dpdk\.)(\w+)\.(\w+)"  # namespace and name of any collection but this one
PLUGIN = re.compile(rf"ansible_collections\.{OTHER}\.(\w+_(?:{KINDS}))\b")
VALUE = re.compile(rf":ans(opt|retval):`{OTHER}\.(\w+)#(\w+):([\w.]+)")


def ansible_inventory(pages: pathlib.Path, inventory: pathlib.Path) -> str:
    """Write the labels of the Ansible documentation that our pages name, so that a build needs no network."""
    labels = {
        "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
        "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
    }
    for page in pages.rglob("*.rst"):
        text = page.read_text(encoding="utf-8")
        for namespace, collection, name in PLUGIN.findall(text):
            label = f"ansible_collections.{namespace}.{collection}.{name}"
            labels[label] = f"collections/{namespace}/{collection}/{name}.html#{label.replace('.', '-').replace('_', '-')}"
        for role, namespace, collection, plugin, kind, path in VALUE.findall(text):
            anchor = f"{'parameter' if role == 'opt' else 'return'}-{path.replace('.', '/')}"
            label = f"ansible_collections.{namespace}.{collection}.{plugin}_{kind}__{anchor}"
            labels[label] = f"collections/{namespace}/{collection}/{plugin}_{kind}.html#{anchor}"
    head = b"# Sphinx inventory version 2\n# Project: ansible\n# Version: latest\n# The remainder of this file is compressed using zlib.\n"
    body = "".join(f"{label} std:label -1 {target} {label.rpartition('.')[2]}\n" for label, target in sorted(labels.items()))
    inventory.write_bytes(head + zlib.compress(body.encode()))
    return str(inventory)


intersphinx_mapping = {"ansible": ("https://docs.ansible.com/projects/ansible/latest/", ansible_inventory(HERE / "rst", HERE / "ansible.inv"))}
