/* SPDX-License-Identifier: MIT */
/* What is counted, in every format. */
#include "world.h"

#include <stdio.h>

struct page {
    char text[16384];
    size_t len;
    size_t room; /* after that many bytes the sink refuses */
};

static int put(void *user, const void *data, size_t len)
{
    struct page *page = user;
    if (page->len + len > page->room) {
        return -7;
    }
    memcpy(page->text + page->len, data, len);
    page->len += len;
    page->text[page->len] = '\0';
    return 0;
}

static void assert_has(const struct page *page, const char *words)
{
    if (strstr(page->text, words) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", words, page->text);
    }
}

static struct world *begin(struct sim_server **server)
{
    struct world *world = world_new(91);
    *server = sim_server_add(world->sim, "10.0.0.1", 11000, ENGINE_MEMCACHED);
    world_option(world, "server", "memcached://10.0.0.1:11000?name=a%22b%5c%20%ff");
    world_begin(world);
    world_set(world, "k", "v");
    world_get(world, "k");
    world_get(world, "absent");
    const ringcache_request add = {.op = RINGCACHE_ADD, .key = {"k", 1}, .value = {"w", 1}};
    world_submit(world, &add, NULL);
    world_settle(world, 100);
    sim_server_stop(*server);
    world_get(world, "k");
    world_run_for(world, 2000);
    world_get(world, "k");
    world_settle(world, 10);
    return world;
}

static struct page *write_page(struct world *world, ringcache_format format)
{
    static struct page page;
    page = (struct page){.room = sizeof page.text - 1};
    assert_int_equal(ringcache_stats_write(world->client, format, put, &page), 0);
    return &page;
}

static void every_format_says_the_same(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    struct page *page = write_page(world, RINGCACHE_TEXT);
    assert_has(page,
        "server a\\\"b\\\\%20%ff state down up 0 spare 0 in_flight 0 connections 0 done_total 2 "
        "missed_total 1 not_stored_total 1 timeouts_total 1 unavailable_total 1 "
        "failed_total 0 ");
    assert_has(page,
        "outages_total 1 retries_total 0 held 0 journal_entries 0 journal_noted_total 0 "
        "journal_missed_total 0 journal_deleted_total 0 reason silent:%20");
    assert_has(page, "pending 0\n");
    page = write_page(world, RINGCACHE_JSON);
    assert_has(page, "{\"name\":\"a\\\"b\\\\ \\u00ff\",\"state\":\"down\",\"up\":0,");
    assert_has(page, "\"done_total\":2,\"missed_total\":1,\"not_stored_total\":1,"
                     "\"timeouts_total\":1,\"unavailable_total\":1,\"failed_total\":0,");
    assert_has(page, "\"outages_total\":1,\"retries_total\":0,\"held\":0,\"journal_entries\":0,");
    assert_has(page, "\"journal_deleted_total\":0,\"reason\":\"silent: ");
    page = write_page(world, RINGCACHE_PROMETHEUS);
    assert_has(page, "# TYPE ringcache_server_done_total counter\n"
                     "ringcache_server_done_total{server=\"a\\\"b\\\\ %ff\"} 2\n");
    assert_has(page, "# TYPE ringcache_server_up gauge\n"
                     "ringcache_server_up{server=\"a\\\"b\\\\ %ff\"} 0\n");
    world_end(world);
}

static void a_sink_may_refuse(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    struct page page = {.room = 20};
    assert_int_equal(ringcache_stats_write(world->client, RINGCACHE_JSON, put, &page), -7);
    assert_int_equal(
        ringcache_stats_write(world->client, RINGCACHE_JSON, NULL, NULL), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_stats_write(world->client, (ringcache_format)9, put, &page), RINGCACHE_EINVAL);
    world_close(world);
    assert_int_equal(
        ringcache_stats_write(world->client, RINGCACHE_JSON, put, &page), RINGCACHE_ECLOSING);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_says_the_same),
        cmocka_unit_test(a_sink_may_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
