/* SPDX-License-Identifier: MIT */
/* Memory runs out at every place where it can: the call says so and nothing is lost, neither bytes
 * nor objects nor (the sanitizers look) memory. The linker puts the functions below in the
 * allocator's place. */
#include "unit.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slab.h"
#include "ringcache/request.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* Allocations until one fails; 0: none does. */
static size_t until_failure;

static bool fails_now(void)
{
    return until_failure > 0 && --until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

static void no_size_is_still_an_object(void **state)
{
    (void)state;
    void *blocks[] = {rc_alloc(0), rc_alloc_zeroed(0, 8), rc_alloc_zeroed(8, 0),
        rc_resize(NULL, 0, 8), rc_copy_text(NULL, 0)};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        assert_non_null(blocks[i]);
        rc_free(blocks[i]);
    }
    rc_free(NULL);
}

static void a_product_beyond_all_memory_leaves_the_old_array(void **state)
{
    (void)state;
    uint64_t *array = rc_resize(NULL, 2, sizeof *array);
    assert_non_null(array);
    array[1] = 7;
    assert_null(rc_resize(array, SIZE_MAX / 8 + 1, sizeof *array));
    assert_null(rc_resize(array, SIZE_MAX, sizeof *array));
    assert_null(rc_copy_text("", SIZE_MAX));
    until_failure = 1;
    assert_null(rc_resize(array, 3, sizeof *array));
    assert_int_equal(array[1], 7);
    array = rc_resize(array, 3, sizeof *array);
    assert_non_null(array);
    assert_int_equal(array[1], 7);
    rc_free(array);
}

static void a_copied_text_ends_in_a_nul_of_its_own(void **state)
{
    (void)state;
    char *copy = rc_copy_text("text and more", 4);
    assert_string_equal(copy, "text");
    rc_free(copy);
    until_failure = 1;
    assert_null(rc_copy_text("text", 4));
}

static void wiped_bytes_are_gone_and_no_others(void **state)
{
    (void)state;
    char secret[] = "<password>";
    rc_wipe(secret + 1, 8);
    assert_memory_equal(secret, "<\0\0\0\0\0\0\0\0>", sizeof secret);
}

static void a_buffer_that_cannot_grow_keeps_its_bytes(void **state)
{
    (void)state;
    struct rc_buf b = {0};
    until_failure = 1;
    assert_int_equal(rc_buf_append(&b, "abc", 3), RINGCACHE_ENOMEM);
    assert_null(b.base);
    assert_int_equal(rc_buf_append(&b, "abcdef", 6), 0);
    rc_buf_consume(&b, 1);
    until_failure = 1;
    assert_int_equal(rc_buf_reserve(&b, 1000), RINGCACHE_ENOMEM);
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.data, "bcdef", 5);
    assert_int_equal(rc_buf_reserve(&b, 1000), 0);
    assert_memory_equal(b.data, "bcdef", 5);
    rc_buf_deinit(&b);
}

static void a_buffer_with_room_needs_no_memory(void **state)
{
    (void)state;
    struct rc_buf b = {0};
    assert_int_equal(rc_buf_reserve(&b, 200), 0);
    until_failure = 1;
    unsigned char bytes[200] = {0};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rc_buf_append(&b, bytes, 100), 0);
        rc_buf_consume(&b, 100);
    }
    assert_int_equal(until_failure, 1);
    until_failure = 0;
    rc_buf_deinit(&b);
}

/* Take `count` objects, each to hold its number. */
static void fill(struct rc_slab *slab, uint32_t count)
{
    rc_slab_init(slab, sizeof(uint32_t));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number;
        uint32_t *object = rc_slab_take(slab, &number);
        assert_non_null(object);
        *object = number;
    }
}

static void a_slab_without_memory_gives_nothing_and_loses_nothing(void **state)
{
    (void)state;
    /* Before the first chunk, at a chunk's end, and where the table of chunks is full. */
    static const uint32_t counts[] = {0, 64, 8 * 64, 16 * 64};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct rc_slab slab;
        fill(&slab, counts[i]);
        size_t failures = 0;
        uint32_t number = 4711;
        for (until_failure = 1; rc_slab_take(&slab, &number) == NULL;
             until_failure = failures + 1) {
            assert_int_equal(number, 4711);
            failures++;
        }
        until_failure = 0;
        assert_int_equal(failures, counts[i] == 64 ? 1 : 2);
        assert_int_equal(number, counts[i]);
        for (uint32_t n = 0; n < counts[i]; n++) {
            assert_int_equal(*(uint32_t *)rc_slab_at(&slab, n), n);
        }
        rc_slab_deinit(&slab);
    }
}

/* The last object of a full chunk and the only one of the next, in turns. */
static void giving_back_and_taking_again_need_no_memory(void **state)
{
    (void)state;
    struct rc_slab slab;
    uint32_t number = 0;
    rc_slab_init(&slab, 8);
    for (int i = 0; i <= RC_SLAB_CHUNK; i++) {
        assert_non_null(rc_slab_take(&slab, &number));
    }
    until_failure = 1;
    for (uint32_t i = 0; i < 1000; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            number = RC_SLAB_CHUNK - (i + k) % 2;
            rc_slab_give(&slab, rc_slab_at(&slab, number), number);
        }
        for (uint32_t k = 0; k < 2; k++) {
            assert_non_null(rc_slab_take(&slab, &number));
            assert_int_equal(number, RC_SLAB_CHUNK - (i + k + 1) % 2);
        }
    }
    assert_int_equal(until_failure, 1);
    until_failure = 0;
    rc_slab_deinit(&slab);
}

static void a_value_that_cannot_be_kept_is_null(void **state)
{
    (void)state;
    const ringcache_reply reply = {.value = {.data = "abc", .len = 3}};
    until_failure = 1;
    assert_null(ringcache_value_ref(&reply));
    ringcache_value *value = ringcache_value_ref(&reply);
    assert_non_null(value);
    until_failure = 1;
    assert_ptr_equal(ringcache_value_retain(value), value);
    assert_int_equal(until_failure, 1);
    until_failure = 0;
    ringcache_value_unref(value);
    ringcache_value_unref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_size_is_still_an_object),
        cmocka_unit_test(a_product_beyond_all_memory_leaves_the_old_array),
        cmocka_unit_test(a_copied_text_ends_in_a_nul_of_its_own),
        cmocka_unit_test(wiped_bytes_are_gone_and_no_others),
        cmocka_unit_test(a_buffer_that_cannot_grow_keeps_its_bytes),
        cmocka_unit_test(a_buffer_with_room_needs_no_memory),
        cmocka_unit_test(a_slab_without_memory_gives_nothing_and_loses_nothing),
        cmocka_unit_test(giving_back_and_taking_again_need_no_memory),
        cmocka_unit_test(a_value_that_cannot_be_kept_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
