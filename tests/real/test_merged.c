/* SPDX-License-Identifier: MIT */
/* Gets that leave together for real servers: whatever their keys and values are, and whatever the
 * server has against so many of them, each is answered as it would have been alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

enum { GETS = 64, KEY_ROOM = 251, MIB = 1 << 20 };

struct shelf {
    struct server server;
    struct cache cache;
    unsigned pending;
};

struct wish {
    struct shelf *shelf;
    char key[KEY_ROOM];
    size_t key_len;
    int status;
    size_t len;
    unsigned char first, last;
    char message[128];
    unsigned calls;
};

static void begin(struct shelf *shelf, enum server_kind kind, const char *user)
{
    char uri[SERVER_URI_SIZE], whole[SERVER_URI_SIZE + 32];
    *shelf = (struct shelf){.server = {.kind = kind}};
    if (kind == SERVER_MEMCACHED) { /* room for all values */
        shelf->server.extra[0] = "-m";
        shelf->server.extra[1] = "256";
    }
    assert_true(server_start(&shelf->server));
    server_uri(&shelf->server, NULL, uri);
    const char *scheme_end = strstr(uri, "://");
    assert_non_null(scheme_end);
    snprintf(
        whole, sizeof whole, "%.*s://%s%s", (int)(scheme_end - uri), uri, user, scheme_end + 3);
    static const char *const options[] = {
        "timeout_ms", "20000", "max_value_bytes", "2097152", NULL};
    cache_open(&shelf->cache, (const char *const[]){whole, NULL}, options);
}

static void end(struct shelf *shelf)
{
    cache_close(&shelf->cache);
    server_discard(&shelf->server);
}

static void tell(struct shelf *shelf, const char *command, const char *reply_end)
{
    char reply[256];
    int fd = server_connect(&shelf->server);
    assert_true(fd >= 0);
    if (!server_ask(fd, command, reply_end, reply, sizeof reply)) {
        fail_msg("%s", reply);
    }
    close(fd);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct wish *wish = user;
    (void)client;
    const unsigned char *value = reply->value.data;
    wish->calls++;
    wish->status = reply->status;
    wish->len = reply->value.len;
    wish->first = wish->len > 0 ? value[0] : 0;
    wish->last = wish->len > 0 ? value[wish->len - 1] : 0;
    snprintf(wish->message, sizeof wish->message, "%s", reply->message);
    wish->shelf->pending--;
}

static void wait_for_all(struct shelf *shelf)
{
    while (shelf->pending > 0) {
        assert_true(uv_run(&shelf->cache.loop, UV_RUN_ONCE) != 0 || shelf->pending == 0);
    }
}

static void set(struct shelf *shelf, struct wish *wish, const void *value, size_t len)
{
    wish->shelf = shelf;
    shelf->pending++;
    assert_int_equal(
        ringcache_set(shelf->cache.client, wish->key, wish->key_len, value, len, 0, on_reply, wish),
        0);
}

static void get_all(struct shelf *shelf, struct wish *wishes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wishes[i].shelf = shelf;
        wishes[i].calls = 0;
        shelf->pending++;
        assert_int_equal(ringcache_get(shelf->cache.client, wishes[i].key, wishes[i].key_len,
                             on_reply, &wishes[i]),
            0);
    }
    wait_for_all(shelf);
}

static struct wish *wishes_of(bool binary, size_t key_len)
{
    struct wish *wishes = calloc(GETS, sizeof *wishes);
    assert_non_null(wishes);
    for (size_t i = 0; i < GETS; i++) {
        memset(wishes[i].key, binary ? '\r' : 'k', key_len);
        wishes[i].key[0] = (char)(binary ? (int)i : 'A' + (int)i % 50);
        wishes[i].key[key_len - 1] = (char)(binary ? '\n' : 'a' + (int)i / 50);
        wishes[i].key_len = key_len;
    }
    return wishes;
}

/* Values of `len` bytes, which begin with the key's number. */
static void fill(struct shelf *shelf, struct wish *wishes, size_t len)
{
    unsigned char *value = calloc(1, len + 1);
    assert_non_null(value);
    for (size_t i = 0; i < GETS; i++) {
        memset(value, (int)i, len);
        set(shelf, &wishes[i], value, len);
        if (i % 8 == 7) {
            wait_for_all(shelf);
            assert_int_equal(wishes[i].status, RINGCACHE_OK);
        }
    }
    wait_for_all(shelf);
    free(value);
}

static void assert_filled(const struct wish *wishes, size_t len)
{
    for (size_t i = 0; i < GETS; i++) {
        if (wishes[i].status != RINGCACHE_OK) {
            fail_msg("key %zu: %s: %s", i, ringcache_err_name(wishes[i].status), wishes[i].message);
        }
        assert_int_equal(wishes[i].calls, 1);
        assert_int_equal(wishes[i].len, len);
        assert_true(len == 0 || (wishes[i].first == i && wishes[i].last == i));
    }
}

static void check(enum server_kind kind, bool binary, size_t key_len, size_t len)
{
    struct shelf shelf;
    begin(&shelf, kind, "");
    struct wish *wishes = wishes_of(binary, key_len);
    fill(&shelf, wishes, len);
    for (int turn = 0; turn < 3; turn++) {
        get_all(&shelf, wishes, GETS);
        assert_filled(wishes, len);
    }
    free(wishes);
    end(&shelf);
}

static void keys_and_values_of_any_size_come_as_they_are(void **state)
{
    (void)state;
    static const size_t values[] = {0, 1, 100, 20000, MIB - 600};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        check(SERVER_MEMCACHED, false, 250, values[i]);
        check(SERVER_MEMCACHED, false, 3, values[i]);
        check(SERVER_REDIS, false, 250, values[i]);
        check(SERVER_REDIS, true, 250, values[i]);
        check(SERVER_REDIS, true, 3, values[i]);
    }
}

static void a_key_of_another_type_harms_no_other(void **state)
{
    (void)state;
    struct shelf shelf;
    begin(&shelf, SERVER_REDIS, "");
    struct wish *wishes = wishes_of(false, 4);
    fill(&shelf, wishes, 10);
    char command[64];
    snprintf(command, sizeof command, "*2\r\n$3\r\nDEL\r\n$4\r\n%.4s\r\n", wishes[9].key);
    tell(&shelf, command, "\r\n");
    snprintf(
        command, sizeof command, "*3\r\n$5\r\nLPUSH\r\n$4\r\n%.4s\r\n$1\r\nx\r\n", wishes[9].key);
    tell(&shelf, command, "\r\n");
    get_all(&shelf, wishes, GETS);
    for (size_t i = 0; i < GETS; i++) {
        assert_int_equal(wishes[i].status, i == 9 ? RINGCACHE_MISS : RINGCACHE_OK);
    }
    get_all(&shelf, &wishes[9], 1);
    assert_int_equal(wishes[9].status, RINGCACHE_ESERVER);
    free(wishes);
    end(&shelf);
}

static void a_user_who_may_get_but_not_mget_gets(void **state)
{
    (void)state;
    struct shelf shelf;
    begin(&shelf, SERVER_REDIS, "app:secret@");
    tell(&shelf, "ACL SETUSER app on >secret ~* +@all -mget\r\n", "+OK\r\n");
    struct wish *wishes = wishes_of(false, 4);
    fill(&shelf, wishes, 10);
    get_all(&shelf, wishes, GETS);
    assert_filled(wishes, 10);
    free(wishes);
    end(&shelf);
}

/* One key that may not be read takes no other with it. */
static void a_key_that_may_not_be_read_harms_no_other(void **state)
{
    (void)state;
    struct shelf shelf;
    begin(&shelf, SERVER_REDIS, "app:secret@");
    tell(&shelf, "ACL SETUSER app on >secret ~* +@all\r\n", "+OK\r\n");
    struct wish *wishes = wishes_of(false, 4);
    fill(&shelf, wishes, 10);
    tell(&shelf, "ACL SETUSER app resetkeys ~*a\r\n", "+OK\r\n");
    get_all(&shelf, wishes, GETS);
    for (size_t i = 0; i < GETS; i++) {
        assert_int_equal(wishes[i].status, i < 50 ? RINGCACHE_OK : RINGCACHE_EAUTH);
    }
    free(wishes);
    end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_values_of_any_size_come_as_they_are),
        cmocka_unit_test(a_key_of_another_type_harms_no_other),
        cmocka_unit_test(a_user_who_may_get_but_not_mget_gets),
        cmocka_unit_test(a_key_that_may_not_be_read_harms_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
