/* SPDX-License-Identifier: MIT */
/* Every allocation of the library fails, alone or with all that follow. Each scenario is run once
 * without a failure, to learn which place asks for which allocation, and then once for every
 * allocation that is to fail: the calls say so, every callback runs once, nobody is blamed, nothing
 * is left, and once there is memory again everything works.
 *
 * Unless TORTURE_ALL is set, a scenario fails the first allocations of each place, and every
 * so-many-th. TORTURE_CASE="name:n:mode" runs that one case. */
#include "memory.h"
#include "replay.h"
#include "scenarios.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRIDE = 29, FIRST = 2, ASKED_MAX = 1 << 14, RECOVERY_MS = 3000 };

/* Failing alone, with all that follow, or with all that follow until the client is closed. */
enum mode { ONCE, ON, TO_THE_END, MODES };

static const char *const mode_names[MODES] = {"once", "on", "to the end"};

/* What a life is begun with; it takes no argument of ours. */
static struct {
    uint64_t n;
    enum mode mode;
} armed;

static uint64_t scenarios;

static void arm(struct life *life)
{
    (void)life;
    torture_memory_fail(armed.n, armed.mode != ONCE);
}

static void relent(void)
{
    torture_memory_relent();
}

/* How many allocations were asked for before it recovered? */
static uint64_t run(const struct scenario *scenario, uint64_t n, enum mode mode)
{
    static const struct life_failures failures = {
        .begin = arm, .end = relent, .recovery_ms = RECOVERY_MS};
    int64_t live = torture_memory_live();
    armed.n = n;
    armed.mode = mode;
    if (scenario->run != NULL) {
        torture_memory_fail(n, mode != ONCE);
        scenario->run(scenario);
    } else {
        life_lead(scenario, &failures, mode != TO_THE_END);
    }
    if (torture_memory_live() != live) {
        fail_msg("%" PRId64 " blocks are left", torture_memory_live() - live);
    }
    return torture_memory_relent();
}

static void run_case(const struct scenario *scenario, uint64_t n, enum mode mode)
{
    if (replay_runs("%s:%" PRIu64 ":%s", scenario->name, n, mode_names[mode])) {
        replay_begin("%s:%" PRIu64 ":%s", scenario->name, n, mode_names[mode]);
        run(scenario, n, mode);
        replay_end();
    }
}

/* Which of the scenario's allocations fail: of each place the first ones, and a sample. */
static bool chosen(uint64_t n, const struct torture_site *const *askers)
{
    unsigned before = 0;
    for (uint64_t i = 1; i < n; i++) {
        before += askers[i] == askers[n];
    }
    return torture_all() || replay_wanted() != NULL || before < FIRST || n % STRIDE == 0;
}

static void torture(void **state)
{
    const struct scenario *scenario = *state;
    static const struct torture_site *askers[ASKED_MAX];
    uint64_t asked = run(scenario, 0, ONCE);
    assert_in_range(asked, 1, ASKED_MAX - 1);
    for (uint64_t n = 1; n <= asked; n++) {
        askers[n] = torture_memory_asker(n);
    }
    for (uint64_t n = 1; n <= asked; n++) {
        for (enum mode mode = ONCE; mode < MODES && chosen(n, askers); mode++) {
            run_case(scenario, n, mode);
        }
    }
    scenarios++;
}

static void no_place_is_spared(void **state)
{
    static const struct torture_excuse none = {NULL, NULL, NULL};
    (void)state;
    if (replay_wanted() != NULL) {
        assert_true(replay_found());
    } else {
        assert_true(torture_tell("memory", scenarios, true, &none));
    }
}

static size_t add_tests(struct CMUnitTest *tests, const struct scenario *table)
{
    size_t count = 0;
    for (; table[count].name != NULL; count++) {
        tests[count] = (struct CMUnitTest){.name = table[count].name,
            .test_func = torture,
            .teardown_func = replay_tell,
            .initial_state = (void *)(uintptr_t)&table[count]};
    }
    return count;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[64] = {{0}};
    (void)argc;
    replay_init(argv[0]);
    size_t count = add_tests(tests, life_scenarios);
    count += add_tests(tests + count, offline_scenarios);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(no_place_is_spared);
    return _cmocka_run_group_tests("memory", tests, count, NULL, NULL);
}
