/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void *rc_alloc(size_t size)
{
    return malloc(size > 0 ? size : 1);
}

void *rc_alloc_zeroed(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size);
}

void *rc_resize(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return realloc(old, bytes > 0 ? bytes : 1);
}

void rc_free(void *memory)
{
    free(memory);
}

char *rc_copy_text(const char *text, size_t len)
{
    char *copy = len < (size_t)-1 ? malloc(len + 1) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

void rc_wipe(void *memory, size_t len)
{
    explicit_bzero(memory, len);
}
