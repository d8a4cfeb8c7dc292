/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_LINK_H
#define FAULTD_LINK_H

/* An accepted connection and its way to the server: two streams, and between them a flow for each
 * direction. A link frees itself when both streams and its timer are closed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "command.h"
#include "endpoint.h"
#include "flow.h"

struct link;

enum { CHUNK_BYTES = 64 * 1024 };

/* What links need of those who have them, and tell them; `user` is handed to the calls. */
struct link_owner {
    uv_loop_t *loop;
    void *user;
    /* Bytes as their sender sent them, before anything is done to them. */
    void (*received)(struct link *link, enum direction direction, uv_buf_t bytes);
    void (*fault)(
        struct link *link, enum direction direction, const struct command *cause, uint64_t offset);
    void (*trouble)(struct link *link, const char *what, int status);
    /* The link ends: it is no longer to be used. */
    void (*ended)(struct link *link);
    /* The last call: it is freed behind it. */
    void (*freed)(struct link_owner *owner);
    char chunk[CHUNK_BYTES]; /* what any link receives, until it is taken in */
};

/* One stream, and the flow of what its peer sends. */
struct side {
    union stream stream; /* first: a handle is its side */
    struct link *link;
    struct flow flow;
    uv_write_t write; /* to this side */
    uv_shutdown_t shutdown;
    size_t writing; /* bytes */
    bool reading, ended, shut;
};

struct link {
    struct side sides[DIRECTIONS]; /* the client, whose flow is up, and the server */
    uv_timer_t timer;
    uv_connect_t connect;
    struct link_owner *owner;
    void (*pump)(struct link *link); /* act on what has changed */
    enum direction spoke;            /* which direction had the last bytes; at first the server's */
    unsigned open;                   /* handles */
    enum { LINK_CONNECTING, LINK_PASSING, LINK_LINGERING, LINK_CLOSING } state;
    /* The owner's: a place in a list, a number, and what looking at bytes remembers. */
    struct link *next, **back;
    uint64_t number;
    size_t memory[DIRECTIONS];
};

/* A link between a client and a server of these kinds, not connected yet; NULL: out of memory. */
struct link *link_new(struct link_owner *owner, const struct endpoint *client,
    const struct endpoint *server, uint64_t seed);

/* The owner knows the link: accept from `listener`, and connect to the server. */
void link_start(struct link *link, uv_stream_t *listener, const struct endpoint *server);

/* Do what a command says of one connection, now or at its place. */
void link_command(struct link *link, struct command *command);

/* End it at once by RST; on a Unix socket, by closing it. */
void link_reset(struct link *link);

#endif
