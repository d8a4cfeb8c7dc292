/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_CLIENT_H
#define RINGCACHE_CLIENT_H

/** @file One cache over many servers, on one loop: the program's libuv loop, or one of the client's
 * own that any other event loop drives.
 *
 * Holds for every function here:
 * - A submitting call (get, set, delete, submit, ping) returns 0 or a negative code. Its callback
 *   runs if and only if it returned 0: exactly once, later, on the loop's thread, never inside a
 *   call and never after the close callback.
 * - Every call is legal in every callback.
 * - Keys are copied at submission, and so are values that are not lent (ringcache_request).
 * - One client, one loop, one thread: only ringcache_post may be called from another thread.
 * - One process: behind fork() the client is the parent's. The child neither calls nor closes it,
 *   nor runs its loop, and ends or starts another program, which inherits no connection. */

#include <stddef.h>
#include <stdint.h>

#include "ringcache/config.h"
#include "ringcache/request.h"
#include "ringcache/ring.h"
#include "ringcache/status.h"

/* uv.h needs POSIX names, which a strict -std=c11 hides; a loop is only pointed at here. */
#ifdef _POSIX_C_SOURCE
#include <uv.h>
#else
typedef struct uv_loop_s uv_loop_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ringcache_client ringcache_client;

/** Make a client on `loop`, which is borrowed and must outlive the close callback; NULL: on a loop
 * of its own, which ringcache_loop_step drives. `config` is copied and may have no server. Nothing
 * is connected, and no name looked up, before it is needed.
 * Returns 0, RINGCACHE_EINVAL, RINGCACHE_ECONFIG (see ringcache_config_error), RINGCACHE_ENOMEM or
 * a negative errno; `*client` is untouched on failure. */
RINGCACHE_API int ringcache_client_new(
    ringcache_client **client, uv_loop_t *loop, const ringcache_config *config);

typedef void (*ringcache_close_cb)(ringcache_client *client, void *user);

/** Close: pending requests end with RINGCACHE_ECANCELED, what was posted runs, then `cb` (may be
 * NULL) runs, all of it later on the loop; once `cb` returned the client's memory is gone. Every
 * other call is refused with RINGCACHE_ECLOSING from here on; closing again does nothing, and its
 * callback never runs. A loop of the client's own is to be stepped until ringcache_loop_step
 * returns 1.
 *
 * Nothing is waited for, a name that is still being looked up neither: that goes on in a thread of
 * the library's, and keeps nothing of the loop's. */
RINGCACHE_API void ringcache_client_close(
    ringcache_client *client, ringcache_close_cb cb, void *user);

/** Why the last call that was refused was refused, in one line; "" before. Never NULL, never a
 * password; valid until the next call. */
RINGCACHE_API const char *ringcache_client_error(const ringcache_client *client);

/** Let the client keep uv_run alive even when no request is pending: while other threads may post,
 * for one. Idempotent; a loop of the client's own is alive until the client is closed. */
RINGCACHE_API void ringcache_client_ref(ringcache_client *client);

/** Let only pending requests keep uv_run alive: the state a client begins in. Idempotent. */
RINGCACHE_API void ringcache_client_unref(ringcache_client *client);

/** One answer; `reply` and all it points to is borrowed until the callback returns. */
typedef void (*ringcache_reply_cb)(
    ringcache_client *client, const ringcache_reply *reply, void *user);

/** Fetch one value. `key`: 1..250 bytes together with the namespace, none ≤ 0x20 or 0x7f; while
 * every server, spare ones too, is a Redis, any 1..65,536 bytes.
 *
 * reply->status is RINGCACHE_OK with reply->value, RINGCACHE_MISS, or a failure: RINGCACHE_ETOOBIG
 * for a value beyond max_value_bytes, which is received and not kept; RINGCACHE_ESERVER for a key
 * of another type on a Redis, or RINGCACHE_MISS where the get left together with others
 * (merge_gets). Of those, a key with an empty or very large value on memcached, and one that a
 * Redis refused together with others, is asked for once more: behind what was submitted for its
 * server meanwhile, whose effect it may show. Returns 0, RINGCACHE_EINVAL (key), RINGCACHE_EBUSY (a
 * bound is reached: RINGCACHE_EVENT_ROOM tells when there is room), RINGCACHE_ENOSERVER,
 * RINGCACHE_ENOMEM or RINGCACHE_ECLOSING. */
RINGCACHE_API int ringcache_get(
    ringcache_client *client, const void *key, size_t key_len, ringcache_reply_cb cb, void *user);

/** Store one value of 0..max_value_bytes bytes for `ttl_ms` milliseconds (0: it never expires; on
 * memcached rounded up to whole seconds). Returns as ringcache_get, and RINGCACHE_ETOOBIG: beyond
 * max_value_bytes, or with its key beyond what the owner is known to take (item_size_max of a
 * memcached). Where that is not known yet, the reply says so. */
RINGCACHE_API int ringcache_set(ringcache_client *client, const void *key, size_t key_len,
    const void *value, size_t value_len, int64_t ttl_ms, ringcache_reply_cb cb, void *user);

/** Remove one key; RINGCACHE_MISS when there was none. Returns as ringcache_get. */
RINGCACHE_API int ringcache_delete(
    ringcache_client *client, const void *key, size_t key_len, ringcache_reply_cb cb, void *user);

/** Names a pending request; 0 names none. */
typedef uint64_t ringcache_id;

/** Submit a request in full. `*id` (may be NULL) names it for ringcache_cancel. Returns as
 * ringcache_set, and RINGCACHE_ENOTSUP for what the backends cannot do.
 *
 * With the option failover = remap, while the key's owner is out of service, GET, GET_AND_TOUCH,
 * SET and DELETE go to the next server of the ring, and with gutter to a spare one, where the value
 * lives at most failover_ttl_ms and nothing is touched; reply->marks has RINGCACHE_SUBSTITUTE then.
 * A MISS there says nothing of the owner; a DELETE there, OK or MISS, holds for the owner too once
 * it is back. All other operations, a GET with RINGCACHE_WANT_CAS, a DELETE with `cas`, keys that
 * would become longer than the server takes (by 16 bytes), what has RINGCACHE_NO_FAILOVER and what
 * is beyond failover_budget end with RINGCACHE_EDOWN as without. A substitute that speaks classic
 * text has no RINGCACHE_WANT_TTL: RINGCACHE_ENOTSUP, in the reply. */
#define ringcache_submit(client, request, cb, user, id)                                            \
    ringcache_submit_sized(client, request, sizeof *(request), cb, user, id)

/** ringcache_submit with the size of the caller's ringcache_request, so that a program compiled
 * against a smaller one stays right. */
RINGCACHE_API int ringcache_submit_sized(ringcache_client *client, const ringcache_request *request,
    size_t request_size, ringcache_reply_cb cb, void *user, ringcache_id *id);

/** End a pending request: its callback runs later with RINGCACHE_ECANCELED (reply->maybe_applied
 * says whether a write may have left). Returns 0, RINGCACHE_EINVAL when `id` names no pending
 * request, or RINGCACHE_ECLOSING. */
RINGCACHE_API int ringcache_cancel(ringcache_client *client, ringcache_id id);

/** How a ringcache_get_many ended: the numbers of keys that were there, that were not, and that
 * failed; together all keys. */
typedef void (*ringcache_done_cb)(
    ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user);

/** Fetch many keys, each from its owner, in batches as each server answers: a slow or dead server
 * holds up its own keys alone. `keys` and their bytes are not copied and stay valid until `done`.
 *
 * `each` (may be NULL) runs once for every key, in no order, with reply->index its place in `keys`,
 * and the statuses of a get; a key that is not valid ends with RINGCACHE_EINVAL, and on Redis one
 * of another type reads as a miss. Then `done` runs. `defaults` (may be NULL) gives the deadline,
 * which holds for all keys together, and options; WANT_CAS and WANT_TTL, like integrity=strict and
 * on a memcached leases=yes, fetch key by key. Without leases=yes no marks are told of what a
 * memcached has. Keys of a server that is out of service fail over like single ones. Takes 4 bytes
 * a key; what is under way is bounded as for any request.
 * Returns 0, RINGCACHE_EINVAL, RINGCACHE_ENOSERVER, RINGCACHE_ENOTSUP, RINGCACHE_ENOMEM or
 * RINGCACHE_ECLOSING. Loop thread only. */
RINGCACHE_API int ringcache_get_many(ringcache_client *client, const ringcache_slice *keys,
    size_t count, const ringcache_request *defaults, ringcache_reply_cb each,
    ringcache_done_cb done, void *user);

/** Send a Redis command in the caller's own words: `args[0]` is the command, `args[1]` its key, by
 * which it is routed unless `defaults->route` is set. Copied. `defaults` (may be NULL) gives route
 * and deadline.
 *
 * The reply is shown by reply->data; text is in reply->value too, a positive number in
 * reply->number; an error as a whole is RINGCACHE_ESERVER with its words. A failure says
 * maybe_applied like that of a write. Commands that wait, or that change a connection which others
 * share (SUBSCRIBE, MULTI, SELECT, BLPOP …), are refused. With `connections` above 1 the other keys
 * that it names may be asked on other connections, also those of one hash_tag: it waits for
 * nothing that is under way there, nor for deletes of the journal.
 * Returns 0, RINGCACHE_EINVAL, RINGCACHE_ENOTSUP (such a command, a memcached that owns the key, a
 * ring with a namespace), RINGCACHE_ETOOBIG or as ringcache_get. */
RINGCACHE_API int ringcache_command(ringcache_client *client, const ringcache_slice *args,
    size_t count, const ringcache_request *defaults, ringcache_reply_cb cb, void *user);

/** Add a server at run time (URI as in a configuration; with `pool=gutter` a spare one). In force
 * at RINGCACHE_EVENT_RING_CHANGED, which follows a return of 0. A server of the same name and
 * address that is still draining is taken back. One that this client had before is known by these:
 * the keys that were written there in vain are deleted before it serves, and a memcached serves
 * nothing of what it held before it left. A Redis serves what it held, unless on_overflow=flush is
 * set: flush it first (docs/failover.md).
 *
 * Up to 65,536 points (slots of a modulo table), as of 128 servers with 512 each, the new ring is
 * in force when this returns, as by every other change of membership. A larger one, or one that
 * replaces a larger, is built aside, in a thread of the library's, while requests go by the one in
 * force; changes that follow meanwhile are made together behind it, in their order, and each has
 * its event. RINGCACHE_EVENT_RING_KEPT instead tells that there was no memory. Until then, what
 * names a server (ringcache_ping …) knows those of the ring in force; a change knows those of the
 * changes before it.
 * Returns 0, RINGCACHE_ECONFIG (URI, duplicate name; see ringcache_client_error), RINGCACHE_ENOMEM
 * or RINGCACHE_ECLOSING. */
RINGCACHE_API int ringcache_server_add(ringcache_client *client, const char *uri);

/** Remove a server: no new request goes to it, those in flight end, then its connections close and
 * RINGCACHE_EVENT_REMOVED tells. Its keys move to the others: one that was there before, by an
 * earlier ring, reads what was left there (docs/failover.md). The last server may go, and so may
 * the last spare, without which failover = gutter does as none. Returns 0, RINGCACHE_EINVAL (no
 * such name), RINGCACHE_ENOMEM or RINGCACHE_ECLOSING. */
RINGCACHE_API int ringcache_server_remove(ringcache_client *client, const char *name);

/** Give a server another weight. Returns as ringcache_server_add. */
RINGCACHE_API int ringcache_server_weight(
    ringcache_client *client, const char *name, uint32_t weight);

/** Put the servers and the placement of `config` in force as one new ring, all or nothing. Servers
 * of unchanged name and address keep their connections and journals, also where an owner becomes a
 * spare or the other way round. One whose user or password is another keeps its journal and is
 * connected anew: what was sent is still answered, what comes waits for that, and if it is out of
 * service it is asked at once. Other options (timeouts, bounds …) stay as
 * they were at ringcache_client_new. Returns as ringcache_server_add. */
RINGCACHE_API int ringcache_servers_replace(
    ringcache_client *client, const ringcache_config *config);

/** Ask one server by name whether it answers (memcached `mn`, Redis `PING`), as a request of its
 * own: same deadline, same connection, same statuses as a get. Returns 0, RINGCACHE_EINVAL (no such
 * name) or as ringcache_get. */
RINGCACHE_API int ringcache_ping(
    ringcache_client *client, const char *name, ringcache_reply_cb cb, void *user);

/** A reference to the ring in force, to be released with ringcache_ring_unref; NULL when
 * closing. */
RINGCACHE_API ringcache_ring *ringcache_client_ring(ringcache_client *client);

typedef enum ringcache_event_type {
    /** A server without a connection is being connected to: for the first time, or once more after
     * its last one was lost. */
    RINGCACHE_EVENT_CONNECTING,
    RINGCACHE_EVENT_UP, /**< a server is in service after connecting, or after it had been down */
    /** Out of service by hard evidence: refused, failed handshake, lost, or by its own word, which
     * is then `text` (a Redis that is loading). */
    RINGCACHE_EVENT_DOWN,
    RINGCACHE_EVENT_EJECTED,      /**< out of service by soft evidence: silence */
    RINGCACHE_EVENT_READMITTED,   /**< back in service after an ejection */
    RINGCACHE_EVENT_REMOVED,      /**< a removed server has drained and is gone */
    RINGCACHE_EVENT_RING_CHANGED, /**< a new ring is in force */
    RINGCACHE_EVENT_ROOM,         /**< after RINGCACHE_EBUSY there is room again */
    /** Of the journal_entries of a server, half name keys that were written in vain while it was
     * out, or are in doubt: a long outage under many writes. */
    RINGCACHE_EVENT_JOURNAL_HALF,
    /** Such a key could not be noted: there was no entry left, or no memory. What follows:
     * ringcache_server_readmit. */
    RINGCACHE_EVENT_JOURNAL_FULL,
    RINGCACHE_EVENT_HELD, /**< a server answers, and waits for ringcache_server_readmit */
    /** A change that was accepted is not made, for lack of memory: the ring in force stays. */
    RINGCACHE_EVENT_RING_KEPT
} ringcache_event_type;

/** Valid during the callback. */
typedef struct ringcache_event {
    ringcache_event_type type;
    const char *server;   /**< name; "" for an event of the whole client */
    int reason;           /**< status code or negative errno; 0: none */
    const char *text;     /**< one line */
    uint64_t ring_digest; /**< of the ring in force */
} ringcache_event;

/** The name of an event type in lower case ("ring_changed"); static storage. Any thread. */
RINGCACHE_API const char *ringcache_event_name(ringcache_event_type type);

typedef void (*ringcache_event_cb)(
    ringcache_client *client, const ringcache_event *event, void *user);

/** Hear of events, on the loop's thread, never inside a call; one listener, NULL for none. Events
 * that happened before a listener was set are not kept. */
RINGCACHE_API void ringcache_client_on_event(
    ringcache_client *client, ringcache_event_cb cb, void *user);

/** What is posted; every call is legal in it. */
typedef void (*ringcache_post_cb)(ringcache_client *client, void *user);

/** Let `fn` run once, later, on the loop's thread. The one call that any thread may make, until
 * ringcache_client_close is called: a program whose other threads post orders the two. A posted
 * function may be what closes.
 *
 * What one thread posts runs in the order of posting. Every accepted post runs before the close
 * callback; in one that closing found waiting, other calls are refused with RINGCACHE_ECLOSING. On
 * the program's loop, uv_run does not return before what was posted in a callback of this client,
 * or before its first turn, has run; it cannot know of a post that another thread is about to make,
 * so that ringcache_client_ref is for while others may post.
 * Returns 0, RINGCACHE_EINVAL (no `fn`), RINGCACHE_ENOMEM or RINGCACHE_ECLOSING, and leaves
 * ringcache_client_error as it is. */
RINGCACHE_API int ringcache_post(ringcache_client *client, ringcache_post_cb fn, void *user);

/** The descriptor that another event loop watches for reading, on behalf of a client with a loop of
 * its own: readable when ringcache_loop_step has something to do. The same from
 * ringcache_client_new until the close callback returns, which is the place to take it out of the
 * other loop.
 * Returns RINGCACHE_EINVAL when the client is on a loop of the program's. */
RINGCACHE_API int ringcache_loop_fd(ringcache_client *client);

/** How many milliseconds the program may sleep unless the descriptor becomes readable: 0 while
 * output or callbacks wait, -1 when no time is set to anything. It may be less than the time to the
 * nearest deadline, never more. Ask before each sleep: every call may change it.
 * Returns RINGCACHE_EINVAL when the client is on a loop of the program's. */
RINGCACHE_API int ringcache_loop_timeout_ms(ringcache_client *client);

/** Do what is due and return without waiting: what was submitted before is written, what has
 * arrived is handed out, what has expired ends. To be called when the descriptor is readable or
 * ringcache_loop_timeout_ms has passed; at any other time it does no harm.
 *
 * Returns 0, or 1 when the client is gone: the close callback has run and nothing of the client may
 * be touched any more. After ringcache_client_close go on stepping until then. Returns
 * RINGCACHE_EINVAL within a callback, or when the client is on a loop of the program's. */
RINGCACHE_API int ringcache_loop_step(ringcache_client *client);

#ifdef __cplusplus
}
#endif
#endif
