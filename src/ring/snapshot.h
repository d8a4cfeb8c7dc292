/* SPDX-License-Identifier: MIT */
#ifndef RC_RING_SNAPSHOT_H
#define RC_RING_SNAPSHOT_H

/* How a ring is stored, for this folder alone.
 *
 *   starts   one entry per bucket of the hash's range, as many buckets as points: the first point
 *            that is not below the bucket
 *   points   sorted by value; behind the last stand copies of the first owner with the largest
 *            value, so that wrapping round is no special case and a scan needs no bound
 *
 *   hash --multiply, shift--> bucket --> starts[bucket] --> the next few points
 *
 * One point per bucket on average at every size, so a lookup costs the same for ten servers and for
 * ten thousand. A modulo table has slots instead. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash/hash.h"
#include "ring/points.h"
#include "ringcache/ring.h"

/* Points compared without a branch before the rest of a bucket is searched. */
enum { RC_RING_SCAN = 4 };

struct rc_ring_server {
    const char *name;
    uint64_t owned; /* how many values of the hash */
    uint32_t weight;
    uint32_t points;
    /* of a modulo table: its place in the dialect's order, and its first slot */
    uint32_t place;
    uint32_t first_slot;
};

struct ringcache_ring {
    enum rc_hash hash;
    unsigned bits;         /* the hash's values are below 2^bits */
    bool hashes_key_alone; /* neither tag nor namespace nor rule for the empty key */
    bool empty_is_0;
    bool tagged;
    unsigned char tag[2];
    char *prefix; /* hashed before the key */
    size_t prefix_len;

    size_t size; /* points, or slots of a modulo table */
    struct rc_point *points;
    uint32_t *starts;
    uint32_t *slots; /* server of each slot; NULL unless modulo */

    struct rc_ring_server *servers;
    size_t count;
    size_t holders;  /* servers with points */
    uint32_t *order; /* servers in the dialect's order */
    uint32_t *by_name;
    char *names;
    uint64_t digest;
    atomic_size_t references;
};

static inline uint64_t rc_ring_range(const struct ringcache_ring *ring)
{
    return (uint64_t)1 << ring->bits;
}

/* The first of points[low..high) that is not below `hash`; high when all are. */
static inline size_t rc_ring_search(
    const struct ringcache_ring *ring, uint32_t hash, size_t low, size_t high)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ring->points[middle].value < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first point at or after `hash`; one past the last (a copy of the first) when there is none.
 * The ring has points. */
static inline size_t rc_ring_point(const struct ringcache_ring *ring, uint32_t hash)
{
    size_t bucket = (size_t)((uint64_t)hash * ring->size >> ring->bits);
    size_t at = ring->starts[bucket];
    const struct rc_point *p = ring->points + at;
    size_t below = (size_t)(p[0].value < hash) + (size_t)(p[1].value < hash) +
                   (size_t)(p[2].value < hash) + (size_t)(p[3].value < hash);
    if (below < RC_RING_SCAN) {
        return at + below;
    }
    return rc_ring_search(ring, hash, at + RC_RING_SCAN, ring->starts[bucket + 1]);
}

/* The owner of a hash; the ring is not empty. */
static inline uint32_t rc_ring_owner(const struct ringcache_ring *ring, uint32_t hash)
{
    if (ring->slots != NULL) {
        return ring->slots[hash % (uint32_t)ring->size];
    }
    return ring->points[rc_ring_point(ring, hash)].server;
}

/* Do both place a key by the same hash of it? (The empty key apart.) */
bool rc_ring_hashes_like(const struct ringcache_ring *a, const struct ringcache_ring *b);

/* Condense names, points and the way keys are hashed; `ring` is otherwise complete. */
int rc_ring_make_digest(struct ringcache_ring *ring);

#endif
