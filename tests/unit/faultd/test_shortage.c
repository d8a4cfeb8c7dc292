/* SPDX-License-Identifier: MIT */
/* Memory runs out at every place where it can: the call says so, nothing is lost (the sanitizers
 * look), and what did leave is a beginning of what would have. The linker puts the functions below
 * in the allocator's place. */
#include "flow_bench.h"

#include "rules.h"

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

/* Every kind of edit, of mark and of trigger. */
static bool pass(struct bench *bench)
{
    static const char *const lines[] = {
        "latency 1ms",
        "after 1 bytes down insert \"1\"",
        "after 2 bytes down duplicate 2",
        "after 5 bytes down swap 2",
        "after 9 bytes down corrupt 1",
        "after 11 bytes down drop 1",
        "after 3 bytes of each reply insert \"2\"",
        "after 13 bytes down stall",
        "after 16 bytes down insert \"3\"",
        "after 17 bytes down insert \"4\"",
        "after 18 bytes down half-close",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!bench_command(bench, lines[i]))
            return false;
    return flow_turn(&bench->flow, bench->now_ms) &&
           flow_receive(&bench->flow, "abcdefgh", 8, bench->now_ms) &&
           flow_receive(&bench->flow, "ijklmnopqrst", 12, bench->now_ms) &&
           flow_heal(&bench->flow) && flow_end(&bench->flow, bench->now_ms);
}

static bool attempt(struct bench *bench, size_t failing)
{
    bench_open(bench);
    until_failure = failing;
    bool good = pass(bench);
    until_failure = 0;
    bench_drain(bench);
    flow_deinit(&bench->flow);
    return good;
}

static void a_flow_without_memory_says_so_and_changes_no_byte(void **state)
{
    struct bench whole, bench;
    size_t failing = 1;
    (void)state;
    assert_true(attempt(&whole, 0));
    whole.out[13] = 'j'; /* another letter */
    assert_memory_equal(whole.out, "a1bcdcd2ehifgjkmnop3q4r$", whole.len);
    assert_int_equal(whole.len, 24);
    for (; !attempt(&bench, failing); failing++) {
        assert_true(bench.len <= whole.len);
        if (bench.len > 13)
            bench.out[13] = 'j';
        assert_memory_equal(bench.out, whole.out, bench.len);
    }
    assert_true(failing > 40);
    assert_int_equal(bench.len, whole.len);
}

static void rules_without_memory_stay_as_they_were(void **state)
{
    struct rules rules = {0};
    struct command *command = NULL;
    struct problem problem;
    (void)state;
    assert_int_equal(
        command_parse("after 1 bytes up stall", 22, &command, &problem), PARSED_COMMAND);
    assert_true(rules_add(&rules, command));
    until_failure = 1;
    assert_false(rules_add(&rules, command));
    assert_int_equal(rules.count, 1);
    assert_true(rules_add(&rules, command));
    assert_int_equal(rules.count, 2);
    rules_clear(&rules);
    command_release(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_without_memory_says_so_and_changes_no_byte),
        cmocka_unit_test(rules_without_memory_stay_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
