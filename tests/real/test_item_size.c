/* SPDX-License-Identifier: MIT */
/* What a memcached says of its item size (-I) holds: what is refused here would have been refused
 * there, and the item that is there stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

#define OURS "key and value are larger than the item_size_max of their memcached"
#define THEIRS "SERVER_ERROR object too large for cache"

enum { KIB = 1024, KEY_LEN = 3 };

static const struct {
    const char *argument;
    size_t bytes;
} sizes[] = {{"512k", 512 * KIB}, {"1m", 1024 * KIB}, {"2m", 2048 * KIB}};

static void open_server(struct server *server, struct cache *cache, const char *size)
{
    char uri[SERVER_URI_SIZE];
    *server = (struct server){.kind = SERVER_MEMCACHED, .extra = {"-I", size}};
    if (!server_start(server))
        fail_msg("%s", server->why);
    cache_open(cache, (const char *const[]){server_uri(server, NULL, uri), NULL}, NULL);
}

static void close_server(struct server *server, struct cache *cache)
{
    cache_close(cache);
    server_discard(server);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct outcome *outcome = user;
    (void)client;
    outcome->done = true;
    outcome->status = reply->status;
    snprintf(outcome->message, sizeof outcome->message, "%s", reply->message);
}

/* Store `len` bytes under "key"; what submission refuses has the client's words. */
static struct outcome store(struct cache *cache, ringcache_op op, size_t len)
{
    struct outcome outcome = {0};
    char *value = calloc(len, 1);
    assert_non_null(value);
    const ringcache_request request = {
        .op = op, .key = {"key", KEY_LEN}, .value = {value, len}, .timeout_ms = 5000};
    int rc = ringcache_submit(cache->client, &request, on_reply, &outcome, NULL);
    free(value);
    while (rc == 0 && !outcome.done)
        uv_run(&cache->loop, UV_RUN_ONCE);
    if (rc != 0) {
        outcome.status = rc;
        snprintf(
            outcome.message, sizeof outcome.message, "%s", ringcache_client_error(cache->client));
    }
    return outcome;
}

static void assert_old_value(struct cache *cache)
{
    struct outcome got = cache_get(cache, "key");
    assert_int_equal(got.status, 0);
    assert_string_equal(got.value, "old");
}

static void what_cannot_fit_is_refused_and_the_old_value_stays(void **state)
{
    static const ringcache_op ops[] = {
        RINGCACHE_SET, RINGCACHE_REPLACE, RINGCACHE_APPEND, RINGCACHE_PREPEND};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct server server;
        struct cache cache;
        open_server(&server, &cache, sizes[i].argument);
        assert_int_equal(cache_set(&cache, "key", "old").status, 0);
        for (size_t op = 0; op < sizeof ops / sizeof *ops; op++) {
            struct outcome refused = store(&cache, ops[op], sizes[i].bytes - KEY_LEN + 1);
            assert_int_equal(refused.status, RINGCACHE_ETOOBIG);
            assert_string_equal(refused.message, OURS);
            assert_old_value(&cache);
        }
        close_server(&server, &cache);
    }
}

/* Nothing that the server would have taken is refused: the largest that fits is smaller. */
static void what_may_fit_is_the_servers_to_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct server server;
        struct cache cache;
        open_server(&server, &cache, sizes[i].argument);
        assert_int_equal(cache_set(&cache, "key", "old").status, 0);
        assert_int_equal(store(&cache, RINGCACHE_SET, sizes[i].bytes - 4 * KIB).status, 0);
        struct outcome refused = store(&cache, RINGCACHE_SET, sizes[i].bytes - KEY_LEN);
        assert_int_equal(refused.status, RINGCACHE_ETOOBIG);
        assert_string_equal(refused.message, THEIRS);
        assert_int_equal(cache_get(&cache, "key").status, RINGCACHE_MISS);
        assert_int_equal(cache.events[RINGCACHE_EVENT_UP], 1);
        close_server(&server, &cache);
    }
}

/* Before the first connection stands, nothing is known yet, and nothing is sent for it. */
static void what_waits_for_the_connection_is_refused_in_its_reply(void **state)
{
    (void)state;
    struct server server;
    struct cache cache, other;
    char uri[SERVER_URI_SIZE];
    open_server(&server, &cache, "512k");
    assert_int_equal(cache_set(&cache, "key", "old").status, 0);
    cache_open(&other, (const char *const[]){server_uri(&server, NULL, uri), NULL}, NULL);
    struct outcome refused = store(&other, RINGCACHE_SET, 512 * KIB);
    assert_true(refused.done);
    assert_int_equal(refused.status, RINGCACHE_ETOOBIG);
    assert_string_equal(refused.message, OURS);
    assert_old_value(&other);
    cache_close(&other);
    close_server(&server, &cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_fit_is_refused_and_the_old_value_stays),
        cmocka_unit_test(what_may_fit_is_the_servers_to_decide),
        cmocka_unit_test(what_waits_for_the_connection_is_refused_in_its_reply),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
