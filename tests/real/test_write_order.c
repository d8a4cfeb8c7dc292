/* SPDX-License-Identifier: MIT */
/* A server stands still with `set k v1` in its socket, the client gives that up, the server wakes and
 * acknowledges `set k v2`: then k may never hold v1 again, at whatever moment it woke. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

static const char *const options[] = {"timeout_ms", "100", NULL};

/* Moments of waking, from the stop on: before and after the request's and the server's deadlines. */
static const unsigned wake_after_ms[] = {90, 105, 130, 180, 205, 240, 300, 420, 700, 1300};

struct waking {
    struct server server;
    uv_timer_t timer;
};

static void on_wake(uv_timer_t *timer)
{
    struct waking *waking = timer->data;
    server_resume(&waking->server);
    uv_close((uv_handle_t *)timer, NULL);
}

static void pause_for(struct cache *cache, struct waking *waking, unsigned ms)
{
    server_pause(&waking->server);
    uv_timer_init(&cache->loop, &waking->timer);
    uv_update_time(&cache->loop);
    waking->timer.data = waking;
    uv_timer_start(&waking->timer, on_wake, ms, 0);
}

/* What the server holds, asked past the library. */
static void assert_holds(const struct server *server, const char *key, const char *value)
{
    char command[96], expected[96], reply[96];
    const bool memcached = server->kind == SERVER_MEMCACHED;
    int fd = server_connect(server);
    snprintf(
        command, sizeof command, memcached ? "get %s\r\n" : "*2\r\n$3\r\nGET\r\n$2\r\n%s\r\n", key);
    if (memcached)
        snprintf(expected, sizeof expected, "VALUE %s 0 %zu\r\n%s\r\nEND\r\n", key, strlen(value),
            value);
    else
        snprintf(expected, sizeof expected, "$%zu\r\n%s\r\n", strlen(value), value);
    bool answered = fd >= 0 && server_ask(fd, command, memcached ? "END\r\n" : "\r\nv2\r\n", reply,
                                   sizeof reply);
    close(fd);
    if (!answered)
        fail_msg("the server holds something else than %s", value);
    assert_string_equal(reply, expected);
}

static void one_stop(struct cache *cache, struct waking *waking, unsigned ms, const char *key)
{
    assert_int_equal(cache_set(cache, key, "v0").status, 0);
    pause_for(cache, waking, ms);
    struct outcome first = cache_set(cache, key, "v1");
    if (first.status == RINGCACHE_ETIMEDOUT)
        assert_true(first.maybe_applied);
    struct outcome second = {0};
    unsigned attempts = 0;
    do {
        if (attempts++ > 0)
            cache_run(cache, 10);
        second = cache_set(cache, key, "v2");
    } while (second.status != RINGCACHE_OK && attempts < 1000);
    assert_int_equal(second.status, RINGCACHE_OK);
    cache_run(cache, 50); /* time for a backlog to do its harm */
    assert_holds(&waking->server, key, "v2");
}

static void write_order(enum server_kind kind)
{
    struct waking waking = {.server.kind = kind};
    char uri[SERVER_URI_SIZE], key[8];
    struct cache cache;
    assert_true(server_start(&waking.server));
    cache_open(&cache, (const char *const[]){server_uri(&waking.server, NULL, uri), NULL}, options);
    for (size_t i = 0; i < sizeof wake_after_ms / sizeof *wake_after_ms; i++) {
        snprintf(key, sizeof key, "k%zu", i);
        one_stop(&cache, &waking, wake_after_ms[i], key);
    }
    cache_close(&cache);
    server_discard(&waking.server);
}

static void memcached_never_undoes_an_acknowledged_write(void **state)
{
    (void)state;
    write_order(SERVER_MEMCACHED);
}

static void redis_never_undoes_an_acknowledged_write(void **state)
{
    (void)state;
    write_order(SERVER_REDIS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcached_never_undoes_an_acknowledged_write),
        cmocka_unit_test(redis_never_undoes_an_acknowledged_write),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
