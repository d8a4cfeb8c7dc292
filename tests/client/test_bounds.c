/* SPDX-License-Identifier: MIT */
/* Bounds, and what is told of them: a refusal ends when the request that was refused would be
 * taken. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned rooms, sets_tried;

/* What the documentation tells a program to do: ask until refused, and again when there is room. */
static void fill(struct world *world, const char *value, size_t len)
{
    ringcache_request set = {.op = RINGCACHE_SET, .key = {"k", 1}, .value = {value, len}};
    while (world->submitted < WORLD_REPLIES - 1) {
        struct world_reply *place = NULL;
        sets_tried++;
        if (world_try(world, &set, NULL, &place) != 0) {
            return;
        }
    }
}

static char *big_value(size_t len)
{
    char *value = malloc(len);
    assert_non_null(value);
    memset(value, 'v', len);
    return value;
}

static char *value_of_100k;

static void on_room(struct world *world, const ringcache_event *event)
{
    if (event->type == RINGCACHE_EVENT_ROOM) {
        rooms++;
        size_t before = world->submitted;
        fill(world, value_of_100k, 100000);
        assert_true(world->submitted > before); /* there was room indeed */
    }
}

static void room_is_told_when_the_refused_would_be_taken(void **state)
{
    (void)state;
    struct world *world = world_new(61);
    struct sim_server *server = world_redis(world, "10.0.0.1", 6379);
    world_option(world, "max_queued_bytes", "2000000");
    world_option(world, "timeout_ms", "60000");
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    rooms = sets_tried = 0;
    value_of_100k = big_value(100000);
    world->on_event = on_room;
    sim_server_stop(server);
    fill(world, value_of_100k, 100000);
    world_run_for(world, 2000);
    assert_true(rooms < 5); /* nothing moves, nothing is told */
    sim_server_continue(server);
    world_run_for(world, 20000);
    assert_true(rooms > 10);
    assert_true(sets_tried < world->submitted + 3 * rooms);
    world->on_event = NULL;
    world_settle(world, 60000);
    free(value_of_100k);
    world->submitted = world->answered = 0; /* places were used more than once */
    world_end(world);
}

/* One slow server does not take the room of all others. */
static void what_one_connection_has_not_sent_is_a_quarter_of_the_bound(void **state)
{
    enum { BOUND = 400000, VALUE = 1000 };
    (void)state;
    struct world *world = world_new(64);
    world_redis(world, "10.0.0.1", 6379);
    world_option(world, "max_queued_bytes", "400000");
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    size_t before = world->submitted;
    char *value = big_value(VALUE);
    fill(world, value, VALUE);
    size_t bytes = (world->submitted - before) * VALUE;
    assert_in_range(bytes, BOUND / 5, BOUND / 4);
    world_settle(world, 1000);
    free(value);
    world_end(world);
}

static void a_value_as_large_as_permitted_is_sent_when_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct world *world = world_new(62);
        struct sim_server *server = i == 0 ? world_memcached(world, "10.0.0.1", 11000)
                                           : world_redis(world, "10.0.0.1", 6379);
        engine_set_max_item(sim_server_engine(server), 8 << 20);
        world_option(world, "max_queued_bytes", "1000000");
        world_option(world, "max_value_bytes", "1000000");
        world_option(world, "timeout_ms", "60000");
        world_begin(world);
        char *value = big_value(1000000);
        ringcache_request set = {.op = RINGCACHE_SET, .key = {"k", 1}, .value = {value, 1000000}};
        struct world_reply *waits = world_submit(world, &set, NULL);
        world_settle(world, 60000);
        struct world_reply *direct = world_submit(world, &set, NULL);
        world_settle(world, 60000);
        assert_reply(waits, RINGCACHE_OK);
        assert_reply(direct, RINGCACHE_OK);
        struct world_reply *get = world_get(world, "k");
        world_settle(world, 60000);
        assert_reply(get, RINGCACHE_OK);
        assert_int_equal(get->value_len, 1000000);
        free(value);
        world_end(world);
    }
}

/* What waits and what is encoded of it are not both held. */
static void what_waits_is_not_held_twice(void **state)
{
    (void)state;
    struct world *world = world_new(63);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_queued_bytes", "8000000");
    world_option(world, "timeout_ms", "60000");
    world_begin(world);
    sim_server_pause_accept(server, true);
    char *value = big_value(100000);
    ringcache_request set = {.op = RINGCACHE_SET, .key = {"k", 1}, .value = {value, 100000}};
    struct world_reply *place;
    while (world_try(world, &set, NULL, &place) == 0) {
    }
    uint64_t full = world->client->env.budget.used;
    sim_server_pause_accept(server, false);
    uint64_t most = 0;
    while (world->answered < world->submitted && sim_step(world->sim)) {
        uint64_t used = world->client->env.budget.used;
        most = used > most ? used : most;
    }
    assert_true(full > 7000000);
    assert_true(most <= full + 500000);
    free(value);
    world_end(world);
}

/* Buffers grow ahead of what they hold: output that a server does not take, and the keys of its
 * writes. The bound is one of memory. */
static void room_that_buffers_have_grown_is_within_the_bound(void **state)
{
    (void)state;
    struct world *world = world_new(64);
    struct sim_server *server = world_redis(world, "10.0.0.1", 6379);
    world_option(world, "max_queued_bytes", "8000000");
    world_option(world, "max_inflight", "100000");
    world_option(world, "timeout_ms", "60000");
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    sim_server_stop(server);
    char *value = big_value(1000);
    fill(world, value, 1000);
    const struct rc_conn *conn = world->client->table->all[0]->lanes[0].conn;
    size_t held = conn->out.own.len + conn->keys.bytes.len;
    size_t memory = conn->out.own.cap + conn->keys.bytes.cap;
    size_t requests = world->submitted * sizeof(struct rc_operation);
    assert_true(held > 1000000 && memory > held + 200000);
    assert_true(world->client->env.budget.used >= memory + requests - 2 * 65536);
    sim_server_continue(server);
    world_settle(world, 60000);
    assert_int_equal(world->client->env.budget.used, 0);
    free(value);
    world_end(world);
}

/* A connection ends when all bytes are used. The copies of what goes on the next one are larger
 * than what they were encoded to, and have what that gives back alone. */
static void at_the_bound_what_never_left_moves_as_far_as_it_fits(void **state)
{
    (void)state;
    enum { LIMIT = 2000000, PLUG = 300000 };
    struct world *world = world_new(66);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_queued_bytes", "2000000");
    world_option(world, "max_inflight", "100000");
    world_option(world, "timeout_ms", "2000");
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    sim_server_stop(server);
    char *plug = big_value(PLUG);
    const ringcache_request set = {.op = RINGCACHE_SET, .key = {"k", 1}, .value = {plug, PLUG}};
    world_submit(world, &set, NULL);
    world_run_for(world, 2);
    size_t first = world->submitted, moved = 0;
    fill(world, "v", 1);
    sim_end(server, sim_server_newest(server), SIM_RST);
    world_run_for(world, 1);
    assert_true(world->client->env.budget.used <= LIMIT);
    sim_server_continue(server);
    world_settle(world, 5000);
    for (size_t i = first; i < world->submitted; i++) {
        const struct world_reply *reply = &world->replies[i];
        assert_int_equal(reply->maybe_applied, 0);
        moved += reply->status == RINGCACHE_OK;
        assert_reply(reply, reply->attempts == 2 ? RINGCACHE_OK : RINGCACHE_ECONNECT);
    }
    assert_true(moved > (world->submitted - first) / 3);
    assert_int_equal(world->client->env.budget.used, 0);
    free(plug);
    world_end(world);
}

/* A result speaks of the state in which it was made, whatever became of the server since. */
static void a_message_outlives_the_state_it_is_of(void **state)
{
    (void)state;
    struct world *world = world_new(64);
    struct sim_server *server = world_redis(world, "10.0.0.1", 6379);
    sim_server_kill(server);
    world_begin(world);
    struct world_reply *first = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(first, RINGCACHE_EDOWN);
    sim_server_restart(server, false);
    for (int i = 0; i < 2000; i++) {
        struct world_reply *get = world_get(world, "k");
        world_run_for(world, (uint64_t)i % 2);
        if (get->calls == 1 && get->status == RINGCACHE_EDOWN) {
            assert_string_equal(get->message, first->message);
        }
    }
    world_settle(world, 1000);
    for (size_t i = 0; i < world->submitted && i < WORLD_REPLIES; i++) {
        if (world->replies[i].status == RINGCACHE_EDOWN) {
            assert_string_equal(world->replies[i].message, first->message);
        }
    }
    world_end(world);
}

/* A program whose loop turns every 200 ms. */
static void turn_slowly(void *owner)
{
    struct world *world = owner;
    world_get(world, "k");
    sim_block(world->sim, 190);
}

static void a_slowly_turning_loop_finds_a_silent_server_too(void **state)
{
    (void)state;
    struct world *world = world_new(65);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    sim_server_stop(server);
    uint64_t began = world_now(world);
    for (uint64_t at = began + 1; at < began + 4000; at += 200) {
        sim_at(world->sim, at, turn_slowly, world);
    }
    world_run_for(world, 5000);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 1);
    assert_in_range(world_last(world, RINGCACHE_EVENT_EJECTED)->at_ms, began, began + 3200);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_told_when_the_refused_would_be_taken),
        cmocka_unit_test(what_one_connection_has_not_sent_is_a_quarter_of_the_bound),
        cmocka_unit_test(a_value_as_large_as_permitted_is_sent_when_alone),
        cmocka_unit_test(what_waits_is_not_held_twice),
        cmocka_unit_test(room_that_buffers_have_grown_is_within_the_bound),
        cmocka_unit_test(at_the_bound_what_never_left_moves_as_far_as_it_fits),
        cmocka_unit_test(a_message_outlives_the_state_it_is_of),
        cmocka_unit_test(a_slowly_turning_loop_finds_a_silent_server_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
