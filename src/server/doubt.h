/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_DOUBT_H
#define RC_SERVER_DOUBT_H

/* A connection that was given up may still be carried out for a while, and undo what was written
 * since on another. Once the server has been waited for, requests go on all the same; the keys of
 * that connection's unanswered writes are in doubt until its end is known, or a minute has passed:
 *
 *     given up ──► keeps requests out ── fence_limit_ms ──► keys IN DOUBT ──┬─ ended, killed ─┐
 *                        │                                                  └─ a minute ──────┤
 *                        └─ ended, killed, a minute ──► gone                                  ▼
 *                                                                   keys to the journal, gone
 *
 * The other clients of the process (shared.h) do not wait for it: to them its keys are in doubt
 * from the moment it is replaced until it is gone, and all of them are deleted then, since what
 * another one wrote meanwhile may have been undone.
 *
 * What is there under such a key may change back at any time, so nobody is told of it: the key
 * reads as absent. What replaces the whole value is sent, what builds on the value is refused. As
 * the doubt ends, the journal deletes the keys in front of whatever is asked behind that: a value
 * that was stored meanwhile is lost, an older one is never read. */

#include "server/server.h"

/* A connection is in `old` from here on: the other clients of the process are told its keys. */
void rc_doubt_tell(struct rc_server *server, struct rc_conn *conn);

/* The keys of a connection in `old` that was given up are in doubt from here on, and it keeps no
 * request out. False, with nothing changed: the keys are not all known, there is no memory for
 * them, too many are in doubt already, or there is no journal that would delete them. */
bool rc_doubt_begin(struct rc_server *server, struct rc_conn *conn);

/* Nothing of it will be carried out any more: its keys go to the journal, if they are in doubt, and
 * those who were told of them hear of that first and of the end of the doubt then.
 * What that misses is made good by what makes good an overflow, which begins later than all that
 * was carried out. */
void rc_doubt_end(struct rc_server *server, struct rc_conn *conn);

/* Are there keys in doubt, by what this client knows itself? */
bool rc_doubt_any(const struct rc_server *server);
/* … or by what another one says? */
bool rc_doubt_any_at_all(const struct rc_server *server);

/* May there be any at all? If not, no command need be looked at. */
static inline bool rc_doubt_is_possible(const struct rc_server *server)
{
    return server->env->shares || !rc_list_empty(&server->old);
}

/* How a command is to be answered without its server, for its key is in doubt: RINGCACHE_MISS or
 * RINGCACHE_EDOWN. RINGCACHE_OK: it is to be sent. */
int rc_doubt_answer(const struct rc_server *server, const struct rc_command *command);

#endif
