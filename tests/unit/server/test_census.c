/* SPDX-License-Identifier: MIT */
/* Whom to suspect, and how many soft evidence may take out: each count on both sides. */
#include "unit.h"

#include "server/census.h"

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

static void the_doubt_takes_more_than_half_of_those_that_serve_not_of_all(void **state)
{
    (void)state;
    struct rc_census census = {.count = 9, .serving = 4, .silent = 2, .fell_ms = 1000};
    assert_false(rc_census_doubts_us(&census, 1000, 500));
    census.serving = 3;
    assert_true(rc_census_doubts_us(&census, 1000, 500));
}

static void the_cap_is_half_and_at_least_one(void **state)
{
    (void)state;
    static const size_t allowed[] = {1, 1, 1, 1, 2, 2, 3, 3, 4};
    for (size_t count = 0; count < sizeof allowed / sizeof *allowed; count++) {
        struct rc_census census = {.count = count, .ejected = allowed[count] - 1};
        assert_true(rc_census_allows_another(&census));
        census.ejected = allowed[count];
        assert_false(rc_census_allows_another(&census));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_of_the_servers_silent_are_a_doubt_of_us),
        cmocka_unit_test(the_doubt_ends_when_others_were_heard_and_a_window_passed),
        cmocka_unit_test(the_doubt_takes_more_than_half_of_those_that_serve_not_of_all),
        cmocka_unit_test(the_cap_is_half_and_at_least_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
