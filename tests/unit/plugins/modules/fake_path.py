# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets through a guest, for tests of pvp_measure: flows, policers, a generator and counters, in a time that passes only where somebody sleeps."""

from __future__ import annotations

import re
import types
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.pvp_generator import UNIT

if t.TYPE_CHECKING:
    import pathlib

    from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.modules.fake_switch import FakeSwitch

COOKIE = "0x6e66762d707670"
_COUNTED = {"rx": 0.0, "tx": 0.0, "dropped": 0.0}


class FakePath:
    """A bridge br0 with ports gen0 and gen1 of the generator, vm0 and vm1 of a guest that forwards, null0 that sends by itself.

    *capacity*: packets per second that the guest carries in each direction; *generates*: those that a generator has; *frame*: their size with FCS,
    which dpdk-testpmd sets.
    """

    def __init__(self, switch: FakeSwitch, log: pathlib.Path) -> None:
        self.switch = switch
        self.log = log
        self.now = 1000.0
        self.capacity = 1e6
        self.generates = 4e6
        self.frame = 64
        self.forwards = True
        self.running: list[str] | None = None
        """The command of the generator while it runs."""
        self.dies_after: float | None = None
        self.does_not_connect = False
        self.flows: dict[tuple[str, int], str] = {}
        self.users_flows: list[str] = []
        self.counters: dict[str, dict[str, float]] = {}
        self.calls: list[list[str]] = []
        self.missing: set[str] = set()
        self.before_call: dict[str, t.Callable[[], object]] = {}
        self.ping = (0, "")
        for name, kind in (*((name, "dpdkvhostuserclient") for name in ("gen0", "gen1", "vm0", "vm1")), ("null0", "dpdk")):
            options = ["options:dpdk-devargs=net_null0"] if kind == "dpdk" else [f"options:vhost-server-path=/run/nothing/{name}"]
            commands = [] if switch.rows("Bridge") else ["add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev", "--"]
            switch.write(*commands, "add-port", "br0", name, "--", "set", "Interface", name, f"type={kind}", *options)
        self.connect("vm0", "vm1")
        switch.reconfigure = bool  # what is connected stays connected
        answers = switch.daemon.answers
        answers["dpctl/show"] = self.show
        answers["dpif-netdev/pmd-stats-show"] = self.stats
        answers["dpif-netdev/pmd-rxq-show"] = self.rx_queues

    def time(self) -> types.SimpleNamespace:
        """Return what stands for the module time."""
        return types.SimpleNamespace(sleep=self.sleep, monotonic=lambda: self.now)

    # --- ports -------------------------------------------------------------------------------------------------------------------------

    def row(self, name: str) -> dict[str, t.Any]:
        return next(row for row in self.switch.tables["Interface"].values() if row["name"] == name)

    def connect(self, *names: str, queues: int = 1) -> None:
        for name in names:
            status = {"mode": "client", "status": "connected", "num_of_vrings": str(2 * queues), "numa": "0", "features": "0x0000000950000000"}
            self.row(name)["status"] = status

    def disconnect(self, *names: str) -> None:
        for name in names:
            self.row(name)["status"] = {"mode": "client", "status": "disconnected"}

    # --- packets -----------------------------------------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.dies_after is not None and self.now > self.dies_after:
            self.running = None
        sending = ["null0"]
        if self.running is not None:
            sending += re.findall(r"path=/run/nothing/(gen\d)", " ".join(self.running))
        for source in sending:
            limit = self.row(source)["ingress_policing_rate"] * 1000 / 8 / (self.frame - 18)
            rate = min(self.generates, limit or self.generates)
            self._count(source, "rx", rate * seconds)
            self._send(source, rate, seconds)

    def _send(self, source: str, rate: float, seconds: float) -> None:
        into = self._output(source)
        if into is None:
            return
        carried = min(rate, self.capacity) if self.forwards else 0.0
        self._count(into, "tx", carried * seconds)
        self._count(into, "dropped", (rate - carried) * seconds)
        out = {"vm0": "vm1", "vm1": "vm0"}[into]
        sink = self._output(out)
        if sink is not None:
            self._count(sink, "tx", carried * seconds)

    def _output(self, port: str) -> str | None:
        """Return where the flow for a port sends its packets."""
        actions = self.flows.get((COOKIE, self.row(port)["ofport"]), "")
        match = re.search(r"output:(\d+)$", actions)
        return next(row["name"] for row in self.switch.tables["Interface"].values() if row["ofport"] == int(match[1])) if match else None

    def _count(self, port: str, what: str, packets: float) -> None:
        self.counters.setdefault(port, dict(_COUNTED))[what] += packets

    # --- what the daemon says ----------------------------------------------------------------------------------------------------------

    def show(self, *words: str) -> str:
        """Answer dpctl/show --statistics."""
        assert words == ("--statistics",)
        text = "netdev@ovs-netdev:\n  lookups: hit:1 missed:0 lost:0\n  flows: 2\n"
        for number, row in enumerate(self.switch.rows("Interface").values()):
            text += f"  port {number}: {row['name']} ({row['type']})\n"
            if row["type"].startswith("dpdkvhost") and row["status"].get("status") != "connected":
                text += ", could not retrieve stats (Protocol error)"
                continue
            found = {name: round(value) for name, value in self.counters.get(row["name"], _COUNTED).items()}
            text += f"    RX packets:{found['rx']} errors:? dropped:0 overruns:? frame:?\n"
            text += f"    TX packets:{found['tx']} errors:? dropped:{found['dropped']} aborted:? carrier:?\n    collisions:?\n"
            text += f"    RX bytes:0  TX bytes:{found['tx'] * (self.frame - 4)} (1.0 MiB)\n"
        return text

    def stats(self) -> str:
        """Answer dpif-netdev/pmd-stats-show: each packet costs 200 cycles."""
        packets = round(sum(found["rx"] + found["tx"] for found in self.counters.values()))
        return f"pmd thread numa_id 0 core_id 2:\n  packets received: {packets}\n  idle cycles: 5 (0.00%)\n  processing cycles: {200 * packets} (99.99%)\n"

    def rx_queues(self) -> str:
        """Answer dpif-netdev/pmd-rxq-show."""
        names = ("gen0", "gen1", "null0", "vm0", "vm1")
        lines = [f"  port: {name:16}  queue-id:  0 (enabled)   pmd usage:  0 %" for name in names]
        return "\n".join(["pmd thread numa_id 0 core_id 2:", "  isolated : false", *lines, ""])

    # --- commands ----------------------------------------------------------------------------------------------------------------------

    def find(self, name: str) -> str | None:
        """Stand in for AnsibleModule.get_bin_path."""
        return None if name in self.missing else f"/testbin/{name}"

    def run_command(self, args: list[str], **kwargs: t.Any) -> tuple[int, str, str]:
        """Stand in for AnsibleModule.run_command."""
        if args[0] == "timeout":
            assert kwargs["environ_update"] == {"LC_ALL": "C", "LANGUAGE": "C"}
            args = args[3:]
        program = args[0].rpartition("/")[2]
        if program == "ovs-vsctl":
            return self.switch.run_command(args, **kwargs)
        self.calls.append([program, *args[1:]])
        self.before_call.pop(" ".join([program, *args[1:2]]), bool)()
        handlers: dict[str, t.Callable[..., tuple[int, str, str]]] = {
            "ovs-ofctl": self._ofctl,
            "systemd-run": self._systemd_run,
            "systemctl": self._systemctl,
            "ip": lambda *_words: (*self.ping, ""),
        }
        return handlers[program](*args[1:])

    def _ofctl(self, verb: str, bridge: str, words: str) -> tuple[int, str, str]:
        assert bridge == "br0"
        if verb == "add-flow":
            match = re.fullmatch(rf"cookie=({COOKIE}),priority=65535,in_port=(\d+),actions=(\S+)", words)
            assert match, words
            self.flows[match[1], int(match[2])] = match[3]
        elif verb == "del-flows":
            assert words == f"cookie={COOKIE}/-1"
            self.flows.clear()
        else:
            assert (verb, words) == ("dump-flows", "table=0")
            return 0, "NXST_FLOW reply (xid=0x4):\n" + "".join(f" {line}\n" for line in self.users_flows), ""
        return 0, "", ""

    def _systemd_run(self, *words: str) -> tuple[int, str, str]:
        assert f"--unit={UNIT}" in words
        if self.running is not None:
            return 1, "", f"Failed to start transient service unit: Unit {UNIT} was already loaded or has a fragment file.\n"
        self.running = [*words]
        self.frame = int(next(word for word in words if word.startswith("--txpkts=")).partition("=")[2])
        self.log.write_text("EAL: Detected CPU lcores: 8\n", encoding="ascii")
        if self.does_not_connect:
            self.log.write_text("EAL: Detected CPU lcores: 8\nEAL: Error - exiting with code: 1\n", encoding="ascii")
            self.running = None
        else:
            self.connect(*re.findall(r"path=/run/nothing/(gen\d)", " ".join(words)))
        return 0, "", ""

    def _systemctl(self, verb: str, *words: str) -> tuple[int, str, str]:
        assert words == ("--quiet", UNIT)
        if verb == "stop":
            self.running = None
            self.disconnect("gen0", "gen1")
        return (0 if self.running is not None else 3), "", ""
