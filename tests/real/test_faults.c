/* SPDX-License-Identifier: MIT */
/* A server whose bytes suffer on their way: whatever is done to them, each request ends once and
 * in time, no value is delivered that was not stored under its key, and all is well when it is
 * over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"
#include "proxy.h"

enum { KEYS = 12, TIMEOUT_MS = 300, LATE_MS = 2000, BACK_MS = 10000 };

static const char *const options[] = {"timeout_ms", "300", NULL};

struct fixture {
    struct server server;
    struct proxy proxy;
    struct cache cache;
};

static void open_fixture(struct fixture *f, enum server_kind kind)
{
    char uri[SERVER_URI_SIZE];
    memset(f, 0, sizeof *f);
    f->server.kind = kind;
    assert_true(server_start(&f->server));
    cache_open(&f->cache, (const char *const[]){NULL}, options);
    assert_int_equal(proxy_open(&f->proxy, &f->cache.loop, f->server.port, "key-"), 0);
    snprintf(uri, sizeof uri, "%s://127.0.0.1:%u", kind == SERVER_MEMCACHED ? "memcached" : "redis",
        f->proxy.port);
    assert_int_equal(ringcache_server_add(f->cache.client, uri), 0);
}

static void close_fixture(struct fixture *f)
{
    proxy_close(&f->proxy);
    cache_close(&f->cache);
    server_discard(&f->server);
}

static void texts_of(unsigned i, char key[16], char value[32])
{
    snprintf(key, 16, "key-%u", i);
    snprintf(value, 32, "the value of key %u", i);
}

/* True when it succeeded; what it must never do fails the test. */
static bool get_is_right(struct fixture *f, unsigned i)
{
    char key[16], value[32];
    texts_of(i, key, value);
    const uint64_t start_ms = uv_hrtime() / 1000000;
    const struct outcome outcome = cache_get(&f->cache, key);
    assert_true(uv_hrtime() / 1000000 - start_ms < TIMEOUT_MS + LATE_MS);
    if (outcome.status == RINGCACHE_OK)
        assert_string_equal(outcome.value, value);
    return outcome.status == RINGCACHE_OK;
}

static unsigned get_all(struct fixture *f)
{
    unsigned right = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        right += get_is_right(f, i);
        cache_run(&f->cache, 5);
    }
    return right;
}

static void store_all(struct fixture *f)
{
    char key[16], value[32];
    for (unsigned i = 0; i < KEYS; i++) {
        texts_of(i, key, value);
        assert_int_equal(cache_set(&f->cache, key, value).status, 0);
    }
}

static void await_health(struct fixture *f)
{
    const uint64_t end_ms = uv_hrtime() / 1000000 + BACK_MS;
    while (get_all(f) != KEYS)
        assert_true(uv_hrtime() / 1000000 < end_ms);
}

static void suffer(enum server_kind kind)
{
    static const struct {
        const char *line;
        bool harmless;
    } rows[] = {
        {"latency 20ms jitter 10ms", true},
        {"slice 1 gap 0ms", true},
        {"slice 7 gap 1ms down", true},
        {"bandwidth 8KiB", true},
        {"stall down", false},
        {"stall up", false},
        {"blackhole", false},
        {"discard down", false},
        {"discard up", false},
        {"reset", true}, /* of an idle connection */
        {"after 9 bytes of each reply reset", false},
        {"after 9 bytes of each reply close", false},
        {"after 0 bytes of each reply close", false},
        {"after 9 bytes of each reply half-close", false},
        {"after 9 bytes of each reply stall", false},
        {"after 1 bytes of each reply drop 1", false},
        {"after 9 bytes of each reply drop 3", false},
        {"after 6 bytes of each reply duplicate 5", false},
        {"after 0 bytes of each reply corrupt 1", false},
        {"after 0 bytes of each reply swap 1", false},
        {"after 0 bytes of each reply insert \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\"", false},
        {"after 3 bytes of each request close", false},
        {"refuse", true}, /* the connection that there is goes on */
        {"pause", true},
    };
    static struct fixture f;
    open_fixture(&f, kind);
    store_all(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        proxy_fault(&f.proxy, rows[i].line);
        cache_run(&f.cache, 50); /* the client sees what happens to an idle connection */
        const unsigned right = get_all(&f);
        print_message("%s: %u of %d right\n", rows[i].line, right, KEYS);
        assert_true(rows[i].harmless ? right == KEYS : right < KEYS);
        proxy_fault(&f.proxy, "heal");
        await_health(&f);
    }
    close_fixture(&f);
}

static void no_fault_on_the_way_makes_a_wrong_value_of_memcached(void **state)
{
    (void)state;
    suffer(SERVER_MEMCACHED);
}

static void no_fault_on_the_way_makes_a_wrong_value_of_redis(void **state)
{
    (void)state;
    suffer(SERVER_REDIS);
}

/* A reply is asked for, cut behind every one of its bytes. */
static void cut_everywhere(enum server_kind kind)
{
    static struct fixture f;
    char line[64];
    open_fixture(&f, kind);
    store_all(&f);
    for (unsigned at = 0; at < 24; at++) {
        snprintf(line, sizeof line, "after %u bytes of each reply %s", at,
            at % 2 == 0 ? "reset" : "close");
        proxy_fault(&f.proxy, line);
        assert_false(get_is_right(&f, at % KEYS));
        proxy_fault(&f.proxy, "heal");
        await_health(&f);
    }
    close_fixture(&f);
}

static void no_reply_of_memcached_is_delivered_in_part(void **state)
{
    (void)state;
    cut_everywhere(SERVER_MEMCACHED);
}

static void no_reply_of_redis_is_delivered_in_part(void **state)
{
    (void)state;
    cut_everywhere(SERVER_REDIS);
}

static void refused_client_is_back_when_its_server_accepts_again(void **state)
{
    static struct fixture f;
    (void)state;
    open_fixture(&f, SERVER_MEMCACHED);
    store_all(&f);
    const uint64_t accepted = proxy_connections(&f.proxy);
    proxy_fault(&f.proxy, "refuse");
    proxy_fault(&f.proxy, "reset");
    assert_int_equal(get_all(&f), 0);
    assert_int_equal(proxy_connections(&f.proxy), accepted);
    proxy_fault(&f.proxy, "accept");
    await_health(&f);
    assert_true(proxy_connections(&f.proxy) > accepted);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_fault_on_the_way_makes_a_wrong_value_of_memcached),
        cmocka_unit_test(no_fault_on_the_way_makes_a_wrong_value_of_redis),
        cmocka_unit_test(no_reply_of_memcached_is_delivered_in_part),
        cmocka_unit_test(no_reply_of_redis_is_delivered_in_part),
        cmocka_unit_test(refused_client_is_back_when_its_server_accepts_again),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
