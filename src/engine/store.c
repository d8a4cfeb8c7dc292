/* SPDX-License-Identifier: MIT */
#include "engine/store.h"

#include <stdlib.h>

#include "engine/bytes.h"

enum { FIRST_BUCKETS = 64 };

static uint64_t hash_of(struct rc_slice key)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key.len; i++) {
        h = (h ^ key.data[i]) * 0x100000001b3u;
    }
    return h ^ (h >> 32);
}

void store_init(struct store *s)
{
    *s = (struct store){.bucket_count = FIRST_BUCKETS};
    s->buckets = sim_alloc(s->bucket_count * sizeof *s->buckets);
    rc_list_init(&s->order);
}

static void free_item(struct store_item *item)
{
    free(item->key);
    free(item->value);
    free(item);
}

static void unlink_item(struct store *s, struct store_item *item)
{
    struct store_item **link = &s->buckets[item->hash & (s->bucket_count - 1)];
    while (*link != item) {
        link = &(*link)->next;
    }
    *link = item->next;
    rc_list_remove(&item->order);
    s->count--;
    free_item(item);
}

void store_clear(struct store *s)
{
    struct rc_list *node;
    while ((node = rc_list_first(&s->order)) != NULL) {
        unlink_item(s, rc_container(node, struct store_item, order));
    }
}

void store_deinit(struct store *s)
{
    store_clear(s);
    free(s->buckets);
    s->buckets = NULL;
}

static struct store_item *look_up(const struct store *s, struct rc_slice key, uint64_t hash)
{
    struct store_item *item = s->buckets[hash & (s->bucket_count - 1)];
    while (item != NULL && !(item->hash == hash && rc_slice_equal(store_key(item), key))) {
        item = item->next;
    }
    return item;
}

struct store_item *store_find(struct store *s, struct rc_slice key, uint64_t now_ms)
{
    struct store_item *item = look_up(s, key, hash_of(key));
    if (item != NULL && item->expires_ms <= now_ms) {
        unlink_item(s, item);
        return NULL;
    }
    return item;
}

static void insert(struct store *s, struct store_item *item)
{
    struct store_item **bucket = &s->buckets[item->hash & (s->bucket_count - 1)];
    item->next = *bucket;
    *bucket = item;
}

static void grow(struct store *s)
{
    free(s->buckets);
    s->bucket_count *= 2;
    s->buckets = sim_alloc(s->bucket_count * sizeof *s->buckets);
    for (struct rc_list *n = s->order.next; n != &s->order; n = n->next) {
        insert(s, rc_container(n, struct store_item, order));
    }
}

static struct store_item *add_item(struct store *s, struct rc_slice key, uint64_t hash)
{
    if (s->count >= s->bucket_count) {
        grow(s);
    }
    struct store_item *item = sim_alloc(sizeof *item);
    item->hash = hash;
    item->serial = ++s->last_serial;
    item->key = sim_copy(key.data, key.len);
    item->key_len = key.len;
    rc_list_append(&s->order, &item->order);
    s->count++;
    insert(s, item);
    return item;
}

struct store_item *store_put(
    struct store *s, struct rc_slice key, struct rc_slice value, uint64_t now_ms)
{
    uint64_t hash = hash_of(key);
    struct store_item *item = look_up(s, key, hash);
    if (item == NULL) {
        item = add_item(s, key, hash);
    }
    char *copy = sim_copy(value.data, value.len);
    free(item->value);
    item->value = copy;
    item->value_len = value.len;
    item->cas = 0;
    item->expires_ms = STORE_NEVER;
    item->touched_ms = now_ms;
    item->flags = 0;
    item->stale = false;
    item->token_sent = false;
    item->fetched = false;
    item->list_len = 0;
    return item;
}

bool store_delete(struct store *s, struct rc_slice key, uint64_t now_ms)
{
    struct store_item *item = store_find(s, key, now_ms);
    if (item == NULL) {
        return false;
    }
    unlink_item(s, item);
    return true;
}

struct store_item *store_from(struct store *s, uint64_t serial, uint64_t now_ms)
{
    struct rc_list *next;
    for (struct rc_list *n = s->order.next; n != &s->order; n = next) {
        struct store_item *item = rc_container(n, struct store_item, order);
        next = n->next;
        if (item->expires_ms <= now_ms) {
            unlink_item(s, item);
        } else if (item->serial >= serial) {
            return item;
        }
    }
    return NULL;
}

struct rc_slice store_key(const struct store_item *item)
{
    return rc_slice(item->key, item->key_len);
}

struct rc_slice store_value(const struct store_item *item)
{
    return rc_slice(item->value, item->value_len);
}
