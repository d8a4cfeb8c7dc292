/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_REDIS_H
#define ENGINE_REDIS_H

/* What the framing and the commands of the Redis engine share. */

#include "engine/engine_inside.h"

struct redis_call {
    struct engine_session *session;
    struct engine *engine;
    struct sim_bytes *reply;
    const struct rc_slice *argv; /* the verb first */
    size_t argc;
    bool quit;
};

/* What a command is, for those who may refuse it. */
enum redis_trait {
    REDIS_ALWAYS = 1, /* answered to anyone, whatever the server is at */
    REDIS_STALE = 2,  /* answered also while the server loads, or has lost its master */
    REDIS_WRITES = 4,
    REDIS_GROWS = 8, /* it writes, and may need memory for that */
};

struct redis_command {
    const char *verb;
    size_t min, max; /* words, the verb among them */
    size_t key;      /* where the first key stands; 0: there is none */
    unsigned traits; /* of enum redis_trait */
    void (*run)(struct redis_call *c);
};

#define REDIS_WRONG_TYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"

/* Each ends with an entry without a verb. */
extern const struct redis_command redis_string_commands[];
extern const struct redis_command redis_key_commands[];
extern const struct redis_command redis_script_commands[];
extern const struct redis_command redis_server_commands[];

/* Run one command of `argc` > 0 words. */
void redis_run(struct redis_call *c);
/* The same from within a script: neither counted nor logged, and who may was asked before. */
void redis_perform(struct redis_call *c);
/* Why the server does not run it: a line, or NULL. The second: … within a script. */
const char *redis_refusal(const struct engine *e, const struct redis_command *command);
const char *redis_write_refusal(const struct engine *e, const struct redis_command *command);
bool redis_text_is(struct rc_slice word, const char *text); /* in either case */
bool redis_integer(struct rc_slice word, int64_t *value);

void redis_say(struct redis_call *c, const char *line);
void redis_say_number(struct redis_call *c, long long number);
/* Its elements are to follow. */
void redis_say_array(struct redis_call *c, size_t count);
void redis_say_bulk(struct redis_call *c, struct rc_slice bytes);
/* The string, or nil for NULL. */
void redis_say_item(struct redis_call *c, const struct store_item *item);
/* A line with a word of the command in it. */
void redis_say_about(
    struct redis_call *c, const char *before, struct rc_slice word, const char *after);

/* A TTL beyond it would leave the numbers that moments are counted in. */
int64_t redis_longest_ms(const struct engine *e);
struct store *redis_store(const struct redis_call *c);
struct store_item *redis_find(const struct redis_call *c, struct rc_slice key);

#endif
