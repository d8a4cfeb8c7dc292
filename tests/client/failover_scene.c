/* SPDX-License-Identifier: MIT */
#include "failover_scene.h"

#include <stdio.h>

const struct kind kinds[KINDS] = {
    {"memcached", world_memcached, NULL, "remap", "1"},
    {"memcached, 3 connections", world_memcached, NULL, "remap", "3"},
    {"memcached, classic text", world_memcached, "1.4.39", "remap", "1"},
    {"redis", world_redis, NULL, "remap", "1"},
    {"memcached, without failover", world_memcached, NULL, "none", "1"},
    {"redis, without failover", world_redis, NULL, "none", "1"},
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

static void add_server(struct scene *s, const struct kind *kind)
{
    char host[16];
    snprintf(host, sizeof host, "10.0.0.%zu", s->count + 1);
    s->servers[s->count] = kind->add(s->world, host, 11000);
    if (kind->version != NULL) {
        engine_set_version(engine_of(s, s->count), kind->version);
    }
    s->count++;
}

struct scene plan_scene(const struct kind *kind, size_t servers)
{
    struct scene s = {.world = world_new(7)};
    print_message("  on %s\n", kind->name);
    world_option(s.world, "failover", kind->failover);
    world_option(s.world, "connections", kind->connections);
    while (s.count < servers) {
        add_server(&s, kind);
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

/* Out of service, or back in it; whoever asks it a key first notices. */
void take_out(struct scene *s, size_t server)
{
    char key[32];
    unsigned next = 0;
    size_t before = world_count(s->world, RINGCACHE_EVENT_EJECTED);
    world_key_of(s->world, name_of(server), "probe", &next, key);
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

/* The servers that would be asked for the key, in order: the owner first. */
void order_of(struct scene *s, const char *key, size_t order[FAILOVER_SERVERS])
{
    ringcache_ring *ring = ringcache_client_ring(s->world->client);
    size_t owners[FAILOVER_SERVERS];
    size_t count = ringcache_ring_owners(ring, key, strlen(key), owners, FAILOVER_SERVERS);
    for (size_t i = 0; i < count; i++) {
        const char *name = ringcache_ring_server_name(ring, owners[i]);
        for (order[i] = 0; strcmp(name_of(order[i]), name) != 0; order[i]++) {
        }
    }
    ringcache_ring_unref(ring);
}
