/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_STALL_H
#define CHAOS_STALL_H

/* How long a loop is held up: the longest turn, less what it waited in its poll. A turn in which
 * the system gave the processor to somebody else counts the processor time that it had. */

#include <stdint.h>
#include <uv.h>

#include "book.h"

struct stall {
    uv_prepare_t prepare;
    _Atomic uint64_t *longest_ns;
    uint64_t wall_ns, idle_ns, cpu_ns;
    long preempted;
};

/* Keep `*longest_ns` up to date, before anything else is begun on the loop. */
int stall_watch(struct stall *stall, uv_loop_t *loop, _Atomic uint64_t *longest_ns);
void stall_close(struct stall *stall);

#endif
