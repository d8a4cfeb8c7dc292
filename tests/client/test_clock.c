/* SPDX-License-Identifier: MIT */
/* Somebody sets the wall clock, back or forward by a year: nothing that is measured here depends on
 * it. */
#include "world.h"

enum { TIMEOUT = 500, LEAPS = 4 };

static const int64_t leaps_s[LEAPS] = {-INT64_C(366) * 86400, -1, 1, INT64_C(366) * 86400};

struct scene {
    struct world *world;
    struct sim_server *server;
};

static void open_scene(struct scene *s)
{
    s->world = world_new(95);
    s->server = world_memcached(s->world, "10.0.0.1", 11211);
    world_begin(s->world);
    struct world_reply *set = world_set(s->world, "k", "v");
    world_settle(s->world, 100);
    assert_reply(set, RINGCACHE_OK);
}

static void a_leap_of_the_wall_clock_moves_no_deadline(void **state)
{
    (void)state;
    for (int i = 0; i < LEAPS; i++) {
        struct scene s;
        open_scene(&s);
        sim_server_stop(s.server);
        uint64_t began = world_now(s.world);
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, TIMEOUT / 2);
        sim_client_leap(s.world->host, leaps_s[i]);
        sim_run_until(s.world->sim, began + TIMEOUT - 1);
        assert_int_equal(get->calls, 0);
        sim_run_until(s.world->sim, began + TIMEOUT);
        assert_reply(get, RINGCACHE_ETIMEDOUT);
        assert_in_range(get->elapsed_us, (TIMEOUT - 1) * 1000, TIMEOUT * 1000);
        world_end(s.world);
    }
}

static void a_leap_of_the_wall_clock_moves_no_ejection_and_no_return(void **state)
{
    (void)state;
    for (int i = 0; i < LEAPS; i++) {
        struct scene s;
        open_scene(&s);
        sim_server_stop(s.server);
        uint64_t began = world_now(s.world);
        world_get(s.world, "k");
        world_run_for(s.world, TIMEOUT + 100);
        sim_client_leap(s.world->host, leaps_s[i]);
        sim_run_until(s.world->sim, began + 2 * TIMEOUT - 1);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_EJECTED), 0);
        sim_run_until(s.world->sim, began + 2 * TIMEOUT + 1);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_EJECTED), 1);
        sim_client_leap(s.world->host, -leaps_s[i]);
        sim_server_continue(s.server);
        world_run_for(s.world, 1000);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_READMITTED), 1);
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 10);
        assert_value(get, "v");
        world_end(s.world);
    }
}

/* Up to thirty days a time to live is a number of seconds, to which no clock of ours is asked. */
static void a_leap_of_the_wall_clock_moves_no_end_of_a_value(void **state)
{
    (void)state;
    for (int i = 0; i < LEAPS; i++) {
        struct scene s;
        open_scene(&s);
        sim_client_leap(s.world->host, leaps_s[i]);
        const ringcache_request set = {
            .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"w", 1}, .ttl_ms = 30000};
        struct world_reply *stored = world_submit(s.world, &set, NULL);
        world_run_for(s.world, 28000);
        assert_reply(stored, RINGCACHE_OK);
        struct world_reply *before = world_get(s.world, "k");
        world_run_for(s.world, 4000);
        struct world_reply *after = world_get(s.world, "k");
        world_settle(s.world, 10);
        assert_value(before, "w");
        assert_reply(after, RINGCACHE_MISS);
        world_end(s.world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leap_of_the_wall_clock_moves_no_deadline),
        cmocka_unit_test(a_leap_of_the_wall_clock_moves_no_ejection_and_no_return),
        cmocka_unit_test(a_leap_of_the_wall_clock_moves_no_end_of_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
