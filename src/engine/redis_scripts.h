/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_REDIS_SCRIPTS_H
#define ENGINE_REDIS_SCRIPTS_H

/* What the meanings of scripts share: redis_scripts.c runs them and has those of one key,
 * redis_leases.c those of leases. */

#include "engine/redis.h"

enum { REDIS_DIGEST_DIGITS = 16 };

/* A script that runs: the call that asked for it, KEYS[1], KEYS[2] or nothing, and ARGV. */
struct script {
    struct redis_call *call;
    struct rc_slice key, lease;
    const struct rc_slice *args;
    size_t count;
};

/* Run a command; its reply is not the script's. */
void redis_script_call(
    const struct script *s, const struct rc_slice *argv, size_t argc, struct sim_bytes *reply);
/* The same; false: its reply was an error, which is the script's answer. */
bool redis_script_try(
    const struct script *s, const struct rc_slice *argv, size_t argc, struct sim_bytes *reply);
/* Run a command whose reply is the script's. */
void redis_script_end(const struct script *s, const struct rc_slice *argv, size_t argc);
/* The string at the key; NULL: none, or of another type, which was said. */
const struct store_item *redis_script_string(const struct script *s);

void redis_script_delete(const struct script *s);
void redis_script_lease(const struct script *s);
void redis_script_fill(const struct script *s);
void redis_script_unlease(const struct script *s);

#endif
