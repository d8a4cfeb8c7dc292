/* SPDX-License-Identifier: MIT */
/* Silence, round trips, outages and whose fault an error is: to the millisecond, on both sides. */
#include "unit.h"

#include <errno.h>

#include "ringcache/status.h"
#include "server/health.h"
#include "server/pipeline.h"
#include "server/request.h"

enum { TIMEOUT_MS = 500, SLOT_BYTES = 100, SLOTS = 4 };

/* A pipeline on a connection whose kernel takes what it is told to. */
struct line {
    struct rc_pipeline p;
    struct rc_slot slots[SLOTS];
    size_t pushed;
    struct rc_liveness l;
};

static int begin(void **state)
{
    static struct line line;
    line = (struct line){0};
    *state = &line;
    return 0;
}

static void push(struct line *line, uint64_t now_ms)
{
    struct rc_slot *slot = &line->slots[line->pushed++];
    if (line->p.oldest == NULL) {
        rc_liveness_began(&line->l, now_ms);
    }
    rc_pipeline_push(&line->p, slot, SLOT_BYTES);
}

static void hand(struct line *line, size_t bytes, uint64_t now_ms)
{
    rc_pipeline_hand(&line->p, bytes);
    rc_liveness_sent(&line->l, &line->p, line->p.sent, now_ms);
}

static void answer(struct line *line, uint64_t now_ms)
{
    rc_liveness_received(&line->l, now_ms);
    rc_pipeline_pop(&line->p);
    rc_liveness_answered(&line->l, line->p.answered, now_ms);
}

/* Nothing heard since `since_ms`: silent from there on when the patience is over, not before. */
static void assert_silent_since(const struct line *line, uint64_t since_ms)
{
    uint32_t patience_ms = rc_liveness_patience(&line->l, TIMEOUT_MS);
    assert_int_equal(patience_ms, TIMEOUT_MS);
    uint64_t ends_ms = rc_liveness_since(&line->l) + patience_ms;
    assert_true(ends_ms > since_ms + TIMEOUT_MS - 1);
    assert_true(ends_ms <= since_ms + TIMEOUT_MS);
}

/* ---- silence ---- */

static void silence_counts_from_when_the_oldest_was_wholly_handed_over(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    hand(line, SLOT_BYTES, 1100);
    assert_silent_since(line, 1100);
}

static void silence_counts_from_the_last_byte_received_if_that_was_later(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    hand(line, SLOT_BYTES, 1100);
    rc_liveness_received(&line->l, 1099);
    assert_silent_since(line, 1100);
    rc_liveness_received(&line->l, 1101);
    assert_silent_since(line, 1101);
}

static void progress_of_the_oldests_own_writing_counts(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    hand(line, 1, 1100);
    assert_silent_since(line, 1100);
    hand(line, SLOT_BYTES - 2, 1300);
    assert_silent_since(line, 1300);
    hand(line, 1, 1500);
    assert_silent_since(line, 1500);
}

static void writing_of_later_requests_never_counts(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    push(line, 1000);
    hand(line, SLOT_BYTES, 1100);
    hand(line, 1, 1200);
    hand(line, SLOT_BYTES - 1, 1300);
    assert_silent_since(line, 1100);
}

static void a_write_that_ends_the_oldest_and_begins_the_next_counts(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    push(line, 1000);
    hand(line, SLOT_BYTES - 1, 1100);
    hand(line, 2, 1200);
    assert_silent_since(line, 1200);
    hand(line, 1, 1300);
    assert_silent_since(line, 1200);
}

static void a_write_of_nothing_is_no_progress(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    hand(line, 50, 1100);
    hand(line, 0, 1400);
    assert_silent_since(line, 1100);
}

static void bytes_that_this_process_still_holds_were_not_handed_over(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    rc_pipeline_hand(&line->p, SLOT_BYTES);
    rc_liveness_sent(&line->l, &line->p, 40, 1100);
    rc_liveness_sent(&line->l, &line->p, 40, 1200);
    assert_silent_since(line, 1100);
    rc_liveness_sent(&line->l, &line->p, SLOT_BYTES, 1300);
    assert_silent_since(line, 1300);
}

static void the_first_request_after_a_pause_starts_anew(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    hand(line, SLOT_BYTES, 1000);
    answer(line, 1000);
    push(line, 90000);
    assert_silent_since(line, 90000);
}

static void the_next_oldest_counts_from_the_answer_before_it(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    push(line, 1000);
    hand(line, 2 * SLOT_BYTES, 1000);
    answer(line, 1200);
    assert_silent_since(line, 1200);
}

static void the_next_oldest_counts_its_own_writing(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    push(line, 1000);
    hand(line, SLOT_BYTES + 1, 1000);
    answer(line, 1200);
    hand(line, 10, 1300);
    assert_silent_since(line, 1300);
}

/* ---- round trips and patience ---- */

/* One request, answered `trip_ms` after it was handed over. */
static void travel(struct line *line, uint64_t now_ms, uint64_t trip_ms)
{
    line->pushed = 0;
    push(line, now_ms);
    hand(line, SLOT_BYTES, now_ms);
    answer(line, now_ms + trip_ms);
}

static void the_first_round_trip_is_taken_whole_and_later_ones_by_an_eighth(void **state)
{
    struct line *line = *state;
    travel(line, 1000, 80);
    assert_int_equal(line->l.round_trip_ms, 80);
    travel(line, 2000, 160);
    assert_int_equal(line->l.round_trip_ms, 90);
    travel(line, 3000, 10);
    assert_int_equal(line->l.round_trip_ms, 80);
}

static void a_round_trip_begins_when_the_kernel_has_the_request(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    hand(line, SLOT_BYTES - 1, 1500);
    hand(line, 1, 2000);
    answer(line, 2030);
    assert_int_equal(line->l.round_trip_ms, 30);
}

static void a_round_trip_ends_with_its_own_answer_alone(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    push(line, 1000);
    hand(line, 2 * SLOT_BYTES, 1000); /* the sample waits for the second */
    answer(line, 1010);
    assert_int_equal(line->l.round_trip_ms, 0);
    push(line, 1020);
    hand(line, SLOT_BYTES, 1020);
    answer(line, 1100);
    assert_int_equal(line->l.round_trip_ms, 100);
    answer(line, 1200); /* no sample ran for the third: it left while one was running */
    assert_int_equal(line->l.round_trip_ms, 100);
}

static void a_stall_is_no_round_trip(void **state)
{
    struct line *line = *state;
    travel(line, 1000, 10);
    push(line, 2000);
    hand(line, SLOT_BYTES, 2000);
    rc_liveness_stalled(&line->l);
    push(line, 2500); /* sent into the stall */
    hand(line, SLOT_BYTES, 2500);
    answer(line, 5000);
    answer(line, 5000);
    assert_int_equal(line->l.round_trip_ms, 10);
    rc_liveness_received(&line->l, 5000);
    travel(line, 6000, 90);
    assert_int_equal(line->l.round_trip_ms, 20);
}

static void a_round_trip_has_an_upper_bound(void **state)
{
    struct line *line = *state;
    travel(line, 0, (uint64_t)1 << 60);
    assert_int_equal(line->l.round_trip_ms, UINT32_MAX / 8);
    travel(line, 0, (uint64_t)1 << 60);
    assert_int_equal(line->l.round_trip_ms, UINT32_MAX / 8);
}

static void patience_is_never_less_than_50_ms(void **state)
{
    (void)state;
    const struct rc_liveness l = {0};
    assert_int_equal(rc_liveness_patience(&l, 1), 50);
    assert_int_equal(rc_liveness_patience(&l, 49), 50);
    assert_int_equal(rc_liveness_patience(&l, 50), 50);
    assert_int_equal(rc_liveness_patience(&l, 51), 51);
}

static void patience_is_never_less_than_four_round_trips(void **state)
{
    (void)state;
    struct rc_liveness l = {.round_trip_ms = 124};
    assert_int_equal(rc_liveness_patience(&l, 500), 500);
    l.round_trip_ms = 125;
    assert_int_equal(rc_liveness_patience(&l, 500), 500);
    l.round_trip_ms = 126;
    assert_int_equal(rc_liveness_patience(&l, 500), 504);
    l.round_trip_ms = 13;
    assert_int_equal(rc_liveness_patience(&l, 1), 52);
    l.round_trip_ms = 12;
    assert_int_equal(rc_liveness_patience(&l, 1), 50);
    l.round_trip_ms = UINT32_MAX;
    assert_true(rc_liveness_patience(&l, 1) == UINT32_MAX);
}

/* ---- all servers at one moment ---- */

static void most_of_the_servers_silent_are_a_doubt_of_us(void **state)
{
    (void)state;
    static const struct {
        size_t serving, silent;
        bool doubted;
    } rows[] = {{1, 1, false}, {2, 1, false}, {2, 2, true}, {3, 1, false}, {3, 2, true},
        {4, 2, false}, {4, 3, true}, {4, 4, true}, {5, 2, false}, {5, 3, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct rc_census census = {
            .serving = rows[i].serving, .silent = rows[i].silent, .fell_ms = 1000};
        assert_int_equal(rc_census_doubts_us(&census, 1000, 500), rows[i].doubted);
        assert_int_equal(rc_census_doubts_us(&census, 90000, 500), rows[i].doubted);
    }
}

static void the_doubt_ends_when_others_were_heard_and_a_window_passed(void **state)
{
    (void)state;
    struct rc_census census = {.serving = 3, .silent = 2, .fell_ms = 1000, .heard_ms = 1001};
    assert_true(rc_census_doubts_us(&census, 1499, 500));
    assert_false(rc_census_doubts_us(&census, 1500, 500));
    census.heard_ms = 1000; /* it may have been before */
    assert_true(rc_census_doubts_us(&census, 1500, 500));
    assert_true(rc_census_doubts_us(&census, 90000, 500));
}

/* ---- outages ---- */

/* The next delay is anything from exactly `least_ms` to exactly `most_ms`. */
static void assert_next_between(
    struct rc_outage *o, uint64_t now_ms, uint32_t least_ms, uint32_t most_ms)
{
    static const uint64_t randoms[] = {0, 1, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof randoms / sizeof *randoms; i++) {
        struct rc_outage copy = *o;
        assert_in_range(rc_outage_next_probe(&copy, now_ms, randoms[i]), least_ms, most_ms);
    }
    uint64_t width = most_ms - least_ms;
    struct rc_outage least = *o, most = *o;
    assert_int_equal(rc_outage_next_probe(&least, now_ms, width + 1), least_ms);
    assert_int_equal(rc_outage_next_probe(&most, now_ms, width), most_ms);
    rc_outage_next_probe(o, now_ms, 0);
}

static void the_first_pause_is_drawn_from_all_of_its_span_and_later_ones_from_half(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 1000);
    assert_next_between(&o, 1000, 1, 150);
    assert_next_between(&o, 1000, 76, 153);
    assert_next_between(&o, 1000, 78, 156);
    assert_next_between(&o, 1000, 79, 159);
}

static void the_span_grows_evenly_to_a_second_within_the_first_minute(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 1000);
    for (int i = 0; i < 283; i++) {
        assert_int_equal(o.span_ms, 150 + 3 * i);
        rc_outage_next_probe(&o, 1000 + 59999, 0);
    }
    assert_next_between(&o, 1000 + 59999, 499, 999);
    assert_next_between(&o, 1000 + 59999, 500, 1000);
    assert_next_between(&o, 1000 + 59999, 500, 1000);
}

static void the_span_doubles_to_ten_seconds_once_the_first_minute_is_over(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 1000);
    rc_outage_next_probe(&o, 1000 + 59999, 0);
    static const uint32_t spans_ms[] = {153, 306, 612, 1224, 2448, 4896, 9792, 10000, 10000};
    for (size_t i = 0; i < sizeof spans_ms / sizeof *spans_ms; i++) {
        assert_next_between(&o, 1000 + 60000 + i, spans_ms[i] / 2, spans_ms[i]);
    }
    assert_next_between(&o, 1000 + 86400000, 5000, 10000);
}

static void a_new_outage_begins_low_again(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 1000);
    for (int i = 0; i < 100; i++) {
        rc_outage_next_probe(&o, 90000, 0);
    }
    rc_outage_end(&o, 91000);
    rc_outage_begin(&o, 91000 + 60000);
    assert_int_equal(o.flaps, 0);
    assert_next_between(&o, 91000 + 60000, 1, 150);
}

static void an_outage_within_a_minute_of_the_last_starts_higher(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 10);
    assert_int_equal(o.flaps, 0); /* the first of all follows none, however early */
    rc_outage_end(&o, 1000);
    rc_outage_begin(&o, 1000 + 59999);
    assert_int_equal(o.flaps, 1);
    assert_next_between(&o, 61000, 1, 300);
    rc_outage_end(&o, 62000);
    rc_outage_begin(&o, 62000);
    assert_int_equal(o.flaps, 2);
    assert_next_between(&o, 62000, 1, 600);
    rc_outage_end(&o, 63000);
    rc_outage_begin(&o, 63000 + 60000);
    assert_int_equal(o.flaps, 0);
}

static void flaps_lengthen_the_wait_up_to_a_second(void **state)
{
    (void)state;
    static const uint32_t spans_ms[] = {150, 300, 600, 1000, 1000};
    struct rc_outage o = {0};
    uint64_t now_ms = 1000;
    for (size_t i = 0; i < sizeof spans_ms / sizeof *spans_ms; i++) {
        rc_outage_begin(&o, now_ms++);
        assert_int_equal(o.flaps, i);
        assert_next_between(&o, now_ms, 1, spans_ms[i]);
        rc_outage_end(&o, now_ms++);
    }
    o.flaps = UINT32_MAX - 1;
    rc_outage_begin(&o, now_ms);
    assert_next_between(&o, now_ms, 1, 1000);
}

static void trouble_of_our_own_machine_is_not_the_servers(void **state)
{
    (void)state;
    static const int ours[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EADDRINUSE,
        ENETUNREACH, ENETDOWN, EPERM, EAFNOSUPPORT, EPROTONOSUPPORT, ENOSPC};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        assert_true(rc_error_is_local(-ours[i]));
        assert_false(rc_error_is_local(ours[i]));
        assert_false(rc_error_is_peers(-ours[i]));
    }
    static const int theirs[] = {0, -ECONNREFUSED, -ECONNRESET, -ETIMEDOUT, -EHOSTUNREACH, -EPIPE,
        -EACCES, -ENOENT, RINGCACHE_ETIMEDOUT, RINGCACHE_EAUTH, RINGCACHE_ESERVER};
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
        assert_false(rc_error_is_local(theirs[i]));
    }
}

static void only_the_peers_own_end_proves_that_it_is_over(void **state)
{
    (void)state;
    assert_true(rc_error_is_peers(0));
    assert_true(rc_error_is_peers(-ECONNRESET));
    assert_true(rc_error_is_peers(-EPIPE));
    static const int opinions[] = {-ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH, -ECONNREFUSED,
        -ECONNABORTED, -ENETDOWN, ECONNRESET, RINGCACHE_ETIMEDOUT, RINGCACHE_EPROTOCOL};
    for (size_t i = 0; i < sizeof opinions / sizeof *opinions; i++) {
        assert_false(rc_error_is_peers(opinions[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(silence_counts_from_when_the_oldest_was_wholly_handed_over, begin),
        cmocka_unit_test_setup(silence_counts_from_the_last_byte_received_if_that_was_later, begin),
        cmocka_unit_test_setup(progress_of_the_oldests_own_writing_counts, begin),
        cmocka_unit_test_setup(writing_of_later_requests_never_counts, begin),
        cmocka_unit_test_setup(a_write_that_ends_the_oldest_and_begins_the_next_counts, begin),
        cmocka_unit_test_setup(a_write_of_nothing_is_no_progress, begin),
        cmocka_unit_test_setup(bytes_that_this_process_still_holds_were_not_handed_over, begin),
        cmocka_unit_test_setup(the_first_request_after_a_pause_starts_anew, begin),
        cmocka_unit_test_setup(the_next_oldest_counts_from_the_answer_before_it, begin),
        cmocka_unit_test_setup(the_next_oldest_counts_its_own_writing, begin),
        cmocka_unit_test_setup(
            the_first_round_trip_is_taken_whole_and_later_ones_by_an_eighth, begin),
        cmocka_unit_test_setup(a_round_trip_begins_when_the_kernel_has_the_request, begin),
        cmocka_unit_test_setup(a_round_trip_ends_with_its_own_answer_alone, begin),
        cmocka_unit_test_setup(a_stall_is_no_round_trip, begin),
        cmocka_unit_test_setup(a_round_trip_has_an_upper_bound, begin),
        cmocka_unit_test(patience_is_never_less_than_50_ms),
        cmocka_unit_test(patience_is_never_less_than_four_round_trips),
        cmocka_unit_test(most_of_the_servers_silent_are_a_doubt_of_us),
        cmocka_unit_test(the_doubt_ends_when_others_were_heard_and_a_window_passed),
        cmocka_unit_test(the_first_pause_is_drawn_from_all_of_its_span_and_later_ones_from_half),
        cmocka_unit_test(the_span_grows_evenly_to_a_second_within_the_first_minute),
        cmocka_unit_test(the_span_doubles_to_ten_seconds_once_the_first_minute_is_over),
        cmocka_unit_test(a_new_outage_begins_low_again),
        cmocka_unit_test(an_outage_within_a_minute_of_the_last_starts_higher),
        cmocka_unit_test(flaps_lengthen_the_wait_up_to_a_second),
        cmocka_unit_test(trouble_of_our_own_machine_is_not_the_servers),
        cmocka_unit_test(only_the_peers_own_end_proves_that_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
