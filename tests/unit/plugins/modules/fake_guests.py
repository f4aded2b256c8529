# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd and systemd that run guests below a folder, as the real ones were seen to do (libvirt 9.0 and 11.3, systemd 252)."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t
import xml.etree.ElementTree as ET

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guests_qemu import HELPER
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import qemu_command
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list, parse_cpu_list

Answer = tuple[int, str, str]
QCOW2 = b"QFI\xfb"
BOOT = b"\0" * 510 + b"\x55\xaa"


class FakeGuests:
    """The programs of a host, and the processes that they start."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.programs = {"virsh", "systemctl", "qemu-img", "qemu-system-x86_64", "journalctl"}
        self.version = "QEMU emulator version 10.0.13 (Debian 1:10.0.13)"
        self.domains: dict[str, ET.Element] = {}
        self.running: dict[str, int] = {}
        self.started_as: dict[str, ET.Element] = {}
        self.enabled: set[str] = set()
        self.loaded: dict[str, str] = {}
        self.orders: list[str] = []
        self.deaf: set[str] = set()  # guests that do not react to their power button
        self.failing: dict[str, str] = {}  # guest -> what QEMU says when it is started
        self.journal = ""
        self.online = "0-7"
        self._pid = 1000

    # --- processes ---

    def have_sockets(self, *paths: str) -> None:
        """Have these Unix sockets, besides those of guests that run."""
        lines = [f"0000000000000000: 00000002 00000000 00010000 0001 01 {number} {path}" for number, path in enumerate(paths)]
        file = self.root / "proc/net/unix"
        file.write_text(
            "\n".join(["Num       RefCount Protocol Flags    Type St Inode Path", *lines, "0000: 00000003 00000000 00000000 0001 03 99", ""]), encoding="ascii"
        )

    def begin(self, name: str, command: list[str], vcpus: int) -> None:
        """Have a process with a thread for each vCPU."""
        self._pid += 100
        pid = self.running[name] = self._pid
        folder = self.root / f"proc/{pid}"
        self._thread(folder, pid, "qemu-system-x86")
        (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in command))
        for vcpu in range(vcpus):
            self._thread(folder, pid + 1 + vcpu, f"CPU {vcpu}/KVM")

    def _thread(self, folder: pathlib.Path, thread: int, comm: str) -> None:
        task = folder / f"task/{thread}"
        task.mkdir(parents=True)
        (task / "comm").write_text(f"{comm}\n", encoding="ascii")
        self.bind(thread, self.online)

    def bind(self, thread: int, cpus: str) -> None:
        """Have a thread run on these CPUs."""
        status = self.root / f"proc/{thread}/status"
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(f"Name:\tqemu\nCpus_allowed_list:\t{cpus}\n", encoding="ascii")

    def end(self, name: str) -> None:
        """Have the process gone."""
        pid = self.running.pop(name)
        (self.root / f"proc/{pid}/cmdline").unlink()
        (self.root / f"run/libvirt/qemu/{name}.pid").unlink(missing_ok=True)

    def cpus(self, name: str) -> dict[str, str]:
        """Return the CPUs of the threads of a guest that runs."""
        pid = self.running[name]
        threads = {"emulator": pid}
        for task in (self.root / f"proc/{pid}/task").iterdir():
            match = re.match(r"CPU (\d+)/", (task / "comm").read_text(encoding="ascii"))
            if match:
                threads[match[1]] = int(task.name)
        texts = {what: (self.root / f"proc/{thread}/status").read_text(encoding="ascii") for what, thread in sorted(threads.items())}
        return {what: text.split("Cpus_allowed_list:\t")[1].strip() for what, text in texts.items()}

    def pin(self, name: str, words: t.Iterable[str]) -> None:
        """Bind threads as the helper script does."""
        pid = self.running[name]
        for word in words:
            what, _equals, cpus = word.partition("=")
            self.bind(pid if what == "emulator" else pid + 1 + int(what), format_cpu_list(parse_cpu_list(cpus)))

    # --- commands ---

    def find(self, name: str) -> str | None:
        """Stand in for AnsibleModule.get_bin_path."""
        return f"/testbin/{name}" if name in self.programs else None

    def run_command(self, args: list[str], **kwargs: t.Any) -> Answer:
        """Stand in for AnsibleModule.run_command."""
        assert kwargs["environ_update"] == {"LC_ALL": "C", "LANGUAGE": "C"}
        assert args[:2] == ["timeout", "--kill-after=5"]
        program, *words = args[3:]
        if program.endswith("/qemu-system-x86_64"):
            assert words == ["--version"]
            return 0, self.version, ""
        if words[:1] == [f"/{HELPER}"]:
            self.orders.append("pin " + " ".join(words[6:]))
            return self._pinned(words)
        tools = {"virsh": self._virsh, "systemctl": self._systemctl, "qemu-img": self._img, "journalctl": self._journalctl}
        return tools[program.removeprefix("/testbin/")](words)

    def _pinned(self, words: list[str]) -> Answer:
        assert words[1:3] == ["pin", "--qmp"]
        self.pin(words[3].split("/")[3], words[6:])
        return 0, "", ""

    def _journalctl(self, _words: list[str]) -> Answer:
        return 0, self.journal, ""

    def _img(self, words: list[str]) -> Answer:
        assert words[:3] == ["info", "--force-share", "--output=json"]
        content = pathlib.Path(words[-1]).read_bytes()
        found = "qcow2" if content.startswith(QCOW2) else "raw"
        if "-f" in words and words[words.index("-f") + 1] not in {found, "raw"}:
            return 1, "", f"qemu-img: Could not open '{words[-1]}': Image is not in {words[words.index('-f') + 1]} format\n"
        return 0, json.dumps({"format": words[words.index("-f") + 1] if "-f" in words else found}), ""

    # --- libvirt ---

    def _virsh(self, words: list[str]) -> Answer:
        assert words[:2] == ["--connect=qemu:///system", "--quiet"]
        verb, *rest = words[2:]
        if verb not in {"list", "dumpxml"}:
            self.orders.append(" ".join([verb, *rest]))
        options = [word for word in rest if word.startswith("--") and word != "--"]
        names = [word for word in rest if not word.startswith("--")]
        answer: Answer = getattr(self, f"_virsh_{verb}")(names, options)
        return answer

    def _virsh_list(self, _names: list[str], options: list[str]) -> Answer:
        listed = [name for name in self.domains if "--all" in options or name in self.running]
        return 0, "".join(f"{name}\n" for name in listed if "--autostart" not in options or name in self.enabled) + "\n", ""

    def _virsh_dumpxml(self, names: list[str], options: list[str]) -> Answer:
        domain = self.domains[names[0]] if "--inactive" in options else self.started_as[names[0]]
        return 0, ET.tostring(domain, encoding="unicode"), ""

    def _virsh_define(self, names: list[str], options: list[str]) -> Answer:
        assert options == ["--validate"]
        path = pathlib.Path(names[0])
        assert path.stat().st_mode & 0o077 == 0
        domain = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - what the module wrote
        name = domain.findtext("name") or ""
        if domain.find("uuid") is None:
            ET.SubElement(domain, "uuid").text = f"uuid-of-{name}"
        kind = domain.find("os/type")
        assert kind is not None
        kind.set("machine", {"q35": "pc-q35-10.0", "pc": "pc-i440fx-10.0"}.get(kind.get("machine", ""), kind.get("machine", "")))
        for number, device in enumerate([*domain.findall("devices/disk"), *domain.findall("devices/interface")]):
            if device.find("address") is None:
                ET.SubElement(device, "address", type="pci", bus=f"0x{number:02x}")
        self.domains[name] = domain
        return 0, "", ""

    def _virsh_undefine(self, names: list[str], options: list[str]) -> Answer:
        assert options == ["--managed-save", "--nvram"]
        assert names[0] not in self.running
        del self.domains[names[0]]
        return 0, "", ""

    def _virsh_autostart(self, names: list[str], options: list[str]) -> Answer:
        (self.enabled.discard if "--disable" in options else self.enabled.add)(names[0])
        return 0, "", ""

    def _virsh_start(self, names: list[str], _options: list[str]) -> Answer:
        name = names[0]
        if name in self.failing:
            return 1, "", f"error: Failed to start domain '{name}'\nerror: {self.failing[name]}\n"
        domain = self.started_as[name] = self.domains[name]
        self.begin(name, ["qemu"], int(domain.findtext("vcpu") or 0))
        for one in domain.findall("cputune/vcpupin"):
            self.pin(name, [f"{one.get('vcpu')}={one.get('cpuset')}"])
        for one in domain.findall("cputune/emulatorpin"):
            self.pin(name, [f"emulator={one.get('cpuset')}"])
        pid_file = self.root / f"run/libvirt/qemu/{name}.pid"
        pid_file.parent.mkdir(parents=True, exist_ok=True)
        pid_file.write_text(f"{self.running[name]}\n", encoding="ascii")
        return 0, "", ""

    def _virsh_shutdown(self, names: list[str], _options: list[str]) -> Answer:
        if names[0] not in self.deaf:
            self.end(names[0])
        return 0, "", ""

    def _virsh_destroy(self, names: list[str], _options: list[str]) -> Answer:
        self.end(names[0])
        return 0, "", ""

    def _virsh_vcpupin(self, names: list[str], options: list[str]) -> Answer:
        assert options == ["--live"]
        self.pin(names[0], [f"{names[1]}={names[2]}"])
        return 0, "", ""

    def _virsh_emulatorpin(self, names: list[str], options: list[str]) -> Answer:
        assert options == ["--live"]
        self.pin(names[0], [f"emulator={names[1]}"])
        return 0, "", ""

    # --- systemd ---

    def _systemctl(self, words: list[str]) -> Answer:
        verb, *rest = words
        if verb == "show":
            return 0, self._show(rest[-1]), ""
        self.orders.append(" ".join(words))
        answer: Answer = getattr(self, f"_systemctl_{verb.replace('-', '_')}")(*rest)
        return answer

    def _show(self, unit: str) -> str:
        name = qemu_command.guest_of_unit(unit) or ""
        file = self.root / "etc/systemd/system" / unit
        state = "active" if name in self.running else "inactive"
        enabled = ("enabled" if name in self.enabled else "disabled") if file.exists() else ""
        return f"ActiveState={state}\nMainPID={self.running.get(name, 0)}\nUnitFileState={enabled}\nNeedDaemonReload=no\n"

    def _systemctl_daemon_reload(self) -> Answer:
        units = (self.root / "etc/systemd/system").glob("nfv-guest-*.service")
        self.loaded = {unit.name: unit.read_text(encoding="utf-8") for unit in units}
        return 0, "", ""

    def _systemctl_enable(self, unit: str) -> Answer:
        assert unit in self.loaded
        self.enabled.add(qemu_command.guest_of_unit(unit) or "")
        return 0, "", ""

    def _systemctl_disable(self, unit: str) -> Answer:
        self.enabled.discard(qemu_command.guest_of_unit(unit) or "")
        return 0, "", ""

    def _systemctl_start(self, unit: str) -> Answer:
        name = qemu_command.guest_of_unit(unit) or ""
        if name in self.failing:
            self.journal = self.failing[name]
            return 1, "", "Job failed. See journalctl\n"
        assert (self.root / HELPER).exists()
        text = self.loaded[unit]
        command = qemu_command.command_of(text)
        smp = command[command.index("-smp") + 1]
        self.begin(name, command, int(smp.partition(",")[0]))
        post = next(line for line in text.splitlines() if line.startswith("ExecStartPost="))
        self.pin(name, [word for word in post.split() if re.match(r"(\d+|emulator)=", word)])
        return 0, "", ""

    def _systemctl_stop(self, *words: str) -> Answer:
        name = qemu_command.guest_of_unit(words[-1]) or ""
        if name in self.running:
            self.end(name)
        return 0, "", ""
