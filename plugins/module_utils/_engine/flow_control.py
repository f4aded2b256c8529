# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a device does the flow control that is stored for it (private to this collection). Guide section 9."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import parse_dpif_show

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import Evidence
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import DatapathPort
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface

KEYS = {"rx": "rx-flow-ctrl", "tx": "tx-flow-ctrl", "autoneg": "flow-ctrl-autoneg"}

# ovs-vswitchd has its log written by a thread of its own, a moment after the change is done (lib/async-append.h)
_LOG_SECONDS = 0.3

# dpif/show has the options of a device, and among them always this one, since 3.3; before, it has figures of its queues only
_SHOWN_SINCE_3_3 = "dpdk-devargs"


def stored(interface: Interface | None, option: str) -> bool | None:
    """Return a setting as Open vSwitch reads it (smap_get_bool), None where there is none."""
    value = interface.options.get(KEYS[option]) if interface else None
    return None if value is None else value.lower() == "true"


def complaint(interface: Interface, lines: Sequence[str]) -> bool:
    """Tell whether ovs-vswitchd logged, since it last had added the interface, that its device refused flow control.

    The words are those of netdev_dpdk_set_config and dpdk_eth_flow_ctrl_setup in lib/netdev-dpdk.c, 2.15 to 4.0; it repeats them at every change.
    """
    refusals = [f"{interface.name}: Flow control is not supported."]
    if "port_no" in interface.status:
        refusals.append(f"Failed to enable flow control on device {interface.status['port_no']}")
    added = f"added interface {interface.name} on port "
    found = False
    for line in lines:
        if added in line:
            found = False
        elif line.endswith(tuple(refusals)):
            found = True
    return found


def has_effect(interface: Interface, shown: DatapathPort | None, lines: Sequence[str], *, changed: bool) -> bool | None:
    """Return whether the device does what is stored; None where that cannot be known.

    *lines* are those of the log; *changed* says that it would tell of a refusal, since the device has just been set up.
    """
    wanted = {option: bool(stored(interface, option)) for option in KEYS}
    if not any(wanted.values()):
        return True
    if complaint(interface, lines):
        return False
    if shown is not None and _SHOWN_SINCE_3_3 in shown.config:
        return {option: shown.config.get(key) == "true" for option, key in KEYS.items()} == wanted
    return True if changed else None


def effects(evidence: Evidence, interfaces: Sequence[Interface]) -> dict[str, bool | None]:
    """Return, by interface, what has_effect says of it, once the log of a change has been written."""
    device = parse_dpif_show(evidence.daemon.ask("dpif/show")).ports
    deadline = time.monotonic() + _LOG_SECONDS
    while True:
        lines = evidence.log.problems() if evidence.changed else evidence.log.history()
        found = {interface.name: has_effect(interface, device.get(interface.name), lines, changed=evidence.changed) for interface in interfaces}
        if False in found.values() or not evidence.changed or time.monotonic() > deadline:
            return found
        time.sleep(_LOG_SECONDS / 10)


def no_effect(interface: Interface) -> str:
    """Return what to say of a device that cannot do what is stored."""
    driver = interface.status.get("driver_name", "of an unknown driver")
    return f"port {interface.name}: flow control is stored but has no effect, as its device ({driver}) cannot do it"
