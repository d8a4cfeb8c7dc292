/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_MEMORY_SITES_H
#define TORTURE_MEMORY_SITES_H

/* Included in front of each source of the library but src/base/alloc.c: every allocation, and
 * every call of hiredis that allocates, becomes a site. A macro adds no branch to its caller, so
 * that what was run is counted as in the library itself. */

#include <hiredis/hiredis.h>

#include "base/alloc.h"
#include "memory.h"

#define rc_alloc(size) torture_alloc(TORTURE_SITE(rc_alloc), size)
#define rc_alloc_zeroed(count, size)                                                               \
    torture_alloc_zeroed(TORTURE_SITE(rc_alloc_zeroed), count, size)
#define rc_resize(old, count, size) torture_resize(TORTURE_SITE(rc_resize), old, count, size)
#define rc_copy_text(text, len) torture_copy_text(TORTURE_SITE(rc_copy_text), text, len)
#define rc_free(block) torture_free(block)

#define redisReaderCreateWithFunctions(functions)                                                  \
    torture_reader_new(TORTURE_SITE(redisReaderCreateWithFunctions), functions)
#define redisReaderFeed(reader, bytes, len)                                                        \
    torture_reader_feed(TORTURE_SITE(redisReaderFeed), reader, bytes, len)
#define redisReaderGetReply(reader, reply)                                                         \
    torture_reader_get(TORTURE_SITE(redisReaderGetReply), reader, reply)

#endif
