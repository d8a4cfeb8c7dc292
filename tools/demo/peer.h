/* SPDX-License-Identifier: MIT */
#ifndef DEMO_PEER_H
#define DEMO_PEER_H

/* A server of the demo: a process, or a simulated one on the demo's own loop. */

#include <ringcache/mock.h>
#include <stdbool.h>
#include <uv.h>

#include "servers.h"

enum { PEER_URI_SIZE = SERVER_URI_SIZE };

struct peer {
    struct server process; /* its kind, and why it did not start, of a simulated one as well */
    uv_loop_t *loop;       /* of a simulated one; NULL: a process */
    ringcache_mock *mock;
};

void peer_init(struct peer *peer, enum server_kind kind, uv_loop_t *loop);

/* Start it; the second time in the same place, and empty. False: peer->process.why says why. */
bool peer_start(struct peer *peer);

/* As by SIGKILL. */
void peer_kill(struct peer *peer);

/* End it for good; a simulated one is gone when its loop has run. */
void peer_discard(struct peer *peer);

/* Its URI with `name` as its name into `uri`; returns `uri`. */
const char *peer_uri(const struct peer *peer, const char *name, char uri[PEER_URI_SIZE]);

#endif
