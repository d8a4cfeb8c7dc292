/* SPDX-License-Identifier: MIT */
/* Gusts, each from its seed: GUST_SEED and GUST_COUNT say which. One that fails is told line by
 * line with GUST_TELL=1. */
#include "gust.h"

#include <inttypes.h>
#include <stdlib.h>

enum { GUSTS = 5000, TWICE = 100 };

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void no_gust_breaks_a_promise(void **state)
{
    (void)state;
    uint64_t first = number_from("GUST_SEED", 1);
    uint64_t count = number_from("GUST_COUNT", getenv("GUST_SEED") != NULL ? 1 : GUSTS);
    uint64_t requests = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        requests += gust_run(seed).requests;
    }
    print_message("%" PRIu64 " requests in %" PRIu64 " gusts\n", requests, count);
}

static void the_same_seed_is_the_same_gust(void **state)
{
    (void)state;
    uint64_t first = number_from("GUST_SEED", 1);
    for (uint64_t seed = first; seed < first + TWICE; seed++) {
        assert_int_equal(gust_run(seed).trace, gust_run(seed).trace);
    }
    assert_int_not_equal(gust_run(first).trace, gust_run(first + 1).trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_gust_breaks_a_promise),
        cmocka_unit_test(the_same_seed_is_the_same_gust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
