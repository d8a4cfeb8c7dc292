/* SPDX-License-Identifier: MIT */
#ifndef REAL_PROXY_H
#define REAL_PROXY_H

/* A byte proxy in front of a real server, on the caller's loop: passes everything on, counts what
 * went to the server and how often a mark (say, the prefix of all the test's keys) stood in it. */

#include <stdint.h>
#include <uv.h>

struct proxy_link;

struct proxy {
    uv_tcp_t listener;
    struct sockaddr_in target;
    unsigned port; /* where it listens on 127.0.0.1 */
    const char *mark;
    uint64_t bytes;       /* to the server */
    uint64_t marks;       /* whole marks among them */
    uint64_t connections; /* accepted */
    struct proxy_link *links;
};

/* Listen on a free port and pass on to 127.0.0.1:`target_port`; `mark` is borrowed. */
int proxy_open(struct proxy *proxy, uv_loop_t *loop, unsigned target_port, const char *mark);

/* Close the listener and every connection; the loop has to run for it. */
void proxy_close(struct proxy *proxy);

#endif
