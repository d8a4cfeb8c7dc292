/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_SCRIPT_H
#define FAULTD_SCRIPT_H

/* A whole script, understood before anything of it is done. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "command.h"

struct script {
    const char *name; /* for messages; borrowed */
    struct command **commands;
    size_t count;
};

/* Read `file` to its end. Complains about each line that is not understood, by `name` and place;
 * false when there was one, or reading failed. script_free is due in any case. */
bool script_read(struct script *script, FILE *file, const char *name);
void script_free(struct script *script);

#endif
