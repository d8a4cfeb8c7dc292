/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_ARGUMENTS_H
#define FAULTD_ARGUMENTS_H

/* The command line. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "endpoint.h"

enum { EXIT_DONE = 0, EXIT_TROUBLE = 1, EXIT_USAGE = 2 };

struct pair_argument {
    char name[NAME_SIZE];
    struct endpoint listen, server;
};

struct arguments {
    bool help, version, json;
    uint64_t seed;
    const char *script;  /* a path, "-", or NULL */
    const char *control; /* as it was written, or NULL */
    struct endpoint control_place;
    struct pair_argument *pairs;
    size_t pair_count;
};

/* Returns EXIT_DONE, or another status after complaining; arguments_free is due in any case. */
int arguments_read(int argc, char **argv, struct arguments *arguments);
void arguments_free(struct arguments *arguments);

#endif
