/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

/* What the targets share. A target is one function of the fuzzer's input: it makes of these bytes
 * what its module reads, and whatever they are, its promises must hold. */

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

/* The target; its name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define FUZZ_MUST(promise) fuzz_must((promise), #promise, __FILE__, __LINE__)

/* A broken promise ends the program, so that the fuzzer keeps the input. */
static inline void fuzz_must(bool holds, const char *promise, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: broken: %s\n", file, line, promise);
        abort();
    }
}

/* The next `len` bytes of the input, or what is left of it. */
static inline struct rc_slice fuzz_take(struct rc_slice *input, size_t len)
{
    struct rc_slice taken = rc_slice(input->data, len < input->len ? len : input->len);
    *input =
        rc_slice(taken.len > 0 ? input->data + taken.len : input->data, input->len - taken.len);
    return taken;
}

/* A number below `below` from as few bytes as have room for it; 0 once there are none. */
static inline uint64_t fuzz_draw(struct rc_slice *input, uint64_t below)
{
    uint64_t number = 0;
    for (uint64_t room = below - 1; room > 0; room >>= 8) {
        struct rc_slice byte = fuzz_take(input, 1);
        number = number << 8 | (byte.len > 0 ? byte.data[0] : 0U);
    }
    return number % below;
}

/* An exact copy on the heap, so that a sanitizer sees the first byte read too much. With a zero
 * byte behind it, it is a text. */
static inline unsigned char *fuzz_copy(struct rc_slice bytes, size_t zeroes)
{
    unsigned char *copy = calloc(1, bytes.len + zeroes + (bytes.len + zeroes == 0));
    FUZZ_MUST(copy != NULL);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return copy;
}

#endif
