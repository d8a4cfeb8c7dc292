/* SPDX-License-Identifier: MIT */
#ifndef RC_RING_TOPOLOGY_H
#define RC_RING_TOPOLOGY_H

/* What decides placement, as plain data: the members and the rules. Borrowed pointers; whoever
 * builds a ring from it gets a copy. Nothing here knows of addresses to connect to. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "hash/hash.h"

enum rc_distribution {
    RC_DISTRIBUTION_RING,
    RC_DISTRIBUTION_KETAMA,
    RC_DISTRIBUTION_CONSISTENT,
    RC_DISTRIBUTION_SPY,
    RC_DISTRIBUTION_MODULA,
    RC_DISTRIBUTION_TWEMPROXY,
    RC_DISTRIBUTION_TWEMPROXY_MODULA,
};

enum {
    RC_SERVERS_MAX = 65535,
    RC_WEIGHT_MAX = 100, /* of the native ring; other dialects take any uint32 */
    RC_POINTS_DEFAULT = 512,
};

/* One server as the ring sees it. `name` is what the user sees and what identifies it (given by
 * `name=`, else host:port as written, else the socket's path). A dialect that has its own default
 * name builds it from host, port and is_path unless `named`. */
struct rc_member {
    const char *name;
    const char *host; /* as written, brackets kept; the path of a Unix socket */
    uint32_t weight;  /* 1.. */
    uint16_t port;    /* 0 for a Unix socket */
    bool named;       /* name= was given */
    bool is_path;
};

struct rc_topology {
    enum rc_distribution distribution;
    enum rc_hash hash;
    uint32_t points; /* per unit of weight; native ring only */
    bool tagged;
    unsigned char tag[2]; /* with `tagged`: opening and closing byte */
    bool hash_namespace;  /* hash namespace ‖ key instead of key */
    struct rc_slice name_space;
    const struct rc_member *members;
    size_t count;
};

/* Points of `member`, or its slots in a modulo table. Of the topology its rules and its count are
 * used, and not its members, whose weights sum up to `total_weight`. */
uint64_t rc_points_of(
    const struct rc_topology *topology, const struct rc_member *member, uint64_t total_weight);

/* Is it buildable? 0, RINGCACHE_ENOMEM, or RINGCACHE_ECONFIG with a sentence in `why`
 * (NUL-terminated) and in `*member` the offender's index (of two equal names, the second), or
 * SIZE_MAX when the fault is no single member's. Checks what only the members together show:
 * duplicate names, weights a dialect does not take, too many servers or points. */
int rc_topology_check(
    const struct rc_topology *topology, char *why, size_t why_size, size_t *member);

#endif
