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
        cmocka_unit_test(keys_not_yet_asked_for_follow_the_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
