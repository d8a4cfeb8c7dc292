/* SPDX-License-Identifier: MIT */
#ifndef RC_TESTS_UNIT_H
#define RC_TESTS_UNIT_H

/* What the unit tests of base and server begin with: cmocka and the headers that it needs first,
 * and a sequence of numbers that is the same in every run. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

/* `state` starts anywhere but at 0. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
