/* SPDX-License-Identifier: MIT */
#ifndef RC_TRANSPORT_HANDSHAKES_H
#define RC_TRANSPORT_HANDSHAKES_H

/* How many connections of this process are in the making, whatever clients, loops and threads they
 * belong to. Safe on any thread; a process that forks begins anew in the copy. */

#include <stdbool.h>

/* One more, unless RC_HANDSHAKES_MAX are under way; `beyond`: even then. */
bool rc_handshakes_begin(bool beyond);
/* One less. */
void rc_handshakes_end(void);

#endif
