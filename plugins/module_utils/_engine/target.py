# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is there and what is wanted to what shall be there (private to this collection). Pure.

The target is a whole snapshot. :mod:`.delta` turns two snapshots into commands, so the same two functions plan a change,
say in check mode what it would give, prove that nothing is left to do, and take a change back.
"""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import POLICERS, NoQoS, WantBridge, WantInterface, WantPort, WantQoS, WantSwitch
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Bridge, Interface, Port, QoS, Queue, Snapshot
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import names, releases
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.wants import Keys, Want

Record = t.TypeVar("Record", Bridge, Port, Interface)

# Marks the rows of QoS that this collection made: a row says itself whose it was, after a manual del-port too.
OWNER_KEY = "ovs-dpdk-port"


def merge_keys(current: Mapping[str, str], wanted: Keys) -> dict[str, str]:
    """Return the map with the wanted keys set, or removed where they are None; a value that means the same is kept as it stands."""
    merged = dict(current)
    for key, value in wanted.items():
        if value is None:
            merged.pop(key, None)
        elif key not in merged or not releases.same_value(key, merged[key], value):
            merged[key] = value
    return merged


class _Draft:
    """The snapshot as it changes while the wants are gone through."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.before = snapshot
        self.switch = snapshot.switch
        self.bridges = dict(snapshot.bridges)
        self.ports = dict(snapshot.ports)
        self.interfaces = dict(snapshot.interfaces)
        self.qos = dict(snapshot.qos)
        self.queues = dict(snapshot.queues)
        self.users = collections.Counter(port.qos for port in snapshot.ports.values() if port.qos)
        self.former_qos: dict[str, str | None] = {}  # the row that each port of the task had, by the name of the port

    def result(self) -> Snapshot:
        if self.former_qos:
            self.drop_qos(self.is_left_over)
        return self.before._replace(
            switch=self.switch,
            bridges=self.bridges,
            ports=self.ports,
            interfaces=self.interfaces,
            qos=self.qos,
            queues=self.queues,
        )

    def want_switch(self, want: WantSwitch) -> None:
        self.switch = self.switch._replace(
            other_config=merge_keys(self.switch.other_config, want.other_config),
            external_ids=merge_keys(self.switch.external_ids, want.external_ids),
        )

    def want_bridge(self, want: WantBridge) -> None:
        if not want.present:
            for port in [port for port in self.ports.values() if port.bridge == want.name]:
                self.remove_port(port)
            self.bridges.pop(want.name, None)
            return
        bridge = self.bridges.get(want.name)
        if bridge is None:
            self.check_name_is_free(f"bridge {want.name}", want.name)
            bridge = Bridge(name=want.name)
            self.ports[want.name] = Port(name=want.name, bridge=want.name, interfaces=(want.name,))
            self.interfaces[want.name] = Interface(name=want.name, type="internal")
        self.bridges[want.name] = _with_columns(bridge, want.columns, other_config=merge_keys(bridge.other_config, want.other_config))

    def check_name_is_free(self, subject: str, name: str) -> None:
        port = next((port for port in self.ports.values() if name == port.name or name in port.interfaces), None)
        if port is not None:
            raise InputError(subject, "name", name, f"Port {port.name} of bridge {port.bridge} has that name.", "Take another name, or remove that port first.")

    def want_port(self, want: WantPort) -> None:
        port = self.ports.get(want.name)
        if not want.present:
            if port is not None and want.bridge in (None, port.bridge):
                if port.name == port.bridge:
                    advice = "Remove the bridge, with ovs_dpdk_bridge."
                    raise InputError(f"port {port.name}", "state", "absent", f"{port.name} is the local port of its own bridge.", advice)
                self.remove_port(port)
            return
        port = self.new_port(want) if port is None else self.placed(port, want)
        port = _with_columns(port, want.columns, other_config=merge_keys(port.other_config, want.other_config))
        wanted_names = tuple(sorted(interface.name for interface in want.interfaces))
        if want.members_exactly and wanted_names != port.interfaces:
            for name in set(port.interfaces) - set(wanted_names):
                self.interfaces.pop(name, None)
            port = port._replace(interfaces=wanted_names)
        for interface in want.interfaces:
            self.want_interface(port, interface)
        self.ports[want.name] = port
        if want.qos is not None:
            self.want_qos(port, want.qos)

    def new_port(self, want: WantPort) -> Port:
        subject = f"port {want.name}"
        if want.bridge is None:
            raise InputError(subject, "name", want.name, f"This switch has {_listed('port', self.ports)}.", "Add the port first, or correct the name.")
        self.check_bridge(subject, want.bridge)
        self.check_name_is_free(subject, want.name)
        return Port(name=want.name, bridge=want.bridge, interfaces=tuple(sorted(interface.name for interface in want.interfaces)))

    def check_bridge(self, subject: str, bridge: str) -> None:
        if bridge not in self.bridges:
            raise InputError(subject, "bridge", bridge, f"This switch has {_listed('bridge', self.bridges)}.", "Add the bridge first, with ovs_dpdk_bridge.")

    def placed(self, port: Port, want: WantPort) -> Port:
        """Return the port on the wanted bridge: a move keeps the rows, and is refused where the port is something else there."""
        if want.bridge is None or port.bridge == want.bridge:
            return port
        subject = f"port {port.name}"
        self.check_bridge(subject, want.bridge)
        if port.name == port.bridge:
            raise InputError(subject, "bridge", want.bridge, f"{port.name} is the local port of its own bridge.", "Take another name.")
        for interface in want.interfaces:
            there = self.interfaces.get(interface.name)
            if there is not None and interface.columns.get("type", there.type) != there.type:
                raise InputError(
                    subject,
                    "bridge",
                    want.bridge,
                    f"A port of that name and of type {there.type or 'system'} is on bridge {port.bridge}.",
                    "Take another name, or remove that port first.",
                )
        return port._replace(bridge=want.bridge)

    def want_interface(self, port: Port, want: WantInterface) -> None:
        if want.name not in port.interfaces:
            advice = "Name one of these, or the bond with all its members."
            raise InputError(f"port {port.name}", "interface", want.name, f"It has {_listed('interface', port.interfaces)}.", advice)
        there = self.ports.get(port.name)
        if want.name != port.name and (there is None or want.name not in there.interfaces):
            self.check_name_is_free(f"port {port.name}", want.name)
        interface = self.interfaces.get(want.name, Interface(name=want.name))
        self.interfaces[want.name] = _with_columns(
            interface,
            want.columns,
            options=merge_keys(interface.options, want.options),
            other_config=merge_keys(interface.other_config, want.other_config),
        )

    def remove_port(self, port: Port) -> None:
        self.want_qos(port, NoQoS())
        for name in port.interfaces:
            self.interfaces.pop(name, None)
        del self.ports[port.name]

    def want_qos(self, port: Port, want: WantQoS | NoQoS) -> None:
        """Give the port its policer, reusing its row unless another port has it too. What nothing refers to any more goes at the end."""
        row = self.qos.get(port.qos or "")
        self.former_qos[port.name] = port.qos
        if isinstance(want, NoQoS):
            self.ports[port.name] = port._replace(qos=None)
            return
        if row is None or self.users[row.uuid] > 1:
            row = QoS(uuid=f"new {port.name}")
        keep = row.external_ids if row.uuid in self.before.qos else {OWNER_KEY: port.name}
        self.qos[row.uuid] = QoS(row.uuid, want.type, self.queues_of(row, want), dict(want.other_config), keep)
        self.ports[port.name] = port._replace(qos=row.uuid)

    def queues_of(self, row: QoS, want: WantQoS) -> dict[int, str]:
        """Return the queue numbers with the keys of their rows, made where they are missing."""
        result = {}
        for number, keys in want.queues.items():
            key = row.queues.get(number, f"new {row.uuid} {number}")
            queue = self.queues.get(key, Queue(uuid=key))
            self.queues[key] = queue._replace(other_config=dict(keys))
            result[number] = key
        return result

    def is_left_over(self, orphan: QoS) -> bool:
        """Tell whether a row without a port is one that a port of the task had, or one that an earlier command left.

        The guide's own command (section 7) leaves a row behind each time that it is run again. Such a row does nothing, and nothing tells whose
        it was: all that have the type of a DPDK policer and no mark go. A row with marks of somebody else, or of another type, stays.
        """
        if orphan.uuid in self.former_qos.values():
            return True
        owner = orphan.external_ids.get(OWNER_KEY)
        if owner is not None:
            return owner in self.former_qos or owner not in self.ports
        return orphan.type in POLICERS and not orphan.external_ids

    def drop_qos(self, which: t.Callable[[QoS], bool]) -> None:
        """Drop the rows of QoS that no port refers to and that *which* names, and of their queues those that no other row has."""
        used = {port.qos for port in self.ports.values()}
        gone = [row for row in self.qos.values() if row.uuid not in used and which(row)]
        for row in gone:
            del self.qos[row.uuid]
        left = {key for row in self.qos.values() for key in row.queues.values()}
        once = {key for row in (*gone, *self.before.qos.values()) for key in row.queues.values()}
        for key in (once | {key for key in self.queues if key.startswith("new ")}) - left:
            self.queues.pop(key, None)

    def want_no_orphans(self) -> None:
        self.drop_qos(lambda _row: True)
        left = {key for row in self.qos.values() for key in row.queues.values()}
        self.queues = {key: queue for key, queue in self.queues.items() if key in left}


def _with_columns(row: Record, columns: Mapping[str, t.Any], **maps: dict[str, str]) -> Record:
    """Return the row with columns set; None gives a column the default of its class."""
    changes: dict[str, t.Any] = {name: row._field_defaults[name] if value is None else value for name, value in columns.items()}
    changes.update(maps)
    return row._replace(**changes)


def _listed(kind: str, present: Iterable[str]) -> str:
    """Return ``no port``, ``port a`` or ``ports a, b, c``, shortened where there are many."""
    found = sorted(present)
    if not found:
        return f"no {kind}"
    return f"{kind}{'s' * (len(found) > 1)} {names.listed(found)}"


def target_of(snapshot: Snapshot, wants: Iterable[Want]) -> Snapshot:
    """Return what shall be there. Raises InputError where a want cannot be met on this switch."""
    draft = _Draft(snapshot)
    for want in wants:
        if isinstance(want, WantSwitch):
            draft.want_switch(want)
        elif isinstance(want, WantBridge):
            draft.want_bridge(want)
        elif isinstance(want, WantPort):
            draft.want_port(want)
        else:
            draft.want_no_orphans()
    target = draft.result()
    _check_interfaces(snapshot, target)
    return target


def _check_interfaces(snapshot: Snapshot, target: Snapshot) -> None:
    """Refuse, of the interfaces that change, a type that this switch lacks and a device that another one has."""
    changed = {name: interface for name, interface in target.interfaces.items() if snapshot.interfaces.get(name) != interface}
    owners: dict[str, str] = {}
    for name, interface in target.interfaces.items():
        device = names.device_identity(interface.options["dpdk-devargs"]) if interface.type == "dpdk" and "dpdk-devargs" in interface.options else None
        if device is not None and owners.setdefault(device, name) != name and {name, owners[device]} & set(changed):
            raise InputError(
                f"port {name}", "devargs", interface.options["dpdk-devargs"], f"Port {owners[device]} has that device.", "A device can have one port only."
            )
    known = target.switch.iface_types
    for name, interface in changed.items():
        there = snapshot.interfaces.get(name)
        if known and interface.type and interface.type not in known and (there is None or there.type != interface.type):
            why = releases.describe_missing_type(interface.type, initialized=bool(target.switch.dpdk_initialized))
            raise InputError(f"port {name}", "type", interface.type, f"This switch has {', '.join(known)}.", why)


def assume_parents(snapshot: Snapshot, wants: Sequence[Want]) -> tuple[Snapshot, list[str]]:
    """Return the snapshot with the bridges, ports and port types that the wants rest on, and a warning for what had to be assumed.

    For check mode, in which the earlier task that would have made them has made nothing.
    """
    bridges, ports, interfaces = dict(snapshot.bridges), dict(snapshot.ports), dict(snapshot.interfaces)
    warnings = []
    for want in wants:
        if not isinstance(want, WantPort) or not want.present:
            continue
        if want.bridge is not None and want.bridge not in bridges:
            bridges[want.bridge] = Bridge(name=want.bridge, datapath_type="netdev")
            warnings.append(f"bridge {want.bridge} is not there; check mode assumes that an earlier task adds it")
        if want.bridge is None and want.name not in ports:
            ports[want.name] = Port(name=want.name, interfaces=(want.name,))
            interfaces[want.name] = Interface(name=want.name)
            warnings.append(f"port {want.name} is not there; check mode assumes that an earlier task adds it")
    switch = snapshot.switch
    wanted = {str(interface.columns.get("type")) for want in wants if isinstance(want, WantPort) for interface in want.interfaces}
    missing = {name for name in wanted - {*switch.iface_types} if name in releases.PORT_TYPES and not releases.PORT_TYPES[name].until}
    if missing and switch.iface_types and not switch.dpdk_initialized:
        switch = switch._replace(iface_types=tuple(sorted({*switch.iface_types, *missing})))
        warnings.append("DPDK is not initialised; check mode assumes that an earlier task does that")
    return snapshot._replace(switch=switch, bridges=bridges, ports=ports, interfaces=interfaces), warnings
