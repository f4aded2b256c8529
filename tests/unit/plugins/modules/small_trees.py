# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source trees of a few lines that are built in the way of DPDK (make, meson) and of Open vSwitch, with a real compiler."""

from __future__ import annotations

import os
import platform
import subprocess
import typing as t

if t.TYPE_CHECKING:
    import pathlib

ARCH = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
NATIVE = f"{ARCH}-native-linuxapp-gcc"
IVSHMEM = f"{ARCH}-ivshmem-linuxapp-gcc"

EAL = """
#include "rte_eal.h"
const char *rte_version(void) { return "DPDK " VERSION; }
int rte_eal_init(int argc, char **argv) { return argc > 0 && argv ? 0 : -1; }
"""
EAL_HEADER = """
const char *rte_version(void);
int rte_eal_init(int argc, char **argv);
"""
COMMON = """# comment
CONFIG_RTE_BUILD_SHARED_LIB=n
CONFIG_RTE_APP_TEST=y
CONFIG_RTE_TEST_PMD=y
CONFIG_RTE_LIBRTE_ACL=y
CONFIG_RTE_LIBRTE_IXGBE_PMD=y
CONFIG_RTE_LIBRTE_I40E_PMD=y
CONFIG_RTE_LIBRTE_PMD_NULL=y
CONFIG_RTE_LIBRTE_PMD_PCAP=n
CONFIG_RTE_LIBRTE_KNI=n
CONFIG_RTE_KNI_KMOD=n
CONFIG_RTE_EAL_IGB_UIO=n
CONFIG_RTE_LIBRTE_VHOST=n
CONFIG_RTE_LIBRTE_VHOST_USER=y
CONFIG_RTE_LIBRTE_VHOST_NUMA=n
"""
MAKEFILE = """
O ?= build
-include $(O)/.config
RTE_CC := $(if $(CC:cc=),$(CC),gcc)
KIND := $(if $(filter y,$(CONFIG_RTE_BUILD_SHARED_LIB)),so,a)
T := $(or $(T),$(CONFIG_TEMPLATE))
VERSION := $(shell sed -n 's/^.define RTE_VER_[YM].* //p' lib/librte_eal/common/include/rte_version.h | paste -sd. -)
.PHONY: all config install
all: $(O)/lib/libdpdk.$(KIND) $(O)/include/rte_eal.h
config:
\tmkdir -p $(O)
\t{ cat config/common_base config/common_linuxapp config/defconfig_$(T); echo CONFIG_TEMPLATE=$(T); } | grep ^CONFIG >$(O)/.config
\t@echo Configuration done
$(O)/obj/%.o: lib/librte_eal/%.c $(O)/.config
\tmkdir -p $(@D)
\t$(RTE_CC) -O2 -fPIC -DVERSION='"$(VERSION)"' -Ilib/librte_eal $(EXTRA_CFLAGS) -c -o $@ $<
\t@echo built $< >>$(O)/compiled
$(O)/lib/libdpdk.so: $(O)/obj/eal.o
\tmkdir -p $(@D)
\t$(RTE_CC) -shared -Wl,-soname,libdpdk.so $(EXTRA_LDFLAGS) -o $@ $^
$(O)/lib/libdpdk.a: $(O)/obj/eal.o
\tmkdir -p $(@D)
\tar rcs $@ $^
$(O)/include/rte_eal.h: lib/librte_eal/rte_eal.h
\tmkdir -p $(@D)
\tcp $< $@
\techo '#define RTE_CONFIG 1' >$(@D)/rte_config.h
install:
\tmkdir -p $(DESTDIR)$(prefix)/include/dpdk $(DESTDIR)$(prefix)/share/dpdk/$(T)
\tcp -a $(O)/lib $(DESTDIR)$(prefix)
\tcp $(O)/include/* $(DESTDIR)$(prefix)/include/dpdk
\tcp $(O)/.config $(DESTDIR)$(prefix)/share/dpdk/$(T)
\tln -sfn ../../../include/dpdk $(DESTDIR)$(prefix)/share/dpdk/$(T)/include
\tln -sfn ../../../lib $(DESTDIR)$(prefix)/share/dpdk/$(T)/lib
"""

MESON = """project('DPDK', 'c',
  version: run_command('cat', 'VERSION', check: true).stdout().strip(),
  default_options: ['buildtype=release', 'default_library=static'],
  meson_version: '>= 0.53.2')
version_arg = '-DVERSION="' + meson.project_version() + '"'
shared = shared_library('rte_eal', 'lib/eal/eal.c', c_args: version_arg, install: true)
static = static_library('rte_eal', 'lib/eal/eal.c', c_args: version_arg, install: true)
install_headers('lib/eal/rte_eal.h')
import('pkgconfig').generate(name: 'DPDK', filebase: 'libdpdk', version: meson.project_version(), description: 'small',
  libraries: get_option('default_library') == 'shared' ? [shared] : [static])
summary({'drivers': get_option('enable_drivers'), 'set': get_option('cpu_instruction_set')})
"""
MESON_OPTIONS = """
option('cpu_instruction_set', type: 'string', value: 'auto')
option('disable_drivers', type: 'string', value: '')
option('enable_drivers', type: 'string', value: '')
option('enable_kmods', type: 'boolean', value: false)
option('machine', type: 'string', value: 'auto')
option('platform', type: 'string', value: 'native')
option('tests', type: 'boolean', value: true)
"""


def output(argv: list[str], **environ: str) -> str:
    """Run a command that has to end well, and return what it says."""
    done = subprocess.run(argv, check=True, capture_output=True, text=True, env={**os.environ, **environ})  # noqa: S603 # what a test has just built
    return done.stdout.strip()


def write(root: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    """Write files below a folder and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def make_tree(
    root: pathlib.Path, version: str = "16.07", *, ivshmem: bool = True, meson: bool = False, files: t.Mapping[str, str] | None = None
) -> pathlib.Path:
    """Write a DPDK tree that is built with make; *files* replace or add some, by their path."""
    year, month = version.split(".")
    header = f"#define RTE_VER_YEAR {int(year)}\n#define RTE_VER_MONTH {month}\n#define RTE_VER_MINOR 0\n"
    templates = {f"config/defconfig_{target}": '#include "common_linuxapp"\n' for target in ([NATIVE, IVSHMEM] if ivshmem else [NATIVE])}
    other = {"meson.build": MESON, "meson_options.txt": MESON_OPTIONS, "VERSION": f"{version}.0\n"} if meson else {}
    return write(
        root,
        {
            "GNUmakefile": MAKEFILE,
            "mk/rte.vars.mk": "",
            "config/common_base": COMMON,
            "config/common_linuxapp": "CONFIG_RTE_EAL_IGB_UIO=y\nCONFIG_RTE_KNI_KMOD=y\n",
            **templates,
            "lib/librte_eal/common/include/rte_version.h": header,
            "lib/librte_eal/eal.c": EAL,
            "lib/librte_eal/rte_eal.h": EAL_HEADER,
            "lib/Makefile": "DIRS-$(CONFIG_RTE_LIBRTE_ACL) += librte_acl\nDIRS-$(CONFIG_RTE_LIBRTE_VHOST) += librte_vhost\n",
            "app/Makefile": "DIRS-$(CONFIG_RTE_APP_TEST) += test\nDIRS-$(CONFIG_RTE_LIBRTE_ACL) += test-acl\nDIRS-$(CONFIG_RTE_TEST_PMD) += test-pmd\n",
            "drivers/net/Makefile": (
                "DIRS-$(CONFIG_RTE_LIBRTE_IXGBE_PMD) += ixgbe\nDIRS-$(CONFIG_RTE_LIBRTE_I40E_PMD) += i40e\n"
                "DIRS-$(CONFIG_RTE_LIBRTE_PMD_NULL) += null\nDIRS-$(CONFIG_RTE_LIBRTE_PMD_PCAP) += pcap\n"
            ),
            **other,
            **(files or {}),
        },
    )


def meson_tree(root: pathlib.Path, version: str = "22.11.1", *, files: t.Mapping[str, str] | None = None) -> pathlib.Path:
    """Write a DPDK tree that is built with meson."""
    base = {"meson.build": MESON, "meson_options.txt": MESON_OPTIONS, "VERSION": f"{version}\n", "lib/eal/eal.c": EAL, "lib/eal/rte_eal.h": EAL_HEADER}
    return write(root, {**base, **(files or {})})


CONFIGURE = r"""#!/bin/sh
set -e
src=$(cd "$(dirname "$0")" && pwd)
with_dpdk=no
test -e "$src/config.status" && { echo "configure: error: source directory already configured; run \"make distclean\" there first"; exit 1; }
for word; do
    case $word in
    --prefix=*) prefix=${word#*=} ;;
    --sysconfdir=* | --localstatedir=*) ;;
    --with-dpdk=*) with_dpdk=${word#*=} ;;
    CC=*) CC=${word#*=} ;;
    CFLAGS=*) CFLAGS=${word#*=} ;;
    LDFLAGS=*) LDFLAGS=${word#*=} ;;
    *) echo "configure: error: unrecognized option: $word" >&2; exit 1 ;;
    esac
done
case $with_dpdk in
shared) inc=$(pkg-config --cflags libdpdk) libs=$(pkg-config --libs libdpdk) ;;
static | yes) inc=$(pkg-config --cflags libdpdk) libs="-L$(pkg-config --variable=libdir libdpdk) -l:librte_eal.a" ;;
/*)
    inc=-I$with_dpdk/include libs="-L$with_dpdk/lib -ldpdk"
    test -e "$with_dpdk/include/rte_config.h" || { echo "configure: error: Could not find DPDK in $with_dpdk" >&2; exit 1; }
    ;;
*) echo "configure: error: no DPDK" >&2; exit 1 ;;
esac
echo "#define DPDK_NETDEV 1" >config.h
cat >Makefile <<END
noinst_PROGRAMS = tests/ovstest
all: ovs-vswitchd \$(noinst_PROGRAMS)
tests/ovstest:
TAB@echo "nobody needs \$@, which takes long" >&2; false
ovs-vswitchd: $src/vswitchd/ovs-vswitchd.c $src/$EMC
TAB$CC $CFLAGS -I$src/lib $inc -o \$@ $src/vswitchd/ovs-vswitchd.c $LDFLAGS $libs
install: all
TABmkdir -p \$(DESTDIR)$prefix/sbin \$(DESTDIR)/var/run/openvswitch
TABcp ovs-vswitchd \$(DESTDIR)$prefix/sbin
END
""".replace("TAB", "\t")
VSWITCHD = r"""
#include <stdio.h>
#include <string.h>
#include <rte_eal.h>
#include "EMC"
int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--emc")) { printf("%d\n", EM_FLOW_HASH_SHIFT); return 0; }
    printf("ovs-vswitchd (Open vSwitch) VERSION\n%s\n", SAYS);
    return 0;
}
"""


def ovs_tree(
    root: pathlib.Path, version: str = "3.1.0", *, emc: str = "lib/dpif-netdev-private-dfc.h", says_dpdk: bool = True, files: t.Mapping[str, str] | None = None
) -> pathlib.Path:
    """Write an Open vSwitch tree; its ovs-vswitchd says its version, that of DPDK, and with --emc the size of the EMC."""
    old = tuple(map(int, version.split(".")[:2])) < (2, 15)
    rules = "AC_HELP_STRING([--with-dpdk=/path/to/dpdk])" if old else "AS_HELP_STRING([--with-dpdk=static|shared|yes])"
    says = "rte_version()" if says_dpdk else '"no datapath"'
    program = VSWITCHD.replace("EMC", emc.rpartition("/")[2], 1).replace("VERSION", version).replace("SAYS", says)
    write(
        root,
        {
            "configure.ac": f"AC_INIT(openvswitch, {version}, [bugs@openvswitch.org])\n",
            "acinclude.m4": rules,
            "configure": CONFIGURE.replace("$EMC", emc),
            emc: "/* comment */\n#define EM_FLOW_HASH_SHIFT 13\n#define EM_FLOW_HASH_ENTRIES (1u << EM_FLOW_HASH_SHIFT)\n",
            "vswitchd/ovs-vswitchd.c": program,
            **(files or {}),
        },
    )
    (root / "configure").chmod(0o755)
    return root
