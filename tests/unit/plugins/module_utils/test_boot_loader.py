# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entry GRUB boots next, and with which line."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.nfv.ovs_dpdk.plugins.module_utils._readers.boot_loader import (
    has_entries,
    has_grub,
    parse_environment,
    parse_grub_config,
    parse_grubby,
)

if t.TYPE_CHECKING:
    import pathlib

# The statements of a grub.cfg of Debian 12 that matter: two kernels, a submenu, rescue entries, functions, another system
CONFIG = r"""
### BEGIN /etc/grub.d/00_header ###
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="DEFAULT"
fi
function load_video {
  if [ x$feature_all_video_module = xy ]; then
    insmod all_video
  fi
}
### BEGIN /etc/grub.d/10_linux ###
function gfxmode {
        set gfxpayload="${1}"
}
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-9f' {
        if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
        search --no-floppy --fs-uuid --set=root 9f
        echo    'Loading Linux 6.1.0-44-amd64 ...'
        linux   /boot/vmlinuz-6.1.0-44-amd64 root=UUID=9f ro  quiet simple
        initrd  /boot/initrd.img-6.1.0-44-amd64
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-9f' {
        menuentry 'Debian GNU/Linux, with Linux 6.1.0-44-amd64' --class debian $menuentry_id_option 'gnulinux-6.1.0-44-amd64-advanced-9f' {
                linux   /boot/vmlinuz-6.1.0-44-amd64 root=UUID=9f ro  quiet new dyndbg="file a.c +p" $vt_handoff
        }
        menuentry 'Debian GNU/Linux, with Linux 6.1.0-44-amd64 (recovery mode)' $menuentry_id_option 'gnulinux-6.1.0-44-amd64-recovery-9f' {
                linux   /boot/vmlinuz-6.1.0-44-amd64 root=UUID=9f ro single
        }
        menuentry 'Debian GNU/Linux, with Linux 5.10.0-9-amd64' $menuentry_id_option 'gnulinux-5.10.0-9-amd64-advanced-9f' {
                linux   /boot/vmlinuz-5.10.0-9-amd64 root=UUID=9f ro  quiet \
                        old
        }
}
menuentry 'Other > system' --id other {
        chainloader +1
}
menuentry "It's mine" {
        linuxefi /vmlinuz-6.6.1 mine
}
# linux /commented out
"""


def line(default: str, environment: str = "") -> str | None:
    boot = parse_grub_config(CONFIG.replace("DEFAULT", default), parse_environment(environment))
    return str(boot.line) if boot else None


@pytest.mark.parametrize(
    ("default", "environment", "last"),
    [
        ("0", "", "simple"),
        ("gnulinux-simple-9f", "", "simple"),
        ("Debian GNU/Linux", "", "simple"),
        ("1", "", "$vt_handoff"),
        ("1>0", "", "$vt_handoff"),
        ("1>1", "", "single"),
        ("1>2", "", "old"),
        ("gnulinux-advanced-9f>gnulinux-5.10.0-9-amd64-advanced-9f", "", "old"),
        ("Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 5.10.0-9-amd64", "", "old"),
        ("3", "", "mine"),
        ("It's mine", "", "mine"),
        ("no such entry", "", "simple"),
        ("", "", "simple"),
        ("${saved_entry}", "saved_entry=3\n", "mine"),
        ("${saved_entry}", "saved_entry=gnulinux-advanced-9f>gnulinux-5.10.0-9-amd64-advanced-9f\n", "old"),
        ("${saved_entry}", "", "simple"),
        ("3", "# GRUB Environment Block\nsaved_entry=1\nnext_entry=1>2\n####", "old"),
        ("3", "next_entry=\n", "mine"),
    ],
)
def test_the_entry_that_is_booted_next(default: str, environment: str, last: str) -> None:
    found = line(default, environment)
    assert found is not None
    assert found.split()[-1] == last


def test_the_line_has_what_the_kernel_gets_byte_for_byte() -> None:
    assert line("1>0") == 'root=UUID=9f ro  quiet new dyndbg="file a.c +p" $vt_handoff'


@pytest.mark.parametrize("default", ["2", "other", "Other >> system"])
def test_another_system_has_no_line(default: str) -> None:
    assert line(default) is None


@pytest.mark.parametrize("text", ["", "set default=0\n", "menuentry 'empty' {\n}\n", "menuentry 'x' {\n linux\n}\n", "}\n}\n", "menuentry {\n"])
def test_a_configuration_without_a_kernel_has_no_line(text: str) -> None:
    assert parse_grub_config(text, {}) is None


@pytest.mark.parametrize(("default", "release"), [("0", "6.1.0-44-amd64"), ("1>2", "5.10.0-9-amd64"), ("3", "6.6.1")])
def test_the_release_is_that_of_the_kernel_that_is_booted(default: str, release: str) -> None:
    boot = parse_grub_config(CONFIG.replace("DEFAULT", default), {})
    assert boot
    assert boot.release == release


def test_a_kernel_whose_file_does_not_tell_has_no_release() -> None:
    boot = parse_grub_config("menuentry 'x' {\n linux /vmlinuz ro\n}\n", {})
    assert boot
    assert (boot.release, boot.title, str(boot.line)) == (None, "x", "ro")


GRUBBY = """\
index=0
kernel="/boot/vmlinuz-5.14.0-427.el9.x86_64"
args="ro crashkernel=1G-4G:192M,4G-64G:256M quiet $tuned_params"
root="/dev/mapper/rhel-root"
initrd="/boot/initramfs-5.14.0-427.el9.x86_64.img $tuned_initrd"
title="Red Hat Enterprise Linux (5.14.0-427.el9.x86_64) 9.4 (Plow)"
id="d2-5.14.0-427.el9.x86_64"
"""


def test_what_grubby_says_of_the_default_entry() -> None:
    boot = parse_grubby(GRUBBY)
    assert boot
    assert str(boot.line) == "root=/dev/mapper/rhel-root ro crashkernel=1G-4G:192M,4G-64G:256M quiet $tuned_params"
    assert boot.release == "5.14.0-427.el9.x86_64"
    assert boot.title.startswith("Red Hat")


@pytest.mark.parametrize("text", ["", "lba\nindex=0\nnon linux entry\n", "The param DEFAULT is incorrect\n"])
def test_no_entry_of_grubby(text: str) -> None:
    assert parse_grubby(text) is None


def test_which_configuration_there_is(tmp_path: pathlib.Path) -> None:
    assert not has_grub(tmp_path)
    assert not has_entries(tmp_path)
    (tmp_path / "etc/default").mkdir(parents=True)
    (tmp_path / "etc/default/grub").touch()
    (tmp_path / "boot/loader/entries").mkdir(parents=True)
    assert has_grub(tmp_path)
    assert not has_entries(tmp_path)
    (tmp_path / "boot/loader/entries/d2-5.14.conf").touch()
    assert has_entries(tmp_path)
