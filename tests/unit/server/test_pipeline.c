/* SPDX-License-Identifier: MIT */
/* Which replies are due, and what of the output never left. */
#include "unit.h"

#include "server/pipeline.h"
#include "server/request.h"

enum { SLOTS = 4, TOTAL = 100 };

/* get, set, delete, get: of 10, 20, 30 and 40 bytes. */
static const enum rc_verb verbs[SLOTS] = {RC_VERB_GET, RC_VERB_SET, RC_VERB_DELETE, RC_VERB_GET};
static const uint64_t ends[SLOTS] = {10, 30, 60, TOTAL};

struct line {
    struct rc_pipeline p;
    struct rc_slot slots[SLOTS];
};

static int begin(void **state)
{
    static struct line line;
    line = (struct line){0};
    uint64_t start = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        line.slots[i].verb = (uint8_t)verbs[i];
        line.slots[i].next = &line.slots[0]; /* pushing says what follows, not what was there */
        rc_pipeline_push(&line.p, &line.slots[i], (size_t)(ends[i] - start));
        start = ends[i];
    }
    *state = &line;
    return 0;
}

/* The slots due are those from `first` to before `end`. */
static void assert_due(const struct line *line, size_t first, size_t end)
{
    uint32_t writes = 0;
    const struct rc_slot *slot = line->p.oldest;
    for (size_t i = first; i < end; i++, slot = slot->next) {
        assert_ptr_equal(slot, &line->slots[i]);
        assert_true(slot->due);
        writes += verbs[i] == RC_VERB_SET || verbs[i] == RC_VERB_DELETE;
    }
    assert_null(slot);
    assert_ptr_equal(line->p.newest, first < end ? &line->slots[end - 1] : NULL);
    assert_int_equal(line->p.count, end - first);
    assert_int_equal(line->p.writes, writes);
}

static void an_empty_pipeline_owes_nothing(void **state)
{
    (void)state;
    struct rc_pipeline p = {0};
    assert_false(rc_pipeline_oldest_left(&p));
    assert_null(rc_pipeline_cut_unsent(&p));
    assert_int_equal(p.count, 0);
}

static void each_slot_has_the_bytes_of_its_command(void **state)
{
    struct line *line = *state;
    assert_due(line, 0, SLOTS);
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(line->slots[i].bytes, ends[i] - (i > 0 ? ends[i - 1] : 0));
    }
    assert_int_equal(line->p.encoded, TOTAL);
    assert_int_equal(line->p.sent, 0);
    assert_int_equal(line->p.answered, 0);
}

static void replies_are_due_in_the_order_of_the_commands(void **state)
{
    struct line *line = *state;
    rc_pipeline_hand(&line->p, TOTAL);
    for (size_t i = 0; i < SLOTS; i++) {
        assert_ptr_equal(rc_pipeline_pop(&line->p), &line->slots[i]);
        assert_false(line->slots[i].due);
        assert_int_equal(line->p.answered, ends[i]);
        assert_due(line, i + 1, SLOTS);
    }
    assert_false(rc_pipeline_oldest_left(&line->p));
}

static void an_emptied_pipeline_goes_on_at_its_offset(void **state)
{
    struct line *line = *state;
    rc_pipeline_hand(&line->p, TOTAL);
    for (size_t i = 0; i < SLOTS; i++) {
        rc_pipeline_pop(&line->p);
    }
    rc_pipeline_push(&line->p, &line->slots[1], 5);
    assert_int_equal(line->p.encoded, TOTAL + 5);
    assert_int_equal(line->p.answered, TOTAL);
    assert_due(line, 1, 2);
    assert_false(rc_pipeline_oldest_left(&line->p));
    rc_pipeline_hand(&line->p, 1);
    assert_true(rc_pipeline_oldest_left(&line->p));
}

static void a_corrected_command_is_answered_where_it_ends(void **state)
{
    struct line *line = *state;
    rc_pipeline_correct(&line->p, 7);
    rc_pipeline_correct(&line->p, (size_t)-3); /* four more in all */
    assert_int_equal(line->p.encoded, TOTAL + 4);
    rc_pipeline_hand(&line->p, TOTAL + 4);
    for (size_t i = 0; i < SLOTS; i++) {
        rc_pipeline_pop(&line->p);
    }
    assert_int_equal(line->p.answered, TOTAL + 4);
}

static void the_oldest_has_left_with_its_first_byte(void **state)
{
    struct line *line = *state;
    assert_false(rc_pipeline_oldest_left(&line->p));
    rc_pipeline_hand(&line->p, 1);
    assert_true(rc_pipeline_oldest_left(&line->p));
    rc_pipeline_hand(&line->p, 9); /* the end of the first */
    assert_true(rc_pipeline_oldest_left(&line->p));
    rc_pipeline_pop(&line->p);
    assert_false(rc_pipeline_oldest_left(&line->p));
    rc_pipeline_hand(&line->p, 1);
    assert_true(rc_pipeline_oldest_left(&line->p));
}

static void of_a_batch_that_left_in_part_every_reply_may_come(void **state)
{
    (void)state;
    struct line line = {0};
    for (size_t i = 0; i < SLOTS; i++) {
        line.slots[i].verb = RC_VERB_GET;
        line.slots[i].joined = i == 1 || i == 2; /* three in a batch, and one behind it */
        rc_pipeline_push(&line.p, &line.slots[i], i == 1 || i == 2 ? 1 : 40);
    }
    assert_false(rc_pipeline_oldest_left(&line.p));
    rc_pipeline_hand(&line.p, 20);
    for (size_t i = 0; i < 3; i++) {
        assert_true(rc_pipeline_oldest_left(&line.p));
        rc_pipeline_pop(&line.p);
    }
    assert_false(rc_pipeline_oldest_left(&line.p));
}

static void a_cut_leaves_a_batch_whole_of_which_its_first_left(void **state)
{
    (void)state;
    for (size_t sent = 0; sent <= 42; sent++) {
        struct line line = {0};
        for (size_t i = 0; i < SLOTS; i++) {
            bool joined = i == 1 || i == 2;
            line.slots[i].verb = RC_VERB_GET;
            line.slots[i].joined = joined;
            rc_pipeline_push(&line.p, &line.slots[i], joined ? 1 : 40);
        }
        rc_pipeline_hand(&line.p, sent);
        assert_ptr_equal(rc_pipeline_cut_unsent(&line.p), &line.slots[sent == 0 ? 0 : 3]);
        assert_int_equal(line.p.count, sent == 0 ? 0 : 3);
        assert_int_equal(line.p.encoded, sent == 0 ? 0 : 42);
    }
}

static size_t first_unsent(size_t answered, uint64_t sent)
{
    size_t i = answered;
    while (i < SLOTS && (i == 0 ? 0 : ends[i - 1]) < sent) {
        i++;
    }
    return i;
}

static void assert_cut(struct line *line, size_t answered, uint64_t sent)
{
    size_t cut = first_unsent(answered, sent);
    const struct rc_slot *slot = rc_pipeline_cut_unsent(&line->p);
    for (size_t i = cut; i < SLOTS; i++, slot = slot->next) {
        assert_ptr_equal(slot, &line->slots[i]);
        assert_false(slot->due);
    }
    assert_null(slot);
    assert_due(line, answered, cut);
    assert_int_equal(line->p.encoded, cut == 0 ? 0 : ends[cut - 1]);
    assert_int_equal(line->p.sent, sent);
    assert_null(rc_pipeline_cut_unsent(&line->p));
}

static void a_cut_takes_exactly_what_no_byte_left_of_at_every_offset(void **state)
{
    struct line *line = *state;
    for (size_t answered = 0; answered <= SLOTS; answered++) {
        uint64_t start = answered == 0 ? 0 : ends[answered - 1];
        for (uint64_t sent = start; sent <= TOTAL; sent++) {
            begin(state);
            rc_pipeline_hand(&line->p, (size_t)sent);
            for (size_t i = 0; i < answered; i++) {
                rc_pipeline_pop(&line->p);
            }
            assert_cut(line, answered, sent);
        }
    }
}

static void what_is_pushed_after_a_cut_follows_what_stayed(void **state)
{
    struct line *line = *state;
    rc_pipeline_hand(&line->p, 15); /* the first, and part of the second */
    assert_ptr_equal(rc_pipeline_cut_unsent(&line->p), &line->slots[2]);
    rc_pipeline_push(&line->p, &line->slots[2], 7);
    assert_int_equal(line->p.encoded, 37);
    assert_due(line, 0, 3);
}

static void a_pipeline_cut_to_nothing_takes_new_commands(void **state)
{
    struct line *line = *state;
    assert_ptr_equal(rc_pipeline_cut_unsent(&line->p), &line->slots[0]);
    rc_pipeline_push(&line->p, &line->slots[3], 8);
    assert_int_equal(line->p.encoded, 8);
    assert_due(line, 3, 4);
}

static void a_tombstone_is_still_due(void **state)
{
    struct line *line = *state;
    line->slots[1].tombstone = true;
    assert_due(line, 0, SLOTS);
    rc_pipeline_hand(&line->p, TOTAL);
    rc_pipeline_pop(&line->p);
    assert_ptr_equal(rc_pipeline_pop(&line->p), &line->slots[1]);
    assert_due(line, 2, SLOTS);
}

static void a_proof_is_due_until_it_was_answered_or_cut(void **state)
{
    (void)state;
    struct rc_pipeline p = {0};
    struct rc_slot plain = {.verb = RC_VERB_GET};
    struct rc_slot proofs[2] = {{.strict = true}, {.strict = true}};
    rc_pipeline_push(&p, &plain, 10);
    assert_int_equal(p.proofs, 0);
    rc_pipeline_push(&p, &proofs[0], 10);
    rc_pipeline_push(&p, &proofs[1], 10);
    assert_int_equal(p.proofs, 2);
    rc_pipeline_hand(&p, 20);
    assert_ptr_equal(rc_pipeline_cut_unsent(&p), &proofs[1]);
    assert_int_equal(p.proofs, 1);
    rc_pipeline_pop(&p);
    assert_int_equal(p.proofs, 1);
    rc_pipeline_pop(&p);
    assert_int_equal(p.proofs, 0);
}

/* ---- what is fetched ahead ---- */

enum { AHEAD = RC_PIPELINE_AHEAD, QUEUE = 3 * AHEAD };

static void push_range(struct rc_pipeline *p, struct rc_slot *slots, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        slots[i].ahead = &slots[0]; /* pushing says what is ahead, not what was there */
        rc_pipeline_push(p, &slots[i], 10);
    }
}

/* Each of those knows the one so many places behind it, if that was pushed before `end`. */
static void assert_ahead(struct rc_slot *slots, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        assert_ptr_equal(slots[i].ahead, i + AHEAD < end ? &slots[i + AHEAD] : NULL);
    }
}

static void a_slot_knows_the_one_to_be_fetched_when_it_is_answered(void **state)
{
    (void)state;
    struct rc_pipeline p = {0};
    struct rc_slot slots[QUEUE] = {0};
    for (size_t end = 1; end <= QUEUE; end++) {
        push_range(&p, slots, end - 1, end);
        assert_ahead(slots, 0, end);
    }
}

static void slots_know_what_is_ahead_whenever_older_ones_are_answered(void **state)
{
    (void)state;
    for (size_t first = 1; first <= AHEAD + 1; first++) {
        for (size_t answered = 0; answered <= first; answered++) {
            struct rc_pipeline p = {0};
            struct rc_slot slots[QUEUE] = {0};
            push_range(&p, slots, 0, first);
            for (size_t i = 0; i < answered; i++) {
                assert_ptr_equal(rc_pipeline_pop(&p), &slots[i]);
            }
            push_range(&p, slots, first, QUEUE);
            assert_ahead(slots, answered, QUEUE);
        }
    }
}

static void what_is_pushed_behind_a_cut_touches_none_that_was_cut(void **state)
{
    (void)state;
    for (size_t kept = 0; kept < AHEAD; kept++) {
        struct rc_pipeline p = {0};
        struct rc_slot slots[QUEUE] = {0}, later[QUEUE] = {0};
        push_range(&p, slots, 0, QUEUE);
        rc_pipeline_hand(&p, kept * 10);
        assert_ptr_equal(rc_pipeline_cut_unsent(&p), &slots[kept]);
        struct rc_slot cut = slots[kept];
        push_range(&p, later, 0, QUEUE);
        assert_ahead(later, 0, QUEUE);
        assert_memory_equal(&slots[kept], &cut, sizeof cut);
        while (p.oldest != NULL) {
            rc_pipeline_pop(&p);
        }
        push_range(&p, slots, 0, QUEUE);
        assert_ahead(slots, 0, QUEUE);
    }
}

static void only_commands_that_change_what_is_stored_are_writes(void **state)
{
    (void)state;
    static const enum rc_verb readers[] = {RC_VERB_GET, RC_VERB_VERSION, RC_VERB_NOOP, RC_VERB_AUTH,
        RC_VERB_SELECT, RC_VERB_CLIENT_ID, RC_VERB_INFO, RC_VERB_CLIENT_KILL, RC_VERB_ECHO};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        assert_false(rc_verb_writes(readers[i]));
    }
    assert_true(rc_verb_writes(RC_VERB_SET));
    assert_true(rc_verb_writes(RC_VERB_DELETE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_pipeline_owes_nothing),
        cmocka_unit_test_setup(each_slot_has_the_bytes_of_its_command, begin),
        cmocka_unit_test_setup(replies_are_due_in_the_order_of_the_commands, begin),
        cmocka_unit_test_setup(an_emptied_pipeline_goes_on_at_its_offset, begin),
        cmocka_unit_test_setup(a_corrected_command_is_answered_where_it_ends, begin),
        cmocka_unit_test_setup(the_oldest_has_left_with_its_first_byte, begin),
        cmocka_unit_test(of_a_batch_that_left_in_part_every_reply_may_come),
        cmocka_unit_test(a_cut_leaves_a_batch_whole_of_which_its_first_left),
        cmocka_unit_test_setup(a_cut_takes_exactly_what_no_byte_left_of_at_every_offset, begin),
        cmocka_unit_test_setup(what_is_pushed_after_a_cut_follows_what_stayed, begin),
        cmocka_unit_test_setup(a_pipeline_cut_to_nothing_takes_new_commands, begin),
        cmocka_unit_test_setup(a_tombstone_is_still_due, begin),
        cmocka_unit_test(a_proof_is_due_until_it_was_answered_or_cut),
        cmocka_unit_test(a_slot_knows_the_one_to_be_fetched_when_it_is_answered),
        cmocka_unit_test(slots_know_what_is_ahead_whenever_older_ones_are_answered),
        cmocka_unit_test(what_is_pushed_behind_a_cut_touches_none_that_was_cut),
        cmocka_unit_test(only_commands_that_change_what_is_stored_are_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
