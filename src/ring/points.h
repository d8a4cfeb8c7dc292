/* SPDX-License-Identifier: MIT */
#ifndef RC_RING_POINTS_H
#define RC_RING_POINTS_H

/* How many points each member has and where they are. For this folder alone. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/names.h"
#include "ring/topology.h"

/* More than any fleet needs, and few enough that sizes and indexes stay in 32 bits. */
enum { RC_POINTS_MAX = 1 << 28 };

struct rc_point {
    uint32_t value;
    uint32_t server;
};

/* Does the distribution take a key modulo a table, rather than to the next point of a ring? */
bool rc_distribution_is_modulo(enum rc_distribution distribution);

/* The sum of the weights, which some dialects' points depend on. */
uint64_t rc_total_weight(const struct rc_topology *topology);

/* Weighted ketama's share of `weight` among `count` servers of `total` weight, in points. */
uint32_t rc_ketama_points(uint32_t weight, uint64_t total, size_t count);

/* Write the values of all `count` points of the member that hashes as `text`. */
void rc_points_write(const struct rc_topology *topology, const struct rc_text *text,
    struct rc_point *points, size_t count);

/* Sort by value, equal values staying in the order they have; `spare` is room for as many. */
void rc_points_sort(struct rc_point *points, struct rc_point *spare, size_t count);

#endif
