/* SPDX-License-Identifier: MIT */
/* Several connections to one server: each key has its own, and one in trouble is not all. */
#include "world.h"

#include <errno.h>
#include <stdio.h>

enum { TIMEOUT = 500, LANES = 3, KEYS = 60 };

static struct world_reply *get_with(struct world *world, const char *key, uint32_t timeout_ms)
{
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = {key, strlen(key)}, .timeout_ms = timeout_ms};
    return world_submit(world, &get, NULL);
}

static size_t outages(const struct world *world)
{
    return world_count(world, RINGCACHE_EVENT_DOWN) + world_count(world, RINGCACHE_EVENT_EJECTED);
}

/* A key of the wanted one of two connections. */
static void key_of_lane(struct world *world, uint32_t lane, char key[32])
{
    for (unsigned i = 0;; i++) {
        int len = snprintf(key, 32, "lane%u", i);
        struct rc_choice choice = rc_table_owner(world->client->table, rc_slice(key, (size_t)len));
        if (choice.lane % 2 == lane) {
            return;
        }
    }
}

/* Which connection each key came on. */
struct map {
    uint64_t connection[KEYS];
    bool moved;
};

static void note_connection(void *owner, const struct engine_command *command)
{
    struct map *map = owner;
    if (command->key.len == 3) {
        size_t key = (size_t)(command->key.data[1] - '0') * 10 + command->key.data[2] - '0';
        map->moved =
            map->moved || (map->connection[key] > 0 && map->connection[key] != command->connection);
        map->connection[key] = command->connection;
    }
}

static void a_key_always_uses_the_same_of_several_connections(void **state)
{
    (void)state;
    struct world *world = world_new(78);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11211);
    struct map map = {0};
    engine_set_log(sim_server_engine(server), note_connection, &map);
    world_option(world, "connections", "3");
    world_begin(world);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < KEYS; i++) {
            char key[8];
            snprintf(key, sizeof key, "k%02d", i);
            if (round % 2 == 0) {
                world_get(world, key);
            } else {
                world_set(world, key, "v");
            }
        }
        world_run_for(world, (uint64_t)round);
    }
    world_settle(world, 1000);
    assert_false(map.moved);
    assert_int_equal(sim_server_connects(server), LANES);
    for (uint64_t number = 1; number <= LANES; number++) {
        size_t keys = 0;
        for (int i = 0; i < KEYS; i++) {
            keys += map.connection[i] == number;
        }
        assert_in_range(keys, KEYS / LANES / 2, KEYS / LANES * 2);
    }
    world_end(world);
}

/* ---- another placement at run time ---- */

static void put_in_force(struct world *world, const char *option, const char *value)
{
    assert_int_equal(ringcache_config_set(world->config, option, value), 0);
    assert_int_equal(ringcache_servers_replace(world->client, world->config), 0);
}

static void a_key_keeps_its_connection_whatever_option_places_it(void **state)
{
    (void)state;
    static const char *const options[][2] = {{"hash", "md5"}, {"hash_tag", "k0"}, {"hash_tag", ""},
        {"distribution", "modula"}, {"hash", "crc"}};
    struct world *world = world_new(81);
    struct sim_server *server = world_redis(world, "10.0.0.1", 11000);
    struct map map = {0};
    engine_set_log(sim_server_engine(server), note_connection, &map);
    world_option(world, "connections", "3");
    world_begin(world);
    for (size_t i = 0; i <= sizeof options / sizeof *options; i++) {
        for (int n = 0; n < KEYS; n++) {
            char key[8];
            snprintf(key, sizeof key, "k%02d", n);
            world_set(world, key, "v");
        }
        world_settle(world, 100);
        if (i < sizeof options / sizeof *options) {
            put_in_force(world, options[i][0], options[i][1]);
        }
    }
    assert_false(map.moved);
    assert_int_equal(sim_server_connects(server), LANES);
    world_end(world);
}

static void set_all(struct world *world, const char *value)
{
    for (int i = 0; i < KEYS; i++) {
        char key[8];
        int len = snprintf(key, sizeof key, "k%02d", i);
        const ringcache_request set = {.op = RINGCACHE_SET,
            .key = {key, (size_t)len},
            .value = {value, strlen(value)},
            .timeout_ms = 20};
        world_submit(world, &set, NULL);
    }
    world_settle(world, 100);
}

static void writes_that_hang(world_add add)
{
    struct world *world = world_new(82);
    struct sim_server *server = add(world, "10.0.0.1", 11000);
    world_option(world, "connections", "3");
    world_begin(world);
    set_all(world, "v0");
    sim_stall(server, 1, true);
    set_all(world, "v1");
    put_in_force(world, "hash", "md5");
    set_all(world, "v2");
    sim_stall(server, 1, false);
    world_run_for(world, 100);
    for (int i = 0; i < KEYS; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%02d", i);
        struct world_reply *get = world_get(world, key);
        world_settle(world, 100);
        assert_value(get, "v2");
    }
    world_end(world);
}

static void writes_that_hang_undo_none_from_behind_a_change_of_hash(void **state)
{
    (void)state;
    writes_that_hang(world_memcached);
    writes_that_hang(world_redis);
}

/* ---- one in trouble ---- */

static void one_of_two_refused(struct sim_server *(*add)(struct world *, const char *, uint16_t))
{
    struct world *world = world_new(79);
    char keys[2][32];
    struct sim_server *server = add(world, "10.0.0.1", 11000);
    engine_set_max_sessions(sim_server_engine(server), 1);
    world_option(world, "connections", "2");
    world_begin(world);
    for (uint32_t lane = 0; lane < 2; lane++) {
        key_of_lane(world, lane, keys[lane]);
    }
    for (int i = 0; i < 50; i++) {
        struct world_reply *served = world_get(world, keys[0]);
        struct world_reply *refused = world_get(world, keys[1]);
        world_run_for(world, 20);
        assert_reply(served, RINGCACHE_MISS);
        assert_reply(refused, RINGCACHE_ECONNECT);
        assert_int_equal(refused->attempts, 0);
    }
    assert_int_equal(outages(world), 0);
    assert_in_range(sim_server_connects(server), 2, 15);
    engine_set_max_sessions(sim_server_engine(server), 2);
    world_run_for(world, 100);
    struct world_reply *get = world_get(world, keys[1]);
    world_settle(world, 100);
    assert_reply(get, RINGCACHE_MISS);
    world_end(world);
}

static void one_of_two_connections_refused_leaves_the_other_serving(void **state)
{
    (void)state;
    one_of_two_refused(world_memcached);
    one_of_two_refused(world_redis);
}

/* Two old connections hold writes; the first answered its fence and then ends: that is no return
 * into service while the second still may write. */
static void an_end_while_it_is_out_brings_no_server_back(void **state)
{
    (void)state;
    struct world *world = world_new(80);
    char keys[2][32];
    uint64_t connections[2];
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11211);
    world_option(world, "connections", "2");
    world_begin(world);
    for (uint32_t lane = 0; lane < 2; lane++) {
        key_of_lane(world, lane, keys[lane]);
        world_set(world, keys[lane], "v0");
        world_settle(world, 100);
        connections[lane] = sim_server_newest(server);
    }
    for (uint32_t lane = 0; lane < 2; lane++) {
        sim_stall(server, connections[lane], true);
        world_set(world, keys[lane], "v1");
    }
    world_run_for(world, 3 * TIMEOUT);
    assert_int_equal(outages(world), 1);
    sim_stall(server, connections[0], false);
    world_run_for(world, 10);
    size_t connecting = world_count(world, RINGCACHE_EVENT_CONNECTING);
    sim_end(server, connections[0], SIM_RST);
    for (int i = 0; i < 20; i++) {
        struct world_reply *set = world_set(world, keys[1], "v2");
        world_run_for(world, 50);
        assert_reply(set, RINGCACHE_EDOWN);
    }
    assert_int_equal(world_count(world, RINGCACHE_EVENT_CONNECTING), connecting);
    sim_stall(server, connections[1], false);
    world_run_for(world, 1100);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_UP), 2);
    struct world_reply *set = world_set(world, keys[1], "v2");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_OK);
    world_end(world);
}

/* The first connection falls silent while no descriptor is left for the probe or for the second; it
 * speaks again, and what waits for the second is not forgotten. */
static void what_waits_for_a_descriptor_is_not_forgotten_when_a_suspect_speaks(void **state)
{
    (void)state;
    struct world *world = world_new(62);
    char first[32], second[32];
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11211);
    world_option(world, "connections", "2");
    world_begin(world);
    key_of_lane(world, 0, first);
    key_of_lane(world, 1, second);
    world_get(world, first);
    world_settle(world, 100);
    uint64_t connection = sim_server_newest(server);
    sim_stall(server, connection, true);
    get_with(world, first, 5000);
    world_run_for(world, TIMEOUT - 10);
    sim_client_fail_connects(world->host, -EMFILE, 2);
    world_run_for(world, 20);
    struct world_reply *get = get_with(world, second, 3000);
    world_run_for(world, 20);
    sim_stall(server, connection, false);
    world_settle(world, 200);
    assert_reply(get, RINGCACHE_MISS);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_always_uses_the_same_of_several_connections),
        cmocka_unit_test(a_key_keeps_its_connection_whatever_option_places_it),
        cmocka_unit_test(writes_that_hang_undo_none_from_behind_a_change_of_hash),
        cmocka_unit_test(one_of_two_connections_refused_leaves_the_other_serving),
        cmocka_unit_test(an_end_while_it_is_out_brings_no_server_back),
        cmocka_unit_test(what_waits_for_a_descriptor_is_not_forgotten_when_a_suspect_speaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
