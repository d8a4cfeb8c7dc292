/* SPDX-License-Identifier: MIT */
/* The transport of a simulated client: what its owner calls. Nothing here tells the owner anything;
 * what there is to tell waits for the next turn of the loop. */
#include "sim_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct sim_client *client_of(struct rc_transport *t)
{
    return rc_container(t, struct sim_client, base);
}

static struct sim_stream *stream_of(struct rc_stream *s)
{
    return rc_container(s, struct sim_stream, base);
}

static void enter(struct sim_client *c)
{
    assert(!c->in_call && !c->stopped);
    c->in_call = true;
}

static void leave(struct sim_client *c)
{
    c->in_call = false;
}

static bool fails(size_t *failures)
{
    if (*failures == 0) {
        return false;
    }
    (*failures)--;
    return true;
}

static int op_connect(struct rc_transport *t, const struct rc_address *address,
    const struct rc_stream_events *events, void *owner, struct rc_stream **stream)
{
    struct sim_client *c = client_of(t);
    assert(!c->stopping);
    if (fails(&c->connect_failures)) {
        sim_trace(c->sim, "connect fails", c->number, 0);
        return c->connect_status;
    }
    enter(c);
    struct sim_stream *s = sim_alloc(sizeof *s);
    s->base.ops = t->ops;
    s->client = c;
    s->events = events;
    s->owner = owner;
    rc_list_append(&c->streams, &s->node);
    rc_list_init(&s->ready);
    c->stream_count++;
    struct sim_server *server = sim_server_at(c->sim, address);
    s->end = sim_network_connect(c->sim, server, c->number, sim_stream_ready, s);
    *stream = &s->base;
    leave(c);
    return 0;
}

/* Take from the parts until `most` bytes are taken or the kernel has no more room. */
static size_t take(struct sim_end *end, const struct rc_slice *parts, size_t count, size_t most)
{
    size_t taken = 0;
    for (size_t i = 0; i < count && taken < most; i++) {
        struct rc_slice part = parts[i];
        part.len = part.len < most - taken ? part.len : most - taken;
        size_t n = sim_end_write(end, part);
        taken += n;
        if (n < part.len) {
            break;
        }
    }
    return taken;
}

static ptrdiff_t op_write(struct rc_stream *stream, const struct rc_slice *parts, size_t count)
{
    struct sim_stream *s = stream_of(stream);
    struct sim_client *c = s->client;
    size_t total = 0;
    size_t limit = c->sim->options.write_bytes;
    assert(s->told_connected && !s->closed);
    if (fails(&c->write_failures)) {
        return c->write_status;
    }
    if (s->end->failure != 0 && !s->told_ended) {
        return s->end->failure; /* as the kernel does: the first call to notice says why */
    }
    if (s->end->failure != 0 || s->end->fin_wanted) {
        return -EPIPE;
    }
    enter(c);
    for (size_t i = 0; i < count; i++) {
        total += parts[i].len;
    }
    size_t taken = take(s->end, parts, count, limit > 0 && limit < total ? limit : total);
    s->blocked = taken < total;
    if (s->blocked && sim_end_room(s->end) > 0) {
        sim_stream_ready(s);
    }
    leave(c);
    return (ptrdiff_t)taken;
}

static size_t op_held(const struct rc_stream *stream)
{
    (void)stream;
    return 0;
}

static void op_shutdown(struct rc_stream *stream)
{
    struct sim_stream *s = stream_of(stream);
    assert(!s->closed);
    enter(s->client);
    sim_end_shutdown(s->end);
    leave(s->client);
}

/* A stream that is being told something is freed when that is over. */
static void let_go(struct sim_stream *s)
{
    s->closed = true;
    s->end = NULL;
    s->client->stream_count--;
    rc_list_remove(&s->ready);
    if (!s->delivering) {
        sim_stream_free(s);
    }
}

static void op_reset(struct rc_stream *stream)
{
    struct sim_stream *s = stream_of(stream);
    struct sim_client *c = s->client;
    assert(!s->closed);
    enter(c);
    sim_trace(c->sim, "client resets", s->end->connection->number, 0);
    sim_end_reset(s->end);
    let_go(s);
    leave(c);
}

static void op_close(struct rc_stream *stream)
{
    struct sim_stream *s = stream_of(stream);
    struct sim_client *c = s->client;
    assert(!s->closed);
    enter(c);
    sim_trace(c->sim, "client closes", s->end->connection->number, 0);
    sim_end_close(s->end);
    let_go(s);
    leave(c);
}

static void lookup_fire(struct sim *sim, void *subject)
{
    struct sim_lookup *l = subject;
    l->scheduled = false;
    if (l->forgotten) {
        sim_lookup_free(l);
        return;
    }
    sim_trace(sim, "answer", l->client->number, 0);
    rc_list_append(&l->client->answered, &l->ready);
    sim_client_ready(l->client);
}

/* Still listed with its client, unless it was forgotten. */
static void lookup_drop(void *subject)
{
    struct sim_lookup *l = subject;
    if (l->forgotten) {
        sim_lookup_free(l);
    }
}

static int op_resolve(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup)
{
    static const struct sim_event_kind kind = {"answer", true, lookup_fire, lookup_drop};
    struct sim_client *c = client_of(t);
    assert(!c->stopping);
    enter(c);
    struct sim_lookup *l = sim_alloc(sizeof *l);
    l->base.ops = t->ops;
    l->client = c;
    l->host = sim_copy(endpoint->host, strlen(endpoint->host));
    l->port = endpoint->port;
    l->is_path = endpoint->is_path;
    l->done = done;
    l->owner = owner;
    rc_list_append(&c->lookups, &l->node);
    rc_list_init(&l->ready);
    uint64_t delay_ms = sim_name_delay_ms(c->sim, endpoint->host, endpoint->is_path);
    if (delay_ms != SIM_NEVER) {
        l->scheduled = true;
        sim_schedule(c->sim, c->sim->now_us + delay_ms * 1000, &kind, l);
    }
    *lookup = &l->base;
    leave(c);
    return 0;
}

/* One whose answer is being told ends by itself. */
static void op_forget(struct rc_lookup *lookup)
{
    struct sim_lookup *l = rc_container(lookup, struct sim_lookup, base);
    if (l->delivering) {
        return;
    }
    rc_list_remove(&l->node);
    rc_list_remove(&l->ready);
    l->forgotten = true;
    if (!l->scheduled) {
        sim_lookup_free(l);
    }
}

static void errand_drop(void *subject)
{
    struct sim_errand *e = subject;
    if (e->client != NULL) {
        e->client->errand = NULL;
    }
    e->work->over(e->work);
    free(e);
}

/* All of it is done at once, after the time that it takes. */
static void errand_fire(struct sim *sim, void *subject)
{
    struct sim_errand *e = subject;
    e->work->run(e->work);
    if (e->client == NULL) {
        errand_drop(e);
        return;
    }
    sim_trace(sim, "work done", e->client->number, 0);
    e->finished = true;
    sim_client_ready(e->client);
}

static int op_begin_work(struct rc_transport *t, struct rc_work *work)
{
    static const struct sim_event_kind kind = {"work", true, errand_fire, errand_drop};
    struct sim_client *c = client_of(t);
    assert(!c->stopping && c->errand == NULL);
    if (fails(&c->work_failures)) {
        return -EAGAIN;
    }
    enter(c);
    struct sim_errand *e = sim_alloc(sizeof *e);
    *e = (struct sim_errand){.client = c, .work = work};
    c->errand = e;
    sim_schedule(c->sim, c->sim->now_us + c->sim->options.work_ms * 1000, &kind, e);
    leave(c);
    return 0;
}

static void op_drop_work(struct rc_transport *t)
{
    struct sim_client *c = client_of(t);
    struct sim_errand *e = c->errand;
    assert(e != NULL);
    c->errand = NULL;
    e->client = NULL;
    if (e->finished) {
        errand_drop(e);
    }
}

static void op_read_clock(struct rc_transport *t)
{
    const struct sim *sim = client_of(t)->sim;
    t->clock = (struct rc_clock){sim_now_ms(sim), sim_now_us(sim), true};
}

static int64_t op_wall_s(struct rc_transport *t)
{
    return sim_wall_s(client_of(t)->sim) + client_of(t)->leapt_s;
}

static uint64_t op_random(struct rc_transport *t)
{
    return sim_random_next(&client_of(t)->random);
}

static void arm(struct sim_client *c)
{
    bool ever = c->wake_at_ms <= UINT64_MAX / 1000;
    if (ever && c->wake_at_ms < c->armed_at_ms) {
        c->armed_at_ms = c->wake_at_ms;
        sim_schedule(c->sim, c->wake_at_ms * 1000, &sim_wake_kind, c);
    }
}

/* A later wish leaves the event of the earlier one in place: it finds out when it fires. */
static void wake_fire(struct sim *sim, void *subject)
{
    struct sim_client *c = subject;
    if (sim_now_ms(sim) >= c->armed_at_ms) {
        c->armed_at_ms = UINT64_MAX;
    }
    if (c->wake_at_ms <= sim_now_ms(sim)) {
        sim_client_ready(c);
    } else {
        arm(c);
    }
}

const struct sim_event_kind sim_wake_kind = {"wake", false, wake_fire, NULL};

static void op_wake_at(struct rc_transport *t, uint64_t at_ms)
{
    struct sim_client *c = client_of(t);
    enter(c);
    c->wake_at_ms = at_ms;
    arm(c);
    leave(c);
}

static void op_defer(struct rc_transport *t)
{
    struct sim_client *c = client_of(t);
    enter(c);
    t->deferred = true;
    sim_client_ready(c);
    leave(c);
}

static void op_hold(struct rc_transport *t, bool alive)
{
    client_of(t)->alive = alive;
}

/* There is one thread here, and it never sleeps. */
static void op_wake(struct rc_transport *t)
{
    op_hold(t, true);
    op_defer(t);
}

static void op_stop(struct rc_transport *t, void (*closed)(void *owner), void *owner)
{
    struct sim_client *c = client_of(t);
    assert(!c->stopping && c->stream_count == 0 && rc_list_empty(&c->lookups));
    assert(c->errand == NULL);
    enter(c);
    c->stopping = true;
    c->closed = closed;
    c->closed_owner = owner;
    c->alive = true;
    sim_client_ready(c);
    leave(c);
}

static bool op_begin_handshake(struct rc_transport *t, bool beyond)
{
    struct sim *sim = client_of(t)->sim;
    bool may = beyond || sim->handshakes < sim->options.handshakes;
    sim->handshakes += may;
    return may;
}

static void op_end_handshake(struct rc_transport *t)
{
    client_of(t)->sim->handshakes--;
}

static const struct rc_transport_ops ops = {
    .connect = op_connect,
    .write = op_write,
    .held = op_held,
    .shutdown = op_shutdown,
    .reset = op_reset,
    .close = op_close,
    .begin_handshake = op_begin_handshake,
    .end_handshake = op_end_handshake,
    .resolve = op_resolve,
    .forget = op_forget,
    .begin_work = op_begin_work,
    .drop_work = op_drop_work,
    .read_clock = op_read_clock,
    .wall_s = op_wall_s,
    .random = op_random,
    .wake_at = op_wake_at,
    .defer = op_defer,
    .wake = op_wake,
    .hold = op_hold,
    .stop = op_stop,
};

struct sim_client *sim_client_new(struct sim *sim)
{
    struct sim_client *c = sim_alloc(sizeof *c);
    c->base.ops = &ops;
    c->sim = sim;
    c->number = ++sim->last_client;
    c->wake_at_ms = UINT64_MAX;
    c->armed_at_ms = UINT64_MAX;
    sim_random_init(&c->random, sim->options.seed + c->number);
    sim_actor_init(&c->actor, sim_client_turn, c);
    rc_list_init(&c->streams);
    rc_list_init(&c->ready);
    rc_list_init(&c->lookups);
    rc_list_init(&c->answered);
    rc_list_append(&sim->clients, &c->node);
    return c;
}

struct rc_transport *sim_client_transport(struct sim_client *client)
{
    return &client->base;
}

bool sim_client_held(const struct sim_client *client)
{
    return client->alive;
}

size_t sim_client_streams(const struct sim_client *client)
{
    return client->stream_count;
}

void sim_client_fail_connects(struct sim_client *client, int status, size_t count)
{
    client->connect_status = status;
    client->connect_failures = count;
}

void sim_client_fail_work(struct sim_client *client, size_t count)
{
    client->work_failures = count;
}

void sim_client_fail_writes(struct sim_client *client, int status, size_t count)
{
    client->write_status = status;
    client->write_failures = count;
}

void sim_client_leap(struct sim_client *client, int64_t by_s)
{
    client->leapt_s += by_s;
}

void sim_client_ready(struct sim_client *client)
{
    sim_actor_ready(client->sim, &client->actor, SIM_CLIENTS);
}

void sim_stream_ready(void *stream)
{
    struct sim_stream *s = stream;
    if (rc_list_empty(&s->ready)) {
        rc_list_append(&s->client->ready, &s->ready);
    }
    sim_client_ready(s->client);
}

void sim_stream_free(struct sim_stream *s)
{
    rc_list_remove(&s->node);
    rc_list_remove(&s->ready);
    free(s);
}

void sim_lookup_free(struct sim_lookup *l)
{
    rc_list_remove(&l->node);
    rc_list_remove(&l->ready);
    free(l->host);
    free(l);
}

void sim_client_free(struct sim_client *c)
{
    struct rc_list *node;
    while ((node = rc_list_first(&c->streams)) != NULL) {
        sim_stream_free(rc_container(node, struct sim_stream, node));
    }
    while ((node = rc_list_first(&c->lookups)) != NULL) {
        sim_lookup_free(rc_container(node, struct sim_lookup, node));
    }
    if (c->errand != NULL) {
        errand_drop(c->errand);
    }
    rc_list_remove(&c->node);
    rc_list_remove(&c->actor.node);
    free(c);
}
