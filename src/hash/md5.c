/* SPDX-License-Identifier: MIT */
/* MD5 (RFC 1321), for placement only. Our own, because a digest object fetched from a cryptographic
 * library per key costs three times as much as the digest. */
#include "hash/hash.h"

#include <string.h>

#include "hash/algorithms.h"

enum { BLOCK = 64, LENGTH_BYTES = 8 };

/* floor(2^32 * |sin(i + 1)|) */
static const uint32_t sines[64] = {
    0xd76aa478,
    0xe8c7b756,
    0x242070db,
    0xc1bdceee,
    0xf57c0faf,
    0x4787c62a,
    0xa8304613,
    0xfd469501,
    0x698098d8,
    0x8b44f7af,
    0xffff5bb1,
    0x895cd7be,
    0x6b901122,
    0xfd987193,
    0xa679438e,
    0x49b40821,
    0xf61e2562,
    0xc040b340,
    0x265e5a51,
    0xe9b6c7aa,
    0xd62f105d,
    0x02441453,
    0xd8a1e681,
    0xe7d3fbc8,
    0x21e1cde6,
    0xc33707d6,
    0xf4d50d87,
    0x455a14ed,
    0xa9e3e905,
    0xfcefa3f8,
    0x676f02d9,
    0x8d2a4c8a,
    0xfffa3942,
    0x8771f681,
    0x6d9d6122,
    0xfde5380c,
    0xa4beea44,
    0x4bdecfa9,
    0xf6bb4b60,
    0xbebfbc70,
    0x289b7ec6,
    0xeaa127fa,
    0xd4ef3085,
    0x04881d05,
    0xd9d4d039,
    0xe6db99e5,
    0x1fa27cf8,
    0xc4ac5665,
    0xf4292244,
    0x432aff97,
    0xab9423a7,
    0xfc93a039,
    0x655b59c3,
    0x8f0ccc92,
    0xffeff47d,
    0x85845dd1,
    0x6fa87e4f,
    0xfe2ce6e0,
    0xa3014314,
    0x4e0811a1,
    0xf7537e82,
    0xbd3af235,
    0x2ad7d2bb,
    0xeb86d391,
};

struct words {
    uint32_t a, b, c, d;
};

static uint32_t turned(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

static void first_round(struct words *s, const uint32_t block[16])
{
    uint32_t a = s->a, b = s->b, c = s->c, d = s->d;
    for (unsigned i = 0; i < 16; i += 4) {
        a = b + turned(a + (d ^ (b & (c ^ d))) + block[i] + sines[i], 7);
        d = a + turned(d + (c ^ (a & (b ^ c))) + block[i + 1] + sines[i + 1], 12);
        c = d + turned(c + (b ^ (d & (a ^ b))) + block[i + 2] + sines[i + 2], 17);
        b = c + turned(b + (a ^ (c & (d ^ a))) + block[i + 3] + sines[i + 3], 22);
    }
    *s = (struct words){a, b, c, d};
}

static void second_round(struct words *s, const uint32_t block[16])
{
    uint32_t a = s->a, b = s->b, c = s->c, d = s->d;
    const uint32_t *sine = sines + 16;
    for (unsigned i = 0; i < 16; i += 4) {
        unsigned w = 5 * i + 1;
        a = b + turned(a + (c ^ (d & (b ^ c))) + block[w & 15] + sine[i], 5);
        d = a + turned(d + (b ^ (c & (a ^ b))) + block[(w + 5) & 15] + sine[i + 1], 9);
        c = d + turned(c + (a ^ (b & (d ^ a))) + block[(w + 10) & 15] + sine[i + 2], 14);
        b = c + turned(b + (d ^ (a & (c ^ d))) + block[(w + 15) & 15] + sine[i + 3], 20);
    }
    *s = (struct words){a, b, c, d};
}

static void third_round(struct words *s, const uint32_t block[16])
{
    uint32_t a = s->a, b = s->b, c = s->c, d = s->d;
    const uint32_t *sine = sines + 32;
    for (unsigned i = 0; i < 16; i += 4) {
        unsigned w = 3 * i + 5;
        a = b + turned(a + (b ^ c ^ d) + block[w & 15] + sine[i], 4);
        d = a + turned(d + (a ^ b ^ c) + block[(w + 3) & 15] + sine[i + 1], 11);
        c = d + turned(c + (d ^ a ^ b) + block[(w + 6) & 15] + sine[i + 2], 16);
        b = c + turned(b + (c ^ d ^ a) + block[(w + 9) & 15] + sine[i + 3], 23);
    }
    *s = (struct words){a, b, c, d};
}

static void fourth_round(struct words *s, const uint32_t block[16])
{
    uint32_t a = s->a, b = s->b, c = s->c, d = s->d;
    const uint32_t *sine = sines + 48;
    for (unsigned i = 0; i < 16; i += 4) {
        unsigned w = 7 * i;
        a = b + turned(a + (c ^ (b | ~d)) + block[w & 15] + sine[i], 6);
        d = a + turned(d + (b ^ (a | ~c)) + block[(w + 7) & 15] + sine[i + 1], 10);
        c = d + turned(c + (a ^ (d | ~b)) + block[(w + 14) & 15] + sine[i + 2], 15);
        b = c + turned(b + (d ^ (c | ~a)) + block[(w + 21) & 15] + sine[i + 3], 21);
    }
    *s = (struct words){a, b, c, d};
}

static void take_block(struct words *s, const unsigned char *bytes)
{
    uint32_t block[16];
    for (unsigned i = 0; i < 16; i++) {
        block[i] = rc_load32(bytes + (size_t)i * 4);
    }
    struct words t = *s;
    first_round(&t, block);
    second_round(&t, block);
    third_round(&t, block);
    fourth_round(&t, block);
    *s = (struct words){s->a + t.a, s->b + t.b, s->c + t.c, s->d + t.d};
}

/* The rest of the text, a set bit, zeros, and the whole length in bits: one block or two. */
static void take_tail(struct words *s, const unsigned char *rest, size_t n, uint64_t len)
{
    unsigned char tail[2 * BLOCK] = {0};
    if (n > 0) {
        memcpy(tail, rest, n);
    }
    tail[n] = 0x80;
    size_t end = n < BLOCK - LENGTH_BYTES ? BLOCK : sizeof tail;
    for (unsigned i = 0; i < LENGTH_BYTES; i++) {
        tail[end - LENGTH_BYTES + i] = (unsigned char)(len * 8 >> 8 * i);
    }
    for (size_t at = 0; at < end; at += BLOCK) {
        take_block(s, tail + at);
    }
}

void rc_md5(const void *data, size_t len, unsigned char digest[16])
{
    const unsigned char *p = data;
    struct words s = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    size_t left = len;
    for (; left >= BLOCK; left -= BLOCK, p += BLOCK) {
        take_block(&s, p);
    }
    take_tail(&s, p, left, len);
    const uint32_t out[4] = {s.a, s.b, s.c, s.d};
    for (unsigned i = 0; i < 16; i++) {
        digest[i] = (unsigned char)(out[i / 4] >> 8 * (i % 4));
    }
}
