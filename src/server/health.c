/* SPDX-License-Identifier: MIT */
#include "server/health.h"

#include <errno.h>

#include "ringcache/status.h"

enum { MINUTE_MS = 60000, FLAPS_MAX = 3 };

bool rc_census_doubts_us(const struct rc_census *c, uint64_t now_ms, uint32_t window_ms)
{
    bool most = c->silent >= 2 && c->silent > c->serving - c->silent;
    bool others_heard = c->heard_ms > c->fell_ms && now_ms - c->fell_ms >= window_ms;
    return most && !others_heard;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void rc_outage_begin(struct rc_outage *o, uint64_t now_ms)
{
    bool flap = o->ended_ms != 0 && now_ms - o->ended_ms < MINUTE_MS;
    o->flaps = flap ? o->flaps + 1 : 0;
    o->running = true;
    o->began_ms = now_ms;
    o->answered_ms = 0;
    o->pauses = 0;
    o->probes = 0;
    o->span_ms =
        lesser((uint32_t)RC_PROBE_FIRST_MS << lesser(o->flaps, FLAPS_MAX), RC_PROBE_MINUTE_MAX_MS);
}

void rc_outage_end(struct rc_outage *o, uint64_t now_ms)
{
    o->running = false;
    o->ended_ms = now_ms;
}

uint32_t rc_outage_next_probe(struct rc_outage *o, uint64_t now_ms, uint64_t random)
{
    uint32_t span = o->span_ms;
    uint32_t least = o->pauses > 0 ? span / 2 : 1;
    bool first_minute = now_ms - o->began_ms < MINUTE_MS;
    o->span_ms = first_minute ? lesser(span + RC_PROBE_STEP_MS, RC_PROBE_MINUTE_MAX_MS)
                              : lesser(span * 2, RC_PROBE_MAX_MS);
    o->pauses++;
    return least + (uint32_t)(random % (span - least + 1));
}

bool rc_error_is_local(int status)
{
    if (status == RINGCACHE_ENOMEM) {
        return true;
    }
    switch (-status) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT: /* this kernel has no such network */
    case EPROTONOSUPPORT:
    case ENOSPC: /* of epoll: no more watches for this user */
    case EPERM:  /* a firewall of this machine's; EACCES is a Unix socket's mode */
        return true;
    default:
        return false;
    }
}

bool rc_error_is_peers(int status)
{
    return status == 0 || status == -ECONNRESET || status == -EPIPE;
}
