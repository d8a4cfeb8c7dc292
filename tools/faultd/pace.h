/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_PACE_H
#define FAULTD_PACE_H

/* How fast bytes leave: so many in a second, and in slices with a gap behind each. Pure state, time
 * is an argument. What is zero does not limit. */

#include <stddef.h>
#include <stdint.h>

struct pace {
    uint64_t bytes_per_s;
    uint64_t slice_bytes, gap_ms;
    uint64_t credit;    /* thousandths of a byte that may leave */
    uint64_t credit_ms; /* when it was counted */
    uint64_t gap_end_ms;
};

void pace_limit(struct pace *pace, uint64_t bytes_per_s, uint64_t now_ms);
void pace_slice(struct pace *pace, uint64_t bytes, uint64_t gap_ms);

/* How many of `len` bytes may leave now; where it is none, `*again_ms` is when to ask again. */
size_t pace_allows(struct pace *pace, size_t len, uint64_t now_ms, uint64_t *again_ms);
/* So many have left. */
void pace_spend(struct pace *pace, size_t len, uint64_t now_ms);

#endif
