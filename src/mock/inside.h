/* SPDX-License-Identifier: MIT */
#ifndef MOCK_INSIDE_H
#define MOCK_INSIDE_H

/* A simulated server behind real sockets: an engine, a place to listen, its connections, and what
 * was asked to go wrong.
 *
 *     socket ──► connection: engine_step ──► reply ──► [held until it is due] ──► out ──► socket
 *
 * Sockets are our own under uv_poll: libuv's streams write without MSG_NOSIGNAL, and a client that
 * leaves early must not end the program under test by SIGPIPE. A connection that ended is off its
 * list at once, and is freed when its handle is closed; so whatever a callback does, what stands
 * below it on the stack still exists. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"
#include "engine/engine.h"
#include "ringcache/mock.h"

enum { MOCK_VERB_BYTES = 16 };

struct mock_place {
    struct sockaddr_storage address;
    socklen_t len;
};

/* A descriptor that is polled. Both close together, and `freed` comes when the handle has. */
struct mock_watch {
    uv_poll_t poll;
    struct ringcache_mock *mock;
    void (*freed)(struct mock_watch *watch);
    int fd, events;
};

struct mock_connection {
    struct mock_watch watch;
    struct rc_list node;
    struct engine_session *session; /* NULL: refused, or gone */
    uint64_t number;
    struct sim_bytes out;
    struct rc_list held; /* replies that are not due, in order */
    size_t held_bytes;
    bool starved;     /* all that arrived was run */
    bool input_ended; /* the client sends no more */
    bool finishing;   /* it ends behind its last reply */
    bool gone;
};

struct ringcache_mock {
    uv_loop_t *loop;
    struct engine *engine;
    struct mock_place place;
    char *uri;
    struct mock_watch *listener; /* NULL: killed */
    int reserved;                /* a socket that keeps the place of a killed one; -1: none */
    struct rc_list connections;
    size_t connection_count, handles;
    uint64_t accepted;
    uv_timer_t alarm; /* a reply falls due, or there is something to do in the next turn */
    uint64_t started_ms, advanced_ms;
    int64_t started_wall_s;
    bool holds_loop, stopped, closing;
    uint64_t cut_left;          /* bytes until a connection is cut; UINT64_MAX: none is */
    char verb[MOCK_VERB_BYTES]; /* of the command that ran last */
    struct rc_list delays;      /* of struct delay */
    struct rc_list arrivals;    /* commands that the listener has not heard of */
    ringcache_mock_command_cb on_command;
    void *on_command_user;
    ringcache_mock_close_cb on_closed;
    void *on_closed_user;
};

/* place.c: addresses and sockets. 0 or a negative code. */

int mock_place_init(struct mock_place *place, const ringcache_mock_options *options);
/* A socket that has the place and does not listen yet: whoever connects is refused, and whoever
 * asks for a free port is not given this one. A port of 0 becomes the one it got. */
int mock_place_open(struct mock_place *place, int *fd);
int mock_place_listen(int fd);
uint16_t mock_place_port(const struct mock_place *place);
char *mock_place_uri(const struct mock_place *place, const ringcache_mock_options *options);
/* A Unix socket leaves a file behind; any other file is let be. */
void mock_place_clear(const struct mock_place *place);

/* watch.c: descriptors on the loop. */

/* The handle; the descriptor stays the caller's on failure. */
int mock_watch_init(struct mock_watch *watch, struct ringcache_mock *mock, int fd);
void mock_watch_events(struct mock_watch *watch, int events, uv_poll_cb cb);
void mock_watch_close(struct mock_watch *watch, void (*freed)(struct mock_watch *watch));
/* Let every connection see what there is to do, `delay_ms` from now at the latest. */
void mock_alarm(struct ringcache_mock *mock, uint64_t delay_ms);

/* mock.c */

/* Accept who connects, unless it is killed or stopped. */
void mock_watch_listener(struct ringcache_mock *mock);
/* One handle less; the last one of a closing mock takes it along. */
void mock_handle_closed(struct ringcache_mock *mock);

/* connection.c */

/* Owns `fd`. */
void mock_connection_accept(struct ringcache_mock *mock, int fd);
/* Run, send and end what can be. */
void mock_connection_serve(struct mock_connection *c);
void mock_connection_watch(struct mock_connection *c);
void mock_connection_end(struct mock_connection *c);
void mock_connection_reset(struct mock_connection *c);

/* Sessions that another one's command ended. */
void mock_connections_bury(struct ringcache_mock *mock);

/* script.c */

/* Learns of every command; `owner` is the mock. */
void mock_arrived(void *owner, const struct engine_command *command);
/* Let the listener hear what arrived: anything may happen in it. */
void mock_tell(struct ringcache_mock *mock);
uint64_t mock_delay_ms(const struct ringcache_mock *mock);
void mock_forget_delays(struct ringcache_mock *mock);

/* item.c */

void mock_set_time(struct ringcache_mock *mock);

#endif
