/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_ALLOC_H
#define RC_BASE_ALLOC_H

/* Every allocation of the library goes through here: sizes are checked, and NULL is the
 * only failure. rc_free takes NULL. */

#include <stddef.h>
#include <stdint.h>

/* The sum of two sizes; SIZE_MAX, which no allocation gives, when it is none. */
static inline size_t rc_sum_sizes(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

void *rc_alloc(size_t size);
void *rc_alloc_zeroed(size_t count, size_t size);
/* Grow or shrink an array; on failure the old one stays valid. */
void *rc_resize(void *old, size_t count, size_t size);
void rc_free(void *memory);
/* A NUL-terminated copy of `len` bytes, or NULL. */
char *rc_copy_text(const char *text, size_t len);
/* Overwrite `len` bytes so that the compiler cannot leave it out. */
void rc_wipe(void *memory, size_t len);

#endif
