/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_KEY_RUN_H
#define RC_BASE_KEY_RUN_H

/* Keys one behind the other in a run of bytes: of each its length in 32 bits, then itself. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

/* What a key of two parts takes. */
static inline size_t rc_key_run_size(struct rc_slice prefix, struct rc_slice key)
{
    return sizeof(uint32_t) + prefix.len + key.len;
}

/* Write it; where the next one goes. */
static inline unsigned char *rc_key_run_put(
    unsigned char *at, struct rc_slice prefix, struct rc_slice key)
{
    const uint32_t len = (uint32_t)(prefix.len + key.len);
    memcpy(at, &len, sizeof len);
    return rc_slice_put(rc_slice_put(at + sizeof len, prefix), key);
}

/* The key that begins at `*at`; `*at` moves behind it. A view. */
static inline struct rc_slice rc_key_run_next(const unsigned char *run, size_t *at)
{
    uint32_t len;
    memcpy(&len, run + *at, sizeof len);
    struct rc_slice key = rc_slice(run + *at + sizeof len, len);
    *at += sizeof len + len;
    return key;
}

#endif
