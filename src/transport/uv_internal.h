/* SPDX-License-Identifier: MIT */
#ifndef RC_TRANSPORT_UV_INTERNAL_H
#define RC_TRANSPORT_UV_INTERNAL_H

/* What the files of the libuv transport share: its state, and the news that must wait. */

#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"
#include "transport/resolver.h"
#include "transport/transport.h"

/* An event that was known inside the owner's own call, and is therefore told after the next
 * poll. */
struct rc_uv_late {
    struct rc_list node;
    void (*tell)(struct rc_uv_late *late);
};

struct rc_uv_errand;

struct rc_uv {
    struct rc_transport base;
    uv_loop_t *loop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;   /* active while the poll must not sleep */
    uv_async_t async; /* what other threads knock at: those of `wake`, and the resolver's */
    uv_timer_t timer; /* wakes the poll; never expires anything itself */
    uv_timer_t retry; /* active while a stream is starved */

    struct rc_list streams;      /* not yet closed */
    struct rc_list lookups;      /* neither answered nor forgotten */
    struct rc_mailbox mailbox;   /* what the resolver found for them */
    struct rc_uv_errand *errand; /* work aside that was not dropped; NULL: none */
    struct rc_list late;
    struct rc_list starved; /* streams that wait for memory */

    uint64_t wish_ms;   /* when after_poll is due, or UINT64_MAX */
    uint64_t armed_ms;  /* when the timer fires, never later than the wish */
    uint64_t polled_ms; /* the loop's time when the last poll began */
    uint64_t turn;      /* counts the polls: what a poll led to is one turn with it */
    uint64_t random_state;
    atomic_bool woken;  /* by `wake` */
    bool unread;        /* a stream was left with bytes to read in this poll */
    unsigned postponed; /* polls for which after_poll has waited because of that */

    size_t handles; /* ours and our streams', until their close callbacks ran */
    bool stopping;
    void (*closed)(void *owner);
    void *closed_owner;
};

/* The address of the transport's implementation; `base` is its first member. */
static inline struct rc_uv *rc_uv_of(struct rc_transport *t)
{
    return (struct rc_uv *)(void *)t;
}

/* Tell `late` after the next poll, which will not sleep. */
void rc_uv_tell_later(struct rc_uv *u, struct rc_uv_late *late);
/* One of the handles counted in `handles` is gone. */
void rc_uv_handle_closed(struct rc_uv *u);

int rc_uv_stream_connect(struct rc_transport *t, const struct rc_address *address,
    const struct rc_stream_events *events, void *owner, struct rc_stream **stream);
ptrdiff_t rc_uv_stream_write(struct rc_stream *base, const struct rc_slice *parts, size_t count);
size_t rc_uv_stream_held(const struct rc_stream *base);
void rc_uv_stream_shutdown(struct rc_stream *base);
void rc_uv_stream_reset(struct rc_stream *base);
void rc_uv_stream_close(struct rc_stream *base);
/* Let every starved stream try again. */
void rc_uv_stream_retry(uv_timer_t *timer);
/* Close whatever the owner left open. */
void rc_uv_stream_close_all(struct rc_uv *u);

int rc_uv_lookup_start(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup);
void rc_uv_lookup_forget(struct rc_lookup *base);
/* Tell what the resolver has found. */
void rc_uv_lookup_collect(struct rc_uv *u);
void rc_uv_lookup_forget_all(struct rc_uv *u);

int rc_uv_work_begin(struct rc_transport *t, struct rc_work *work);
void rc_uv_work_drop(struct rc_transport *t);
/* Tell what is done. */
void rc_uv_work_collect(struct rc_uv *u);

#endif
