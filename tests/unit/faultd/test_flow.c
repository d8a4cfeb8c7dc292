/* SPDX-License-Identifier: MIT */
/* One direction of a connection: which bytes leave it, and at which millisecond. */
#include "flow_bench.h"

#include <stdlib.h>

static void command(struct bench *bench, const char *line)
{
    assert_true(bench_command(bench, line));
}

static void receive(struct bench *bench, const char *bytes)
{
    assert_true(flow_receive(&bench->flow, bytes, strlen(bytes), bench->now_ms));
}

/* What has left up to now, since the last time. */
static void assert_left(struct bench *bench, const char *bytes)
{
    bench_drain(bench);
    bench->out[bench->len] = '\0';
    assert_string_equal(bench->out, bytes);
    bench->len = 0;
}

static void later(struct bench *bench, uint64_t ms)
{
    bench->now_ms += ms;
}

/* Up to three lines, ten letters in pieces of `piece` bytes, and the end of the sender. */
static void pass_in_pieces(struct bench *bench, const char *const lines[3], size_t piece)
{
    static const char letters[] = "abcdefghij";
    bench_open(bench);
    for (size_t i = 0; i < 3 && lines[i] != NULL; i++)
        command(bench, lines[i]);
    for (size_t at = 0; at < sizeof letters - 1; at += piece) {
        size_t left = sizeof letters - 1 - at;
        assert_true(
            flow_receive(&bench->flow, letters + at, left < piece ? left : piece, bench->now_ms));
        if (piece % 2 == 1)
            bench_drain(bench);
    }
    assert_true(flow_end(&bench->flow, bench->now_ms));
    bench_drain(bench);
    bench->out[bench->len] = '\0';
}

static void edits_do_not_depend_on_how_the_bytes_are_split(void **state)
{
    static const struct {
        const char *lines[3];
        const char *out, *told;
    } rows[] = {
        {{NULL}, "abcdefghij$", ""},
        {{"after 0 bytes down drop 1"}, "bcdefghij$", "drop@0 "},
        {{"after 9 bytes down drop 1"}, "abcdefghi$", "drop@9 "},
        {{"after 8 bytes down drop 5"}, "abcdefgh$", "drop@8 "},
        {{"after 10 bytes down drop 1"}, "abcdefghij$", "drop@10 "},
        {{"after 11 bytes down drop 1"}, "abcdefghij$", ""},
        {{"after 2 bytes down duplicate 3"}, "abcdecdefghij$", "duplicate@2 "},
        {{"after 8 bytes down duplicate 3"}, "abcdefghijij$", "duplicate@8 "},
        {{"after 5 bytes down insert \"XY\""}, "abcdeXYfghij$", "insert@5 "},
        {{"after 0 bytes down insert \"XY\""}, "XYabcdefghij$", "insert@0 "},
        {{"after 10 bytes down insert \"XY\""}, "abcdefghijXY$", "insert@10 "},
        {{"after 1 bytes down swap 2"}, "adebcfghij$", "swap@1 "},
        {{"after 0 bytes down swap 5"}, "fghijabcde$", "swap@0 "},
        {{"after 6 bytes down swap 3"}, "abcdefjghi$", "swap@6 "},
        {{"after 8 bytes down swap 3"}, "abcdefghij$", "swap@8 "},
        {{"after 4 bytes down half-close"}, "abcd$", "half-close@4 "},
        {{"after 4 bytes down close"}, "abcd&", "close@4 "},
        {{"after 4 bytes down reset"}, "abcd!", "reset@4 "},
        {{"after 0 bytes down reset"}, "!", "reset@0 "},
        {{"after 4 bytes down stall"}, "abcd", "stall@4 "},
        /* At the same place, in their order; inside an edit, behind it. */
        {{"after 2 bytes down insert \"1\"", "after 2 bytes down insert \"2\""}, "ab12cdefghij$",
            "insert@2 insert@2 "},
        {{"after 2 bytes down drop 4", "after 3 bytes down insert \"1\""}, "ab1ghij$",
            "drop@2 insert@6 "},
        {{"after 7 bytes down drop 1", "after 2 bytes down drop 1",
             "after 5 bytes down duplicate 1"},
            "abdeffgij$", "drop@2 duplicate@5 drop@7 "},
        {{"after 2 bytes down close", "after 2 bytes down insert \"1\""}, "ab&", "close@2 "},
        /* Without a place, with the next byte. */
        {{"drop 3", "drop 2"}, "fghij$", "drop@0 drop@3 "},
        {{"insert \"1\"", "swap 1"}, "1bacdefghij$", "insert@0 swap@0 "},
        {{"discard"}, "$", ""},
    };
    struct bench bench;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t piece = 1; piece <= 10; piece++) {
            pass_in_pieces(&bench, rows[i].lines, piece);
            assert_string_equal(bench.out, rows[i].out);
            assert_string_equal(bench.told, rows[i].told);
            flow_deinit(&bench.flow);
        }
    }
}

static void corrupt_bytes_all_differ_and_follow_the_seed(void **state)
{
    static const char *const lines[3] = {"after 2 bytes down corrupt 6"};
    char first[16];
    struct bench bench;
    (void)state;
    pass_in_pieces(&bench, lines, 10);
    memcpy(first, bench.out, 11);
    flow_deinit(&bench.flow);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(first[i] != "abcdefghij"[i], i >= 2 && i < 8);
    for (size_t piece = 1; piece < 10; piece++) {
        pass_in_pieces(&bench, lines, piece);
        assert_memory_equal(bench.out, first, 11);
        flow_deinit(&bench.flow);
    }
}

static void faults_of_each_reply_wait_for_a_turn(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    command(&bench, "after 2 bytes of each reply insert \"*\"");
    receive(&bench, "greeting");
    assert_left(&bench, "greeting");
    for (unsigned i = 0; i < 3; i++) {
        assert_true(flow_turn(&bench.flow, bench.now_ms));
        receive(&bench, "r");
        receive(&bench, "eply");
        receive(&bench, "more");
        assert_left(&bench, "re*plymore");
    }
    assert_string_equal(bench.told, "insert@10 insert@19 insert@28 ");
    flow_deinit(&bench.flow);
}

static void a_place_that_has_passed_does_nothing(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    receive(&bench, "abc");
    command(&bench, "after 2 bytes down drop 1");
    command(&bench, "after 3 bytes down drop 1");
    receive(&bench, "def");
    assert_left(&bench, "abcef");
    flow_deinit(&bench.flow);
}

static void latency_holds_to_the_millisecond(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    command(&bench, "latency 20ms");
    receive(&bench, "a");
    later(&bench, 19);
    receive(&bench, "b");
    assert_int_equal(bench_drain(&bench), 1020);
    assert_left(&bench, "");
    later(&bench, 1);
    assert_left(&bench, "a");
    command(&bench, "latency 0ms");
    receive(&bench, "c");
    assert_left(&bench, ""); /* behind what is on its way */
    assert_true(flow_end(&bench.flow, bench.now_ms));
    later(&bench, 18);
    assert_left(&bench, "");
    later(&bench, 1);
    assert_left(&bench, "bc$");
    flow_deinit(&bench.flow);
}

static void jitter_delays_without_reordering(void **state)
{
    struct bench bench;
    uint64_t least = UINT64_MAX, most = 0;
    (void)state;
    bench_open(&bench);
    command(&bench, "latency 10ms jitter 5ms");
    for (unsigned i = 0; i < 1000; i++) {
        const char letter[] = {(char)('a' + i % 26), '\0'};
        const uint64_t start_ms = bench.now_ms;
        receive(&bench, letter);
        bench.now_ms = bench_drain(&bench);
        assert_left(&bench, letter);
        const uint64_t taken_ms = bench.now_ms - start_ms;
        least = taken_ms < least ? taken_ms : least;
        most = taken_ms > most ? taken_ms : most;
    }
    assert_int_equal(least, 10);
    assert_int_equal(most, 15);
    for (char letter = 'a'; letter <= 'z'; letter++) {
        receive(&bench, (const char[]){letter, '\0'});
        later(&bench, 1);
    }
    later(&bench, 15);
    assert_left(&bench, "abcdefghijklmnopqrstuvwxyz");
    flow_deinit(&bench.flow);
}

static void slices_leave_with_a_gap_between(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    command(&bench, "slice 3 gap 10ms");
    receive(&bench, "abcdefgh");
    assert_left(&bench, "abc");
    later(&bench, 9);
    assert_left(&bench, "");
    later(&bench, 1);
    assert_left(&bench, "def");
    assert_int_equal(bench_drain(&bench), bench.now_ms + 10);
    later(&bench, 10);
    assert_left(&bench, "gh");
    flow_deinit(&bench.flow);
}

static void bandwidth_is_never_exceeded(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    command(&bench, "bandwidth 100");
    receive(&bench, "abcdefghij");
    assert_int_equal(bench_drain(&bench), 1010);
    for (unsigned sent = 0; sent < 10; sent++) {
        assert_int_equal(bench.len, sent);
        bench.now_ms = bench_drain(&bench);
        bench_drain(&bench);
    }
    assert_int_equal(bench.now_ms, 1100);
    /* What was not used is no credit for later, but for a little. */
    bench.len = 0;
    later(&bench, 3600 * 1000);
    receive(&bench, "abcdefghij");
    assert_left(&bench, "ab");
    flow_deinit(&bench.flow);
}

static void stalled_bytes_wait_and_flow_on(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    command(&bench, "stall");
    receive(&bench, "abc");
    assert_true(flow_has_room(&bench.flow));
    later(&bench, 100000);
    assert_left(&bench, "");
    command(&bench, "flow");
    assert_left(&bench, "abc");
    command(&bench, "blackhole");
    assert_false(flow_has_room(&bench.flow));
    command(&bench, "flow");
    assert_true(flow_has_room(&bench.flow));
    flow_deinit(&bench.flow);
}

static void what_waits_is_bounded(void **state)
{
    static char chunk[64 * 1024];
    struct bench bench;
    size_t taken = 0;
    (void)state;
    bench_open(&bench);
    command(&bench, "stall");
    for (; flow_has_room(&bench.flow); taken += sizeof chunk)
        assert_true(flow_receive(&bench.flow, chunk, sizeof chunk, bench.now_ms));
    assert_int_equal(taken, 1024 * 1024);
    /* Behind its end, whatever comes is thrown away, so that there is room. */
    command(&bench, "half-close");
    assert_true(flow_has_room(&bench.flow));
    assert_true(flow_receive(&bench.flow, chunk, sizeof chunk, bench.now_ms));
    assert_int_equal(bench.flow.queue.bytes, taken);
    flow_deinit(&bench.flow);
}

static void healing_ends_all_of_it_and_loses_no_byte(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    command(&bench, "latency 50ms jitter 5ms");
    command(&bench, "slice 1 gap 100ms");
    command(&bench, "bandwidth 1");
    command(&bench, "after 2 bytes down stall");
    command(&bench, "after 3 bytes down swap 4");
    command(&bench, "after 100 bytes down reset");
    receive(&bench, "abcdef");
    assert_left(&bench, "");
    assert_true(flow_heal(&bench.flow));
    assert_left(&bench, "abcdef");
    receive(&bench, "ghij");
    assert_left(&bench, "ghij");
    assert_int_equal(bench.flow.trigger_count, 0);
    flow_deinit(&bench.flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_do_not_depend_on_how_the_bytes_are_split),
        cmocka_unit_test(corrupt_bytes_all_differ_and_follow_the_seed),
        cmocka_unit_test(faults_of_each_reply_wait_for_a_turn),
        cmocka_unit_test(a_place_that_has_passed_does_nothing),
        cmocka_unit_test(latency_holds_to_the_millisecond),
        cmocka_unit_test(jitter_delays_without_reordering),
        cmocka_unit_test(slices_leave_with_a_gap_between),
        cmocka_unit_test(bandwidth_is_never_exceeded),
        cmocka_unit_test(stalled_bytes_wait_and_flow_on),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(healing_ends_all_of_it_and_loses_no_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
