/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_READMISSION_H
#define RC_SERVER_READMISSION_H

/* What has to hold of a server, beyond the deletes of its journal, before requests go to it.
 *
 * One that was out and proves empty has nothing old: its journal needs no replay. One whose journal
 * missed writes may hold old values under any key, and something else has to tell old from new:
 *
 *   memcached   gives each store a CAS id, greater than all before it. An item of our own, stored
 *               now, divides old from new by its id (divide.h)
 *   others      (Redis, memcached -C) have no such mark: HELD out of service, in clear words, until
 *               somebody says how it comes back: as it is, or flushed
 *
 * The same goes for one that was out of the ring: what it holds is from before others had its keys.
 * One without a mark serves it, unless it is configured to be flushed.
 *
 * The questions are asked on the connections that will carry the requests, each in its turn as the
 * one command of our own. */

#include "server/server.h"

/* On its way back, a server is DOWN and a connection stands: ask what is to be asked first. Is
 * nothing left but the deletes? */
bool rc_readmission_lets_in(struct rc_server *server);
/* In service, or on the last step to it: ask for what a connection lacks, or hold the server. */
void rc_readmission_go(struct rc_server *server);
/* May it hold what is out of date, under any key? */
bool rc_readmission_has_old(const struct rc_server *server);
/* May requests go there, as far as this goes? */
static inline bool rc_readmission_is_done(
    const struct rc_server *server, const struct rc_conn *conn)
{
    bool never = server->journal.missed == 0 && server->returns == 0;
    return conn->divide == server->divide && (never || !rc_readmission_has_old(server));
}
/* A question of this module's was answered. */
void rc_readmission_answered(struct rc_conn *conn, const struct rc_answer *answer);
/* It is in service: what was allowed was for once. */
void rc_readmission_ended(struct rc_server *server);

/* Is it the key of what is stored to divide old from new, and nobody's else? */
bool rc_readmission_owns(struct rc_slice key);

/* Will a flush make good all that was missed, so that no delete need be sent? */
bool rc_readmission_flushes(const struct rc_server *server);

#endif
