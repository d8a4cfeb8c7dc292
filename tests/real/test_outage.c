/* SPDX-License-Identifier: MIT */
/* One server of four falls silent, or dies, under traffic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy.h"
#include "servers.h"
#include "traffic.h"

enum { SERVERS = 4, PER_TICK = 10, TIMEOUT_MS = 200, SLACK_US = 20 * 1000 };
/* Silence for timeout_ms, a probe that stays without answer as long, and some margin. */
enum { NOTICE_MS = 2 * TIMEOUT_MS + 200 };

static const char *const options[] = {"timeout_ms", "200", NULL};

/* Two of each backend; the client reaches the first, the one that will fail, through a proxy. */
struct ring_of_four {
    struct server servers[SERVERS];
    struct proxy proxy;
    struct cache cache;
    struct traffic traffic;
};

static void open_four(struct ring_of_four *four, enum server_kind first)
{
    char uris[SERVERS][SERVER_URI_SIZE], proxied[SERVER_URI_SIZE];
    const char *list[SERVERS + 1] = {0};
    memset(four, 0, sizeof *four);
    for (unsigned i = 0; i < SERVERS; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%u", i);
        four->servers[i].kind = i % 2 == 0 ? first : 1 - first;
        assert_true(server_start(&four->servers[i]));
        list[i] = server_uri(&four->servers[i], name, uris[i]);
    }
    cache_open(&four->cache, (const char *const[]){NULL}, options);
    assert_int_equal(
        proxy_open(&four->proxy, &four->cache.loop, four->servers[0].port, "user:"), 0);
    snprintf(proxied, sizeof proxied, "%s://127.0.0.1:%u?name=s0",
        first == SERVER_MEMCACHED ? "memcached" : "redis", four->proxy.port);
    list[0] = proxied;
    for (unsigned i = 0; i < SERVERS; i++)
        assert_int_equal(ringcache_server_add(four->cache.client, list[i]), 0);
    cache_run(&four->cache, 50);
}

static void close_four(struct ring_of_four *four)
{
    proxy_close(&four->proxy);
    cache_close(&four->cache);
    for (unsigned i = 0; i < SERVERS; i++)
        server_discard(&four->servers[i]);
}

/* What is true of traffic however the servers fared: one callback each, none late. */
static void assert_nothing_hung(struct traffic *traffic)
{
    assert_true(traffic_stop(traffic, 2000));
    assert_int_equal(traffic->accepted, traffic->answered);
    assert_int_equal(traffic->refused, 0);
    print_message("%llu requests, %llu failed, worst %lld us past the deadline, loop lag %lld us\n",
        (unsigned long long)traffic->answered, (unsigned long long)traffic->failed,
        (long long)traffic->worst_late_us, (long long)traffic->worst_lag_us);
    assert_true(traffic->worst_late_us <= SLACK_US + traffic->worst_lag_us);
}

static void assert_all_succeed(struct ring_of_four *four, uint64_t ms)
{
    uint64_t failed = four->traffic.failed, answered = four->traffic.answered;
    cache_run(&four->cache, ms);
    assert_int_equal(four->traffic.failed, failed);
    assert_true(four->traffic.answered > answered);
}

static void silent_server(enum server_kind kind)
{
    static struct ring_of_four four;
    open_four(&four, kind);
    traffic_start(&four.traffic, &four.cache, PER_TICK, TIMEOUT_MS);
    cache_run(&four.cache, 300);
    assert_all_succeed(&four, 300);

    server_pause(&four.servers[0]);
    assert_true(cache_hears(&four.cache, RINGCACHE_EVENT_EJECTED, 1, NOTICE_MS));
    cache_run(&four.cache, 50); /* what was under way reaches the proxy */
    const uint64_t marks = four.proxy.marks;
    assert_true(marks > 0);
    cache_run(&four.cache, 2000);
    assert_int_equal(four.proxy.marks, marks);

    server_resume(&four.servers[0]);
    cache_run(&four.cache, 1000);
    assert_int_equal(four.cache.events[RINGCACHE_EVENT_READMITTED], 1);
    assert_all_succeed(&four, 500);
    assert_true(four.proxy.marks > marks);

    /* The first silence has taught no patience: a second one is noticed as fast. */
    server_pause(&four.servers[0]);
    assert_true(cache_hears(&four.cache, RINGCACHE_EVENT_EJECTED, 2, NOTICE_MS));
    server_resume(&four.servers[0]);
    assert_nothing_hung(&four.traffic);
    close_four(&four);
}

static void silent_memcached_delays_nobody_and_is_back_within_a_second(void **state)
{
    (void)state;
    silent_server(SERVER_MEMCACHED);
}

static void silent_redis_delays_nobody_and_is_back_within_a_second(void **state)
{
    (void)state;
    silent_server(SERVER_REDIS);
}

static void killed_server(enum server_kind kind)
{
    static struct ring_of_four four;
    open_four(&four, 1 - kind);
    traffic_start(&four.traffic, &four.cache, PER_TICK, TIMEOUT_MS);
    cache_run(&four.cache, 300);
    assert_all_succeed(&four, 300);

    server_kill(&four.servers[1]);
    assert_true(cache_hears(&four.cache, RINGCACHE_EVENT_DOWN, 1, 500));
    cache_run(&four.cache, 700);
    assert_true(four.traffic.failed > 0);
    assert_true(server_start(&four.servers[1]));
    cache_run(&four.cache, 1000);
    assert_int_equal(four.cache.events[RINGCACHE_EVENT_EJECTED], 0);
    assert_all_succeed(&four, 500);
    assert_int_equal(four.traffic.timed_out, 0);
    assert_nothing_hung(&four.traffic);
    close_four(&four);
}

static void killed_redis_fails_fast_and_serves_within_a_second_of_its_restart(void **state)
{
    (void)state;
    killed_server(SERVER_REDIS);
}

static void killed_memcached_fails_fast_and_serves_within_a_second_of_its_restart(void **state)
{
    (void)state;
    killed_server(SERVER_MEMCACHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_memcached_delays_nobody_and_is_back_within_a_second),
        cmocka_unit_test(silent_redis_delays_nobody_and_is_back_within_a_second),
        cmocka_unit_test(killed_redis_fails_fast_and_serves_within_a_second_of_its_restart),
        cmocka_unit_test(killed_memcached_fails_fast_and_serves_within_a_second_of_its_restart),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
