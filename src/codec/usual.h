/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_USUAL_H
#define RC_CODEC_USUAL_H

/* The replies that nearly all are, understood at one look: a value, a miss, a store that was done.
 * To a GET or SET that is neither strict nor wants anything beside the value, and is no script; of
 * a batch, what is told like a single reply. Whatever is not whole, or not exactly of that form, is
 * left to `decode`, which would take these for the same. */

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "codec/codec.h"
#include "codec/memcached.h"

/* rc_codec.usual */
bool rc_usual_meta(struct rc_decoder *decoder, struct rc_slice input, const struct rc_asked *asked,
    struct rc_usual *reply);
bool rc_usual_resp(struct rc_decoder *decoder, struct rc_slice input, const struct rc_asked *asked,
    struct rc_usual *reply);

/* The same of a classic value's line without a CAS token, under the key that is due. */
bool rc_usual_value(struct rc_slice input, struct rc_slice key, struct rc_memcached_value *value);

#endif
