/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_HEALTH_H
#define RC_SERVER_HEALTH_H

/* When are we to be suspected rather than the servers, and when is one that is down asked again?
 * Pure rules. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RC_PROBE_FIRST_MS = 150,       /* the span of the first pause before a probe */
    RC_PROBE_STEP_MS = 3,          /* … what each adds to the next within the first minute */
    RC_PROBE_MINUTE_MAX_MS = 1000, /* … at most, within it */
    RC_PROBE_MAX_MS = 10000,       /* … at most, after it */
};

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
