/* SPDX-License-Identifier: MIT */
/* Numbered objects: each is found by its number, and memory follows what is out. */
#include "unit.h"

#include "base/line.h"
#include "base/slab.h"

enum { PER_CHUNK = 64 };

struct object {
    uint64_t content[3];
};

static struct object *take(struct rc_slab *slab, uint32_t *number)
{
    struct object *object = rc_slab_take(slab, number);
    assert_non_null(object);
    return object;
}

/* Take `count` objects, which a fresh slab numbers from 0. */
static void take_many(struct rc_slab *slab, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number;
        take(slab, &number)->content[0] = i + 1;
        assert_int_equal(number, i);
    }
}

static void give(struct rc_slab *slab, uint32_t number)
{
    rc_slab_give(slab, rc_slab_at(slab, number), number);
}

static void give_range(struct rc_slab *slab, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        give(slab, i);
    }
}

static int begin(void **state)
{
    static struct rc_slab slab;
    rc_slab_init(&slab, sizeof(struct object));
    *state = &slab;
    return 0;
}

static int end(void **state)
{
    rc_slab_deinit(*state);
    return 0;
}

static void an_object_is_zeroed_aligned_and_found_by_its_number(void **state)
{
    struct rc_slab *slab = *state;
    uint32_t number = 99;
    struct object *object = take(slab, &number);
    assert_int_equal((uintptr_t)object % 16, 0);
    assert_int_equal(object->content[0] | object->content[1] | object->content[2], 0);
    assert_ptr_equal(rc_slab_at(slab, number), object);
}

static void objects_of_any_size_are_aligned_and_apart(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 40; size++) {
        struct rc_slab slab;
        uint32_t first, second;
        rc_slab_init(&slab, size);
        unsigned char *a = rc_slab_take(&slab, &first);
        unsigned char *b = rc_slab_take(&slab, &second);
        assert_true(a != NULL && b != NULL);
        assert_true(((uintptr_t)a | (uintptr_t)b) % 16 == 0);
        memset(a, 0xaa, size);
        assert_int_equal(b[0], 0);
        assert_true((size_t)(b - a) >= size);
        rc_slab_deinit(&slab);
    }
}

static void objects_of_whole_lines_of_the_cache_are_whole_lines(void **state)
{
    (void)state;
    struct rc_slab slab;
    uint32_t number;
    rc_slab_init(&slab, (size_t)4 * RC_LINE);
    for (int i = 0; i < 3 * PER_CHUNK; i++) {
        assert_int_equal((uintptr_t)rc_slab_take(&slab, &number) % RC_LINE, 0);
    }
    rc_slab_deinit(&slab);
}

static void what_was_given_back_last_is_taken_first(void **state)
{
    struct rc_slab *slab = *state;
    take_many(slab, 4 * PER_CHUNK);
    give(slab, 9);
    give(slab, 3 * PER_CHUNK);
    give(slab, 2 * PER_CHUNK + 5);
    const uint32_t order[] = {2 * PER_CHUNK + 5, 3 * PER_CHUNK, 9};
    for (size_t i = 0; i < 3; i++) {
        uint32_t number;
        take(slab, &number);
        assert_int_equal(number, order[i]);
    }
}

static void a_number_that_was_given_back_is_used_again(void **state)
{
    struct rc_slab *slab = *state;
    take_many(slab, 10);
    give(slab, 4);
    const struct object *free = rc_slab_at(slab, 4);
    assert_non_null(free);
    uint32_t number;
    assert_ptr_equal(take(slab, &number), free);
    assert_int_equal(number, 4);
    assert_int_equal(((struct object *)rc_slab_at(slab, 5))->content[0], 6);
}

static void the_65th_object_opens_a_second_chunk(void **state)
{
    struct rc_slab *slab = *state;
    assert_null(rc_slab_at(slab, 0));
    take_many(slab, PER_CHUNK - 1);
    assert_non_null(rc_slab_at(slab, PER_CHUNK - 1)); /* free, in the chunk */
    uint32_t number;
    take(slab, &number);
    assert_int_equal(number, PER_CHUNK - 1);
    assert_null(rc_slab_at(slab, PER_CHUNK));
    take(slab, &number);
    assert_int_equal(number, PER_CHUNK);
    assert_non_null(rc_slab_at(slab, PER_CHUNK));
}

static void a_full_chunk_has_room_again_when_one_comes_back(void **state)
{
    struct rc_slab *slab = *state;
    take_many(slab, PER_CHUNK);
    give(slab, 17);
    give(slab, 30);
    uint32_t number;
    take(slab, &number);
    assert_int_equal(number, 30);
    take(slab, &number);
    assert_int_equal(number, 17);
    take(slab, &number);
    assert_int_equal(number, PER_CHUNK);
}

static void a_chunk_that_becomes_free_while_another_has_room_is_gone(void **state)
{
    struct rc_slab *slab = *state;
    take_many(slab, PER_CHUNK + 2);
    give_range(slab, 0, PER_CHUNK);
    assert_non_null(rc_slab_at(slab, 0)); /* of which one was given back last */
    give(slab, PER_CHUNK + 1);
    assert_null(rc_slab_at(slab, 0));
    assert_null(rc_slab_at(slab, PER_CHUNK - 1));
    assert_int_equal(((struct object *)rc_slab_at(slab, PER_CHUNK))->content[0], PER_CHUNK + 1);
}

static void numbers_of_a_gone_chunk_come_back_when_the_others_are_full(void **state)
{
    struct rc_slab *slab = *state;
    take_many(slab, PER_CHUNK + 2);
    give_range(slab, 0, PER_CHUNK);
    give(slab, PER_CHUNK + 1);
    uint32_t number;
    for (uint32_t i = 1; i < PER_CHUNK; i++) {
        take(slab, &number);
        assert_int_equal(number, PER_CHUNK + i);
    }
    assert_null(rc_slab_at(slab, 0));
    take(slab, &number);
    assert_int_equal(number, 0);
}

static void the_only_chunk_with_room_is_kept_though_empty(void **state)
{
    struct rc_slab *slab = *state;
    take_many(slab, 2 * PER_CHUNK);
    give_range(slab, 0, PER_CHUNK);
    give(slab, PER_CHUNK);
    assert_non_null(rc_slab_at(slab, 0));
    uint32_t number;
    take(slab, &number);
    assert_int_equal(number, PER_CHUNK);
    take(slab, &number);
    assert_int_equal(number, 0);
}

static void the_chunk_of_what_was_given_back_last_is_kept_though_another_has_room(void **state)
{
    struct rc_slab *slab = *state;
    take_many(slab, 2 * PER_CHUNK);
    give_range(slab, 0, 2 * PER_CHUNK);
    assert_non_null(rc_slab_at(slab, 0));
    assert_non_null(rc_slab_at(slab, PER_CHUNK));
    uint32_t number;
    take(slab, &number);
    assert_int_equal(number, 2 * PER_CHUNK - 1);
}

static void every_object_keeps_its_content_in_a_thousand_chunks(void **state)
{
    struct rc_slab *slab = *state;
    enum { MANY = 1000 * PER_CHUNK };
    take_many(slab, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(((struct object *)rc_slab_at(slab, i))->content[0], i + 1);
    }
    assert_null(rc_slab_at(slab, UINT32_MAX));
    give_range(slab, 0, MANY);
    uint32_t chunks = 0;
    for (uint32_t i = 0; i < MANY; i += PER_CHUNK) {
        chunks += rc_slab_at(slab, i) != NULL;
    }
    assert_int_equal(chunks, 2); /* the last one's, and an empty one */
}

/* What the test believes is out: contents by number, 0 where nothing is. */
struct ledger {
    uint64_t contents[16 * PER_CHUNK];
    uint32_t out[400];
    size_t count;
};

static void take_noted(struct rc_slab *slab, struct ledger *ledger, uint64_t content)
{
    uint32_t number = UINT32_MAX;
    struct object *object = take(slab, &number);
    assert_in_range(number, 0, 16 * PER_CHUNK - 1);
    assert_int_equal(ledger->contents[number], 0);
    object->content[0] = ledger->contents[number] = content;
    ledger->out[ledger->count++] = number;
}

static void give_noted(struct rc_slab *slab, struct ledger *ledger, size_t which)
{
    uint32_t number = ledger->out[which];
    const struct object *object = rc_slab_at(slab, number);
    assert_non_null(object);
    assert_int_equal(object->content[0], ledger->contents[number]);
    ledger->contents[number] = 0;
    ledger->out[which] = ledger->out[--ledger->count];
    give(slab, number);
}

static void no_two_objects_that_are_out_are_one(void **state)
{
    struct rc_slab *slab = *state;
    static struct ledger ledger;
    uint64_t random = 7;
    for (uint64_t round = 1; round <= 50000; round++) {
        uint64_t dice = next_random(&random);
        /* Phases of growing and of shrinking, so that chunks come and go. */
        bool grow = dice % 8 < (round / 1000 % 2 == 0 ? 6 : 2);
        if (grow && ledger.count < 400) {
            take_noted(slab, &ledger, round);
        } else if (ledger.count > 0) {
            give_noted(slab, &ledger, (size_t)(dice >> 32) % ledger.count);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_object_is_zeroed_aligned_and_found_by_its_number, begin, end),
        cmocka_unit_test(objects_of_any_size_are_aligned_and_apart),
        cmocka_unit_test(objects_of_whole_lines_of_the_cache_are_whole_lines),
        cmocka_unit_test_setup_teardown(what_was_given_back_last_is_taken_first, begin, end),
        cmocka_unit_test_setup_teardown(a_number_that_was_given_back_is_used_again, begin, end),
        cmocka_unit_test_setup_teardown(the_65th_object_opens_a_second_chunk, begin, end),
        cmocka_unit_test_setup_teardown(
            a_full_chunk_has_room_again_when_one_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(
            a_chunk_that_becomes_free_while_another_has_room_is_gone, begin, end),
        cmocka_unit_test_setup_teardown(
            numbers_of_a_gone_chunk_come_back_when_the_others_are_full, begin, end),
        cmocka_unit_test_setup_teardown(the_only_chunk_with_room_is_kept_though_empty, begin, end),
        cmocka_unit_test_setup_teardown(
            the_chunk_of_what_was_given_back_last_is_kept_though_another_has_room, begin, end),
        cmocka_unit_test_setup_teardown(
            every_object_keeps_its_content_in_a_thousand_chunks, begin, end),
        cmocka_unit_test_setup_teardown(no_two_objects_that_are_out_are_one, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
