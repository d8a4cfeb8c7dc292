/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_SCENES_H
#define CHAOS_SCENES_H

/* What is played and counted: every fault under traffic; a server that misses writes, twice over;
 * two processes of which one misses what the other sees. */

#include "report.h"
#include "site.h"

struct stage {
    struct report report;
    unsigned runs;
    bool quick; /* what the tests look at: some rows, a run of each, and no word on time */
    bool own_network;
    const char *folder;
};

/* Each plays its rows under a policy. False: something did not go as it was set up. */
bool scene_faults(struct stage *stage, const char *policy);
bool scene_missed_writes(struct stage *stage, const char *policy);
bool scene_two_processes(struct stage *stage, const char *policy);

#endif
