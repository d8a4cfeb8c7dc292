/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_DIVIDE_H
#define RC_SERVER_DIVIDE_H

/* Old items of a memcached whose journal missed writes, each told by its CAS id, which is below the
 * divide. They are not all deleted, since nobody knows their keys: each goes when it is met.
 *
 *   reads                    ask for the id; an old item is a miss, and deleted under its id
 *   CAS, and the fill of a   under an old token are sent with the divide's own, which no item has
 *   lease
 *   what makes a new value   APPEND, PREPEND, INCREMENT and DECREMENT, would make it look new. The
 *   out of the old one       item is looked at first, and what its lane has behind it waits: what
 *                            is not old stays so, whoever writes; what is goes first
 *   all others               replace the item, or leave its value and its id as they are */

#include "server/server.h"

/* Has the item to be looked at before such a command may leave its lane, which is ready? */
bool rc_divide_guards(const struct rc_lane *lane, const struct rc_command *command);
/* Look at it, once. 0 or RINGCACHE_ENOMEM. */
int rc_divide_look(struct rc_lane *lane, const struct rc_command *command);

/* The answer to a look; NULL: it was lost with its connection. */
void rc_divide_looked(struct rc_conn *conn, struct rc_sweep *look, const struct rc_answer *answer);
/* rc_conn_events.outdated. */
void rc_divide_outdated(struct rc_conn *conn, const struct rc_lost *seen);

#endif
