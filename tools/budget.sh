#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a request costs the library in user instructions, against what is written down for this
# compiler in tests/budget/instructions.txt. Exit status 1 when it is 3 % more, or less.
# usage: bash tools/budget.sh [--write]
#
# With --write the figures become those that are measured. Builds a release in a temporary folder.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case "$*" in
'' | --write) ;;
*)
    echo 'usage: bash tools/budget.sh [--write]' >&2
    exit 2
    ;;
esac
cd /

# shellcheck source=tools/workshop.sh
. "$root/tools/workshop.sh"

say 'looking for what it needs'
open_workshop || exit 2

build() {
    configure release "${release[@]}" && ninja -C "$tmp/release" tests/budget/budget
}

say 'building a release in a temporary folder'
if ! run build >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    exit 1
fi
run python3 -B "$root/tests/budget/budget.py" "$tmp/release/tests/budget/budget" \
    "$root/tests/budget/instructions.txt" "$@"
