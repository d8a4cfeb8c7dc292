/* SPDX-License-Identifier: MIT */
/* The queue of bytes: what comes out is what went in, and memory moves only when it pays. */
#include "unit.h"

#include "base/buf.h"
#include "ringcache/status.h"

/* What the smallest buffer holds. */
enum { FIRST_CAP = 256 };

static unsigned char pattern(size_t offset)
{
    return (unsigned char)(offset * 31 + (offset >> 8));
}

/* Append the stream's bytes from `offset` on. */
static void append_stream(struct rc_buf *b, size_t offset, size_t n)
{
    unsigned char bytes[1024];
    for (size_t done = 0; done < n;) {
        size_t piece = n - done < sizeof bytes ? n - done : sizeof bytes;
        for (size_t i = 0; i < piece; i++) {
            bytes[i] = pattern(offset + done + i);
        }
        assert_int_equal(rc_buf_append(b, bytes, piece), 0);
        done += piece;
    }
}

static void assert_stream(const struct rc_buf *b, size_t offset, size_t len)
{
    assert_int_equal(b->len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(b->data[i], pattern(offset + i));
    }
}

static struct rc_buf filled(size_t len)
{
    struct rc_buf b = {0};
    append_stream(&b, 0, len);
    return b;
}

static void bytes_leave_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    struct rc_buf b = {0};
    uint64_t random = 1;
    size_t in = 0, out = 0;
    for (int round = 0; round < 3000; round++) {
        size_t more = (size_t)(next_random(&random) % 700);
        append_stream(&b, in, more);
        in += more;
        size_t less = (size_t)(next_random(&random) % (b.len + 1));
        rc_buf_consume(&b, less);
        out += less;
        assert_stream(&b, out, in - out);
    }
    rc_buf_deinit(&b);
}

static void an_empty_buffer_holds_no_memory_and_every_call_is_legal(void **state)
{
    (void)state;
    struct rc_buf b = {0};
    assert_int_equal(rc_buf_room(&b), 0);
    rc_buf_consume(&b, 0);
    rc_buf_truncate(&b, 0);
    rc_buf_truncate(&b, 9);
    rc_buf_trim(&b, 0);
    assert_null(b.base);
    assert_int_equal(rc_buf_append(&b, NULL, 0), 0);
    assert_int_equal(b.len, 0);
    rc_buf_deinit(&b);
    rc_buf_deinit(&b);
    assert_null(b.base);
    assert_int_equal(b.cap, 0);
}

static void what_is_fitted_takes_no_room_to_grow(void **state)
{
    (void)state;
    struct rc_buf b = filled(3000000);
    rc_buf_consume(&b, 1000000);
    assert_int_equal(rc_buf_fit(&b, 3000000), 0);
    assert_int_equal(b.cap, 5000000);
    assert_int_equal(rc_buf_room(&b), 3000000);
    assert_stream(&b, 1000000, 2000000);
    const unsigned char *base = b.base;
    assert_int_equal(rc_buf_fit(&b, 3000000), 0);
    rc_buf_consume(&b, 1900000);
    assert_int_equal(rc_buf_fit(&b, 4900000), 0); /* there is room in front */
    assert_ptr_equal(b.base, base);
    assert_stream(&b, 2900000, 100000);
    assert_int_equal(rc_buf_fit(&b, SIZE_MAX), RINGCACHE_ENOMEM);
    assert_stream(&b, 2900000, 100000);
    rc_buf_deinit(&b);
}

static void what_was_reserved_is_written_without_growing(void **state)
{
    (void)state;
    struct rc_buf b = filled(100);
    assert_int_equal(rc_buf_reserve(&b, 4000), 0);
    assert_true(rc_buf_room(&b) >= 4000);
    const unsigned char *base = b.base;
    memset(rc_buf_end(&b), 'x', 4000);
    rc_buf_commit(&b, 4000);
    assert_int_equal(b.len, 4100);
    assert_ptr_equal(b.base, base);
    assert_int_equal(b.data[4099], 'x');
    b.len = 100;
    assert_stream(&b, 0, 100);
    rc_buf_deinit(&b);
}

static void room_that_is_there_is_used_to_its_last_byte(void **state)
{
    (void)state;
    struct rc_buf b = filled(1);
    const unsigned char *base = b.base;
    assert_int_equal(rc_buf_room(&b), FIRST_CAP - 1);
    append_stream(&b, 1, FIRST_CAP - 1);
    assert_int_equal(rc_buf_room(&b), 0);
    assert_ptr_equal(b.base, base);
    append_stream(&b, FIRST_CAP, 1);
    assert_int_equal(b.cap, 2 * FIRST_CAP);
    assert_stream(&b, 0, FIRST_CAP + 1);
    rc_buf_deinit(&b);
}

static void contents_slide_to_the_front_while_at_most_half_full(void **state)
{
    (void)state;
    struct rc_buf b = filled(FIRST_CAP);
    const unsigned char *base = b.base;
    rc_buf_consume(&b, FIRST_CAP / 2);
    assert_int_equal(rc_buf_reserve(&b, FIRST_CAP / 2), 0);
    assert_ptr_equal(b.base, base);
    assert_ptr_equal(b.data, base);
    assert_int_equal(b.cap, FIRST_CAP);
    assert_stream(&b, FIRST_CAP / 2, FIRST_CAP / 2);
    rc_buf_deinit(&b);
}

static void contents_above_half_grow_instead_of_sliding(void **state)
{
    (void)state;
    struct rc_buf b = filled(FIRST_CAP);
    rc_buf_consume(&b, FIRST_CAP / 2 - 1);
    assert_int_equal(rc_buf_reserve(&b, 1), 0);
    assert_int_equal(b.cap, 2 * FIRST_CAP);
    assert_stream(&b, FIRST_CAP / 2 - 1, FIRST_CAP / 2 + 1);
    rc_buf_deinit(&b);
}

static void a_queue_that_stays_nearly_full_seldom_moves(void **state)
{
    (void)state;
    struct rc_buf b = filled(FIRST_CAP - 2);
    unsigned moved = 0;
    for (size_t i = 0; i < 4096; i++) {
        rc_buf_consume(&b, 1);
        const unsigned char *before = b.data;
        append_stream(&b, FIRST_CAP - 2 + i, 1);
        moved += b.data != before;
    }
    assert_stream(&b, 4096, FIRST_CAP - 2);
    assert_in_range(moved, 1, 4096 / (FIRST_CAP / 2));
    rc_buf_deinit(&b);
}

static void an_emptied_buffer_has_all_its_room_again(void **state)
{
    (void)state;
    struct rc_buf b = filled(200);
    rc_buf_consume(&b, 50);
    assert_int_equal(rc_buf_room(&b), FIRST_CAP - 200);
    rc_buf_consume(&b, 150);
    assert_int_equal(b.len, 0);
    assert_int_equal(rc_buf_room(&b), FIRST_CAP);
    rc_buf_deinit(&b);
}

static void truncating_keeps_the_front(void **state)
{
    (void)state;
    struct rc_buf b = filled(100);
    rc_buf_consume(&b, 10);
    rc_buf_truncate(&b, 91);
    assert_stream(&b, 10, 90);
    rc_buf_truncate(&b, 90);
    assert_stream(&b, 10, 90);
    rc_buf_truncate(&b, 33);
    assert_stream(&b, 10, 33);
    append_stream(&b, 43, 50);
    assert_stream(&b, 10, 83);
    rc_buf_truncate(&b, 0);
    assert_int_equal(b.len, 0);
    rc_buf_deinit(&b);
}

static void memory_goes_back_when_empty_and_past_the_bound(void **state)
{
    (void)state;
    struct rc_buf b = filled(FIRST_CAP);
    rc_buf_trim(&b, 0);
    assert_stream(&b, 0, FIRST_CAP);
    rc_buf_consume(&b, FIRST_CAP);
    rc_buf_trim(&b, FIRST_CAP);
    assert_non_null(b.base);
    rc_buf_trim(&b, FIRST_CAP - 1);
    assert_null(b.base);
    assert_int_equal(b.cap, 0);
    append_stream(&b, 0, 10);
    assert_stream(&b, 0, 10);
    rc_buf_deinit(&b);
}

static void few_bytes_do_not_keep_much_memory(void **state)
{
    (void)state;
    enum { HUGE = 1 << 21, KEEP = 1 << 16 };
    struct rc_buf b = {0};
    for (size_t in = 0; in < HUGE; in += 1024) {
        append_stream(&b, in, 1024);
    }
    rc_buf_consume(&b, HUGE - KEEP - 1);
    rc_buf_trim(&b, KEEP);
    assert_true(b.cap >= HUGE);
    rc_buf_consume(&b, 1);
    rc_buf_trim(&b, KEEP);
    assert_int_equal(b.cap, KEEP);
    assert_stream(&b, HUGE - KEEP, KEEP);
    append_stream(&b, HUGE, 10);
    assert_stream(&b, HUGE - KEEP, KEEP + 10);
    rc_buf_deinit(&b);
}

static void a_size_that_no_memory_has_is_refused_with_nothing_changed(void **state)
{
    (void)state;
    struct rc_buf b = filled(100);
    const size_t sizes[] = {
        SIZE_MAX, SIZE_MAX - 99, SIZE_MAX - 100, SIZE_MAX / 2, SIZE_MAX / 4 - 99};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(rc_buf_reserve(&b, sizes[i]), RINGCACHE_ENOMEM);
        assert_int_equal(rc_buf_append(&b, "", sizes[i]), RINGCACHE_ENOMEM);
    }
    assert_stream(&b, 0, 100);
    assert_int_equal(b.cap, FIRST_CAP);
    rc_buf_deinit(&b);
}

static void memory_of_up_to_twice_what_is_kept_stays(void **state)
{
    (void)state;
    enum { HUGE = 1 << 21 };
    struct rc_buf b = {0};
    append_stream(&b, 0, 10);
    assert_int_equal(rc_buf_reserve(&b, HUGE), 0);
    size_t cap = b.cap;
    rc_buf_trim(&b, cap / 2);
    assert_int_equal(b.cap, cap);
    rc_buf_trim(&b, cap / 2 - 1);
    assert_int_equal(b.cap, cap / 2 - 1);
    assert_stream(&b, 0, 10);
    rc_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_leave_in_the_order_in_which_they_came),
        cmocka_unit_test(an_empty_buffer_holds_no_memory_and_every_call_is_legal),
        cmocka_unit_test(what_is_fitted_takes_no_room_to_grow),
        cmocka_unit_test(what_was_reserved_is_written_without_growing),
        cmocka_unit_test(room_that_is_there_is_used_to_its_last_byte),
        cmocka_unit_test(contents_slide_to_the_front_while_at_most_half_full),
        cmocka_unit_test(contents_above_half_grow_instead_of_sliding),
        cmocka_unit_test(a_queue_that_stays_nearly_full_seldom_moves),
        cmocka_unit_test(an_emptied_buffer_has_all_its_room_again),
        cmocka_unit_test(truncating_keeps_the_front),
        cmocka_unit_test(memory_goes_back_when_empty_and_past_the_bound),
        cmocka_unit_test(few_bytes_do_not_keep_much_memory),
        cmocka_unit_test(a_size_that_no_memory_has_is_refused_with_nothing_changed),
        cmocka_unit_test(memory_of_up_to_twice_what_is_kept_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
