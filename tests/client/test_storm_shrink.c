/* SPDX-License-Identifier: MIT */
/* What is left of a failure when all that it does not need is left out. */
#include "storm_shrink.h"

#include "world.h"

enum { COUNT = 1000 };

/* A failure that needs some moves, and one of two others. */
struct failure {
    size_t needed[3];
    size_t either[2];
    unsigned asked;
};

static bool fails(void *owner, const bool *out)
{
    struct failure *f = owner;
    f->asked++;
    for (size_t i = 0; i < 3; i++) {
        if (out[f->needed[i]]) {
            return false;
        }
    }
    return !out[f->either[0]] || !out[f->either[1]];
}

static void only_the_moves_that_a_failure_needs_are_left(void **state)
{
    (void)state;
    bool out[COUNT] = {false};
    char text[100];
    struct failure f = {.needed = {0, 333, 334}, .either = {12, 999}};
    storm_shrink(out, COUNT, fails, &f);
    storm_moves_write(out, COUNT, text, sizeof text);
    assert_string_equal(text, "0,12,333-334"); /* the later half was left out first */
    assert_true(f.asked < 200);
}

static bool always_fails(void *owner, const bool *out)
{
    (void)owner;
    (void)out;
    return true;
}

static void a_failure_that_needs_no_move_is_left_with_none(void **state)
{
    (void)state;
    bool out[COUNT] = {false};
    char text[100];
    storm_shrink(out, COUNT, always_fails, NULL);
    storm_moves_write(out, COUNT, text, sizeof text);
    assert_string_equal(text, "");
}

static void moves_are_written_as_they_are_read(void **state)
{
    (void)state;
    static const char *const lists[] = {"0", "3,17-19", "0-998", "0-999", "1,3,5-6,999", ""};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        bool out[COUNT];
        char text[100];
        assert_true(storm_moves_parse(lists[i], out, COUNT));
        storm_moves_write(out, COUNT, text, sizeof text);
        assert_string_equal(text, lists[i]);
    }
}

static void what_is_no_list_of_moves_is_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {",", "1,", "1-", "-1", "a", "1 2", "1000", "1-1000", "+1"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        bool out[COUNT];
        assert_false(storm_moves_parse(lists[i], out, COUNT));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_moves_that_a_failure_needs_are_left),
        cmocka_unit_test(a_failure_that_needs_no_move_is_left_with_none),
        cmocka_unit_test(moves_are_written_as_they_are_read),
        cmocka_unit_test(what_is_no_list_of_moves_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
