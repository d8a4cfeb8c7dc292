/* SPDX-License-Identifier: MIT */
/* A server stands still with `set k v1` in its socket, the client gives that up and tries v2, v3 …;
 * the server wakes and acknowledges one of them: then k may never hold an earlier one again, at
 * whatever moment it woke. With a backlog of other writes before v1, the server, once awake, hears
 * a second connection long before it comes to v1: a client that uses one at once fails then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

enum { BACKLOG = 20000, SETTLE_MS = 200 };

static const char *const options[] = {"timeout_ms", "100", "max_inflight", "100000", NULL};

/* Moments of waking, from the stop on: before and after the request's and the server's
 * deadlines. */
static const unsigned wake_after_ms[] = {90, 130, 180, 240, 300, 420, 900};

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
    char command[96], expected[96], reply[96] = "";
    const bool memcached = server->kind == SERVER_MEMCACHED;
    int fd = server_connect(server);
    snprintf(
        command, sizeof command, memcached ? "get %s\r\n" : "*2\r\n$3\r\nGET\r\n$1\r\n%s\r\n", key);
    if (memcached)
        snprintf(expected, sizeof expected, "VALUE %s 0 %zu\r\n%s\r\nEND\r\n", key, strlen(value),
            value);
    else
        snprintf(expected, sizeof expected, "$%zu\r\n%s\r\n", strlen(value), value);
    if (fd < 0 || !server_ask(fd, command, expected, reply, sizeof reply))
        fail_msg("the server does not hold %s but answers %s", value, reply);
    close(fd);
}

static void on_backlog(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client, (void)reply;
    *(unsigned *)user -= 1;
}

static void submit_backlog(struct cache *cache, unsigned count, unsigned *pending)
{
    static const char value[8];
    for (*pending = 0; *pending < count; ++*pending) {
        char key[16];
        int len = snprintf(key, sizeof key, "b%u", *pending);
        assert_int_equal(ringcache_set(cache->client, key, (size_t)len, value, sizeof value, 0,
                             on_backlog, pending),
            0);
    }
}

static void one_stop(struct cache *cache, struct waking *waking, unsigned ms, unsigned backlog)
{
    const char *key = "k";
    char value[16];
    assert_int_equal(cache_set(cache, key, "v0").status, 0);
    unsigned pending;
    pause_for(cache, waking, ms);
    submit_backlog(cache, backlog, &pending);
    struct outcome written = cache_set(cache, key, "v1");
    assert_true(written.status != RINGCACHE_ETIMEDOUT || written.maybe_applied);
    for (unsigned attempt = 2; written.status != RINGCACHE_OK || attempt == 2; attempt++) {
        assert_true(attempt < 10000);
        snprintf(value, sizeof value, "v%u", attempt);
        written = cache_set(cache, key, value);
        cache_run(cache, written.status == RINGCACHE_OK ? SETTLE_MS : 1);
    }
    assert_int_equal(pending, 0);
    assert_holds(&waking->server, key, value);
}

/* A new client each time: what an old one has learnt of the server's slowness makes it patient. */
static void write_order(enum server_kind kind, unsigned backlog)
{
    struct waking waking = {.server.kind = kind};
    char uri[SERVER_URI_SIZE];
    assert_true(server_start(&waking.server));
    server_uri(&waking.server, NULL, uri);
    for (size_t i = 0; i < sizeof wake_after_ms / sizeof *wake_after_ms; i++) {
        struct cache cache;
        cache_open(&cache, (const char *const[]){uri, NULL}, options);
        one_stop(&cache, &waking, wake_after_ms[i], backlog);
        cache_close(&cache);
    }
    server_discard(&waking.server);
}

static void memcached_never_undoes_an_acknowledged_write(void **state)
{
    (void)state;
    write_order(SERVER_MEMCACHED, 0);
}

static void memcached_never_undoes_it_behind_a_long_backlog(void **state)
{
    (void)state;
    write_order(SERVER_MEMCACHED, BACKLOG);
}

static void redis_never_undoes_an_acknowledged_write(void **state)
{
    (void)state;
    write_order(SERVER_REDIS, 0);
}

static void redis_never_undoes_it_behind_a_long_backlog(void **state)
{
    (void)state;
    write_order(SERVER_REDIS, BACKLOG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcached_never_undoes_an_acknowledged_write),
        cmocka_unit_test(memcached_never_undoes_it_behind_a_long_backlog),
        cmocka_unit_test(redis_never_undoes_an_acknowledged_write),
        cmocka_unit_test(redis_never_undoes_it_behind_a_long_backlog),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
