/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_FAULTS_H
#define CHAOS_FAULTS_H

/* What befalls server 0, or all of them, and how it ends. */

#include "site.h"

enum fault_traits {
    OWN_NETWORK = 1, /* only in a network of our own */
    KEEPS = 2,       /* the server restarts with what it had */
    EVERYWHERE = 4,  /* it befalls all servers */
    STAYS_IN = 8,    /* the server need not be taken for gone */
    SOFT = 16,       /* it shows by silence alone */
    QUICK = 32,      /* one of those that the tests look at */
};

struct fault_case {
    const char *name;
    unsigned traits;
    bool (*strike)(struct site *site);
    bool (*heal)(struct site *site);
};

/* Case `index`, or NULL past the end. */
const struct fault_case *fault_case_at(unsigned index);

#endif
