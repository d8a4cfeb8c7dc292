#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How much of src the tests run: lines and branches of each folder. Exit status 1 below the goals,
# which are in tests/check/coverage.py with what does not count, or when a test fails.
# usage: bash tools/coverage.sh [FOLDER]
#
# Works in a temporary folder, or in FOLDER, whose build the next run goes on with. The storms stay
# out: what only they reach has no test of its own.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suites=(--suite unit --suite sim --suite fuzz --suite real --no-suite storm)

# Counts of several threads add up only when they are atomic.
build() {
    if [ ! -f "$build/build.ninja" ]; then
        CC=gcc meson setup "$build" "$root" --buildtype=debug -Db_coverage=true \
            -Dc_args=-fprofile-update=atomic || return 1
    fi
    ninja -C "$build" && find "$build" -name '*.gcda' -delete
}

run_tests() {
    meson test -C "$build" --no-rebuild --print-errorlogs --num-processes "$(nproc)" \
        --timeout-multiplier 4 "${suites[@]}"
}

sources_of() { # ROOT
    python3 -c 'import re, sys; print(re.escape(sys.argv[1]) + "/src/")' "$1"
}

count() {
    (cd "$build" && gcovr --root "$root" --object-directory . --filter "$(sources_of "$root")" \
        --json --output "$report" .)
}

bash "$root/tools/setup.sh" coverage || exit 2
tmp=$(realpath "$(mktemp -d -t ringcache-coverage.XXXXXX)") || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM
build=${1-$tmp/build}
mkdir -p "$build" && build=$(realpath "$build") || exit 2
log=$tmp/log
report=$tmp/report.json

for step in build run_tests count; do
    if ! "$step" >"$log" 2>&1; then
        tail -n 40 "$log"
        exit 1
    fi
done
python3 -B "$root/tests/check/coverage.py" "$root" "$report"
