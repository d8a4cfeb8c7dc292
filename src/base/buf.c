/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/alloc.h"
#include "ringcache/status.h"

/* A buffer doubles, until that would waste too much. */
enum { MIN_CAP = 256, LARGE = 1024 * 1024 };

/* Without memory for it, it stays as it is. */
static int move_to(struct rc_buf *b, size_t cap)
{
    unsigned char *base = rc_alloc(cap);
    if (base == NULL) {
        return RINGCACHE_ENOMEM;
    }
    if (b->len > 0) {
        memcpy(base, b->data, b->len);
    }
    rc_free(b->base);
    *b = (struct rc_buf){.base = base, .data = base, .len = b->len, .cap = cap};
    return 0;
}

int rc_buf_grow(struct rc_buf *b, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(b->len, more, &need) || need > SIZE_MAX / 4) {
        return RINGCACHE_ENOMEM;
    }
    /* Below half full, a byte that moves was paid for by one that was appended or consumed. Above,
     * growing is cheaper than moving much for little, again and again. */
    if (b->base != NULL && need <= b->cap && b->len <= b->cap / 2) {
        memmove(b->base, b->data, b->len);
        b->data = b->base;
        return 0;
    }
    size_t cap = b->cap > MIN_CAP ? b->cap : MIN_CAP;
    while (cap < need || b->len > (cap < LARGE ? cap / 2 : cap / 4 * 3)) {
        cap += cap < LARGE ? cap : cap / 4;
    }
    return move_to(b, cap);
}

int rc_buf_fit(struct rc_buf *b, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(b->len, more, &need)) {
        return RINGCACHE_ENOMEM;
    }
    return need > b->cap ? move_to(b, need) : rc_buf_reserve(b, more);
}

int rc_buf_append(struct rc_buf *b, const void *bytes, size_t n)
{
    int rc = rc_buf_reserve(b, n);
    if (rc < 0) {
        return rc;
    }
    if (n > 0) {
        memcpy(rc_buf_end(b), bytes, n);
        b->len += n;
    }
    return 0;
}

void rc_buf_consume(struct rc_buf *b, size_t n)
{
    b->len -= n;
    b->data = b->len > 0 ? b->data + n : b->base;
}

void rc_buf_truncate(struct rc_buf *b, size_t len)
{
    if (len < b->len) {
        b->len = len;
    }
}

void rc_buf_trim(struct rc_buf *b, size_t keep)
{
    if (b->len == 0 && b->cap > keep) {
        rc_buf_deinit(b);
    } else if (b->len <= keep && b->cap > LARGE && b->cap / 2 > keep) {
        (void)move_to(b, keep);
    }
}

void rc_buf_deinit(struct rc_buf *b)
{
    rc_free(b->base);
    *b = (struct rc_buf){0};
}
