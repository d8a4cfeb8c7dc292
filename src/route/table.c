/* SPDX-License-Identifier: MIT */
#include "route/table.h"

#include <string.h>

#include "base/alloc.h"
#include "hash/hash.h"

static size_t servers_of(const struct ringcache_ring *owners, const struct ringcache_ring *spares)
{
    return ringcache_ring_server_count(owners) + ringcache_ring_server_count(spares);
}

static void seat(struct rc_table *table, const struct rc_seat *seat)
{
    struct rc_pool *pool = seat->spare ? &table->spares : &table->owners;
    bool redis = seat->server->backend.credentials.redis;
    pool->servers[pool->count++] = seat->server;
    table->all[table->count++] = seat->server;
    table->has_redis = table->has_redis || redis;
    table->has_memcached = table->has_memcached || !redis;
}

int rc_table_new(struct rc_table **table, struct ringcache_ring *owners,
    struct ringcache_ring *spares, const struct rc_seat *seats)
{
    size_t count = servers_of(owners, spares);
    struct rc_table *t = rc_alloc_zeroed(1, sizeof *t);
    struct rc_server **servers = rc_alloc_zeroed(count * 2, sizeof *servers);
    if (t == NULL || servers == NULL) {
        rc_free(t);
        rc_free(servers);
        ringcache_ring_unref(owners);
        ringcache_ring_unref(spares);
        return RINGCACHE_ENOMEM;
    }
    t->all = servers;
    t->owners = (struct rc_pool){.ring = owners, .servers = servers + count};
    t->spares = (struct rc_pool){
        .ring = spares, .servers = t->owners.servers + ringcache_ring_server_count(owners)};
    t->digest = ringcache_ring_digest(owners);
    for (size_t i = 0; i < count; i++) {
        seat(t, &seats[i]);
    }
    *table = t;
    return 0;
}

void rc_table_free(struct rc_table *table)
{
    if (table != NULL) {
        ringcache_ring_unref(table->owners.ring);
        ringcache_ring_unref(table->spares.ring);
        rc_free(table->all);
        rc_free(table);
    }
}

/* Apart from the hash by which a ring may have given all these keys to one server. */
enum { LANE_SEED = 1 };

/* One key always uses the same of a server's connections, whatever ring is put in force: by no
 * option but their number, which never changes. What it was asked on before is in front of what it
 * is asked next, and the numbers that journals and peers keep stay true. */
static uint32_t lane_of(const struct rc_server *server, struct rc_slice route)
{
    if (server->lane_count == 1) {
        return 0;
    }
    return (uint32_t)(rc_xxh3(route.data, route.len, LANE_SEED) % server->lane_count);
}

static struct rc_choice choice_of(const struct rc_pool *pool, size_t index, struct rc_slice route)
{
    struct rc_server *server = pool->servers[index];
    return (struct rc_choice){server, index, lane_of(server, route)};
}

struct rc_choice rc_table_owner(const struct rc_table *table, struct rc_slice route)
{
    size_t index = ringcache_ring_locate(table->owners.ring, route.data, route.len);
    if (index == RINGCACHE_NONE) {
        return (struct rc_choice){0};
    }
    return choice_of(&table->owners, index, route);
}

/* From the key's owner number `first` on. */
static size_t owners_from(const struct rc_pool *pool, size_t first, struct rc_slice route,
    struct rc_choice out[RC_SUBSTITUTES_MAX])
{
    size_t owners[RC_SUBSTITUTES_MAX + 1];
    size_t count = ringcache_ring_owners(
        pool->ring, route.data, route.len, owners, first + RC_SUBSTITUTES_MAX);
    for (size_t i = first; i < count; i++) {
        out[i - first] = choice_of(pool, owners[i], route);
    }
    return count > first ? count - first : 0;
}

static size_t other_owners(
    const struct rc_table *table, struct rc_slice route, struct rc_choice out[RC_SUBSTITUTES_MAX])
{
    return owners_from(&table->owners, 1, route, out);
}

static size_t spares(
    const struct rc_table *table, struct rc_slice route, struct rc_choice out[RC_SUBSTITUTES_MAX])
{
    return owners_from(&table->spares, 0, route, out);
}

const struct rc_policy rc_policy_none = {.name = "none", .substitutes = NULL};
const struct rc_policy rc_policy_remap = {.name = "remap", .substitutes = other_owners};
const struct rc_policy rc_policy_gutter = {.name = "gutter", .substitutes = spares};
