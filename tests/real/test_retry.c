/* SPDX-License-Identifier: MIT */
/* Connections to real servers that end in mid-flight, again and again: a counter is moved once for
 * each time that this was acknowledged, and at most once for each that is in doubt; reads that were
 * under way are answered all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"
#include "proxy.h"

enum { ROUNDS = 20, MOVES = 50, GETS = 50, BIG = 900 * 1024, BIGS = 8, WAIT_MS = 10000 };

static const char *const options[] = {"timeout_ms", "5000", "max_queued_bytes", "67108864", NULL};

struct tally {
    unsigned pending, done, in_doubt, unapplied, again;
};

struct fixture {
    struct server server;
    struct proxy proxy;
    struct cache cache;
    struct tally moves, gets, sets;
    char *big;
};

static void open_fixture(struct fixture *f, enum server_kind kind)
{
    char uri[SERVER_URI_SIZE];
    memset(f, 0, sizeof *f);
    f->big = calloc(1, BIG);
    assert_non_null(f->big);
    f->server.kind = kind;
    assert_true(server_start(&f->server));
    cache_open(&f->cache, (const char *const[]){NULL}, options);
    assert_int_equal(proxy_open(&f->proxy, &f->cache.loop, f->server.port, "key-"), 0);
    snprintf(uri, sizeof uri, "%s://127.0.0.1:%u", kind == SERVER_MEMCACHED ? "memcached" : "redis",
        f->proxy.port);
    assert_int_equal(ringcache_server_add(f->cache.client, uri), 0);
    assert_int_equal(cache_set(&f->cache, "count", "0").status, 0);
    assert_int_equal(cache_set(&f->cache, "read", "me").status, 0);
}

static void close_fixture(struct fixture *f)
{
    proxy_close(&f->proxy);
    cache_close(&f->cache);
    server_discard(&f->server);
    free(f->big);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    struct tally *tally = user;
    tally->pending--;
    tally->done += reply->status == RINGCACHE_OK;
    tally->in_doubt += reply->status < 0 && reply->maybe_applied;
    tally->unapplied += reply->status < 0 && !reply->maybe_applied;
    tally->again += reply->status == RINGCACHE_OK && reply->attempts == 2;
}

static void ask(struct fixture *f, const ringcache_request *request, struct tally *tally)
{
    assert_int_equal(ringcache_submit(f->cache.client, request, on_reply, tally, NULL), 0);
    tally->pending++;
}

static void move_and_get(struct fixture *f)
{
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {"read", 4}};
    const ringcache_request up = {.op = RINGCACHE_INCREMENT, .key = {"count", 5}, .delta = 1};
    for (unsigned i = 0; i < MOVES; i++) {
        ask(f, &up, &f->moves);
    }
    for (unsigned i = 0; i < GETS; i++) {
        ask(f, &get, &f->gets);
    }
}

static void await_all(struct fixture *f)
{
    const uint64_t end_ms = uv_hrtime() / 1000000 + WAIT_MS;
    while (f->moves.pending + f->gets.pending + f->sets.pending > 0) {
        assert_true(uv_hrtime() / 1000000 < end_ms);
        cache_run(&f->cache, 5);
    }
}

static void assert_counted(struct fixture *f)
{
    const struct outcome count = cache_get(&f->cache, "count");
    assert_int_equal(count.status, RINGCACHE_OK);
    const unsigned long moved = strtoul(count.value, NULL, 10);
    print_message("%lu moved, %u acknowledged, %u in doubt, %u not; %u of %u reads went twice\n",
        moved, f->moves.done, f->moves.in_doubt, f->moves.unapplied, f->gets.again, f->gets.done);
    assert_in_range(moved, f->moves.done, f->moves.done + f->moves.in_doubt);
}

/* The key of a counter in doubt was deleted: it begins anew. */
static void assert_in_doubt(struct fixture *f)
{
    assert_int_equal(f->moves.in_doubt, MOVES);
    assert_int_equal(cache_set(&f->cache, "count", "0").status, 0);
    f->moves = (struct tally){0};
}

static void lose_replies(enum server_kind kind)
{
    static struct fixture f;
    open_fixture(&f, kind);
    for (unsigned round = 0; round < ROUNDS; round++) {
        proxy_fault(&f.proxy, round % 2 == 0 ? "stall down" : "stall up");
        move_and_get(&f);
        cache_run(&f.cache, 20);
        proxy_fault(&f.proxy, "reset");
        proxy_fault(&f.proxy, "heal");
        await_all(&f);
        assert_in_doubt(&f);
    }
    assert_int_equal(f.gets.done, ROUNDS * GETS);
    assert_true(f.gets.again >= ROUNDS * GETS / 2);
    close_fixture(&f);
}

/* The kernels hold some of what goes ahead, and no more: what is behind it never leaves. */
static void never_leave(enum server_kind kind)
{
    static struct fixture f;
    open_fixture(&f, kind);
    const ringcache_request set = {.op = RINGCACHE_SET, .key = {"big", 3}, .value = {f.big, BIG}};
    proxy_fault(&f.proxy, "stall up");
    for (unsigned i = 0; i < BIGS; i++) {
        ask(&f, &set, &f.sets);
    }
    move_and_get(&f);
    cache_run(&f.cache, 50);
    proxy_fault(&f.proxy, "reset");
    proxy_fault(&f.proxy, "heal");
    await_all(&f);
    assert_counted(&f);
    assert_int_equal(f.moves.done, MOVES);
    assert_int_equal(f.gets.done, GETS);
    assert_true(f.sets.in_doubt > 0 && f.sets.done > 0);
    assert_int_equal(f.sets.unapplied, 0);
    close_fixture(&f);
}

static void memcached_answers_reads_whose_connection_ended(void **state)
{
    (void)state;
    lose_replies(SERVER_MEMCACHED);
}

static void redis_answers_reads_whose_connection_ended(void **state)
{
    (void)state;
    lose_replies(SERVER_REDIS);
}

static void what_never_left_for_memcached_is_counted_once(void **state)
{
    (void)state;
    never_leave(SERVER_MEMCACHED);
}

static void what_never_left_for_redis_is_counted_once(void **state)
{
    (void)state;
    never_leave(SERVER_REDIS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcached_answers_reads_whose_connection_ended),
        cmocka_unit_test(redis_answers_reads_whose_connection_ended),
        cmocka_unit_test(what_never_left_for_memcached_is_counted_once),
        cmocka_unit_test(what_never_left_for_redis_is_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
