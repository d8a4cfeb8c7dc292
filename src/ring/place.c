/* SPDX-License-Identifier: MIT */
/* Points put down. Those of servers that come or changed are computed and sorted; those of servers
 * that stay are taken from a ring there was before, in the order they have; then both are merged:
 *
 *     ring before   ──► without those that left ──┐
 *                                                 ├──► blocks ──► index, shares
 *     who is new    ──► hashed, sorted ───────────┘
 *
 * A ring from nothing is the case in which nobody stays. Points of one value are in the dialect's
 * order of their servers; so a server stays only where all that stay have one order in both
 * rings. */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "ring/change.h"
#include "ring/snapshot.h"

/* What is taken over. */
struct stay {
    const ringcache_ring *base; /* NULL: nothing */
    uint32_t *from;             /* by server: which one of `base` it was, or RC_NOBODY */
    uint32_t *to;               /* the other way round */
};

struct fresh {
    struct rc_point *points;
    size_t count;
};

/* ---- who stays ---- */

static bool has_same_points(const struct rc_ring_server *a, const struct rc_ring_server *b)
{
    return a->points == b->points &&
           rc_slice_equal(rc_slice(a->text, a->text_len), rc_slice(b->text, b->text_len));
}

/* Some points are hashes of the kind that keys have. */
static bool may_stay(const ringcache_ring *ring, const ringcache_ring *base)
{
    return base != NULL && base->blocks != NULL && base->distribution == ring->distribution &&
           base->hash == ring->hash;
}

static bool keeps_order(const ringcache_ring *ring, const struct stay *stay)
{
    uint32_t least = 0;
    for (size_t place = 0; place < ring->count; place++) {
        uint32_t before = stay->from[ring->order[place]];
        if (before == RC_NOBODY) {
            continue;
        }
        if (stay->base->servers[before].place < least) {
            return false;
        }
        least = stay->base->servers[before].place;
    }
    return true;
}

static void turn_round(const ringcache_ring *ring, struct stay *stay)
{
    memset(stay->to, 0xff, stay->base->count * sizeof *stay->to);
    for (uint32_t i = 0; i < ring->count; i++) {
        if (stay->from[i] != RC_NOBODY) {
            stay->to[stay->from[i]] = i;
        }
    }
}

/* 0 or RINGCACHE_ENOMEM. */
static int find_stay(const ringcache_ring *ring, const ringcache_ring *base, struct stay *stay)
{
    if (!may_stay(ring, base)) {
        return 0;
    }
    stay->from = rc_resize(NULL, ring->count, sizeof *stay->from);
    stay->to = rc_resize(NULL, base->count, sizeof *stay->to);
    if (stay->from == NULL || stay->to == NULL) {
        return RINGCACHE_ENOMEM;
    }
    stay->base = base;
    rc_match_names(ring, base, stay->from);
    for (size_t i = 0; i < ring->count; i++) {
        uint32_t before = stay->from[i];
        if (before != RC_NOBODY && !has_same_points(&ring->servers[i], &base->servers[before])) {
            stay->from[i] = RC_NOBODY;
        }
    }
    if (!keeps_order(ring, stay)) {
        stay->base = NULL;
        return 0;
    }
    turn_round(ring, stay);
    return 0;
}

/* ---- who is new ---- */

static bool is_fresh(const struct stay *stay, uint32_t server)
{
    return stay->base == NULL || stay->from[server] == RC_NOBODY;
}

static void write_fresh(const ringcache_ring *ring, const struct rc_topology *t,
    const struct rc_text *arranged, const struct stay *stay, struct rc_point *out)
{
    for (size_t i = 0; i < ring->count; i++) {
        uint32_t server = arranged[i].member;
        if (is_fresh(stay, server)) {
            rc_points_write(t, &arranged[i], out, ring->servers[server].points);
            out += ring->servers[server].points;
        }
    }
}

/* 0 or RINGCACHE_ENOMEM. */
static int make_fresh(const ringcache_ring *ring, const struct rc_topology *t,
    const struct rc_text *arranged, const struct stay *stay, struct fresh *fresh)
{
    for (uint32_t i = 0; i < ring->count; i++) {
        fresh->count += is_fresh(stay, i) ? ring->servers[i].points : 0;
    }
    fresh->points = rc_resize(NULL, fresh->count, sizeof *fresh->points);
    struct rc_point *spare = rc_resize(NULL, fresh->count, sizeof *spare);
    int status = fresh->points != NULL && spare != NULL ? 0 : RINGCACHE_ENOMEM;
    if (status == 0) {
        write_fresh(ring, t, arranged, stay, fresh->points);
        rc_points_sort(fresh->points, spare, fresh->count);
    }
    rc_free(spare);
    return status;
}

/* ---- all together ---- */

struct writer {
    struct rc_block *block;
    size_t at;
};

static void put(struct writer *w, uint32_t value, uint32_t server)
{
    w->block->values[w->at] = value;
    w->block->servers[w->at] = (uint16_t)server;
    w->at++;
    if (w->at == RC_BLOCK_POINTS) {
        w->at = 0;
        w->block++;
    }
}

static bool comes_before(
    const ringcache_ring *ring, const struct rc_point *point, uint32_t value, uint32_t server)
{
    return point->value != value ? point->value < value
                                 : ring->servers[point->server].place < ring->servers[server].place;
}

struct merge {
    const ringcache_ring *ring;
    const struct rc_point *next, *end; /* of those that are fresh */
    struct writer out;
};

static void put_fresh(struct merge *m)
{
    put(&m->out, m->next->value, m->next->server);
    m->next++;
}

/* The first `count` points of one block of the ring before. */
static void merge_block(
    struct merge *m, const struct rc_block *block, size_t count, const uint32_t *to)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t value = block->values[i];
        uint32_t server = to[block->servers[i]];
        if (server == RC_NOBODY) {
            continue;
        }
        while (m->next < m->end && comes_before(m->ring, m->next, value, server)) {
            put_fresh(m);
        }
        put(&m->out, value, server);
    }
}

static void merge(const ringcache_ring *ring, const struct stay *stay, const struct fresh *fresh)
{
    const ringcache_ring *base = stay->base;
    struct merge m = {
        .ring = ring,
        .next = fresh->points,
        .end = fresh->points + fresh->count,
        .out = {.block = ring->blocks},
    };
    for (size_t left = base != NULL ? base->size : 0; left > 0;) {
        size_t count = left < RC_BLOCK_POINTS ? left : RC_BLOCK_POINTS;
        merge_block(&m, &base->blocks[(base->size - left) / RC_BLOCK_POINTS], count, stay->to);
        left -= count;
    }
    while (m.next < m.end) {
        put_fresh(&m);
    }
    do {
        put(&m.out, UINT32_MAX, rc_ring_server(ring, 0));
    } while (m.out.at > 0);
}

static int new_blocks(ringcache_ring *ring)
{
    size_t count = ring->size / RC_BLOCK_POINTS + 1;
    ring->buckets = ring->size / RC_BUCKET_POINTS + 1;
    ring->starts = rc_resize(NULL, ring->buckets + 1, sizeof *ring->starts);
    ring->block_memory = rc_resize(NULL, count + 1, sizeof *ring->blocks);
    if (ring->starts == NULL || ring->block_memory == NULL) {
        return RINGCACHE_ENOMEM;
    }
    size_t beyond = (uintptr_t)ring->block_memory % sizeof *ring->blocks;
    void *line = (char *)ring->block_memory + (beyond > 0 ? sizeof *ring->blocks - beyond : 0);
    ring->blocks = line;
    return 0;
}

/* Point numbers are 32 bits wide: rc_topology_check bounds their count. */
static void index_points(ringcache_ring *ring)
{
    uint64_t range = rc_ring_range(ring);
    size_t bucket = 0;
    size_t i = 0;
    for (; i < ring->size && rc_ring_value(ring, i) < range; i++) {
        size_t last = (size_t)((uint64_t)rc_ring_value(ring, i) * ring->buckets >> ring->bits);
        while (bucket <= last) {
            ring->starts[bucket++] = (uint32_t)(i / RC_BLOCK_POINTS);
        }
    }
    while (bucket <= ring->buckets) {
        ring->starts[bucket++] = (uint32_t)(i / RC_BLOCK_POINTS);
    }
}

/* A point owns from behind the one before it up to itself; the first also what lies behind the
 * last. Points that the hash cannot reach own nothing. */
static void measure_arcs(ringcache_ring *ring)
{
    uint64_t range = rc_ring_range(ring);
    uint64_t low = 0;
    for (size_t i = 0; i < ring->size && low < range; i++) {
        uint64_t end = (uint64_t)rc_ring_value(ring, i) + 1;
        end = end < range ? end : range;
        ring->servers[rc_ring_server(ring, i)].owned += end - low;
        low = end;
    }
    ring->servers[rc_ring_server(ring, 0)].owned += range - low;
}

int rc_ring_place_points(ringcache_ring *ring, const struct rc_topology *topology,
    const struct rc_text *arranged, const ringcache_ring *base)
{
    struct stay stay = {.base = NULL};
    struct fresh fresh = {.count = 0};
    if (ring->size == 0) {
        return 0;
    }
    int status = find_stay(ring, base, &stay);
    status = status != 0 ? status : make_fresh(ring, topology, arranged, &stay, &fresh);
    status = status != 0 ? status : new_blocks(ring);
    if (status == 0) {
        merge(ring, &stay, &fresh);
        index_points(ring);
        measure_arcs(ring);
    }
    rc_free(stay.from);
    rc_free(stay.to);
    rc_free(fresh.points);
    return status;
}
