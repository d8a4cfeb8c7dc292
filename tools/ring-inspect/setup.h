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
    ringcache_ring *ring;   /* of the servers that own keys */
    ringcache_ring *spares; /* of the others */
};

/* From the command line; a ring of keys without a server is refused. */
int setup_open(struct setup *setup, const struct call *call);
/* From one file; it may be without a server. */
int setup_open_file(struct setup *setup, const char *path);
/* Also after a failed opening. */
void setup_close(struct setup *setup);

/* Say why `status` came back from a call with `config`; returns the exit status. */
int setup_complain(const ringcache_config *config, int status);
/* The servers, those that own keys first, spares behind them: NULL past the end. */
size_t setup_server_count(const struct setup *setup);
const char *setup_server_name(const struct setup *setup, size_t index);
bool setup_is_spare(const struct setup *setup, size_t index);
/* The server of that name among all, or RINGCACHE_NONE after a complaint. */
size_t setup_find(const struct setup *setup, const char *name);

#endif
