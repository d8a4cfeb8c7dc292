/* SPDX-License-Identifier: MIT */
/* A transport without a network. What the client writes is heard at once, in pieces of any size;
 * replies wait for the next turns. A connection may end wherever it stands, also within a command;
 * the next one begins with nothing of it. */
#include "injection.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

enum {
    LINKS = 64,
    LOOKUPS = 64,
    SLEEP_MAX_MS = 20,
    TURN_MAX_US = 200,
    START_MS = 1000000,
    START_WALL_S = 1700000000,
};

struct link {
    struct rc_stream base;
    struct wire *wire;
    const struct rc_stream_events *events;
    void *owner;
    struct peer peer;
    bool used, told_connected;
    bool refused;    /* the connection will not stand */
    bool closed;     /* by the client: to be swept at the turn's end */
    bool shut;       /* no more is written */
    bool wants_room; /* `writable` is owed */
    bool stuffed;    /* takes next to nothing */
    bool ended, told_end;
    int end_status;
};

struct look_up {
    struct rc_lookup base;
    rc_resolved_fn done;
    void *owner;
    struct rc_address address;
    bool used;
};

struct wire {
    struct rc_transport base;
    struct trial *trial;
    struct link links[LINKS];
    struct look_up look_ups[LOOKUPS];
    uint64_t now_us, wake_at_ms;
    uint32_t connects;
    uint64_t refusals; /* of the next connections */
    bool stopped[SERVERS];
    void (*closed)(void *owner);
    void *closed_owner;
};

static struct wire *wire_of(struct rc_transport *t)
{
    return rc_container(t, struct wire, base);
}

static struct link *link_of(const struct rc_stream *s)
{
    return rc_container(s, struct link, base);
}

/* ---- what the client calls ---- */

static int op_connect(struct rc_transport *t, const struct rc_address *address,
    const struct rc_stream_events *events, void *owner, struct rc_stream **stream)
{
    struct wire *w = wire_of(t);
    size_t i = 0;
    while (i < LINKS && w->links[i].used) {
        i++;
    }
    if (i == LINKS) {
        return -EMFILE;
    }
    struct link *link = &w->links[i];
    size_t server = address->bytes[0];
    *link = (struct link){
        .base.ops = t->ops,
        .wire = w,
        .events = events,
        .owner = owner,
        .peer = {.trial = w->trial,
            .speech = w->trial->servers[server].speech,
            .server = server,
            .number = ++w->connects,
            .mute = w->stopped[server]},
        .used = true,
        .refused = w->refusals > 0,
    };
    w->refusals -= w->refusals > 0;
    *stream = &link->base;
    return 0;
}

static size_t piece(struct wire *w, size_t most)
{
    size_t bound = w->trial->rules.slice_bytes < most ? w->trial->rules.slice_bytes : most;
    return 1 + (size_t)draw(w->trial, bound);
}

/* How much of `len` bytes is taken now. */
static size_t share(struct link *link, size_t len)
{
    struct trial *trial = link->wire->trial;
    if (link->stuffed) {
        size_t some = (size_t)draw(trial, 12);
        return some < len ? some : len;
    }
    return one_in(trial, 8) ? (size_t)draw(trial, len + 1) : len;
}

/* Bytes reach the peer, but for the one that was tampered with. */
static void arrive(struct link *link, struct rc_slice bytes)
{
    struct trial *trial = link->wire->trial;
    if (trial->tamper == NOTHING || trial->tamper_at >= bytes.len) {
        trial->tamper_at -= trial->tamper == NOTHING ? 0 : bytes.len;
        peer_receive(&link->peer, bytes);
        return;
    }
    size_t at = (size_t)trial->tamper_at;
    unsigned char byte = bytes.data[at];
    unsigned char other = (unsigned char)(byte ^ (1 + draw(trial, 255)));
    peer_receive(&link->peer, rc_slice(bytes.data, at));
    if (trial->tamper == CHANGED) {
        peer_receive(&link->peer, rc_slice(&other, 1));
    } else if (trial->tamper == DOUBLED) {
        peer_receive(&link->peer, rc_slice((const unsigned char[]){byte, byte}, 2));
    }
    trial->tamper = NOTHING;
    peer_receive(&link->peer, rc_slice(bytes.data + at + 1, bytes.len - at - 1));
}

static ptrdiff_t op_write(struct rc_stream *s, const struct rc_slice *parts, size_t count)
{
    struct link *link = link_of(s);
    assert_true(link->told_connected && !link->closed && !link->shut && !link->wants_room);
    if (link->ended) {
        return -EPIPE;
    }
    size_t taken = 0;
    for (size_t i = 0; i < count && !link->wants_room; i++) {
        size_t most = share(link, parts[i].len);
        for (size_t at = 0, n; at < most; at += n) {
            n = piece(link->wire, most - at);
            arrive(link, rc_slice(parts[i].data + at, n));
        }
        taken += most;
        link->wants_room = most < parts[i].len;
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
    link_of(s)->shut = true;
}

static void op_close(struct rc_stream *s)
{
    link_of(s)->closed = true;
}

static int op_resolve(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup)
{
    struct wire *w = wire_of(t);
    size_t i = 0;
    while (i < LOOKUPS && w->look_ups[i].used) {
        i++;
    }
    if (i == LOOKUPS) {
        return -ENOMEM;
    }
    struct look_up *l = &w->look_ups[i];
    *l = (struct look_up){.base.ops = t->ops, .done = done, .owner = owner, .used = true};
    l->address.len = 1;
    l->address.bytes[0] = (unsigned char)(endpoint->port % 10);
    *lookup = &l->base;
    return 0;
}

static void op_forget(struct rc_lookup *lookup)
{
    rc_container(lookup, struct look_up, base)->used = false;
}

static void op_read_clock(struct rc_transport *t)
{
    t->clock = (struct rc_clock){wire_of(t)->now_us / 1000, wire_of(t)->now_us, false};
}

static int64_t op_wall_s(struct rc_transport *t)
{
    return wire_wall_s(wire_of(t));
}

static uint64_t op_random(struct rc_transport *t)
{
    return draw(wire_of(t)->trial, UINT64_MAX);
}

static void op_wake_at(struct rc_transport *t, uint64_t at_ms)
{
    wire_of(t)->wake_at_ms = at_ms;
}

static void op_defer(struct rc_transport *t)
{
    t->deferred = true;
}

static void op_hold(struct rc_transport *t, bool alive)
{
    (void)t; /* a trial knows itself when it is over */
    (void)alive;
}

static void op_stop(struct rc_transport *t, void (*closed)(void *owner), void *owner)
{
    wire_of(t)->closed = closed;
    wire_of(t)->closed_owner = owner;
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

static bool has_news(const struct link *link)
{
    bool ends = link->ended || (link->shut && !link->peer.mute);
    bool speaks = link->peer.out.len > 0 && !link->peer.mute;
    return link->used && !link->told_end &&
           (!link->told_connected || (link->wants_room && !link->stuffed) || speaks || ends);
}

static bool is_busy(const struct wire *w)
{
    bool busy = w->base.deferred || w->closed != NULL;
    for (size_t i = 0; i < LINKS && !busy; i++) {
        busy = has_news(&w->links[i]);
    }
    for (size_t i = 0; i < LOOKUPS && !busy; i++) {
        busy = w->look_ups[i].used;
    }
    return busy;
}

static void tell_look_ups(struct wire *w)
{
    for (size_t i = 0; i < LOOKUPS; i++) {
        struct look_up *l = &w->look_ups[i];
        if (l->used) {
            l->used = false;
            l->done(l->owner, 0, &l->address, 1);
        }
    }
}

/* Some of what the server said. */
static void deliver(struct link *link)
{
    struct peer *peer = &link->peer;
    for (int i = 0; i < 4 && peer->out.len > 0 && !peer->mute && !link->closed; i++) {
        size_t room;
        void *to = link->events->reserve(link->owner, &room);
        size_t n = to != NULL ? piece(link->wire, peer->out.len < room ? peer->out.len : room) : 0;
        if (n == 0) {
            return;
        }
        memcpy(to, sim_bytes_view(&peer->out).data, n);
        sim_bytes_consume(&peer->out, n);
        link->events->received(link->owner, n);
    }
}

/* FIN comes behind everything that was said, a reset before. */
static void tell_end(struct link *link)
{
    bool quiet = link->peer.out.len == 0 || link->end_status != 0;
    bool ends = link->ended || (link->shut && !link->peer.mute);
    if (ends && quiet && !link->closed && !link->told_end) {
        link->told_end = true;
        link->events->ended(link->owner, link->end_status);
    }
}

static void tell(struct link *link)
{
    if (!link->told_connected) {
        link->told_connected = true;
        link->events->connected(link->owner, link->refused ? -ECONNREFUSED : 0);
        link->told_end = link->refused;
    }
    if (link->closed || link->told_end) {
        return;
    }
    if (link->wants_room && (!link->stuffed || one_in(link->wire->trial, 16))) {
        link->wants_room = false;
        link->events->writable(link->owner);
    }
    deliver(link);
    tell_end(link);
}

static void sweep(struct wire *w)
{
    for (size_t i = 0; i < LINKS; i++) {
        struct link *link = &w->links[i];
        if (link->used && link->closed) {
            sim_bytes_deinit(&link->peer.in);
            sim_bytes_deinit(&link->peer.out);
            link->used = false;
        }
    }
}

static void pass_time(struct wire *w)
{
    uint64_t now_ms = wire_now_ms(w);
    w->now_us += 1 + draw(w->trial, TURN_MAX_US);
    if (!is_busy(w) && w->wake_at_ms > now_ms) {
        uint64_t left_ms = w->wake_at_ms - now_ms;
        w->now_us += (left_ms < SLEEP_MAX_MS ? left_ms : SLEEP_MAX_MS) * 1000;
    }
}

void wire_turn(struct wire *w)
{
    const struct rc_turn_events *events = w->base.events;
    if (w->base.deferred) {
        w->base.deferred = false;
        events->before_poll(w->base.owner);
    }
    pass_time(w);
    tell_look_ups(w);
    for (size_t i = 0; i < LINKS; i++) {
        if (w->links[i].used && !w->links[i].closed) {
            tell(&w->links[i]);
        }
    }
    if (w->wake_at_ms <= wire_now_ms(w)) {
        w->wake_at_ms = UINT64_MAX;
        events->after_poll(w->base.owner, wire_now_ms(w));
    }
    sweep(w);
    if (w->closed != NULL) {
        void (*closed)(void *owner) = w->closed;
        w->closed = NULL;
        closed(w->closed_owner);
    }
}

/* ---- what goes wrong ---- */

static struct link *draw_link(struct wire *w)
{
    size_t start = (size_t)draw(w->trial, LINKS);
    for (size_t i = 0; i < LINKS; i++) {
        struct link *link = &w->links[(start + i) % LINKS];
        if (link->used && !link->closed && link->told_connected && !link->ended) {
            return link;
        }
    }
    return NULL;
}

/* What was not heard by now never will be; a stopped server says nothing more either. */
static void end(struct link *link, int status)
{
    link->wire->trial->tally.cut += link->peer.in.len > 0 && !link->peer.mute;
    sim_bytes_clear(&link->peer.in);
    if (link->peer.mute) {
        sim_bytes_clear(&link->peer.out);
    }
    link->peer.mute = false;
    link->ended = true;
    link->end_status = status;
}

static void set_mute(struct link *link, bool mute)
{
    link->peer.mute = mute;
    peer_receive(&link->peer, rc_slice(NULL, 0)); /* what waited is heard now */
}

static void set_stopped(struct wire *w, size_t server, bool stopped)
{
    w->stopped[server] = stopped;
    for (size_t i = 0; i < LINKS; i++) {
        struct link *link = &w->links[i];
        if (link->used && !link->closed && link->peer.server == server) {
            set_mute(link, stopped);
        }
    }
}

void wire_fault(struct wire *w)
{
    struct link *link = draw_link(w);
    size_t server = (size_t)draw(w->trial, w->trial->server_count);
    switch (draw(w->trial, 8)) {
    case 0:
        w->refusals = 1 + draw(w->trial, 3);
        return;
    case 1:
        set_stopped(w, server, true);
        return;
    case 2:
    case 3:
        wire_heal(w);
        return;
    default:
        break;
    }
    if (link == NULL) {
        return;
    }
    switch (draw(w->trial, 4)) {
    case 0:
        end(link, 0);
        return;
    case 1:
        end(link, -ECONNRESET);
        return;
    case 2:
        link->stuffed = true;
        return;
    default:
        set_mute(link, true);
        return;
    }
}

void wire_heal(struct wire *w)
{
    w->refusals = 0;
    for (size_t i = 0; i < w->trial->server_count; i++) {
        set_stopped(w, i, false);
    }
    for (size_t i = 0; i < LINKS; i++) {
        w->links[i].stuffed = false;
    }
}

bool wire_kill(struct wire *w, uint64_t number)
{
    for (size_t i = 0; i < LINKS; i++) {
        struct link *link = &w->links[i];
        if (link->used && link->peer.number == number && !link->ended) {
            end(link, -ECONNRESET);
            return true;
        }
    }
    return false;
}

/* ---- what a trial asks ---- */

struct wire *wire_new(struct trial *trial)
{
    struct wire *w = sim_alloc(sizeof *w);
    w->base.ops = &ops;
    w->trial = trial;
    w->now_us = (uint64_t)START_MS * 1000;
    w->wake_at_ms = UINT64_MAX;
    return w;
}

void wire_free(struct wire *w)
{
    for (size_t i = 0; i < LINKS; i++) {
        w->links[i].closed = true;
    }
    sweep(w);
    free(w);
}

struct rc_transport *wire_transport(struct wire *w)
{
    return &w->base;
}

uint64_t wire_now_ms(const struct wire *w)
{
    return w->now_us / 1000;
}

int64_t wire_wall_s(const struct wire *w)
{
    return START_WALL_S + (int64_t)(wire_now_ms(w) / 1000) - START_MS / 1000;
}

uint32_t wire_connects(const struct wire *w)
{
    return w->connects;
}

uint32_t wire_oldest(const struct wire *w)
{
    uint32_t oldest = UINT32_MAX;
    for (size_t i = 0; i < LINKS; i++) {
        const struct link *link = &w->links[i];
        if (link->used && !link->closed && link->peer.number < oldest) {
            oldest = link->peer.number;
        }
    }
    return oldest;
}

size_t wire_links(const struct wire *w)
{
    size_t count = 0;
    for (size_t i = 0; i < LINKS; i++) {
        count += w->links[i].used && !w->links[i].closed;
    }
    return count;
}
