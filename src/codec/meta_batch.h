/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_META_BATCH_H
#define RC_CODEC_META_BATCH_H

/* The replies to a batch of gets in memcached meta, but for the last key's, which is a reply like
 * any other. */

#include <stddef.h>

#include "base/slice.h"
#include "codec/codec.h"

/* rc_codec.decode of a key whose expect->due is above 1. */
enum rc_decoded rc_meta_decode_batch(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed);

/* rc_codec.usual of such a key, once the batch is proven. */
bool rc_meta_usual_of_batch(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_asked *asked, struct rc_usual *reply);

/* Of meta.c: can a reply to that command begin with this line? NULL, or why not; an error line is
 * the answer. */
const char *rc_meta_check_line(
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer);

#endif
