/* SPDX-License-Identifier: MIT */
#ifndef OPEN_H
#define OPEN_H

/* What these programs have in common: a client for the servers named on the command line. */

#include <ringcache/ringcache.h>

/* `loop` as in ringcache_client_new. Without success it says why and exits. */
ringcache_client *open_client(int argc, char **argv, uv_loop_t *loop);

#endif
