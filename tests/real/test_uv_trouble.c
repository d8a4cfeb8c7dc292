/* SPDX-License-Identifier: MIT */
/* Streams of the libuv transport in trouble: failing system calls, no memory, an owner that closes
 * in its callbacks. */
#include "uv_world.h"
#include "uv_faults.h"

#include <errno.h>
#include <unistd.h>

/* The call itself fails, no event comes, nothing stays open. */
static void expect_failure_in_the_call(int status)
{
    struct rc_address address = nobody_ip4();
    struct world w;
    size_t before = open_descriptors();
    world_open(&w);
    struct end e = end_of(&w);
    assert_int_equal(end_connect(&e, &address), status);
    run_for(&w, 5);
    assert_int_equal(w.logged, 0);
    world_close(&w);
    assert_int_equal(open_descriptors(), before);
}

static void no_descriptor_left_fails_in_the_call(void **state)
{
    (void)state;
    faults.socket = fault(0, EMFILE);
    struct rc_address address = nobody_ip4();
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    faults.socket = fault(1, EMFILE);
    assert_int_equal(end_connect(&e, &address), -EMFILE);
    faults.socket = fault(1, EACCES);
    assert_int_equal(end_connect(&e, &address), UV_EPERM);
    assert_int_equal(end_connect(&e, &address), 0);
    end_close(&e);
    world_close(&w);
}

static void no_local_port_left_fails_in_the_call(void **state)
{
    (void)state;
    faults.connect = fault(1, EADDRNOTAVAIL);
    expect_failure_in_the_call(-EADDRNOTAVAIL);
    faults.connect = fault(1, ENETUNREACH);
    expect_failure_in_the_call(-ENETUNREACH);
}

static void what_this_machine_forbids_or_lacks_is_told_in_its_own_codes(void **state)
{
    (void)state;
    faults.connect = fault(1, EACCES);
    expect_failure_in_the_call(UV_EPERM);
    faults.connect = fault(1, EAGAIN);
    expect_failure_in_the_call(UV_EADDRNOTAVAIL);
}

static void a_refusal_known_at_once_is_told_later(void **state)
{
    (void)state;
    struct rc_address address = nobody_ip4();
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    faults.connect = fault(1, ECONNREFUSED);
    assert_int_equal(end_connect(&e, &address), 0);
    assert_int_equal(e.connects, 0);
    run_until(&w, &e.connects, 1);
    assert_int_equal(e.connect_status, -ECONNREFUSED);
    end_close(&e);
    world_close(&w);
}

static void no_memory_for_a_stream_fails_in_the_call(void **state)
{
    (void)state;
    struct rc_address address = nobody_ip4();
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    size_t before = open_descriptors();
    faults.alloc = fault(1, ENOMEM);
    assert_int_equal(end_connect(&e, &address), UV_ENOMEM);
    assert_int_equal(open_descriptors(), before);
    world_close(&w);
}

static void a_connect_interrupted_by_a_signal_goes_on(void **state)
{
    (void)state;
    struct rc_address address;
    int listener = listen_ip4(&address);
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    faults.connect = fault(1, EINTR);
    assert_int_equal(end_connect(&e, &address), 0);
    end_close(&e);
    close(listener);
    world_close(&w);
}

static void close_at_once(struct end *e)
{
    end_close(e);
}

static void close_on_bytes(struct end *e, size_t n)
{
    (void)n;
    end_close(e);
}

/* After the close in its callback a stream is silent, although bytes and the end arrive. */
static void expect_silence(struct pair *p)
{
    size_t logged = p->w.logged;
    peer_close(p);
    run_for(&p->w, 5);
    assert_int_equal(p->w.logged, logged);
}

static void a_stream_may_be_closed_in_connected(void **state)
{
    (void)state;
    struct rc_address address;
    int listener = listen_ip4(&address);
    struct pair p;
    world_open(&p.w);
    p.e = end_of(&p.w);
    p.e.on_connected = close_at_once;
    p.peer = end_join(&p.e, listener, &address);
    close(listener);
    expect_silence(&p);
    world_close(&p.w);
}

static void a_stream_may_be_closed_in_reserve(void **state)
{
    struct pair *p = *state;
    p->e.on_reserve = close_at_once;
    peer_say(p->peer, "bytes", 5);
    run_until(&p->w, &p->e.reserves, 1);
    assert_string_equal(p->w.log, "c");
    expect_silence(p);
}

static void a_stream_may_be_closed_in_received(void **state)
{
    struct pair *p = *state;
    p->e.room = 2;
    p->e.on_received = close_on_bytes;
    peer_say(p->peer, "bytes", 5);
    run_until(&p->w, &p->e.reserves, 1);
    assert_int_equal(p->e.received, 2);
    expect_silence(p);
}

static void a_stream_may_be_closed_in_ended(void **state)
{
    struct pair *p = *state;
    p->e.on_ended = close_at_once;
    assert_int_equal(shutdown(p->peer, SHUT_WR), 0);
    run_until(&p->w, &p->e.ends, 1);
    expect_silence(p);
}

static void a_stream_may_be_closed_in_writable(void **state)
{
    struct pair *p = *state;
    faults.send = fault(1, EAGAIN);
    struct rc_slice part = rc_slice_text("x");
    assert_int_equal(rc_stream_write(p->e.s, &part, 1), 0);
    p->e.on_writable = close_at_once;
    run_until(&p->w, &p->e.writables, 1);
    expect_silence(p);
}

static void a_stream_closed_in_received_is_not_told_that_it_may_write(void **state)
{
    struct pair *p = *state;
    faults.send = fault(1, EAGAIN);
    struct rc_slice part = rc_slice_text("x");
    assert_int_equal(rc_stream_write(p->e.s, &part, 1), 0);
    p->e.on_received = close_on_bytes;
    peer_say(p->peer, "bytes", 5);
    run_until(&p->w, &p->e.received, 5);
    assert_string_equal(p->w.log, "cr");
    expect_silence(p);
}

static void a_closed_stream_is_silent_about_bytes_that_wait(void **state)
{
    struct pair *p = *state;
    peer_say(p->peer, "bytes", 5);
    end_close(&p->e);
    expect_silence(p);
}

static void an_owner_without_memory_is_asked_again_without_spinning(void **state)
{
    struct pair *p = *state;
    p->e.room = 0;
    peer_say(p->peer, "bytes", 5);
    run_until(&p->w, &p->e.reserves, 1);
    assert_true(run_for(&p->w, 50) < 30);
    assert_in_range(p->e.reserves, 2, 10);
    assert_int_equal(p->e.received, 0);
    assert_int_equal(p->e.ends, 0);
    p->e.room = ROOM;
    peer_close(p);
    run_until(&p->w, &p->e.ends, 1);
    assert_int_equal(p->e.received, 5);
}

static void a_starved_stream_may_be_closed(void **state)
{
    struct pair *p = *state;
    p->e.room = 0;
    peer_say(p->peer, "bytes", 5);
    run_until(&p->w, &p->e.reserves, 1);
    end_close(&p->e);
    run_for(&p->w, 20);
    assert_int_equal(p->e.reserves, 1);
}

static void a_kernel_without_buffers_takes_nothing_and_is_asked_again(void **state)
{
    struct pair *p = *state;
    struct rc_slice part = rc_slice_text("later");
    faults.send = fault(1, ENOBUFS);
    assert_int_equal(rc_stream_write(p->e.s, &part, 1), 0);
    uint64_t before = uv_hrtime();
    run_until(&p->w, &p->e.writables, 1);
    assert_true(uv_hrtime() - before > 5 * UINT64_C(1000000));
    end_say(&p->e, "later");
}

static void a_kernel_without_memory_to_read_is_asked_again(void **state)
{
    struct pair *p = *state;
    peer_say(p->peer, "bytes", 5);
    faults.recv = fault(2, ENOMEM);
    uint64_t before = uv_hrtime();
    run_until(&p->w, &p->e.received, 5);
    assert_true(uv_hrtime() - before > 5 * UINT64_C(1000000));
    assert_int_equal(p->e.ends, 0);
}

static void write_again(struct end *e)
{
    const struct rc_slice part = rc_slice_text("x");
    e->on_writable = NULL;
    assert_int_equal(rc_stream_write(e->s, &part, 1), 0);
}

/* Out of memory for both directions in one turn: it waits once, and goes on with both. */
static void a_kernel_without_memory_both_ways_is_asked_again(void **state)
{
    struct pair *p = *state;
    const struct rc_slice part = rc_slice_text("x");
    faults.send = fault(1, EAGAIN);
    assert_int_equal(rc_stream_write(p->e.s, &part, 1), 0);
    peer_say(p->peer, "bytes", 5);
    p->e.on_writable = write_again;
    faults.recv = fault(1, ENOMEM);
    faults.send = fault(1, ENOBUFS);
    run_until(&p->w, &p->e.writables, 1);
    assert_int_equal(p->e.received, 0);
    assert_int_equal(faults.send.times, 0);
    run_until(&p->w, &p->e.received, 5);
    run_until(&p->w, &p->e.writables, 2);
    end_say(&p->e, "later");
}

static void a_stream_that_cannot_be_watched_is_watched_later(void **state)
{
    struct pair *p = *state;
    faults.poll = fault(2, 0);
    faults.send = fault(1, EAGAIN);
    struct rc_slice part = rc_slice_text("x");
    assert_int_equal(rc_stream_write(p->e.s, &part, 1), 0);
    peer_say(p->peer, "bytes", 5);
    run_until(&p->w, &p->e.received, 5);
    run_until(&p->w, &p->e.writables, 1);
    assert_int_equal(faults.poll.times, 0);
}

static void a_signal_interrupts_neither_reading_nor_writing(void **state)
{
    struct pair *p = *state;
    faults.send = fault(2, EINTR);
    end_say(&p->e, "hello");
    peer_say(p->peer, "world", 5);
    faults.recv = fault(2, EINTR);
    run_until(&p->w, &p->e.received, 5);
    assert_int_equal(faults.recv.calls, 3);
}

static void a_read_that_finds_nothing_changes_nothing(void **state)
{
    struct pair *p = *state;
    peer_say(p->peer, "bytes", 5);
    faults.recv = fault(1, EAGAIN);
    run_until(&p->w, &p->e.received, 5);
    assert_string_equal(p->w.log, "cr");
}

static void a_failed_read_ends_the_stream_with_its_errno(void **state)
{
    struct pair *p = *state;
    peer_say(p->peer, "bytes", 5);
    faults.recv = fault(1, ETIMEDOUT);
    run_until(&p->w, &p->e.ends, 1);
    assert_int_equal(p->e.end_status, -ETIMEDOUT);
    assert_int_equal(p->e.received, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_descriptor_left_fails_in_the_call),
        cmocka_unit_test(no_local_port_left_fails_in_the_call),
        cmocka_unit_test(what_this_machine_forbids_or_lacks_is_told_in_its_own_codes),
        cmocka_unit_test(a_refusal_known_at_once_is_told_later),
        cmocka_unit_test(no_memory_for_a_stream_fails_in_the_call),
        cmocka_unit_test(a_connect_interrupted_by_a_signal_goes_on),
        cmocka_unit_test(a_stream_may_be_closed_in_connected),
        pair_test(a_stream_may_be_closed_in_reserve),
        pair_test(a_stream_may_be_closed_in_received),
        pair_test(a_stream_may_be_closed_in_ended),
        pair_test(a_stream_may_be_closed_in_writable),
        pair_test(a_stream_closed_in_received_is_not_told_that_it_may_write),
        pair_test(a_closed_stream_is_silent_about_bytes_that_wait),
        pair_test(an_owner_without_memory_is_asked_again_without_spinning),
        pair_test(a_starved_stream_may_be_closed),
        pair_test(a_kernel_without_buffers_takes_nothing_and_is_asked_again),
        pair_test(a_kernel_without_memory_to_read_is_asked_again),
        pair_test(a_kernel_without_memory_both_ways_is_asked_again),
        pair_test(a_stream_that_cannot_be_watched_is_watched_later),
        pair_test(a_signal_interrupts_neither_reading_nor_writing),
        pair_test(a_read_that_finds_nothing_changes_nothing),
        pair_test(a_failed_read_ends_the_stream_with_its_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
