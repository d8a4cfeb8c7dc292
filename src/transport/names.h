/* SPDX-License-Identifier: MIT */
#ifndef RC_TRANSPORT_NAMES_H
#define RC_TRANSPORT_NAMES_H

/* The system's names: what every other program of the machine finds under them (nsswitch.conf,
 * hosts, search domains and what else is configured). */

#include "transport/resolver.h"

/* The one resolver of the process, for all clients on all loops. */
struct rc_resolver *rc_names(void);

#endif
