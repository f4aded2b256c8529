# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of dpdk-testpmd that forwards packets in a guest (private to this collection).

Source: DPDK, "Testpmd Application User Guide", Running the Application, 20.11 to 25.11.
"""

from __future__ import annotations

import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import parse_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import InputError
from ansible_collections.nfv.ovs_dpdk.plugins.plugin_utils.forwarding import mac_of

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUBJECT = "guest_forwarding_testpmd"
MODES = ("io", "mac", "macswap")
MOST_BURST = 512
"""MAX_PKT_BURST of testpmd."""


def make_command(interfaces: Sequence[Mapping[str, t.Any]], devices: Sequence[Mapping[str, t.Any]], options: Mapping[str, t.Any]) -> list[str]:
    """Return the words of the command. Raises InputError.

    *devices* is the result devices of the module dpdk_device for the interfaces, *options* the variable guest_forwarding_testpmd.
    """
    queues = queues_of(interfaces)
    mode = options.get("forward_mode") or "io"
    if mode not in MODES:
        raise InputError(SUBJECT, "forward_mode", mode, f"It takes {', '.join(MODES)}.", "Correct it.")
    cpus = cpus_of(options.get("cpus"))
    ports = sorted(str(device["pci"]) for device in devices)  # testpmd numbers them so, whatever the order of its options
    return [
        "--lcores=" + ",".join(f"{index}@{cpu}" for index, cpu in enumerate(cpus)),
        *(["-m", str(positive(options, "memory", 1))] if options.get("memory") else []),
        "--in-memory",  # no files in hugetlbfs, so that no mount is needed and none are left
        *(word for address in ports for word in ("-a", address)),
        *map(str, options.get("eal_args") or ()),
        "--",
        f"--forward-mode={mode}",
        f"--rxq={queues}",
        f"--txq={queues}",
        f"--nb-cores={len(cpus) - 1}",
        f"--burst={positive(options, 'burst', 32, MOST_BURST)}",
        *(f"--{name}={positive(options, option, 1)}" for name, option in (("rxd", "rx_descriptors"), ("txd", "tx_descriptors")) if options.get(option)),
        *peers_of(interfaces, devices, ports, mode),
        f"--stats-period={positive(options, 'stats_period', 60)}",  # without it testpmd waits for a key, and there is no terminal
        *map(str, options.get("testpmd_args") or ()),
    ]


def queues_of(interfaces: Sequence[Mapping[str, t.Any]]) -> int:
    """Return the queues of all interfaces."""
    given = {int(one.get("queues") or 1) for one in interfaces}
    if len(given) > 1 or min(given, default=0) < 1:
        wrong = ", ".join(map(str, sorted(given))) or None
        raise InputError(
            "guest_forwarding_interfaces", "queues", wrong, "testpmd has the same number, at least 1, on all ports.", "Give all interfaces the same."
        )
    return given.pop()


def cpus_of(given: t.Any) -> list[int]:
    """Return the CPU of each lcore: first the one that prints, then those that forward. One CPU alone has both."""
    try:
        cpus = sorted(parse_cpu_list(str("0-1" if given in (None, "") else given)))
    except ValueError as error:
        raise InputError(SUBJECT, "cpus", given, f"{error}.", "Give a CPU list of the guest, such as 0-2.") from error
    if not cpus:
        raise InputError(SUBJECT, "cpus", given, "There has to be a CPU.", "Give a CPU list of the guest, such as 0-2.")
    return cpus if len(cpus) > 1 else cpus * 2


def positive(options: Mapping[str, t.Any], option: str, default: int, most: int = 2**31 - 1) -> int:
    """Return a number that is at least 1."""
    value = int(options.get(option) or default)
    if not 1 <= value <= most:
        raise InputError(SUBJECT, option, value, f"It takes 1 to {most}.", "Correct it.")
    return value


def peers_of(interfaces: Sequence[Mapping[str, t.Any]], devices: Sequence[Mapping[str, t.Any]], ports: Sequence[str], mode: str) -> list[str]:
    """Return the options that say where frames sent from a port go to."""
    words = []
    for one in interfaces:
        label = f"interface {one.get('mac') or one.get('name')}"
        if not one.get("peer"):
            continue
        peer = mac_of(label, "peer", one["peer"])
        if mode != "mac":
            raise InputError(label, "peer", peer, f"With forward_mode={mode} testpmd sends to no peer.", "Use forward_mode: mac, or leave it out.")
        wanted = mac_of(label, "mac", one["mac"]) if one.get("mac") else one.get("name")
        found = [str(device["pci"]) for device in devices if wanted in (device.get("mac"), device.get("name"), device["pci"])]
        if not found:
            raise InputError(label, "peer", peer, f"No device has {wanted}: there are {', '.join(ports)}.", "Name the interface by its MAC or PCI address.")
        words.append(f"--eth-peer={ports.index(found[0])},{peer}")
    return words
