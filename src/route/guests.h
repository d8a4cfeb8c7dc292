/* SPDX-License-Identifier: MIT */
#ifndef RC_ROUTE_GUESTS_H
#define RC_ROUTE_GUESTS_H

/* What was stored at other servers, their hosts, for one that is out of service: a set of keys,
 * each with the one host that may have it. Pure state, bounded; what cannot be added is not to be
 * stored.
 *
 *     added ──► under way ──► answered ──► forgotten: it has ended, or its host deletes it
 *                   └── expelled: the host was told, and is told again behind the last answer
 *
 * All of them end at once, however many there are: from then on the owner's guests have other
 * names, so that nobody reads them. A million is not freed at once. */

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
    struct rc_list link;    /* in guests->all, or among those that ended */
    struct rc_server *host; /* NULL: just added */
    uint32_t lane;          /* of the host */
    uint32_t under_way;     /* stores that were not answered */
    uint32_t era;           /* of the set, when it was added */
    uint64_t ends_ms;       /* then its host does not have it any more */
    bool expelled;          /* nobody is to read it any more */
    size_t len;
    unsigned char key[];
};

struct rc_guests {
    struct rc_tree tree;
    struct rc_list all; /* rc_guest.link, the last renewed at the end */
    size_t count, limit;
    uint32_t era; /* how often all ended */
};

void rc_guests_init(struct rc_guests *guests, size_t limit);
void rc_guests_deinit(struct rc_guests *guests);

/* The guest of that name, or NULL. */
struct rc_guest *rc_guests_find(const struct rc_guests *guests, const struct rc_guest_name *name);
/* Add one that is not there, without a host. NULL when the set is full or there is no memory.
 * `random` is the tree's. */
struct rc_guest *rc_guests_add(
    struct rc_guests *guests, const struct rc_guest_name *name, uint64_t random);
/* It was stored anew, and ends then or, by an earlier store, later. */
void rc_guests_renew(struct rc_guests *guests, struct rc_guest *guest, uint64_t ends_ms);
/* Take it out and free it. */
void rc_guests_forget(struct rc_guests *guests, struct rc_guest *guest);
/* The same with up to `most` that have ended by now, the oldest ones. */
void rc_guests_expire(struct rc_guests *guests, uint64_t now_ms, size_t most);

/* Take all out, into a list of those that ended. */
void rc_guests_end(struct rc_guests *guests, struct rc_list *ended);
/* A store of a guest was answered. False: it ended meanwhile, and is freed by its last answer. */
bool rc_guests_answered(struct rc_guests *guests, struct rc_guest *guest);
/* Free up to `most` of those that ended; true when there are more. */
bool rc_guests_free_ended(struct rc_list *ended, size_t most);

#endif
