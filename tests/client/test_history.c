/* SPDX-License-Identifier: MIT */
/* Single cases that a storm would meet only now and then: each was a server left out, a request
 * left behind, or memory that grew. */
#include "world.h"

#include <errno.h>
#include <stdio.h>

static char big[40000];

static struct world_reply *set_big(struct world *world, const char *key, size_t len)
{
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {key, strlen(key)}, .value = {big, len}};
    return world_submit(world, &set, NULL);
}

static void more_than_a_connection_takes_at_once_flows_all_the_same(void **state)
{
    (void)state;
    struct world *world = world_new(31);
    world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_queued_bytes", "65536");
    world_begin(world);
    struct world_reply *sets[40];
    for (int i = 0; i < 40; i++) { /* all wait for the connection */
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        sets[i] = set_big(world, key, 1000);
    }
    world_run_for(world, 50);
    for (int i = 0; i < 40; i++) {
        assert_reply(sets[i], RINGCACHE_OK);
    }
    world_end(world);
}

static void a_request_that_was_accepted_is_not_refused_later(void **state)
{
    (void)state;
    struct world *world = world_new(32);
    world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_queued_bytes", "65536");
    world_option(world, "max_value_bytes", "40000");
    world_begin(world);
    struct world_reply *set =
        set_big(world, "k", 40000); /* its copy and its encoding: over 65536 */
    world_run_for(world, 50);
    assert_reply(set, RINGCACHE_OK);
    world_end(world);
}

/* Ask again at once, a millisecond later; a loop that is never idle has to be stepped. */
static void ask_again(struct world *world, struct world_reply *reply)
{
    (void)reply;
    sim_block(world->sim, 1);
    world_get(world, "k");
}

static void run_busily(struct world *world, uint64_t ms)
{
    for (uint64_t until = world_now(world) + ms; world_now(world) < until;) {
        assert_true(sim_step(world->sim));
    }
}

static size_t length(const struct rc_list *list)
{
    size_t count = 0;
    for (const struct rc_list *node = list->next; node != list; node = node->next) {
        count++;
    }
    return count;
}

static void a_callback_that_always_asks_again_holds_nothing_up(void **state)
{
    (void)state;
    struct world *world = world_new(35);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    sim_server_greet(server, "ERROR Too many open connections\r\n");
    world->on_reply = ask_again;
    world_get(world, "k");
    run_busily(world, 3000); /* refused at once, each time; a dozen probes come and go */
    assert_true(sim_server_connects(server) > 4);
    assert_true(length(&world->client->env.closed) <= 1);
    assert_int_equal(ringcache_server_add(world->client, "memcached://10.0.0.1:11001"), 0);
    assert_int_equal(ringcache_server_remove(world->client, "10.0.0.1:11000"), 0);
    run_busily(world, 100);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(world);
}

/* ---- one server, and a connection that is stuck with a write ---- */

struct stuck {
    struct world *world;
    struct sim_server *server;
    uint64_t connection;
    struct world_reply *set;
};

typedef struct sim_server *(*add_fn)(struct world *world, const char *host, uint16_t port);

static struct stuck begin_stuck(add_fn add)
{
    struct stuck s = {.world = world_new(33)};
    s.server = add(s.world, "10.0.0.1", 11000);
    world_begin(s.world);
    struct world_reply *first = world_set(s.world, "k", "v0");
    world_settle(s.world, 100);
    assert_reply(first, RINGCACHE_OK);
    s.connection = sim_server_newest(s.server);
    sim_stall(s.server, s.connection, true);
    s.set = world_set(s.world, "k", "v1");
    world_run_for(s.world, 5);
    return s;
}

/* Ask every 10 ms, so that some request is always waiting, until one succeeds; how long that took,
 * or UINT64_MAX. */
static uint64_t serves_within(struct world *world, uint64_t ms)
{
    uint64_t began = world_now(world);
    for (; world_now(world) < began + ms; world_run_for(world, 10)) {
        struct world_reply *get = world_get(world, "k");
        world_run_for(world, 10);
        if (get->calls == 1 && get->status >= 0) {
            world_settle(world, 1000);
            return world_now(world) - began;
        }
    }
    world_settle(world, 1000);
    return UINT64_MAX;
}

static void a_probe_that_falls_silent_is_replaced(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_redis);
    struct engine *engine = sim_server_engine(s.server);
    for (int probe = 0; probe < 2; probe++) { /* the first while suspect, the second while down */
        uint64_t greeted = engine_count(engine, "info");
        while (engine_count(engine, "info") == greeted) {
            assert_true(sim_step(s.world->sim));
        }
        sim_stall(s.server, sim_server_newest(s.server), true); /* it cannot ask CLIENT KILL */
    }
    world_run_for(s.world, 100);
    assert_true(serves_within(s.world, 3000) <= 2500);
    world_end(s.world);
}

static void a_connection_that_swallows_its_fence_is_read_to_its_end(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    sim_drop_replies(s.server, s.connection, 1000);
    sim_stall(s.server, s.connection, false);
    uint64_t ms = serves_within(s.world, 15000);
    assert_true(ms >= 10000 && ms <= 12000);
    world_end(s.world);
}

static void a_given_up_connection_that_our_kernel_ends_takes_the_server_out(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    sim_inject(s.server, s.connection, rc_slice_text("WHAT\r\n"));
    world_run_for(s.world, 5);
    assert_reply(s.set, RINGCACHE_EPROTOCOL);
    sim_local_error(s.server, s.connection, -ETIMEDOUT);
    world_run_for(s.world, 5);
    struct world_reply *get = world_get(s.world, "k");
    world_run_for(s.world, 5);
    assert_reply(get, RINGCACHE_EDOWN); /* nobody waits for what cannot come within its deadline */
    uint64_t ms = serves_within(s.world, 80000);
    assert_true(ms > 9900 && ms < 11000);
    world_end(s.world);
}

static void a_server_whose_old_writes_are_unproven_does_not_leave(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    sim_local_error(s.server, s.connection, -ETIMEDOUT);
    world_run_for(s.world, 5);
    assert_int_equal(ringcache_server_remove(s.world->client, "10.0.0.1:11000"), 0);
    world_run_for(s.world, 1000);
    assert_int_equal(ringcache_server_add(s.world->client, "memcached://10.0.0.1:11000"), 0);
    struct world_reply *set = world_set(s.world, "k", "v2");
    world_run_for(s.world, 50);
    assert_reply(set, RINGCACHE_EDOWN);
    sim_stall(s.server, s.connection, false); /* v1 is carried out only now */
    world_run_for(s.world, 10);
    assert_string_equal((const char *)engine_get(sim_server_engine(s.server), 0, "k")->value, "v1");
    assert_int_equal(ringcache_server_remove(s.world->client, "10.0.0.1:11000"), 0);
    world_run_for(s.world, 61000);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(s.world);
}

/* ---- two servers ---- */

static void begin_dialling_and_block(struct world *world, struct world_reply *reply)
{
    (void)reply;
    world->on_reply = NULL;
    char key[32];
    unsigned next = 0;
    world_key_of(world, "10.0.0.1:11001", "b", &next, key);
    world_get(world, key);
    sim_block(world->sim, 300);
}

static void a_late_loop_blames_no_server_that_is_being_dialled(void **state)
{
    (void)state;
    struct world *world = world_new(36);
    world_memcached(world, "10.0.0.1", 11000);
    world_memcached(world, "10.0.0.1", 11001);
    world_option(world, "connect_timeout_ms", "100");
    world_begin(world);
    char key[32];
    unsigned next = 0;
    world_key_of(world, "10.0.0.1:11000", "a", &next, key);
    world->on_reply = begin_dialling_and_block;
    world_get(world, key);
    world_run_for(world, 600);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 0);
    assert_reply(&world->replies[1], RINGCACHE_MISS);
    world_end(world);
}

/* Step until an event was told for the first time. */
static void step_to(struct world *world, ringcache_event_type type)
{
    while (world_count(world, type) == 0) {
        assert_true(sim_step(world->sim));
    }
}

static void a_probe_does_not_outlive_the_suspicion(void **state)
{
    (void)state;
    struct world *world = world_new(37);
    struct sim_server *servers[2];
    char keys[2][32];
    for (uint16_t i = 0; i < 2; i++) {
        servers[i] = world_memcached(world, "10.0.0.1", (uint16_t)(11000 + i));
    }
    world_begin(world);
    unsigned next = 0;
    world_key_of(world, "10.0.0.1:11000", "a", &next, keys[0]);
    world_key_of(world, "10.0.0.1:11001", "b", &next, keys[1]);
    world_get(world, keys[0]);
    world_get(world, keys[1]);
    world_settle(world, 100);
    sim_server_stop(servers[1]); /* of two servers one may be ejected: this one */
    world_get(world, keys[1]);
    step_to(world, RINGCACHE_EVENT_EJECTED);
    uint64_t given_up = sim_server_newest(servers[0]);
    sim_stall(servers[0], given_up, true);
    world_set(world, keys[0], "v1");
    world_run_for(world, 5);
    sim_inject(servers[0], given_up, rc_slice_text("WHAT\r\n"));
    world_run_for(world, 5);
    sim_server_pause_accept(servers[0], true);
    const struct rc_server *server = world->client->table->all[0];
    while (server->probe == NULL) { /* the connection given up does not end */
        assert_true(sim_step(world->sim));
    }
    sim_server_continue(servers[1]);
    sim_end(servers[1], sim_server_newest(servers[1]), SIM_FIN); /* asked again at once */
    step_to(world, RINGCACHE_EVENT_READMITTED);
    assert_non_null(server->probe);
    sim_stall(servers[0], given_up, false); /* now it does */
    world_run_for(world, 1500);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 1);
    world_end(world);
}

/* ---- one server, two connections ---- */

struct pair {
    struct world *world;
    struct sim_server *server;
    uint64_t connections[2];
    char keys[2][16]; /* one for each connection */
};

static struct pair begin_pair(add_fn add)
{
    struct pair p = {.world = world_new(34)};
    p.server = add(p.world, "10.0.0.1", 11000);
    world_option(p.world, "connections", "2");
    world_begin(p.world);
    size_t found = 0;
    for (int i = 0; found < 2; i++) {
        snprintf(p.keys[found], sizeof p.keys[found], "k%d", i);
        uint64_t connects = sim_server_connects(p.server);
        world_set(p.world, p.keys[found], "v0");
        world_settle(p.world, 100);
        if (sim_server_connects(p.server) > connects) {
            p.connections[found++] = sim_server_newest(p.server);
        }
    }
    return p;
}

static void an_outage_outlasts_one_of_its_two_old_connections(void **state)
{
    (void)state;
    struct pair p = begin_pair(world_memcached);
    for (int i = 0; i < 2; i++) {
        sim_stall(p.server, p.connections[i], true);
        world_set(p.world, p.keys[i], "v1");
    }
    world_run_for(p.world, 700);
    assert_int_equal(world_count(p.world, RINGCACHE_EVENT_DOWN), 1);
    sim_stall(p.server, p.connections[0], false);
    world_run_for(p.world, 50); /* it answered its fence */
    sim_end(p.server, p.connections[0], SIM_FIN);
    world_run_for(p.world, 50);
    for (int i = 0; i < 2; i++) {
        struct world_reply *get = world_get(p.world, p.keys[i]);
        world_run_for(p.world, 5);
        assert_reply(get, RINGCACHE_EDOWN);
    }
    assert_int_equal(world_count(p.world, RINGCACHE_EVENT_CONNECTING), 1);
    sim_stall(p.server, p.connections[1], false);
    world_run_for(p.world, 1200);
    assert_int_equal(world_count(p.world, RINGCACHE_EVENT_UP), 2);
    world_end(p.world);
}

static void a_silent_connection_is_replaced_though_the_other_was_lost(void **state)
{
    (void)state;
    struct pair p = begin_pair(world_memcached);
    sim_stall(p.server, p.connections[0], true);
    world_get(p.world, p.keys[0]);
    sim_server_pause_accept(p.server, true); /* the probe waits to be greeted */
    world_run_for(p.world, 600);
    sim_end(p.server, p.connections[1], SIM_FIN);
    world_run_for(p.world, 50);
    sim_server_pause_accept(p.server, false);
    world_run_for(p.world, 1500);
    for (int i = 0; i < 2; i++) {
        struct world_reply *get = world_get(p.world, p.keys[i]);
        world_settle(p.world, 1000);
        assert_value(get, "v0");
    }
    world_end(p.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_a_connection_takes_at_once_flows_all_the_same),
        cmocka_unit_test(a_request_that_was_accepted_is_not_refused_later),
        cmocka_unit_test(a_callback_that_always_asks_again_holds_nothing_up),
        cmocka_unit_test(a_probe_that_falls_silent_is_replaced),
        cmocka_unit_test(a_connection_that_swallows_its_fence_is_read_to_its_end),
        cmocka_unit_test(a_given_up_connection_that_our_kernel_ends_takes_the_server_out),
        cmocka_unit_test(a_server_whose_old_writes_are_unproven_does_not_leave),
        cmocka_unit_test(a_late_loop_blames_no_server_that_is_being_dialled),
        cmocka_unit_test(a_probe_does_not_outlive_the_suspicion),
        cmocka_unit_test(an_outage_outlasts_one_of_its_two_old_connections),
        cmocka_unit_test(a_silent_connection_is_replaced_though_the_other_was_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
