/* SPDX-License-Identifier: MIT */
/* Small output that is held back while replies are due: how each hold ends, to the microsecond. */
#include "world.h"

#include <stdlib.h>

enum { TRIP_US = 200, DUE = 8 };

struct scene {
    struct world *world;
    struct sim_server *server;
    struct rc_conn *conn;
    struct world_reply *due[DUE];
};

static void run_us(const struct scene *s, uint64_t us)
{
    sim_run_for_us(s->world->sim, us);
}

/* All that is due now, and a turn of the client's loop with it. */
static void turn(const struct scene *s)
{
    run_us(s, 0);
}

/* A connection that is ready, and of which one round trip is known, as a millisecond begins. */
static struct scene begin_with(const char *hold_back, uint32_t trip_us)
{
    struct scene s = {.world = world_new(91)};
    s.server = world_memcached(s.world, "10.0.0.1", 11211);
    sim_settings(s.world->sim)->latency_us = trip_us / 2;
    if (hold_back != NULL) {
        world_option(s.world, "hold_back", hold_back);
    }
    world_option(s.world, "merge_gets", "no"); /* bytes are counted */
    world_begin(s.world);
    world_set(s.world, "k", "value");
    world_settle(s.world, 1000);
    sim_run_until(s.world->sim, world_now(s.world) + 1);
    s.conn = s.world->client->table->all[0]->lanes[0].conn;
    assert_non_null(s.conn);
    return s;
}

/* … and on which replies are due. */
static struct scene begin(void)
{
    struct scene s = begin_with("4", TRIP_US);
    for (size_t i = 0; i < DUE; i++) {
        s.due[i] = world_get(s.world, "k");
    }
    turn(&s);
    assert_int_equal(s.conn->pipeline.encoded, s.conn->pipeline.sent);
    return s;
}

static bool holds(const struct scene *s)
{
    return s->conn->pipeline.encoded > s->conn->pipeline.sent;
}

/* One more request, which stays here for now. */
static struct world_reply *hold(const struct scene *s)
{
    struct world_reply *held = world_get(s->world, "k");
    turn(s);
    assert_true(holds(s));
    return held;
}

static void end(const struct scene *s)
{
    world_settle(s->world, 10000);
    world_end(s->world);
}

/* ---- how it ends ---- */

static void a_hold_ends_with_the_reply_that_comes_next(void **state)
{
    (void)state;
    struct scene s = begin();
    uint64_t began = sim_now_us(s.world->sim);
    struct world_reply *held = hold(&s);
    while (s.due[0]->calls == 0) {
        assert_true(holds(&s));
        assert_true(sim_step(s.world->sim));
    }
    turn(&s);
    assert_false(holds(&s));
    assert_true(sim_now_us(s.world->sim) - began <= TRIP_US);
    world_settle(s.world, 10000);
    assert_value(held, "value");
    assert_int_equal(sim_server_connects(s.server), 1);
    world_end(s.world);
}

/* Its own part of a reply is enough. */
static void a_hold_ends_with_any_byte(void **state)
{
    (void)state;
    struct scene s = begin();
    uint64_t connection = sim_server_newest(s.server);
    sim_stall(s.server, connection, true);
    sim_inject(s.server, connection, rc_slice_text("V"));
    hold(&s);
    run_us(&s, TRIP_US / 2);
    assert_int_equal(s.due[0]->calls, 0);
    assert_false(holds(&s));
    world_end(s.world);
}

static void a_hold_ends_with_the_millisecond_where_nothing_comes(void **state)
{
    (void)state;
    struct scene s = begin();
    sim_stall(s.server, sim_server_newest(s.server), true);
    uint64_t now_ms = world_now(s.world);
    struct world_reply *held = hold(&s);
    run_us(&s, (now_ms + 1) * 1000 - sim_now_us(s.world->sim) - 1);
    assert_true(holds(&s));
    run_us(&s, 2);
    assert_int_equal(world_now(s.world), now_ms + 1);
    assert_false(holds(&s));
    sim_stall(s.server, sim_server_newest(s.server), false);
    world_settle(s.world, 10000);
    assert_value(held, "value");
    world_end(s.world);
}

/* The same deadline does for those that began later. */
static void a_hold_that_is_added_to_ends_no_later(void **state)
{
    (void)state;
    struct scene s = begin();
    sim_stall(s.server, sim_server_newest(s.server), true);
    uint64_t now_ms = world_now(s.world);
    hold(&s);
    for (int i = 0; i < 4; i++) {
        run_us(&s, 100);
        hold(&s);
    }
    run_us(&s, (now_ms + 1) * 1000 - sim_now_us(s.world->sim) + 1);
    assert_false(holds(&s));
    sim_stall(s.server, sim_server_newest(s.server), false);
    end(&s);
}

static void a_hold_ends_when_half_of_all_waits(void **state)
{
    (void)state;
    struct scene s = begin();
    for (size_t i = 1; i < DUE; i++) {
        hold(&s);
    }
    world_get(s.world, "k");
    turn(&s);
    assert_false(holds(&s));
    assert_int_equal(s.due[0]->calls, 0);
    end(&s);
}

static void a_hold_ends_when_8_KiB_wait(void **state)
{
    (void)state;
    struct scene s = begin_with("4", TRIP_US);
    char *value = calloc(1, RC_HOLD_BYTES);
    assert_non_null(value);
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {value, RC_HOLD_BYTES}};
    for (size_t i = 0; i < DUE; i++) {
        world_submit(s.world, &set, NULL);
    }
    turn(&s);
    assert_false(holds(&s));
    hold(&s);
    world_submit(s.world, &set, NULL);
    turn(&s);
    assert_false(holds(&s));
    end(&s);
    free(value);
}

/* ---- where nothing is held ---- */

static void assert_leaves_at_once(const struct scene *s)
{
    world_get(s->world, "k");
    turn(s);
    assert_false(holds(s));
}

static void a_lone_request_leaves_at_once(void **state)
{
    (void)state;
    struct scene s = begin_with("1", TRIP_US);
    assert_leaves_at_once(&s);
    end(&s);
}

static void few_in_flight_leave_at_once(void **state)
{
    (void)state;
    struct scene s = begin_with("4", TRIP_US);
    for (int i = 0; i < 3; i++) {
        assert_leaves_at_once(&s);
    }
    hold(&s);
    end(&s);
}

static void by_default_all_leave_at_once(void **state)
{
    (void)state;
    struct scene s = begin_with(NULL, TRIP_US);
    for (int i = 0; i < 100; i++) {
        assert_leaves_at_once(&s);
    }
    end(&s);
}

static void to_a_server_that_is_far_all_leave_at_once(void **state)
{
    (void)state;
    for (uint32_t trip_us = RC_HOLD_TRIP_US - 2; trip_us <= RC_HOLD_TRIP_US; trip_us += 2) {
        struct scene s = begin_with("2", trip_us);
        assert_int_equal(s.conn->liveness.round_trip_us, trip_us);
        assert_leaves_at_once(&s);
        assert_leaves_at_once(&s); /* as much waits as is due */
        world_get(s.world, "k");
        turn(&s);
        assert_int_equal(holds(&s), trip_us < RC_HOLD_TRIP_US);
        end(&s);
    }
}

static void to_a_server_that_is_suspected_all_leave_at_once(void **state)
{
    (void)state;
    struct scene s = begin();
    sim_server_stop(s.server);
    while (!s.conn->suspect) {
        assert_true(sim_step(s.world->sim));
    }
    uint64_t sent = s.conn->pipeline.sent;
    world_get(s.world, "k");
    turn(&s);
    assert_true(s.conn->pipeline.sent > sent);
    sim_server_continue(s.server);
    end(&s);
}

/* ---- what happens meanwhile ---- */

static void one_that_is_held_keeps_its_deadline(void **state)
{
    (void)state;
    struct scene s = begin();
    sim_stall(s.server, sim_server_newest(s.server), true);
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}, .timeout_ms = 1};
    uint64_t now_ms = world_now(s.world);
    struct world_reply *held = world_submit(s.world, &get, NULL);
    turn(&s);
    assert_true(holds(&s));
    world_run_for(s.world, 2);
    assert_reply(held, RINGCACHE_ETIMEDOUT);
    assert_int_equal(held->at_ms, now_ms + 1);
    assert_false(holds(&s));
    sim_stall(s.server, sim_server_newest(s.server), false);
    end(&s);
}

static void one_that_is_held_provably_never_left(void **state)
{
    (void)state;
    struct scene s = begin();
    const ringcache_request set = {.op = RINGCACHE_INCREMENT, .key = {"n", 1}, .delta = 1};
    struct world_reply *held = world_submit(s.world, &set, NULL);
    turn(&s);
    assert_true(holds(&s));
    sim_end(s.server, sim_server_newest(s.server), SIM_RST);
    world_settle(s.world, 1000);
    assert_reply(held, RINGCACHE_MISS);
    assert_int_equal(sim_server_connects(s.server), 2);
    world_end(s.world);
}

static void a_client_closes_in_the_middle_of_a_hold(void **state)
{
    (void)state;
    struct scene s = begin();
    struct world_reply *held = hold(&s);
    world_close(s.world);
    world_run_for(s.world, 10);
    assert_reply(held, RINGCACHE_ECANCELED);
    assert_int_equal(held->maybe_applied, 0);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_ends_with_the_reply_that_comes_next),
        cmocka_unit_test(a_hold_ends_with_any_byte),
        cmocka_unit_test(a_hold_ends_with_the_millisecond_where_nothing_comes),
        cmocka_unit_test(a_hold_that_is_added_to_ends_no_later),
        cmocka_unit_test(a_hold_ends_when_half_of_all_waits),
        cmocka_unit_test(a_hold_ends_when_8_KiB_wait),
        cmocka_unit_test(a_lone_request_leaves_at_once),
        cmocka_unit_test(few_in_flight_leave_at_once),
        cmocka_unit_test(by_default_all_leave_at_once),
        cmocka_unit_test(to_a_server_that_is_far_all_leave_at_once),
        cmocka_unit_test(to_a_server_that_is_suspected_all_leave_at_once),
        cmocka_unit_test(one_that_is_held_keeps_its_deadline),
        cmocka_unit_test(one_that_is_held_provably_never_left),
        cmocka_unit_test(a_client_closes_in_the_middle_of_a_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
