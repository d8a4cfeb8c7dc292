/* SPDX-License-Identifier: MIT */
/* What a ring can be asked. */
#include "ring/ring.h"

#include <string.h>

#include "hash/plain.h"
#include "ring/snapshot.h"

/* libmemcached hashes a namespace and key of more bytes together as 0. */
enum { HASHED_BYTES_MAX = 250 };

/* Up to this many owners, looking through those already found beats a bitmap. */
enum { FEW_OWNERS = 16 };

enum { SEEN_WORDS = (RC_SERVERS_MAX + 63) / 64 };

/* What stands between the first opening byte and the first closing one after it, if anything. */
static struct rc_slice tagged_part(const ringcache_ring *ring, struct rc_slice key)
{
    const unsigned char *open = key.len > 0 ? memchr(key.data, ring->tag[0], key.len) : NULL;
    if (open == NULL) {
        return key;
    }
    const unsigned char *part = open + 1;
    size_t left = key.len - (size_t)(part - key.data);
    const unsigned char *close = memchr(part, ring->tag[1], left);
    return close != NULL && close > part ? rc_slice(part, (size_t)(close - part)) : key;
}

static uint32_t hash_untagged(const ringcache_ring *ring, struct rc_slice key)
{
    struct rc_slice part = ring->tagged ? tagged_part(ring, key) : key;
    return rc_hash(ring->hash, part.data, part.len);
}

/* The namespace and the key as the server sees them, tags and all. */
static uint32_t hash_joined(const ringcache_ring *ring, struct rc_slice key)
{
    unsigned char joined[HASHED_BYTES_MAX];
    if (ring->prefix_len > sizeof joined || key.len > sizeof joined - ring->prefix_len) {
        return 0;
    }
    memcpy(joined, ring->prefix, ring->prefix_len);
    if (key.len > 0) {
        memcpy(joined + ring->prefix_len, key.data, key.len);
    }
    return hash_untagged(ring, rc_slice(joined, ring->prefix_len + key.len));
}

/* Apart from hash_key, so that its stack frame costs a plain key nothing. */
__attribute__((noinline)) static uint32_t hash_by_rules(
    const ringcache_ring *ring, struct rc_slice key)
{
    if (ring->prefix_len > 0) {
        return hash_joined(ring, key);
    }
    return key.len == 0 && ring->empty_is_0 ? 0 : hash_untagged(ring, key);
}

static inline uint32_t hash_key(const ringcache_ring *ring, const void *key, size_t len)
{
    return ring->hashes_key_alone ? rc_hash(ring->hash, key, len)
                                  : hash_by_rules(ring, rc_slice(key, len));
}

uint32_t rc_ring_hash(const struct ringcache_ring *ring, const void *key, size_t len)
{
    return hash_key(ring, key, len);
}

bool rc_ring_hashes_like(const struct ringcache_ring *a, const struct ringcache_ring *b)
{
    if (a->hash != b->hash || a->tagged != b->tagged) {
        return false;
    }
    if (a->tagged && memcmp(a->tag, b->tag, sizeof a->tag) != 0) {
        return false;
    }
    return rc_slice_equal(rc_slice(a->prefix, a->prefix_len), rc_slice(b->prefix, b->prefix_len));
}

size_t ringcache_ring_server_count(const ringcache_ring *ring)
{
    return ring->count;
}

const char *ringcache_ring_server_name(const ringcache_ring *ring, size_t server)
{
    return server < ring->count ? ring->servers[server].name : NULL;
}

uint32_t ringcache_ring_weight(const ringcache_ring *ring, size_t server)
{
    return server < ring->count ? ring->servers[server].weight : 0;
}

size_t ringcache_ring_points(const ringcache_ring *ring, size_t server)
{
    return server < ring->count ? ring->servers[server].points : 0;
}

double ringcache_ring_share(const ringcache_ring *ring, size_t server)
{
    if (server >= ring->count) {
        return 0;
    }
    return (double)ring->servers[server].owned / (double)rc_ring_range(ring);
}

/* Keys of more bytes would make the hash need registers that a short one then had to save. */
enum { SHORT_KEY = 32 };

/* Apart from ringcache_ring_locate, so that its stack frame costs a short key nothing. */
__attribute__((noinline)) static size_t locate_by_rules(
    const ringcache_ring *ring, const void *key, size_t len)
{
    return ring->size > 0 ? rc_ring_owner(ring, hash_key(ring, key, len)) : RINGCACHE_NONE;
}

size_t ringcache_ring_locate(const ringcache_ring *ring, const void *key, size_t key_len)
{
    if (!ring->is_plain || key_len > SHORT_KEY) {
        return locate_by_rules(ring, key, key_len);
    }
    return rc_ring_point_owner(ring, rc_hash_plain(key, key_len));
}

/* The replica r of a modulo table is the server r places on. */
static size_t owners_by_place(
    const ringcache_ring *ring, uint32_t hash, size_t *owners, size_t want)
{
    size_t place = ring->servers[rc_ring_owner(ring, hash)].place;
    for (size_t r = 0; r < want; r++) {
        owners[r] = ring->order[(place + r) % ring->count];
    }
    return want;
}

static bool is_among(const size_t *owners, size_t count, size_t server)
{
    for (size_t i = 0; i < count; i++) {
        if (owners[i] == server) {
            return true;
        }
    }
    return false;
}

/* `want` is at most the number of servers with points, so the walk round the ring ends. */
static size_t few_owners(const ringcache_ring *ring, size_t point, size_t *owners, size_t want)
{
    size_t found = 0;
    while (found < want) {
        size_t server = rc_ring_server(ring, point);
        if (!is_among(owners, found, server)) {
            owners[found++] = server;
        }
        point = point + 1 < ring->size ? point + 1 : 0;
    }
    return found;
}

static size_t many_owners(const ringcache_ring *ring, size_t point, size_t *owners, size_t want)
{
    uint64_t seen[SEEN_WORDS];
    memset(seen, 0, (ring->count + 63) / 64 * sizeof seen[0]);
    size_t found = 0;
    while (found < want) {
        size_t server = rc_ring_server(ring, point);
        uint64_t bit = (uint64_t)1 << server % 64;
        if ((seen[server / 64] & bit) == 0) {
            seen[server / 64] |= bit;
            owners[found++] = server;
        }
        point = point + 1 < ring->size ? point + 1 : 0;
    }
    return found;
}

size_t ringcache_ring_owners(
    const ringcache_ring *ring, const void *key, size_t key_len, size_t *owners, size_t max)
{
    size_t want = max < ring->holders ? max : ring->holders;
    if (want == 0) {
        return 0;
    }
    uint32_t hash = hash_key(ring, key, key_len);
    if (ring->slots != NULL) {
        return owners_by_place(ring, hash, owners, want);
    }
    size_t point = rc_ring_point(ring, hash);
    point = point < ring->size ? point : 0;
    return want <= FEW_OWNERS ? few_owners(ring, point, owners, want)
                              : many_owners(ring, point, owners, want);
}

uint64_t ringcache_ring_digest(const ringcache_ring *ring)
{
    return ring->digest;
}
