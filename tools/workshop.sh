# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the commands that prove something share: a temporary folder in which they build and run and
# behind which nothing is left, and what the sanitizers are told. Sourced; `root` is the tree.

sanitizers=(-Db_sanitize=address,undefined -Db_lundef=false)
# What users are told to build, and what counts instructions.
release=(-Dbuildtype=release -Dc_args=-D_FORTIFY_SOURCE=3)
# valgrind slows a test down twenty times and more: a choice from each layer, on a build without
# sanitizers.
memcheck=(--wrapper 'valgrind -q --leak-check=full --error-exitcode=99')
memcheck_tests=(base_buf base_list base_slab base_wheel codec_classic codec_meta codec_resp
    config_file config_uri server_health server_pipeline ring 'client contract' 'client desync'
    'client many' 'client outage' 'client reentrancy' 'fuzz resp' post 'operations table')

say() {
    printf '[%4d s] %s\n' "$SECONDS" "$*"
}

# Installs what is missing, and makes the folder $tmp.
open_workshop() { # [WHAT-FOR]
    bash "$root/tools/setup.sh" "${1-test}" || return 1
    tmp=$(realpath "$(mktemp -d -t ringcache.XXXXXX)") || return 1
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' HUP TERM
    export TMPDIR=$tmp/t
    mkdir "$TMPDIR"
    touch "$tmp/start"
    log=$tmp/log
}

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

# In the background, so that a signal is heard at once.
run() {
    (cd "$tmp" && "$@") </dev/null &
    wait $!
}

# For $limit seconds at most, where there is such a bound; 124 when that was too short.
bounded() {
    local start=$SECONDS status=0
    if [ -z "${limit-}" ]; then
        "$@"
        return
    fi
    timeout -k 20 "$limit" "$@" || status=$?
    [ "$status" != 137 ] || [ $((SECONDS - start)) -lt "$limit" ] || status=124
    return "$status"
}

configure() { # BUILD OPTION…
    meson setup "$tmp/$1" "$root" -Dwerror=true "${@:2}"
}

configure_and_compile() { # BUILD OPTION…
    configure "$@" && bounded ninja -C "$tmp/$1"
}

# Every program of the chosen suites, each of its cases a line of TAP. What time cut short is none.
meson_tests() { # BUILD OPTION…
    local logs=$tmp/$1/meson-logs status=0
    rm -f "$logs"/testlog*.json
    bounded meson test -C "$tmp/$1" --no-rebuild --num-processes "$(nproc)" \
        --timeout-multiplier 4 "${@:2}" >"$tmp/meson-test.log" 2>&1 || status=$?
    local found=("$logs"/testlog*.json)
    if [ ! -f "${found[0]}" ]; then
        cat "$tmp/meson-test.log"
        return $((status == 124 ? 124 : 1))
    fi
    [ "$status" != 124 ] || sed -i '/"result": "INTERRUPT"/d' "${found[0]}"
    python3 -B "$root/tests/check/meson_tap.py" "${found[0]}" || return 1
    [ "$status" != 124 ] || return 124
}

# A compiler's leak detection stops its own process to look into it, which not every container
# allows; then all other findings still count.
probe_leak_detection() {
    echo 'int main(void) { return !__builtin_malloc(7); }' >"$tmp/leak.c"
    gcc -O0 -fsanitize=address "$tmp/leak.c" -o "$tmp/leak" || return 1
    run "$tmp/leak" >"$log" 2>&1
    grep -q 'detected memory leaks' "$log"
}

instruct_sanitizers() {
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
    if ! probe_leak_detection; then
        say 'leaks cannot be looked for here: the system does not let a process be traced'
        ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}
    fi
}
