#!/bin/sh
# Finds a Python >= 3.12 and lets it make .venv; --which: only says which, --stop and --status: see environment.py.
set -eu
cd "$(dirname "$0")/.."

# A name on the path may be a shim that fails, or an older Python: only one that runs and answers counts.
runs() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' > /dev/null 2>&1
}

# Version managers keep Pythons off the path; ask those that are there.
managed() {
    for version in 3.13 3.12; do
        if command -v pyenv > /dev/null 2>&1 && found=$(pyenv latest "$version" 2> /dev/null); then
            echo "$(pyenv root)/versions/$found/bin/python"
        fi
        if command -v uv > /dev/null 2>&1; then
            uv python find "$version" 2> /dev/null || true
        fi
    done
}

first_that_runs() {
    for name in "$@"; do
        if runs "$name"; then
            echo "$name"
            return
        fi
    done
    return 1
}

# shellcheck disable=SC2046
python=$(first_that_runs python3.13 python3.12 python3 || first_that_runs $(managed) || true)
if [ "${1:-}" = "--which" ]; then
    echo "$python"
    exit 0
fi
if [ -z "$python" ]; then
    there=$(python3 --version 2> /dev/null) || there="no python3 at all"
    echo "× No Python 3.12 or newer runs here (looked for python3.13, python3.12, python3; there is ${there}): install one, then try again." >&2
    exit 1
fi
exec "$python" -m deploy.environment "$@"
