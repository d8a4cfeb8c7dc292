/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <string.h>

enum { SAFE_DIGITS = 19 }; /* so many never leave 64 bits */

bool rc_number_parse(const void *text, size_t len, uint64_t cap, uint64_t *value)
{
    const unsigned char *p = text;
    if (len == 0 || len > SAFE_DIGITS + 1 || (len > 1 && p[0] == '0')) {
        return false;
    }
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)p[i] - '0';
        bool overflows = i == SAFE_DIGITS && n > (UINT64_MAX - digit) / 10;
        if (digit > 9 || overflows) {
            return false;
        }
        n = n * 10 + digit;
    }
    if (n > cap) {
        return false;
    }
    *value = n;
    return true;
}

size_t rc_number_write_long(unsigned char *out, uint64_t value)
{
    size_t n = 1;
    for (uint64_t rest = value; rest >= 10; rest /= 10) {
        n++;
    }
    for (size_t i = n; i-- > 0; value /= 10) {
        out[i] = (unsigned char)('0' + value % 10);
    }
    return n;
}

/* ---- hexadecimal ---- */

/* The value of what may be digits. */
static uint32_t value_of(uint64_t digits)
{
    uint64_t letters = (digits >> 6) & RC_EACH_BYTE(1);
    uint64_t x = (digits & RC_EACH_BYTE(0x0f)) + letters * 9;
    x = (x | x >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(x | x >> 16);
}

void rc_number_write_hex16(unsigned char *out, uint64_t value)
{
    rc_number_write_hex8(out, (uint32_t)(value >> 32));
    rc_number_write_hex8(out + 8, (uint32_t)value);
}

bool rc_number_read_hex8(const unsigned char *text, uint32_t *value)
{
    uint64_t digits;
    memcpy(&digits, text, sizeof digits);
    *value = value_of(rc_number_in_order(digits));
    return rc_number_is_hex8(text, *value);
}

bool rc_number_read_hex16(const unsigned char *text, uint64_t *value)
{
    uint32_t high, low;
    bool both = rc_number_read_hex8(text, &high) && rc_number_read_hex8(text + 8, &low);
    if (both) {
        *value = (uint64_t)high << 32 | low;
    }
    return both;
}
