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
 * has no blank, a value may have some or be empty. A memcached that tells more, as of `conns` with
 * thousands of them, is RINGCACHE_ETOOBIG.
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

/** How a server comes back that is held out of service. */
typedef enum ringcache_readmission {
    /** With all that it holds, out of date or not: the program knows that it may be read, or has
     * emptied it itself. */
    RINGCACHE_READMIT_AS_IT_IS = 1,
    /** After what ringcache_flush_all_data does. */
    RINGCACHE_READMIT_FLUSHED
} ringcache_readmission;

/** Say how a server comes back after more was written in vain, while it was out, than its journal
 * holds (journal_entries; or there was no memory for it): any key of it may have a value that is
 * out of date. A memcached needs no such word: it is known by the CAS id of an item whether it is
 * out of date. A Redis, and a memcached without such ids (-C), is held out of service, from
 * RINGCACHE_EVENT_HELD on, unless it proves empty or on_overflow=flush is set.
 *
 * May be said as soon as RINGCACHE_EVENT_JOURNAL_FULL was told, holds for the way back that
 * follows, and is tried at once; events tell how that ends. A flush that the server refuses is
 * tried again with each probe.
 * Returns 0, RINGCACHE_EINVAL (no such name, no such way, a server whose journal missed nothing, or
 * that needs no word), RINGCACHE_ENOTSUP (a flush by a client with a namespace: it would wipe what
 * lies outside) or RINGCACHE_ECLOSING. */
RINGCACHE_API int ringcache_server_readmit(
    ringcache_client *client, const char *name, ringcache_readmission how);

/** A key that a server holds; valid until the callback returns. */
typedef struct ringcache_listed_key {
    ringcache_slice key; /**< without the namespace */
    int64_t ttl_ms;      /**< what remains, by this machine's clock; -1: for ever; 0: not told */
} ringcache_listed_key;

/** Hear of one key. Not 0 ends the listing: no further key is told. Every call is legal in it. */
typedef int (*ringcache_key_cb)(
    ringcache_client *client, const ringcache_listed_key *key, void *user);

/** List the keys that a server holds; with a namespace those within it. For each of them `each`
 * runs, in no order, then `done` once, with reply->status RINGCACHE_OK when all were told or `each`
 * ended it, and in any case reply->number the keys told of. What is stored or removed meanwhile may
 * be told of or not. Nothing is collected: however many there are, a page or a read's worth is in
 * memory.
 *
 * memcached (1.4.31 or later) is asked on a connection of its own, closed at the end, and tells
 * each key at most once, with its time; it passes over a key that it has a hand on just then, as
 * it may for a while after many were stored. While another listing is under way there it is busy,
 * and asked again until timeout_ms have passed. Redis is asked page by page like any request, and
 * tells a key more than once when it resizes its table meanwhile, and no time; the keys of leases,
 * which begin with `ringcache:lease:`, are among them.
 *
 * The whole may take as long as it will. What ends it with a failure: a page, or on memcached any
 * byte, that stays out for timeout_ms (RINGCACHE_ETIMEDOUT), a lost connection or a Redis that
 * another one has taken the place of (RINGCACHE_ECONNECT), the server's refusal
 * (RINGCACHE_ESERVER, its words in reply->message), a server that is down, its removal and
 * ringcache_client_close (RINGCACHE_ECANCELED).
 * Returns 0, RINGCACHE_EINVAL (no such name, no callback), RINGCACHE_ENOMEM or
 * RINGCACHE_ECLOSING. */
RINGCACHE_API int ringcache_server_keys(ringcache_client *client, const char *name,
    ringcache_key_cb each, ringcache_reply_cb done, void *user);

#ifdef __cplusplus
}
#endif
#endif
