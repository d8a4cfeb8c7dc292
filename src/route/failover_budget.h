/* SPDX-License-Identifier: MIT */
#ifndef RC_ROUTE_FAILOVER_BUDGET_H
#define RC_ROUTE_FAILOVER_BUDGET_H

/* How much of a client's traffic may go to other servers than its owners: a share of what was asked
 * in this second of the clock and the one before it, so that servers which still stand are not
 * swept away by the load of those that fell. Pure state; time is an argument. */

#include <stdbool.h>
#include <stdint.h>

/* Requests that may go elsewhere in these two seconds, whatever their share is: of three requests,
 * one is not a storm. */
enum { RC_FAILOVER_FREE = 10 };

struct rc_failover_second {
    uint64_t asked, diverted;
};

struct rc_failover_budget {
    uint32_t per_cent; /* 100 and more: no bound */
    uint64_t second;
    struct rc_failover_second now, before;
};

void rc_failover_budget_init(struct rc_failover_budget *budget, uint32_t per_cent);
/* `count` requests were asked, wherever they go. */
void rc_failover_budget_ask(struct rc_failover_budget *budget, uint64_t now_ms, uint64_t count);
/* May one of those that were asked go elsewhere? Then it is counted. */
bool rc_failover_budget_spend(struct rc_failover_budget *budget, uint64_t now_ms);

#endif
