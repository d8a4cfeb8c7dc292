/* SPDX-License-Identifier: MIT */
/* Servers that refuse: full, guarded by a password, on a Unix socket, on IPv6, or hanging up on an
 * idle client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

static void open_one(struct cache *cache, const char *uri)
{
    cache_open(cache, (const char *const[]){uri, NULL}, NULL);
}

/* A set and a get of it through a client of its own. */
static void assert_serves(const char *uri)
{
    struct cache cache;
    open_one(&cache, uri);
    assert_int_equal(cache_set(&cache, "k", "v").status, 0);
    struct outcome got = cache_get(&cache, "k");
    assert_int_equal(got.status, 0);
    assert_string_equal(got.value, "v");
    cache_close(&cache);
}

static void serves_on(enum server_kind kind, enum server_listen listen)
{
    struct server server = {.kind = kind, .listen = listen};
    char uri[SERVER_URI_SIZE];
    if (!server_start(&server)) {
        /* A machine without IPv6 cannot show it. */
        assert_int_equal(listen, LISTEN_IPV6);
        skip();
    }
    assert_serves(server_uri(&server, NULL, uri));
    server_discard(&server);
}

static void memcached_serves_on_a_unix_socket(void **state)
{
    (void)state;
    serves_on(SERVER_MEMCACHED, LISTEN_UNIX);
}

static void redis_serves_on_a_unix_socket(void **state)
{
    (void)state;
    serves_on(SERVER_REDIS, LISTEN_UNIX);
}

static void memcached_serves_on_ipv6(void **state)
{
    (void)state;
    serves_on(SERVER_MEMCACHED, LISTEN_IPV6);
}

static void redis_serves_on_ipv6(void **state)
{
    (void)state;
    serves_on(SERVER_REDIS, LISTEN_IPV6);
}

/* Connect until the server serves no more, each connection asked, so that it is really there. */
static unsigned fill(const struct server *server, int *others, unsigned room, const char *words)
{
    const char *question = server->kind == SERVER_MEMCACHED ? "version\r\n" : "PING\r\n";
    for (unsigned count = 0; count < room; count++) {
        char reply[128] = "";
        others[count] = server_connect(server);
        assert_true(others[count] >= 0);
        if (server_ask(others[count], question, "\n", reply, sizeof reply) &&
            strstr(reply, words) == NULL)
            continue;
        close(others[count]);
        return count;
    }
    fail_msg("the server takes more than %u connections", room);
    return room;
}

/* `server` takes no more than a few connections: with all of them taken by others it refuses, in
 * its own words, and serves once they are gone. */
static void full_server(struct server *server, const char *words)
{
    struct cache cache;
    char uri[SERVER_URI_SIZE];
    int others[64];
    assert_true(server_start(server));
    unsigned taken = fill(server, others, 64, words);
    open_one(&cache, server_uri(server, NULL, uri));
    struct outcome refused = cache_set(&cache, "k", "v");
    assert_true(refused.status < 0);
    if (strstr(refused.message, words) == NULL && strstr(cache.told, words) == NULL)
        fail_msg("%d %s / %s", refused.status, refused.message, cache.told);
    for (unsigned i = 0; i < taken; i++)
        close(others[i]);
    ringcache_client_ref(cache.client);
    cache_run(&cache, 1500);
    assert_int_equal(cache_set(&cache, "k", "v").status, 0);
    cache_close(&cache);
    server_discard(server);
}

static void full_redis_refuses_in_its_own_words_and_serves_when_there_is_room(void **state)
{
    struct server server = {.kind = SERVER_REDIS, .extra = {"--maxclients", "2"}};
    (void)state;
    full_server(&server, "max number of clients");
}

static void full_memcached_refuses_in_its_own_words_and_serves_when_there_is_room(void **state)
{
    struct server server = {.kind = SERVER_MEMCACHED, .extra = {"-c", "40"}};
    (void)state;
    full_server(&server, "Too many open connections");
}

static void guarded_uri(
    const struct server *server, const char *password, const char *rest, char *uri)
{
    snprintf(uri, SERVER_URI_SIZE, "redis://:%s@127.0.0.1:%u%s", password, server->port, rest);
}

static void wrong_password_is_told_as_such_and_never_printed(void **state)
{
    struct server server = {.kind = SERVER_REDIS, .extra = {"--requirepass", "open-sesame"}};
    struct cache cache;
    char uri[SERVER_URI_SIZE];
    (void)state;
    assert_true(server_start(&server));
    guarded_uri(&server, "shut-sesame", "", uri);
    open_one(&cache, uri);
    struct outcome refused = cache_set(&cache, "k", "v");
    assert_int_equal(refused.status, RINGCACHE_EAUTH);
    assert_null(strstr(refused.message, "shut-sesame"));
    assert_null(strstr(cache.told, "shut-sesame"));
    assert_false(refused.maybe_applied);
    cache_close(&cache);

    snprintf(uri, sizeof uri, "redis://127.0.0.1:%u", server.port);
    open_one(&cache, uri);
    assert_int_equal(cache_get(&cache, "k").status, RINGCACHE_EAUTH);
    cache_close(&cache);

    guarded_uri(&server, "open-sesame", "", uri);
    assert_serves(uri);
    server_discard(&server);
}

/* Old connections stay valid; what the client does from here on needs the new password. */
static void a_password_is_rotated_without_an_outage(void **state)
{
    struct server server = {.kind = SERVER_REDIS, .extra = {"--requirepass", "old"}};
    struct cache cache;
    char uri[SERVER_URI_SIZE], reply[128];
    (void)state;
    assert_true(server_start(&server));
    guarded_uri(&server, "old", "", uri);
    open_one(&cache, uri);
    assert_int_equal(cache_set(&cache, "k", "v").status, 0);
    int fd = server_connect(&server);
    assert_true(server_ask(fd, "AUTH old\r\n", "\r\n", reply, sizeof reply));
    assert_true(server_ask(fd, "CONFIG SET requirepass new\r\n", "\r\n", reply, sizeof reply));
    assert_string_equal(reply, "+OK\r\n");
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    guarded_uri(&server, "new", "", uri);
    assert_int_equal(ringcache_config_add_server(config, uri), 0);
    assert_int_equal(ringcache_servers_replace(cache.client, config), 0);
    ringcache_config_free(config);
    for (unsigned i = 0; i < 3; i++) {
        struct outcome got = cache_get(&cache, "k");
        assert_int_equal(got.status, 0);
        assert_string_equal(got.value, "v");
        assert_true(
            server_ask(fd, "CLIENT KILL TYPE normal SKIPME yes\r\n", "\r\n", reply, sizeof reply));
        assert_string_equal(reply, ":1\r\n");
        cache_run(&cache, 50);
    }
    assert_int_equal(cache.events[RINGCACHE_EVENT_DOWN], 0);
    close(fd);
    cache_close(&cache);
    server_discard(&server);
}

static void number_in_the_uri_selects_the_database(void **state)
{
    struct server server = {.kind = SERVER_REDIS, .extra = {"--requirepass", "open"}};
    char uri[SERVER_URI_SIZE], reply[128];
    (void)state;
    assert_true(server_start(&server));
    guarded_uri(&server, "open", "/3", uri);
    assert_serves(uri);
    int fd = server_connect(&server);
    assert_true(server_ask(fd, "AUTH open\r\n", "\r\n", reply, sizeof reply));
    assert_true(server_ask(fd, "DBSIZE\r\n", "\r\n", reply, sizeof reply));
    assert_string_equal(reply, ":0\r\n");
    assert_true(server_ask(fd, "SELECT 3\r\n", "\r\n", reply, sizeof reply));
    assert_true(server_ask(fd, "DBSIZE\r\n", "\r\n", reply, sizeof reply));
    assert_string_equal(reply, ":1\r\n");
    close(fd);
    server_discard(&server);
}

static void killing_an_idle_connection_is_no_outage(void **state)
{
    struct server server = {.kind = SERVER_REDIS};
    struct cache cache;
    char uri[SERVER_URI_SIZE], reply[128];
    (void)state;
    assert_true(server_start(&server));
    open_one(&cache, server_uri(&server, NULL, uri));
    int fd = server_connect(&server);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(cache_set(&cache, "k", "v").status, 0);
        assert_true(
            server_ask(fd, "CLIENT KILL TYPE normal SKIPME yes\r\n", "\r\n", reply, sizeof reply));
        assert_string_equal(reply, ":1\r\n");
        cache_run(&cache, i * 10); /* 0: the loss is not even noticed yet */
    }
    assert_int_equal(cache_get(&cache, "k").status, 0);
    assert_int_equal(cache.events[RINGCACHE_EVENT_DOWN], 0);
    assert_int_equal(cache.events[RINGCACHE_EVENT_EJECTED], 0);
    close(fd);
    cache_close(&cache);
    server_discard(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcached_serves_on_a_unix_socket),
        cmocka_unit_test(redis_serves_on_a_unix_socket),
        cmocka_unit_test(memcached_serves_on_ipv6),
        cmocka_unit_test(redis_serves_on_ipv6),
        cmocka_unit_test(full_redis_refuses_in_its_own_words_and_serves_when_there_is_room),
        cmocka_unit_test(full_memcached_refuses_in_its_own_words_and_serves_when_there_is_room),
        cmocka_unit_test(wrong_password_is_told_as_such_and_never_printed),
        cmocka_unit_test(a_password_is_rotated_without_an_outage),
        cmocka_unit_test(number_in_the_uri_selects_the_database),
        cmocka_unit_test(killing_an_idle_connection_is_no_outage),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
