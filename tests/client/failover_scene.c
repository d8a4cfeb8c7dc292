/* SPDX-License-Identifier: MIT */
#include "failover_scene.h"

#include <stdio.h>

const struct kind kinds[KINDS] = {
    {"memcached", world_memcached, NULL, NULL, "remap", "1"},
    {"memcached, 3 connections", world_memcached, NULL, NULL, "remap", "3"},
    {"memcached, classic text", world_memcached, NULL, "1.4.39", "remap", "1"},
    {"redis", world_redis, NULL, NULL, "remap", "1"},
    {"memcached, spares", world_memcached, world_spare_memcached, NULL, "gutter", "3"},
    {"redis, spares", world_redis, world_spare_redis, NULL, "gutter", "1"},
    {"memcached, without failover", world_memcached, NULL, NULL, "none", "1"},
    {"redis, without failover", world_redis, NULL, NULL, "none", "1"},
};

const char *name_of(size_t server)
{
    static const char *const names[FAILOVER_SERVERS] = {
        "10.0.0.1:11000", "10.0.0.2:11000", "10.0.0.3:11000", "10.0.0.4:11000", "10.0.0.5:11000"};
    return names[server];
}

struct engine *engine_of(struct scene *s, size_t server)
{
    return sim_server_engine(s->servers[server]);
}

static void add_server(struct scene *s, const struct kind *kind, world_add add)
{
    char host[32];
    snprintf(host, sizeof host, "10.0.0.%zu", s->count + 1);
    s->servers[s->count] = add(s->world, host, 11000);
    if (kind->version != NULL) {
        engine_set_version(engine_of(s, s->count), kind->version);
    }
    s->count++;
}

struct scene plan_owners(const struct kind *kind, size_t owners, size_t servers)
{
    struct scene s = {.world = world_new(7), .owners = kind->add_spare != NULL ? owners : servers};
    print_message("  on %s\n", kind->name);
    world_option(s.world, "failover", kind->failover);
    world_option(s.world, "connections", kind->connections);
    while (s.count < servers) {
        add_server(&s, kind, s.count < s.owners ? kind->add : kind->add_spare);
    }
    return s;
}

struct scene plan_scene(const struct kind *kind, size_t servers)
{
    struct scene s = plan_owners(kind, 1, servers);
    if (kind->add_spare != NULL) {
        world_option(s.world, "failover_budget", "100"); /* all that there is goes elsewhere */
    }
    return s;
}

void begin_scene(struct scene *s)
{
    unsigned next = 0;
    world_begin(s->world);
    world_key_of(s->world, name_of(0), "k", &next, s->key);
}

struct scene open_scene(const struct kind *kind, size_t servers)
{
    struct scene s = plan_scene(kind, servers);
    begin_scene(&s);
    return s;
}

void until(struct scene *s, ringcache_event_type type, size_t count)
{
    for (unsigned ms = 0; world_count(s->world, type) < count && ms < 30000; ms++) {
        world_run_for(s->world, 1);
    }
    assert_int_equal(world_count(s->world, type), count);
}

/* A key that is asked of the server: of a spare the one whose owner is out. */
static void key_for(struct scene *s, size_t server, char key[32])
{
    unsigned next = 0;
    if (server < s->owners) {
        world_key_of(s->world, name_of(server), "probe", &next, key);
    } else {
        memcpy(key, s->key, sizeof s->key);
    }
}

/* Out of service, or back in it; whoever asks it a key first notices. */
void take_out(struct scene *s, size_t server)
{
    char key[32];
    size_t before = world_count(s->world, RINGCACHE_EVENT_EJECTED);
    key_for(s, server, key);
    world_get(s->world, key);
    world_settle(s->world, 1000);
    sim_server_stop(s->servers[server]);
    world_get(s->world, key);
    until(s, RINGCACHE_EVENT_EJECTED, before + 1);
}

void take_back(struct scene *s, size_t server)
{
    size_t before = world_count(s->world, RINGCACHE_EVENT_READMITTED);
    sim_server_continue(s->servers[server]);
    until(s, RINGCACHE_EVENT_READMITTED, before + 1);
}

struct world_reply *settled(struct scene *s, struct world_reply *reply)
{
    world_settle(s->world, 1000);
    return reply;
}

struct world_reply *get(struct scene *s, const char *key)
{
    return settled(s, world_get(s->world, key));
}

struct world_reply *set(struct scene *s, const char *key, const char *value)
{
    return settled(s, world_set(s->world, key, value));
}

void assert_elsewhere(const struct world_reply *reply, size_t server)
{
    assert_string_equal(reply->server, name_of(server));
    assert_int_equal(reply->marks & RINGCACHE_SUBSTITUTE, RINGCACHE_SUBSTITUTE);
}

void assert_by_owner(const struct world_reply *reply)
{
    assert_string_equal(reply->server, name_of(0));
    assert_int_equal(reply->marks & RINGCACHE_SUBSTITUTE, 0);
}

/* A ring's servers for the key, behind the `count` that are there. */
static size_t append_owners(
    const ringcache_ring *ring, const char *key, size_t count, size_t order[FAILOVER_SERVERS])
{
    size_t owners[FAILOVER_SERVERS];
    size_t found = ringcache_ring_owners(ring, key, strlen(key), owners, FAILOVER_SERVERS);
    for (size_t i = 0; i < found; i++, count++) {
        const char *name = ringcache_ring_server_name(ring, owners[i]);
        for (order[count] = 0; strcmp(name_of(order[count]), name) != 0; order[count]++) {
        }
    }
    return count;
}

/* The servers that would be asked for the key, in order: the owner first. With spares it is the
 * only one. */
void order_of(struct scene *s, const char *key, size_t order[FAILOVER_SERVERS])
{
    ringcache_ring *ring = ringcache_client_ring(s->world->client), *spares;
    assert_int_equal(ringcache_ring_new_of_spares(&spares, s->world->config), 0);
    append_owners(spares, key, append_owners(ring, key, 0, order), order);
    ringcache_ring_unref(ring);
    ringcache_ring_unref(spares);
}
