#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run the fuzzers of tests/fuzz, one on each core at a time. Exit status 1 on a finding.
# usage: bash tools/fuzz.sh [SECONDS] [TARGET…]        60 seconds of every target
#
# FUZZ_CORPUS=FOLDER keeps what was found to be new there, FOLDER/TARGET, and goes on from it.
# Builds in a temporary folder and leaves the tree as it was. With a finding the folder stays, and
# the command that runs the finding alone is printed.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/workshop.sh
. "$root/tools/workshop.sh"
corpora=$root/tests/fuzz/corpus
seconds=60
case ${1-} in
[0-9]*) seconds=$1 && shift ;;
esac
targets=("$@")
[ $# -gt 0 ] || targets=($(ls "$corpora"))
cores=$(nproc)
[ -z "${FUZZ_CORPUS-}" ] || FUZZ_CORPUS=$(realpath -m -- "$FUZZ_CORPUS")

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

# The last figure that libFuzzer wrote behind NAME.
figure() { # NAME TARGET
    grep -a -o "$1 *[0-9]*" "$tmp/$2.log" | tail -n 1 | grep -o '[0-9]*$'
}

fuzz() { # TARGET
    local target=$1 length words corpus=${FUZZ_CORPUS:-$tmp/corpus}/$1 status=0
    local program=$tmp/build/tests/fuzz/fuzz_$target
    read -r length words <<<"$(settings "$target")"
    mkdir -p "$corpus"
    (cd "$tmp" && exec "$program" -max_total_time="$seconds" -max_len="$length" -timeout=20 \
        -print_funcs=0 -print_final_stats=1 -entropic=0 -artifact_prefix="$tmp/$target-" \
        ${words:+-dict="$root/tests/fuzz/dictionaries/$words.dict"} \
        "$corpus" "$corpora/$target") </dev/null >"$tmp/$target.log" 2>&1 || status=$?
    printf '%-13s %10s executions %7s a second %6s edges\n' "$target" \
        "$(figure number_of_executed_units: "$target")" \
        "$(figure average_exec_per_sec: "$target")" "$(figure cov: "$target")"
    [ "$status" = 0 ] && return
    touch "$tmp/findings"
    grep -a 'broken: \|ERROR: \|runtime error: \|STORM_SEED' "$tmp/$target.log"
    printf '  %q %q\n' "$program" "$(ls -t "$tmp/$target"-* 2>/dev/null | head -n 1)"
}

end() {
    local left
    [ -e "$tmp/findings" ] || clean_up
    left=$(strays)
    [ -z "$left" ] || kill -KILL $left 2>/dev/null
}

open_workshop || exit 2
trap end EXIT
instruct_sanitizers
if ! build >"$log" 2>&1; then
    tail -n 40 "$log"
    exit 2
fi
for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$cores" ]; do
        wait -n
    done
    fuzz "$target" &
done
wait
[ ! -e "$tmp/findings" ]
