/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_NUMBER_H
#define RC_BASE_NUMBER_H

/* Decimal numbers as peers and users write them, strictly: digits only, no sign, no space, no
 * leading zero but "0" itself, a cap. And the way back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parse all of `text` into `*value`; false when it is anything but a number of 0..cap. */
bool rc_number_parse(const void *text, size_t len, uint64_t cap, uint64_t *value);

/* Write `value` in decimal at `out` (room for 20 bytes); returns the number of bytes. */
size_t rc_number_write(unsigned char *out, uint64_t value);

/* Write `value` as 16 lower-case hexadecimal digits at `out`. */
void rc_number_write_hex16(unsigned char *out, uint64_t value);

/* Write `value` as 8 lower-case hexadecimal digits at `out`. */
void rc_number_write_hex8(unsigned char *out, uint32_t value);

/* Is `text`, of 8 bytes, what rc_number_write_hex8 writes for `value`? */
bool rc_number_is_hex8(const unsigned char *text, uint32_t value);

/* Read 8 or 16 such digits; false when the bytes are anything else. */
bool rc_number_read_hex8(const unsigned char *text, uint32_t *value);
bool rc_number_read_hex16(const unsigned char *text, uint64_t *value);

#endif
