/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_BYTES_H
#define ENGINE_BYTES_H

/* Memory of simulated servers and their world: plain malloc, and out of memory ends the program.
 * The library's allocator is left alone: a test that makes it fail must not take the world down
 * with it. */

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* Zeroed; never NULL. */
void *sim_alloc(size_t size);
void *sim_resize(void *old, size_t size);
/* A copy with a zero byte behind it; never NULL. */
char *sim_copy(const void *bytes, size_t len);

/* A queue of bytes. Zero-initialised is empty. */
struct sim_bytes {
    unsigned char *base;
    size_t start, len, cap;
};

void sim_bytes_append(struct sim_bytes *b, const void *bytes, size_t n);
void sim_bytes_text(struct sim_bytes *b, const char *text);
void sim_bytes_number(struct sim_bytes *b, long long value);
/* Drop `n` bytes from the front. */
void sim_bytes_consume(struct sim_bytes *b, size_t n);
void sim_bytes_clear(struct sim_bytes *b);
void sim_bytes_deinit(struct sim_bytes *b);
struct rc_slice sim_bytes_view(const struct sim_bytes *b);

#endif
