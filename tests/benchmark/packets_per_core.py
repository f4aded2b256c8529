# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a switch that was built from source, measure how many packets its PMD thread forwards in a second of CPU time, and stop it.

    packets_per_core.py --switch /opt/openvswitch/BUILD --testpmd /opt/dpdk/BUILD/bin/dpdk-testpmd [--seconds 3] [--cpu 1] [--guest-cpu 0]

Runs on a lab host, as root, with no other switch on it. It prints one JSON object:

    device, guest  by where packets come from: pps_per_core, and cycles (of the time stamp counter, a packet)
    share          of its CPU that the PMD thread had
    from_guest     share of packets that came from the guest while both sent
    mapped         libraries of DPDK that the daemon has mapped

Packets per second and core are packets that the PMD thread received, by the CPU time that it had as the kernel accounts it, times the share of
its cycles in which there were packets. This does not contain the time in which other processes have the CPU, so that it is the figure of a core
for itself, also on a machine that does other things; what they do to caches and to the clock it does contain. Cycles, as pmd-stats-show says
them, go on while others have the CPU. Packets have 64 bytes and are all of one flow:

    device  from a net_null device to another one: parse, EMC, send; nothing is copied
    guest   from a guest (test-pmd, txonly, on the other CPU) through a vhost-user port, where each is copied from its memory, to the same device

The packets of the guest come while the device sends too, and what the device's packets cost is taken off: as the PMD thread has other work in
between, a guest that is slower than the switch still has a whole batch of packets for it each time, and what a packet costs depends on that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import typing as t

RUN = pathlib.Path("/run/openvswitch")
DATABASE = RUN / "benchmark.db"
SOCKET = RUN / "guest"
START_SECONDS = 60
COUNTERS = {
    "packets": r"(?:packets received|Rx packets): +(\d+)",
    "cycles": r"(?:avg cycles per packet: |pps, +)(\d+)",
    "busy": r"(?:processing cycles:.*\(|busy iterations:.*\( *)([\d.]+) ?% ?",
}


class Switch:
    """The daemons of a build."""

    def __init__(self, prefix: pathlib.Path, cpu: int, guest_cpu: int) -> None:
        self.prefix = prefix
        self.cpu = cpu
        self.guest_cpu = guest_cpu
        self.daemons: list[subprocess.Popen[bytes]] = []

    def ask(self, program: str, *words: str) -> str:
        """Return what a program of the build prints; end with its words where it fails."""
        argv = [str(self.prefix / "bin" / program), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=START_SECONDS, env={**os.environ, "LC_ALL": "C"})
        if done.returncode != 0:
            sys.exit(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def start(self) -> None:
        """Start the daemons with a database of their own, and add the ports."""
        RUN.mkdir(exist_ok=True)
        DATABASE.unlink(missing_ok=True)
        self.ask("ovsdb-tool", "create", str(DATABASE), str(self.prefix / "share/openvswitch/vswitch.ovsschema"))
        self.daemon("ovsdb-server", str(DATABASE), f"--remote=punix:{RUN}/db.sock")
        config = {
            "dpdk-init": "true",
            "dpdk-socket-mem": "512",
            "dpdk-extra": "--no-pci",
            "dpdk-lcore-mask": hex(1 << self.guest_cpu),
            "pmd-cpu-mask": hex(1 << self.cpu),
        }
        wait_for((RUN / "db.sock").exists, "ovsdb-server has no socket")
        self.ask("ovs-vsctl", "--no-wait", "set", "Open_vSwitch", ".", *(f"other_config:{key}={value}" for key, value in config.items()))
        self.daemon("ovs-vswitchd", f"unix:{RUN}/db.sock", f"--log-file={RUN}/benchmark.log", "--verbose=console:off")
        ports = {
            "source": ["type=dpdk", "options:dpdk-devargs=net_null0,size=60"],
            "sink": ["type=dpdk", "options:dpdk-devargs=net_null1,size=60,no-rx=1"],
            "guest": ["type=dpdkvhostuserclient", f"options:vhost-server-path={SOCKET}"],
        }
        words = ["--timeout=40", "add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev", "fail_mode=secure"]
        for number, (port, values) in enumerate(ports.items(), 1):
            words += ["--", "add-port", "br0", port, "--", "set", "Interface", port, f"ofport_request={number}", *values]
        self.ask("ovs-vsctl", *words)

    def daemon(self, program: str, *words: str) -> None:
        """Start a daemon, as a child."""
        self.daemons.append(subprocess.Popen([str(self.prefix / "sbin" / program), *words, f"--pidfile={RUN}/{program}.pid"], stderr=subprocess.DEVNULL))

    def stop(self) -> None:
        """End the daemons."""
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    @property
    def process(self) -> pathlib.Path:
        """Return the folder of ovs-vswitchd in /proc."""
        return pathlib.Path(f"/proc/{self.daemons[-1].pid}")

    def cpu_seconds(self) -> float:
        """Return the CPU time of the PMD thread (Linux, Documentation/scheduler/sched-stats.rst)."""
        thread = next(task for task in (self.process / "task").iterdir() if (task / "comm").read_text().startswith("pmd-"))
        if (thread / "schedstat").exists():
            return int((thread / "schedstat").read_text().split()[0]) / 1e9
        fields = (thread / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def received(self, port: str) -> int:
        """Return how many packets a port has received."""
        packets = re.search(r"rx pkts=(\d+)", self.ask("ovs-ofctl", "dump-ports", "br0", port))
        return int(packets[1]) if packets else 0

    def counted(self) -> dict[str, float]:
        """Return what the PMD thread has counted since its counters were cleared: packets received, cycles of a packet, share of cycles with packets."""
        text = self.ask("ovs-appctl", "dpif-netdev/pmd-stats-show")
        thread = next(part for part in re.split(r"(?m)^(?=\S)", text) if part.startswith("pmd thread"))
        found = {}
        for name, pattern in COUNTERS.items():
            value = re.search(pattern, thread)
            if value is None:
                sys.exit(f"pmd-stats-show of this release is not understood:\n{text}")
            found[name] = float(value[1])
        return found

    def measure(self, ports: tuple[str, ...], seconds: float) -> dict[str, float]:
        """Let packets of these ports pass and measure: packets and those of the guest, cycles, seconds, CPU time, and that of it with packets."""
        self.ask("ovs-ofctl", "del-flows", "br0")
        # Where a rule has a MAC address, flows in the datapath have it too: else they are found by a shorter way than the EMC (simple match).
        for port in ports:
            self.ask("ovs-ofctl", "add-flow", "br0", f"priority=10,in_port={port},dl_dst=02:00:00:00:00:01,actions=drop")
            self.ask("ovs-ofctl", "add-flow", "br0", f"priority=1,in_port={port},actions=output:sink")
        time.sleep(1)  # the flow gets into the EMC
        self.ask("ovs-appctl", "dpif-netdev/pmd-stats-clear")
        before, began, guest_before = self.cpu_seconds(), time.monotonic(), self.received("guest")
        time.sleep(seconds)
        used, found, from_guest = self.cpu_seconds() - before, self.counted(), self.received("guest") - guest_before
        if not found["packets"] or not used or ("guest" in ports and not from_guest):
            sys.exit(f"{self.prefix}: no packet passed from {' and '.join(ports)}")
        elapsed = time.monotonic() - began
        return {**found, "from_guest": from_guest, "seconds": elapsed, "cpu_seconds": used, "busy_seconds": used * found["busy"] / 100}

    def mapped(self) -> list[str]:
        """Return the libraries of DPDK that the daemon has mapped."""
        return sorted({line.split()[-1] for line in (self.process / "maps").read_text().splitlines() if "/librte_" in line})


@contextlib.contextmanager
def guest(testpmd: pathlib.Path, cpu: int) -> t.Iterator[None]:
    """Have a guest that sends packets."""
    SOCKET.unlink(missing_ok=True)
    virtio = f"net_virtio_user0,mac=00:00:00:00:00:01,path={SOCKET},queues=1,server=1,mrg_rxbuf=0,in_order=1"
    memory = ["-m", "256", "--in-memory", "--single-file-segments", "--iova-mode=va"]
    argv = [str(testpmd), f"--lcores=0@{cpu},1@{cpu}", *memory, "--no-pci", f"--vdev={virtio}"]
    argv += ["--", "--forward-mode=txonly", "--nb-cores=1", "--total-num-mbufs=8192", "--stats-period=5"]
    with (RUN / "guest.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(condition: t.Callable[[], bool], otherwise: str) -> None:
    """Wait until it is so; end with a sentence when it does not come to be."""
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            sys.exit(otherwise)
        time.sleep(0.1)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Packets per second and core of a switch that was built from source.")
    parser.add_argument("--switch", required=True, type=pathlib.Path)
    parser.add_argument("--testpmd", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--cpu", type=int, default=1)
    parser.add_argument("--guest-cpu", type=int, default=0)
    options = parser.parse_args()
    switch = Switch(options.switch, options.cpu, options.guest_cpu)
    try:
        switch.start()
        device = switch.measure(("source",), options.seconds)
        mapped = switch.mapped()
        with guest(options.testpmd, options.guest_cpu):
            connected = ("get", "Interface", "guest", "link_state")
            wait_for(lambda: switch.ask("ovs-vsctl", *connected).strip() == "up", "the guest does not connect")
            both = switch.measure(("source", "guest"), options.seconds)
    finally:
        switch.stop()
    shutil.rmtree(RUN, ignore_errors=True)
    of_device = both["packets"] - both["from_guest"]
    guest_seconds = both["busy_seconds"] - of_device * device["busy_seconds"] / device["packets"]
    guest_cycles = both["packets"] * both["cycles"] - of_device * device["cycles"]
    results: dict[str, t.Any] = {
        "device": {"pps_per_core": device["packets"] / device["busy_seconds"], "cycles": device["cycles"]},
        "guest": {"pps_per_core": both["from_guest"] / guest_seconds, "cycles": guest_cycles / both["from_guest"]},
        "share": (device["cpu_seconds"] + both["cpu_seconds"]) / (device["seconds"] + both["seconds"]),
        "from_guest": both["from_guest"] / both["packets"],
        "mapped": mapped,
    }
    json.dump(results, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
