/* SPDX-License-Identifier: MIT */
#ifndef RC_ROUTE_TABLE_H
#define RC_ROUTE_TABLE_H

/* Key to server: a ring and the backends of its servers, swapped as a whole. A request keeps the
 * server it was routed to; a policy only decides which of a key's ordered owners is asked. Health
 * never changes the table. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "ring/ring.h"
#include "server/server.h"

struct rc_table {
    struct ringcache_ring *ring; /* one reference */
    struct rc_server **servers;  /* by the ring's index; not owned */
    size_t count;
    uint64_t digest;
    bool has_memcached, has_redis;
};

/* Takes over the reference to `ring`, also on failure. `servers` is copied. 0 or
 * RINGCACHE_ENOMEM. */
int rc_table_new(
    struct rc_table **table, struct ringcache_ring *ring, struct rc_server *const *servers);
void rc_table_free(struct rc_table *table);

/* Where a request goes. */
struct rc_choice {
    struct rc_server *server; /* NULL: the ring is empty */
    size_t index;             /* of the server in the table */
    uint32_t lane;            /* below the server's lane_count */
};

/* The server that owns what is routed by `route`, in service or not. */
struct rc_choice rc_table_owner(const struct rc_table *table, struct rc_slice route);

/* Servers that may be asked for one owner: beyond so many that are out there is none. */
enum { RC_SUBSTITUTES_MAX = 15 };

/* A failover policy: who is asked while the owner is out of service. */
struct rc_policy {
    const char *name;
    /* In the order in which they are tried, into `out`: how many there are. NULL: nobody ever is,
     * and a request for an owner that is out ends with RINGCACHE_EDOWN. */
    size_t (*substitutes)(const struct rc_table *table, struct rc_slice route,
        struct rc_choice out[RC_SUBSTITUTES_MAX]);
};

extern const struct rc_policy rc_policy_none;
/* The key's other owners, in ring order. */
extern const struct rc_policy rc_policy_remap;

#endif
