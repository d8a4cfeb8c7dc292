/* SPDX-License-Identifier: MIT */
/* Of several connections each has its own order: neither the mark that divides old from new, nor a
 * flush, nor a delete of the journal's may pass a write that was sent on another one before. */
#include "world.h"

#include <stdio.h>

enum { SOON_MS = 20 };

/* One server of two connections. `k` and `l` are "v0", each on a connection of its own. */
struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
    char k[32], l[32];
    uint64_t of_k, of_l;
};

static void key_of_lane(struct scene *s, uint32_t lane, char key[32])
{
    for (unsigned i = 0;; i++) {
        int len = snprintf(key, 32, "key%u", i);
        const struct rc_slice route = rc_slice(key, (size_t)len);
        if (rc_table_owner(s->world->client->table, route).lane % 2 == lane) {
            return;
        }
    }
}

static uint64_t connect_by(struct scene *s, const char *key)
{
    struct world_reply *set = world_set(s->world, key, "v0");
    world_settle(s->world, 100);
    assert_reply(set, RINGCACHE_OK);
    return sim_server_newest(s->server);
}

static struct scene begin(world_add add, const char *on_overflow)
{
    struct scene s = {.world = world_new(31)};
    world_option(s.world, "connections", "2");
    world_option(s.world, "timeout_ms", "2000");
    world_option(s.world, "on_overflow", on_overflow);
    s.server = add(s.world, "10.0.0.1", 11000);
    s.engine = sim_server_engine(s.server);
    world_begin(s.world);
    key_of_lane(&s, 0, s.k);
    key_of_lane(&s, 1, s.l);
    s.of_k = connect_by(&s, s.k);
    s.of_l = connect_by(&s, s.l);
    assert_int_not_equal(s.of_k, s.of_l);
    return s;
}

/* Any key of the server may be out of date from here on. */
static void miss_something(struct scene *s)
{
    rc_server_hear_gap(s->world->client->table->all[0]);
}

static void expect(struct scene *s, const char *key, const char *value)
{
    struct world_reply *get = world_get(s->world, key);
    world_settle(s->world, 1000);
    if (value != NULL) {
        assert_value(get, value);
    } else {
        assert_reply(get, RINGCACHE_MISS);
    }
}

static void until_asked(struct scene *s, const char *verb, uint64_t count)
{
    while (engine_count(s->engine, verb) < count) {
        assert_true(sim_step(s->world->sim));
    }
}

/* Both connections mark at once, and the id of the first mark is told behind that of the second. */
static void two_marks_that_cross_leave_nothing_old(void **state)
{
    (void)state;
    struct scene s = begin(world_memcached, "hold");
    const uint64_t sets = engine_count(s.engine, "ms"), gets = engine_count(s.engine, "mg");
    sim_stall(s.server, s.of_l, true);
    miss_something(&s);
    until_asked(&s, "ms", sets + 1);
    sim_swap_replies(s.server, s.of_k, true); /* what is told next waits */
    until_asked(&s, "mg", gets + 1);
    sim_stall(s.server, s.of_l, false);
    until_asked(&s, "mg", gets + 2);
    world_run_for(s.world, 1);
    sim_swap_replies(s.server, s.of_k, false);
    world_run_for(s.world, SOON_MS);
    expect(&s, s.k, NULL);
    expect(&s, s.l, NULL);
    assert_int_equal(connect_by(&s, s.k), s.of_l);
    expect(&s, s.k, "v0");
    world_end(s.world);
}

/* It is older than what was missed: it would look new behind the mark, and stay behind a flush. */
static void what_was_sent_on_another_connection_is_not_passed(void **state)
{
    static const world_add adds[] = {world_memcached, world_redis};
    (void)state;
    for (size_t i = 0; i < sizeof adds / sizeof *adds; i++) {
        struct scene s = begin(adds[i], "flush");
        sim_stall(s.server, s.of_l, true);
        struct world_reply *sent = world_set(s.world, s.l, "v1");
        world_run_for(s.world, 1);
        miss_something(&s);
        world_run_for(s.world, SOON_MS);
        sim_stall(s.server, s.of_l, false);
        const uint64_t since_ms = world_now(s.world);
        expect(&s, s.k, NULL);
        assert_in_range(world_now(s.world), since_ms, since_ms + SOON_MS); /* no pause is made */
        assert_reply(sent, RINGCACHE_OK);
        expect(&s, s.l, NULL);
        world_end(s.world);
    }
}

/* By its own word the server is out of service, and its connections stay. One has sent half of a
 * write, and a later one to the same key is refused. */
static void what_is_half_sent_where_the_server_says_not_now_is_not_passed(void **state)
{
    static const char large[300000];
    (void)state;
    struct scene s = begin(world_redis, "hold");
    sim_stall(s.server, s.of_l, true);
    const ringcache_request half = {
        .op = RINGCACHE_SET, .key = {s.l, strlen(s.l)}, .value = {large, sizeof large}};
    struct world_reply *older = world_submit(s.world, &half, NULL);
    world_run_for(s.world, 1);
    engine_set_mood(s.engine, ENGINE_LOADING);
    (void)world_get(s.world, s.k);
    world_run_for(s.world, 1);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    struct world_reply *newer = world_set(s.world, s.l, "v2");
    world_run_for(s.world, 1);
    assert_reply(newer, RINGCACHE_EDOWN);
    engine_set_mood(s.engine, ENGINE_SERVES);
    world_run_for(s.world, 200); /* it is asked once more, and answers */
    assert_int_equal(older->calls, 0);
    sim_stall(s.server, s.of_l, false);
    world_run_for(s.world, 1000);
    assert_reply(older, RINGCACHE_OK);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_UP), 2);
    expect(&s, s.l, NULL);
    expect(&s, s.k, "v0");
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_marks_that_cross_leave_nothing_old),
        cmocka_unit_test(what_was_sent_on_another_connection_is_not_passed),
        cmocka_unit_test(what_is_half_sent_where_the_server_says_not_now_is_not_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
