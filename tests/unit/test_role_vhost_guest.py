# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role vhost_guest: what its expressions make of inventory, plan and results, rendered by Ansible itself."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles/vhost_guest"
PLAN = {
    "guests": [
        {
            "name": "vm1",
            "node": 1,
            "vcpus": {"0": 12, "1": 32},
            "emulator": "10,30",
            "memory_bytes": 4 * 2**30,
            "pages": 4,
            "hugepage_size": "1G",
        }
    ]
}


def expression(name: str, **variables: t.Any) -> t.Any:
    """Return what a variable of the role is, with its defaults, the names of Debian and *variables*."""
    loader = DataLoader()
    known: dict[str, t.Any] = {"ansible_check_mode": False}
    for file in ("defaults/main.yml", "vars/main.yml", "vars/Debian.yml"):
        known.update(loader.load_from_file(str(ROLE / file), trusted_as_template=True))
    known.update(variables)
    return Templar(loader=loader, variables=known).template(known[name])


def passed_options() -> set[str]:
    """Return the options of the module vhost_guest that the role passes on."""
    tasks = yaml.safe_load((ROLE / "tasks/guests.yml").read_text(encoding="utf-8"))
    calls = [task["nfv.ovs_dpdk.vhost_guest"] for block in tasks for task in block.get("block", []) if "nfv.ovs_dpdk.vhost_guest" in task]
    assert len(calls) == 1  # all guests in one task, so that they are checked against each other
    return set(calls[0])


def test_every_option_of_the_module_is_passed_on() -> None:
    text = (ROOT / "plugins/modules/vhost_guest.py").read_text(encoding="utf-8")
    documented = yaml.safe_load(re.findall(r'^DOCUMENTATION = r"""(.*?)^"""', text, re.DOTALL | re.MULTILINE)[0])["options"]
    assert set(documented) - {"root", "rundir"} == passed_options()


def test_what_a_guest_leaves_out_comes_from_the_plan() -> None:
    given = {"name": "vm1", "image": "/vm1.qcow2", "memory": "2G"}
    (guest,) = expression("__vhost_guest_wanted", vhost_guest_guests=[given], host_plan=PLAN)
    assert guest == {**given, "vcpus": 2, "cpus": {"0": 12, "1": 32}, "emulator_cpus": "10,30", "hugepage_size": "1G", "node": 1}


def test_a_guest_that_is_not_planned_is_passed_on_as_it_is() -> None:
    given = {"name": "vm2", "image": "/vm2.qcow2", "vcpus": 1, "memory": "1G"}
    assert expression("__vhost_guest_wanted", vhost_guest_guests=[given], host_plan=PLAN) == [given]
    assert expression("__vhost_guest_wanted", vhost_guest_guests=[given]) == [given]


def test_the_module_does_not_see_what_only_the_role_knows() -> None:
    given = {"name": "vm1", "image": "/vm1.qcow2", "base_image": "/base.qcow2", "base_image_format": "raw"}
    assert expression("__vhost_guest_wanted", vhost_guest_guests=[given]) == [{"name": "vm1", "image": "/vm1.qcow2"}]
    assert expression("__vhost_guest_with_base", vhost_guest_guests=[given, {**given, "state": "absent"}]) == [given]


def test_the_entry_of_a_port_wins_so_that_a_guest_that_disagrees_is_refused() -> None:
    guests = [{"name": "vm1", "interfaces": [{"port": "vhost-user0", "queues": 3}, {"port": "vhost-user1", "queues": 4, "mac": "00:00:00:00:00:02"}]}]
    entries = [{"name": "vhost-user0", "bridge": "br0", "queues": 2, "mac": "00:00:00:00:00:01", "mtu": 9000}]
    ports = expression("__vhost_guest_ports_wanted", vhost_guest_guests=guests, ovs_ports_vhost_user=entries)
    assert ports == [
        {"name": "vhost-user0", "queues": 2, "mac": "00:00:00:00:00:01"},
        {"name": "vhost-user1", "queues": 4, "mac": "00:00:00:00:00:02"},
    ]


def test_only_check_mode_may_add_a_port_that_ovs_ports_would_have_made() -> None:
    values = {"vhost_guest_guests": [{"name": "vm1", "interfaces": [{"port": "p"}, {"port": "q"}]}], "ovs_ports_vhost_user": [{"name": "p", "bridge": "br0"}]}
    assert expression("__vhost_guest_ports_wanted", **values) == [{"name": "p"}, {"name": "q"}]
    checked = expression("__vhost_guest_ports_wanted", **values, ansible_check_mode=True)
    assert checked == [{"name": "p", "bridge": "br0"}, {"name": "q"}]


def test_a_port_of_two_guests_is_asked_for_once_and_one_of_an_absent_guest_not_at_all() -> None:
    guests = [
        {"name": "vm1", "interfaces": [{"port": "p"}]},
        {"name": "vm2", "interfaces": [{"port": "p"}]},
        {"name": "vm3", "state": "absent", "interfaces": [{"port": "gone"}]},
        {"name": "vm4", "state": "stopped", "interfaces": [{"port": "q"}]},
    ]
    assert [port["name"] for port in expression("__vhost_guest_ports_wanted", vhost_guest_guests=guests)] == ["p", "q"]


@pytest.mark.parametrize(
    ("backend", "user", "expected"),
    [("libvirt", "", "libvirt-qemu"), ("qemu", "", "nfv-guest"), ("qemu", "root", "root"), ("libvirt", "root", "root")],
)
def test_qemu_runs_as_root_only_where_that_is_asked_for(backend: str, user: str, expected: str) -> None:
    assert expression("__vhost_guest_user", vhost_guest_backend=backend, vhost_guest_user=user) == expected


def test_qemu_conf_is_left_alone_unless_something_is_asked_for() -> None:
    assert expression("__vhost_guest_qemu_conf") == {}
    found = expression("__vhost_guest_qemu_conf", vhost_guest_user="root", vhost_guest_qemu_conf={"namespaces": []})
    assert found == {"user": "root", "namespaces": []}


def test_the_sockets_are_named_as_systemd_knows_them() -> None:
    results = {
        "ports": [
            {"name": "a", "mode": "client", "socket": "/var/run/openvswitch/vhost/a"},
            {"name": "b", "mode": "server", "socket": "/var/run/openvswitch/vhost/b"},
        ]
    }
    assert expression("__vhost_guest_socket_dirs", __vhost_guest_ports=results) == ["/run/openvswitch/vhost"]
    assert expression("__vhost_guest_server_sockets", __vhost_guest_ports=results) == ["/run/openvswitch/vhost/b"]


def test_guests_of_an_earlier_run_stay_in_the_note_until_they_are_absent() -> None:
    earlier = {"content": ""}  # only that there is a note
    old = {"guests": {"qemu": ["vm0", "vm1"], "libvirt": ["other"]}}
    result = {"changed": True, "guests": [{"name": "vm1", "state": "absent"}, {"name": "vm2", "state": "running"}]}
    values = {"__vhost_guest_earlier": earlier, "__vhost_guest_old": old, "__vhost_guest_guests": result, "vhost_guest_backend": "qemu"}
    assert expression("__vhost_guest_was", **values)["guests"] == {"qemu": ["vm0", "vm2"], "libvirt": ["other"]}


def test_a_line_of_qemu_conf_is_noted_as_it_was() -> None:
    text = '#user = "x"\n user = "somebody"\n'
    values = {"__vhost_guest_qemu_conf_text": text, "__vhost_guest_qemu_conf_set": {"changed": True}, "vhost_guest_user": "root", "vhost_guest_group": "kvm"}
    assert expression("__vhost_guest_qemu_conf_lines", **values) == {"user": ' user = "somebody"', "group": ""}
