/* SPDX-License-Identifier: MIT */
/* The rate is kept by a bucket of credit, which fills with time up to a burst. */
#include "pace.h"

enum { BURST_MS = 20, BYTE = 1000 };

static uint64_t burst(const struct pace *pace)
{
    uint64_t credit = pace->bytes_per_s * BURST_MS;
    return credit > BYTE ? credit : BYTE;
}

void pace_limit(struct pace *pace, uint64_t bytes_per_s, uint64_t now_ms)
{
    pace->bytes_per_s = bytes_per_s;
    pace->credit = 0;
    pace->credit_ms = now_ms;
}

void pace_slice(struct pace *pace, uint64_t bytes, uint64_t gap_ms)
{
    pace->slice_bytes = bytes;
    pace->gap_ms = gap_ms;
    pace->gap_end_ms = 0;
}

/* No more than a second counts, so that products stay far from their bounds. */
static void earn(struct pace *pace, uint64_t now_ms)
{
    uint64_t elapsed_ms = now_ms - pace->credit_ms;
    pace->credit += (elapsed_ms < 1000 ? elapsed_ms : 1000) * pace->bytes_per_s;
    if (pace->credit > burst(pace))
        pace->credit = burst(pace);
    pace->credit_ms = now_ms;
}

size_t pace_allows(struct pace *pace, size_t len, uint64_t now_ms, uint64_t *again_ms)
{
    if (now_ms < pace->gap_end_ms) {
        *again_ms = pace->gap_end_ms;
        return 0;
    }
    if (pace->slice_bytes != 0 && len > pace->slice_bytes)
        len = (size_t)pace->slice_bytes;
    if (pace->bytes_per_s == 0)
        return len;
    earn(pace, now_ms);
    if (pace->credit < BYTE) {
        uint64_t missing = BYTE - pace->credit;
        *again_ms = now_ms + (missing + pace->bytes_per_s - 1) / pace->bytes_per_s;
        return 0;
    }
    return len < pace->credit / BYTE ? len : (size_t)(pace->credit / BYTE);
}

void pace_spend(struct pace *pace, size_t len, uint64_t now_ms)
{
    if (pace->slice_bytes != 0)
        pace->gap_end_ms = now_ms + pace->gap_ms;
    /* A limit that came meanwhile has not given credit for them. */
    const uint64_t spent = (uint64_t)len * BYTE;
    pace->credit = pace->credit > spent ? pace->credit - spent : 0;
}
