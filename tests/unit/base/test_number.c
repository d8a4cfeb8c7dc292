/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"

enum { UNTOUCHED = 4711 };

/* Parse an exact copy on the heap, so that a sanitizer sees a byte read behind it. */
static bool parse(const char *text, size_t len, uint64_t cap, uint64_t *value)
{
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    bool ok = rc_number_parse(copy, len, cap, value);
    free(copy);
    return ok;
}

static void every_number_of_64_bits_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"0", 0},
        {"1", 1},
        {"9", 9},
        {"10", 10},
        {"4294967295", UINT32_MAX},
        {"4294967296", (uint64_t)UINT32_MAX + 1},
        {"9223372036854775807", INT64_MAX},
        {"9999999999999999999", 9999999999999999999u},
        {"10000000000000000000", 10000000000000000000u},
        {"18446744073709551609", UINT64_MAX - 6},
        {"18446744073709551610", UINT64_MAX - 5},
        {"18446744073709551615", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = UNTOUCHED;
        assert_true(parse(cases[i].text, strlen(cases[i].text), UINT64_MAX, &value));
        assert_true(value == cases[i].value);
    }
}

static void anything_but_a_number_is_refused_and_the_output_untouched(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "00", "01", "007", "+1", "-1", "-0", " 1", "1 ", "1\n",
        "1.0", "1e3", "0x1", "a", "1a", "a1", "/", ":", "1/2", "1:2", "\xb2", "1_0",
        "18446744073709551616", "18446744073709551620", "18446744073709551700",
        "20000000000000000000", "99999999999999999999", "100000000000000000000",
        "00000000000000000001", "000000000000000000001"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t value = UNTOUCHED;
        assert_false(parse(texts[i], strlen(texts[i]), UINT64_MAX, &value));
        assert_int_equal(value, UNTOUCHED);
    }
    uint64_t value = UNTOUCHED;
    assert_false(parse("1\0", 2, UINT64_MAX, &value));
    assert_false(parse("\0", 1, UINT64_MAX, &value));
    assert_false(rc_number_parse(NULL, 0, UINT64_MAX, &value));
    assert_int_equal(value, UNTOUCHED);
}

static void only_the_given_length_is_read(void **state)
{
    (void)state;
    uint64_t value = UNTOUCHED;
    assert_true(rc_number_parse("12345", 3, UINT64_MAX, &value));
    assert_int_equal(value, 123);
    assert_true(rc_number_parse("1x", 1, UINT64_MAX, &value));
    assert_int_equal(value, 1);
}

static void the_cap_is_the_last_number_that_passes(void **state)
{
    (void)state;
    static const uint64_t caps[] = {0, 1, 9, 10, 99, 65535, UINT32_MAX, UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        char text[24];
        uint64_t value = UNTOUCHED;
        int len = snprintf(text, sizeof text, "%" PRIu64, caps[i] + 1);
        assert_false(parse(text, (size_t)len, caps[i], &value));
        assert_int_equal(value, UNTOUCHED);
        len = snprintf(text, sizeof text, "%" PRIu64, caps[i]);
        assert_true(parse(text, (size_t)len, caps[i], &value));
        assert_true(value == caps[i]);
    }
}

static void assert_written(uint64_t value)
{
    unsigned char out[21];
    char expected[24];
    memset(out, '#', sizeof out);
    size_t len = (size_t)snprintf(expected, sizeof expected, "%" PRIu64, value);
    assert_int_equal(rc_number_write(out, value), len);
    assert_memory_equal(out, expected, len);
    assert_int_equal(out[len], '#');
    uint64_t back = ~value;
    assert_true(rc_number_parse(out, len, UINT64_MAX, &back));
    assert_true(back == value);
}

static void a_number_is_written_as_it_is_read_at_every_power(void **state)
{
    (void)state;
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
        assert_written(power - 1);
        assert_written(power);
        assert_written(power * 10 - 1);
    }
    for (int bit = 0; bit < 64; bit++) {
        assert_written((uint64_t)1 << bit);
        assert_written(((uint64_t)1 << bit) - 1);
    }
    assert_written(10000000000000000000u);
    assert_written(UINT64_MAX);
}

static void assert_hex(uint64_t value)
{
    unsigned char out[17];
    char expected[20];
    out[16] = '#';
    rc_number_write_hex16(out, value);
    snprintf(expected, sizeof expected, "%016" PRIx64, value);
    assert_memory_equal(out, expected, 16);
    assert_int_equal(out[16], '#');
    out[8] = '#';
    rc_number_write_hex8(out, (uint32_t)value);
    snprintf(expected, sizeof expected, "%08" PRIx32, (uint32_t)value);
    assert_memory_equal(out, expected, 8);
    assert_int_equal(out[8], '#');
}

static void assert_hex_is_read_back(uint64_t value)
{
    unsigned char text[16];
    uint64_t long_back = ~value;
    uint32_t back = ~(uint32_t)value;
    rc_number_write_hex16(text, value);
    assert_true(rc_number_read_hex16(text, &long_back));
    assert_true(long_back == value);
    assert_true(rc_number_read_hex8(text + 8, &back));
    assert_true(back == (uint32_t)value);
    assert_true(rc_number_is_hex8(text + 8, (uint32_t)value));
    assert_false(rc_number_is_hex8(text + 8, (uint32_t)value ^ 1));
    assert_false(rc_number_is_hex8(text + 8, (uint32_t)value ^ UINT32_C(0x80000000)));
}

static void what_was_written_in_hexadecimal_is_read_back(void **state)
{
    (void)state;
    for (int bit = 0; bit < 64; bit++) {
        assert_hex_is_read_back((uint64_t)1 << bit);
        assert_hex_is_read_back(~((uint64_t)1 << bit));
    }
    for (uint64_t digit = 0; digit < 16; digit++) {
        assert_hex_is_read_back(digit * UINT64_C(0x1111111111111111));
    }
}

static void any_other_byte_among_the_digits_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < 16; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            unsigned char text[] = {"0f1e2d3c4b5a6978"};
            bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
            uint64_t long_value;
            uint32_t value;
            text[at] = (unsigned char)byte;
            assert_int_equal(rc_number_read_hex16(text, &long_value), digit);
            assert_int_equal(rc_number_read_hex8(text + at / 8 * 8, &value), digit);
        }
    }
}

static void hexadecimal_has_all_its_digits_in_lower_case(void **state)
{
    (void)state;
    for (int bit = 0; bit < 64; bit++) {
        assert_hex((uint64_t)1 << bit);
        assert_hex(~((uint64_t)1 << bit));
    }
    assert_hex(0);
    assert_hex(UINT64_MAX);
    assert_hex(0x0123456789abcdef);
    assert_hex(0xfedcba9876543210);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_64_bits_is_read),
        cmocka_unit_test(anything_but_a_number_is_refused_and_the_output_untouched),
        cmocka_unit_test(only_the_given_length_is_read),
        cmocka_unit_test(the_cap_is_the_last_number_that_passes),
        cmocka_unit_test(a_number_is_written_as_it_is_read_at_every_power),
        cmocka_unit_test(what_was_written_in_hexadecimal_is_read_back),
        cmocka_unit_test(any_other_byte_among_the_digits_is_refused),
        cmocka_unit_test(hexadecimal_has_all_its_digits_in_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
