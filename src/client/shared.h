/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_SHARED_H
#define RC_CLIENT_SHARED_H

/* News between the clients of one process: one list, under one lock, which every peer reads at its
 * own pace. A piece of news is appended once and freed when the last of those it is for has read
 * it.
 *
 *     oldest ── ── ── ── ── ── newest
 *       ▲ B reads on here  ▲ C here      (A, who wrote it all, reads nothing)
 *
 * Keys in doubt are no news, since nobody may miss one: those of a connection are told by a
 * structure of the connection's own, in a list in which the others look for the keys that they ask
 * for.
 *
 * Whoever appends wakes the others inside the lock, so that none of them can be gone. A peer looks
 * for news before each request of its own and in each turn. */

#include <stdatomic.h>
#include <stdbool.h>

#include "ringcache/shared.h"
#include "server/journal.h"

struct rc_conn;
struct rc_news;
struct rc_server;

/* One client's part. */
struct rc_peer {
    struct rc_list link; /* in shared->peers */
    ringcache_shared *shared;
    struct rc_transport *transport;
    struct rc_list *unread;             /* its oldest unread piece of news; NULL: none */
    size_t unread_count, unread_states; /* in all, and of them those of a server's state */
    size_t limit; /* of those, and of the others; 0: it hears nothing, as it keeps no journal */
    atomic_bool called; /* there is news */
    bool missed;        /* more than it could keep up with: what, nobody knows any more */
};

/* A write of that lane's key was lost. */
void rc_shared_tell_lost(
    struct rc_peer *peer, const char *server, uint32_t lane, const struct rc_lost *lost);
/* A server went out of service, or is back. */
void rc_shared_tell_state(struct rc_peer *peer, const char *server, bool up);

/* The keys of a connection's unanswered writes are in doubt to all other peers, and it is told of
 * no more. What is told lost in between is read before the end is seen. */
void rc_shared_begin_doubt(struct rc_peer *peer, const char *server, struct rc_conn *conn);
void rc_shared_end_doubt(struct rc_peer *peer, struct rc_conn *conn);
/* Does another peer have the command's key in doubt, or, without a command, any of that server's?
 * Where none has, news are to be read before a request is sent. */
bool rc_shared_doubts(
    const struct rc_peer *peer, const char *server, const struct rc_command *command);

/* What a peer does with news; the strings last as long as the call. */
struct rc_news_events {
    void (*lost)(void *owner, const char *server, uint32_t lane, const struct rc_lost *lost);
    void (*state)(void *owner, const char *server, bool up);
    void (*missed)(void *owner);
};

static inline bool rc_shared_called(const struct rc_peer *peer)
{
    return peer != NULL && atomic_load_explicit(&peer->called, memory_order_acquire);
}

/* Read all that is new. */
void rc_shared_read(struct rc_peer *peer, const struct rc_news_events *events, void *owner);

/* The client is closing. Frees the peer; NULL is allowed. */
void rc_shared_leave(struct rc_peer *peer);

#endif
