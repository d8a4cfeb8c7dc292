/* SPDX-License-Identifier: MIT */
/* When small output is held back: every bound, on both sides. */
#include "unit.h"

#include "server/hold.h"
#include "server/pipeline.h"

enum { MANY = 32, NEAR_US = 200 };

/* So many unanswered requests, of which `due` bytes have left and `waiting` have not. */
static struct rc_pipeline line(uint32_t count, uint64_t due, uint64_t waiting)
{
    return (struct rc_pipeline){
        .count = count, .answered = 1000, .sent = 1000 + due, .encoded = 1000 + due + waiting};
}

static bool pays(uint32_t count, uint64_t due, uint64_t waiting)
{
    const struct rc_pipeline p = line(count, due, waiting);
    return rc_hold_pays(&p, MANY, NEAR_US);
}

static void it_pays_where_many_are_in_flight(void **state)
{
    (void)state;
    assert_false(pays(MANY - 1, 1000, 100));
    assert_true(pays(MANY, 1000, 100));
    assert_true(pays(UINT32_MAX, 1000, 100));
}

static void less_than_half_of_what_is_in_flight_waits(void **state)
{
    (void)state;
    assert_true(pays(MANY, 1000, 999));
    assert_false(pays(MANY, 1000, 1000));
}

static void what_is_large_does_not_wait(void **state)
{
    (void)state;
    assert_true(pays(MANY, 100000, RC_HOLD_BYTES - 1));
    assert_false(pays(MANY, 100000, RC_HOLD_BYTES));
}

static void where_no_reply_is_due_nothing_waits(void **state)
{
    (void)state;
    assert_false(pays(MANY, 0, 100));
    assert_false(pays(MANY, 0, 0));
}

static void where_nothing_waits_nothing_is_held(void **state)
{
    (void)state;
    assert_false(pays(MANY, 1000, 0));
    assert_true(pays(MANY, 1000, 1));
}

static void a_server_that_is_far_or_not_known_is_not_waited_for(void **state)
{
    (void)state;
    const struct rc_pipeline p = line(MANY, 1000, 100);
    assert_false(rc_hold_pays(&p, MANY, 0));
    assert_true(rc_hold_pays(&p, MANY, 1));
    assert_true(rc_hold_pays(&p, MANY, RC_HOLD_TRIP_US - 1));
    assert_false(rc_hold_pays(&p, MANY, RC_HOLD_TRIP_US));
    assert_false(rc_hold_pays(&p, MANY, 30000));
}

static void with_0_it_is_never_done(void **state)
{
    (void)state;
    const struct rc_pipeline p = line(UINT32_MAX, 1000, 100);
    assert_false(rc_hold_pays(&p, 0, NEAR_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_pays_where_many_are_in_flight),
        cmocka_unit_test(less_than_half_of_what_is_in_flight_waits),
        cmocka_unit_test(what_is_large_does_not_wait),
        cmocka_unit_test(where_no_reply_is_due_nothing_waits),
        cmocka_unit_test(where_nothing_waits_nothing_is_held),
        cmocka_unit_test(a_server_that_is_far_or_not_known_is_not_waited_for),
        cmocka_unit_test(with_0_it_is_never_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
