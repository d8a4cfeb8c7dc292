/* SPDX-License-Identifier: MIT */
/* Thousands of servers join and leave in one change: they are made, and let go, a part in each turn
 * of the loop, and the change is one all the same. */
#include "world.h"

#include <stdio.h>

enum { A_TURN = 1024, MANY = 3000, WORK_MS = 10 };

/* ---- what a turn does ---- */

static struct {
    struct world *world;
    uint32_t made, let_go, most; /* in this turn; in any */
    uint32_t turns;              /* in which servers were made */
    uint32_t made_in_all;
    uint32_t fails_at; /* the server made as that one; 0: none */
    void (*before_turn)(struct world *world, uint32_t turns); /* since the first was made */
} seen;

int __real_rc_server_new(struct rc_server **server, struct rc_env *env,
    const struct rc_backend *backend, uint32_t connections);
int __wrap_rc_server_new(struct rc_server **server, struct rc_env *env,
    const struct rc_backend *backend, uint32_t connections);
void __real_rc_server_depart(struct rc_server *server, struct rc_journal *journal);
void __wrap_rc_server_depart(struct rc_server *server, struct rc_journal *journal);
void __real_rc_conns_flush(struct rc_env *env);
void __wrap_rc_conns_flush(struct rc_env *env);

int __wrap_rc_server_new(struct rc_server **server, struct rc_env *env,
    const struct rc_backend *backend, uint32_t connections)
{
    seen.turns += seen.made == 0;
    seen.made++;
    if (++seen.made_in_all == seen.fails_at) {
        return RINGCACHE_ENOMEM;
    }
    return __real_rc_server_new(server, env, backend, connections);
}

void __wrap_rc_server_depart(struct rc_server *server, struct rc_journal *journal)
{
    seen.let_go++;
    __real_rc_server_depart(server, journal);
}

/* Once in every turn. */
void __wrap_rc_conns_flush(struct rc_env *env)
{
    uint32_t moved = seen.made + seen.let_go;
    seen.most = moved > seen.most ? moved : seen.most;
    seen.made = seen.let_go = 0;
    if (seen.before_turn != NULL && seen.turns > 0) {
        seen.before_turn(seen.world, seen.turns);
    }
    __real_rc_conns_flush(env);
}

/* ---- the scene ---- */

/* Servers of numbers `first` on. No machine is there: they are connected to when they are asked. */
static void put(ringcache_config *config, unsigned first, unsigned count)
{
    for (unsigned n = first; n < first + count; n++) {
        char uri[64];
        snprintf(uri, sizeof uri, "memcached://10.1.%u.%u:11000?name=s%u", n / 250, n % 250 + 1, n);
        assert_int_equal(ringcache_config_add_server(config, uri), 0);
    }
}

static void replace(struct world *world, unsigned first, unsigned count)
{
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_set(config, "points", "100"), 0);
    put(config, first, count);
    assert_int_equal(ringcache_servers_replace(world->client, config), 0);
    ringcache_config_free(config);
}

static struct world *begin(uint64_t seed)
{
    struct world *world = world_new(seed);
    sim_settings(world->sim)->work_ms = WORK_MS;
    world_option(world, "points", "100");
    world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    world_set(world, "k", "v");
    world_settle(world, 100);
    memset(&seen, 0, sizeof seen);
    seen.world = world;
    return world;
}

static size_t count(const struct world *world, ringcache_event_type type)
{
    return world_count(world, type);
}

static size_t in_force(const struct world *world)
{
    return world->client->table->count;
}

/* ---- what holds ---- */

static void a_turn_makes_so_many_and_lets_so_many_go(void **state)
{
    (void)state;
    struct world *world = begin(801);
    replace(world, 0, MANY);
    world_run_for(world, WORK_MS + 1);
    assert_int_equal(count(world, RINGCACHE_EVENT_RING_CHANGED), 1);
    assert_int_equal(in_force(world), MANY);
    assert_int_equal(seen.made_in_all, MANY);
    assert_int_equal(seen.turns, (MANY + A_TURN - 1) / A_TURN);
    replace(world, MANY, MANY);
    world_run_for(world, WORK_MS + 1);
    assert_int_equal(count(world, RINGCACHE_EVENT_RING_CHANGED), 2);
    assert_int_equal(count(world, RINGCACHE_EVENT_REMOVED), 1 + MANY);
    assert_int_equal(in_force(world), MANY);
    assert_int_equal(world->client->leaving, 0);
    assert_true(seen.most <= A_TURN);
    world_end(world);
}

static void ask_meanwhile(struct world *world, uint32_t turns)
{
    static struct world_reply *early;
    if (turns == 1) {
        early = world_get(world, "k");
    } else if (turns == 2) {
        assert_int_equal(in_force(world), 1);
        assert_int_equal(early->calls, 0);
        assert_int_equal(ringcache_server_remove(world->client, "s7"), 0);
        seen.before_turn = NULL;
    }
}

static void the_old_ring_serves_and_changes_are_accepted_meanwhile(void **state)
{
    (void)state;
    struct world *world = begin(802);
    seen.before_turn = ask_meanwhile;
    replace(world, 0, MANY);
    world_run_for(world, 2 * WORK_MS + 5);
    assert_null(seen.before_turn);
    assert_value(&world->replies[1], "v");
    assert_int_equal(count(world, RINGCACHE_EVENT_RING_CHANGED), 2);
    assert_int_equal(in_force(world), MANY - 1);
    assert_null(rc_members_find(world->client, "s7"));
    world_end(world);
}

static void close_meanwhile(struct world *world, uint32_t turns)
{
    if (turns == 2) {
        seen.before_turn = NULL;
        world_close(world);
    }
}

static void closing_drops_those_that_were_made(void **state)
{
    (void)state;
    struct world *world = begin(803);
    seen.before_turn = close_meanwhile;
    replace(world, 0, MANY);
    world_run_for(world, WORK_MS + 5);
    assert_int_equal(world->closed, 1);
    assert_true(seen.made_in_all < MANY);
    assert_int_equal(count(world, RINGCACHE_EVENT_RING_CHANGED), 0);
    world_end(world);
}

static void without_memory_for_one_the_ring_in_force_stays(void **state)
{
    (void)state;
    for (uint32_t fails_at = 1; fails_at <= MANY; fails_at += MANY - 1) {
        struct world *world = begin(804);
        seen.fails_at = fails_at;
        replace(world, 0, MANY);
        world_run_for(world, WORK_MS + 5);
        assert_int_equal(count(world, RINGCACHE_EVENT_RING_CHANGED), 0);
        assert_int_equal(count(world, RINGCACHE_EVENT_RING_KEPT), 1);
        assert_int_equal(world_last(world, RINGCACHE_EVENT_RING_KEPT)->reason, RINGCACHE_ENOMEM);
        assert_int_equal(in_force(world), 1);
        replace(world, 0, MANY);
        world_run_for(world, WORK_MS + 5);
        assert_int_equal(in_force(world), MANY);
        world_end(world);
    }
}

static ringcache_id pending;

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    *(int *)user = reply->status;
}

static void cancel_meanwhile(struct world *world, uint32_t turns)
{
    if (turns == 2) {
        seen.before_turn = NULL;
        assert_int_equal(ringcache_cancel(world->client, pending), 0);
    }
}

/* One that had left lingers for its last request. It is there when it is looked for, and has gone
 * when the ring is put in force. */
static void one_that_went_meanwhile_is_made_anew(void **state)
{
    (void)state;
    struct world *world = begin(805);
    int status = 1;
    struct sim_server *silent = sim_server_add(world->sim, "10.1.0.1", 11000, ENGINE_MEMCACHED);
    replace(world, 0, 1);
    world_run_for(world, 1);
    sim_server_stop(silent);
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}, .timeout_ms = 1000};
    assert_int_equal(ringcache_submit(world->client, &get, on_reply, &status, &pending), 0);
    replace(world, MANY, 1);
    world_run_for(world, 1);
    assert_int_equal(world->client->leaving, 1);
    memset(&seen, 0, sizeof seen);
    seen.world = world;
    seen.before_turn = cancel_meanwhile;
    replace(world, 0, MANY);
    world_run_for(world, WORK_MS + 5);
    assert_int_equal(status, RINGCACHE_ECANCELED);
    assert_int_equal(in_force(world), MANY);
    assert_int_equal(seen.made_in_all, MANY);
    assert_non_null(rc_members_find(world->client, "s0"));
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_makes_so_many_and_lets_so_many_go),
        cmocka_unit_test(the_old_ring_serves_and_changes_are_accepted_meanwhile),
        cmocka_unit_test(closing_drops_those_that_were_made),
        cmocka_unit_test(without_memory_for_one_the_ring_in_force_stays),
        cmocka_unit_test(one_that_went_meanwhile_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
