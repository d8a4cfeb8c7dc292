/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_RECOVERY_H
#define RC_SERVER_RECOVERY_H

/* The part of a server that judges: what its connections' news mean, when it is out of service, and
 * what has to be proven before user requests resume. Used by server.c alone. */

#include "server/server.h"

void rc_recovery_init(struct rc_server *server);

#endif
