/* SPDX-License-Identifier: MIT */
#ifndef SIM_WITNESS_H
#define SIM_WITNESS_H

/* The owner of a transport or a stream that only writes down what it is told, in words:
 * "connected(0) received(5) ended(0)". A test may give it something to do at one of them. */

#include "sim.h"

struct witness {
    struct sim *sim;
    struct rc_transport *transport;
    struct rc_stream *stream;
    char told[4096];
    struct sim_bytes input; /* all bytes received */
    size_t room;            /* that `reserve` offers; 0: out of memory */
    uint64_t told_at_ms;    /* the last of it */
    bool in_call; /* set by a test around its calls: being told anything then is an error */
    /* What to do, when not NULL, at any event. */
    void (*act)(struct witness *w, const char *event);
    struct witness *other; /* for `act` */
    size_t acts;
    struct rc_address addresses[16];
    size_t address_count;
    unsigned char buffer[65536];
};

extern const struct rc_stream_events witness_stream;
extern const struct rc_turn_events witness_turn;

struct witness *witness_new(struct sim *sim, struct sim_client *client);
void witness_free(struct witness *w);
/* Connect to a literal address, or a path with port 0. */
int witness_connect(struct witness *w, const char *host, uint16_t port);
ptrdiff_t witness_write(struct witness *w, const char *text);
void witness_resolved(void *owner, int status, const struct rc_address *addresses, size_t count);
void witness_closed(void *owner);
/* What was told since the last look. */
const char *witness_told(struct witness *w);
/* The bytes received since the last look, as a text. */
const char *witness_input(struct witness *w);

/* One world with one server at 10.0.0.1:11211 and one client. */
struct scene {
    struct sim *sim;
    struct sim_server *server;
    struct sim_client *client;
    struct witness *w;
};

struct scene scene_open(enum engine_kind kind, struct sim_options options);
/* Connect, and wait until the connection stands. */
void scene_connect(struct scene *s);
void scene_close(struct scene *s);

#endif
