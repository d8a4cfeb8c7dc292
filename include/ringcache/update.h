/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_UPDATE_H
#define RINGCACHE_UPDATE_H

/** @file Changing what depends on what is there: optimistic updates, and locks.
 *
 * Both are built on reading with a CAS token and writing under it, on every backend. */

#include "ringcache/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What an update makes of a value, during its function. */
typedef struct ringcache_change ringcache_change;

/** Look at what is there now (now->status is RINGCACHE_OK with the value, or RINGCACHE_MISS) and
 * call ringcache_change_store or ringcache_change_delete at most once; without, the key stays as it
 * is. Called once for each try, on the loop's thread, never inside a call: it may run any number of
 * times, so that it should do nothing else. */
typedef void (*ringcache_update_fn)(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user);

/** Read a key, let `fn` make its new value, write that if nobody wrote in between, else once more,
 * until the deadline. Of `request` its key, route and timeout_ms are used; the rest is zero.
 * Updates of one key by one client take turns and so never disturb each other.
 *
 * A memcached that was started without CAS tokens (-C) can do none of this: RINGCACHE_ENOTSUP.
 *
 * reply->status is RINGCACHE_OK once it is written, RINGCACHE_NOT_STORED when `fn` left it as it
 * was, RINGCACHE_MISS when there was nothing to delete, or a failure, with maybe_applied as that of
 * the last write; reply->attempts counts all that was asked. On Redis a value that changed and
 * changed back counts as unchanged. Returns as ringcache_submit. Loop thread only. */
#define ringcache_update(client, request, fn, cb, user, id)                                        \
    ringcache_update_sized(client, request, sizeof *(request), fn, cb, user, id)

/** ringcache_update with the size of the caller's ringcache_request. */
RINGCACHE_API int ringcache_update_sized(ringcache_client *client, const ringcache_request *request,
    size_t request_size, ringcache_update_fn fn, ringcache_reply_cb cb, void *user,
    ringcache_id *id);

/** Store that value for `ttl_ms` (0: for ever). Copied; memcached's client flags stay as they were.
 * Returns 0, RINGCACHE_EINVAL (a second change, or no TTL), RINGCACHE_ETOOBIG, RINGCACHE_EBUSY,
 * RINGCACHE_ENOMEM, RINGCACHE_ECANCELED (the update was, in its function) or RINGCACHE_ECLOSING;
 * what is refused is also how the update ends. */
RINGCACHE_API int ringcache_change_store(
    ringcache_change *change, const void *value, size_t value_len, int64_t ttl_ms);

/** Remove the key. Where nothing is, nothing is sent; what a loader of this client began to make
 * before is not stored all the same. Returns as ringcache_change_store. */
RINGCACHE_API int ringcache_change_delete(ringcache_change *change);

/** Take the lock `key` for `ttl_ms` (at least 1; on memcached rounded up to seconds): a value under
 * the key that names its holder. `*token` is set to a fresh name, which the other calls need: each
 * try has one of its own, so give it a place of its own.
 *
 * reply->status is RINGCACHE_OK for the holder, RINGCACHE_NOT_STORED when somebody holds it; when
 * it failed and maybe_applied is set, it may be held under `*token` all the same, to be released by
 * that.
 *
 * A lock in a cache keeps two from doing the same work at a time, nearly always. It is no proof:
 * it ends by itself while its holder still works, stopped or slow; it is gone when the server
 * restarts, evicts it or is flushed, or when the ring changes and another server owns the key. What
 * must never happen twice needs a check of its own where it is written. Returns as ringcache_set.
 * Loop thread only. */
RINGCACHE_API int ringcache_lock(ringcache_client *client, const void *key, size_t key_len,
    int64_t ttl_ms, uint64_t *token, ringcache_reply_cb cb, void *user);

/** Hold it for `ttl_ms` from now on. RINGCACHE_OK; RINGCACHE_EXISTS when another holds it;
 * RINGCACHE_MISS when nobody does. Returns as ringcache_lock. */
RINGCACHE_API int ringcache_lock_extend(ringcache_client *client, const void *key, size_t key_len,
    uint64_t token, int64_t ttl_ms, ringcache_reply_cb cb, void *user);

/** Give it back: never another's. Statuses as ringcache_lock_extend. */
RINGCACHE_API int ringcache_lock_release(ringcache_client *client, const void *key, size_t key_len,
    uint64_t token, ringcache_reply_cb cb, void *user);

#ifdef __cplusplus
}
#endif
#endif
