/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_PLACES_H
#define RC_BASE_PLACES_H

/* Numbers found by a hash: open addressing, half empty. It is made for so many and never grows.
 *
 *     for (size_t at = rc_places_first(&p, hash); p.numbers[at] != RC_NO_NUMBER;
 *          at = rc_places_next(&p, at)) { is it that number? }
 *     p.numbers[at] = number;      at the end of the loop: it is not there, and may be put there */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

#define RC_NO_NUMBER UINT32_MAX

struct rc_places {
    uint32_t *numbers; /* to be freed */
    size_t mask;
};

/* Room for `count`; false when out of memory. */
static inline bool rc_places_init(struct rc_places *places, size_t count)
{
    size_t room = 2;
    while (room / 2 < count) {
        room *= 2;
    }
    places->mask = room - 1;
    places->numbers = rc_resize(NULL, room, sizeof *places->numbers);
    if (places->numbers != NULL) {
        memset(places->numbers, 0xff, room * sizeof *places->numbers);
    }
    return places->numbers != NULL;
}

static inline size_t rc_places_first(const struct rc_places *places, uint64_t hash)
{
    return (size_t)hash & places->mask;
}

static inline size_t rc_places_next(const struct rc_places *places, size_t at)
{
    return (at + 1) & places->mask;
}

#endif
