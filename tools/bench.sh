#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a request costs, with ringcache, with the least that any client can do, and with what others
# use: builds a release in a temporary folder, starts servers of its own on free loopback ports, lets
# the contenders take turns, prints medians, spreads, ratios and how they stand to the goals.
# usage: bash tools/bench.sh [--quick|--full] [--json FILE] [CELL…]
#
# --quick (the default) takes under two minutes, --full under fifteen; that one writes the tables of
# docs/performance.md and its plots, too, unless CELLs were chosen. A CELL is a pattern of the names
# that are printed, such as 'redis-get-w64*', 'instructions', 'lookup', 'join' or 'memory', or a cell
# of your own, such as 'memcached-set-w256-v100-s8', with options of ringcache's to be tried behind it:
# 'redis-get-w64-v100-s4+integrity=strict'. What is not installed is skipped, and said to be. Leaves
# nothing running. Exit status 0; 1 when something failed; 2 when something is missing or no cell is
# called so, or one cannot be run.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Before the folder changes: FILE is the caller's.
arguments=()
for argument in "$@"; do
    case $argument in
    --json=*) argument=--json=$(realpath -m -- "${argument#*=}") ;;
    -h | --help)
        sed -n '6,14s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    esac
    case ${previous-} in
    --json) argument=$(realpath -m -- "$argument") ;;
    esac
    arguments+=("$argument") previous=$argument
done
cd /

# shellcheck source=tools/workshop.sh
. "$root/tools/workshop.sh"

say 'looking for what it needs'
open_workshop bench || exit 2

build() {
    meson setup "$tmp/build" "$root" -Dbuildtype=release -Db_lto=true &&
        ninja -C "$tmp/build" tools/bench/bench tools/bench/bench_calls.so
}

say 'building a release in a temporary folder'
if ! run build >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo 'bench: the build failed' >&2
    exit 1
fi

run python3 -B "$root/tools/bench/bench.py" "$tmp/build/tools/bench" \
    --docs "$root/docs/performance.md" "${arguments[@]}"
status=$?

left=$(strays)
if [ -n "$left" ]; then
    echo "bench: still running:" $left >&2
    status=1
fi
exit "$status"
