/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_STORE_H
#define ENGINE_STORE_H

/* What a simulated server remembers: items by key, kept in the order of their first store so that
 * nothing ever depends on an address. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"

#define STORE_NEVER UINT64_MAX

struct store_item {
    struct rc_list order;
    struct store_item *next; /* of the same bucket */
    uint64_t hash;
    uint64_t serial;   /* from 1, growing in the order of first stores */
    char *key, *value; /* each with a zero byte behind it */
    size_t key_len, value_len;
    uint64_t cas;
    uint64_t expires_ms; /* STORE_NEVER, or the first moment at which it is gone */
    uint64_t touched_ms; /* stored or fetched */
    uint32_t flags;
    bool stale, token_sent, fetched; /* memcached's marks of recaching */
    size_t list_len;                 /* > 0: a Redis list, not a string */
};

struct store {
    struct store_item **buckets;
    size_t bucket_count, count;
    uint64_t last_serial;
    struct rc_list order;
};

void store_init(struct store *s);
void store_deinit(struct store *s);
void store_clear(struct store *s);
/* The live item of `key`, or NULL. An expired one is forgotten on the way. */
struct store_item *store_find(struct store *s, struct rc_slice key, uint64_t now_ms);
/* Make `key` hold a copy of `value`; every other property starts afresh. */
struct store_item *store_put(
    struct store *s, struct rc_slice key, struct rc_slice value, uint64_t now_ms);
bool store_delete(struct store *s, struct rc_slice key, uint64_t now_ms);
/* The first live item whose serial is at least `serial`, or NULL. */
struct store_item *store_from(struct store *s, uint64_t serial, uint64_t now_ms);
struct rc_slice store_key(const struct store_item *item);
struct rc_slice store_value(const struct store_item *item);

#endif
