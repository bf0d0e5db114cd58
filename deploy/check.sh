#!/bin/sh
# Everything that can be said about the code without running it. Goes on after a finding, fails at the end.
set -u
cd "$(dirname "$0")/.."
failed=""

look() {
    name=$1
    shift
    printf '· %s\n' "$name"
    "$@" || failed="$failed, $name"
}

in_web() {
    (cd services/web && PATH="$PWD/../../.venv/bin:$PATH" npm run --silent "$1")
}

look "lint" .venv/bin/ruff check --quiet
look "format" .venv/bin/ruff format --check --quiet
look "types" .venv/bin/mypy
look "arrows between the parts" .venv/bin/lint-imports
look "pages: packages" .venv/bin/python -m deploy.local packages
look "pages: types" in_web types
look "pages: lint" in_web lint
look "pages: unit tests" in_web test

if [ -n "$failed" ]; then
    echo "× not clean: ${failed#, }" >&2
    exit 1
fi
echo "√ clean"
