/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_CONN_H
#define RC_SERVER_CONN_H

/* One connection: dialled when its turn comes, greeted, then a pipeline of commands and the replies
 * it owes.
 *
 *   DIALING ──► GREETING ──► READY ──┬──────────────────────────────► CLOSED
 *      └───────────┴─ failed ─► CLOSED └─ distrusted, writes due ─► LAME ─┘
 *
 * LAME: we gave it up (a broken reply, an error line, no answer) while writes were unanswered. It
 * was shut for writing and is read, discarding, to its end: the peer's EOF proves that it will
 * execute nothing of it any more. The server layer decides what follows; this module never
 * reconnects. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/batch.h"
#include "codec/codec.h"
#include "server/dial.h"
#include "server/env.h"
#include "server/greeting.h"
#include "server/hold.h"
#include "server/key_log.h"
#include "server/liveness.h"
#include "server/output.h"
#include "server/pipeline.h"
#include "server/read_log.h"
#include "server/request.h"
#include "server/told.h"

/* Where and how to reach a server; owned by it. */
struct rc_backend {
    const char *name;
    struct rc_endpoint endpoint;
    struct rc_credentials credentials;
    const struct rc_codec *codec;
    struct rc_dead dead; /* of the endpoint's addresses */
};

enum rc_conn_state {
    RC_CONN_DIALING,
    RC_CONN_GREETING,
    RC_CONN_READY,
    RC_CONN_LAME,
    RC_CONN_CLOSED,
};

/* Has the server anything at all? */
enum rc_emptiness { RC_EMPTINESS_UNASKED, RC_EMPTINESS_UNPROVEN, RC_EMPTINESS_PROVEN };

struct rc_lost;
struct rc_sweep;

/* What the server hears of a connection. In `failed` and `ended` it is CLOSED already and its
 * requests are finished, or `returned`; only rc_conn_free is left to call. */
struct rc_conn_events {
    void (*ready)(struct rc_conn *conn);
    void (*failed)(struct rc_conn *conn, int status, const char *why); /* never was READY */
    void (*ended)(
        struct rc_conn *conn, int status, const char *why); /* by the peer or the kernel */
    void (*distrusted)(struct rc_conn *conn, int status, const char *why); /* LAME or CLOSED now */
    /* Ahead of these two: rc_request.link of requests that may be sent on the next connection,
     * oldest first. Nothing of them left, or they are reads that go a second time. WAITING. */
    void (*returned)(struct rc_conn *conn, struct rc_list *requests);
    void (*silent)(struct rc_conn *conn); /* once per stall; LAME or CLOSED: its timer is due */
    void (*spoke)(struct rc_conn *conn);  /* bytes from one that had been silent */
    /* READY, and the kernel took some of its output, or it owes less than `max_inflight` again. */
    void (*room)(struct rc_conn *conn);
    /* A request was refused, in words (conn->why) that say something of the server: NOT_NOW or
     * REPLICA. Those of a caller's `program` may be of its own making. */
    void (*refused)(struct rc_conn *conn, enum rc_refusal refusal, bool program);
    /* A command of the library's own, sent by rc_conn_ask, was answered; in parts, if it says that
     * there is more. */
    void (*answered)(struct rc_conn *conn, const struct rc_answer *answer);
    /* It ends, or goes LAME, with this write unanswered, or never sent; or the write's caller had
     * left when it was refused. */
    void (*lost)(struct rc_conn *conn, const struct rc_lost *lost);
    /* An item was read that is out of date: it has a lower CAS id than `divide`. */
    void (*outdated)(struct rc_conn *conn, const struct rc_lost *seen);
    /* READY, and the last of its unanswered writes was answered. */
    void (*settled)(struct rc_conn *conn);
    /* It stays, and one was lost all the same. */
    void (*owing)(struct rc_conn *conn);
    /* A command of sweep.h's was answered, or was not (NULL). */
    void (*swept)(struct rc_conn *conn, struct rc_sweep *sweep, const struct rc_answer *answer);
};

struct rc_conn {
    struct rc_env *env;
    struct rc_backend *backend;   /* its credentials learn what the server is to be spared */
    const struct rc_codec *codec; /* the backend's, until the greeting says otherwise */
    const struct rc_conn_events *events;
    void *owner;                /* the server */
    struct rc_list link;        /* in server->old, then env->closed */
    struct rc_list unsent_link; /* in env->unsent */
    struct rc_ticket ticket;    /* until READY: it is in the making, or waits for that */
    struct rc_dial dial;
    struct rc_greeting greeting;
    struct rc_decoder decoder;
    struct rc_pipeline pipeline;
    struct rc_liveness liveness;
    /* Until READY: the connection's deadline; then: silence; of one that was given up: its end. */
    struct rc_deadline timer;
    struct rc_slot own;        /* of the one command of our own that may be due */
    struct rc_slice own_key;   /* its key, which outlives the connection */
    struct rc_key_log keys;    /* of its unanswered writes: slots that are `logged` */
    struct rc_read_log reads;  /* … of reads: those that are `noted` */
    struct rc_key_index doubt; /* … once it was given up and is in nobody's way any more */
    struct rc_told told;       /* … and what the other clients of the process know of them */
    struct rc_buf in;
    struct rc_output out;
    struct rc_batch batch;       /* the end of `out` while it has keys; each a slot, the last … */
    struct rc_slot *batch_first; /* … and this the first of them */
    uint32_t batch_most;         /* so many keys it may have */
    size_t charged;              /* of the budget, for `out`, `keys` and `reads` */
    uint64_t opened_ms;          /* when dialling began */
    uint64_t suspect_ms;
    uint64_t over_ms;  /* given up: when its writes count as gone, whatever is known of it */
    uint32_t setup_ms; /* what dialling and greeting may take together */
    size_t parsed;     /* bytes at the front of `in` that were understood */
    enum rc_conn_state state;
    enum rc_hold hold;
    bool blocked;     /* the kernel took less than all; `writable` will follow */
    bool lagged;      /* its setup was given more time */
    bool suspect;     /* silent, and the server was told, at `suspect_ms` */
    bool replaced;    /* another one has its place: it ends with what it still owes */
    bool owed_writes; /* with CLOSED: writes were unanswered when it ended */
    bool owed_raw;    /* … or it went LAME: a caller's own words, too, whose keys no one knows */
    bool doubted;     /* `doubt` is all that it may still write to */
    bool clean;       /* the journal had nothing of its lane's once it was READY */
    bool sweeps_freely; /* the last delete of the journal's that was answered was carried out */
    enum rc_emptiness emptiness;      /* as it was told here, on the server's way back */
    uint64_t noted_then, missed_then; /* by the journal, when the last own question was sent */
    uint64_t returns_then;            /* … of the server */
    uint64_t divide_then;             /* … the divide that the server had */
    uint64_t divide;        /* memcached: as the server's, once this connection has proven it */
    uint32_t sweeps;        /* of those, how many are under way */
    uint32_t lane;          /* the number of its lane, which it may have left */
    uint32_t pins;          /* callers up the stack that will still touch it */
    uint32_t spread;        /* so many of the next gets go one by one */
    uint32_t value_bytes;   /* of values that gets brought: a mean, the newest counting most */
    bool batches;           /* READY: gets may leave as batches: those of a many do … */
    bool merges;            /* … and so do single ones (env->merges) */
    uint32_t known_scripts; /* redis: bit `verb`: the server has that verb's script */
    char why[200];          /* what ended it, or what it was last refused with */
};

/* Begin to connect; NULL when there is no memory or no look-up could be begun. `deadline_ms` bounds
 * dialling and greeting together, from when its turn among those in the making comes; for that it
 * waits as long at most. */
struct rc_conn *rc_conn_open(struct rc_env *env, struct rc_backend *backend,
    const struct rc_conn_events *events, void *owner, uint32_t deadline_ms);

/* Bytes queued behind the kernel that are the library's own. */
static inline size_t rc_conn_unsent_bytes(const struct rc_conn *conn)
{
    return conn->out.own.len;
}

/* Encode a request into the output of a READY connection, which takes its loan over. A plain GET
 * joins the GETs right in front of it that have not left, where env->merges says so or it is one of
 * many (rc_request.bulk). 0, or with nothing changed RINGCACHE_ENOMEM. */
int rc_conn_send(
    struct rc_conn *conn, struct rc_request *request, const struct rc_command *command);

/* A plain GET, as far as a connection is concerned. */
struct rc_get {
    struct rc_slice prefix, key;
    uint64_t token;
};

/* rc_conn_send of such a one, where nothing but its key is to be sent; false: that is to see it. */
bool rc_conn_get(struct rc_conn *conn, struct rc_request *request, const struct rc_get *get);

/* The same for one GET that is to leave by itself. */
int rc_conn_send_alone(
    struct rc_conn *conn, struct rc_request *request, const struct rc_command *command);

/* Send the bytes that another connection had encoded, request->wire; false: this one would encode
 * the command otherwise. rc_conn_resend: 0 or RINGCACHE_ENOMEM. */
bool rc_conn_takes(const struct rc_conn *conn, const struct rc_wire *wire);
int rc_conn_resend(struct rc_conn *conn, struct rc_request *request);

/* Ask something of our own, whose key outlives the connection; one at a time, READY only. 0 or
 * RINGCACHE_ENOMEM. */
int rc_conn_ask(struct rc_conn *conn, const struct rc_command *command);

/* Does the reply to such a command have to be held against the divide, so that its key is kept? */
bool rc_conn_dates(const struct rc_conn *conn, const struct rc_command *command);

/* Send a command of sweep.h's. 0 or RINGCACHE_ENOMEM. */
int rc_conn_sweep(struct rc_conn *conn, struct rc_sweep *sweep, const struct rc_command *command);

/* User requests are not wanted there for now: what never left goes to `again`, as in `returned`, or
 * ends with `status` where that is NULL. */
void rc_conn_withhold(struct rc_conn *conn, int status, const char *message, struct rc_list *again);

/* It is taken out of use, with nothing on it that never left: what waits for an answer ends with
 * `status`, and a fence is written behind the last unanswered write. */
void rc_conn_fence(struct rc_conn *conn, int status, const char *message);

/* Give up a READY connection that does not answer its fence: it is LAME from here on. */
void rc_conn_shut(struct rc_conn *conn);

/* Did it end with a question of our own in vain, which the server is spared for now? */
static inline bool rc_conn_asked_too_much(const struct rc_conn *conn)
{
    return (conn->greeting.vain & conn->backend->credentials.unasked) != 0;
}

/* Are writes unanswered on it, so that it could still undo a newer one? */
bool rc_conn_holds_writes(const struct rc_conn *conn);

/* Finish what is pending with `status`, close the stream, say nothing. Idempotent. */
void rc_conn_close(struct rc_conn *conn, int status, const char *message);

/* Close it and free its memory once nobody can touch it any more. NULL is allowed. */
void rc_conn_free(struct rc_conn *conn);

/* before_poll: every connection with output writes once, unless it pays to hold it back. */
void rc_conns_flush(struct rc_env *env);

/* rc_env.hold_end is due: all that is held back goes. */
void rc_conns_let_go(struct rc_deadline *hold_end, uint64_t now_ms);

/* Free what of `closed` is pinned by nobody, once all that it finished was delivered. */
void rc_conns_bury(struct rc_env *env, struct rc_list *closed);

#endif
