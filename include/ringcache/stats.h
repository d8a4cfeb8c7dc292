/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_STATS_H
#define RINGCACHE_STATS_H

/** @file How things stand: where a key goes right now, and why. */

#include <stddef.h>
#include <stdint.h>

#include "ringcache/client.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ringcache_explanation ringcache_explanation;

/** Explain where a request for `key` would go at this moment: a snapshot, owned by the caller, that
 * asks nothing of any server. Returns 0, RINGCACHE_EINVAL (key), RINGCACHE_ENOMEM or
 * RINGCACHE_ECLOSING; `*out` is untouched on failure. Loop thread only; the accessors on any. */
RINGCACHE_API int ringcache_explain(
    ringcache_client *client, const void *key, size_t key_len, ringcache_explanation **out);

/** The hash that places the key. */
RINGCACHE_API uint32_t ringcache_explanation_hash(const ringcache_explanation *explanation);

/** Digest of the ring in force. */
RINGCACHE_API uint64_t ringcache_explanation_digest(const ringcache_explanation *explanation);

/** Number of candidates: the distinct servers of the ring in failover order, at most 16. */
RINGCACHE_API size_t ringcache_explanation_count(const ringcache_explanation *explanation);

/** Name of candidate `index` (0 is the owner), NULL past the end. */
RINGCACHE_API const char *ringcache_explanation_server(
    const ringcache_explanation *explanation, size_t index);

/** State of candidate `index`: "idle", "connecting", "up", "suspect", "down"; NULL past the end. */
RINGCACHE_API const char *ringcache_explanation_state(
    const ringcache_explanation *explanation, size_t index);

/** Why candidate `index` is in that state, or ""; NULL past the end. */
RINGCACHE_API const char *ringcache_explanation_reason(
    const ringcache_explanation *explanation, size_t index);

/** Which candidate would be asked, or RINGCACHE_NONE. */
RINGCACHE_API size_t ringcache_explanation_target(const ringcache_explanation *explanation);

/** 0, or the status a request would get without asking anybody: RINGCACHE_ENOSERVER, RINGCACHE_EDOWN,
 * or why the server that owns the key turned the client away: RINGCACHE_EAUTH, RINGCACHE_ENOTSUP. */
RINGCACHE_API int ringcache_explanation_status(const ringcache_explanation *explanation);

/** Free; NULL is allowed. */
RINGCACHE_API void ringcache_explanation_free(ringcache_explanation *explanation);

#ifdef __cplusplus
}
#endif
#endif
