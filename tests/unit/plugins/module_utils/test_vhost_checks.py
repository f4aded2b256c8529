# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vhost_checks: each check, with what it says of each thing that people get wrong."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values import vhost_checks as checks
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.access import AclEntry, Guarded, Who
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.vhost_checks import Expected, Facts, Finding, Guest, Listener, Memory, Polled

ROOT = Who("root", 0, frozenset({0}), overrides=True)
OVS = Who("openvswitch", 990, frozenset({990, 991}))
QEMU = Who("libvirt-qemu", 64055, frozenset({64055, 108}))
MIB = 1 << 20
PATH = "/run/ovs/vhost/p0"


def folder(path: str, mode: int = 0o755, uid: int = 0, gid: int = 0, *acl: AclEntry) -> Guarded:
    return Guarded(path, "folder", uid, gid, mode, "root", "root", acl)


def socket(mode: int = 0o755, uid: int = 64055, gid: int = 64055, *acl: AclEntry) -> Guarded:
    return Guarded(PATH, "socket", uid, gid, mode, "libvirt-qemu", "kvm", acl)


MEMORY = Memory(4096 * MIB, 0, 1 << 30, {0: 4096 * MIB})
GUEST = Guest(4794, "qemu-system-x86_64", "vm1", QEMU, server=True, attached=True, memory=MEMORY)
FOLDERS = (folder("/"), folder("/run"), folder("/run/ovs"), folder("/run/ovs/vhost", 0o755, 64055, 64055))
TWO_QUEUES = (Polled(0, 2, 0, enabled=True), Polled(1, 3, 0, enabled=True))

CLIENT = Facts(
    port="p0",
    mode="client",
    socket=PATH,
    folders=FOLDERS,
    file=socket(),
    listeners=(Listener(4794, "qemu-system-x86_64"),),
    guest=GUEST,
    switch=ROOT,
    link_up=True,
    connected=True,
    features=frozenset({15, 17, 22, 30, 32}),
    rings=4,
    rxqs=TWO_QUEUES,
    free_pages={0: {2 * MIB: 10}, 1: {2 * MIB: 0}},
)
SWITCH = Listener(4113, "ovs-vswitchd", is_switch=True)
SERVER = CLIENT._replace(
    mode="server",
    file=Guarded(PATH, "socket", 0, 108, 0o770, "root", "kvm"),
    listeners=(SWITCH,),
    guest=GUEST._replace(server=False),
)
ALONE = CLIENT._replace(guest=None, connected=False, link_up=False, features=None, rings=None, listeners=(), file=None)


def guest(**changes: t.Any) -> Facts:
    return CLIENT._replace(guest=GUEST._replace(**changes))


def memory(**changes: t.Any) -> Facts:
    return guest(memory=MEMORY._replace(**changes))


@pytest.mark.parametrize("facts", [CLIENT, SERVER], ids=["client", "server"])
def test_a_port_with_its_guest_has_nothing_wrong(facts: Facts) -> None:
    found = checks.findings(facts, Expected(queues=2, mrg_rxbuf=True, node=0))
    assert [one for one in found if not one.ok] == []
    assert [one.check for one in found] == [check.__name__ for check in checks.CHECKS]
    assert all(one.says and not one.do for one in found)


def test_a_port_without_a_guest_is_down_and_nothing_else_is_wrong() -> None:
    found = checks.findings(ALONE, Expected(queues=2))
    assert [one.check for one in found if one.ok is False] == ["link_up"]


def wrong(finding: Finding, *words: str) -> None:
    """Check that the finding is about something wrong, that it has the words, and that it says what to do."""
    assert finding.ok is False
    assert finding.do
    text = f"{finding.says} {finding.do}"
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"socket": ""}, ("vhost-server-path is not set",), id="no path"),
        pytest.param({"socket": "/run/" + "x" * 110}, ("115 bytes", "107"), id="too long"),
        pytest.param({"same_socket": ("p1", "p2")}, ("port p1 and p2", PATH), id="two ports with one socket"),
        pytest.param({"in_use": "/run/ovs/old"}, ("shall use /run/ovs/vhost/p0", "still uses /run/ovs/old"), id="changed while connected"),
        pytest.param({"misplaced": "/run/ovs/p0"}, ("and is /run/ovs/p0", "vhost-sock-dir"), id="vhost-sock-dir set too late"),
        pytest.param({"folders": FOLDERS[:-1]}, ("folder /run/ovs/vhost", "is not there", "socket_dir_mode"), id="no folder"),
        pytest.param({"file": folder(PATH)}, ("a folder and no socket",), id="a folder in its place"),
        pytest.param({"file": Guarded(PATH, "other", 0, 0, 0o644)}, ("a file and no socket",), id="a file in its place"),
    ],
)
def test_socket_path(changes: dict[str, t.Any], words: tuple[str, ...]) -> None:
    wrong(checks.socket_path(CLIENT._replace(**changes), Expected()), "p0", *words)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(
            SERVER._replace(file=Guarded(PATH, "socket", 0, 0, 0o755, "root", "root")),
            ("the guest runs as libvirt-qemu and cannot connect to /run/ovs/vhost/p0", "root:root and has mode 0755", "setfacl -m u:libvirt-qemu:rw"),
            id="the switch makes the socket as root, QEMU is another user",
        ),
        pytest.param(
            ALONE._replace(folders=(*FOLDERS[:-1], folder("/run/ovs/vhost")), guest_user=QEMU),
            ("cannot make its socket in /run/ovs/vhost", "u:libvirt-qemu:wx", "default access control list"),
            id="QEMU cannot make its socket in the folder of root",
        ),
        pytest.param(
            CLIENT._replace(switch=OVS),
            ("ovs-vswitchd runs as openvswitch and cannot connect", "libvirt-qemu:kvm"),
            id="the switch is no root and cannot use the socket that QEMU made",
        ),
        pytest.param(
            CLIENT._replace(folders=(FOLDERS[0], FOLDERS[1], folder("/run/ovs", 0o750), FOLDERS[3])),
            ("cannot get through /run/ovs to the socket",),
            id="a folder on the way",
        ),
    ],
)
def test_socket_owner(facts: Facts, words: tuple[str, ...]) -> None:
    wrong(checks.socket_owner(facts, Expected()), "Port p0", *words)
    assert checks.socket_mode(facts, Expected()).ok is not False


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(
            SERVER._replace(file=Guarded(PATH, "socket", 0, 108, 0o750, "root", "kvm")),
            ("cannot connect", "root:kvm and has mode 0750", "chmod g+rw"),
            id="its group may not write",
        ),
        pytest.param(
            ALONE._replace(folders=(*FOLDERS[:-1], folder("/run/ovs/vhost", 0o555, 64055)), guest_user=QEMU),
            ("cannot make its socket", "chmod u+wx"),
            id="its owner may not write",
        ),
        pytest.param(
            SERVER._replace(file=Guarded(PATH, "socket", 0, 0, 0o750, "root", "root", (AclEntry(2, 7, 64055), AclEntry(16, 5, 0)))),
            ("and an access control list", "setfacl -m u:libvirt-qemu:rw"),
            id="its entry is masked",
        ),
        pytest.param(
            SERVER._replace(file=Guarded(PATH, "socket", 0, 108, 0o777, "root", "kvm")), ("Every user of the host may connect", "chmod o-rwx"), id="open"
        ),
        pytest.param(
            CLIENT._replace(folders=(*FOLDERS[:-1], folder("/run/ovs/vhost", 0o777, 64055))),
            ("Every user of the host may make and remove sockets", "mode 0777"),
            id="an open folder",
        ),
    ],
)
def test_socket_mode(facts: Facts, words: tuple[str, ...]) -> None:
    wrong(checks.socket_mode(facts, Expected()), *words)
    assert checks.socket_owner(facts, Expected()).ok is not False


def test_a_socket_that_only_few_can_reach_may_be_open() -> None:
    facts = SERVER._replace(file=socket(0o777), folders=(*FOLDERS[:-1], folder("/run/ovs/vhost", 0o770, 0, 108)))
    assert checks.socket_mode(facts, Expected()).ok


def test_who_the_guest_will_be_has_to_be_known_for_permissions() -> None:
    assert checks.socket_owner(ALONE, Expected()).ok is None
    assert "guest_user" in checks.socket_owner(ALONE, Expected()).do
    assert checks.socket_owner(ALONE._replace(guest_user=QEMU), Expected()).ok
    assert checks.socket_owner(ALONE._replace(switch=None), Expected()).ok is None
    assert checks.socket_mode(ALONE._replace(folders=()), Expected()).ok is None


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(
            ALONE._replace(guest=GUEST._replace(server=False, attached=False)),
            ("Both sides of /run/ovs/vhost/p0 are clients", "guest vm1 (qemu-system-x86_64, pid 4794)", "server=on"),
            id="both connect",
        ),
        pytest.param(
            SERVER._replace(listeners=(SWITCH._replace(replaced=True), Listener(7, "qemu")), guest=GUEST._replace(attached=False)),
            ("Both sides of /run/ovs/vhost/p0 are servers", "qemu (pid 7) has put its own file", "del-port"),
            id="both make it, the guest last",
        ),
        pytest.param(SERVER._replace(guest=GUEST._replace(attached=False)), ("are servers", "without server=on"), id="both make it, the guest gave up"),
        pytest.param(
            CLIENT._replace(listeners=(Listener(7, "qemu", replaced=True), Listener(8, "qemu"))),
            ("qemu (pid 7) and qemu (pid 8) both make /run/ovs/vhost/p0",),
            id="two guests with one socket",
        ),
    ],
)
def test_who_is_server(facts: Facts, words: tuple[str, ...]) -> None:
    wrong(checks.who_is_server(facts, Expected()), *words)


@pytest.mark.parametrize("facts", [ALONE, ALONE._replace(mode="server"), CLIENT._replace(listeners=None), ALONE._replace(guest=GUEST._replace(server=None))])
def test_who_is_server_cannot_always_be_told(facts: Facts) -> None:
    assert checks.who_is_server(facts, Expected()).ok is None


DOWN = CLIENT._replace(connected=False, link_up=False)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(ALONE, ("no guest is there, and nobody listens on /run/ovs/vhost/p0", "with server=on"), id="no guest, client"),
        pytest.param(ALONE._replace(mode="server", listeners=(SWITCH,)), ("on which ovs-vswitchd listens", "without server=on"), id="no guest, server"),
        pytest.param(DOWN, ("is connected to the socket, and no driver in it", "memory_shared"), id="a guest that does not drive its device"),
        pytest.param(
            DOWN._replace(guest=GUEST._replace(attached=False)), ("vm1", "is there and not connected", "who_is_server"), id="a guest that is not connected"
        ),
        pytest.param(
            DOWN._replace(log=("failed to connect: Permission denied",)), ("logged: failed to connect: Permission denied.",), id="with words of the log"
        ),
        pytest.param(DOWN._replace(error="could not open network device p0"), ("could not open network device p0", "restart ovs-vswitchd"), id="not set up"),
        pytest.param(CLIENT._replace(admin_up=False), ("switched off", "ovs-ofctl mod-port"), id="switched off"),
        pytest.param(CLIENT._replace(link_up=False), ("is connected, and its link is down",), id="connected and down"),
    ],
)
def test_link_up(facts: Facts, words: tuple[str, ...]) -> None:
    wrong(checks.link_up(facts, Expected()), *words)


def test_without_the_daemon_the_link_is_not_known() -> None:
    assert checks.link_up(DOWN._replace(answers=False), Expected()).ok is None


@pytest.mark.parametrize(
    ("expected", "has", "words"),
    [
        pytest.param(
            Expected(mrg_rxbuf=True), {30, 32}, ("MRG_RXBUF is wanted and was not negotiated", "PROTOCOL_FEATURES, VERSION_1", "mrg_rxbuf=on"), id="mrg_rxbuf"
        ),
        pytest.param(Expected(mrg_rxbuf=False), {15, 32}, ("MRG_RXBUF was negotiated and shall not be", "mrg_rxbuf=off"), id="mrg_rxbuf not wanted"),
        pytest.param(Expected(queues=2), {15, 30}, ("MQ is wanted", "mq=on", "queues='q'"), id="two queues without MQ"),
        pytest.param(Expected(features=(0, 3)), {15}, ("CSUM, MTU is wanted", "have CSUM", "have MTU"), id="by name"),
        pytest.param(Expected(features=(0,)), set(), ("negotiated are none",), id="nothing negotiated"),
    ],
)
def test_features(expected: Expected, has: set[int], words: tuple[str, ...]) -> None:
    wrong(checks.features(CLIENT._replace(features=frozenset(has)), expected), "Port p0", *words)


def test_features_of_no_guest_are_not_known() -> None:
    assert checks.features(ALONE, Expected(mrg_rxbuf=True)).ok is None
    assert checks.features(CLIENT, Expected()).ok


def test_memory_shared() -> None:
    wrong(checks.memory_shared(memory(private=4096 * MIB), Expected()), "4 GiB of the 4 GiB", "vm1", "are private", "share=on", "<access mode='shared'/>")
    wrong(checks.memory_shared(memory(private=1536 * MIB), Expected()), "1.5 GiB of the 4 GiB")
    assert checks.memory_shared(guest(memory=None), Expected()) == Finding(
        "memory_shared", ok=None, says="The memory of guest vm1 (qemu-system-x86_64, pid 4794) cannot be read.", do="Run the task as root (become)."
    )
    assert "once the socket is connected" in checks.memory_shared(guest(memory=None, attached=False), Expected()).says
    assert checks.memory_shared(ALONE, Expected()).ok is None


def test_guest_hugepages_of_a_guest_that_runs() -> None:
    wrong(checks.guest_hugepages(memory(page_size=4096), Expected()), "pages of 4 KiB and not on hugepages", "mem-path=/dev/hugepages")
    assert checks.guest_hugepages(memory(page_size=64 * 1024), Expected()).ok
    assert checks.guest_hugepages(memory(page_size=None), Expected()).ok is None


def test_guest_hugepages_for_a_guest_that_shall_start() -> None:
    wrong(checks.guest_hugepages(ALONE, Expected(node=1)), "node 1 has no free hugepage", "Free ones are on node 0", "hugepage_alloc")
    on_one = ALONE._replace(rxqs=(Polled(0, 22, 1, enabled=True),))
    wrong(checks.guest_hugepages(on_one, Expected()), "node 1 has no free hugepage")
    assert checks.guest_hugepages(on_one, Expected(node=0)).ok is None
    assert checks.guest_hugepages(ALONE._replace(free_pages={}), Expected(node=1)).ok is None


@pytest.mark.parametrize(
    ("nodes", "node", "words"),
    [
        pytest.param(
            {1: 4096 * MIB}, None, ("Packets cross between nodes", "4 GiB on node 1", "CPU 2 (node 0), 3 (node 0)", "PMD CPUs on node 1"), id="another one"
        ),
        pytest.param({0: 3072 * MIB, 1: 1024 * MIB}, None, ("3 GiB on node 0, 1 GiB on node 1",), id="some of it on another one"),
        pytest.param({0: 4096 * MIB}, 1, ("shall be on node 1, and is: 4 GiB on node 0", "host-nodes=1"), id="not the one that is expected"),
    ],
)
def test_guest_node(nodes: dict[int, int], node: int | None, words: tuple[str, ...]) -> None:
    wrong(checks.guest_node(memory(nodes=nodes), Expected(node=node)), "vm1", *words)


def test_guest_node_cannot_be_told_without_pages_or_without_a_pmd() -> None:
    assert checks.guest_node(memory(nodes={}), Expected()).ok is None
    assert checks.guest_node(CLIENT._replace(rxqs=()), Expected()).ok is None


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    [
        pytest.param(CLIENT._replace(n_rxq="2"), Expected(), ("options:n_rxq=2", "no effect", "remove Interface p0 options n_rxq"), id="n_rxq"),
        pytest.param(CLIENT, Expected(queues=4), ("has 2 queue pair(s), and 4 are wanted", "vectors=10"), id="fewer than wanted"),
        pytest.param(CLIENT._replace(rxqs=()), Expected(), ("no PMD thread polls it", "pmd-cpu-mask"), id="not polled"),
        pytest.param(
            CLIENT._replace(rxqs=(TWO_QUEUES[0], TWO_QUEUES[1]._replace(enabled=False))),
            Expected(queues=2),
            ("has 2 queue pairs and uses 1", "ethtool -L DEVICE combined 2"),
            id="one not used in the guest",
        ),
    ],
)
def test_queues(facts: Facts, expected: Expected, words: tuple[str, ...]) -> None:
    wrong(checks.queues(facts, expected), *words)


def test_more_queues_than_pmd_threads_are_said_and_not_wrong() -> None:
    one_thread = tuple(queue._replace(core=2) for queue in TWO_QUEUES)
    finding = checks.queues(CLIENT._replace(rxqs=one_thread), Expected(queues=2))
    assert finding.ok
    assert "More queues than PMD threads" in finding.says
    assert "More" not in checks.queues(CLIENT, Expected(queues=2)).says


def test_stale_socket() -> None:
    left = DOWN._replace(listeners=(), guest=None)
    wrong(checks.stale_socket(left, Expected()), "left over", "the guest that made it", "rm /run/ovs/vhost/p0")
    wrong(checks.stale_socket(left._replace(mode="server"), Expected()), "a kill of ovs-vswitchd", "rm /run/ovs/vhost/p0 and restart ovs-vswitchd")
    wrong(checks.stale_socket(left._replace(listeners=(Listener(7, "qemu", replaced=True),)), Expected()), "left over")
    assert checks.stale_socket(left._replace(listeners=None), Expected()).ok is None
    assert checks.stale_socket(ALONE, Expected()).ok


def test_policer() -> None:
    limited = CLIENT._replace(policers=("egress 1Mpps at 64-byte frames (cir 46000000, cbs 460000)",))
    wrong(checks.policer(limited, Expected()), "has a policer", "egress 1Mpps", "qos_policer")
    assert checks.policer(limited, Expected(policer=True)).ok
    wrong(checks.policer(CLIENT, Expected(policer=True)), "has no policer, and one is wanted")
