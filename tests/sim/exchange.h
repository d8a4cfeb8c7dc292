/* SPDX-License-Identifier: MIT */
#ifndef SIM_EXCHANGE_H
#define SIM_EXCHANGE_H

/* What real servers say, byte for byte: memcached 1.6.18 and Redis 7.0.15.
 *
 * A table is run in its order against one server that has just started; each entry has a connection
 * of its own. What it shows of a TTL was set within the same second. */

#include <stdbool.h>
#include <stddef.h>

#include "engine/bytes.h"

struct exchange {
    const char *send;
    size_t send_len;
    const char *reply; /* all that comes back */
    size_t reply_len;
    bool closes; /* the server ends the connection behind it */
};

struct exchange_table {
    const struct exchange *entries;
    size_t count;
};

/* The protocols with their oddities, and the number of every store, from 1: other versions
 * differ. */
extern const struct exchange_table exchange_memcached, exchange_memcached_numbers;
extern const struct exchange_table exchange_redis;
/* The same of a Redis with requirepass "secret", and of a memcached with -Y and "cart:sesame". */
extern const struct exchange_table exchange_redis_auth, exchange_memcached_auth;
/* Credentials for a memcached that asks for none, of any version. */
extern const struct exchange_table exchange_memcached_no_auth;

/* What the operations of a cache do, in all that is asked and refused. Memcached 1.6.18 to 1.6.38,
 * and Redis 7.0 to 8.0, say the same. */
extern const struct exchange_table exchange_memcached_operations;
extern const struct exchange_table exchange_redis_operations;

enum { EXCHANGE_PLAIN = -1, EXCHANGE_WORDS = 6 };

/* A step of the table of scripts, which goes on from the step before. */
struct exchange_script {
    int script;                        /* an rc_script_name; or EXCHANGE_PLAIN: no script */
    const char *words[EXCHANGE_WORDS]; /* key and arguments; or the words of a command */
    const char *reply;
    bool leased; /* the second word is a key too: the lease's */
};
extern const struct exchange_script exchange_scripts[];
extern const size_t exchange_scripts_count;

/* How a script is asked for. */
enum exchange_naming { EXCHANGE_BY_DIGEST, EXCHANGE_BY_TEXT };

void exchange_script_bytes(
    const struct exchange_script *step, enum exchange_naming naming, struct sim_bytes *out);
/* SCRIPT LOAD of all of them, which are answered by as many bulks. */
void exchange_load_bytes(struct sim_bytes *out);

#define EXCHANGE(bytes, answer)                                                                    \
    {                                                                                              \
        .send = (bytes), .send_len = sizeof(bytes) - 1, .reply = (answer),                         \
        .reply_len = sizeof(answer) - 1, .closes = false                                           \
    }
#define EXCHANGE_LAST(bytes, answer)                                                               \
    {                                                                                              \
        .send = (bytes), .send_len = sizeof(bytes) - 1, .reply = (answer),                         \
        .reply_len = sizeof(answer) - 1, .closes = true                                            \
    }
#define EXCHANGE_TABLE(array)                                                                      \
    {                                                                                              \
        .entries = (array), .count = sizeof(array) / sizeof((array)[0])                            \
    }

#endif
