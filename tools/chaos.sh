#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real memcached and Redis servers, faults by a script, and what a client makes of them, counted: how
# soon an outage is noticed, what it costs, what is sent to a server that is out, how soon it is back,
# how long the loop stands still, and how many reads are out of date. Exit status 1 when a figure is
# beyond its bound. Takes about six minutes.
# usage: bash tools/chaos.sh [--json] [--quick] [--runs N]
#
# Plays in a network of its own, with names and a name server of its own, for which it needs to be root
# or a system that lets users have one; without, the faults that need it are left out, and said so.
# Builds in a temporary folder, leaves the tree as it was, and leaves nothing running.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=$root/tools/chaos.sh
# shellcheck source=tools/workshop.sh
. "$root/tools/workshop.sh"

SERVERS=5

# Within the new network: packets to a server's address go to this machine, or, while that route is
# taken away, to the wire, where nobody has it.
lay_wires() {
    local i
    ip link set lo up && ip link add wire0 type veth peer name wire1 &&
        ip link set wire0 up && ip link set wire1 up && ip addr add 10.77.0.1/24 dev wire0 || return
    for i in $(seq 2 $((SERVERS + 1))) 100; do
        ip neigh replace "10.77.0.$i" lladdr "02:00:00:00:00:$(printf %02x "$i")" dev wire0 \
            nud permanent &&
            ip route add local "10.77.0.$i" dev lo table local src 10.77.0.1 || return
    done
}

# Names come from a file of ours, and then from a name server that never answers.
replace_names() { # FOLDER
    printf '127.0.0.1 localhost\n' >"$1/hosts" &&
        printf 'hosts: files dns\n' >"$1/nsswitch.conf" &&
        printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$1/resolv.conf" || return
    local name
    for name in hosts nsswitch.conf resolv.conf; do
        mount --bind "$1/$name" "$(realpath "/etc/$name")" || return
    done
}

# This script once more, within namespaces of its own.
inside() { # FOLDER PROGRAM [ARGUMENT…]
    local folder=$1
    shift
    lay_wires && replace_names "$folder" || return 99
    exec "$@"
}

# How to get such a network: as root, or as a user whom the system lets be root there.
private() {
    local way
    for way in '' --map-root-user; do
        mkdir -p "$tmp/try"
        if unshare --net --mount $way bash "$script" --inside "$tmp/try" true 2>>"$log"; then
            echo "unshare --net --mount $way bash $script --inside"
            return
        fi
    done
    return 1
}

main() {
    local program=$tmp/release/tools/chaos/ringcache-chaos way
    say 'building a release in a temporary folder' >&2
    if ! run configure release -Dbuildtype=release >"$log" 2>&1 ||
        ! run ninja -C "$tmp/release" tools/chaos/ringcache-chaos >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        return 1
    fi
    if way=$(private); then
        mkdir "$tmp/etc"
        run $way "$tmp/etc" "$program" --own-network "$@" "$TMPDIR/chaos"
    else
        say 'no network of its own: neither root, nor does the system let a user have one' >&2
        run "$program" "$@" "$TMPDIR/chaos"
    fi
}

if [ "${1-}" = --inside ]; then
    shift
    inside "$@"
    exit
fi
cd /
open_workshop >&2 || exit 2
main "$@" </dev/null
