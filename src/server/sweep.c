/* SPDX-License-Identifier: MIT */
#include "server/sweep.h"

#include "base/alloc.h"
#include "server/divide.h"
#include "server/readmission.h"
#include "server/service.h"

enum {
    SWEEP_BYTES = 64 * 1024, /* of unsent output beyond which no more deletes are encoded */
    SKIPPED_AT_ONCE = 8192,  /* entries that need no delete, so that the loop goes on meanwhile */
};

static const char cannot[] = "what was written meanwhile cannot be deleted: ";

static void tell_of_journal(struct rc_server *server)
{
    switch (rc_journal_news(&server->journal)) {
    case RC_JOURNAL_QUIET:
        return;
    case RC_JOURNAL_HALF:
        server->events->changed(
            server, RC_CHANGE_JOURNAL_HALF, 0, "half of the journal's entries are used");
        return;
    case RC_JOURNAL_FULL:
        server->events->changed(server, RC_CHANGE_JOURNAL_FULL, RINGCACHE_ENOMEM,
            "a write in vain could not be noted in the journal");
    }
}

void rc_sweep_note(struct rc_lane *lane, const struct rc_lost *lost)
{
    struct rc_server *server = lane->server;
    if (server->journal.limit == 0) {
        return;
    }
    server->events->lost(server, lane->number, lost);
    if (server->closing) {
        return;
    }
    rc_journal_note(&server->journal, lane->number, lost, rc_env_random(server->env));
    tell_of_journal(server);
    bool serves = server->health.state != RC_SERVER_DOWN;
    if (serves && rc_journal_overflowed(&server->journal) && !rc_deadline_armed(&server->retry)) {
        rc_service_retry_in(server, 0); /* its requests wait until that is made good */
    }
}

bool rc_sweep_note_guest(struct rc_lane *lane, struct rc_slice key)
{
    struct rc_server *server = lane->server;
    const struct rc_lost guest = {.key = key};
    uint64_t random = rc_env_random(server->env);
    return rc_journal_note_seen(&server->journal, lane->number, &guest, random);
}

void rc_server_hear_lost(struct rc_server *server, uint32_t lane, const struct rc_lost *lost)
{
    rc_journal_note(&server->journal, lane, lost, rc_env_random(server->env));
    tell_of_journal(server);
    if (server->health.state != RC_SERVER_DOWN) {
        rc_sweep_go(server);
    }
}

void rc_server_hear_gap(struct rc_server *server)
{
    rc_journal_miss(&server->journal);
    tell_of_journal(server);
    if (server->health.state != RC_SERVER_DOWN) {
        rc_service_retry_in(server, 0);
    }
}

void rc_sweep_lost(struct rc_conn *conn, const struct rc_lost *lost)
{
    struct rc_server *server = conn->owner;
    if (!lost->adds) {
        rc_sweep_note(&server->lanes[conn->lane], lost);
    }
}

/* ---- sending ---- */

static struct rc_command delete_of(const struct rc_server *server, const struct rc_journal_entry *e)
{
    return (struct rc_command){
        .verb = RC_VERB_DELETE,
        .token = server->env->next_token++,
        .key = rc_slice(e->key, e->len),
        .cas = e->cas,
        .leases = server->env->leases,
        .fleeting = true,
    };
}

static int send(struct rc_conn *conn, struct rc_journal_entry *entry)
{
    struct rc_sweep *sweep = rc_alloc_zeroed(1, sizeof *sweep);
    if (sweep == NULL) {
        return RINGCACHE_ENOMEM;
    }
    const struct rc_command command = delete_of(conn->owner, entry);
    int rc = rc_conn_sweep(conn, sweep, &command);
    if (rc < 0) {
        rc_free(sweep);
        return rc;
    }
    rc_journal_take(entry, sweep);
    return 0;
}

/* What is pending of a lane. */
static void sweep_on(struct rc_conn *conn, uint32_t lane)
{
    struct rc_server *server = conn->owner;
    struct rc_journal_entry *entry = rc_journal_pending(&server->journal, lane);
    uint32_t skipped = 0;
    while (entry != NULL && skipped < SKIPPED_AT_ONCE && rc_journal_skip(&server->journal, entry)) {
        entry = rc_journal_pending(&server->journal, lane);
        skipped++;
    }
    if (skipped == SKIPPED_AT_ONCE) {
        rc_service_retry_in(server, 0);
        return;
    }
    while ((conn->sweeps_freely || conn->sweeps == 0) && rc_output_len(&conn->out) < SWEEP_BYTES &&
           (entry = rc_journal_pending(&server->journal, lane)) != NULL) {
        if (send(conn, entry) < 0) {
            rc_service_retry_in(server, RC_SERVICE_PAUSE_MS);
            return;
        }
    }
}

static bool is_ready(const struct rc_conn *conn)
{
    return conn != NULL && conn->state == RC_CONN_READY;
}

static struct rc_conn *first_ready(const struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (is_ready(server->lanes[i].conn)) {
            return server->lanes[i].conn;
        }
    }
    return NULL;
}

static bool wants_connection(const struct rc_lane *lane)
{
    const struct rc_server *server = lane->server;
    return lane->conn == NULL && !server->closing &&
           rc_journal_pending(&server->journal, lane->number) != NULL;
}

void rc_sweep_connect(struct rc_lane *lane)
{
    bool closed = lane->closed_until_ms > rc_env_now_ms(lane->server->env);
    if (wants_connection(lane) && closed) {
        rc_sweep_connect_later(lane);
    } else if (wants_connection(lane)) {
        rc_lane_connect(lane);
    }
}

void rc_sweep_connect_later(struct rc_lane *lane)
{
    struct rc_server *server = lane->server;
    bool planned = !rc_server_available(server) || rc_deadline_armed(&server->retry);
    if (wants_connection(lane) && !planned) {
        rc_service_retry_in(server, RC_SERVICE_PAUSE_MS);
    }
}

void rc_sweep_go(struct rc_server *server)
{
    if (!rc_server_gate_open(server) || rc_readmission_flushes(server)) {
        return;
    }
    struct rc_conn *first = server->health.state == RC_SERVER_DOWN ? first_ready(server) : NULL;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_conn *conn = first != NULL ? first : server->lanes[i].conn;
        if (is_ready(conn)) {
            sweep_on(conn, i);
        }
        conn = server->lanes[i].conn;
        if (is_ready(conn) && server->journal.lanes[i].count == 0) {
            conn->clean = true;
        }
        rc_sweep_connect(&server->lanes[i]);
    }
}

void rc_sweep_owing(struct rc_conn *conn)
{
    struct rc_server *server = conn->owner;
    if (server->health.state != RC_SERVER_DOWN) {
        rc_sweep_go(server);
    }
}

/* ---- may it serve? ---- */

bool rc_sweep_lets_in(const struct rc_server *server)
{
    const struct rc_conn *conn = first_ready(server);
    if (rc_readmission_flushes(server)) {
        return true;
    }
    return !rc_journal_any_pending(&server->journal) &&
           (server->journal.count == 0 || conn->sweeps_freely);
}

/* ---- answers ---- */

static void refused(struct rc_conn *conn, const struct rc_answer *answer)
{
    struct rc_server *server = conn->owner;
    rc_service_explain(server, cannot, conn->why);
    rc_service_learn(
        server, RC_EVIDENCE_PROBE_REFUSED, answer->status, rc_text_bytes(server->reason));
}

void rc_sweep_answered(struct rc_conn *conn, struct rc_sweep *sweep, const struct rc_answer *answer)
{
    struct rc_server *server = conn->owner;
    if (sweep->slot.verb != RC_VERB_DELETE) {
        rc_divide_looked(conn, sweep, answer);
        return;
    }
    bool carried_out = answer != NULL && answer->status >= 0;
    bool serves = rc_service_lane_of(server, conn) != NULL;
    if (carried_out) {
        rc_journal_done(&server->journal, sweep);
    } else {
        rc_journal_again(&server->journal, sweep);
    }
    rc_free(sweep);
    if (answer == NULL) {
        return;
    }
    conn->sweeps_freely = carried_out;
    if (carried_out && serves) {
        rc_service_resume(server);
    } else if (serves && conn->sweeps == 0 && !answer->again) {
        refused(conn, answer);
    } else if (serves) {
        rc_sweep_go(server); /* the script goes whole this time */
    }
}
