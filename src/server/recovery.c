/* SPDX-License-Identifier: MIT */
#include "server/recovery.h"

#include <string.h>

#include "server/divide.h"
#include "server/doubt.h"
#include "server/lane.h"
#include "server/readmission.h"
#include "server/renewal.h"
#include "server/sweep.h"

/* A connection with unanswered writes that was given up, by us or by our own kernel, may never be
 * seen to end; this long is waited before its writes count as gone. */
enum { GIVEN_UP_MS = 60000 };

/* ---- the probe ---- */

/* Ask Redis to end the next old connection that it still knows; false when none can be asked
 * for. */
static bool ask_to_kill(struct rc_server *server)
{
    const struct rc_greeting *here = &server->probe->greeting;
    for (struct rc_list *node = server->old.next; node != &server->old; node = node->next) {
        const struct rc_conn *conn = rc_container(node, struct rc_conn, link);
        bool known = conn->greeting.client_id != 0 && here->run_id[0] != '\0' &&
                     strcmp(conn->greeting.run_id, here->run_id) == 0;
        if (known && rc_conn_holds_writes(conn)) {
            const struct rc_command kill = {
                .verb = RC_VERB_CLIENT_KILL, .number = conn->greeting.client_id};
            server->killing = conn->greeting.client_id;
            return rc_conn_ask(server->probe, &kill) == 0;
        }
    }
    return false;
}

/* Connections that stayed when the server said "not now" give way to one that was greeted since:
 * they may lead to another machine than the name does now. */
static void replace_those_that_stayed(struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_lane *lane = &server->lanes[i];
        if (lane->conn != NULL) {
            lane->conn->replaced = true;
            rc_service_retire(server, lane, server->down_status, rc_text_bytes(server->reason));
        }
    }
}

/* The probe's connection becomes the first lane's that has none. */
static void promote(struct rc_server *server)
{
    if (server->health.state == RC_SERVER_DOWN) {
        replace_those_that_stayed(server);
    }
    struct rc_lane *lane = rc_service_lane_of(server, NULL);
    if (lane == NULL) {
        rc_service_drop_probe(server);
    } else {
        rc_lane_take(lane, server->probe);
        server->probe = NULL;
    }
    rc_service_resume(server);
    /* what was replaced may hold writes */
    rc_service_learn(server, RC_EVIDENCE_PROBE_UNDECIDED, 0, "");
}

/* The server answers, some connections do not: they go, and with unanswered writes they stand in
 * the way of all others. */
static void retire_silent(struct rc_server *server)
{
    static const char why[] = "a connection was silent while the server answered another";
    rc_service_explain(server, why, "");
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (server->lanes[i].conn != NULL && server->lanes[i].conn->suspect) {
            rc_service_retire(server, &server->lanes[i], RINGCACHE_ECONNECT, why);
        }
    }
}

/* Nothing is expected of it any more but its end. */
static void give_up(struct rc_conn *conn)
{
    conn->over_ms = rc_env_now_ms(conn->env) + GIVEN_UP_MS;
}

/* The server answers others and not these. Should it have lost a reply, its end of the connection
 * still proves that nothing of it is left to be carried out. */
static void give_up_old(struct rc_server *server)
{
    for (struct rc_list *node = server->old.next; node != &server->old; node = node->next) {
        struct rc_conn *conn = rc_container(node, struct rc_conn, link);
        if (conn->state == RC_CONN_READY) {
            give_up(conn);
            rc_conn_shut(conn);
        }
        if (!conn->doubted) {
            (void)rc_doubt_begin(server, conn); /* else it stays in the way until it is over */
        }
    }
}

/* The probe was answered, and has nothing more to ask. */
static void probe_done(struct rc_server *server)
{
    static const char why[] = "writes on an older connection are unanswered";
    struct rc_verdict verdict = {.measure = RC_MEASURE_NONE};
    if (!rc_server_gate_open(server)) {
        verdict = rc_service_judge(server, RC_EVIDENCE_PROBE_OBSTRUCTED);
    }
    if (verdict.measure == RC_MEASURE_GIVE_UP_OLD) {
        give_up_old(server);
    }
    if (rc_server_gate_open(server)) {
        promote(server);
        return;
    }
    rc_service_drop_probe(server);
    rc_service_carry_out(server, &verdict, RINGCACHE_ETIMEDOUT, why);
}

static void probe_ready(struct rc_server *server)
{
    const struct rc_verdict verdict = rc_service_judge(server, RC_EVIDENCE_PROBE_GREETED);
    if (verdict.measure == RC_MEASURE_RETIRE_SILENT) {
        retire_silent(server);
    }
    if (!ask_to_kill(server)) {
        probe_done(server);
    }
}

static void probe_failed(struct rc_server *server, int status, const char *why)
{
    rc_service_learn(server, rc_evidence_of_probe(status), status, why);
}

/* ---- what connections report ---- */

static void on_ready(struct rc_conn *conn)
{
    struct rc_server *server = conn->owner;
    struct rc_lane *lane = rc_renewal_lane_of(server, conn);
    if (conn == server->probe) {
        probe_ready(server);
    } else if (lane != NULL) {
        rc_renewal_ready(lane);
    } else {
        rc_service_resume(server);
    }
}

static void lane_failed(struct rc_lane *lane, int status, const char *why)
{
    struct rc_server *server = lane->server;
    enum rc_evidence evidence = rc_evidence_of_connect(status);
    const struct rc_verdict verdict = rc_service_judge(server, evidence);
    if (evidence == RC_EVIDENCE_OWN_TROUBLE) {
        rc_service_explain(server, "trouble of this machine: ", why);
    } else if (verdict.measure == RC_MEASURE_CLOSE_LANE) {
        rc_service_explain(server, "", why);
        lane->closed_until_ms = rc_env_now_ms(server->env) + RC_SERVICE_PAUSE_MS;
        rc_lane_fail_waiting(lane, RINGCACHE_ECONNECT, rc_text_bytes(server->reason));
    }
    rc_service_carry_out(server, &verdict, status, why);
    rc_sweep_connect_later(lane);
}

static void on_failed(struct rc_conn *conn, int status, const char *why)
{
    struct rc_server *server = conn->owner;
    struct rc_lane *lane = rc_service_lane_of(server, conn);
    struct rc_lane *renewed = rc_renewal_lane_of(server, conn);
    bool was_probe = conn == server->probe;
    if (was_probe) {
        server->probe = NULL;
    } else if (lane != NULL) {
        lane->conn = NULL;
    }
    if (renewed != NULL) {
        rc_renewal_failed(renewed, why);
    } else if (rc_conn_asked_too_much(conn)) {
        rc_service_retry_in(server, 0); /* without the question */
    } else if (was_probe) {
        probe_failed(server, status, why);
    } else if (lane != NULL && conn->greeting.not_now) {
        rc_service_learn(server, RC_EVIDENCE_REFUSED, status, why);
    } else if (lane != NULL) {
        lane_failed(lane, status, why);
    }
    rc_conn_free(conn);
}

/* A lane lost its connection: one reconnect at once, new requests waiting; the next in a row waits
 * a little, since a server that greets and ends each connection would be dialled without end. */
static void reconnect(struct rc_lane *lane, const char *why)
{
    struct rc_server *server = lane->server;
    uint64_t now_ms = rc_env_now_ms(server->env);
    bool in_a_row =
        lane->reconnected_ms != 0 && now_ms - lane->reconnected_ms < RC_SERVICE_PAUSE_MS;
    if (rc_server_available(server)) {
        rc_service_explain(server, "reconnecting: ", why);
    }
    const struct rc_verdict verdict = rc_service_judge(server, RC_EVIDENCE_LOST);
    rc_service_carry_out(server, &verdict, RINGCACHE_ECONNECT, why);
    if (verdict.measure != RC_MEASURE_DIAL) {
        return;
    }
    lane->reconnected_ms = now_ms;
    if (in_a_row) {
        rc_service_retry_in(server, RC_SERVICE_PAUSE_MS);
    } else {
        rc_lane_connect(lane);
    }
}

/* An old connection is no more, or holds no writes any more. */
static void old_gone(struct rc_server *server)
{
    rc_service_learn(server, RC_EVIDENCE_OLD_GONE, 0, "");
}

/* Nothing of it is carried out any more, or its time is up. */
static void let_go(struct rc_server *server, struct rc_conn *conn)
{
    rc_doubt_end(server, conn);
    rc_conn_free(conn); /* takes it out of `old` */
}

static void old_over(struct rc_server *server, struct rc_conn *conn)
{
    let_go(server, conn);
    old_gone(server);
}

/* Our own kernel gave it up, with writes unanswered: that proves nothing, and no more will come. */
static void become_unproven(struct rc_conn *conn, int status, const char *why)
{
    struct rc_server *server = conn->owner;
    if (conn->over_ms == 0) {
        give_up(conn);
    }
    rc_list_remove(&conn->link);
    rc_list_append(&server->old, &conn->link);
    rc_env_arm(server->env, &conn->timer, conn->over_ms);
    rc_doubt_tell(server, conn);
    if (!conn->doubted) {
        rc_service_learn(server, RC_EVIDENCE_UNPROVEN, status, why);
    }
}

static void on_ended(struct rc_conn *conn, int status, const char *why)
{
    struct rc_server *server = conn->owner;
    struct rc_lane *lane = rc_service_lane_of(server, conn);
    if (conn == server->probe) {
        server->probe = NULL;
        rc_conn_free(conn);
        probe_failed(server, status < 0 ? status : RINGCACHE_ECONNECT, why);
        return;
    }
    if (lane != NULL) {
        lane->conn = NULL;
    }
    if (conn->owed_writes && !rc_error_is_peers(status)) {
        become_unproven(conn, status, why);
    } else if (lane == NULL) {
        old_over(server, conn);
    } else {
        rc_conn_free(conn);
        reconnect(lane, why);
    }
}

static void on_distrusted(struct rc_conn *conn, int status, const char *why)
{
    (void)status;
    struct rc_server *server = conn->owner;
    struct rc_lane *lane = rc_service_lane_of(server, conn);
    if (conn == server->probe) {
        server->probe = NULL;
        rc_conn_free(conn);
        probe_failed(server, RINGCACHE_EPROTOCOL, why);
        return;
    }
    rc_list_remove(&conn->link);
    if (conn->state == RC_CONN_LAME) {
        give_up(conn);
        rc_list_append(&server->old, &conn->link);
        rc_doubt_tell(server, conn);
    } else {
        rc_doubt_end(server, conn);
        rc_conn_free(conn);
    }
    if (lane != NULL) {
        lane->conn = NULL;
        reconnect(lane, why);
    } else if (conn->state == RC_CONN_CLOSED) {
        old_gone(server);
    }
}

static void on_spoke(struct rc_conn *conn)
{
    rc_service_learn(conn->owner, RC_EVIDENCE_SPOKE, 0, "");
}

/* What divides old from new may have waited for that. */
static void on_settled(struct rc_conn *conn)
{
    if (rc_server_available(conn->owner)) {
        rc_readmission_go(conn->owner);
    }
}

static void on_room(struct rc_conn *conn)
{
    struct rc_server *server = conn->owner;
    struct rc_lane *lane = rc_service_lane_of(server, conn);
    bool sweeps = server->health.state != RC_SERVER_DOWN || conn->sweeps > 0;
    if (sweeps && server->journal.count > 0) {
        rc_sweep_go(server);
    }
    if (lane != NULL && rc_lane_ready(lane)) {
        rc_lane_flow(lane);
    }
}

/* An old connection answered all that it held, in step. What it said does not matter for that. */
static void drained(struct rc_conn *conn)
{
    struct rc_server *server = conn->owner;
    struct rc_lane *lane = rc_service_lane_of(server, NULL);
    rc_list_remove(&conn->link);
    rc_doubt_end(server, conn);
    if (server->health.state == RC_SERVER_DOWN && lane != NULL && !conn->replaced) {
        rc_lane_take(lane, conn); /* alive, in step, older than every other: it serves again */
    } else {
        rc_conn_free(conn);
    }
}

/* An old connection's fence, or what was sent as a probe before it became one: then more is due. */
static void fence_answered(struct rc_conn *conn, const struct rc_answer *answer)
{
    static const struct rc_command fence = {.verb = RC_VERB_NOOP};
    struct rc_server *server = conn->owner;
    if (conn->pipeline.oldest != NULL) {
        (void)rc_conn_ask(conn, &fence); /* without memory for it, only the peer's end is proof */
        return;
    }
    drained(conn);
    if (answer->refusal == RC_REFUSAL_NOT_NOW && server->health.state == RC_SERVER_DOWN) {
        rc_service_learn(server, RC_EVIDENCE_PROBE_REFUSED, answer->status, conn->why);
    } else if (conn->state == RC_CONN_CLOSED) {
        old_gone(server);
    } else if (rc_server_gate_open(server)) {
        rc_service_drop_probe(server);
        rc_service_resume(server);
    }
}

/* A server was asked on a connection of its own whether it serves: one that stayed while it was out
 * of service, or one on which a program had said that it does not. */
static void ping_answered(struct rc_conn *conn, const struct rc_answer *answer)
{
    struct rc_server *server = conn->owner;
    bool down = !rc_server_available(server);
    if (down ? !rc_answer_serves(answer) : answer->refusal == RC_REFUSAL_NOT_NOW) {
        rc_service_learn(server, RC_EVIDENCE_PROBE_REFUSED, answer->status, conn->why);
    } else if (down) {
        rc_service_resume(server);
        /* an older generation may have come into the way */
        rc_service_learn(server, RC_EVIDENCE_PROBE_UNDECIDED, 0, "");
    }
}

/* Whatever the count says: in an unchanged process, a client of that number is no more. */
static void kill_answered(struct rc_server *server, const struct rc_answer *answer)
{
    if (answer->status != RINGCACHE_OK) {
        probe_done(server);
        return;
    }
    for (struct rc_list *node = server->old.next; node != &server->old; node = node->next) {
        struct rc_conn *conn = rc_container(node, struct rc_conn, link);
        if (conn->greeting.client_id == server->killing) {
            conn->greeting.client_id = 0; /* whatever becomes of its keys, it is asked for once */
            let_go(server, conn);
            break;
        }
    }
    probe_ready(server);
}

/* The probe is asked for CLIENT KILL, an old connection for its fence, one that serves for a sign
 * of life, or what its server's readmission takes. */
static void on_answered(struct rc_conn *conn, const struct rc_answer *answer)
{
    struct rc_server *server = conn->owner;
    if (conn == server->probe) {
        kill_answered(server, answer);
    } else if (rc_service_lane_of(server, conn) == NULL) {
        fence_answered(conn, answer);
    } else if (conn->own.verb == RC_VERB_NOOP) {
        ping_answered(conn, answer);
    } else {
        rc_readmission_answered(conn, answer);
    }
}

static void on_refused(struct rc_conn *conn, enum rc_refusal refusal, bool program)
{
    static const struct rc_command ping = {.verb = RC_VERB_NOOP};
    struct rc_server *server = conn->owner;
    if (rc_service_lane_of(server, conn) == NULL) {
        return; /* it is on its way out */
    }
    if (refusal == RC_REFUSAL_REPLICA) {
        rc_renewal_begin(server, conn->why);
    } else if (!program) {
        rc_service_learn(server, RC_EVIDENCE_REFUSED, RINGCACHE_ESERVER, conn->why);
    } else if (server->health.state != RC_SERVER_DOWN && !conn->own.due) {
        (void)rc_conn_ask(conn, &ping); /* without memory for it, some other request will tell */
    }
}

/* The timer of a connection that was given up: LAME, first by the server's patience, then by the
 * time when it is over; CLOSED, by the latter. */
static void given_up_due(struct rc_server *server, struct rc_conn *conn)
{
    if (rc_env_now_ms(server->env) >= conn->over_ms) {
        old_over(server, conn);
        return;
    }
    rc_env_arm(server->env, &conn->timer, conn->over_ms);
    if (!conn->doubted) {
        rc_service_learn(server, RC_EVIDENCE_OLD_SILENT, RINGCACHE_ETIMEDOUT,
            "a connection given up does not end");
    }
}

static void lane_silent(struct rc_server *server, struct rc_lane *lane)
{
    const struct rc_verdict verdict = rc_service_judge(server, RC_EVIDENCE_SILENT);
    if (verdict.measure == RC_MEASURE_RETIRE_IT) {
        const char *reason = rc_text_bytes(server->reason);
        rc_service_retire(server, lane, server->down_status, reason);
    }
    rc_service_follow(server, &verdict);
}

static void on_silent(struct rc_conn *conn)
{
    static const char replaced[] = "a connection that was replaced is silent";
    struct rc_server *server = conn->owner;
    if (conn == server->probe) {
        rc_service_drop_probe(server);
        probe_failed(server, RINGCACHE_ETIMEDOUT, "the probe was greeted and then silent");
        return;
    }
    struct rc_lane *lane = rc_service_lane_of(server, conn);
    if (lane != NULL) {
        lane_silent(server, lane);
    } else if (conn->state != RC_CONN_READY) {
        given_up_due(server, conn);
    } else if (rc_conn_holds_writes(conn)) {
        rc_doubt_tell(server, conn);
        rc_service_learn(server, RC_EVIDENCE_OLD_SILENT, RINGCACHE_ETIMEDOUT, replaced);
    } else {
        rc_conn_close(conn, RINGCACHE_ECONNECT, replaced);
        old_over(server, conn);
    }
}

/* Idle connections are not heard of: those of a server that somebody else has found silent are
 * asked. */
static void ask_idle(struct rc_server *server)
{
    static const struct rc_command ping = {.verb = RC_VERB_NOOP};
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_conn *conn = server->lanes[i].conn;
        bool idle = conn != NULL && conn->state == RC_CONN_READY && conn->pipeline.oldest == NULL;
        if (idle && rc_conn_ask(conn, &ping) < 0) {
            return; /* without memory for it, the next request will tell */
        }
    }
}

void rc_server_hear_state(struct rc_server *server, bool up)
{
    const struct rc_verdict verdict =
        rc_service_judge(server, up ? RC_EVIDENCE_HEARD_BACK : RC_EVIDENCE_HEARD_GONE);
    if (verdict.measure == RC_MEASURE_ASK_IDLE) {
        ask_idle(server);
    }
    rc_service_follow(server, &verdict);
}

static const struct rc_conn_events conn_events = {
    .ready = on_ready,
    .failed = on_failed,
    .ended = on_ended,
    .distrusted = on_distrusted,
    .returned = rc_service_take_back,
    .silent = on_silent,
    .spoke = on_spoke,
    .room = on_room,
    .refused = on_refused,
    .answered = on_answered,
    .lost = rc_sweep_lost,
    .outdated = rc_divide_outdated,
    .settled = on_settled,
    .owing = rc_sweep_owing,
    .swept = rc_sweep_answered,
};

static void retry_due(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    struct rc_server *server = rc_container(deadline, struct rc_server, retry);
    rc_service_learn(server, RC_EVIDENCE_DUE, 0, "");
    if (rc_server_available(server)) {
        rc_readmission_go(server);
        rc_sweep_go(server);
    }
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (!rc_list_empty(&server->lanes[i].waiting)) {
            rc_lane_connect(&server->lanes[i]);
        }
    }
}

void rc_recovery_init(struct rc_server *server)
{
    server->conn_events = &conn_events;
    rc_deadline_init(&server->retry, retry_due);
}
