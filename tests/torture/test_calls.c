/* SPDX-License-Identifier: MIT */
/* Every call of the transport fails, alone or with all that follow, in the lives of test_memory.c:
 * what our own machine lacks is no server's fault, and everything works again afterwards.
 *
 * Unless TORTURE_ALL is set, each call fails with one of its errors, in turn.
 * TORTURE_CASE="name:call:n:error:mode" runs that one case. */
#include "calls.h"
#include "replay.h"
#include "scenarios.h"
#include "sites.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* A server's silence may stand for a minute behind a connection that our own kernel gave up. */
enum { RECOVERY_MS = 3000, PROOF_MS = 80000, ERRORS_MAX = 10, CALLS_MAX = 4 };

struct kind {
    const char *name;
    int errors[ERRORS_MAX];
    struct life_failures failures;
};

/* What a life is begun with; it takes no argument of ours. */
static struct {
    enum transport_call call;
    uint64_t n;
    bool on;
    int error;
} armed;

static struct {
    uint64_t scenarios, failures;
} told;

static void arm(struct life *life)
{
    calls_fail(sim_client_transport(life->host), armed.call, armed.n, armed.on, -armed.error);
}

/* A connection that a write broke may be refused to the server's account. */
static const struct kind kinds[TRANSPORT_CALLS] = {
    [CALL_RESOLVE] = {.name = "resolve",
        .errors = {ENOMEM, EMFILE, ENAMETOOLONG, EINVAL},
        .failures = {.begin = arm, .end = calls_relent, .recovery_ms = RECOVERY_MS}},
    [CALL_CONNECT] = {.name = "connect",
        .errors = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EADDRINUSE, ENETUNREACH,
            ENETDOWN, EPERM},
        .failures = {.begin = arm, .end = calls_relent, .recovery_ms = RECOVERY_MS}},
    [CALL_WRITE] = {.name = "write",
        .errors = {ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EPERM,
            EMSGSIZE, ENOTCONN},
        .failures = {.begin = arm, .end = calls_relent, .outages = true, .recovery_ms = PROOF_MS}},
};

static void run(const struct scenario *scenario, enum transport_call call, uint64_t n, int error)
{
    const struct kind *kind = &kinds[call];
    for (int on = 0; on < 2; on++) {
        const char *mode = on != 0 ? "on" : "once";
        armed.call = call;
        armed.n = n;
        armed.on = on != 0;
        armed.error = error;
        if (!replay_runs("%s:%s:%" PRIu64 ":%d:%s", scenario->name, kind->name, n, error, mode)) {
            continue;
        }
        replay_begin("%s:%s:%" PRIu64 ":%d:%s", scenario->name, kind->name, n, error, mode);
        life_lead(scenario, &kind->failures, true);
        assert_true(n == 0 || calls_failed() > 0);
        told.failures += calls_failed();
        replay_end();
    }
}

static void run_call(const struct scenario *scenario, enum transport_call call, uint64_t made)
{
    const int *errors = kinds[call].errors;
    uint64_t count = 0;
    while (count < ERRORS_MAX && errors[count] != 0) {
        count++;
    }
    bool all = torture_all() || replay_wanted() != NULL;
    uint64_t stride = all || made < CALLS_MAX ? 1 : made / CALLS_MAX;
    for (uint64_t n = 1; n <= made; n += stride) {
        for (uint64_t i = 0; i < count; i++) {
            if (all || i == (n + told.scenarios) % count) {
                run(scenario, call, n, errors[i]);
            }
        }
    }
}

static void torture(void **state)
{
    const struct scenario *scenario = *state;
    uint64_t made[TRANSPORT_CALLS];
    armed.n = 0;
    life_lead(scenario, &kinds[CALL_WRITE].failures, true);
    for (enum transport_call call = 0; call < TRANSPORT_CALLS; call++) {
        made[call] = calls_made(call);
        assert_true(made[call] > 0);
    }
    for (enum transport_call call = 0; call < TRANSPORT_CALLS; call++) {
        run_call(scenario, call, made[call]);
    }
    told.scenarios++;
}

static int tell(void **state)
{
    (void)state;
    if (replay_wanted() != NULL && !replay_found()) {
        return -1;
    }
    printf("calls: %" PRIu64 " scenarios, %d sites, %" PRIu64 " failures injected\n",
        told.scenarios, TRANSPORT_CALLS, told.failures);
    return 0;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[64] = {{0}};
    size_t count = 0;
    (void)argc;
    replay_init(argv[0]);
    for (; life_scenarios[count].name != NULL; count++) {
        tests[count] = (struct CMUnitTest){.name = life_scenarios[count].name,
            .test_func = torture,
            .teardown_func = replay_tell,
            .initial_state = (void *)(uintptr_t)&life_scenarios[count]};
    }
    return _cmocka_run_group_tests("calls", tests, count, NULL, tell);
}
