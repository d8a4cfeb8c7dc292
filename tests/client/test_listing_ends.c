/* SPDX-License-Identifier: MIT */
/* A listing has one end, whatever becomes of the server, the client and whoever listens. */
#include "lists.h"

/* ---- trouble ---- */

static void silence_in_the_middle_ends_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(119, "timeout_ms", "200");
    struct sim_server *const servers[] = {pair.memcached, pair.redis};
    const char *const names[] = {MC, RD};
    sim_settings(pair.world->sim)->send_bytes = 8192;
    sim_settings(pair.world->sim)->receive_bytes = 8192;
    for (size_t i = 0; i < 2; i++) {
        fill(servers[i], KEYS, "");
        list_keys(&list, pair.world, names[i]);
        for (int step = 0; step < 10000 && list.count == 0; step++) {
            sim_step(pair.world->sim);
        }
        sim_server_stop(servers[i]);
        world_run_for(pair.world, 5); /* what was under way arrives */
        size_t told = list.count;
        uint64_t stopped_ms = world_now(pair.world);
        assert_in_range(told, 1, KEYS - 1);
        wait_for(&list, 1000);
        assert_int_equal(list.status, RINGCACHE_ETIMEDOUT);
        assert_int_equal(list.number, told);
        assert_in_range(list.done_ms - stopped_ms, 150, 210);
        sim_server_continue(servers[i]);
        world_run_for(pair.world, 1000);
    }
    world_end(pair.world);
}

/* A listing may take far longer than the deadline of a request. */
static void a_slow_one_goes_on_as_long_as_it_goes_on(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(120, "timeout_ms", "100");
    struct sim_server *const servers[] = {pair.memcached, pair.redis};
    const char *const names[] = {MC, RD};
    sim_settings(pair.world->sim)->segment_bytes = 4096;
    sim_settings(pair.world->sim)->segment_gap_us = 5000;
    for (size_t i = 0; i < 2; i++) {
        fill(servers[i], KEYS, "");
        sim_server_slow(servers[i], 5000);
        uint64_t begun_ms = world_now(pair.world);
        list_keys(&list, pair.world, names[i]);
        wait_for(&list, 20000);
        assert_each_once(&list, KEYS);
        assert_true(list.done_ms - begun_ms > 200);
    }
    world_end(pair.world);
}

static void a_lost_connection_ends_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(121, "integrity", "auto");
    fill(pair.memcached, KEYS, "");
    warm_up(&pair);
    list_keys(&list, pair.world, MC);
    world_run_for(pair.world, 1);
    uint64_t connection = sim_server_newest(pair.memcached);
    sim_cut_after(pair.memcached, connection, 20000, SIM_RST);
    wait_for(&list, 1000);
    assert_int_equal(list.status, RINGCACHE_ECONNECT);
    assert_in_range(list.count, 0, KEYS - 1);
    assert_int_equal(world_count(pair.world, RINGCACHE_EVENT_DOWN), 0);
    fill(pair.redis, KEYS, "");
    list_keys(&list, pair.world, RD);
    for (int step = 0; step < 10000 && list.count == 0; step++) {
        sim_step(pair.world->sim);
    }
    sim_end(pair.redis, sim_server_newest(pair.redis), SIM_RST);
    wait_for(&list, 1000);
    assert_int_equal(list.status, RINGCACHE_ECONNECT);
    world_end(pair.world);
}

/* What answers requests by now are other processes: a page says where to go on in its own alone. */
static void end_page_by_page(bool renewed)
{
    static struct list list;
    struct world *world = world_new(124);
    struct sim_server *first = sim_server_add(world->sim, "10.0.0.1", 6379, ENGINE_REDIS);
    struct sim_server *second = sim_server_add(world->sim, "10.0.0.2", 6379, ENGINE_REDIS);
    sim_dns_set(world->sim, "cache.example", "10.0.0.1");
    world_option(world, "server", "redis://cache.example:6379");
    world_begin(world);
    fill(first, KEYS, "");
    fill(second, KEYS, "");
    list_keys(&list, world, "cache.example:6379");
    for (int step = 0; step < 10000 && list.count == 0; step++) {
        sim_step(world->sim);
    }
    if (renewed) {
        sim_dns_set(world->sim, "cache.example", "10.0.0.2");
    }
    engine_set_mood(sim_server_engine(first), ENGINE_REPLICA);
    struct world_reply *set = world_set(world, "k", "v");
    sim_server_slow(first, 20000);
    wait_for(&list, 2000);
    assert_reply(set, RINGCACHE_ESERVER);
    assert_int_equal(list.status, renewed ? RINGCACHE_ECONNECT : RINGCACHE_OK);
    if (!renewed) {
        assert_each_once(&list, KEYS);
    }
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 0);
    assert_int_equal(sim_server_connects(renewed ? second : first), renewed ? 1 : 2);
    world_end(world);
}

static void another_process_under_its_name_ends_it(void **state)
{
    (void)state;
    end_page_by_page(true);
    end_page_by_page(false);
}

static int take_room_and_stop(struct list *list)
{
    if (list->count == 1) {
        sim_server_stop(list->stage);
        world_set(list->world, "j", "");
    }
    return 0;
}

/* The next page found no room, then no connection; who answers it was started in between. */
static void a_page_that_another_process_answers_ends_it(void **state)
{
    (void)state;
    static struct list list;
    struct world *world = world_new(133);
    struct sim_server *server = world_redis(world, "10.0.0.1", 6379);
    world_option(world, "max_inflight", "1");
    world_begin(world);
    fill(server, KEYS, "");
    list.act = take_room_and_stop;
    list.stage = server;
    list_keys(&list, world, "10.0.0.1:6379");
    world_run_for(world, 10);
    size_t told = list.count;
    assert_in_range(told, 1, KEYS - 1);
    sim_server_restart(server, true);
    wait_for(&list, 100);
    list.act = NULL;
    assert_int_equal(list.status, RINGCACHE_ECONNECT);
    assert_string_equal(list.message, "another process answers, amid the keys");
    assert_int_equal(list.count, told);
    assert_int_equal(engine_count(sim_server_engine(server), "scan"), 2);
    world_end(world);
}

static void what_no_memcached_says_ends_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(122, "integrity", "auto");
    warm_up(&pair);
    engine_answer_next(sim_server_engine(pair.memcached), "lru_crawler", 1,
        "key=k1-x exp=-1 la=1\nkey=k2-x nonsense\nEND\r\n");
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_EPROTOCOL);
    assert_int_equal(list.told[1], 1);
    assert_int_equal(list.count, 1);
    engine_answer_next(sim_server_engine(pair.redis), "scan", 1, "*1\r\n$1\r\n0\r\n");
    list_keys(&list, pair.world, RD);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_EPROTOCOL);
    world_end(pair.world);
}

static void one_that_is_down_or_cannot_be_reached_ends_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(123, "timeout_ms", "100");
    sim_server_kill(pair.memcached);
    sim_server_kill(pair.redis);
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_ECONNECT);
    assert_int_equal(world_count(pair.world, RINGCACHE_EVENT_DOWN), 0);
    list_keys(&list, pair.world, RD);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_EDOWN);
    warm_up(&pair); /* the answer is EDOWN: the server is out of service from here on */
    list_keys(&list, pair.world, MC);
    wait_for(&list, 5);
    assert_int_equal(list.status, RINGCACHE_EDOWN);
    assert_string_not_equal(list.message, "");
    world_end(pair.world);
}

static void credentials_that_are_refused_end_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(124, "integrity", "auto");
    engine_set_password(sim_server_engine(pair.redis), NULL, "secret");
    list_keys(&list, pair.world, RD);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_EAUTH);
    warm_up(&pair);
    engine_set_password(sim_server_engine(pair.memcached), "cart", "secret");
    list_keys(&list, pair.world, MC); /* on a connection of its own */
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_EAUTH);
    assert_int_equal(world_count(pair.world, RINGCACHE_EVENT_DOWN), 1);
    world_end(pair.world);
}

static void a_memcached_too_old_for_what_is_spoken_ends_it(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(134, "protocol", "meta");
    engine_set_version(sim_server_engine(pair.memcached), "1.5.22");
    list_keys(&list, pair.world, MC);
    wait_for(&list, 100);
    assert_int_equal(list.status, RINGCACHE_ENOTSUP);
    assert_string_equal(list.message, "memcached 1.5.22 is older than 1.6.18");
    world_end(pair.world);
}

/* ---- an end from this side ---- */

static void the_clients_end_is_the_listings(void **state)
{
    (void)state;
    static struct list list, second;
    for (unsigned steps = 0; steps < 60; steps += 3) {
        struct pair pair = begin_pair(125, "integrity", "auto");
        fill(pair.memcached, KEYS, "");
        fill(pair.redis, KEYS, "");
        list_keys(&list, pair.world, MC);
        list_keys(&second, pair.world, RD);
        for (unsigned i = 0; i < steps; i++) {
            sim_step(pair.world->sim);
        }
        bool over = list.done > 0, second_over = second.done > 0;
        world_close(pair.world);
        world_run_for(pair.world, 10);
        assert_int_equal(list.done, 1);
        assert_int_equal(second.done, 1);
        assert_int_equal(list.status, over ? 0 : RINGCACHE_ECANCELED);
        assert_int_equal(second.status, second_over ? 0 : RINGCACHE_ECANCELED);
        world_end(pair.world);
    }
}

static void a_servers_removal_ends_its_listing(void **state)
{
    (void)state;
    static struct list list;
    const char *const names[] = {MC, RD};
    for (size_t i = 0; i < 2; i++) {
        struct pair pair = begin_pair(126, "integrity", "auto");
        fill(pair.memcached, KEYS, "");
        fill(pair.redis, KEYS, "");
        list_keys(&list, pair.world, names[i]);
        for (int step = 0; step < 10000 && list.count == 0; step++) {
            sim_step(pair.world->sim);
        }
        assert_int_equal(ringcache_server_remove(pair.world->client, names[i]), 0);
        wait_for(&list, 5);
        assert_int_equal(list.status, RINGCACHE_ECANCELED);
        assert_string_equal(list.message, "the server was removed");
        world_run_for(pair.world, 5);
        assert_int_equal(world_count(pair.world, RINGCACHE_EVENT_REMOVED), 1);
        world_end(pair.world);
    }
}

static void remove_memcached(struct world *world, const ringcache_event *event)
{
    if (event->type == RINGCACHE_EVENT_RING_CHANGED) {
        world->on_event = NULL;
        assert_int_equal(ringcache_server_remove(world->client, MC), 0);
    }
}

/* Removed in an event, nothing of it being pending, it could go before the listing hears of it. */
static void a_server_stays_until_its_listing_has_ended(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(132, "integrity", "auto");
    fill(pair.memcached, KEYS, "");
    list_keys(&list, pair.world, MC);
    for (int step = 0; step < 10000 && list.count == 0; step++) {
        sim_step(pair.world->sim);
    }
    pair.world->on_event = remove_memcached;
    assert_int_equal(ringcache_server_weight(pair.world->client, RD, 2), 0);
    wait_for(&list, 5);
    assert_int_equal(list.status, RINGCACHE_ECANCELED);
    assert_string_equal(list.server, MC);
    world_run_for(pair.world, 5);
    assert_int_equal(world_count(pair.world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(pair.world);
}

/* What is done in the third key's callback. */
static int close_at_three(struct list *list)
{
    if (list->count == 3) {
        world_close(list->world);
    }
    assert_true(list->count <= 3);
    return 0;
}

static int remove_at_three(struct list *list)
{
    if (list->count == 3) {
        assert_int_equal(ringcache_server_remove(list->world->client, MC), 0);
        assert_int_equal(ringcache_server_remove(list->world->client, RD), 0);
    }
    assert_true(list->count <= 3);
    return 0;
}

static struct list *nested(void)
{
    static struct list list;
    return &list;
}

static int list_at_three(struct list *list)
{
    if (list->count == 3) {
        list_keys(nested(), list->world, MC);
        world_try_get(list->world, "a key");
    }
    return 0;
}

static void every_call_is_legal_in_a_keys_callback(void **state)
{
    (void)state;
    static struct list list;
    static const struct {
        int (*act)(struct list *list);
        int status;
    } acts[] = {{close_at_three, RINGCACHE_ECANCELED}, {remove_at_three, RINGCACHE_ECANCELED},
        {list_at_three, RINGCACHE_OK}};
    const char *const names[] = {MC, RD};
    for (size_t i = 0; i < 2 * (sizeof acts / sizeof *acts); i++) {
        struct pair pair = begin_pair(127, "integrity", "auto");
        fill(pair.memcached, 600, "");
        fill(pair.redis, 600, "");
        list.act = acts[i / 2].act;
        list_keys(&list, pair.world, names[i % 2]);
        wait_for(&list, 1000);
        assert_int_equal(list.status, acts[i / 2].status);
        if (acts[i / 2].act == list_at_three) {
            wait_for(nested(), 1000);
            assert_each_once(nested(), 600);
        }
        world_run_for(pair.world, 5);
        world_end(pair.world);
    }
}

static void another_namespace_put_in_force_changes_nothing_under_way(void **state)
{
    (void)state;
    static struct list list;
    struct pair pair = begin_pair(128, "namespace", "old:");
    fill(pair.redis, 2000, "old:");
    list.act = NULL;
    list_keys(&list, pair.world, RD);
    world_run_for(pair.world, 1);
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_set(config, "namespace", "new:"), 0);
    assert_int_equal(ringcache_config_add_server(config, "redis://10.0.0.2:6379"), 0);
    assert_int_equal(ringcache_servers_replace(pair.world->client, config), 0);
    ringcache_config_free(config);
    wait_for(&list, 1000);
    assert_each_once(&list, 2000);
    world_end(pair.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_in_the_middle_ends_it),
        cmocka_unit_test(a_slow_one_goes_on_as_long_as_it_goes_on),
        cmocka_unit_test(a_lost_connection_ends_it),
        cmocka_unit_test(another_process_under_its_name_ends_it),
        cmocka_unit_test(a_page_that_another_process_answers_ends_it),
        cmocka_unit_test(what_no_memcached_says_ends_it),
        cmocka_unit_test(one_that_is_down_or_cannot_be_reached_ends_it),
        cmocka_unit_test(credentials_that_are_refused_end_it),
        cmocka_unit_test(a_memcached_too_old_for_what_is_spoken_ends_it),
        cmocka_unit_test(the_clients_end_is_the_listings),
        cmocka_unit_test(a_servers_removal_ends_its_listing),
        cmocka_unit_test(a_server_stays_until_its_listing_has_ended),
        cmocka_unit_test(every_call_is_legal_in_a_keys_callback),
        cmocka_unit_test(another_namespace_put_in_force_changes_nothing_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
