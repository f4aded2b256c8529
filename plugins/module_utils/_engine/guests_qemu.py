# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests as services of systemd with the guide's command line of QEMU (private to this collection).

The unit is the definition, and the command line of the process is what runs. A helper script (guest_control.py, this collection's own file)
is put beside them, since systemd has no word for the threads of a vCPU.
"""

from __future__ import annotations

import re
import sys
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import guest_control
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.files import FileChange, read_file, replace
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guests import Backend, Found
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import qemu
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import entries
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import qemu_command
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.qemu_command import START_TIMEOUT, STOP_MARGIN, unit_name
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import parse_size

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guests import Settings
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import Vm

HELPER = "usr/local/lib/nfv.ovs_dpdk/guest_control.py"
UNITS = "etc/systemd/system"
_ASK = 30  # seconds


def helper_text() -> str:
    """Return the script that is put on the host: the text of the module of this collection, wherever Ansible has packed it."""
    loader = guest_control.__loader__
    text = loader.get_source(guest_control.__name__) if loader is not None and hasattr(loader, "get_source") else None
    if text is None:
        raise HostError("the helper script of guests is not in what Ansible sent. Run it again without ANSIBLE_DEBUG of the module.")
    return str(text)


class QemuBackend(Backend):
    """Guests as services. *mounts*: page size in bytes -> where hugetlbfs of it is mounted."""

    name = "qemu"

    def __init__(self, commands: Commands, settings: Settings, program: str, version: tuple[int, int] | None, mounts: Mapping[int, str]) -> None:
        super().__init__(commands, settings)
        systemctl = commands.find("systemctl")
        if systemctl is None and not settings.check:
            raise HostError("this host has no systemctl, and guests of backend qemu are services of systemd. Take backend libvirt.")
        self.can_ask = systemctl is not None
        self.systemctl = systemctl or "/usr/bin/systemctl"
        self.program, self.version, self.mounts = program, version, mounts

    # --- what is wanted ---

    def command(self, vm: Vm) -> list[str]:
        """Return the command line of a guest."""
        # without a mount only in check mode
        return qemu_command.command(vm, self.program, self.mounts.get(vm.page_size, "/dev/hugepages"), self.version)

    def text(self, vm: Vm) -> str:
        """Return the unit of a guest."""
        helper = [sys.executable or "/usr/bin/python3", f"/{HELPER}"]
        one = self.settings
        return qemu_command.unit(vm, self.command(vm), helper, user=one.user, group=one.group, shutdown_timeout=one.shutdown_timeout)

    def wanted_lines(self, vm: Vm) -> tuple[str, ...]:
        """Return the unit, with each argument of QEMU on a line of its own."""
        return _lines(self.text(vm))

    def path(self, name: str) -> pathlib.Path:
        """Return the file of a unit."""
        return self.root / UNITS / unit_name(name)

    # --- what is there ---

    def show(self, name: str) -> dict[str, str]:
        """Return the properties of a unit; none in check mode where there is no systemd to ask."""
        if not self.can_ask:
            return {}
        argv = [self.systemctl, "show", "--property=ActiveState,MainPID,UnitFileState,NeedDaemonReload", "--", unit_name(name)]
        rc, out, err = self.commands.run_within(_ASK, argv)
        if rc:
            raise HostError(f"systemd does not answer: {err.strip() or out.strip()}", cmd=argv, rc=rc, stdout=out, stderr=err)
        return dict(line.partition("=")[::2] for line in out.splitlines())

    def found(self, name: str, wanted: Vm | None) -> Found:
        """Return a guest as its unit and its process show it."""
        text = read_file(self.path(name))
        known = self.show(name)
        pid = int(known.get("MainPID") or 0) or None
        running = known.get("ActiveState") in {"active", "activating", "reloading", "deactivating"}
        process = qemu.command_line(self.root, pid) if pid else []
        return Found(
            defined=text is not None,
            running=running,
            autostart=known.get("UnitFileState") == "enabled",
            lines=_lines(text or ""),
            agrees=wanted is not None and text == self.text(wanted) and read_file(self.root / HELPER) == helper_text(),
            runs_as_wanted=wanted is not None and process == self.command(wanted),
            pid=pid,
            held=self._held(process) if running else None,
            sockets=qemu_command.sockets_of(process) if running else frozenset(),
        )

    def _held(self, process: Sequence[str]) -> tuple[int, int | None, int] | None:
        backend = next((word for word in process if word.startswith("memory-backend-file,")), "")
        options = dict(part.partition("=")[::2] for part in backend.split(",")[1:])
        sizes = [size for size, path in self.mounts.items() if path == options.get("mem-path")]
        if not sizes or not re.fullmatch(r"\d+M", options.get("size", "")):
            return None
        node = options.get("host-nodes", "")
        return sizes[0], int(node) if node.isdigit() else None, parse_size(options["size"]) // sizes[0]

    # --- what is done ---

    def stop(self, name: str) -> None:
        """Press the power button; QEMU is ended if that does not help."""
        begun = time.monotonic()
        self.order(self.settings.shutdown_timeout + 2 * STOP_MARGIN, self.systemctl, "stop", unit_name(name))
        if time.monotonic() - begun >= self.settings.shutdown_timeout:
            self.warnings.append(f"guest {name} did not react to its power button within {self.settings.shutdown_timeout} s: it was switched off")

    def _write(self, change: FileChange) -> None:
        if change.differs and not self.check:
            replace(change)

    def define(self, vms: Sequence[Vm], names_to_remove: Sequence[str]) -> None:
        """Write the units and the helper script, remove others, and tell systemd once."""
        for name in names_to_remove:
            if self.show(name).get("UnitFileState") == "enabled":
                self.order(_ASK, self.systemctl, "disable", unit_name(name))
            self._write(FileChange(self.path(name), read_file(self.path(name)), None))
        helper = self.root / HELPER
        others = [entry.name for entry in entries(self.root / UNITS) if qemu_command.guest_of_unit(entry.name) and entry.is_file()]
        left = set(others) - {unit_name(name) for name in names_to_remove}
        if vms or left:
            self._write(FileChange(helper, read_file(helper), helper_text(), 0o755))
        else:
            self._write(FileChange(helper, read_file(helper), None))
            if not self.check and helper.parent.is_dir() and not entries(helper.parent):
                helper.parent.rmdir()
        for vm in vms:
            self._write(FileChange(self.path(vm.name), read_file(self.path(vm.name)), self.text(vm)))
        self.order(_ASK, self.systemctl, "daemon-reload")

    def set_autostart(self, vm: Vm) -> None:
        """Enable or disable the unit."""
        self.order(_ASK, self.systemctl, "enable" if vm.autostart else "disable", unit_name(vm.name))

    def start(self, vm: Vm) -> None:
        """Start the unit, which ends when the switch has connected and the vCPUs are bound. Raises HostError with QEMU's own words."""
        try:
            self.order(START_TIMEOUT + STOP_MARGIN, self.systemctl, "start", unit_name(vm.name))
        except HostError as error:
            said = self._journal(vm.name)
            self.commands.run_within(_ASK, [self.systemctl, "stop", "--no-block", unit_name(vm.name)])  # else it would try for ever
            raise HostError(f"guest {vm.name} did not start. {said or error}", **error.details) from error

    def _journal(self, name: str) -> str:
        journalctl = self.commands.find("journalctl")
        if journalctl is None:
            return ""
        argv = [journalctl, "--no-pager", "--quiet", "--output=cat", "--lines=30", f"--unit={unit_name(name)}"]
        _rc, out, _err = self.commands.run_within(_ASK, argv)
        said = [line for line in out.splitlines() if "qemu" in line or "guest_control" in line or "QEMU" in line]
        if any("did not answer in time" in line for line in said):
            said.append("QEMU waits for the switch: is each port there, does ovs-vswitchd run, and may it use the sockets?")
        return " ".join(dict.fromkeys(said[-6:]))

    def bind(self, vm: Vm) -> None:
        """Bind the threads of a guest that runs, as its unit does."""
        words = qemu_command.pin_words(vm.pins, vm.emulator_cpus)
        python = sys.executable or "/usr/bin/python3"
        self.order(_ASK, python, f"/{HELPER}", "pin", "--qmp", qemu_command.run_file(vm.name, "qmp"), "--timeout", "10", *words)

    def details(self, vm: Vm) -> dict[str, t.Any]:
        """Return the command line and the sockets of a guest."""
        qmp, serial = (qemu_command.run_file(vm.name, what) for what in ("qmp", "serial"))
        return {"command": self.command(vm), "unit": unit_name(vm.name), "qmp": qmp, "serial": serial}


def _lines(text: str) -> tuple[str, ...]:
    """Return a unit as lines, with each option of QEMU and its value on a line of its own."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("ExecStart="):
            lines.append(line)
            continue
        words = qemu_command.unquoted(line.partition("=")[2])
        lines.append(f"ExecStart={words[0]}")
        for word in words[1:]:
            if word.startswith("-") or not lines[-1].startswith("  -") or " " in lines[-1].strip():
                lines.append(f"  {word}")
            else:
                lines[-1] += f" {word}"
    return tuple(lines)
