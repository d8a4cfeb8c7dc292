/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/line.h"
#include "client/failover.h"
#include "client/flight.h"
#include "client/shared.h"
#include "codec/resp_tree.h"
#include "transport/uv_transport.h"

_Static_assert((int)RC_MARK_STALE == (int)RINGCACHE_STALE &&
                   (int)RC_MARK_WON == (int)RINGCACHE_WON &&
                   (int)RC_MARK_FILLING == (int)RINGCACHE_FILLING &&
                   (int)RC_MARK_SUBSTITUTE == (int)RINGCACHE_SUBSTITUTE,
    "the codec's marks are the public ones");

int rc_client_refuse(ringcache_client *client, int status, const char *why)
{
    snprintf(client->error, sizeof client->error, "%s", why);
    return status;
}

const char *ringcache_client_error(const ringcache_client *client)
{
    return client->error;
}

/* Is a call that takes many requests at work? */
static bool under_way(const ringcache_client *client)
{
    return !rc_list_empty(&client->manys) || !rc_list_empty(&client->listings);
}

void rc_client_update_hold(ringcache_client *client)
{
    if (client->stopping) {
        return; /* handles that are closing keep the loop; in the close callback they are gone */
    }
    bool alive = client->own_loop != NULL || client->held || client->pending > 0 ||
                 client->closing || !client->turned || !rc_list_empty(&client->events) ||
                 under_way(client) || rc_growth_is_under_way(&client->growth) ||
                 !rc_list_empty(&client->env.returned) || rc_posts_waiting(&client->posts);
    client->env.transport->ops->hold(client->env.transport, alive);
}

void ringcache_client_ref(ringcache_client *client)
{
    client->held = true;
    rc_client_update_hold(client);
}

void ringcache_client_unref(ringcache_client *client)
{
    client->held = false;
    rc_client_update_hold(client);
}

/* ---- handing out ---- */

void rc_client_release(void *owner, struct rc_request *request)
{
    ringcache_client *client = owner;
    struct rc_operation *op = rc_container(request, struct rc_operation, request);
    rc_request_forget_body(&client->env, request);
    client->env.budget.used -= sizeof *op;
    op->generation = 0; /* it has no id any more */
    rc_slab_give(&client->operations, op, op->number);
}

/* A peer's words may hold anything; a message is one printable line. */
static const char *write_message(ringcache_client *client, struct rc_slice text, const char *behind)
{
    if (text.len == 0 && *behind == '\0') {
        return "";
    }
    size_t room = sizeof client->message - 1 - strlen(behind);
    size_t len = text.len < room ? text.len : room;
    for (size_t i = 0; i < len; i++) {
        bool printable = text.data[i] >= 0x20 && text.data[i] < 0x7f;
        client->message[i] = printable ? (char)text.data[i] : '?';
    }
    memcpy(client->message + len, behind, strlen(behind) + 1);
    return client->message;
}

const char *rc_client_text(ringcache_client *client, struct rc_slice text)
{
    return write_message(client, text, "");
}

/* Whoever reads that a key has MOVED has to be told why nobody went after it. */
static const char *message_text(ringcache_client *client, const struct rc_result *result)
{
    static const char remark[] = " (ringcache is not a cluster client and follows no redirect)";
    const char *behind = result->refusal == RC_REFUSAL_CLUSTER ? remark : "";
    return write_message(client, result->message, behind);
}

ringcache_reply rc_client_reply(ringcache_client *client, const struct rc_request *request)
{
    const struct rc_result *result = &request->result;
    bool number = rc_verb_brings_number((enum rc_verb)request->slot.verb);
    return (ringcache_reply){
        .status = result->status,
        .marks = result->marks,
        .value = {.data = result->value.data, .len = result->value.len},
        .flags = result->flags,
        .maybe_applied = result->maybe_applied,
        .number = number ? result->number : 0,
        .cas = result->cas,
        .ttl_ms = number ? 0 : result->ttl_ms,
        .server = request->lane != NULL ? request->lane->server->backend.name : NULL,
        .message = message_text(client, result),
        .attempts = request->attempts,
        .elapsed_us = request->elapsed_us,
        .ring_digest = rc_container(request, struct rc_operation, request)->digest,
    };
}

/* The callback of what shows more than the reply itself. */
static void tell_at_length(
    ringcache_client *client, struct rc_operation *op, ringcache_reply *reply)
{
    enum rc_verb verb = (enum rc_verb)op->request.slot.verb;
    const struct rc_server *server = op->request.lane->server;
    struct rc_resp_tree *tree = verb == RC_VERB_RAW ? rc_raw_open(reply) : NULL;
    void *text = verb == RC_VERB_STATS ? rc_figures_open(reply, server->backend.codec) : NULL;
    op->cb(client, reply, op->user);
    rc_resp_tree_free(tree);
    rc_free(text);
}

static void tell(ringcache_client *client, struct rc_operation *op)
{
    const struct rc_request *request = &op->request;
    if (request->audience == RC_TO_FLIGHT) {
        rc_flight_answered(op->step_of, request);
        return;
    }
    ringcache_reply reply = rc_client_reply(client, request);
    bool at_length = (request->slot.verb == RC_VERB_RAW || request->slot.verb == RC_VERB_STATS) &&
                     reply.value.len > 0;
    if (request->audience == RC_TO_MANY) {
        rc_many_answered(op->many, op->index, &reply);
    } else if (at_length) {
        tell_at_length(client, op, &reply);
    } else {
        op->cb(client, &reply, op->user);
    }
}

/* What several share is counted where it was asked: once. */
static void deliver(ringcache_client *client, struct rc_operation *op)
{
    struct rc_request *request = &op->request;
    client->pending--;
    if (request->audience != RC_TO_PASSENGER) {
        rc_server_count(request->lane->server, request->result.status);
        rc_failover_answered(op);
    }
    tell(client, op);
    rc_request_delivered(request);
    if (!request->slot.due) {
        rc_client_release(client, request);
    }
}

void rc_client_end(ringcache_client *client)
{
    if (client->on_close != NULL) {
        client->on_close(client, client->close_user);
    }
    rc_posts_deinit(&client->posts);
    rc_loop_free(client->own_loop);
    rc_free(client);
}

static void stopped(void *owner)
{
    ringcache_client *client = owner;
    rc_members_free(client);
    rc_failover_deinit(client);
    rc_departures_deinit(&client->departures);
    rc_conns_bury(&client->env, &client->env.closed);
    rc_texts_free(&client->env.spent);
    rc_slab_deinit(&client->operations);
    rc_table_free(client->table);
    ringcache_config_free(client->config);
    client->free_transport(client->env.transport);
    client->stopped = true;
    if (client->own_loop == NULL) {
        rc_client_end(client);
    }
}

static void tell_of_room(ringcache_client *client)
{
    const struct rc_budget *budget = &client->env.budget;
    if (client->wants_room && budget->used <= budget->limit / 4 * 3 &&
        rc_members_have_room(client)) {
        struct rc_event_node *event =
            rc_event_new(RINGCACHE_EVENT_ROOM, "", 0, "there is room for requests again");
        client->wants_room = client->wants_room || event == NULL; /* somebody waits for this one */
        rc_event_queue(client, event);
    }
}

/* What is lent goes back to its owners. */
static void return_loans(ringcache_client *client, struct rc_list *loans)
{
    for (struct rc_list *node; (node = rc_list_first(loans)) != NULL;) {
        struct rc_loan *loan = rc_container(node, struct rc_loan, link);
        rc_list_remove(node);
        client->env.budget.used -= sizeof *loan;
        if (loan->release != NULL) {
            loan->release(loan->user, loan->bytes.data, loan->bytes.len);
        }
        rc_free(loan);
    }
}

/* What the callback after the next begins with is fetched while one runs. A caller's `user` need
 * not be a pointer: fetching is no access. */
static inline void fetch_soon(const struct rc_list *batch)
{
    const struct rc_list *node = batch->next->next;
    if (node != batch) {
        rc_line_fetch(rc_container(node, struct rc_operation, request.link)->user, RC_LINE);
    }
}

/* The one way out for requests and events: what is queued now is handed out now; what that leads to
 * waits for the next turn, so that a callback that always asks again starves nobody. */
static void drain(void *owner)
{
    ringcache_client *client = owner;
    struct rc_env *env = &client->env;
    struct rc_list returned;
    struct rc_list closed, spent; /* what is finished speaks of what they hold */
    rc_list_init(&returned);
    rc_list_init(&closed);
    rc_list_init(&spent);
    rc_list_splice(&client->batch, &env->finished);
    rc_list_splice(&returned, &env->returned);
    rc_list_splice(&closed, &env->closed);
    rc_list_splice(&spent, &env->spent);
    rc_manys_feed(client);
    for (struct rc_list *node; (node = rc_list_first(&client->batch)) != NULL;) {
        rc_list_remove(node);
        fetch_soon(&client->batch);
        deliver(client, rc_container(node, struct rc_operation, request.link));
    }
    rc_listings_pump(client);
    rc_conns_bury(env, &closed);
    rc_texts_free(&spent);
    return_loans(client, &returned);
    rc_manys_pump(client);
    tell_of_room(client);
    rc_events_deliver(client);
    rc_growth_go_on(client);
    bool leaving = rc_members_settle(client);
    bool untidy = rc_failover_tidy(client);
    bool more = leaving || untidy || !rc_list_empty(&env->finished) ||
                !rc_list_empty(&env->returned) || !rc_list_empty(&client->events) ||
                (client->closing && (rc_posts_waiting(&client->posts) || under_way(client)));
    if (more) {
        rc_env_defer(env);
    }
    rc_client_update_hold(client);
    if (client->closing && !more && !client->stopping) {
        client->stopping = true;
        env->transport->ops->stop(env->transport, stopped, client);
    }
}

static void before_poll(void *owner)
{
    ringcache_client *client = owner;
    client->turned = true;
    client->handled_servers = 0;
    rc_env_measure_lag(&client->env);
    rc_env_enter(&client->env);
    rc_client_hear(client);
    rc_posts_run(client);
    rc_conns_flush(&client->env);
    rc_env_leave(&client->env);
}

static void after_poll(void *owner, uint64_t now_ms)
{
    ringcache_client *client = owner;
    rc_env_advance(&client->env, now_ms);
}

static const struct rc_turn_events turn_events = {
    .before_poll = before_poll, .after_poll = after_poll};

/* ---- beginning and end ---- */

static void init_env(ringcache_client *client, struct rc_transport *transport)
{
    const struct rc_settings *settings = &client->settings;
    client->env = (struct rc_env){
        .transport = transport,
        .wake_ms = RC_NEVER,
        .budget = {.limit = settings->max_queued_bytes, .lone = sizeof(struct rc_operation)},
        .drain = drain,
        .release = rc_client_release,
        .owner = client,
        .timeout_ms = settings->timeout_ms,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .fence_limit_ms = settings->fence_limit_ms,
        .max_inflight = settings->max_inflight,
        .hold_back = settings->hold_back,
        .max_value_bytes = settings->max_value_bytes,
        .journal_entries = settings->journal_entries,
        .merges = settings->merge_gets,
        .strict = settings->integrity == RC_INTEGRITY_STRICT,
        .leases = settings->leases,
    };
    rc_turnstile_init(&client->env.turnstile);
    rc_list_init(&client->env.unsent);
    rc_deadline_init(&client->env.hold_end, rc_conns_let_go);
    rc_list_init(&client->env.finished);
    rc_list_init(&client->env.returned);
    rc_list_init(&client->env.closed);
    rc_list_init(&client->env.spent);
    transport->events = &turn_events;
    transport->owner = client;
    rc_wheel_init(&client->env.wheel, rc_env_now_ms(&client->env));
    client->env.next_token = rc_env_random(&client->env);
}

int rc_client_new(ringcache_client **client, struct rc_transport *transport,
    void (*free_transport)(struct rc_transport *transport), const ringcache_config *config)
{
    ringcache_client *c = rc_alloc_zeroed(1, sizeof *c);
    if (c == NULL) {
        return RINGCACHE_ENOMEM;
    }
    c->settings = *rc_config_settings(config);
    rc_failover_init(c);
    c->usual_gets = !rc_failover_on(c) && c->settings.single_flight == 0;
    c->free_transport = free_transport;
    rc_slab_init(&c->operations, sizeof(struct rc_operation));
    rc_list_init(&c->members);
    rc_growth_init(&c->growth);
    rc_departures_init(&c->departures, c->settings.journal_entries);
    rc_list_init(&c->manys);
    rc_list_init(&c->listings);
    rc_list_init(&c->batch);
    rc_list_init(&c->flights);
    rc_list_init(&c->events);
    int rc = rc_posts_init(&c->posts);
    if (rc < 0) {
        rc_free(c);
        return rc;
    }
    init_env(c, transport);
    rc = rc_members_begin(c, config);
    if (rc < 0) {
        rc_posts_deinit(&c->posts);
        rc_free(c);
        return rc;
    }
    *client = c;
    return 0;
}

static void free_stopped_transport(void *transport)
{
    rc_uv_transport_free(transport);
}

static int open_on(ringcache_client **client, uv_loop_t *loop, const ringcache_config *config)
{
    struct rc_transport *transport;
    int rc = rc_uv_transport_new(&transport, loop);
    if (rc < 0) {
        return rc;
    }
    rc = rc_client_new(client, transport, rc_uv_transport_free, config);
    if (rc < 0) {
        transport->ops->stop(transport, free_stopped_transport, transport);
    }
    return rc;
}

static int open_on_own(ringcache_client **client, const ringcache_config *config)
{
    uv_loop_t *loop;
    int rc = rc_loop_new(&loop);
    if (rc < 0) {
        return rc;
    }
    rc = open_on(client, loop, config);
    if (rc < 0) {
        rc_loop_free(loop);
        return rc;
    }
    (*client)->own_loop = loop;
    return 0;
}

int ringcache_client_new(ringcache_client **client, uv_loop_t *loop, const ringcache_config *config)
{
    if (client == NULL || config == NULL) {
        return RINGCACHE_EINVAL;
    }
    int rc = rc_config_check(config); /* before anything of the loop's is taken */
    if (rc < 0) {
        return rc;
    }
    rc = loop != NULL ? open_on(client, loop, config) : open_on_own(client, config);
    if (rc < 0) {
        return rc == UV_ENOMEM ? RINGCACHE_ENOMEM : rc; /* one code for it, whoever had none */
    }
    /* The first turn is always taken: what was posted before the loop ran is not forgotten. */
    rc_client_update_hold(*client);
    rc_env_defer(&(*client)->env);
    return 0;
}

void ringcache_client_close(ringcache_client *client, ringcache_close_cb cb, void *user)
{
    if (client->closing) {
        return;
    }
    client->closing = true;
    client->on_close = cb;
    client->close_user = user;
    client->on_event = NULL;
    rc_posts_close(&client->posts);
    rc_events_drop(client);
    rc_growth_close(client);
    rc_members_close(client);
    rc_shared_leave(client->peer);
    client->peer = NULL;
    client->env.shares = false;
    rc_flights_close(client);
    rc_client_update_hold(client);
    rc_env_defer(&client->env);
}

ringcache_ring *ringcache_client_ring(ringcache_client *client)
{
    return client->closing ? NULL : ringcache_ring_ref(client->table->owners.ring);
}
