/* SPDX-License-Identifier: MIT */
#ifndef RC_HASH_PLAIN_H
#define RC_HASH_PLAIN_H

/* The default hash in its user's own code: next to a lookup a call is not nothing. */

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* rc_hash(RC_HASH_XXH3, …) */
static inline uint32_t rc_hash_plain(const void *key, size_t len)
{
    return (uint32_t)(XXH3_64bits(key, len) >> 32);
}

#endif
