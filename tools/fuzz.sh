#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run the fuzzers of tests/fuzz, one after the other. Exit status 1 on a finding.
# usage: bash tools/fuzz.sh [SECONDS] [TARGET…]        60 seconds of every target
#
# FUZZ_CORPUS=FOLDER keeps what was found to be new there, FOLDER/TARGET, and goes on from it.
# Builds in a temporary folder and leaves the tree as it was. With a finding the folder stays, and
# the command that runs the finding alone is printed.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
corpora=$root/tests/fuzz/corpus
seconds=60
case ${1-} in
[0-9]*) seconds=$1 && shift ;;
esac
targets=("$@")
[ $# -gt 0 ] || targets=($(ls "$corpora"))
findings=0

# The longest input, as far as there is anything to read in one, and the words to write with.
settings() { # TARGET
    case $1 in
    meta | classic) echo 2300 memcached ;;
    resp) echo 4300 redis ;;
    file | option | uri) echo 400 config ;;
    script) echo 400 script ;;
    *) echo 400 ;;
    esac
}

build() {
    CC=clang meson setup "$tmp/build" "$root" -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args=-fsanitize=fuzzer-no-link &&
        ninja -C "$tmp/build" "${targets[@]/#/tests/fuzz/fuzz_}"
}

# A compiler's leak detection stops its own process to look into it, which not every container
# allows; then all other findings still count.
can_look_for_leaks() {
    echo 'int main(void) { return 0; }' >"$tmp/probe.c"
    clang -fsanitize=address "$tmp/probe.c" -o "$tmp/probe" && "$tmp/probe" 2>"$log"
}

# The last figure that libFuzzer wrote behind NAME.
figure() { # NAME
    grep -a -o "$1 *[0-9]*" "$log" | tail -n 1 | grep -o '[0-9]*$'
}

fuzz() { # TARGET
    local target=$1 length words corpus=${FUZZ_CORPUS:-$tmp/corpus}/$1 status=0
    local program=$tmp/build/tests/fuzz/fuzz_$target
    read -r length words <<<"$(settings "$target")"
    mkdir -p "$corpus"
    (cd "$tmp" && exec "$program" -max_total_time="$seconds" -max_len="$length" -timeout=20 \
        -print_funcs=0 -print_final_stats=1 -entropic=0 -artifact_prefix="$tmp/$target-" \
        ${words:+-dict="$root/tests/fuzz/dictionaries/$words.dict"} \
        "$corpus" "$corpora/$target") </dev/null >"$log" 2>&1 || status=$?
    printf '%-13s %10s executions %7s a second %6s edges\n' "$target" \
        "$(figure number_of_executed_units:)" "$(figure average_exec_per_sec:)" "$(figure cov:)"
    [ "$status" = 0 ] && return
    findings=$((findings + 1))
    grep -a 'broken: \|ERROR: \|runtime error: \|STORM_SEED' "$log"
    printf '  %q %q\n' "$program" "$(ls -t "$tmp/$target"-* 2>/dev/null | head -n 1)"
}

bash "$root/tools/setup.sh" test || exit 2
tmp=$(realpath "$(mktemp -d -t ringcache-fuzz.XXXXXX)") || exit 2
log=$tmp/log
trap '[ "$findings" != 0 ] || rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
if ! build >"$log" 2>&1; then
    tail -n 40 "$log"
    exit 2
fi
can_look_for_leaks || ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}
for target in "${targets[@]}"; do
    fuzz "$target"
done
[ "$findings" = 0 ]
