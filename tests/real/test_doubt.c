/* SPDX-License-Identifier: MIT */
/* One connection is held up on its way to the server, a write in it, while others pass: the client
 * goes on without it after fence_limit_ms, and what that write undoes when it arrives is read by
 * nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "proxy.h"

static const char *const options[] = {"timeout_ms", "200", "fence_limit_ms", "500", NULL};

enum { BACK_MS = 5000, ARRIVED_MS = 500 };

/* Other keys are written until the server takes one; how long that took. */
static uint64_t until_served(struct cache *cache)
{
    const uint64_t start_ms = uv_hrtime() / 1000000;
    while (cache_set(cache, "other", "w").status != RINGCACHE_OK) {
        assert_true(uv_hrtime() / 1000000 - start_ms < BACK_MS);
        cache_run(cache, 10);
    }
    return uv_hrtime() / 1000000 - start_ms;
}

/* What it answers to a get of the key, asked past the library. */
static void assert_answers(const struct server *server, const char *expected)
{
    char reply[96] = "";
    int fd = server_connect(server);
    assert_true(fd >= 0);
    assert_true(server_ask(fd, "get k\r\n", "END\r\n", reply, sizeof reply));
    assert_string_equal(reply, expected);
    close(fd);
}

static void a_write_that_arrives_late_undoes_nothing_that_is_read(void **state)
{
    (void)state;
    struct server server = {.kind = SERVER_MEMCACHED};
    struct proxy proxy;
    struct cache cache;
    char uri[SERVER_URI_SIZE];
    assert_true(server_start(&server));
    cache_open(&cache, (const char *const[]){NULL}, options);
    assert_int_equal(proxy_open(&proxy, &cache.loop, server.port, "k"), 0);
    snprintf(uri, sizeof uri, "memcached://127.0.0.1:%u", proxy.port);
    assert_int_equal(ringcache_server_add(cache.client, uri), 0);
    assert_int_equal(cache_set(&cache, "k", "v0").status, RINGCACHE_OK);
    proxy_fault(&proxy, "connection 1 stall up");
    assert_int_equal(cache_set(&cache, "k", "v1").status, RINGCACHE_ETIMEDOUT);
    assert_true(until_served(&cache) > 300);
    assert_int_equal(cache_get(&cache, "k").status, RINGCACHE_MISS);
    assert_int_equal(cache_set(&cache, "k", "v2").status, RINGCACHE_OK);
    assert_answers(&server, "VALUE k 0 2\r\nv2\r\nEND\r\n");
    assert_int_equal(cache_get(&cache, "k").status, RINGCACHE_MISS);
    proxy_fault(&proxy, "heal");
    cache_run(&cache, ARRIVED_MS);
    assert_answers(&server, "END\r\n"); /* v1 came, and is gone again */
    assert_int_equal(cache_set(&cache, "k", "v3").status, RINGCACHE_OK);
    assert_string_equal(cache_get(&cache, "k").value, "v3");
    proxy_close(&proxy);
    cache_close(&cache);
    server_discard(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_that_arrives_late_undoes_nothing_that_is_read),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
