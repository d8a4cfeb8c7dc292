/* SPDX-License-Identifier: MIT */
#ifndef RC_RING_SNAPSHOT_H
#define RC_RING_SNAPSHOT_H

/* How a ring is stored, for this folder alone.
 *
 *   blocks   the points sorted by value, ten in each line of the cache; behind the last stand
 *            copies of the first owner with the largest value, so that wrapping round is no special
 *            case and a search needs no bound
 *   starts   one entry per bucket of the hash's range, a bucket for every four points: the block of
 *            the first point that is not below the bucket
 *
 *   hash --multiply, shift--> bucket --> starts[bucket] --> that block, or the next one
 *
 * A bucket has four points on average at every size, so a lookup costs the same for ten servers and
 * for ten thousand, and touches two or three lines: what counts once a ring is larger than a cache.
 * A modulo table has slots instead. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash/hash.h"
#include "ring/points.h"
#include "ringcache/ring.h"

enum { RC_BLOCK_POINTS = 10, RC_BUCKET_POINTS = 4 };

struct rc_block {
    _Alignas(64) uint32_t values[RC_BLOCK_POINTS];
    uint16_t servers[RC_BLOCK_POINTS];
};

_Static_assert(sizeof(struct rc_block) == 64, "a block is a line of the cache");
_Static_assert((int)RC_SERVERS_MAX <= UINT16_MAX, "a server's index fits");

struct rc_ring_server {
    const char *name;
    uint64_t owned;   /* how many values of the hash */
    const char *text; /* what its points are hashes of */
    size_t text_len;
    uint32_t weight;
    uint32_t points;
    uint32_t place;      /* in the dialect's order */
    uint32_t first_slot; /* of a modulo table */
};

struct ringcache_ring {
    enum rc_distribution distribution;
    enum rc_hash hash;
    unsigned bits;         /* the hash's values are below 2^bits */
    bool hashes_key_alone; /* neither tag nor namespace nor rule for the empty key */
    bool is_plain;         /* … and the hash is XXH3, and there are points */
    bool empty_is_0;
    bool tagged;
    unsigned char tag[2];
    char *prefix; /* hashed before the key */
    size_t prefix_len;

    size_t size; /* points, or slots of a modulo table */
    struct rc_block *blocks;
    void *block_memory; /* in which the blocks begin at a line of the cache */
    uint32_t *starts;
    size_t buckets;
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

/* Of point `i`, or of the copies behind the last. */
static inline uint32_t rc_ring_value(const struct ringcache_ring *ring, size_t i)
{
    return ring->blocks[i / RC_BLOCK_POINTS].values[i % RC_BLOCK_POINTS];
}

static inline uint32_t rc_ring_server(const struct ringcache_ring *ring, size_t i)
{
    return ring->blocks[i / RC_BLOCK_POINTS].servers[i % RC_BLOCK_POINTS];
}

static inline bool rc_block_is_below(const struct rc_block *block, uint32_t hash)
{
    return block->values[RC_BLOCK_POINTS - 1] < hash;
}

/* The first block from `low` on that is not below `hash`, which `high` is not. */
static inline const struct rc_block *rc_block_search(
    const struct rc_block *low, const struct rc_block *high, uint32_t hash)
{
    while (low < high) {
        const struct rc_block *middle = low + (high - low) / 2;
        if (rc_block_is_below(middle, hash)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The block of the first point at or after `hash`. The step to the next one is no branch: nobody
 * could foretell it. */
static inline const struct rc_block *rc_ring_block(const struct ringcache_ring *ring, uint32_t hash)
{
    const uint32_t *start = ring->starts + ((uint64_t)hash * ring->buckets >> ring->bits);
    const struct rc_block *block = ring->blocks + start[0];
    block += rc_block_is_below(block, hash);
    if (rc_block_is_below(block, hash)) {
        return rc_block_search(block + 1, ring->blocks + start[1], hash);
    }
    return block;
}

/* How many of the points of a block that is not below `hash` are; without a branch, too. */
static inline size_t rc_block_count_below(const struct rc_block *block, uint32_t hash)
{
    uint32_t below = 0;
    for (size_t i = 0; i < RC_BLOCK_POINTS - 1; i++) {
        below += block->values[i] < hash;
    }
    return below;
}

/* The first point at or after `hash`; one past the last (a copy of the first) when there is none.
 * The ring has points. */
static inline size_t rc_ring_point(const struct ringcache_ring *ring, uint32_t hash)
{
    const struct rc_block *block = rc_ring_block(ring, hash);
    return (size_t)(block - ring->blocks) * RC_BLOCK_POINTS + rc_block_count_below(block, hash);
}

/* Its server. */
static inline uint32_t rc_ring_point_owner(const struct ringcache_ring *ring, uint32_t hash)
{
    const struct rc_block *block = rc_ring_block(ring, hash);
    return block->servers[rc_block_count_below(block, hash)];
}

/* The owner of a hash; the ring is not empty. */
static inline uint32_t rc_ring_owner(const struct ringcache_ring *ring, uint32_t hash)
{
    if (ring->slots != NULL) {
        return ring->slots[hash % (uint32_t)ring->size];
    }
    return rc_ring_point_owner(ring, hash);
}

/* Do both place a key by the same hash of it? (The empty key apart.) */
bool rc_ring_hashes_like(const struct ringcache_ring *a, const struct ringcache_ring *b);

/* Put the points of the servers down, whose names, texts, places and numbers of points are known:
 * those that `base` (may be NULL) has of a server, by the same text and in the same number, are
 * taken from there. 0 or RINGCACHE_ENOMEM. */
int rc_ring_place_points(struct ringcache_ring *ring, const struct rc_topology *topology,
    const struct rc_text *arranged, const struct ringcache_ring *base);

/* Condense names, points and the way keys are hashed; `ring` is otherwise complete. */
int rc_ring_make_digest(struct ringcache_ring *ring);

#endif
