#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What shows how reliable the library is, for so long as there is time, and a scoreboard of what was
# reached. Exit status 1 when a figure misses its target; less of it, where time was up, is no miss.
# usage: bash tools/reliability.sh [MINUTES] [PART…]     20 minutes (120 at most) of all parts
#        bash tools/reliability.sh --list                 the parts, their shares of the time
#
# Each part gets its share of what is left when it begins; what it does not need is left to those
# behind. Builds in a temporary folder, leaves the tree as it was, and leaves nothing running.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/workshop.sh
. "$root/tools/workshop.sh"

MINUTES_MAX=120
STORMS=40000 # 100 million requests and more
SANITIZED_STORMS=2000
REPLAYED_STORMS=1000
SQUALLS=10000
INJECTED_COMMANDS=100000000
ROUNDS=200
FUZZERS_BUILD_S=60

# name, share, build, what is run
parts=(
    'faults      1 none      the table of faults and their tests, counted'
    'replay      3 release   storms run twice from the same seed'
    'clocks      8 release   deadlines, memory and idle time beside real servers'
    'msan        8 memory    MemorySanitizer: unit and simulation tests, inputs of the fuzzers'
    'tsan        3 threads   ThreadSanitizer: what has threads'
    'valgrind   10 release   memcheck: a choice of unit, simulation and real tests'
    'suite      20 sanitized every test but the storms, under ASan and UBSan'
    'torture    20 sanitized every allocation and every system call fails'
    'squalls     4 sanitized small worlds, each letter accounted for'
    'injection   5 release   what servers hear against what callers submit'
    'coverage   35 none      tools/coverage.sh'
    'mutants    35 none      tools/mutants.sh'
    'sanitized  10 sanitized storms under ASan and UBSan'
    'storms     20 release   storms at full speed'
    'fuzz       20 none      tools/fuzz.sh'
    'repetition 15 sanitized the suite again and again'
)

# measure | target | source of the test | its cases
claims='
replies displaced, where each carries a token: wrong values|0|tests/client/test_desync.c|displaced_replies_are_never_taken_where_there_is_a_token another_keys_value_under_the_right_token_is_caught_by_strict_alone
replies displaced, where none does: wrong values|none behind the end of the connection|tests/client/test_desync.c|without_a_token_the_connection_is_given_up
replies after a timeout or a cancel: wrong values|0|tests/client/test_desync.c|a_reply_after_the_timeout_is_swallowed a_reply_after_the_cancel_is_swallowed replies_to_a_batch_after_its_timeout_are_swallowed
lateness past the deadline on virtual time|0 ms|tests/client/test_outage.c|a_silent_server_times_requests_out_at_their_deadline
requests to a silent server after it was noticed, and requests used as probes|0|tests/client/test_silence.c|one_probe_at_a_time_and_no_request_asks_a_server_that_is_out
a refused connection: time until its keys fail at once|that of the refusal|tests/client/test_outage.c|a_refused_connection_takes_the_server_out_at_once
recovery of a stopped server|1 s|tests/client/test_outage.c|a_server_that_was_stopped_serves_within_a_second
acknowledged writes undone by an old connection|0|tests/real/test_write_order.c|memcached_never_undoes_an_acknowledged_write memcached_never_undoes_it_behind_a_long_backlog redis_never_undoes_an_acknowledged_write redis_never_undoes_it_behind_a_long_backlog
share of servers that silence takes out when all are silent|one half|tests/client/test_outage.c|soft_evidence_takes_out_at_most_half
keys moved by a join or a leave|those of that server alone|tests/unit/ring/test_ring_diff.c|a_join_moves_exactly_the_newcomers_share a_leave_moves_exactly_the_share_of_who_left
keys placed otherwise than by libmemcached, twemproxy or the definition|0|tests/unit/ring/test_placement.c|every_key_is_where_libmemcached_puts_it every_key_is_where_twemproxy_puts_it every_key_is_where_the_native_ring_is_defined_to_put_it
memory that the header of a hostile reply commits|none|tests/client/test_large.c|what_a_header_promises_takes_no_memory
'

# Which tests are run again and again: storms and checks have their own measures.
suite=(--no-suite storm --no-suite check)
# Tests under MemorySanitizer see memory that was never written as an error.
msan_unfit=(
    config_memory          # looks for a password in blocks, written or not, on purpose
    'ring-inspect offline' # JSON is written by a library that is not built with it
    'ring-inspect manual'  # the same
)
tsan_tests=(post uv_lookup uv_work growth loop 'mock client')
tsan_programs=(tests/real/test_{post,uv_lookup,uv_work,growth,loop} tests/mock/test_mock_client)

missed=0

# ---- the scoreboard ----

grouped() { # NUMBER
    sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<<"$1"
}

row() { # MEASURE TARGET REACHED COMMAND [FAILURES]
    local reached=$3
    if [ "${5-0}" != 0 ]; then
        missed=$((missed + 1))
        reached="**missed**: $3"
    fi
    printf '| %s | %s | %s | `%s` |\n' "$1" "$2" "$reached" "$4" >>"$tmp/scoreboard"
    say "$1: $reached"
}

# Said of a figure whose command time cut short.
so_far() { # STATUS
    [ "$1" != 124 ] || printf '; then time was up'
}

# Of a command that neither ended well nor was cut short.
failure() { # STATUS
    case $1 in
    0 | 124) echo 0 ;;
    *) echo 1 ;;
    esac
}

scoreboard() {
    printf '\n| measure | target | reached | by |\n|---|---|---|---|\n'
    cat "$tmp/scoreboard"
    printf '\n%d missed, %d s, %d cores\n' "$missed" "$SECONDS" "$(nproc)"
}

# ---- how parts run what they run ----

time_left() {
    echo $((until - SECONDS))
}

tap_count() { # PATTERN FILE
    grep -c "^$1 " "$2"
}

# A row for one run of Meson's tests.
tests_row() { # PART MEASURE BUILD OPTION…
    local part=$1 measure=$2 build=$3 tap=$tmp/$3.tap status=0 bad
    shift 3
    run meson_tests "$build" "$@" >"$tap" || status=$?
    bad=$(tap_count 'not ok' "$tap")
    [ "$bad" = 0 ] || grep -A 60 '^not ok ' "$tap" | head -n 200
    row "$measure" '0' \
        "$bad in $(grouped "$(tap_count '\(not \)\?ok' "$tap")") cases$(so_far "$status")" \
        "tools/reliability.sh $part" "$((bad + $(failure "$status")))"
    return "$status"
}

on_each_core() { # COMMAND…, behind which the core's number is put
    local core
    for ((core = 0; core < $(nproc); core++)); do
        (cd "$tmp" && "$@" "$core") </dev/null &
    done
    wait
}

# Seeds in pieces, every so-many-th of this core, until LAST or until time is up. Of a piece that
# time cut short nothing is kept.
seeds_on_core() { # NAME PIECE LAST PROGRAM SEED-VARIABLE COUNT-VARIABLE CORE
    local first told left status
    for ((first = 1 + $7 * $2; first <= $3; first += $(nproc) * $2)); do
        told=$tmp/seeds/$1-$first left=$(time_left) status=0
        [ "$left" -gt 0 ] || return
        timeout -k 10 "$left" env STORM_COUNT=0 STORM_TWICE=0 "$5=$first" "$6=$2" "$tmp/$4" \
            >"$told" 2>&1 || status=$?
        case $status in
        0) mv "$told" "$told.good" ;;
        124) rm "$told" ;;
        *) mv "$told" "$told.bad" ;;
        esac
    done
}

# Leaves in `good`, `bad` and `told` how many pieces held or failed, and what the good ones printed.
seeds() { # NAME PIECE LAST PROGRAM SEED-VARIABLE COUNT-VARIABLE
    mkdir -p "$tmp/seeds"
    on_each_core seeds_on_core "$@"
    good=$(find "$tmp/seeds" -name "$1-*.good" | wc -l)
    bad=$(find "$tmp/seeds" -name "$1-*.bad" | wc -l)
    find "$tmp/seeds" -name "$1-*.bad" -exec tail -n 60 {} +
    told=$tmp/seeds/$1
    find "$tmp/seeds" -name "$1-*.good" -exec cat {} + >"$told"
}

# The figure of what `seeds` left.
broken() { # PIECE
    if [ "$bad" = 0 ]; then echo 0; else echo "$bad pieces of $1 seeds"; fi
}

# The sum of the numbers that stand before WORDS in lines of FILE.
sum_before() { # WORDS FILE
    grep -o "[0-9]* $1" "$2" | awk '{ sum += $1 } END { printf "%d\n", sum }'
}

case_verdict() { # CASE
    if grep -q "^ok .*: $1\$" "$tmp/sanitized.tap"; then
        echo held
    elif grep -q "^not ok .*: $1\$" "$tmp/sanitized.tap"; then
        echo failed
    fi
}

# One row of `claims`, by what the suite said of its cases.
claim_row() { # MEASURE TARGET SOURCE CASES SUITE-STATUS
    local all=0 held=0 failed=0 name reached
    for name in $4; do
        all=$((all + 1))
        case $(case_verdict "$name") in
        held) held=$((held + 1)) ;;
        failed) failed=$((failed + 1)) ;;
        *) [ "$5" = 124 ] || failed=$((failed + 1)) ;;
        esac
    done
    reached="$held of $all cases hold"
    [ $((held + failed)) = "$all" ] || reached+=', the others had no time'
    row "$1" "$2" "$reached" "$3" "$failed"
}

# ---- the parts ----

part_faults() {
    local page=$root/docs/reliability.md rows untested
    rows=$(grep -c '^| *[TPL][0-9]\+ *|' "$page")
    untested=$(grep '^| *[TPL][0-9]\+ *|' "$page" | grep -c 'not applicable\|waits for')
    if [ "$rows" = 0 ]; then
        row 'faults of the catalogue with a test' 60 'no table of them yet' 'docs/reliability.md'
        return
    fi
    row 'faults of the catalogue with a test' 60 \
        "$((rows - untested)); $untested with a reason why not" 'docs/reliability.md' \
        "$((rows != 60))"
}

part_replay() {
    local storms
    seeds replay 5 "$REPLAYED_STORMS" release/tests/client/test_client_storm STORM_SEED STORM_TWICE
    storms=$(sum_before 'storms ran alike twice' "$told")
    row 'seeds that run otherwise a second time' 0 \
        "$(broken 5); $(grouped "$storms") of $(grouped "$REPLAYED_STORMS") seeds alike" \
        'STORM_COUNT=0 STORM_TWICE=n test_client_storm' "$bad"
}

# The largest number in what matches the pattern.
largest() { # PATTERN FILE
    grep -o "$1" "$2" | grep -o '[0-9]\+' | sort -n | tail -n 1
}

part_clocks() {
    local program told status
    for program in outage all_dead; do
        told=$tmp/$program.told status=0 limit=$(time_left)
        [ "$limit" -gt 0 ] || limit=1
        run bounded "$tmp/release/tests/real/test_$program" >"$told" 2>&1 || status=$?
        [ "$(failure "$status")" = 0 ] || tail -n 60 "$told"
        "clocks_$program" "$told" "$status"
    done
}

clocks_outage() { # TOLD STATUS
    row 'lateness past the deadline beside real servers' '20 ms beyond what the loop itself is late' \
        "$(largest 'worst [0-9]* us' "$1") us, the loop $(largest 'loop lag [0-9]* us' "$1") us, of \
$(grouped "$(sum_before requests "$1")") requests$(so_far "$2")" 'tests/real/test_outage.c' \
        "$(failure "$2")"
    row 'recovery of a stopped or killed server' '1 s, everything succeeds' \
        "$(grep -c '^\[ *OK \]' "$1") of $(grep -c '^\[ RUN' "$1") cases hold$(so_far "$2")" 'tests/real/test_outage.c' \
        "$(failure "$2")"
}

clocks_all_dead() { # TOLD STATUS
    row 'memory that a million submissions take while all servers are stopped' \
        'the bound and a twentieth' \
        "$(largest 'heap grew by [0-9]*' "$1") bytes of $(largest 'of [0-9]* bytes' "$1")$(so_far "$2")" \
        'tests/real/test_all_dead.c' "$(failure "$2")"
    row 'processor time of an idle client of dead servers' '2 % of a core' \
        "$(grep -o '[0-9.]* s of CPU in 5 s' "$1")$(so_far "$2")" 'tests/real/test_all_dead.c' \
        "$(failure "$2")"
}

# The names of the tests that Meson has in the suites, but for those that are unfit.
fit_for_msan() {
    meson test -C "$tmp/memory" --list --suite unit --suite sim --suite fuzz --no-suite storm \
        2>/dev/null | sed -n 's|^ringcache:[a-z +]* / ||p' |
        grep -v -x -F -f <(printf '%s\n' "${msan_unfit[@]}")
}

part_msan() {
    local names
    mapfile -t names < <(fit_for_msan)
    tests_row msan 'errors by MemorySanitizer' memory "${names[@]}" 'client storm 1'
}

part_tsan() {
    tests_row tsan 'errors by ThreadSanitizer' threads "${tsan_tests[@]}"
}

part_valgrind() {
    tests_row valgrind 'errors by valgrind memcheck' release "${memcheck[@]}" "${memcheck_tests[@]}"
}

part_suite() {
    local status=0 measure target source cases
    tests_row suite 'errors by AddressSanitizer and UBSan, leaks included' sanitized \
        "${suite[@]}" || status=$?
    while IFS='|' read -r measure target source cases; do
        [ -z "$measure" ] || claim_row "$measure" "$target" "$source" "$cases" "$status"
    done <<<"$claims"
    cells_row "$status"
    [ "$status" != 0 ] || rounds=1
}

# The cells of the matrix are the cases of that program that have a dot in their name.
cells_row() { # SUITE-STATUS
    local held failed
    held=$(grep -c '^ok .*client reentrancy: .*\.' "$tmp/sanitized.tap")
    failed=$(grep -c '^not ok .*client reentrancy: .*\.' "$tmp/sanitized.tap")
    [ "$1" = 124 ] || [ $((held + failed)) != 0 ] || failed=1
    row 'calls in callbacks that go wrong' 0 "$failed; $held that are legal$(so_far "$1")" \
        tests/client/test_reentrancy.c "$failed"
}

torture_on_core() { # CORE
    local programs=(memory calls system) i told status
    for ((i = $1; i < ${#programs[@]}; i += $(nproc))); do
        told=$tmp/torture-${programs[i]} status=0 limit=$(time_left)
        [ "$limit" -gt 0 ] || limit=1
        TORTURE_ALL=1 bounded "$tmp/sanitized/tests/torture/torture_${programs[i]}" >"$told" 2>&1 ||
            status=$?
        echo "$status" >"$told.status"
    done
}

part_torture() {
    local program told
    on_each_core torture_on_core
    for program in memory calls system; do
        told=$tmp/torture-$program
        torture_row "$program" "$told" "$(cat "$told.status")"
    done
}

torture_row() { # PROGRAM TOLD STATUS
    local reached
    [ "$(failure "$3")" = 0 ] || tail -n 60 "$2"
    reached=$(grep -o '[0-9]* scenarios, [0-9]* sites, [0-9]* failures injected.*' "$2")
    row "breaches when everything fails in turn: $1" '0, and no site spared without a reason' \
        "${reached:-$(grep -c '^\[ *OK \]' "$2") cases hold$(so_far "$3")}" \
        "TORTURE_ALL=1 torture_$1" "$(failure "$3")"
}

part_squalls() {
    seeds squalls 100 "$SQUALLS" sanitized/tests/client/test_client_squall SQUALL_SEED SQUALL_COUNT
    row 'squalls that break a promise' 0 "$(broken 100); $(grouped $((good * 100))) squalls hold" \
        'SQUALL_SEED=n SQUALL_COUNT=100 test_client_squall' "$bad"
}

# Each core its own seeds, onward from where the piece before ended.
injection_on_core() { # CORE
    local seed=$((1 + $1 * 1000000000)) told=$tmp/seeds/injection-$1 heard=0 left
    local most=$((INJECTED_COMMANDS / $(nproc)))
    while left=$(time_left) && [ "$left" -gt 0 ] && [ "$heard" -lt "$most" ]; do
        timeout -k 10 "$left" env INJECTION_SEED="$seed" INJECTION_COMMANDS=20000 \
            "$tmp/release/tests/injection/test_injection" >"$told" 2>&1
        case $? in
        0) cat "$told" >>"$told.good" ;;
        124) return ;;
        *) cat "$told" >>"$told.bad" && return ;;
        esac
        seed=$(grep -o 'next seed [0-9]*' "$told" | grep -o '[0-9]*$')
        heard=$(sum_before heard "$told.good")
    done
}

part_injection() {
    local bad
    mkdir -p "$tmp/seeds" && touch "$tmp/seeds/injection-0.good"
    on_each_core injection_on_core
    cat "$tmp"/seeds/injection-*.good >"$tmp/injection"
    bad=$(find "$tmp/seeds" -name 'injection-*.bad' | wc -l)
    find "$tmp/seeds" -name 'injection-*.bad' -exec tail -n 60 {} +
    row 'commands that servers hear and nobody submitted, or otherwise' 0 \
        "$bad; $(grouped "$(sum_before heard "$tmp/injection")") commands heard as submitted" \
        'INJECTION_SEED=n INJECTION_COMMANDS=20000 test_injection' "$bad"
}

part_coverage() {
    local tool=$root/tools/coverage.sh status=0 total
    if [ ! -f "$tool" ]; then
        row 'lines and branches covered' '95 % and 90 %' 'no tool for it yet' 'tools/coverage.sh'
        return
    fi
    run bounded bash "$tool" >"$tmp/coverage" 2>&1 || status=$?
    [ "$(failure "$status")" = 0 ] || tail -n 60 "$tmp/coverage"
    total=$(awk '$1 == "src" { print $5 " % of lines, " $10 " % of branches" }' "$tmp/coverage")
    row 'lines and branches covered' '95 % and 90 %' "${total:-no total}$(so_far "$status")" \
        'tools/coverage.sh' "$(failure "$status")"
}

part_mutants() {
    local status=0 all killed alive
    run bounded bash "$root/tools/mutants.sh" >"$tmp/mutants" 2>&1 || status=$?
    all=$(find "$root/tests/mutants" -name '*.mutant' | wc -l)
    alive=$(grep -c 'NOT KILLED' "$tmp/mutants")
    killed=$(grep -v 'NOT KILLED' "$tmp/mutants" | grep -c ' tests/.*\.c: ')
    [ "$(failure "$status")" = 0 ] || tail -n 60 "$tmp/mutants"
    row 'bugs of other clients put in and not noticed' 0 \
        "$alive; $killed of $all noticed$(so_far "$status")" 'tools/mutants.sh' \
        "$((alive + $(failure "$status")))"
}

storms_row() { # MEASURE PIECE LAST
    row "$1" 0 "$(broken "$2"); $(grouped "$(sum_before storms "$told")") of $(grouped "$3") storms and \
$(grouped "$(sum_before requests "$told")") requests hold" \
        "STORM_SEED=n STORM_COUNT=$2 test_client_storm" "$bad"
}

part_sanitized() {
    seeds sanitized 20 "$SANITIZED_STORMS" sanitized/tests/client/test_client_storm STORM_SEED \
        STORM_COUNT
    storms_row 'storms under ASan and UBSan that break a promise' 20 "$SANITIZED_STORMS"
}

part_storms() {
    seeds storms 100 "$STORMS" release/tests/client/test_client_storm STORM_SEED STORM_COUNT
    storms_row 'storms that break a promise: a wrong value, a step applied twice, not one callback' \
        100 "$STORMS"
}

part_fuzz() {
    local status=0 targets findings seconds
    targets=$(find "$root/tests/fuzz/corpus" -mindepth 1 -maxdepth 1 | wc -l)
    seconds=$(((limit - FUZZERS_BUILD_S) / ((targets + $(nproc) - 1) / $(nproc))))
    [ "$seconds" -ge 3 ] || seconds=3
    run bounded bash "$root/tools/fuzz.sh" "$seconds" >"$tmp/fuzz" 2>&1 || status=$?
    findings=$(grep -c '^  /' "$tmp/fuzz")
    [ "$(failure "$status")" = 0 ] || cat "$tmp/fuzz"
    [ "$findings" = 0 ] || keep_findings
    row 'findings of the fuzzers' 0 \
        "$findings; $(grouped "$(sum_before executions "$tmp/fuzz")") executions by \
$(grep -c ' executions ' "$tmp/fuzz") of $targets targets, a second: $(rates)$(so_far "$status")" \
        "tools/fuzz.sh $seconds" "$(failure "$status")"
}

# The folder of a run with findings stays.
keep_findings() {
    local kept
    kept=$(env -u TMPDIR mktemp -d -t ringcache-findings.XXXXXX) || return
    mv "$TMPDIR"/ringcache.* "$kept" && say "fuzz: the findings are in $kept"
}

# Executions a second of each target.
rates() {
    awk '/ executions / { printf "%s%s %s", comma, $1, $4; comma = ", " }' "$tmp/fuzz"
}

part_repetition() {
    local status=0 failed=0
    while [ "$rounds" -lt "$ROUNDS" ] && limit=$(time_left) && [ "$limit" -gt 0 ]; do
        run meson_tests sanitized "${suite[@]}" >"$tmp/round.tap" || status=$?
        failed=$(tap_count 'not ok' "$tmp/round.tap")
        [ "$status" != 124 ] || [ "$failed" != 0 ] || break
        if [ "$status" != 0 ]; then
            grep -A 60 '^not ok ' "$tmp/round.tap" | head -n 200
            failed=1
            break
        fi
        rounds=$((rounds + 1))
    done
    row 'runs of the suite in a row without a failure' "$ROUNDS, or as many as there was time for" \
        "$rounds" 'tools/reliability.sh repetition' "$failed"
}

what_is_left() {
    local left
    left=$(strays; ls -A "$TMPDIR"; find "$root" -newer "$tmp/start" -not -path "$root/.git*" \
        -not -path "$root")
    printf '%s' "$left"
    row 'processes, temporary files and traces in the tree left behind' 0 \
        "$(grep -c . <<<"$left")" 'a look round at the end' "$(grep -c . <<<"$left")"
}

# ---- all of it ----

build() { # NAME
    [ "$1" != none ] && [ ! -d "$tmp/$1" ] || return 0
    say "building: $1"
    case $1 in
    release) configure_and_compile release -Dbuildtype=release ;;
    sanitized) configure_and_compile sanitized "${sanitizers[@]}" ;;
    threads)
        configure threads -Db_sanitize=thread -Db_lundef=false &&
            bounded ninja -C "$tmp/threads" "${tsan_programs[@]}"
        ;;
    memory)
        CC=clang configure_and_compile memory -Db_sanitize=memory -Db_lundef=false -Doptimization=1
        ;;
    esac
}

# Sum of the shares of those parts.
shares() { # PART…
    local line share sum=0
    for line in "$@"; do
        read -r _ share _ <<<"$line"
        sum=$((sum + share))
    done
    echo "$sum"
}

play() { # PART…, the first of which is played
    local name share build status=0
    read -r name share build _ <<<"$1"
    limit=$((end - SECONDS))
    [ "$limit" -le 0 ] || run build "$build" >"$log" 2>&1 || status=$?
    if [ "$(failure "$status")" != 0 ]; then
        tail -n 40 "$log"
        row "$name" 'builds without a warning' 'does not' "$build" 1
        return
    fi
    limit=$(((end - SECONDS) * share / $(shares "$@")))
    if [ "$limit" -le 0 ]; then
        row "$name" '' 'had no time' "tools/reliability.sh $name"
        return
    fi
    until=$((SECONDS + limit))
    say "$name: up to $limit s"
    "part_$name"
}

list() {
    local line name share build words
    for line in "${parts[@]}"; do
        read -r name share build words <<<"$line"
        printf '%-11s %2d of %d  %s\n' "$name" "$share" "$(shares "${parts[@]}")" "$words"
    done
}

usage() {
    sed -n 's/^# usage: /usage: /p;s/^#        bash/       bash/p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

# The lines of `parts` that the names stand for; all, where there is none.
choose() { # [PART…]
    local name line
    chosen=()
    for line in "${parts[@]}"; do
        for name in "$@"; do
            [ "$name" != "${line%% *}" ] || chosen+=("$line")
        done
    done
    [ $# != 0 ] || chosen=("${parts[@]}")
    [ ${#chosen[@]} -ge $# ] || usage
}

main() {
    local minutes=20 rounds=0 end until limit= good bad told chosen
    case ${1-} in
    --list) list && exit ;;
    [0-9]*) minutes=$1 && shift ;;
    esac
    [[ $minutes =~ ^[1-9][0-9]{0,2}$ ]] && [ "$minutes" -le "$MINUTES_MAX" ] || usage
    choose "$@"
    cd / || exit 2
    end=$((minutes * 60))
    open_workshop || exit 2
    instruct_sanitizers
    while [ ${#chosen[@]} != 0 ]; do
        play "${chosen[@]}"
        chosen=("${chosen[@]:1}")
    done
    what_is_left
    scoreboard
    [ "$missed" = 0 ]
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"
