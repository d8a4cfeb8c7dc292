/* SPDX-License-Identifier: MIT */
/* Silence of most servers, or of our own loop, is no verdict on any of them: to the millisecond. */
#include "world.h"

#include <stdio.h>

#include "ringcache/stats.h"

enum { TIMEOUT = 500, PAUSE = 100, SERVERS_MAX = 5 };

struct scene {
    struct world *world;
    size_t count;
    struct sim_server *servers[SERVERS_MAX];
    char keys[SERVERS_MAX][32];
    uint64_t began;
};

static void ask(struct scene *s, size_t server)
{
    const char *key = s->keys[server];
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = {key, strlen(key)}, .timeout_ms = 20000};
    world_submit(s->world, &get, NULL);
}

/* So many servers, the first few of which answered once. */
static void open_some(struct scene *s, size_t count, size_t asked)
{
    unsigned next = 0;
    *s = (struct scene){.world = world_new(81), .count = count};
    for (size_t i = 0; i < count; i++) {
        s->servers[i] = world_memcached(s->world, "10.0.0.1", (uint16_t)(11000 + i));
    }
    world_begin(s->world);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "10.0.0.1:%zu", 11000 + i);
        world_key_of(s->world, name, "key", &next, s->keys[i]);
        if (i < asked) {
            ask(s, i);
        }
    }
    world_settle(s->world, 100);
    s->began = world_now(s->world);
}

static void open_scene(struct scene *s, size_t count)
{
    open_some(s, count, count);
}

/* The first `count` stop, and are asked. */
static void stop_first(struct scene *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sim_server_stop(s->servers[i]);
        ask(s, i);
    }
}

static size_t ejected(const struct scene *s)
{
    return world_count(s->world, RINGCACHE_EVENT_EJECTED);
}

static void run_to(struct scene *s, uint64_t ms)
{
    sim_run_until(s->world->sim, s->began + ms);
}

/* Until then, with a request to each server from number `from` on in every 10 ms. */
static void run_to_with_traffic(struct scene *s, uint64_t ms, size_t from)
{
    while (world_now(s->world) < s->began + ms) {
        for (size_t i = from; i < s->count; i++) {
            ask(s, i);
        }
        uint64_t left = s->began + ms - world_now(s->world);
        world_run_for(s->world, left < 10 ? left : 10);
    }
}

/* That many are ejected in this millisecond, and none in the one before. */
static void assert_ejected_at(struct scene *s, uint64_t ms, size_t before, size_t then)
{
    run_to(s, ms - 1);
    assert_int_equal(ejected(s), before);
    run_to(s, ms);
    assert_int_equal(ejected(s), then);
}

/* ---- most of the servers ---- */

static void when_all_fall_silent_none_is_ejected(void **state)
{
    (void)state;
    for (size_t count = 2; count <= SERVERS_MAX; count++) {
        struct scene s;
        open_scene(&s, count);
        stop_first(&s, count);
        run_to(&s, 15000);
        assert_int_equal(ejected(&s), 0);
        for (size_t i = 0; i < count; i++) {
            sim_server_continue(s.servers[i]);
        }
        world_settle(s.world, 10);
        for (size_t i = 0; i < s.world->answered; i++) {
            assert_reply(&s.world->replies[i], RINGCACHE_MISS);
        }
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
        world_end(s.world);
    }
}

/* The verdict falls with the probe's: until then the others had one whole window. */
static void while_others_answer_those_that_are_silent_go_up_to_the_cap(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 5);
    stop_first(&s, 3);
    run_to_with_traffic(&s, 2 * TIMEOUT - 10, 3);
    assert_ejected_at(&s, 2 * TIMEOUT, 0, 2);
    run_to_with_traffic(&s, 10000, 3);
    assert_int_equal(ejected(&s), 2);
    world_end(s.world);
}

/* Two of three, and the second 100 ms later: only then most are silent, and a window begins. */
static void the_others_have_a_whole_window_from_the_last_that_fell_silent(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 3);
    stop_first(&s, 1);
    sim_server_stop(s.servers[1]);
    run_to_with_traffic(&s, 100, 2);
    ask(&s, 1);
    run_to_with_traffic(&s, 2 * TIMEOUT + 90, 2); /* the verdict on the first was put off */
    assert_ejected_at(&s, 2 * TIMEOUT + 100, 0, 1);
    world_end(s.world);
}

static void others_that_nobody_asked_are_asked_for_a_sign(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 3);
    stop_first(&s, 2);
    run_to(&s, 2 * TIMEOUT - 1);
    uint64_t signs = engine_count(sim_server_engine(s.servers[2]), "mn");
    run_to(&s, 2 * TIMEOUT + 5);
    assert_int_equal(engine_count(sim_server_engine(s.servers[2]), "mn"), signs + 1);
    const uint64_t next_verdict = 2 * TIMEOUT + (PAUSE + TIMEOUT) + TIMEOUT;
    assert_ejected_at(&s, next_verdict, 0, 1);
    world_end(s.world);
}

static void another_that_was_never_asked_is_connected_to(void **state)
{
    (void)state;
    struct scene s;
    open_some(&s, 3, 2);
    stop_first(&s, 2);
    run_to(&s, 2 * TIMEOUT - 1);
    assert_int_equal(sim_server_connects(s.servers[2]), 0);
    run_to(&s, 2 * TIMEOUT + 5);
    assert_int_equal(sim_server_connects(s.servers[2]), 1);
    assert_ejected_at(&s, 2 * TIMEOUT + (PAUSE + TIMEOUT) + TIMEOUT, 0, 1);
    world_end(s.world);
}

static void when_half_fall_silent_they_go(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 4);
    stop_first(&s, 2);
    assert_ejected_at(&s, 2 * TIMEOUT, 0, 2);
    world_end(s.world);
}

/* Those that are out have no voice: of the three that were left, two are most. */
static void servers_that_are_out_of_service_do_not_count(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 5);
    sim_server_kill(s.servers[3]);
    sim_server_kill(s.servers[4]);
    run_to(&s, 5);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 2);
    s.began = world_now(s.world);
    stop_first(&s, 2);
    run_to(&s, 2 * TIMEOUT);
    assert_int_equal(ejected(&s), 0);
    world_end(s.world);
}

static void hard_evidence_counts_whatever_the_others_do(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, 3);
    stop_first(&s, 3);
    run_to(&s, 5000);
    assert_int_equal(ejected(&s), 0);
    sim_server_kill(s.servers[0]);
    run_to(&s, 5002);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    world_end(s.world);
}

/* ---- our own loop ---- */

struct stall {
    struct world *world;
    uint64_t ms;
};

static void hold_up(void *owner)
{
    const struct stall *stall = owner;
    sim_block(stall->world->sim, stall->ms);
}

static void stall_at(struct scene *s, struct stall *stall, uint64_t at_ms, uint64_t until_ms)
{
    *stall = (struct stall){.world = s->world, .ms = until_ms - at_ms};
    sim_at(s->world->sim, s->began + at_ms, hold_up, stall);
}

/* The first pause gives the probe its whole time once more; the second one covers its end. */
static void a_verdict_that_our_own_late_loop_spoke_is_not_carried_out(void **state)
{
    (void)state;
    struct scene s;
    struct stall stalls[2];
    open_scene(&s, 1);
    stop_first(&s, 1);
    stall_at(&s, &stalls[0], 900, 1100);
    stall_at(&s, &stalls[1], 1500, 1700);
    run_to(&s, 1700);
    assert_int_equal(ejected(&s), 0);
    assert_ejected_at(&s, 1700 + TIMEOUT, 0, 1);
    world_end(s.world);
}

static void a_loop_that_is_late_all_the_time_is_an_excuse_but_once(void **state)
{
    (void)state;
    struct scene s;
    struct stall stalls[4];
    open_scene(&s, 1);
    stop_first(&s, 1);
    stall_at(&s, &stalls[0], 900, 1100);
    stall_at(&s, &stalls[1], 1500, 1700); /* excused: the next probe begins */
    stall_at(&s, &stalls[2], 2100, 2300);
    stall_at(&s, &stalls[3], 2700, 2900);
    run_to(&s, 2699);
    assert_int_equal(ejected(&s), 0);
    run_to(&s, 2900);
    assert_int_equal(ejected(&s), 1);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_all_fall_silent_none_is_ejected),
        cmocka_unit_test(while_others_answer_those_that_are_silent_go_up_to_the_cap),
        cmocka_unit_test(the_others_have_a_whole_window_from_the_last_that_fell_silent),
        cmocka_unit_test(others_that_nobody_asked_are_asked_for_a_sign),
        cmocka_unit_test(another_that_was_never_asked_is_connected_to),
        cmocka_unit_test(when_half_fall_silent_they_go),
        cmocka_unit_test(servers_that_are_out_of_service_do_not_count),
        cmocka_unit_test(hard_evidence_counts_whatever_the_others_do),
        cmocka_unit_test(a_verdict_that_our_own_late_loop_spoke_is_not_carried_out),
        cmocka_unit_test(a_loop_that_is_late_all_the_time_is_an_excuse_but_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
