/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_RING_H
#define RINGCACHE_RING_H

/** @file The ring as a value: which server owns a key, and why.
 *
 * Immutable, with an atomic reference count; usable on any thread, needs no network and no loop.
 * Servers are numbered 0..count−1 in the order of the configuration, spare servers (`pool=gutter`)
 * left out: these have a ring of their own, in which they are numbered likewise. */

#include <stddef.h>
#include <stdint.h>

#include "ringcache/config.h"
#include "ringcache/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** No server: what an empty ring answers. */
#define RINGCACHE_NONE ((size_t)-1)

typedef struct ringcache_ring ringcache_ring;
typedef struct ringcache_ring_change ringcache_ring_change;

/** Build the ring of `config` (0 to 65,535 servers), which owns all keys: spare servers are not in
 * it, and change nothing about it. The configuration is copied.
 * Returns 0, RINGCACHE_ECONFIG (see ringcache_config_error), RINGCACHE_EINVAL or RINGCACHE_ENOMEM;
 * `*ring` is untouched on failure. */
RINGCACHE_API int ringcache_ring_new(ringcache_ring **ring, const ringcache_config *config);

/** Build the ring of the spare servers of `config`, with the same distribution and hash and their
 * own weights: with failover = gutter, whoever is in service of a key's owners there is asked while
 * its owner in the ring of ringcache_ring_new is not. Empty where there is none; otherwise as
 * ringcache_ring_new. */
RINGCACHE_API int ringcache_ring_new_of_spares(
    ringcache_ring **ring, const ringcache_config *config);

/** One more reference; returns `ring`. */
RINGCACHE_API ringcache_ring *ringcache_ring_ref(ringcache_ring *ring);

/** One reference less; the last frees. NULL is allowed. */
RINGCACHE_API void ringcache_ring_unref(ringcache_ring *ring);

/** Number of servers. */
RINGCACHE_API size_t ringcache_ring_server_count(const ringcache_ring *ring);

/** Name of server `server`, or NULL past the end; lives as long as the ring. */
RINGCACHE_API const char *ringcache_ring_server_name(const ringcache_ring *ring, size_t server);

/** Weight of server `server` as configured, 0 past the end. */
RINGCACHE_API uint32_t ringcache_ring_weight(const ringcache_ring *ring, size_t server);

/** Points (virtual nodes; for the modulo distributions, table entries) of server `server`. */
RINGCACHE_API size_t ringcache_ring_points(const ringcache_ring *ring, size_t server);

/** The exact share of the hash's range that server `server` owns, 0..1. */
RINGCACHE_API double ringcache_ring_share(const ringcache_ring *ring, size_t server);

/** The owner of a key: a server index, or RINGCACHE_NONE on an empty ring. `key` is any bytes;
 * hash tag, namespace and hash are the configuration's. */
RINGCACHE_API size_t ringcache_ring_locate(
    const ringcache_ring *ring, const void *key, size_t key_len);

/** The first `max` distinct servers for a key in failover order, the owner first, into `owners`.
 * Returns how many were written: fewer than `max` when the ring has fewer servers with points. */
RINGCACHE_API size_t ringcache_ring_owners(
    const ringcache_ring *ring, const void *key, size_t key_len, size_t *owners, size_t max);

/** Equal digests mean equal placement of every key, whatever the order of configuration. */
RINGCACHE_API uint64_t ringcache_ring_digest(const ringcache_ring *ring);

/** What moves between two rings, servers matched by name. Exact where both hash keys alike;
 * otherwise both hashes are taken as independent, and ringcache_ring_change_exact says 0.
 * Returns 0, RINGCACHE_EINVAL, RINGCACHE_ENOMEM, or RINGCACHE_ETOOBIG when the table of moves would
 * pass 4 Mi rows (two long modulo lists). */
RINGCACHE_API int ringcache_ring_diff(
    const ringcache_ring *from, const ringcache_ring *to, ringcache_ring_change **out);

/** Share of keys whose owner changes, 0..1. */
RINGCACHE_API double ringcache_ring_change_moved(const ringcache_ring_change *change);

/** The least share that any placement with the new shares must move. */
RINGCACHE_API double ringcache_ring_change_ideal(const ringcache_ring_change *change);

/** moved − ideal. */
RINGCACHE_API double ringcache_ring_change_needless(const ringcache_ring_change *change);

/** 1 when the figures are exact, 0 when the two rings hash keys differently. */
RINGCACHE_API int ringcache_ring_change_exact(const ringcache_ring_change *change);

/** Number of (from, to) pairs between which keys move. */
RINGCACHE_API size_t ringcache_ring_change_count(const ringcache_ring_change *change);

/** Pair `index`, largest share first: server indexes in the old and the new ring (RINGCACHE_NONE
 * for an empty ring) and the share of all keys. Any output may be NULL. Returns 0 or
 * RINGCACHE_EINVAL. */
RINGCACHE_API int ringcache_ring_change_at(
    const ringcache_ring_change *change, size_t index, size_t *from, size_t *to, double *share);

/** Free; NULL is allowed. */
RINGCACHE_API void ringcache_ring_change_free(ringcache_ring_change *change);

#ifdef __cplusplus
}
#endif
#endif
