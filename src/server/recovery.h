/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_RECOVERY_H
#define RC_SERVER_RECOVERY_H

/* The part of a server that judges: what its connections' news mean, when it is out of service, and
 * what has to be proven before user requests resume. Used by server.c alone. */

#include "server/server.h"

void rc_recovery_init(struct rc_server *server);

/* May user requests be sent: is no connection of an older generation left that holds writes? */
bool rc_server_gate_open(const struct rc_server *server);

bool rc_lane_ready(const struct rc_lane *lane);
void rc_lane_flow(struct rc_lane *lane);
void rc_lane_fail_waiting(struct rc_lane *lane, int status, const char *message);

/* Make sure that the lane has a connection, or is going to. */
void rc_lane_connect(struct rc_lane *lane);

#endif
