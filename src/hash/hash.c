/* SPDX-License-Identifier: MIT */
#include "hash/hash.h"

#include <string.h>

#include "hash/algorithms.h"
#include "hash/plain.h"

enum { CRC_BITS = 15 };

/* The low halves of the 64-bit basis and prime, and the 32-bit ones. */
static const uint32_t fnv64_basis = 0x84222325U;
static const uint32_t fnv64_prime = 0x1b3;
static const uint32_t fnv32_basis = 2166136261U;
static const uint32_t fnv32_prime = 16777619;

/* Indexed by enum rc_hash. */
static const char *const names[] = {
    [RC_HASH_XXH3] = "xxh3",
    [RC_HASH_ONE_AT_A_TIME] = "one_at_a_time",
    [RC_HASH_MD5] = "md5",
    [RC_HASH_CRC] = "crc",
    [RC_HASH_CRC16] = "crc16",
    [RC_HASH_CRC32A] = "crc32a",
    [RC_HASH_FNV1_64] = "fnv1_64",
    [RC_HASH_FNV1A_64] = "fnv1a_64",
    [RC_HASH_FNV1_32] = "fnv1_32",
    [RC_HASH_FNV1A_32] = "fnv1a_32",
    [RC_HASH_HSIEH] = "hsieh",
    [RC_HASH_MURMUR] = "murmur",
    [RC_HASH_MURMUR3] = "murmur3",
    [RC_HASH_JENKINS] = "jenkins",
};

static uint32_t md5_word(const void *key, size_t len)
{
    unsigned char digest[16];
    rc_md5(key, len, digest);
    return rc_load32(digest);
}

/* Apart from rc_hash, so that its stack frame costs the default hash nothing. */
__attribute__((noinline)) static uint32_t compatible_hash(
    enum rc_hash kind, const unsigned char *key, size_t len)
{
    switch (kind) {
    case RC_HASH_XXH3:
        break;
    case RC_HASH_ONE_AT_A_TIME:
        return rc_hash_one_at_a_time(key, len);
    case RC_HASH_MD5:
        return md5_word(key, len);
    case RC_HASH_CRC:
        return rc_hash_crc32(key, len) >> 16 & ((1U << CRC_BITS) - 1);
    case RC_HASH_CRC16:
        return rc_hash_crc16(key, len);
    case RC_HASH_CRC32A:
        return rc_hash_crc32(key, len);
    case RC_HASH_FNV1_64:
        return rc_hash_fnv1(key, len, fnv64_basis, fnv64_prime);
    case RC_HASH_FNV1A_64:
        return rc_hash_fnv1a(key, len, fnv64_basis, fnv64_prime);
    case RC_HASH_FNV1_32:
        return rc_hash_fnv1(key, len, fnv32_basis, fnv32_prime);
    case RC_HASH_FNV1A_32:
        return rc_hash_fnv1a(key, len, fnv32_basis, fnv32_prime);
    case RC_HASH_HSIEH:
        return rc_hash_hsieh(key, len);
    case RC_HASH_MURMUR:
        return rc_hash_murmur(key, len);
    case RC_HASH_MURMUR3:
        return rc_hash_murmur3(key, len);
    case RC_HASH_JENKINS:
        return rc_hash_jenkins(key, len);
    }
    return 0;
}

uint32_t rc_hash(enum rc_hash kind, const void *key, size_t len)
{
    if (kind == RC_HASH_XXH3) {
        return rc_hash_plain(key, len);
    }
    return compatible_hash(kind, key, len);
}

bool rc_hash_by_name(const char *name, size_t len, enum rc_hash *kind)
{
    if (len == strlen("crc32") && memcmp(name, "crc32", len) == 0) {
        *kind = RC_HASH_CRC;
        return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            *kind = (enum rc_hash)i;
            return true;
        }
    }
    return false;
}

const char *rc_hash_name(enum rc_hash kind)
{
    return names[kind];
}

unsigned rc_hash_bits(enum rc_hash kind)
{
    return kind == RC_HASH_CRC ? CRC_BITS : 32;
}

uint64_t rc_xxh3(const void *bytes, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, len, seed);
}
