/* SPDX-License-Identifier: MIT */
/* Streams of the libuv transport against peers on the loopback: connecting, writing, the end. */
#include "uv_world.h"
#include "uv_faults.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEGABYTE = 1 << 20, BULK = 8 * MEGABYTE };

/* A path of this process in a folder of its own. */
struct nest {
    char folder[32];
    char path[64];
};

static struct nest nest_open(void)
{
    struct nest n = {.folder = "/tmp/ringcache-XXXXXX"};
    assert_non_null(mkdtemp(n.folder));
    snprintf(n.path, sizeof n.path, "%s/socket", n.folder);
    return n;
}

static void nest_close(const struct nest *n)
{
    unlink(n->path);
    assert_int_equal(rmdir(n->folder), 0);
}

/* Say something in both directions. */
static void converse(struct end *e, int peer)
{
    char heard[5];
    end_say(e, "hello");
    assert_int_equal(recv(peer, heard, sizeof heard, MSG_WAITALL), 5);
    assert_memory_equal(heard, "hello", 5);
    peer_say(peer, "world!", 6);
    run_until(e->w, &e->received, 6);
    assert_memory_equal(e->buffer, "world!", 6);
}

static void bytes_go_both_ways_over_ip4(void **state)
{
    struct pair *p = *state;
    converse(&p->e, p->peer);
}

static void bytes_go_both_ways_over_ip6(void **state)
{
    (void)state;
    struct rc_address address;
    int listener = listen_ip6(&address);
    if (listener < 0) {
        print_message("this machine has no ::1\n");
        skip();
    }
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    int peer = end_join(&e, listener, &address);
    converse(&e, peer);
    close(peer);
    close(listener);
    end_close(&e);
    world_close(&w);
}

static void bytes_go_both_ways_over_a_unix_socket(void **state)
{
    (void)state;
    struct nest nest = nest_open();
    struct rc_address address;
    int listener = listen_path(nest.path, &address);
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    int peer = end_join(&e, listener, &address);
    converse(&e, peer);
    close(peer);
    close(listener);
    end_close(&e);
    nest_close(&nest);
    world_close(&w);
}

/* Connect, expect the news of `status` later and not a second time. */
static void expect_refusal(const struct rc_address *address, int status)
{
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    assert_int_equal(end_connect(&e, address), 0);
    assert_int_equal(e.connects, 0);
    run_until(&w, &e.connects, 1);
    assert_int_equal(e.connect_status, status);
    run_for(&w, 5);
    assert_int_equal(w.logged, 1);
    end_close(&e);
    world_close(&w);
}

static void a_port_where_nobody_listens_is_refused_later(void **state)
{
    (void)state;
    struct rc_address address = nobody_ip4();
    expect_refusal(&address, -ECONNREFUSED);
}

static void a_path_that_does_not_exist_is_refused_later(void **state)
{
    (void)state;
    struct nest nest = nest_open();
    struct rc_address address = path_address(nest.path);
    expect_refusal(&address, -ENOENT);
    nest_close(&nest);
}

static void a_path_that_nobody_serves_any_more_is_refused_later(void **state)
{
    (void)state;
    struct nest nest = nest_open();
    struct rc_address address;
    close(listen_path(nest.path, &address));
    expect_refusal(&address, -ECONNREFUSED);
    nest_close(&nest);
}

static void a_refusal_is_not_told_after_close(void **state)
{
    (void)state;
    struct nest nest = nest_open();
    struct rc_address address = path_address(nest.path);
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    assert_int_equal(end_connect(&e, &address), 0);
    end_close(&e);
    run_for(&w, 5);
    assert_int_equal(w.logged, 0);
    nest_close(&nest);
    world_close(&w);
}

/* The descriptor of this process that leads to `peer`. */
static int other_end(int peer)
{
    struct sockaddr_storage ours, theirs;
    socklen_t len = sizeof ours;
    assert_int_equal(getpeername(peer, (struct sockaddr *)(void *)&theirs, &len), 0);
    for (int fd = 3; fd < 64; fd++) {
        socklen_t room = sizeof ours;
        if (getsockname(fd, (struct sockaddr *)(void *)&ours, &room) == 0 && room == len &&
            memcmp(&ours, &theirs, len) == 0) {
            return fd;
        }
    }
    return -1;
}

static int option_of(struct pair *p, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(other_end(p->peer), level, name, &value, &len), 0);
    return value;
}

static void small_writes_are_not_held_back_by_the_kernel(void **state)
{
    assert_int_not_equal(option_of(*state, IPPROTO_TCP, TCP_NODELAY), 0);
}

static void the_kernel_asks_a_peer_that_is_quiet_whether_it_is_there(void **state)
{
    assert_int_not_equal(option_of(*state, SOL_SOCKET, SO_KEEPALIVE), 0);
    int given_up_s =
        option_of(*state, IPPROTO_TCP, TCP_KEEPIDLE) +
        option_of(*state, IPPROTO_TCP, TCP_KEEPINTVL) * option_of(*state, IPPROTO_TCP, TCP_KEEPCNT);
    assert_int_equal(given_up_s, 45);
}

static void a_write_is_one_system_call_however_many_parts(void **state)
{
    struct pair *p = *state;
    static const char digits[] = "0123456789abcdef";
    struct rc_slice parts[64];
    for (size_t i = 0; i < 64; i++) {
        parts[i] = rc_slice(&digits[i % 16], 1);
    }
    faults.send = fault(0, 0);
    assert_int_equal(rc_stream_write(p->e.s, parts, 64), 64);
    assert_int_equal(faults.send.calls, 1);
    char heard[64];
    assert_int_equal(recv(p->peer, heard, sizeof heard, MSG_WAITALL), 64);
    assert_memory_equal(heard + 48, digits, 16);
}

static void more_parts_than_one_call_takes_arrive_in_order(void **state)
{
    struct pair *p = *state;
    unsigned char said[200], heard[200];
    struct rc_slice parts[200];
    for (size_t i = 0; i < 200; i++) {
        said[i] = (unsigned char)i;
        parts[i] = rc_slice(&said[i], 1);
    }
    assert_int_equal(rc_stream_write(p->e.s, parts, 200), 200);
    assert_int_equal(recv(p->peer, heard, sizeof heard, MSG_WAITALL), 200);
    assert_memory_equal(heard, said, 200);
    assert_int_equal(rc_stream_write(p->e.s, parts, 0), 0);
    run_for(&p->w, 5);
    assert_int_equal(p->e.writables, 0);
}

static unsigned char pattern(size_t at)
{
    return (unsigned char)(at * 31 + (at >> 11));
}

/* Write what is left of `bulk` once, from `*sent` on. */
static ptrdiff_t send_on(struct end *e, const unsigned char *bulk, size_t *sent)
{
    struct rc_slice parts[] = {
        rc_slice(bulk + *sent, (BULK - *sent) / 2),
        rc_slice(bulk + *sent + (BULK - *sent) / 2, BULK - *sent - (BULK - *sent) / 2),
    };
    ptrdiff_t n = rc_stream_write(e->s, parts, 2);
    assert_true(n >= 0);
    *sent += (size_t)n;
    return n;
}

/* Until the kernel has no room. */
static void send_until_full(struct pair *p, const unsigned char *bulk, size_t *sent)
{
    int seen;
    do {
        seen = p->e.writables;
        assert_true(send_on(&p->e, bulk, sent) > 0);
        run_for(&p->w, 20);
    } while (*sent < BULK && p->e.writables > seen);
    assert_true(*sent < BULK);
}

static size_t check_arrivals(int peer, size_t heard)
{
    unsigned char chunk[ROOM];
    ssize_t n = recv(peer, chunk, sizeof chunk, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++) {
        assert_int_equal(chunk[i], pattern(heard + (size_t)i));
    }
    return n > 0 ? heard + (size_t)n : heard;
}

static void a_peer_that_does_not_read_blocks_until_it_reads_again(void **state)
{
    struct pair *p = *state;
    unsigned char *bulk = malloc(BULK);
    assert_non_null(bulk);
    for (size_t i = 0; i < BULK; i++) {
        bulk[i] = pattern(i);
    }
    size_t sent = 0, heard = 0;
    send_until_full(p, bulk, &sent);
    assert_int_equal(send_on(&p->e, bulk, &sent), 0);
    int seen = p->e.writables;
    run_for(&p->w, 20);
    assert_int_equal(p->e.writables, seen);
    p->w.t->ops->hold(p->w.t, true);
    memset(bulk, 0, sent); /* what was taken is no longer ours to keep */
    for (; heard < BULK; uv_run(&p->w.loop, UV_RUN_NOWAIT)) {
        heard = check_arrivals(p->peer, heard);
        assert_int_equal(rc_stream_held(p->e.s), 0);
        if (p->e.writables > seen && sent < BULK) {
            assert_int_equal(p->e.writables, ++seen);
            assert_true(send_on(&p->e, bulk, &sent) > 0);
        }
    }
    free(bulk);
}

static void reading_goes_on_while_writing_is_blocked(void **state)
{
    struct pair *p = *state;
    unsigned char *bulk = calloc(1, BULK);
    assert_non_null(bulk);
    size_t sent = 0;
    send_until_full(p, bulk, &sent);
    int seen = p->e.writables;
    peer_say(p->peer, "reply", 5);
    run_until(&p->w, &p->e.received, 5);
    assert_int_equal(p->e.writables, seen);
    free(bulk);
}

static void hear_all(int peer)
{
    static unsigned char heard[ROOM];
    while (recv(peer, heard, sizeof heard, MSG_DONTWAIT) > 0) {
    }
}

/* The kernel's room is what a peer takes at the same time: there might be no end to it. */
static void a_long_write_leaves_the_turn_to_others(void **state)
{
    struct pair *p = *state;
    unsigned char *bulk = calloc(1, BULK);
    assert_non_null(bulk);
    for (size_t sent = 0; sent < 2 * MEGABYTE;) {
        int seen = p->e.writables;
        assert_in_range(send_on(&p->e, bulk, &sent), 1, MEGABYTE);
        hear_all(p->peer);
        run_until(&p->w, &p->e.writables, seen + 1);
    }
    free(bulk);
}

/* Each of which the peer takes at once. */
static void short_writes_share_one_part_of_a_turn(void **state)
{
    struct pair *p = *state;
    static const unsigned char some[MEGABYTE / 8];
    const struct rc_slice part = rc_slice(some, sizeof some);
    for (int turns = 1; turns <= 3; turns++) {
        size_t sent = 0;
        ptrdiff_t taken;
        do {
            taken = rc_stream_write(p->e.s, &part, 1);
            assert_true(taken >= 0);
            sent += (size_t)taken;
            hear_all(p->peer);
        } while (taken > 0 && sent < 2 * MEGABYTE);
        assert_in_range(sent, 1, MEGABYTE);
        run_until(&p->w, &p->e.writables, turns);
    }
}

static void note_piece(struct end *e, size_t n)
{
    (void)e;
    assert_in_range(n, 1, ROOM);
}

static void a_read_takes_a_part_of_much_room(void **state)
{
    struct pair *p = *state;
    static const unsigned char much[2 * ROOM];
    p->e.room = 2 * ROOM;
    p->e.on_received = note_piece;
    peer_say(p->peer, much, sizeof much);
    run_until(&p->w, &p->e.received, sizeof much);
}

static void the_peers_end_is_told_once_after_its_last_bytes(void **state)
{
    struct pair *p = *state;
    peer_say(p->peer, "last", 4);
    assert_int_equal(shutdown(p->peer, SHUT_WR), 0);
    run_until(&p->w, &p->e.ends, 1);
    assert_int_equal(p->e.end_status, 0);
    assert_int_equal(p->e.received, 4);
    assert_string_equal(p->w.log, "cre");
    assert_true(run_for(&p->w, 20) < 10);
    assert_int_equal(p->e.ends, 1);
    end_say(&p->e, "still here");
    char heard[10];
    assert_int_equal(recv(p->peer, heard, sizeof heard, MSG_WAITALL), 10);
}

static void a_reset_is_told_after_the_bytes_before_it(void **state)
{
    struct pair *p = *state;
    peer_say(p->peer, "ERROR", 5);
    peer_reset(p);
    run_until(&p->w, &p->e.ends, 1);
    assert_int_equal(p->e.end_status, -ECONNRESET);
    assert_string_equal(p->w.log, "cre");
    run_for(&p->w, 5);
    assert_int_equal(p->e.ends, 1);
}

static void a_reset_that_a_write_met_first_is_no_orderly_end(void **state)
{
    struct pair *p = *state;
    peer_reset(p);
    struct rc_slice part = rc_slice_text("too late");
    assert_int_equal(rc_stream_write(p->e.s, &part, 1), -ECONNRESET);
    run_until(&p->w, &p->e.ends, 1);
    assert_int_equal(p->e.end_status, -ECONNRESET);
}

static void a_reset_while_blocked_ends_the_stream(void **state)
{
    struct pair *p = *state;
    unsigned char *bulk = calloc(1, BULK);
    assert_non_null(bulk);
    size_t sent = 0;
    while (send_on(&p->e, bulk, &sent) > 0 && sent < BULK) {
    }
    peer_reset(p);
    run_until(&p->w, &p->e.ends, 1);
    assert_int_equal(p->e.end_status, -ECONNRESET);
    struct rc_slice part = rc_slice(bulk, 1);
    assert_true(rc_stream_write(p->e.s, &part, 1) < 0);
    free(bulk);
}

static void writing_to_a_peer_that_left_raises_no_signal(void **state)
{
    (void)state;
    struct nest nest = nest_open();
    struct rc_address address;
    int listener = listen_path(nest.path, &address);
    struct world w;
    world_open(&w);
    struct end e = end_of(&w);
    int peer = end_join(&e, listener, &address);
    signal(SIGPIPE, SIG_DFL);
    close(peer);
    struct rc_slice part = rc_slice_text("anyone?");
    assert_int_equal(rc_stream_write(e.s, &part, 1), -EPIPE);
    close(listener);
    end_close(&e);
    nest_close(&nest);
    world_close(&w);
}

static void after_shutdown_the_peer_reads_the_end_and_may_still_answer(void **state)
{
    struct pair *p = *state;
    end_say(&p->e, "bye");
    rc_stream_shutdown(p->e.s);
    char heard[8];
    assert_int_equal(recv(p->peer, heard, sizeof heard, MSG_WAITALL), 3);
    peer_say(p->peer, "answer", 6);
    peer_close(p);
    run_until(&p->w, &p->e.ends, 1);
    assert_int_equal(p->e.end_status, 0);
    assert_int_equal(p->e.received, 6);
}

static void the_peer_sees_a_reset(void **state)
{
    struct pair *p = *state;
    rc_stream_reset(p->e.s);
    p->e.s = NULL;
    char heard;
    assert_int_equal(recv(p->peer, &heard, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void the_peer_sees_a_reset_even_after_shutdown(void **state)
{
    struct pair *p = *state;
    rc_stream_shutdown(p->e.s);
    rc_stream_reset(p->e.s);
    p->e.s = NULL;
    char heard;
    assert_int_equal(recv(p->peer, &heard, 1, 0), 0);
    assert_int_equal(send(p->peer, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pair_test(bytes_go_both_ways_over_ip4),
        cmocka_unit_test(bytes_go_both_ways_over_ip6),
        cmocka_unit_test(bytes_go_both_ways_over_a_unix_socket),
        cmocka_unit_test(a_port_where_nobody_listens_is_refused_later),
        cmocka_unit_test(a_path_that_does_not_exist_is_refused_later),
        cmocka_unit_test(a_path_that_nobody_serves_any_more_is_refused_later),
        cmocka_unit_test(a_refusal_is_not_told_after_close),
        pair_test(small_writes_are_not_held_back_by_the_kernel),
        pair_test(the_kernel_asks_a_peer_that_is_quiet_whether_it_is_there),
        pair_test(a_write_is_one_system_call_however_many_parts),
        pair_test(more_parts_than_one_call_takes_arrive_in_order),
        pair_test(a_peer_that_does_not_read_blocks_until_it_reads_again),
        pair_test(reading_goes_on_while_writing_is_blocked),
        pair_test(a_long_write_leaves_the_turn_to_others),
        pair_test(short_writes_share_one_part_of_a_turn),
        pair_test(a_read_takes_a_part_of_much_room),
        pair_test(the_peers_end_is_told_once_after_its_last_bytes),
        pair_test(a_reset_is_told_after_the_bytes_before_it),
        pair_test(a_reset_that_a_write_met_first_is_no_orderly_end),
        pair_test(a_reset_while_blocked_ends_the_stream),
        cmocka_unit_test(writing_to_a_peer_that_left_raises_no_signal),
        pair_test(after_shutdown_the_peer_reads_the_end_and_may_still_answer),
        pair_test(the_peer_sees_a_reset),
        pair_test(the_peer_sees_a_reset_even_after_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
