# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where sources come from: a folder, an archive, or a URL with a checksum (private to this collection)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import posixpath
import re
import shutil
import tarfile
import typing as t
import zlib

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.build_store import refused
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.source_tree import content_digest, file_digest, signature
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError, InputError

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ansible.module_utils.basic import AnsibleModule

_FETCH_SECONDS = 60
# What tarfile raises for a file that ends too early or is none
_BAD_ARCHIVE = (tarfile.TarError, EOFError, zlib.error, ValueError)


class Checksum(t.NamedTuple):
    """An algorithm of hashlib and a digest in hex."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        """Return ``sha256:...``."""
        return f"{self.algorithm}:{self.digest}"


def parse_checksum(text: str) -> Checksum:
    """Return a checksum such as ``sha256:9f86...``. Raises InputError."""
    algorithm, _colon, digest = text.strip().lower().partition(":")
    known = ("sha256", "sha512", "sha384", "sha224", "sha1", "md5")
    if algorithm not in known or len(digest) != 2 * hashlib.new(algorithm).digest_size or not re.fullmatch(r"[0-9a-f]+", digest):
        possible = f"It is an algorithm ({', '.join(known)}), a colon and all hex digits of the digest."
        raise InputError("source", "checksum", text, possible, "Write for instance sha256: and what sha256sum prints.")
    return Checksum(algorithm, digest)


class Source:
    """What a build is made from. *folder* is where archives are kept that were fetched, and what is known of trees."""

    def __init__(self, given: str, checksum: str | None, folder: pathlib.Path) -> None:
        """Check the source. Raises InputError for one that cannot be, and a checksum where there can be none or has to be one."""
        self.given = given
        self.folder = folder
        self.is_url = re.match(r"[a-z][a-z0-9+.-]*://", given, re.IGNORECASE) is not None
        self.checksum = None if checksum is None else parse_checksum(checksum)
        self.path = pathlib.Path(os.path.expandvars(given)).expanduser()
        if self.is_url:
            if self.checksum is None:
                advice = "Give checksum, such as sha256:...; what cannot be checked is not built."
                raise InputError("source", "checksum", None, f"{given} is fetched, and may not be what it was.", advice)
            name = re.sub(r"[^\w.+-]", "_", posixpath.basename(given.rstrip("/"))) or "archive"
            self.path = folder / f"{self.checksum.digest[:16]}-{name}"
            return
        if not self.path.is_absolute():
            raise InputError("source", "source", given, "It is relative, and a task has no folder of its own.", "Name it from / on.")
        if not self.path.exists():
            raise InputError("source", "source", given, "There is nothing of that name on this host.", "Name a folder, an archive or a URL.")
        if self.path.is_dir() and self.checksum is not None:
            raise InputError("source", "checksum", checksum, f"{given} is a folder, and only a file has a checksum.", "Leave checksum out.")

    @property
    def is_tree(self) -> bool:
        """Whether it is a folder, which is used as it is."""
        return not self.is_url and self.path.is_dir()

    def digest(self, *, write: bool) -> str:
        """Return a digest of its content; what a URL leads to has that of its checksum, and is not fetched.

        Trees are read as a whole only when names, sizes or times in them changed since the last time; *write* lets it be remembered.
        Raises HostError for a file that has another checksum.
        """
        if self.checksum is not None and self.is_url:
            return str(self.checksum)
        now = signature(self.path)
        memory = self.folder / f"{hashlib.sha256(os.fsencode(self.path.absolute())).hexdigest()[:16]}.json"
        algorithm = "sha256" if self.checksum is None else self.checksum.algorithm
        with contextlib.suppress(OSError, ValueError, AttributeError):
            known = json.loads(memory.read_text(encoding="utf-8"))
            if known.get("signature") == now and str(known.get("content")).startswith(f"{algorithm}:"):
                self._check(known["content"].partition(":")[2])
                return str(known["content"])
        digest = content_digest(self.path, algorithm)
        self._check(digest)
        if write:
            with contextlib.suppress(OSError):  # it only saves time
                self.folder.mkdir(parents=True, exist_ok=True)
                memory.write_text(json.dumps({"path": str(self.path.absolute()), "signature": now, "content": f"{algorithm}:{digest}"}), encoding="utf-8")
        return f"{algorithm}:{digest}"

    def _check(self, digest: str) -> None:
        if self.checksum is not None and digest != self.checksum.digest:
            raise HostError(
                f"{self.given} has another checksum than the one given: {self.checksum.algorithm}:{digest}, not {self.checksum}. "
                "It is another file, or one that was not copied as a whole. Nothing was built from it.",
                checksum=f"{self.checksum.algorithm}:{digest}",
            )

    @property
    def has_to_be_fetched(self) -> bool:
        """Whether the archive is not here yet."""
        return self.is_url and not self.path.is_file()

    def fetch(self, module: AnsibleModule) -> None:
        """Have the archive here, with the checksum that it should have. Raises HostError."""
        if not self.is_url or self.checksum is None:
            return
        if self.path.is_file():
            with contextlib.suppress(HostError):
                self._check(file_digest(self.path, self.checksum.algorithm))
                return
        from ansible.module_utils.urls import fetch_url  # noqa: PLC0415 # takes as long to load as all the rest, and few tasks need it

        response, info = fetch_url(module, self.given, timeout=_FETCH_SECONDS)
        if response is None or info.get("status") not in {200, None}:  # None: the protocol has no status, as file:// has none
            advice = "Set http_proxy or https_proxy in the task's environment, or name an archive on the host as source."
            raise HostError(f"{self.given} cannot be fetched: {str(info.get('msg')).rstrip('.')}. {advice}")
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as stream:
                shutil.copyfileobj(response, stream, 1 << 20)
            self._check(file_digest(part, self.checksum.algorithm))
            part.replace(self.path)
        except OSError as error:
            raise refused(error, part) from error
        finally:
            part.unlink(missing_ok=True)

    def lay_out(self, folder: pathlib.Path, *, copy: bool) -> pathlib.Path:
        """Return the root of the tree: the source itself, or with *copy* or from an archive a new tree below *folder*. Raises InputError, HostError."""
        if self.is_tree and not copy:
            return self.path.absolute()
        new = folder.with_name(f"{folder.name}.new")
        try:
            shutil.rmtree(new, ignore_errors=True)
            if self.is_tree:
                shutil.copytree(self.path, new, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
            else:
                new.mkdir(parents=True)
                unpack(self.path, new, self.given)
            if folder.exists():
                shutil.rmtree(folder)
            new.rename(folder)
        except shutil.Error as error:
            raise HostError(f"{self.given} cannot be copied: {error.args[0][0][2] if error.args and error.args[0] else error}.") from error
        except OSError as error:
            raise refused(error, folder) from error
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return folder if self.is_tree else root_of(folder)


def root_of(folder: pathlib.Path) -> pathlib.Path:
    """Return the one folder that most archives have, else *folder* itself."""
    entries = list(folder.iterdir()) if folder.is_dir() else []
    return entries[0] if len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink() else folder


def unpack(archive: pathlib.Path, folder: pathlib.Path, name: str) -> None:
    """Unpack a tar archive (also with gzip, bzip2 or xz) after a look at every name in it.

    Raises InputError for a file that is no archive, one that ends too early, and one that would write outside *folder*; OSError.
    """
    possible = "It is no tar archive (.tar, .tar.gz, .tar.bz2, .tar.xz), or not a whole one."
    try:
        with tarfile.open(archive) as stream:
            members = stream.getmembers()
            links: set[str] = set()
            for member in members:
                _check_member(member, links, name)
            _extract(stream, folder, members)
    except tarfile.CompressionError as error:
        raise HostError(f"{name} cannot be read: this Python lacks its compression ({error}).") from error
    except _BAD_ARCHIVE as error:
        raise InputError("source", "source", name, f"{possible} ({error})", "Fetch it again, and give checksum.") from error
    except OSError as error:
        if error.errno is None:  # gzip, bz2 and lzma say so of content that is none
            raise InputError("source", "source", name, f"{possible} ({error})", "Fetch it again, and give checksum.") from error
        raise


def _extract(stream: tarfile.TarFile, folder: pathlib.Path, members: list[tarfile.TarInfo]) -> None:
    for member in members:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = (member.mode & 0o755) | 0o600 | (0o100 if member.isdir() else 0)
    extract: Callable[..., None] = stream.extractall
    if hasattr(tarfile, "fully_trusted_filter"):
        extract(folder, members=members, filter="fully_trusted")  # every name was looked at
    else:
        extract(folder, members=members)


def _check_member(member: tarfile.TarInfo, links: set[str], archive: str) -> None:
    """Raise InputError for a member that could write outside: by its name, through a link, or to a device. *links* has the links so far."""
    why = None
    parts = [part for part in member.name.split("/") if part not in {"", "."}]
    if member.name.startswith("/") or ".." in parts:
        why = "leads out of the folder that it is unpacked to"
    elif any("/".join(parts[:count]) in links for count in range(1, len(parts))):
        why = "is written through a link"
    elif member.issym():
        target = [part for part in member.linkname.split("/") if part not in {"", "."}]
        ups = len(target) - len([part for part in target if part != ".."])
        # '..' only in front, and not more of them than there are folders above
        if member.linkname.startswith("/") or ".." in target[ups:] or ups >= max(len(parts), 1):
            why = f"is a link out of it, to {member.linkname}"
        links.add("/".join(parts))
    elif member.islnk():
        if member.linkname.startswith("/") or ".." in member.linkname.split("/"):
            why = f"is a link out of it, to {member.linkname}"
    elif not (member.isreg() or member.isdir()):
        why = "is a device or a pipe"
    if why:
        raise InputError("source", "source", archive, f"Its member {member.name} {why}. Nothing was unpacked.", "Take an archive that you trust.")
