/* SPDX-License-Identifier: MIT */
/* The contract of transport.h as the simulated transport keeps it: streams, rule by rule. */
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

static struct scene scene(void)
{
    return scene_open(ENGINE_MEMCACHED, sim_options(1));
}

static struct scene connected_with(struct sim_options options)
{
    struct scene s = scene_open(ENGINE_MEMCACHED, options);
    scene_connect(&s);
    return s;
}

static struct scene connected(void)
{
    return connected_with(sim_options(1));
}

static void a_connection_stands_after_one_round_trip(void **state)
{
    (void)state;
    struct sim_options options = sim_options(1);
    options.latency_us = 2000;
    struct scene s = scene_open(ENGINE_MEMCACHED, options);
    assert_int_equal(witness_connect(s.w, "10.0.0.1", 11211), 0);
    sim_run_for(s.sim, 3);
    assert_string_equal(witness_told(s.w), "");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "connected(0)");
    scene_close(&s);
}

static void a_port_where_nobody_listens_refuses(void **state)
{
    (void)state;
    struct scene s = scene();
    char expected[32];
    snprintf(expected, sizeof expected, "connected(%d)", -ECONNREFUSED);
    assert_int_equal(witness_connect(s.w, "10.0.0.1", 11212), 0);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), expected);
    rc_stream_close(s.w->stream);
    scene_close(&s);
}

static void a_connect_may_fail_at_once_and_then_tells_nothing(void **state)
{
    (void)state;
    struct scene s = scene();
    sim_client_fail_connects(s.client, -EMFILE, 2);
    assert_int_equal(witness_connect(s.w, "10.0.0.1", 11211), -EMFILE);
    assert_int_equal(witness_connect(s.w, "10.0.0.1", 11211), -EMFILE);
    assert_null(s.w->stream);
    assert_int_equal(witness_connect(s.w, "10.0.0.1", 11211), 0);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "connected(0)");
    assert_int_equal(sim_client_streams(s.client), 1);
    scene_close(&s);
}

static void bytes_come_back_after_a_round_trip_where_reserve_said(void **state)
{
    (void)state;
    struct scene s = connected();
    assert_int_equal(witness_write(s.w, "mn\r\nversion\r\n"), 13);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "received(20)");
    assert_string_equal(witness_input(s.w), "MN\r\nVERSION 1.6.18\r\n");
    assert_int_equal(rc_stream_held(s.w->stream), 0);
    scene_close(&s);
}

static void a_write_joins_its_parts(void **state)
{
    (void)state;
    struct scene s = connected();
    struct rc_slice parts[] = {rc_slice_text("ms a 2\r"), rc_slice_text(""),
        rc_slice_text("\nhi\r\nmg a"), rc_slice_text(" v\r\n")};
    assert_int_equal(rc_stream_write(s.w->stream, parts, 4), 20);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_input(s.w), "HD\r\nVA 2\r\nhi\r\n");
    scene_close(&s);
}

static void a_short_write_is_followed_by_writable_once(void **state)
{
    (void)state;
    struct sim_options options = sim_options(1);
    options.write_bytes = 3;
    struct scene s = connected_with(options);
    assert_int_equal(witness_write(s.w, "mn\r\n"), 3);
    assert_string_equal(witness_told(s.w), "");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "writable");
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "");
    assert_int_equal(witness_write(s.w, "\n"), 1);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "received(4)");
    scene_close(&s);
}

static void writable_does_not_come_again_with_other_news(void **state)
{
    (void)state;
    struct scene s = connected();
    witness_write(s.w, "mn\r\n");
    sim_settings(s.sim)->write_bytes = 3;
    assert_int_equal(witness_write(s.w, "mn\r\n"), 3);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "writable received(4)");
    sim_inject(s.server, sim_server_newest(s.server), rc_slice_text("X"));
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "received(1)");
    scene_close(&s);
}

static void a_full_kernel_takes_a_part_then_nothing_until_the_server_reads(void **state)
{
    (void)state;
    struct sim_options options = sim_options(1);
    options.send_bytes = 10;
    options.receive_bytes = 8;
    struct scene s = connected_with(options);
    sim_server_stop(s.server);
    assert_int_equal(witness_write(s.w, "mn\r\nmn\r\nmn\r\nmn\r\n"), 10);
    assert_int_equal(witness_write(s.w, "mn\r\nmn\r\nmn"), 8);
    assert_int_equal(witness_write(s.w, "mn"), 0);
    sim_run_for(s.sim, 100);
    assert_string_equal(witness_told(s.w), "");
    sim_server_continue(s.server);
    sim_run_for(s.sim, 1);
    assert_non_null(strstr(witness_told(s.w), "writable"));
    assert_string_equal(witness_input(s.w), "MN\r\nMN\r\nERROR\r\nMN\r\n");
    scene_close(&s);
}

static void a_failing_write_says_so_and_takes_nothing(void **state)
{
    (void)state;
    struct scene s = connected();
    sim_client_fail_writes(s.client, -ENOBUFS, 1);
    assert_int_equal(witness_write(s.w, "mn\r\n"), -ENOBUFS);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "");
    scene_close(&s);
}

static void input_may_come_in_slices(void **state)
{
    (void)state;
    struct sim_options options = sim_options(1);
    options.segment_bytes = 3;
    struct scene s = connected_with(options);
    witness_write(s.w, "version\r\n");
    sim_run_for(s.sim, 5);
    assert_string_equal(witness_told(s.w),
        "received(3) received(3) received(3) received(3) received(3) received(1)");
    assert_string_equal(witness_input(s.w), "VERSION 1.6.18\r\n");
    scene_close(&s);
}

static void slices_may_come_one_by_one_over_time(void **state)
{
    (void)state;
    struct sim_options options = sim_options(1);
    options.segment_bytes = 1;
    options.segment_gap_us = 1000;
    struct scene s = connected_with(options);
    witness_write(s.w, "mn\r\n");
    sim_run_for(s.sim, 4);
    assert_string_equal(witness_told(s.w), "received(1)");
    sim_run_for(s.sim, 3);
    assert_string_equal(witness_told(s.w), "received(1) received(1) received(1)");
    scene_close(&s);
}

static void free_room(void *owner)
{
    struct witness *w = owner;
    w->room = sizeof w->buffer;
}

static void without_memory_reading_is_tried_again(void **state)
{
    (void)state;
    struct scene s = connected();
    witness_write(s.w, "mn\r\n");
    s.w->room = 0;
    sim_at(s.sim, sim_now_ms(s.sim) + 2, free_room, s.w);
    sim_run_for(s.sim, 20);
    assert_string_equal(witness_told(s.w), "full full received(4)");
    scene_close(&s);
}

static void the_end_waits_for_bytes_there_was_no_memory_for(void **state)
{
    (void)state;
    struct scene s = connected();
    witness_write(s.w, "mn\r\nquit\r\n");
    s.w->room = 0;
    sim_at(s.sim, sim_now_ms(s.sim) + 2, free_room, s.w);
    sim_run_for(s.sim, 20);
    assert_string_equal(witness_told(s.w), "full full received(4) ended(0)");
    scene_close(&s);
}

static void small_reserves_get_all_that_arrived_in_one_poll(void **state)
{
    (void)state;
    struct scene s = connected();
    s.w->room = 2;
    witness_write(s.w, "mn\r\n");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "received(2) received(2)");
    scene_close(&s);
}

static void a_fin_is_told_once_behind_the_last_byte(void **state)
{
    (void)state;
    struct scene s = connected();
    witness_write(s.w, "mn\r\nquit\r\n");
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "received(4) ended(0)");
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "");
    scene_close(&s);
}

static void a_peer_that_half_closed_goes_on_reading(void **state)
{
    (void)state;
    struct scene s = connected();
    sim_half_close(s.server, sim_server_newest(s.server));
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "ended(0)");
    assert_int_equal(witness_write(s.w, "ms a 2\r\nhi\r\n"), 12);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "");
    assert_string_equal(engine_get(sim_server_engine(s.server), 0, "a")->value, "hi");
    scene_close(&s);
}

static void after_our_shutdown_the_replies_still_come_and_then_the_end(void **state)
{
    (void)state;
    struct scene s = connected();
    witness_write(s.w, "mn\r\n");
    rc_stream_shutdown(s.w->stream);
    assert_int_equal(witness_write(s.w, "mn\r\n"), -EPIPE);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "received(4) ended(0)");
    assert_int_equal(sim_server_connections(s.server), 0);
    scene_close(&s);
}

static void a_reset_by_the_peer_is_told_behind_what_had_arrived(void **state)
{
    (void)state;
    struct scene s = connected();
    char expected[64];
    snprintf(expected, sizeof expected, "received(4) ended(%d)", -ECONNRESET);
    sim_cut_after(s.server, sim_server_newest(s.server), 4, SIM_RST);
    witness_write(s.w, "version\r\n");
    sim_run_for(s.sim, 5);
    assert_string_equal(witness_told(s.w), expected);
    assert_int_equal(witness_write(s.w, "mn\r\n"), -EPIPE);
    scene_close(&s);
}

static void an_error_of_our_own_kernel_ends_it_and_the_server_hears_nothing(void **state)
{
    (void)state;
    struct scene s = connected();
    char expected[64];
    snprintf(expected, sizeof expected, "ended(%d)", -ETIMEDOUT);
    sim_local_error(s.server, sim_server_newest(s.server), -ETIMEDOUT);
    sim_run_for(s.sim, 5);
    assert_string_equal(witness_told(s.w), expected);
    assert_int_equal(sim_server_connections(s.server), 1);
    scene_close(&s);
}

static void the_first_write_behind_an_error_says_which(void **state)
{
    (void)state;
    struct scene s = connected();
    sim_local_error(s.server, sim_server_newest(s.server), -ETIMEDOUT);
    assert_int_equal(witness_write(s.w, "mn\r\n"), -ETIMEDOUT);
    sim_run_for(s.sim, 5);
    assert_int_equal(witness_write(s.w, "mn\r\n"), -EPIPE);
    scene_close(&s);
}

static void nothing_is_told_after_close(void **state)
{
    (void)state;
    struct scene s = connected();
    witness_write(s.w, "mn\r\n");
    rc_stream_close(s.w->stream);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "");
    assert_int_equal(sim_client_streams(s.client), 0);
    assert_int_equal(sim_server_connections(s.server), 0);
    scene_close(&s);
}

static void nothing_is_told_after_reset_and_the_peer_sees_it(void **state)
{
    (void)state;
    struct scene s = connected();
    rc_stream_reset(s.w->stream);
    assert_int_equal(sim_server_connections(s.server), 1);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "");
    assert_int_equal(sim_server_connections(s.server), 0);
    scene_close(&s);
}

static void a_reset_takes_back_what_the_peer_had_no_room_for(void **state)
{
    (void)state;
    struct sim_options options = sim_options(1);
    options.receive_bytes = 12;
    for (int reset = 0; reset < 2; reset++) {
        struct scene s = connected_with(options);
        sim_server_stop(s.server);
        witness_write(s.w, "ms a 2\r\nhi\r\nms b 2\r\nhi\r\n");
        (reset ? rc_stream_reset : rc_stream_close)(s.w->stream);
        sim_run_for(s.sim, 10);
        sim_server_continue(s.server);
        sim_run_for(s.sim, 10);
        assert_non_null(engine_get(sim_server_engine(s.server), 0, "a"));
        assert_int_equal(engine_get(sim_server_engine(s.server), 0, "b") == NULL, reset);
        scene_close(&s);
    }
}

static void closing_before_the_connection_stands_is_silent(void **state)
{
    (void)state;
    struct scene s = scene();
    witness_connect(s.w, "10.0.0.1", 11211);
    rc_stream_close(s.w->stream);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "");
    assert_int_equal(sim_server_connections(s.server), 0);
    scene_close(&s);
}

static void close_it(struct witness *w, const char *event)
{
    (void)event;
    rc_stream_close(w->stream);
}

static void a_stream_may_be_closed_at_any_event_and_then_hears_no_more(void **state)
{
    (void)state;
    struct scene s = scene();
    s.w->act = close_it;
    witness_connect(s.w, "10.0.0.1", 11211);
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "connected(0)");
    s.w->act = NULL;
    witness_connect(s.w, "10.0.0.1", 11211);
    sim_run_for(s.sim, 10);
    witness_told(s.w);
    witness_write(s.w, "mn\r\nquit\r\n");
    s.w->act = close_it;
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "received(4)");
    scene_close(&s);
}

static void close_the_other(struct witness *w, const char *event)
{
    if (strcmp(event, "received") == 0 && w->acts++ == 0) {
        rc_stream_close(w->other->stream);
    }
}

static void a_stream_closed_at_anothers_event_hears_no_more(void **state)
{
    (void)state;
    struct scene s = connected();
    struct witness *second = witness_new(s.sim, s.client);
    witness_connect(second, "10.0.0.1", 11211);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(second), "connected(0)");
    witness_write(s.w, "mn\r\n");
    witness_write(second, "mn\r\n");
    s.w->other = second;
    s.w->act = close_the_other;
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "received(4)");
    assert_string_equal(witness_told(second), "");
    witness_free(second);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_stands_after_one_round_trip),
        cmocka_unit_test(a_port_where_nobody_listens_refuses),
        cmocka_unit_test(a_connect_may_fail_at_once_and_then_tells_nothing),
        cmocka_unit_test(bytes_come_back_after_a_round_trip_where_reserve_said),
        cmocka_unit_test(a_write_joins_its_parts),
        cmocka_unit_test(a_short_write_is_followed_by_writable_once),
        cmocka_unit_test(writable_does_not_come_again_with_other_news),
        cmocka_unit_test(a_full_kernel_takes_a_part_then_nothing_until_the_server_reads),
        cmocka_unit_test(a_failing_write_says_so_and_takes_nothing),
        cmocka_unit_test(input_may_come_in_slices),
        cmocka_unit_test(slices_may_come_one_by_one_over_time),
        cmocka_unit_test(without_memory_reading_is_tried_again),
        cmocka_unit_test(the_end_waits_for_bytes_there_was_no_memory_for),
        cmocka_unit_test(small_reserves_get_all_that_arrived_in_one_poll),
        cmocka_unit_test(a_fin_is_told_once_behind_the_last_byte),
        cmocka_unit_test(a_peer_that_half_closed_goes_on_reading),
        cmocka_unit_test(after_our_shutdown_the_replies_still_come_and_then_the_end),
        cmocka_unit_test(a_reset_by_the_peer_is_told_behind_what_had_arrived),
        cmocka_unit_test(an_error_of_our_own_kernel_ends_it_and_the_server_hears_nothing),
        cmocka_unit_test(the_first_write_behind_an_error_says_which),
        cmocka_unit_test(nothing_is_told_after_close),
        cmocka_unit_test(nothing_is_told_after_reset_and_the_peer_sees_it),
        cmocka_unit_test(a_reset_takes_back_what_the_peer_had_no_room_for),
        cmocka_unit_test(closing_before_the_connection_stands_is_silent),
        cmocka_unit_test(a_stream_may_be_closed_at_any_event_and_then_hears_no_more),
        cmocka_unit_test(a_stream_closed_at_anothers_event_hears_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
