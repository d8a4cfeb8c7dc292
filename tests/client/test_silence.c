/* SPDX-License-Identifier: MIT */
/* What counts as silence, what follows from it, and what does not: to the millisecond. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "ringcache/stats.h"

enum { TIMEOUT = 500 };

/* One client and one server that was asked once. */
struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
    uint64_t connection;
    uint64_t began; /* when its silence did */
    int stalls;     /* probes that are still to fall silent */
};

static struct world_reply *get_with(struct world *world, const char *key, uint32_t timeout_ms)
{
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = {key, strlen(key)}, .timeout_ms = timeout_ms};
    return world_submit(world, &get, NULL);
}

static void begin_scene(struct scene *s, struct world *world, struct sim_server *server)
{
    *s = (struct scene){.world = world, .server = server, .engine = sim_server_engine(server)};
    world_begin(world);
    struct world_reply *get = get_with(world, "k", 5000);
    world_settle(world, 5000);
    assert_reply(get, RINGCACHE_MISS);
    s->connection = sim_server_newest(server);
    s->began = world_now(world);
}

static void open_memcached(struct scene *s)
{
    struct world *world = world_new(71);
    begin_scene(s, world, world_memcached(world, "10.0.0.1", 11211));
}

static void open_redis(struct scene *s)
{
    struct world *world = world_new(72);
    begin_scene(s, world, world_redis(world, "10.0.0.1", 6379));
}

/* The second connection, the probe, is begun exactly that long after the silence began. */
static void assert_probed_after(struct scene *s, uint64_t ms)
{
    uint64_t connects = sim_server_connects(s->server);
    sim_run_until(s->world->sim, s->began + ms - 1);
    assert_int_equal(sim_server_connects(s->server), connects);
    sim_run_until(s->world->sim, s->began + ms + 1);
    assert_int_equal(sim_server_connects(s->server), connects + 1);
}

static void assert_state(struct scene *s, const char *state)
{
    ringcache_explanation *explanation;
    assert_int_equal(ringcache_explain(s->world->client, "k", 1, &explanation), 0);
    assert_string_equal(ringcache_explanation_state(explanation, 0), state);
    ringcache_explanation_free(explanation);
}

static void assert_ejected_after(struct scene *s, uint64_t ms)
{
    sim_run_until(s->world->sim, s->began + ms - 1);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_EJECTED), 0);
    sim_run_until(s->world->sim, s->began + ms);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_EJECTED), 1);
}

static size_t outages(const struct world *world)
{
    return world_count(world, RINGCACHE_EVENT_DOWN) + world_count(world, RINGCACHE_EVENT_EJECTED);
}

/* ---- how long ---- */

static void silence_is_probed_after_timeout_ms_and_ejected_after_twice_that(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    sim_server_stop(s.server);
    world_get(s.world, "k");
    assert_state(&s, "up");
    assert_probed_after(&s, TIMEOUT);
    assert_state(&s, "suspect");
    assert_ejected_after(&s, 2 * TIMEOUT);
    world_end(s.world);
}

static void a_timeout_below_fifty_counts_as_fifty(void **state)
{
    (void)state;
    struct scene s;
    struct world *world = world_new(73);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11211);
    world_option(world, "timeout_ms", "10");
    begin_scene(&s, world, server);
    sim_server_stop(s.server);
    struct world_reply *get = world_get(s.world, "k");
    sim_run_until(world->sim, s.began + 10);
    assert_reply(get, RINGCACHE_ETIMEDOUT);
    assert_probed_after(&s, 50);
    assert_ejected_after(&s, 100);
    world_end(s.world);
}

static void four_round_trips_are_no_silence(void **state)
{
    (void)state;
    struct scene s;
    struct world *world = world_new(74);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11211);
    sim_server_slow(server, 99900); /* 200 ms and back */
    world_option(world, "timeout_ms", "300");
    world_option(world, "connect_timeout_ms", "5000");
    begin_scene(&s, world, server);
    sim_server_stop(s.server);
    world_get(s.world, "k");
    sim_run_until(world->sim, s.began + 799);
    assert_int_equal(sim_server_connects(server), 1);
    sim_run_until(world->sim, s.began + 800 + 101);
    assert_int_equal(sim_server_connects(server), 2);
    world_end(s.world);
}

static void a_byte_in_the_middle_begins_it_anew(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    sim_stall(s.server, s.connection, true);
    world_get(s.world, "k");
    world_run_for(s.world, 400);
    sim_inject(s.server, s.connection, rc_slice_text("E"));
    assert_probed_after(&s, 400 + TIMEOUT);
    world_end(s.world);
}

static void a_reply_that_trickles_is_no_silence(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    sim_stall(s.server, s.connection, true);
    struct world_reply *get = get_with(s.world, "k", 20000);
    const char reply[] = "SERVER_ERROR wait\r\n";
    for (size_t i = 0; i + 1 < sizeof reply; i++) {
        assert_int_equal(get->calls, 0);
        world_run_for(s.world, TIMEOUT - 10);
        sim_inject(s.server, s.connection, rc_slice(reply + i, 1));
    }
    world_run_for(s.world, 1);
    assert_reply(get, RINGCACHE_ESERVER);
    assert_int_equal(sim_server_connects(s.server), 1);
    world_end(s.world);
}

static void a_reply_that_trickles_puts_no_deadline_off(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    sim_stall(s.server, s.connection, true);
    uint64_t asked = world_now(s.world);
    struct world_reply *get = get_with(s.world, "k", TIMEOUT);
    const char reply[] = "SERVER_ERROR wait\r\n";
    for (size_t i = 0; i + 1 < sizeof reply; i++) {
        world_run_for(s.world, TIMEOUT / 10);
        sim_inject(s.server, s.connection, rc_slice(reply + i, 1));
    }
    assert_reply(get, RINGCACHE_ETIMEDOUT);
    assert_int_equal(get->at_ms, asked + TIMEOUT);
    world_run_for(s.world, 1);
    assert_int_equal(sim_server_connects(s.server), 1);
    world_end(s.world);
}

static void an_upload_that_moves_is_no_silence(void **state)
{
    (void)state;
    struct scene s;
    struct world *world = world_new(75);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11211);
    sim_settings(world->sim)->send_bytes = 4096;
    sim_settings(world->sim)->receive_bytes = 4096;
    sim_server_slow(server, 20000);
    begin_scene(&s, world, server);
    const size_t size = 600000;
    void *value = calloc(1, size);
    assert_non_null(value);
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {value, size}, .timeout_ms = 60000};
    struct world_reply *reply = world_submit(world, &set, NULL);
    free(value);
    world_settle(world, 60000);
    assert_reply(reply, RINGCACHE_OK);
    assert_true(reply->at_ms > s.began + 4 * TIMEOUT);
    assert_int_equal(sim_server_connects(server), 1);
    world_end(s.world);
}

static void an_upload_that_stands_still_is_silence(void **state)
{
    (void)state;
    struct scene s;
    struct world *world = world_new(76);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11211);
    sim_settings(world->sim)->send_bytes = 4096;
    sim_settings(world->sim)->receive_bytes = 4096;
    begin_scene(&s, world, server);
    sim_server_stop(server);
    char value[60] = {0};
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {value, 60}, .timeout_ms = 60000};
    for (int i = 0; i < 200; i++) {
        world_submit(world, &set, NULL);
    }
    assert_probed_after(&s, TIMEOUT);
    assert_ejected_after(&s, 2 * TIMEOUT);
    world_end(s.world);
}

/* ---- of what ---- */

static void requests_that_timed_out_are_still_waited_for(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    sim_server_stop(s.server);
    struct world_reply *get = get_with(s.world, "k", 20);
    world_run_for(s.world, 20);
    assert_reply(get, RINGCACHE_ETIMEDOUT);
    assert_probed_after(&s, TIMEOUT);
    assert_ejected_after(&s, 2 * TIMEOUT);
    world_end(s.world);
}

static void a_server_with_nothing_due_may_be_silent(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    sim_server_stop(s.server);
    world_run_for(s.world, 600000);
    assert_int_equal(sim_server_connects(s.server), 1);
    assert_int_equal(outages(s.world), 0);
    world_end(s.world);
}

static void one_request_a_minute_is_enough_to_notice(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    for (int i = 0; i < 3; i++) {
        world_get(s.world, "k");
        world_run_for(s.world, 60000);
    }
    sim_server_stop(s.server);
    s.began = world_now(s.world);
    world_get(s.world, "k");
    assert_ejected_after(&s, 2 * TIMEOUT);
    world_end(s.world);
}

/* ---- our own loop ---- */

static void hold_up_the_loop(struct world *world, struct world_reply *reply)
{
    if (reply == &world->replies[1]) {
        sim_block(world->sim, 2000);
    }
}

static void a_late_loop_ends_nothing_that_was_answered_in_time(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    sim_server_add(s.world->sim, "10.0.0.2", 11211, ENGINE_MEMCACHED);
    s.world->on_reply = hold_up_the_loop;
    world_get(s.world, "k");
    world_run_for(s.world, 0);
    sim_server_slow(s.server, 10000); /* the others' answers come 10 ms into the pause */
    for (int i = 0; i < 20; i++) {
        world_get(s.world, "k");
    }
    world_settle(s.world, 3000);
    assert_true(world_now(s.world) >= s.began + 2000);
    for (size_t i = 1; i < s.world->submitted; i++) {
        assert_reply(&s.world->replies[i], RINGCACHE_MISS);
    }
    assert_int_equal(sim_server_connects(s.server), 1);
    assert_int_equal(outages(s.world), 0);
    world_end(s.world);
}

static void silence_is_silence_though_the_loop_was_late(void **state)
{
    (void)state;
    struct scene s;
    struct world *world = world_new(77);
    struct sim_server *stopped = world_memcached(world, "10.0.0.1", 11211);
    world_memcached(world, "10.0.0.2", 11211);
    world_begin(world);
    char one[32], two[32];
    unsigned next = 0;
    world_key_of(world, "10.0.0.1:11211", "key", &next, one);
    world_key_of(world, "10.0.0.2:11211", "key", &next, two);
    world_get(world, one);
    world_settle(world, 100);
    s = (struct scene){.world = world, .server = stopped};
    sim_server_stop(stopped);
    struct world_reply *late = &world->replies[2];
    world->on_reply = hold_up_the_loop; /* in the answer to the second */
    world_get(world, two);
    world_get(world, one);
    uint64_t submitted = world_now(world);
    world_run_for(world, 1); /* and so long was the pause */
    s.began = world_now(world);
    assert_in_range(s.began, submitted + 2000, submitted + 2001);
    assert_reply(late, RINGCACHE_ETIMEDOUT);
    /* What had come was read first, and from this one nothing had: the probe begins at once, and
     * has its whole time to be answered. */
    sim_run_until(world->sim, s.began + 2);
    assert_int_equal(sim_server_connects(stopped), 2);
    sim_run_until(world->sim, s.began + TIMEOUT - 2);
    assert_int_equal(outages(world), 0);
    world_end(world);
}

/* ---- the probe ---- */

static void a_probe_that_is_refused_while_the_first_speaks_is_no_evidence(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    engine_set_max_sessions(s.engine, 1);
    sim_server_slow(s.server, 20000);
    sim_stall(s.server, s.connection, true);
    struct world_reply *get = get_with(s.world, "k", 5000);
    sim_run_until(s.world->sim, s.began + TIMEOUT + 10); /* the probe is on its way */
    sim_stall(s.server, s.connection, false);
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    world_run_for(s.world, 5000);
    assert_int_equal(sim_server_connects(s.server), 2);
    assert_int_equal(outages(s.world), 0);
    get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    world_end(s.world);
}

static void a_probe_that_is_refused_while_the_first_is_silent_is_the_end(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    engine_set_max_sessions(s.engine, 1);
    sim_stall(s.server, s.connection, true);
    struct world_reply *get = get_with(s.world, "k", 5000);
    world_settle(s.world, TIMEOUT + 10);
    assert_reply(get, RINGCACHE_EDOWN);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    world_end(s.world);
}

static void a_silent_connection_goes_when_the_server_answers_another(void **state)
{
    (void)state;
    struct scene s;
    open_memcached(&s);
    sim_stall(s.server, s.connection, true);
    struct world_reply *get = get_with(s.world, "k", 5000);
    world_settle(s.world, TIMEOUT + 10);
    assert_reply(get, RINGCACHE_ECONNECT);
    assert_string_equal(get->message, "a connection was silent while the server answered another");
    assert_int_equal(outages(s.world), 0);
    get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_reply(get, RINGCACHE_MISS);
    world_end(s.world);
}

/* Both the probe of the suspect and the first one behind its ejection. */
static void stall_the_prober(void *owner, const struct engine_command *command)
{
    struct scene *s = owner;
    bool prober = command->connection != s->connection && strcmp(command->verb, "info") == 0;
    if (prober && s->stalls-- > 0) {
        sim_stall(s->server, command->connection, true);
    }
}

/* It was greeted, and what it asks next is not answered: the next one asks again. */
static void a_probe_that_falls_silent_makes_way_for_the_next(void **state)
{
    (void)state;
    struct scene s;
    open_redis(&s);
    sim_stall(s.server, s.connection, true);
    world_set(s.world, "k", "v1");
    s.stalls = 2;
    engine_set_log(s.engine, stall_the_prober, &s);
    world_run_for(s.world, 8 * TIMEOUT);
    assert_true(s.stalls < 0);
    struct world_reply *set = world_set(s.world, "k", "v2");
    world_settle(s.world, 1000);
    assert_reply(set, RINGCACHE_OK);
    world_end(s.world);
}

/* ---- while it is out ---- */

static void one_probe_at_a_time_and_no_request_asks_a_server_that_is_out(void **state)
{
    (void)state;
    for (int killed = 0; killed < 2; killed++) {
        struct scene s;
        open_memcached(&s);
        if (killed) {
            sim_server_kill(s.server);
        } else {
            sim_server_stop(s.server);
            world_get(s.world, "k");
            world_run_for(s.world, 2 * TIMEOUT);
        }
        world_run_for(s.world, 1);
        assert_int_equal(outages(s.world), 1);
        uint64_t keyed = engine_count_keyed(s.engine);
        uint64_t connects = sim_server_connects(s.server);
        for (int i = 0; i < 3000; i++) {
            struct world_reply *get = world_get(s.world, "k");
            world_run_for(s.world, 10);
            assert_reply(get, RINGCACHE_EDOWN);
            assert_int_equal(get->attempts, 0);
            assert_in_range(sim_client_streams(s.world->host), 0, 1);
        }
        sim_server_continue(s.server);
        world_run_for(s.world, 0);
        assert_int_equal(engine_count_keyed(s.engine), keyed + (killed ? 0 : 1));
        /* Half a minute, at most a second between two: some, and no flood. */
        assert_in_range(sim_server_connects(s.server) - connects, killed ? 0 : 15, 100);
        world_end(s.world);
    }
}

/* How long a server was out that was back at once; `flaps` outages came shortly before. */
static uint64_t pause_after(uint64_t seed, int flaps)
{
    struct world *world = world_new(seed);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11211);
    world_begin(world);
    uint64_t paused = 0;
    for (int i = 0; i <= flaps; i++) {
        world_get(world, "k");
        world_settle(world, 100);
        world_run_for(world, 200);
        sim_server_kill(server);
        size_t ups = world_count(world, RINGCACHE_EVENT_UP);
        world_run_for(world, 1);
        sim_server_restart(server, true);
        uint64_t began = world_now(world);
        while (world_count(world, RINGCACHE_EVENT_UP) == ups) {
            world_run_for(world, 1);
            assert_true(world_now(world) < began + 1100);
        }
        paused = world_now(world) - began;
    }
    world_end(world);
    return paused;
}

static void flaps_lengthen_the_pause(void **state)
{
    (void)state;
    uint64_t first = 0, fourth = 0;
    for (uint64_t seed = 100; seed < 130; seed++) {
        first += pause_after(seed, 0);
        fourth += pause_after(seed, 3);
    }
    assert_in_range(first / 30, 45, 105);   /* of at most 150 */
    assert_in_range(fourth / 30, 350, 650); /* of at most 1000 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_probed_after_timeout_ms_and_ejected_after_twice_that),
        cmocka_unit_test(a_timeout_below_fifty_counts_as_fifty),
        cmocka_unit_test(four_round_trips_are_no_silence),
        cmocka_unit_test(a_byte_in_the_middle_begins_it_anew),
        cmocka_unit_test(a_reply_that_trickles_is_no_silence),
        cmocka_unit_test(a_reply_that_trickles_puts_no_deadline_off),
        cmocka_unit_test(an_upload_that_moves_is_no_silence),
        cmocka_unit_test(an_upload_that_stands_still_is_silence),
        cmocka_unit_test(requests_that_timed_out_are_still_waited_for),
        cmocka_unit_test(a_server_with_nothing_due_may_be_silent),
        cmocka_unit_test(one_request_a_minute_is_enough_to_notice),
        cmocka_unit_test(a_late_loop_ends_nothing_that_was_answered_in_time),
        cmocka_unit_test(silence_is_silence_though_the_loop_was_late),
        cmocka_unit_test(a_probe_that_is_refused_while_the_first_speaks_is_no_evidence),
        cmocka_unit_test(a_probe_that_is_refused_while_the_first_is_silent_is_the_end),
        cmocka_unit_test(a_silent_connection_goes_when_the_server_answers_another),
        cmocka_unit_test(a_probe_that_falls_silent_makes_way_for_the_next),
        cmocka_unit_test(one_probe_at_a_time_and_no_request_asks_a_server_that_is_out),
        cmocka_unit_test(flaps_lengthen_the_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
