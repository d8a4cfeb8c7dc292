/* SPDX-License-Identifier: MIT */
/* Which writes that wait are older than one to their key that was lost. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/journal.h"
#include "server/outrun.h"
#include "server/request.h"

enum { MOST = 40, MANY = 40000, MANY_MS = 2000 };

static bool no_memory;

void *__real_rc_alloc_zeroed(size_t count, size_t size);
void *__wrap_rc_alloc_zeroed(size_t count, size_t size);
void *__real_rc_alloc(size_t size);
void *__wrap_rc_alloc(size_t size);

void *__wrap_rc_alloc_zeroed(size_t count, size_t size)
{
    return no_memory ? NULL : __real_rc_alloc_zeroed(count, size);
}

void *__wrap_rc_alloc(size_t size)
{
    return no_memory ? NULL : __real_rc_alloc(size);
}

/* Requests that wait, and their commands. */
struct stage {
    struct rc_outrun outrun;
    struct rc_list waiting;
    struct rc_request *requests;
    struct rc_body *bodies;
    char (*names)[16];
    size_t count;
};

static struct stage open_stage(size_t most)
{
    struct stage s = {
        .requests = calloc(most, sizeof *s.requests),
        .bodies = calloc(most, sizeof *s.bodies),
        .names = calloc(most, sizeof *s.names),
    };
    assert_true(s.requests != NULL && s.bodies != NULL && s.names != NULL);
    return s;
}

static void close_stage(struct stage *s)
{
    rc_outrun_deinit(&s->outrun);
    free(s->requests);
    free(s->bodies);
    free(s->names);
}

static void put_to_wait(struct stage *s, enum rc_verb verb, unsigned key, uint64_t token)
{
    struct rc_request *request = &s->requests[s->count];
    struct rc_body *body = &s->bodies[s->count];
    char *name = s->names[s->count++];
    snprintf(name, sizeof *s->names, "ns:%u", key);
    body->command = (struct rc_command){
        .verb = verb, .token = token, .prefix = rc_slice(name, 3), .key = rc_slice_text(name + 3)};
    request->body = body;
    rc_list_append(&s->waiting, &request->link);
}

static void lose(struct stage *s, const struct rc_lost *how, unsigned key, uint64_t token)
{
    char name[16];
    snprintf(name, sizeof name, "ns:%u", key);
    struct rc_lost lost = *how;
    lost.prefix = rc_slice(name, 2);
    lost.key = rc_slice_text(name + 2);
    rc_outrun_note(&s->outrun, &lost, token);
}

static const struct rc_lost set = {.cas = 0}, under_a_token = {.cas = 5}, add = {.adds = true};

static unsigned below(unsigned n)
{
    static uint64_t state = 11;
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(state >> 33) % n;
}

/* Among a few keys, and of tokens that begin anywhere, also just below their highest. */
static void a_write_is_outrun_by_a_younger_one_to_its_key(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct stage s = open_stage(MOST);
        bool expected[MOST] = {false};
        unsigned keys[MOST];
        rc_list_init(&s.waiting);
        uint64_t token = round % 2 == 0 ? 1000 : UINT64_MAX - MOST / 2;
        for (size_t i = 0; i < MOST; i++, token++) {
            unsigned key = below(8), what = below(6);
            if (what >= 3) {
                keys[s.count] = key;
                put_to_wait(&s, what == 5 ? RC_VERB_GET : RC_VERB_SET, key, token);
                continue;
            }
            lose(&s, what == 0 ? &set : what == 1 ? &under_a_token : &add, key, token);
            for (size_t n = 0; n < s.count; n++) {
                bool writes = s.bodies[n].command.verb == RC_VERB_SET;
                expected[n] = expected[n] || (what == 0 && writes && keys[n] == key);
            }
        }
        rc_outrun_mark(&s.outrun, &s.waiting);
        for (size_t n = 0; n < s.count; n++) {
            assert_int_equal(s.requests[n].outrun, expected[n]);
        }
        close_stage(&s);
    }
}

static void what_was_looked_through_once_is_forgotten(void **state)
{
    (void)state;
    struct stage s = open_stage(2);
    rc_list_init(&s.waiting);
    lose(&s, &set, 1, 20);
    rc_outrun_mark(&s.outrun, &s.waiting);
    put_to_wait(&s, RC_VERB_SET, 1, 10);
    rc_outrun_mark(&s.outrun, &s.waiting);
    assert_false(s.requests[0].outrun);
    close_stage(&s);
}

/* Whatever may be older than a loss whose key is not known, or not found, counts as outrun. */
static void without_memory_all_that_are_old_enough_are_outrun(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct stage s = open_stage(3);
        rc_list_init(&s.waiting);
        put_to_wait(&s, RC_VERB_SET, 1, 10);
        put_to_wait(&s, RC_VERB_GET, 1, 11);
        put_to_wait(&s, RC_VERB_SET, 1, 30);
        no_memory = late == 0;
        lose(&s, &set, 2, 20);
        lose(&s, &set, 3, 15);
        no_memory = late == 1;
        rc_outrun_mark(&s.outrun, &s.waiting);
        no_memory = false;
        assert_true(s.requests[0].outrun);
        assert_false(s.requests[1].outrun || s.requests[2].outrun);
        close_stage(&s);
    }
}

/* Each scanned for each would take minutes. */
static void many_are_looked_through_at_once(void **state)
{
    (void)state;
    struct stage s = open_stage(MANY);
    rc_list_init(&s.waiting);
    for (unsigned i = 0; i < MANY; i++) {
        put_to_wait(&s, RC_VERB_SET, i, i);
    }
    clock_t from = clock();
    for (unsigned i = 0; i < MANY; i++) {
        lose(&s, &set, i, MANY + i);
    }
    rc_outrun_mark(&s.outrun, &s.waiting);
    assert_true((clock() - from) / (CLOCKS_PER_SEC / 1000) < MANY_MS);
    assert_true(s.requests[0].outrun && s.requests[MANY - 1].outrun);
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_outrun_by_a_younger_one_to_its_key),
        cmocka_unit_test(what_was_looked_through_once_is_forgotten),
        cmocka_unit_test(without_memory_all_that_are_old_enough_are_outrun),
        cmocka_unit_test(many_are_looked_through_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
