/* SPDX-License-Identifier: MIT */
#include "base/percent.h"

/* -1: none. */
static int hex_digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

size_t rc_percent_read(struct rc_slice text, unsigned char *byte)
{
    if (text.data[0] != '%') {
        *byte = text.data[0];
        return 1;
    }
    int high = text.len < 3 ? -1 : hex_digit(text.data[1]);
    int low = high < 0 ? -1 : hex_digit(text.data[2]);
    if (low < 0) {
        return 0;
    }
    *byte = (unsigned char)(high << 4 | low);
    return 3;
}
