#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# See it work: builds ringcache on a Debian 12 or 13, starts three memcached and three redis-server on
# free loopback ports, keeps 20,000 pieces of real text on them, kills one under traffic, brings it
# back, lets a seventh join and leave, and checks every claim it prints.
# usage: bash tools/demo.sh [--embedded]
#
# --embedded: the servers are simulated within the demo, and none is installed or started. Exit status
# 0 when every claim held, 1 when not, 2 when something is missing. Builds in a temporary folder and
# leaves nothing running.
set -u -o pipefail -m
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd /

say() {
    printf '[set-up, %2d s] %s\n' "$SECONDS" "$*"
}

case $*:$# in
:0) needs=demo servers='seven servers' ;;
--embedded:1) needs=embedded servers='seven servers, simulated' ;;
*)
    echo 'usage: bash tools/demo.sh [--embedded]' >&2
    exit 2
    ;;
esac

say 'looking for what it needs'
bash "$root/tools/setup.sh" "$needs" || exit 2
SECONDS=0

tmp=$(mktemp -d) || exit 1
export TMPDIR=$tmp
child=

# Process ids that the demo wrote down and that still are one of its servers.
strays() {
    local pid name
    [ ! -f "$tmp/pids" ] || while read -r pid; do
        name=$(cat "/proc/$pid/comm" 2>/dev/null)
        case $name in
        memcached | redis-server) echo "$pid" ;;
        esac
    done <"$tmp/pids"
}

clean_up() {
    [ -z "$child" ] || kill -- "-$child" 2>/dev/null
    local left
    left=$(strays)
    [ -z "$left" ] || kill -KILL $left 2>/dev/null
    rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

# In the background, so that a signal is heard at once, and as a process group of its own (set -m), so
# that it ends as a whole.
run() {
    "$@" </dev/null &
    child=$!
    wait "$child"
    local status=$?
    child=
    return "$status"
}

build() {
    meson setup "$tmp/build" "$root" -Dbuildtype=release &&
        ninja -C "$tmp/build" tools/ring-inspect/ring-inspect tools/demo/ringcache-demo
}

say 'building a release in a temporary folder'
if ! run build >"$tmp/log" 2>&1; then
    tail -n 40 "$tmp/log" >&2
    echo 'demo: the build failed' >&2
    exit 1
fi

say "starting $servers"
run "$tmp/build/tools/demo/ringcache-demo" "$@" "$tmp/build/tools/ring-inspect/ring-inspect" "$tmp" \
    /usr/share/common-licenses /usr/share/doc
status=$?

left=$(strays)
if [ -n "$left" ]; then
    echo "demo: still running:" $left >&2
    status=1
fi
if [ "$status" = 0 ]; then
    echo 'Everything claimed above was checked and held. Nothing is left running.'
else
    echo 'demo: FAILED' >&2
fi
exit "$status"
