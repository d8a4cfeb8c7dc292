/* SPDX-License-Identifier: MIT */
#include "client/client.h"
#include "client/failover.h"
#include "client/flight.h"

#include <string.h>

#include "base/alloc.h"

enum {
    RELATIVE_MAX_S = 60 * 60 * 24 * 30, /* memcached reads a larger exptime as a Unix time */
    LEND_MIN = 16 * 1024,               /* bytes below which to copy costs no more than to lend */
};

/* ---- the way in ---- */

int64_t rc_client_exptime(ringcache_client *client, int64_t ttl_ms)
{
    int64_t seconds = ttl_ms / 1000 + (ttl_ms % 1000 != 0);
    if (seconds > RELATIVE_MAX_S) {
        seconds += client->env.transport->ops->wall_s(client->env.transport);
    }
    return seconds < INT32_MAX ? seconds : INT32_MAX;
}

static inline struct rc_operation *take(ringcache_client *client)
{
    uint32_t number;
    struct rc_operation *op = NULL;
    if (rc_budget_allows(&client->env.budget, sizeof *op)) {
        op = rc_slab_take(&client->operations, &number);
    }
    if (op == NULL) {
        return NULL;
    }
    *op = (struct rc_operation){.number = number, .digest = client->table->digest};
    op->generation = ++client->generation == 0 ? ++client->generation : client->generation;
    client->env.budget.used += sizeof *op;
    rc_list_init(&op->request.link);
    rc_deadline_init(&op->request.deadline, rc_request_expire);
    return op;
}

struct rc_operation *rc_client_take(ringcache_client *client)
{
    return take(client);
}

int rc_client_refuse_full(ringcache_client *client, int rc)
{
    client->wants_room = client->wants_room || rc == RINGCACHE_EBUSY;
    return rc_client_refuse(client, rc, ringcache_strerror(rc));
}

uint32_t rc_client_timeout(const ringcache_client *client, const struct rc_submission *s)
{
    return s->timeout_ms > 0 ? s->timeout_ms : client->settings.timeout_ms;
}

static inline int begin(
    ringcache_client *client, const struct rc_submission *s, struct rc_operation **out)
{
    struct rc_env *env = &client->env;
    struct rc_operation *op = take(client);
    if (op == NULL) {
        bool full = !rc_budget_allows(&env->budget, sizeof *op);
        return full ? RINGCACHE_EBUSY : RINGCACHE_ENOMEM;
    }
    op->cb = s->cb;
    op->user = s->user;
    op->request.audience = (uint8_t)s->audience;
    op->request.started_us = rc_env_now_us(env);
    *out = op;
    return 0;
}

int rc_client_begin(
    ringcache_client *client, const struct rc_submission *s, struct rc_operation **op)
{
    int rc = begin(client, s, op);
    return rc < 0 ? rc_client_refuse_full(client, rc) : 0;
}

static inline void accepted(
    ringcache_client *client, struct rc_operation *op, uint32_t timeout_ms, ringcache_id *id)
{
    struct rc_env *env = &client->env;
    rc_env_defer(env);
    if (op->request.state != RC_REQUEST_FINISHED) {
        env->submitted_us = op->request.started_us; /* the turn's end measures how old that is */
        rc_env_arm(env, &op->request.deadline, rc_env_now_ms(env) + timeout_ms);
    }
    if (client->pending++ == 0) {
        rc_client_update_hold(client);
    }
    if (id != NULL) {
        *id = (uint64_t)op->generation << 32 | op->number;
    }
}

void rc_client_accept(ringcache_client *client, struct rc_operation *op,
    const struct rc_submission *s, ringcache_id *id)
{
    accepted(client, op, rc_client_timeout(client, s), id);
}

static inline int try_submit(ringcache_client *client, const struct rc_submission *s,
    const struct rc_command *command, ringcache_id *id)
{
    struct rc_operation *op = NULL;
    if (client->env.shares) {
        rc_client_hear(client);
    }
    int rc = begin(client, s, &op);
    if (rc < 0) {
        return rc;
    }
    rc = rc_server_submit(s->choice.server, s->choice.lane, &op->request, command);
    if (rc < 0) {
        rc_client_release(client, &op->request);
        return rc;
    }
    rc_failover_accepted(client, op, s, command);
    accepted(client, op, rc_client_timeout(client, s), id);
    return 0;
}

int rc_client_try(ringcache_client *client, const struct rc_submission *s,
    const struct rc_command *command, ringcache_id *id)
{
    return try_submit(client, s, command, id);
}

int rc_client_enter(ringcache_client *client, const struct rc_submission *s,
    const struct rc_command *command, ringcache_id *id)
{
    int rc = try_submit(client, s, command, id);
    if (rc == RINGCACHE_ETOOBIG) {
        return rc_client_refuse(client, rc, rc_server_too_big);
    }
    return rc < 0 ? rc_client_refuse_full(client, rc) : 0;
}

struct rc_operation *rc_client_operation(ringcache_client *client, ringcache_id id)
{
    struct rc_operation *op = rc_slab_at(&client->operations, (uint32_t)id);
    return id != 0 && op != NULL && op->generation == id >> 32 ? op : NULL;
}

static const enum rc_verb verbs[] = {
    [RINGCACHE_GET] = RC_VERB_GET,
    [RINGCACHE_SET] = RC_VERB_SET,
    [RINGCACHE_ADD] = RC_VERB_ADD,
    [RINGCACHE_REPLACE] = RC_VERB_REPLACE,
    [RINGCACHE_APPEND] = RC_VERB_APPEND,
    [RINGCACHE_PREPEND] = RC_VERB_PREPEND,
    [RINGCACHE_CAS] = RC_VERB_CAS,
    [RINGCACHE_DELETE] = RC_VERB_DELETE,
    [RINGCACHE_TOUCH] = RC_VERB_TOUCH,
    [RINGCACHE_GET_AND_TOUCH] = RC_VERB_GET_AND_TOUCH,
    [RINGCACHE_INCREMENT] = RC_VERB_INCREMENT,
    [RINGCACHE_DECREMENT] = RC_VERB_DECREMENT,
};

/* What more than a key it has. */
static void put_rest(
    ringcache_client *client, const ringcache_request *request, struct rc_command *command)
{
    if (rc_op_stores(request->op)) {
        command->value = rc_slice(request->value.data, request->value.len);
        command->flags = request->flags;
    }
    if (rc_op_takes_ttl(request->op)) {
        command->ttl_ms = request->ttl_ms;
        command->exptime_s = rc_client_exptime(client, request->ttl_ms);
    }
    command->cas = request->cas;
    command->delta = request->delta;
    command->initial = request->initial;
    command->with_initial = (request->options & RINGCACHE_WITH_INITIAL) != 0;
    command->want_cas = (request->options & RINGCACHE_WANT_CAS) != 0;
    command->want_ttl = (request->options & RINGCACHE_WANT_TTL) != 0;
}

void rc_client_command(
    ringcache_client *client, const ringcache_request *request, struct rc_command *command)
{
    *command = (struct rc_command){.verb = verbs[request->op]};
    command->strict = client->env.strict;
    command->token = client->env.next_token++;
    command->prefix = client->prefix;
    command->key = rc_slice(request->key.data, request->key.len);
    command->leases = client->settings.leases;
    if (request->op != RINGCACHE_GET || request->options != 0) {
        put_rest(client, request, command);
    }
}

int rc_client_take_struct(
    ringcache_client *client, void *known, size_t known_size, const void *given, size_t given_size)
{
    const unsigned char *bytes = given;
    for (size_t i = known_size; i < given_size; i++) {
        if (bytes[i] != 0) {
            return rc_client_refuse(
                client, RINGCACHE_ENOTSUP, "a field that this version does not know");
        }
    }
    memcpy(known, given, given_size < known_size ? given_size : known_size);
    return 0;
}

int rc_client_check(ringcache_client *client, const ringcache_request *request)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    const char *why = "";
    int rc = rc_check_request(&client->means, request, &why);
    return rc < 0 ? rc_client_refuse(client, rc, why) : 0;
}

static int enter(ringcache_client *client, struct rc_submission *s,
    const ringcache_request *request, ringcache_id *id)
{
    struct rc_command command;
    rc_client_command(client, request, &command);
    command.fleeting = s->fleeting;
    rc_failover_divert(client, s, &command);
    return rc_client_enter(client, s, &command, id);
}

/* The same with the value lent, or where that does not pay copied and given back at once. */
static int enter_lending(ringcache_client *client, struct rc_submission *s,
    const ringcache_request *request, ringcache_id *id)
{
    struct rc_command command;
    rc_client_command(client, request, &command);
    struct rc_loan *loan = rc_alloc(sizeof *loan);
    if (loan == NULL) {
        return rc_client_refuse_full(client, RINGCACHE_ENOMEM);
    }
    *loan = (struct rc_loan){
        .bytes = command.value, .release = request->release, .user = request->release_user};
    rc_list_init(&loan->link);
    bool lent = command.value.len >= LEND_MIN;
    command.loan = lent ? loan : NULL;
    rc_failover_divert(client, s, &command);
    int rc = rc_client_enter(client, s, &command, id);
    if (rc < 0) {
        rc_free(loan);
        return rc;
    }
    client->env.budget.used += sizeof *loan;
    if (!lent) {
        rc_env_give_back(&client->env, loan);
    }
    return 0;
}

/* A request that was checked. */
static int route(ringcache_client *client, const ringcache_request *request,
    struct rc_submission *s, ringcache_id *id)
{
    const ringcache_slice *by = request->route.data != NULL ? &request->route : &request->key;
    s->route = rc_slice(by->data, by->len);
    s->choice = rc_table_owner(client->table, s->route);
    s->bound = (request->options & RINGCACHE_NO_FAILOVER) != 0;
    s->timeout_ms = request->timeout_ms;
    if (s->choice.server == NULL) {
        return rc_client_refuse(client, RINGCACHE_ENOSERVER, "the ring has no server");
    }
    if (request->op == RINGCACHE_GET) {
        return client->settings.single_flight ? rc_single_get(client, request, s, id)
                                              : enter(client, s, request, id);
    }
    bool lends = (request->options & RINGCACHE_LEND_VALUE) != 0;
    int rc = lends ? enter_lending(client, s, request, id) : enter(client, s, request, id);
    if (rc == 0) {
        rc_flights_overtake(client, rc_slice(request->key.data, request->key.len));
    }
    return rc;
}

static const char no_callback[] = "no callback";

int rc_client_submit(ringcache_client *client, const ringcache_request *request,
    struct rc_submission *s, ringcache_id *id)
{
    if (s->cb == NULL && !client->closing) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, no_callback);
    }
    int rc = rc_client_check(client, request);
    return rc < 0 ? rc : route(client, request, s, id);
}

/* ---- public ---- */

int ringcache_submit_sized(ringcache_client *client, const ringcache_request *request,
    size_t request_size, ringcache_reply_cb cb, void *user, ringcache_id *id)
{
    if (client == NULL || request == NULL) {
        return RINGCACHE_EINVAL;
    }
    ringcache_request whole = {0};
    int rc = rc_client_take_struct(client, &whole, sizeof whole, request, request_size);
    struct rc_submission s = {.cb = cb, .user = user};
    return rc < 0 ? rc : rc_client_submit(client, &whole, &s, id);
}

/* One that has nothing but what these calls give it. */
static inline int submit_plain(
    ringcache_client *client, const ringcache_request *request, ringcache_reply_cb cb, void *user)
{
    if (cb == NULL || client->closing) {
        return client->closing
                   ? rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing")
                   : rc_client_refuse(client, RINGCACHE_EINVAL, no_callback);
    }
    const char *why = "";
    int rc = rc_check_plain(&client->means, request, &why);
    if (rc < 0) {
        return rc_client_refuse(client, rc, why);
    }
    struct rc_submission s = {.cb = cb, .user = user};
    return route(client, request, &s, NULL);
}

/* The usual way of a get: its server is ready, and only its key is to be sent. */
static inline bool get_at_once(
    ringcache_client *client, struct rc_slice key, ringcache_reply_cb cb, void *user)
{
    const struct rc_choice at = rc_table_owner(client->table, key);
    struct rc_operation *op = at.server != NULL ? take(client) : NULL;
    if (op == NULL) {
        return false;
    }
    if (!rc_client_get(client, &at, op, key)) {
        rc_client_release(client, &op->request);
        return false;
    }
    op->cb = cb;
    op->user = user;
    op->request.started_us = rc_env_now_us(&client->env);
    accepted(client, op, client->settings.timeout_ms, NULL);
    return true;
}

__attribute__((noinline)) static int get_by_rules(
    ringcache_client *client, ringcache_slice key, ringcache_reply_cb cb, void *user)
{
    const ringcache_request request = {.op = RINGCACHE_GET, .key = key};
    return submit_plain(client, &request, cb, user);
}

int ringcache_get(
    ringcache_client *client, const void *key, size_t key_len, ringcache_reply_cb cb, void *user)
{
    const char *why;
    const ringcache_slice given = {key, key_len};
    bool usual = client->usual_gets && cb != NULL && !client->closing &&
                 rc_check_key(&client->means, given, &why) == 0;
    return usual && get_at_once(client, rc_slice(key, key_len), cb, user)
               ? 0
               : get_by_rules(client, given, cb, user);
}

int ringcache_set(ringcache_client *client, const void *key, size_t key_len, const void *value,
    size_t value_len, int64_t ttl_ms, ringcache_reply_cb cb, void *user)
{
    const ringcache_request request = {
        .op = RINGCACHE_SET,
        .key = {key, key_len},
        .value = {value, value_len},
        .ttl_ms = ttl_ms,
    };
    return submit_plain(client, &request, cb, user);
}

int ringcache_delete(
    ringcache_client *client, const void *key, size_t key_len, ringcache_reply_cb cb, void *user)
{
    const ringcache_request request = {.op = RINGCACHE_DELETE, .key = {key, key_len}};
    return submit_plain(client, &request, cb, user);
}

int ringcache_cancel(ringcache_client *client, ringcache_id id)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    struct rc_operation *op = rc_client_operation(client, id);
    enum rc_request_state state = op != NULL ? op->request.state : RC_REQUEST_NEW;
    if (state == RC_REQUEST_JOINED) {
        rc_flight_leave(op, RINGCACHE_ECANCELED, "canceled");
    } else if (state == RC_REQUEST_WAITING || state == RC_REQUEST_SENT) {
        rc_request_abandon(&client->env, &op->request, RINGCACHE_ECANCELED, "canceled");
    } else {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no request of this id is pending");
    }
    return 0;
}
