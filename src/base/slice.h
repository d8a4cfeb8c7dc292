/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_SLICE_H
#define RC_BASE_SLICE_H

/* A borrowed run of bytes. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct rc_slice {
    const unsigned char *data;
    size_t len;
};

static inline struct rc_slice rc_slice(const void *data, size_t len)
{
    return (struct rc_slice){.data = data, .len = len};
}

static inline struct rc_slice rc_slice_text(const char *text)
{
    return rc_slice(text, strlen(text));
}

static inline bool rc_slice_equal(struct rc_slice a, struct rc_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool rc_slice_starts(struct rc_slice s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && memcmp(s.data, prefix, len) == 0;
}

static inline bool rc_slice_is_ascii(struct rc_slice s)
{
    size_t at = 0;
    while (at < s.len && s.data[at] < 0x80) {
        at++;
    }
    return at == s.len;
}

/* Copy the bytes to `at`; where the next ones go. Those of a key, short as a rule, without a call:
 * the last half of them may be written twice. */
static inline unsigned char *rc_slice_put(unsigned char *at, struct rc_slice s)
{
    enum { WORD = 8, WORDS = 16 };
    if (s.len - WORDS <= WORDS) {
        memcpy(at, s.data, WORDS);
        memcpy(at + s.len - WORDS, s.data + s.len - WORDS, WORDS);
    } else if (s.len - WORD <= WORD) {
        memcpy(at, s.data, WORD);
        memcpy(at + s.len - WORD, s.data + s.len - WORD, WORD);
    } else if (s.len > 0) {
        memcpy(at, s.data, s.len);
    }
    return at + s.len;
}

#endif
