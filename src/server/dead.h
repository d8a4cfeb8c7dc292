/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_DEAD_H
#define RC_SERVER_DEAD_H

/* Which addresses of one server led nowhere when they were last tried, so that the next connection
 * begins with the others: pure state. It decides an order and nothing else, so that a print of each
 * is enough, and the oldest is given up when there are many. */

#include <stdbool.h>
#include <stdint.h>

struct rc_address;

enum { RC_DEAD_MAX = 8 };

struct rc_dead {
    uint64_t prints[RC_DEAD_MAX]; /* the oldest first */
    uint32_t count;
};

bool rc_dead_has(const struct rc_dead *dead, const struct rc_address *address);
/* Idempotent, both. */
void rc_dead_add(struct rc_dead *dead, const struct rc_address *address);
void rc_dead_remove(struct rc_dead *dead, const struct rc_address *address);

#endif
