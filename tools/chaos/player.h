/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_PLAYER_H
#define CHAOS_PLAYER_H

/* A process that has a client: does what its director orders, and keeps its book. Nothing else runs
 * on its loop, so that what holds the loop up is the library's. */

/* The whole process: arguments are its number, the policy, the descriptors of the director and of
 * the shared memory, and the servers' URIs up to a NULL. Returns its exit status. */
int player_play(char **arguments);

#endif
