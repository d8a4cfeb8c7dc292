/* SPDX-License-Identifier: MIT */
#ifndef RC_RING_RING_H
#define RC_RING_RING_H

/* The ring: an immutable value built from a topology. No health, no clock, no I/O.
 * Lookup is a hash, a multiply-shift into an index with a bucket for every four points, and the
 * few points of that bucket; nothing in it grows with the servers.
 *
 * What a ring can be asked is public (ringcache/ring.h) and implemented in this layer; here is only
 * what the other layers need besides. */

#include <stddef.h>
#include <stdint.h>

#include "ring/topology.h"
#include "ringcache/ring.h"

/* 0, RINGCACHE_ECONFIG (a topology that rc_topology_check refuses) or RINGCACHE_ENOMEM. `base` is
 * any ring, or NULL: the ring is the same, made faster, since points of servers that `base` has are
 * not hashed and sorted again. Where a dialect gives every server another number of points as soon
 * as one joins (ketama with weights, or at counts where its rounding changes) nothing is saved. */
int rc_ring_new(struct ringcache_ring **ring, const struct rc_topology *topology,
    const struct ringcache_ring *base);

/* The hash a key is placed by. With hash_namespace, namespace and key are hashed together, as 0
 * when they pass 250 bytes; a tag is looked for in what is hashed. A sole server owns every hash,
 * so libmemcached's not hashing at all then needs no rule. */
uint32_t rc_ring_hash(const struct ringcache_ring *ring, const void *key, size_t len);

#endif
