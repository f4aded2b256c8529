# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dpdk-testpmd as a generator of packets on vhost-user ports, in a transient unit of systemd (private to this collection)."""

from __future__ import annotations

import pathlib
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.vsctl import Vsctl

UNIT = "nfv-pvp-generator.service"
LOG = pathlib.Path("/run/nfv-pvp-generator.log")

_STOP_SECONDS = 30
_POLL_SECONDS = 0.5
_ORDINARY_FRAME = 1518
_HEADROOM = 128  # RTE_PKTMBUF_HEADROOM
_MBUFS_PER_QUEUE = 8192


class Socket(t.NamedTuple):
    """The socket of a vhost-user port, and whether the generator has to make it."""

    path: str
    made_by_generator: bool


class Settings(t.NamedTuple):
    """How the generator runs: its CPUs, pairs of queues, megabytes of hugepages, and the sockets of its ports."""

    cpus: Sequence[int]
    queues: int
    memory: int
    sockets: Mapping[str, Socket]


def command_line(settings: Settings, ports: Sequence[str], frame_size: int) -> list[str]:
    """Return the command of a generator that sends frames of *frame_size* bytes with FCS to these ports, and takes what comes back.

    The mode flowgen does both, with 1024 flows that differ in their destination; it counts the FCS in --txpkts. Guide 5.1 has testpmd in the guest.
    """
    first = settings.cpus[0]
    lcores = ",".join([f"0@{first}", *(f"{number}@{cpu}" for number, cpu in enumerate(settings.cpus, 1))])
    vdevs = []
    for number, port in enumerate(ports):
        path, server = settings.sockets[port]
        vdevs.append(f"--vdev=net_virtio_user{number},path={path},queues={settings.queues},queue_size=1024,server={int(server)}")
    eal = [
        *(f"--lcores={lcores}", "-m", str(settings.memory), "--iova-mode=va", "--no-pci"),
        *("--in-memory", "--single-file-segments"),  # vhost-user hands over a file descriptor for each segment, and at most eight
        *vdevs,
    ]
    # an mbuf of the usual 2176 bytes holds an ordinary frame
    large = [f"--mbuf-size={-(-(frame_size + _HEADROOM) // 1024) * 1024}", f"--max-pkt-len={frame_size}"] if frame_size > _ORDINARY_FRAME else []
    return [
        *("stdbuf", "-oL", "dpdk-testpmd", *eal, "--"),
        *large,
        *("--forward-mode=flowgen", f"--port-topology={'loop' if len(ports) == 1 else 'paired'}", f"--txpkts={frame_size}"),
        *(f"--rxq={settings.queues}", f"--txq={settings.queues}", f"--nb-cores={len(settings.cpus)}"),
        *(f"--total-num-mbufs={_MBUFS_PER_QUEUE * settings.queues * len(ports)}", "--stats-period=5"),
    ]


class Generator:
    """The unit of the generator; there is one on a host at a time."""

    def __init__(self, commands: Commands, vsctl: Vsctl, settings: Settings, log: pathlib.Path = LOG) -> None:
        self.commands = commands
        self.vsctl = vsctl
        self.settings = settings
        self.log = log
        self.ran: list[list[str]] = []
        self.started = False

    def check(self) -> None:
        """Refuse a host that lacks what the generator needs. Raises HostError."""
        for program, package in (("dpdk-testpmd", "dpdk-dev (or dpdk-tools)"), ("systemd-run", "systemd"), ("stdbuf", "coreutils")):
            if self.commands.find(program) is None:
                raise HostError(f"{program} is not on this host, which generates the packets. It is in the package {package}.")

    def argv(self, ports: Sequence[str], frame_size: int, seconds: int) -> list[str]:
        """Return the whole command line; the unit ends by itself after *seconds*, also where nobody stops it any more."""
        output = [f"--property=StandardOutput=file:{self.log}", "--property=StandardError=inherit"]
        unit = [self.commands.find("systemd-run") or "systemd-run", f"--unit={UNIT}", "--collect", "--quiet", f"--property=RuntimeMaxSec={seconds}", *output]
        return [*unit, *command_line(self.settings, ports, frame_size)]

    def start(self, ports: Sequence[str], frame_size: int, seconds: int) -> None:
        """Start it, and wait until the switch has it on all of its ports. Raises HostError with what it said."""
        self.stop()
        argv = self.argv(ports, frame_size, seconds)
        self.ran.append(argv)
        self.started = True
        rc, _out, err = self.commands.run_within(_STOP_SECONDS, argv)
        if rc != 0:
            raise HostError(f"the generator could not be started: {err.strip()}", cmd=argv, rc=rc, stderr=err)
        deadline = time.monotonic() + self.vsctl.timeout
        while True:
            found = self.vsctl.read().interfaces
            missing = [port for port in ports if found[port].status.get("status") != "connected"]
            if not missing:
                return
            if time.monotonic() > deadline or not self.is_active():
                said = self.said()
                raise HostError(f"the generator did not connect to {', '.join(missing)}. It said: {said or 'nothing'}", cmd=argv, log=said)
            time.sleep(_POLL_SECONDS)

    def is_active(self) -> bool:
        """Tell whether it runs."""
        return self._systemctl("is-active", "--quiet")[0] == 0

    def stop(self) -> None:
        """Stop it, also one that another run left, and remove what it said."""
        self._systemctl("stop", "--quiet")
        self.log.unlink(missing_ok=True)
        self.started = False

    def said(self) -> str:
        """Return the last lines of what it printed."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return " / ".join(line.strip() for line in lines if line.strip())[-800:]

    def _systemctl(self, verb: str, *options: str) -> tuple[int, str, str]:
        path = self.commands.find("systemctl") or "systemctl"
        return self.commands.run_within(_STOP_SECONDS, [path, verb, *options, UNIT])
