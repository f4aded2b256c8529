# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a boot depends on: replaced as a whole, or not at all (private to this collection)."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
import time

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError


@dataclasses.dataclass(frozen=True)
class FileChange:
    """The text of a file before and after; None where there is no file."""

    path: pathlib.Path
    before: str | None
    after: str | None
    mode: int = 0o644
    """Of a file that is new; one that is there keeps owner and mode."""

    @property
    def differs(self) -> bool:
        """Whether there is something to do."""
        return self.before != self.after

    def back(self) -> FileChange:
        """Return the change that undoes this one."""
        return dataclasses.replace(self, before=self.after, after=self.before)


def read_file(path: pathlib.Path) -> str | None:
    """Return the text of a file, to the byte (what is not UTF-8 survives a round trip); None where there is none. Raises HostError."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}.") from error


def back_up(path: pathlib.Path) -> pathlib.Path | None:
    """Copy a file beside itself, with owner, mode and times, and return the copy; None where there is no file. Raises HostError.

    The name of the copy ends with ``~``, which the programs that read whole folders of settings pass over.
    """
    if not path.exists():
        return None
    copy = path.with_name(f"{path.name}.{time.strftime('%Y-%m-%d@%H:%M:%S')}~")
    try:
        shutil.copy2(path, copy)
        found = path.stat()
        os.chown(copy, found.st_uid, found.st_gid)
    except OSError as error:
        copy.unlink(missing_ok=True)
        raise HostError(f"{path} cannot be backed up: {error.strerror}. Nothing was changed.") from error
    return copy


def remove_backups(path: pathlib.Path) -> None:
    """Remove all copies that :func:`back_up` made of a file. Raises HostError."""
    try:
        for copy in path.parent.glob(f"{path.name}.*~"):
            copy.unlink(missing_ok=True)
    except OSError as error:
        raise HostError(f"the backups of {path} cannot be removed: {error.strerror}.") from error


def replace(change: FileChange) -> None:
    """Bring a file to what it shall be: the old text or the new one is there at any moment, also after a loss of power. Raises HostError."""
    try:
        if change.after is None:
            change.path.unlink(missing_ok=True)
        else:
            change.path.parent.mkdir(parents=True, exist_ok=True)
            _write(change.path, change.after.encode("utf-8", "surrogateescape"), change.mode)
        _sync_folder(change.path.parent)
    except OSError as error:
        raise HostError(f"{change.path} cannot be written: {error.strerror}. It is as it was.") from error


def _write(path: pathlib.Path, content: bytes, mode: int) -> None:
    found = path.stat() if path.exists() else None
    # a leading dot and no suffix: nothing that reads the folder takes it for a file of settings
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = pathlib.Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        new.chmod(mode if found is None else found.st_mode & 0o7777)
        if found is not None:
            os.chown(new, found.st_uid, found.st_gid)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _sync_folder(folder: pathlib.Path) -> None:
    """Have the name of a file on the disk, not only its text. Some file systems cannot be asked."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
