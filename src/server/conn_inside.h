/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_CONN_INSIDE_H
#define RC_SERVER_CONN_INSIDE_H

/* The two halves of a connection, for each other: conn.c opens, sends and ends, conn_input.c greets
 * and receives. */

#include "server/conn.h"

/* Is the slot's command a second try whose first one was carried out: on memcached, what takes a
 * sum back? On Redis it is a script that the server did not know. */
bool rc_conn_ran_before(const struct rc_slot *slot);
/* Keep a server's words, as one printable line that lives as long as the connection. */
const char *rc_conn_quote(struct rc_conn *conn, struct rc_slice words);
/* A slot left the pipeline, with its answer or without. */
void rc_conn_slot_over(struct rc_conn *conn, struct rc_slot *slot, const struct rc_result *result);
/* The oldest unanswered write leaves the log: it was answered … */
void rc_conn_forget_key(struct rc_conn *conn);
/* … or is lost. */
void rc_conn_lose_key(struct rc_conn *conn);
/* Close it, and tell the server. */
void rc_conn_fail(struct rc_conn *conn, int status, struct rc_slice why);
/* The stream cannot be trusted any more. */
void rc_conn_distrust(struct rc_conn *conn, int status, struct rc_slice why);
/* Encode a command for `slot`; 0, or RINGCACHE_ENOMEM or _ENOTSUP with nothing changed. */
int rc_conn_push(struct rc_conn *conn, struct rc_slot *slot, const struct rc_command *command);
/* While a reply is due, silence is watched for. */
void rc_conn_watch(struct rc_conn *conn);

/* The next step of the greeting, or its end. */
void rc_conn_greet(struct rc_conn *conn);
/* rc_stream_events.reserve and .received. */
void *rc_conn_reserve(void *owner, size_t *len);
void rc_conn_received(void *owner, size_t n);

#endif
