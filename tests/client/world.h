/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_WORLD_H
#define CLIENT_WORLD_H

/* One client in a simulated world, and what it was told: the stage of the client's tests. Times are
 * virtual, to the millisecond; nothing here sleeps or opens a port. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/client.h"
#include "sim.h"

enum { WORLD_REPLIES = 4096, WORLD_EVENTS = 4096 };

/* One answer, as its callback saw it. */
struct world_reply {
    int status;
    char value[64];
    size_t value_len;
    char server[64];
    char message[256];
    int maybe_applied;
    uint32_t attempts;
    uint32_t flags;
    uint64_t at_ms;
    uint64_t elapsed_us;
    uint64_t cas, number;
    uint32_t marks;
    int64_t ttl_ms;
    uint64_t digest;
    unsigned calls; /* how often the callback ran */
};

struct world_event {
    ringcache_event_type type;
    char server[64];
    char text[256];
    int reason;
    uint64_t at_ms;
    uint64_t digest;
};

struct world {
    struct sim *sim;
    struct sim_client *host;
    ringcache_client *client;
    ringcache_config *config;
    struct world_reply replies[WORLD_REPLIES]; /* in the order of submission */
    size_t submitted, answered;
    struct world_event events[WORLD_EVENTS];
    size_t event_count;
    unsigned closed; /* how often the close callback ran */
    bool in_call;    /* a submitting call is on the stack */
    /* Run inside each reply's callback, or NULL. */
    void (*on_reply)(struct world *world, struct world_reply *reply);
    void (*on_event)(struct world *world, const ringcache_event *event);
    void *stage; /* what those two act on */
};

/* From how many keys on a batch is one command on memcached's meta: 2 at first, that is always. */
extern uint32_t world_batch_least;

/* A world of `seed`; options are set with world_option, servers added with world_server, then
 * world_begin makes the client. */
struct world *world_new(uint64_t seed);
typedef struct sim_server *(*world_add)(struct world *world, const char *host, uint16_t port);
void world_option(struct world *world, const char *option, const char *value);
/* A simulated server at `host`:`port` and its URI in the configuration. */
struct sim_server *world_memcached(struct world *world, const char *host, uint16_t port);
struct sim_server *world_redis(struct world *world, const char *host, uint16_t port);
struct sim_server *world_spare_memcached(struct world *world, const char *host, uint16_t port);
struct sim_server *world_spare_redis(struct world *world, const char *host, uint16_t port);
void world_begin(struct world *world);
/* Close the client if it is not, check that everything came back, free all. */
void world_end(struct world *world);

/* Each returns the place of its answer. The call must succeed; world_try_get says how it went. */
struct world_reply *world_get(struct world *world, const char *key);
struct world_reply *world_set(struct world *world, const char *key, const char *value);
struct world_reply *world_delete(struct world *world, const char *key);
struct world_reply *world_submit(
    struct world *world, const ringcache_request *request, ringcache_id *id);
/* Any other call that takes a callback: begun by world_call, it is given its `cb` and `user`; then
 * world_called returns the place of its answer. The call must succeed. */
struct world_call {
    ringcache_reply_cb cb;
    void *user;
    struct world_reply *place;
};
struct world_call world_call(struct world *world);
struct world_reply *world_called(struct world *world, const struct world_call *call, int rc);
/* The same of a call that was to be refused with `status`. */
void world_refused(struct world *world, const struct world_call *call, int rc, int status);

/* As world_submit, but the call may be refused. */
int world_try(struct world *world, const ringcache_request *request, ringcache_id *id,
    struct world_reply **place);
int world_try_get(struct world *world, const char *key);
void world_close(struct world *world);

void world_run_for(struct world *world, uint64_t ms);
/* Until every request was answered; at most `ms`. */
void world_settle(struct world *world, uint64_t ms);
uint64_t world_now(const struct world *world);

/* How often an event was told, and the last of them (NULL: never). */
size_t world_count(const struct world *world, ringcache_event_type type);
const struct world_event *world_last(const struct world *world, ringcache_event_type type);

/* `n` keys "<prefix>0"… that `server` (a name) owns, the first from `*next` on, into `key`. */
void world_key_of(
    struct world *world, const char *server, const char *prefix, unsigned *next, char key[32]);

#define assert_reply(reply, expected)                                                              \
    do {                                                                                           \
        const struct world_reply *told = (reply);                                                  \
        if (told->calls != 1 || told->status != (expected)) {                                      \
            fail_msg("%u callbacks, status %s (%s), expected %s", told->calls,                     \
                ringcache_err_name(told->status), told->message, ringcache_err_name(expected));    \
        }                                                                                          \
    } while (0)

#define assert_value(reply, text)                                                                  \
    do {                                                                                           \
        assert_reply(reply, RINGCACHE_OK);                                                         \
        assert_string_equal((reply)->value, text);                                                 \
    } while (0)

#endif
