# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task can want of the database (private to this collection).

What a want does not mention is left alone. In a map, a key with None is removed. In ``columns``, None clears the column.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping

Keys = t.Mapping[str, t.Optional[str]]
Columns = t.Mapping[str, t.Union[str, int, None]]
_NOTHING: t.Mapping[str, t.Any] = {}


class WantSwitch(t.NamedTuple):
    """Keys of the one row of Open_vSwitch."""

    other_config: Keys = _NOTHING
    external_ids: Keys = _NOTHING


class WantBridge(t.NamedTuple):
    """A bridge that is there, with *columns* and keys; or that is not, and its ports with it."""

    name: str
    present: bool = True
    columns: Columns = _NOTHING
    other_config: Keys = _NOTHING


class WantInterface(t.NamedTuple):
    """Columns (``type``, ``mtu_request``, ``ingress_policing_rate`` ...) and keys of an interface."""

    name: str
    columns: Columns = _NOTHING
    options: Keys = _NOTHING
    other_config: Keys = _NOTHING


# The types of QoS that only a DPDK port has (vswitch.xml, QoS, type)
EGRESS_POLICER = "egress-policer"
TRTCM_POLICER = "trtcm-policer"
POLICERS = (EGRESS_POLICER, TRTCM_POLICER)


class WantQoS(t.NamedTuple):
    """The policer of a port: all of its type, keys and queues; an existing row of this port is brought to exactly that."""

    type: str
    other_config: Mapping[str, str] = {}
    queues: Mapping[int, Mapping[str, str]] = {}


class NoQoS(t.NamedTuple):
    """A port without a policer; its rows of QoS and Queue go too."""


class WantPort(t.NamedTuple):
    """A port. It is made (or moved, with all it has) where *bridge* is given; without a bridge it has to be there.

    *interfaces* are brought to these names where *members_exactly* is set (a new port, a bond), else only changed.
    """

    name: str
    bridge: str | None = None
    present: bool = True
    interfaces: tuple[WantInterface, ...] = ()
    members_exactly: bool = False
    columns: Columns = _NOTHING
    other_config: Keys = _NOTHING
    qos: WantQoS | NoQoS | None = None


class WantNoOrphans(t.NamedTuple):
    """No row of QoS or Queue that nothing refers to. Both are root tables: Open vSwitch never collects them."""


Want = t.Union[WantSwitch, WantBridge, WantPort, WantNoOrphans]
