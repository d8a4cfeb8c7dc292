/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_LIFE_H
#define TORTURE_LIFE_H

/* A client in a simulated world, from its configuration to its close, under failures that begin
 * before it is there. Its requests are counted, their ends judged; once nothing fails any more,
 * everything that is asked has to succeed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/client.h"
#include "sim.h"

enum {
    LIFE_CALLS_MAX = 768,
    LIFE_KEYS = 6, /* and as many counters; every server gets some of each */
    LIFE_GETS = 160,
    LIFE_LENT_BYTES = 20000,
    LIFE_ITEM_MAX_BYTES = 24000,
    LIFE_HUGE_BYTES = 1400 * 1024,
    LIFE_OPTIONS_MAX = 8,
};

struct life;

struct scenario {
    const char *name;
    /* All of it; NULL: it is a life of a client. */
    void (*run)(const struct scenario *scenario);
    /* Of a life: name and value in turn, then NULL; servers of its world are added. */
    const char *options[2 * LIFE_OPTIONS_MAX + 1];
    bool redis_alone;            /* no memcached in the ring */
    const char *memcached;       /* its version; NULL: one that speaks meta */
    bool outages;                /* servers go, so that they may be found out of service */
    void (*ask)(struct life *l); /* what is asked, again when nothing fails any more */
    void (*go)(struct life *l);  /* what happens; NULL: it is asked, and time passes */
};

struct life {
    const struct scenario *scenario;
    struct sim *sim;
    struct sim_client *host;
    struct sim_server *memcached, *redis; /* memcached NULL: none */
    ringcache_client *client;
    bool outages;    /* servers may be found out of service */
    bool recovering; /* nothing is allowed to fail any more */
    unsigned calls[LIFE_CALLS_MAX];
    unsigned accepted, answered, closed;
    unsigned open; /* calls with callbacks of their own that have not ended */
    unsigned lent, returned;
    unsigned posted, ran;
    bool wants_room; /* RINGCACHE_EBUSY was said, and no event of room since */
};

/* What fails: from before the client is made, until it shall recover. */
struct life_failures {
    void (*begin)(struct life *life);
    void (*end)(void);
    bool outages;         /* servers may rightly be found out of service by it */
    unsigned recovery_ms; /* what is allowed for everything to work again */
};

/* Make a world and a client in it, and let the scenario go under failures. Then these end and it
 * has to recover; or, without `recovers`, they go on until it is closed. */
void life_lead(
    const struct scenario *scenario, const struct life_failures *failures, bool recovers);

/* The callback of a request, and the `user` for the next one; then life_asked with what the call
 * returned. */
void life_reply(ringcache_client *client, const ringcache_reply *reply, void *user);
void *life_ticket(struct life *life);
void life_asked(struct life *life, int rc);
/* May a request end so? Fails the test if not. */
void life_judge(const struct life *life, const ringcache_reply *reply);
/* A call that is no request: 0, or out of memory while something may fail. */
bool life_did(const struct life *life, int rc);
void life_run(struct life *life, unsigned ms);
/* A configuration with the scenario's options and servers. */
int life_config(const struct life *life, ringcache_config **config);

#endif
