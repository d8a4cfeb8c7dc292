/* SPDX-License-Identifier: MIT */
/* The recorded exchanges, replayed to the installed servers: what the simulated engines are held to
 * is what real ones say. The operations are the same in every version; the protocols' oddities and
 * the numbering of stores are asked only of the version they were recorded from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/scripts.h"
#include "exchange.h"
#include "servers.h"

enum { REPLY_ROOM = 65536 };

/* Is it the version that the oddities were recorded from? A Redis that wants no password says so,
 * and answers all the same. A memcached that wants one was given arguments. */
static bool is_recorded_version(const struct server *server)
{
    char reply[16384];
    bool memcached = server->kind == SERVER_MEMCACHED;
    const char *command = memcached ? "version\r\n" : "AUTH secret\r\nINFO server\r\n";
    const char *end = memcached ? "\r\n" : "\r\n\r\n";
    const char *login = "set a 0 -1 11\r\ncart sesame\r\n";
    int fd = server_connect(server);
    assert_true(fd >= 0);
    if (memcached && server->extra[0] != NULL) {
        assert_true(server_ask(fd, login, end, reply, sizeof reply));
    }
    assert_true(server_ask(fd, command, end, reply, sizeof reply));
    close(fd);
    return strstr(reply, memcached ? "VERSION 1.6.18\r\n" : "redis_version:7.0.") != NULL;
}

enum heard { HEARD_ALL, HEARD_THE_END, HEARD_NOTHING };

/* Read until there are `most` bytes. The patience of server_connect ends what never comes. */
static enum heard receive(int fd, char *reply, size_t most, size_t *len)
{
    while (*len < most) {
        ssize_t n = recv(fd, reply + *len, most - *len, 0);
        if (n <= 0) {
            return n == 0 || errno == ECONNRESET ? HEARD_THE_END : HEARD_NOTHING;
        }
        *len += (size_t)n;
    }
    return HEARD_ALL;
}

/* Send `bytes` on a connection of its own; the reply has to be `expected` and nothing more. Where
 * the server is not the one to hang up, we do, but not before it spoke: Redis 8 forgets a client
 * that left while FLUSHALL was at work. */
static void check(
    const struct server *server, struct rc_slice bytes, struct rc_slice expected, bool closes)
{
    char reply[REPLY_ROOM];
    size_t len = 0;
    int fd = server_connect(server);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, bytes.data, bytes.len, MSG_NOSIGNAL), bytes.len);
    enum heard heard = receive(fd, reply, expected.len, &len);
    if (heard == HEARD_ALL && !closes) {
        shutdown(fd, SHUT_WR);
    }
    if (heard == HEARD_ALL) {
        heard = receive(fd, reply, sizeof reply, &len);
    }
    close(fd);
    if (heard != HEARD_THE_END || !rc_slice_equal(rc_slice(reply, len), expected)) {
        fail_msg("to %.*s came %.*s%s", (int)bytes.len, (const char *)bytes.data, (int)len, reply,
            heard == HEARD_THE_END ? "" : " and no end");
    }
}

/* A table is asked of a server that has just started. */
static void replay(struct server server, const struct exchange_table *table, bool any_version)
{
    assert_true(server_start(&server));
    bool asked = any_version || is_recorded_version(&server);
    for (size_t i = 0; asked && i < table->count; i++) {
        const struct exchange *x = &table->entries[i];
        check(&server, rc_slice(x->send, x->send_len), rc_slice(x->reply, x->reply_len), x->closes);
    }
    server_discard(&server);
    if (!asked) {
        skip();
    }
}

static void memcached_operations_are_as_recorded(void **state)
{
    (void)state;
    replay((struct server){.kind = SERVER_MEMCACHED}, &exchange_memcached_operations, true);
}

static void redis_operations_are_as_recorded(void **state)
{
    (void)state;
    replay((struct server){.kind = SERVER_REDIS}, &exchange_redis_operations, true);
}

static void memcached_1_6_18_is_as_recorded(void **state)
{
    (void)state;
    replay((struct server){.kind = SERVER_MEMCACHED}, &exchange_memcached, false);
}

static void memcached_1_6_18_numbers_its_stores_as_recorded(void **state)
{
    (void)state;
    replay((struct server){.kind = SERVER_MEMCACHED}, &exchange_memcached_numbers, false);
}

static void memcached_1_6_18_with_a_password_is_as_recorded(void **state)
{
    (void)state;
    char path[SERVER_FILE_SIZE];
    assert_true(server_file("cart:sesame\n", path));
    struct server server = {.kind = SERVER_MEMCACHED, .extra = {"-Y", path}};
    replay(server, &exchange_memcached_auth, false);
}

static void memcached_forgets_a_password_that_it_did_not_ask_for(void **state)
{
    (void)state;
    replay((struct server){.kind = SERVER_MEMCACHED}, &exchange_memcached_no_auth, true);
}

static void redis_7_0_is_as_recorded(void **state)
{
    (void)state;
    replay((struct server){.kind = SERVER_REDIS}, &exchange_redis, false);
}

static void redis_7_0_with_a_password_is_as_recorded(void **state)
{
    (void)state;
    struct server server = {.kind = SERVER_REDIS, .extra = {"--requirepass", "secret"}};
    replay(server, &exchange_redis_auth, false);
}

static void load_scripts(const struct server *server)
{
    struct sim_bytes send = {0}, expected = {0};
    for (size_t i = 0; i < RC_SCRIPTS_LEN; i++) {
        sim_bytes_text(&expected, "$40\r\n");
        sim_bytes_text(&expected, rc_scripts[i].sha1);
        sim_bytes_text(&expected, "\r\n");
    }
    exchange_load_bytes(&send);
    check(server, sim_bytes_view(&send), sim_bytes_view(&expected), false);
    sim_bytes_deinit(&send);
    sim_bytes_deinit(&expected);
}

static void replay_scripts(enum exchange_naming naming)
{
    struct server server = {.kind = SERVER_REDIS};
    assert_true(server_start(&server));
    if (naming == EXCHANGE_BY_DIGEST) {
        load_scripts(&server);
    }
    for (size_t i = 0; i < exchange_scripts_count; i++) {
        const struct exchange_script *step = &exchange_scripts[i];
        struct sim_bytes send = {0};
        exchange_script_bytes(step, naming, &send);
        check(&server, sim_bytes_view(&send), rc_slice_text(step->reply), false);
        sim_bytes_deinit(&send);
    }
    server_discard(&server);
}

static void loaded_scripts_answer_as_recorded(void **state)
{
    (void)state;
    replay_scripts(EXCHANGE_BY_DIGEST);
}

static void scripts_sent_as_text_answer_as_recorded(void **state)
{
    (void)state;
    replay_scripts(EXCHANGE_BY_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcached_operations_are_as_recorded),
        cmocka_unit_test(redis_operations_are_as_recorded),
        cmocka_unit_test(memcached_1_6_18_is_as_recorded),
        cmocka_unit_test(memcached_1_6_18_numbers_its_stores_as_recorded),
        cmocka_unit_test(memcached_1_6_18_with_a_password_is_as_recorded),
        cmocka_unit_test(memcached_forgets_a_password_that_it_did_not_ask_for),
        cmocka_unit_test(redis_7_0_is_as_recorded),
        cmocka_unit_test(redis_7_0_with_a_password_is_as_recorded),
        cmocka_unit_test(loaded_scripts_answer_as_recorded),
        cmocka_unit_test(scripts_sent_as_text_answer_as_recorded),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
