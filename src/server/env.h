/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_ENV_H
#define RC_SERVER_ENV_H

/* What all servers of one client share: the world, the clock's wheel, the bounds, the list of
 * connections with output, and the one queue through which finished requests leave. */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/loan.h"
#include "base/wheel.h"
#include "server/turnstile.h"
#include "transport/transport.h"

struct rc_request;

/* Bytes this client holds for requests: structures, waiting copies, the buffers of unsent output
 * and of the keys of unanswered requests; not what is lent. */
struct rc_budget {
    uint64_t used;
    uint64_t limit;
    uint64_t lone; /* what one request's own structure takes: with no more held, all may be asked */
};

struct rc_env {
    struct rc_transport *transport;
    struct rc_wheel wheel;
    struct rc_budget budget;
    uint64_t wake_ms; /* what the transport was last asked to wake us at */
    struct rc_turnstile turnstile;
    struct rc_list unsent; /* rc_conn.unsent_link: to be written at the end of the turn, or held */
    struct rc_deadline hold_end;
    struct rc_list closed;   /* rc_conn.link: freed once what they finished was delivered */
    struct rc_list spent;    /* rc_text.link: freed once what borrowed them was delivered */
    struct rc_list finished; /* rc_request.link: to be handed to their callers */
    struct rc_list returned; /* rc_loan.link: to be given back to their owners */
    bool in_event; /* inside a transport event: its end will drain, nothing need be deferred */
    uint64_t next_token;
    uint64_t stalled_ms;        /* when our own loop was last late */
    uint64_t submitted_us;      /* the clock as this turn's submissions saw it; 0: none yet */
    uint64_t lag_of_us;         /* submissions that saw the clock so were … */
    uint64_t lag_ms;            /* … that late: their program was busy before the turn ended */
    void (*drain)(void *owner); /* runs user code: the last thing an event does */
    /* A delivered request whose tombstone fell: its memory may be used again. */
    void (*release)(void *owner, struct rc_request *request);
    void *owner;
    uint32_t timeout_ms;         /* silence that makes a server suspect */
    uint32_t connect_timeout_ms; /* a connection's own deadline, greeting included */
    uint32_t fence_limit_ms;     /* … that an older connection may keep others waiting */
    uint32_t max_inflight;
    uint32_t hold_back; /* requests in flight from which on small output is held back; 0: never */
    uint64_t max_value_bytes;
    size_t journal_entries;   /* of one server */
    bool flushes_on_overflow; /* a server that has no mark for what its journal missed */
    bool shares;              /* other clients of the process may know of keys in doubt */
    bool merges;              /* single GETs as well leave as batches */
    bool strict;
    bool leases;
};

static inline uint64_t rc_env_now_ms(struct rc_env *env)
{
    return rc_transport_clock(env->transport)->ms;
}

static inline uint64_t rc_env_now_us(struct rc_env *env)
{
    return rc_transport_clock(env->transport)->us;
}

static inline uint64_t rc_env_random(struct rc_env *env)
{
    return env->transport->ops->random(env->transport);
}

/* Make sure that before_poll runs, unless the event we are in ends with the same work. */
static inline void rc_env_defer(struct rc_env *env)
{
    rc_transport_defer(env->transport);
}

/* Something was put into a queue that the drain empties. */
static inline void rc_env_want_drain(struct rc_env *env)
{
    if (!env->in_event) {
        rc_env_defer(env);
    }
}

/* The bytes are needed no more. NULL: none were lent. */
static inline void rc_env_give_back(struct rc_env *env, struct rc_loan *loan)
{
    if (loan != NULL) {
        rc_list_append(&env->returned, &loan->link);
        rc_env_want_drain(env);
    }
}

static inline void rc_env_enter(struct rc_env *env)
{
    env->in_event = true;
}

/* The end of a transport event. Whatever runs the caller's code comes last: behind it, only what is
 * pinned may still be touched. */
static inline void rc_env_leave(struct rc_env *env)
{
    env->in_event = false;
    env->drain(env->owner);
}

/* Arm a deadline, and the transport's timer when none earlier is asked for. */
static inline void rc_env_arm(struct rc_env *env, struct rc_deadline *deadline, uint64_t at_ms)
{
    rc_wheel_arm(&env->wheel, deadline, at_ms);
    if (at_ms < env->wake_ms) {
        env->wake_ms = at_ms;
        env->transport->ops->wake_at(env->transport, at_ms);
    }
}

static inline void rc_env_disarm(struct rc_env *env, struct rc_deadline *deadline)
{
    rc_wheel_disarm(&env->wheel, deadline);
}

/* A deadline is due of what was submitted at `started_us`: if its program was busy then, it is put
 * off once, by as much. */
static inline bool rc_env_put_off(
    struct rc_env *env, struct rc_deadline *deadline, uint64_t started_us, bool *lagged)
{
    if (started_us != env->lag_of_us || *lagged) {
        return false;
    }
    *lagged = true;
    rc_env_arm(env, deadline, deadline->at_ms + env->lag_ms);
    return true;
}

/* before_poll: how long ago did this turn's submissions see the clock? */
void rc_env_measure_lag(struct rc_env *env);

/* after_poll: let everything due happen. */
void rc_env_advance(struct rc_env *env, uint64_t now_ms);

/* May `bytes` more be held? A lone request may, whatever its size. Charging and giving back are the
 * caller's. */
static inline bool rc_budget_allows(const struct rc_budget *budget, uint64_t bytes)
{
    return budget->used <= budget->lone ||
           (bytes <= budget->limit && budget->used <= budget->limit - bytes);
}

#endif
