/* SPDX-License-Identifier: MIT */
/* Values kept beyond their callback, on one thread and on many. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "ringcache/request.h"

static ringcache_value *keep(const void *bytes, size_t len)
{
    const ringcache_reply reply = {.value = {.data = bytes, .len = len}};
    ringcache_value *value = ringcache_value_ref(&reply);
    assert_non_null(value);
    return value;
}

static void a_value_outlives_the_reply_it_came_with(void **state)
{
    (void)state;
    char text[] = "bytes with a \0 within";
    ringcache_value *value = keep(text, sizeof text);
    memset(text, 'x', sizeof text);
    ringcache_slice bytes = ringcache_value_bytes(value);
    assert_int_equal(bytes.len, sizeof text);
    assert_memory_equal(bytes.data, "bytes with a \0 within", sizeof text);
    ringcache_value_unref(value);
}

static void an_empty_value_still_has_an_address(void **state)
{
    (void)state;
    ringcache_value *value = keep(NULL, 0);
    assert_int_equal(ringcache_value_bytes(value).len, 0);
    assert_non_null(ringcache_value_bytes(value).data);
    ringcache_value_unref(value);
}

static void a_retained_value_stays_until_the_last_reference_went(void **state)
{
    (void)state;
    ringcache_value *value = keep("abc", 3);
    assert_ptr_equal(ringcache_value_retain(value), value);
    ringcache_value_unref(value);
    assert_memory_equal(ringcache_value_bytes(value).data, "abc", 3);
    ringcache_value_unref(value);
    ringcache_value_unref(NULL);
}

static void a_length_that_no_memory_has_is_refused(void **state)
{
    (void)state;
    ringcache_reply reply = {.value = {.data = "", .len = SIZE_MAX}};
    assert_null(ringcache_value_ref(&reply));
    reply.value.len = SIZE_MAX - 15;
    assert_null(ringcache_value_ref(&reply));
}

enum { THREADS = 8, ROUNDS = 20000 };

/* Owns one reference; returns NULL when it saw nothing but the value's bytes. */
static void *use_value(void *arg)
{
    ringcache_value *value = arg;
    bool intact = true;
    for (int i = 0; i < ROUNDS; i++) {
        ringcache_value *second = ringcache_value_retain(value);
        ringcache_value_unref(value);
        value = second;
        ringcache_slice bytes = ringcache_value_bytes(value);
        intact = intact && bytes.len == 6 && memcmp(bytes.data, "shared", 6) == 0;
    }
    ringcache_value_unref(value); /* whichever thread is last frees it */
    return intact ? NULL : arg;
}

static void references_are_taken_and_dropped_on_any_thread(void **state)
{
    (void)state;
    ringcache_value *value = keep("shared", 6);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ringcache_value_retain(value);
        assert_int_equal(pthread_create(&threads[i], NULL, use_value, value), 0);
    }
    ringcache_value_unref(value);
    for (int i = 0; i < THREADS; i++) {
        void *damage;
        assert_int_equal(pthread_join(threads[i], &damage), 0);
        assert_null(damage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_outlives_the_reply_it_came_with),
        cmocka_unit_test(an_empty_value_still_has_an_address),
        cmocka_unit_test(a_retained_value_stays_until_the_last_reference_went),
        cmocka_unit_test(a_length_that_no_memory_has_is_refused),
        cmocka_unit_test(references_are_taken_and_dropped_on_any_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
