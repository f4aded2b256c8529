# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a boot depends on: what is there after a fault."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._engine.files import FileChange, back_up, read_file, replace
from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._values.errors import HostError


class PowerLossError(BaseException):
    """The machine is off: nothing that would come later happens."""


def test_a_file_is_made_with_its_folder(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "grub.d/ours.cfg"
    replace(FileChange(path, None, "a\n", mode=0o640))
    assert path.read_text() == "a\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_there_keeps_its_mode_and_bytes_that_are_no_text(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"caf\xe9\n")
    path.chmod(0o600)
    text = read_file(path)
    assert text is not None
    replace(FileChange(path, text, text + "more\n"))
    assert path.read_bytes() == b"caf\xe9\nmore\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_change_can_be_undone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    change = FileChange(path, None, "a\n")
    replace(change)
    replace(change.back())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_after_a_loss_of_power_before_the_rename_the_old_file_is_whole(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")

    def lose(*_arguments: object) -> None:
        monkeypatch.setattr(pathlib.Path, "unlink", lambda *_args, **_kwargs: None)  # no tidying up either
        raise PowerLossError

    monkeypatch.setattr(call, lose)
    with pytest.raises(PowerLossError):
        replace(FileChange(path, "old\n", "new\n"))
    assert path.read_text() == "old\n"
    (left,) = [entry for entry in tmp_path.iterdir() if entry != path]
    assert left.name.startswith(".")
    assert left.suffix != ".cfg"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match=r"No space left on device\. It is as it was"):
        replace(FileChange(path, "old\n", "new\n"))
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_backup_is_a_copy_that_no_folder_of_settings_reads(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "zz.cfg"
    path.write_text("old\n")
    path.chmod(0o600)
    copy = back_up(path)
    assert copy is not None
    assert copy.read_text() == "old\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert not copy.name.endswith(".cfg")
    assert back_up(tmp_path / "none") is None


def test_what_cannot_be_read_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="Is a directory"):
        read_file(tmp_path)
