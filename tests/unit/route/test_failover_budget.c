/* SPDX-License-Identifier: MIT */
/* The share of a client's requests that may go to other servers, to the millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "route/failover_budget.h"

static struct rc_failover_budget begin(uint32_t per_cent)
{
    struct rc_failover_budget budget;
    rc_failover_budget_init(&budget, per_cent);
    return budget;
}

/* How many of `wanted` may go elsewhere at that moment. */
static unsigned spend(struct rc_failover_budget *budget, uint64_t now_ms, unsigned wanted)
{
    unsigned granted = 0;
    for (unsigned i = 0; i < wanted; i++) {
        granted += rc_failover_budget_spend(budget, now_ms);
    }
    return granted;
}

static void its_share_may_go_elsewhere_and_no_more(void **state)
{
    (void)state;
    static const struct {
        uint32_t per_cent;
        uint64_t asked;
        unsigned granted;
    } rows[] = {{50, 1000, 500}, {50, 1001, 500}, {20, 199, 39}, {1, 5000, 50}, {99, 100, 99}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rc_failover_budget budget = begin(rows[i].per_cent);
        rc_failover_budget_ask(&budget, 5000, rows[i].asked);
        assert_int_equal(spend(&budget, 5999, 2000), rows[i].granted);
    }
}

static void a_hundred_per_cent_are_no_bound(void **state)
{
    (void)state;
    struct rc_failover_budget budget = begin(100);
    assert_int_equal(spend(&budget, 0, 100000), 100000);
}

static void a_few_may_always_go_elsewhere(void **state)
{
    (void)state;
    struct rc_failover_budget budget = begin(1);
    rc_failover_budget_ask(&budget, 0, 3);
    assert_int_equal(spend(&budget, 0, 100), RC_FAILOVER_FREE);
}

static void what_was_asked_counts_until_the_next_second_has_passed(void **state)
{
    (void)state;
    struct rc_failover_budget budget = begin(50);
    rc_failover_budget_ask(&budget, 1000, 400);
    assert_int_equal(spend(&budget, 1999, 100), 100);
    assert_int_equal(spend(&budget, 2999, 1000), 100);
    assert_int_equal(spend(&budget, 3000, 1000), 0);
}

static void a_pause_forgets_all_that_was_before(void **state)
{
    (void)state;
    struct rc_failover_budget budget = begin(50);
    rc_failover_budget_ask(&budget, 1000, 1000000);
    rc_failover_budget_ask(&budget, 9000, 40);
    assert_int_equal(spend(&budget, 9000, 1000), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_share_may_go_elsewhere_and_no_more),
        cmocka_unit_test(a_hundred_per_cent_are_no_bound),
        cmocka_unit_test(a_few_may_always_go_elsewhere),
        cmocka_unit_test(what_was_asked_counts_until_the_next_second_has_passed),
        cmocka_unit_test(a_pause_forgets_all_that_was_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
