/* SPDX-License-Identifier: MIT */
#ifndef RC_RING_RING_H
#define RC_RING_RING_H

/* The ring: an immutable value built from a topology. No health, no clock, no I/O.
 * Lookup is a hash, a multiply-shift into a bucket index with as many buckets as points, and the
 * few points of that bucket; nothing in it grows with the servers.
 *
 * What a ring can be asked is public (ringcache/ring.h) and implemented in this layer; here is only
 * what the other layers need besides. */

#include <stddef.h>
#include <stdint.h>

#include "ring/topology.h"
#include "ringcache/ring.h"

/* 0, RINGCACHE_ECONFIG (a topology that rc_topology_check refuses) or RINGCACHE_ENOMEM. */
int rc_ring_new(struct ringcache_ring **ring, const struct rc_topology *topology);

/* The hash a key is placed by. With hash_namespace, namespace and key are hashed together, as 0
 * when they pass 250 bytes; a tag is looked for in what is hashed. A sole server owns every hash,
 * so libmemcached's not hashing at all then needs no rule. */
uint32_t rc_ring_hash(const struct ringcache_ring *ring, const void *key, size_t len);

#endif
