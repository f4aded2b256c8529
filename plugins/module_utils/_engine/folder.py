# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory that a task wants, with owner and mode, and a socket that must not be there any more (private to this collection)."""

from __future__ import annotations

import grp
import os
import pathlib
import pwd
import re
import socket
import stat
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.task import HostChange
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

# Of a directory that has to be made and for which no mode is given
_DEFAULT_MODE = 0o755


def parse_mode(subject: str, option: str, given: str) -> int:
    """Return a mode such as ``0775`` as a number. Raises InputError; also for one that lets everybody write."""
    if not re.fullmatch(r"0?[0-7]{3}|0?[0-7]{4}", given):
        raise InputError(subject, option, given, "A mode is three or four octal digits in quotes, such as '0775'.", "Correct it.")
    mode = int(given, 8)
    if mode & stat.S_IWOTH:
        advice = "Let a group write instead, one that QEMU and Open vSwitch are both in."
        raise InputError(subject, option, given, "Everybody could write there, and so take the place of a guest or of the switch.", advice)
    return mode


def _identity(subject: str, option: str, given: str, numbers: t.Callable[[str], int]) -> int:
    """Return the number of a user or group that is given by name or number."""
    if given.isdigit():
        return int(given)
    try:
        return numbers(given)
    except KeyError:
        raise InputError(subject, option, given, "This host does not know that name.", "Add it first, or correct the name.") from None


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def plan_folder(path: str, *, option: str, owner: str | None, group: str | None, mode: str | None, lenient: bool = False) -> HostChange:
    """Return how the directory comes to be as wanted; what is None is left alone, or as the system makes it.

    *option* is the prefix of the options in an error, for instance ``socket_dir``. With *lenient* (check mode) a user or group that is not
    there yet does not matter. Raises InputError, also where something else than a directory is at *path*.
    """
    subject = f"directory {path}"
    folder = pathlib.Path(path)
    if folder.exists() and not folder.is_dir():
        raise InputError(subject, option, path, "Something else than a directory is there.", "Remove it, or take another path.")
    wanted_mode = None if mode is None else parse_mode(subject, f"{option}_mode", mode)
    user, users = _checked(subject, f"{option}_owner", owner, lambda name: pwd.getpwnam(name).pw_uid, lenient=lenient)
    team, teams = _checked(subject, f"{option}_group", group, lambda name: grp.getgrnam(name).gr_gid, lenient=lenient)
    before: dict[str, t.Any] = {"state": "absent"}
    found = folder.stat() if folder.exists() else None
    if found is None:
        after = {"state": "directory", "owner": users or _user_name(os.geteuid()), "group": teams or _group_name(os.getegid())}
        after["mode"] = f"{_DEFAULT_MODE if wanted_mode is None else wanted_mode:04o}"
    else:
        before = {"state": "directory", "owner": _user_name(found.st_uid), "group": _group_name(found.st_gid), "mode": f"{stat.S_IMODE(found.st_mode):04o}"}
        after = {**before, **({"owner": users} if users else {}), **({"group": teams} if teams else {})}
        after["mode"] = before["mode"] if wanted_mode is None else f"{wanted_mode:04o}"

    made: list[pathlib.Path] = []

    def apply() -> None:
        try:
            for part in (*reversed(folder.parents), folder):
                if not part.exists():
                    part.mkdir()
                    part.chmod(_DEFAULT_MODE)
                    made.append(part)
            os.chown(folder, -1 if user is None else user, -1 if team is None else team)
            folder.chmod(int(after["mode"], 8))
        except OSError as error:
            raise HostError(f"{subject} cannot be made as wanted: {error.strerror}.") from error

    def undo() -> None:
        if found is None:
            for part in reversed(made):
                part.rmdir()
        else:
            os.chown(folder, found.st_uid, found.st_gid)
            folder.chmod(stat.S_IMODE(found.st_mode))

    return HostChange({f"directory {path}": before}, {f"directory {path}": after}, apply, undo)


def _checked(subject: str, option: str, given: str | None, numbers: t.Callable[[str], int], *, lenient: bool) -> tuple[int | None, str | None]:
    """Return the number and the name of a user or group; no number where it is not there yet."""
    if given is None:
        return None, None
    try:
        number = _identity(subject, option, given, numbers)
    except InputError:
        if not lenient:
            raise
        return None, given
    names = _user_name if option.endswith("owner") else _group_name
    return number, names(number)


def plan_free_socket(subject: str, path: str) -> list[HostChange]:
    """Return how *path* becomes free for a socket: not at all where nothing is there, else by removal of a socket that nobody serves.

    Open vSwitch removes its sockets when it ends, unless it is killed; it cannot make one where a file is (rte_vhost: failed to bind).
    Raises InputError where the file is something else, or is served.
    """
    file = pathlib.Path(path)
    try:
        found = file.lstat()
    except OSError:
        return []
    if not stat.S_ISSOCK(found.st_mode):
        raise InputError(subject, "mode", "server", f"{path} is there and is no socket, so that the switch cannot make its own.", "Remove that file.")
    if _is_served(path):
        raise InputError(subject, "mode", "server", f"A process serves {path}.", "End the guest that does, or take mode client.")
    return [HostChange({f"socket {path}": {"state": "left over"}}, {f"socket {path}": {"state": "absent"}}, file.unlink, lambda: None)]


def _is_served(path: str) -> bool:
    """Tell whether a process listens on a socket; the kernel's list is asked first, as QEMU would take a connection for the switch's."""
    try:
        listed = pathlib.Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        listed = []
    if any(line.endswith(f" {path}") for line in listed):
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return connection.connect_ex(path) == 0


def combined(changes: t.Sequence[HostChange]) -> HostChange | None:
    """Return several changes of the host as one, done in their order and undone in the other; None for none."""
    done: list[HostChange] = []

    def apply() -> None:
        for change in changes:
            if change.before != change.after:
                done.append(change)
                change.apply()

    def undo() -> None:
        for change in reversed(done):
            change.undo()

    before = {key: value for change in changes for key, value in change.before.items()}
    after = {key: value for change in changes for key, value in change.after.items()}
    return HostChange(before, after, apply, undo) if changes else None
