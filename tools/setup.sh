#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Install what building ringcache needs, on Debian 12 or 13.
# usage: bash tools/setup.sh embedded|demo|bench|test|coverage   (each has what the one before has,
# and more, but for what bench alone draws with)
#
# Quiet when all goes well. Installs only what is missing, and starts no service: memcached and
# redis-server are wanted as programs, not as daemons.
set -u

build_packages=(gcc libc6-dev meson ninja-build pkgconf python3 libuv1-dev libhiredis-dev
    libxxhash-dev libjansson-dev)
server_packages=(memcached redis-server)
bench_packages=(libmemcached-dev valgrind)
plot_packages=(gnuplot-nox)
test_packages=(g++ clang clang-format libcmocka-dev strace binutils locales man-db
    iproute2 universal-ctags libevent-dev libglib2.0-dev)

# The sanitizers' runtime has the compiler's version in its name, and clang only recommends it.
clang_runtime() {
    apt-cache depends clang 2>/dev/null |
        sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p'
}

missing_packages() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$name"
    done
}

wanted_packages() {
    printf '%s\n' "${build_packages[@]}"
    [ "$1" = embedded ] || printf '%s\n' "${server_packages[@]}"
    case $1 in
    bench | test | coverage) printf '%s\n' "${bench_packages[@]}" ;;
    esac
    case $1 in
    bench) printf '%s\n' "${plot_packages[@]}" ;;
    test | coverage) printf '%s\n' "${test_packages[@]}" $(clang_runtime) ;;
    esac
    [ "$1" != coverage ] || echo gcovr
}

missing() {
    missing_packages $(wanted_packages "$1")
}

# Ask the service starters of a package to leave its daemon alone, unless the machine already has
# a policy of its own.
forbid_services() {
    policy=/usr/sbin/policy-rc.d
    [ ! -e "$policy" ] || return 0
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
}

# A package that was just installed would start its daemon at the next boot.
disable_service() {
    if command -v systemctl; then
        systemctl disable "$1"
    else
        update-rc.d "$1" disable
    fi
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -y -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Lists that could not be refreshed may still do, so only the installation's result counts.
install_missing() {
    apt_get update
    local names name
    names=$(missing "$1")
    apt_get install --no-install-recommends $names || return 1
    for name in $names; do
        case $name in
        memcached | redis-server) disable_service "$name" ;;
        esac
    done
    return 0
}

main() {
    case ${1-} in
    embedded | demo | bench | test | coverage) ;;
    *)
        echo "usage: bash tools/setup.sh embedded|demo|bench|test|coverage" >&2
        return 2
        ;;
    esac
    if ! command -v apt-get >/dev/null; then
        echo "set-up: no apt-get here; install by hand:" $(wanted_packages "$1") >&2
        return 2
    fi
    [ -n "$(missing "$1")" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        if sudo -n true 2>/dev/null; then
            exec sudo -n bash "$0" "$1"
        fi
        echo "set-up: missing:" $(missing "$1") >&2
        printf 'set-up: run once: sudo bash %q %s\n' "$(realpath "$0")" "$1" >&2
        return 2
    fi
    # One installation at a time, so that the policy of one is not taken away by the other.
    exec 9<"$0" && flock 9
    local log
    log=$(mktemp) || return 2
    forbid_services
    if install_missing "$1" >"$log" 2>&1 && [ -z "$(missing "$1")" ]; then
        rm -f "$log"
        return 0
    fi
    tail -n 30 "$log" >&2
    rm -f "$log"
    echo "set-up: could not install:" $(missing "$1") >&2
    return 2
}

main "$@"
