/* SPDX-License-Identifier: MIT */
#ifndef TESTS_REAL_UV_WORLD_H
#define TESTS_REAL_UV_WORLD_H

/* A loop with the libuv transport on it, an owner that notes every event, and a peer made of plain
 * sockets, which a test drives between the turns of the loop. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include "transport/uv_transport.h"

enum { ROOM = 64 * 1024, PATIENCE_MS = 5000, LOG_MAX = 256 };

struct world {
    uv_loop_t loop;
    struct rc_transport *t;
    uv_timer_t patience;
    bool impatient;
    /* before_poll 'b', after_poll 'a', and of every stream: connected 'c', received 'r', ended 'e',
     * writable 'w'. */
    char log[LOG_MAX];
    bool quiet; /* no log: more events come than it holds */
    size_t logged;
    int befores, afters;
    uint64_t after_ms;
    void (*on_before)(struct world *w);
    void (*on_after)(struct world *w);
    int closed;
};

/* One stream and all it was told. */
struct end {
    struct world *w;
    struct rc_stream *s;
    int connects, connect_status;
    int ends, end_status;
    int writables;
    int reserves;
    int received;
    size_t room; /* offered by `reserve`, 2 * ROOM at most; 0: none */
    unsigned char buffer[2 * ROOM];
    void (*on_connected)(struct end *e);
    void (*on_reserve)(struct end *e);
    void (*on_received)(struct end *e, size_t n);
    void (*on_ended)(struct end *e);
    void (*on_writable)(struct end *e);
};

/* Start and end of every test; the end proves that nothing is left on the loop. */
void world_open(struct world *w);
/* A new transport in place of one that was stopped. */
void world_begin(struct world *w);
void world_close(struct world *w);
/* Stop the transport alone; `closed` tells when that is done. */
void world_stop(struct world *w);
/* Run turns until `*count` is `wanted`; fails the test after PATIENCE_MS. */
void run_until(struct world *w, const int *count, int wanted);
/* Run for `ms` of the wall, and return how many turns the loop made. */
unsigned run_for(struct world *w, unsigned ms);

/* Listening sockets. `address` is where to connect. */
int listen_ip4(struct rc_address *address);
int listen_ip6(struct rc_address *address); /* -1: the machine has no IPv6 */
int listen_path(const char *path, struct rc_address *address);
/* An address of the loopback at which nobody listens. */
struct rc_address nobody_ip4(void);
struct rc_address path_address(const char *path);

/* A stream with everything zero but its world and its room. */
struct end end_of(struct world *w);
int end_connect(struct end *e, const struct rc_address *address);
/* Connect `e` to `listener` and return the peer's blocking socket. */
int end_join(struct end *e, int listener, const struct rc_address *address);
void end_close(struct end *e);
/* Write all of `text`, which must be taken at once. */
void end_say(struct end *e, const char *text);

void peer_say(int fd, const void *bytes, size_t len);
size_t open_descriptors(void);

/* A world with one connection, as a fixture of cmocka: `*state` points at it. */
struct pair {
    struct world w;
    struct end e;
    int peer; /* -1: closed */
};

int pair_open(void **state);
int pair_close(void **state);
void peer_close(struct pair *p);
/* Close so that our end sees a reset. */
void peer_reset(struct pair *p);

#define pair_test(f) cmocka_unit_test_setup_teardown(f, pair_open, pair_close)

#endif
