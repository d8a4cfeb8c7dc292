/* SPDX-License-Identifier: MIT */
#ifndef SIM_REDIS_H
#define SIM_REDIS_H

/* What the framing and the commands of the Redis engine share. */

#include "engine_inside.h"

struct redis_call {
    struct engine_session *session;
    struct engine *engine;
    struct sim_bytes *reply;
    const struct rc_slice *argv; /* the verb first */
    size_t argc;
    bool quit;
};

/* Run one command of `argc` > 0 words. */
void redis_run(struct redis_call *c);
bool redis_text_is(struct rc_slice word, const char *text); /* in either case */
bool redis_integer(struct rc_slice word, int64_t *value);

#endif
