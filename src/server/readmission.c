/* SPDX-License-Identifier: MIT */
#include "server/readmission.h"

#include <stdio.h>

#include "base/number.h"
#include "server/service.h"
#include "server/sweep.h"

/* Of the item that divides old from new only the id counts. No user's key has a DEL. */
static const char divide_key[] = "ringcache:divide\x7f";
enum { DIVIDE_S = 60 };

static const char held[] = "more was written in vain than the journal holds: out of service until "
                           "ringcache_server_readmit says how it comes back";

bool rc_readmission_owns(struct rc_slice key)
{
    return rc_slice_equal(key, rc_slice_text(divide_key));
}

static bool is_marked(const struct rc_server *server)
{
    return !server->backend.credentials.redis && !server->unmarkable;
}

/* All that it holds is from before it left the ring; and it can be told, or is to be flushed. */
static bool is_back_from_elsewhere(const struct rc_server *server)
{
    return server->returns > server->settled_returns &&
           (is_marked(server) || server->env->flushes_on_overflow);
}

bool rc_readmission_has_old(const struct rc_server *server)
{
    return rc_journal_overflowed(&server->journal) || is_back_from_elsewhere(server);
}

bool rc_readmission_flushes(const struct rc_server *server)
{
    bool wanted = server->allowed == RC_READMIT_FLUSHED ||
                  (server->env->flushes_on_overflow && !is_marked(server));
    return rc_readmission_has_old(server) && wanted;
}

static bool is_held(const struct rc_server *server)
{
    return rc_journal_overflowed(&server->journal) && !is_marked(server) &&
           !rc_readmission_flushes(server);
}

static void settle(struct rc_server *server, uint64_t missed, uint64_t returns)
{
    rc_journal_settle(&server->journal, missed);
    if (returns > server->settled_returns) {
        server->settled_returns = returns;
    }
}

static void settle_as_it_is(struct rc_server *server)
{
    if (server->allowed == RC_READMIT_AS_IT_IS) {
        settle(server, server->journal.missed, server->returns);
    }
}

/* ---- asking ---- */

static bool ask(struct rc_conn *conn, const struct rc_command *command)
{
    const struct rc_server *server = conn->owner;
    if (conn->own.due) {
        return conn->own.verb != RC_VERB_NOOP; /* a sign of life leads no further */
    }
    conn->noted_then = server->journal.noted;
    conn->missed_then = server->journal.missed;
    conn->returns_then = server->returns;
    conn->divide_then = server->divide;
    return rc_conn_ask(conn, command) == 0;
}

static bool ask_size(struct rc_conn *conn)
{
    const bool redis = conn->backend->credentials.redis;
    const struct rc_command size = {
        .verb = RC_VERB_STATS, .key = rc_slice_text(redis ? "keyspace" : "")};
    return ask(conn, &size);
}

static bool ask_to_flush(struct rc_conn *conn)
{
    static const struct rc_command flush = {.verb = RC_VERB_FLUSH};
    return ask(conn, &flush);
}

static bool ask_to_mark(struct rc_conn *conn)
{
    struct rc_server *server = conn->owner;
    const struct rc_command mark = {
        .verb = RC_VERB_SET,
        .token = server->env->next_token++,
        .key = rc_slice_text(divide_key),
        .exptime_s = DIVIDE_S,
        .fleeting = true,
    };
    return ask(conn, &mark);
}

static bool ask_for_mark(struct rc_conn *conn)
{
    struct rc_server *server = conn->owner;
    const struct rc_command mark = {
        .verb = RC_VERB_GET,
        .token = server->env->next_token++,
        .key = rc_slice_text(divide_key),
        .want_cas = true,
    };
    return rc_conn_ask(conn, &mark) == 0;
}

static void pause_unless(struct rc_server *server, bool asked)
{
    if (!asked) {
        rc_service_retry_in(server, RC_SERVICE_PAUSE_MS);
    }
}

/* ---- may it come back? ---- */

static bool is_ready(const struct rc_conn *conn)
{
    return conn != NULL && conn->state == RC_CONN_READY;
}

static struct rc_conn *first_ready(const struct rc_server *server)
{
    uint32_t i = 0;
    while (i < server->lane_count && !is_ready(server->lanes[i].conn)) {
        i++;
    }
    return i < server->lane_count ? server->lanes[i].conn : NULL;
}

static void hold(struct rc_server *server)
{
    rc_service_learn(server, RC_EVIDENCE_PROBE_REFUSED, RINGCACHE_EDOWN, held);
    if (!server->held) {
        server->held = true;
        rc_service_announce(server, RC_CHANGE_HELD, RINGCACHE_EDOWN);
    }
}

/* The writes that a lane's connection has to answer and that are our own: a mark or a flush, and
 * the journal's deletes. */
static uint32_t own_writes(const struct rc_lane *lane)
{
    const struct rc_conn *conn = lane->conn;
    bool marks = conn->own.due && rc_verb_writes((enum rc_verb)conn->own.verb);
    bool looks = lane->looking && conn->sweeps > 0; /* that one is a read */
    return marks + conn->sweeps - looks;
}

/* Are there users' writes that are still to be carried out? The connections have no common order:
 * what these store would look new behind a mark on another one, and stay behind a flush, or a
 * delete. */
static bool writes_are_under_way(const struct rc_server *server)
{
    bool any = false;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_lane *lane = &server->lanes[i];
        any = any || (is_ready(lane->conn) && lane->conn->pipeline.writes > own_writes(lane));
    }
    return any;
}

bool rc_readmission_lets_in(struct rc_server *server)
{
    struct rc_conn *conn = first_ready(server);
    const struct rc_journal *journal = &server->journal;
    bool to_skip = journal->count > 0 || rc_readmission_has_old(server);
    if (to_skip && writes_are_under_way(server)) {
        pause_unless(server, false);
        return false;
    }
    if (to_skip && conn->emptiness == RC_EMPTINESS_UNASKED) {
        pause_unless(server, ask_size(conn));
        return false;
    }
    settle_as_it_is(server);
    if (is_held(server)) {
        hold(server);
        return false;
    }
    return true;
}

/* One flush is enough, whichever connection carries it. */
static bool is_flushing(const struct rc_server *server)
{
    bool flushing = false;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_conn *conn = server->lanes[i].conn;
        flushing = flushing || (is_ready(conn) && conn->own.due && conn->own.verb == RC_VERB_FLUSH);
    }
    return flushing;
}

static void go_on(struct rc_server *server, struct rc_conn *conn)
{
    if (rc_readmission_flushes(server)) {
        pause_unless(server, is_flushing(server) || ask_to_flush(conn));
    } else {
        pause_unless(server, ask_to_mark(conn));
    }
}

void rc_server_return(struct rc_server *server)
{
    server->returns += server->journal.limit > 0;
    if (rc_readmission_has_old(server) && rc_server_available(server)) {
        rc_service_retry_in(server, 0); /* its requests wait until that is made good */
    }
}

void rc_readmission_go(struct rc_server *server)
{
    if (!rc_server_gate_open(server)) {
        return;
    }
    settle_as_it_is(server);
    if (rc_readmission_has_old(server) && writes_are_under_way(server)) {
        pause_unless(server, false);
        return;
    }
    if (is_held(server) && first_ready(server) != NULL) {
        hold(server);
        return;
    }
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_conn *conn = server->lanes[i].conn;
        if (is_ready(conn) && !rc_readmission_is_done(server, conn)) {
            go_on(server, conn);
        }
    }
}

void rc_readmission_ended(struct rc_server *server)
{
    server->allowed = RC_READMIT_UNSAID;
    server->held = false;
}

void rc_server_readmit(struct rc_server *server, enum rc_readmit how)
{
    server->allowed = how;
    rc_service_retry_in(server, 0);
}

bool rc_server_is_held(const struct rc_server *server)
{
    return rc_journal_overflowed(&server->journal) && !is_marked(server) &&
           !server->env->flushes_on_overflow;
}

/* ---- answers ---- */

static bool is_empty_redis(struct rc_conn *conn, struct rc_slice told)
{
    char name[16];
    bool empty = rc_slice_starts(told, "# Keyspace");
    snprintf(name, sizeof name, "db%u", (unsigned)conn->backend->credentials.database);
    for (struct rc_figure figure; conn->codec->next_figure(&told, &figure);) {
        empty = empty && !rc_slice_equal(figure.name, rc_slice_text(name));
    }
    return empty;
}

static bool is_empty_memcached(struct rc_conn *conn, struct rc_slice told)
{
    bool empty = false;
    for (struct rc_figure figure; conn->codec->next_figure(&told, &figure);) {
        empty = empty || (rc_slice_equal(figure.name, rc_slice_text("curr_items")) &&
                             rc_slice_equal(figure.value, rc_slice_text("0")));
    }
    return empty;
}

/* All that it could have held that was old is gone. */
static void begin_afresh(struct rc_server *server, const struct rc_conn *conn)
{
    rc_journal_void(&server->journal, conn->noted_then);
    settle(server, conn->missed_then, conn->returns_then);
    server->divide = 0;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (server->lanes[i].conn != NULL) {
            server->lanes[i].conn->divide = 0;
        }
    }
}

/* A refusal is an answer: then nothing is proven. */
static void size_told(struct rc_conn *conn, const struct rc_answer *answer)
{
    bool redis = conn->backend->credentials.redis;
    bool empty =
        answer->status == RINGCACHE_OK &&
        (redis ? is_empty_redis(conn, answer->value) : is_empty_memcached(conn, answer->value));
    conn->emptiness = empty ? RC_EMPTINESS_PROVEN : RC_EMPTINESS_UNPROVEN;
    if (empty) {
        begin_afresh(conn->owner, conn);
    }
}

/* The id of a mark, 0 where the server gives none. Ids only grow within a process; one that is less
 * than the divide was before is another process's, and with the old one all that it held is gone.
 * A divide that another connection brought meanwhile may well be higher. */
static void mark_told(struct rc_conn *conn, uint64_t id)
{
    struct rc_server *server = conn->owner;
    server->lanes[conn->lane].looked = 0; /* against what held before */
    if (id == 0 && rc_readmission_has_old(server)) {
        server->unmarkable = true;
        return;
    }
    if (conn->missed_then > server->journal.settled ||
        conn->returns_then > server->settled_returns) {
        server->divide = id;
        settle(server, conn->missed_then, conn->returns_then);
    } else if (id < conn->divide_then && server->divide == conn->divide_then) {
        server->divide = 0;
    }
    conn->divide = server->divide;
}

static void refused(struct rc_conn *conn, const struct rc_answer *answer, const char *what)
{
    struct rc_server *server = conn->owner;
    rc_service_explain(server, what, conn->why);
    const char *why = rc_text_bytes(server->reason);
    int status = answer->status < 0 ? answer->status : RINGCACHE_ESERVER;
    rc_service_learn(server, RC_EVIDENCE_PROBE_REFUSED, status, why);
}

void rc_readmission_answered(struct rc_conn *conn, const struct rc_answer *answer)
{
    struct rc_server *server = conn->owner;
    enum rc_verb verb = (enum rc_verb)conn->own.verb;
    bool refusal = answer->status != RINGCACHE_OK;
    if (verb == RC_VERB_STATS) {
        size_told(conn, answer);
    } else if (refusal && verb == RC_VERB_FLUSH) {
        refused(conn, answer, "its old values cannot be flushed: ");
        return;
    } else if (refusal) {
        refused(conn, answer, "its old values cannot be told from new ones: ");
        return;
    } else if (verb == RC_VERB_FLUSH) {
        begin_afresh(server, conn);
    } else if (verb == RC_VERB_SET) {
        pause_unless(server, ask_for_mark(conn));
        return;
    } else {
        mark_told(conn, answer->cas);
    }
    rc_service_resume(server);
    rc_service_learn(server, RC_EVIDENCE_PROBE_UNDECIDED, 0, "");
}
