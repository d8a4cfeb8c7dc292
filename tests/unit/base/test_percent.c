/* SPDX-License-Identifier: MIT */
/* One byte of percent-encoded text. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/percent.h"

/* Reads `text` from a block that ends with it, so that a byte too many is seen. */
static size_t read_text(const char *text, unsigned char *byte)
{
    size_t len = strlen(text);
    unsigned char *block = malloc(len);
    assert_non_null(block);
    memcpy(block, text, len);
    size_t written = rc_percent_read(rc_slice(block, len), byte);
    free(block);
    return written;
}

static void any_byte_but_the_percent_sign_stands_for_itself(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        unsigned char text[2] = {(unsigned char)value, 'x'}, byte = 1;
        if (value != '%') {
            assert_int_equal(rc_percent_read(rc_slice(text, 2), &byte), 1);
            assert_int_equal(byte, value);
        }
    }
}

static void each_byte_is_read_from_its_two_digits_in_either_case(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        char upper[8], lower[8];
        unsigned char byte = (unsigned char)~value;
        snprintf(upper, sizeof upper, "%%%02Xz", value);
        snprintf(lower, sizeof lower, "%%%02x", value);
        assert_int_equal(read_text(upper, &byte), 3);
        assert_int_equal(byte, value);
        byte = (unsigned char)~value;
        assert_int_equal(read_text(lower, &byte), 3);
        assert_int_equal(byte, value);
    }
}

static void a_percent_sign_without_two_digits_is_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "%", "%6", "%f", "%g", "%%", "%6g", "%g6", "%6/", "%6:", "%6@", "%6G", "%6`", "%/6", "% 6"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        unsigned char byte = 7;
        assert_int_equal(read_text(texts[i], &byte), 0);
        assert_int_equal(byte, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_byte_but_the_percent_sign_stands_for_itself),
        cmocka_unit_test(each_byte_is_read_from_its_two_digits_in_either_case),
        cmocka_unit_test(a_percent_sign_without_two_digits_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
