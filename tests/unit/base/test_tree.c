/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdlib.h>

#include "base/tree.h"

enum { ITEMS = 4096 };

struct item {
    struct rc_tree_node node;
    int key;
    bool in;
};

struct fixture {
    struct rc_tree tree;
    struct item items[ITEMS]; /* of keys 0, 10, 20 … */
    uint64_t random;
};

static uint64_t draw(struct fixture *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random;
}

static int compare(const void *key, const struct rc_tree_node *node)
{
    const int *wanted = key;
    const struct item *item = rc_container(node, struct item, node);
    return (*wanted > item->key) - (*wanted < item->key);
}

/* By all digits but the last two. */
static int compare_hundreds(const void *key, const struct rc_tree_node *node)
{
    const int *wanted = key;
    const struct item *item = rc_container(node, struct item, node);
    return (*wanted / 100 > item->key / 100) - (*wanted / 100 < item->key / 100);
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->random = 88172645463325252u;
    for (int i = 0; i < ITEMS; i++) {
        f->items[i].key = i * 10;
    }
    *state = f;
    return 0;
}

static int end(void **state)
{
    free(*state);
    return 0;
}

static void insert(struct fixture *f, struct item *item)
{
    item->node.priority = draw(f);
    item->in = true;
    rc_tree_insert(&f->tree, &item->node, compare, &item->key);
}

static void take_out(struct fixture *f, struct item *item)
{
    item->in = false;
    rc_tree_remove(&f->tree, &item->node, compare, &item->key);
}

/* Ordered by key and by priority; returns how deep it is. */
static unsigned check_order(const struct rc_tree_node *node, int above, int below)
{
    if (node == NULL) {
        return 0;
    }
    const struct item *item = rc_container(node, struct item, node);
    assert_true(item->key > above && item->key < below);
    assert_true(node->left == NULL || node->left->priority <= node->priority);
    assert_true(node->right == NULL || node->right->priority <= node->priority);
    unsigned left = check_order(node->left, above, item->key);
    unsigned right = check_order(node->right, item->key, below);
    return 1 + (left > right ? left : right);
}

static void assert_holds_what_is_in(struct fixture *f)
{
    check_order(f->tree.root, -1, ITEMS * 10);
    for (int i = 0; i < ITEMS; i++) {
        struct item *item = &f->items[i];
        int beside = item->key + 1;
        assert_ptr_equal(
            rc_tree_find(&f->tree, compare, &item->key), item->in ? &item->node : NULL);
        assert_null(rc_tree_find(&f->tree, compare, &beside));
    }
}

static void an_empty_tree_finds_nothing(void **state)
{
    struct fixture *f = *state;
    assert_holds_what_is_in(f);
}

static void what_was_inserted_is_found_until_it_is_taken_out(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 20000; round++) {
        struct item *item = &f->items[draw(f) % ITEMS];
        if (item->in) {
            take_out(f, item);
        } else {
            insert(f, item);
        }
        if (round % 5000 == 0) {
            assert_holds_what_is_in(f);
        }
    }
    assert_holds_what_is_in(f);
    for (int i = 0; i < ITEMS; i++) {
        if (f->items[i].in) {
            take_out(f, &f->items[i]);
        }
    }
    assert_null(f->tree.root);
}

static void keys_in_their_order_make_it_no_deeper(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < ITEMS; i++) {
        insert(f, &f->items[i]);
    }
    assert_in_range(check_order(f->tree.root, -1, ITEMS * 10), 12, 48);
}

static void equal_priorities_are_in_order_too(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < ITEMS; i += 16) {
        struct item *item = &f->items[i * 7 % ITEMS];
        item->in = true;
        rc_tree_insert(&f->tree, &item->node, compare, &item->key);
    }
    assert_holds_what_is_in(f);
}

static void a_part_of_the_key_finds_all_that_have_it_one_by_one(void **state)
{
    struct fixture *f = *state;
    int key = 1234;
    for (int i = 0; i < ITEMS; i++) {
        insert(f, &f->items[i]);
    }
    int found = 0;
    for (struct rc_tree_node *node; (node = rc_tree_find(&f->tree, compare_hundreds, &key)) != NULL;
         found++) {
        struct item *item = rc_container(node, struct item, node);
        assert_int_equal(item->key / 100, 12);
        take_out(f, item);
    }
    assert_int_equal(found, 10);
    assert_holds_what_is_in(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_tree_finds_nothing, begin, end),
        cmocka_unit_test_setup_teardown(
            what_was_inserted_is_found_until_it_is_taken_out, begin, end),
        cmocka_unit_test_setup_teardown(keys_in_their_order_make_it_no_deeper, begin, end),
        cmocka_unit_test_setup_teardown(equal_priorities_are_in_order_too, begin, end),
        cmocka_unit_test_setup_teardown(
            a_part_of_the_key_finds_all_that_have_it_one_by_one, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
