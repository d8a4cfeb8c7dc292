/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_HEALTH_H
#define RC_SERVER_HEALTH_H

/* When is a connection silent, and when is a server that is down asked again? Pure rules. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rc_pipeline;

enum {
    RC_SILENCE_MIN_MS = 50,        /* no server is called silent for less */
    RC_PROBE_FIRST_MS = 150,       /* the span of the first pause before a probe */
    RC_PROBE_STEP_MS = 3,          /* … what each adds to the next within the first minute */
    RC_PROBE_MINUTE_MAX_MS = 1000, /* … at most, within it */
    RC_PROBE_MAX_MS = 10000,       /* … at most, after it */
};

/* What is known of one connection's liveness. Silence is measured from the later of the last byte
 * received and the moment the oldest unanswered request was wholly handed to the kernel; while that
 * one is still being written, the progress of its own write counts. */
struct rc_liveness {
    uint64_t kernel; /* offset in the output stream up to which the kernel has it */
    uint64_t received_ms;
    uint64_t handed_ms; /* last progress of the oldest slot's own bytes, or when it became oldest */
    uint64_t mark;      /* stream offset whose answer ends the running round-trip sample; 0: none */
    uint64_t mark_ms;
    bool stalled; /* called silent, and no byte came since: what it takes now is no round trip */
    uint32_t round_trip_ms; /* smoothed, RFC 6298's weights; 0 until measured */
};

/* The kernel has the output stream up to offset `kernel` now. */
void rc_liveness_sent(
    struct rc_liveness *l, const struct rc_pipeline *p, uint64_t kernel, uint64_t now_ms);
/* A first slot was pushed onto an empty pipeline. */
void rc_liveness_began(struct rc_liveness *l, uint64_t now_ms);
/* It was called silent: the running sample measures the stall, and none begins before bytes
 * come. */
void rc_liveness_stalled(struct rc_liveness *l);
/* Bytes came. */
void rc_liveness_received(struct rc_liveness *l, uint64_t now_ms);
/* A reply was matched; `answered` is the pipeline's offset behind it. */
void rc_liveness_answered(struct rc_liveness *l, uint64_t answered, uint64_t now_ms);
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

/* All servers of a client that are in service, at one moment. */
struct rc_census {
    size_t serving;
    size_t silent;     /* of them, those that are suspected */
    uint64_t fell_ms;  /* since when the last of these is silent */
    uint64_t heard_ms; /* when one of the others was last heard; 0: none was */
};

/* Is it more likely we, or our network, than they? More than half of them, and at least two, are
 * silent, and the others have not shown for a whole window that they are heard. */
bool rc_census_doubts_us(const struct rc_census *c, uint64_t now_ms, uint32_t window_ms);

/* An outage, and how it is probed. */
struct rc_outage {
    uint64_t began_ms;
    uint64_t ended_ms;    /* of the one before */
    uint64_t answered_ms; /* the first answered probe that did not end it; 0: there was none */
    uint32_t pauses;      /* that were planned */
    uint32_t probes;      /* that were made, the owner's to count: a pause may be planned anew */
    uint32_t span_ms;     /* of the pause before the next */
    uint32_t flaps;       /* outages that began within a minute of the end of the one before */
    bool running;         /* from the first evidence until requests are answered again */
};

void rc_outage_begin(struct rc_outage *o, uint64_t now_ms);
void rc_outage_end(struct rc_outage *o, uint64_t now_ms);
/* How long to wait before the next probe, drawn by chance: the first time up to the whole of a
 * span, so that those who lost a server together come apart; from then on between half of it and
 * all. The span hardly grows within the first minute, since pauses that double would put most
 * attempts of a short outage at its beginning; then it doubles. It starts higher with each flap. */
uint32_t rc_outage_next_probe(struct rc_outage *o, uint64_t now_ms, uint64_t random);

/* Is a negative status our own machine's trouble rather than a server's: descriptors, ports,
 * buffers, memory, no route? */
bool rc_error_is_local(int status);

/* Does a negative errno prove that the peer ended the connection? A time-out or an unreachable host
 * is our own kernel's opinion and proves nothing. */
bool rc_error_is_peers(int status);

#endif
