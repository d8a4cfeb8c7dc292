/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_CODEC_BATCH_ENCODE_H
#define TESTS_UNIT_CODEC_BATCH_ENCODE_H

/* Open, extend and close: a batch of GETs as one command, however few they are. */

#include "codec/batch.h"

/* 0, or RINGCACHE_ENOMEM with nothing appended. */
static inline int batch_encode(const struct rc_codec *codec, struct rc_buf *out,
    const struct rc_command *commands, size_t count, bool want_cas)
{
    struct rc_batch batch = rc_batch_open(out, commands[0].token, 2, want_cas);
    for (size_t i = 0; i < count; i++) {
        int rc = codec->batch_extend(out, &batch, commands[i].prefix, commands[i].key);
        if (rc < 0) {
            rc_buf_truncate(out, batch.start);
            return rc;
        }
    }
    codec->batch_close(out, &batch);
    return 0;
}

#endif
