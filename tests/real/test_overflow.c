/* SPDX-License-Identifier: MIT */
/* More is written in vain than the journal holds, on real servers: nothing old is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"

enum { KEYS = 100, SOON_MS = 5000 };

static const char *const holding[] = {"timeout_ms", "100", "journal_entries", "10", NULL};
static const char *const classic[] = {
    "timeout_ms", "100", "journal_entries", "10", "protocol", "classic", NULL};
static const char *const flushing[] = {
    "timeout_ms", "100", "journal_entries", "10", "on_overflow", "flush", NULL};

struct scene {
    struct server server;
    struct cache cache;
};

static const char *key_of(unsigned n)
{
    static char key[16];
    snprintf(key, sizeof key, "k%u", n);
    return key;
}

static void write_all(struct scene *s, const char *value)
{
    for (unsigned n = 0; n < KEYS; n++) {
        (void)cache_set(&s->cache, key_of(n), value);
    }
}

/* A server falls silent, all of its keys are written in vain, and it wakes. */
static void overflow(struct scene *s, const char *const *options)
{
    char uri[SERVER_URI_SIZE];
    assert_true(server_start(&s->server));
    const char *const uris[] = {server_uri(&s->server, "s", uri), NULL};
    cache_open(&s->cache, uris, options);
    write_all(s, "old");
    server_pause(&s->server);
    (void)cache_get(&s->cache, "k0");
    assert_true(cache_hears(&s->cache, RINGCACHE_EVENT_EJECTED, 1, SOON_MS));
    write_all(s, "lost");
    assert_int_equal(s->cache.events[RINGCACHE_EVENT_JOURNAL_FULL], 1);
    server_resume(&s->server);
}

static void expect_none_then_new(struct scene *s)
{
    for (unsigned n = 0; n < KEYS; n++) {
        assert_int_equal(cache_get(&s->cache, key_of(n)).status, RINGCACHE_MISS);
    }
    write_all(s, "new");
    for (unsigned n = 0; n < KEYS; n++) {
        assert_string_equal(cache_get(&s->cache, key_of(n)).value, "new");
    }
}

static void close_scene(struct scene *s)
{
    cache_close(&s->cache);
    server_discard(&s->server);
}

static void divided(const char *const *options)
{
    static struct scene s;
    memset(&s, 0, sizeof s);
    s.server.kind = SERVER_MEMCACHED;
    overflow(&s, options);
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_READMITTED, 1, SOON_MS));
    assert_int_equal(s.cache.events[RINGCACHE_EVENT_HELD], 0);
    expect_none_then_new(&s);
    /* another process, whose ids begin anew */
    server_kill(&s.server);
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_DOWN, 1, SOON_MS));
    assert_true(server_start(&s.server));
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_UP, 2, SOON_MS));
    write_all(&s, "new");
    for (unsigned n = 0; n < KEYS; n++) {
        assert_string_equal(cache_get(&s.cache, key_of(n)).value, "new");
    }
    close_scene(&s);
}

static void a_memcached_comes_back_and_its_old_items_are_misses(void **state)
{
    (void)state;
    divided(holding);
}

static void in_classic_text_as_well(void **state)
{
    (void)state;
    divided(classic);
}

static void held_and_readmitted(struct server server, ringcache_readmission how)
{
    static struct scene s;
    s = (struct scene){.server = server};
    overflow(&s, holding);
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_HELD, 1, SOON_MS));
    cache_run(&s.cache, 500);
    assert_int_equal(s.cache.events[RINGCACHE_EVENT_READMITTED], 0);
    struct outcome refused = cache_get(&s.cache, "k50");
    assert_int_equal(refused.status, RINGCACHE_EDOWN);
    assert_int_equal(ringcache_server_readmit(s.cache.client, "s", how), 0);
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_READMITTED, 1, SOON_MS));
    if (how == RINGCACHE_READMIT_AS_IT_IS) {
        assert_string_equal(cache_get(&s.cache, "k50").value, "old");
    } else {
        cache_run(&s.cache, 1200); /* memcached -C flushes what is stored in the same second, too */
        expect_none_then_new(&s);
    }
    close_scene(&s);
}

static void a_redis_is_held_until_it_is_readmitted(void **state)
{
    (void)state;
    const struct server redis = {.kind = SERVER_REDIS};
    held_and_readmitted(redis, RINGCACHE_READMIT_AS_IT_IS);
    held_and_readmitted(redis, RINGCACHE_READMIT_FLUSHED);
}

static void a_memcached_without_ids_is_held_until_it_is_readmitted(void **state)
{
    (void)state;
    const struct server memcached = {.kind = SERVER_MEMCACHED, .extra = {"-C"}};
    held_and_readmitted(memcached, RINGCACHE_READMIT_AS_IT_IS);
    held_and_readmitted(memcached, RINGCACHE_READMIT_FLUSHED);
}

static void a_redis_is_flushed_where_that_is_configured(void **state)
{
    (void)state;
    static struct scene s;
    memset(&s, 0, sizeof s);
    s.server.kind = SERVER_REDIS;
    overflow(&s, flushing);
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_READMITTED, 1, SOON_MS));
    expect_none_then_new(&s);
    close_scene(&s);
}

static void a_redis_that_comes_back_empty_is_not_held(void **state)
{
    (void)state;
    static struct scene s;
    memset(&s, 0, sizeof s);
    s.server.kind = SERVER_REDIS;
    overflow(&s, holding);
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_HELD, 1, SOON_MS));
    server_kill(&s.server);
    assert_true(server_start(&s.server));
    assert_true(cache_hears(&s.cache, RINGCACHE_EVENT_READMITTED, 1, SOON_MS));
    expect_none_then_new(&s);
    close_scene(&s);
}

int main(void)
{
    if (!servers_available()) {
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memcached_comes_back_and_its_old_items_are_misses),
        cmocka_unit_test(in_classic_text_as_well),
        cmocka_unit_test(a_redis_is_held_until_it_is_readmitted),
        cmocka_unit_test(a_memcached_without_ids_is_held_until_it_is_readmitted),
        cmocka_unit_test(a_redis_is_flushed_where_that_is_configured),
        cmocka_unit_test(a_redis_that_comes_back_empty_is_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
