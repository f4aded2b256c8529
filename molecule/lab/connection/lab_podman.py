# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containers.podman.podman with pipelining: one `podman exec` a module instead of four."""

from __future__ import annotations

import shlex

from ansible_collections.containers.podman.plugins.connection import podman

DOCUMENTATION = """
name: lab_podman
short_description: Run tasks in a podman container, with pipelining
description: As containers.podman.podman, but a module's code goes through standard input.
author: NFV OVS-DPDK contributors (@nfv)
options:
  remote_addr:
    description: Name of the container.
    vars: [{name: inventory_hostname}, {name: ansible_host}]
  remote_user:
    description: User who runs the commands.
    vars: [{name: ansible_user}]
  podman_extra_args:
    description: Arguments of every podman command.
    default: ""
  podman_executable:
    description: The podman command.
    default: podman
"""


class Connection(podman.Connection):
    """Sends a module's code through the standard input of podman exec."""

    transport = "lab_podman"
    has_pipelining = True

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = False) -> tuple[int, bytes, bytes]:
        """Run a command in the container."""
        if in_data is None:
            return super().exec_command(cmd, sudoable=sudoable)
        self._connect()
        return self._podman(["exec", "-i"], shlex.split(cmd), in_data)
