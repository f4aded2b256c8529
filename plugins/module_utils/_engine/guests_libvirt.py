# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests as domains of libvirt, through virsh (private to this collection)."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.files import FileChange, replace
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guests import Backend, Found
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import qemu
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import domain_xml
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.cpus import format_cpu_list
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.qemu_command import RUN_FOLDER, START_TIMEOUT

if t.TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.guests import Settings
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import Vm

_ASK = 60  # seconds


class LibvirtBackend(Backend):
    """Guests as domains."""

    name = "libvirt"

    def __init__(self, commands: Commands, settings: Settings) -> None:
        super().__init__(commands, settings)
        virsh = commands.find("virsh")
        if virsh is None and not settings.check:
            raise HostError("this host has no virsh. Install the clients of libvirt (libvirt-clients, libvirt-client), or take backend qemu.")
        self.virsh = virsh
        self.domains: dict[str, ET.Element] = {}
        self._list()

    def _list(self) -> None:
        """Read which domains there are."""
        self.there = self._names("--all")
        self.running = self._names()
        self.autostart = self._names("--all", "--autostart")

    # --- what is there ---

    def argv(self, *words: str) -> list[str]:
        """Return a command line of virsh."""
        return [self.virsh or "/usr/bin/virsh", f"--connect={self.settings.libvirt_uri}", "--quiet", *words]

    def ask(self, *words: str) -> str:
        """Return what virsh prints. Raises HostError."""
        argv = self.argv(*words)
        rc, out, err = self.commands.run_within(_ASK, argv)
        if rc:
            why = err.strip().replace("error: ", "") or out.strip()
            raise HostError(f"libvirt does not answer {' '.join(words)}: {why}", cmd=argv, rc=rc, stdout=out, stderr=err)
        return out

    def _names(self, *words: str) -> frozenset[str]:
        """Return names of domains; none in check mode of a host that has no libvirt yet."""
        if self.virsh is None:
            return frozenset()
        return frozenset(name.strip() for name in self.ask("list", "--name", *words).splitlines() if name.strip())

    def _domain(self, name: str, *words: str) -> ET.Element:
        try:
            return domain_xml.parse(self.ask("dumpxml", *words, "--", name))
        except ValueError as error:
            raise HostError(f"guest {name}: libvirt gives {error}.") from None

    def found(self, name: str, wanted: Vm | None) -> Found:
        """Return a guest as libvirt has it."""
        if name not in self.there:
            return Found()
        domain = self.domains[name] = self._domain(name, "--inactive", "--security-info")
        target = domain_xml.build(wanted) if wanted else None
        running = name in self.running
        active = self._domain(name, "--security-info") if running else None
        return Found(
            defined=True,
            running=running,
            autostart=name in self.autostart,
            lines=tuple(domain_xml.as_lines(domain)),
            agrees=target is not None and domain_xml.agrees(domain, target),
            runs_as_wanted=active is not None and target is not None and domain_xml.runs_as(active, target),
            pid=qemu.libvirt_pid(self.root, name) if running else None,
            held=domain_xml.pages_of(active) if active is not None else None,
            sockets=domain_xml.sockets_of(active) if active is not None else frozenset(),
        )

    def refreshed(self, vm: Vm) -> Found:
        """Return a guest after changes."""
        self._list()
        return self.found(vm.name, vm)

    def wanted_lines(self, vm: Vm) -> tuple[str, ...]:
        """Return what is ours of the domain as it shall be."""
        return tuple(domain_xml.wanted_lines(self.domains.get(vm.name), domain_xml.build(vm)))

    def text(self, vm: Vm) -> str:
        """Return the domain as it shall be: ours, and of one that is there what others have."""
        target = domain_xml.build(vm)
        there = self.domains.get(vm.name)
        return domain_xml.text_of(target if there is None else domain_xml.merged(there, target))

    # --- what is done ---

    def stop(self, name: str) -> None:
        """Press the power button, and end QEMU if that does not help."""
        self.order(_ASK, *self.argv("shutdown", "--", name))
        end = time.monotonic() + self.settings.shutdown_timeout
        while not self.check:
            if name not in self._names():
                return
            if time.monotonic() >= end:
                self.warnings.append(f"guest {name} did not react to its power button within {self.settings.shutdown_timeout} s: it was switched off")
                self.order(_ASK, *self.argv("destroy", "--", name))
                return
            time.sleep(1)

    def define(self, vms: Sequence[Vm], names_to_remove: Sequence[str]) -> None:
        """Define domains, which libvirt checks against its schema, and undefine others."""
        for name in names_to_remove:
            self.order(_ASK, *self.argv("undefine", "--managed-save", "--nvram", "--", name))
        for vm in vms:
            path = self.root / f"run/{RUN_FOLDER}/{vm.name}.xml"
            change = FileChange(path, None, self.text(vm), 0o600)
            if not self.check:
                replace(change)
            try:
                self.order(_ASK, *self.argv("define", "--validate", "--", str(path)))
            finally:
                if not self.check:
                    replace(change.back())

    def set_autostart(self, vm: Vm) -> None:
        """Have libvirtd start the domain when it starts itself, or not."""
        self.order(_ASK, *self.argv("autostart", *([] if vm.autostart else ["--disable"]), "--", vm.name))

    def start(self, vm: Vm) -> None:
        """Start a domain, which ends when the switch has connected. Raises HostError with QEMU's own words."""
        try:
            self.order(START_TIMEOUT, *self.argv("start", "--", vm.name))
        except HostError as error:
            hint = ""
            if "no end within" in str(error) or "monitor socket" in str(error):
                hint = " QEMU may wait for the switch: is each port there, does ovs-vswitchd run, and may both use the sockets?"
            raise HostError(f"guest {vm.name} did not start: {error}{hint}", **error.details) from error

    def bind(self, vm: Vm) -> None:
        """Bind the threads of a domain that runs."""
        for vcpu, cpus in enumerate(vm.pins):
            self.order(_ASK, *self.argv("vcpupin", "--live", "--", vm.name, str(vcpu), format_cpu_list(cpus)))
        if vm.emulator_cpus:
            self.order(_ASK, *self.argv("emulatorpin", "--live", "--", vm.name, format_cpu_list(vm.emulator_cpus)))

    def details(self, vm: Vm) -> dict[str, t.Any]:
        """Return the XML of the task."""
        return {"xml": domain_xml.text_of(domain_xml.build(vm))}
