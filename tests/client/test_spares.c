/* SPDX-License-Identifier: MIT */
/* Spare servers (pool=gutter): that they own nothing, and that nothing old is read whatever they
 * do themselves: fail, join, leave, change their weight, become owners and spares again. */
#include "failover_scene.h"

#include <stdio.h>

#include "ringcache/stats.h"

enum { SERVERS = FAILOVER_SERVERS };

static const struct kind *const spared[] = {&kinds[SPARED], &kinds[SPARED + 1]};
enum { SPARED_KINDS = sizeof spared / sizeof *spared };

/* The same servers, those of `spares` as spares and the others as owners; `left_out` not at all. */
static void put_in_force(
    struct scene *s, const struct kind *kind, unsigned spares, unsigned left_out)
{
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    for (size_t i = 0; i < s->count; i++) {
        char uri[64];
        snprintf(uri, sizeof uri, "%s://%s%s", kind->add == world_redis ? "redis" : "memcached",
            name_of(i), (spares >> i & 1) != 0 ? "?pool=gutter" : "");
        if ((left_out >> i & 1) == 0) {
            assert_int_equal(ringcache_config_add_server(config, uri), 0);
        }
    }
    assert_int_equal(ringcache_servers_replace(s->world->client, config), 0);
    ringcache_config_free(config);
    world_run_for(s->world, 5);
}

/* ---- the ring of owners ---- */

static void spares_own_nothing_and_change_nothing(void **state)
{
    (void)state;
    struct scene with = plan_owners(spared[0], 3, SERVERS);
    struct scene without = plan_owners(spared[0], 3, 3);
    begin_scene(&with);
    begin_scene(&without);
    ringcache_ring *ring = ringcache_client_ring(with.world->client);
    ringcache_ring *same = ringcache_client_ring(without.world->client);
    assert_true(ringcache_ring_digest(ring) == ringcache_ring_digest(same));
    assert_int_equal(ringcache_ring_server_count(ring), 3);
    assert_int_equal(ringcache_server_weight(with.world->client, name_of(4), 7), 0);
    assert_int_equal(ringcache_server_remove(with.world->client, name_of(3)), 0);
    ringcache_ring *now = ringcache_client_ring(with.world->client);
    assert_true(ringcache_ring_digest(now) == ringcache_ring_digest(same));
    for (unsigned n = 0; n < 300; n++) {
        char key[16];
        snprintf(key, sizeof key, "key%u", n);
        assert_reply(set(&with, key, "v"), RINGCACHE_OK);
    }
    assert_int_equal(
        engine_items(engine_of(&with, 3), 0) + engine_items(engine_of(&with, 4), 0), 0);
    ringcache_ring_unref(ring);
    ringcache_ring_unref(same);
    ringcache_ring_unref(now);
    world_end(with.world);
    world_end(without.world);
}

static void spares_stand_among_owners_in_any_order(void **state)
{
    (void)state;
    struct scene s = plan_owners(spared[0], 3, SERVERS);
    begin_scene(&s);
    put_in_force(&s, spared[0], 1 << 0 | 1 << 2, 0);
    char names[200][16];
    for (unsigned n = 0; n < 200; n++) {
        snprintf(names[n], sizeof names[n], "key%u", n);
        struct world_reply *stored = set(&s, names[n], "v");
        assert_reply(stored, RINGCACHE_OK);
        assert_string_not_equal(stored->server, name_of(0));
        assert_string_not_equal(stored->server, name_of(2));
    }
    for (size_t i = 0; i < SERVERS; i++) { /* each is asked by its own name */
        struct world_call call = world_call(s.world);
        int rc = ringcache_ping(s.world->client, name_of(i), call.cb, call.user);
        struct world_reply *pong = settled(&s, world_called(s.world, &call, rc));
        assert_reply(pong, RINGCACHE_OK);
        assert_string_equal(pong->server, name_of(i));
    }
    for (unsigned n = 0; n < 200; n++) {
        assert_value(get(&s, names[n]), "v");
    }
    world_end(s.world);
}

static void without_an_owner_there_is_no_server(void **state)
{
    (void)state;
    struct scene s = plan_owners(spared[0], 1, 2);
    begin_scene(&s);
    assert_int_equal(ringcache_server_remove(s.world->client, name_of(0)), 0);
    assert_int_equal(world_try_get(s.world, "k"), RINGCACHE_ENOSERVER);
    world_end(s.world);
}

/* ---- the last spare ---- */

static void the_last_spare_may_leave_and_another_one_join(void **state)
{
    (void)state;
    struct scene s = open_scene(spared[0], 2);
    take_out(&s, 0);
    assert_elsewhere(set(&s, s.key, "v1"), 1);
    assert_int_equal(ringcache_server_remove(s.world->client, name_of(1)), 0);
    assert_reply(get(&s, s.key), RINGCACHE_EDOWN);
    world_run_for(s.world, 100);
    sim_server_add(s.world->sim, "10.0.0.3", 11000, ENGINE_MEMCACHED);
    assert_int_equal(
        ringcache_server_add(s.world->client, "memcached://10.0.0.3:11000?pool=gutter"), 0);
    assert_reply(get(&s, s.key), RINGCACHE_EDOWN); /* it may have guests of an earlier life */
    world_run_for(s.world, GUEST_TTL_MS + 2000);
    assert_elsewhere(get(&s, s.key), 2);
    world_end(s.world);
}

static void a_spare_that_is_refused_leaves_the_next_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPARED_KINDS; i++) {
        struct scene s = open_scene(spared[i], 3);
        size_t order[SERVERS];
        order_of(&s, s.key, order);
        sim_server_kill(s.servers[order[1]]);
        take_out(&s, 0);
        assert_reply(get(&s, s.key), RINGCACHE_EDOWN); /* so it is noticed */
        assert_elsewhere(set(&s, s.key, "v"), order[2]);
        sim_server_kill(s.servers[order[2]]);
        world_run_for(s.world, 50);
        struct world_reply *none = get(&s, s.key);
        assert_reply(none, RINGCACHE_EDOWN);
        assert_by_owner(none);
        world_end(s.world);
    }
}

/* ---- from spare to owner and back ---- */

/* Its connection ended twice in a row, and is not made again at once. */
static void a_guest_leaves_a_spare_that_has_lost_its_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPARED_KINDS; i++) {
        struct scene s = plan_owners(spared[i], 1, 2);
        begin_scene(&s);
        take_out(&s, 0);
        assert_elsewhere(set(&s, s.key, "v1"), 1);
        assert_int_equal(engine_items(engine_of(&s, 1), 0), 1);
        for (unsigned n = 0; n < 2; n++) {
            sim_end(s.servers[1], sim_server_newest(s.servers[1]), SIM_RST);
            world_run_for(s.world, 10);
        }
        assert_int_equal(sim_server_connections(s.servers[1]), 0);
        world_run_for(s.world, 3000);
        assert_int_equal(sim_server_connections(s.servers[1]), 0);
        const ringcache_request append = {
            .op = RINGCACHE_APPEND, .key = {s.key, strlen(s.key)}, .value = {"x", 1}};
        struct world_reply *refused = world_submit(s.world, &append, NULL);
        world_run_for(s.world, 100);
        assert_reply(refused, RINGCACHE_EDOWN);
        assert_int_equal(engine_items(engine_of(&s, 1), 0), 0);
        world_end(s.world);
    }
}

static void a_spare_that_becomes_an_owner_serves_no_guest(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPARED_KINDS; i++) {
        struct scene s = open_scene(spared[i], 3);
        size_t order[SERVERS];
        order_of(&s, s.key, order);
        take_out(&s, 0);
        assert_elsewhere(set(&s, s.key, "v1"), order[1]);
        unsigned spares = (1u << 1 | 1u << 2) & ~(1u << order[1]);
        put_in_force(&s, spared[i], spares, 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 0); /* it is the same */
        put_in_force(&s, spared[i], 1u << 1 | 1u << 2, 0);
        struct world_reply *again = get(&s, s.key); /* trusted: what it had is known */
        assert_reply(again, RINGCACHE_MISS);
        assert_elsewhere(again, order[1]);
        world_end(s.world);
    }
}

/* What was written in vain to an owner is deleted there, though it is a spare when it returns. */
static void an_owner_that_becomes_a_spare_keeps_its_journal(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPARED_KINDS; i++) {
        struct scene s = plan_owners(spared[i], 2, 3);
        begin_scene(&s);
        assert_value((set(&s, s.key, "v0"), get(&s, s.key)), "v0");
        take_out(&s, 0);
        assert_elsewhere(set(&s, s.key, "v1"), 2);
        put_in_force(&s, spared[i], 1u << 0 | 1u << 2, 0);
        struct world_reply *moved = set(&s, s.key, "v2");
        assert_reply(moved, RINGCACHE_OK);
        assert_string_equal(moved->server, name_of(1));
        take_back(&s, 0);
        assert_null(engine_get(engine_of(&s, 0), 0, s.key));
        put_in_force(&s, spared[i], 1u << 2, 0);
        struct world_reply *back = get(&s, s.key);
        assert_reply(back, RINGCACHE_MISS);
        assert_by_owner(back);
        world_end(s.world);
    }
}

/* The key was another's meanwhile. Old items are told from new ones, but not on Redis. */
static void an_owner_that_was_a_spare_meanwhile_serves_nothing_from_before(void **state)
{
    (void)state;
    struct scene s = plan_owners(&kinds[SPARED], 2, 2);
    begin_scene(&s);
    assert_reply(set(&s, s.key, "v0"), RINGCACHE_OK);
    put_in_force(&s, &kinds[SPARED], 1u << 0, 0);
    struct world_reply *moved = set(&s, s.key, "v1");
    assert_reply(moved, RINGCACHE_OK);
    assert_string_equal(moved->server, name_of(1));
    put_in_force(&s, &kinds[SPARED], 0, 0);
    struct world_reply *back = get(&s, s.key);
    assert_reply(back, RINGCACHE_MISS);
    assert_by_owner(back);
    assert_value((set(&s, s.key, "v2"), get(&s, s.key)), "v2");
    world_end(s.world);
}

/* The store is under way when its host becomes an owner, and answered only then. */
static void a_guest_under_way_to_a_spare_that_becomes_an_owner_is_gone(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPARED_KINDS; i++) {
        struct scene s = open_scene(spared[i], 2);
        take_out(&s, 0);
        assert_elsewhere(set(&s, s.key, "v0"), 1);
        sim_server_stop(s.servers[1]);
        struct world_reply *late = world_set(s.world, s.key, "v1");
        world_run_for(s.world, 1);
        put_in_force(&s, spared[i], 0, 0);
        assert_int_equal(late->calls, 0);
        sim_server_continue(s.servers[1]);
        world_settle(s.world, 1000);
        assert_reply(late, RINGCACHE_OK);
        world_run_for(s.world, 100);
        put_in_force(&s, spared[i], 1u << 1, 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

static void a_spare_that_leaves_and_joins_is_not_trusted_with_what_it_had(void **state)
{
    (void)state;
    struct scene s = open_scene(spared[0], 3);
    size_t order[SERVERS];
    order_of(&s, s.key, order);
    take_out(&s, 0);
    assert_elsewhere(set(&s, s.key, "v1"), order[1]);
    take_out(&s, order[1]);
    put_in_force(&s, spared[0], 1u << 1 | 1u << 2, 1u << order[1]);
    world_run_for(s.world, 70000);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 1);
    put_in_force(&s, spared[0], 1u << 1 | 1u << 2, 0);
    sim_server_continue(s.servers[order[1]]);
    assert_elsewhere(get(&s, s.key), order[2]);
    world_run_for(s.world, GUEST_TTL_MS + 2000);
    assert_elsewhere(get(&s, s.key), order[1]);
    world_end(s.world);
}

/* ---- how they are shown ---- */

static int put(void *user, const void *data, size_t len)
{
    char *page = user;
    size_t used = strlen(page);
    assert_true(used + len < 8192);
    memcpy(page + used, data, len);
    page[used + len] = '\0';
    return 0;
}

static void the_figures_tell_who_is_a_spare(void **state)
{
    (void)state;
    static const struct {
        ringcache_format format;
        const char *owner, *spare;
    } rows[] = {
        {RINGCACHE_TEXT, "server 10.0.0.1:11000 state idle up 1 spare 0 ",
            "server 10.0.0.2:11000 state idle up 1 spare 1 "},
        {RINGCACHE_JSON, "\"10.0.0.1:11000\",\"state\":\"idle\",\"up\":1,\"spare\":0,",
            "\"10.0.0.2:11000\",\"state\":\"idle\",\"up\":1,\"spare\":1,"},
        {RINGCACHE_PROMETHEUS, "ringcache_server_spare{server=\"10.0.0.1:11000\"} 0\n",
            "ringcache_server_spare{server=\"10.0.0.2:11000\"} 1\n"},
    };
    struct scene s = open_scene(spared[0], 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char page[8192] = "";
        assert_int_equal(ringcache_stats_write(s.world->client, rows[i].format, put, page), 0);
        assert_non_null(strstr(page, rows[i].owner));
        assert_non_null(strstr(page, rows[i].spare));
    }
    world_end(s.world);
}

/* ---- silence ---- */

static void ask(struct scene *s, size_t server)
{
    char key[32];
    unsigned next = 0;
    world_key_of(s->world, name_of(server), "ask", &next, key);
    world_get(s->world, key);
}

/* Two owners fall silent; the spare, connected to but asked by nobody, is no proof that it is they.
 * It is asked for a sign: silent too, it shows that it may be us. */
static void a_spare_that_nobody_asks_says_nothing_for_our_network(void **state)
{
    (void)state;
    for (unsigned reached = 0; reached < 2; reached++) {
        struct scene s = plan_owners(spared[0], 2, 4);
        world_option(s.world, "timeout_ms", "200");
        begin_scene(&s);
        for (size_t i = 0; i < s.count; i++) {
            struct world_call call = world_call(s.world);
            int rc = ringcache_ping(s.world->client, name_of(i), call.cb, call.user);
            assert_reply(settled(&s, world_called(s.world, &call, rc)), RINGCACHE_OK);
        }
        for (size_t i = 0; i < s.owners; i++) {
            ask(&s, i); /* on the connection that is asked below */
            world_settle(s.world, 100);
        }
        for (size_t i = 0; i < (reached != 0 ? s.owners : s.count); i++) {
            sim_server_stop(s.servers[i]);
        }
        for (unsigned n = 0; n < 20; n++) {
            ask(&s, 0);
            ask(&s, 1);
            world_run_for(s.world, 100);
        }
        /* Of two owners one goes at most, whatever spares there are. */
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_EJECTED), reached);
        world_end(s.world);
    }
}

static void without_their_policy_spares_are_not_even_connected_to(void **state)
{
    (void)state;
    struct scene s = plan_owners(spared[0], 2, 3);
    world_option(s.world, "failover", "none");
    world_option(s.world, "timeout_ms", "200");
    begin_scene(&s);
    ask(&s, 0);
    ask(&s, 1);
    world_settle(s.world, 1000);
    sim_server_stop(s.servers[0]);
    sim_server_stop(s.servers[1]);
    for (unsigned n = 0; n < 20; n++) {
        ask(&s, 0);
        ask(&s, 1);
        world_run_for(s.world, 100);
    }
    assert_int_equal(sim_server_connects(s.servers[2]), 0);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spares_own_nothing_and_change_nothing),
        cmocka_unit_test(spares_stand_among_owners_in_any_order),
        cmocka_unit_test(without_an_owner_there_is_no_server),
        cmocka_unit_test(the_last_spare_may_leave_and_another_one_join),
        cmocka_unit_test(a_spare_that_is_refused_leaves_the_next_one),
        cmocka_unit_test(a_guest_leaves_a_spare_that_has_lost_its_connection),
        cmocka_unit_test(a_spare_that_becomes_an_owner_serves_no_guest),
        cmocka_unit_test(an_owner_that_becomes_a_spare_keeps_its_journal),
        cmocka_unit_test(an_owner_that_was_a_spare_meanwhile_serves_nothing_from_before),
        cmocka_unit_test(a_guest_under_way_to_a_spare_that_becomes_an_owner_is_gone),
        cmocka_unit_test(a_spare_that_leaves_and_joins_is_not_trusted_with_what_it_had),
        cmocka_unit_test(the_figures_tell_who_is_a_spare),
        cmocka_unit_test(a_spare_that_nobody_asks_says_nothing_for_our_network),
        cmocka_unit_test(without_their_policy_spares_are_not_even_connected_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
