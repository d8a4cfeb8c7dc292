/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_RESP_FRAME_H
#define RC_CODEC_RESP_FRAME_H

/* Where a RESP2 reply ends, in place: no allocation, no copy, and no count or length that a peer
 * announces is believed before its bytes have come.
 *
 * Three ways to look at a reply, each on top of the one before:
 *   rc_resp_token   one element: a line, a bulk, or the head of an array
 *   rc_resp_frame   a whole reply of any shape, resumable over any split
 *   rc_resp_bulks   a flat array of bulks, element by element, even while it is still arriving */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"

enum {
    /* Status and error lines in Redis' own words stay far below; what is not yet a line is searched
     * anew with every arrival, so this also bounds the work of a byte-wise sender. */
    RC_RESP_LINE_MAX = 4096,
    /* Scripts answer lines of their own making; this is the bound Redis sets on lines it reads. */
    RC_RESP_SCRIPT_LINE_MAX = 65536,
    RC_RESP_ELEMENTS_MAX = 1 << 20, /* in one reply, the reply itself not counted */
};

/* What one token may take. */
struct rc_resp_bounds {
    size_t line_bytes;
    uint64_t bulk_bytes;
    /* A value that may be left out, being too long to be kept; NULL: none may. */
    struct rc_decoder *decoder;
    size_t at; /* of the token in the reply */
};

/* `kind` is the type byte: '+' and '-' with text, ':' with a number, '$' with text or nil, '*' with
 * the count of its elements as the number, or nil. */
struct rc_resp_token {
    unsigned char kind;
    bool nil;
    struct rc_slice text;
    int64_t number;
    size_t len; /* on the wire; of an array, its head alone */
};

/* Take the token at the start of `input`. On MORE, token->len says how many bytes of input another
 * try needs at least; on BAD, `*why` is a static sentence. */
enum rc_decoded rc_resp_token(struct rc_slice input, const struct rc_resp_bounds *bounds,
    struct rc_resp_token *token, const char **why);

/* Go on with the scan of the reply that starts at `input`, which holds everything since its first
 * byte. ONE: it is complete and scan->offset bytes long. No reply may be longer than `max_bytes`.
 * Over all calls together every complete token is looked at once. */
enum rc_decoded rc_resp_frame(
    struct rc_resp_scan *scan, struct rc_slice input, size_t max_bytes, const char **why);

/* One token further in the scan of a reply. */
enum rc_decoded rc_resp_scan_step(
    struct rc_resp_scan *scan, struct rc_slice input, size_t max_bytes, const char **why);

/* A walk through `*<count>` bulks, as MGET answers. Zero-initialised, with `bulk_bytes` set. */
struct rc_resp_bulks {
    uint64_t bulk_bytes;        /* how long one element may be */
    struct rc_decoder *decoder; /* as in rc_resp_bounds */
    size_t offset;              /* bytes walked; the reply's length once `left` is 0 */
    size_t need;                /* bytes of input that another try needs at least */
    uint64_t left;              /* elements to come, once begun */
};

/* Read the head, which must announce exactly `count` elements. `input` here and below starts at the
 * reply's first byte and may have grown or moved since the last call. */
enum rc_decoded rc_resp_bulks_begin(
    struct rc_resp_bulks *bulks, struct rc_slice input, uint64_t count, const char **why);

/* Take the next element while `left` > 0: nil, or text that points into `input`. */
enum rc_decoded rc_resp_bulks_next(struct rc_resp_bulks *bulks, struct rc_slice input,
    struct rc_resp_token *element, const char **why);

#endif
