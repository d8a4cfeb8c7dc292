/* SPDX-License-Identifier: MIT */
#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H

/* One cache over servers, and what happens to it. */

#include <ringcache/ringcache.h>
#include <uv.h>

#include "load.h"
#include "peer.h"
#include "report.h"
#include "texts.h"

enum { AT_FIRST = 6, SERVERS = 7, TIMEOUT_MS = 500, EVENT_TYPES = RINGCACHE_EVENT_RING_KEPT + 1 };

struct demo {
    const char *inspect; /* path of ring-inspect */
    const char *folder;  /* for the two configurations it compares */
    bool embedded;       /* the servers are simulated, and on our own loop */
    struct peer servers[SERVERS];
    char names[SERVERS][NAME_SIZE];
    uv_loop_t loop;
    ringcache_client *client;
    struct texts texts;
    struct load load;
    char owner_of_six[ITEMS][NAME_SIZE]; /* who had each item before the seventh joined */
    struct report report;
    uint64_t event_ns[EVENT_TYPES]; /* when one of each type was last heard; 0: not since cleared */
    unsigned closed;                /* close callbacks */
};

/* Run the loop for `ms`; or until an event of this type is heard, at most `ms` (false). */
void demo_run(struct demo *demo, uint64_t ms);
bool demo_await(struct demo *demo, ringcache_event_type type, uint64_t ms);

/* URI of a server, with its name in the ring. */
const char *demo_uri(const struct demo *demo, unsigned server, char uri[PEER_URI_SIZE]);

/* Start a server (again, in its place and empty), and write down its process id. */
bool demo_start_server(struct demo *demo, unsigned server);

/* The scenes, in order. */
void scene_store_and_read(struct demo *demo);
void scene_shares(struct demo *demo);
void scene_kill(struct demo *demo);
void scene_bring_back(struct demo *demo);
void scene_join(struct demo *demo);
void scene_leave(struct demo *demo);

#endif
