/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include <string.h>

enum {
    MEMCACHED_KEY_MAX = 250,
    REDIS_KEY_MAX = 64 * 1024,
    RELATIVE_MAX_S = 60 * 60 * 24 * 30, /* memcached reads a larger exptime as a Unix time */
};

/* A hundred years: beyond it a TTL is a mistake, and no conversion below can overflow. */
#define TTL_MAX_MS (INT64_C(100) * 366 * 24 * 3600 * 1000)

/* ---- checking ---- */

static bool key_bytes_ok(struct rc_slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.data[i] <= 0x20 || key.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static int check_key(ringcache_client *client, struct rc_slice key)
{
    const struct rc_table *table = client->table;
    size_t bound = table->has_memcached || !table->has_redis ? MEMCACHED_KEY_MAX : REDIS_KEY_MAX;
    if (key.data == NULL || key.len == 0) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "a key of no bytes");
    }
    if (key.len > bound || client->prefix.len > bound - key.len) {
        return rc_client_refuse(client, RINGCACHE_EINVAL,
            bound == REDIS_KEY_MAX ? "the key with its namespace is longer than 65536 bytes"
                                   : "the key with its namespace is longer than 250 bytes");
    }
    if (bound == MEMCACHED_KEY_MAX && !key_bytes_ok(key)) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "the key has a blank or a control byte");
    }
    return 0;
}

static int check_set(ringcache_client *client, const ringcache_request *request)
{
    if (request->value.len > 0 && request->value.data == NULL) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "a value without bytes");
    }
    if (request->value.len > client->settings.max_value_bytes) {
        return rc_client_refuse(
            client, RINGCACHE_ETOOBIG, "the value is larger than max_value_bytes");
    }
    if (request->ttl_ms < 0 || request->ttl_ms > TTL_MAX_MS) {
        return rc_client_refuse(
            client, RINGCACHE_EINVAL, "ttl_ms is negative or above a hundred years");
    }
    if (request->flags != 0 && client->table->has_redis) {
        return rc_client_refuse(
            client, RINGCACHE_ENOTSUP, "client flags, on a ring with a Redis server");
    }
    return 0;
}

static int check_request(ringcache_client *client, const ringcache_request *request)
{
    if (request->op != RINGCACHE_GET && request->op != RINGCACHE_SET &&
        request->op != RINGCACHE_DELETE) {
        return rc_client_refuse(
            client, RINGCACHE_ENOTSUP, "this version carries out GET, SET and DELETE");
    }
    if ((request->options & ~(uint32_t)RINGCACHE_NO_FAILOVER) != 0) {
        return rc_client_refuse(
            client, RINGCACHE_ENOTSUP, "an option that this version does not know");
    }
    return request->op == RINGCACHE_SET ? check_set(client, request) : 0;
}

/* ---- the way in ---- */

/* Seconds for memcached: rounded up, absolute beyond 30 days, never past what its 32 bits hold. */
static int64_t exptime(ringcache_client *client, int64_t ttl_ms)
{
    int64_t seconds = ttl_ms / 1000 + (ttl_ms % 1000 != 0);
    if (seconds > RELATIVE_MAX_S) {
        seconds += client->env.transport->ops->wall_s(client->env.transport);
    }
    return seconds < INT32_MAX ? seconds : INT32_MAX;
}

static struct rc_operation *take_operation(ringcache_client *client)
{
    uint32_t number;
    struct rc_operation *op = rc_slab_take(&client->operations, &number);
    if (op != NULL) {
        client->env.budget.used += sizeof *op;
        client->generation += client->generation == UINT32_MAX ? 2 : 1; /* never 0 */
        op->number = number;
        op->generation = client->generation;
        rc_list_init(&op->request.link);
        rc_deadline_init(&op->request.deadline, rc_request_expire);
    }
    return op;
}

static int refuse_full(ringcache_client *client, int rc)
{
    client->wants_room = client->wants_room || rc == RINGCACHE_EBUSY;
    return rc_client_refuse(client, rc, ringcache_strerror(rc));
}

/* What every request has in common once its command and its server are known. */
struct submission {
    struct rc_choice choice;
    uint32_t timeout_ms; /* 0: the client's */
    ringcache_reply_cb cb;
    void *user;
};

static int enter(ringcache_client *client, const struct submission *s, struct rc_command *command,
    ringcache_id *id)
{
    struct rc_env *env = &client->env;
    if (!rc_budget_allows(&env->budget, sizeof(struct rc_operation))) {
        return refuse_full(client, RINGCACHE_EBUSY);
    }
    struct rc_operation *op = take_operation(client);
    if (op == NULL) {
        return rc_client_refuse(client, RINGCACHE_ENOMEM, ringcache_strerror(RINGCACHE_ENOMEM));
    }
    command->token = env->next_token++;
    op->cb = s->cb;
    op->user = s->user;
    op->digest = client->table->digest;
    op->started_us = rc_env_now_us(env);
    int rc = rc_server_submit(s->choice.server, s->choice.lane, &op->request, command);
    if (rc < 0) {
        rc_client_release(client, &op->request);
        return refuse_full(client, rc);
    }
    if (op->request.state != RC_REQUEST_FINISHED) {
        uint32_t timeout_ms = s->timeout_ms > 0 ? s->timeout_ms : client->settings.timeout_ms;
        rc_env_arm(env, &op->request.deadline, rc_env_now_ms(env) + timeout_ms);
    }
    if (client->pending++ == 0) {
        rc_client_update_hold(client);
    }
    if (id != NULL) {
        *id = (uint64_t)op->generation << 32 | op->number;
    }
    return 0;
}

static struct rc_command command_of(ringcache_client *client, const ringcache_request *request)
{
    static const enum rc_verb verbs[] = {
        [RINGCACHE_GET] = RC_VERB_GET,
        [RINGCACHE_SET] = RC_VERB_SET,
        [RINGCACHE_DELETE] = RC_VERB_DELETE,
    };
    struct rc_command command = {
        .verb = verbs[request->op],
        .strict = client->env.strict,
        .prefix = client->prefix,
        .key = rc_slice(request->key.data, request->key.len),
    };
    if (request->op == RINGCACHE_SET) {
        command.value = rc_slice(request->value.data, request->value.len);
        command.flags = request->flags;
        command.ttl_ms = request->ttl_ms;
        command.exptime_s = exptime(client, request->ttl_ms);
    }
    return command;
}

static int submit(ringcache_client *client, const ringcache_request *request, ringcache_reply_cb cb,
    void *user, ringcache_id *id)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    struct rc_slice key = rc_slice(request->key.data, request->key.len);
    int rc = cb == NULL ? rc_client_refuse(client, RINGCACHE_EINVAL, "no callback")
                        : check_request(client, request);
    rc = rc < 0 ? rc : check_key(client, key);
    if (rc < 0) {
        return rc;
    }
    struct rc_slice route =
        request->route.data != NULL ? rc_slice(request->route.data, request->route.len) : key;
    const struct submission s = {
        .choice = client->policy->choose(client->table, route),
        .timeout_ms = request->timeout_ms,
        .cb = cb,
        .user = user,
    };
    if (s.choice.server == NULL) {
        return rc_client_refuse(client, RINGCACHE_ENOSERVER, "the ring has no server");
    }
    struct rc_command command = command_of(client, request);
    return enter(client, &s, &command, id);
}

/* ---- public ---- */

int ringcache_submit_sized(ringcache_client *client, const ringcache_request *request,
    size_t request_size, ringcache_reply_cb cb, void *user, ringcache_id *id)
{
    if (client == NULL || request == NULL) {
        return RINGCACHE_EINVAL;
    }
    ringcache_request whole = {0};
    const unsigned char *bytes = (const unsigned char *)request;
    for (size_t i = sizeof whole; i < request_size; i++) {
        if (bytes[i] != 0) {
            return rc_client_refuse(
                client, RINGCACHE_ENOTSUP, "a field that this version does not know");
        }
    }
    memcpy(&whole, request, request_size < sizeof whole ? request_size : sizeof whole);
    return submit(client, &whole, cb, user, id);
}

int ringcache_get(
    ringcache_client *client, const void *key, size_t key_len, ringcache_reply_cb cb, void *user)
{
    const ringcache_request request = {.op = RINGCACHE_GET, .key = {key, key_len}};
    return submit(client, &request, cb, user, NULL);
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
    return submit(client, &request, cb, user, NULL);
}

int ringcache_delete(
    ringcache_client *client, const void *key, size_t key_len, ringcache_reply_cb cb, void *user)
{
    const ringcache_request request = {.op = RINGCACHE_DELETE, .key = {key, key_len}};
    return submit(client, &request, cb, user, NULL);
}

int ringcache_ping(ringcache_client *client, const char *name, ringcache_reply_cb cb, void *user)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    size_t index = name != NULL && cb != NULL ? rc_config_find(client->config, name) : SIZE_MAX;
    if (index == SIZE_MAX) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no server has this name");
    }
    const struct submission s = {
        .choice = {.server = client->table->servers[index]}, .cb = cb, .user = user};
    struct rc_command command = {.verb = RC_VERB_NOOP};
    return enter(client, &s, &command, NULL);
}

int ringcache_cancel(ringcache_client *client, ringcache_id id)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    struct rc_operation *op = rc_slab_at(&client->operations, (uint32_t)id);
    bool pending =
        op != NULL && op->generation == id >> 32 &&
        (op->request.state == RC_REQUEST_WAITING || op->request.state == RC_REQUEST_SENT);
    if (id == 0 || !pending) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no request of this id is pending");
    }
    rc_request_abandon(&client->env, &op->request, RINGCACHE_ECANCELED, "canceled");
    return 0;
}
