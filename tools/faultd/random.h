/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_RANDOM_H
#define FAULTD_RANDOM_H

/* Numbers that only look random: the same seed gives the same ones everywhere (SplitMix64). */

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* 0 to `most`. */
static inline uint64_t random_upto(uint64_t *state, uint64_t most)
{
    return most == UINT64_MAX ? random_next(state) : random_next(state) % (most + 1);
}

/* One more seed that depends on all that went into `seed` and on `number`. */
static inline uint64_t random_branch(uint64_t seed, uint64_t number)
{
    uint64_t state = seed ^ (number * UINT64_C(0xd6e8feb86659fd93));
    return random_next(&state);
}

#endif
