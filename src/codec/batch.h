/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_BATCH_H
#define RC_CODEC_BATCH_H

/* Gets of many keys as one command, in the form that costs the server least. It is opened at the
 * end of an output, grows by one key at a time, and is closed:
 *
 *   memcached meta       mg k1 … mg k2 … mg k3 …   ──►  get k1 k2\r\nmg k3 v f O<token>\r\n
 *   memcached classic    get k1 k2 k3              ──►  get k1 k2 k3\r\n
 *   RESP                 (room) $2 k1 $2 k2        ──►  *3 $4 MGET $2 k1 $2 k2
 *
 * One of a single key is a plain GET. In meta those of less than `least` keys stay commands of
 * their own: memcached writes at once what it has to say to a classic get, which costs more than a
 * few mg do. While it is open nothing else touches the output. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/codec.h"

struct rc_batch {
    size_t start;   /* where in the output it begins */
    uint64_t token; /* the first key's: each has the one that follows upon the one before */
    uint32_t count; /* at most RC_BATCH_MAX */
    uint32_t least; /* 2 or more */
    bool want_cas;  /* memcached: of all keys */
};

static inline struct rc_batch rc_batch_open(
    const struct rc_buf *out, uint64_t first_token, uint32_t least, bool want_cas)
{
    return (struct rc_batch){
        .start = out->len, .token = first_token, .least = least, .want_cas = want_cas};
}

/* The newest key's token. */
static inline uint64_t rc_batch_token(const struct rc_batch *batch)
{
    return batch->token + batch->count - 1;
}

/* rc_codec.batch_extend and .batch_close */
int rc_meta_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, struct rc_slice prefix, struct rc_slice key);
bool rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch);
int rc_classic_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, struct rc_slice prefix, struct rc_slice key);
bool rc_classic_batch_close(struct rc_buf *out, const struct rc_batch *batch);
int rc_resp_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, struct rc_slice prefix, struct rc_slice key);
bool rc_resp_batch_close(struct rc_buf *out, const struct rc_batch *batch);

#endif
