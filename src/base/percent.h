/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_PERCENT_H
#define RC_BASE_PERCENT_H

/* Percent-encoding (RFC 3986, section 2.1), as users write URIs and memcached lists keys. */

#include "base/slice.h"

/* The byte that `text`, which is not empty, begins with, and the length of what it is written in:
 * "a" or "%61". 0: a '%' without two hexadecimal digits. */
size_t rc_percent_read(struct rc_slice text, unsigned char *byte);

#endif
