#!/bin/sh
# Makes .venv with exactly what requirements.lock pins. Needs a Python >= 3.12 and the network; nothing else.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/requirements.stamp
wanted=$(cksum < requirements.lock)

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

find_python() {
    for name in python3.13 python3.12 python3 $(managed); do
        if runs "$name"; then
            echo "$name"
            return
        fi
    done
}

if [ "${1:-}" != "--which" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && runs .venv/bin/python; then
    touch "$stamp"
    exit 0
fi
python=$(find_python)
if [ "${1:-}" = "--which" ]; then # only say which Python would be taken
    echo "$python"
    exit 0
fi
if [ -z "$python" ]; then
    echo "× No Python 3.12 or newer runs here (looked for python3.13, python3.12, python3): install one, then try again." >&2
    exit 1
fi
echo "· making .venv with $($python --version): $(grep -c '==' requirements.lock) packages, about a minute the first time"
runs .venv/bin/python || rm -rf .venv
"$python" -m venv .venv || {
    echo "× $python could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
}
rm -f "$stamp"
# pip downloads and unpacks one package after the other; uv, itself pinned in the lock, does it side by side.
quiet=$([ -t 2 ] || echo --quiet)
hashed="--require-hashes --only-binary :all:"
sed -n '/^uv==/,/^[^ ]/p' requirements.lock | sed '/^uv==/b; /^ /b; d' > .venv/uv.lock
# shellcheck disable=SC2086
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check $hashed --no-deps -r .venv/uv.lock ||
    ! .venv/bin/uv pip install $quiet --compile-bytecode --python .venv/bin/python $hashed -r requirements.lock; then
    echo "× The packages could not be downloaded: the first start needs the network; try again when it is there." >&2
    exit 1
fi
rm -f .venv/uv.lock
echo "$wanted" > "$stamp"
echo "√ .venv"
