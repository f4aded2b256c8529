#!/bin/sh
# Run `ansible-test sanity` with all Pythons from 3.9 on that this machine has. Arguments are passed on to it.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
tree=$(python tools/tree.py .build/sanity)

# ansible-test keeps environments below HOME. A home of our own keeps what ansible_test_pip.py puts there out of other
# projects' way; the settings of pip come along, because ansible-test does not pass environment variables on.
home=${XDG_CACHE_HOME:-$HOME/.cache}/nfv-ovs_dpdk
mkdir -p "$home/.config"
if [ -e "$HOME/.config/pip" ]; then ln -sfn "$HOME/.config/pip" "$home/.config/pip"; fi
HOME=$home python tools/ansible_test_pip.py prepare

PATH="$root/.venv/bin:$(python tools/pythons.py 3.9 3.10 3.11 3.12 3.13)"
export PATH
cd "$tree"
HOME=$home exec ansible-test sanity --color no "$@"
