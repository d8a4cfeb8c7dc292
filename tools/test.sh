#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything that must hold, from a bare Debian 12 or 13 on. Ends with a line `N passed, N failed`
# that counts every case and every check; exit status 1 when one failed.
# usage: bash tools/test.sh
#
# Builds in a temporary folder, leaves the tree as it was, and leaves nothing running.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd /
passed=0 failed=0

# shellcheck source=tools/workshop.sh
. "$root/tools/workshop.sh"

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
    exit
}

say 'set-up'
if ! open_workshop; then
    failed=1
    finish
fi

# One stage: counts the lines of TAP that the command prints or, where there are none, its status.
check() {
    local name=$1 status=0 good bad
    shift
    run "$@" >"$log" 2>&1 || status=$?
    good=$(grep -c '^ok ' "$log")
    bad=$(grep -c '^not ok ' "$log")
    if [ $((good + bad)) = 0 ]; then
        good=$((status == 0)) bad=$((status != 0))
        [ "$status" = 0 ] || tail -n 40 "$log"
    else
        [ "$status" = 0 ] || [ "$bad" != 0 ] || bad=1
        grep '^#\|^not ok ' "$log"
    fi
    passed=$((passed + good)) failed=$((failed + bad))
    say "$name: $good passed, $bad failed"
    return "$status"
}

foreign_locale_tests() {
    mkdir "$tmp/locale"
    localedef -i tr_TR -f UTF-8 "$tmp/locale/tr_TR.UTF-8"
    gcc -shared -fPIC "$root/tests/check/foreign_locale.c" -o "$tmp/foreign_locale.so" || return 1
    meson_tests release --suite unit --suite sim --wrapper "env LOCPATH=$tmp/locale \
LC_ALL=tr_TR.UTF-8 LD_PRELOAD=$tmp/foreign_locale.so"
}

installed() { # BUILD, whose prefix is beside it
    meson install -C "$tmp/$1" --no-rebuild --quiet >"$tmp/install.log" 2>&1 ||
        { cat "$tmp/install.log"; return 1; }
    bash "$root/tests/check/install.sh" "$tmp/$1.prefix"
}

demo_on_simulated_servers() {
    mkdir "$tmp/demo" && "$tmp/release/tools/demo/ringcache-demo" --embedded \
        "$tmp/release/tools/ring-inspect/ring-inspect" "$tmp/demo" /usr/share/common-licenses \
        /usr/share/doc
}

nothing_left() { # WHAT-IS-LEFT
    [ -z "$1" ] || { printf '%s\n' "$1"; return 1; }
}

instruct_sanitizers

say 'gcc with sanitizers: building'
check 'gcc with sanitizers: builds without a warning' \
    configure_and_compile gcc "${sanitizers[@]}" &&
    check 'gcc with sanitizers: all tests' meson_tests gcc

say 'clang with sanitizers: building'
CC=clang check 'clang with sanitizers: builds without a warning' \
    configure_and_compile clang "${sanitizers[@]}" &&
    check 'clang with sanitizers: unit and simulation tests' \
        meson_tests clang --suite unit --suite sim --no-suite storm

say 'release: building'
if check 'release: builds without a warning' configure_and_compile release \
    "${release[@]}" --prefix="$tmp/release.prefix" --libdir=lib; then
    check 'release: unit and simulation tests in a Turkish locale' foreign_locale_tests
    check 'release: a choice of tests under valgrind' \
        meson_tests release "${memcheck[@]}" "${memcheck_tests[@]}"
    check 'release: installed' installed release
    check 'release: every claim of the demo, on simulated servers' demo_on_simulated_servers
    check 'release: cost of a lookup' bash "$root/tests/check/lookup_cost.sh" \
        "$tmp/release/tools/bench/bench"
    check 'release: instructions of a request' python3 -B "$root/tests/budget/budget.py" \
        "$tmp/release/tests/budget/budget" "$root/tests/budget/instructions.txt"
fi

say 'optimized at the link: building'
check 'optimized at the link: builds without a warning' configure_and_compile lto \
    "${release[@]}" -Db_lto=true --prefix="$tmp/lto.prefix" --libdir=lib &&
    check 'optimized at the link: installed' installed lto

check 'nothing is left running' nothing_left "$(strays)"
check 'no temporary file is left' nothing_left "$(ls -A "$TMPDIR")"
check 'the tree is as it was' nothing_left \
    "$(find "$root" -newer "$tmp/start" -not -path "$root/.git*" -not -path "$root")"
finish
