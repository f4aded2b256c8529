# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send pings and UDP streams from the namespace `left` to `right` and back, and say as JSON what has passed.

    traffic.py SECONDS LEFT RIGHT    wait so long at most until a first ping is answered; the addresses of the namespaces

Standard library, ping, iperf3 and ovs-vsctl: nothing of the collection.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

LEFT, RIGHT = ("ip", "netns", "exec", "left"), ("ip", "netns", "exec", "right")
STREAMS = 16  # each takes a queue by its ports: that all take the same one is as likely as 1 in 32768
FRAMES = re.compile(r"[\"]?([rt]x_q\d+_good_packets)[\"]?=(\d+)")


def ping(namespace: tuple[str, ...], address: str, *words: str) -> str:
    """Return what ping says."""
    command = [*namespace, "ping", "-n", "-W", "2", *words, address]
    return subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True).stdout


def first_answer(left: str, right: str, limit: float) -> float:
    """Return the seconds until a ping is answered."""
    start = time.monotonic()
    while " 0% packet loss" not in ping(LEFT, right, "-c", "1"):
        if time.monotonic() - start > limit:
            sys.exit(f"no ping from {left} to {right} was answered in {limit:.0f} s")
    return time.monotonic() - start


def frames(port: str) -> dict[str, int]:
    """Return how many frames the switch has counted for each queue of a port."""
    said = subprocess.run(["ovs-vsctl", "get", "Interface", port, "statistics"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: int(number) for name, number in FRAMES.findall(said)}


def stream(address: str) -> dict[str, dict[str, float]]:
    """Return what iperf3 says of UDP streams of 2 Mbit/s together, in each direction."""
    server = subprocess.Popen([*RIGHT, "iperf3", "--server", "--one-off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        rate = str(2_000_000 // STREAMS)
        words = ["--client", address, "--udp", "--bidir", "--bitrate", rate, "--parallel", str(STREAMS), "--length", "1400", "--time", "4", "--json"]
        done = subprocess.run([*LEFT, "iperf3", *words], check=False, stdout=subprocess.PIPE, text=True, timeout=60)
    finally:
        server.terminate()
        server.wait()
    said = json.loads(done.stdout)
    if "error" in said:
        sys.exit(f"iperf3: {said['error']}")
    totals = {"left_to_right": said["end"]["sum_received"], "right_to_left": said["end"]["sum_received_bidir_reverse"]}
    return {name: {"packets": total["packets"], "lost_percent": round(total["lost_percent"], 2)} for name, total in totals.items()}


def main() -> None:
    """Print the result."""
    left, right = sys.argv[2:]
    waited = first_answer(left, right, float(sys.argv[1]))
    pings = {
        name: int(re.findall(r"(\d+) received", ping(namespace, address, "-c", "10", "-i", "0.2"))[0])
        for name, namespace, address in (("left_to_right", LEFT, right), ("right_to_left", RIGHT, left))
    }
    ports = ("vhost-user0", "vhost-user1")
    before = {port: frames(port) for port in ports}
    udp = stream(right)
    time.sleep(6)  # the switch writes its counters to the database every 5 seconds
    after = {port: frames(port) for port in ports}
    queues = {port: {name: number - before[port].get(name, 0) for name, number in after[port].items()} for port in ports}
    hops = 64 - int((re.findall(r"ttl=(\d+)", ping(LEFT, right, "-c", "1")) or ["64"])[0])
    print(json.dumps({"waited": round(waited, 1), "answered": pings, "hops": hops, "udp": udp, "queues": queues}))


if __name__ == "__main__":
    main()
