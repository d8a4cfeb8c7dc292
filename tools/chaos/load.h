/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_LOAD_H
#define CHAOS_LOAD_H

/* What a cache's user does: steady traffic, and sweeps over all keys, never two requests for a key
 * at once. A value names its key and the number of the write, so that each answer is judged: it is
 * what the last write meant to be there, whether that write succeeded or not, or a miss. */

#include <ringcache/ringcache.h>
#include <uv.h>

#include "book.h"

enum { TIMEOUT_MS = 200, CONNECT_TIMEOUT_MS = 500 };

/* Keys begin with it and all have one length. */
#define KEY_MARK "chaos:"
#define KEY_BYTES 10

struct load;
typedef void load_done(struct load *load);

struct job {
    struct load *load;
    unsigned key;
    bool set, busy;
};

struct load {
    ringcache_client *client;
    struct book *book;
    _Atomic uint32_t *meant;
    uv_timer_t tick;
    struct job jobs[KEYS];
    unsigned pending;
    uint32_t random;
    bool sweeping, setting;
    unsigned next;   /* key of the sweep */
    load_done *done; /* what was asked for has ended; or NULL */
};

void load_init(struct load *load, uv_loop_t *loop, ringcache_client *client);
void load_traffic(struct load *load);
/* `done` runs when it has ended, which may be within the call. */
void load_rest(struct load *load, load_done *done);
void load_sweep(struct load *load, bool set, load_done *done);
void load_close(struct load *load);

#endif
