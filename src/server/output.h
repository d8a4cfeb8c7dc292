/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_OUTPUT_H
#define RC_SERVER_OUTPUT_H

/* What a connection has to send: bytes of its own in one buffer, and runs that are lent, each at
 * its place in the stream between them.
 *
 *   stream:  0 ──── taken ── own ──┬── a loan ──┬── own ──┬── a loan ──┬── own ── end
 *   own:            ═══════════════╪════════════╪═════════╪════════════╪═══════
 *   loans:                         at           at + len  at           at + len
 *
 * Pure: nobody is told that a loan is over, it goes to a list of the caller's. Where nothing is
 * lent it is the buffer alone. */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/loan.h"
#include "base/slice.h"

struct rc_output {
    struct rc_buf own;    /* what is not taken yet; encoders append here */
    struct rc_list loans; /* rc_loan.link, by their places */
    size_t lent;          /* bytes of them that are not taken yet */
    uint64_t taken;       /* bytes of the stream that the kernel has */
};

void rc_output_init(struct rc_output *o);

/* Bytes to be sent. */
static inline size_t rc_output_len(const struct rc_output *o)
{
    return o->own.len + o->lent;
}

/* A command was appended to `own`, and its value's bytes belong at loan->gap. */
void rc_output_lend(struct rc_output *o, struct rc_loan *loan);

/* The front of what is to be sent, as at most `most` (2 or more) parts; how many there are. */
size_t rc_output_parts(const struct rc_output *o, struct rc_slice *parts, size_t most);

/* The kernel took `n` bytes; loans of which it has the last one move to `over`. */
void rc_output_take(struct rc_output *o, size_t n, struct rc_list *over);

/* Move all but the first `keep` bytes, which end where a command does, or are none, into `rest`, an
 * output of its own. 0, or RINGCACHE_ENOMEM with nothing changed, if there is something to keep. */
int rc_output_split(struct rc_output *o, size_t keep, struct rc_output *rest);

/* The front of what is to be sent, where that is one whole command. */
struct rc_front {
    struct rc_slice own;
    struct rc_loan *loan; /* what is lent of it, or NULL */
    size_t gap;           /* … behind so many bytes of `own` */
};

/* Its first `n` bytes; nothing of that command is taken yet. A view. */
struct rc_front rc_output_front(const struct rc_output *o, size_t n);

/* It goes elsewhere, and its loan with it, which is not over. */
void rc_output_release(struct rc_output *o, const struct rc_front *front);

/* Drop all but the first `keep` bytes, which end where a command does, or are none; loans that are
 * dropped move to `over`. */
void rc_output_cut(struct rc_output *o, size_t keep, struct rc_list *over);

#endif
