/* SPDX-License-Identifier: MIT */
#ifndef RC_ROUTE_GUESTS_H
#define RC_ROUTE_GUESTS_H

/* What was stored at other servers, their hosts, for one that is out of service: a set of keys,
 * each with the one host that may have it. Pure state, bounded; what cannot be added is not to be
 * stored.
 *
 *     added ──► under way ──► answered ──► forgotten, once the host was told to delete it
 *                   └── expelled: the host was told, and is told again behind the last answer
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/tree.h"

struct rc_server;

/* A guest's key, in two parts. */
struct rc_guest_name {
    struct rc_slice prefix, key;
};

struct rc_guest {
    struct rc_tree_node node;
    struct rc_list link;    /* in guests->all, oldest first */
    struct rc_server *host; /* NULL: just added */
    uint32_t lane;          /* of the host */
    uint32_t under_way;     /* stores that were not answered */
    bool expelled;          /* nobody is to read it any more */
    size_t len;
    unsigned char key[];
};

struct rc_guests {
    struct rc_tree tree;
    struct rc_list all; /* rc_guest.link */
    size_t count, limit;
};

void rc_guests_init(struct rc_guests *guests, size_t limit);
void rc_guests_deinit(struct rc_guests *guests);

/* The guest of that name, or NULL. */
struct rc_guest *rc_guests_find(const struct rc_guests *guests, const struct rc_guest_name *name);
/* Add one that is not there, without a host. NULL when the set is full or there is no memory.
 * `random` is the tree's. */
struct rc_guest *rc_guests_add(
    struct rc_guests *guests, const struct rc_guest_name *name, uint64_t random);
/* Take it out and free it. */
void rc_guests_forget(struct rc_guests *guests, struct rc_guest *guest);

#endif
