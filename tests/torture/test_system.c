/* SPDX-License-Identifier: MIT */
/* Every call that the library makes of the system and of libuv fails, at every place, with every
 * error that it may give, once or for a while: nothing crashes, hangs, leaks or is told twice, what
 * our own machine lacks is no server's fault, and everything works again afterwards.
 *
 * Unless TORTURE_ALL is set, the moments of failure are a sample.
 * TORTURE_CASE="file:line:call:way:error:skip:times:loop" runs that one case. */
#include "binding.h"
#include "faults.h"
#include "memory.h"
#include "replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { A_WHILE = 25, MOMENTS = 12, SAMPLE = 2, SITES_MAX = 64, LOOPS = 2 };

static const char *const loop_names[LOOPS] = {"lent", "own"};

/* How often each site was reached in a life without a failure, on either kind of loop. */
static uint64_t reached[LOOPS][SITES_MAX];

static void relent(void)
{
    system_relent();
    torture_memory_relent();
}

static void run(bool own_loop, const struct torture_site *site, const struct system_fault *fault,
    uint64_t skip, uint64_t times)
{
    char name[160];
    snprintf(name, sizeof name, "%s:%d:%s:%d:%d:%" PRIu64 ":%" PRIu64 ":%s", torture_source(site),
        site->line, fault->call, fault->way, fault->error, skip, times, loop_names[own_loop]);
    if (!replay_runs("%s", name)) {
        return;
    }
    replay_begin("%s", name);
    int64_t live = torture_memory_live();
    bool allocates = strncmp(fault->call, "rc_", 3) == 0;
    if (allocates) {
        torture_memory_fail_at(site, skip, times);
    } else {
        system_fail(site, fault, skip, times);
    }
    binding_lead(own_loop, fault->peers, fault->error, relent);
    assert_int_equal(torture_memory_live(), live);
    replay_end();
}

/* At the first call, and at some behind it; once, and for a while. */
static void run_moments(
    bool own_loop, const struct torture_site *site, const struct system_fault *fault, uint64_t made)
{
    uint64_t moments = replay_wanted() != NULL ? made : torture_all() ? MOMENTS : SAMPLE;
    uint64_t stride = made / moments > 0 ? made / moments : 1;
    for (uint64_t skip = 0; skip < made && skip / stride < moments; skip += stride) {
        run(own_loop, site, fault, skip, 1);
        run(own_loop, site, fault, skip, A_WHILE);
    }
}

/* In a sample, the client's own loop is for what the program's does not reach. */
static bool lives_on(bool own_loop, uint64_t index)
{
    bool everything = torture_all() || replay_wanted() != NULL;
    return reached[own_loop][index] > 0 && (everything || !own_loop || reached[0][index] == 0);
}

static void run_site(const struct torture_site *site, uint64_t index)
{
    for (int own_loop = 0; own_loop < LOOPS; own_loop++) {
        for (const struct system_fault *fault = system_faults;
             lives_on(own_loop != 0, index) && fault->call != NULL; fault++) {
            if (strcmp(fault->call, site->call) == 0) {
                run_moments(own_loop != 0, site, fault, reached[own_loop][index]);
            }
        }
    }
}

/* libuv keeps two descriptors for the process from its first loop on. */
static void warm_up(void)
{
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void learn(void **state)
{
    uint64_t count;
    struct torture_site *const *sites = torture_sites(&count);
    (void)state;
    warm_up();
    replay_begin("none");
    for (int own_loop = 0; own_loop < LOOPS; own_loop++) {
        uint64_t outer = 0;
        for (uint64_t i = 0; i < count; i++) {
            sites[i]->reached = 0;
        }
        binding_lead(own_loop != 0, false, 0, relent);
        for (uint64_t i = 0; i < count; i++) {
            if (!torture_is_inner(sites[i])) {
                assert_true(outer < SITES_MAX);
                reached[own_loop][outer++] = sites[i]->reached;
            }
        }
    }
    replay_end();
}

static void torture(void **state)
{
    uint64_t count, outer = 0;
    struct torture_site *const *sites = torture_sites(&count);
    const char *call = *state;
    if (replay_failed()) {
        skip();
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!torture_is_inner(sites[i])) {
            if (strcmp(sites[i]->call, call) == 0) {
                run_site(sites[i], outer);
            }
            outer++;
        }
    }
}

static void no_place_is_spared(void **state)
{
    static const struct torture_excuse excuses[] = {
        {"src/transport/uv_stream.c", "setsockopt", "the client resets no connection"},
        {"src/transport/uv_stream.c", "close", "reached only behind another failure"},
        {"src/transport/uv_work.c", "rc_alloc_zeroed", "no ring here is a large one"},
        {NULL, NULL, NULL},
    };
    (void)state;
    if (replay_wanted() != NULL) {
        assert_true(replay_found());
    } else if (!replay_failed()) {
        assert_true(torture_tell("system", LOOPS, false, excuses));
    }
}

int main(int argc, char **argv)
{
    static const char *const calls[] = {"socket", "connect", "getsockopt", "setsockopt", "recv",
        "send", "shutdown", "close", "uv_poll_init_socket", "uv_poll_start", "getaddrinfo",
        "pthread_attr_init", "pthread_create", "uv_async_init", "uv_mutex_init", "uv_loop_init",
        "uv_random", "rc_alloc", "rc_alloc_zeroed"};
    struct CMUnitTest tests[sizeof calls / sizeof *calls + 2] = {
        cmocka_unit_test_teardown(learn, replay_tell)};
    size_t count = 1;
    (void)argc;
    replay_init(argv[0]);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        tests[count++] = (struct CMUnitTest){.name = calls[i],
            .test_func = torture,
            .teardown_func = replay_tell,
            .initial_state = (void *)(uintptr_t)calls[i]};
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(no_place_is_spared);
    return _cmocka_run_group_tests("system", tests, count, NULL, NULL);
}
