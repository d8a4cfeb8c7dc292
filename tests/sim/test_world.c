/* SPDX-License-Identifier: MIT */
/* Simulated servers and their faults, and the sameness of runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "witness.h"

static struct scene scene_of(enum engine_kind kind)
{
    return scene_open(kind, sim_options(7));
}

static struct scene connected_to(enum engine_kind kind)
{
    struct scene s = scene_of(kind);
    scene_connect(&s);
    return s;
}

/* Send, wait a moment, expect. */
static void ask(struct scene *s, const char *send, const char *reply)
{
    assert_int_equal(witness_write(s->w, send), strlen(send));
    sim_run_for(s->sim, 1);
    assert_string_equal(witness_input(s->w), reply);
    witness_told(s->w);
}

static void assert_told_error(struct scene *s, const char *event, int status)
{
    char expected[64];
    snprintf(expected, sizeof expected, "%s(%d)", event, status);
    assert_string_equal(witness_told(s->w), expected);
}

static const struct store_item *item(struct scene *s, const char *key)
{
    return engine_get(sim_server_engine(s->server), 0, key);
}

static void a_stopped_server_accepts_and_takes_bytes_but_answers_only_later(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_MEMCACHED);
    sim_server_stop(s.server);
    scene_connect(&s);
    ask(&s, "mn\r\n", "");
    sim_run_for(s.sim, 60000);
    assert_int_equal(engine_count(sim_server_engine(s.server), ""), 0);
    sim_server_continue(s.server);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_input(s.w), "MN\r\n");
    scene_close(&s);
}

static void a_server_stopped_with_work_at_hand_does_none_of_it(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_inject(s.server, sim_server_newest(s.server), rc_slice_text("HD\r\n"));
    sim_server_stop(s.server);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "");
    sim_server_continue(s.server);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "received(4)");
    scene_close(&s);
}

static void the_backlog_of_a_stopped_server_undoes_a_newer_write(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct scene s = connected_to(ENGINE_MEMCACHED);
        sim_server_stop(s.server);
        ask(&s, "ms k 2\r\nv1\r\n", "");
        (reset ? rc_stream_reset : rc_stream_close)(s.w->stream);
        sim_run_for(s.sim, 1000);
        engine_put(sim_server_engine(s.server), 0, "k", rc_slice_text("v2"), 0);
        sim_server_continue(s.server);
        sim_run_for(s.sim, 10);
        assert_string_equal(item(&s, "k")->value, "v1");
        assert_string_equal(witness_told(s.w), "");
        assert_int_equal(sim_server_connections(s.server), 0);
        scene_close(&s);
    }
}

static void kill_resets_every_connection_and_refuses_later_ones(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_server_kill(s.server);
    sim_run_for(s.sim, 1);
    assert_told_error(&s, "ended", -ECONNRESET);
    rc_stream_close(s.w->stream);
    witness_connect(s.w, "10.0.0.1", 11211);
    sim_run_for(s.sim, 1);
    assert_told_error(&s, "connected", -ECONNREFUSED);
    rc_stream_close(s.w->stream);
    sim_server_restart(s.server, false);
    scene_connect(&s);
    ask(&s, "mn\r\n", "MN\r\n");
    scene_close(&s);
}

static void a_killed_server_runs_nothing_of_its_backlog(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_server_stop(s.server);
    ask(&s, "ms k 2\r\nv1\r\n", "");
    sim_server_restart(s.server, true);
    sim_run_for(s.sim, 10);
    assert_null(item(&s, "k"));
    scene_close(&s);
}

static void a_restart_changes_the_run_id_and_keeps_the_items_when_asked(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_REDIS);
    char before[41];
    struct engine *e = sim_server_engine(s.server);
    memcpy(before, engine_run_id(e), sizeof before);
    engine_put(e, 0, "k", rc_slice_text("v"), 0);
    sim_server_restart(s.server, true);
    assert_string_not_equal(engine_run_id(e), before);
    assert_non_null(item(&s, "k"));
    sim_server_restart(s.server, false);
    assert_null(item(&s, "k"));
    scene_close(&s);
}

static void a_black_hole_swallows_until_it_is_over(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_MEMCACHED);
    sim_server_blackhole(s.server, true);
    witness_connect(s.w, "10.0.0.1", 11211);
    sim_run_for(s.sim, 60000);
    assert_string_equal(witness_told(s.w), "");
    sim_server_blackhole(s.server, false);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "connected(0)");
    sim_server_blackhole(s.server, true);
    ask(&s, "mn\r\nversion\r\n", "");
    sim_server_blackhole(s.server, false);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_input(s.w), "MN\r\nVERSION 1.6.18\r\n");
    scene_close(&s);
}

static void bytes_that_a_black_hole_held_back_are_not_overtaken(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_MEMCACHED);
    scene_connect(&s);
    sim_server_slow(s.server, 10000);
    witness_write(s.w, "ms k 2\r\n");
    sim_server_blackhole(s.server, true);
    sim_run_for(s.sim, 15);
    witness_write(s.w, "v1\r\n"); /* under way when the black hole is over */
    sim_run_for(s.sim, 5);
    sim_server_blackhole(s.server, false);
    sim_run_for(s.sim, 50);
    assert_string_equal(witness_input(s.w), "HD\r\n");
    scene_close(&s);
}

static void bytes_that_two_black_holes_held_back_are_not_overtaken(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_MEMCACHED);
    scene_connect(&s);
    sim_server_slow(s.server, 10000);
    sim_server_blackhole(s.server, true);
    witness_write(s.w, "ms k 2\r\n");
    sim_run_for(s.sim, 12);
    witness_write(s.w, "v1\r\n"); /* under way when the first is over, */
    sim_run_for(s.sim, 3);
    sim_server_blackhole(s.server, false);
    sim_run_for(s.sim, 9); /* … and waits for its turn in the second */
    sim_server_blackhole(s.server, true);
    sim_run_for(s.sim, 2);
    sim_server_blackhole(s.server, false);
    sim_run_for(s.sim, 100);
    assert_string_equal(witness_input(s.w), "HD\r\n");
    scene_close(&s);
}

static void a_connection_that_is_not_accepted_waits_in_the_kernel(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_MEMCACHED);
    sim_server_pause_accept(s.server, true);
    scene_connect(&s);
    ask(&s, "mn\r\n", "");
    sim_server_pause_accept(s.server, false);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_input(s.w), "MN\r\n");
    scene_close(&s);
}

static void a_slow_server_is_slow_both_ways(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_server_slow(s.server, 50000);
    witness_write(s.w, "mn\r\n");
    sim_run_for(s.sim, 100);
    assert_string_equal(witness_told(s.w), "");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "received(4)");
    scene_close(&s);
}

static void a_server_full_of_clients_says_so_and_hangs_up(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_REDIS);
    engine_set_max_sessions(sim_server_engine(s.server), 0);
    witness_connect(s.w, "10.0.0.1", 11211);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "connected(0) received(36) ended(0)");
    assert_string_equal(witness_input(s.w), "-ERR max number of clients reached\r\n");
    scene_close(&s);
}

static void a_server_may_speak_first(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_REDIS);
    sim_server_greet(s.server, "-DENIED protected mode\r\n");
    witness_connect(s.w, "10.0.0.1", 11211);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_input(s.w), "-DENIED protected mode\r\n");
    scene_close(&s);
}

static void replies_can_be_lost_doubled_and_replaced(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    uint64_t c = sim_server_newest(s.server);
    sim_drop_replies(s.server, c, 1);
    ask(&s, "mn\r\nversion\r\n", "VERSION 1.6.18\r\n");
    sim_double_replies(s.server, c, 1);
    ask(&s, "mn\r\nversion\r\n", "MN\r\nMN\r\nVERSION 1.6.18\r\n");
    sim_replace_reply(s.server, c, rc_slice_text("EN O1\r\n"));
    ask(&s, "mn\r\nmn\r\n", "EN O1\r\nMN\r\n");
    scene_close(&s);
}

static void shout(struct sim_bytes *reply)
{
    reply->base[reply->start] = 'W';
}

static void a_reply_can_be_altered(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_alter_reply(s.server, sim_server_newest(s.server), shout);
    ask(&s, "mg k q\r\nmn\r\nmn\r\n", "WN\r\nMN\r\n"); /* silence is no reply */
    scene_close(&s);
}

static void two_replies_can_change_places(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    uint64_t c = sim_server_newest(s.server);
    sim_swap_replies(s.server, c, true);
    ask(&s, "mn\r\n", "");
    ask(&s, "version\r\nmn\r\n", "VERSION 1.6.18\r\nMN\r\nMN\r\n");
    sim_swap_replies(s.server, c, true);
    ask(&s, "mn\r\n", "");
    sim_swap_replies(s.server, c, false);
    ask(&s, "version\r\n", "MN\r\nVERSION 1.6.18\r\n");
    scene_close(&s);
}

static void bytes_nobody_asked_for_can_be_injected(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_inject(s.server, sim_server_newest(s.server), rc_slice_text("HD O9\r\n"));
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_input(s.w), "HD O9\r\n");
    scene_close(&s);
}

static void a_reply_can_be_cut_after_any_byte(void **state)
{
    (void)state;
    for (size_t k = 0; k <= 16; k++) {
        struct scene s = connected_to(ENGINE_MEMCACHED);
        char expected[17] = "VERSION 1.6.18\r\n";
        expected[k] = '\0';
        sim_cut_after(s.server, sim_server_newest(s.server), k, SIM_FIN);
        witness_write(s.w, "version\r\nmn\r\n");
        sim_run_for(s.sim, 1);
        assert_non_null(strstr(witness_told(s.w), "ended"));
        assert_string_equal(witness_input(s.w), expected);
        scene_close(&s);
    }
}

static void behind_a_cut_no_command_is_run(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_cut_after(s.server, sim_server_newest(s.server), 16, SIM_FIN);
    witness_write(s.w, "version\r\nms k 2\r\nhi\r\n");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_input(s.w), "VERSION 1.6.18\r\n");
    assert_null(item(&s, "k"));
    scene_close(&s);
}

static void a_connection_ended_with_unread_bytes_is_reset(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_server_stop(s.server);
    ask(&s, "mn\r\n", "");
    sim_end(s.server, sim_server_newest(s.server), SIM_FIN);
    sim_run_for(s.sim, 1);
    assert_told_error(&s, "ended", -ECONNRESET);
    scene_close(&s);
}

static void the_server_may_end_an_idle_connection(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_MEMCACHED);
    sim_end(s.server, sim_server_newest(s.server), SIM_FIN);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "ended(0)");
    assert_int_equal(sim_server_newest(s.server), 0);
    rc_stream_close(s.w->stream);
    scene_connect(&s);
    sim_end(s.server, sim_server_newest(s.server), SIM_RST);
    sim_run_for(s.sim, 1);
    assert_told_error(&s, "ended", -ECONNRESET);
    assert_int_equal(sim_server_connects(s.server), 2);
    scene_close(&s);
}

static void client_kill_ends_another_clients_connection(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_REDIS);
    struct witness *second = witness_new(s.sim, sim_client_new(s.sim));
    witness_connect(second, "10.0.0.1", 11211);
    sim_run_for(s.sim, 1);
    witness_told(second);
    ask(&s, "CLIENT KILL ID 2\r\n", ":1\r\n");
    assert_string_equal(witness_told(second), "ended(0)");
    ask(&s, "PING\r\n", "+PONG\r\n");
    witness_free(second);
    scene_close(&s);
}

static void a_server_listens_at_several_addresses_and_paths(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_MEMCACHED);
    sim_server_listen(s.server, "fd00::1", 11211);
    sim_server_listen(s.server, "/run/cache.sock", 0);
    witness_connect(s.w, "fd00::1", 11211);
    sim_run_for(s.sim, 1);
    ask(&s, "ms k 2\r\nhi\r\n", "HD\r\n");
    rc_stream_close(s.w->stream);
    witness_connect(s.w, "/run/cache.sock", 0);
    sim_run_for(s.sim, 1);
    ask(&s, "mg k v\r\n", "VA 2\r\nhi\r\n");
    scene_close(&s);
}

static void megabytes_pass_through_small_buffers_whole(void **state)
{
    (void)state;
    enum { LEN = 300000 };
    struct sim_options options = sim_options(3);
    options.send_bytes = 4096;
    options.receive_bytes = 1000;
    struct scene s = scene_of(ENGINE_REDIS);
    *sim_settings(s.sim) = options;
    scene_connect(&s);
    struct sim_bytes send = {0};
    sim_bytes_text(&send, "*2\r\n$4\r\nECHO\r\n$300000\r\n");
    for (size_t i = 0; i < LEN; i++) {
        sim_bytes_append(&send, &"0123456789"[i % 10], 1);
    }
    sim_bytes_text(&send, "\r\n");
    for (size_t turns = 0; turns < 10000 && s.w->input.len < LEN + 11; turns++) {
        struct rc_slice rest = sim_bytes_view(&send);
        ptrdiff_t taken = rc_stream_write(s.w->stream, &rest, 1);
        assert_true(taken >= 0);
        sim_bytes_consume(&send, (size_t)taken);
        sim_run_for(s.sim, 1);
        witness_told(s.w);
    }
    struct rc_slice got = sim_bytes_view(&s.w->input);
    assert_int_equal(got.len, 9 + LEN + 2);
    assert_memory_equal(got.data + 9, "0123456789", 10);
    assert_memory_equal(got.data + 9 + LEN - 10, "0123456789\r\n", 12);
    sim_bytes_deinit(&send);
    scene_close(&s);
}

/* A busy run: three clients, two servers, jitter, slices, faults by chance. */
static uint64_t busy_run(uint64_t seed)
{
    struct sim_options options = sim_options(seed);
    options.jitter_us = 500;
    options.segment_bytes = 5;
    struct sim *sim = sim_new(&options);
    struct sim_server *servers[] = {sim_server_add(sim, "10.0.0.1", 11211, ENGINE_MEMCACHED),
        sim_server_add(sim, "10.0.0.2", 6379, ENGINE_REDIS)};
    struct witness *w[3];
    for (size_t i = 0; i < 3; i++) {
        w[i] = witness_new(sim, sim_client_new(sim));
        bool redis = i == 2;
        witness_connect(w[i], redis ? "10.0.0.2" : "10.0.0.1", redis ? 6379 : 11211);
    }
    sim_run_for(sim, 5);
    for (size_t round = 0; round < 50; round++) {
        struct sim_server *server = servers[sim_random(sim) % 2];
        (sim_random(sim) % 2 != 0 ? sim_server_stop : sim_server_continue)(server);
        for (size_t i = 0; i < 3; i++) {
            witness_write(w[i], i == 2 ? "SET k v\r\nGET k\r\n" : "ms k 2 c\r\nhi\r\nmg k v c\r\n");
        }
        sim_run_for(sim, sim_random(sim) % 3);
        for (size_t i = 0; i < 3; i++) {
            witness_told(w[i]);
        }
    }
    uint64_t hash = sim_trace_hash(sim);
    sim_free(sim);
    for (size_t i = 0; i < 3; i++) {
        witness_free(w[i]);
    }
    return hash;
}

static void the_same_seed_gives_the_same_trace(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        assert_int_equal(busy_run(seed), busy_run(seed));
        assert_int_not_equal(busy_run(seed), busy_run(seed + 1));
    }
}

static void jitter_never_lets_bytes_overtake_each_other(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_REDIS);
    sim_settings(s.sim)->jitter_us = 5000;
    char send[16];
    struct sim_bytes expected = {0};
    for (int i = 10; i < 60; i++) {
        snprintf(send, sizeof send, "ECHO %d\r\n", i);
        witness_write(s.w, send);
        snprintf(send, sizeof send, "$2\r\n%d\r\n", i);
        sim_bytes_text(&expected, send);
    }
    sim_run_for(s.sim, 30);
    assert_true(rc_slice_equal(sim_bytes_view(&s.w->input), sim_bytes_view(&expected)));
    sim_bytes_deinit(&expected);
    scene_close(&s);
}

static void note(void *owner)
{
    struct witness *w = owner;
    w->told_at_ms = sim_now_ms(w->sim);
}

static void an_appointment_is_kept_to_the_millisecond(void **state)
{
    (void)state;
    struct scene s = scene_of(ENGINE_REDIS);
    sim_at(s.sim, 1000123, note, s.w);
    sim_run_until(s.sim, 1000122);
    assert_int_equal(s.w->told_at_ms, 0);
    sim_run_until(s.sim, 1000123);
    assert_int_equal(s.w->told_at_ms, 1000123);
    sim_at(s.sim, 2000000, note, s.w);
    scene_close(&s);
}

static void a_world_where_nothing_can_happen_does_not_step(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_REDIS);
    assert_false(sim_step(s.sim));
    witness_write(s.w, "PING\r\n");
    assert_true(sim_step(s.sim));
    while (sim_step(s.sim)) {
    }
    assert_string_equal(witness_input(s.w), "+PONG\r\n");
    scene_close(&s);
}

static void items_expire_by_the_worlds_clock(void **state)
{
    (void)state;
    struct scene s = connected_to(ENGINE_REDIS);
    ask(&s, "SET k v PX 100\r\n", "+OK\r\n");
    sim_run_for(s.sim, 97);
    ask(&s, "GET k\r\n", "$1\r\nv\r\n");
    sim_run_for(s.sim, 2);
    ask(&s, "GET k\r\n", "$-1\r\n");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_server_accepts_and_takes_bytes_but_answers_only_later),
        cmocka_unit_test(a_server_stopped_with_work_at_hand_does_none_of_it),
        cmocka_unit_test(the_backlog_of_a_stopped_server_undoes_a_newer_write),
        cmocka_unit_test(kill_resets_every_connection_and_refuses_later_ones),
        cmocka_unit_test(a_killed_server_runs_nothing_of_its_backlog),
        cmocka_unit_test(a_restart_changes_the_run_id_and_keeps_the_items_when_asked),
        cmocka_unit_test(a_black_hole_swallows_until_it_is_over),
        cmocka_unit_test(bytes_that_a_black_hole_held_back_are_not_overtaken),
        cmocka_unit_test(bytes_that_two_black_holes_held_back_are_not_overtaken),
        cmocka_unit_test(a_connection_that_is_not_accepted_waits_in_the_kernel),
        cmocka_unit_test(a_slow_server_is_slow_both_ways),
        cmocka_unit_test(a_server_full_of_clients_says_so_and_hangs_up),
        cmocka_unit_test(a_server_may_speak_first),
        cmocka_unit_test(replies_can_be_lost_doubled_and_replaced),
        cmocka_unit_test(a_reply_can_be_altered),
        cmocka_unit_test(two_replies_can_change_places),
        cmocka_unit_test(bytes_nobody_asked_for_can_be_injected),
        cmocka_unit_test(a_reply_can_be_cut_after_any_byte),
        cmocka_unit_test(behind_a_cut_no_command_is_run),
        cmocka_unit_test(a_connection_ended_with_unread_bytes_is_reset),
        cmocka_unit_test(the_server_may_end_an_idle_connection),
        cmocka_unit_test(client_kill_ends_another_clients_connection),
        cmocka_unit_test(a_server_listens_at_several_addresses_and_paths),
        cmocka_unit_test(megabytes_pass_through_small_buffers_whole),
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
        cmocka_unit_test(jitter_never_lets_bytes_overtake_each_other),
        cmocka_unit_test(an_appointment_is_kept_to_the_millisecond),
        cmocka_unit_test(a_world_where_nothing_can_happen_does_not_step),
        cmocka_unit_test(items_expire_by_the_worlds_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
