/* SPDX-License-Identifier: MIT */
/* Servers that come, go and change under their names, with requests under way. */
#include "world.h"

#include <stdio.h>

#define NAME "cache-1"

static void replace_by(struct world *world, const char *const *uris, size_t count)
{
    ringcache_config *next;
    assert_int_equal(ringcache_config_new(&next), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ringcache_config_add_server(next, uris[i]), 0);
    }
    assert_int_equal(ringcache_servers_replace(world->client, next), 0);
    ringcache_config_free(next);
}

/* Its place on the ring is its name's, so no key moves; what is asked is another machine. */
static void a_name_at_another_address_is_another_server(void **state)
{
    (void)state;
    static const char *const there[] = {"memcached://10.0.0.2:11000?name=" NAME};
    struct world *world = world_new(231);
    struct sim_server *here = sim_server_add(world->sim, "10.0.0.1", 11000, ENGINE_MEMCACHED);
    sim_server_add(world->sim, "10.0.0.2", 11000, ENGINE_MEMCACHED);
    world_option(world, "server", "memcached://10.0.0.1:11000?name=" NAME);
    world_begin(world);
    struct world_reply *set = world_set(world, "k", "v");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_OK);
    uint64_t digest = world->client->table->digest;
    sim_server_stop(here);
    struct world_reply *under_way = world_get(world, "k");
    world_run_for(world, 1);
    replace_by(world, there, 1);
    assert_true(world->client->table->digest == digest);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 5000);
    assert_reply(get, RINGCACHE_MISS);
    assert_string_equal(get->server, NAME);
    assert_reply(under_way, RINGCACHE_ETIMEDOUT);
    sim_server_continue(here);
    world_run_for(world, 100);
    assert_int_equal(sim_server_connections(here), 0);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(world);
}

/* A minute is for what nobody waits for any more; a request's own time may be longer. */
static void a_server_that_left_stays_as_long_as_a_request_has_time(void **state)
{
    (void)state;
    struct world *world = world_new(232);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "timeout_ms", "90000");
    world_begin(world);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(get, RINGCACHE_MISS);
    sim_server_stop(server);
    struct world_reply *set = world_set(world, "k", "v");
    world_run_for(world, 10);
    assert_int_equal(ringcache_server_remove(world->client, "10.0.0.1:11000"), 0);
    world_run_for(world, 80000);
    assert_int_equal(set->calls, 0);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_REMOVED), 0);
    sim_server_continue(server);
    world_run_for(world, 10);
    assert_reply(set, RINGCACHE_OK);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(world);
}

/* ---- another user or password ---- */

static const char *const OLD = "redis://:old@10.0.0.1:11000?name=" NAME;
static const char *const NEW = "redis://:new@10.0.0.1:11000?name=" NAME;

/* `k` is "v0". */
static struct world *begin_with_password(struct sim_server **server, const char *connections)
{
    struct world *world = world_new(234);
    *server = sim_server_add(world->sim, "10.0.0.1", 11000, ENGINE_REDIS);
    engine_set_password(sim_server_engine(*server), NULL, "old");
    world_option(world, "server", OLD);
    world_option(world, "connections", connections);
    world_begin(world);
    struct world_reply *set = world_set(world, "k", "v0");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_OK);
    return world;
}

static void rotate(struct world *world, struct sim_server *server)
{
    engine_set_password(sim_server_engine(server), NULL, "new");
    replace_by(world, &NEW, 1);
    assert_int_equal(world->client->leaving, 0);
    assert_string_equal(world->client->table->all[0]->backend.credentials.password, "new");
}

static void expect(struct world *world, const char *key, const char *value)
{
    struct world_reply *get = world_get(world, key);
    world_settle(world, 5000);
    if (value != NULL) {
        assert_value(get, value);
    } else {
        assert_reply(get, RINGCACHE_MISS);
    }
}

static void take_out(struct world *world, struct sim_server *server)
{
    sim_server_stop(server);
    world_get(world, "k");
    for (unsigned ms = 0; world_count(world, RINGCACHE_EVENT_EJECTED) == 0 && ms < 5000; ms++) {
        world_run_for(world, 1);
    }
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 1);
}

static void another_password_loses_nothing_that_was_written_in_vain(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin_with_password(&server, "1");
    take_out(world, server);
    struct world_reply *set = world_set(world, "k", "v1");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_EDOWN);
    rotate(world, server);
    sim_server_continue(server);
    world_run_for(world, 1000);
    expect(world, "k", NULL);
    world_end(world);
}

static void what_was_written_in_vain_to_one_that_left_is_known_by_any_password(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin_with_password(&server, "1");
    take_out(world, server);
    struct world_reply *set = world_set(world, "k", "v1");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_EDOWN);
    assert_int_equal(ringcache_server_remove(world->client, NAME), 0);
    world_run_for(world, 100000);
    assert_int_equal(world->client->departures.count, 1);
    engine_set_password(sim_server_engine(server), NULL, "new");
    sim_server_continue(server);
    assert_int_equal(ringcache_server_add(world->client, NEW), 0);
    expect(world, "k", NULL);
    world_end(world);
}

static void a_write_under_the_old_password_undoes_none_under_the_new_one(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin_with_password(&server, "1");
    uint64_t connection = sim_server_newest(server);
    sim_stall(server, connection, true);
    const ringcache_request request = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v1", 2}, .timeout_ms = 20};
    struct world_reply *late = world_submit(world, &request, NULL);
    world_settle(world, 50);
    assert_reply(late, RINGCACHE_ETIMEDOUT);
    rotate(world, server);
    struct world_reply *set = world_set(world, "k", "v2");
    world_settle(world, 5000);
    sim_stall(server, connection, false);
    world_run_for(world, 5000);
    expect(world, "k", set->status == RINGCACHE_OK ? "v2" : NULL);
    set = world_set(world, "k", "v3");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_OK);
    expect(world, "k", "v3");
    world_end(world);
}

/* The connections answer what they were sent, and are gone then. */
static void while_the_password_changes_every_request_is_answered(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin_with_password(&server, "3");
    struct world_reply *replies[64];
    for (unsigned i = 0; i < 64; i++) {
        char key[8];
        snprintf(key, sizeof key, "n%u", i / 2);
        replies[i] = i % 2 == 0 ? world_set(world, key, "v") : world_get(world, key);
        if (i % 16 == 15) {
            world_run_for(world, i / 16);
        }
        if (i == 31) {
            rotate(world, server);
        }
    }
    world_settle(world, 1000);
    for (unsigned i = 0; i < 64; i++) {
        assert_reply(replies[i], RINGCACHE_OK);
    }
    world_run_for(world, 100);
    assert_int_equal(sim_server_connections(server), 3);
    assert_int_equal(sim_server_connects(server), 6);
    assert_true(rc_list_empty(&world->client->table->all[0]->old));
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 0);
    world_end(world);
}

/* It was refused; the next probe would come only in a while. */
static void the_right_password_is_tried_at_once(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin_with_password(&server, "1");
    engine_set_password(sim_server_engine(server), NULL, "new");
    sim_end(server, sim_server_newest(server), SIM_RST);
    world_run_for(world, 60000);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(get, RINGCACHE_EAUTH);
    rotate(world, server);
    world_run_for(world, 20);
    expect(world, "k", "v0");
    world_end(world);
}

/* Connections in the making, too, and one that is silent. */
static void whatever_a_server_does_it_takes_the_new_password(void **state)
{
    (void)state;
    for (unsigned ms = 0; ms < 1400; ms += ms < 10 ? 1 : 33) {
        struct sim_server *server;
        struct world *world = begin_with_password(&server, "1");
        if (ms % 2 == 0) {
            sim_end(server, sim_server_newest(server), SIM_RST);
        }
        sim_server_stop(server);
        struct world_reply *set = world_set(world, "k", "v1");
        world_run_for(world, ms);
        rotate(world, server);
        sim_server_continue(server);
        world_run_for(world, 3000);
        assert_int_equal(set->calls, 1);
        struct world_reply *get = world_get(world, "k"); /* it may have been carried out */
        world_settle(world, 100);
        assert_true(get->status == RINGCACHE_MISS || strcmp(get->value, "v1") == 0);
        set = world_set(world, "k", "v2");
        world_settle(world, 100);
        assert_reply(set, RINGCACHE_OK);
        expect(world, "k", "v2");
        world_end(world);
    }
}

/* ---- many keys ---- */

enum { SLICE = 4096, KEYS = SLICE + 200 }; /* so many are routed in one turn */

struct many {
    struct world *world;
    size_t invalid; /* this key's place */
    unsigned told, done;
    size_t missed, failed;
};

/* One key is refused while others wait: to be routed, or where they were routed to. */
static void remove_second(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct many *many = user;
    many->told++;
    if (reply->index == many->invalid) {
        assert_int_equal(reply->status, RINGCACHE_EINVAL);
        assert_int_equal(ringcache_server_remove(client, "10.0.0.2:11000"), 0);
    } else {
        assert_string_equal(reply->server, "10.0.0.1:11000");
    }
}

static void end_many(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct many *many = user;
    (void)client;
    assert_int_equal(ok, 0);
    many->done++;
    many->missed = missed;
    many->failed = failed;
}

static void change_ring_at(size_t invalid)
{
    static char names[KEYS][8];
    static ringcache_slice keys[KEYS];
    struct world *world = world_new(233);
    struct many many = {.world = world, .invalid = invalid};
    world_memcached(world, "10.0.0.1", 11000);
    struct sim_server *second = world_memcached(world, "10.0.0.2", 11000);
    world_begin(world);
    for (size_t i = 0; i < KEYS; i++) {
        int len = snprintf(names[i], sizeof names[i], "k%zu", i);
        keys[i] = (ringcache_slice){names[i], i == invalid ? 0 : (size_t)len};
    }
    assert_int_equal(
        ringcache_get_many(world->client, keys, KEYS, NULL, remove_second, end_many, &many), 0);
    world_run_for(world, 100);
    assert_int_equal(many.done, 1);
    assert_int_equal(many.told, KEYS);
    assert_int_equal(many.missed, KEYS - 1);
    assert_int_equal(many.failed, 1);
    assert_int_equal(sim_server_connects(second), 0);
    world_end(world);
}

static void keys_not_yet_asked_for_follow_the_ring(void **state)
{
    (void)state;
    change_ring_at(0);
    change_ring_at(SLICE - 1); /* the turn ends with it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_at_another_address_is_another_server),
        cmocka_unit_test(a_server_that_left_stays_as_long_as_a_request_has_time),
        cmocka_unit_test(another_password_loses_nothing_that_was_written_in_vain),
        cmocka_unit_test(what_was_written_in_vain_to_one_that_left_is_known_by_any_password),
        cmocka_unit_test(a_write_under_the_old_password_undoes_none_under_the_new_one),
        cmocka_unit_test(while_the_password_changes_every_request_is_answered),
        cmocka_unit_test(the_right_password_is_tried_at_once),
        cmocka_unit_test(whatever_a_server_does_it_takes_the_new_password),
        cmocka_unit_test(keys_not_yet_asked_for_follow_the_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
