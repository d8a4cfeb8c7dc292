/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_SERVICE_H
#define RC_SERVER_SERVICE_H

/* A server's way into service and out of it: what its health's verdicts (health.h) do to its lanes,
 * its probe and its connections. For the files of a server alone. */

#include "server/server.h"

/* Pause after a failure of our own machine (descriptors, ports …), and between two connections of a
 * lane that end again and again. */
enum { RC_SERVICE_PAUSE_MS = RC_HEALTH_PAUSE_MS };

/* Why the server is in its state: `what` and `why`, joined. */
void rc_service_explain(struct rc_server *server, const char *what, const char *why);
/* Tell of a change, in the words of rc_service_explain. */
void rc_service_announce(struct rc_server *server, enum rc_server_change change, int reason);

/* Does a connection of an older generation hold writes, other than to keys in doubt? */
bool rc_server_is_obstructed(const struct rc_server *server);
/* May user requests be sent, as far as that goes? */
static inline bool rc_server_gate_open(const struct rc_server *server)
{
    return rc_list_empty(&server->old) || !rc_server_is_obstructed(server);
}

/* The lane of a connection, or NULL; of NULL, the first lane that has none. */
struct rc_lane *rc_service_lane_of(struct rc_server *server, const struct rc_conn *conn);

/* The connection is the lane's from here on. */
void rc_lane_take(struct rc_lane *lane, struct rc_conn *conn);
/* Make sure that the lane has a connection, or is going to. */
void rc_lane_connect(struct rc_lane *lane);
/* Some lane can carry requests: say so where it is news, and let all that waits flow. */
void rc_service_resume(struct rc_server *server);

/* A connection leaves its lane: what is pending on it ends with `status` and `why`, which outlives
 * the event; while it holds writes it stays open, with a fence behind the last of them. */
void rc_service_retire(struct rc_server *server, struct rc_lane *lane, int status, const char *why);

/* rc_conn_events.returned. */
void rc_service_take_back(struct rc_conn *conn, struct rc_list *requests);
/* What becomes of its health by that evidence. The verdict is still to be carried out. */
struct rc_verdict rc_service_judge(struct rc_server *server, enum rc_evidence evidence);
/* Its part that speaks of the probe. */
void rc_service_follow(struct rc_server *server, const struct rc_verdict *verdict);
/* All of it, told with `status` and `why`, but for what is done to single connections: the caller
 * does that. */
void rc_service_carry_out(
    struct rc_server *server, const struct rc_verdict *verdict, int status, const char *why);
/* Judge, and carry out. */
void rc_service_learn(
    struct rc_server *server, enum rc_evidence evidence, int status, const char *why);

void rc_service_retry_in(struct rc_server *server, uint32_t delay_ms);
void rc_service_drop_probe(struct rc_server *server);

#endif
