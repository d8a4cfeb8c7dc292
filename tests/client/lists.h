/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_LISTS_H
#define CLIENT_LISTS_H

/* A memcached and a Redis, and listings of their keys: the stage of the tests of listings. */

#include "world.h"

#define MC "10.0.0.1:11000"
#define RD "10.0.0.2:6379"

enum { KEYS = 3000 };

/* One listing under way, and what was told of it. Keys are "k<number>" and padding. */
struct list {
    struct world *world;
    unsigned told[KEYS];
    size_t count, foreign;
    int64_t ttl_ms; /* of the last key */
    char last[64];
    unsigned done;
    int status;
    uint64_t number, done_ms;
    uint32_t attempts;
    char message[256];
    char server[64];
    int (*act)(struct list *list); /* in each, or NULL */
    void *stage;                   /* what that acts on */
};

struct pair {
    struct world *world;
    struct sim_server *memcached, *redis;
};

/* With one option of the client. */
struct pair begin_pair(uint64_t seed, const char *option, const char *value);
/* `count` keys of a server, each with `prefix` in front. */
void fill(struct sim_server *server, unsigned count, const char *prefix);
/* An answer from the memcached: there is a connection for requests. */
void warm_up(const struct pair *pair);

/* The callbacks of a listing, with a `struct list`. */
int list_heard(ringcache_client *client, const ringcache_listed_key *key, void *user);
void list_ended(ringcache_client *client, const ringcache_reply *reply, void *user);

/* Begin; what `list` told before is forgotten, but for what is done in each. */
void list_keys(struct list *list, struct world *world, const char *name);
/* Until it is done; at most `ms`. */
void wait_for(struct list *list, unsigned ms);
/* Every key of `count` was told once. */
void assert_each_once(const struct list *list, unsigned count);

#endif
