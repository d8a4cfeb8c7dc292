/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_MEMCACHED_H
#define ENGINE_MEMCACHED_H

/* What the classic and the meta commands of the memcached engine share. */

#include "engine/engine_inside.h"

enum { MC_WORDS = 24, MC_MAX_KEY = 250 };

struct mc_words {
    struct rc_slice at[MC_WORDS];
    size_t count;
};

/* One command line being run. */
struct mc_call {
    struct engine_session *session;
    struct engine *engine;
    struct sim_bytes *reply;
    const char *verb;
    struct mc_words words; /* behind the verb */
    struct rc_slice line;  /* the same, unsplit: a get may have any number of keys */
    struct rc_slice body;  /* received behind the line */
    size_t body_used;
    bool noreply; /* it is to answer nothing, not even that it is refused */
    bool starved; /* the value has not all come: nothing was done, try again */
    bool quit;
};

enum mc_mode { MC_SET, MC_ADD, MC_REPLACE, MC_APPEND, MC_PREPEND };
enum mc_outcome { MC_STORED, MC_NOT_STORED, MC_EXISTS, MC_NOT_FOUND };

struct mc_storage {
    enum mc_mode mode;
    struct rc_slice key, value;
    uint32_t flags;
    int64_t exptime;
    bool has_cas, invalidate;
    uint64_t cas;
    uint64_t stored_cas; /* out: the new item's, 0 when nothing was stored */
};

enum mc_counted { MC_COUNTED, MC_NO_COUNTER, MC_OTHER_CAS, MC_NOT_A_NUMBER };

struct mc_counting {
    struct rc_slice key;
    bool down;
    uint64_t delta;
    uint64_t cas;            /* 0: whatever it is */
    uint64_t result;         /* out, when it was counted */
    struct store_item *item; /* likewise */
};

enum mc_value { MC_VALUE_WHOLE, MC_VALUE_STARVED, MC_VALUE_REFUSED };

struct rc_slice mc_next_word(struct rc_slice *rest);
/* Does the line end in "noreply"? Then nothing is said from here on. */
bool mc_take_noreply(struct mc_call *c);
void mc_say(struct mc_call *c, const char *line);
bool mc_unsigned(struct rc_slice word, uint64_t *value);
bool mc_signed(struct rc_slice word, int64_t *value);
/* Memcached's exptime as a moment of the engine's clock. */
uint64_t mc_expiry(const struct engine *e, int64_t exptime);
enum mc_outcome mc_store(struct engine *e, struct mc_storage *s);
/* Nothing is changed unless it was counted. */
enum mc_counted mc_count(struct engine *e, struct mc_counting *count);
/* Throw away the value of `length` bytes that follows a refused line. */
void mc_swallow(struct mc_call *c, size_t length);
/* Take the value of `length` bytes that follows the line. When it is refused, that was said. */
enum mc_value mc_take_value(struct mc_call *c, struct mc_storage *s, size_t length);

void mc_set(struct mc_call *c);
void mc_add(struct mc_call *c);
void mc_replace(struct mc_call *c);
void mc_append(struct mc_call *c);
void mc_prepend(struct mc_call *c);
void mc_cas(struct mc_call *c);
void mc_get(struct mc_call *c); /* and gets */
void mc_gat(struct mc_call *c); /* and gats */
void mc_touch(struct mc_call *c);
void mc_incr(struct mc_call *c);
void mc_decr(struct mc_call *c);
void mc_delete(struct mc_call *c);

void mc_lru_crawler(struct mc_call *c);

/* What a connection is told until it named a user and a password. */
void mc_authenticate(struct mc_call *c);

void mc_mg(struct mc_call *c);
void mc_ms(struct mc_call *c);
void mc_md(struct mc_call *c);
void mc_ma(struct mc_call *c);
void mc_mn(struct mc_call *c);

#endif
