/* SPDX-License-Identifier: MIT */
#include "route/table.h"

#include <string.h>

#include "base/alloc.h"

int rc_table_new(
    struct rc_table **table, struct ringcache_ring *ring, struct rc_server *const *servers)
{
    size_t count = ringcache_ring_server_count(ring);
    struct rc_table *t = rc_alloc_zeroed(1, sizeof *t);
    struct rc_server **copy = rc_alloc_zeroed(count, sizeof *copy);
    if (t == NULL || copy == NULL) {
        rc_free(t);
        rc_free(copy);
        ringcache_ring_unref(ring);
        return RINGCACHE_ENOMEM;
    }
    t->ring = ring;
    t->servers = copy;
    t->count = count;
    t->digest = ringcache_ring_digest(ring);
    for (size_t i = 0; i < count; i++) {
        bool redis = servers[i]->backend.credentials.redis;
        copy[i] = servers[i];
        t->has_redis = t->has_redis || redis;
        t->has_memcached = t->has_memcached || !redis;
    }
    *table = t;
    return 0;
}

void rc_table_free(struct rc_table *table)
{
    if (table != NULL) {
        ringcache_ring_unref(table->ring);
        rc_free(table->servers);
        rc_free(table);
    }
}

/* One key always uses the same of a server's connections. Its bits are mixed, since those of the
 * keys of one server lie close together on the ring. */
static uint32_t lane_of(const struct rc_table *table, size_t index, struct rc_slice route)
{
    if (table->servers[index]->lane_count == 1) {
        return 0;
    }
    uint64_t hash = rc_ring_hash(table->ring, route.data, route.len);
    uint32_t mixed = (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    return mixed % table->servers[index]->lane_count;
}

static struct rc_choice choice_of(const struct rc_table *table, size_t index, struct rc_slice route)
{
    return (struct rc_choice){table->servers[index], index, lane_of(table, index, route)};
}

struct rc_choice rc_table_owner(const struct rc_table *table, struct rc_slice route)
{
    size_t index = ringcache_ring_locate(table->ring, route.data, route.len);
    if (index == RINGCACHE_NONE) {
        return (struct rc_choice){0};
    }
    return choice_of(table, index, route);
}

static size_t other_owners(
    const struct rc_table *table, struct rc_slice route, struct rc_choice out[RC_SUBSTITUTES_MAX])
{
    size_t owners[RC_SUBSTITUTES_MAX + 1];
    size_t count =
        ringcache_ring_owners(table->ring, route.data, route.len, owners, RC_SUBSTITUTES_MAX + 1);
    for (size_t i = 1; i < count; i++) {
        out[i - 1] = choice_of(table, owners[i], route);
    }
    return count > 0 ? count - 1 : 0;
}

const struct rc_policy rc_policy_none = {.name = "none", .substitutes = NULL};
const struct rc_policy rc_policy_remap = {.name = "remap", .substitutes = other_owners};
