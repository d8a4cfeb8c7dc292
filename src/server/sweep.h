/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_SWEEP_H
#define RC_SERVER_SWEEP_H

/* Deleting what the journal of a server names, before anybody reads it there. A delete leaves in
 * front of the user's requests of its lane, on the connection that will carry them:
 *
 *   DOWN         on the first connection that is greeted, for all lanes; requests are refused until
 *                nothing is pending any more and the server has carried out one of them
 *   CONNECTING   a lane's own; its requests wait until none is left
 *   UP, SUSPECT  a write expired before it left, or was refused when its caller had: in front of
 *                what is submitted behind it
 *
 * The first goes alone, since a server that refuses one will refuse all. A lane that has no
 * connection gets one for what is pending, unless its server is DOWN. */

#include "server/server.h"

/* A write of that lane was lost. */
void rc_sweep_note(struct rc_lane *lane, const struct rc_lost *lost);
/* What is there under that key is a guest that nobody is to read any more. It ends by itself, and
 * none but us knows of it: the journal's bound does not count, and no other client is told. False:
 * there is no memory to note it. */
bool rc_sweep_note_guest(struct rc_lane *lane, struct rc_slice key);
/* What is pending for a lane that has no connection gets one, though nobody asks there: it would
 * pile up, outage by outage. */
void rc_sweep_connect(struct rc_lane *lane);
/* The same after a pause: the last one came to nothing. */
void rc_sweep_connect_later(struct rc_lane *lane);
/* Send what is pending, as far as it goes. */
void rc_sweep_go(struct rc_server *server);
/* Is a server that is DOWN to take requests again, as far as the journal goes? */
bool rc_sweep_lets_in(const struct rc_server *server);
/* rc_conn_events.lost, .owing and .swept. */
void rc_sweep_lost(struct rc_conn *conn, const struct rc_lost *lost);
void rc_sweep_owing(struct rc_conn *conn);
void rc_sweep_answered(
    struct rc_conn *conn, struct rc_sweep *sweep, const struct rc_answer *answer);

#endif
