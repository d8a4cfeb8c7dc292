/* SPDX-License-Identifier: MIT */
/* A server that takes no writes any more, because it has become a replica: its name is resolved
 * again and connected to anew, while it goes on serving reads, and no order is lost. */
#include "world.h"

#include <stdio.h>

/* `name` leads to `first`, which has become a replica, and from now on to `second`. */
struct scene {
    struct world *world;
    struct sim_server *first, *second;
    struct engine *replica, *master;
};

static struct scene open_scene_with(
    const char *connections, const char *connect_timeout_ms, const char *max_inflight)
{
    struct scene s = {.world = world_new(71)};
    sim_dns_set(s.world->sim, "cache.example", "10.0.0.1");
    s.first = sim_server_add(s.world->sim, "10.0.0.1", 6379, ENGINE_REDIS);
    s.second = sim_server_add(s.world->sim, "10.0.0.2", 6379, ENGINE_REDIS);
    s.replica = sim_server_engine(s.first);
    s.master = sim_server_engine(s.second);
    world_option(s.world, "server", "redis://cache.example:6379");
    world_option(s.world, "connections", connections);
    world_option(s.world, "connect_timeout_ms", connect_timeout_ms);
    world_option(s.world, "max_inflight", max_inflight);
    world_begin(s.world);
    struct world_reply *set = world_set(s.world, "k", "v");
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    engine_put(s.master, 0, "k", rc_slice_text("v"), 0);
    engine_set_mood(s.replica, ENGINE_REPLICA);
    return s;
}

static struct scene open_scene(const char *connections)
{
    return open_scene_with(connections, "1000", "1024");
}

static void fail_over(const struct scene *s)
{
    sim_dns_set(s->world->sim, "cache.example", "10.0.0.2");
}

static void assert_refused(const struct world_reply *reply)
{
    assert_reply(reply, RINGCACHE_ESERVER);
    assert_string_equal(reply->message, "READONLY You can't write against a read only replica.");
    assert_int_equal(reply->maybe_applied, 0);
}

static size_t outages(const struct scene *s)
{
    return world_count(s->world, RINGCACHE_EVENT_DOWN) +
           world_count(s->world, RINGCACHE_EVENT_EJECTED) +
           world_count(s->world, RINGCACHE_EVENT_CONNECTING) - 1;
}

static void the_new_master_is_found_and_reads_never_fail(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    fail_over(&s);
    sim_dns_delay(s.world->sim, "cache.example", 20);
    struct world_reply *set = world_set(s.world, "k", "w");
    world_settle(s.world, 10);
    assert_refused(set);
    uint64_t refused_at = world_now(s.world);
    for (uint64_t ms = 0; ms < 40; ms++) {
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, 1);
        assert_value(get, "v");
    }
    assert_int_equal(sim_server_connects(s.second), 1);
    assert_int_equal(sim_server_connections(s.first), 0);
    set = world_set(s.world, "k", "w");
    world_settle(s.world, 10);
    assert_reply(set, RINGCACHE_OK);
    assert_true(world_now(s.world) < refused_at + 45);
    assert_string_equal((const char *)engine_get(s.master, 0, "k")->value, "w");
    assert_int_equal(outages(&s), 0);
    world_end(s.world);
}

/* What a script of ours may not change is refused as what a plain command may not. */
static void every_kind_of_write_finds_it(void **state)
{
    static const ringcache_request writes[] = {
        {.op = RINGCACHE_SET, .key = {"k", 1}, .value = {"x", 1}},
        {.op = RINGCACHE_DELETE, .key = {"k", 1}},
        {.op = RINGCACHE_APPEND, .key = {"k", 1}, .value = {"x", 1}},
        {.op = RINGCACHE_TOUCH, .key = {"k", 1}, .ttl_ms = 1000},
        {.op = RINGCACHE_TOUCH, .key = {"k", 1}},
        {.op = RINGCACHE_GET_AND_TOUCH, .key = {"k", 1}, .ttl_ms = 1000},
        {.op = RINGCACHE_INCREMENT, .options = RINGCACHE_WITH_INITIAL, .key = {"n", 1}, .delta = 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        struct scene s = open_scene("1");
        fail_over(&s);
        struct world_reply *refused = world_submit(s.world, &writes[i], NULL);
        world_settle(s.world, 10);
        assert_refused(refused);
        world_run_for(s.world, 10);
        struct world_reply *done = world_submit(s.world, &writes[i], NULL);
        world_settle(s.world, 10);
        assert_reply(done, RINGCACHE_OK);
        assert_int_equal(sim_server_connects(s.second), 1);
        world_end(s.world);
    }
}

static void a_replica_that_stays_one_is_connected_to_anew_once_a_second(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    for (uint64_t ms = 0; ms < 5000; ms += 10) {
        struct world_reply *set = world_set(s.world, "k", "w");
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, 10);
        assert_refused(set);
        assert_value(get, "v");
    }
    assert_int_equal(sim_server_connects(s.first), 1 + 5);
    assert_int_equal(sim_server_connections(s.first), 1);
    assert_int_equal(outages(&s), 0);
    /* to the millisecond */
    world_run_for(s.world, 1000);
    world_set(s.world, "k", "w");
    world_run_for(s.world, 999);
    assert_int_equal(sim_server_connects(s.first), 1 + 6);
    world_set(s.world, "k", "w");
    world_run_for(s.world, 1);
    assert_int_equal(sim_server_connects(s.first), 1 + 6);
    world_set(s.world, "k", "w");
    world_run_for(s.world, 5);
    assert_int_equal(sim_server_connects(s.first), 1 + 7);
    world_end(s.world);
}

static void reads_alone_renew_nothing(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    fail_over(&s);
    for (int i = 0; i < 100; i++) {
        world_get(s.world, "k");
        world_run_for(s.world, 20);
    }
    assert_int_equal(sim_server_connects(s.first), 1);
    assert_int_equal(sim_server_connects(s.second), 0);
    world_end(s.world);
}

/* Both are far away and near: what the old connection was sent is answered 60 ms later, the new one
 * is greeted within 3. */
static struct world_reply *begin_drain(struct scene *s)
{
    fail_over(s);
    sim_server_slow(s->first, 30000);
    struct world_reply *refused = world_set(s->world, "k", "w0");
    world_settle(s->world, 100);
    assert_refused(refused);
    return refused;
}

static void what_the_old_connection_was_sent_it_answers_before_newer_writes_go(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    begin_drain(&s);
    uint64_t began = world_now(s.world);
    struct world_reply *read = world_get(s.world, "k");
    struct world_reply *write = world_set(s.world, "k", "w1");
    world_run_for(s.world, 10);
    assert_int_equal(sim_server_connects(s.second), 1);
    struct world_reply *newer = world_set(s.world, "k", "w2");
    struct world_reply *newest = world_get(s.world, "k");
    sim_run_until(s.world->sim, began + 59);
    assert_int_equal(newer->calls, 0);
    assert_int_equal(engine_count_keyed(s.master), 0);
    world_settle(s.world, 10);
    assert_value(read, "v");
    assert_refused(write);
    assert_reply(newer, RINGCACHE_OK);
    assert_value(newest, "w2");
    assert_in_range(newer->at_ms, write->at_ms, write->at_ms + 2);
    world_run_for(s.world, 100);
    assert_int_equal(sim_server_connections(s.first), 0);
    assert_int_equal(outages(&s), 0);
    world_end(s.world);
}

static void reads_under_way_keep_nobody_waiting(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    begin_drain(&s);
    struct world_reply *read = world_get(s.world, "k");
    world_run_for(s.world, 10);
    struct world_reply *newer = world_set(s.world, "k", "w2");
    world_run_for(s.world, 2);
    assert_reply(newer, RINGCACHE_OK);
    assert_int_equal(read->calls, 0);
    world_settle(s.world, 100);
    assert_value(read, "v");
    world_run_for(s.world, 100);
    assert_int_equal(sim_server_connections(s.first), 0);
    world_end(s.world);
}

/* The new machine says "not now" before the old one has answered: that is another matter, and who
 * drained is gone all the same. */
static void a_connection_that_drains_goes_while_the_new_one_stays(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    begin_drain(&s);
    struct world_reply *read = world_get(s.world, "k");
    world_run_for(s.world, 10);
    engine_set_mood(s.master, ENGINE_LOADING);
    struct world_reply *refused = world_get(s.world, "k");
    world_run_for(s.world, 5);
    assert_reply(refused, RINGCACHE_ESERVER);
    assert_int_equal(outages(&s), 1);
    assert_int_equal(read->calls, 0);
    world_run_for(s.world, 95);
    assert_value(read, "v");
    assert_int_equal(sim_server_connections(s.first), 0);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 1);
    assert_reply(get, RINGCACHE_EDOWN);
    engine_set_mood(s.master, ENGINE_SERVES);
    world_run_for(s.world, 1001);
    get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_value(get, "v");
    assert_int_equal(outages(&s), 1);
    world_end(s.world);
}

/* The connection that drains falls silent. With writes on it the server is out until it is known
 * what became of them; reads are given up and that is all. */
static void a_connection_that_drains_may_fall_silent(void **state)
{
    (void)state;
    for (int writes = 0; writes < 2; writes++) {
        struct scene s = open_scene("1");
        begin_drain(&s);
        uint64_t connection = sim_server_newest(s.first);
        sim_stall(s.first, connection, true);
        const ringcache_request asked = {.op = writes ? RINGCACHE_SET : RINGCACHE_GET,
            .key = {"k", 1},
            .value = {"w1", writes ? 2 : 0},
            .timeout_ms = 60000};
        struct world_reply *stuck = world_submit(s.world, &asked, NULL);
        world_run_for(s.world, 10);
        struct world_reply *newer = world_set(s.world, "k", "w2");
        world_run_for(s.world, 1200);
        assert_int_equal(newer->calls, 1);
        if (writes) {
            assert_int_equal(world_count(s.world, RINGCACHE_EVENT_EJECTED), 1);
            assert_int_equal(engine_count_keyed(s.master), 0);
            sim_stall(s.first, connection, false);
            world_run_for(s.world, 1200);
            assert_refused(stuck);
        } else {
            assert_reply(stuck, RINGCACHE_ECONNECT);
            assert_reply(newer, RINGCACHE_OK);
            assert_int_equal(outages(&s), 0);
        }
        struct world_reply *set = world_set(s.world, "k", "w3");
        world_settle(s.world, 1000);
        assert_reply(set, RINGCACHE_OK);
        assert_string_equal((const char *)engine_get(s.master, 0, "k")->value, "w3");
        world_end(s.world);
    }
}

/* What the old machine says on its way out is not said of the new one. */
static void a_connection_that_drains_speaks_for_itself_alone(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    begin_drain(&s);
    struct world_reply *read = world_get(s.world, "k");
    world_run_for(s.world, 10);
    engine_set_mood(s.replica, ENGINE_LOADING);
    for (int i = 0; i < 20; i++) {
        struct world_reply *newer = world_set(s.world, "k", "w2");
        world_run_for(s.world, 5);
        assert_reply(newer, RINGCACHE_OK);
    }
    assert_reply(read, RINGCACHE_ESERVER);
    assert_int_equal(outages(&s), 0);
    world_end(s.world);
}

/* The old connection was silent before the new one was greeted: then it is judged like any silent
 * one, and does not linger among those that drain. */
static void a_silent_connection_is_not_left_to_drain(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    fail_over(&s);
    sim_dns_delay(s.world->sim, "cache.example", 700);
    struct world_reply *set = world_set(s.world, "k", "w");
    world_settle(s.world, 10);
    assert_refused(set);
    sim_stall(s.first, sim_server_newest(s.first), true);
    world_get(s.world, "k");
    world_run_for(s.world, 4000);
    sim_dns_delay(s.world->sim, "cache.example", 0);
    world_run_for(s.world, 2000);
    set = world_set(s.world, "k", "w");
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    assert_int_equal(sim_client_streams(s.world->host), 1);
    world_end(s.world);
}

static void a_new_connection_that_fails_changes_nothing(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct scene s = open_scene("1");
        fail_over(&s);
        if (how == 0) {
            sim_server_kill(s.second);
        } else if (how == 1) {
            sim_server_stop(s.second);
        } else if (how == 2) {
            engine_set_mood(s.master, ENGINE_LOADING);
        } else {
            sim_dns_fail(s.world->sim, "cache.example", SIM_EAI_NONAME);
        }
        struct world_reply *set = world_set(s.world, "k", "w");
        world_settle(s.world, 10);
        assert_refused(set);
        for (int i = 0; i < 120; i++) {
            struct world_reply *get = world_get(s.world, "k");
            world_run_for(s.world, 10);
            assert_value(get, "v");
        }
        assert_int_equal(outages(&s), 0);
        set = world_set(s.world, "k", "w");
        world_settle(s.world, 10);
        assert_refused(set);
        world_end(s.world);
    }
}

static void a_new_connection_that_takes_long_is_the_only_one(void **state)
{
    (void)state;
    struct scene s = open_scene_with("1", "5000", "1024");
    fail_over(&s);
    sim_server_stop(s.second);
    for (int second = 0; second < 3; second++) {
        struct world_reply *set = world_set(s.world, "k", "w");
        world_run_for(s.world, 1100);
        assert_refused(set);
        assert_int_equal(sim_server_connects(s.second), 1);
    }
    sim_server_continue(s.second);
    world_run_for(s.world, 10);
    struct world_reply *set = world_set(s.world, "k", "w");
    world_settle(s.world, 10);
    assert_reply(set, RINGCACHE_OK);
    assert_int_equal(sim_server_connects(s.second), 1);
    assert_int_equal(sim_client_streams(s.world->host), 1);
    world_end(s.world);
}

/* The old connection ended meanwhile, and the name led to the new master already. */
static void a_connection_younger_than_the_new_one_stays(void **state)
{
    (void)state;
    struct scene s = open_scene("1");
    uint64_t old = sim_server_newest(s.first);
    sim_server_pause_accept(s.first, true);
    struct world_reply *set = world_set(s.world, "k", "w");
    world_settle(s.world, 10);
    assert_refused(set);
    world_run_for(s.world, 10);
    fail_over(&s);
    sim_end(s.first, old, SIM_FIN);
    world_run_for(s.world, 10);
    assert_int_equal(sim_server_connections(s.second), 1);
    sim_server_pause_accept(s.first, false);
    world_run_for(s.world, 2000);
    assert_int_equal(sim_server_connections(s.first), 0);
    assert_int_equal(sim_server_connections(s.second), 1);
    set = world_set(s.world, "k", "w");
    world_settle(s.world, 10);
    assert_reply(set, RINGCACHE_OK);
    world_end(s.world);
}

/* What the old connection still owed goes on the new one, which owes as much as it may already. */
static void the_bound_on_requests_holds_behind_a_renewal(void **state)
{
    (void)state;
    enum { BOUND = 64 };
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}};
    struct scene s = open_scene_with("1", "1000", "64");
    const struct rc_lane *lane = &s.world->client->table->all[0]->lanes[0];
    struct world_reply *place, *set = world_set(s.world, "k", "w");
    uint64_t old = sim_server_newest(s.first);
    while (set->calls == 0) {
        assert_true(sim_step(s.world->sim));
    }
    sim_stall(s.first, old, true);
    while (world_try(s.world, &get, NULL, &place) == 0) {
    }
    world_run_for(s.world, 20);
    uint64_t renewed = sim_server_newest(s.first);
    assert_true(renewed != old);
    sim_stall(s.first, renewed, true);
    while (world_try(s.world, &get, NULL, &place) == 0) {
    }
    world_run_for(s.world, 2);
    sim_end(s.first, old, SIM_RST);
    world_run_for(s.world, 2);
    assert_int_equal(lane->conn->pipeline.count, BOUND);
    assert_int_equal(lane->waiting_count, BOUND);
    sim_stall(s.first, renewed, false);
    while (s.world->answered < s.world->submitted) {
        assert_true(sim_step(s.world->sim) && lane->conn->pipeline.count <= BOUND);
    }
    for (size_t i = 2; i < s.world->submitted; i++) {
        assert_value(&s.world->replies[i], "v");
    }
    world_end(s.world);
}

static void all_of_several_connections_are_renewed(void **state)
{
    (void)state;
    struct scene s = open_scene("3");
    for (int i = 0; i < 30; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        world_get(s.world, key);
    }
    world_settle(s.world, 20);
    assert_int_equal(sim_server_connections(s.first), 3);
    fail_over(&s);
    struct world_reply *set = world_set(s.world, "k", "w");
    world_settle(s.world, 10);
    assert_refused(set);
    world_run_for(s.world, 20);
    assert_int_equal(sim_server_connections(s.first), 0);
    assert_int_equal(sim_server_connections(s.second), 3);
    for (int i = 0; i < 30; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        set = world_set(s.world, key, "w");
        world_settle(s.world, 10);
        assert_reply(set, RINGCACHE_OK);
    }
    world_end(s.world);
}

/* At every moment of a renewal: the old connection is lost, the server falls silent, loads, leaves,
 * the client closes. */
static void interrupt(struct scene *s, int how)
{
    switch (how) {
    case 0:
        if (sim_server_newest(s->first) != 0) {
            sim_end(s->first, sim_server_newest(s->first), SIM_RST);
        }
        break;
    case 1:
        sim_server_stop(s->first);
        break;
    case 2:
        engine_set_mood(s->replica, ENGINE_LOADING);
        break;
    case 3:
        sim_server_kill(s->second);
        break;
    case 4:
        assert_int_equal(ringcache_server_remove(s->world->client, "cache.example:6379"), 0);
        break;
    default:
        world_close(s->world);
        break;
    }
}

static void a_renewal_may_be_interrupted_at_any_moment(void **state)
{
    (void)state;
    for (int how = 0; how < 6; how++) {
        for (unsigned steps = 0; steps < 60; steps++) {
            struct scene s = open_scene(steps % 2 == 0 ? "1" : "2");
            fail_over(&s);
            world_set(s.world, "k", "w0");
            world_get(s.world, "k");
            world_set(s.world, "other", "w1");
            for (unsigned n = 0; n < steps; n++) {
                sim_step(s.world->sim);
            }
            interrupt(&s, how);
            if (how < 4) {
                world_set(s.world, "k", "w2");
            }
            world_run_for(s.world, 3000);
            sim_server_continue(s.first);
            engine_set_mood(s.replica, ENGINE_REPLICA);
            sim_server_restart(s.second, true);
            world_run_for(s.world, 5000);
            if (how < 4) {
                struct world_reply *get = world_get(s.world, "k");
                world_settle(s.world, 1000);
                assert_true(get->status == RINGCACHE_OK || get->status == RINGCACHE_MISS);
            }
            world_end(s.world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_new_master_is_found_and_reads_never_fail),
        cmocka_unit_test(every_kind_of_write_finds_it),
        cmocka_unit_test(a_replica_that_stays_one_is_connected_to_anew_once_a_second),
        cmocka_unit_test(reads_alone_renew_nothing),
        cmocka_unit_test(what_the_old_connection_was_sent_it_answers_before_newer_writes_go),
        cmocka_unit_test(reads_under_way_keep_nobody_waiting),
        cmocka_unit_test(a_connection_that_drains_goes_while_the_new_one_stays),
        cmocka_unit_test(a_connection_that_drains_may_fall_silent),
        cmocka_unit_test(a_connection_that_drains_speaks_for_itself_alone),
        cmocka_unit_test(a_silent_connection_is_not_left_to_drain),
        cmocka_unit_test(a_new_connection_that_fails_changes_nothing),
        cmocka_unit_test(a_new_connection_that_takes_long_is_the_only_one),
        cmocka_unit_test(a_connection_younger_than_the_new_one_stays),
        cmocka_unit_test(the_bound_on_requests_holds_behind_a_renewal),
        cmocka_unit_test(all_of_several_connections_are_renewed),
        cmocka_unit_test(a_renewal_may_be_interrupted_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
