/* SPDX-License-Identifier: MIT */
/* Storms, each from its seed. STORM_SEED and STORM_COUNT say which, STORM_TWICE how many of them
 * are run a second time; one alone is told line by line with STORM_TELL=1. One that fails, or
 * crashes, is run again and again with moves left out until none can be missed: STORM_MOVES=3,17-19
 * makes those alone, STORM_ACTS=no none in callbacks. With either STORM_MOVES or STORM_SHRINK=no
 * nothing is shrunk, and all happens in this process. */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storm_shrink.h"

enum {
    STORMS = 250,
    TWICE = 5,
    SHRINK_S = 120,
    ATTEMPT_S = 30,
};

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static struct storm_plan plan_from_environment(void)
{
    struct storm_plan plan = {.calm_callbacks = getenv("STORM_ACTS") != NULL};
    const char *moves = getenv("STORM_MOVES");
    if (moves != NULL && !storm_moves_parse(moves, plan.out, STORM_MOVES)) {
        fprintf(stderr, "STORM_MOVES is no list of numbers and ranges\n");
        exit(2);
    }
    return plan;
}

/* Which seed is under way, for the process that watches over this one. */
static uint64_t *under_way;
static bool failed; /* or it is under way */

static struct storm_result run(uint64_t seed)
{
    struct storm_plan plan = plan_from_environment();
    *under_way = seed;
    failed = true;
    struct storm_result result = storm_run(seed, &plan);
    failed = false;
    return result;
}

static void no_storm_breaks_a_promise(void **state)
{
    (void)state;
    uint64_t first = number_from("STORM_SEED", 1);
    uint64_t count = number_from("STORM_COUNT", getenv("STORM_SEED") != NULL ? 1 : STORMS);
    uint64_t requests = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        requests += run(seed).requests;
    }
    print_message("%" PRIu64 " requests in %" PRIu64 " storms\n", requests, count);
}

static void the_same_seed_is_the_same_storm(void **state)
{
    (void)state;
    uint64_t first = number_from("STORM_SEED", 1);
    uint64_t twice = number_from("STORM_TWICE", TWICE);
    bool alone = getenv("STORM_SEED") != NULL && getenv("STORM_COUNT") == NULL;
    if (alone || failed) { /* the seed that failed is to be told */
        skip();
    }
    for (uint64_t seed = first; seed < first + twice; seed++) {
        assert_int_equal(run(seed).trace, run(seed).trace);
    }
    print_message("%" PRIu64 " storms ran alike twice\n", twice);
    assert_int_not_equal(run(first).trace, run(first + 1).trace);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_storm_breaks_a_promise),
        cmocka_unit_test(the_same_seed_is_the_same_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ---- what is left of a storm that failed ---- */

struct attempts {
    uint64_t seed;
    bool calm_callbacks;
    time_t until;
};

/* In a process of its own, which may crash or hang. */
static bool fails_with(const struct attempts *attempts, const bool *out, bool tells)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct storm_plan plan = {.calm_callbacks = attempts->calm_callbacks};
        memcpy(plan.out, out, sizeof plan.out);
        if (tells) {
            setenv("STORM_TELL", "1", 1);
        } else if (freopen("/dev/null", "w", stdout) == NULL ||
                   freopen("/dev/null", "w", stderr) == NULL) {
            _exit(0);
        }
        alarm(ATTEMPT_S);
        storm_run(attempts->seed, &plan);
        _exit(0);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status != 0;
}

static bool still_fails(void *owner, const bool *out)
{
    const struct attempts *attempts = owner;
    return time(NULL) < attempts->until && fails_with(attempts, out, false);
}

static void shrink(uint64_t seed, const char *program)
{
    struct attempts attempts = {.seed = seed, .until = time(NULL) + SHRINK_S};
    struct storm_plan plan = plan_from_environment();
    char moves[8 * STORM_MOVES];
    if (!still_fails(&attempts, plan.out)) {
        fprintf(stderr, "STORM_SEED=%" PRIu64 " does not fail alone\n", seed);
        return;
    }
    attempts.calm_callbacks = true; /* if it does without them */
    attempts.calm_callbacks = still_fails(&attempts, plan.out);
    storm_shrink(plan.out, STORM_MOVES, still_fails, &attempts);
    storm_moves_write(plan.out, STORM_MOVES, moves, sizeof moves);
    fprintf(stderr, "the shortest that fails, told line by line:\n");
    fails_with(&attempts, plan.out, true);
    fprintf(stderr, "again: STORM_SEED=%" PRIu64 " STORM_MOVES=%s%s STORM_TELL=1 %s\n", seed, moves,
        attempts.calm_callbacks ? " STORM_ACTS=no" : "", program);
}

int main(int argc, char **argv)
{
    const char *shrinks = getenv("STORM_SHRINK");
    under_way =
        mmap(NULL, sizeof *under_way, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (under_way == MAP_FAILED) {
        return 2;
    }
    bool replays = getenv("STORM_MOVES") != NULL;
    bool alone = replays || (shrinks != NULL && strcmp(shrinks, "no") == 0);
    pid_t child = alone ? 0 : fork();
    if (child == 0) {
        return run_all();
    }
    int status = 1;
    if (child > 0 && waitpid(child, &status, 0) == child && status != 0 && *under_way != 0) {
        shrink(*under_way, argc > 0 ? argv[0] : "test_client_storm");
    }
    return status != 0;
}
