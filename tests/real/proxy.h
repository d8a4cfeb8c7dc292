/* SPDX-License-Identifier: MIT */
#ifndef REAL_PROXY_H
#define REAL_PROXY_H

/* faultd's proxy in front of a real server, on the caller's loop: passes everything on but for the
 * faults that are asked of it, counts what went to the server and how often a mark (say, the prefix
 * of all the test's keys) stood in it. */

#include <stdint.h>
#include <uv.h>

struct pair;

struct proxy {
    struct pair *pair;
    unsigned port; /* where it listens on 127.0.0.1 */
    const char *mark;
    uint64_t bytes; /* to the server */
    uint64_t marks; /* whole marks among them */
};

/* Listen on a free port and pass on to 127.0.0.1:`target_port`; `mark` is borrowed. */
int proxy_open(struct proxy *proxy, uv_loop_t *loop, unsigned target_port, const char *mark);

/* Do what a line of faultd(1) says, now or at its place; fails the test where it is not understood
 * or cannot be done. */
void proxy_fault(struct proxy *proxy, const char *line);

/* How many connections it has accepted. */
uint64_t proxy_connections(const struct proxy *proxy);

/* Close the listener and every connection; the loop has to run for it. */
void proxy_close(struct proxy *proxy);

#endif
