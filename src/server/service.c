/* SPDX-License-Identifier: MIT */
#include "server/service.h"

#include "server/doubt.h"
#include "server/readmission.h"
#include "server/sweep.h"

enum { NAMED_PROBE = 4 };

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

bool rc_service_any_in_the_making(const struct rc_server *server)
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

bool rc_service_any_healthy(const struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_conn *conn = server->lanes[i].conn;
        if (conn != NULL && conn->state == RC_CONN_READY && !conn->suspect) {
            return true;
        }
    }
    return false;
}

bool rc_service_any_suspect(const struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (server->lanes[i].conn != NULL && server->lanes[i].conn->suspect) {
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

bool rc_server_gate_open(const struct rc_server *server)
{
    for (struct rc_list *node = server->old.next; node != &server->old; node = node->next) {
        const struct rc_conn *conn = rc_container(node, struct rc_conn, link);
        if (rc_conn_holds_writes(conn) && !conn->doubted) {
            return false;
        }
    }
    return true;
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
    uint32_t deadline_ms = server->state == RC_SERVER_SUSPECT
                               ? rc_silence_window_ms(env->timeout_ms)
                               : env->connect_timeout_ms;
    server->counts.connects++;
    server->probe = rc_conn_open(env, &server->backend, server->conn_events, server, deadline_ms);
    if (server->probe == NULL) {
        rc_service_retry_in(server, RC_SERVICE_PAUSE_MS);
    }
}

/* The machine that a connection leads to may be loading because another has taken its place, and
 * its name: of the probes of an outage, one in so many begins with the name. */
static bool asks_anew(const struct rc_server *server)
{
    return server->outage.probes % NAMED_PROBE == 0;
}

void rc_service_probe(struct rc_server *server)
{
    if (server->probe != NULL) {
        return;
    }
    bool down = server->state == RC_SERVER_DOWN;
    server->outage.probes += down;
    if (!down || asks_anew(server) || !ping_one_that_stayed(server)) {
        open_probe(server);
    }
}

/* In service, a probe is wanted for a silent connection alone. */
static void settle_probe(struct rc_server *server, bool planned)
{
    if (server->state != RC_SERVER_SUSPECT) {
        rc_service_drop_probe(server);
        if (planned) {
            rc_env_disarm(server->env, &server->retry);
        }
    } else if (!rc_deadline_armed(&server->retry)) {
        rc_service_probe(server);
    }
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
    bool pausing = rc_deadline_armed(&server->retry) && server->state != RC_SERVER_SUSPECT;
    if (lane->conn != NULL || server->state == RC_SERVER_DOWN || pausing) {
        return;
    }
    if (server->state == RC_SERVER_IDLE) {
        server->state = RC_SERVER_CONNECTING;
        rc_service_explain(server, "connecting", "");
        rc_service_announce(server, RC_CHANGE_CONNECTING, 0);
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
    enum rc_server_state before = server->state;
    bool was_out = server->outage.running;
    server->state = rc_service_any_suspect(server) ? RC_SERVER_SUSPECT : RC_SERVER_UP;
    if (was_out) {
        rc_outage_end(&server->outage, rc_env_now_ms(server->env));
    }
    settle_probe(server, was_out || before == RC_SERVER_SUSPECT);
    rc_readmission_ended(server);
    if (was_out || before == RC_SERVER_CONNECTING) {
        rc_service_explain(server, "in service",
            rc_doubt_any(server) ? ", with keys in doubt that an older connection wrote to" : "");
        rc_service_announce(
            server, was_out && server->ejected ? RC_CHANGE_READMITTED : RC_CHANGE_UP, 0);
    }
}

/* Requests wait from here on, and the journal's last keys go. */
static void let_in(struct rc_server *server)
{
    server->state = RC_SERVER_CONNECTING;
    rc_service_explain(server, "keys written meanwhile are being deleted", "");
    settle_probe(server, true);
}

/* What has to be proven, deleted and marked before requests go there; false when it is not in
 * service afterwards. */
static bool comes_back(struct rc_server *server)
{
    if (server->state == RC_SERVER_DOWN && !rc_readmission_lets_in(server)) {
        return false;
    }
    rc_sweep_go(server);
    if (server->state == RC_SERVER_DOWN && !rc_sweep_lets_in(server)) {
        return false;
    }
    if (any_clean(server)) {
        enter_service(server);
    } else if (server->state == RC_SERVER_DOWN) {
        let_in(server);
    }
    rc_readmission_go(server);
    return server->state != RC_SERVER_DOWN;
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
        }
    }
}

void rc_service_plan_probe(struct rc_server *server)
{
    rc_service_retry_in(server, rc_outage_next_probe(&server->outage, rc_env_now_ms(server->env),
                                    rc_env_random(server->env)));
}

/* ---- out of service ---- */

void rc_service_retire(struct rc_server *server, struct rc_lane *lane, int status, const char *why)
{
    struct rc_conn *conn = lane->conn;
    lane->conn = NULL;
    if (conn == NULL) {
        return;
    }
    if (!rc_conn_holds_writes(conn)) {
        rc_conn_close(conn, status, why);
        rc_conn_free(conn);
        return;
    }
    rc_list_append(&server->old, &conn->link);
    rc_conn_fence(conn, status, why);
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
        rc_conn_withhold(lane->conn, server->down_status, why);
    } else {
        rc_service_retire(server, lane, server->down_status, why);
    }
}

void rc_service_end(
    struct rc_server *server, enum rc_evidence evidence, int status, const char *why)
{
    bool soft = evidence == RC_EVIDENCE_SILENCE;
    if (server->state == RC_SERVER_DOWN) {
        return;
    }
    rc_service_explain(server, soft ? "silent: " : "", why);
    bool goes_on = server->outage.running; /* it was on its way back, and nobody was told */
    server->state = RC_SERVER_DOWN;
    server->down_status = status_of_outage(status);
    server->backend.credentials.unasked = 0; /* another process may come back */
    if (!goes_on) {
        server->ejected = soft;
        server->counts.outages++;
        rc_outage_begin(&server->outage, rc_env_now_ms(server->env));
    }
    rc_service_drop_probe(server);
    const char *reason = rc_text_bytes(server->reason);
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_lane *lane = &server->lanes[i];
        if (evidence == RC_EVIDENCE_WORD) {
            leave_standing(server, lane);
        } else {
            rc_service_retire(server, lane, server->down_status, reason);
        }
        rc_lane_fail_waiting(lane, server->down_status, reason);
    }
    rc_service_plan_probe(server);
    if (!goes_on) {
        rc_service_announce(server, soft ? RC_CHANGE_EJECTED : RC_CHANGE_DOWN, status);
    }
}

void rc_service_stay_out(struct rc_server *server, int status, const char *why)
{
    rc_service_explain(server, "", why);
    server->down_status = status_of_outage(status);
    rc_service_plan_probe(server);
}

void rc_service_keep_probing(struct rc_server *server)
{
    if (server->state == RC_SERVER_DOWN && server->probe == NULL &&
        !rc_deadline_armed(&server->retry)) {
        rc_service_plan_probe(server);
    }
}
