/* SPDX-License-Identifier: MIT */
#include "server/renewal.h"

#include "server/service.h"

/* A new master is found by one of these; and a replica that stands in the ring by mistake is not
 * dialled without end. */
enum { RENEWAL_MS = 1000 };

static bool stands(const struct rc_lane *lane)
{
    return lane->conn != NULL && lane->conn->state == RC_CONN_READY;
}

void rc_renewal_begin(struct rc_server *server, const char *words)
{
    uint64_t now_ms = rc_env_now_ms(server->env);
    if (server->health.state != RC_SERVER_UP || now_ms < server->renewal_from_ms) {
        return;
    }
    server->renewal_from_ms = now_ms + RENEWAL_MS;
    rc_service_explain(server, "connecting anew: ", words);
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_lane *lane = &server->lanes[i];
        if (stands(lane) && lane->successor == NULL) {
            server->counts.connects++;
            lane->successor = rc_conn_open(server->env, &server->backend, server->conn_events,
                server, server->env->connect_timeout_ms);
        }
    }
}

struct rc_lane *rc_renewal_lane_of(struct rc_server *server, const struct rc_conn *conn)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (server->lanes[i].successor == conn) {
            return &server->lanes[i];
        }
    }
    return NULL;
}

/* The lane's connection goes as soon as it has answered what it was sent. False: there is no memory
 * to ask for a sign of that. */
static bool drain(struct rc_server *server, struct rc_conn *conn)
{
    static const struct rc_command fence = {.verb = RC_VERB_NOOP};
    if (conn->pipeline.oldest == NULL) {
        rc_conn_free(conn);
        return true;
    }
    if (!conn->own.due && rc_conn_ask(conn, &fence) < 0) {
        return false;
    }
    conn->replaced = true;
    rc_list_append(&server->old, &conn->link);
    return true;
}

/* A connection that was made while the successor still was leads to where the name led later. */
static bool outdated_by(const struct rc_lane *lane, const struct rc_conn *successor)
{
    return stands(lane) && lane->conn->opened_ms <= successor->opened_ms;
}

void rc_renewal_ready(struct rc_lane *lane)
{
    struct rc_server *server = lane->server;
    struct rc_conn *successor = lane->successor;
    lane->successor = NULL;
    bool wanted = server->health.state == RC_SERVER_UP && outdated_by(lane, successor);
    if (!wanted || !drain(server, lane->conn)) {
        rc_conn_free(successor);
        return;
    }
    rc_lane_take(lane, successor);
    rc_service_explain(server, "in service, connected anew", "");
    rc_service_resume(server);
}

/* A silent one is not waited for by more requests than it has. */
static void give_way(struct rc_lane *lane)
{
    static const char why[] = "its user or password is another now";
    struct rc_server *server = lane->server;
    struct rc_conn *conn = lane->conn;
    rc_conn_free(lane->successor);
    lane->successor = NULL;
    if (stands(lane) && !conn->suspect && drain(server, conn)) {
        lane->conn = NULL;
    } else if (conn != NULL) {
        conn->replaced = true;
        rc_service_retire(server, lane, RINGCACHE_ECONNECT, why);
    }
}

static void connect_anew(struct rc_server *server)
{
    rc_service_explain(server, "connecting anew, with another user or password", "");
    rc_service_learn(server, RC_EVIDENCE_LOST, 0, "");
    rc_lane_connect(&server->lanes[0]);
    for (uint32_t i = 1; i < server->lane_count; i++) {
        if (!rc_list_empty(&server->lanes[i].waiting)) {
            rc_lane_connect(&server->lanes[i]);
        }
    }
}

/* What is out of service, or silent, is asked anew at once. A server on its way back may be asking
 * for the end of an older connection: that goes on. */
void rc_server_greet_as(struct rc_server *server, struct rc_credentials *who)
{
    rc_credentials_deinit(&server->backend.credentials);
    server->backend.credentials = *who;
    *who = (struct rc_credentials){.user = NULL};
    bool asked =
        server->health.state == RC_SERVER_DOWN || server->health.state == RC_SERVER_SUSPECT;
    bool connected = false;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        connected = connected || server->lanes[i].conn != NULL;
        give_way(&server->lanes[i]);
    }
    if (asked) {
        rc_service_drop_probe(server);
        rc_service_retry_in(server, 0);
    } else if (connected) {
        connect_anew(server);
    }
}

void rc_renewal_failed(struct rc_lane *lane, const char *why)
{
    lane->successor = NULL;
    if (lane->server->health.state == RC_SERVER_UP) {
        rc_service_explain(lane->server, "in service, but not connected anew: ", why);
    }
}
