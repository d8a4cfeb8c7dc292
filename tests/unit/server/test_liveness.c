/* SPDX-License-Identifier: MIT */
/* Silence and round trips of a connection: to the millisecond, on both sides. */
#include "unit.h"

#include "server/liveness.h"
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
    rc_liveness_sent(&line->l, &line->p, line->p.sent, now_ms, now_ms * 1000);
}

static void hear(struct line *line, uint64_t now_ms)
{
    rc_liveness_received(&line->l, now_ms, now_ms * 1000);
}

static void answer(struct line *line, uint64_t now_ms)
{
    hear(line, now_ms);
    rc_pipeline_pop(&line->p);
    rc_liveness_answered(&line->l, line->p.answered);
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
    hear(line, 1099);
    assert_silent_since(line, 1100);
    hear(line, 1101);
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
    rc_liveness_sent(&line->l, &line->p, 40, 1100, 1100000);
    rc_liveness_sent(&line->l, &line->p, 40, 1200, 1200000);
    assert_silent_since(line, 1100);
    rc_liveness_sent(&line->l, &line->p, SLOT_BYTES, 1300, 1300000);
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
    assert_int_equal(line->l.round_trip_us, 80000);
    travel(line, 2000, 160);
    assert_int_equal(line->l.round_trip_us, 90000);
    travel(line, 3000, 10);
    assert_int_equal(line->l.round_trip_us, 80000);
}

static void a_round_trip_begins_when_the_kernel_has_the_request(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    hand(line, SLOT_BYTES - 1, 1500);
    hand(line, 1, 2000);
    answer(line, 2030);
    assert_int_equal(line->l.round_trip_us, 30000);
}

static void a_round_trip_ends_with_its_own_answer_alone(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    push(line, 1000);
    hand(line, 2 * SLOT_BYTES, 1000); /* the sample waits for the second */
    answer(line, 1010);
    assert_int_equal(line->l.round_trip_us, 0);
    push(line, 1020);
    hand(line, SLOT_BYTES, 1020);
    answer(line, 1100);
    assert_int_equal(line->l.round_trip_us, 100000);
    answer(line, 1200); /* no sample ran for the third: it left while one was running */
    assert_int_equal(line->l.round_trip_us, 100000);
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
    assert_int_equal(line->l.round_trip_us, 10000);
    hear(line, 5000);
    travel(line, 6000, 90);
    assert_int_equal(line->l.round_trip_us, 20000);
}

static void a_round_trip_has_an_upper_bound(void **state)
{
    struct line *line = *state;
    travel(line, 0, (uint64_t)1 << 50);
    assert_int_equal(line->l.round_trip_us, UINT32_MAX / 8);
    travel(line, 0, (uint64_t)1 << 50);
    assert_int_equal(line->l.round_trip_us, UINT32_MAX / 8);
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
    struct rc_liveness l = {.round_trip_us = 125000};
    assert_int_equal(rc_liveness_patience(&l, 500), 500);
    l.round_trip_us = 125001;
    assert_int_equal(rc_liveness_patience(&l, 500), 501);
    l.round_trip_us = 125250;
    assert_int_equal(rc_liveness_patience(&l, 500), 501);
    l.round_trip_us = 126000;
    assert_int_equal(rc_liveness_patience(&l, 500), 504);
    l.round_trip_us = 12501;
    assert_int_equal(rc_liveness_patience(&l, 1), 51);
    l.round_trip_us = 12500;
    assert_int_equal(rc_liveness_patience(&l, 1), 50);
    l.round_trip_us = UINT32_MAX;
    assert_int_equal(rc_liveness_patience(&l, 1), 17179870);
    assert_true(rc_liveness_patience(&l, UINT32_MAX) == UINT32_MAX);
}

static void a_round_trip_is_measured_in_microseconds(void **state)
{
    struct line *line = *state;
    push(line, 1000);
    rc_pipeline_hand(&line->p, SLOT_BYTES);
    rc_liveness_sent(&line->l, &line->p, SLOT_BYTES, 1000, 1000999);
    rc_liveness_received(&line->l, 1001, 1001049);
    rc_pipeline_pop(&line->p);
    rc_liveness_answered(&line->l, line->p.answered);
    assert_int_equal(line->l.round_trip_us, 50);
}

/* ---- those who are asked ---- */

static void a_window_is_the_timeout_and_never_less_than_50_ms(void **state)
{
    (void)state;
    assert_int_equal(rc_silence_window_ms(1), 50);
    assert_int_equal(rc_silence_window_ms(50), 50);
    assert_int_equal(rc_silence_window_ms(51), 51);
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
        cmocka_unit_test_setup(a_round_trip_is_measured_in_microseconds, begin),
        cmocka_unit_test(patience_is_never_less_than_50_ms),
        cmocka_unit_test(patience_is_never_less_than_four_round_trips),
        cmocka_unit_test(a_window_is_the_timeout_and_never_less_than_50_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
