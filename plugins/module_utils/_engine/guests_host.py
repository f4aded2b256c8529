# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host and its switch guests need, read before anything is touched (private to this collection)."""

from __future__ import annotations

import contextlib
import json
import pathlib
import pwd
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import host
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_pmd import parse_pmd_threads
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.qemu import kvm_works
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import qemu_command
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.rates import format_size
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import HostFacts

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.commands import Commands
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vm import Vm

_ASK = 30  # seconds
# Debian, Fedora; RHEL has it outside of PATH
_PROGRAMS = ("qemu-system-x86_64", "qemu-kvm")
_RHEL_PROGRAM = "usr/libexec/qemu-kvm"
# Seen with 7.2, and not with 10.0: without KVM, QEMU takes MSI-X of a vhost-user device for one that KVM delivers (hw/virtio/virtio-pci.c)
_CRASHES_WITHOUT_KVM = (7, 2)
_BOOT_SIGNATURE = (510, b"\x55\xaa")


class Qemu(t.NamedTuple):
    """The program and its release."""

    path: str
    version: tuple[int, int] | None

    def warnings(self, vms: Iterable[Vm]) -> list[str]:
        """Return what this release is known to do wrong."""
        if self.version is None or self.version > _CRASHES_WITHOUT_KVM:
            return []
        release = ".".join(map(str, self.version))
        return [f"guest {vm.name}: QEMU {release} crashes when a guest without KVM uses a vhost-user device; take a newer one" for vm in vms if not vm.kvm]


@contextlib.contextmanager
def refused_in_a_run(warnings: list[str], *, check: bool) -> t.Iterator[None]:
    """Have a refusal be a warning in check mode: for what an earlier task of the same play may see to, so that a bare host can be planned."""
    try:
        yield
    except InputError as error:
        if not check:
            raise
        warnings.append(_later(error))


def _later(error: InputError) -> str:
    return f"{error} Check mode goes on, as an earlier task may see to it."


def read_facts(root: pathlib.Path, rundir: str, warnings: list[str]) -> HostFacts:
    """Return what guests have to fit to. A switch that does not answer gives a warning."""
    topology, memory = host.read_cpus(root), host.read_memory(root)
    try:
        threads = parse_pmd_threads(Daemon(rundir, _ASK).ask("dpif-netdev/pmd-rxq-show"))
        pmd_cpus, number = frozenset(thread.core for thread in threads), len(threads)
    except HostError as error:
        warnings.append(f"the switch could not be asked for its PMD threads, so that their CPUs and number are not checked: {error}")
        pmd_cpus, number = frozenset(), -1
    pools: dict[int, dict[int | None, int]] = {size: {None: pool.free - (pool.reserved or 0)} for size, pool in memory.hugepages.items()}
    for node in memory.nodes.values():
        for size, pool in node.pools.items():
            pools.setdefault(size, {})[node.id] = pool.free - (pool.reserved or 0)
    nodes = {node: topology.on_node(node) for node in topology.nodes}
    return HostFacts(
        present=topology.present,
        online=topology.online,
        nodes=nodes,
        free_pages=pools,
        default_page_size=memory.default_size,
        kvm=kvm_works(root),
        pmd_cpus=pmd_cpus,
        pmd_threads=None if number < 0 else number,
    )


def find_qemu(commands: Commands, root: pathlib.Path, *, check: bool) -> Qemu:
    """Return QEMU. Raises HostError; in check mode it may be missing."""
    found = next((path for path in map(commands.find, _PROGRAMS) if path), None)
    if found is None and (root / _RHEL_PROGRAM).exists():
        found = f"/{_RHEL_PROGRAM}"
    if found is None:
        if check:
            return Qemu(f"/usr/bin/{_PROGRAMS[0]}", None)
        raise HostError("this host has no QEMU. Install it (qemu-system-x86, qemu-kvm).")
    _rc, out, _err = commands.run_within(_ASK, [found, "--version"])
    return Qemu(found, qemu_command.parse_version(out))


def hugepage_paths(root: pathlib.Path, default_size: int | None) -> dict[int, str]:
    """Return where hugetlbfs of each page size is mounted; of several places the first one."""
    return {mount.page_size: mount.path for mount in reversed(host.read_hugepage_mounts(root, default_size)) if mount.page_size}


def check_mounts(vms: Iterable[Vm], mounts: Mapping[int, str]) -> None:
    """Raise InputError for a page size of which no hugetlbfs is mounted."""
    for vm in vms:
        if vm.page_size not in mounts:
            known = ", ".join(sorted(f"{format_size(one)} on {path}" for one, path in mounts.items())) or "nowhere"
            possible = f"hugetlbfs of this page size is not mounted; it is: {known}."
            advice = "Mount it (role host_tuning, host_tuning_hugepage_mounts)."
            raise InputError(f"guest {vm.name}", "hugepage_size", format_size(vm.page_size), possible, advice)


def image_format(commands: Commands, subject: str, path: str, given: str | None, warnings: list[str], *, check: bool) -> str:
    """Return the format of a disk image. Raises InputError for what is missing or no image."""
    file = pathlib.Path(path)
    if file.exists() and not file.is_file():
        raise InputError(subject, "image", path, "Something else than a file is there.", "Correct the path.")
    if not file.exists():
        missing = InputError(subject, "image", path, "There is no such file.", "Put the disk image there first, or correct the path.")
        if not check:
            raise missing
        warnings.append(_later(missing))
        return given or "qcow2"
    program = commands.find("qemu-img")
    if program is None:
        if check:
            return given or "qcow2"
        raise HostError("this host has no qemu-img. Install it (qemu-utils, qemu-img).")
    # --force-share: a guest that runs holds a lock on its image
    argv = [program, "info", "--force-share", "--output=json", *(["-f", given] if given else []), path]
    rc, out, err = commands.run_within(_ASK, argv)
    if rc:
        raise InputError(
            subject, "image", path, f"It is no disk image{f' of format {given}' if given else ''}: {err.strip()}.", "Correct image or image_format."
        )
    found = str(json.loads(out).get("format"))
    if found == "raw" and not given and not _boots(file):
        possible = "It is no disk image: qemu-img knows no format of it, and it does not begin with a boot sector."
        raise InputError(subject, "image", path, possible, "Correct the path, or give image_format: raw for an image without one.")
    return found


def _boots(file: pathlib.Path) -> bool:
    """Tell whether a file begins with a boot sector, which disks with GPT have too."""
    offset, signature = _BOOT_SIGNATURE
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(len(signature)) == signature


def check_host(vms: Iterable[Vm], root: pathlib.Path, backend: str, user: str) -> None:
    """Raise InputError for files, bridges and users that are not there."""
    for vm in vms:
        subject = f"guest {vm.name}"
        for option, path in (("boot.kernel", vm.boot.kernel), ("boot.initrd", vm.boot.initrd), ("firmware", vm.firmware)):
            if path and not pathlib.Path(path).is_file():
                raise InputError(subject, option, path, "There is no such file.", "Put it there first, or correct the path.")
        if vm.serial_log and not pathlib.Path(vm.serial_log).parent.is_dir():
            raise InputError(subject, "serial_log", vm.serial_log, "There is no such folder.", "Make the folder first, or correct the path.")
        if vm.management and vm.management.type == "bridge" and not (root / f"sys/class/net/{vm.management.source}/bridge").is_dir():
            raise InputError(subject, "management.bridge", vm.management.source, "There is no such bridge of the kernel.", "Add it first, or correct the name.")
    if user and backend == "qemu":
        try:
            pwd.getpwnam(user)
        except KeyError:
            raise InputError("guests", "user", user, "This host does not know that user.", "Add it first, or correct the name.") from None
