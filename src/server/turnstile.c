/* SPDX-License-Identifier: MIT */
#include "server/turnstile.h"

#include "server/env.h"

enum { AGAIN_MS = 10 };

static bool admit(struct rc_env *env, bool beyond)
{
    return env->transport->ops->begin_handshake(env->transport, beyond);
}

static void ask_again(struct rc_env *env)
{
    rc_env_arm(env, &env->turnstile.again, rc_env_now_ms(env) + 1 + rc_env_random(env) % AGAIN_MS);
}

static void go(struct rc_ticket *ticket)
{
    rc_list_remove(&ticket->link);
    ticket->inside = true;
    ticket->go(ticket);
}

static void again_due(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    struct rc_turnstile *turnstile = rc_container(deadline, struct rc_turnstile, again);
    struct rc_env *env = rc_container(turnstile, struct rc_env, turnstile);
    for (struct rc_list *node; (node = rc_list_first(&turnstile->waiting)) != NULL;) {
        if (!admit(env, false)) {
            ask_again(env);
            return;
        }
        go(rc_container(node, struct rc_ticket, link));
    }
}

void rc_turnstile_init(struct rc_turnstile *turnstile)
{
    rc_list_init(&turnstile->waiting);
    rc_deadline_init(&turnstile->again, again_due);
}

void rc_ticket_init(struct rc_ticket *ticket, void (*its_turn)(struct rc_ticket *ticket))
{
    rc_list_init(&ticket->link);
    ticket->go = its_turn;
    ticket->inside = false;
}

bool rc_ticket_waits(const struct rc_ticket *ticket)
{
    return !rc_list_empty(&ticket->link);
}

bool rc_turnstile_enter(struct rc_env *env, struct rc_ticket *ticket)
{
    struct rc_turnstile *turnstile = &env->turnstile;
    ticket->inside = rc_list_empty(&turnstile->waiting) && admit(env, false);
    if (ticket->inside) {
        return true;
    }
    rc_list_append(&turnstile->waiting, &ticket->link);
    if (!rc_deadline_armed(&turnstile->again)) {
        ask_again(env);
    }
    return false;
}

void rc_turnstile_hurry(struct rc_env *env, struct rc_ticket *ticket)
{
    admit(env, true);
    go(ticket);
}

void rc_turnstile_leave(struct rc_env *env, struct rc_ticket *ticket)
{
    rc_list_remove(&ticket->link);
    if (rc_list_empty(&env->turnstile.waiting)) {
        rc_env_disarm(env, &env->turnstile.again);
    }
    if (ticket->inside) {
        ticket->inside = false;
        env->transport->ops->end_handshake(env->transport);
    }
}
