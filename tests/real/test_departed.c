/* SPDX-License-Identifier: MIT */
/* A real server leaves the ring and joins it again: what was written there in vain is not read, nor
 * what a memcached held before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"

enum { SOON_MS = 5000 };

static const char *const plain[] = {"timeout_ms", "100", NULL};
static const char *const classic[] = {"timeout_ms", "100", "protocol", "classic", NULL};
static const char *const lanes[] = {"timeout_ms", "100", "connections", "3", NULL};
static const char *const flushing[] = {"timeout_ms", "100", "on_overflow", "flush", NULL};

struct scene {
    struct server server;
    struct cache cache;
    char uri[SERVER_URI_SIZE];
};

static void begin(struct scene *s, struct server server, const char *const *options)
{
    *s = (struct scene){.server = server};
    assert_true(server_start(&s->server));
    const char *const uris[] = {server_uri(&s->server, "s", s->uri), NULL};
    cache_open(&s->cache, uris, options);
    assert_int_equal(cache_set(&s->cache, "k", "old").status, RINGCACHE_OK);
    assert_int_equal(cache_set(&s->cache, "l", "old").status, RINGCACHE_OK);
}

static void end(struct scene *s)
{
    cache_close(&s->cache);
    server_discard(&s->server);
}

static void leave(struct scene *s)
{
    assert_int_equal(ringcache_server_remove(s->cache.client, "s"), 0);
    assert_true(cache_hears(&s->cache, RINGCACHE_EVENT_REMOVED, 1, SOON_MS));
}

static void join(struct scene *s)
{
    assert_int_equal(ringcache_server_add(s->cache.client, s->uri), 0);
}

static void expect(struct scene *s, const char *key, const char *value)
{
    struct outcome got = cache_get(&s->cache, key);
    assert_int_equal(got.status, value != NULL ? RINGCACHE_OK : RINGCACHE_MISS);
    assert_string_equal(got.value, value != NULL ? value : "");
}

static void expect_new(struct scene *s)
{
    assert_int_equal(cache_set(&s->cache, "k", "new").status, RINGCACHE_OK);
    expect(s, "k", "new");
}

static void write_in_vain(enum server_kind kind, const char *const *options)
{
    static struct scene s;
    const struct server server = {.kind = kind};
    begin(&s, server, options);
    server_pause(&s.server);
    (void)cache_get(&s.cache, "k");
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_EJECTED, 1, SOON_MS));
    assert_int_equal(cache_set(&s.cache, "k", "lost").status, RINGCACHE_EDOWN);
    leave(&s);
    server_resume(&s.server);
    join(&s);
    expect(&s, "k", NULL);
    expect(&s, "l", kind == SERVER_REDIS ? "old" : NULL);
    expect_new(&s);
    end(&s);
}

static void what_was_written_in_vain_is_gone_when_it_joins_again(void **state)
{
    (void)state;
    write_in_vain(SERVER_REDIS, plain);
    write_in_vain(SERVER_MEMCACHED, plain);
    write_in_vain(SERVER_MEMCACHED, classic);
}

static void move(struct server server, const char *const *options, const char *value)
{
    static struct scene s;
    begin(&s, server, options);
    leave(&s);
    join(&s);
    expect(&s, "k", value);
    expect(&s, "l", value);
    assert_int_equal(s.cache.events[RINGCACHE_EVENT_HELD], 0);
    expect_new(&s);
    end(&s);
}

static void a_memcached_serves_nothing_from_before(void **state)
{
    (void)state;
    const struct server memcached = {.kind = SERVER_MEMCACHED};
    move(memcached, plain, NULL);
    move(memcached, classic, NULL);
    move(memcached, lanes, NULL);
}

static void a_memcached_without_ids_serves_what_it_held(void **state)
{
    (void)state;
    const struct server memcached = {.kind = SERVER_MEMCACHED, .extra = {"-C"}};
    move(memcached, plain, "old");
}

static void a_redis_is_flushed_where_that_is_configured(void **state)
{
    (void)state;
    const struct server redis = {.kind = SERVER_REDIS};
    move(redis, plain, "old");
    move(redis, flushing, NULL);
}

int main(void)
{
    if (!servers_available()) {
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_in_vain_is_gone_when_it_joins_again),
        cmocka_unit_test(a_memcached_serves_nothing_from_before),
        cmocka_unit_test(a_memcached_without_ids_serves_what_it_held),
        cmocka_unit_test(a_redis_is_flushed_where_that_is_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
