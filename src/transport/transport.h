/* SPDX-License-Identifier: MIT */
#ifndef RC_TRANSPORT_TRANSPORT_H
#define RC_TRANSPORT_TRANSPORT_H

/* The world as the core sees it: streams, names, one timer, the turn of a loop. Two implementations
 * exist: libuv's, and the simulator's under tests/.
 *
 * Events are never delivered from inside a call that the owner makes: connect, write, resolve and
 * the rest only ever report later. All calls but `wake`, and all events, are on the loop's thread.
 *
 * The turn of the loop, for one transport:
 *
 *     before_poll ── wait for I/O or the timer ── stream and lookup events ── after_poll ─┐
 *          └──────────────────────────────────────────────────────────────────────────────┘
 *
 * before_poll runs whenever `defer` was called since the last one; deferred work holds the loop
 * back from sleeping. after_poll runs when the time asked for by `wake_at` has come, and only once
 * the poll's events have all been delivered: whatever had arrived was read before anything expires.
 * Its `now_ms` is the time at which that poll began. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* A socket address, opaque to the core: a sockaddr of `len` bytes. */
struct rc_address {
    _Alignas(8) unsigned char bytes[128];
    unsigned len;
};

/* Where a server is to be found. */
struct rc_endpoint {
    const char *host; /* a name or an IP literal without brackets; a Unix socket's path */
    uint16_t port;
    bool is_path;
};

struct rc_stream;
struct rc_lookup;
struct rc_transport;

/* What the owner of a stream is told. After rc_stream_close or rc_stream_reset: nothing more. */
struct rc_stream_events {
    /* The connection stands (0), or never will (a negative errno; close the stream). Once. */
    void (*connected)(void *owner, int status);
    /* Where the next bytes should go. `*len` (> 0) is the room. NULL: out of memory; reading is
     * tried again on the next event. */
    void *(*reserve)(void *owner, size_t *len);
    /* `n` > 0 bytes were put where `reserve` said. */
    void (*received)(void *owner, size_t n);
    /* The peer ended it: status 0 for FIN, else a negative errno. No `received` follows. The stream
     * stays to be closed; after FIN it may still be written. */
    void (*ended)(void *owner, int status);
    /* A write that took less than all may go on. */
    void (*writable)(void *owner);
};

/* What the client hears of the loop. */
struct rc_turn_events {
    void (*before_poll)(void *owner);
    void (*after_poll)(void *owner, uint64_t now_ms);
};

/* `count` addresses (0 with a negative status), in the order to try; valid during the call. */
typedef void (*rc_resolved_fn)(
    void *owner, int status, const struct rc_address *addresses, size_t count);

/* What takes longer than a loop may stand still, and needs nothing of the loop's. */
struct rc_work {
    void (*run)(struct rc_work *work);  /* aside, in a thread of its own */
    void (*done)(struct rc_work *work); /* on the loop's thread, unless it was dropped */
    void (*over)(struct rc_work *work); /* aside again, once it was dropped: free it */
};

/* Connections of one process that are dialled or greeted at the same time: a server that comes back
 * is not buried under the handshakes of one program. */
enum { RC_HANDSHAKES_MAX = 64 };

struct rc_transport_ops {
    /* Start connecting; `*stream` is valid until it is closed. 0 or a negative errno (of our own
     * machine: EMFILE, EADDRNOTAVAIL …), then no event comes. */
    int (*connect)(struct rc_transport *t, const struct rc_address *address,
        const struct rc_stream_events *events, void *owner, struct rc_stream **stream);
    /* Hand bytes to the kernel: how many it took (0.. of the total), or a negative errno after
     * which the stream is as good as ended (`ended` need not follow). When less than all was taken,
     * `writable` follows once. The bytes are not referenced after the call. */
    ptrdiff_t (*write)(struct rc_stream *s, const struct rc_slice *parts, size_t count);
    /* Bytes that `write` took but that this process still holds; 0 when all are the kernel's. */
    size_t (*held)(const struct rc_stream *s);
    /* End our direction (FIN) once everything taken was sent; reading goes on. */
    void (*shutdown)(struct rc_stream *s);
    /* Close, and let the peer see a reset. */
    void (*reset)(struct rc_stream *s);
    /* Close without further events. The stream is invalid from here on. */
    void (*close)(struct rc_stream *s);

    /* May one more connection of this process be in the making? False: RC_HANDSHAKES_MAX are, and
     * `beyond` was not said. Whoever may says when it is done, greeted or given up. */
    bool (*begin_handshake)(struct rc_transport *t, bool beyond);
    void (*end_handshake)(struct rc_transport *t);

    /* Turn an endpoint into addresses. Always answers later, also for literals and paths. 0 or a
     * negative errno. The endpoint is not referenced after the call. */
    int (*resolve)(struct rc_transport *t, const struct rc_endpoint *endpoint, rc_resolved_fn done,
        void *owner, struct rc_lookup **lookup);
    /* No answer any more. Prompt, however long the look-up still hangs. */
    void (*forget)(struct rc_lookup *lookup);

    /* Have work done; the next one not before that is dropped. 0, or a negative errno, after which
     * nothing is called. */
    int (*begin_work)(struct rc_transport *t, struct rc_work *work);
    /* Nobody waits for it any more, or needs what was done. Prompt, however long that takes. */
    void (*drop_work)(struct rc_transport *t);

    /* Read the clock into t->clock (rc_transport_clock). */
    void (*read_clock)(struct rc_transport *t);
    /* Seconds since 1970, for the one conversion of long TTLs into absolute times. */
    int64_t (*wall_s)(struct rc_transport *t);
    /* Unpredictable bits for tokens and jitter (the simulator's come from its seed). */
    uint64_t (*random)(struct rc_transport *t);
    /* Call after_poll at `at_ms`; replaces the former wish. UINT64_MAX: never. */
    void (*wake_at)(struct rc_transport *t, uint64_t at_ms);
    /* Call before_poll before the loop sleeps again (rc_transport_defer). */
    void (*defer)(struct rc_transport *t);
    /* `defer` from any thread, and for a loop that sleeps. What the caller did before, before_poll
     * sees. From the moment the loop has noticed it is held: before_poll says `hold` anew. */
    void (*wake)(struct rc_transport *t);
    /* Does this transport keep its loop alive? At first it does not. */
    void (*hold)(struct rc_transport *t, bool alive);
    /* After every stream was closed, every look-up forgotten and all work dropped: give everything
     * back, then `closed`, which may free the transport's memory. */
    void (*stop)(struct rc_transport *t, void (*closed)(void *owner), void *owner);
};

/* One reading of the clock. */
struct rc_clock {
    uint64_t ms; /* monotonic */
    uint64_t us; /* the same in microseconds, from the same origin: to measure, not for deadlines */
    bool fresh;  /* else it is to be read again */
};

/* Embedded as the first member of an implementation. */
struct rc_transport {
    const struct rc_transport_ops *ops;
    const struct rc_turn_events *events; /* set by the client before the first call */
    void *owner;
    struct rc_clock clock; /* fresh from its reading until a poll begins, or has ended */
    bool deferred;         /* before_poll is due */
};

/* Embedded as the first member of an implementation's stream. */
struct rc_stream {
    const struct rc_transport_ops *ops;
};

/* Embedded as the first member of an implementation's look-up. */
struct rc_lookup {
    const struct rc_transport_ops *ops;
};

/* The time. The first call before a poll and the first after it read the clock, no others do. */
static inline const struct rc_clock *rc_transport_clock(struct rc_transport *t)
{
    if (!t->clock.fresh) {
        t->ops->read_clock(t);
    }
    return &t->clock;
}

/* Let before_poll run before the loop sleeps again. Idempotent. */
static inline void rc_transport_defer(struct rc_transport *t)
{
    if (!t->deferred) {
        t->ops->defer(t);
    }
}

static inline ptrdiff_t rc_stream_write(
    struct rc_stream *s, const struct rc_slice *parts, size_t count)
{
    return s->ops->write(s, parts, count);
}

static inline size_t rc_stream_held(const struct rc_stream *s)
{
    return s->ops->held(s);
}

static inline void rc_stream_shutdown(struct rc_stream *s)
{
    s->ops->shutdown(s);
}

static inline void rc_stream_reset(struct rc_stream *s)
{
    s->ops->reset(s);
}

static inline void rc_stream_close(struct rc_stream *s)
{
    s->ops->close(s);
}

static inline void rc_lookup_forget(struct rc_lookup *lookup)
{
    lookup->ops->forget(lookup);
}

#endif
