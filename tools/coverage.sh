#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How much of src the tests run: lines and branches of each folder; and how much of the parsers the
# inputs of the fuzzers run by themselves. Exit status 1 below the goals, which are in
# tests/check/coverage.py with what does not count, or when a test fails.
# usage: bash tools/coverage.sh [FOLDER]
#
# Works in a temporary folder, or in FOLDER, whose build the next run goes on with. Storms, and what
# else draws its worlds by chance, stay out: what only they reach has no test of its own.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cores=$(nproc)

# Counts of several threads add up only when they are atomic.
build() {
    if [ ! -f "$build/build.ninja" ]; then
        CC=gcc meson setup "$build" "$root" --buildtype=debug -Db_coverage=true \
            -Dc_args=-fprofile-update=atomic || return 1
    fi
    ninja -C "$build" && find "$build" -name '*.gcda' -delete
}

run_suites() { # NAME…
    meson test -C "$build" --no-rebuild --print-errorlogs --num-processes "$cores" \
        --timeout-multiplier 4 "${@/#/--suite=}" --no-suite storm --no-suite chance
}

run_inputs() {
    run_suites fuzz
}

run_others() {
    run_suites unit sim real
}

sources_of() { # ROOT
    python3 -c 'import re, sys; print(re.escape(sys.argv[1]) + "/src/")' "$1"
}

count() { # REPORT FOLDER-OF-OBJECTS
    (cd "$build" && gcovr -j "$cores" --root "$root" --object-directory . \
        --filter "$(sources_of "$root")" --json --output "$1" "$2")
}

# The inputs alone run the library as it stands in src; what the other tests run is added to that.
count_inputs() {
    count "$tmp/inputs.json" src
}

count_all() {
    count "$tmp/all.json" .
}

bash "$root/tools/setup.sh" coverage || exit 2
tmp=$(realpath "$(mktemp -d -t ringcache-coverage.XXXXXX)") || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM
build=${1-$tmp/build}
mkdir -p "$build" && build=$(realpath "$build") || exit 2
log=$tmp/log

for step in build run_inputs count_inputs run_others count_all; do
    if ! "$step" >"$log" 2>&1; then
        tail -n 40 "$log"
        exit 1
    fi
done
python3 -B "$root/tests/check/coverage.py" "$root" "$tmp/inputs.json" "$tmp/all.json"
