/* SPDX-License-Identifier: MIT */
/* What may not be asked is refused at submission, without a callback, and no byte of it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "proxy.h"
#include "servers.h"

static const char *const options[] = {"max_value_bytes", "1000", NULL};

/* A server that is reached through a proxy, and for a ring that mixes both one more without. */
struct fixture {
    struct server server, other;
    struct proxy proxy;
    struct cache cache;
};

static void never(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client, (void)reply, (void)user;
    fail_msg("a refused request got a callback");
}

static void open_fixture(struct fixture *f, enum server_kind kind)
{
    char uri[SERVER_URI_SIZE];
    memset(f, 0, sizeof *f);
    f->server.kind = kind;
    assert_true(server_start(&f->server));
    cache_open(&f->cache, (const char *const[]){NULL}, options);
    assert_int_equal(proxy_open(&f->proxy, &f->cache.loop, f->server.port, "bad"), 0);
    snprintf(uri, sizeof uri, "%s://127.0.0.1:%u", kind == SERVER_MEMCACHED ? "memcached" : "redis",
        f->proxy.port);
    assert_int_equal(ringcache_server_add(f->cache.client, uri), 0);
    assert_int_equal(cache_set(&f->cache, "good", "v").status, 0);
}

static void add_redis(struct fixture *f)
{
    char uri[SERVER_URI_SIZE];
    f->other.kind = SERVER_REDIS;
    assert_true(server_start(&f->other));
    assert_int_equal(ringcache_server_add(f->cache.client, server_uri(&f->other, NULL, uri)), 0);
    assert_true(cache_hears(&f->cache, RINGCACHE_EVENT_RING_CHANGED, 2, 1000));
}

static void close_fixture(struct fixture *f)
{
    proxy_close(&f->proxy);
    cache_close(&f->cache);
    server_discard(&f->server);
    server_discard(&f->other);
}

static void assert_key_refused(ringcache_client *client, const char *key, size_t len)
{
    assert_int_equal(ringcache_get(client, key, len, never, NULL), RINGCACHE_EINVAL);
    assert_true(ringcache_client_error(client)[0] != '\0');
    assert_int_equal(ringcache_set(client, key, len, "v", 1, 0, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_delete(client, key, len, never, NULL), RINGCACHE_EINVAL);
}

static void bad_input(bool mixed)
{
    static struct fixture f;
    static const struct {
        const char *bytes;
        size_t len;
    } bad_keys[] = {
        {"", 0},
        {"bad key", 7},
        {"bad\r\nflush_all", 14},
        {"bad\nkey", 7},
        {"bad\0key", 7},
        {"bad\x01", 4},
        {"bad\x7f", 4},
        {"bad\t", 4},
        {"good", 0},
    };
    char longest[251], value[1001];
    open_fixture(&f, SERVER_MEMCACHED);
    if (mixed)
        add_redis(&f);
    ringcache_client *client = f.cache.client;
    const uint64_t bytes = f.proxy.bytes;
    memset(longest, 'x', sizeof longest);
    memset(value, 'v', sizeof value);

    for (size_t i = 0; i < sizeof bad_keys / sizeof *bad_keys; i++)
        assert_key_refused(client, bad_keys[i].bytes, bad_keys[i].len);
    assert_key_refused(client, longest, 251);
    assert_int_equal(
        ringcache_set(client, "bad", 3, value, 1001, 0, never, NULL), RINGCACHE_ETOOBIG);
    assert_int_equal(ringcache_set(client, "bad", 3, "v", 1, -1, never, NULL), RINGCACHE_EINVAL);
    cache_run(&f.cache, 50);
    assert_int_equal(f.proxy.bytes, bytes);
    assert_int_equal(f.proxy.marks, 0);

    /* The bounds themselves are fine. */
    longest[250] = '\0';
    value[1000] = '\0';
    assert_int_equal(cache_set(&f.cache, longest, value).status, 0);
    assert_int_equal(cache_get(&f.cache, longest).status, 0);
    assert_true(mixed || f.proxy.bytes > bytes);
    close_fixture(&f);
}

static void bad_keys_and_values_never_reach_memcached(void **state)
{
    (void)state;
    bad_input(false);
}

static void ring_of_both_backends_keeps_the_rules_of_memcached(void **state)
{
    (void)state;
    bad_input(true);
}

static void redis_alone_takes_any_bytes_as_one_key(void **state)
{
    static struct fixture f;
    static char longest[65537];
    const char *command = "bad\r\nFLUSHALL\r\n";
    char reply[64];
    (void)state;
    open_fixture(&f, SERVER_REDIS);
    ringcache_client *client = f.cache.client;
    memset(longest, 'x', sizeof longest);
    assert_key_refused(client, "", 0);
    assert_key_refused(client, longest, sizeof longest);
    assert_int_equal(cache_set(&f.cache, command, "one value").status, 0);
    assert_string_equal(cache_get(&f.cache, command).value, "one value");
    int fd = server_connect(&f.server);
    assert_true(server_ask(fd, "DBSIZE\r\n", "\r\n", reply, sizeof reply));
    assert_string_equal(reply, ":2\r\n");
    close(fd);
    close_fixture(&f);
}

static void empty_ring_refuses_every_request(void **state)
{
    struct cache cache;
    (void)state;
    cache_open(&cache, (const char *const[]){NULL}, NULL);
    assert_int_equal(ringcache_get(cache.client, "k", 1, never, NULL), RINGCACHE_ENOSERVER);
    assert_int_equal(
        ringcache_set(cache.client, "k", 1, "v", 1, 0, never, NULL), RINGCACHE_ENOSERVER);
    assert_int_equal(ringcache_delete(cache.client, "k", 1, never, NULL), RINGCACHE_ENOSERVER);
    cache_run(&cache, 10);
    cache_close(&cache);
}

static void closing_client_refuses_every_request(void **state)
{
    struct cache cache;
    (void)state;
    cache_open(&cache, (const char *const[]){"memcached://127.0.0.1:1", NULL}, NULL);
    ringcache_client *client = cache.client;
    ringcache_client_close(client, NULL, NULL);
    assert_int_equal(ringcache_get(client, "k", 1, never, NULL), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_server_add(client, "memcached://127.0.0.1:2"), RINGCACHE_ECLOSING);
    uv_run(&cache.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&cache.loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_keys_and_values_never_reach_memcached),
        cmocka_unit_test(ring_of_both_backends_keeps_the_rules_of_memcached),
        cmocka_unit_test(redis_alone_takes_any_bytes_as_one_key),
        cmocka_unit_test(empty_ring_refuses_every_request),
        cmocka_unit_test(closing_client_refuses_every_request),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
