/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_RENEWAL_H
#define RC_SERVER_RENEWAL_H

/* A server that takes no writes any more has become a replica, and its name may already lead to the
 * new master. So the name is resolved again and each lane connected anew, while the old connections
 * go on serving:
 *
 *     READONLY ──► successor of each lane ── greeted ──► takes the lane; the old one drains
 *                            └─ failed ──► forgotten; the old one stays
 *
 * What the old one was sent it still answers, and while writes are among that, no request is sent
 * on the successor. For recovery.c alone.
 *
 * Where other credentials are in force, what was connected with the old ones is not to serve until
 * then: it drains at once, and requests wait for its successor (rc_server_greet_as, server.h). */

#include "server/server.h"

/* A write was refused so, in `words`. Does nothing within a second of the last time. */
void rc_renewal_begin(struct rc_server *server, const char *words);

/* The lane that a connection is to take, or NULL. */
struct rc_lane *rc_renewal_lane_of(struct rc_server *server, const struct rc_conn *conn);

/* The lane's successor was greeted. */
void rc_renewal_ready(struct rc_lane *lane);
/* … came to nothing, and is freed by the caller. */
void rc_renewal_failed(struct rc_lane *lane, const char *why);

#endif
