/* SPDX-License-Identifier: MIT */
/* The servers that tests and the demo run on: one that does not start says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "servers.h"

static void assert_says(enum server_kind kind, const char *option, const char *words)
{
    struct server server = {.kind = kind, .listen = LISTEN_UNIX, .extra = {option}};
    assert_false(server_start(&server));
    assert_non_null(strstr(server.why, words));
    assert_null(strchr(server.why, '\n'));
    assert_int_equal(server.pid, 0);
    assert_string_equal(server.path, "");
}

static void a_server_that_does_not_start_leaves_its_last_words(void **state)
{
    (void)state;
    assert_says(SERVER_MEMCACHED, "--nonsense", "nonsense");
    assert_says(SERVER_REDIS, "--nonsense", "nonsense");
}

static void a_server_that_started_has_nothing_to_say(void **state)
{
    (void)state;
    struct server server = {.kind = SERVER_MEMCACHED, .listen = LISTEN_UNIX};
    assert_true(server_start(&server));
    assert_string_equal(server.why, "");
    server_discard(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_does_not_start_leaves_its_last_words),
        cmocka_unit_test(a_server_that_started_has_nothing_to_say),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
