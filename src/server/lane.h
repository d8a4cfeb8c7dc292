/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_LANE_H
#define RC_SERVER_LANE_H

/* One of a server's connections and the requests that wait for it. */

#include "server/readmission.h"
#include "server/service.h"

/* Unsent output up to which waiting requests are encoded. */
enum { RC_LANE_FLOW_BYTES = 256 * 1024 };

/* Requests that it has, those of the library's own included. */
static inline uint32_t rc_lane_load(const struct rc_lane *lane)
{
    return lane->waiting_count + (lane->conn != NULL ? lane->conn->pipeline.count : 0);
}

/* May the lane's connection, which is READY, carry requests? */
static inline bool rc_lane_is_clean(const struct rc_lane *lane)
{
    return lane->conn->clean && rc_readmission_is_done(lane->server, lane->conn) &&
           rc_journal_pending(&lane->server->journal, lane->number) == NULL;
}

static inline bool rc_lane_ready(const struct rc_lane *lane)
{
    return lane->conn != NULL && lane->conn->state == RC_CONN_READY &&
           rc_server_gate_open(lane->server) && rc_lane_is_clean(lane);
}

/* Is the command's key needed when its reply comes? */
static inline bool rc_lane_keeps_key(const struct rc_lane *lane, const struct rc_command *command)
{
    return lane->conn->codec->keeps_key(command) || rc_conn_dates(lane->conn, command);
}

/* Is the item certainly larger than the server takes? memcached would delete the one that is there.
 * An item has a header too, so that some that pass are refused by the server. */
static inline bool rc_lane_is_too_big(const struct rc_lane *lane, const struct rc_command *command)
{
    uint64_t max = lane->conn != NULL ? lane->conn->greeting.item_max_bytes : 0;
    uint64_t key = command->prefix.len + command->key.len, value = command->value.len;
    return max > 0 && value > 0 && (value > max || key > max - value);
}

/* A write of its was not carried out, or nobody knows: it is made good. */
void rc_lane_lose(struct rc_lane *lane, const struct rc_command *command);
/* What waits in front of `last` has still to leave, behind the delete. It is looked through once
 * for many. */
void rc_lane_outrun(struct rc_lane *lane, const struct rc_command *last);

/* Encode what waits. */
void rc_lane_flow(struct rc_lane *lane);
/* All that waits ends. */
void rc_lane_fail_waiting(struct rc_lane *lane, int status, const char *message);

#endif
