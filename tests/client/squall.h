/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_SQUALL_H
#define CLIENT_SQUALL_H

/* A seeded squall over what takes several requests: fetches, updates, locks and shared gets of up
 * to three clients of one server, each answer judged by what is known of its key:
 *
 *     u0…   updates append a letter each: those that were done are there once, others are not
 *     f0…   fetched; a loader gives the version that is true when it begins, and a DELETE follows
 *           each new version: nothing older than what a client saw deleted is given to it
 *     g0…   of each client's own: it reads what it wrote
 *     l0…   locks: nobody takes one that is held */

#include "world.h"

enum {
    CLIENTS = 3,
    KEYS = 3, /* of each sort */
    LETTERS = 600,
    PENDING = 512,
    LOADS = 64,
    LETTER_BYTES = 5,
    LOCK_MS = 3600000,
};

enum sort { UPDATE, FETCH, REMOVE, GET, SET, LOCK, EXTEND, RELEASE, SORTS };
enum fate { OPEN, DONE, DENIED, DOUBTFUL };

struct squall;
struct peer;

struct ask {
    struct peer *peer;
    enum sort sort;
    unsigned key;
    unsigned number; /* of an update's letter; of the version that a write brings */
    unsigned floor;  /* the oldest version that may be read */
    uint64_t token;  /* of a lock */
    uint64_t until_ms;
    ringcache_id id;
};

struct peer {
    struct squall *squall;
    struct sim_client *host;
    ringcache_client *client;
    struct ask *pending[PENDING];
    size_t pending_count;
    unsigned closed;
    bool closing;
    unsigned removed[KEYS];      /* the newest version whose removal was acknowledged */
    unsigned set[KEYS];          /* of keys of its own: what was set last, … */
    unsigned acknowledged[KEYS]; /* … and the newest of it that was acknowledged */
};

struct load {
    struct peer *peer;
    ringcache_load *load;
    unsigned key, version;
};

/* What a seed draws from. */
struct rules {
    bool redis, classic, leases, single, strict, members, blocks, early, narrow, faults, journal;
    uint32_t stale_ms;
    unsigned clients;
};

struct squall {
    uint64_t seed, random;
    struct rules rules;
    struct sim *sim;
    struct sim_server *server;
    struct peer peers[CLIENTS];
    enum fate letters[KEYS][LETTERS];
    unsigned letter_count[KEYS];
    unsigned truth[KEYS]; /* the newest version of what is fetched */
    struct ask *holder[KEYS];
    struct ask holders[KEYS];
    struct load loads[LOADS];
    size_t load_count;
    uint64_t done[SORTS]; /* how many of each succeeded */
    bool in_call, calm, dead;
};

uint64_t squall_draw(struct squall *s, uint64_t below);
/* Fails the test, and names the seed. */
void squall_must(const struct squall *s, bool holds, const char *what);
/* Is no server of the ring another one's heir? Then the models hold. */
bool squall_exact(const struct squall *s);
/* What programs do, between callbacks and in them. */
void squall_act(struct squall *s);
/* End that load. */
void squall_end_load(struct squall *s, size_t which);
void squall_close(struct peer *peer);
/* Once all is over: does the server hold what it was told? */
void squall_check_letters(struct squall *s);
/* Loaders are told of no squall. */
void squall_begin(struct squall *s);

#endif
