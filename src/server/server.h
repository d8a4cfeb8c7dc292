/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_SERVER_H
#define RC_SERVER_SERVER_H

/* One backend: its connections, its health, and the rule that an old connection must not undo a
 * newer write.
 *
 *            first request            greeted            silence
 *     IDLE ───────────────► CONNECTING ─────► UP ─────────────────► SUSPECT
 *                            ▲   │            │ ▲      a byte, or     │
 *                  ended ────┘   │ failed     │ └─── the probe's ─────┤
 *                                ▼            ▼        success        │ the probe
 *                              DOWN ◄──────────────────────────────────┘ is silent too
 *                                │  probe's success and no old connection with writes: UP
 *
 * Which evidence leads where, with all that follows, is the table in health.h.
 * On its way back it is CONNECTING while its last journalled keys are deleted: requests wait.
 * A server that says itself that it serves nobody for now (Redis while it loads) is DOWN too, but
 * its greeted connections stay, in step: one of them is the probe, by PING.
 *
 * One writing generation: a connection that is replaced while writes on it are unanswered goes to
 * `old`; as long as one is there, no user request is sent on any other connection of this server.
 * It leaves when it answered its fence, when the peer ended it, or (Redis) when CLIENT KILL
 * confirmed its end; where none of that comes, requests go on after a while, but for its keys
 * (doubt.h). A lane is one of the server's `connections`; a key always uses the same lane. */

#include <stdbool.h>
#include <stdint.h>

#include "server/census.h"
#include "server/conn.h"
#include "server/health.h"
#include "server/journal.h"
#include "server/outrun.h"
#include "server/text.h"

/* How a server comes back whose journal missed writes, and that has no mark for them. */
enum rc_readmit { RC_READMIT_UNSAID, RC_READMIT_AS_IT_IS, RC_READMIT_FLUSHED };

struct rc_server;

struct rc_server_events {
    void (*changed)(
        struct rc_server *server, enum rc_server_change change, int reason, const char *text);
    /* A write of that lane's key was lost. */
    void (*lost)(struct rc_server *server, uint32_t lane, const struct rc_lost *lost);
    /* Soft evidence is to be weighed: how are all servers of the client? */
    void (*take_census)(struct rc_server *server, struct rc_census *census);
    /* Those of the others that serve and are not silent: let each give a sign of life. */
    void (*ask_others)(struct rc_server *server);
    /* The keys of a connection's unanswered writes are in doubt from here on, to the other clients
     * of this process … */
    void (*begin_doubt)(struct rc_server *server, struct rc_conn *conn);
    /* … and no more. Its `told` is nobody else's afterwards. */
    void (*end_doubt)(struct rc_server *server, struct rc_conn *conn);
    /* Does another client say so of the command's key? Of any key, without a command. */
    bool (*doubted)(const struct rc_server *server, const struct rc_command *command);
};

struct rc_lane {
    struct rc_server *server;
    uint32_t number;
    struct rc_conn *conn;      /* or NULL */
    struct rc_conn *successor; /* in the making, while `conn` still serves; or NULL */
    struct rc_list waiting;    /* rc_request.link, oldest first */
    uint32_t waiting_count;
    struct rc_outrun outrun;  /* writes that were lost behind some of those, and still to be told */
    uint32_t bulk;            /* of its requests, those that are `bulk` */
    uint64_t closed_until_ms; /* this lane alone was refused: its requests fail at once till then */
    uint64_t looked;         /* the token of the request whose item is not out of date; 0: none's */
    bool looking;            /* the item of its next request is being looked at */
    uint64_t reconnected_ms; /* when its last connection ended; 0: none has */
    uint64_t lost; /* by the journal's count, the last write to be lost before it was encoded */
    bool refused;  /* RINGCACHE_EBUSY was said since there last was room */
    uint64_t refused_bytes; /* what the request that was refused last would have taken */
};

/* What became of its requests, and how often it was connected to and lost. */
struct rc_counts {
    uint64_t hits, misses, refusals, timeouts, unavailable, failures;
    uint64_t connects, outages;
    uint64_t retries; /* requests that were sent on a second connection, or yet another */
};

struct rc_server {
    struct rc_env *env;
    const struct rc_server_events *events;
    const struct rc_conn_events *conn_events;
    void *owner;
    struct rc_backend backend; /* strings owned */
    struct rc_lane *lanes;
    uint32_t lane_count;
    struct rc_list old; /* rc_conn.link */
    struct rc_conn *probe;
    struct rc_deadline retry; /* the next probe, or the next try after trouble of our own */
    struct rc_health health;
    struct rc_journal journal;
    uint64_t divide; /* memcached: items of a lower CAS id are out of date; 0: none is */
    uint64_t returns, settled_returns; /* to the ring, and those after which nothing old is read */
    enum rc_readmit allowed;
    bool unmarkable;          /* memcached: it gives no CAS ids */
    bool held;                /* out, and somebody was told that it waits for being readmitted */
    uint64_t killing;         /* the client number that CLIENT KILL was last sent for */
    uint64_t renewal_from_ms; /* before, a READONLY renews no connection */
    uint32_t live;            /* requests accepted and not delivered, and who holds it */
    bool closing;             /* what is lost from here on is nobody's */
    int down_status;          /* what requests get while DOWN */
    struct rc_counts counts;
    struct rc_text *reason; /* why it is in this state */
};

/* Strings of `backend` are copied. 0 or RINGCACHE_ENOMEM. */
int rc_server_new(struct rc_server **server, struct rc_env *env, const struct rc_backend *backend,
    uint32_t connections);
/* What is pending ends with RINGCACHE_ECANCELED, every connection closes. Idempotent. */
void rc_server_close(struct rc_server *server);
/* It left the ring, for good or not: every connection closes, and what is unanswered or still to be
 * deleted is in `journal` from then on, whose owner the caller is. Nothing is pending any more. */
void rc_server_depart(struct rc_server *server, struct rc_journal *journal);
/* Was it ever connected to, or is there something to be made good, or did it leave before? Else it
 * is as one that never was in the ring. */
bool rc_server_is_known(const struct rc_server *server);
/* A new one is the one that left with that journal, which is taken over. */
void rc_server_rejoin(struct rc_server *server, struct rc_journal *journal);
/* It is greeted as `who`, taken over, from here on: its connections answer what they were sent, and
 * whatever comes waits for new ones. Journal, health and older connections stay what they are. */
void rc_server_greet_as(struct rc_server *server, struct rc_credentials *who);
/* It is in the ring again, after others had its keys: what it holds from before is out of date. */
void rc_server_return(struct rc_server *server);
/* Close it and free its memory: only once its finished requests were delivered, since they speak of
 * its name and reason. NULL is allowed. */
void rc_server_free(struct rc_server *server);
/* Nothing is pending and no write that was sent may still be carried out: it can go without a
 * trace. */
bool rc_server_quiet(const struct rc_server *server);

/* Somebody else than a request still needs the server: it is not quiet before that lets go. */
static inline void rc_server_hold(struct rc_server *server)
{
    server->live++;
}

static inline void rc_server_let_go(struct rc_server *server)
{
    server->live--;
}

/* What is said where RINGCACHE_ETOOBIG is the library's own word. */
extern const char rc_server_too_big[];

/* Carry out a request: `lane` picks one of the connections. 0, and what the command lends is taken
 * over; RINGCACHE_EBUSY or _ENOMEM, or _ETOOBIG where the memcached is known to take no such item;
 * on a server that is DOWN, 0, and the request is finished with the status of the outage. */
int rc_server_submit(struct rc_server *server, uint32_t lane, struct rc_request *request,
    const struct rc_command *command);

/* rc_server_submit of a plain GET, where nothing is in its way; false: that is to see it. */
bool rc_server_get(
    struct rc_server *server, uint32_t lane, struct rc_request *request, const struct rc_get *get);

/* Finish a request that submission refused with `status`, as if it had been accepted. */
void rc_server_refuse(
    struct rc_server *server, uint32_t lane, struct rc_request *request, int status);

/* How many GETs of a many it may be given now: as many as leave half of the lane's bound to others,
 * and where those use more, some at a time. */
uint32_t rc_server_slack(const struct rc_server *server, uint32_t lane);

/* Since when it is suspected; 0: it is not. */
uint64_t rc_server_silent_since(const struct rc_server *server);
/* When it was last heard on one of its connections. */
uint64_t rc_server_heard_ms(const struct rc_server *server);
/* Let it give a sign of life; one that has no connection is connected to. */
void rc_server_ask_for_sign(struct rc_server *server);

/* May requests be submitted to it other than to be refused? */
static inline bool rc_server_available(const struct rc_server *server)
{
    return server->health.state != RC_SERVER_DOWN;
}

/* Of a server whose journal missed writes: how it comes back. Tried at once. */
void rc_server_readmit(struct rc_server *server, enum rc_readmit how);
/* Does it wait for that, or will it when it answers? Also said, as long as it is not back. */
bool rc_server_is_held(const struct rc_server *server);

/* "held" of one that is DOWN and waits for its readmission. */
const char *rc_server_state_name(const struct rc_server *server);

/* Names the process that the first connection leads to (Redis' run_id); "" where that is not known
 * or there is no connection. */
const char *rc_server_process(const struct rc_server *server);

/* After RINGCACHE_EBUSY: is there room again on a lane that refused? Answers true once; sets
 * `*refused` when a lane is left that still has none. */
bool rc_server_has_room(struct rc_server *server, bool *refused);

/* What another client of this process says of the server: a write of that lane's key was lost; it
 * is out of service, or back. The last is no evidence, but a reason to ask. */
void rc_server_hear_lost(struct rc_server *server, uint32_t lane, const struct rc_lost *lost);
void rc_server_hear_state(struct rc_server *server, bool up);
/* … and something that nobody knows any more: it is as if the journal were too small for it. */
void rc_server_hear_gap(struct rc_server *server);

void rc_server_count_failure(struct rc_server *server, int status);
/* A request of this server ended so. */
static inline void rc_server_count(struct rc_server *server, int status)
{
    if (status == RINGCACHE_OK) {
        server->counts.hits++;
    } else if (status == RINGCACHE_MISS) {
        server->counts.misses++;
    } else if (status > 0) {
        server->counts.refusals++;
    } else {
        rc_server_count_failure(server, status);
    }
}

/* A request that waits in a lane ends, and not by its caller's will. */
void rc_lane_lose_waiting(struct rc_lane *lane, const struct rc_request *request);
/* Requests that wait once more, in front of all others. */
void rc_lane_take_back(struct rc_lane *lane, struct rc_list *requests);
/* A request in a lane's waiting list goes (rc_request_finish). */
void rc_lane_forget(struct rc_lane *lane, struct rc_request *request);

#endif
