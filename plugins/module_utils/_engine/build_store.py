# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds side by side below one folder, one of them the current one (private to this collection).

``PREFIX/dpdk-16.07.0-1a2b3c4d5e`` is a build that is whole, with what it was built from in its file ``.build.json``; ``PREFIX/current``
is a link to one of them. A build gets its name in one rename, and the link its target in another, so that nothing is ever half there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import time
import typing as t

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RECORD = ".build.json"
LINK = "current"
_LOCK = ".lock"
_SHORT = 10
RETRY_SECONDS = 0.5


def stamp_of(inputs: Mapping[str, t.Any]) -> str:
    """Return the digest of everything that a build depends on (JSON values)."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def short(stamp: str) -> str:
    """Return the part of a stamp that stands in names."""
    return stamp[:_SHORT]


def refused(error: OSError, path: pathlib.Path) -> HostError:
    """Return an error of the file system as one that a user can read; a full disk is named as such, with what is free."""
    place = pathlib.Path(error.filename) if isinstance(error.filename, str) else path
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return HostError(full_disk(place))
    return HostError(f"{place}: {error.strerror or error}.")


def full_disk(path: pathlib.Path) -> str:
    """Say that a disk is full, and which."""
    existing = next((one for one in (path, *path.parents) if one.exists()), pathlib.Path("/"))
    try:
        free = f"{shutil.disk_usage(existing).free / 2**20:.0f} MiB are free"
    except OSError:
        free = "its size cannot be read"
    return f"The disk of {path} is full ({free}). Make room there, or take another folder with build_dir or prefix."


@dataclasses.dataclass(frozen=True)
class Installed:
    """A build that is whole."""

    path: pathlib.Path
    record: Mapping[str, t.Any]

    @property
    def stamp(self) -> str:
        """The digest of what it was built from."""
        return str(self.record.get("stamp"))


class Store:
    """The builds of one product (``dpdk``, ``openvswitch``) below a folder."""

    def __init__(self, product: str, prefix: pathlib.Path) -> None:
        self.product = product
        self.prefix = prefix
        self.lock_descriptor: int | None = None

    def path_of(self, version: str, stamp: str) -> pathlib.Path:
        """Return where a build is, or will be."""
        return self.prefix / f"{self.product}-{version}-{short(stamp)}"

    def builds(self) -> list[Installed]:
        """Return all builds that are whole, by name."""
        found = []
        for path in sorted(self.prefix.glob(f"{self.product}-*/{RECORD}")):
            with contextlib.suppress(OSError, ValueError):
                found.append(Installed(path.parent, json.loads(path.read_text(encoding="utf-8"))))
        return found

    def find(self, stamp: str) -> Installed | None:
        """Return the build of a stamp."""
        return next((one for one in self.builds() if one.stamp == stamp), None)

    def current(self) -> Installed | None:
        """Return the build that the link leads to."""
        link = self.prefix / LINK
        if not link.is_symlink():
            return None
        target = pathlib.Path(os.path.realpath(link))
        return next((one for one in self.builds() if one.path == target or os.path.realpath(one.path) == str(target)), None)

    def check_link(self) -> None:
        """Raise HostError where something that is no link stands in the place of the link."""
        link = self.prefix / LINK
        if link.exists() and not link.is_symlink():
            raise HostError(f"{link} is there and is no link, so that no build can become the current one. Move it away.")

    def switch(self, path: pathlib.Path) -> None:
        """Have the link lead to a build: to the old one or the new one at any moment."""
        link = self.prefix / LINK
        new = self.prefix / f".{LINK}.{os.getpid()}"
        try:
            new.unlink(missing_ok=True)
            new.symlink_to(path.name)
            new.replace(link)
        except OSError as error:
            raise refused(error, link) from error

    def adopt(self, staged: pathlib.Path, path: pathlib.Path, record: Mapping[str, t.Any]) -> None:
        """Give a build that is whole its record and its name."""
        try:
            with (staged / RECORD).open("w", encoding="utf-8") as stream:
                json.dump(record, stream, indent=1, sort_keys=True)
                stream.flush()
                os.fsync(stream.fileno())
            os.sync()  # the rename must not be on the disk before the files are
            if path.exists():  # without a record: not one of ours that is whole
                shutil.rmtree(path)
            staged.rename(path)
        except OSError as error:
            raise refused(error, path) from error

    def remove(self, builds: list[Installed]) -> None:
        """Remove builds, and the link where it leads to one of them."""
        current = self.current()
        try:
            for one in builds:
                if current is not None and current.path == one.path:
                    (self.prefix / LINK).unlink()
                # without its record it counts as gone, also where the rest cannot be removed
                (one.path / RECORD).unlink()
                shutil.rmtree(one.path)
        except OSError as error:
            raise refused(error, self.prefix) from error

    @contextlib.contextmanager
    def locked(self, seconds: float) -> Iterator[None]:
        """Be the only one who builds below this folder. Raises HostError where somebody else still does after *seconds*.

        The lock is the kernel's: it ends with the last process that holds it, however it ends.
        """
        file = self.prefix / _LOCK
        try:
            self.prefix.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise refused(error, file) from error
        try:
            self._take(descriptor, file, seconds)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} since {time.strftime('%H:%M:%S')}\n".encode(), 0)
            self.lock_descriptor = descriptor
            yield
        finally:
            self.lock_descriptor = None
            os.close(descriptor)

    def _take(self, descriptor: int, file: pathlib.Path, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                    raise refused(error, file) from error
            else:
                return
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 80, 0).decode(errors="replace").strip()
                advice = "Wait for its end, give lock_timeout so that this task waits, or take another prefix."
                raise HostError(f"Another build into {self.prefix} is running (process {holder}). {advice}")
            time.sleep(RETRY_SECONDS)
