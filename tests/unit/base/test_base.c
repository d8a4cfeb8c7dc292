/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/number.h"

static void a_number_with_a_leading_zero_is_refused(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_false(rc_number_parse("01", 2, UINT64_MAX, &value));
    assert_int_equal(value, 7);
    assert_true(rc_number_parse("18446744073709551615", 20, UINT64_MAX, &value));
    assert_false(rc_number_parse("18446744073709551616", 20, UINT64_MAX, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_with_a_leading_zero_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
