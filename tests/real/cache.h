/* SPDX-License-Identifier: MIT */
#ifndef REAL_CACHE_H
#define REAL_CACHE_H

/* A client on a loop of its own, as the tests use it: events counted, single requests waited for,
 * and traffic whose every callback is accounted for. */

#include <ringcache/ringcache.h>
#include <stdbool.h>
#include <uv.h>

#include "servers.h"

enum { EVENT_TYPES = RINGCACHE_EVENT_RING_KEPT + 1, VALUE_ROOM = 64 };

/* What came of one request. */
struct outcome {
    bool done;
    int status;
    char value[VALUE_ROOM]; /* as a string */
    char message[128];
    int maybe_applied;
};

struct cache {
    uv_loop_t loop;
    ringcache_client *client;
    unsigned events[EVENT_TYPES];
    char told[4096]; /* the text of every event so far, a line each, as far as there is room */
    unsigned closed; /* close callbacks */
};

/* Open a client for `uris` (up to a NULL) with `options` ("name", "value", …, NULL; NULL: none). */
void cache_open(struct cache *cache, const char *const *uris, const char *const *options);

/* Close it, run the loop to its end; fails the test unless exactly one close callback ran and
 * nothing is left on the loop. Close what else is on the loop before. */
void cache_close(struct cache *cache);

/* Run the loop for `ms`. */
void cache_run(struct cache *cache, uint64_t ms);

/* Run the loop until an event of this type has come `least` times in all; false after `ms`. */
bool cache_hears(struct cache *cache, ringcache_event_type type, unsigned least, uint64_t ms);

/* One request, and the loop run until its callback; the submission has to be accepted. */
struct outcome cache_get(struct cache *cache, const char *key);
struct outcome cache_set(struct cache *cache, const char *key, const char *value);

#endif
