/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/list.h"

struct item {
    char before;
    struct rc_list link;
    char name;
};

struct fixture {
    struct rc_list head, other;
    struct item items[4]; /* named a, b, c, d */
};

static int begin(void **state)
{
    static struct fixture f;
    rc_list_init(&f.head);
    rc_list_init(&f.other);
    for (int i = 0; i < 4; i++) {
        f.items[i].name = (char)('a' + i);
        rc_list_init(&f.items[i].link);
    }
    *state = &f;
    return 0;
}

/* The list holds the items so named, forwards and backwards. */
static void assert_holds(const struct rc_list *head, const char *names)
{
    size_t len = strlen(names);
    const struct rc_list *next = head, *prev = head;
    for (size_t i = 0; i < len; i++) {
        next = next->next;
        prev = prev->prev;
        assert_int_equal(rc_container(next, struct item, link)->name, names[i]);
        assert_int_equal(rc_container(prev, struct item, link)->name, names[len - 1 - i]);
    }
    assert_ptr_equal(next->next, head);
    assert_ptr_equal(prev->prev, head);
    assert_int_equal(rc_list_empty(head), len == 0);
}

static void append_items(struct rc_list *head, struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rc_list_append(head, &items[i].link);
    }
}

static void an_empty_list_has_no_first(void **state)
{
    struct fixture *f = *state;
    assert_null(rc_list_first(&f->head));
    assert_holds(&f->head, "");
}

static void nodes_stand_in_the_order_in_which_they_were_appended(void **state)
{
    struct fixture *f = *state;
    append_items(&f->head, f->items, 4);
    assert_holds(&f->head, "abcd");
    assert_ptr_equal(rc_list_first(&f->head), &f->items[0].link);
}

static void a_node_leaves_from_any_place(void **state)
{
    struct fixture *f = *state;
    append_items(&f->head, f->items, 4);
    rc_list_remove(&f->items[1].link);
    assert_holds(&f->head, "acd");
    rc_list_remove(&f->items[3].link);
    assert_holds(&f->head, "ac");
    rc_list_remove(&f->items[0].link);
    assert_holds(&f->head, "c");
    rc_list_remove(&f->items[2].link);
    assert_holds(&f->head, "");
}

static void a_removed_node_is_in_no_list_and_may_be_removed_again(void **state)
{
    struct fixture *f = *state;
    append_items(&f->head, f->items, 3);
    rc_list_remove(&f->items[1].link);
    assert_true(rc_list_empty(&f->items[1].link));
    rc_list_remove(&f->items[1].link);
    assert_holds(&f->head, "ac");
    rc_list_append(&f->other, &f->items[1].link);
    assert_holds(&f->other, "b");
}

static void splicing_moves_all_behind_the_end(void **state)
{
    struct fixture *f = *state;
    append_items(&f->head, f->items, 2);
    append_items(&f->other, f->items + 2, 2);
    rc_list_splice(&f->head, &f->other);
    assert_holds(&f->head, "abcd");
    assert_holds(&f->other, "");
}

static void splicing_onto_an_empty_list_moves_all(void **state)
{
    struct fixture *f = *state;
    append_items(&f->other, f->items, 3);
    rc_list_splice(&f->head, &f->other);
    assert_holds(&f->head, "abc");
    assert_holds(&f->other, "");
}

static void splicing_an_empty_list_changes_nothing(void **state)
{
    struct fixture *f = *state;
    append_items(&f->head, f->items, 2);
    rc_list_splice(&f->head, &f->other);
    assert_holds(&f->head, "ab");
    assert_holds(&f->other, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_list_has_no_first, begin),
        cmocka_unit_test_setup(nodes_stand_in_the_order_in_which_they_were_appended, begin),
        cmocka_unit_test_setup(a_node_leaves_from_any_place, begin),
        cmocka_unit_test_setup(a_removed_node_is_in_no_list_and_may_be_removed_again, begin),
        cmocka_unit_test_setup(splicing_moves_all_behind_the_end, begin),
        cmocka_unit_test_setup(splicing_onto_an_empty_list_moves_all, begin),
        cmocka_unit_test_setup(splicing_an_empty_list_changes_nothing, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
