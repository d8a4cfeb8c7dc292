/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_SERVER_H
#define RINGCACHE_SERVER_H

/** @file What one server, called by its name, says of itself and of what it holds. What is sent for
 * each of these: docs/operations.md.
 *
 * Each holds to the rules of client.h, goes to the first of the server's connections like any
 * request, and has the client's timeout_ms. */

#include "ringcache/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Ask for the version of the server's software: reply->value is like "1.6.38"; of a Valkey its
 * own, not that of the Redis it is compatible with. RINGCACHE_MISS when it does not tell.
 * Returns 0, RINGCACHE_EINVAL (no such name) or as ringcache_get. */
RINGCACHE_API int ringcache_server_version(
    ringcache_client *client, const char *name, ringcache_reply_cb cb, void *user);

/** Ask for the server's own figures: memcached's `stats`, Redis' `INFO`. reply->value is lines
 * `name value`, each with a line feed behind it, in the server's order and at most 1 MiB; a name
 * has no blank, a value may have some or be empty.
 *
 * `section` (NULL: what the server tells unless asked otherwise) is 1..64 letters, digits and `_`:
 * memcached's `items`, `slabs`, `settings` …, Redis' `memory`, `commandstats` …. One that the
 * server does not have is RINGCACHE_ESERVER from memcached and without figures from Redis. Refused
 * is what is no question on memcached: `reset`, `detail`, `cachedump`, `sizes_enable` and
 * `sizes_disable`.
 * Returns 0, RINGCACHE_EINVAL (no such name, no section), RINGCACHE_ENOTSUP (no question) or as
 * ringcache_get. */
RINGCACHE_API int ringcache_server_stats(ringcache_client *client, const char *name,
    const char *section, ringcache_reply_cb cb, void *user);

/** Remove all that the server holds: on memcached everything, on Redis the database in use, in the
 * background. It is one server and never a whole ring; what other programs keep there goes too. A
 * failure says in reply->maybe_applied whether it may have been carried out.
 *
 * A client with a namespace is refused: it would wipe what lies outside.
 * Returns 0, RINGCACHE_EINVAL (no such name), RINGCACHE_ENOTSUP (a namespace) or as
 * ringcache_get. */
RINGCACHE_API int ringcache_flush_all_data(
    ringcache_client *client, const char *name, ringcache_reply_cb cb, void *user);

#ifdef __cplusplus
}
#endif
#endif
