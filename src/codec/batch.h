/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_BATCH_H
#define RC_CODEC_BATCH_H

/* Gets of many keys as one command, in the form that costs the server least. It is opened at the
 * end of an output, grows by one key at a time, and is closed:
 *
 *   memcached meta       get k1 k2 k3        ──►  get k1 k2\r\nmg k3 v f O<token>\r\n
 *   memcached classic    get k1 k2 k3        ──►  get k1 k2 k3\r\n
 *   RESP                 (room) $2 k1 $2 k2  ──►  *3 $4 MGET $2 k1 $2 k2
 *
 * One of a single key is a plain GET. While it is open nothing else touches the output. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/codec.h"

struct rc_batch {
    size_t start;   /* where in the output it begins */
    size_t last;    /* … and there what the newest key brought */
    uint64_t token; /* the newest key's */
    uint32_t count; /* at most RC_BATCH_MAX */
    bool want_cas;  /* memcached: of all keys */
};

static inline struct rc_batch rc_batch_open(const struct rc_buf *out, bool want_cas)
{
    return (struct rc_batch){.start = out->len, .want_cas = want_cas};
}

/* Open, extend and close: `count` (1..RC_BATCH_MAX) GETs that a batch takes. 0, or RINGCACHE_ENOMEM
 * with nothing appended. */
int rc_batch_encode(const struct rc_codec *codec, struct rc_buf *out,
    const struct rc_command *commands, size_t count, bool want_cas);

/* rc_codec.batch_extend and .batch_close */
int rc_memcached_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, const struct rc_command *command);
void rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch);
void rc_classic_batch_close(struct rc_buf *out, const struct rc_batch *batch);
int rc_resp_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, const struct rc_command *command);
void rc_resp_batch_close(struct rc_buf *out, const struct rc_batch *batch);

#endif
