/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_LINE_H
#define FUZZ_LINE_H

/* A transport in which nothing happens by itself: who holds the other end says when a connection
 * stands, how much of what is written is taken, what comes back, when it ends and what the clock
 * shows. */

#include "engine/bytes.h"
#include "fuzz.h"
#include "transport/transport.h"

enum { LINE_STREAMS = 16, LINE_LOOKUPS = 32 };

struct line_stream {
    struct rc_stream base;
    struct line *line;
    const struct rc_stream_events *events;
    void *owner;
    struct sim_bytes heard; /* what was written and not looked at yet */
    bool used, connected, ended, shut;
    bool closed; /* by the client, within this turn */
    bool wants_room;
    size_t room; /* how much more it takes */
};

struct line_lookup {
    struct rc_lookup base;
    rc_resolved_fn done;
    void *owner;
    bool used;
};

struct line {
    struct rc_transport base;
    struct line_stream streams[LINE_STREAMS];
    struct line_lookup lookups[LINE_LOOKUPS];
    uint64_t now_ms, wake_at_ms, random;
    void (*closed)(void *owner);
    void *closed_owner;
};

void line_init(struct line *line);
/* What the streams heard. */
void line_deinit(struct line *line);

/* One turn of the loop, `ms` long; `act`, if there is one, does what comes between. */
void line_turn(struct line *line, uint64_t ms, void (*act)(void *owner), void *owner);

/* Within a turn. What cannot happen now, does not. */
void line_connect(struct line_stream *stream, int status);
void line_take(struct line_stream *stream, size_t room);
void line_say(struct line_stream *stream, struct rc_slice bytes);
void line_end(struct line_stream *stream, int status);

/* May the client hear of it still? */
bool line_stands(const struct line_stream *stream);

#endif
