/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_RULES_H
#define FAULTD_RULES_H

/* The commands that a connection accepted later has to know, in the order in which they came. One
 * that leaves nothing of an earlier one takes its place, so that a script may go on for ever. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"

struct rules {
    struct command **commands;
    size_t count;
};

/* False when memory runs out, or the rules become too many. */
bool rules_add(struct rules *rules, struct command *command);
/* Forget all that `heal` ends. */
void rules_heal(struct rules *rules, const struct command *heal);
void rules_clear(struct rules *rules);

#endif
