/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_AGENDA_H
#define FAULTD_AGENDA_H

/* The pairs, and the commands whose time is still to come. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "command.h"
#include "journal.h"
#include "pair.h"

struct appointment;

struct agenda {
    uv_timer_t timer;
    uint64_t start_ms;
    const struct journal *journal;
    struct pair **pairs;
    size_t pair_count;
    struct appointment *first; /* by time; what has the same time, as it came */
};

/* `pairs` are borrowed. */
void agenda_open(
    struct agenda *agenda, const struct journal *journal, struct pair **pairs, size_t pair_count);

/* Do a command now, or note it for its time. False: `*problem` says why it was not done. */
bool agenda_take(struct agenda *agenda, struct command *command, struct problem *problem);

/* Forget what was still to come; the loop has to run for it. */
void agenda_close(struct agenda *agenda);

#endif
