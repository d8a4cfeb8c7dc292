/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_PIPELINE_H
#define RC_SERVER_PIPELINE_H

/* The replies that one connection owes, oldest first, and how far its output has come.
 *
 *   output stream:   0 ─────────── answered ─────── sent ─────────── encoded
 *                       replies came   │  the kernel has it │ our buffer  │
 *   slots:                             [oldest] [ … ] [ … ] [ … ] [newest]
 *
 * Pure: offsets and links. A slot's bytes begin behind those of the one before. Of a batch, one
 * command with many replies, each slot but the first has one byte, and is joined to the one before:
 * what left in part stays whole.
 *
 * With many under way, slots have left the cache when their replies come, and each tells no more
 * than where the next one is. So it also knows one that is RC_PIPELINE_AHEAD younger, which is
 * fetched in good time (a jump pointer: Luk and Mowry, 1996). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/slot.h"

enum {
    RC_PIPELINE_AHEAD = 8,
    RC_PIPELINE_FETCH = 192, /* bytes: a slot, its request, and what the owner keeps behind that */
};

struct rc_pipeline {
    struct rc_slot *oldest, *newest;
    struct rc_slot *trail; /* the oldest that is to be told of the one ahead of it, or NULL */
    uint32_t trailing;     /* slots from there to the newest */
    uint32_t count;        /* tombstones count */
    uint32_t writes;       /* of them, those that may change what is stored */
    uint32_t proofs;       /* … whose replies show whether all are in step */
    uint64_t answered, sent, encoded;
};

/* The slot's command was just appended: `bytes` of it, less than 4 GiB. */
void rc_pipeline_push(struct rc_pipeline *p, struct rc_slot *slot, size_t bytes);

/* The newest slot's command has `bytes` more, or less (two's complement), than was said. */
void rc_pipeline_correct(struct rc_pipeline *p, size_t bytes);

/* The oldest slot's reply came. */
struct rc_slot *rc_pipeline_pop(struct rc_pipeline *p);

/* The kernel took `bytes` more. */
void rc_pipeline_hand(struct rc_pipeline *p, size_t bytes);

/* Is there an oldest slot, and did any byte of it leave? A reply to what never left is none, and
 * what never left was not carried out. Of a batch, what left of its first speaks for all: a server
 * may answer the keys that it has before it has the rest. */
static inline bool rc_pipeline_oldest_left(const struct rc_pipeline *p)
{
    return p->oldest != NULL && (p->answered < p->sent || p->oldest->joined);
}

/* Take out the slots of which no byte left, oldest first by `next`; NULL when there are none.
 * `encoded` falls back to the end of what stays. */
struct rc_slot *rc_pipeline_cut_unsent(struct rc_pipeline *p);

#endif
