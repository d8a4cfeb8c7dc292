/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_GUST_H
#define CLIENT_GUST_H

/* A gust: a seeded history so short that millions can be had. One or two clients, up to three
 * servers, four keys and some dozens of requests, amid outages of every kind; then calm, in which
 * all has to be right again.
 *
 *     gust.c           one history, from its world to its end
 *     gust_clients.c   what clients ask, and what they are told
 *     gust_model.c     what an answer may be
 *     gust_faults.c    what goes wrong
 *
 * Where a storm asks for everything there is, a gust asks for what an outage could make stale, and
 * judges it as sharply as can be: the ring never changes, nothing expires, no reply is forged. */

#include "world.h"

enum {
    GUST_CLIENTS = 2,
    GUST_SERVERS = 3,
    GUST_KEYS = 4,
    GUST_WRITES = 29, /* of a key: as many digits of base 4 are a number that Redis counts to */
    GUST_PENDING = 256,
};

enum gust_fate {
    GUST_OPEN,
    GUST_DONE,
    GUST_DENIED,   /* had no effect: its condition did not hold, or it was said so */
    GUST_DOUBTFUL, /* failed, and may have been applied */
};

struct gust_write {
    ringcache_op op;
    enum gust_fate fate;
    unsigned by;       /* which client */
    uint32_t asked_at; /* by gust->ticks */
    uint32_t acked_at; /* … 0: never */
    bool failed;       /* the journal may delete the key on its behalf, at any time */
    uint32_t lost_at;  /* … and has to, before what its client asks later; 0: it need not */
    uint64_t under;    /* a CAS or DELETE with a token: of the value with these writes; else 0 */
};

/* What a value is made of. */
struct gust_value {
    uint64_t holds; /* bit n: the write number n */
    unsigned base;  /* of them, the one that replaced all */
};

struct gust_token {
    uint64_t cas;
    uint64_t holds; /* 0: there is none */
    uint32_t told_at;
};

struct gust_key {
    char name[16];
    unsigned index;
    bool counts; /* its value is a sum */
    size_t owner;
    unsigned written;
    struct gust_write writes[GUST_WRITES + 1];
    struct gust_token tokens[GUST_CLIENTS];
};

struct gust;

struct gust_client {
    struct gust *gust;
    unsigned number;
    struct sim_client *host;
    ringcache_client *client;
    uint64_t accepted, answered, succeeded;
    bool closing;
    unsigned closed;
};

struct gust_request {
    struct gust_client *client;
    struct gust_key *key;
    ringcache_op op;
    unsigned number; /* of the write; 0: it reads */
    uint32_t asked_at;
    struct gust_token token;
    ringcache_id id;
    bool pending;
};

struct gust_server {
    struct sim_server *sim;
    bool redis, classic, dead;
    bool refuses;        /* a Redis that at times serves nobody */
    uint32_t emptied_at; /* by gust->ticks; 0: never */
};

/* What a seed draws from. */
struct gust_rules {
    unsigned clients, servers, keys, moves;
    unsigned spares; /* of the servers, the last */
    bool unproven;   /* our own kernel gives connections up */
    bool shares;     /* gets that are under way are shared */
    bool merges;     /* gets that leave together are one command */
    bool promises;   /* the journal is large enough to promise something */
    bool early;      /* a client leaves in the midst */
    bool slices;     /* bytes come and go in small pieces */
};

struct gust {
    uint64_t seed, random;
    struct gust_rules rules;
    uint32_t timeout_ms;
    uint32_t ticks; /* one more with each call and each answer */
    struct sim *sim;
    struct gust_server servers[GUST_SERVERS];
    struct gust_client clients[GUST_CLIENTS];
    struct gust_key keys[GUST_KEYS];
    struct gust_request requests[GUST_PENDING];
    bool in_call, calm, tells;
};

struct gust_result {
    uint64_t trace;
    uint64_t requests;
};

/* gust.c */
uint64_t gust_draw(struct gust *g, uint64_t below);
/* The test fails, and names the seed. */
void gust_fail(const struct gust *g, const char *what, const char *of);
/* One line of the story, where it is told. */
void gust_tell(const struct gust *g, const char *who, const char *what, int64_t number);
struct gust_result gust_run(uint64_t seed);

/* gust_clients.c */
void gust_client_begin(struct gust *g, unsigned number, ringcache_config *config);
void gust_client_close(struct gust_client *c);
void gust_client_check_end(const struct gust_client *c);
/* Something of somebody's. */
void gust_ask_any(struct gust *g);
void gust_ask(struct gust_client *c, struct gust_key *key, ringcache_op op);
void gust_cancel_any(struct gust *g);

/* gust_model.c */
void gust_model_begin(struct gust *g);
/* The request is a write from here on; its value, if it has one, is put into `text`. */
void gust_begin_write(struct gust_request *r, ringcache_request *request, char text[24]);
void gust_refused(const struct gust_request *r);
void gust_judge(struct gust_request *r, const ringcache_reply *reply);
/* Nothing that was denied is there, and nothing twice. */
void gust_check_store(const struct gust *g, const struct gust_key *key);

/* gust_faults.c */
void gust_fault(struct gust *g);
void gust_heal(struct gust *g, struct gust_server *server);
void gust_heal_all(struct gust *g);

#endif
