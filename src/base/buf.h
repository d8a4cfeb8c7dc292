/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_BUF_H
#define RC_BASE_BUF_H

/* A growable queue of bytes: appended at the end, consumed from the front.
 *
 *   base        data          data+len            base+cap
 *    | consumed  | the contents | room to append    |
 *
 * Pointers into it are valid until the next append or reserve. Zero-initialised is empty. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rc_buf {
    unsigned char *base;
    unsigned char *data;
    size_t len;
    size_t cap;
};

/* Bytes that can be appended without growing. */
static inline size_t rc_buf_room(const struct rc_buf *b)
{
    return b->cap - (size_t)(b->data - b->base) - b->len;
}

/* Where the next byte goes; write at most what was reserved, then rc_buf_commit. */
static inline unsigned char *rc_buf_end(const struct rc_buf *b)
{
    return b->data + b->len;
}

static inline void rc_buf_commit(struct rc_buf *b, size_t n)
{
    b->len += n;
}

/* The rare half of rc_buf_reserve: move what there is, or grow. */
int rc_buf_grow(struct rc_buf *b, size_t more);

/* Make room for `more` bytes behind the contents; 0 or RINGCACHE_ENOMEM. */
static inline int rc_buf_reserve(struct rc_buf *b, size_t more)
{
    return b->base != NULL && rc_buf_room(b) >= more ? 0 : rc_buf_grow(b, more);
}

/* The same for all that is ever to come, so that no room to grow is taken with it. */
int rc_buf_fit(struct rc_buf *b, size_t more);

int rc_buf_append(struct rc_buf *b, const void *bytes, size_t n);
/* Drop `n` bytes from the front. */
void rc_buf_consume(struct rc_buf *b, size_t n);
/* Drop everything behind the first `len` bytes. */
void rc_buf_truncate(struct rc_buf *b, size_t len);
/* Give memory back when grown past `keep` bytes and empty, or so far past them that it pays to move
 * the few that are left. */
void rc_buf_trim(struct rc_buf *b, size_t keep);
void rc_buf_deinit(struct rc_buf *b);

#endif
