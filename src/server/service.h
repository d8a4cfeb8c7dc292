/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_SERVICE_H
#define RC_SERVER_SERVICE_H

/* A server's way into service and out of it: what is done to its lanes, its probe and its
 * connections. When, recovery.c judges. For the files of a server alone. */

#include "server/server.h"

/* Pause after a failure of our own machine (descriptors, ports …), and between two connections of a
 * lane that end again and again. */
enum { RC_SERVICE_PAUSE_MS = 100 };

/* Why the server is in its state: `what` and `why`, joined. */
void rc_service_explain(struct rc_server *server, const char *what, const char *why);
/* Tell of a change, in the words of rc_service_explain. */
void rc_service_announce(struct rc_server *server, enum rc_server_change change, int reason);

/* May user requests be sent: is no connection of an older generation left that holds writes? */
bool rc_server_gate_open(const struct rc_server *server);

/* The lane of a connection, or NULL; of NULL, the first lane that has none. */
struct rc_lane *rc_service_lane_of(struct rc_server *server, const struct rc_conn *conn);
/* Is a lane's connection still in the making? */
bool rc_service_any_in_the_making(const struct rc_server *server);
/* Is there a connection that answers? */
bool rc_service_any_healthy(const struct rc_server *server);
bool rc_service_any_suspect(const struct rc_server *server);

/* The connection is the lane's from here on. */
void rc_lane_take(struct rc_lane *lane, struct rc_conn *conn);
/* Make sure that the lane has a connection, or is going to. */
void rc_lane_connect(struct rc_lane *lane);
/* Some lane can carry requests: say so where it is news, and let all that waits flow. */
void rc_service_resume(struct rc_server *server);

/* A connection leaves its lane: what is pending on it ends with `status` and `why`, which outlives
 * the event; while it holds writes it stays open, with a fence behind the last of them. */
void rc_service_retire(struct rc_server *server, struct rc_lane *lane, int status, const char *why);
/* What says that a server is out of service. */
enum rc_evidence {
    RC_EVIDENCE_SILENCE, /* soft: it may be our own network */
    RC_EVIDENCE_FAILURE, /* of a connection, or of its greeting */
    RC_EVIDENCE_WORD,    /* the server's own: it is there, and serves nobody for now */
};

/* Out of service: what waits ends and a probe is planned. The connections go; by the server's word,
 * those that were greeted stay, and what is under way ends as it is answered. */
void rc_service_end(
    struct rc_server *server, enum rc_evidence evidence, int status, const char *why);
/* It is out of service, and a probe said why it still is. */
void rc_service_stay_out(struct rc_server *server, int status, const char *why);
/* While it is out of service a probe is always planned or under way: see to that. */
void rc_service_keep_probing(struct rc_server *server);

void rc_service_retry_in(struct rc_server *server, uint32_t delay_ms);
/* The next probe, by the rules of the outage. */
void rc_service_plan_probe(struct rc_server *server);
/* Probe it now: a greeted connection that stayed is asked, or a new one is opened for it. */
void rc_service_probe(struct rc_server *server);
void rc_service_drop_probe(struct rc_server *server);

/* Of server.c: */

bool rc_lane_ready(const struct rc_lane *lane);
void rc_lane_flow(struct rc_lane *lane);
void rc_lane_fail_waiting(struct rc_lane *lane, int status, const char *message);

#endif
