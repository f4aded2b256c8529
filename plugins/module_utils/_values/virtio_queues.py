# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which property of a virtio device keeps a guest, or an Open vSwitch in it, from using more queues (private to this collection). Pure.

Guide sections 5.3, 6.1 and 6.3; Open vSwitch, Documentation/topics/dpdk/vhost-user.rst (vectors). One function for each check.
"""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import virtio
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Finding

if t.TYPE_CHECKING:
    from collections.abc import Callable


class Nic(t.NamedTuple):
    """A device: its name for messages, what the kernel shows of it, and what is *wanted* (queue pairs, or None).

    *pairs* are the queue pairs of the device; *channels* how many the kernel's driver uses; *vectors* the entries of its MSI-X table.
    """

    name: str
    kernel: bool
    features: frozenset[int] | None
    pairs: int | None
    control_queue: bool | None
    vectors: int | None
    channels: int | None
    vcpus: int
    wanted: int | None = None

    @property
    def goal(self) -> int:
        """Return the queue pairs that shall be used: what is wanted, or all that the device has."""
        return self.wanted or self.pairs or 1


class InnerPort(t.NamedTuple):
    """A port of the Open vSwitch in the guest: rx queues asked for and there, and what its device has at most; *threads* are PMD threads."""

    name: str
    asked: int
    there: int | None
    most_rx: int | None
    most_tx: int | None
    threads: int


def _outside(queues: int) -> str:
    """Return what to change on the host."""
    return (
        f"On the host: queues={queues} for the vhost-user backend and mq=on,vectors={2 * queues + 2} for the virtio-net-pci device of QEMU 2.2 or newer "
        f"(libvirt: <driver name='vhost' queues='{queues}'/>), then start the guest again."
    )


def multiqueue(nic: Nic) -> Finding:
    """Check that the device has multiqueue at all."""
    if nic.goal <= 1:
        return Finding("multiqueue", ok=True, says=f"{nic.name} has one queue pair, and no more are wanted.")
    if nic.features is None and nic.pairs is None:
        return Finding(
            "multiqueue", ok=None, says=f"{nic.name}: its features cannot be read, as no driver of the kernel has it.", do="Run the task as root (become)."
        )
    has = virtio.MQ in nic.features if nic.features is not None else (nic.pairs or 1) > 1
    if not has:
        says = f"{nic.name} shall have {nic.goal} queue pairs, and its device has no multiqueue (VIRTIO_NET_F_MQ)."
        return Finding("multiqueue", ok=False, says=says, do=_outside(nic.goal))
    return Finding("multiqueue", ok=True, says=f"{nic.name} has multiqueue.")


def queue_pairs(nic: Nic) -> Finding:
    """Check that the device has as many queue pairs as are wanted."""
    if nic.pairs is None:
        return Finding("queue_pairs", ok=None, says=f"{nic.name}: how many queue pairs its device has is not known.")
    if nic.pairs < nic.goal:
        says = f"{nic.name} shall have {nic.goal} queue pairs, and its device has {nic.pairs}."
        return Finding("queue_pairs", ok=False, says=says, do=_outside(nic.goal))
    return Finding("queue_pairs", ok=True, says=f"The device of {nic.name} has {nic.pairs} queue pair(s).")


def control_queue(nic: Nic) -> Finding:
    """Check that the driver can tell the device how many queues it uses."""
    has = nic.control_queue if nic.features is None else virtio.CTRL_VQ in nic.features
    if nic.goal <= 1:
        return Finding("control_queue", ok=True, says=f"{nic.name} needs no control queue for one queue pair.")
    if has is None:
        return Finding("control_queue", ok=None, says=f"{nic.name}: whether it has a control queue is not known.")
    if not has:
        says = f"{nic.name} has no control queue (VIRTIO_NET_F_CTRL_VQ), so that its driver cannot ask for {nic.goal} queue pairs."
        return Finding("control_queue", ok=False, says=says, do="On the host: start the device without ctrl_vq=off.")
    return Finding("control_queue", ok=True, says=f"{nic.name} has a control queue.")


def vectors(nic: Nic) -> Finding:
    """Check that each queue of a device with multiqueue can have an interrupt of its own."""
    needed = 2 * nic.goal + 2
    if not nic.kernel:
        return Finding("vectors", ok=True, says=f"{nic.name} is polled by DPDK and needs no vectors.")
    if nic.vectors is None:
        return Finding("vectors", ok=None, says=f"{nic.name}: its MSI-X vectors cannot be read.", do="Run the task as root (become), in a guest with PCI.")
    if nic.goal > 1 and nic.vectors < needed:
        says = f"{nic.name} has {nic.vectors} MSI-X vector(s), and {nic.goal} queue pairs need {needed} (2 for each pair, and 2): queues share interrupts."
        return Finding(
            "vectors", ok=False, says=says, do=f"On the host: vectors={needed} for its device (libvirt counts them itself, from queues='{nic.goal}')."
        )
    return Finding("vectors", ok=True, says=f"{nic.name} has {nic.vectors} MSI-X vector(s).")


def vcpus(nic: Nic) -> Finding:
    """Check that there is a vCPU for each queue pair."""
    if nic.kernel and nic.vcpus < nic.goal:
        says = f"{nic.name} shall have {nic.goal} queue pairs, and the guest has {nic.vcpus} vCPU(s): its driver begins with no more pairs than vCPUs."
        return Finding("vcpus", ok=False, says=says, do=f"Give the guest {nic.goal} vCPUs, or fewer queues.")
    return Finding("vcpus", ok=True, says=f"The guest has {nic.vcpus} vCPU(s).")


def channels(nic: Nic) -> Finding:
    """Check that the driver of the kernel uses the queue pairs that there are."""
    if not nic.kernel:
        return Finding("channels", ok=True, says=f"{nic.name} has no driver of the kernel, so that DPDK sets its queues.")
    if nic.channels is None:
        return Finding("channels", ok=None, says=f"{nic.name}: its channels cannot be read.")
    most = min(nic.goal, nic.pairs or nic.goal)
    if nic.channels < most:
        says = f"{nic.name} uses {nic.channels} combined channel(s), and could use {most}."
        return Finding("channels", ok=False, says=says, do=f"ethtool -L {nic.name} combined {most}, and have it done at each boot (role guest_forwarding).")
    return Finding("channels", ok=True, says=f"{nic.name} uses {nic.channels} combined channel(s).")


def inner_rx_queues(port: InnerPort) -> Finding:
    """Check that the Open vSwitch in the guest got the rx queues that it asked for."""
    check, name = "inner_rx_queues", f"Port {port.name} of the Open vSwitch in this guest"
    if port.most_rx is not None and port.asked > port.most_rx:
        says = f"{name} asks for {port.asked} rx queues, and its device has {port.most_rx}."
        return Finding(check, ok=False, says=says, do=_outside(port.asked))
    if port.there is None:
        return Finding(check, ok=None, says=f"{name}: its rx queues are not known.", do="Look whether ovs-vswitchd runs, and at the error of the port.")
    if port.there < port.asked:
        says = f"{name} asks for {port.asked} rx queues and has {port.there}."
        return Finding(check, ok=False, says=says, do="Look at the other findings, and at the log of ovs-vswitchd.")
    return Finding(check, ok=True, says=f"{name} has {port.there} rx queue(s).")


def inner_tx_queues(port: InnerPort) -> Finding:
    """Check that each thread of the Open vSwitch in the guest that sends has a tx queue of its own."""
    check, name, needed = "inner_tx_queues", f"Port {port.name} of the Open vSwitch in this guest", port.threads + 1
    if port.most_tx is None or not port.threads:
        return Finding(check, ok=None, says=f"{name}: its tx queues or PMD threads are not known.")
    if port.most_tx < needed:
        says = f"{name} has {port.most_tx} tx queue(s), and {port.threads} PMD thread(s) and the main thread want one each (guide, section 6.3)."
        says += " Releases that start anyway share one under a lock, which costs throughput."
        return Finding(check, ok=False, says=says, do=_outside(needed))
    return Finding(check, ok=True, says=f"{name} has {port.most_tx} tx queue(s) for {needed} threads.")


NIC_CHECKS: tuple[Callable[[Nic], Finding], ...] = (multiqueue, queue_pairs, control_queue, vectors, vcpus, channels)
PORT_CHECKS: tuple[Callable[[InnerPort], Finding], ...] = (inner_rx_queues, inner_tx_queues)
