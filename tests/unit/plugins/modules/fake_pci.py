# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host below a folder whose devices change their drivers when driverctl is run, with faults where a test wants them."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import typing as t

from ansible_collections.nfv.ovs_dpdk.tests.unit.plugins.module_utils.topology import Card, Machine

if t.TYPE_CHECKING:
    import pathlib

Answer = tuple[int, str, str]
RECORD = "var/lib/nfv.ovs_dpdk.dpdk_device.json"
MODES = "etc/modprobe.d/nfv-ovs-dpdk-vfio.conf"
NOIOMMU = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
INTERRUPTS = "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"

# the first words of what Linux 6 prints on x86, with and without interrupt remapping
REMAPPED = "            CPU0\n   2:          0  IR-IO-APIC   2-edge      timer\n"
NOT_REMAPPED = "            CPU0\n   2:          0    IO-APIC   2-edge      timer\n"

ENS5 = Card("ens5", "0000:05:00.0", "e1000e", node=0, mac="52:54:00:00:00:05", iommu_group=5, vendor="8086")
ENS6 = Card("ens6", "0000:06:00.0", "ixgbe", node=1, mac="52:54:00:00:00:06", iommu_group=6, vendor="8086")
ENS7 = Card("ens7", "0000:07:00.0", "e1000e", node=1, mac="52:54:00:00:00:07", iommu_group=7, vendor="8086")


@dataclasses.dataclass
class FakeHost:
    """The kernel, driverctl, modprobe and ip of a host below *root*."""

    root: pathlib.Path
    modules: set[str] = dataclasses.field(default_factory=lambda: {"vfio-pci", "uio_pci_generic", "loop", "e1000e", "ixgbe"})
    """What modprobe finds."""
    programs: set[str] = dataclasses.field(default_factory=lambda: {"driverctl", "modprobe", "ip"})
    faults: dict[str, str] = dataclasses.field(default_factory=dict)
    """PCI address -> what goes wrong: see driverctl()."""
    addresses: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """Interface -> its addresses."""
    routes: dict[str, str] = dataclasses.field(default_factory=dict)
    """Address -> the interface that packets to it leave by."""
    calls: list[list[str]] = dataclasses.field(default_factory=list)
    native: dict[str, str] = dataclasses.field(default_factory=dict)
    """PCI address -> the driver that the kernel chooses for it."""
    has_noiommu: bool = True
    """The kernel is built with CONFIG_VFIO_NOIOMMU."""

    def write(self, *cards: Card, interrupts: str = REMAPPED, **options: t.Any) -> None:
        """Write a machine with these cards."""
        Machine(cards=cards, **options).write(self.root)
        put(self.root / "proc/interrupts", interrupts)
        self.native = {card.pci: card.driver for card in cards if card.pci and card.driver}
        for address in self.native:
            put(self.device(address) / "driver_override", "(null)\n")

    def add_function(self, address: str, kind: str, driver: str | None, group: int) -> None:
        """Add a device that is no NIC to an IOMMU group."""
        self.bare(address, kind)
        if driver:
            self.bind(address, driver)
        for place, target in (
            (self.device(address) / "iommu_group", self.root / f"sys/kernel/iommu_groups/{group}"),
            (self.root / f"sys/kernel/iommu_groups/{group}/devices" / address, self.device(address)),
        ):
            place.symlink_to(target)

    def bare(self, address: str, kind: str) -> None:
        """Add a function of a class, without driver and group."""
        put(self.device(address) / "class", f"{kind}\n")

    def device(self, address: str) -> pathlib.Path:
        """Return the folder of a PCI function."""
        return self.root / "sys/bus/pci/devices" / address

    def driver(self, address: str) -> str | None:
        """Return the driver of a function, read without the module."""
        link = self.device(address) / "driver"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else None  # noqa: PTH115, PTH119 - by other means than the module

    def text(self, path: str) -> str | None:
        """Return the text of a file; None where there is none."""
        file = self.root / path
        return file.read_text(encoding="utf-8") if file.exists() else None

    def saved(self, address: str) -> str | None:
        """Return what driverctl has for the next boot."""
        return self.text(f"etc/driverctl.d/pci-{address}")

    def record(self) -> dict[str, dict[str, str]]:
        """Return the record of the module."""
        content = json.loads(self.text(RECORD) or "{}")
        assert isinstance(content, dict)
        return content

    def come_over_ssh(self, client: str, server: str, depth: int = 3) -> None:
        """Have this process be so many below the one that still knows its SSH connection, as under sudo."""
        pid = os.getpid()
        for level in range(depth + 1):
            known = f"SSH_CONNECTION={client} 50000 {server} 22\0" if level == depth else ""
            put(self.root / f"proc/{pid}/environ", f"HOME=/root\0{known}LANG=C\0")
            put(self.root / f"proc/{pid}/status", f"Name:\tpython3\nPPid:\t{pid + 1 if level < depth else 0}\n")
            pid += 1

    def open_file(self, path: str, name: str = "ovs-vswitchd", pid: int = 812) -> None:
        """Have a process hold a file open."""
        put(self.root / f"proc/{pid}/comm", f"{name}\n")
        handle = self.root / f"proc/{pid}/fd/7"
        handle.parent.mkdir(parents=True)
        handle.symlink_to(path)

    def boot(self) -> None:
        """Start again: drivers as driverctl has written down, parameters as modprobe.d has."""
        shutil.rmtree(self.root / "sys/module", ignore_errors=True)
        for address in sorted(self.native):
            put(self.device(address) / "driver_override", "(null)\n")
            saved = self.saved(address)
            self.driverctl("--nosave", "set-override", address, saved.strip()) if saved else self.bind(address, self.native[address])

    def bind(self, address: str, driver: str | None) -> None:
        """Move a device to a driver, as the kernel does; the interface comes and goes with its own."""
        device = self.device(address)
        (device / "driver").unlink(missing_ok=True)
        hidden, shown = device / ".net", device / "net"
        if driver is not None:
            folder = self.root / "sys/bus/pci/drivers" / driver
            folder.mkdir(parents=True, exist_ok=True)
            (device / "driver").symlink_to(folder)
        if driver != self.native.get(address) and shown.exists():
            for entry in shown.iterdir():
                (self.root / "sys/class/net" / entry.name).unlink()
            shown.rename(hidden)
        elif driver == self.native.get(address) and hidden.exists():
            hidden.rename(shown)
            for entry in shown.iterdir():
                (self.root / "sys/class/net" / entry.name).symlink_to(entry)

    def run_command(self, args: list[str], **options: t.Any) -> Answer:
        """Stand in for AnsibleModule.run_command."""
        assert options == {"environ_update": {"LC_ALL": "C", "LANGUAGE": "C"}, "expand_user_and_vars": False}
        assert args[:2] == ["timeout", "--kill-after=5"], f"may hang: {args}"
        path, *words = args[3:]
        program = path.rpartition("/")[2]
        self.calls.append([program, *words])
        assert program in self.programs
        return {"driverctl": self.driverctl, "modprobe": self.modprobe, "ip": self.ip}[program](*words)

    def changes(self) -> list[list[str]]:
        """Return the commands that change something."""
        return [call for call in self.calls if call[0] != "ip" and "--dry-run" not in call]

    def driverctl(self, *words: str) -> Answer:
        """Do what driverctl 0.111 does, or what the fault of the device says."""
        nosave, words = words[0] == "--nosave", words[1:] if words[0] == "--nosave" else words
        command, address, driver = (*words, None)[:3]
        fault = self.faults.get(address or "", "")
        assert command in {"set-override", "unset-override"}
        assert address
        if fault == "hangs":
            return 124, "", ""
        if fault == "refuses" and command == "set-override":
            return 1, "", f"driverctl: unbinding {address} failed\n"
        if fault == "vanishes" and command == "set-override":
            shutil.rmtree(self.device(address).resolve())
            self.device(address).unlink()
            return 1, "", f"driverctl: failed to bind device {address} to driver {driver}\n"
        if not self.device(address).exists():
            return 1, "", f"driverctl: no such device: {address}\n"
        put(self.device(address) / "driver_override", f"{driver or ''}\n")
        self.bind(address, None)
        if fault != "does nothing" and not (fault == "stays without driver" and command == "unset-override"):
            loaded = driver or self.native.get(address)
            self.bind(address, loaded if loaded and (self.root / "sys/bus/pci/drivers" / loaded).is_dir() else None)
        if fault in {"binds and fails", "does not bind"}:
            if fault == "does not bind":
                self.bind(address, None)
            return 1, "", f"driverctl: failed to bind device {address} to driver {driver}\n"
        if not nosave:
            self._save(address, driver)
        return 0, "", ""

    def _save(self, address: str, driver: str | None) -> None:
        file = self.root / f"etc/driverctl.d/pci-{address}"
        if driver:
            put(file, f"{driver}\n")
        else:
            file.unlink(missing_ok=True)

    def modprobe(self, *words: str) -> Answer:
        """Load a kernel module with the parameters of modprobe.d, or say whether it is there."""
        name = words[-1]
        if name not in self.modules and name != "vfio_iommu_type1":
            return 1, "", f"modprobe: FATAL: Module {name} not found\n"
        if "--dry-run" not in words:
            if name not in {"loop", "vfio_iommu_type1"}:
                (self.root / "sys/bus/pci/drivers" / name).mkdir(parents=True, exist_ok=True)
            if "vfio" in name:
                self._load_vfio()
        return 0, "", ""

    def _load_vfio(self) -> None:
        lines = self.text(MODES) or ""
        (self.root / "sys/module/vfio").mkdir(parents=True, exist_ok=True)
        for path in (NOIOMMU, INTERRUPTS) if self.has_noiommu else (INTERRUPTS,):
            if not (self.root / path).exists():
                put(self.root / path, "Y\n" if f"{path.rpartition('/')[2]}=1" in lines else "N\n")

    def ip(self, *words: str) -> Answer:
        """Print addresses, or the way to one."""
        if words[1:3] == ("route", "get"):
            device = self.routes.get(words[3])
            return (0, json.dumps([{"dst": words[3], "dev": device}]), "") if device else (2, "", "RTNETLINK answers: Network is unreachable\n")
        assert words == ("-json", "address")
        entries = [
            {
                "ifname": name,
                "flags": ["BROADCAST", "UP"],
                "addr_info": [{"local": one.partition("/")[0], "prefixlen": int(one.partition("/")[2]), "scope": "global"} for one in addresses],
            }
            for name, addresses in self.addresses.items()
        ]
        return 0, json.dumps(entries), ""


def put(path: pathlib.Path, text: str) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
