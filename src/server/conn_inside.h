/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_CONN_INSIDE_H
#define RC_SERVER_CONN_INSIDE_H

/* The parts of a connection, for each other: conn.c opens and closes it, conn_output.c encodes and
 * sends, conn_input.c greets and receives, conn_end.c ends its requests. */

#include "server/conn.h"

/* Is the slot's command a second try whose first one was carried out: on memcached, what takes a
 * sum back? On Redis it is a script that the server did not know. */
bool rc_conn_ran_before(const struct rc_slot *slot);
/* Keep a server's words, as one printable line that lives as long as the connection. */
const char *rc_conn_quote(struct rc_conn *conn, struct rc_slice words);
/* A slot left the pipeline, with its answer or without. */
void rc_conn_slot_over(struct rc_conn *conn, struct rc_slot *slot, const struct rc_result *result);
/* What is to be sent, or the keys of what was, grew or shrank: the budget follows. */
void rc_conn_charge(struct rc_conn *conn);
/* Forget all logged keys but those in front of the offset `from`. */
void rc_conn_unlog_keys(struct rc_conn *conn, size_t from);
/* The oldest unanswered write is lost, and leaves the log. */
void rc_conn_lose_key(struct rc_conn *conn);
/* All its requests end, but for those that go to `again`: what never left, and with `rereads` the
 * reads to which no reply had begun. True if writes had left. */
bool rc_conn_end(struct rc_conn *conn, int status, bool rereads, struct rc_list *again);
/* All of them end. */
void rc_conn_end_all(struct rc_conn *conn, int status, const char *message);
/* Close it, and tell the server. */
void rc_conn_fail(struct rc_conn *conn, int status, struct rc_slice why);
/* The stream cannot be trusted any more. */
void rc_conn_distrust(struct rc_conn *conn, int status, struct rc_slice why);
/* While a reply is due, silence is watched for. */
void rc_conn_watch(struct rc_conn *conn);

/* Encode a command for `slot`; 0, or RINGCACHE_ENOMEM or _ENOTSUP with nothing changed. */
int rc_conn_push(struct rc_conn *conn, struct rc_slot *slot, const struct rc_command *command);
/* The batch that is open, if any, takes no more keys, and is as it is to be sent. */
void rc_conn_close_batch(struct rc_conn *conn);
/* What its commands' bytes depend on. */
struct rc_manner rc_conn_manner(const struct rc_conn *conn);
/* The kernel took so many bytes, or nobody ever will. */
void rc_conn_took(struct rc_conn *conn, size_t n);
/* Drop all output but the first `keep` bytes; or all, with its memory. */
void rc_conn_cut_output(struct rc_conn *conn, size_t keep);
void rc_conn_drop_output(struct rc_conn *conn);
/* Let the kernel have what it takes. */
void rc_conn_flush(struct rc_conn *conn);
/* What is held back goes at the end of this turn. */
void rc_conn_let_go(struct rc_conn *conn);

/* The next step of the greeting, or its end. */
void rc_conn_greet(struct rc_conn *conn);
/* rc_stream_events.reserve and .received. */
void *rc_conn_reserve(void *owner, size_t *len);
void rc_conn_received(void *owner, size_t n);

#endif
