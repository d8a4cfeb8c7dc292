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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_found_by_its_whole_name),
        cmocka_unit_test(the_set_has_a_bound_and_room_again),
        cmocka_unit_test(many_come_and_go_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
