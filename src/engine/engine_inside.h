/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_INSIDE_H
#define ENGINE_INSIDE_H

/* What the engines of both protocols share; for their own sources alone. */

#include "base/list.h"
#include "engine/engine.h"

enum { ENGINE_DATABASES = 16, ENGINE_VERBS = 64, ENGINE_VERB_BYTES = 16 };

struct engine_protocol {
    const char *version;
    const char *full; /* said to a connection too many */
    enum engine_step (*step)(struct engine_session *s, struct sim_bytes *reply);
};

extern const struct engine_protocol engine_memcached;
extern const struct engine_protocol engine_redis;

struct engine_verb {
    char name[ENGINE_VERB_BYTES];
    uint64_t count;
};

struct engine_wish {
    struct rc_list node;
    char *verb, *reply; /* reply NULL: the connection ends instead */
    size_t count;
};

struct engine {
    const struct engine_protocol *protocol;
    uint64_t now_ms;
    int64_t wall_s;
    uint64_t started_ms;
    uint64_t cas;         /* the last one given out */
    uint64_t last_client; /* Redis' client ids */
    uint64_t random;
    enum engine_mood mood;
    uint32_t scripts; /* Redis: a bit for each that was loaded, by rc_script_name */
    char run_id[41];
    char *version, *user, *password;
    size_t max_sessions, session_count, max_item;
    struct rc_list sessions;
    struct store stores[ENGINE_DATABASES];
    struct engine_verb verbs[ENGINE_VERBS];
    uint64_t keyed;
    struct rc_list wishes;
    engine_log_fn log;
    void *log_owner;
};

struct engine_session {
    struct rc_list node;
    struct engine *engine;
    uint64_t connection, client;
    char address[64];
    struct sim_bytes input;
    size_t swallow; /* bytes of the input still to be thrown away */
    bool authenticated, killed, ended;
    unsigned db;
};

/* A command is about to run: count it, log it. True when the reply was scripted instead. */
bool engine_arrives(
    struct engine_session *s, const char *verb, struct rc_slice key, struct sim_bytes *reply);
bool engine_text_is(struct rc_slice s, const char *text);
/* The decimal number that `word` is from its byte `from` on. */
bool engine_digits(struct rc_slice word, size_t from, uint64_t *value);

#endif
