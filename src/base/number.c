/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <string.h>

bool rc_number_parse(const void *text, size_t len, uint64_t cap, uint64_t *value)
{
    const unsigned char *p = text;
    if (len == 0 || len > 20 || (len > 1 && p[0] == '0')) {
        return false;
    }
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)p[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)digit, &n)) {
            return false;
        }
    }
    if (n > cap) {
        return false;
    }
    *value = n;
    return true;
}

size_t rc_number_write(unsigned char *out, uint64_t value)
{
    unsigned char reversed[20];
    size_t n = 0;
    do {
        reversed[n++] = (unsigned char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < n; i++) {
        out[i] = reversed[n - 1 - i];
    }
    return n;
}

static void write_hex(unsigned char *out, size_t digits, uint64_t value)
{
    for (size_t i = digits; i-- > 0; value >>= 4) {
        out[i] = (unsigned char)"0123456789abcdef"[value & 15];
    }
}

void rc_number_write_hex16(unsigned char *out, uint64_t value)
{
    write_hex(out, 16, value);
}

void rc_number_write_hex8(unsigned char *out, uint32_t value)
{
    write_hex(out, 8, value);
}
