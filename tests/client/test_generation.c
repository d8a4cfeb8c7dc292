/* SPDX-License-Identifier: MIT */
/* Old connections must not undo new writes: a connection that holds unanswered writes keeps newer
 * ones out until it answered its fence, its peer ended it, or Redis confirmed its end; or for
 * fence_limit_ms (test_doubt.c). */
#include "world.h"

#include <errno.h>
#include <stdio.h>

/* One server, and the connection on which `set k v1` is stuck. */
struct stuck {
    struct world *world;
    struct sim_server *server;
    uint64_t connection;
    struct world_reply *first;
};

static struct stuck begin_stuck(
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port))
{
    struct stuck s = {.world = world_new(21)};
    s.server = add(s.world, "10.0.0.1", 11000);
    world_begin(s.world);
    struct world_reply *set = world_set(s.world, "k", "v0");
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    s.connection = sim_server_newest(s.server);
    sim_stall(s.server, s.connection, true);
    s.first = world_set(s.world, "k", "v1");
    return s;
}

/* Ask for `set k v2` until it is acknowledged; when that was, or 0 within `ms`. */
static uint64_t write_second(struct world *world, uint64_t ms)
{
    for (uint64_t until = world_now(world) + ms; world_now(world) < until;) {
        struct world_reply *set = world_set(world, "k", "v2");
        world_settle(world, 1000);
        if (set->status == RINGCACHE_OK) {
            return world_now(world);
        }
        world_run_for(world, 20);
    }
    return 0;
}

static void finish(struct stuck *s, const char *expected)
{
    world_run_for(s->world, 2000);
    struct world_reply *get = world_get(s->world, "k");
    world_settle(s->world, 1000);
    assert_value(get, expected);
    assert_string_equal(
        (const char *)engine_get(sim_server_engine(s->server), 0, "k")->value, expected);
    world_end(s->world);
}

static void a_stuck_connection_keeps_newer_writes_out_on_memcached(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    /* The probe is answered all the while. */
    assert_int_equal(write_second(s.world, 8000), 0);
    assert_reply(s.first, RINGCACHE_ETIMEDOUT);
    assert_int_equal(s.first->maybe_applied, 1);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 1);
    assert_reply(get, RINGCACHE_EDOWN); /* at once: nobody waits for a deadline */
    sim_stall(s.server, s.connection, false);
    assert_true(write_second(s.world, 1000) > 0);
    finish(&s, "v2");
}

static void a_stuck_connection_is_killed_on_redis(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_redis);
    uint64_t began = world_now(s.world);
    uint64_t acknowledged = write_second(s.world, 8000);
    assert_true(acknowledged > 0 && acknowledged < began + 1500);
    assert_true(engine_count(sim_server_engine(s.server), "client") >= 3);
    finish(&s, "v2");
}

static void a_redis_that_refuses_client_kill_stays_out(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_redis);
    world_run_for(s.world, 100);
    /* The next CLIENT ID is the probe's, and so is CLIENT KILL: both refused, so identity is
     * unknown. */
    engine_answer_next(sim_server_engine(s.server), "client", 1000, "-NOPERM no permission\r\n");
    assert_int_equal(write_second(s.world, 5000), 0);
    sim_stall(s.server, s.connection, false);
    assert_true(write_second(s.world, 1000) > 0);
    finish(&s, "v2");
}

/* The probe asks for its number first, then for the end of the old connection. */
static void a_probe_without_a_proper_answer_to_client_kill_proves_nothing(void **state)
{
    (void)state;
    static const char *const answers[] = {NULL, "$4\r\nwhat\r\n"}; /* NULL: it is hung up on */
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct stuck s = begin_stuck(world_redis);
        struct engine *engine = sim_server_engine(s.server);
        while (engine_count(engine, "client") < 2) {
            assert_true(sim_step(s.world->sim));
        }
        engine_answer_next(engine, "client", 1, answers[i]);
        world_run_for(s.world, 5);
        assert_int_equal(engine_count(engine, "client"), 3);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
        assert_true(sim_server_holds(s.server, s.connection));
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 1);
        assert_reply(get, RINGCACHE_EDOWN);
        assert_true(write_second(s.world, 1000) > 0); /* the next probe is told properly */
        assert_false(sim_server_holds(s.server, s.connection));
        finish(&s, "v2");
    }
}

static void a_stuck_connection_that_the_peer_ends_lets_them_in(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    assert_int_equal(write_second(s.world, 2000), 0);
    sim_end(s.server, s.connection, SIM_RST);
    assert_true(write_second(s.world, 1200) > 0);
    finish(&s, "v2");
}

static void a_connection_given_up_is_read_to_its_end_first(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    world_run_for(s.world, 5);
    sim_inject(s.server, s.connection, rc_slice_text("WHAT\r\n"));
    world_run_for(s.world, 5);
    assert_reply(s.first, RINGCACHE_EPROTOCOL);
    assert_int_equal(s.first->maybe_applied, 1);
    struct world_reply *second = world_set(s.world, "k", "v2");
    world_run_for(s.world, 200);
    assert_int_equal(second->calls, 0); /* it waits: the old one may still be carried out */
    sim_stall(s.server, s.connection, false);
    world_run_for(s.world, 10);
    assert_reply(second, RINGCACHE_OK);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
    finish(&s, "v2");
}

static void a_connection_given_up_that_does_not_end_takes_the_server_out(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    world_run_for(s.world, 5);
    sim_inject(s.server, s.connection, rc_slice_text("WHAT\r\n"));
    world_run_for(s.world, 600);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_EJECTED), 1);
    assert_int_equal(write_second(s.world, 2000), 0);
    sim_stall(s.server, s.connection, false);
    assert_true(write_second(s.world, 1200) > 0);
    finish(&s, "v2");
}

static void what_our_own_kernel_gave_up_is_waited_for(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    world_run_for(s.world, 5);
    uint64_t began = world_now(s.world);
    sim_local_error(s.server, s.connection, -ETIMEDOUT);
    world_run_for(s.world, 5);
    assert_reply(s.first, RINGCACHE_ECONNECT);
    assert_int_equal(s.first->maybe_applied, 1);
    uint64_t acknowledged = write_second(s.world, 80000);
    assert_true(acknowledged >= began + 10000 && acknowledged < began + 12000);
    world_run_for(s.world, 60000); /* until then what was acknowledged cannot be read */
    write_second(s.world, 100);
    finish(&s, "v2");
}

static void reads_alone_keep_nobody_out(void **state)
{
    (void)state;
    struct world *world = world_new(22);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    sim_stall(server, sim_server_newest(server), true);
    struct world_reply *get = world_get(world, "k");
    world_run_for(world, 520);
    assert_reply(get, RINGCACHE_ETIMEDOUT);
    struct world_reply *set = world_set(world, "k", "v1");
    world_settle(world, 20);
    assert_reply(set, RINGCACHE_OK);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 0);
    world_end(world);
}

static void what_never_left_is_taken_back_and_said_to_be_unapplied(void **state)
{
    (void)state;
    struct world *world = world_new(23);
    struct sim_server *server = world_redis(world, "10.0.0.1", 6379);
    world_option(world, "timeout_ms", "2000");
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    /* Far more than the kernels' buffers hold. */
    static char big[100000];
    memset(big, 'x', sizeof big);
    sim_server_stop(server);
    struct world_reply *sets[20];
    for (int i = 0; i < 20; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        ringcache_request set = {.op = RINGCACHE_SET,
            .key = {key, strlen(key)},
            .value = {big, sizeof big},
            .timeout_ms = 60000};
        sets[i] = world_submit(world, &set, NULL);
    }
    world_run_for(world, 6000);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 1);
    assert_reply(sets[0], RINGCACHE_EDOWN);
    assert_int_equal(sets[0]->maybe_applied, 1);
    assert_reply(sets[19], RINGCACHE_EDOWN);
    assert_int_equal(sets[19]->maybe_applied, 0);
    sim_server_continue(server);
    world_run_for(world, 3000);
    assert_null(engine_get(sim_server_engine(server), 0, "k19"));
    assert_int_equal(world_count(world, RINGCACHE_EVENT_READMITTED), 1);
    for (int i = 0; i < 20; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        if (engine_get(sim_server_engine(server), 0, key) != NULL) {
            assert_int_equal(sets[i]->maybe_applied, 1);
        }
    }
    world_end(world);
}

static void a_server_that_left_and_came_back_still_waits_for_its_old_writes(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    world_run_for(s.world, 600);
    assert_int_equal(ringcache_server_remove(s.world->client, "10.0.0.1:11000"), 0);
    world_run_for(s.world, 1500);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 0);
    assert_int_equal(ringcache_server_add(s.world->client, "memcached://10.0.0.1:11000"), 0);
    assert_int_equal(write_second(s.world, 2000), 0);
    sim_stall(s.server, s.connection, false);
    assert_true(write_second(s.world, 1200) > 0);
    finish(&s, "v2");
}

static void a_server_that_left_lingers_for_a_minute_at_most(void **state)
{
    (void)state;
    struct stuck s = begin_stuck(world_memcached);
    world_run_for(s.world, 600);
    assert_int_equal(ringcache_server_remove(s.world->client, "10.0.0.1:11000"), 0);
    world_run_for(s.world, 59000);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 0);
    world_run_for(s.world, 1500);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stuck_connection_keeps_newer_writes_out_on_memcached),
        cmocka_unit_test(a_stuck_connection_is_killed_on_redis),
        cmocka_unit_test(a_redis_that_refuses_client_kill_stays_out),
        cmocka_unit_test(a_probe_without_a_proper_answer_to_client_kill_proves_nothing),
        cmocka_unit_test(a_stuck_connection_that_the_peer_ends_lets_them_in),
        cmocka_unit_test(a_connection_given_up_is_read_to_its_end_first),
        cmocka_unit_test(a_connection_given_up_that_does_not_end_takes_the_server_out),
        cmocka_unit_test(what_our_own_kernel_gave_up_is_waited_for),
        cmocka_unit_test(reads_alone_keep_nobody_out),
        cmocka_unit_test(what_never_left_is_taken_back_and_said_to_be_unapplied),
        cmocka_unit_test(a_server_that_left_and_came_back_still_waits_for_its_old_writes),
        cmocka_unit_test(a_server_that_left_lingers_for_a_minute_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
