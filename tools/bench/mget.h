/* SPDX-License-Identifier: MIT */
#ifndef MGET_H
#define MGET_H

/* A get_many by hiredis: one MGET for each server that owns some of the keys. Which keys those are
 * was found beforehand, as hiredis has no ring. */

#include <hiredis/hiredis.h>

#include "bench.h"

struct mget {
    uint32_t *keys;  /* of each call, server by server */
    uint32_t *first; /* of each call's servers, and one behind the last */
    const char **words;
    size_t *sizes;
};

/* False without memory. What `mget` had before is freed. */
bool mget_init(struct mget *mget, const struct load *load);
void mget_deinit(struct mget *mget);

/* Put the command for one server of a call into `words` and `sizes`. The number of its words; 0:
 * none of the keys is the server's. */
int mget_command(struct mget *mget, const struct flight *flight, size_t server);

/* Is that the answer to it? A failure is the load's. */
void mget_check(
    const struct mget *mget, const struct flight *flight, size_t server, const redisReply *reply);

#endif
