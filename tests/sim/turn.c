/* SPDX-License-Identifier: MIT */
/* One turn of a simulated client's loop: before_poll if it was asked for, then all that had arrived
 * when the poll began, then after_poll if its time has come. What happens meanwhile is for the next
 * turn. */
#include "sim_inside.h"

#include <assert.h>
#include <stdlib.h>

/* While the owner is told something it may call, and the calls return before the next telling. */
static void assert_may_tell(const struct sim_client *c)
{
    assert(c->in_turn && !c->in_call && !c->stopped);
    (void)c;
}

static void tell_connected(struct sim_stream *s)
{
    struct sim_end *end = s->end;
    if (s->told_connected || (!end->established && end->failure == 0)) {
        return;
    }
    s->told_connected = true;
    int status = end->established ? 0 : end->failure;
    s->told_ended = status != 0;
    assert_may_tell(s->client);
    sim_trace(s->client->sim, "connected", end->connection->number, (uint64_t)-status);
    s->events->connected(s->owner, status);
}

static void retry_fire(struct sim *sim, void *subject)
{
    struct sim_client *c = subject;
    (void)sim;
    c->retrying = false;
    for (struct rc_list *n = c->streams.next; n != &c->streams; n = n->next) {
        struct sim_stream *s = rc_container(n, struct sim_stream, node);
        if (s->hungry) {
            s->hungry = false;
            sim_stream_ready(s);
        }
    }
}

/* A real loop would offer the bytes again at once and spin; here some time passes. */
static void retry_later(struct sim_stream *s)
{
    static const struct sim_event_kind kind = {"retry", true, retry_fire, NULL};
    struct sim_client *c = s->client;
    s->hungry = true;
    if (!c->retrying) {
        c->retrying = true;
        sim_schedule(c->sim, c->sim->now_us + 1000, &kind, c);
    }
}

static void tell_received(struct sim_stream *s)
{
    struct sim_client *c = s->client;
    while (!s->closed && s->end->incoming.len > 0) {
        size_t room = 0;
        assert_may_tell(c);
        void *bytes = s->events->reserve(s->owner, &room);
        if (s->closed) {
            return;
        }
        if (bytes == NULL) {
            retry_later(s);
            return;
        }
        assert(room > 0);
        size_t n = sim_end_read(s->end, bytes, room);
        assert_may_tell(c);
        sim_trace(c->sim, "received", s->end->connection->number, n);
        s->events->received(s->owner, n);
    }
}

static void tell_ended(struct sim_stream *s)
{
    const struct sim_end *end = s->end;
    bool over = end->fin_arrived || end->failure != 0;
    if (s->told_ended || !over || end->incoming.len > 0) {
        return;
    }
    s->told_ended = true;
    assert_may_tell(s->client);
    sim_trace(s->client->sim, "ended", end->connection->number, (uint64_t)-end->failure);
    s->events->ended(s->owner, end->failure);
}

static void tell_writable(struct sim_stream *s)
{
    if (!s->blocked || s->end->failure != 0 || sim_end_room(s->end) == 0) {
        return;
    }
    s->blocked = false;
    assert_may_tell(s->client);
    sim_trace(s->client->sim, "writable", s->end->connection->number, 0);
    s->events->writable(s->owner);
}

static void deliver(struct sim_stream *s)
{
    static void (*const tell[])(struct sim_stream * s) = {
        tell_connected, tell_received, tell_ended, tell_writable};
    s->delivering = true;
    for (size_t i = 0; i < sizeof tell / sizeof tell[0] && !s->closed; i++) {
        tell[i](s);
    }
    s->delivering = false;
    if (s->closed) {
        sim_stream_free(s);
    }
}

static void answer(struct sim_lookup *l)
{
    struct rc_address addresses[SIM_ANSWERS];
    size_t count = 0;
    struct sim_client *c = l->client;
    int status = sim_name_resolve(c->sim, l, addresses, &count);
    l->delivering = true;
    rc_list_remove(&l->node);
    assert_may_tell(c);
    sim_trace(c->sim, "resolved", c->number, count);
    l->done(l->owner, status, status == 0 ? addresses : NULL, count);
    sim_lookup_free(l);
}

static void finish_work(struct sim_client *c)
{
    struct sim_errand *e = c->errand;
    if (e != NULL && e->finished && !e->told) {
        e->told = true;
        assert_may_tell(c);
        e->work->done(e->work);
    }
}

static void poll_io(struct sim_client *c)
{
    struct rc_list due, *node;
    rc_list_init(&due);
    rc_list_splice(&due, &c->ready);
    while ((node = rc_list_first(&due)) != NULL) {
        rc_list_remove(node);
        deliver(rc_container(node, struct sim_stream, ready));
    }
    rc_list_splice(&due, &c->answered);
    while ((node = rc_list_first(&due)) != NULL) {
        rc_list_remove(node);
        answer(rc_container(node, struct sim_lookup, ready));
    }
    finish_work(c);
}

static void finish(struct sim_client *c)
{
    c->alive = false;
    c->stopped = true;
    sim_trace(c->sim, "closed", c->number, 0);
    c->closed(c->closed_owner);
}

static void before_poll(struct sim_client *c)
{
    c->base.deferred = false;
    c->base.clock.fresh = false; /* so that time lost since the last reading shows */
    assert_may_tell(c);
    sim_trace(c->sim, "before_poll", c->number, 0);
    c->base.events->before_poll(c->base.owner);
}

/* Judged by the time at which the poll began: what came later has not been read. */
static void after_poll(struct sim_client *c, uint64_t polled_ms)
{
    if (c->wake_at_ms > polled_ms || c->stopping) {
        return;
    }
    c->wake_at_ms = UINT64_MAX;
    if (!c->base.clock.fresh) {
        c->base.clock = (struct rc_clock){polled_ms, sim_now_us(c->sim), true};
    }
    assert_may_tell(c);
    sim_trace(c->sim, "after_poll", c->number, c->base.clock.ms);
    c->base.events->after_poll(c->base.owner, c->base.clock.ms);
}

static void turn(struct sim_client *c)
{
    if (c->base.deferred) {
        before_poll(c);
    }
    uint64_t polled_ms = sim_now_ms(c->sim);
    c->base.clock.fresh = false;
    poll_io(c);
    after_poll(c, polled_ms);
}

void sim_client_turn(void *client)
{
    struct sim_client *c = client;
    if (c->stopped) {
        return;
    }
    if (c->stopping) {
        finish(c);
        return;
    }
    c->in_turn = true;
    turn(c);
    c->in_turn = false;
    bool more = c->base.deferred || c->stopping || c->wake_at_ms <= sim_now_ms(c->sim);
    if (more || !rc_list_empty(&c->ready) || !rc_list_empty(&c->answered)) {
        sim_client_ready(c);
    }
}
