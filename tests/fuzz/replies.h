/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_REPLIES_H
#define FUZZ_REPLIES_H

/* A stream of replies as a connection reads it: as a whole, and again in pieces. Both must give the
 * same answers, take the same bytes, and come to the same end.
 *
 *     input:   how ── pieces ── questions ── the stream …
 *              1 byte    3          4 */

#include "codec/codec.h"
#include "fuzz.h"

/* One reply that was taken. */
struct fuzz_reply {
    struct rc_expect expect;
    struct rc_slice frame; /* all that it took; empty for a miss within a batch */
    const struct rc_answer *answer;
};

struct fuzz_reader {
    const struct rc_codec *codec;
    const enum rc_verb *verbs; /* what may be asked */
    size_t verb_count;
    /* What the protocol promises of it beyond: that it is the reply to this very command. */
    void (*judge)(const struct fuzz_reply *reply);
};

void fuzz_replies(const struct fuzz_reader *reader, struct rc_slice input);

/* Does `part` stand anywhere in `whole`? */
bool fuzz_contains(struct rc_slice whole, struct rc_slice part);

#endif
