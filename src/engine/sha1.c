/* SPDX-License-Identifier: MIT */
/* FIPS 180-4, one block after the other; made to be read, not to be fast. */
#include "engine/sha1.h"

#include <stdint.h>
#include <stdio.h>

enum { BLOCK = 64, LENGTH_AT = 56, ROUNDS = 80, WORDS = 5 };

static uint32_t rotate(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

/* The function of round `t`, its constant added. */
static uint32_t mix(unsigned t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20) {
        return ((b & c) | (~b & d)) + 0x5a827999u;
    }
    if (t < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1u;
    }
    if (t < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
    }
    return (b ^ c ^ d) + 0xca62c1d6u;
}

static void absorb(uint32_t state[WORDS], const unsigned char block[BLOCK])
{
    uint32_t w[ROUNDS], v[WORDS];
    for (unsigned t = 0; t < ROUNDS; t++) {
        const unsigned char *at = block + 4 * (t % 16);
        w[t] = t < 16 ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
                      : rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    }
    memcpy(v, state, sizeof v);
    for (unsigned t = 0; t < ROUNDS; t++) {
        uint32_t next = rotate(v[0], 5) + mix(t, v[1], v[2], v[3]) + v[4] + w[t];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotate(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (unsigned i = 0; i < WORDS; i++) {
        state[i] += v[i];
    }
}

/* What is left, a single bit, zeros, and the length in bits at a block's end. */
static void finish(uint32_t state[WORDS], struct rc_slice rest, uint64_t bits)
{
    unsigned char tail[2 * BLOCK] = {0};
    size_t blocks = rest.len < LENGTH_AT ? 1 : 2;
    if (rest.len > 0) {
        memcpy(tail, rest.data, rest.len);
    }
    tail[rest.len] = 0x80;
    for (unsigned i = 0; i < 8; i++) {
        tail[blocks * BLOCK - 1 - i] = (unsigned char)(bits >> (8 * i));
    }
    for (size_t i = 0; i < blocks; i++) {
        absorb(state, tail + i * BLOCK);
    }
}

void sha1_hex(struct rc_slice bytes, char hex[SHA1_HEX + 1])
{
    uint32_t state[WORDS] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    struct rc_slice rest = bytes;
    while (rest.len >= BLOCK) {
        absorb(state, rest.data);
        rest = rc_slice(rest.data + BLOCK, rest.len - BLOCK);
    }
    finish(state, rest, (uint64_t)bytes.len * 8);
    for (unsigned i = 0; i < WORDS; i++) {
        snprintf(hex + 8 * i, 9, "%08x", (unsigned)state[i]);
    }
}
