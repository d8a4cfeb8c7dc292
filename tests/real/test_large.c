/* SPDX-License-Identifier: MIT */
/* Large values on real servers: stored as they are lent, not in the way of small ones, and where
 * they are beyond the bound nobody else's trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

enum {
    MIB = 1024 * 1024,
    ROUNDS = 3,
    SAMPLES = 100000,
    WORST_MS = 500, /* of a small request, on a machine that is busy besides */
};

/* ---- stored as they are ---- */

struct value {
    unsigned char *bytes;
    size_t len;
    unsigned returned;
    bool stored, fetched;
};

static struct value value_new(size_t len)
{
    struct value value = {.bytes = malloc(len), .len = len};
    assert_non_null(value.bytes);
    for (size_t i = 0; i < len; i++)
        value.bytes[i] = (unsigned char)(i ^ i >> 8 ^ i >> 16);
    return value;
}

static void on_release(void *user, const void *data, size_t len)
{
    struct value *value = user;
    assert_ptr_equal(data, value->bytes);
    assert_int_equal(len, value->len);
    value->returned++;
}

static void on_stored(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct value *value = user;
    (void)client;
    if (reply->status != 0)
        fail_msg("%s: %s", ringcache_err_name(reply->status), reply->message);
    value->stored = true;
}

static void on_fetched(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct value *value = user;
    on_stored(client, reply, user);
    assert_int_equal(reply->value.len, value->len);
    assert_memory_equal(reply->value.data, value->bytes, value->len);
    value->fetched = true;
}

static void lend(ringcache_client *client, const char *key, struct value *value)
{
    const ringcache_request set = {
        .op = RINGCACHE_SET,
        .options = RINGCACHE_LEND_VALUE,
        .key = {key, strlen(key)},
        .value = {value->bytes, value->len},
        .timeout_ms = 60000,
        .release = on_release,
        .release_user = value,
    };
    if (ringcache_submit(client, &set, on_stored, value, NULL) != 0)
        fail_msg("%s", ringcache_client_error(client));
}

static void fetch(ringcache_client *client, const char *key, struct value *value)
{
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = {key, strlen(key)}, .timeout_ms = 60000};
    if (ringcache_submit(client, &get, on_fetched, value, NULL) != 0)
        fail_msg("%s", ringcache_client_error(client));
}

static void come_back_as_lent(enum server_kind kind, const char *const *options)
{
    static const size_t sizes[] = {1, 16383, 16384, 100000, 1000000};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    struct server server = {.kind = kind};
    struct cache cache;
    struct value values[COUNT];
    char uri[SERVER_URI_SIZE], keys[COUNT][8];
    assert_true(server_start(&server));
    cache_open(&cache, (const char *const[]){server_uri(&server, NULL, uri), NULL}, options);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = value_new(sizes[i]);
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        lend(cache.client, keys[i], &values[i]);
        fetch(cache.client, keys[i], &values[i]);
    }
    uv_run(&cache.loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(values[i].stored && values[i].fetched);
        assert_int_equal(values[i].returned, 1);
        free(values[i].bytes);
    }
    cache_close(&cache);
    server_discard(&server);
}

static void lent_values_come_back_as_they_are(void **state)
{
    static const char *const strict[] = {"integrity", "strict", NULL};
    static const char *const classic[] = {"protocol", "classic", NULL};
    (void)state;
    come_back_as_lent(SERVER_MEMCACHED, NULL);
    come_back_as_lent(SERVER_MEMCACHED, strict);
    come_back_as_lent(SERVER_MEMCACHED, classic);
    come_back_as_lent(SERVER_REDIS, NULL);
    come_back_as_lent(SERVER_REDIS, strict);
}

/* ---- beyond the bound ---- */

/* Told of its own key, on a connection that lives on. */
static void one_beyond_the_bound_fails_alone(enum server_kind kind, const char *const *options)
{
    struct server server = {.kind = kind};
    struct cache writer, reader;
    struct value value = value_new(1000000);
    char uri[SERVER_URI_SIZE];
    assert_true(server_start(&server));
    const char *const uris[] = {server_uri(&server, NULL, uri), NULL};
    cache_open(&writer, uris, NULL);
    lend(writer.client, "large", &value);
    uv_run(&writer.loop, UV_RUN_DEFAULT);
    assert_int_equal(cache_set(&writer, "small", "value").status, 0);
    cache_close(&writer);
    cache_open(&reader, uris, options);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cache_get(&reader, "large").status, RINGCACHE_ETOOBIG);
        assert_string_equal(cache_get(&reader, "small").value, "value");
    }
    assert_int_equal(reader.events[RINGCACHE_EVENT_CONNECTING], 1);
    cache_close(&reader);
    server_discard(&server);
    free(value.bytes);
}

static void a_value_beyond_the_bound_fails_alone(void **state)
{
    static const char *const bounded[] = {"max_value_bytes", "1000", NULL};
    static const char *const strict[] = {"max_value_bytes", "1000", "integrity", "strict", NULL};
    static const char *const classic[] = {"max_value_bytes", "1000", "protocol", "classic", NULL};
    (void)state;
    one_beyond_the_bound_fails_alone(SERVER_MEMCACHED, bounded);
    one_beyond_the_bound_fails_alone(SERVER_MEMCACHED, strict);
    one_beyond_the_bound_fails_alone(SERVER_MEMCACHED, classic);
    one_beyond_the_bound_fails_alone(SERVER_REDIS, bounded);
    one_beyond_the_bound_fails_alone(SERVER_REDIS, strict);
}

/* ---- beside small ones ---- */

struct watch {
    struct cache cache;
    char key[16]; /* of the server that is asked for small values */
    uint64_t asked_ns;
    bool stop;
    size_t count;
    uint64_t took_us[SAMPLES];
};

/* A key that `server` owns. */
static void key_of(ringcache_client *client, const char *server, char key[16])
{
    ringcache_ring *ring = ringcache_client_ring(client);
    for (unsigned i = 0;; i++) {
        int len = snprintf(key, 16, "key%u", i);
        size_t owner = ringcache_ring_locate(ring, key, (size_t)len);
        if (strcmp(ringcache_ring_server_name(ring, owner), server) == 0)
            break;
    }
    ringcache_ring_unref(ring);
}

static void ask(struct watch *watch);

static void on_small(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct watch *watch = user;
    (void)client;
    if (reply->status < 0)
        fail_msg("%s: %s", ringcache_err_name(reply->status), reply->message);
    if (watch->count < SAMPLES)
        watch->took_us[watch->count++] = (uv_hrtime() - watch->asked_ns) / 1000;
    if (!watch->stop)
        ask(watch);
}

/* One small request after the other. */
static void ask(struct watch *watch)
{
    watch->asked_ns = uv_hrtime();
    assert_int_equal(
        ringcache_get(watch->cache.client, watch->key, strlen(watch->key), on_small, watch), 0);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Tells of what was sampled, and begins anew. */
static void report(struct watch *watch, const char *when)
{
    assert_true(watch->count > 0);
    qsort(watch->took_us, watch->count, sizeof *watch->took_us, by_number);
    uint64_t worst_us = watch->took_us[watch->count - 1];
    print_message("# %zu small requests %s: median %llu us, 99 of 100 within %llu us, all within "
                  "%llu us\n",
        watch->count, when, (unsigned long long)watch->took_us[watch->count / 2],
        (unsigned long long)watch->took_us[watch->count / 100 * 99], (unsigned long long)worst_us);
    assert_true(worst_us < (uint64_t)WORST_MS * 1000);
    watch->count = 0;
}

static void large_values_do_not_hold_up_small_ones(void **state)
{
    struct server large = {.kind = SERVER_REDIS}, small = {.kind = SERVER_REDIS};
    static const char *const options[] = {"timeout_ms", "10000", NULL};
    char uris[2][SERVER_URI_SIZE], key[16];
    struct watch *watch = calloc(1, sizeof *watch);
    struct value value = value_new(64 * MIB);
    (void)state;
    assert_non_null(watch);
    assert_true(server_start(&large) && server_start(&small));
    cache_open(&watch->cache,
        (const char *const[]){
            server_uri(&large, "large", uris[0]), server_uri(&small, "small", uris[1]), NULL},
        options);
    key_of(watch->cache.client, "large", key);
    key_of(watch->cache.client, "small", watch->key);
    cache_set(&watch->cache, watch->key, "small");
    ask(watch);
    cache_run(&watch->cache, 300);
    report(watch, "alone");
    for (unsigned round = 1; round <= ROUNDS; round++) {
        value.stored = value.fetched = false;
        lend(watch->cache.client, key, &value);
        fetch(watch->cache.client, key, &value);
        while (!value.fetched)
            uv_run(&watch->cache.loop, UV_RUN_ONCE);
        assert_int_equal(value.returned, round);
    }
    report(watch, "beside values of 64 MiB");
    watch->stop = true;
    uv_run(&watch->cache.loop, UV_RUN_DEFAULT);
    cache_close(&watch->cache);
    server_discard(&large);
    server_discard(&small);
    free(value.bytes);
    free(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lent_values_come_back_as_they_are),
        cmocka_unit_test(a_value_beyond_the_bound_fails_alone),
        cmocka_unit_test(large_values_do_not_hold_up_small_ones),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
