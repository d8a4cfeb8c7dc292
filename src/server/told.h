/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_TOLD_H
#define RC_SERVER_TOLD_H

/* What the client of a connection that was given up tells the other clients of its process: the
 * keys of its unanswered writes, copied, since the connection's own go as replies come. It never
 * changes while it is told, so that others may look into it. */

#include <stdbool.h>

#include "base/list.h"
#include "server/key_log.h"

struct rc_told {
    struct rc_list link; /* where all that is told is; in no list: nothing is */
    const void *from;    /* who tells, and has a doubt of its own */
    const char *server;  /* its name */
    struct rc_key_log keys;
    struct rc_key_index index; /* of `keys` */
    bool all;                  /* there was no memory for them: any key of that server may be one */
};

static inline void rc_told_init(struct rc_told *told)
{
    *told = (struct rc_told){.all = false};
    rc_list_init(&told->link);
}

/* Take the keys in. Without memory for them it says that of all keys. */
void rc_told_fill(struct rc_told *told, const struct rc_key_log *keys);
/* It is in no list any more. Idempotent. */
void rc_told_clear(struct rc_told *told);

static inline bool rc_told_is(const struct rc_told *told)
{
    return !rc_list_empty(&told->link);
}

/* Is `prefix` and `key`, joined, one of them? */
static inline bool rc_told_has(
    const struct rc_told *told, struct rc_slice prefix, struct rc_slice key)
{
    return told->all || rc_key_index_has(&told->index, prefix, key);
}

/* What it takes besides its own structure. */
static inline size_t rc_told_bytes(const struct rc_told *told)
{
    return rc_key_log_len(&told->keys) + rc_key_index_bytes(&told->index);
}

#endif
