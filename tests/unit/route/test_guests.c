/* SPDX-License-Identifier: MIT */
/* The set of what other servers hold for one that is out of service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "route/guests.h"

static struct rc_guest_name name_of(const char *prefix, const char *key)
{
    return (struct rc_guest_name){rc_slice_text(prefix), rc_slice_text(key)};
}

static struct rc_guest *add(struct rc_guests *guests, const char *prefix, const char *key)
{
    const struct rc_guest_name name = name_of(prefix, key);
    return rc_guests_add(guests, &name, (uint64_t)rand());
}

static struct rc_guest *find(const struct rc_guests *guests, const char *prefix, const char *key)
{
    const struct rc_guest_name name = name_of(prefix, key);
    return rc_guests_find(guests, &name);
}

static void a_guest_is_found_by_its_whole_name(void **state)
{
    (void)state;
    struct rc_guests guests;
    rc_guests_init(&guests, 10);
    struct rc_guest *guest = add(&guests, "~a~", "key");
    assert_non_null(guest);
    assert_null(guest->host);
    assert_ptr_equal(find(&guests, "~a~", "key"), guest);
    assert_ptr_equal(find(&guests, "~a", "~key"), guest);
    assert_ptr_equal(find(&guests, "", "~a~key"), guest);
    assert_null(find(&guests, "~b~", "key"));
    assert_null(find(&guests, "~a~", "kez"));
    assert_null(find(&guests, "~a~", "ke"));
    rc_guests_deinit(&guests);
}

static void the_set_has_a_bound_and_room_again(void **state)
{
    (void)state;
    struct rc_guests guests;
    rc_guests_init(&guests, 2);
    struct rc_guest *first = add(&guests, "~", "1");
    assert_non_null(add(&guests, "~", "2"));
    assert_null(add(&guests, "~", "3"));
    rc_guests_forget(&guests, first);
    assert_null(find(&guests, "~", "1"));
    assert_non_null(add(&guests, "~", "3"));
    assert_int_equal(guests.count, 2);
    rc_guests_deinit(&guests);
}

static void many_come_and_go_in_any_order(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct rc_guests guests;
    struct rc_guest *all[COUNT];
    char key[16];
    rc_guests_init(&guests, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "%u", i * 7919 % COUNT);
        all[i] = add(&guests, "~x~", key);
    }
    for (unsigned i = 0; i < COUNT; i += 2) {
        rc_guests_forget(&guests, all[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "%u", i * 7919 % COUNT);
        assert_ptr_equal(find(&guests, "~x~", key), i % 2 == 0 ? NULL : all[i]);
    }
    assert_int_equal(guests.count, COUNT / 2);
    rc_guests_deinit(&guests);
    assert_int_equal(guests.count, 0);
}

static void a_full_set_has_room_when_the_oldest_have_ended(void **state)
{
    (void)state;
    struct rc_guests guests;
    rc_guests_init(&guests, 3);
    struct rc_guest *first = add(&guests, "~", "1"), *second = add(&guests, "~", "2");
    struct rc_guest *third = add(&guests, "~", "3");
    rc_guests_renew(&guests, first, 100);
    rc_guests_renew(&guests, second, 200);
    rc_guests_renew(&guests, third, 200);
    rc_guests_renew(&guests, first, 300); /* it was stored once more */
    rc_guests_expire(&guests, 199, 8);
    assert_int_equal(guests.count, 3);
    rc_guests_expire(&guests, 200, 1);
    assert_null(find(&guests, "~", "2"));
    third->under_way = 1;
    rc_guests_expire(&guests, 1000, 8);
    assert_int_equal(guests.count, 2);
    assert_true(rc_guests_answered(&guests, third));
    rc_guests_expire(&guests, 1000, 8);
    assert_int_equal(guests.count, 0);
    rc_guests_deinit(&guests);
}

static void an_earlier_store_that_may_last_longer_counts(void **state)
{
    (void)state;
    struct rc_guests guests;
    rc_guests_init(&guests, 1);
    struct rc_guest *guest = add(&guests, "~", "1");
    rc_guests_renew(&guests, guest, 300);
    rc_guests_renew(&guests, guest, 200);
    rc_guests_expire(&guests, 299, 8);
    assert_int_equal(guests.count, 1);
    rc_guests_deinit(&guests);
}

static void all_end_at_once_and_are_freed_by_and_by(void **state)
{
    (void)state;
    struct rc_guests guests;
    struct rc_list ended;
    rc_list_init(&ended);
    rc_guests_init(&guests, 3);
    struct rc_guest *late = add(&guests, "~", "1");
    late->under_way = 2;
    add(&guests, "~", "2");
    add(&guests, "~", "3");
    rc_guests_end(&guests, &ended);
    assert_int_equal(guests.count, 0);
    assert_null(find(&guests, "~", "1"));
    struct rc_guest *anew = add(&guests, "~", "1");
    assert_ptr_equal(find(&guests, "~", "1"), anew);
    assert_true(rc_guests_free_ended(&ended, 2));
    assert_false(rc_guests_free_ended(&ended, 2));
    assert_false(rc_guests_answered(&guests, late)); /* its last answer frees it */
    assert_false(rc_guests_answered(&guests, late));
    assert_int_equal(guests.count, 1);
    rc_guests_deinit(&guests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_found_by_its_whole_name),
        cmocka_unit_test(the_set_has_a_bound_and_room_again),
        cmocka_unit_test(many_come_and_go_in_any_order),
        cmocka_unit_test(a_full_set_has_room_when_the_oldest_have_ended),
        cmocka_unit_test(an_earlier_store_that_may_last_longer_counts),
        cmocka_unit_test(all_end_at_once_and_are_freed_by_and_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
