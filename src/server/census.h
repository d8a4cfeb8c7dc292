/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_CENSUS_H
#define RC_SERVER_CENSUS_H

/* What all servers of one client together say of the silence of one: pure rules over counts. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The servers in the ring, at one moment. */
struct rc_census {
    size_t count;
    size_t ejected; /* out of service by soft evidence */
    size_t serving;
    size_t silent;     /* of those that serve, the ones that are suspected */
    uint64_t fell_ms;  /* since when the last of these is silent */
    uint64_t heard_ms; /* when one of the others was last heard; 0: none was */
};

/* Is it more likely we, or our network, than they? More than half of those that serve, and at least
 * two, are silent, and the others have not shown for a whole window that they are heard. */
bool rc_census_doubts_us(const struct rc_census *c, uint64_t now_ms, uint32_t window_ms);

/* The cap: soft evidence may take out at most half of the servers, and always one. */
bool rc_census_allows_another(const struct rc_census *c);

#endif
