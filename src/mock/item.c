/* SPDX-License-Identifier: MIT */
/* What a simulated server holds, behind its protocol's back; and the clock by which that ends. */
#include "mock/inside.h"

#include "engine/engine_inside.h"

/* A thousand years; no clock is to come around. */
#define LONGEST_ADVANCE_MS ((uint64_t)1000 * 366 * 86400 * 1000)

void mock_set_time(struct ringcache_mock *mock)
{
    uint64_t passed_ms = uv_now(mock->loop) - mock->started_ms + mock->advanced_ms;
    engine_set_time(mock->engine, passed_ms, mock->started_wall_s + (int64_t)(passed_ms / 1000));
}

void ringcache_mock_advance(ringcache_mock *mock, uint64_t ms)
{
    uint64_t left_ms = LONGEST_ADVANCE_MS - mock->advanced_ms;
    mock->advanced_ms += ms < left_ms ? ms : left_ms;
}

/* NULL: it has no such database. */
static struct store *store_of(struct ringcache_mock *mock, unsigned db)
{
    bool redis = mock->engine->protocol == &engine_redis;
    mock_set_time(mock);
    return db < (redis ? ENGINE_DATABASES : 1) ? &mock->engine->stores[db] : NULL;
}

int ringcache_mock_put(
    ringcache_mock *mock, const void *key, size_t key_len, const ringcache_mock_item *item)
{
    struct store *store = store_of(mock, item->db);
    if (store == NULL || key_len == 0 || item->ttl_ms < 0) {
        return RINGCACHE_EINVAL;
    }
    struct rc_slice value = rc_slice(item->value.data, item->value.len);
    uint64_t now_ms = mock->engine->now_ms;
    struct store_item *stored = store_put(store, rc_slice(key, key_len), value, now_ms);
    stored->cas = ++mock->engine->cas;
    stored->flags = item->flags;
    stored->expires_ms = item->ttl_ms > 0 ? now_ms + (uint64_t)item->ttl_ms : STORE_NEVER;
    return 0;
}

int ringcache_mock_get(
    ringcache_mock *mock, const void *key, size_t key_len, ringcache_mock_item *item)
{
    struct store *store = store_of(mock, item->db);
    if (store == NULL) {
        return RINGCACHE_EINVAL;
    }
    uint64_t now_ms = mock->engine->now_ms;
    const struct store_item *found = store_find(store, rc_slice(key, key_len), now_ms);
    if (found == NULL) {
        return RINGCACHE_MISS;
    }
    if (found->list_len > 0) {
        return RINGCACHE_ENOTSUP;
    }
    item->value = (ringcache_slice){found->value, found->value_len};
    item->ttl_ms = found->expires_ms == STORE_NEVER ? -1 : (int64_t)(found->expires_ms - now_ms);
    item->flags = found->flags;
    item->cas = found->cas;
    return 0;
}

int ringcache_mock_remove(ringcache_mock *mock, unsigned db, const void *key, size_t key_len)
{
    struct store *store = store_of(mock, db);
    if (store == NULL) {
        return RINGCACHE_EINVAL;
    }
    bool there = store_delete(store, rc_slice(key, key_len), mock->engine->now_ms);
    return there ? RINGCACHE_OK : RINGCACHE_MISS;
}

size_t ringcache_mock_items(const ringcache_mock *mock, unsigned db)
{
    return db < ENGINE_DATABASES ? engine_items(mock->engine, db) : 0;
}
