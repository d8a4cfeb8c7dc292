/* SPDX-License-Identifier: MIT */
/* Look-ups pass as they are: what is counted asks for no name. */
#include "boundary.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

struct boundary {
    struct rc_transport base;
    struct rc_transport *inner;
};

/* A stream of the inner transport, and who is told of it. */
struct boundary_stream {
    struct rc_stream base;
    struct rc_stream *inner;
    const struct rc_stream_events *events;
    void *owner;
};

static struct rc_transport *inner_of(struct rc_transport *t)
{
    return rc_container(t, struct boundary, base)->inner;
}

static struct boundary_stream *stream_of(const struct rc_stream *s)
{
    return rc_container(s, struct boundary_stream, base);
}

/* Into the library. */

static BOUNDARY void inside_connected(void *own, int status)
{
    struct boundary_stream *s = own;
    s->events->connected(s->owner, status);
}

static BOUNDARY void *inside_reserve(void *own, size_t *len)
{
    struct boundary_stream *s = own;
    return s->events->reserve(s->owner, len);
}

static BOUNDARY void inside_received(void *own, size_t n)
{
    struct boundary_stream *s = own;
    s->events->received(s->owner, n);
}

static BOUNDARY void inside_ended(void *own, int status)
{
    struct boundary_stream *s = own;
    s->events->ended(s->owner, status);
}

static BOUNDARY void inside_writable(void *own)
{
    struct boundary_stream *s = own;
    s->events->writable(s->owner);
}

static BOUNDARY void inside_before_poll(void *own)
{
    struct boundary *b = own;
    b->base.deferred = false;
    b->base.clock.fresh = false;
    b->base.events->before_poll(b->base.owner);
    b->base.clock.fresh = false;
}

static BOUNDARY void inside_after_poll(void *own, uint64_t now_ms)
{
    struct boundary *b = own;
    b->base.events->after_poll(b->base.owner, now_ms);
    b->base.clock.fresh = false;
}

static const struct rc_stream_events stream_events = {
    .connected = inside_connected,
    .reserve = inside_reserve,
    .received = inside_received,
    .ended = inside_ended,
    .writable = inside_writable,
};
static const struct rc_turn_events turn_events = {
    .before_poll = inside_before_poll,
    .after_poll = inside_after_poll,
};

/* Out of it. */

static BOUNDARY int outside_connect(struct rc_transport *t, const struct rc_address *address,
    const struct rc_stream_events *events, void *owner, struct rc_stream **stream)
{
    struct rc_transport *inner = inner_of(t);
    struct boundary_stream *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return -ENOMEM;
    }
    *s = (struct boundary_stream){.base = {t->ops}, .events = events, .owner = owner};
    int status = inner->ops->connect(inner, address, &stream_events, s, &s->inner);
    if (status != 0) {
        free(s);
        return status;
    }
    *stream = &s->base;
    return 0;
}

static BOUNDARY ptrdiff_t outside_write(
    struct rc_stream *s, const struct rc_slice *parts, size_t count)
{
    return rc_stream_write(stream_of(s)->inner, parts, count);
}

static BOUNDARY size_t outside_held(const struct rc_stream *s)
{
    return rc_stream_held(stream_of(s)->inner);
}

static BOUNDARY void outside_shutdown(struct rc_stream *s)
{
    rc_stream_shutdown(stream_of(s)->inner);
}

static BOUNDARY void outside_reset(struct rc_stream *s)
{
    rc_stream_reset(stream_of(s)->inner);
    free(stream_of(s));
}

static BOUNDARY void outside_close(struct rc_stream *s)
{
    rc_stream_close(stream_of(s)->inner);
    free(stream_of(s));
}

static BOUNDARY bool outside_begin_handshake(struct rc_transport *t, bool beyond)
{
    return inner_of(t)->ops->begin_handshake(inner_of(t), beyond);
}

static BOUNDARY void outside_end_handshake(struct rc_transport *t)
{
    inner_of(t)->ops->end_handshake(inner_of(t));
}

static BOUNDARY int outside_resolve(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup)
{
    return inner_of(t)->ops->resolve(inner_of(t), endpoint, done, owner, lookup);
}

static BOUNDARY void outside_read_clock(struct rc_transport *t)
{
    t->clock = *rc_transport_clock(inner_of(t));
}

static BOUNDARY int64_t outside_wall_s(struct rc_transport *t)
{
    return inner_of(t)->ops->wall_s(inner_of(t));
}

static BOUNDARY uint64_t outside_random(struct rc_transport *t)
{
    return inner_of(t)->ops->random(inner_of(t));
}

static BOUNDARY void outside_wake_at(struct rc_transport *t, uint64_t at_ms)
{
    inner_of(t)->ops->wake_at(inner_of(t), at_ms);
}

static BOUNDARY void outside_defer(struct rc_transport *t)
{
    t->deferred = true;
    rc_transport_defer(inner_of(t));
}

static BOUNDARY void outside_wake(struct rc_transport *t)
{
    inner_of(t)->ops->wake(inner_of(t));
}

static BOUNDARY void outside_hold(struct rc_transport *t, bool alive)
{
    inner_of(t)->ops->hold(inner_of(t), alive);
}

static BOUNDARY void outside_stop(struct rc_transport *t, void (*closed)(void *owner), void *owner)
{
    inner_of(t)->ops->stop(inner_of(t), closed, owner);
}

static const struct rc_transport_ops ops = {
    .connect = outside_connect,
    .write = outside_write,
    .held = outside_held,
    .shutdown = outside_shutdown,
    .reset = outside_reset,
    .close = outside_close,
    .begin_handshake = outside_begin_handshake,
    .end_handshake = outside_end_handshake,
    .resolve = outside_resolve,
    /* A look-up that is forgotten is the inner transport's, and finds its own. */
    .read_clock = outside_read_clock,
    .wall_s = outside_wall_s,
    .random = outside_random,
    .wake_at = outside_wake_at,
    .defer = outside_defer,
    .wake = outside_wake,
    .hold = outside_hold,
    .stop = outside_stop,
};

struct boundary *boundary_new(struct rc_transport *inner)
{
    struct boundary *b = calloc(1, sizeof *b);
    if (b != NULL) {
        b->base.ops = &ops;
        b->inner = inner;
        inner->events = &turn_events;
        inner->owner = b;
    }
    return b;
}

struct rc_transport *boundary_transport(struct boundary *boundary)
{
    return &boundary->base;
}

void boundary_free(struct boundary *boundary)
{
    free(boundary);
}
