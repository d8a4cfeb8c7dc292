/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_LINE_H
#define RC_BASE_LINE_H

/* Lines of the processor's cache. */

#include <stddef.h>
#include <stdint.h>

enum { RC_LINE = 64 };

/* Have so much of what begins there in the cache when it will be needed. No access: any address
 * will do, that of what is gone or of nothing, too. */
static inline void rc_line_fetch(const void *start, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += RC_LINE) {
        __builtin_prefetch((const void *)((uintptr_t)start + at));
    }
}

#endif
