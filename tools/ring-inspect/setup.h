/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_SETUP_H
#define INSPECT_SETUP_H

/* From files and the command line's -c, -s and -o to a configuration and its ring. All of it
 * complains about what it refuses, warns of what is odd, and returns an exit status. */

#include <ringcache/config.h>
#include <ringcache/ring.h>

#include "command.h"

struct setup {
    ringcache_config *config;
    ringcache_ring *ring;
};

/* From the command line; a ring without a server is refused. */
int setup_open(struct setup *setup, const struct call *call);
/* From one file; it may be without a server. */
int setup_open_file(struct setup *setup, const char *path);
/* Also after a failed opening. */
void setup_close(struct setup *setup);

/* Say why `status` came back from a call with `config`; returns the exit status. */
int setup_complain(const ringcache_config *config, int status);
/* The server of that name, or RINGCACHE_NONE after a complaint. */
size_t setup_find(const ringcache_ring *ring, const char *name);

#endif
