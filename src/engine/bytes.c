/* SPDX-License-Identifier: MIT */
#include "engine/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_CAP = 64 };

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("a simulated server is out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *sim_alloc(size_t size)
{
    return must(calloc(1, size > 0 ? size : 1));
}

void *sim_resize(void *old, size_t size)
{
    return must(realloc(old, size > 0 ? size : 1));
}

char *sim_copy(const void *bytes, size_t len)
{
    char *copy = sim_alloc(len + 1);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

static void make_room(struct sim_bytes *b, size_t more)
{
    if (b->cap - b->start - b->len >= more) {
        return;
    }
    if (b->start > 0 && b->len > 0) {
        memmove(b->base, b->base + b->start, b->len);
    }
    b->start = 0;
    size_t cap = b->cap > MIN_CAP ? b->cap : MIN_CAP;
    while (cap - b->len < more) {
        cap *= 2;
    }
    if (cap > b->cap) {
        b->base = sim_resize(b->base, cap);
        b->cap = cap;
    }
}

void sim_bytes_append(struct sim_bytes *b, const void *bytes, size_t n)
{
    if (n == 0) {
        return;
    }
    make_room(b, n);
    memcpy(b->base + b->start + b->len, bytes, n);
    b->len += n;
}

void sim_bytes_text(struct sim_bytes *b, const char *text)
{
    sim_bytes_append(b, text, strlen(text));
}

void sim_bytes_number(struct sim_bytes *b, long long value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", value);
    sim_bytes_append(b, text, (size_t)n);
}

void sim_bytes_consume(struct sim_bytes *b, size_t n)
{
    b->len -= n;
    b->start = b->len > 0 ? b->start + n : 0;
}

void sim_bytes_clear(struct sim_bytes *b)
{
    b->start = 0;
    b->len = 0;
}

void sim_bytes_deinit(struct sim_bytes *b)
{
    free(b->base);
    *b = (struct sim_bytes){0};
}

struct rc_slice sim_bytes_view(const struct sim_bytes *b)
{
    return rc_slice(b->base != NULL ? b->base + b->start : NULL, b->len);
}
