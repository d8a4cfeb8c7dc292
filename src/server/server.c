/* SPDX-License-Identifier: MIT */
#include "server/server.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "server/divide.h"
#include "server/doubt.h"
#include "server/lane.h"
#include "server/recovery.h"

/* ---- submission ---- */

static void join_waiting(struct rc_lane *lane, struct rc_request *request)
{
    request->state = RC_REQUEST_WAITING;
    rc_list_append(&lane->waiting, &request->link);
    lane->waiting_count++;
}

static int wait_in(
    struct rc_lane *lane, struct rc_request *request, const struct rc_command *command)
{
    int rc = rc_request_keep(lane->server->env, request, command);
    if (rc < 0) {
        return rc;
    }
    join_waiting(lane, request);
    rc_lane_connect(lane);
    return 0;
}

static int send_on(
    struct rc_lane *lane, struct rc_request *request, const struct rc_command *command)
{
    request->noted = lane->server->journal.noted;
    if (rc_lane_keeps_key(lane, command)) {
        struct rc_command kept = *command;
        kept.value.len = 0; /* no value is ever asked for again */
        kept.loan = NULL;
        int rc = rc_request_keep(lane->server->env, request, &kept);
        if (rc < 0) {
            return rc;
        }
    }
    return rc_conn_send(lane->conn, request, command);
}

/* An upper bound on the bytes that a request takes besides its own structure: its copy while it
 * waits or its encoding, and a key that is compared beside that. */
static uint64_t need(const struct rc_lane *lane, const struct rc_command *command)
{
    const struct rc_codec *codec =
        lane->conn != NULL ? lane->conn->codec : lane->server->backend.codec;
    uint64_t encoded = codec->bound(command);
    uint64_t kept = sizeof(struct rc_body) + 2 * (command->prefix.len + command->key.len);
    return encoded > UINT64_MAX - kept ? UINT64_MAX : encoded + kept;
}

/* May `bytes` more be put behind this lane's unsent output? One slow server must not take the whole
 * client's room; a request that is alone there may be of any size. */
static bool fair(const struct rc_lane *lane, uint64_t bytes)
{
    uint64_t unsent = lane->conn != NULL ? rc_conn_unsent_bytes(lane->conn) : 0;
    uint64_t share = lane->server->env->budget.limit / 4;
    return unsent == 0 || (bytes <= share && unsent <= share - bytes);
}

static inline void accept(struct rc_lane *lane, struct rc_request *request)
{
    lane->server->live++;
    lane->bulk += request->bulk;
    request->lane = lane;
}

static void refuse(struct rc_lane *lane, struct rc_request *request, int status, const char *why)
{
    const struct rc_result result = {.status = status, .message = rc_slice_text(why)};
    accept(lane, request);
    rc_request_finish(lane->server->env, request, &result);
}

/* Is the lane not to be asked at all for now? */
static inline bool is_out(const struct rc_lane *lane)
{
    const struct rc_server *server = lane->server;
    return server->health.state == RC_SERVER_DOWN ||
           (lane->closed_until_ms > 0 && lane->closed_until_ms > rc_env_now_ms(server->env));
}

static void turn_away(
    struct rc_lane *lane, struct rc_request *request, const struct rc_command *command)
{
    const struct rc_server *server = lane->server;
    bool down = server->health.state == RC_SERVER_DOWN;
    rc_lane_lose(lane, command);
    refuse(lane, request, down ? server->down_status : RINGCACHE_ECONNECT,
        rc_text_bytes(server->reason));
}

static const char doubtful[] = "an older write to this key may still be carried out";

/* Does a key in doubt keep the request from being sent? Then it is finished. */
static bool answered_here(
    struct rc_lane *lane, struct rc_request *request, const struct rc_command *command)
{
    int status = rc_doubt_answer(lane->server, command);
    if (status == RINGCACHE_OK) {
        return false;
    }
    if (status < 0) { /* what waits in front is older than what it was to store */
        rc_lane_outrun(lane, command);
        rc_lane_lose(lane, command);
    }
    refuse(lane, request, status, status < 0 ? doubtful : "");
    return true;
}

/* Is there room for any command with such a key and value? Then `fair` and the budget agree, and
 * `need` need not be asked. */
static inline bool has_plenty(const struct rc_lane *lane, size_t key_len, size_t value_len)
{
    enum { FIXED_MAX_BYTES = 16 * 1024, KEY_COPIES = 4 };
    const struct rc_env *env = lane->server->env;
    const struct rc_budget *budget = &env->budget;
    uint64_t bytes = FIXED_MAX_BYTES + KEY_COPIES * key_len + value_len;
    uint64_t unsent = lane->conn != NULL ? rc_conn_unsent_bytes(lane->conn) : 0;
    return rc_lane_load(lane) < env->max_inflight && unsent + bytes <= budget->limit / 4 &&
           budget->used + bytes <= budget->limit;
}

/* Is there room for a request that takes `bytes`? */
static bool takes(struct rc_lane *lane, uint64_t bytes)
{
    const struct rc_env *env = lane->server->env;
    if (rc_lane_load(lane) < env->max_inflight && fair(lane, bytes) &&
        rc_budget_allows(&env->budget, bytes)) {
        return true;
    }
    lane->refused = true;
    lane->refused_bytes = bytes;
    return false;
}

/* Behind much that is lent a request waits un-encoded: one that ends before its turn comes was
 * provably never sent, and gives back at once what it lends. */
static bool sends_at_once(const struct rc_lane *lane)
{
    return rc_list_empty(&lane->waiting) && rc_lane_ready(lane) &&
           lane->conn->out.lent < RC_LANE_FLOW_BYTES;
}

static inline struct rc_lane *lane_at(const struct rc_server *server, uint32_t number)
{
    return &server->lanes[number < server->lane_count ? number : number % server->lane_count];
}

int rc_server_submit(struct rc_server *server, uint32_t lane_number, struct rc_request *request,
    const struct rc_command *command)
{
    struct rc_lane *lane = lane_at(server, lane_number);
    bool out = is_out(lane);
    if (out) {
        turn_away(lane, request, command);
    }
    if (out || (rc_doubt_is_possible(server) && answered_here(lane, request, command))) {
        rc_env_give_back(server->env, command->loan);
        return 0;
    }
    if (rc_lane_is_too_big(lane, command)) {
        return RINGCACHE_ETOOBIG;
    }
    bool plenty = has_plenty(lane, command->prefix.len + command->key.len, command->value.len);
    if (!plenty && !takes(lane, need(lane, command))) {
        return RINGCACHE_EBUSY;
    }
    bool at_once = sends_at_once(lane), guarded = at_once && rc_divide_guards(lane, command);
    int rc =
        at_once && !guarded ? send_on(lane, request, command) : wait_in(lane, request, command);
    if (rc == 0) {
        accept(lane, request);
    }
    if (rc == 0 && guarded) {
        rc_lane_flow(lane);
    }
    return rc;
}

bool rc_server_get(struct rc_server *server, uint32_t lane_number, struct rc_request *request,
    const struct rc_get *get)
{
    struct rc_lane *lane = lane_at(server, lane_number);
    if (is_out(lane) || rc_doubt_is_possible(server) || !sends_at_once(lane) ||
        !has_plenty(lane, get->prefix.len + get->key.len, 0) ||
        !rc_conn_get(lane->conn, request, get)) {
        return false;
    }
    accept(lane, request);
    return true;
}

void rc_server_refuse(
    struct rc_server *server, uint32_t lane_number, struct rc_request *request, int status)
{
    struct rc_lane *lane = lane_at(server, lane_number);
    refuse(lane, request, status, ringcache_strerror(status));
}

uint32_t rc_server_slack(const struct rc_server *server, uint32_t lane_number)
{
    enum { AT_LEAST = 64 };
    uint32_t half = server->env->max_inflight / 2 > 0 ? server->env->max_inflight / 2 : 1;
    const struct rc_lane *lane = lane_at(server, lane_number);
    uint32_t used = rc_lane_load(lane);
    return used < half ? half - used : lane->bulk == 0 ? AT_LEAST : 0;
}

/* Would what was refused last be taken now, and some more behind it? */
static bool has_room(const struct rc_lane *lane)
{
    const struct rc_budget *budget = &lane->server->env->budget;
    uint64_t bytes = lane->refused_bytes < UINT64_MAX / 2 ? lane->refused_bytes : UINT64_MAX / 2;
    return rc_lane_load(lane) <= lane->server->env->max_inflight / 4 * 3 && fair(lane, bytes) &&
           (budget->used == 0 || rc_budget_allows(budget, bytes + budget->lone));
}

bool rc_server_has_room(struct rc_server *server, bool *refused)
{
    bool room = false;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        struct rc_lane *lane = &server->lanes[i];
        if (!lane->refused) {
            continue;
        }
        lane->refused = !has_room(lane);
        room = room || !lane->refused;
        *refused = *refused || lane->refused;
    }
    return room;
}

void rc_server_count_failure(struct rc_server *server, int status)
{
    struct rc_counts *counts = &server->counts;
    if (status == RINGCACHE_ETIMEDOUT) {
        counts->timeouts++;
    } else if (status == RINGCACHE_EDOWN) {
        counts->unavailable++;
    } else {
        counts->failures++;
    }
}

const char *rc_server_state_name(const struct rc_server *server)
{
    switch (server->health.state) {
    case RC_SERVER_IDLE:
        return "idle";
    case RC_SERVER_CONNECTING:
        return "connecting";
    case RC_SERVER_UP:
        return "up";
    case RC_SERVER_SUSPECT:
        return "suspect";
    case RC_SERVER_DOWN:
        return server->held ? "held" : "down";
    }
    return "";
}

const char *rc_server_process(const struct rc_server *server)
{
    const struct rc_conn *conn = server->lanes[0].conn;
    return conn != NULL && conn->state == RC_CONN_READY ? conn->greeting.run_id : "";
}

/* ---- making and freeing ---- */

static void free_backend(struct rc_backend *backend)
{
    rc_free((char *)(uintptr_t)backend->name);
    rc_free((char *)(uintptr_t)backend->endpoint.host);
    rc_credentials_deinit(&backend->credentials);
}

static int copy_backend(struct rc_backend *to, const struct rc_backend *from)
{
    *to = *from;
    to->name = rc_copy_text(from->name, strlen(from->name));
    to->endpoint.host = rc_copy_text(from->endpoint.host, strlen(from->endpoint.host));
    int rc = rc_credentials_copy(&to->credentials, &from->credentials);
    return to->name != NULL && to->endpoint.host != NULL ? rc : RINGCACHE_ENOMEM;
}

int rc_server_new(struct rc_server **server, struct rc_env *env, const struct rc_backend *backend,
    uint32_t connections)
{
    struct rc_server *s = rc_alloc_zeroed(1, sizeof *s);
    if (s == NULL) {
        return RINGCACHE_ENOMEM;
    }
    s->env = env;
    s->lanes = rc_alloc_zeroed(connections, sizeof *s->lanes);
    if (copy_backend(&s->backend, backend) < 0 || s->lanes == NULL ||
        rc_journal_init(&s->journal, connections, env->journal_entries) < 0) {
        free_backend(&s->backend);
        rc_free(s->lanes);
        rc_free(s);
        return RINGCACHE_ENOMEM;
    }
    s->lane_count = connections;
    for (uint32_t i = 0; i < connections; i++) {
        s->lanes[i].server = s;
        s->lanes[i].number = i;
        rc_list_init(&s->lanes[i].waiting);
    }
    rc_list_init(&s->old);
    rc_recovery_init(s);
    *server = s;
    return 0;
}

static void drop_connections(struct rc_server *server)
{
    for (uint32_t i = 0; i < server->lane_count; i++) {
        rc_lane_fail_waiting(&server->lanes[i], RINGCACHE_ECANCELED, "the client is closing");
        rc_conn_free(server->lanes[i].conn);
        rc_conn_free(server->lanes[i].successor);
        server->lanes[i].conn = NULL;
        server->lanes[i].successor = NULL;
    }
    rc_conn_free(server->probe);
    server->probe = NULL;
    for (struct rc_list *node; (node = rc_list_first(&server->old)) != NULL;) {
        struct rc_conn *conn = rc_container(node, struct rc_conn, link);
        rc_doubt_end(server, conn);
        rc_conn_free(conn);
    }
    rc_env_disarm(server->env, &server->retry);
}

void rc_server_close(struct rc_server *server)
{
    server->closing = true;
    drop_connections(server);
}

void rc_server_depart(struct rc_server *server, struct rc_journal *journal)
{
    drop_connections(server);
    server->closing = true;
    *journal = server->journal;
    server->journal = (struct rc_journal){.limit = 0};
}

bool rc_server_is_known(const struct rc_server *server)
{
    return server->counts.connects > 0 || server->returns > 0 || server->journal.noted > 0 ||
           server->journal.missed > 0;
}

void rc_server_rejoin(struct rc_server *server, struct rc_journal *journal)
{
    rc_journal_deinit(&server->journal);
    server->journal = *journal;
    *journal = (struct rc_journal){.limit = 0};
    rc_server_return(server);
}

bool rc_server_quiet(const struct rc_server *server)
{
    if (server->live > 0 || !rc_list_empty(&server->old)) {
        return false;
    }
    for (uint32_t i = 0; i < server->lane_count; i++) {
        if (server->lanes[i].conn != NULL && rc_conn_holds_writes(server->lanes[i].conn)) {
            return false;
        }
    }
    return true;
}

void rc_server_free(struct rc_server *server)
{
    if (server == NULL) {
        return;
    }
    rc_server_close(server);
    rc_journal_deinit(&server->journal);
    free_backend(&server->backend);
    for (uint32_t i = 0; i < server->lane_count; i++) {
        rc_outrun_deinit(&server->lanes[i].outrun);
    }
    rc_free(server->reason);
    rc_free(server->lanes);
    rc_free(server);
}
