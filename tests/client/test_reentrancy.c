/* SPDX-License-Identifier: MIT */
/* Every call is legal in every callback: whatever a program hears, it may close, cancel, submit,
 * add or remove a server there and then. Each case is one cell of the matrix: what is heard, and
 * what is done. */
#include "reentrancy.h"

#include <stdio.h>

enum { MAX_ROWS = 80, MAX_ACTS = 16, NAME_BYTES = 96 };

static struct place {
    const struct row *row;
    const struct act *act;
    char name[NAME_BYTES];
    unsigned runs;
} places[MAX_ROWS * MAX_ACTS];

static size_t place_count;

static void every_call_is_legal(void **state)
{
    struct place *place = *state;
    run_cell(place->row, place->act);
    place->runs++;
}

/* The first of them by itself, so that it has a name in this file. */
static void a_program_may_close_in_the_callback_of_a_reply(void **state)
{
    (void)state;
    run_cell(&request_rows[0], &acts[0]);
}

static void add_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count * act_count; i++) {
        assert_true(place_count < MAX_ROWS * MAX_ACTS);
        struct place *place = &places[place_count++];
        place->row = &rows[i / act_count];
        place->act = &acts[i % act_count];
        int len = snprintf(place->name, NAME_BYTES, "%s.%s", place->row->name, place->act->name);
        assert_in_range(len, 1, NAME_BYTES - 1);
    }
}

static size_t runs_of_callback(enum callback callback, const struct act *act)
{
    size_t runs = 0;
    for (size_t i = 0; i < place_count; i++) {
        runs += places[i].act == act && places[i].row->callback == callback ? places[i].runs : 0;
    }
    return runs;
}

static size_t runs_of_event(ringcache_event_type type, const struct act *act)
{
    size_t runs = 0;
    for (size_t i = 0; i < place_count; i++) {
        const struct row *row = places[i].row;
        bool fits = row->callback == CALLBACK_EVENT && row->what == (int)type;
        runs += places[i].act == act && fits ? places[i].runs : 0;
    }
    return runs;
}

/* Each place once, and among them each act in each kind of callback and at each event. */
static void no_cell_is_missing(void **state)
{
    (void)state;
    assert_int_equal(place_count, (request_row_count + call_row_count) * act_count);
    for (size_t i = 0; i < place_count; i++) {
        assert_int_equal(places[i].runs, 1);
    }
    for (size_t i = 0; i < act_count; i++) {
        for (int callback = 0; callback < CALLBACKS; callback++) {
            assert_true(runs_of_callback((enum callback)callback, &acts[i]) > 0);
        }
        for (int type = 0; type <= RINGCACHE_EVENT_HELD; type++) {
            assert_true(runs_of_event((ringcache_event_type)type, &acts[i]) > 0);
        }
    }
    print_message("# re-entrancy: %zu cells, %zu callbacks by %zu acts\n", place_count,
        place_count / act_count, act_count);
}

int main(void)
{
    static struct CMUnitTest tests[MAX_ROWS * MAX_ACTS + 2];
    add_rows(request_rows, request_row_count);
    add_rows(call_rows, call_row_count);
    for (size_t i = 0; i < place_count; i++) {
        tests[i + 1] = (struct CMUnitTest){
            .name = places[i].name, .test_func = every_call_is_legal, .initial_state = &places[i]};
    }
    tests[0] = (struct CMUnitTest)cmocka_unit_test(a_program_may_close_in_the_callback_of_a_reply);
    tests[place_count + 1] = (struct CMUnitTest)cmocka_unit_test(no_cell_is_missing);
    return _cmocka_run_group_tests("re-entrancy", tests, place_count + 2, NULL, NULL);
}
