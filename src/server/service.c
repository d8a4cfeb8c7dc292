/* SPDX-License-Identifier: MIT */
#include "server/service.h"

#include "server/doubt.h"
#include "server/lane.h"
#include "server/readmission.h"
#include "server/sweep.h"

void rc_service_explain(struct rc_server *server, const char *what, const char *why)
{
    rc_text_replace(server->env, &server->reason, what, why);
}

void rc_service_announce(struct rc_server *server, enum rc_server_change change, int reason)
{
    server->events->changed(server, change, reason, rc_text_bytes(server->reason));
}

struct rc_lane *rc_service_lane_of(struct rc_server *server, const struct rc_conn *conn)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (server->lanes[i].conn == conn) {
            return &server->lanes[i];
        }
    }
    return NULL;
}

/* Is a lane's connection still in the making? */
static bool any_in_the_making(const struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_conn *conn = server->lanes[i].conn;
        if (conn != NULL && (conn->state == RC_CONN_DIALING || conn->state == RC_CONN_GREETING)) {
            return true;
        }
    }
    return false;
}

/* Has a lane a connection that was greeted? */
static bool any_ready(const struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (server->lanes[i].conn != NULL && server->lanes[i].conn->state == RC_CONN_READY) {
            return true;
        }
    }
    return false;
}

static bool any_clean(const struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_conn *conn = server->lanes[i].conn;
        if (conn != NULL && conn->clean && rc_readmission_is_done(server, conn)) {
            return true;
        }
    }
    return false;
}

/* Is there a connection that answers? */
static bool any_healthy(const struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_conn *conn = server->lanes[i].conn;
        if (conn != NULL && conn->state == RC_CONN_READY && !conn->suspect) {
            return true;
        }
    }
    return false;
}

uint64_t rc_server_silent_since(const struct rc_server *server)
{
    uint64_t since_ms = 0;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_conn *conn = server->lanes[i].conn;
        bool suspect = conn != NULL && conn->suspect;
        if (suspect && (since_ms == 0 || conn->suspect_ms < since_ms)) {
            since_ms = conn->suspect_ms;
        }
    }
    return since_ms;
}

uint64_t rc_server_heard_ms(const struct rc_server *server)
{
    uint64_t heard_ms = 0;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_conn *conn = server->lanes[i].conn;
        if (conn != NULL && conn->liveness.received_ms > heard_ms) {
            heard_ms = conn->liveness.received_ms;
        }
    }
    return heard_ms;
}

bool rc_server_is_obstructed(const struct rc_server *server)
{
    for (struct rc_list *node = server->old.next; node != &server->old; node = node->next) {
        const struct rc_conn *conn = rc_container(node, struct rc_conn, link);
        if (rc_conn_holds_writes(conn) && !conn->doubted) {
            return true;
        }
    }
    return false;
}

/* ---- in service ---- */

void rc_service_drop_probe(struct rc_server *server)
{
    rc_conn_free(server->probe);
    server->probe = NULL;
}

void rc_service_retry_in(struct rc_server *server, uint32_t delay_ms)
{
    rc_env_arm(server->env, &server->retry, rc_env_now_ms(server->env) + delay_ms);
}

/* Ask a greeted connection for a sign of life; false where there is none to ask. */
static bool ping_one_that_is_ready(struct rc_server *server)
{
    static const struct rc_command ping = {.verb = RC_VERB_NOOP};
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_conn *conn = server->lanes[i].conn;
        if (conn != NULL && conn->state == RC_CONN_READY) {
            return conn->own.due || rc_conn_ask(conn, &ping) == 0;
        }
    }
    return false;
}

/* With an older generation in the way no answer would bring the server back, but a greeting tells
 * how to be rid of it. */
static bool ping_one_that_stayed(struct rc_server *server)
{
    return rc_server_gate_open(server) && ping_one_that_is_ready(server);
}

static void open_probe(struct rc_server *server)
{
    struct rc_env *env = server->env;
    uint32_t deadline_ms = server->health.state == RC_SERVER_SUSPECT
                               ? rc_silence_window_ms(env->timeout_ms)
                               : env->connect_timeout_ms;
    server->counts.connects++;
    server->probe = rc_conn_open(env, &server->backend, server->conn_events, server, deadline_ms);
    if (server->probe == NULL) {
        rc_service_retry_in(server, RC_SERVICE_PAUSE_MS);
    }
}

/* By the rules of the outage. */
static void plan_probe(struct rc_server *server, uint64_t before_ms)
{
    struct rc_env *env = server->env;
    uint64_t now_ms = rc_env_now_ms(env);
    rc_service_retry_in(
        server, rc_outage_next_probe(&server->health.outage, now_ms, rc_env_random(env)));
    if (now_ms < before_ms && server->retry.at_ms > before_ms) {
        rc_env_arm(env, &server->retry, before_ms);
    }
}

void rc_service_follow(struct rc_server *server, const struct rc_verdict *verdict)
{
    switch (verdict->next) {
    case RC_NEXT_AS_IT_IS:
        break;
    case RC_NEXT_PING:
        if (!ping_one_that_stayed(server)) {
            open_probe(server);
        }
        break;
    case RC_NEXT_OPEN:
        open_probe(server);
        break;
    case RC_NEXT_IN:
        rc_service_retry_in(server, verdict->delay_ms);
        break;
    case RC_NEXT_PLAN:
        plan_probe(server, verdict->before_ms);
        break;
    case RC_NEXT_DROP_PROBE:
        rc_service_drop_probe(server);
        break;
    case RC_NEXT_DROP_ALL:
        rc_service_drop_probe(server);
        rc_env_disarm(server->env, &server->retry);
        break;
    }
}

struct rc_verdict rc_service_judge(struct rc_server *server, enum rc_evidence evidence)
{
    const struct rc_env *env = server->env;
    struct rc_facts facts = {
        .now_ms = rc_env_now_ms(server->env),
        .silent_ms = rc_server_silent_since(server),
        .stalled_ms = env->stalled_ms,
        .timeout_ms = env->timeout_ms,
        .fence_limit_ms = env->fence_limit_ms,
        .probing = server->probe != NULL,
        .planned = rc_deadline_armed(&server->retry),
        .healthy = any_healthy(server),
        .dialing = any_in_the_making(server),
        .obstructed = !rc_server_gate_open(server),
    };
    if (rc_evidence_is_soft(evidence)) {
        server->events->take_census(server, &facts.census);
    }
    return rc_health_judge(&server->health, evidence, &facts);
}

void rc_lane_take(struct rc_lane *lane, struct rc_conn *conn)
{
    lane->conn = conn;
    conn->lane = lane->number;
    conn->clean = false;
}

void rc_lane_connect(struct rc_lane *lane)
{
    struct rc_server *server = lane->server;
    if (lane->conn != NULL) {
        return;
    }
    const struct rc_verdict verdict = rc_service_judge(server, RC_EVIDENCE_WANTED);
    if (verdict.measure != RC_MEASURE_DIAL) {
        return;
    }
    if (verdict.told != RC_CHANGE_NONE) {
        rc_service_explain(server, "connecting", "");
        rc_service_announce(server, verdict.told, 0);
    }
    server->counts.connects++;
    struct rc_conn *conn = rc_conn_open(server->env, &server->backend, server->conn_events, server,
        server->env->connect_timeout_ms);
    if (conn == NULL) {
        rc_service_explain(server, "no connection could be begun", "");
        rc_service_retry_in(server, RC_SERVICE_PAUSE_MS);
        return;
    }
    rc_lane_take(lane, conn);
}

void rc_server_ask_for_sign(struct rc_server *server)
{
    if (!ping_one_that_is_ready(server)) {
        rc_lane_connect(&server->lanes[0]);
    }
}

/* It answers, and some lane has nothing left in the journal. */
static void enter_service(struct rc_server *server)
{
    const struct rc_verdict verdict = rc_service_judge(server, RC_EVIDENCE_SERVES);
    rc_service_follow(server, &verdict);
    rc_readmission_ended(server);
    if (verdict.told != RC_CHANGE_NONE) {
        rc_service_explain(server, "in service",
            rc_doubt_any(server) ? ", with keys in doubt that an older connection wrote to" : "");
        rc_service_announce(server, verdict.told, 0);
    }
}

/* Requests wait from here on, and the journal's last keys go. */
static void let_in(struct rc_server *server)
{
    const struct rc_verdict verdict = rc_service_judge(server, RC_EVIDENCE_ANSWERS);
    rc_service_explain(server, "keys written meanwhile are being deleted", "");
    rc_service_follow(server, &verdict);
}

/* What has to be proven, deleted and marked before requests go there; false when it is not in
 * service afterwards. */
static bool comes_back(struct rc_server *server)
{
    if (server->health.state == RC_SERVER_DOWN && !rc_readmission_lets_in(server)) {
        return false;
    }
    rc_sweep_go(server);
    if (server->health.state == RC_SERVER_DOWN && !rc_sweep_lets_in(server)) {
        return false;
    }
    if (any_clean(server)) {
        enter_service(server);
    } else if (server->health.state == RC_SERVER_DOWN) {
        let_in(server);
    }
    rc_readmission_go(server);
    return server->health.state != RC_SERVER_DOWN;
}

void rc_service_resume(struct rc_server *server)
{
    if (!rc_server_gate_open(server) || !any_ready(server)) {
        return;
    }
    if (!comes_back(server)) {
        return;
    }
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_lane *lane = &server->lanes[i];
        bool wanted = !rc_list_empty(&lane->waiting);
        if (wanted && rc_lane_ready(lane)) {
            rc_lane_flow(lane);
        } else if (wanted) {
            rc_lane_connect(lane);
        } else {
            rc_sweep_connect(lane);
        }
    }
}

/* ---- out of service ---- */

void rc_service_retire(struct rc_server *server, struct rc_lane *lane, int status, const char *why)
{
    struct rc_conn *conn = lane->conn;
    lane->conn = NULL;
    if (conn == NULL) {
        return;
    }
    struct rc_list again;
    rc_list_init(&again);
    rc_conn_withhold(conn, status, why, rc_server_available(server) ? &again : NULL);
    if (rc_conn_holds_writes(conn)) {
        rc_list_append(&server->old, &conn->link);
        rc_conn_fence(conn, status, why);
        rc_doubt_tell(server, conn);
    } else {
        rc_conn_close(conn, status, why);
        rc_conn_free(conn);
    }
    rc_lane_take_back(lane, &again);
}

/* Nothing waits for a server that is out of service. */
void rc_service_take_back(struct rc_conn *conn, struct rc_list *requests)
{
    struct rc_server *server = conn->owner;
    struct rc_lane *lane = &server->lanes[conn->lane];
    rc_lane_take_back(lane, requests);
    if (server->health.state == RC_SERVER_DOWN) {
        rc_lane_fail_waiting(lane, server->down_status, rc_text_bytes(server->reason));
    }
}

static int status_of_outage(int status)
{
    bool telling = status == RINGCACHE_EAUTH || status == RINGCACHE_ENOTSUP;
    return telling ? status : RINGCACHE_EDOWN;
}

/* A connection on which the server spoke is in step, and asked again when it is back. */
static void leave_standing(struct rc_server *server, struct rc_lane *lane)
{
    const char *why = rc_text_bytes(server->reason);
    bool speaks = lane->conn != NULL && lane->conn->state == RC_CONN_READY && !lane->conn->suspect;
    if (speaks) {
        lane->conn->sweeps_freely = false;
        lane->conn->clean = false;
        lane->conn->emptiness = RC_EMPTINESS_UNASKED;
        rc_conn_withhold(lane->conn, server->down_status, why, NULL);
    } else {
        rc_service_retire(server, lane, server->down_status, why);
    }
}

/* What waits ends. The connections go; by the server's word, those that were greeted stay, and what
 * is under way ends as it is answered. */
static void go_out(struct rc_server *server, enum rc_measure measure, int status, const char *why)
{
    rc_service_explain(server, measure == RC_MEASURE_EJECT ? "silent: " : "", why);
    server->down_status = status_of_outage(status);
    server->backend.credentials.unasked = 0; /* another process may come back */
    rc_service_drop_probe(server);
    const char *reason = rc_text_bytes(server->reason);
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_lane *lane = &server->lanes[i];
        if (measure == RC_MEASURE_WITHHOLD) {
            leave_standing(server, lane);
        } else {
            rc_service_retire(server, lane, server->down_status, reason);
        }
        rc_lane_fail_waiting(lane, server->down_status, reason);
    }
}

static void take_measure(
    struct rc_server *server, enum rc_measure measure, int status, const char *why)
{
    switch (measure) {
    case RC_MEASURE_EJECT:
    case RC_MEASURE_RETIRE_ALL:
    case RC_MEASURE_WITHHOLD:
        go_out(server, measure, status, why);
        break;
    case RC_MEASURE_STAY_OUT:
        rc_service_explain(server, "", why);
        server->down_status = status_of_outage(status);
        break;
    case RC_MEASURE_RESUME:
        rc_service_resume(server);
        break;
    case RC_MEASURE_ASK_OTHERS:
        server->events->ask_others(server);
        break;
    case RC_MEASURE_NONE:
    case RC_MEASURE_DIAL:
    case RC_MEASURE_CLOSE_LANE:
    case RC_MEASURE_RETIRE_IT:
    case RC_MEASURE_RETIRE_SILENT:
    case RC_MEASURE_WAIT_FOR_OLD:
    case RC_MEASURE_GIVE_UP_OLD:
    case RC_MEASURE_ASK_IDLE:
        break; /* of single connections */
    }
}

void rc_service_carry_out(
    struct rc_server *server, const struct rc_verdict *verdict, int status, const char *why)
{
    take_measure(server, verdict->measure, status, why);
    rc_service_follow(server, verdict);
    if (verdict->told != RC_CHANGE_NONE) {
        bool out = verdict->told == RC_CHANGE_DOWN || verdict->told == RC_CHANGE_EJECTED;
        server->counts.outages += out;
        rc_service_announce(server, verdict->told, status);
    }
}

void rc_service_learn(
    struct rc_server *server, enum rc_evidence evidence, int status, const char *why)
{
    const struct rc_verdict verdict = rc_service_judge(server, evidence);
    rc_service_carry_out(server, &verdict, status, why);
}
