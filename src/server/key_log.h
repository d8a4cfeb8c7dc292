/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_KEY_LOG_H
#define RC_SERVER_KEY_LOG_H

/* The keys of a connection's unanswered writes, in their order: should it end, they are the writes
 * in doubt. A queue of bytes; nothing is allocated for a write once it has its size. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

struct rc_lost;

struct rc_key_log {
    struct rc_buf bytes;
};

/* 0 or RINGCACHE_ENOMEM with nothing changed. */
int rc_key_log_push(struct rc_key_log *log, const struct rc_lost *lost);
/* The oldest was answered, or noted. */
void rc_key_log_pop(struct rc_key_log *log);
/* Of the one that begins at `*at`, an offset from the oldest on; `*at` moves behind it. A view. */
struct rc_lost rc_key_log_next(const struct rc_key_log *log, size_t *at);
/* Forget the newest, those from the offset `at` on. */
void rc_key_log_cut(struct rc_key_log *log, size_t at);
/* How many bytes it holds: the offset behind the newest. */
static inline size_t rc_key_log_len(const struct rc_key_log *log)
{
    return log->bytes.len;
}
/* All of them into an empty one. 0 or RINGCACHE_ENOMEM with nothing changed. */
int rc_key_log_copy(struct rc_key_log *to, const struct rc_key_log *from);
void rc_key_log_deinit(struct rc_key_log *log);

/* The keys of a log that changes no more, in order, to be looked up: views into it. */
struct rc_key_index {
    struct rc_slice *keys;
    size_t count;
};

/* 0 or RINGCACHE_ENOMEM. */
int rc_key_index_init(struct rc_key_index *index, const struct rc_key_log *log);
/* Is `prefix` and `key`, joined, one of them? */
bool rc_key_index_has(
    const struct rc_key_index *index, struct rc_slice prefix, struct rc_slice key);
/* What it takes besides the log. */
static inline size_t rc_key_index_bytes(const struct rc_key_index *index)
{
    return index->count * sizeof *index->keys;
}
/* Idempotent. */
void rc_key_index_deinit(struct rc_key_index *index);

#endif
