/* SPDX-License-Identifier: MIT */
/* The digest condenses what places keys and nothing else: how a key is hashed, the names in sorted
 * order, then every point or slot as (value, rank of its server's name). Names rather than indexes,
 * so that the order of configuration counts only where the dialect lets it decide. */
#include "ring/snapshot.h"

#include <string.h>

#include "base/alloc.h"

struct condenser {
    uint64_t sum;
    size_t len;
    unsigned char pending[4096];
};

static void flush(struct condenser *c)
{
    c->sum = rc_xxh3(c->pending, c->len, c->sum);
    c->len = 0;
}

static void take_byte(struct condenser *c, unsigned char byte)
{
    if (c->len == sizeof c->pending) {
        flush(c);
    }
    c->pending[c->len++] = byte;
}

static void write_number(unsigned char *out, uint32_t number)
{
    out[0] = (unsigned char)number;
    out[1] = (unsigned char)(number >> 8);
    out[2] = (unsigned char)(number >> 16);
    out[3] = (unsigned char)(number >> 24);
}

static void take_number(struct condenser *c, uint32_t number)
{
    unsigned char bytes[4];
    write_number(bytes, number);
    for (size_t i = 0; i < sizeof bytes; i++) {
        take_byte(c, bytes[i]);
    }
}

/* The same, for the many of a large ring. */
static void take_pair(struct condenser *c, uint32_t first, uint32_t second)
{
    if (sizeof c->pending - c->len < 8) {
        take_number(c, first);
        take_number(c, second);
        return;
    }
    write_number(c->pending + c->len, first);
    write_number(c->pending + c->len + 4, second);
    c->len += 8;
}

static void take_text(struct condenser *c, const char *text, size_t len)
{
    take_number(c, (uint32_t)len);
    for (size_t i = 0; i < len; i++) {
        take_byte(c, (unsigned char)text[i]);
    }
}

static void take_rules(struct condenser *c, const ringcache_ring *ring)
{
    const char *hash = rc_hash_name(ring->hash);
    take_text(c, hash, strlen(hash));
    take_byte(c, ring->empty_is_0);
    take_byte(c, ring->tagged);
    take_byte(c, ring->tagged ? ring->tag[0] : 0);
    take_byte(c, ring->tagged ? ring->tag[1] : 0);
    take_text(c, ring->prefix, ring->prefix_len);
    take_byte(c, ring->slots != NULL);
}

static void take_slots(struct condenser *c, const ringcache_ring *ring, const uint32_t *rank)
{
    for (size_t i = 0; i < ring->size; i++) {
        take_number(c, rank[ring->slots[i]]);
    }
}

static void take_points(struct condenser *c, const ringcache_ring *ring, const uint32_t *rank)
{
    for (size_t i = 0; i < ring->size; i++) {
        take_pair(c, rc_ring_value(ring, i), rank[rc_ring_server(ring, i)]);
    }
}

int rc_ring_make_digest(struct ringcache_ring *ring)
{
    uint32_t *rank = rc_resize(NULL, ring->count, sizeof *rank);
    if (rank == NULL) {
        return RINGCACHE_ENOMEM;
    }
    struct condenser c = {.sum = 0, .len = 0};
    take_rules(&c, ring);
    take_number(&c, (uint32_t)ring->count);
    for (size_t i = 0; i < ring->count; i++) {
        const char *name = ring->servers[ring->by_name[i]].name;
        rank[ring->by_name[i]] = (uint32_t)i;
        take_text(&c, name, strlen(name));
    }
    if (ring->slots != NULL) {
        take_slots(&c, ring, rank);
    } else {
        take_points(&c, ring, rank);
    }
    flush(&c);
    ring->digest = c.sum;
    rc_free(rank);
    return 0;
}
