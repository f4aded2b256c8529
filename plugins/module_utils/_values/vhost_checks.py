# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people get wrong with vhost-user ports: one function for each check (private to this collection). Pure.

Guide sections 5.1, 5.3 and 6.1; Open vSwitch, Documentation/topics/dpdk/vhost-user.rst; QEMU, docs/interop/vhost-user.rst.
Every function takes the facts about one port and what is expected of it, and returns a :class:`Finding`.
"""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import access, names, virtio

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Mode = t.Literal["client", "server"]
_SMALL_PAGE = 64 * 1024  # pages of hugetlbfs are larger than this on every architecture


class Finding(t.NamedTuple):
    """What one check says. *ok* is None where it cannot be told, and then *do* says what would tell, if anything."""

    check: str
    ok: bool | None
    says: str
    do: str = ""


class Expected(t.NamedTuple):
    """What is expected of a port and its guest; None: nothing."""

    queues: int | None = None
    mrg_rxbuf: bool | None = None
    features: tuple[int, ...] = ()
    node: int | None = None
    policer: bool = False


class Listener(t.NamedTuple):
    """A process that listens on a socket. *replaced*: its file is not the one that stands there now."""

    pid: int
    command: str
    is_switch: bool = False
    replaced: bool = False

    def __str__(self) -> str:
        """Return it as a sentence has it."""
        return "ovs-vswitchd" if self.is_switch else f"{self.command} (pid {self.pid})"


class Polled(t.NamedTuple):
    """An rx queue of the port, the CPU and the node of the PMD thread that polls it, and whether the guest uses it."""

    queue: int
    core: int
    node: int
    enabled: bool


class Memory(t.NamedTuple):
    """The memory of a guest: bytes in all, bytes that others cannot see, its smallest page in bytes, and bytes by node."""

    size: int
    private: int
    page_size: int | None
    nodes: Mapping[int, int]


class Guest(t.NamedTuple):
    """The process of a guest. *server*: whether it makes the socket; None where its arguments do not say. *attached*: connected with the switch."""

    pid: int
    command: str
    name: str | None
    who: access.Who | None
    server: bool | None
    attached: bool
    memory: Memory | None

    def __str__(self) -> str:
        """Return it as a sentence has it."""
        return f"guest {self.name} ({self.command}, pid {self.pid})" if self.name else f"{self.command} (pid {self.pid})"


class Facts(t.NamedTuple):
    """All that is known of one port. *socket* is the path that the database gives it; *in_use* the one that the switch has."""

    port: str
    mode: Mode
    socket: str
    in_use: str | None = None
    misplaced: str | None = None
    """In mode server: where the socket stands instead."""
    same_socket: tuple[str, ...] = ()
    """Other ports with the same socket."""
    folders: tuple[access.Guarded, ...] = ()
    """Those on the way to the socket, from / on; the last one that is there is its folder, or one above it."""
    file: access.Guarded | None = None
    listeners: tuple[Listener, ...] | None = None
    """None where the sockets of the host cannot be read."""
    guest: Guest | None = None
    switch: access.Who | None = None
    guest_user: access.Who | None = None
    answers: bool = True
    """Whether ovs-vswitchd answers; without it, what it wrote last is old."""
    error: str | None = None
    admin_up: bool = True
    link_up: bool = False
    connected: bool = False
    features: frozenset[int] | None = None
    rings: int | None = None
    n_rxq: str | None = None
    rxqs: tuple[Polled, ...] = ()
    free_pages: Mapping[int, Mapping[int, int]] = {}
    """Node -> size of a page in bytes -> free pages."""
    policers: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    """What the switch last logged about the socket, as warnings and errors."""

    @property
    def folder(self) -> str:
        """Return the folder of the socket."""
        return posixpath.dirname(self.socket)

    @property
    def guest_who(self) -> access.Who | None:
        """Return who the guest is or would be."""
        return self.guest.who if self.guest and self.guest.who else self.guest_user

    @property
    def pmd_nodes(self) -> list[int]:
        """Return the nodes of the PMD threads that poll the port."""
        return sorted({queue.node for queue in self.rxqs})


_AS_ROOT = "Run the task as root (become)."
_REMAKE = "ovs-vsctl del-port and add-port, or module vhost_user_port with state absent and then present"


def socket_path(facts: Facts, _expected: Expected) -> Finding:
    """Check the path: that there is one, that it can be one, that it is this port's alone, and that the switch uses it."""
    for says, do in _path_problems(facts):
        return Finding("socket_path", ok=False, says=says, do=do)
    return Finding("socket_path", ok=True, says=f"The socket of port {facts.port} is {facts.socket}.")


def _path_problems(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the path and what to do, the worst first."""
    port, path = facts.port, facts.socket
    if not path:
        do = "Set options:vhost-server-path, or give socket to module vhost_user_port."
        yield f"Port {port} has no socket: options:vhost-server-path is not set.", do
        return
    length = len(path.encode())
    if length > names.MAX_SOCKET_PATH:
        says = f"The socket of port {port}, {path}, has {length} bytes; a Unix socket has {names.MAX_SOCKET_PATH} at most."
        yield says, "Take a shorter folder or name."
    if facts.same_socket:
        says = f"Port {port} and port {' and '.join(facts.same_socket)} have one socket, {path}: only one of them gets the guest."
        yield says, "Give each port a socket of its own."
    if facts.in_use:
        says = f"Port {port} shall use {path}, and the switch still uses {facts.in_use}: it does not change the path of a connected port."
        yield says, f"Make the port again ({_REMAKE})."
    if facts.misplaced:
        says = f"The socket of port {port} shall be {path} and is {facts.misplaced}: vhost-sock-dir was set after DPDK was initialised, or is no folder."
        yield says, f"Have the folder {facts.folder} and restart ovs-vswitchd, or start the guest with {facts.misplaced}."
    if facts.folders and facts.folders[-1].path != facts.folder:
        says = f"The folder {facts.folder} of the socket of port {port} is not there, so that nobody can make the socket."
        yield says, "Make it (module vhost_user_port: socket_dir_mode); below /run, have systemd-tmpfiles make it at each boot."
    if facts.file is not None and facts.file.kind != "socket":
        yield f"{path} of port {port} is {'a folder' if facts.file.kind == 'folder' else 'a file'} and no socket.", "Remove it, or give the port another path."


def _permissions(facts: Facts) -> Finding | None:
    """Return what keeps one side from the socket, for the first obstacle on the way; None where there is none that can be seen."""
    for who, side in ((facts.switch, "ovs-vswitchd"), (facts.guest_who, "the guest")):
        if who is None:
            continue
        for folder in facts.folders:
            makes = facts.mode == ("client" if side == "the guest" else "server") and folder.path == facts.folder and facts.file is None
            need = access.SEARCH + (access.WRITE if makes else 0)
            verdict = access.may(who, folder, need)
            if not verdict.allowed:
                what = f"cannot make its socket in {folder.path}" if makes else f"cannot get through {folder.path} to the socket"
                return _refused(facts, _Obstacle(who, side, what, folder, "wx" if makes else "x", verdict))
        connects = facts.mode == ("server" if side == "the guest" else "client")
        if facts.file is not None and facts.file.kind == "socket" and connects:
            verdict = access.may(who, facts.file, access.WRITE)
            if not verdict.allowed:
                return _refused(facts, _Obstacle(who, side, f"cannot connect to {facts.file.path}", facts.file, "rw", verdict))
    return None


class _Obstacle(t.NamedTuple):
    """What keeps one side from doing something: *letters* are the permissions that it needs of *file*."""

    who: access.Who
    side: str
    what: str
    file: access.Guarded
    letters: str
    verdict: access.Verdict


def _refused(facts: Facts, obstacle: _Obstacle) -> Finding:
    """Return the finding about one obstacle: the owner is wrong where the user is nobody special there, else the mode is."""
    who, side, what, file, letters, verdict = obstacle
    of_it = f"it belongs to {file.owner}:{file.group} and has mode {file.octal}" + (" and an access control list" if file.acl else "")
    says = f"Port {facts.port}: {side} runs as {who.name} and {what}: {of_it}."
    lasting = (
        "QEMU makes its socket anew at each start, so set the group or a default access control list of the folder."
        if facts.mode == "client"
        else "The switch makes its socket anew at each start, so set a default access control list of the folder, or take mode client."
    )
    if verdict.by == "others":
        do = f"Give it to user or group of {who.name} (chgrp), or allow {who.name}: setfacl -m u:{who.name}:{letters} {file.path}. {lasting}"
        return Finding("socket_owner", ok=False, says=says, do=do)
    entry = {"owner": "u", "group": "g"}.get(verdict.by, f"u:{who.name}")
    do = f"Change it: chmod {entry}+{letters} {file.path}. " if verdict.by != "named" else f"Change it: setfacl -m u:{who.name}:{letters} {file.path}. "
    return Finding("socket_mode", ok=False, says=says, do=do + lasting)


def _unseen(facts: Facts, check: str) -> Finding | None:
    """Return a finding where nobody can tell: the switch or the guest is not known, or there is nothing yet."""
    if not facts.folders:
        return Finding(check, ok=None, says=f"The folder of the socket of port {facts.port} cannot be read.")
    if facts.switch is None and facts.guest_who is None:
        return Finding(check, ok=None, says=f"Port {facts.port}: neither ovs-vswitchd nor a guest is seen, so that nobody has to be let in.")
    return None


def socket_owner(facts: Facts, _expected: Expected) -> Finding:
    """Check that user and group of the socket and its folder are such that both sides can come in."""
    refused = _permissions(facts)
    if refused and refused.check == "socket_owner":
        return refused
    unseen = _unseen(facts, "socket_owner")
    if unseen:
        return unseen
    if facts.guest_who is None:
        do = "Give guest_user, the user that QEMU runs as, to have it checked before a guest runs."
        return Finding("socket_owner", ok=None, says=f"Port {facts.port}: who the guest runs as is not known.", do=do)
    what = facts.file or facts.folders[-1]
    users = " and ".join(f"{who.name} ({side})" for who, side in ((facts.guest_who, "guest"), (facts.switch, "switch")) if who)
    says = f"{what.path} belongs to {what.owner}:{what.group}, and {users} can use it."
    return Finding("socket_owner", ok=True, says=says)


def socket_mode(facts: Facts, _expected: Expected) -> Finding:
    """Check that the mode lets both sides in, and not everybody."""
    refused = _permissions(facts)
    if refused and refused.check == "socket_mode":
        return refused
    unseen = _unseen(facts, "socket_mode")
    if unseen:
        return unseen
    what = facts.file or facts.folders[-1]
    open_way = all(folder.mode & access.SEARCH for folder in facts.folders)
    if open_way and facts.file is not None and facts.file.mode & access.WRITE:
        says = f"Every user of the host may connect to {what.path} of port {facts.port} (mode {what.octal}), and send and read packets in the guest's place."
        return Finding("socket_mode", ok=False, says=says, do=f"chmod o-rwx {what.path}, and let the guest's group in instead.")
    folder = facts.folders[-1]
    if open_way and folder.path == facts.folder and folder.mode & access.WRITE and not folder.mode & 0o1000:
        says = f"Every user of the host may make and remove sockets in {folder.path} (mode {folder.octal}), so that any of them can take port {facts.port}."
        return Finding("socket_mode", ok=False, says=says, do=f"chmod o-w {folder.path}, and let the guest's group in instead.")
    return Finding("socket_mode", ok=True, says=f"{what.path} has mode {what.octal}.")


def who_is_server(facts: Facts, _expected: Expected) -> Finding:
    """Check that one side of the socket makes it, and the other one connects."""
    if facts.listeners is None:
        return Finding("who_is_server", ok=None, says=f"Port {facts.port}: the sockets of the host cannot be read.", do=_AS_ROOT)
    others = [listener for listener in facts.listeners if not listener.is_switch]
    return _switch_is_server(facts, others) if facts.mode == "server" else _guest_is_server(facts, others)


def _switch_is_server(facts: Facts, others: list[Listener]) -> Finding:
    guest = facts.guest
    if not others and not (guest and guest.server):
        if not facts.listeners:
            return Finding("who_is_server", ok=None, says=f"Port {facts.port} shall make {facts.socket}, and the switch does not listen on it.")
        return Finding("who_is_server", ok=True, says=f"The switch makes {facts.socket}, and the guest connects.")
    who = guest if guest and guest.server else others[0]
    says = f"Both sides of {facts.socket} are servers, so that nobody connects: port {facts.port} has type dpdkvhostuser, and {who} makes the socket too."
    do = "Start the guest without server=on (libvirt: mode='client'), or better give the port mode client"
    if others:
        says += f" {others[0]} has put its own file in the place of the switch's."
        do += f"; then make the port again ({_REMAKE})"
    return Finding("who_is_server", ok=False, says=says, do=f"{do}.")


def _guest_is_server(facts: Facts, others: list[Listener]) -> Finding:
    check, port, guest = "who_is_server", facts.port, facts.guest
    if len(others) > 1:
        says = f"{' and '.join(str(other) for other in others)} both make {facts.socket} of port {port}; only the last one is heard."
        return Finding(check, ok=False, says=says, do="Give each guest a port and a socket of its own.")
    if others:
        return Finding(check, ok=True, says=f"{others[0]} makes {facts.socket}, and the switch connects.")
    if guest and guest.server is False:
        says = f"Both sides of {facts.socket} are clients, so that nobody makes the socket: port {port} has type dpdkvhostuserclient, and {guest} connects too."
        return Finding(check, ok=False, says=says, do="Start the guest with server=on (libvirt: mode='server'), or give the port mode server.")
    return Finding(check, ok=None, says=f"Port {port} connects to {facts.socket}, and no guest is there to make it.", do="Start the guest, with server=on.")


def link_up(facts: Facts, _expected: Expected) -> Finding:
    """Check that a guest is connected, and say as nearly as it can be told why it is not."""
    check, port = "link_up", facts.port
    log = f" ovs-vswitchd logged: {' / '.join(facts.log)}." if facts.log else ""
    if not facts.answers:
        return Finding(check, ok=None, says=f"Port {port}: ovs-vswitchd does not answer, so that its link is not known.", do="Start ovs-vswitchd.")
    if facts.error:
        says = f"Port {port} does not work: {facts.error}.{log}"
        return Finding(check, ok=False, says=says, do="Do what the other findings say (socket_path, stale_socket, who_is_server), then restart ovs-vswitchd.")
    if not facts.admin_up:
        return Finding(check, ok=False, says=f"Port {port} is switched off (admin_state down).", do=f"ovs-ofctl mod-port BRIDGE {port} up.")
    if facts.connected and facts.link_up:
        return Finding(check, ok=True, says=f"Port {port} is up: {facts.guest or 'a guest'} is connected.")
    if facts.connected:
        return Finding(check, ok=False, says=f"Port {port} is connected, and its link is down.{log}", do="Look at the driver in the guest.")
    return Finding(check, ok=False, says=f"Port {port} is down: {_why_down(facts)}.{log}", do=_what_then(facts))


def _why_down(facts: Facts) -> str:
    guest = facts.guest
    if guest and guest.attached:
        return f"{guest} is connected to the socket, and no driver in it has set its device up, or the device refused what the driver wants"
    if guest:
        return f"{guest} is there and not connected"
    if facts.listeners:
        return f"nobody is connected to {facts.socket}, on which {facts.listeners[0]} listens"
    return f"no guest is there, and nobody listens on {facts.socket}"


def _what_then(facts: Facts) -> str:
    if facts.guest and facts.guest.attached:
        return "Look at the other findings first (memory_shared); else wait until the guest has booted, and look whether it has a driver for virtio-net."
    if facts.guest:
        return "Look at the other findings first (who_is_server, socket_owner, socket_mode, stale_socket)."
    return f"Start the guest with {facts.socket}, {'with server=on' if facts.mode == 'client' else 'without server=on'}."


def features(facts: Facts, expected: Expected) -> Finding:
    """Check that the features that are wanted were negotiated, and mergeable buffers only where they are wanted."""
    check, port = "features", facts.port
    if not facts.connected or facts.features is None:
        return Finding(check, ok=None, says=f"Port {port}: no guest is connected, so that no features are negotiated.")
    wanted = {*expected.features, *([virtio.MRG_RXBUF] if expected.mrg_rxbuf else []), *([virtio.MQ] if (expected.queues or 1) > 1 else [])}
    missing = wanted - facts.features
    if missing:
        says = f"Port {port}: {', '.join(virtio.names_of(missing))} is wanted and was not negotiated; negotiated are {_list(virtio.names_of(facts.features))}."
        return Finding(check, ok=False, says=says, do=" ".join(_for_feature(bit) for bit in sorted(missing)))
    if expected.mrg_rxbuf is False and virtio.MRG_RXBUF in facts.features:
        says = f"Port {port}: MRG_RXBUF was negotiated and shall not be: merging receive buffers costs throughput (guide, section 4.5)."
        return Finding(check, ok=False, says=says, do="Start the guest's device with mrg_rxbuf=off (libvirt: <host mrg_rxbuf='off'/>).")
    return Finding(check, ok=True, says=f"Port {port}: negotiated are {_list(virtio.names_of(facts.features))}.")


def _list(items: list[str]) -> str:
    return ", ".join(items) or "none"


def _for_feature(bit: int) -> str:
    if bit == virtio.MRG_RXBUF:
        return "Start the guest's device with mrg_rxbuf=on (libvirt: <host mrg_rxbuf='on'/>), with a driver that knows it."
    if bit == virtio.MQ:
        return "Start the guest's device with mq=on, vectors=2q+2 and queues=q for its backend (libvirt: <driver queues='q'/>)."
    return f"Look whether the guest's device and its driver have {virtio.names_of([bit])[0]}."


def memory_shared(facts: Facts, _expected: Expected) -> Finding:
    """Check that the switch can see the guest's memory: what is mapped privately has its writes seen by nobody else."""
    check, memory = "memory_shared", facts.guest.memory if facts.guest else None
    if not facts.guest:
        return Finding(check, ok=None, says=f"Port {facts.port}: no guest is seen.")
    if memory is None:
        return Finding(check, ok=None, says=_unseen_memory(facts), do=_AS_ROOT if facts.guest.attached else "")
    if memory.private:
        says = f"{_size(memory.private)} of the {_size(memory.size)} of memory of {facts.guest} are private, so that the switch cannot reach its packets."
        do = "Start it with memory-backend-file on hugetlbfs and share=on (libvirt: <memoryBacking> with <access mode='shared'/>), and -numa node,memdev=ID."
        return Finding(check, ok=False, says=says, do=do)
    return Finding(check, ok=True, says=f"The {_size(memory.size)} of memory of {facts.guest} are shared.")


def _unseen_memory(facts: Facts) -> str:
    if facts.guest and facts.guest.attached:
        return f"The memory of {facts.guest} cannot be read."
    return f"{facts.guest} has no memory of a guest that can be seen: QEMU sets it up once the socket is connected."


def _size(size: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size >> 10} KiB"


def guest_hugepages(facts: Facts, expected: Expected) -> Finding:
    """Check that the guest's memory is on hugepages, or that there are some left for it on the node of the port."""
    check, port, memory = "guest_hugepages", facts.port, facts.guest.memory if facts.guest else None
    if memory and memory.page_size is not None:
        if memory.page_size < _SMALL_PAGE:
            says = (
                f"The memory of {facts.guest} is on pages of {_size(memory.page_size)} and not on hugepages: it works, with a miss of the TLB for most packets."
            )
            return Finding(check, ok=False, says=says, do="Start it with memory-backend-file and mem-path=/dev/hugepages (libvirt: <hugepages/>).")
        return Finding(check, ok=True, says=f"The memory of {facts.guest} is on pages of {_size(memory.page_size)}.")
    if facts.guest:
        return Finding(check, ok=None, says=_unseen_memory(facts), do=_AS_ROOT if facts.guest.attached else "")
    wanted = [expected.node] if expected.node is not None else facts.pmd_nodes
    empty = [node for node in wanted if node in facts.free_pages and not any(facts.free_pages[node].values())]
    if wanted and empty == wanted:
        says = f"Port {port} has no guest, and node {_list([str(node) for node in empty])} has no free hugepage for one."
        elsewhere = [str(node) for node, pools in sorted(facts.free_pages.items()) if any(pools.values())]
        says += f" Free ones are on node {_list(elsewhere)}." if elsewhere else ""
        return Finding(check, ok=False, says=says, do="Add pages on that node (module hugepage_alloc, or the boot arguments of role host_tuning).")
    return Finding(check, ok=None, says=f"Port {port}: no guest is seen.")


def guest_node(facts: Facts, expected: Expected) -> Finding:
    """Check that the guest's memory is on the node of the PMD threads that poll the port."""
    check, port, memory = "guest_node", facts.port, facts.guest.memory if facts.guest else None
    if not memory or not memory.nodes:
        return Finding(check, ok=None, says=f"Port {port}: the nodes of a guest's memory are not known.")
    has = ", ".join(f"{_size(held)} on node {node}" for node, held in sorted(memory.nodes.items()))
    if expected.node is not None and set(memory.nodes) != {expected.node}:
        says = f"The memory of {facts.guest} shall be on node {expected.node}, and is: {has}."
        do = f"Start it with host-nodes={expected.node},policy=bind for its memory (libvirt: <numatune>) and its vCPUs on CPUs of node {expected.node}."
        return Finding(check, ok=False, says=says, do=do)
    if not facts.pmd_nodes:
        return Finding(check, ok=None, says=f"{facts.guest} has its memory: {has}; no PMD thread polls port {port} yet.")
    if set(memory.nodes) != set(facts.pmd_nodes):
        pmds = ", ".join(f"{core} (node {node})" for core, node in sorted({(queue.core, queue.node) for queue in facts.rxqs}))
        says = f"Packets cross between nodes: {facts.guest} has its memory, {has}, and port {port} is polled by PMD thread(s) on CPU {pmds}."
        nodes, polled = (_list([str(node) for node in found]) for found in (sorted(memory.nodes), facts.pmd_nodes))
        do = f"Have PMD CPUs on node {nodes} (module pmd_mask; rxq_affinity of the port), or start the guest on node {polled}."
        return Finding(check, ok=False, says=says, do=do)
    return Finding(check, ok=True, says=f"{facts.guest} has its memory where port {port} is polled: {has}.")


def queues(facts: Facts, expected: Expected) -> Finding:
    """Check that the guest has the queues that are wanted, that it uses them, that PMD threads poll them, and that nobody set n_rxq."""
    check, port = "queues", facts.port
    if facts.n_rxq is not None:
        says = f"Port {port} has options:n_rxq={facts.n_rxq}, which has no effect: the guest's device says how many queues there are (guide, section 6.1)."
        return Finding(check, ok=False, says=says, do=f"ovs-vsctl remove Interface {port} options n_rxq; give the guest's device its queues instead.")
    if not facts.connected or facts.rings is None:
        return Finding(check, ok=None, says=f"Port {port}: no guest is connected, so that it has no queues.")
    pairs, enabled = facts.rings // 2, [queue for queue in facts.rxqs if queue.enabled]
    if expected.queues is not None and pairs != expected.queues:
        says = f"Port {port}: {facts.guest or 'the guest'} has {pairs} queue pair(s), and {expected.queues} are wanted."
        device = f"mq=on,vectors={2 * expected.queues + 2}"
        do = f"Start it with queues={expected.queues} for the backend and {device} for the device (libvirt: <driver queues='{expected.queues}'/>)."
        return Finding(check, ok=False, says=says, do=do)
    if not facts.rxqs:
        says = f"Port {port}: no PMD thread polls it, so that nothing comes in from its guest."
        return Finding(check, ok=False, says=says, do="Look at pmd-cpu-mask: each node with a port needs a PMD CPU (modules pmd_mask and ovs_dpdk_info).")
    if len(enabled) < pairs:
        says = f"Port {port}: its guest has {pairs} queue pairs and uses {len(enabled)}."
        do = f"In the guest: ethtool -L DEVICE combined {pairs}; module virtio_queues_info there says what is missing."
        return Finding(check, ok=False, says=says, do=do)
    cores = sorted({queue.core for queue in enabled})
    says = f"Port {port} has {pairs} queue pair(s), polled by PMD thread(s) on CPU {_list([str(core) for core in cores])}."
    says += " More queues than PMD threads bring nothing (guide, section 6.1)." if pairs > len(cores) else ""
    return Finding(check, ok=True, says=says)


def stale_socket(facts: Facts, _expected: Expected) -> Finding:
    """Check that somebody listens on the socket that stands there."""
    check, port, file = "stale_socket", facts.port, facts.file
    if file is None or file.kind != "socket":
        return Finding(check, ok=True, says=f"No file stands in the way of port {port}.")
    if facts.listeners is None:
        return Finding(check, ok=None, says=f"Port {port}: the sockets of the host cannot be read.", do=_AS_ROOT)
    if any(not listener.replaced for listener in facts.listeners) or facts.connected:
        return Finding(check, ok=True, says=f"Somebody listens on {file.path}.")
    says = f"{file.path} of port {port} is left over: nobody listens on it, as after a kill of "
    if facts.mode == "client":
        do = "Start the guest, for QEMU makes the file anew; one that does not needs it removed first"
        return Finding(check, ok=False, says=f"{says}the guest that made it.", do=f"{do}: rm {file.path}.")
    do = f"rm {file.path} and restart ovs-vswitchd; to make the port again instead may cut off another one, whose socket DPDK closes then."
    return Finding(check, ok=False, says=f"{says}ovs-vswitchd, which then cannot make it again.", do=do)


def policer(facts: Facts, expected: Expected) -> Finding:
    """Check that no policer was left on the port, unless one is wanted."""
    check, port = "policer", facts.port
    has = "; ".join(facts.policers)
    if facts.policers and not expected.policer:
        says = f"Port {port} has a policer, which drops packets beyond its rate: {has}."
        do = "Remove it (module qos_policer with state absent), or expect it: policer true."
        return Finding(check, ok=False, says=says, do=do)
    if expected.policer and not facts.policers:
        return Finding(check, ok=False, says=f"Port {port} has no policer, and one is wanted.", do="Set it with module qos_policer.")
    return Finding(check, ok=True, says=f"Port {port} has {has or 'no policer'}.")


CHECKS: tuple[Callable[[Facts, Expected], Finding], ...] = (
    socket_path,
    socket_owner,
    socket_mode,
    who_is_server,
    link_up,
    features,
    memory_shared,
    guest_hugepages,
    guest_node,
    queues,
    stale_socket,
    policer,
)


def findings(facts: Facts, expected: Expected) -> list[Finding]:
    """Return what each check says, in their order."""
    return [check(facts, expected) for check in CHECKS]
