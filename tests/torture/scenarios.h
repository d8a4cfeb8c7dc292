/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_SCENARIOS_H
#define TORTURE_SCENARIOS_H

#include "life.h"

/* Lives of a client in the simulated world; the last has no name. */
extern const struct scenario life_scenarios[];
/* What needs no client: configurations, files, rings. */
extern const struct scenario offline_scenarios[];

#endif
