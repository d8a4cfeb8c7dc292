#!/bin/sh
# SPDX-License-Identifier: MIT
# A lookup must cost the same whatever the number of servers. Instructions are counted rather than
# time, so that the answer is the same on every machine; the difference between N and 2N lookups
# leaves the building of the ring out.
#
# usage: lookup_cost.sh PATH-OF-BENCH
set -eu

bench=$1
lookups=100000
limit_percent=5

if ! command -v valgrind >/dev/null; then
    echo "valgrind is missing"
    exit 77
fi
if grep -q __asan_init "$bench"; then
    echo "a sanitized program cannot run under valgrind"
    exit 77
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Instructions of a whole run: SERVERS LOOKUPS
instructions() {
    if ! valgrind --tool=callgrind --callgrind-out-file="$folder/profile" \
        "$bench" lookup "$1" "$2" >"$folder/log" 2>&1; then
        cat "$folder/log" >&2
        exit 1
    fi
    sed -n 's/^totals: \([0-9]*\).*/\1/p' "$folder/profile"
}

# Instructions of the lookups alone: SERVERS
cost() {
    once=$(instructions "$1" "$lookups")
    twice=$(instructions "$1" $((2 * lookups)))
    echo $((twice - once))
}

few=$(cost 10)
many=$(cost 1000)
awk -v few="$few" -v many="$many" -v n="$lookups" 'BEGIN {
    printf "instructions per lookup: %.1f at 10 servers, %.1f at 1000\n", few / n, many / n
}'

difference=$((many > few ? many - few : few - many))
if [ $((few)) -le 0 ] || [ $((difference * 100)) -gt $((few * limit_percent)) ]; then
    echo "they differ by more than $limit_percent %"
    exit 1
fi
