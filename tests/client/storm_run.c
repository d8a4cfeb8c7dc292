/* SPDX-License-Identifier: MIT */
/* A storm from its first move to its end: rounds of moves, then calm, in which everything has to
 * succeed again, then the end of all clients.
 *
 * Each move is numbered and draws from a stream of its own, so that one that is left out changes
 * nothing of what the others draw. */
#include "storm.h"

enum {
    ROUNDS = 200,
    PAUSE_MAX_MS = 25,
    ASKS = 6,
    BURST = 60,
    CALM_MS = 15000,          /* after the faults' end, until everything succeeds again */
    UNPROVEN_CALM_MS = 75000, /* where our own kernel gave a connection up */
};
_Static_assert(ROUNDS *(1 + BURST) <= STORM_MOVES, "every move has a number");

/* Is the next move to be made? Then it draws from its stream. */
static bool next_move(struct storm *storm)
{
    size_t move = storm->moves++;
    storm_draw_from(storm, move);
    return !storm->plan->out[move];
}

static void trouble(struct storm *storm, struct storm_client *c, uint64_t dice)
{
    if (dice < storm->rules.fury) {
        storm_fault(storm);
    } else if (dice < storm->rules.fury + 12) {
        storm_heal(storm, &storm->servers[storm_draw(storm, storm->server_count)]);
    } else if (dice < 52 && storm->rules.members) {
        storm_change_members(storm);
    } else if (dice < 60) {
        storm_cancel(c);
    } else if (dice < 66) {
        storm_post(c);
    }
}

/* What it consists of is drawn before any of it happens. */
static void play_round(struct storm *storm, size_t number)
{
    storm_draw_from(storm, STORM_MOVES + number);
    uint64_t dice = storm_draw(storm, 100);
    uint64_t asks = storm_draw(storm, dice == 60 ? BURST : ASKS);
    uint64_t pause_ms = storm_draw(storm, PAUSE_MAX_MS);
    if (next_move(storm)) {
        trouble(storm, storm_any_client(storm), dice);
    }
    while (asks-- > 0) {
        if (next_move(storm)) {
            storm_ask(storm_any_client(storm));
        }
    }
    sim_run_for(storm->sim, pause_ms);
}

static void rage(struct storm *storm)
{
    size_t end = storm->rules.early ? storm_draw(storm, ROUNDS) : ROUNDS;
    for (size_t i = 0; i < end && storm_any_client(storm) != NULL; i++) {
        play_round(storm, i);
    }
}

/* Every key and counter is asked for once, then all in one call: all answers must be good. */
static void expect_success(struct storm_client *c)
{
    struct storm *storm = c->storm;
    uint64_t refused = c->refused, succeeded = c->succeeded, answered = c->answered;
    uint64_t asked = STORM_KEYS + STORM_COUNTERS + 1;
    if (ringcache_ring_server_count(c->client->table->owners.ring) == 0) {
        return;
    }
    for (size_t i = 0; i < STORM_KEYS; i++) {
        storm_ask_key(c, &storm->keys[i], RINGCACHE_GET);
        sim_run_for(storm->sim, 10);
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        storm_read_counter(c, &storm->counters[i]);
        sim_run_for(storm->sim, 10);
    }
    storm_ask_many(c, true);
    sim_run_for(storm->sim, 20);
    if (c->refused != refused || c->answered != answered + asked ||
        c->succeeded != succeeded + asked) {
        storm_fail(storm, "not every request succeeds after the faults' end", "");
    }
}

static void expect_nothing_held(const struct storm_client *c)
{
    if (c->pending_count > 0 || c->many_count > 0 || c->client->env.budget.used > 0) {
        storm_fail(c->storm, "bytes or requests are held by nobody", "");
    }
    if (c->room_is_owed) {
        storm_fail(c->storm, "nobody told of the room there is", "");
    }
}

/* What is held comes back flushed; none but those takes it. */
static void readmit_all(struct storm_client *c)
{
    const struct rc_table *table = c->closing ? NULL : c->client->table;
    for (size_t i = 0; table != NULL && i < table->count; i++) {
        (void)ringcache_server_readmit(
            c->client, table->all[i]->backend.name, RINGCACHE_READMIT_FLUSHED);
    }
}

static void calm_down(struct storm *storm)
{
    storm->calm = true;
    storm_heal_all(storm);
    while (storm->load_count > 0) {
        storm_end_load(storm, 0);
    }
    uint64_t until_ms =
        sim_now_ms(storm->sim) + (storm->rules.unproven ? UNPROVEN_CALM_MS : CALM_MS);
    while (sim_now_ms(storm->sim) < until_ms) { /* an idle client need not notice anything */
        for (size_t i = 0; i < storm->rules.clients; i++) {
            readmit_all(&storm->clients[i]);
            storm_ask(&storm->clients[i]);
        }
        sim_run_for(storm->sim, 50);
    }
    for (size_t i = 0; i < storm->rules.clients; i++) {
        expect_success(&storm->clients[i]);
    }
    sim_run_for(storm->sim, 1000);
    for (size_t i = 0; i < storm->rules.clients; i++) {
        expect_nothing_held(&storm->clients[i]);
    }
    storm_check_stores(storm);
}

static uint64_t requests_of(const struct storm *storm)
{
    uint64_t requests = 0;
    for (size_t i = 0; i < storm->rules.clients; i++) {
        requests += storm->clients[i].requests;
    }
    return requests;
}

struct storm_result storm_run(uint64_t seed, const struct storm_plan *plan)
{
    struct storm *storm = storm_new(seed, plan);
    rage(storm);
    if (!storm->rules.early) {
        calm_down(storm);
    }
    for (size_t i = 0; i < storm->rules.clients; i++) {
        if (!storm->clients[i].closing) {
            storm_client_close(&storm->clients[i]);
        }
    }
    sim_run_for(storm->sim, 100);
    struct storm_result result = {sim_trace_hash(storm->sim), requests_of(storm)};
    storm_free(storm);
    return result;
}
