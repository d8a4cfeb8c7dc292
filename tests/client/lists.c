/* SPDX-License-Identifier: MIT */
#include "lists.h"

#include <stdio.h>

enum { FILL_BYTES = 40 };

int list_heard(ringcache_client *client, const ringcache_listed_key *key, void *user)
{
    struct list *list = user;
    assert_ptr_equal(client, list->world->client);
    assert_false(list->world->in_call);
    assert_int_equal(list->done, 0);
    assert_true(key->key.len > 0);
    snprintf(list->last, sizeof list->last, "%.*s", (int)key->key.len, (const char *)key->key.data);
    unsigned number;
    if (sscanf(list->last, "k%u-", &number) == 1 && number < KEYS) {
        list->told[number]++;
    } else {
        list->foreign++;
    }
    list->count++;
    list->ttl_ms = key->ttl_ms;
    return list->act != NULL ? list->act(list) : 0;
}

void list_ended(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct list *list = user;
    assert_ptr_equal(client, list->world->client);
    assert_false(list->world->in_call);
    assert_int_equal(list->world->closed, 0);
    list->done++;
    list->status = reply->status;
    list->number = reply->number;
    list->attempts = reply->attempts;
    list->done_ms = world_now(list->world);
    assert_int_equal(reply->number, list->count);
    snprintf(list->message, sizeof list->message, "%s", reply->message);
    snprintf(list->server, sizeof list->server, "%s", reply->server);
}

void list_keys(struct list *list, struct world *world, const char *name)
{
    *list = (struct list){.world = world, .act = list->act, .stage = list->stage};
    bool outer = world->in_call;
    world->in_call = true;
    assert_int_equal(ringcache_server_keys(world->client, name, list_heard, list_ended, list), 0);
    world->in_call = outer;
    assert_int_equal(list->count + list->done, 0);
}

void wait_for(struct list *list, unsigned ms)
{
    for (unsigned i = 0; i < ms && list->done == 0; i++) {
        world_run_for(list->world, 1);
    }
    assert_int_equal(list->done, 1);
}

struct pair begin_pair(uint64_t seed, const char *option, const char *value)
{
    struct pair pair = {.world = world_new(seed)};
    pair.memcached = world_memcached(pair.world, "10.0.0.1", 11000);
    pair.redis = world_redis(pair.world, "10.0.0.2", 6379);
    world_option(pair.world, option, value);
    world_begin(pair.world);
    return pair;
}

void fill(struct sim_server *server, unsigned count, const char *prefix)
{
    for (unsigned i = 0; i < count; i++) {
        char key[128];
        snprintf(key, sizeof key, "%sk%u-%0*u", prefix, i, FILL_BYTES, 0);
        engine_put(sim_server_engine(server), 0, key, rc_slice_text("v"), 0);
    }
}

void assert_each_once(const struct list *list, unsigned count)
{
    assert_int_equal(list->status, RINGCACHE_OK);
    assert_int_equal(list->count, count);
    assert_int_equal(list->foreign, 0);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(list->told[i], 1);
    }
}

void warm_up(const struct pair *pair)
{
    unsigned next = 0;
    char key[32];
    world_key_of(pair->world, MC, "warm", &next, key);
    world_get(pair->world, key);
    world_settle(pair->world, 100);
}
