/* SPDX-License-Identifier: MIT */
/* Copies of commands, and of words, that outlive the call they came by. */
#include "unit.h"

#include "server/env.h"
#include "server/request.h"
#include "server/text.h"

static void a_command_is_kept_with_its_bytes(void **state)
{
    (void)state;
    struct rc_env env = {0};
    struct rc_request request = {0};
    char bytes[] = "app:keyvalue";
    const struct rc_command command = {.prefix = rc_slice(bytes, 4),
        .key = rc_slice(bytes + 4, 3),
        .value = rc_slice(bytes + 7, 5)};
    assert_int_equal(rc_request_keep(&env, &request, &command), 0);
    assert_int_equal(env.budget.used, request.body->size);
    memset(bytes, 'x', sizeof bytes);
    const struct rc_command *kept = &request.body->command;
    assert_true(rc_slice_equal(kept->prefix, rc_slice_text("app:")));
    assert_true(rc_slice_equal(kept->key, rc_slice_text("key")));
    assert_true(rc_slice_equal(kept->value, rc_slice_text("value")));
    rc_request_forget_body(&env, &request);
    assert_int_equal(env.budget.used, 0);
    assert_null(request.body);
}

static void a_value_that_is_lent_is_not_copied(void **state)
{
    (void)state;
    struct rc_env env = {0};
    struct rc_request request = {0};
    struct rc_loan loan = {.bytes = rc_slice_text("value")};
    const struct rc_command command = {
        .key = rc_slice_text("k"), .value = loan.bytes, .loan = &loan};
    rc_list_init(&env.returned);
    rc_list_init(&loan.link);
    assert_int_equal(rc_request_keep(&env, &request, &command), 0);
    assert_ptr_equal(request.body->command.value.data, loan.bytes.data);
    assert_int_equal(request.body->size, sizeof *request.body + 1);
    request.body->command.loan = NULL; /* it stays the test's */
    rc_request_forget_body(&env, &request);
}

static void a_copy_larger_than_all_memory_is_refused(void **state)
{
    (void)state;
    struct rc_env env = {0};
    struct rc_request request = {0};
    const struct rc_command command = {.key = rc_slice_text("k"), .value = rc_slice("", SIZE_MAX)};
    assert_int_equal(rc_request_keep(&env, &request, &command), RINGCACHE_ENOMEM);
    assert_null(request.body);
    assert_int_equal(env.budget.used, 0);
    rc_list_init(&env.spent);
    assert_null(rc_text_lend(&env, "", SIZE_MAX));
    assert_true(rc_list_empty(&env.spent));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_kept_with_its_bytes),
        cmocka_unit_test(a_value_that_is_lent_is_not_copied),
        cmocka_unit_test(a_copy_larger_than_all_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
