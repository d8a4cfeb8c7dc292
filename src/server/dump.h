/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_DUMP_H
#define RC_SERVER_DUMP_H

/* All keys of a memcached, on a connection of their own: for seconds the server writes to it from
 * another thread, and answers nothing else there.
 *
 *     dialled ──► greeted ──► asked ──┬──► lines, and lines … ──► the end
 *                               ▲     │ busy
 *                               └─────┘ after a pause, until the deadline
 *
 * Of the server's state it only reads whether it is down: that a dump fails says nothing of the
 * connections that carry requests. What came is to be taken before the end of the event in which it
 * came: nothing is kept. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/wheel.h"

struct rc_conn;
struct rc_server;

struct rc_dump {
    struct rc_server *server;
    struct rc_conn *conn; /* NULL: over */
    struct rc_deadline pause;
    uint64_t asked_ms;     /* for the first time; 0: not yet */
    struct rc_slice lines; /* came in this event; rc_codec.next_key reads them */
    int status;            /* once it is over */
    char why[200];
};

/* Begin; where that fails, it is over. */
void rc_dump_begin(struct rc_dump *dump, struct rc_server *server);

static inline bool rc_dump_over(const struct rc_dump *dump)
{
    return dump->conn == NULL;
}

/* Give it up. Idempotent. */
void rc_dump_end(struct rc_dump *dump);

#endif
