#!/bin/sh
# Install what is missing, and say what. `make` calls it; nothing happens when all is there.
#
#   tools/bootstrap.sh python    the Python environment .venv (PYTHON names the interpreter; default: a 3.11 to 3.13)
#   tools/bootstrap.sh build     the Debian packages of a compiler: unit tests build small trees
#   tools/bootstrap.sh lab       the Debian packages that lab hosts need
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."

# install PACKAGE...: of these, the ones that are missing
install() {
    missing=
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
    done
    test -n "$missing" || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "==> not installing Debian packages, this needs root:$missing"
        return 1
    fi
    echo "==> installing Debian packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # one word a package
    if ! apt-get install --quiet --quiet --yes --no-install-recommends $missing >/dev/null 2>&1; then
        apt-get update --quiet --quiet || echo "==> some package lists could not be read"
        apt-get install --quiet --quiet --yes --no-install-recommends $missing >/dev/null
    fi
}

works() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() { # a command of that name may be there and not start: a shim
    for python in ${PYTHON:-python3.11 python3.12 python3.13 /usr/bin/python3}; do
        if works "$python"; then
            command -v "$python"
            return
        fi
    done
    return 1
}

case ${1-} in
python)
    wanted=$(sha256sum <requirements-dev.txt)
    if [ "$(cat .venv/.requirements 2>/dev/null)" != "$wanted" ]; then
        if ! .venv/bin/python -c '' 2>/dev/null; then
            python=$(find_python) || {
                install python3 python3-venv
                python=$(find_python)
            } || {
                echo "no Python 3.11 to 3.13 with the module venv was found: set PYTHON" >&2
                exit 1
            }
            echo "==> making the Python environment .venv with $python"
            "$python" -m venv --clear .venv
        fi
        echo "==> installing Python packages in .venv: those of requirements-dev.txt"
        export PIP_DISABLE_PIP_VERSION_CHECK=1 UV_SYSTEM_CERTS=1 # pip too believes the system's certificates
        # uv is some fifteen times faster than pip; where it fails, pip gives the same result.
        {
            .venv/bin/python -m pip install --quiet --quiet uv &&
                .venv/bin/uv pip install --quiet --python .venv/bin/python --requirement requirements-dev.txt
        } || .venv/bin/python -m pip install --quiet --quiet --requirement requirements-dev.txt
        echo "$wanted" >.venv/.requirements
    fi
    ;;
build)
    if command -v apt-get >/dev/null; then
        install gcc libc6-dev make pkg-config || echo "==> tests of builds from source may not work"
    fi
    ;;
lab)
    if command -v apt-get >/dev/null; then
        install apt-utils ca-certificates debian-archive-keyring mmdebstrap mount podman runc util-linux ||
            echo "==> lab hosts may not work"
        install apt-utils e2fsprogs fdisk mmdebstrap openssh-client qemu-system-x86 qemu-utils util-linux ||
            echo "==> emulated hosts may not work"
    fi
    ;;
*)
    sed -n 's/^#   //p' "$0" >&2
    exit 2
    ;;
esac
