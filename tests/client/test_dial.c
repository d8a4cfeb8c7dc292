/* SPDX-License-Identifier: MIT */
/* From a name to a connection: several addresses, names that fail, hang or change, descriptors that
 * run out, Unix sockets and IPv6. */
#include "world.h"

#include <errno.h>
#include <stdio.h>

#define NAME "cache.example"

enum { LOOK_UP_MS = 1, STAGGER_MS = 250, CONNECT_MS = 1000, TIMEOUT = 500 };

/* A client whose only server is `NAME`, and two servers that the name may lead to. */
struct scene {
    struct world *world;
    struct sim_server *one, *two;
};

static void open_scene(struct scene *s, const char *addresses)
{
    s->world = world_new(61);
    s->one = sim_server_add(s->world->sim, "10.0.0.1", 11211, ENGINE_MEMCACHED);
    s->two = sim_server_add(s->world->sim, "10.0.0.2", 11211, ENGINE_MEMCACHED);
    sim_dns_set(s->world->sim, NAME, addresses);
    world_option(s->world, "server", "memcached://" NAME ":11211");
    world_begin(s->world);
}

static struct world_reply *get_with(struct world *world, const char *key, uint32_t timeout_ms)
{
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = {key, strlen(key)}, .timeout_ms = timeout_ms};
    return world_submit(world, &get, NULL);
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", text, words);
    }
}

/* ---- several addresses ---- */

static void a_refused_address_makes_way_for_the_next(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1 10.0.0.2");
    sim_server_kill(s.one);
    uint64_t began = world_now(s.world);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    assert_true(get->at_ms <= began + LOOK_UP_MS + 2);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
    world_end(s.world);
}

static void a_quiet_address_costs_a_quarter_of_a_second(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1 10.0.0.2");
    sim_server_blackhole(s.one, true);
    uint64_t began = world_now(s.world);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 400);
    assert_reply(get, RINGCACHE_MISS);
    assert_in_range(
        get->at_ms, began + LOOK_UP_MS + STAGGER_MS, began + LOOK_UP_MS + STAGGER_MS + 2);
    sim_server_blackhole(s.one, false);
    world_run_for(s.world, 100);
    assert_int_equal(sim_server_connections(s.one), 0);
    world_end(s.world);
}

static void an_ipv6_address_that_leads_nowhere_makes_way_for_ipv4(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "2001:db8::1 10.0.0.1");
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    world_end(s.world);
}

static void an_ipv6_address_that_swallows_everything_makes_way_for_ipv4(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "2001:db8::1 10.0.0.2");
    sim_server_listen(s.one, "2001:db8::1", 11211);
    sim_server_blackhole(s.one, true);
    uint64_t began = world_now(s.world);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, TIMEOUT - 1);
    assert_reply(get, RINGCACHE_MISS);
    assert_true(get->at_ms <= began + LOOK_UP_MS + STAGGER_MS + 2);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
    sim_server_blackhole(s.one, false);
    world_end(s.world);
}

/* Nothing was sent of what ends before the connection stands. */
static void behind_a_black_hole_each_request_ends_at_its_own_deadline(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1");
    sim_server_blackhole(s.one, true);
    uint64_t began = world_now(s.world);
    struct world_reply *gets[9];
    for (uint32_t i = 0; i < 9; i++) {
        gets[i] = get_with(s.world, "k", 100 * (i + 1));
    }
    struct world_reply *patient = get_with(s.world, "k", 5000);
    for (uint32_t i = 0; i < 9; i++) {
        sim_run_until(s.world->sim, began + 100 * (i + 1) - 1);
        assert_int_equal(gets[i]->calls, 0);
        sim_run_until(s.world->sim, began + 100 * (i + 1));
        assert_reply(gets[i], RINGCACHE_ETIMEDOUT);
        assert_int_equal(gets[i]->attempts, 0);
    }
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
    sim_run_until(s.world->sim, began + CONNECT_MS);
    assert_reply(patient, RINGCACHE_EDOWN);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    sim_server_blackhole(s.one, false);
    world_run_for(s.world, 2 * CONNECT_MS + 100);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_UP), 1);
    assert_int_equal(engine_count_keyed(sim_server_engine(s.one)), 0);
    world_end(s.world);
}

static void a_server_none_of_whose_addresses_answers_is_down_at_the_deadline(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1 10.0.0.2");
    sim_server_blackhole(s.one, true);
    sim_server_blackhole(s.two, true);
    uint64_t began = world_now(s.world);
    struct world_reply *get = get_with(s.world, "k", 5000);
    sim_run_until(s.world->sim, began + CONNECT_MS - 1);
    assert_int_equal(get->calls, 0);
    sim_run_until(s.world->sim, began + CONNECT_MS);
    assert_reply(get, RINGCACHE_EDOWN);
    assert_says(get->message, "no connection within the deadline");
    sim_server_blackhole(s.one, false);
    sim_server_blackhole(s.two, false);
    world_end(s.world);
}

static void an_address_that_changed_is_found(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1");
    struct world_reply *set = world_set(s.world, "k", "v");
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    sim_dns_set(s.world->sim, NAME, "10.0.0.2");
    sim_server_kill(s.one);
    world_run_for(s.world, 10);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(sim_server_connections(s.two), 1);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
    world_end(s.world);
}

/* Every one of eight addresses has its part of the time for connecting, also the last. */
static void the_last_of_eight_addresses_serves_behind_seven_quiet_ones(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.1.1 10.0.1.2 10.0.1.3 10.0.1.4 10.0.1.5 10.0.1.6 10.0.1.7 10.0.0.1");
    for (int i = 1; i <= 7; i++) {
        char host[16];
        snprintf(host, sizeof host, "10.0.1.%d", i);
        sim_server_blackhole(sim_server_add(s.world->sim, host, 11211, ENGINE_MEMCACHED), true);
    }
    uint64_t began = world_now(s.world);
    struct world_reply *get = get_with(s.world, "k", 5000);
    world_settle(s.world, 2000);
    assert_reply(get, RINGCACHE_MISS);
    assert_in_range(get->at_ms, began + 7 * 124, began + CONNECT_MS - 1);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
    world_end(s.world);
}

static void an_address_that_was_quiet_costs_the_next_connection_nothing(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1 10.0.0.2");
    sim_server_blackhole(s.one, true);
    world_get(s.world, "k");
    world_settle(s.world, 400);
    sim_end(s.two, sim_server_newest(s.two), SIM_FIN);
    world_run_for(s.world, 5);
    uint64_t began = world_now(s.world);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 400);
    assert_reply(get, RINGCACHE_MISS);
    assert_in_range(get->at_ms, began, began + LOOK_UP_MS + 4);
    world_end(s.world);
}

/* A name that leads to what is no cache of this kind first, and to the right one behind it. */
static void a_machine_that_fails_the_greeting_makes_way_for_the_next(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.9 10.0.0.1");
    sim_server_add(s.world->sim, "10.0.0.9", 11211, ENGINE_REDIS);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_EDOWN);
    world_run_for(s.world, 200);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_UP), 1);
    get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    world_end(s.world);
}

/* ---- names ---- */

static void a_connection_that_stands_is_kept_when_its_name_changes(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1");
    world_get(s.world, "k");
    world_settle(s.world, 100);
    sim_dns_set(s.world->sim, NAME, "10.0.0.2");
    for (int i = 0; i < 20; i++) {
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 500);
        assert_reply(get, RINGCACHE_MISS);
    }
    assert_int_equal(sim_server_connects(s.one), 1);
    assert_int_equal(sim_server_connects(s.two), 0);
    world_end(s.world);
}

/* The whole of a wrong answer: how soon it shows, and how soon it is over. */
static void a_name_that_leads_to_another_machine_is_down_until_it_is_right(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.9");
    struct sim_server *wrong = sim_server_add(s.world->sim, "10.0.0.9", 11211, ENGINE_REDIS);
    uint64_t began = world_now(s.world);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_EDOWN);
    assert_in_range(get->at_ms, began, began + 5);
    sim_dns_set(s.world->sim, NAME, "10.0.0.1");
    world_run_for(s.world, 1100);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_UP), 1);
    get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(sim_server_connections(wrong), 0);
    world_end(s.world);
}

static void a_name_that_is_not_known_is_down_until_it_is(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1");
    sim_dns_fail(s.world->sim, NAME, SIM_EAI_NONAME);
    uint64_t began = world_now(s.world);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_EDOWN);
    assert_int_equal(get->at_ms, began + LOOK_UP_MS);
    assert_says(get->message, "the host name cannot be resolved: nobody knows it");
    assert_says(world_last(s.world, RINGCACHE_EVENT_DOWN)->text, "the host name cannot be");
    world_run_for(s.world, 20000);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_UP), 0);
    sim_dns_fail(s.world->sim, NAME, 0);
    world_run_for(s.world, 1100);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_UP), 1);
    get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    world_end(s.world);
}

static void a_name_without_an_address_is_down(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "");
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_EDOWN);
    world_end(s.world);
}

static void a_look_up_that_hangs_ends_at_the_deadline_of_connecting(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1");
    sim_dns_delay(s.world->sim, NAME, SIM_NEVER);
    uint64_t began = world_now(s.world);
    struct world_reply *hasty = world_get(s.world, "k");
    struct world_reply *patient = get_with(s.world, "k", 5000);
    sim_run_until(s.world->sim, began + TIMEOUT);
    assert_reply(hasty, RINGCACHE_ETIMEDOUT);
    assert_int_equal(hasty->attempts, 0);
    sim_run_until(s.world->sim, began + CONNECT_MS - 1);
    assert_int_equal(patient->calls, 0);
    sim_run_until(s.world->sim, began + CONNECT_MS);
    assert_reply(patient, RINGCACHE_EDOWN);
    sim_dns_delay(s.world->sim, NAME, 5);
    world_run_for(s.world, CONNECT_MS + 1100);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    world_end(s.world);
}

static void closing_does_not_wait_for_a_look_up(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1");
    sim_dns_delay(s.world->sim, NAME, SIM_NEVER);
    struct world_reply *get = world_get(s.world, "k");
    world_run_for(s.world, 50);
    uint64_t began = world_now(s.world);
    world_close(s.world);
    assert_true(sim_run_idle(s.world->sim, 1000));
    assert_reply(get, RINGCACHE_ECANCELED);
    assert_int_equal(s.world->closed, 1);
    assert_int_equal(world_now(s.world), began);
    world_end(s.world);
}

/* ---- trouble of our own ---- */

static void descriptors_that_run_out_are_nobodys_fault(void **state)
{
    static const int troubles[] = {-EMFILE, -ENFILE, -ENOBUFS, -EADDRNOTAVAIL, -ENETUNREACH};
    (void)state;
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        struct scene s;
        open_scene(&s, "10.0.0.1");
        sim_client_fail_connects(s.world->host, troubles[i], 1000);
        uint64_t began = world_now(s.world);
        struct world_reply *get = world_get(s.world, "k");
        sim_run_until(s.world->sim, began + TIMEOUT - 1);
        assert_int_equal(get->calls, 0);
        sim_run_until(s.world->sim, began + TIMEOUT);
        assert_reply(get, RINGCACHE_ETIMEDOUT);
        assert_int_equal(get->attempts, 0);
        world_run_for(s.world, 5000);
        sim_client_fail_connects(s.world->host, 0, 0);
        get = world_get(s.world, "k");
        world_settle(s.world, 110);
        assert_reply(get, RINGCACHE_MISS);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
        world_end(s.world);
    }
}

/* Seven failures and a hundred milliseconds behind each: were one more tried in between, the
 * request would be answered earlier. */
static void connecting_is_tried_again_every_hundred_milliseconds(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1");
    sim_client_fail_connects(s.world->host, -EMFILE, 7);
    uint64_t began = world_now(s.world);
    struct world_reply *first = get_with(s.world, "k", 2000);
    for (int i = 0; i < 650; i++) {
        get_with(s.world, "k", 2000);
        world_run_for(s.world, 1);
    }
    world_settle(s.world, 1000);
    assert_reply(first, RINGCACHE_MISS);
    assert_in_range(first->at_ms, began + 700, began + 7 * (100 + LOOK_UP_MS) + 5);
    world_end(s.world);
}

static void a_server_that_is_up_is_not_blamed_when_it_cannot_be_dialled_again(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "10.0.0.1");
    world_get(s.world, "k");
    world_settle(s.world, 100);
    sim_client_fail_connects(s.world->host, -EMFILE, 3);
    sim_end(s.one, sim_server_newest(s.one), SIM_FIN);
    world_run_for(s.world, 5);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 400);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
    world_end(s.world);
}

/* ---- other kinds of addresses ---- */

static void serves_at(const char *uri, const char *host, uint16_t port, enum engine_kind kind)
{
    struct world *world = world_new(63);
    struct sim_server *server = sim_server_add(world->sim, host, port, kind);
    world_option(world, "server", uri);
    world_begin(world);
    struct world_reply *set = world_set(world, "k", "v");
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_OK);
    assert_value(get, "v");
    sim_server_kill(server);
    world_run_for(world, 10);
    get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(get, RINGCACHE_EDOWN);
    sim_server_restart(server, true);
    world_run_for(world, 1100);
    get = world_get(world, "k");
    world_settle(world, 100);
    assert_value(get, "v");
    world_end(world);
}

static void a_unix_socket_serves_like_any_other(void **state)
{
    (void)state;
    serves_at("memcached+unix:///run/cache.sock", "/run/cache.sock", 0, ENGINE_MEMCACHED);
    serves_at("redis+unix:///run/redis.sock?db=2", "/run/redis.sock", 0, ENGINE_REDIS);
}

static void an_ipv6_address_serves_like_any_other(void **state)
{
    (void)state;
    serves_at("memcached://[::1]:11211", "::1", 11211, ENGINE_MEMCACHED);
    serves_at("redis://[2001:db8::7]:6379/2", "2001:db8::7", 6379, ENGINE_REDIS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_address_makes_way_for_the_next),
        cmocka_unit_test(a_quiet_address_costs_a_quarter_of_a_second),
        cmocka_unit_test(an_ipv6_address_that_leads_nowhere_makes_way_for_ipv4),
        cmocka_unit_test(an_ipv6_address_that_swallows_everything_makes_way_for_ipv4),
        cmocka_unit_test(behind_a_black_hole_each_request_ends_at_its_own_deadline),
        cmocka_unit_test(a_server_none_of_whose_addresses_answers_is_down_at_the_deadline),
        cmocka_unit_test(the_last_of_eight_addresses_serves_behind_seven_quiet_ones),
        cmocka_unit_test(an_address_that_was_quiet_costs_the_next_connection_nothing),
        cmocka_unit_test(a_machine_that_fails_the_greeting_makes_way_for_the_next),
        cmocka_unit_test(an_address_that_changed_is_found),
        cmocka_unit_test(a_connection_that_stands_is_kept_when_its_name_changes),
        cmocka_unit_test(a_name_that_leads_to_another_machine_is_down_until_it_is_right),
        cmocka_unit_test(a_name_that_is_not_known_is_down_until_it_is),
        cmocka_unit_test(a_name_without_an_address_is_down),
        cmocka_unit_test(a_look_up_that_hangs_ends_at_the_deadline_of_connecting),
        cmocka_unit_test(closing_does_not_wait_for_a_look_up),
        cmocka_unit_test(descriptors_that_run_out_are_nobodys_fault),
        cmocka_unit_test(connecting_is_tried_again_every_hundred_milliseconds),
        cmocka_unit_test(a_server_that_is_up_is_not_blamed_when_it_cannot_be_dialled_again),
        cmocka_unit_test(a_unix_socket_serves_like_any_other),
        cmocka_unit_test(an_ipv6_address_serves_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
