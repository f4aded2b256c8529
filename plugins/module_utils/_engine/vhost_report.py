# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what there is to know of the vhost-user ports of a switch, and have it judged (private to this collection).

The cost does not grow with each port: one read of the database, one question to the daemon, one pass over the processes of the host,
one list of its sockets. Only the memory of each guest is read for itself.
"""

from __future__ import annotations

import contextlib
import functools
import grp
import os
import posixpath
import pwd
import re
import stat
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine import policer
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers import process_memory, process_table, unix_sockets
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.appctl_ports import parse_rx_queues
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_files import read_text
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.host_memory import read_memory
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import NoDaemonError
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import access, virtio
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Expected, Facts, Guest, Listener, Mode, Polled, findings

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.ovsdb import Interface, Snapshot
    from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.unixctl import Daemon

MODES: Mapping[str, Mode] = {"dpdkvhostuserclient": "client", "dpdkvhostuser": "server"}
_LOGGED = 3  # messages of a port that are shown
# What the switch says when something works, and how the messages begin that are out of date then
_OVER = {
    "now ready for processing": "",
    "binding succeeded": "",
    "VHOST_CONFIG: new device, handle is": "failed to connect",
    ") connected": "failed to connect",
}


@functools.cache
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.cache
def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


@functools.cache
def _real(folder: str) -> str:
    return os.path.realpath(folder)


def same_path(path: str) -> str:
    """Return one spelling of the path of a socket: /var/run is a link to /run on most hosts."""
    return posixpath.join(_real(posixpath.dirname(path)), posixpath.basename(path))


def user(name: str) -> access.Who | None:
    """Return a user of this host by name; None where there is none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return access.Who(name, entry.pw_uid, frozenset(os.getgrouplist(name, entry.pw_gid)), overrides=entry.pw_uid == 0)


class _Entry(t.NamedTuple):
    """A file as it stands there, with its inode."""

    guarded: access.Guarded
    inode: int


def _entry(path: str) -> _Entry | None:
    """Return a file or folder; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - of 256 sockets, of which paths cost much
    except OSError:
        return None
    acl: tuple[access.AclEntry, ...] = ()
    with contextlib.suppress(OSError):
        acl = access.parse_acl(os.getxattr(path, "system.posix_acl_access"))
    kind: t.Literal["socket", "folder", "other"] = "socket" if stat.S_ISSOCK(status.st_mode) else "folder" if stat.S_ISDIR(status.st_mode) else "other"
    guarded = access.Guarded(path, kind, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), _user(status.st_uid), _group(status.st_gid), acl)
    return _Entry(guarded, status.st_ino)


def _folders(folder: str) -> tuple[access.Guarded, ...]:
    """Return the folders on the way to *folder* and itself, as far as they are there."""
    parts = [part for part in folder.split("/") if part]
    found = []
    for number in range(len(parts) + 1):
        entry = _entry("/" + "/".join(parts[:number]))
        if entry is None or entry.guarded.kind != "folder":
            break
        found.append(entry.guarded)
    return tuple(found)


# --- processes and sockets ---


class _Named(t.NamedTuple):
    """A process that names a socket among its words, and whether it makes the socket."""

    pid: int
    server: bool


def named_sockets(words: Iterable[str]) -> dict[str, bool]:
    """Return the sockets that the words of a process name, and whether it makes each.

    QEMU has ``-chardev socket,path=P,server=on`` (or ``server`` alone, before 6.0), DPDK ``--vdev=net_virtio_user0,path=P,server=1``.
    """
    found = {}
    for word in words:
        path = re.search(r"(?:^|,)path=((?:[^,]|,,)+)", word) if "path=/" in word and not re.search(r"\s", word) else None
        if path:
            found[path[1].replace(",,", ",")] = bool(re.search(r",server(?:=(?:on|yes|true|1))?(?:,|$)", word))
    return found


def guest_name(words: Sequence[str]) -> str | None:
    """Return the name that QEMU's arguments give a guest."""
    for option, value in zip(words, words[1:]):
        if option == "-name":
            given = re.search(r"(?:^|,)guest=([^,]+)", value)
            return given[1] if given else value.partition(",")[0]
    return None


class Host:
    """The processes and sockets of the host, as far as sockets *wanted* are concerned."""

    def __init__(self, root: pathlib.Path, wanted: Iterable[str], switch: int | None) -> None:
        self.root = root
        self.switch = switch
        self.readable = True
        self.processes = process_table.read_processes(root)
        self.links = unix_sockets.read_links()
        self.sockets: dict[str, list[unix_sockets.UnixSocket]] = {}
        keys = {same_path(path) for path in wanted}
        for one in self._all_sockets():
            key = same_path(one.path)
            if key in keys:
                self.sockets.setdefault(key, []).append(one)
        found = [one.inode for many in self.sockets.values() for one in many]
        peers = [peer for peer in (self.links[inode].peer for inode in found if inode in self.links) if peer]
        self.holders = process_table.socket_holders(root, [*self.processes], {*found, *peers})
        self.named: dict[str, _Named] = {}
        for pid, process in self.processes.items():
            for path, server in named_sockets(process.words).items() if pid not in {switch, os.getpid()} else ():
                self.named[same_path(path)] = _Named(pid, server)

    def _all_sockets(self) -> list[unix_sockets.UnixSocket]:
        """Return the sockets of all network namespaces: a guest may be in another one, for paths do not end there."""
        first = {process.namespace: pid for pid, process in reversed(self.processes.items()) if process.namespace}
        texts = [read_text(self.root / "proc" / str(pid) / "net/unix") for pid in first.values()] or [None]
        if texts == [None]:
            texts = [read_text(self.root / "proc/net/unix")]
        self.readable = any(text is not None for text in texts)
        return list(dict.fromkeys(one for text in texts for one in unix_sockets.parse_unix(text or "")))

    def holder(self, inode: int | None) -> int | None:
        """Return a process that holds a socket; the switch only where nobody else does."""
        pids = self.holders.get(inode, []) if inode else []
        return next((pid for pid in reversed(pids) if pid != self.switch), pids[-1] if pids else None)

    def listeners(self, path: str, inode: int | None) -> tuple[Listener, ...] | None:
        """Return who listens on a socket, whose file has *inode*."""
        if not self.readable:
            return None
        found = []
        named = self.named.get(same_path(path))
        for one in self.sockets.get(same_path(path), ()):
            pid = self.holder(one.inode) if one.listening else None
            if pid is None and named and named.server:
                pid = named.pid
            file = self.links[one.inode].file if one.inode in self.links else None
            if one.listening:
                command = self.processes[pid].command if pid in self.processes else "a process that cannot be seen"
                found.append(Listener(pid or 0, command, pid is not None and pid == self.switch, replaced=bool(file and inode and file != inode)))
        return tuple(found)

    def guest(self, path: str, mode: Mode, listeners: Sequence[Listener]) -> Guest | None:
        """Return the process of the guest: the other end of the connection, who listens, or who names the socket among its words."""
        named = self.named.get(same_path(path))
        for one in self.sockets.get(same_path(path), ()):
            if one.listening or not one.connected:
                continue
            peer = self.links[one.inode].peer if one.inode in self.links else None
            pid, other = (self.holder(end) for end in ((one.inode, peer) if mode == "client" else (peer, one.inode)))
            if pid is None and named:  # what a process of another user holds is seen with CAP_SYS_PTRACE only, as containers do not have it
                pid = named.pid
            if pid and pid != self.switch and other in ({self.switch} if self.links else {self.switch, None}):
                return self._guest(pid, server=mode == "client", attached=True)
        for listener in listeners:
            if not listener.is_switch and listener.pid and not listener.replaced:
                return self._guest(listener.pid, server=True, attached=False)
        return self._guest(named.pid, server=named.server, attached=False) if named else None

    def _guest(self, pid: int, *, server: bool | None, attached: bool) -> Guest:
        process = self.processes[pid]
        return Guest(pid, process.command, guest_name(process.words), self.who(pid), server, attached, self._memory(pid))

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - one object in the life of a module
    def _memory(self, pid: int) -> t.Any:
        return process_memory.read_guest_memory(self.root, pid)

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - one object in the life of a module
    def who(self, pid: int | None) -> access.Who | None:
        """Return who a process runs as."""
        identity = process_table.read_identity(self.root, pid) if pid else None
        return access.Who(_user(identity.uid), identity.uid, identity.gids, identity.overrides) if identity else None


# --- the log ---


def logged(lines: Iterable[str], paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the last warnings and errors about each socket, in the words of the switch, since it started and since a guest was last connected.

    *paths* are those that same_path gives.
    """
    found: dict[str, list[str]] = {path: [] for path in paths}
    for line in lines:
        if "|vlog|INFO|opened log file" in line:
            found = {path: [] for path in found}
        over = next((obsolete for words, obsolete in _OVER.items() if words in line), None)
        if over is None and "|WARN|" not in line and "|ERR|" not in line:
            continue
        text = re.sub(r"^VHOST_CONFIG: (?:\(\S+\) )?", "", line.split("|", 4)[-1].strip())
        for path in {same_path(token) for token in re.findall(r"/[^\s'\"(),;]*[^\s'\"(),;:.]", line)}:
            if path in found:
                kept = [old for old in found[path] if old != text and (over is None or not old.startswith(over))]
                found[path] = kept if over is not None else [*kept, text][-_LOGGED:]
    return found


# --- all of it ---


def server_socket(snapshot: Snapshot, rundir: str, name: str) -> str:
    """Return the socket of a port in mode server: vhost-sock-dir is below the run directory (vswitch.xml)."""
    return posixpath.normpath(posixpath.join(rundir, snapshot.switch.other_config.get("vhost-sock-dir", "").strip("/"), name))


class VhostReport:
    """What is wrong with the ports *names* of a switch."""

    def __init__(self, snapshot: Snapshot, daemon: Daemon, root: pathlib.Path, names: Sequence[str]) -> None:
        self.snapshot = snapshot
        self.rundir = str(daemon.rundir)
        self.names = names
        self.problem: str | None = None
        self.switch: int | None = None
        answer: t.Any = ""
        try:
            self.switch = daemon.pid()
            answer = daemon.ask_all([("dpif-netdev/pmd-rxq-show",)])[0]
        except NoDaemonError as error:
            self.problem = str(error)
        self.rxqs: dict[str, list[Polled]] = {}
        for queue in parse_rx_queues(answer) if isinstance(answer, str) else ():
            self.rxqs.setdefault(queue.port, []).append(Polled(queue.queue, queue.core, queue.node, queue.enabled))
        self.paths = {name: self.socket(name) for name, interface in snapshot.interfaces.items() if interface.type in MODES}
        elsewhere = {name: posixpath.join(self.rundir, name) for name in names if snapshot.interfaces[name].type == "dpdkvhostuser"}
        self.elsewhere = {name: path for name, path in elsewhere.items() if same_path(path) != same_path(self.paths[name])}
        self.host = Host(root, [*(self.paths[name] for name in names if self.paths[name]), *self.elsewhere.values()], self.switch)
        self.free = {node.id: {size: pool.free for size, pool in node.pools.items()} for node in read_memory(root).nodes.values()}
        self.ports = {interface: port for port in snapshot.ports.values() for interface in port.interfaces}
        self.folders: dict[str, tuple[access.Guarded, ...]] = {}
        self.users: dict[str, list[str]] = {}
        for name, path in self.paths.items():
            self.users.setdefault(same_path(path) if path else "", []).append(name)

    def socket(self, name: str) -> str:
        """Return the socket that a port shall have; empty where the database names none."""
        interface = self.snapshot.interfaces[name]
        if interface.type == "dpdkvhostuser":
            return server_socket(self.snapshot, self.rundir, name)
        path = interface.options.get("vhost-server-path", "")
        return posixpath.normpath(path) if path else ""

    def facts(self, name: str, guest_user: access.Who | None, log: Mapping[str, Sequence[str]]) -> Facts:
        """Return what is known of one port."""
        interface, path = self.snapshot.interfaces[name], self.paths[name]
        mode = MODES[interface.type]
        entry = _entry(path) if path else None
        folder = posixpath.dirname(path)
        if path and folder not in self.folders:
            self.folders[folder] = _folders(folder)
        misplaced = self._misplaced(name) if entry is None else None
        listeners = self.host.listeners(misplaced or path, entry.inode if entry else None) if path else ()
        status = interface.status if self.problem is None else {}
        in_use = status.get("socket")
        return Facts(
            port=name,
            mode=mode,
            socket=path,
            in_use=None if in_use is None or misplaced or same_path(in_use) == same_path(path or "/") else in_use,
            misplaced=misplaced,
            same_socket=tuple(other for other in self.users[same_path(path)] if other != name) if path else (),
            folders=self.folders.get(folder, ()),
            file=entry.guarded if entry else None,
            listeners=listeners,
            guest=self.host.guest(misplaced or path, mode, listeners or ()) if path else None,
            switch=self.host.who(self.switch),
            guest_user=guest_user,
            answers=self.problem is None,
            error=interface.error,
            admin_up=interface.admin_state != "down",
            link_up=interface.link_state == "up",
            connected=status.get("status") == "connected",
            features=virtio.bits_of_hex(status.get("features")),
            rings=int(status["num_of_vrings"]) if status.get("num_of_vrings", "").isdecimal() else None,
            n_rxq=interface.options.get("n_rxq"),
            rxqs=tuple(self.rxqs.get(name, ())),
            free_pages=self.free,
            policers=tuple(self._policers(interface)),
            log=tuple(log.get(same_path(path), ())) if path else (),
        )

    def _misplaced(self, name: str) -> str | None:
        """Return where a socket of the switch stands instead of where vhost-sock-dir says."""
        path = self.elsewhere.get(name)
        entry = _entry(path) if path else None
        listeners = self.host.listeners(path, entry.inode) if path and entry else None
        return path if any(listener.is_switch for listener in listeners or ()) else None

    def _policers(self, interface: Interface) -> Iterable[str]:
        """Yield the policers of a port, each on one line."""
        port, units = self.ports.get(interface.name), policer.Units("pps")
        egress = policer.show_egress(self.snapshot.qos.get(port.qos), self.snapshot.queues, units) if port and port.qos else None
        if egress:
            yield f"egress {policer.text_of(egress)}"
        ingress = policer.show_ingress(interface, units)
        if ingress:
            yield f"ingress {policer.text_of(ingress)}"

    def results(self, expected: Mapping[str, Expected], guest_user: access.Who | None, lines: Sequence[str]) -> dict[str, t.Any]:
        """Return the results of the module."""
        log = logged(lines, [same_path(self.paths[name]) for name in self.names if self.paths[name]])
        ports, wrong = [], []
        for name in self.names:
            facts = self.facts(name, guest_user, log)
            said = findings(facts, expected.get(name, Expected()))
            ports.append(_shown(facts, self.problem) | {"findings": [one._asdict() for one in said]})
            wrong += [{"port": name, **one._asdict()} for one in said if one.ok is False]
        return {"running": self.problem is None, "problem": self.problem, "healthy": self.problem is None and not wrong, "ports": ports, "findings": wrong}


def _shown(facts: Facts, problem: str | None) -> dict[str, t.Any]:
    """Return one port as a person reads it."""
    file, guest = facts.file, facts.guest
    listener = next((one for one in facts.listeners or () if not one.replaced), None)
    memory = guest.memory if guest else None
    return {
        "name": facts.port,
        "mode": facts.mode,
        "socket": {
            "path": facts.misplaced or facts.socket or None,
            "exists": file is not None or facts.misplaced is not None,
            "owner": file.owner if file else None,
            "group": file.group if file else None,
            "mode": file.octal if file else None,
            "listening": None if facts.listeners is None else listener is not None,
            "listener": {"pid": listener.pid, "command": listener.command} if listener else None,
        },
        "connected": facts.connected if problem is None else None,
        "features": None if facts.features is None else virtio.names_of(facts.features),
        "queues": {
            "guest": None if facts.rings is None else facts.rings // 2,
            "polled": len([queue for queue in facts.rxqs if queue.enabled]) if facts.connected else 0,
            "pmds": sorted({queue.core for queue in facts.rxqs}),
        },
        "guest": {
            "pid": guest.pid,
            "name": guest.name,
            "command": guest.command,
            "user": guest.who.name if guest.who else None,
            "attached": guest.attached,
            "memory": memory.size if memory else None,
            "memory_shared": None if memory is None else memory.private == 0,
            "hugepages": None if memory is None or memory.page_size is None else memory.page_size >= 1 << 21,
            "page_size": memory.page_size if memory else None,
            "nodes": sorted(memory.nodes) if memory else [],
        }
        if guest
        else None,
    }
