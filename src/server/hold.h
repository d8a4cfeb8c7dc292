/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_HOLD_H
#define RC_SERVER_HOLD_H

/* Shall small output wait for replies that are due on its connection, so that one write carries
 * more? Pure rules.
 *
 * Replies come in order: that of a request held back comes behind those that are due in any case,
 * wherever the hold ends. So a hold costs its server a head start of one round trip at most, which
 * is short where anything is held. It is over with the next bytes that come, with RC_HOLD_MOST_MS,
 * or as soon as what was queued meanwhile does not satisfy the rules any more. */

#include <stdbool.h>
#include <stdint.h>

struct rc_pipeline;

enum {
    RC_HOLD_BYTES = 8 * 1024, /* so much waits no longer: a write of it costs little beside it */
    RC_HOLD_TRIP_US = 500,    /* nor is waited for a server that is further away */
    RC_HOLD_MOST_MS = 1,      /* the shortest time that a loop can sleep */
};

/* Of a connection's output. */
enum rc_hold { RC_HOLD_NONE, RC_HOLD_LASTS, RC_HOLD_OVER };

/* Less than half of the bytes in flight may wait, or the server would run dry: two halves take
 * turns, one there and one here. `in_flight`: requests from which on it is done; 0: never. */
bool rc_hold_pays(const struct rc_pipeline *p, uint32_t in_flight, uint32_t round_trip_us);

#endif
