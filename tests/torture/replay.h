/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_REPLAY_H
#define TORTURE_REPLAY_H

/* One case among thousands: named while it runs, so that however it ends badly, the command that
 * runs it alone is told. */

#include <stdbool.h>

/* `program`: as in "meson test", for the command. */
void replay_init(const char *program);
/* The case that runs from here on. */
__attribute__((format(printf, 1, 2))) void replay_begin(const char *format, ...);
/* It ended well. */
void replay_end(void);
/* A teardown of cmocka's: tells the case that did not. */
int replay_tell(void **state);
/* Was one told? What follows in the same program would only stumble over its remains. */
bool replay_failed(void);
/* The one case that was asked for by TORTURE_CASE, or NULL. */
const char *replay_wanted(void);
/* Is that the next case, or was none asked for? */
__attribute__((format(printf, 1, 2))) bool replay_runs(const char *format, ...);
/* Did it come by? */
bool replay_found(void);

#endif
