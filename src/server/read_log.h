/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_READ_LOG_H
#define RC_SERVER_READ_LOG_H

/* The keys of a connection's unanswered reads, in their order: should it end, they are asked for
 * once more; should a write in front be refused behind its caller, its key is absent. A queue of
 * bytes, like that of the writes' (key_log.h), which a read costs no more than a copy of its
 * key. */

#include "base/buf.h"
#include "base/key_run.h"
#include "base/slice.h"
#include "codec/codec.h"

enum { RC_READ_LOG_KEEP = 16 * 1024 }; /* memory that an empty one keeps */

struct rc_read_log {
    struct rc_buf bytes;
};

/* Make room for a key; 0 or RINGCACHE_ENOMEM. */
static inline int rc_read_log_reserve(
    struct rc_read_log *log, struct rc_slice prefix, struct rc_slice key)
{
    return rc_buf_reserve(&log->bytes, rc_key_run_size(prefix, key));
}

/* Remember a key for which there is room. */
static inline void rc_read_log_put(
    struct rc_read_log *log, struct rc_slice prefix, struct rc_slice key)
{
    unsigned char *at = log->bytes.data + log->bytes.len;
    log->bytes.len += (size_t)(rc_key_run_put(at, prefix, key) - at);
}

/* The key that begins at `*at`, an offset from the oldest on; `*at` moves behind it. A view. */
static inline struct rc_slice rc_read_log_next(const struct rc_read_log *log, size_t *at)
{
    return rc_key_run_next(log->bytes.data, at);
}

/* The oldest was answered. */
static inline void rc_read_log_pop(struct rc_read_log *log)
{
    size_t behind = 0;
    (void)rc_read_log_next(log, &behind);
    rc_buf_consume(&log->bytes, behind);
    if (log->bytes.len == 0) {
        rc_buf_trim(&log->bytes, RC_READ_LOG_KEEP);
    }
}

/* Forget the newest, those from the offset `at` on. */
static inline void rc_read_log_cut(struct rc_read_log *log, size_t at)
{
    rc_buf_truncate(&log->bytes, at);
    rc_buf_trim(&log->bytes, RC_READ_LOG_KEEP);
}

static inline void rc_read_log_deinit(struct rc_read_log *log)
{
    rc_buf_deinit(&log->bytes);
}

#endif
