/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_CHECK_H
#define RC_CLIENT_CHECK_H

/* What a request may ask, decided before anything of it is taken. Every operation means the same on
 * every server of the ring, or is refused here with a reason. */

#include <stdbool.h>

#include "ringcache/request.h"

/* What the servers of a ring have in common. */
struct rc_means {
    bool has_memcached, has_redis;
    size_t prefix_len; /* the namespace, sent in front of every key */
    uint64_t max_value_bytes;
};

/* 0, or RINGCACHE_EINVAL, _ENOTSUP or _ETOOBIG with a static sentence in `*why`. */
int rc_check_request(
    const struct rc_means *means, const ringcache_request *request, const char **why);

/* The same of one that has nothing but a key, and a value and a TTL where its operation takes
 * them. */
int rc_check_plain(
    const struct rc_means *means, const ringcache_request *request, const char **why);

/* The same of all but its key, and of a key alone. */
int rc_check_rest(const struct rc_means *means, const ringcache_request *request, const char **why);
int rc_check_key(const struct rc_means *means, ringcache_slice key, const char **why);

/* Milliseconds that anything may be kept: 0, for ever, to a hundred years. */
bool rc_check_ttl(int64_t ttl_ms);

/* Does the operation carry a value, a time to live? */
bool rc_op_stores(ringcache_op op);
bool rc_op_takes_ttl(ringcache_op op);

#endif
