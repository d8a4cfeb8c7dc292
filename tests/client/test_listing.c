/* SPDX-License-Identifier: MIT */
/* The keys of one server: each that it holds, a page or a read's worth at a time. */
#include "lists.h"

static const char *const ways[][2] = {{"integrity", "auto"}, {"integrity", "strict"},
    {"protocol", "classic"}, {"connections", "3"}, {"max_inflight", "1"}};

static void every_key_is_told_once(void **state)
{
    (void)state;
    static struct list list;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct pair pair = begin_pair(110, ways[i][0], ways[i][1]);
        fill(pair.memcached, KEYS, "");
        fill(pair.redis, KEYS, "");
        const char *const names[] = {MC, RD};
        for (size_t server = 0; server < 2; server++) {
            list_keys(&list, pair.world, names[server]);
            wait_for(&list, 1000);
            assert_each_once(&list, KEYS);
            assert_string_equal(list.server, names[server]);
            assert_string_equal(list.message, "");
            assert_int_equal(list.attempts, server == 0 ? 1 : (KEYS + 511) / 512);
        }
        world_end(pair.world);
    }
}

static void an_empty_server_has_none(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(111, "integrity", "auto");
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_each_once(&list, 0);
    list_keys(&list, pair.world, RD);
    wait_for(&list, 100);
    assert_each_once(&list, 0);
    world_end(pair.world);
}

static void a_dump_has_a_connection_of_its_own_and_closes_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(112, "integrity", "auto");
    fill(pair.memcached, KEYS, "");
    warm_up(&pair);
    assert_int_equal(sim_server_connections(pair.memcached), 1);
    list_keys(&list, pair.world, MC);
    world_run_for(pair.world, 1);
    assert_int_equal(sim_server_connections(pair.memcached), 2);
    warm_up(&pair); /* requests go their way meanwhile */
    assert_int_equal(list.done, 0);
    wait_for(&list, 1000);
    world_run_for(pair.world, 1);
    assert_int_equal(sim_server_connections(pair.memcached), 1);
    assert_int_equal(sim_server_connects(pair.memcached), 2);
    world_end(pair.world);
}

static void in_a_namespace_its_own_keys_are_told_without_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(113, "namespace", "a*:");
    struct sim_server *const servers[] = {pair.memcached, pair.redis};
    const char *const names[] = {MC, RD};
    for (size_t i = 0; i < 2; i++) {
        fill(servers[i], 50, "a*:");
        fill(servers[i], 50, "ab:");
        engine_put(sim_server_engine(servers[i]), 0, "a*:", rc_slice_text("v"), 0);
        engine_put(sim_server_engine(servers[i]), 0, "a", rc_slice_text("v"), 0);
        list_keys(&list, pair.world, names[i]);
        wait_for(&list, 100);
        assert_each_once(&list, 50);
    }
    world_end(pair.world);
}

static void memcached_tells_what_time_remains(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(114, "integrity", "auto");
    struct engine *engine = sim_server_engine(pair.memcached);
    engine_put(engine, 0, "\xc3\xa9 %\x01", rc_slice_text("v"), 90000);
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_string_equal(list.last, "\xc3\xa9 %\x01");
    assert_int_equal(list.ttl_ms, 90000);
    sim_set_wall(pair.world->sim, 1700000000 + 30);
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_int_equal(list.ttl_ms, 90000); /* the server's clock is the same one here */
    engine_put(engine, 0, "\xc3\xa9 %\x01", rc_slice_text("v"), 0);
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_int_equal(list.ttl_ms, -1);
    engine_answer_next(engine, "lru_crawler", 1, "key=k exp=9223372036854775807 la=1\nEND\r\n");
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_true(list.ttl_ms == INT64_MAX); /* longer than milliseconds count */
    engine_put(sim_server_engine(pair.redis), 0, "x", rc_slice_text("v"), 90000);
    list_keys(&list, pair.world, RD);
    wait_for(&list, 100);
    assert_int_equal(list.ttl_ms, 0);
    world_end(pair.world);
}

static int stop_at_seven(struct list *list)
{
    return list->count == 7;
}

static void who_listens_may_end_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(115, "integrity", "auto");
    fill(pair.memcached, KEYS, "");
    fill(pair.redis, KEYS, "");
    list.act = stop_at_seven;
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_OK);
    assert_int_equal(list.number, 7);
    world_run_for(pair.world, 2);
    assert_int_equal(sim_server_connections(pair.memcached), 0);
    list_keys(&list, pair.world, RD);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_OK);
    assert_int_equal(list.number, 7);
    world_end(pair.world);
}

/* ---- a busy crawler ---- */

static const char busy[] = "BUSY currently processing crawler request\r\n";

static void a_busy_memcached_is_asked_again(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(116, "timeout_ms", "500");
    struct engine *engine = sim_server_engine(pair.memcached);
    fill(pair.memcached, 10, "");
    engine_answer_next(engine, "lru_crawler", 3, busy);
    list.act = NULL;
    list_keys(&list, pair.world, MC);
    wait_for(&list, 1000);
    assert_each_once(&list, 10);
    assert_int_equal(engine_count(engine, "lru_crawler"), 4);
    assert_int_equal(sim_server_connects(pair.memcached), 1);
    world_end(pair.world);
}

static void one_that_stays_busy_ends_it_in_its_words(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(117, "timeout_ms", "500");
    struct engine *engine = sim_server_engine(pair.memcached);
    engine_answer_next(engine, "lru_crawler", 100, busy);
    uint64_t begun_ms = world_now(pair.world);
    list_keys(&list, pair.world, MC);
    wait_for(&list, 1000);
    assert_int_equal(list.status, RINGCACHE_ESERVER);
    assert_string_equal(list.message, "BUSY currently processing crawler request");
    assert_in_range(list.done_ms - begun_ms, 400, 510);
    assert_in_range(engine_count(engine, "lru_crawler"), 5, 6);
    world_end(pair.world);
}

static void a_crawler_that_is_off_ends_it_in_its_words(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(118, "integrity", "auto");
    warm_up(&pair);
    engine_answer_next(sim_server_engine(pair.memcached), "lru_crawler", 1,
        "CLIENT_ERROR lru crawler disabled\r\n");
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_ESERVER);
    assert_string_equal(list.message, "CLIENT_ERROR lru crawler disabled");
    assert_int_equal(world_count(pair.world, RINGCACHE_EVENT_DOWN), 0);
    warm_up(&pair);
    world_end(pair.world);
}

/* ---- bounds ---- */

/* A get of the Redis' own, with a deadline of its own. */
static void get_of_redis(const struct pair *pair, uint32_t timeout_ms)
{
    unsigned next = 0;
    char key[32];
    world_key_of(pair->world, RD, "key", &next, key);
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = {key, strlen(key)}, .timeout_ms = timeout_ms};
    world_submit(pair->world, &get, NULL);
}

static void a_page_waits_for_room_that_others_have_taken(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(129, "max_inflight", "1");
    fill(pair.redis, KEYS, "");
    get_of_redis(&pair, 0);
    list_keys(&list, pair.world, RD);
    wait_for(&list, 1000);
    assert_each_once(&list, KEYS);
    world_settle(pair.world, 100);
    world_run_for(pair.world, 5);
    assert_int_equal(world_count(pair.world, RINGCACHE_EVENT_ROOM), 0); /* nobody was refused */
    world_end(pair.world);
}

/* The only place is held by a value that takes a second to come. */
static void a_page_does_not_wait_for_room_for_ever(void **state)
{
    (void)state;
    static struct list list;
    static const char value[10000] = "";
    struct pair pair = begin_pair(131, "max_inflight", "1");
    unsigned next = 0;
    char key[32];
    world_key_of(pair.world, RD, "key", &next, key);
    engine_put(sim_server_engine(pair.redis), 0, key, rc_slice(value, sizeof value), 0);
    get_of_redis(&pair, 0);
    world_settle(pair.world, 100);
    sim_settings(pair.world->sim)->segment_bytes = 100;
    sim_settings(pair.world->sim)->segment_gap_us = 10000;
    get_of_redis(&pair, 60000);
    world_run_for(pair.world, 50);
    uint64_t begun_ms = world_now(pair.world);
    list_keys(&list, pair.world, RD);
    wait_for(&list, 1000);
    assert_int_equal(list.status, RINGCACHE_ETIMEDOUT);
    assert_string_equal(list.message, "no room to ask for more keys within the deadline");
    assert_int_equal(list.done_ms - begun_ms, 500);
    assert_int_equal(list.attempts, 0);
    world_settle(pair.world, 2000);
    world_end(pair.world);
}

static void who_lists_nothing_is_refused(void **state)
{
    (void)state;
    struct pair pair = begin_pair(130, "integrity", "auto");
    ringcache_client *c = pair.world->client;
    assert_int_equal(ringcache_server_keys(c, "x", list_heard, list_ended, NULL), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_server_keys(c, NULL, list_heard, list_ended, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_server_keys(c, MC, NULL, list_ended, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_server_keys(c, MC, list_heard, NULL, NULL), RINGCACHE_EINVAL);
    world_close(pair.world);
    assert_int_equal(
        ringcache_server_keys(c, MC, list_heard, list_ended, NULL), RINGCACHE_ECLOSING);
    world_end(pair.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_told_once),
        cmocka_unit_test(an_empty_server_has_none),
        cmocka_unit_test(a_dump_has_a_connection_of_its_own_and_closes_it),
        cmocka_unit_test(in_a_namespace_its_own_keys_are_told_without_it),
        cmocka_unit_test(memcached_tells_what_time_remains),
        cmocka_unit_test(who_listens_may_end_it),
        cmocka_unit_test(a_busy_memcached_is_asked_again),
        cmocka_unit_test(one_that_stays_busy_ends_it_in_its_words),
        cmocka_unit_test(a_crawler_that_is_off_ends_it_in_its_words),
        cmocka_unit_test(a_page_waits_for_room_that_others_have_taken),
        cmocka_unit_test(a_page_does_not_wait_for_room_for_ever),
        cmocka_unit_test(who_lists_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
