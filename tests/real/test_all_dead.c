/* SPDX-License-Identifier: MIT */
/* No server is left: every submission still gets one callback or a refusal, memory stays within its
 * bound, and a client without work costs next to nothing. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

enum { SERVERS = 4, SUBMISSIONS = 1000000, PER_TURN = 5000, BOUND = 16 * 1024 * 1024 };

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
enum { SANITIZED = __has_feature(address_sanitizer) };
#else
enum { SANITIZED = 0 };
#endif

struct book {
    unsigned accepted, refused, other_refusals, answered, succeeded;
};

static void open_servers(
    struct server servers[SERVERS], enum server_listen listen, struct cache *cache)
{
    static const char *const options[] = {
        "timeout_ms", "300", "max_inflight", "1000000", "max_queued_bytes", "16777216", NULL};
    char uris[SERVERS][SERVER_URI_SIZE];
    const char *list[SERVERS + 1] = {0};
    memset(servers, 0, SERVERS * sizeof *servers);
    for (unsigned i = 0; i < SERVERS; i++) {
        servers[i].kind = i % 2 == 0 ? SERVER_MEMCACHED : SERVER_REDIS;
        servers[i].listen = listen;
        assert_true(server_start(&servers[i]));
        list[i] = server_uri(&servers[i], NULL, uris[i]);
    }
    cache_open(cache, list, options);
}

static void close_servers(struct server servers[SERVERS], struct cache *cache)
{
    cache_close(cache);
    for (unsigned i = 0; i < SERVERS; i++)
        server_discard(&servers[i]);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct book *book = user;
    (void)client;
    book->answered++;
    book->succeeded += reply->status >= 0;
}

static void submit(struct cache *cache, struct book *book, unsigned count)
{
    static const char value[100];
    for (unsigned i = 0; i < count; i++) {
        char key[32];
        int len = snprintf(key, sizeof key, "dead:%u", book->accepted + book->refused);
        int status =
            ringcache_set(cache->client, key, (size_t)len, value, sizeof value, 0, on_reply, book);
        book->accepted += status == 0;
        book->refused += status != 0;
        book->other_refusals += status != 0 && status != RINGCACHE_EBUSY;
    }
}

/* Keep every server busy once, so that connections stand. */
static void warm_up(struct cache *cache)
{
    for (unsigned i = 0; i < 100; i++) {
        char key[32];
        snprintf(key, sizeof key, "warm:%u", i);
        assert_int_equal(cache_set(cache, key, "up").status, 0);
    }
}

static size_t heap_in_use(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

static void submit_a_million(struct cache *cache, struct book *book, size_t *peak)
{
    while (book->accepted + book->refused < SUBMISSIONS) {
        submit(cache, book, PER_TURN);
        if (heap_in_use() > *peak)
            *peak = heap_in_use();
        uv_run(&cache->loop, UV_RUN_NOWAIT);
    }
}

static void submit_to_silent_servers(enum server_listen listen)
{
    struct server servers[SERVERS];
    struct cache cache;
    struct book book = {0};
    open_servers(servers, listen, &cache);
    warm_up(&cache);
    for (unsigned i = 0; i < SERVERS; i++)
        server_pause(&servers[i]);

    const size_t before = heap_in_use();
    size_t peak = before;
    submit_a_million(&cache, &book, &peak);
    cache_run(&cache, 600);
    print_message("%u accepted, %u refused, heap grew by %zu of %d bytes\n", book.accepted,
        book.refused, peak - before, BOUND);
    assert_int_equal(book.accepted + book.refused, SUBMISSIONS);
    assert_int_equal(book.answered, book.accepted);
    assert_int_equal(book.other_refusals, 0);
    assert_int_equal(book.succeeded, 0);
    assert_true(book.refused > 0);
    if (SANITIZED)
        print_message("memory is not measured in a sanitized build\n");
    else
        assert_true(peak - before <= BOUND + BOUND / 20);
    close_servers(servers, &cache);
}

static void silent_servers_cost_no_more_memory_than_the_bound(void **state)
{
    (void)state;
    submit_to_silent_servers(LISTEN_IPV4);
}

/* The kernel takes little for a socket of the machine, so most stays with the client. */
static void silent_servers_on_the_same_machine_cost_no_more_memory_either(void **state)
{
    (void)state;
    submit_to_silent_servers(LISTEN_UNIX);
}

static void killed_servers_answer_every_submission_without_waiting(void **state)
{
    struct server servers[SERVERS];
    struct cache cache;
    struct book book = {0};
    (void)state;
    open_servers(servers, LISTEN_IPV4, &cache);
    warm_up(&cache);
    for (unsigned i = 0; i < SERVERS; i++)
        server_kill(&servers[i]);
    for (unsigned i = 0; i < 50; i++) {
        submit(&cache, &book, 200);
        cache_run(&cache, 2);
    }
    cache_run(&cache, 50); /* far less than a deadline */
    assert_int_equal(book.answered, book.accepted);
    assert_int_equal(book.accepted, 50 * 200);
    assert_int_equal(book.succeeded, 0);
    close_servers(servers, &cache);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void idle_client_of_dead_servers_costs_under_two_percent_of_a_core(void **state)
{
    struct server servers[SERVERS];
    struct cache cache;
    struct book book = {0};
    (void)state;
    open_servers(servers, LISTEN_IPV4, &cache);
    warm_up(&cache);
    for (unsigned i = 0; i < SERVERS; i++)
        server_kill(&servers[i]);
    submit(&cache, &book, 200);
    ringcache_client_ref(cache.client);
    cache_run(&cache, 500);
    const double before = cpu_seconds();
    cache_run(&cache, 5000);
    const double used = cpu_seconds() - before;
    print_message("%.4f s of CPU in 5 s\n", used);
    assert_int_equal(book.answered, book.accepted);
    assert_true(used < 0.1);
    close_servers(servers, &cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_servers_cost_no_more_memory_than_the_bound),
        cmocka_unit_test(silent_servers_on_the_same_machine_cost_no_more_memory_either),
        cmocka_unit_test(killed_servers_answer_every_submission_without_waiting),
        cmocka_unit_test(idle_client_of_dead_servers_costs_under_two_percent_of_a_core),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
