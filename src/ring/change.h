/* SPDX-License-Identifier: MIT */
#ifndef RC_RING_CHANGE_H
#define RC_RING_CHANGE_H

/* The table of what moves between two rings. For this folder alone. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/snapshot.h"

/* In place of a server's index: there is none. */
#define RC_NOBODY UINT32_MAX

struct rc_move {
    uint32_t from;
    uint32_t to;
    double share;
};

struct ringcache_ring_change {
    struct rc_move *moves;
    size_t count;
    size_t room;
    double moved;
    double ideal;
    bool exact;
};

/* One more row; 0, RINGCACHE_ENOMEM or RINGCACHE_ETOOBIG. */
int rc_change_append(ringcache_ring_change *change, uint32_t from, uint32_t to, double share);

/* For each server of `ring`, which one of `other` has its name, or RC_NOBODY. */
void rc_match_names(const ringcache_ring *ring, const ringcache_ring *other, uint32_t *same);

/* Count every move between two rings that hash keys alike, neither of them empty.
 * Returns 0, RINGCACHE_ENOMEM or RINGCACHE_ETOOBIG. */
int rc_tally_moves(
    const ringcache_ring *from, const ringcache_ring *to, ringcache_ring_change *change);

#endif
