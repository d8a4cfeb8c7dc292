/* SPDX-License-Identifier: MIT */
#ifndef DEMO_LOAD_H
#define DEMO_LOAD_H

/* Requests for the items of the texts, with a book of what came of every one: sweeps over all
 * items, and steady traffic on random ones. A get that misses stores the item again, as a cache's
 * user does. */

#include <ringcache/ringcache.h>
#include <stdbool.h>
#include <uv.h>

#include "texts.h"

enum { ITEMS = 20000, SWEEP_WINDOW = 256, TICK_MS = 2, PER_TICK = 10, NAME_SIZE = 16 };

struct book {
    uint64_t accepted, refused, answered;
    uint64_t failed;        /* answered with a negative status */
    uint64_t failed_fast;   /* of these: known to be in vain, nobody was asked */
    uint64_t wrong;         /* gets that hit other bytes than were set */
    uint64_t refilled;      /* gets that missed */
    uint64_t first_fast_ns; /* when the first of failed_fast ended */
    uint64_t elsewhere;     /* failed, on another server than `suspect` */
};

struct load {
    uv_loop_t *loop;
    ringcache_client *client;
    const struct texts *texts;
    struct book book;             /* since load_new_book */
    char suspect[NAME_SIZE];      /* the server whose requests may fail */
    char owner[ITEMS][NAME_SIZE]; /* who answered for each item in the last sweep */
    uint64_t pending;
    uint64_t timeout_ms;   /* of the client */
    int64_t worst_late_us; /* how long past its deadline a callback ran, ever */
    int64_t worst_lag_us;  /* how late the loop itself ran a timer, ever */
    uint64_t total_accepted, total_answered;
    /* inside */
    unsigned next; /* item of the sweep */
    uv_timer_t tick;
    uint64_t last_tick_ns;
    uint32_t random;
};

/* `texts` is borrowed. */
void load_init(struct load *load, uv_loop_t *loop, ringcache_client *client,
    const struct texts *texts, uint64_t timeout_ms);

/* Begin a new book. */
void load_new_book(struct load *load);

/* Store (or get) every item once, and wait for all answers. */
void load_store_all(struct load *load);
void load_get_all(struct load *load);

/* Steady traffic from now on, and its end: no new request, and all answers waited for. */
void load_start(struct load *load);
void load_stop(struct load *load);

#endif
