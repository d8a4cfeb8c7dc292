/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_NUMBER_H
#define RC_BASE_NUMBER_H

/* Decimal numbers as peers and users write them, strictly: digits only, no sign, no space, no
 * leading zero but "0" itself, a cap. And the way back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Parse all of `text` into `*value`; false when it is anything but a number of 0..cap. */
bool rc_number_parse(const void *text, size_t len, uint64_t cap, uint64_t *value);

/* rc_number_write of numbers of more than four digits. */
size_t rc_number_write_long(unsigned char *out, uint64_t value);

/* A number below 100, in one digit or two. */
static inline size_t rc_number_write_short(unsigned char *out, unsigned value)
{
    const unsigned tens = value / 10, ones = value % 10;
    if (tens == 0) {
        out[0] = (unsigned char)('0' + ones);
        return 1;
    }
    out[0] = (unsigned char)('0' + tens);
    out[1] = (unsigned char)('0' + ones);
    return 2;
}

/* Write `value` in decimal at `out` (room for 20 bytes); returns the number of bytes. */
static inline size_t rc_number_write(unsigned char *out, uint64_t value)
{
    if (value < 100) {
        return rc_number_write_short(out, (unsigned)value);
    }
    if (value >= 10000) {
        return rc_number_write_long(out, value);
    }
    const unsigned low = (unsigned)value % 100;
    size_t n = rc_number_write_short(out, (unsigned)value / 100);
    out[n] = (unsigned char)('0' + low / 10);
    out[n + 1] = (unsigned char)('0' + low % 10);
    return n + 2;
}

/* Write `value` as 16 lower-case hexadecimal digits at `out`. */
void rc_number_write_hex16(unsigned char *out, uint64_t value);

/* A word of eight times that byte. */
#define RC_EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Digits, the first in the highest byte of a word, as they stand in memory, and back. */
static inline uint64_t rc_number_in_order(uint64_t digits)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return __builtin_bswap64(digits);
#else
    return digits;
#endif
}

/* Eight hexadecimal digits at once, one in each byte, as they stand in memory. */
static inline uint64_t rc_number_hex8(uint32_t value)
{
    uint64_t x = value;
    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x << 4) & RC_EACH_BYTE(0x0f);
    uint64_t letters = ((x + RC_EACH_BYTE(6)) >> 4) & RC_EACH_BYTE(1);
    return rc_number_in_order(x + RC_EACH_BYTE('0') + letters * ('a' - '0' - 10));
}

/* Write `value` as 8 lower-case hexadecimal digits at `out`. */
static inline void rc_number_write_hex8(unsigned char *out, uint32_t value)
{
    uint64_t digits = rc_number_hex8(value);
    memcpy(out, &digits, sizeof digits);
}

/* Is `text`, of 8 bytes, what rc_number_write_hex8 writes for `value`? */
static inline bool rc_number_is_hex8(const unsigned char *text, uint32_t value)
{
    uint64_t digits;
    memcpy(&digits, text, sizeof digits);
    return digits == rc_number_hex8(value);
}

/* Read 8 or 16 such digits; false when the bytes are anything else. */
bool rc_number_read_hex8(const unsigned char *text, uint32_t *value);
bool rc_number_read_hex16(const unsigned char *text, uint64_t *value);

#endif
