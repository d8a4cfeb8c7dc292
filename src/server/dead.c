/* SPDX-License-Identifier: MIT */
#include "server/dead.h"

#include <string.h>

#include "transport/transport.h"

/* FNV-1a: whoever could make two addresses equal gains a place in the order. */
static uint64_t print_of(const struct rc_address *address)
{
    uint64_t print = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < address->len; i++) {
        print = (print ^ address->bytes[i]) * UINT64_C(0x100000001b3);
    }
    return print;
}

/* Where it stands, or `count`. */
static uint32_t place_of(const struct rc_dead *dead, uint64_t print)
{
    uint32_t place = 0;
    while (place < dead->count && dead->prints[place] != print) {
        place++;
    }
    return place;
}

static void drop(struct rc_dead *dead, uint32_t place)
{
    dead->count--;
    memmove(&dead->prints[place], &dead->prints[place + 1],
        (dead->count - place) * sizeof *dead->prints);
}

bool rc_dead_has(const struct rc_dead *dead, const struct rc_address *address)
{
    return place_of(dead, print_of(address)) < dead->count;
}

void rc_dead_add(struct rc_dead *dead, const struct rc_address *address)
{
    rc_dead_remove(dead, address);
    if (dead->count == RC_DEAD_MAX) {
        drop(dead, 0);
    }
    dead->prints[dead->count++] = print_of(address);
}

void rc_dead_remove(struct rc_dead *dead, const struct rc_address *address)
{
    uint32_t place = place_of(dead, print_of(address));
    if (place < dead->count) {
        drop(dead, place);
    }
}
