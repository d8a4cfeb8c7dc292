/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_MEMCACHED_FLAGS_H
#define ENGINE_MEMCACHED_FLAGS_H

/* The flags of one meta command: understood once, then answered in the order they came in. */

#include "engine/memcached.h"

struct mc_flags {
    const struct rc_slice *words; /* as the client wrote them; answers follow their order */
    size_t count;
    struct rc_slice shown; /* the key as the client wrote it */
    struct rc_slice key;   /* as the store knows it */
    unsigned char decoded[MC_MAX_KEY];
    bool binary, quiet, value, stale, touch, vivify, recache, has_cas;
    int64_t ttl, vivify_ttl, recache_ttl;
    uint64_t cas, delta, initial;
    uint32_t client_flags;
    char mode; /* 0: the command's own */
    const char *error;
};

/* `first` is the index of the first flag among the words. NULL: understood; else what to say. */
const char *mc_flags_parse(struct mc_call *c, size_t first, struct mc_flags *f);

/* Say " <name><value>". */
void mc_say_flag(struct sim_bytes *out, char name, int64_t value);
/* Say `word` again if it is O, the key if it is k; else nothing. */
void mc_say_key_or_opaque(struct sim_bytes *out, const struct mc_flags *f, struct rc_slice word);
/* An answer without an item. */
void mc_say_code(struct mc_call *c, const char *code, const struct mc_flags *f);

#endif
