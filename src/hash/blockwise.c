/* SPDX-License-Identifier: MIT */
/* Hashes that take a key in words, little-endian on every machine. */
#include "hash/algorithms.h"

static uint32_t turned(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

/* The last `n` bytes (0..4) as a little-endian word. */
static uint32_t load_tail(const unsigned char *p, size_t n)
{
    uint32_t word = 0;
    for (size_t i = 0; i < n; i++) {
        word |= (uint32_t)p[i] << 8 * i;
    }
    return word;
}

static uint32_t load16(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t hsieh_tail(uint32_t h, const unsigned char *p, size_t left)
{
    switch (left) {
    case 3:
        h += load16(p);
        h ^= h << 16;
        /* the one place where its byte is a signed one */
        h ^= (uint32_t)(p[2] < 0x80 ? p[2] : 0xffffff00U | p[2]) << 18;
        return h + (h >> 11);
    case 2:
        h += load16(p);
        h ^= h << 11;
        return h + (h >> 17);
    case 1:
        h += p[0];
        h ^= h << 10;
        return h + (h >> 1);
    default:
        return h;
    }
}

/* SuperFastHash from 0. */
uint32_t rc_hash_hsieh(const unsigned char *key, size_t len)
{
    uint32_t h = 0;
    size_t left = len;
    for (; left >= 4; left -= 4, key += 4) {
        h += load16(key);
        uint32_t mixed = load16(key + 2) << 11 ^ h;
        h = h << 16 ^ mixed;
        h += h >> 11;
    }
    h = hsieh_tail(h, key, left);
    h ^= h << 3;
    h += h >> 5;
    h ^= h << 4;
    h += h >> 17;
    h ^= h << 25;
    h += h >> 6;
    return h;
}

/* MurmurHash2, seeded by the length. */
uint32_t rc_hash_murmur(const unsigned char *key, size_t len)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = (0xdeadbeefU * (uint32_t)len) ^ (uint32_t)len;
    size_t left = len;
    for (; left >= 4; left -= 4, key += 4) {
        uint32_t k = rc_load32(key) * m;
        k ^= k >> 24;
        h = (h * m) ^ (k * m);
    }
    if (left > 0) {
        h = (h ^ load_tail(key, left)) * m;
    }
    h = (h ^ h >> 13) * m;
    return h ^ h >> 15;
}

static uint32_t murmur3_word(uint32_t k)
{
    return turned(k * 0xcc9e2d51U, 15) * 0x1b873593U;
}

/* MurmurHash3 x86_32, seeded by the length. */
uint32_t rc_hash_murmur3(const unsigned char *key, size_t len)
{
    uint32_t h = 0xdeadbeefU * (uint32_t)len;
    size_t left = len;
    for (; left >= 4; left -= 4, key += 4) {
        h = turned(h ^ murmur3_word(rc_load32(key)), 13) * 5 + 0xe6546b64U;
    }
    h ^= murmur3_word(load_tail(key, left));
    h ^= (uint32_t)len;
    h = (h ^ h >> 16) * 0x85ebca6bU;
    h = (h ^ h >> 13) * 0xc2b2ae35U;
    return h ^ h >> 16;
}

struct triple {
    uint32_t a, b, c;
};

static void jenkins_mix(struct triple *t)
{
    uint32_t a = t->a, b = t->b, c = t->c;
    a = (a - c) ^ turned(c, 4);
    c += b;
    b = (b - a) ^ turned(a, 6);
    a += c;
    c = (c - b) ^ turned(b, 8);
    b += a;
    a = (a - c) ^ turned(c, 16);
    c += b;
    b = (b - a) ^ turned(a, 19);
    a += c;
    c = (c - b) ^ turned(b, 4);
    b += a;
    *t = (struct triple){a, b, c};
}

static uint32_t jenkins_final(struct triple t)
{
    uint32_t a = t.a, b = t.b, c = t.c;
    c = (c ^ b) - turned(b, 14);
    a = (a ^ c) - turned(c, 11);
    b = (b ^ a) - turned(a, 25);
    c = (c ^ b) - turned(b, 16);
    a = (a ^ c) - turned(c, 4);
    b = (b ^ a) - turned(a, 14);
    return (c ^ b) - turned(b, 24);
}

static size_t at_most_4(size_t n)
{
    return n < 4 ? n : 4;
}

/* lookup3's hashlittle from 13. */
uint32_t rc_hash_jenkins(const unsigned char *key, size_t len)
{
    uint32_t start = 0xdeadbeefU + (uint32_t)len + 13;
    if (len == 0) {
        return start;
    }
    struct triple t = {start, start, start};
    size_t left = len;
    for (; left > 12; left -= 12, key += 12) {
        t.a += rc_load32(key);
        t.b += rc_load32(key + 4);
        t.c += rc_load32(key + 8);
        jenkins_mix(&t);
    }
    t.a += load_tail(key, at_most_4(left));
    t.b += left > 4 ? load_tail(key + 4, at_most_4(left - 4)) : 0;
    t.c += left > 8 ? load_tail(key + 8, left - 8) : 0;
    return jenkins_final(t);
}
