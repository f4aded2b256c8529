#!/bin/sh
# Build the collection's archive below .build/dist, install it in an empty place, and see that all is in it.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."
rm -rf .build/dist .build/clean
tree=$(python tools/tree.py .build/dist/source)
ansible-galaxy collection build --output-path .build/dist "$tree"

# Only the empty place: an installed collection of the same version would make the installation do nothing.
export ANSIBLE_COLLECTIONS_PATH="$PWD/.build/clean"
ansible-galaxy collection install --offline --no-deps -p .build/clean .build/dist/nfv-ovs_dpdk-*.tar.gz

# ansible-doc succeeds for what is not there: look for the name in what it prints.
shown() {
    ansible-doc --type "$1" --json "nfv.ovs_dpdk.$2" | grep -q "\"nfv.ovs_dpdk.$2\"" || {
        echo "the installed collection does not show the $1 $2" >&2
        exit 1
    }
}
for file in plugins/modules/*.py; do shown module "$(basename "$file" .py)"; done
for file in plugins/filter/*.yml; do shown filter "$(basename "$file" .yml)"; done
for folder in roles/*/; do shown role "$(basename "$folder")"; done
