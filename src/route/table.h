/* SPDX-License-Identifier: MIT */
#ifndef RC_ROUTE_TABLE_H
#define RC_ROUTE_TABLE_H

/* Key to server: the ring of owners, the ring of spares, and the backends of both, swapped as a
 * whole. A request keeps the server it was routed to; a policy only decides which of a key's
 * ordered candidates is asked. Health never changes the table.
 *
 *     configuration    o  o  s  o  s       all: in this order, by which names are found
 *                      │  │  │  │  │
 *     owners.servers   0  1  │  2  │       by the index in the ring that owns every key
 *     spares.servers         0     1       by the index in a ring of their own: stand-ins */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "ring/ring.h"
#include "server/server.h"

/* A ring and the backends of its servers. */
struct rc_pool {
    struct ringcache_ring *ring; /* one reference */
    struct rc_server **servers;  /* by the ring's index; not owned */
    size_t count;
};

struct rc_table {
    struct rc_pool owners, spares;
    struct rc_server **all; /* of both; not owned */
    size_t count;
    uint64_t digest;               /* of the owners' ring, which alone places keys */
    bool has_memcached, has_redis; /* among all: a key may come to any of them */
};

/* One server of a table to be: `spare` tells which of the two rings has it. */
struct rc_seat {
    struct rc_server *server;
    bool spare;
};

/* Takes over the references to both rings, also on failure. `seats` are all servers in an order in
 * which those of each ring are in its own. 0 or RINGCACHE_ENOMEM. */
int rc_table_new(struct rc_table **table, struct ringcache_ring *owners,
    struct ringcache_ring *spares, const struct rc_seat *seats);
void rc_table_free(struct rc_table *table);

/* Where a request goes. */
struct rc_choice {
    struct rc_server *server; /* NULL: the ring is empty */
    size_t index;             /* of the server in its pool */
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
/* The key's owners on the ring of spares, in ring order. */
extern const struct rc_policy rc_policy_gutter;

#endif
