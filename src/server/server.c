/* SPDX-License-Identifier: MIT */
#include "server/server.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "server/divide.h"
#include "server/doubt.h"
#include "server/recovery.h"
#include "server/service.h"
#include "server/sweep.h"

/* Unsent output up to which waiting requests are encoded. */
enum { FLOW_BYTES = 256 * 1024 };

/* ---- lanes ---- */

static uint32_t load(const struct rc_lane *lane)
{
    return lane->waiting_count + (lane->conn != NULL ? lane->conn->pipeline.count : 0);
}

bool rc_lane_ready(const struct rc_lane *lane)
{
    return lane->conn != NULL && lane->conn->state == RC_CONN_READY &&
           rc_server_gate_open(lane->server) && rc_sweep_is_clean(lane);
}

void rc_lane_forget(struct rc_lane *lane, struct rc_request *request)
{
    rc_list_remove(&request->link);
    lane->waiting_count--;
}

static void make_good(struct rc_lane *lane, const struct rc_lost *lost)
{
    rc_sweep_note(lane, lost);
    if (lane->server->health.state != RC_SERVER_DOWN) {
        rc_sweep_go(lane->server);
    }
}

static void lose(struct rc_lane *lane, const struct rc_command *command)
{
    if (rc_lost_matters(command)) {
        const struct rc_lost lost = rc_lost_by(command);
        make_good(lane, &lost);
        lane->lost = lost.cas == 0 ? lane->server->journal.noted : lane->lost;
    }
}

/* What waits in front of `last` has still to leave, behind the delete. It is looked through once
 * for many. */
static void outrun_those_in_front(struct rc_lane *lane, const struct rc_command *last)
{
    if (!rc_lost_matters(last)) {
        return;
    }
    const struct rc_lost lost = rc_lost_by(last);
    rc_outrun_note(&lane->outrun, &lost, last->token);
    if (lane->outrun.count >= lane->waiting_count) {
        rc_outrun_mark(&lane->outrun, &lane->waiting);
    }
}

void rc_lane_lose_waiting(struct rc_lane *lane, const struct rc_request *request)
{
    if (lane->waiting.next != &request->link) {
        outrun_those_in_front(lane, &request->body->command);
    }
    lose(lane, &request->body->command);
}

/* It left: the delete that it outlived goes once more, right behind it. */
static void follow(struct rc_lane *lane, const struct rc_request *request)
{
    if (request->outrun) {
        const struct rc_command *command = &request->body->command;
        const struct rc_lost lost = {.prefix = command->prefix, .key = command->key};
        make_good(lane, &lost);
    }
}

void rc_lane_fail_waiting(struct rc_lane *lane, int status, const char *message)
{
    for (struct rc_list *node; (node = rc_list_first(&lane->waiting)) != NULL;) {
        rc_request_abandon(
            lane->server->env, rc_container(node, struct rc_request, link), status, message);
    }
}

/* While a write stood in the output, one that waited behind it may have been lost; what was lost
 * with the connection stood in front. */
static bool was_outrun(const struct rc_lane *lane, const struct rc_request *request)
{
    const struct rc_journal *journal = &lane->server->journal;
    const struct rc_command *command = &request->body->command;
    return rc_verb_writes(command->verb) && request->noted < lane->lost &&
           (rc_journal_overflowed(journal) ||
               rc_journal_has(journal, command->prefix, command->key));
}

void rc_lane_take_back(struct rc_lane *lane, struct rc_list *requests)
{
    for (struct rc_list *node = requests->next; node != requests; node = node->next) {
        struct rc_request *request = rc_container(node, struct rc_request, link);
        request->outrun = request->outrun || was_outrun(lane, request);
        lane->waiting_count++;
    }
    rc_list_splice(requests, &lane->waiting);
    rc_list_splice(&lane->waiting, requests);
}

/* Is the command's key needed when its reply comes? */
static bool keeps_key(const struct rc_lane *lane, const struct rc_command *command)
{
    return lane->conn->codec->keeps_key(command) || rc_conn_dates(lane->conn, command);
}

/* Once encoded, only what a reply may still ask for is kept; what is lent is the connection's. */
static void shed(struct rc_lane *lane, struct rc_request *request)
{
    struct rc_command *command = &request->body->command;
    rc_request_forget_wire(lane->server->env, request);
    if (command->loan != NULL) {
        command->loan = NULL;
        command->value.len = 0;
    }
    bool kept = keeps_key(lane, command) || command->verb == RC_VERB_GET; /* it may go once more */
    if (!kept) {
        rc_request_forget_body(lane->server->env, request);
    } else if (command->value.len > 0) {
        rc_request_forget_value(lane->server->env, request);
    }
}

const char rc_server_too_big[] =
    "key and value are larger than the item_size_max of their memcached";

/* Is the item certainly larger than the server takes? memcached would delete the one that is there.
 * An item has a header too, so that some that pass are refused by the server. */
static bool too_big(const struct rc_lane *lane, const struct rc_command *command)
{
    uint64_t max = lane->conn != NULL ? lane->conn->greeting.item_max_bytes : 0;
    uint64_t key = command->prefix.len + command->key.len, value = command->value.len;
    return max > 0 && value > 0 && (value > max || key > max - value);
}

static int send_waiting(struct rc_lane *lane, struct rc_request *request)
{
    const struct rc_command *command = &request->body->command;
    lane->server->counts.retries += request->attempts > 0;
    request->noted = lane->server->journal.noted;
    if (request->wire != NULL) {
        return rc_conn_resend(lane->conn, request);
    }
    return too_big(lane, command) ? RINGCACHE_ETOOBIG : rc_conn_send(lane->conn, request, command);
}

static const char other_words[] =
    "its connection ended, and the next one has to be spoken to otherwise";

/* What an earlier connection had encoded, and this one would encode otherwise, ends. */
static bool is_unfit(const struct rc_lane *lane, const struct rc_request *request)
{
    return request->wire != NULL && !rc_conn_takes(lane->conn, request->wire);
}

/* A little ahead of the kernel: what is encoded and what waits are not both held. What an earlier
 * connection returned comes on top of what this one was given. */
static bool takes_more(const struct rc_lane *lane)
{
    return rc_output_len(&lane->conn->out) < FLOW_BYTES &&
           lane->conn->pipeline.count < lane->server->env->max_inflight && rc_sweep_is_clean(lane);
}

/* Encode what waits. */
void rc_lane_flow(struct rc_lane *lane)
{
    struct rc_env *env = lane->server->env;
    rc_outrun_mark(&lane->outrun, &lane->waiting);
    for (struct rc_list *node; (node = rc_list_first(&lane->waiting)) != NULL;) {
        struct rc_request *request = rc_container(node, struct rc_request, link);
        if (!takes_more(lane)) {
            return;
        }
        if (is_unfit(lane, request)) {
            rc_request_abandon(env, request, RINGCACHE_ECONNECT, other_words);
            continue;
        }
        bool guarded = rc_divide_guards(lane, &request->body->command);
        int rc =
            guarded ? rc_divide_look(lane, &request->body->command) : send_waiting(lane, request);
        if (guarded && rc == 0) {
            return;
        }
        rc_lane_forget(lane, request);
        if (rc < 0) {
            request->state = RC_REQUEST_NEW; /* it is in no list any more */
            rc_request_abandon(env, request, rc,
                rc == RINGCACHE_ETOOBIG ? rc_server_too_big : ringcache_strerror(rc));
        } else {
            follow(lane, request);
            shed(lane, request);
        }
    }
}

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
    if (keeps_key(lane, command)) {
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

static void refuse(struct rc_lane *lane, struct rc_request *request, int status, const char *why)
{
    const struct rc_result result = {.status = status, .message = rc_slice_text(why)};
    lane->server->live++;
    request->lane = lane;
    rc_request_finish(lane->server->env, request, &result);
}

/* Is the lane not to be asked at all for now? Then the request is finished. */
static bool turned_away(
    struct rc_lane *lane, struct rc_request *request, const struct rc_command *command)
{
    const struct rc_server *server = lane->server;
    bool down = server->health.state == RC_SERVER_DOWN;
    bool closed = lane->closed_until_ms > 0 && lane->closed_until_ms > rc_env_now_ms(server->env);
    if (!down && !closed) {
        return false;
    }
    lose(lane, command);
    refuse(lane, request, down ? server->down_status : RINGCACHE_ECONNECT,
        rc_text_bytes(server->reason));
    return true;
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
        outrun_those_in_front(lane, command);
        lose(lane, command);
    }
    refuse(lane, request, status, status < 0 ? doubtful : "");
    return true;
}

/* Is there room for `count` requests that take `bytes` in all? */
static bool takes(struct rc_lane *lane, size_t count, uint64_t bytes)
{
    const struct rc_env *env = lane->server->env;
    if (load(lane) + count <= env->max_inflight && fair(lane, bytes) &&
        rc_budget_allows(&env->budget, bytes)) {
        return true;
    }
    lane->refused = true;
    lane->refused_bytes = bytes;
    return false;
}

static void accept(struct rc_lane *lane, struct rc_request *request)
{
    lane->server->live++;
    request->lane = lane;
}

static void accept_bulk(struct rc_lane *lane, struct rc_request *request)
{
    request->bulk = true;
    lane->bulk++;
}

/* Behind much that is lent a request waits un-encoded: one that ends before its turn comes was
 * provably never sent, and gives back at once what it lends. */
static bool sends_at_once(const struct rc_lane *lane)
{
    return rc_list_empty(&lane->waiting) && rc_lane_ready(lane) &&
           lane->conn->out.lent < FLOW_BYTES;
}

int rc_server_submit(struct rc_server *server, uint32_t lane_number, struct rc_request *request,
    const struct rc_command *command)
{
    struct rc_lane *lane = &server->lanes[lane_number % server->lane_count];
    if (turned_away(lane, request, command) || answered_here(lane, request, command)) {
        rc_env_give_back(server->env, command->loan);
        return 0;
    }
    if (too_big(lane, command)) {
        return RINGCACHE_ETOOBIG;
    }
    if (!takes(lane, 1, need(lane, command))) {
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

/* Copies of the keys for a codec that compares them, or for while they wait. */
static int keep_all(struct rc_lane *lane, struct rc_request *const *requests,
    const struct rc_command *commands, size_t count)
{
    int rc = 0;
    size_t kept = 0;
    for (; rc == 0 && kept < count; kept++) {
        rc = rc_request_keep(lane->server->env, requests[kept], &commands[kept]);
    }
    while (rc < 0 && kept-- > 0) {
        rc_request_forget_body(lane->server->env, requests[kept]);
    }
    return rc;
}

static int send_batch(struct rc_lane *lane, struct rc_request *const *requests,
    const struct rc_command *commands, size_t count)
{
    bool keeps = keeps_key(lane, &commands[0]);
    int rc = keeps ? keep_all(lane, requests, commands, count) : 0;
    return rc < 0 ? rc : rc_conn_send_gets(lane->conn, requests, commands, count);
}

static int wait_all(struct rc_lane *lane, struct rc_request *const *requests,
    const struct rc_command *commands, size_t count)
{
    int rc = keep_all(lane, requests, commands, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        join_waiting(lane, requests[i]);
    }
    if (rc == 0) {
        rc_lane_connect(lane);
    }
    return rc;
}

int rc_server_submit_gets(struct rc_server *server, uint32_t lane_number,
    struct rc_request *const *requests, const struct rc_command *commands, size_t count)
{
    struct rc_lane *lane = &server->lanes[lane_number % server->lane_count];
    if (count == 1) {
        int rc = rc_server_submit(server, lane_number, requests[0], &commands[0]);
        if (rc == 0 && requests[0]->state != RC_REQUEST_FINISHED) {
            accept_bulk(lane, requests[0]);
        }
        return rc;
    }
    if (turned_away(lane, requests[0], &commands[0])) {
        for (size_t i = 1; i < count; i++) {
            turned_away(lane, requests[i], &commands[i]);
        }
        return 0;
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += need(lane, &commands[i]);
    }
    if (!takes(lane, count, bytes)) {
        return RINGCACHE_EBUSY;
    }
    int rc = sends_at_once(lane) ? send_batch(lane, requests, commands, count)
                                 : wait_all(lane, requests, commands, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        accept(lane, requests[i]);
        accept_bulk(lane, requests[i]);
    }
    return rc;
}

void rc_server_refuse(
    struct rc_server *server, uint32_t lane_number, struct rc_request *request, int status)
{
    struct rc_lane *lane = &server->lanes[lane_number % server->lane_count];
    refuse(lane, request, status, ringcache_strerror(status));
}

uint32_t rc_server_slack(const struct rc_server *server, uint32_t lane_number)
{
    uint32_t half = server->env->max_inflight / 2 > 0 ? server->env->max_inflight / 2 : 1;
    const struct rc_lane *lane = &server->lanes[lane_number % server->lane_count];
    uint32_t used = load(lane);
    uint32_t room = used < half ? half - used : lane->bulk == 0 ? RC_BATCH_MAX : 0;
    return room > 1 && rc_doubt_any_at_all(server) ? 1 : room; /* each key is looked up by itself */
}

/* Would what was refused last be taken now, and some more behind it? */
static bool has_room(const struct rc_lane *lane)
{
    const struct rc_budget *budget = &lane->server->env->budget;
    uint64_t bytes = lane->refused_bytes < UINT64_MAX / 2 ? lane->refused_bytes : UINT64_MAX / 2;
    return load(lane) <= lane->server->env->max_inflight / 4 * 3 && fair(lane, bytes) &&
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

void rc_server_count(struct rc_server *server, int status)
{
    struct rc_counts *counts = &server->counts;
    counts->hits += status == RINGCACHE_OK;
    counts->misses += status == RINGCACHE_MISS;
    counts->refusals += status > 0 && status != RINGCACHE_MISS;
    counts->timeouts += status == RINGCACHE_ETIMEDOUT;
    counts->unavailable += status == RINGCACHE_EDOWN;
    counts->failures += status < 0 && status != RINGCACHE_ETIMEDOUT && status != RINGCACHE_EDOWN;
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
