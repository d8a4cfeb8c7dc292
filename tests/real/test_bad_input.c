/* SPDX-License-Identifier: MIT */
/* What may not be asked is refused at submission, without a callback, and no byte of it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"
#include "proxy.h"
#include "servers.h"

static const char *const options[] = {"max_value_bytes", "1000", NULL};

struct fixture {
    struct server server;
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

static void assert_key_refused(ringcache_client *client, const char *key, size_t len)
{
    assert_int_equal(ringcache_get(client, key, len, never, NULL), RINGCACHE_EINVAL);
    assert_true(ringcache_client_error(client)[0] != '\0');
    assert_int_equal(ringcache_set(client, key, len, "v", 1, 0, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_delete(client, key, len, never, NULL), RINGCACHE_EINVAL);
}

static void bad_input(enum server_kind kind)
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
    open_fixture(&f, kind);
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
    assert_true(f.proxy.bytes > bytes);
    proxy_close(&f.proxy);
    cache_close(&f.cache);
    server_discard(&f.server);
}

static void bad_keys_and_values_never_reach_memcached(void **state)
{
    (void)state;
    bad_input(SERVER_MEMCACHED);
}

static void bad_keys_and_values_never_reach_redis(void **state)
{
    (void)state;
    bad_input(SERVER_REDIS);
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
        cmocka_unit_test(bad_keys_and_values_never_reach_redis),
        cmocka_unit_test(empty_ring_refuses_every_request),
        cmocka_unit_test(closing_client_refuses_every_request),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
