/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_SETTINGS_H
#define FUZZ_SETTINGS_H

/* A configuration as text, so that two can be compared, and what holds of every one. */

#include "fuzz.h"
#include "ringcache/config.h"

/* To be freed. */
char *fuzz_settings(const ringcache_config *config);

/* A text that is shown to a person: one line, nothing that is not printable. */
void fuzz_check_line(const char *text);

/* All that may be done with a configuration, whatever it holds: copy and check. Copying it is tried
 * first with allocation number `starve` failing; 0: none does. */
void fuzz_use(ringcache_config *config, uint64_t starve);

#endif
