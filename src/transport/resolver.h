/* SPDX-License-Identifier: MIT */
#ifndef RC_TRANSPORT_RESOLVER_H
#define RC_TRANSPORT_RESOLVER_H

/* Names, resolved by threads of the library's own: what they ask blocks as long as it likes and
 * cannot be interrupted, so neither a loop nor a program's thread pool may wait for it.
 *
 *     ask ── waiting ── under way in a thread ── answered: in the asker's mailbox ── collect
 *      └──────────────────────── forget, at any of these places ─────────────────────────┘
 *
 * RC_LOOK_UPS are under way at a time, the others wait in order; equal names share one. A thread
 * ends when nothing waits. A look-up that everybody forgot is left to its thread, which frees it;
 * one that is stuck no longer counts, and one more thread may take its place. All of it is
 * thread-safe; a mailbox is collected by one thread, and knocked at by any. */

#include <pthread.h>

#include "base/list.h"
#include "base/tree.h"
#include "transport/transport.h"

enum {
    RC_LOOK_UPS = 2,
    RC_LOOK_UP_STUCK_MS = 5000,
    RC_LOOK_UP_THREADS = 8, /* in all, with those that are stuck */
    RC_LOOK_UP_TWINS = 2,   /* of one name, of which the older is stuck */
    RC_FOUND_MAX = 32,
    RC_HOST_MAX = 255,
};

/* What a name means: addresses without a port, in the order to try. */
struct rc_found {
    size_t count;
    struct rc_address addresses[RC_FOUND_MAX];
};

/* Where the answers of one asker wait for it. `knock` is called in a thread of the resolver, under
 * its lock, when the first arrives. */
struct rc_mailbox {
    struct rc_list answered;
    void (*knock)(struct rc_mailbox *mailbox);
};

struct rc_look_up;

/* Embedded by whoever asks, and in place until it is forgotten. */
struct rc_question {
    struct rc_list node;
    struct rc_mailbox *mailbox;
    struct rc_look_up *look_up;
    /* Once collected: 0, a negative errno or a code of libuv's; and with 0 what was found. */
    int status;
    const struct rc_found *found;
};

/* Resolve one name, however long it takes: the status of its questions. */
typedef int (*rc_resolve_fn)(const char *name, struct rc_found *found);

struct rc_resolver {
    rc_resolve_fn resolve;
    uint64_t (*now_ms)(void);
    pthread_mutex_t lock;
    struct rc_list waiting, under_way; /* look-ups, the oldest first */
    struct rc_tree names;              /* of those that wait */
    unsigned threads;
    unsigned coming; /* of the threads, those begun that have not looked at what waits */
};

/* `resolve` is called in threads of the resolver; `now_ms` is monotonic. */
void rc_resolver_init(
    struct rc_resolver *resolver, rc_resolve_fn resolve, uint64_t (*now_ms)(void));

/* Have `name` resolved. 0, -ENAMETOOLONG, -ENOMEM, or the negative errno for which no thread could
 * be begun: then nothing was asked, and nothing is to be forgotten. */
int rc_resolver_ask(struct rc_resolver *resolver, const char *name, struct rc_mailbox *mailbox,
    struct rc_question *question);

/* The next question of `mailbox` that was answered, with what was found, or NULL. It stays to be
 * forgotten. */
struct rc_question *rc_resolver_collect(struct rc_resolver *resolver, struct rc_mailbox *mailbox);

/* No answer any more; what was found is gone. Never waits. */
void rc_resolver_forget(struct rc_resolver *resolver, struct rc_question *question);

/* Around fork: no thread is in the midst of anything when a process is copied, and the copy has
 * none of them. What was under way fails there. */
void rc_resolver_hold(struct rc_resolver *resolver);
void rc_resolver_resume(struct rc_resolver *resolver);
void rc_resolver_restart(struct rc_resolver *resolver);

#endif
