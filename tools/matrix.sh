#!/bin/sh
# Run the unit tests with every ansible-core from 2.16 on, each with the oldest and the newest Python that it has here.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$(python tools/pythons.py 3.10 3.11 3.12 3.13)"
export PATH UV_PYTHON_DOWNLOADS=never

failed=0
while read -r core python; do
    command -v "python$python" >/dev/null || continue
    environment=.build/matrix/$core-$python
    echo "==> ansible-core $core, Python $python"
    uv venv --quiet --clear --python "$(command -v "python$python")" "$environment"
    uv pip install --quiet --python "$environment/bin/python" "ansible-core~=$core.0" hypothesis jmespath meson netaddr ninja pytest pytest-mock
    "$environment/bin/python" -m pytest -q -p no:cacheprovider || failed=$((failed + 1))
done <<PAIRS
2.16 3.10
2.16 3.11
2.17 3.12
2.18 3.13
2.19 3.11
2.19 3.13
2.20 3.12
2.21 3.13
PAIRS
test "$failed" -eq 0
