/* SPDX-License-Identifier: MIT */
#include "server/liveness.h"

#include "server/pipeline.h"
#include "server/request.h"

void rc_liveness_sent(struct rc_liveness *l, const struct rc_pipeline *p, uint64_t kernel,
    uint64_t now_ms, uint64_t now_us)
{
    if (p->oldest != NULL && l->kernel < p->answered + p->oldest->bytes && kernel > l->kernel) {
        l->handed_ms = now_ms;
    }
    l->kernel = kernel;
    if (l->mark == 0 && !l->stalled && p->newest != NULL && kernel >= p->encoded) {
        l->mark = p->encoded;
        l->mark_us = now_us;
    }
}

void rc_liveness_began(struct rc_liveness *l, uint64_t now_ms)
{
    l->handed_ms = now_ms;
}

void rc_liveness_stalled(struct rc_liveness *l)
{
    l->mark = 0;
    l->stalled = true;
}

void rc_liveness_received(struct rc_liveness *l, uint64_t now_ms, uint64_t now_us)
{
    l->stalled = false;
    l->received_ms = now_ms;
    l->received_us = now_us;
}

void rc_liveness_sampled(struct rc_liveness *l)
{
    uint64_t sample = l->received_us - l->mark_us;
    if (sample > UINT32_MAX / 8) {
        sample = UINT32_MAX / 8;
    }
    l->round_trip_us = l->round_trip_us == 0
                           ? (uint32_t)sample
                           : (uint32_t)((l->round_trip_us * (uint64_t)7 + sample) / 8);
    l->mark = 0;
}

uint32_t rc_liveness_patience(const struct rc_liveness *l, uint32_t timeout_ms)
{
    uint32_t patience = timeout_ms;
    uint32_t trips_ms = (uint32_t)(((uint64_t)l->round_trip_us * 4 + 999) / 1000);
    if (patience < trips_ms) {
        patience = trips_ms;
    }
    return patience < RC_SILENCE_MIN_MS ? RC_SILENCE_MIN_MS : patience;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t rc_liveness_since(const struct rc_liveness *l)
{
    return later(l->received_ms, l->handed_ms);
}
