/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_STORM_H
#define CLIENT_STORM_H

/* A seeded storm over one client: random requests, random changes of the ring, random faults, and a
 * history of every key against which each answer is judged.
 *
 * The writes of a key are numbered in the order of their submission, and a value names its key and its
 * number. All of them go to one owner by one connection at a time, so the order of submission is the
 * only order there may be: once write n was acknowledged, a read submitted later must not see an older
 * one. An `epoch` of a key is a stretch in which its owner neither changed nor lost its items; nothing
 * is claimed across two of them. */

#include "world.h"

enum {
    STORM_SERVERS = 5,
    STORM_KEYS = 16,
    STORM_WRITES = 256,   /* per key; a key that was written so often is only read from there on */
    STORM_PENDING = 1024, /* requests at a time */
};

enum storm_fate {
    STORM_PENDING_WRITE,
    STORM_DONE,
    STORM_DENIED,   /* failed, and said to be not applied */
    STORM_DOUBTFUL, /* failed, and may have been applied */
};

struct storm_write {
    enum storm_fate fate;
    uint32_t epoch;
    bool removes;
};

struct storm_key {
    char name[16];
    size_t owner; /* STORM_SERVERS: none */
    uint32_t epoch;
    uint32_t floor;   /* the newest write of this epoch that was acknowledged; 0: none */
    uint32_t written; /* how many there are */
    struct storm_write writes[STORM_WRITES + 1];
};

struct storm_server {
    struct sim_server *sim;
    char name[32];
    char uri[64];
    char host[16]; /* "": the URI has an address */
    bool redis, dead, stopped;
};

struct storm;

struct storm_request {
    struct storm *storm;
    struct storm_key *key; /* NULL: a ping */
    ringcache_op op;
    ringcache_id id;
    uint32_t number;       /* of a write */
    uint32_t floor, epoch; /* of a read: as they were when it was submitted */
    uint64_t deadline_ms;
    uint64_t blocked_before_ms; /* storm->blocked_ms when its turn began */
    size_t place;               /* in storm->pending */
};

/* What a seed draws from. */
struct storm_rules {
    uint64_t fury; /* faults in a hundred moves */
    bool corrupt;  /* replies are lost, doubled, replaced */
    bool unproven; /* our own kernel gives connections up: a minute's wait follows */
    bool lawless;  /* faults that break what a server promises: the history is not judged */
    bool blocks;   /* the loop is late now and then */
    bool members;  /* servers come and go */
    bool early;    /* closed in the middle */
};

struct storm {
    struct world *world;
    uint64_t seed, random;
    struct storm_rules rules;
    uint32_t timeout_ms;
    struct storm_server servers[STORM_SERVERS];
    size_t server_count;
    struct storm_key keys[STORM_KEYS];
    struct storm_request *pending[STORM_PENDING];
    size_t pending_count;
    uint64_t accepted, answered, succeeded, refused;
    uint64_t blocked_until_ms;
    uint64_t blocked_ms;         /* in all */
    uint64_t blocked_earlier_ms; /* … before the turn at blocked_at_ms */
    uint64_t blocked_at_ms;
    unsigned closed;
    bool in_call, calm, closing;
    bool tells;        /* what happens, line by line */
    bool room_is_owed; /* RINGCACHE_EBUSY was said, RINGCACHE_EVENT_ROOM not yet */
};

struct storm *storm_new(uint64_t seed);
void storm_free(struct storm *storm);
uint64_t storm_draw(struct storm *storm, uint64_t below);
/* Fails the test, and names the seed. */
void storm_fail(const struct storm *storm, const char *what, const char *of);

/* What happens, for the eyes of whoever reruns a seed. */
void storm_tell(const struct storm *storm, const char *who, const char *what, int64_t number);

/* Each is one move; what the client refuses is no failure. */
void storm_ask(struct storm *storm);
void storm_ask_key(struct storm *storm, struct storm_key *key, ringcache_op op);
void storm_cancel(struct storm *storm);
void storm_change_members(struct storm *storm);
void storm_close(struct storm *storm);

/* One random fault; and the end of all faults of one server, or of everything. */
void storm_fault(struct storm *storm);
void storm_heal(struct storm *storm, struct storm_server *server);
void storm_heal_all(struct storm *storm);

/* A new ring, or items lost: which keys begin a new epoch? */
void storm_note_owners(struct storm *storm);
void storm_note_loss(struct storm *storm, const struct storm_server *server);
/* No server holds a value of a write that was said to be not applied. */
void storm_check_stores(struct storm *storm);

#endif
