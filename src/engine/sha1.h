/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SHA1_H
#define ENGINE_SHA1_H

/* SHA-1, by which Redis names a script. */

#include "base/slice.h"

enum { SHA1_HEX = 40 };

/* In lower case, with a zero byte behind. */
void sha1_hex(struct rc_slice bytes, char hex[SHA1_HEX + 1]);

#endif
