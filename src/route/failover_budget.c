/* SPDX-License-Identifier: MIT */
#include "route/failover_budget.h"

enum { SECOND_MS = 1000, WHOLE = 100 };

void rc_failover_budget_init(struct rc_failover_budget *budget, uint32_t per_cent)
{
    *budget = (struct rc_failover_budget){.per_cent = per_cent};
}

static void turn(struct rc_failover_budget *budget, uint64_t now_ms)
{
    uint64_t second = now_ms / SECOND_MS;
    if (second != budget->second) {
        bool next = second == budget->second + 1;
        budget->before = next ? budget->now : (struct rc_failover_second){0};
        budget->now = (struct rc_failover_second){0};
        budget->second = second;
    }
}

void rc_failover_budget_ask(struct rc_failover_budget *budget, uint64_t now_ms, uint64_t count)
{
    turn(budget, now_ms);
    budget->now.asked += count;
}

bool rc_failover_budget_spend(struct rc_failover_budget *budget, uint64_t now_ms)
{
    turn(budget, now_ms);
    uint64_t asked = budget->now.asked + budget->before.asked;
    uint64_t diverted = budget->now.diverted + budget->before.diverted + 1;
    bool within =
        budget->per_cent >= WHOLE || diverted <= RC_FAILOVER_FREE ||
        diverted <= asked / WHOLE * budget->per_cent + asked % WHOLE * budget->per_cent / WHOLE;
    budget->now.diverted += within;
    return within;
}
