/* SPDX-License-Identifier: MIT */
#include "server/census.h"

bool rc_census_doubts_us(const struct rc_census *c, uint64_t now_ms, uint32_t window_ms)
{
    bool most = c->silent >= 2 && c->silent > c->serving - c->silent;
    bool others_heard = c->heard_ms > c->fell_ms && now_ms - c->fell_ms >= window_ms;
    return most && !others_heard;
}

bool rc_census_allows_another(const struct rc_census *c)
{
    size_t allowed = c->count / 2 > 1 ? c->count / 2 : 1;
    return c->ejected < allowed;
}
