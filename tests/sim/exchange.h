/* SPDX-License-Identifier: MIT */
#ifndef SIM_EXCHANGE_H
#define SIM_EXCHANGE_H

/* What real servers say, byte for byte: memcached 1.6.18 and Redis 7.0.15.
 *
 * A table is run in its order against one server that has just started (memcached numbers every
 * store from 1, and the table shows those numbers); each entry has a connection of its own. */

#include <stdbool.h>
#include <stddef.h>

struct exchange {
    const char *send;
    size_t send_len;
    const char *reply; /* all that comes back */
    size_t reply_len;
    bool closes; /* the server ends the connection behind it */
};

extern const struct exchange exchange_memcached[];
extern const size_t exchange_memcached_count;
extern const struct exchange exchange_redis[];
extern const size_t exchange_redis_count;
/* The same of a Redis with requirepass "secret". */
extern const struct exchange exchange_redis_auth[];
extern const size_t exchange_redis_auth_count;

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

#endif
