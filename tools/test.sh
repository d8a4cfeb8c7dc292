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

say() {
    printf '[%4d s] %s\n' "$SECONDS" "$*"
}

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
    exit
}

say 'set-up'
if ! bash "$root/tools/setup.sh" test; then
    failed=1
    finish
fi

tmp=$(realpath "$(mktemp -d -t ringcache.XXXXXX)") || exit 1
export TMPDIR=$tmp/t
mkdir "$TMPDIR"
touch "$tmp/start"
log=$tmp/log

# Whatever was started here works inside the temporary folder.
strays() {
    local process
    for process in /proc/[0-9]*; do
        case $(readlink "$process/cwd") in
        "$tmp" | "$tmp"/*) echo "${process#/proc/}" ;;
        esac
    done
}

clean_up() {
    local left
    left=$(strays)
    [ -z "$left" ] || kill -KILL $left 2>/dev/null
    rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

# In the background, so that a signal is heard at once.
run() {
    (cd "$tmp" && "$@") </dev/null &
    wait $!
}

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

configure_and_compile() { # BUILD OPTION…
    local build=$tmp/$1
    shift
    meson setup "$build" "$root" -Dwerror=true "$@" && ninja -C "$build"
}

# Every program of the chosen suites, each of its cases counted.
meson_tests() { # BUILD OPTION…
    local logs=$tmp/$1/meson-logs
    rm -f "$logs"/testlog*.json
    meson test -C "$tmp/$1" --no-rebuild --num-processes "$(nproc)" --timeout-multiplier 4 \
        "${@:2}" >"$tmp/meson-test.log" 2>&1
    local found=("$logs"/testlog*.json)
    if [ -f "${found[0]}" ]; then
        python3 -B "$root/tests/check/meson_tap.py" "${found[0]}"
    else
        cat "$tmp/meson-test.log"
        return 1
    fi
}

# A compiler's leak detection stops its own process to look into it, which not every container
# allows; then all other findings still count.
probe_leak_detection() {
    echo 'int main(void) { return !__builtin_malloc(7); }' >"$tmp/leak.c"
    gcc -O0 -fsanitize=address "$tmp/leak.c" -o "$tmp/leak" || return 1
    run "$tmp/leak" >"$log" 2>&1
    grep -q 'detected memory leaks' "$log"
}

foreign_locale_tests() {
    mkdir "$tmp/locale"
    localedef -i tr_TR -f UTF-8 "$tmp/locale/tr_TR.UTF-8"
    gcc -shared -fPIC "$root/tests/check/foreign_locale.c" -o "$tmp/foreign_locale.so" || return 1
    meson_tests release --suite unit --suite sim --wrapper "env LOCPATH=$tmp/locale \
LC_ALL=tr_TR.UTF-8 LD_PRELOAD=$tmp/foreign_locale.so"
}

installed() {
    meson install -C "$tmp/release" --no-rebuild --quiet >"$tmp/install.log" 2>&1 ||
        { cat "$tmp/install.log"; return 1; }
    bash "$root/tests/check/install.sh" "$tmp/prefix"
}

demo_on_simulated_servers() {
    mkdir "$tmp/demo" && "$tmp/release/tools/demo/ringcache-demo" --embedded \
        "$tmp/release/tools/ring-inspect/ring-inspect" "$tmp/demo" /usr/share/common-licenses \
        /usr/share/doc
}

nothing_left() { # WHAT-IS-LEFT
    [ -z "$1" ] || { printf '%s\n' "$1"; return 1; }
}

sanitizers=(-Db_sanitize=address,undefined -Db_lundef=false)
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
if ! probe_leak_detection; then
    say 'leaks cannot be looked for here: the system does not let a process be traced'
    ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}
fi

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
    -Dbuildtype=release -Dc_args=-D_FORTIFY_SOURCE=3 --prefix="$tmp/prefix" --libdir=lib; then
    check 'release: unit and simulation tests in a Turkish locale' foreign_locale_tests
    check 'release: installed' installed
    check 'release: every claim of the demo, on simulated servers' demo_on_simulated_servers
    check 'release: cost of a lookup' bash "$root/tests/check/lookup_cost.sh" \
        "$tmp/release/tools/bench/lookup"
fi

check 'nothing is left running' nothing_left "$(strays)"
check 'no temporary file is left' nothing_left "$(ls -A "$TMPDIR")"
check 'the tree is as it was' nothing_left \
    "$(find "$root" -newer "$tmp/start" -not -path "$root/.git*" -not -path "$root")"
finish
