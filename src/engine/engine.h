/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

/* Server engines: what memcached 1.6.18 and Redis 7.0 do with the bytes of their connections. Pure:
 * bytes and the time go in, replies come out; no socket, no clock. The simulator puts them behind
 * simulated connections, a mock server can put them behind real ones.
 *
 *     engine_receive ──► [input of the session] ── engine_step ──► one command's reply
 *
 * One step runs at most one command, so that the host can lose, double or change single replies,
 * and can stop where a real server would. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "engine/bytes.h"
#include "engine/store.h"

enum engine_kind { ENGINE_MEMCACHED, ENGINE_REDIS };

enum engine_mood {
    ENGINE_SERVES,
    ENGINE_LOADING,
    ENGINE_BUSY,       /* a script runs and runs */
    ENGINE_MASTERDOWN, /* a replica without its master, replica-serve-stale-data no */
    ENGINE_REPLICA,    /* it takes no writes */
    ENGINE_FULL,       /* maxmemory is reached, and nothing may be evicted */
    ENGINE_LONELY,     /* min-replicas-to-write are not there */
    ENGINE_UNSAVED,    /* its last snapshot failed */
    ENGINE_SLOTLESS,   /* a cluster's node, to which no key belongs */
};

struct engine;
struct engine_session;

/* A command that reached the server and was run (or answered by engine_answer_next). */
struct engine_command {
    const char *verb;    /* lower case: "mg", "set", "client" */
    struct rc_slice key; /* empty: it carries none */
    uint64_t connection; /* the number given at accept */
    uint64_t now_ms;
};
/* It only listens: what a test does about it happens in an event of its own. */
typedef void (*engine_log_fn)(void *owner, const struct engine_command *command);

enum engine_step {
    ENGINE_STARVED, /* nothing was run: the input holds no whole command */
    ENGINE_RAN,     /* one command was run, or a line refused; its reply, if any, was appended */
    ENGINE_ENDED    /* the server closes the connection behind what was appended */
};

/* `seed` makes the run_id. The engine starts empty, at time 0. */
struct engine *engine_new(enum engine_kind kind, uint64_t seed);
/* All sessions end with it. */
void engine_free(struct engine *e);
/* The process ended and starts again: every session ends; run_id and the numbering of clients
 * change, scripts are forgotten. */
void engine_restart(struct engine *e, bool keep_items);
/* What time it is from now on; `wall_s` is seconds since 1970. */
void engine_set_time(struct engine *e, uint64_t now_ms, int64_t wall_s);

/* A new connection from `address` ("10.0.0.9:4711"). NULL: refused, and `reply` says why; close it
 * behind those bytes. */
struct engine_session *engine_accept(
    struct engine *e, uint64_t connection, const char *address, struct sim_bytes *reply);
void engine_receive(struct engine_session *s, struct rc_slice bytes);
enum engine_step engine_step(struct engine_session *s, struct sim_bytes *reply);
/* Did another session's command (CLIENT KILL) end this one? Then close it. */
bool engine_session_killed(const struct engine_session *s);
void engine_session_free(struct engine_session *s);

/* Settings. A text is copied; NULL takes the default back. */
void engine_set_version(struct engine *e, const char *version);
/* Redis: `user` NULL is the user "default"; memcached: it has to be named. No password: none is
 * asked. Memcached logs a user and password that came as the verb "auth". */
void engine_set_password(struct engine *e, const char *user, const char *password);
void engine_set_max_sessions(struct engine *e, size_t max);
/* Redis: what it refuses from now on, and why. */
void engine_set_mood(struct engine *e, enum engine_mood mood);
/* Memcached's -I: the largest item, its header included. */
void engine_set_max_item(struct engine *e, size_t bytes);
/* Memcached: the CAS id of the next store is the one behind `cas`, as in another process. */
void engine_set_cas(struct engine *e, uint64_t cas);
/* The next `count` commands of `verb` ("": of those without a wish of their own) are answered with
 * `reply` instead of run; NULL: their connection ends instead. One wish for each verb, the last one
 * counts; count 0 withdraws it, of "" all. */
void engine_answer_next(struct engine *e, const char *verb, size_t count, const char *reply);

void engine_set_log(struct engine *e, engine_log_fn log, void *owner);
/* How many commands of `verb` arrived since the engine was made; "": of all verbs. */
uint64_t engine_count(const struct engine *e, const char *verb);
/* How many of them carried a key. */
uint64_t engine_count_keyed(const struct engine *e);

/* The items behind the protocol's back. `db` is 0 on memcached. */
const struct store_item *engine_get(struct engine *e, unsigned db, const char *key);
/* ttl_ms 0: never expires. */
void engine_put(
    struct engine *e, unsigned db, const char *key, struct rc_slice value, uint64_t ttl_ms);
size_t engine_items(const struct engine *e, unsigned db);
const char *engine_run_id(const struct engine *e);

#endif
