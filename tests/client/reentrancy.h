/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_REENTRANCY_H
#define CLIENT_REENTRANCY_H

/* Every call is legal in every callback: a table of what is heard and a table of what is done there
 * and then. One cell, one client in a world of its own. */

#include "world.h"

/*     A   the server that the row is about          C   not in the ring at first
 *     B   stopped, with one request pending on it   D   idle, the one that is "another"
 *     E   makes them four, so that two may be ejected */
#define SERVER_A "10.0.0.1:11000"
#define SERVER_B "10.0.0.2:11000"
#define SERVER_D "10.0.0.4:6379"
#define SERVER_E "10.0.0.5:6379"

/* The kinds of functions that a program gives to the library. */
enum callback {
    CALLBACK_REPLY,
    CALLBACK_MANY_END,
    CALLBACK_LOADER,
    CALLBACK_UPDATE,
    CALLBACK_POST,
    CALLBACK_RELEASE,
    CALLBACK_KEY,
    CALLBACK_EVENT,
    CALLBACK_CLOSE,
    CALLBACKS
};

struct cell;

/* What is heard, and how it comes about. Of replies and events the world's own are listened to;
 * what else is called calls `heard`. */
struct row {
    const char *name;
    enum callback callback;
    int what;     /* a reply's status, or an event's type */
    bool fresh;   /* A was never asked before */
    bool own;     /* a reply that the row's own callback hears */
    bool pending; /* what is heard does not end `self` */
    bool closing; /* the client closes by then, so that every call is refused */
    void (*provoke)(struct cell *cell);
};

struct act {
    const char *name;
    void (*run)(struct cell *cell, const char *server);
};

struct cell {
    struct world *world;
    struct sim_server *a, *b, *d;
    const struct row *row;
    const struct act *act;
    ringcache_id self, pending;
    struct world_reply *own;      /* of `self`, where the row is about more than one callback */
    struct world_reply *canceled; /* by the act */
    ringcache_load *load;         /* that nobody ended yet */
    uint64_t token;               /* of a lock */
    unsigned key;
    unsigned acts;
    size_t owed; /* callbacks of the row and the act that are to come, but for the world's */
};

extern const struct act acts[];
extern const size_t act_count;

/* The rows about single requests and events, and those about everything else. */
extern const struct row request_rows[];
extern const size_t request_row_count;
extern const struct row call_rows[];
extern const size_t call_row_count;

/* The row's callback runs; `server`: NULL or "" stands for A. */
void heard(struct cell *cell, const char *server);
/* A call that is to end in a callback of the cell's own was accepted; that callback runs. */
void owe(struct cell *cell, int rc);
void paid(struct cell *cell);

/* A fresh key of that server. */
ringcache_slice key_of(struct cell *cell, const char *server, char key[32]);
struct world_reply *get_of(
    struct cell *cell, const char *server, uint32_t timeout_ms, ringcache_id *id);
/* Something for `cancel another`, on a server that does not answer. */
void leave_one_pending(struct cell *cell);

/* The whole of one cell. */
void run_cell(const struct row *row, const struct act *act);

#endif
