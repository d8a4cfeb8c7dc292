/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_TURNSTILE_H
#define RC_SERVER_TURNSTILE_H

/* Where the connections of one client wait until the process has room for one more in the making.
 *
 *     enter ──┬── room ─────────────────► inside ── leave ──►
 *             └── none ──► waiting ── go ───┘ ▲
 *                             └─── hurry ─────┘
 *
 * The bound is the transport's. A client is not told when another one makes room, so that no client
 * depends on the loop of another: it asks again within 10 ms, at moments drawn by chance, and who
 * waited too long hurries in beyond the bound. */

#include "base/list.h"
#include "base/wheel.h"

struct rc_env;

struct rc_turnstile {
    struct rc_list waiting;   /* rc_ticket.link, oldest first */
    struct rc_deadline again; /* armed while somebody waits */
};

struct rc_ticket {
    struct rc_list link;
    void (*go)(struct rc_ticket *ticket); /* its turn came; it is inside */
    bool inside;
};

void rc_turnstile_init(struct rc_turnstile *turnstile);
void rc_ticket_init(struct rc_ticket *ticket, void (*go)(struct rc_ticket *ticket));
bool rc_ticket_waits(const struct rc_ticket *ticket);

/* True: go on at once; false: wait for `go`. */
bool rc_turnstile_enter(struct rc_env *env, struct rc_ticket *ticket);
/* It waits, and waits no longer. */
void rc_turnstile_hurry(struct rc_env *env, struct rc_ticket *ticket);
/* It is inside or waits no more. Idempotent. */
void rc_turnstile_leave(struct rc_env *env, struct rc_ticket *ticket);

#endif
