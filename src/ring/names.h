/* SPDX-License-Identifier: MIT */
#ifndef RC_RING_NAMES_H
#define RC_RING_NAMES_H

/* What a dialect calls each member when it hashes it, and the orders it puts members in. For this
 * folder alone. */

#include <stddef.h>
#include <stdint.h>

#include "ring/topology.h"

/* Room behind each text for "-" and a decimal number, so that a point's text is made in place. */
enum { RC_TEXT_SUFFIX = 24 };

struct rc_text {
    char *bytes; /* not terminated; RC_TEXT_SUFFIX writable bytes follow */
    size_t len;
    uint32_t member;
};

/* The text of every member, in the topology's order, as one block to rc_free; NULL without
 * memory. */
struct rc_text *rc_texts_new(const struct rc_topology *topology);

/* The same with the names that users see. */
struct rc_text *rc_texts_new_of_names(const struct rc_topology *topology);

/* By bytes, a prefix first. No two are equal: rc_topology_check saw to that. */
void rc_texts_sort(struct rc_text *texts, size_t count);

/* Into the order in which the dialect numbers its servers and breaks ties. */
void rc_texts_arrange(struct rc_text *texts, size_t count, enum rc_distribution distribution);

#endif
