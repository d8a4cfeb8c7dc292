/* SPDX-License-Identifier: MIT */
#ifndef RC_HASH_ALGORITHMS_H
#define RC_HASH_ALGORITHMS_H

/* The functions behind rc_hash, for this folder alone. */

#include <stddef.h>
#include <stdint.h>

static inline uint32_t rc_load32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t rc_hash_one_at_a_time(const unsigned char *key, size_t len);
uint32_t rc_hash_fnv1(const unsigned char *key, size_t len, uint32_t basis, uint32_t prime);
uint32_t rc_hash_fnv1a(const unsigned char *key, size_t len, uint32_t basis, uint32_t prime);
uint32_t rc_hash_crc16(const unsigned char *key, size_t len);
uint32_t rc_hash_crc32(const unsigned char *key, size_t len);
uint32_t rc_hash_hsieh(const unsigned char *key, size_t len);
uint32_t rc_hash_murmur(const unsigned char *key, size_t len);
uint32_t rc_hash_murmur3(const unsigned char *key, size_t len);
uint32_t rc_hash_jenkins(const unsigned char *key, size_t len);

#endif
