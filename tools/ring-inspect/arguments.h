/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_ARGUMENTS_H
#define INSPECT_ARGUMENTS_H

/* The command line. Nothing of it is repeated in a message where it might hold a password. */

#include "command.h"

/* Read the command line into `call`: options stand before or behind the command's name, in any
 * order; `--` ends them. `commands` ends with a row without a name. Returns EXIT_DONE, or another
 * exit status after complaining; arguments_free is due in any case. */
int arguments_read(int argc, char **argv, const struct command *commands, struct call *call);
void arguments_free(struct call *call);

#endif
