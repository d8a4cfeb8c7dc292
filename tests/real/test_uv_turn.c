/* SPDX-License-Identifier: MIT */
/* The turn of the loop under the libuv transport: when before_poll and after_poll run, what keeps
 * the loop awake and alive, which time is told, and how all of it ends. */
#include "uv_world.h"
#include "uv_faults.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* Longer than any turn here takes, shorter than anyone's patience. */
enum { FAR_MS = 60000 };

static void block_ms(unsigned ms)
{
    usleep(ms * 1000);
}

static uint64_t now_ms(struct world *w)
{
    return rc_transport_clock(w->t)->ms;
}

static void wake_in(struct world *w, uint64_t ms)
{
    w->t->ops->wake_at(w->t, now_ms(w) + ms);
}

static void defer(struct world *w)
{
    rc_transport_defer(w->t);
}

static int open_world(void **state)
{
    static struct world w;
    world_open(&w);
    *state = &w;
    return 0;
}

static int close_world(void **state)
{
    world_close(*state);
    return 0;
}

/* Run until `*count` is `wanted`, which must come without any sleep. */
static void run_at_once(struct world *w, const int *count, int wanted)
{
    uint64_t start = uv_hrtime();
    run_until(w, count, wanted);
    assert_true(uv_hrtime() - start < UINT64_C(1000000000));
}

static void deferred_work_runs_before_the_loop_sleeps(void **state)
{
    struct world *w = *state;
    defer(w);
    defer(w);
    assert_int_equal(w->befores, 0);
    wake_in(w, 20);
    run_until(w, &w->afters, 1);
    assert_string_equal(w->log, "ba");
}

static void defer_once_more(struct world *w)
{
    w->on_before = NULL;
    defer(w);
}

static void work_deferred_in_before_poll_runs_in_the_next_turn(void **state)
{
    struct world *w = *state;
    w->on_before = defer_once_more;
    defer(w);
    run_at_once(w, &w->befores, 1);
    run_at_once(w, &w->befores, 2);
    run_for(w, 5);
    assert_int_equal(w->befores, 2);
}

static void defer_in_prepare(uv_prepare_t *prepare)
{
    defer(prepare->data);
    uv_prepare_stop(prepare);
}

/* The turn that was waited for shall not sleep in its poll. */
static void stop_turn(struct world *w)
{
    uv_stop(&w->loop);
}

/* Our prepare callback runs after the other one, then before it: libuv calls the one started last
 * first, and the second transport is started last. */
static void work_deferred_by_another_prepare_callback_is_not_slept_on(void **state)
{
    struct world *w = *state;
    w->on_before = stop_turn;
    uv_prepare_t prepare = {.data = w};
    uv_prepare_init(&w->loop, &prepare);
    uv_prepare_start(&prepare, defer_in_prepare);
    run_at_once(w, &w->befores, 1);

    world_stop(w);
    run_until(w, &w->closed, 1);
    uv_prepare_start(&prepare, defer_in_prepare);
    world_begin(w);
    run_at_once(w, &w->befores, 2);
    uv_close((uv_handle_t *)&prepare, NULL);
    run_for(w, 5);
}

static void after_poll_comes_at_its_time_and_once(void **state)
{
    struct world *w = *state;
    uint64_t wish = now_ms(w) + 20;
    w->t->ops->wake_at(w->t, wish);
    run_until(w, &w->afters, 1);
    assert_in_range(w->after_ms, wish, wish + 100);
    run_for(w, 30);
    assert_int_equal(w->afters, 1);
}

static void the_last_wish_counts(void **state)
{
    struct world *w = *state;
    uint64_t start = now_ms(w);
    w->t->ops->wake_at(w->t, start + 5);
    w->t->ops->wake_at(w->t, start + 30);
    run_until(w, &w->afters, 1);
    assert_in_range(w->after_ms, start + 30, start + 130);
    start = now_ms(w);
    w->t->ops->wake_at(w->t, start + FAR_MS);
    w->t->ops->wake_at(w->t, start + 5);
    run_until(w, &w->afters, 2);
    assert_in_range(w->after_ms, start + 5, start + 105);
}

static void a_wish_of_the_past_is_due_after_the_next_poll(void **state)
{
    struct world *w = *state;
    run_for(w, 1);
    w->t->ops->hold(w->t, true);
    w->t->ops->wake_at(w->t, 0);
    assert_int_equal(uv_backend_timeout(&w->loop), 0);
    run_at_once(w, &w->afters, 1);
}

static void a_wish_taken_back_leaves_nothing_due(void **state)
{
    struct world *w = *state;
    run_for(w, 1); /* libuv does not let a fresh loop sleep */
    w->t->ops->hold(w->t, true);
    wake_in(w, 10);
    w->t->ops->wake_at(w->t, UINT64_MAX);
    assert_int_equal(uv_backend_timeout(&w->loop), -1);
    run_for(w, 20);
    assert_int_equal(w->afters, 0);
    wake_in(w, 50);
    assert_in_range(uv_backend_timeout(&w->loop), 1, 50);
    defer(w);
    assert_int_equal(uv_backend_timeout(&w->loop), 0);
}

static void a_loop_driven_step_by_step_misses_nothing(void **state)
{
    struct world *w = *state;
    w->t->ops->hold(w->t, true);
    uint64_t start = uv_hrtime();
    wake_in(w, 20);
    while (w->afters == 0) {
        int timeout = uv_backend_timeout(&w->loop);
        assert_in_range(timeout, 0, 20);
        block_ms((unsigned)timeout);
        uv_run(&w->loop, UV_RUN_NOWAIT);
    }
    assert_true(uv_hrtime() - start < UINT64_C(500000000));
}

/* A program that lets a deadline pass in one of its callbacks while the reply arrives. */
struct sleeper {
    struct pair *p;
    bool slept;
};

static void oversleep(struct sleeper *s)
{
    if (s->slept) {
        return;
    }
    s->slept = true;
    peer_say(s->p->peer, "reply", 5);
    block_ms(30);
    now_ms(&s->p->w);
}

static void oversleep_in_timer(uv_timer_t *timer)
{
    oversleep(timer->data);
}

static void oversleep_in_prepare(uv_prepare_t *prepare)
{
    oversleep(prepare->data);
}

static void oversleep_in_poll(uv_async_t *async)
{
    oversleep(async->data);
}

static void oversleep_in_check(uv_check_t *check)
{
    oversleep(check->data);
}

/* Let one reply arrive together with its deadline; the reply must come first. */
static void expect_reply_first(struct pair *p)
{
    run_until(&p->w, &p->w.afters, 1);
    assert_string_equal(p->w.log, "cra");
}

static void a_reply_precedes_its_deadline_when_a_timer_overslept(void **state)
{
    struct sleeper s = {.p = *state};
    uv_timer_t timer = {.data = &s};
    uv_timer_init(&s.p->w.loop, &timer);
    uv_timer_start(&timer, oversleep_in_timer, 0, 0);
    wake_in(&s.p->w, 10);
    expect_reply_first(s.p);
    uv_close((uv_handle_t *)&timer, NULL);
    run_for(&s.p->w, 1);
}

static void a_reply_precedes_its_deadline_when_a_prepare_overslept(void **state)
{
    struct sleeper s = {.p = *state};
    uv_prepare_t prepare = {.data = &s};
    uv_prepare_init(&s.p->w.loop, &prepare);
    uv_prepare_start(&prepare, oversleep_in_prepare);
    wake_in(&s.p->w, 10);
    expect_reply_first(s.p);
    uv_close((uv_handle_t *)&prepare, NULL);
    run_for(&s.p->w, 1);
}

static void a_reply_precedes_its_deadline_when_a_poll_callback_overslept(void **state)
{
    struct sleeper s = {.p = *state};
    uv_async_t async = {.data = &s};
    uv_async_init(&s.p->w.loop, &async, oversleep_in_poll);
    uv_async_send(&async);
    wake_in(&s.p->w, 10);
    expect_reply_first(s.p);
    uv_close((uv_handle_t *)&async, NULL);
    run_for(&s.p->w, 1);
}

static void a_reply_precedes_its_deadline_when_a_check_overslept(void **state)
{
    struct sleeper s = {.p = *state};
    uv_check_t check = {.data = &s};
    uv_check_init(&s.p->w.loop, &check);
    uv_check_start(&check, oversleep_in_check);
    wake_in(&s.p->w, 10);
    defer(&s.p->w);
    s.p->w.on_before = defer_once_more;
    run_until(&s.p->w, &s.p->w.afters, 1);
    assert_string_equal(s.p->w.log, "cbbra");
    uv_close((uv_handle_t *)&check, NULL);
    run_for(&s.p->w, 1);
}

static void a_reply_precedes_its_deadline_when_the_program_overslept(void **state)
{
    struct sleeper s = {.p = *state};
    wake_in(&s.p->w, 10);
    oversleep(&s);
    expect_reply_first(s.p);
}

static void block_on_bytes(struct end *e, size_t n)
{
    (void)n;
    block_ms(30);
    now_ms(e->w);
}

/* A deadline that passes while a reply is looked at belongs to the next poll. */
static void after_polls_time_is_when_its_poll_began(void **state)
{
    struct pair *p = *state;
    p->e.on_received = block_on_bytes;
    peer_say(p->peer, "reply", 5);
    uint64_t start = now_ms(&p->w);
    p->w.t->ops->wake_at(p->w.t, start);
    run_until(&p->w, &p->w.afters, 1);
    assert_int_equal(p->e.received, 5);
    assert_in_range(p->w.after_ms, start, start + 29);
    assert_true(now_ms(&p->w) >= start + 30);
}

static void all_that_waits_on_a_stream_is_read_before_after_poll(void **state)
{
    struct pair *p = *state;
    static const unsigned char waiting[32 * 1024];
    p->e.room = 512;
    peer_say(p->peer, waiting, sizeof waiting);
    wake_in(&p->w, 0);
    run_until(&p->w, &p->w.afters, 1);
    assert_int_equal(p->e.received, sizeof waiting);
}

static void send_again(struct end *e, size_t n)
{
    struct pair *p = (struct pair *)(void *)((char *)e - offsetof(struct pair, e));
    peer_say(p->peer, e->buffer, n);
}

static void a_peer_that_never_stops_does_not_put_after_poll_off_for_ever(void **state)
{
    struct pair *p = *state;
    p->w.quiet = true;
    p->e.room = 16;
    p->e.on_received = send_again;
    peer_say(p->peer, "sixteen bytes ..sixteen bytes ..", 32);
    wake_in(&p->w, 0);
    run_until(&p->w, &p->w.afters, 1);
}

static void the_clock_is_read_once_before_a_poll_and_once_after_it(void **state)
{
    struct world *w = *state;
    uint64_t first = now_ms(w);
    block_ms(5);
    assert_int_equal(now_ms(w), first);
    run_for(w, 1);
    uint64_t second = now_ms(w);
    assert_true(second >= first + 5);
    block_ms(5);
    assert_int_equal(now_ms(w), second);
}

static void microseconds_are_of_the_same_reading(void **state)
{
    struct world *w = *state;
    uint64_t us = rc_transport_clock(w->t)->us;
    block_ms(5);
    assert_int_equal(rc_transport_clock(w->t)->us, us);
    assert_in_range(us / 1000, now_ms(w), now_ms(w) + 1);
}

static void read_clock(struct world *w)
{
    now_ms(w);
}

static void block_then_ask(uv_async_t *async)
{
    struct world *w = async->data;
    uint64_t before = uv_now(&w->loop);
    block_ms(20);
    assert_true(now_ms(w) >= before + 20);
    uv_close((uv_handle_t *)async, NULL);
}

static void a_callback_that_blocked_is_told_the_true_time(void **state)
{
    struct world *w = *state;
    uv_async_t async = {.data = w};
    uv_async_init(&w->loop, &async, block_then_ask);
    uv_async_send(&async);
    w->on_before = read_clock;
    defer(w);
    assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
    assert_true(uv_is_closing((uv_handle_t *)&async));
}

static void ask_the_time(struct end *e, size_t n)
{
    (void)n;
    now_ms(e->w);
}

static void a_program_that_blocked_between_turns_is_told_the_true_time(void **state)
{
    struct pair *p = *state;
    p->e.on_received = ask_the_time;
    peer_say(p->peer, "reply", 5);
    run_until(&p->w, &p->e.received, 5);
    uint64_t before = uv_now(&p->w.loop);
    block_ms(20);
    assert_true(now_ms(&p->w) >= before + 20);
}

static void nothing_but_hold_keeps_the_loop_alive(void **state)
{
    struct world *w = *state;
    struct rc_address address = nobody_ip4();
    struct end e = end_of(w);
    assert_int_equal(end_connect(&e, &address), 0);
    wake_in(w, FAR_MS);
    defer(w);
    assert_false(uv_loop_alive(&w->loop));
    w->t->ops->hold(w->t, true);
    assert_true(uv_loop_alive(&w->loop));
    w->t->ops->hold(w->t, true);
    w->t->ops->hold(w->t, false);
    assert_false(uv_loop_alive(&w->loop));
    end_close(&e);
}

static void let_go(struct world *w)
{
    w->t->ops->hold(w->t, false);
}

static void a_held_loop_runs_until_it_is_let_go(void **state)
{
    struct world *w = *state;
    w->t->ops->hold(w->t, true);
    wake_in(w, 20);
    w->on_after = let_go;
    assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(w->afters, 1);
}

/* time() reads a coarser clock, which comes to the next second up to a tick later. */
static int64_t seconds(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    return now.tv_sec;
}

static void wall_time_is_the_systems(void **state)
{
    struct world *w = *state;
    int64_t before = seconds();
    int64_t told = w->t->ops->wall_s(w->t);
    assert_in_range(told, before, seconds());
}

static void random_bits_differ_within_and_between_transports(void **state)
{
    struct world *w = *state;
    struct world other;
    world_open(&other);
    uint64_t a = w->t->ops->random(w->t), b = w->t->ops->random(w->t);
    uint64_t c = other.t->ops->random(other.t);
    assert_int_not_equal(a, b);
    assert_int_not_equal(a, c);
    assert_int_not_equal(b, c);
    world_close(&other);
}

static void not_to_be_told(
    void *owner, int status, const struct rc_address *addresses, size_t count)
{
    (void)owner, (void)status, (void)addresses, (void)count;
    fail();
}

/* Nothing of a stopped transport is left that could wake the loop. */
static void expect_stopped(struct world *w, const char *log)
{
    run_until(w, &w->closed, 1);
    assert_string_equal(w->log, log);
    assert_true(run_for(w, 10) < 10);
}

static void stop_closes_whatever_was_left_open(void **state)
{
    struct pair *p = *state;
    struct world *w = &p->w;
    struct rc_address nobody = path_address("/nonexistent/socket");
    struct end refused = end_of(w);
    struct rc_lookup *lookup;
    assert_int_equal(end_connect(&refused, &nobody), 0);
    const struct rc_endpoint endpoint = {"::1", 1, false};
    assert_int_equal(w->t->ops->resolve(w->t, &endpoint, not_to_be_told, w, &lookup), 0);
    peer_say(p->peer, "bytes", 5);
    defer(w);
    wake_in(w, 0);
    w->t->ops->hold(w->t, true);
    world_stop(w);
    p->e.s = NULL;
    expect_stopped(w, "c");
}

static void stop_in_turn(struct world *w)
{
    world_stop(w);
    defer(w);
    wake_in(w, 0);
    w->t->ops->hold(w->t, true);
}

static void a_transport_may_be_stopped_in_before_poll(void **state)
{
    struct world *w = *state;
    w->on_before = stop_in_turn;
    defer(w);
    wake_in(w, 0);
    expect_stopped(w, "b");
}

static void a_transport_may_be_stopped_in_after_poll(void **state)
{
    struct world *w = *state;
    w->on_after = stop_in_turn;
    wake_in(w, 0);
    expect_stopped(w, "a");
}

static void stop_on_bytes(struct end *e, size_t n)
{
    (void)n;
    e->s = NULL;
    world_stop(e->w);
}

static void a_transport_may_be_stopped_by_a_streams_event(void **state)
{
    struct pair *p = *state;
    p->e.room = 2;
    p->e.on_received = stop_on_bytes;
    peer_say(p->peer, "bytes", 5);
    wake_in(&p->w, 0);
    expect_stopped(&p->w, "cr");
}

static void stop_on_refusal(struct end *e)
{
    e->s = NULL;
    world_stop(e->w);
}

static void a_transport_may_be_stopped_by_a_late_event(void **state)
{
    struct world *w = *state;
    struct rc_address nobody = path_address("/nonexistent/socket");
    struct end first = end_of(w), second = end_of(w);
    assert_int_equal(end_connect(&first, &nobody), 0);
    assert_int_equal(end_connect(&second, &nobody), 0);
    first.on_connected = stop_on_refusal;
    wake_in(w, 0);
    expect_stopped(w, "c");
}

static void no_memory_for_a_transport_is_an_error(void **state)
{
    struct world *w = *state;
    struct rc_transport *t = NULL;
    faults.alloc = fault(1, 0);
    assert_int_equal(rc_uv_transport_new(&t, &w->loop), UV_ENOMEM);
    assert_null(t);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(deferred_work_runs_before_the_loop_sleeps),
        world_test(work_deferred_in_before_poll_runs_in_the_next_turn),
        world_test(work_deferred_by_another_prepare_callback_is_not_slept_on),
        world_test(after_poll_comes_at_its_time_and_once),
        world_test(the_last_wish_counts),
        world_test(a_wish_of_the_past_is_due_after_the_next_poll),
        world_test(a_wish_taken_back_leaves_nothing_due),
        world_test(a_loop_driven_step_by_step_misses_nothing),
        pair_test(a_reply_precedes_its_deadline_when_a_timer_overslept),
        pair_test(a_reply_precedes_its_deadline_when_a_prepare_overslept),
        pair_test(a_reply_precedes_its_deadline_when_a_poll_callback_overslept),
        pair_test(a_reply_precedes_its_deadline_when_a_check_overslept),
        pair_test(a_reply_precedes_its_deadline_when_the_program_overslept),
        pair_test(after_polls_time_is_when_its_poll_began),
        pair_test(all_that_waits_on_a_stream_is_read_before_after_poll),
        pair_test(a_peer_that_never_stops_does_not_put_after_poll_off_for_ever),
        world_test(the_clock_is_read_once_before_a_poll_and_once_after_it),
        world_test(microseconds_are_of_the_same_reading),
        world_test(a_callback_that_blocked_is_told_the_true_time),
        pair_test(a_program_that_blocked_between_turns_is_told_the_true_time),
        world_test(nothing_but_hold_keeps_the_loop_alive),
        world_test(a_held_loop_runs_until_it_is_let_go),
        world_test(wall_time_is_the_systems),
        world_test(random_bits_differ_within_and_between_transports),
        pair_test(stop_closes_whatever_was_left_open),
        world_test(a_transport_may_be_stopped_in_before_poll),
        world_test(a_transport_may_be_stopped_in_after_poll),
        pair_test(a_transport_may_be_stopped_by_a_streams_event),
        world_test(a_transport_may_be_stopped_by_a_late_event),
        world_test(no_memory_for_a_transport_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
