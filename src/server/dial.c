/* SPDX-License-Identifier: MIT */
#include "server/dial.h"

#include <errno.h>

#include "server/env.h"
#include "server/health.h"

/* That one address has no route from here does not excuse a server that refuses on another. */
static void note_failure(struct rc_dial *dial, int status)
{
    if (dial->failure == 0 || rc_error_is_local(dial->failure) || !rc_error_is_local(status)) {
        dial->failure = status;
    }
}

static bool any_open(const struct rc_dial *dial)
{
    for (size_t i = 0; i < dial->tried; i++) {
        if (dial->attempts[i].stream != NULL) {
            return true;
        }
    }
    return false;
}

static void close_attempt(struct rc_attempt *attempt)
{
    if (attempt->stream != NULL) {
        rc_stream_close(attempt->stream);
        attempt->stream = NULL;
    }
}

static struct rc_address *address_of(const struct rc_attempt *attempt)
{
    struct rc_dial *dial = attempt->dial;
    return &dial->addresses[attempt - dial->attempts];
}

/* How long the address begun last has to itself: of the time that is left, what the others leave
 * it. */
static uint64_t stagger_ms(const struct rc_dial *dial)
{
    uint64_t now_ms = rc_env_now_ms(dial->env);
    uint64_t left_ms = dial->deadline_ms > now_ms ? dial->deadline_ms - now_ms : 0;
    uint64_t share_ms = left_ms / (dial->count - dial->tried + 1);
    return share_ms < RC_DIAL_STAGGER_MS ? share_ms : RC_DIAL_STAGGER_MS;
}

/* Begin with the next address that can be begun with. False when none is left and none is open. */
static bool try_next(struct rc_dial *dial)
{
    struct rc_transport *transport = dial->env->transport;
    while (dial->tried < dial->count) {
        struct rc_attempt *attempt = &dial->attempts[dial->tried];
        const struct rc_address *address = &dial->addresses[dial->tried];
        dial->tried++;
        attempt->dial = dial;
        int rc = transport->ops->connect(
            transport, address, dial->attempt_events, attempt, &attempt->stream);
        if (rc == 0) {
            rc_env_arm(dial->env, &dial->stagger, rc_env_now_ms(dial->env) + stagger_ms(dial));
            return true;
        }
        note_failure(dial, rc);
    }
    return any_open(dial);
}

static void stagger_due(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    try_next(rc_container(deadline, struct rc_dial, stagger));
}

/* Of the addresses found, those that are thought dead, or the others. */
static void append(
    struct rc_dial *dial, const struct rc_address *found, size_t count, bool are_dead)
{
    for (size_t i = 0; i < count && dial->count < RC_DIAL_ADDRESSES; i++) {
        if (rc_dead_has(dial->dead, &found[i]) == are_dead) {
            dial->addresses[dial->count++] = found[i];
        }
    }
}

static void resolved(void *owner, int status, const struct rc_address *addresses, size_t count)
{
    struct rc_dial *dial = owner;
    struct rc_env *env = dial->env;
    rc_env_enter(env);
    dial->lookup = NULL;
    dial->failure = status < 0 || count > 0 ? status : -EHOSTUNREACH;
    append(dial, addresses, count, false);
    append(dial, addresses, count, true);
    if (!try_next(dial)) {
        dial->events->connected(dial->owner, dial->failure);
    }
    rc_env_leave(env);
}

/* Those that began earlier had their time, and did not answer in it. */
static void win(struct rc_dial *dial, struct rc_attempt *winner)
{
    rc_env_disarm(dial->env, &dial->stagger);
    dial->winner = winner;
    dial->stream = winner->stream;
    rc_dead_remove(dial->dead, address_of(winner));
    for (size_t i = 0; i < dial->tried; i++) {
        struct rc_attempt *other = &dial->attempts[i];
        if (other < winner && other->stream != NULL) {
            rc_dead_add(dial->dead, address_of(other));
        }
        if (other != winner) {
            close_attempt(other);
        }
    }
}

static void lose(struct rc_dial *dial, struct rc_attempt *attempt, int status)
{
    note_failure(dial, status);
    if (!rc_error_is_local(status)) {
        rc_dead_add(dial->dead, address_of(attempt));
    }
    close_attempt(attempt);
}

static void attempt_connected(void *owner, int status)
{
    struct rc_attempt *attempt = owner;
    struct rc_dial *dial = attempt->dial;
    struct rc_env *env = dial->env;
    rc_env_enter(env);
    if (status < 0) {
        lose(dial, attempt, status);
        if (!try_next(dial)) {
            dial->events->connected(dial->owner, dial->failure);
        }
    } else {
        win(dial, attempt);
        dial->events->connected(dial->owner, 0);
    }
    rc_env_leave(env);
}

static void *attempt_reserve(void *owner, size_t *len)
{
    struct rc_dial *dial = ((struct rc_attempt *)owner)->dial;
    return dial->events->reserve(dial->owner, len);
}

static void attempt_received(void *owner, size_t n)
{
    struct rc_dial *dial = ((struct rc_attempt *)owner)->dial;
    dial->events->received(dial->owner, n);
}

static void attempt_ended(void *owner, int status)
{
    struct rc_dial *dial = ((struct rc_attempt *)owner)->dial;
    dial->events->ended(dial->owner, status);
}

static void attempt_writable(void *owner)
{
    struct rc_dial *dial = ((struct rc_attempt *)owner)->dial;
    dial->events->writable(dial->owner);
}

static const struct rc_stream_events attempt_events = {
    .connected = attempt_connected,
    .reserve = attempt_reserve,
    .received = attempt_received,
    .ended = attempt_ended,
    .writable = attempt_writable,
};

void rc_dial_init(
    struct rc_dial *dial, struct rc_env *env, const struct rc_stream_events *events, void *owner)
{
    *dial = (struct rc_dial){
        .env = env, .events = events, .attempt_events = &attempt_events, .owner = owner};
    rc_deadline_init(&dial->stagger, stagger_due);
}

int rc_dial_start(struct rc_dial *dial, const struct rc_endpoint *endpoint, struct rc_dead *dead,
    uint64_t deadline_ms)
{
    struct rc_transport *transport = dial->env->transport;
    dial->dead = dead;
    dial->deadline_ms = deadline_ms;
    return transport->ops->resolve(transport, endpoint, resolved, dial, &dial->lookup);
}

void rc_dial_blame(struct rc_dial *dial)
{
    rc_dead_add(dial->dead, address_of(dial->winner));
}

void rc_dial_close(struct rc_dial *dial)
{
    rc_env_disarm(dial->env, &dial->stagger);
    if (dial->lookup != NULL) {
        rc_lookup_forget(dial->lookup);
        dial->lookup = NULL;
    }
    for (size_t i = 0; i < dial->tried; i++) {
        close_attempt(&dial->attempts[i]);
    }
    dial->stream = NULL;
}
