/* SPDX-License-Identifier: MIT */
#ifndef RC_HASH_HASH_H
#define RC_HASH_HASH_H

/* Key hashes by name, each a 32-bit value, bit-exact with libmemcached and twemproxy as x86-64
 * computes them (bytes 0x80..0xff are sign-extended explicitly where theirs are). XXH3 gives the
 * high 32 bits of the 64-bit hash. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rc_hash {
    RC_HASH_XXH3,
    RC_HASH_ONE_AT_A_TIME,
    RC_HASH_MD5,
    RC_HASH_CRC,   /* 15 bits */
    RC_HASH_CRC16, /* twemproxy's, register not masked */
    RC_HASH_CRC32A,
    RC_HASH_FNV1_64,
    RC_HASH_FNV1A_64,
    RC_HASH_FNV1_32,
    RC_HASH_FNV1A_32,
    RC_HASH_HSIEH,
    RC_HASH_MURMUR,
    RC_HASH_MURMUR3,
    RC_HASH_JENKINS,
};

uint32_t rc_hash(enum rc_hash kind, const void *key, size_t len);

/* `len` bytes of `name` to a hash ("crc32" is an alias of "crc"); false when there is none. */
bool rc_hash_by_name(const char *name, size_t len, enum rc_hash *kind);

/* The canonical name; static storage. */
const char *rc_hash_name(enum rc_hash kind);

/* How many low bits a value of this hash can use: 15 for crc, else 32. */
unsigned rc_hash_bits(enum rc_hash kind);

/* 16 digest bytes of MD5. */
void rc_md5(const void *data, size_t len, unsigned char digest[16]);

/* All 64 bits of XXH3: the points of the native ring, and digests. */
uint64_t rc_xxh3(const void *bytes, size_t len, uint64_t seed);

#endif
