/* SPDX-License-Identifier: MIT */
/* Hundreds of storms, each from its seed. One alone: STORM_SEED=n, with STORM_TELL=1 told line by
 * line; another number of them: STORM_COUNT=n. */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STORMS = 500,
    TWICE = 20, /* of them are run a second time */
    MOVES = 200,
    PAUSE_MAX_MS = 25,
    BURST = 60,
    CALM_MS = 15000,          /* after the faults' end, until everything succeeds again */
    UNPROVEN_CALM_MS = 75000, /* where our own kernel gave a connection up */
};

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void rage(struct storm *storm)
{
    uint64_t end = storm->rules.early ? storm_draw(storm, MOVES) : MOVES;
    for (uint64_t move = 0; move < end; move++) {
        uint64_t dice = storm_draw(storm, 100);
        if (dice < storm->rules.fury) {
            storm_fault(storm);
        } else if (dice < storm->rules.fury + 12) {
            storm_heal(storm, &storm->servers[storm_draw(storm, storm->server_count)]);
        } else if (dice < 52 && storm->rules.members) {
            storm_change_members(storm);
        } else if (dice < 60) {
            storm_cancel(storm);
        } else if (dice < 66) {
            storm_post(storm);
        }
        for (uint64_t n = storm_draw(storm, dice == 60 ? BURST : 6); n > 0; n--) {
            storm_ask(storm);
        }
        world_run_for(storm->world, storm_draw(storm, PAUSE_MAX_MS));
    }
}

/* Every key and counter is asked for once, then all in one call: all answers must be good. */
static void expect_success(struct storm *storm)
{
    uint64_t refused = storm->refused, succeeded = storm->succeeded;
    uint64_t answered = storm->answered;
    uint64_t asked = STORM_KEYS + STORM_COUNTERS + 1;
    if (ringcache_ring_server_count(storm->world->client->table->ring) == 0) {
        return;
    }
    for (size_t i = 0; i < STORM_KEYS; i++) {
        storm_ask_key(storm, &storm->keys[i], RINGCACHE_GET);
        world_run_for(storm->world, 10);
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        storm_read_counter(storm, &storm->counters[i]);
        world_run_for(storm->world, 10);
    }
    storm_ask_many(storm, true);
    world_run_for(storm->world, 20);
    if (storm->refused != refused || storm->answered != answered + asked ||
        storm->succeeded != succeeded + asked) {
        storm_fail(storm, "not every request succeeds after the faults' end", "");
    }
}

static void calm_down(struct storm *storm)
{
    storm->calm = true;
    storm_heal_all(storm);
    uint64_t until_ms =
        world_now(storm->world) + (storm->rules.unproven ? UNPROVEN_CALM_MS : CALM_MS);
    while (world_now(storm->world) < until_ms) { /* an idle client need not notice anything */
        storm_ask(storm);
        world_run_for(storm->world, 50);
    }
    expect_success(storm);
    world_run_for(storm->world, 1000);
    if (storm->pending_count > 0 || storm->many_count > 0 ||
        storm->world->client->env.budget.used > 0) {
        storm_fail(storm, "bytes or requests are held by nobody", "");
    }
    if (storm->room_is_owed) {
        storm_fail(storm, "nobody told of the room there is", "");
    }
    storm_check_stores(storm);
}

/* The trace of the whole run. */
static uint64_t run(uint64_t seed)
{
    struct storm *storm = storm_new(seed);
    rage(storm);
    if (!storm->rules.early) {
        calm_down(storm);
    }
    storm_close(storm);
    world_run_for(storm->world, 100);
    uint64_t hash = sim_trace_hash(storm->world->sim);
    storm_free(storm);
    return hash;
}

static void no_storm_breaks_a_promise(void **state)
{
    (void)state;
    uint64_t first = number_from("STORM_SEED", 1);
    uint64_t count = number_from("STORM_COUNT", getenv("STORM_SEED") != NULL ? 1 : STORMS);
    for (uint64_t seed = first; seed < first + count; seed++) {
        run(seed);
    }
}

static void the_same_seed_is_the_same_storm(void **state)
{
    (void)state;
    if (getenv("STORM_SEED") != NULL) {
        skip();
    }
    for (uint64_t seed = 1; seed <= TWICE; seed++) {
        assert_int_equal(run(seed), run(seed));
    }
    assert_int_not_equal(run(1), run(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_storm_breaks_a_promise),
        cmocka_unit_test(the_same_seed_is_the_same_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
