/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_FAILOVER_SCENE_H
#define CLIENT_FAILOVER_SCENE_H

/* A few servers of one kind, of which the first, the owner of `key`, goes out of service: the scene
 * of the tests of failover. */

#include "world.h"

enum { FAILOVER_SERVERS = 5, GUEST_TTL_MS = 10000 };

struct kind {
    const char *name;
    world_add add, add_spare; /* how servers are made; without the latter all are owners */
    const char *version;      /* of the memcached, or NULL */
    const char *failover, *connections;
};

/* The first of a kind with spares. */
enum { SPARED = 4 };
/* The first so many have a policy that asks others. */
enum { KINDS = 8, DIVERTING = 6 };
extern const struct kind kinds[KINDS];

struct scene {
    struct world *world;
    struct sim_server *servers[FAILOVER_SERVERS];
    size_t owners, count; /* the first so many own keys */
    char key[32];         /* of the first server */
};

/* A world with the kind's options, where it has spares with one owner; begin_scene makes the
 * client. */
struct scene plan_scene(const struct kind *kind, size_t servers);
/* The same with so many owners; the other servers are spares where the kind has some. */
struct scene plan_owners(const struct kind *kind, size_t owners, size_t servers);
void begin_scene(struct scene *s);
struct scene open_scene(const struct kind *kind, size_t servers);

const char *name_of(size_t server);
struct engine *engine_of(struct scene *s, size_t server);
/* Until the event was told so often. */
void until(struct scene *s, ringcache_event_type type, size_t count);
/* Out of service by silence, and back. */
void take_out(struct scene *s, size_t server);
void take_back(struct scene *s, size_t server);

struct world_reply *settled(struct scene *s, struct world_reply *reply);
struct world_reply *get(struct scene *s, const char *key);
struct world_reply *set(struct scene *s, const char *key, const char *value);

void assert_elsewhere(const struct world_reply *reply, size_t server);
void assert_by_owner(const struct world_reply *reply);

/* The servers that would be asked for the key, in order: the owner first. */
void order_of(struct scene *s, const char *key, size_t order[FAILOVER_SERVERS]);

#endif
