/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_SHARED_H
#define RINGCACHE_SHARED_H

/** @file What the clients of one process tell each other.
 *
 * A program with several threads has a client on each one's loop. Alone, each knows only of its own
 * requests: a write that failed on one leaves an old value that another may still read, and a
 * server that one found out to be gone is found out once more by every other. Clients that share
 * tell each other the keys of writes that failed or are in doubt, and each deletes them in front of
 * its own later requests; the keys of a connection that one gave up while its writes may still be
 * carried out, which are in doubt to all until its end (docs/failover.md); and which servers went
 * out of service or came back, so that the others ask at once. */

#include "ringcache/client.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ringcache_shared ringcache_shared;

/** Nobody takes part yet. 0 or RINGCACHE_ENOMEM. Any thread. */
RINGCACHE_API int ringcache_shared_new(ringcache_shared **shared);

/** Let go of it; it lives on while clients take part. NULL is allowed. Any thread, once. */
RINGCACHE_API void ringcache_shared_free(ringcache_shared *shared);

/** Let a client take part from now on, until it is closed. All that do have the same `connections`,
 * `namespace`, `hash`, `hash_tag` and `hash_namespace`; servers are known to them by their names.
 *
 * When a write ended in one client without the server's word, and its callback has run, a request
 * for that key submitted in another afterwards no longer finds the value that the write was to
 * replace; nor does it once the write is carried out after all and undoes a newer one. A write that
 * passed its deadline is told as soon as its connection is given up, which is when that was silent
 * for as long as takes its server out; one that is answered before then has had its effect. A
 * client with `journal_entries` 0 makes nothing good, whoever failed to write it.
 *
 * Returns 0, RINGCACHE_EINVAL (it takes part already, or is configured otherwise than the others),
 * RINGCACHE_ENOMEM or RINGCACHE_ECLOSING. Loop thread only. */
RINGCACHE_API int ringcache_client_share(ringcache_client *client, ringcache_shared *shared);

#ifdef __cplusplus
}
#endif

#endif
