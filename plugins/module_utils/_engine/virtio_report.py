# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queues of a guest's virtio devices, and of the Open vSwitch in the guest that uses them (private to this collection)."""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_pmd import parse_pmd_threads
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import parse_dpif_show
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import read_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import NoDaemonError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.virtio_nics import read_virtio_nics
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import names, virtio
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.virtio_queues import NIC_CHECKS, PORT_CHECKS, InnerPort, Nic

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vsctl import Vsctl
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.virtio_nics import VirtioNic
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Finding

_KERNEL_DRIVER = "virtio-pci"


class InnerSwitch(t.NamedTuple):
    """The Open vSwitch in the guest: its ports by PCI address of their device, and why not more is known."""

    ports: dict[str, InnerPort]
    problem: str | None = None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _address(interface: Interface) -> str | None:
    """Return the PCI address of a port's device; None where it is another kind of device."""
    try:
        devargs = names.parse_devargs(interface.options.get("dpdk-devargs", ""))
    except ValueError:
        return None
    return devargs.device if interface.type == "dpdk" and devargs.kind == "pci" else None


def read_inner_switch(vsctl: Vsctl, daemon: Daemon) -> InnerSwitch:
    """Return the Open vSwitch of this machine; one that is not there, or does not run, has no ports."""
    if vsctl.path is None:
        return InnerSwitch({})
    try:
        snapshot = vsctl.read()
    except HostError as error:
        return InnerSwitch({}, str(error))
    found = {address: interface for interface in snapshot.interfaces.values() for address in [_address(interface)] if address}
    if not found:
        return InnerSwitch({})
    problem, shown, polled = None, "", ""
    try:
        shown, polled = (answer if isinstance(answer, str) else "" for answer in daemon.ask_all([("dpif/show",), ("dpif-netdev/pmd-rxq-show",)]))
    except NoDaemonError as error:
        problem = str(error)
    there, threads = parse_dpif_show(shown).ports, len(parse_pmd_threads(polled))
    ports = {}
    for address, interface in found.items():
        status = interface.status if problem is None else {}
        datapath = there.get(interface.name)
        ports[address] = InnerPort(
            name=interface.name,
            asked=_number(interface.options.get("n_rxq")) or 1,
            there=_number(status.get("n_rxq")) or (datapath.number("n_rxq") if datapath else None),
            most_rx=_number(status.get("max_rx_queues")),
            most_tx=_number(status.get("max_tx_queues")),
            threads=threads,
        )
    return InnerSwitch(ports, problem)


def chosen(nics: Sequence[VirtioNic], asked: Sequence[str]) -> list[VirtioNic]:
    """Return the devices that are asked for by interface, Ethernet address or PCI address; all where none is. Raises InputError."""
    found: list[VirtioNic] = []
    for given in asked:
        wanted = given.strip().lower()
        matching = [nic for nic in nics if given == nic.name or wanted in (nic.mac, nic.pci_address) or f"0000:{wanted}" == nic.pci_address]
        if not matching:
            there = ", ".join(" ".join(part for part in (nic.name, nic.mac, nic.pci_address) if part) for nic in nics) or "none"
            raise InputError("guest", "interfaces", given, f"Its virtio network devices are: {there}.", "Correct it, or leave interfaces out.")
        found += [nic for nic in matching if nic not in found]
    return found if asked else list(nics)


def _judged(nic: VirtioNic, port: InnerPort | None, vcpus: int, queues: int | None) -> Nic:
    kernel = nic.driver == _KERNEL_DRIVER if nic.pci_address else True
    # The control queue is the odd one; without a driver of the kernel, its channels are not there to tell
    pairs = nic.virtqueues // 2 if nic.virtqueues is not None else None
    if nic.channels is not None:
        pairs = nic.channels.most
    elif port is not None and port.most_rx is not None and port.most_tx is not None:
        pairs = min(port.most_rx, port.most_tx)
    return Nic(
        name=port.name if port and not nic.name else nic.name or nic.pci_address or "?",
        kernel=kernel,
        features=nic.features,
        pairs=pairs,
        control_queue=None if nic.virtqueues is None else nic.virtqueues % 2 == 1,
        vectors=nic.vectors,
        channels=nic.channels.now if nic.channels else None,
        vcpus=vcpus,
        wanted=max([number for number in (queues, port.asked if port else None) if number], default=None),
    )


def _plain(findings: Sequence[Finding]) -> list[dict[str, t.Any]]:
    return [one._asdict() for one in findings]


def results(root: pathlib.Path, asked: Sequence[str], queues: int | None, inner: InnerSwitch) -> dict[str, t.Any]:
    """Return the results of the module. Raises InputError."""
    vcpus = len(read_cpu_list(root / "sys/devices/system/cpu/online"))
    nics, ports, wrong = [], [], []
    for nic in chosen(read_virtio_nics(root), asked):
        port = inner.ports.get(nic.pci_address or "")
        judged = _judged(nic, port, vcpus, queues)
        said = [check(judged) for check in NIC_CHECKS]
        features = nic.features
        nics.append(
            {
                "name": nic.name,
                "mac": nic.mac,
                "pci_address": nic.pci_address,
                "driver": nic.driver,
                "port": port.name if port else None,
                "features": None if features is None else virtio.names_of(features),
                "multiqueue": (None if judged.pairs is None else judged.pairs > 1) if features is None else virtio.MQ in features,
                "control_queue": judged.control_queue if features is None else virtio.CTRL_VQ in features,
                "vectors": nic.vectors,
                "queues": {"most": judged.pairs, "enabled": judged.channels, "wanted": judged.wanted},
                "findings": _plain(said),
            }
        )
        wrong += [{"name": judged.name, **one._asdict()} for one in said if one.ok is False]
        if port:
            said = [check(port) for check in PORT_CHECKS]
            rx, tx = {"asked": port.asked, "there": port.there, "most": port.most_rx}, {"most": port.most_tx}
            ports.append(
                {"name": port.name, "pci_address": nic.pci_address, "rx_queues": rx, "tx_queues": tx, "pmd_threads": port.threads, "findings": _plain(said)}
            )
            wrong += [{"name": port.name, **one._asdict()} for one in said if one.ok is False]
    return {"healthy": not wrong, "vcpus": vcpus, "nics": nics, "ports": ports, "findings": wrong, "problem": inner.problem}
