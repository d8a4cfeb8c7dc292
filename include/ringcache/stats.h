/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_STATS_H
#define RINGCACHE_STATS_H

/** @file How things stand: where a key goes right now, and why; and what was counted. */

#include <stddef.h>
#include <stdint.h>

#include "ringcache/client.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ringcache_format {
    RINGCACHE_TEXT,      /**< a line for each server, names and figures in turn */
    RINGCACHE_JSON,      /**< one object and a line end */
    RINGCACHE_PROMETHEUS /**< text format 0.0.4; counters end in _total */
} ringcache_format;

/** Takes the next `len` bytes; a return other than 0 ends the writing. Must not call the client. */
typedef int (*ringcache_sink)(void *user, const void *data, size_t len);

/** Write the figures of the client and of each of its servers, spare ones too: state, whether it is
 * a spare, requests in flight, connections, and counts since the server joined, those of the
 * journal since it first did: done, missed, not stored, timed out, refused while out of service,
 * failed otherwise, connections begun, outages; and but for Prometheus, why it is in its state. In
 * names and reasons, bytes that are no ASCII, and in text blanks, appear by their numbers. `sink`
 * is called inside this call.
 * Returns 0, what the sink returned, RINGCACHE_EINVAL or RINGCACHE_ECLOSING. Loop thread only. */
RINGCACHE_API int ringcache_stats_write(
    ringcache_client *client, ringcache_format format, ringcache_sink sink, void *user);

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

/** Number of candidates, at most 16: the key's owner, then with failover = gutter the spare servers
 * in the order in which they are tried, otherwise the ring's other servers in failover order. */
RINGCACHE_API size_t ringcache_explanation_count(const ringcache_explanation *explanation);

/** Name of candidate `index` (0 is the owner), NULL past the end. */
RINGCACHE_API const char *ringcache_explanation_server(
    const ringcache_explanation *explanation, size_t index);

/** State of candidate `index`: "idle", "connecting", "up", "suspect", "down", and "held" where
 * it answers and waits for ringcache_server_readmit; NULL past the end. */
RINGCACHE_API const char *ringcache_explanation_state(
    const ringcache_explanation *explanation, size_t index);

/** Why candidate `index` is in that state, or ""; NULL past the end. */
RINGCACHE_API const char *ringcache_explanation_reason(
    const ringcache_explanation *explanation, size_t index);

/** Is candidate `index` a spare server: 1, or 0. */
RINGCACHE_API int ringcache_explanation_spare(
    const ringcache_explanation *explanation, size_t index);

/** Is the key in the journal of candidate `index`, to be deleted there before anybody reads it: 1,
 * or 0. */
RINGCACHE_API int ringcache_explanation_journalled(
    const ringcache_explanation *explanation, size_t index);

/** Which candidate would be asked, or RINGCACHE_NONE. */
RINGCACHE_API size_t ringcache_explanation_target(const ringcache_explanation *explanation);

/** 0, or the status a request would get without asking anybody: RINGCACHE_ENOSERVER,
 * RINGCACHE_EDOWN, or why the server that owns the key turned the client away: RINGCACHE_EAUTH,
 * RINGCACHE_ENOTSUP. */
RINGCACHE_API int ringcache_explanation_status(const ringcache_explanation *explanation);

/** Free; NULL is allowed. */
RINGCACHE_API void ringcache_explanation_free(ringcache_explanation *explanation);

#ifdef __cplusplus
}
#endif
#endif
