/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_USUAL_H
#define RC_CODEC_USUAL_H

/* The replies that most gets and sets have, recognised at one look: those that are there as a
 * whole and written as every server writes them. Whatever is otherwise, be it longer, cut off or
 * wrong, is for the codec's own readers to judge, which take the usual ones for the same. */

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "codec/codec.h"
#include "codec/memcached.h"

/* As rc_codec.decode with RC_DECODED_ONE; false, with nothing set, when it is not such a reply. */
bool rc_usual_meta(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed);
bool rc_usual_resp(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed);

/* The same of a classic value's line without a CAS token, under the key that is due: how long it is
 * with its end, or 0. */
size_t rc_usual_value(struct rc_slice input, struct rc_slice key, struct rc_memcached_value *value);

#endif
