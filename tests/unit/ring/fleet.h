/* SPDX-License-Identifier: MIT */
#ifndef TEST_FLEET_H
#define TEST_FLEET_H

/* A topology that grows server by server, for the ring's tests. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ring/ring.h"

struct fleet {
    struct rc_topology topology;
    struct rc_member *members;
    size_t room;
};

struct fleet fleet_of(enum rc_distribution distribution, enum rc_hash hash);

/* A server by address; `name` NULL: the default name. A host that begins with "/" is a socket. */
void fleet_add(
    struct fleet *fleet, const char *host, uint16_t port, uint32_t weight, const char *name);

/* `count` servers "<prefix><number>:11211" of weight 1. */
void fleet_add_many(struct fleet *fleet, const char *prefix, size_t count);

/* Remove the server at `index`; those behind it move up. */
void fleet_remove(struct fleet *fleet, size_t index);

/* Put the servers into another order, drawn with `seed`. */
void fleet_shuffle(struct fleet *fleet, uint64_t *seed);

/* The ring, which must be buildable. */
ringcache_ring *fleet_ring(struct fleet *fleet);

void fleet_free(struct fleet *fleet);

/* The next of a sequence of well-mixed numbers (splitmix64). */
uint64_t draw(uint64_t *seed);

/* A key of some shape; its length. `key` has room for 32 bytes. */
size_t draw_key(uint64_t *seed, char *key);

#endif
