/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_STORM_SHRINK_H
#define CLIENT_STORM_SHRINK_H

/* Which moves of a storm that fails are needed for it to fail. Knows nothing of storms: `out` says
 * of each of `count` moves whether it is left out. */

#include <stdbool.h>
#include <stddef.h>

/* Leave out all that can be left out while `fails` says that it still does: at the end each single
 * move that is left is needed. */
void storm_shrink(
    bool *out, size_t count, bool (*fails)(void *owner, const bool *out), void *owner);

/* "3,17-19": only those are made. False: that is no such list. */
bool storm_moves_parse(const char *text, bool *out, size_t count);
/* The same the other way; cut off at `size`. */
void storm_moves_write(const bool *out, size_t count, char *text, size_t size);

#endif
