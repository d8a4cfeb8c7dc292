/* SPDX-License-Identifier: MIT */
#include "line.h"

#include <errno.h>

#include "base/list.h"

enum { START_MS = 1000, START_WALL_S = 1700000000 };

static struct line *line_of(struct rc_transport *t)
{
    return rc_container(t, struct line, base);
}

static struct line_stream *stream_of(const struct rc_stream *s)
{
    return rc_container(s, struct line_stream, base);
}

/* ---- what the client calls ---- */

static int op_connect(struct rc_transport *t, const struct rc_address *address,
    const struct rc_stream_events *events, void *owner, struct rc_stream **stream)
{
    struct line *line = line_of(t);
    (void)address;
    for (size_t i = 0; i < LINE_STREAMS; i++) {
        struct line_stream *s = &line->streams[i];
        if (!s->used) {
            *s = (struct line_stream){.base.ops = t->ops,
                .line = line,
                .events = events,
                .owner = owner,
                .used = true,
                .room = SIZE_MAX};
            *stream = &s->base;
            return 0;
        }
    }
    return -EMFILE;
}

static ptrdiff_t op_write(struct rc_stream *base, const struct rc_slice *parts, size_t count)
{
    struct line_stream *s = stream_of(base);
    size_t taken = 0;
    FUZZ_MUST(s->used && s->connected && !s->closed && !s->shut && !s->wants_room);
    if (s->ended) {
        return -EPIPE;
    }
    for (size_t i = 0; i < count && !s->wants_room; i++) {
        size_t len = parts[i].len < s->room ? parts[i].len : s->room;
        sim_bytes_append(&s->heard, parts[i].data, len);
        s->room -= s->room < SIZE_MAX ? len : 0;
        s->wants_room = len < parts[i].len;
        taken += len;
    }
    return (ptrdiff_t)taken;
}

static size_t op_held(const struct rc_stream *s)
{
    (void)s;
    return 0;
}

static void op_shutdown(struct rc_stream *s)
{
    stream_of(s)->shut = true;
}

static void op_close(struct rc_stream *s)
{
    FUZZ_MUST(!stream_of(s)->closed);
    stream_of(s)->closed = true;
}

static int op_resolve(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup)
{
    struct line *line = line_of(t);
    (void)endpoint;
    for (size_t i = 0; i < LINE_LOOKUPS; i++) {
        struct line_lookup *l = &line->lookups[i];
        if (!l->used) {
            *l = (struct line_lookup){
                .base.ops = t->ops, .done = done, .owner = owner, .used = true};
            *lookup = &l->base;
            return 0;
        }
    }
    return -ENOMEM;
}

static void op_forget(struct rc_lookup *lookup)
{
    rc_container(lookup, struct line_lookup, base)->used = false;
}

static void op_read_clock(struct rc_transport *t)
{
    t->clock = (struct rc_clock){line_of(t)->now_ms, line_of(t)->now_ms * 1000, false};
}

static int64_t op_wall_s(struct rc_transport *t)
{
    return START_WALL_S + (int64_t)(line_of(t)->now_ms / 1000);
}

/* Tokens count from 0, so that an input can say them. */
static uint64_t op_random(struct rc_transport *t)
{
    return line_of(t)->random++;
}

static void op_wake_at(struct rc_transport *t, uint64_t at_ms)
{
    line_of(t)->wake_at_ms = at_ms;
}

static void op_defer(struct rc_transport *t)
{
    t->deferred = true;
}

static void op_hold(struct rc_transport *t, bool alive)
{
    (void)t;
    (void)alive;
}

static void op_stop(struct rc_transport *t, void (*closed)(void *owner), void *owner)
{
    line_of(t)->closed = closed;
    line_of(t)->closed_owner = owner;
}

static bool op_begin_handshake(struct rc_transport *t, bool beyond)
{
    (void)t;
    (void)beyond;
    return true;
}

static void op_end_handshake(struct rc_transport *t)
{
    (void)t;
}

static const struct rc_transport_ops ops = {
    .connect = op_connect,
    .write = op_write,
    .held = op_held,
    .shutdown = op_shutdown,
    .reset = op_close,
    .close = op_close,
    .begin_handshake = op_begin_handshake,
    .end_handshake = op_end_handshake,
    .resolve = op_resolve,
    .forget = op_forget,
    .read_clock = op_read_clock,
    .wall_s = op_wall_s,
    .random = op_random,
    .wake_at = op_wake_at,
    .defer = op_defer,
    .wake = op_defer,
    .hold = op_hold,
    .stop = op_stop,
};

/* ---- the turn ---- */

void line_init(struct line *line)
{
    *line = (struct line){.base.ops = &ops, .now_ms = START_MS, .wake_at_ms = UINT64_MAX};
}

static void sweep(struct line *line)
{
    for (size_t i = 0; i < LINE_STREAMS; i++) {
        if (line->streams[i].used && line->streams[i].closed) {
            sim_bytes_deinit(&line->streams[i].heard);
            line->streams[i].used = false;
        }
    }
}

void line_deinit(struct line *line)
{
    for (size_t i = 0; i < LINE_STREAMS; i++) {
        FUZZ_MUST(!line->streams[i].used);
    }
    for (size_t i = 0; i < LINE_LOOKUPS; i++) {
        FUZZ_MUST(!line->lookups[i].used);
    }
}

static void tell_lookups(struct line *line)
{
    const struct rc_address address = {.len = 1};
    for (size_t i = 0; i < LINE_LOOKUPS; i++) {
        struct line_lookup *l = &line->lookups[i];
        if (l->used) {
            l->used = false;
            l->done(l->owner, 0, &address, 1);
        }
    }
}

void line_turn(struct line *line, uint64_t ms, void (*act)(void *owner), void *owner)
{
    const struct rc_turn_events *events = line->base.events;
    if (line->base.deferred) {
        line->base.deferred = false;
        events->before_poll(line->base.owner);
    }
    line->now_ms += ms;
    tell_lookups(line);
    if (act != NULL) {
        act(owner);
    }
    if (line->wake_at_ms <= line->now_ms) {
        line->wake_at_ms = UINT64_MAX;
        events->after_poll(line->base.owner, line->now_ms);
    }
    sweep(line);
    if (line->closed != NULL) {
        void (*closed)(void *owner) = line->closed;
        line->closed = NULL;
        closed(line->closed_owner);
    }
}

/* ---- what happens ---- */

bool line_stands(const struct line_stream *s)
{
    return s->used && !s->closed && s->connected && !s->ended;
}

void line_connect(struct line_stream *s, int status)
{
    if (s->used && !s->closed && !s->connected && !s->ended) {
        s->connected = status == 0;
        s->ended = status != 0;
        s->events->connected(s->owner, status);
    }
}

void line_take(struct line_stream *s, size_t room)
{
    s->room = room;
    if (line_stands(s) && s->wants_room && room > 0) {
        s->wants_room = false;
        s->events->writable(s->owner);
    }
}

void line_say(struct line_stream *s, struct rc_slice bytes)
{
    while (bytes.len > 0 && line_stands(s)) {
        size_t room;
        void *to = s->events->reserve(s->owner, &room);
        FUZZ_MUST(to != NULL && room > 0);
        struct rc_slice piece = fuzz_take(&bytes, room);
        memcpy(to, piece.data, piece.len);
        s->events->received(s->owner, piece.len);
    }
}

void line_end(struct line_stream *s, int status)
{
    if (line_stands(s)) {
        s->ended = true;
        s->events->ended(s->owner, status);
    }
}
