# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a checkout importable as ansible_collections.nfv.ovs_dpdk (see pythonpath in pytest.ini)."""

from __future__ import annotations

import importlib
import pathlib

from hypothesis import settings

# Tests run beside boots of emulated hosts: an example that is slow there is no fault.
settings.register_profile("patient", parent=settings(), deadline=None)
settings.load_profile("patient")

ROOT = pathlib.Path(__file__).resolve().parents[2]

if ROOT.parent.parent.name != "ansible_collections":  # ansible-test runs in a copy that has that name already
    VIEW = ROOT / ".build/view/ansible_collections/nfv/ovs_dpdk"
    if not VIEW.is_symlink():
        VIEW.parent.mkdir(parents=True, exist_ok=True)
        VIEW.symlink_to("../../../..")
        importlib.invalidate_caches()
