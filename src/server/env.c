/* SPDX-License-Identifier: MIT */
#include "server/env.h"

/* A wake-up later than this says that our own loop was held up, not that a server is silent. */
enum { LATE_MS = 50 };

void rc_env_measure_lag(struct rc_env *env)
{
    if (env->submitted_us == 0) {
        return;
    }
    uint64_t lag_ms = (rc_env_now_us(env) - env->submitted_us) / 1000;
    if (lag_ms > LATE_MS) {
        env->lag_of_us = env->submitted_us;
        env->lag_ms = lag_ms;
    }
    env->submitted_us = 0;
}

void rc_env_advance(struct rc_env *env, uint64_t now_ms)
{
    if (env->wake_ms != RC_NEVER && now_ms > env->wake_ms + LATE_MS) {
        env->stalled_ms = now_ms;
    }
    env->wake_ms = 0; /* what is armed meanwhile need not ask the transport */
    rc_env_enter(env);
    rc_wheel_advance(&env->wheel, now_ms);
    env->wake_ms = rc_wheel_next(&env->wheel);
    env->transport->ops->wake_at(env->transport, env->wake_ms);
    rc_env_leave(env);
}
