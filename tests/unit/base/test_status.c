/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <uv.h>

#include "ringcache/status.h"

static const struct {
    int code;
    const char *name;
} codes[] = {
#define CODE_ROW(name, value, text) {RINGCACHE_##name, #name},
    RINGCACHE_STATUS_MAP(CODE_ROW)
#undef CODE_ROW
};

enum { CODES = sizeof codes / sizeof *codes };

static void every_code_has_its_name_and_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        const char *text = ringcache_strerror(codes[i].code);
        assert_string_equal(ringcache_err_name(codes[i].code), codes[i].name);
        assert_true(strlen(text) > 0);
        assert_true(text[strlen(text) - 1] != '.');
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(text, ringcache_strerror(codes[k].code));
        }
    }
}

static void the_sign_says_whether_it_failed_and_failures_follow_each_other(void **state)
{
    (void)state;
    assert_int_equal(codes[0].code, 0);
    int next = -10001;
    for (size_t i = 1; i < CODES; i++) {
        bool answer = codes[i].code == RINGCACHE_MISS || codes[i].code == RINGCACHE_NOT_STORED ||
                      codes[i].code == RINGCACHE_EXISTS;
        assert_int_equal(codes[i].code > 0, answer);
        if (codes[i].code < 0) {
            assert_int_equal(codes[i].code, next--);
        }
    }
    assert_int_equal(next, -10017);
}

static void an_errno_has_the_words_of_the_system(void **state)
{
    (void)state;
    static const int errnos[] = {EPERM, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EMFILE};
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++) {
        char expected[200];
        snprintf(expected, sizeof expected, "%s", strerror(errnos[i]));
        assert_string_equal(ringcache_strerror(-errnos[i]), expected);
        assert_string_equal(ringcache_err_name(-errnos[i]), "ERRNO");
    }
}

static void a_failed_look_up_of_a_name_is_said_in_words(void **state)
{
    (void)state;
    static const int failures[] = {UV_EAI_ADDRFAMILY, UV_EAI_AGAIN, UV_EAI_FAIL, UV_EAI_NODATA,
        UV_EAI_NONAME, UV_EAI_BADHINTS, UV_EAI_PROTOCOL};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        assert_non_null(strstr(ringcache_strerror(failures[i]), "name"));
        assert_null(strstr(ringcache_strerror(failures[i]), "nknown"));
        assert_string_equal(ringcache_err_name(failures[i]), "ERRNO");
    }
}

static void what_the_resolver_said_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *words;
    } failures[] = {
        {UV_EAI_NONAME, "nobody knows it"},
        {UV_EAI_NODATA, "it has no address"},
        {UV_EAI_FAIL, "a name server failed"},
        {UV_EAI_AGAIN, "no name server answers for now"},
    };
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        assert_non_null(strstr(ringcache_strerror(failures[i].code), failures[i].words));
    }
}

static void the_range_of_errnos_ends_where_that_of_libuv_ends(void **state)
{
    (void)state;
    assert_string_equal(ringcache_err_name(-1), "ERRNO");
    assert_string_equal(ringcache_err_name(-4095), "ERRNO");
    assert_string_not_equal(ringcache_strerror(-4095), "unknown status");
}

static void every_other_number_is_unknown(void **state)
{
    (void)state;
    static const int numbers[] = {4, 100, INT_MAX, -4096, -9999, -10000, -10017, INT_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_string_equal(ringcache_err_name(numbers[i]), "UNKNOWN");
        assert_string_equal(ringcache_strerror(numbers[i]), "unknown status");
    }
}

static void the_version_is_that_of_its_three_numbers(void **state)
{
    (void)state;
    char expected[40];
    snprintf(expected, sizeof expected, "%d.%d.%d", RINGCACHE_VERSION_MAJOR,
        RINGCACHE_VERSION_MINOR, RINGCACHE_VERSION_PATCH);
    assert_string_equal(ringcache_version(), expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_name_and_a_sentence_of_its_own),
        cmocka_unit_test(the_sign_says_whether_it_failed_and_failures_follow_each_other),
        cmocka_unit_test(an_errno_has_the_words_of_the_system),
        cmocka_unit_test(a_failed_look_up_of_a_name_is_said_in_words),
        cmocka_unit_test(what_the_resolver_said_is_told_apart),
        cmocka_unit_test(the_range_of_errnos_ends_where_that_of_libuv_ends),
        cmocka_unit_test(every_other_number_is_unknown),
        cmocka_unit_test(the_version_is_that_of_its_three_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
