/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_FETCH_H
#define RINGCACHE_FETCH_H

/** @file Cache-aside in one call: a value from the cache, or from a loader that fills it in, once
 * for all who ask at the same time.
 *
 * Within a client equal fetches under way are one. With the option `leases = yes`, which every
 * process of a service then sets, the server lets one client of all fill a key in: the others wait,
 * or take the value that is about to end. What a lease is on the wire: docs/operations.md; what it
 * promises: docs/fetch.md. */

#include "ringcache/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A value being made by a loader, which ends it by one call of ringcache_load_done or
 * ringcache_load_failed: now or later, on the loop's thread, also after the client was closed. */
typedef struct ringcache_load ringcache_load;

/** Make the value of ringcache_load_key. `user` is that of the fetch whose loader this is: of those
 * who wait the one that has waited longest, so that its callback has not run yet; it may run before
 * the load ends. Called on the loop's thread, never inside a call; every call is legal in it. */
typedef void (*ringcache_loader)(ringcache_client *client, ringcache_load *load, void *user);

/** What is to be fetched. All bits zero are the defaults, but for key and loader. */
typedef struct ringcache_fetch_request {
    ringcache_slice key;   /**< as in ringcache_get; copied */
    ringcache_slice route; /**< with data != NULL: hashed instead of the key; copied */
    ringcache_loader loader;
    /** For the answer, with loading; 0: ten times the client's timeout_ms. A loader goes on behind
     * it, and what it makes is stored. */
    uint32_t timeout_ms;
    /** How long one loader may take until another is tried; 0: 3,000. */
    uint32_t lease_ms;
    /** How much longer than its TTL a value is kept and given to those who ask while it is made
     * anew; 0: not at all. Memcached counts whole seconds, rounded up. */
    uint32_t stale_ms;
} ringcache_fetch_request;

/** Fetch a value: the one in the cache, or else the loader's, which is stored for the TTL that the
 * loader says.
 *
 * reply->status is RINGCACHE_OK with the value, or what the loader failed with, or
 * RINGCACHE_ETIMEDOUT, RINGCACHE_ECANCELED or RINGCACHE_ENOTSUP (leases, and a memcached that
 * speaks classic text). A cache that fails is no failure of a fetch: the loader is asked, and
 * reply->message says why the value was not stored. reply->marks: RINGCACHE_WON, the value was
 * loaded on behalf of this client, or with RINGCACHE_STALE is being so; RINGCACHE_FILLING with
 * RINGCACHE_STALE, on behalf of another.
 *
 * What this client writes to the key while it is fetched is not written over by what a loader made
 * before; with leases, nor is what others write.
 * Returns as ringcache_submit. Loop thread only. */
#define ringcache_fetch(client, request, cb, user, id)                                             \
    ringcache_fetch_sized(client, request, sizeof *(request), cb, user, id)

/** ringcache_fetch with the size of the caller's ringcache_fetch_request, so that a program
 * compiled against a smaller one stays right. */
RINGCACHE_API int ringcache_fetch_sized(ringcache_client *client,
    const ringcache_fetch_request *request, size_t request_size, ringcache_reply_cb cb, void *user,
    ringcache_id *id);

/** The key to be loaded, valid until the load ends or the client is closed; then no bytes. */
RINGCACHE_API ringcache_slice ringcache_load_key(const ringcache_load *load);

/** The value is made: those who wait get it, and it is stored for `ttl_ms` (0: for ever) and the
 * stale time behind that. Copied. Ends the load. A value that cannot be stored (larger than
 * max_value_bytes, or than the owner takes) is given to those who wait all the same; they end with
 * RINGCACHE_EINVAL when `ttl_ms` is no TTL, and with RINGCACHE_ENOMEM when there is no memory. */
RINGCACHE_API void ringcache_load_done(
    ringcache_load *load, const void *value, size_t value_len, int64_t ttl_ms);

/** There is no value to be had: those who wait end with `status` (RINGCACHE_MISS for a thing that
 * does not exist, else a negative code; any other becomes RINGCACHE_ESERVER) and `message` (one
 * line, copied; NULL: none). Somebody else may try at once, or where a stale value is still given,
 * when the lease ends. Ends the load. */
RINGCACHE_API void ringcache_load_failed(ringcache_load *load, int status, const char *message);

#ifdef __cplusplus
}
#endif
#endif
