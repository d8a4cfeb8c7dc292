/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_MOVES_H
#define INSPECT_MOVES_H

/* What moves between two rings, for diff and lose. */

#include <jansson.h>
#include <ringcache/ring.h>

#include "command.h"

struct moves {
    const ringcache_ring *from;
    const ringcache_ring *to;
    ringcache_ring_change *change;
};

/* Compare two rings, which are borrowed. Returns EXIT_DONE or EXIT_LIVE after complaining. */
int moves_open(struct moves *moves, const ringcache_ring *from, const ringcache_ring *to);
/* Also after a failed opening. */
void moves_close(struct moves *moves);

/* Sums, then the moves from server to server, the largest first and only some without `all`. */
int moves_print(const struct moves *moves, bool all);
/* The same as an object, or NULL. */
json_t *moves_json(const struct moves *moves);

#endif
