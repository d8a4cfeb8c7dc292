/* SPDX-License-Identifier: MIT */
/* The set of keys whose last write a server may not have, and the log of unanswered ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/journal.h"
#include "server/key_log.h"

static struct rc_lost lost_of(const char *prefix, const char *key, uint64_t cas)
{
    return (struct rc_lost){rc_slice_text(prefix), rc_slice_text(key), cas};
}

static void note(struct rc_journal *journal, uint32_t lane, const char *key, uint64_t cas)
{
    const struct rc_lost lost = lost_of("", key, cas);
    rc_journal_note(journal, lane, &lost, (uint64_t)rand());
}

static void assert_key(const struct rc_journal_entry *entry, const char *key)
{
    assert_non_null(entry);
    assert_int_equal(entry->len, strlen(key));
    assert_memory_equal(entry->key, key, entry->len);
}

static void a_key_is_noted_once_and_leaves_in_its_turn(void **state)
{
    (void)state;
    struct rc_journal journal;
    struct rc_sweep sweep = {.entry = NULL};
    assert_int_equal(rc_journal_init(&journal, 2, 10), 0);
    note(&journal, 0, "b", 0);
    note(&journal, 0, "a", 0);
    note(&journal, 1, "c", 0);
    note(&journal, 0, "b", 0);
    assert_int_equal(journal.count, 3);
    assert_int_equal(journal.noted, 4);
    assert_int_equal(journal.lanes[0].count, 2);
    assert_true(rc_journal_any_pending(&journal));
    struct rc_journal_entry *first = rc_journal_pending(&journal, 0);
    assert_key(first, "b");
    rc_journal_take(first, &sweep);
    assert_key(rc_journal_pending(&journal, 0), "a");
    rc_journal_done(&journal, &sweep);
    assert_int_equal(journal.count, 2);
    assert_int_equal(journal.lanes[0].count, 1);
    assert_key(rc_journal_pending(&journal, 1), "c");
    rc_journal_deinit(&journal);
}

static void what_is_noted_while_its_delete_is_under_way_is_deleted_again(void **state)
{
    (void)state;
    struct rc_journal journal;
    struct rc_sweep first = {.entry = NULL}, second = {.entry = NULL};
    assert_int_equal(rc_journal_init(&journal, 1, 10), 0);
    note(&journal, 0, "k", 0);
    rc_journal_take(rc_journal_pending(&journal, 0), &first);
    assert_null(rc_journal_pending(&journal, 0));
    note(&journal, 0, "k", 0);
    assert_int_equal(journal.count, 1);
    rc_journal_take(rc_journal_pending(&journal, 0), &second);
    rc_journal_done(&journal, &first); /* the older delete says nothing of the newer loss */
    assert_int_equal(journal.count, 1);
    rc_journal_again(&journal, &first);
    assert_null(rc_journal_pending(&journal, 0));
    rc_journal_again(&journal, &second);
    assert_key(rc_journal_pending(&journal, 0), "k");
    rc_journal_deinit(&journal);
}

static void a_token_holds_until_another_write_is_lost(void **state)
{
    (void)state;
    struct rc_journal journal;
    assert_int_equal(rc_journal_init(&journal, 1, 10), 0);
    note(&journal, 0, "k", 7);
    assert_int_equal(rc_journal_pending(&journal, 0)->cas, 7);
    note(&journal, 0, "k", 7);
    assert_int_equal(rc_journal_pending(&journal, 0)->cas, 7);
    note(&journal, 0, "k", 8);
    assert_int_equal(rc_journal_pending(&journal, 0)->cas, 0);
    note(&journal, 0, "k", 8);
    assert_int_equal(rc_journal_pending(&journal, 0)->cas, 0);
    rc_journal_deinit(&journal);
}

static void prefix_and_key_are_one_key(void **state)
{
    (void)state;
    struct rc_journal journal;
    const struct rc_lost parts[] = {
        lost_of("a", "bc", 0), lost_of("ab", "c", 0), lost_of("", "abc", 0), lost_of("abc", "", 0)};
    assert_int_equal(rc_journal_init(&journal, 1, 10), 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        rc_journal_note(&journal, 0, &parts[i], i);
    }
    assert_int_equal(journal.count, 1);
    assert_key(rc_journal_pending(&journal, 0), "abc");
    rc_journal_deinit(&journal);
}

static void shorter_keys_come_first_and_equal_ones_by_their_bytes(void **state)
{
    (void)state;
    const struct rc_lost lost = lost_of("a", "bc", 0);
    assert_true(rc_lost_compare(&lost, rc_slice_text("zz")) > 0);
    assert_true(rc_lost_compare(&lost, rc_slice_text("aaaa")) < 0);
    assert_true(rc_lost_compare(&lost, rc_slice_text("bbc")) < 0);
    assert_true(rc_lost_compare(&lost, rc_slice_text("abb")) > 0);
    assert_int_equal(rc_lost_compare(&lost, rc_slice_text("abc")), 0);
}

static void an_add_is_logged_but_a_locks(void **state)
{
    (void)state;
    const struct rc_command add = {.verb = RC_VERB_ADD};
    const struct rc_command lock = {.verb = RC_VERB_ADD, .fleeting = true};
    const struct rc_command set = {.verb = RC_VERB_SET};
    assert_true(rc_lost_is_logged(&add) && !rc_lost_matters(&add) && rc_lost_by(&add).adds);
    assert_true(!rc_lost_is_logged(&lock) && !rc_lost_matters(&lock));
    assert_true(rc_lost_is_logged(&set) && rc_lost_matters(&set) && !rc_lost_by(&set).adds);
}

static void a_full_journal_says_so(void **state)
{
    (void)state;
    struct rc_journal journal;
    assert_int_equal(rc_journal_init(&journal, 1, 2), 0);
    note(&journal, 0, "a", 0);
    note(&journal, 0, "b", 0);
    note(&journal, 0, "a", 0);
    assert_false(rc_journal_overflowed(&journal));
    note(&journal, 0, "c", 0);
    assert_true(rc_journal_overflowed(&journal));
    assert_int_equal(journal.count, 2);
    rc_journal_deinit(&journal);
}

static void what_was_missed_is_settled_up_to_a_count(void **state)
{
    (void)state;
    struct rc_journal journal;
    assert_int_equal(rc_journal_init(&journal, 1, 1), 0);
    note(&journal, 0, "a", 0);
    note(&journal, 0, "b", 0);
    uint64_t then = journal.missed;
    note(&journal, 0, "c", 0);
    rc_journal_settle(&journal, then);
    assert_true(rc_journal_overflowed(&journal));
    rc_journal_settle(&journal, journal.missed);
    assert_false(rc_journal_overflowed(&journal));
    rc_journal_settle(&journal, then); /* late */
    assert_false(rc_journal_overflowed(&journal));
    rc_journal_deinit(&journal);
}

static void an_item_that_was_seen_has_room_in_a_full_journal(void **state)
{
    (void)state;
    struct rc_journal journal;
    assert_int_equal(rc_journal_init(&journal, 1, 1), 0);
    note(&journal, 0, "a", 0);
    const struct rc_lost seen = {.key = rc_slice_text("b"), .cas = 7};
    assert_true(rc_journal_note_seen(&journal, 0, &seen, 1));
    assert_true(rc_journal_note_seen(&journal, 0, &seen, 2));
    assert_int_equal(journal.count, 2);
    assert_false(rc_journal_overflowed(&journal));
    /* what is to go whatever is there is not narrowed to a token */
    const struct rc_lost lost = {.key = rc_slice_text("a"), .cas = 7};
    assert_true(rc_journal_note_seen(&journal, 0, &lost, 3));
    assert_int_equal(rc_journal_pending(&journal, 0)->cas, 0);
    rc_journal_deinit(&journal);
}

static void half_and_full_are_news_once_until_it_is_empty(void **state)
{
    (void)state;
    struct rc_journal journal;
    assert_int_equal(rc_journal_init(&journal, 1, 4), 0);
    note(&journal, 0, "a", 0);
    assert_int_equal(rc_journal_news(&journal), RC_JOURNAL_QUIET);
    note(&journal, 0, "b", 0);
    assert_int_equal(rc_journal_news(&journal), RC_JOURNAL_HALF);
    assert_int_equal(rc_journal_news(&journal), RC_JOURNAL_QUIET);
    note(&journal, 0, "c", 0);
    note(&journal, 0, "d", 0);
    assert_int_equal(rc_journal_news(&journal), RC_JOURNAL_QUIET);
    note(&journal, 0, "e", 0);
    assert_int_equal(rc_journal_news(&journal), RC_JOURNAL_FULL);
    assert_int_equal(rc_journal_news(&journal), RC_JOURNAL_QUIET);
    rc_journal_settle(&journal, journal.missed);
    rc_journal_void(&journal, journal.noted);
    while (rc_journal_pending(&journal, 0) != NULL) {
        assert_true(rc_journal_skip(&journal, rc_journal_pending(&journal, 0)));
    }
    note(&journal, 0, "a", 0);
    note(&journal, 0, "b", 0);
    assert_int_equal(rc_journal_news(&journal), RC_JOURNAL_HALF);
    rc_journal_deinit(&journal);
}

static void what_is_noted_after_a_server_was_empty_is_not_void(void **state)
{
    (void)state;
    struct rc_journal journal;
    assert_int_equal(rc_journal_init(&journal, 1, 4), 0);
    note(&journal, 0, "a", 0);
    note(&journal, 0, "b", 0);
    uint64_t then = journal.noted;
    note(&journal, 0, "a", 0); /* once more */
    rc_journal_void(&journal, then);
    struct rc_journal_entry *first = rc_journal_pending(&journal, 0);
    struct rc_sweep sweep = {0};
    assert_false(rc_journal_skip(&journal, first));
    rc_journal_take(first, &sweep);
    assert_key(rc_journal_pending(&journal, 0), "b");
    assert_true(rc_journal_has(&journal, rc_slice(NULL, 0), rc_slice_text("b")));
    assert_true(rc_journal_skip(&journal, rc_journal_pending(&journal, 0)));
    assert_false(rc_journal_has(&journal, rc_slice(NULL, 0), rc_slice_text("b")));
    rc_journal_done(&journal, &sweep);
    assert_int_equal(journal.count, 0);
    assert_int_equal(journal.deleted, 1);
    rc_journal_deinit(&journal);
}

static void a_thousand_keys_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct rc_journal journal;
    struct rc_sweep sweep = {.entry = NULL};
    char key[16];
    assert_int_equal(rc_journal_init(&journal, 1, 5000), 0);
    for (unsigned n = 0; n < 2000; n++) {
        snprintf(key, sizeof key, "key%u", n % 1000);
        note(&journal, 0, key, 0);
    }
    assert_int_equal(journal.count, 1000);
    for (unsigned n = 0; n < 1000; n++) {
        snprintf(key, sizeof key, "key%u", n);
        assert_key(rc_journal_pending(&journal, 0), key);
        rc_journal_take(rc_journal_pending(&journal, 0), &sweep);
        rc_journal_done(&journal, &sweep);
    }
    assert_int_equal(journal.count, 0);
    assert_false(rc_journal_any_pending(&journal));
    rc_journal_deinit(&journal);
}

/* ---- the log ---- */

static void push(struct rc_key_log *log, const char *prefix, const char *key, uint64_t cas)
{
    const struct rc_lost lost = lost_of(prefix, key, cas);
    assert_int_equal(rc_key_log_push(log, &lost), 0);
}

static void assert_logged(const struct rc_key_log *log, size_t *at, const char *key, uint64_t cas)
{
    const struct rc_lost lost = rc_key_log_next(log, at);
    assert_int_equal(lost.prefix.len, 0);
    assert_int_equal(lost.key.len, strlen(key));
    assert_memory_equal(lost.key.data, key, lost.key.len);
    assert_int_equal(lost.cas, cas);
}

static void keys_leave_the_log_from_the_front_and_are_cut_off_at_the_end(void **state)
{
    (void)state;
    struct rc_key_log log = {0};
    size_t at = 0;
    push(&log, "ns:", "a", 0);
    push(&log, "", "", 5);
    size_t two = rc_key_log_len(&log);
    push(&log, "ns:", "ccc", 9);
    assert_logged(&log, &at, "ns:a", 0);
    assert_logged(&log, &at, "", 5);
    assert_int_equal(at, two);
    assert_logged(&log, &at, "ns:ccc", 9);
    assert_int_equal(at, rc_key_log_len(&log));
    rc_key_log_cut(&log, two);
    rc_key_log_pop(&log);
    at = 0;
    assert_logged(&log, &at, "", 5);
    assert_int_equal(at, rc_key_log_len(&log));
    rc_key_log_pop(&log);
    assert_int_equal(rc_key_log_len(&log), 0);
    rc_key_log_deinit(&log);
}

/* ---- the index ---- */

static bool has(const struct rc_key_index *index, const char *prefix, const char *key)
{
    return rc_key_index_has(index, rc_slice_text(prefix), rc_slice_text(key));
}

static void an_index_finds_what_was_logged_and_nothing_else(void **state)
{
    (void)state;
    char key[16];
    for (unsigned count = 0; count < 40; count++) {
        struct rc_key_log log = {0};
        struct rc_key_index index;
        for (unsigned n = 0; n < count; n++) {
            snprintf(key, sizeof key, "%u", 2 * (count - 1 - n));
            push(&log, "ns:", key, 0);
        }
        assert_int_equal(rc_key_index_init(&index, &log), 0);
        assert_int_equal(index.count, count);
        for (unsigned n = 0; n < 2 * count + 2; n++) {
            snprintf(key, sizeof key, "%u", n);
            assert_int_equal(has(&index, "ns:", key), n % 2 == 0 && n < 2 * count);
            assert_false(has(&index, "", key));
        }
        rc_key_index_deinit(&index);
        rc_key_index_deinit(&index);
        rc_key_log_deinit(&log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_noted_once_and_leaves_in_its_turn),
        cmocka_unit_test(what_is_noted_while_its_delete_is_under_way_is_deleted_again),
        cmocka_unit_test(a_token_holds_until_another_write_is_lost),
        cmocka_unit_test(prefix_and_key_are_one_key),
        cmocka_unit_test(shorter_keys_come_first_and_equal_ones_by_their_bytes),
        cmocka_unit_test(an_add_is_logged_but_a_locks),
        cmocka_unit_test(a_full_journal_says_so),
        cmocka_unit_test(what_was_missed_is_settled_up_to_a_count),
        cmocka_unit_test(an_item_that_was_seen_has_room_in_a_full_journal),
        cmocka_unit_test(half_and_full_are_news_once_until_it_is_empty),
        cmocka_unit_test(what_is_noted_after_a_server_was_empty_is_not_void),
        cmocka_unit_test(a_thousand_keys_come_out_as_they_went_in),
        cmocka_unit_test(keys_leave_the_log_from_the_front_and_are_cut_off_at_the_end),
        cmocka_unit_test(an_index_finds_what_was_logged_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
