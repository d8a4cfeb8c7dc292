/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_LIVENESS_H
#define RC_SERVER_LIVENESS_H

/* When is a connection silent? Pure rules. */

#include <stdbool.h>
#include <stdint.h>

struct rc_pipeline;

enum { RC_SILENCE_MIN_MS = 50 }; /* no server is called silent for less */

/* What is known of one connection's liveness. Silence is measured from the later of the last byte
 * received and the moment the oldest unanswered request was wholly handed to the kernel; while that
 * one is still being written, the progress of its own write counts. */
struct rc_liveness {
    uint64_t kernel; /* offset in the output stream up to which the kernel has it */
    uint64_t received_ms, received_us;
    uint64_t handed_ms; /* last progress of the oldest slot's own bytes, or when it became oldest */
    uint64_t mark;      /* stream offset whose answer ends the running round-trip sample; 0: none */
    uint64_t mark_us;
    bool stalled; /* called silent, and no byte came since: what it takes now is no round trip */
    uint32_t round_trip_us; /* smoothed, RFC 6298's weights; 0 until measured */
};

/* The kernel has the output stream up to offset `kernel` now. `now_us` is the same reading of the
 * clock, to measure by. */
void rc_liveness_sent(struct rc_liveness *l, const struct rc_pipeline *p, uint64_t kernel,
    uint64_t now_ms, uint64_t now_us);
/* A first slot was pushed onto an empty pipeline. */
void rc_liveness_began(struct rc_liveness *l, uint64_t now_ms);
/* It was called silent: the running sample measures the stall, and none begins before bytes
 * come. */
void rc_liveness_stalled(struct rc_liveness *l);
/* Bytes came. */
void rc_liveness_received(struct rc_liveness *l, uint64_t now_ms, uint64_t now_us);
/* The sample is over. */
void rc_liveness_sampled(struct rc_liveness *l);
/* A reply was matched in what was received last; `answered` is the pipeline's offset behind it. */
static inline void rc_liveness_answered(struct rc_liveness *l, uint64_t answered)
{
    if (l->mark != 0 && answered >= l->mark) {
        rc_liveness_sampled(l);
    }
}
/* How long the silence may last: never less than 50 ms or four round trips. */
uint32_t rc_liveness_patience(const struct rc_liveness *l, uint32_t timeout_ms);
/* Since when the connection is silent. That our own loop was late changes nothing: what had arrived
 * was read before anybody asks. */
uint64_t rc_liveness_since(const struct rc_liveness *l);

/* How long a suspected server has to answer a probe, and others to show that we hear them. */
static inline uint32_t rc_silence_window_ms(uint32_t timeout_ms)
{
    return timeout_ms > RC_SILENCE_MIN_MS ? timeout_ms : RC_SILENCE_MIN_MS;
}

#endif
