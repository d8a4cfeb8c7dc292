/* SPDX-License-Identifier: MIT */
/* The transport over libuv: the turn of the loop, its clock and its end.
 *
 *     prepare: before_poll ── poll: streams, look-ups ── check: late events, after_poll
 *
 * Invariant: after_poll(now) runs only when a poll that began at or after `now` has delivered its
 * events, so that nothing expires while its reply waits unread. The time that counts is therefore
 * the one noted in prepare, not the one at hand in check: a callback of the program may have
 * blocked in between. That also makes the order of timers and poll, which libuv 1.45 changed,
 * irrelevant: the timer only ends the poll's sleep, and the next prepare sees that the wish is due.
 *
 * While anything is due the idle handle is active, which libuv takes as "do not sleep". It serves
 * work deferred after our prepare ran (by another prepare callback, say) as well.
 *
 * Every handle is unreferenced, except for the prepare handle while the owner holds the loop. */
#include "transport/uv_transport.h"

#include "base/alloc.h"
#include "transport/handshakes.h"
#include "transport/uv_internal.h"

/* after_poll waits for streams that are left with unread bytes, but not for ever: a peer may send
 * faster than we read. */
enum { POSTPONED_MAX = 16 };

static void stay_awake_once(uv_idle_t *idle)
{
    (void)idle; /* being active is all it is for */
}

static void stay_awake(struct rc_uv *u)
{
    uv_idle_start(&u->idle, stay_awake_once);
}

void rc_uv_tell_later(struct rc_uv *u, struct rc_uv_late *late)
{
    rc_list_append(&u->late, &late->node);
    stay_awake(u);
}

/* Those of the turn are closed by transport_stop. */
void rc_uv_handle_closed(struct rc_uv *u)
{
    u->handles--;
    if (u->handles == 0) {
        u->closed(u->closed_owner);
    }
}

static void turn_handle_closed(uv_handle_t *handle)
{
    rc_uv_handle_closed(handle->data);
}

static void prepare_poll(uv_prepare_t *prepare)
{
    struct rc_uv *u = prepare->data;
    if (u->base.deferred) {
        u->base.deferred = false;
        u->base.clock.fresh = false; /* so that time lost since the last reading shows */
        u->base.events->before_poll(u->base.owner);
        if (u->stopping) {
            return;
        }
    }
    u->base.clock.fresh = false;
    u->turn++;
    u->polled_ms = uv_now(u->loop);
    if (u->base.deferred || !rc_list_empty(&u->late) || u->wish_ms <= u->polled_ms) {
        stay_awake(u);
    } else {
        uv_idle_stop(&u->idle);
    }
}

/* Tell what waited at the time of the call; events that follow from it wait for the next turn. */
static void tell_late(struct rc_uv *u)
{
    struct rc_list waiting;
    rc_list_init(&waiting);
    rc_list_splice(&waiting, &u->late);
    for (struct rc_list *node; (node = rc_list_first(&waiting)) != NULL;) {
        struct rc_uv_late *late = rc_container(node, struct rc_uv_late, node);
        rc_list_remove(node);
        late->tell(late);
    }
}

static bool postpone(struct rc_uv *u)
{
    if (!u->unread || u->postponed == POSTPONED_MAX) {
        u->postponed = 0;
        return false;
    }
    u->postponed++;
    return true;
}

static void finish_poll(uv_check_t *check)
{
    struct rc_uv *u = check->data;
    tell_late(u);
    if (!u->stopping && u->wish_ms <= u->polled_ms && !postpone(u)) {
        u->wish_ms = UINT64_MAX;
        u->base.events->after_poll(u->base.owner, u->polled_ms);
    }
    u->unread = false;
    u->base.clock.fresh = false;
}

/* Let the poll sleep until the wish and no longer: set when the wish moved forward, and again when
 * the timer fires. */
static void set_timer(uv_timer_t *timer)
{
    struct rc_uv *u = timer->data;
    uint64_t now = uv_now(u->loop);
    u->armed_ms = UINT64_MAX;
    if (u->wish_ms == UINT64_MAX) {
        uv_timer_stop(timer);
    } else if (u->wish_ms <= now) {
        stay_awake(u);
    } else {
        u->armed_ms = u->wish_ms;
        uv_timer_start(timer, set_timer, u->wish_ms - now, 0);
    }
}

/* A later wish leaves the timer as it is: firing early once costs less than setting it per
 * request. */
static void transport_wake_at(struct rc_transport *t, uint64_t at_ms)
{
    struct rc_uv *u = rc_uv_of(t);
    if (u->stopping) {
        return;
    }
    u->wish_ms = at_ms;
    if (at_ms < u->armed_ms || at_ms == UINT64_MAX) {
        set_timer(&u->timer);
    }
}

static void transport_defer(struct rc_transport *t)
{
    struct rc_uv *u = rc_uv_of(t);
    if (!u->stopping) {
        t->deferred = true;
        stay_awake(u);
    }
}

/* The one thing of the interface that another thread may do. */
static void transport_wake(struct rc_transport *t)
{
    struct rc_uv *u = rc_uv_of(t);
    atomic_store(&u->woken, true);
    uv_async_send(&u->async);
}

/* In a thread of the resolver. */
static void names_found(struct rc_mailbox *mailbox)
{
    uv_async_send(&rc_container(mailbox, struct rc_uv, mailbox)->async);
}

/* A wake is noticed within a poll: without the hold, the loop could end before the next one. */
static void knocked(uv_async_t *async)
{
    struct rc_uv *u = async->data;
    if (atomic_exchange(&u->woken, false)) {
        transport_defer(&u->base);
        uv_ref((uv_handle_t *)&u->prepare);
    }
    rc_uv_lookup_collect(u);
    rc_uv_work_collect(u);
}

/* Read once before a poll and once after it: a program that blocked in its own callback, or outside
 * the loop, still starts its requests with a true time. */
static void transport_read_clock(struct rc_transport *t)
{
    struct rc_uv *u = rc_uv_of(t);
    uv_update_time(u->loop);
    t->clock = (struct rc_clock){uv_now(u->loop), uv_hrtime() / 1000, true};
}

static int64_t transport_wall_s(struct rc_transport *t)
{
    (void)t;
    uv_timeval64_t now = {0};
    uv_gettimeofday(&now);
    return now.tv_sec;
}

/* splitmix64: whoever does not see the outputs cannot guess them, which is all that tokens and
 * jitter need. */
static uint64_t transport_random(struct rc_transport *t)
{
    struct rc_uv *u = rc_uv_of(t);
    u->random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = u->random_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void transport_hold(struct rc_transport *t, bool alive)
{
    struct rc_uv *u = rc_uv_of(t);
    if (u->stopping) {
        return;
    }
    if (alive) {
        uv_ref((uv_handle_t *)&u->prepare);
    } else {
        uv_unref((uv_handle_t *)&u->prepare);
    }
}

static void each_turn_handle(struct rc_uv *u, void (*visit)(struct rc_uv *u, uv_handle_t *handle))
{
    visit(u, (uv_handle_t *)&u->prepare);
    visit(u, (uv_handle_t *)&u->check);
    visit(u, (uv_handle_t *)&u->idle);
    visit(u, (uv_handle_t *)&u->async);
    visit(u, (uv_handle_t *)&u->timer);
    visit(u, (uv_handle_t *)&u->retry);
}

static void adopt(struct rc_uv *u, uv_handle_t *handle)
{
    handle->data = u;
    uv_unref(handle);
    u->handles++;
}

static void close_turn_handle(struct rc_uv *u, uv_handle_t *handle)
{
    (void)u;
    uv_close(handle, turn_handle_closed);
}

static void transport_stop(struct rc_transport *t, void (*closed)(void *owner), void *owner)
{
    struct rc_uv *u = rc_uv_of(t);
    if (u->stopping) {
        return;
    }
    u->stopping = true;
    u->closed = closed;
    u->closed_owner = owner;
    rc_uv_stream_close_all(u);
    rc_uv_lookup_forget_all(u);
    each_turn_handle(u, close_turn_handle);
}

static bool transport_begin_handshake(struct rc_transport *t, bool beyond)
{
    (void)t;
    return rc_handshakes_begin(beyond);
}

static void transport_end_handshake(struct rc_transport *t)
{
    (void)t;
    rc_handshakes_end();
}

static const struct rc_transport_ops transport_ops = {
    .connect = rc_uv_stream_connect,
    .write = rc_uv_stream_write,
    .held = rc_uv_stream_held,
    .shutdown = rc_uv_stream_shutdown,
    .reset = rc_uv_stream_reset,
    .close = rc_uv_stream_close,
    .begin_handshake = transport_begin_handshake,
    .end_handshake = transport_end_handshake,
    .resolve = rc_uv_lookup_start,
    .forget = rc_uv_lookup_forget,
    .begin_work = rc_uv_work_begin,
    .drop_work = rc_uv_work_drop,
    .read_clock = transport_read_clock,
    .wall_s = transport_wall_s,
    .random = transport_random,
    .wake_at = transport_wake_at,
    .defer = transport_defer,
    .wake = transport_wake,
    .hold = transport_hold,
    .stop = transport_stop,
};

static uint64_t random_seed(const struct rc_uv *u)
{
    uint64_t seed;
    if (uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL) != 0) {
        seed = uv_hrtime() ^ (uint64_t)(uintptr_t)u;
    }
    return seed;
}

/* Only the first can fail, when the loop is out of descriptors. */
static int init_turn(struct rc_uv *u)
{
    int status = uv_async_init(u->loop, &u->async, knocked);
    if (status < 0) {
        return status;
    }
    uv_prepare_init(u->loop, &u->prepare);
    uv_check_init(u->loop, &u->check);
    uv_idle_init(u->loop, &u->idle);
    uv_timer_init(u->loop, &u->timer);
    uv_timer_init(u->loop, &u->retry);
    each_turn_handle(u, adopt);
    uv_prepare_start(&u->prepare, prepare_poll);
    uv_check_start(&u->check, finish_poll);
    return 0;
}

int rc_uv_transport_new(struct rc_transport **transport, uv_loop_t *loop)
{
    struct rc_uv *u = rc_alloc_zeroed(1, sizeof *u);
    if (u == NULL) {
        return UV_ENOMEM;
    }
    u->base.ops = &transport_ops;
    u->loop = loop;
    u->wish_ms = UINT64_MAX;
    u->armed_ms = UINT64_MAX;
    u->random_state = random_seed(u);
    rc_list_init(&u->streams);
    rc_list_init(&u->lookups);
    rc_list_init(&u->mailbox.answered);
    u->mailbox.knock = names_found;
    rc_list_init(&u->late);
    rc_list_init(&u->starved);
    int status = init_turn(u);
    if (status < 0) {
        rc_free(u);
        return status;
    }
    *transport = &u->base;
    return 0;
}

void rc_uv_transport_free(struct rc_transport *transport)
{
    rc_free(transport);
}
