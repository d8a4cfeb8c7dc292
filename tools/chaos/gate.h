/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_GATE_H
#define CHAOS_GATE_H

/* faultd's proxy in front of a server, for one player's client: counts the requests of users that
 * come to it, and of these the ones that ought not to, because the client knows that the server is
 * out of service. The deletes of its journal are none of them. */

#include <uv.h>

#include "book.h"

struct pair;

/* What is read now came after `since_ns`: when the loop's poll before this one began. */
struct gate_clock {
    uint64_t poll_ns, since_ns;
};

struct gate {
    struct pair *pair;
    unsigned port;
    const struct fate *fate; /* what the client knows */
    const struct gate_clock *clock;
    uint64_t requests, in_vain;
    uint32_t era;   /* counts the faults */
    bool is_struck; /* the fault lasts */
};

/* Listen at `listen` (HOST:PORT; port 0 is a free one) and pass on to 127.0.0.1:`server_port`.
 * Returns 0 or a libuv status. */
int gate_open(struct gate *gate, uv_loop_t *loop, const char *listen, unsigned server_port);

/* A fault begins; it ends. */
void gate_strike(struct gate *gate);
void gate_heal(struct gate *gate);

/* Do what a line of faultd(1) says; false where it cannot be done. */
bool gate_do(struct gate *gate, const char *line);

/* The loop has to run for it. */
void gate_close(struct gate *gate);

#endif
