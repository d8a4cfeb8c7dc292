/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_RECOVERY_H
#define RC_SERVER_RECOVERY_H

/* What a server's connections report: which evidence of its health that is, and what becomes of the
 * single connection. health.h judges; service.c carries out what concerns the whole server. Used by
 * server.c alone. */

#include "server/server.h"

void rc_recovery_init(struct rc_server *server);

#endif
