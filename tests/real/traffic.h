/* SPDX-License-Identifier: MIT */
#ifndef REAL_TRAFFIC_H
#define REAL_TRAFFIC_H

/* Steady traffic on a client: every 5 ms a few gets and sets on keys `user:0` … `user:999`, however
 * the servers fare, and a book of what came of them. */

#include "cache.h"

enum { TRAFFIC_KEYS = 1000, TRAFFIC_TICK_MS = 5 };

struct traffic {
    struct cache *cache;
    uv_timer_t tick;
    unsigned per_tick;
    uint64_t timeout_ms; /* the client's */
    unsigned next;
    uint64_t accepted, refused, answered, failed;
    uint64_t timed_out; /* of the failed */
    uint64_t pending;
    uint64_t last_tick_ns;
    int64_t worst_lag_us;  /* of the loop: how late a tick came */
    int64_t worst_late_us; /* how long past its deadline a callback ran, at worst */
};

/* Begin, with `per_tick` requests every 5 ms on a client whose timeout_ms is `timeout_ms`. */
void traffic_start(
    struct traffic *traffic, struct cache *cache, unsigned per_tick, uint64_t timeout_ms);

/* Submit no more, and run the loop until everything accepted was answered (at most `ms`: false). */
bool traffic_stop(struct traffic *traffic, uint64_t ms);

#endif
