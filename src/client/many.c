/* SPDX-License-Identifier: MIT */
/* Many keys in one call. A many routes its keys to queues, one for each connection that owns some,
 * and feeds every connection as fast as it answers, at most half of what the connection may have
 * under way: a server that is slow or gone holds up its own keys alone. Each key is a request like
 * any other; those that a connection gets in a row leave as batches (conn_output.c).
 *
 *   keys ── route, a few thousand a turn ──► queue of a lane ── in a row ──► requests ──► each
 *                                                 └── deadline, close ────────────────────┘
 *
 * A queue is a list of key numbers linked through `next`, 4 bytes a key; everything else is bounded
 * by what is under way. Callbacks run from rc_manys_pump and from the delivery of requests alone,
 * and a many is freed nowhere but in rc_manys_pump. */
#include "client/client.h"

#include <string.h>

#include "base/alloc.h"
#include "client/check.h"
#include "client/failover.h"

enum {
    SLICE = 4096, /* keys routed or told of in one turn, so that the loop is not held up */
    ROW = 64,     /* keys that one queue submits before its server is looked at again */
};

#define NO_KEY UINT32_MAX

/* The keys of one lane that were not submitted yet. */
struct queue {
    struct rc_list link; /* in many->waiting while it holds keys */
    struct rc_server *server;
    uint32_t lane;
    uint32_t head, tail;
};

struct rc_many {
    struct rc_list link; /* in client->manys */
    ringcache_client *client;
    const ringcache_slice *keys;
    size_t count;
    ringcache_request defaults;
    ringcache_reply_cb each;
    ringcache_done_cb done;
    void *user;
    struct rc_deadline deadline;
    uint64_t started_us, deadline_ms;
    uint64_t table_number; /* whose queues these are; 0: none yet */
    int unfit;             /* 0, or why nothing but the key is at fault there, a status … */
    const char *why;       /* … and in words */
    bool plain;            /* nothing but values is asked for */
    struct queue *queues;
    struct rc_list waiting; /* queues that hold keys */
    uint32_t *next;         /* of each key: the next in its queue */
    size_t routed;          /* keys from here on were not looked at yet */
    uint32_t again;         /* list of keys to be routed anew */
    size_t told, ok, missed, failed;
    int status;  /* 0, or what ends all keys that were not submitted */
    bool lagged; /* its deadline was put off by env->lag_ms */
};

/* ---- telling ---- */

static void count_answer(struct rc_many *many, int status)
{
    many->told++;
    many->ok += status == RINGCACHE_OK;
    many->missed += status == RINGCACHE_MISS;
    many->failed += status < 0;
}

void rc_many_answered(struct rc_many *many, size_t index, ringcache_reply *reply)
{
    count_answer(many, reply->status);
    reply->index = index;
    if (many->each != NULL) {
        many->each(many->client, reply, many->user);
    }
}

/* A key that was never submitted ends. */
static void tell(struct rc_many *many, uint32_t key, int status, const char *message)
{
    ringcache_reply reply = {
        .status = status,
        .message = message,
        .elapsed_us = rc_env_now_us(&many->client->env) - many->started_us,
        .ring_digest = many->client->table->digest,
    };
    rc_many_answered(many, key, &reply);
}

/* ---- routing ---- */

static void append(struct rc_many *many, struct queue *queue, uint32_t key)
{
    many->next[key] = NO_KEY;
    if (queue->head == NO_KEY) {
        queue->head = key;
        rc_list_append(&many->waiting, &queue->link);
    } else {
        many->next[queue->tail] = key;
    }
    queue->tail = key;
}

static uint32_t take(struct rc_many *many, struct queue *queue)
{
    uint32_t key = queue->head;
    queue->head = many->next[key];
    if (queue->head == NO_KEY) {
        rc_list_remove(&queue->link);
    }
    return key;
}

/* The ring changed: what was not submitted is routed anew. The old servers may be gone already. */
static void requeue_all(struct rc_many *many)
{
    for (struct rc_list *node; (node = rc_list_first(&many->waiting)) != NULL;) {
        struct queue *queue = rc_container(node, struct queue, link);
        rc_list_remove(node);
        many->next[queue->tail] = many->again;
        many->again = queue->head;
    }
    rc_free(many->queues);
    many->queues = NULL;
    many->table_number = 0;
}

static bool make_queues(struct rc_many *many)
{
    const struct rc_pool *owners = &many->client->table->owners;
    uint32_t lanes = many->client->settings.connections;
    if (many->table_number == many->client->table_number) {
        return true;
    }
    requeue_all(many);
    many->queues = rc_alloc_zeroed(owners->count * lanes, sizeof *many->queues);
    if (many->queues == NULL) {
        return false;
    }
    for (size_t i = 0; i < owners->count * lanes; i++) {
        many->queues[i] = (struct queue){.server = owners->servers[i / lanes],
            .lane = (uint32_t)(i % lanes),
            .head = NO_KEY,
            .tail = NO_KEY};
        rc_list_init(&many->queues[i].link);
    }
    many->unfit = rc_check_rest(&many->client->means, &many->defaults, &many->why);
    many->table_number = many->client->table_number;
    return true;
}

static uint32_t next_unrouted(struct rc_many *many)
{
    if (many->again != NO_KEY) {
        uint32_t key = many->again;
        many->again = many->next[key];
        return key;
    }
    return many->routed < many->count ? (uint32_t)many->routed++ : NO_KEY;
}

/* What the key is routed by. */
static struct rc_slice route_of(const struct rc_many *many, uint32_t key)
{
    const ringcache_slice *route = &many->defaults.route;
    const ringcache_slice *by = route->data != NULL ? route : &many->keys[key];
    return rc_slice(by->data, by->len);
}

static void route(struct rc_many *many, uint32_t key)
{
    ringcache_client *client = many->client;
    const char *why = many->why;
    int rc = many->unfit < 0 ? many->unfit : rc_check_key(&client->means, many->keys[key], &why);
    if (rc < 0) {
        tell(many, key, rc, why);
        return;
    }
    struct rc_choice choice = rc_table_owner(client->table, route_of(many, key));
    if (choice.server == NULL) {
        tell(many, key, RINGCACHE_ENOSERVER, "the ring has no server");
        return;
    }
    append(many, &many->queues[choice.index * client->settings.connections + choice.lane], key);
}

/* A slice of what is left to route; true when there is more. */
static bool route_some(struct rc_many *many)
{
    for (int i = 0; i < SLICE; i++) {
        if (!make_queues(many)) { /* a callback may have changed the ring */
            many->status = RINGCACHE_ENOMEM;
            return true;
        }
        uint32_t key = next_unrouted(many);
        if (key == NO_KEY) {
            break;
        }
        route(many, key);
    }
    return many->again != NO_KEY || many->routed < many->count;
}

/* ---- submitting ---- */

/* A request for the key that is the first of a queue, and stays there. NULL: no memory, or too much
 * is held. */
static struct rc_operation *prepare(struct rc_many *many, const struct queue *queue)
{
    struct rc_operation *op = rc_client_take(many->client);
    if (op != NULL) {
        op->request.audience = RC_TO_MANY;
        op->many = many;
        op->index = queue->head;
        op->request.bulk = true;
        op->request.started_us = many->started_us;
        op->request.lagged = many->lagged;
    }
    return op;
}

static void put_command(
    const struct rc_many *many, const struct rc_operation *op, struct rc_command *command)
{
    ringcache_request request = many->defaults;
    request.op = RINGCACHE_GET;
    request.key = many->keys[op->index];
    rc_client_command(many->client, &request, command);
}

/* The first key of a queue was submitted as `op`, or refused: for good, or it stays there. */
static int enter(struct rc_many *many, struct queue *queue, struct rc_operation *op, int status)
{
    ringcache_client *client = many->client;
    struct rc_request *request = &op->request;
    if (status == RINGCACHE_EBUSY) {
        rc_client_release(client, request);
        return status;
    }
    take(many, queue);
    client->pending++;
    if (status < 0) {
        rc_server_refuse(queue->server, queue->lane, request, status);
    } else if (request->state != RC_REQUEST_FINISHED) {
        rc_env_arm(&client->env, &request->deadline, many->deadline_ms);
    }
    return 0;
}

/* Submit the first key of a queue: 0 or RINGCACHE_EBUSY. */
static int submit(struct rc_many *many, struct queue *queue)
{
    const struct rc_choice at = {.server = queue->server, .lane = queue->lane};
    const ringcache_slice *key = &many->keys[queue->head];
    struct rc_operation *op = prepare(many, queue);
    if (op == NULL) {
        return RINGCACHE_EBUSY;
    }
    if (many->plain && rc_client_get(many->client, &at, op, rc_slice(key->data, key->len))) {
        return enter(many, queue, op, 0);
    }
    struct rc_command command;
    put_command(many, op, &command);
    return enter(many, queue, op, rc_server_submit(at.server, at.lane, &op->request, &command));
}

/* Does who would be asked in the owner's place take no more for now? */
static bool is_full_elsewhere(ringcache_client *client, const struct rc_submission *s)
{
    struct rc_choice at = {.server = NULL};
    if (!s->bound) {
        at = rc_failover_substitute(client, s->route);
    }
    return at.server != NULL && rc_server_slack(at.server, at.lane) == 0;
}

/* Submit the first key of a queue whose server is out of service: to another one, or to be refused.
 * False when that takes no more for now, which costs nothing of the failover budget. */
static bool submit_elsewhere(struct rc_many *many, struct queue *queue)
{
    ringcache_client *client = many->client;
    struct rc_submission s = {
        .choice = {.server = queue->server, .lane = queue->lane},
        .route = route_of(many, queue->head),
        .bound = (many->defaults.options & RINGCACHE_NO_FAILOVER) != 0,
    };
    struct rc_operation *op = is_full_elsewhere(client, &s) ? NULL : prepare(many, queue);
    if (op == NULL) {
        return false;
    }
    struct rc_command command;
    put_command(many, op, &command);
    rc_failover_divert(client, &s, &command);
    int rc = RINGCACHE_EBUSY;
    if (rc_server_slack(s.choice.server, s.choice.lane) > 0) {
        rc = rc_server_submit(s.choice.server, s.choice.lane, &op->request, &command);
    }
    if (rc == 0) {
        rc_failover_accepted(client, op, &s, &command);
    }
    return enter(many, queue, op, rc) == 0;
}

/* Submit a row of a queue; false when its lane takes no more for now. */
static bool submit_row(struct rc_many *many, struct queue *queue)
{
    if (rc_failover_on(many->client) && !rc_server_available(queue->server)) {
        bool more = true;
        for (int i = 0; more && i < ROW && queue->head != NO_KEY; i++) {
            more = submit_elsewhere(many, queue);
        }
        return more;
    }
    uint32_t slack = rc_server_slack(queue->server, queue->lane), asked = 0;
    uint32_t most = slack < ROW ? slack : ROW;
    while (asked < most && queue->head != NO_KEY && submit(many, queue) == 0) {
        asked++;
    }
    rc_failover_asked(many->client, asked);
    return asked > 0;
}

static void submit_all(struct rc_many *many)
{
    struct rc_list *next;
    for (struct rc_list *node = many->waiting.next; node != &many->waiting; node = next) {
        struct queue *queue = rc_container(node, struct queue, link);
        next = node->next;
        bool more = true;
        for (int row = 0; more && row < SLICE / ROW && queue->head != NO_KEY; row++) {
            more = submit_row(many, queue);
        }
    }
}

/* ---- the end ---- */

/* End a slice of what was not submitted; true when there is more. */
static bool end_some(struct rc_many *many)
{
    requeue_all(many);
    for (int i = 0; i < SLICE; i++) {
        uint32_t key = next_unrouted(many);
        if (key == NO_KEY) {
            return false;
        }
        tell(many, key, many->status, ringcache_strerror(many->status));
    }
    return true;
}

static void many_free(struct rc_many *many)
{
    rc_list_remove(&many->link);
    rc_env_disarm(&many->client->env, &many->deadline);
    rc_free(many->queues);
    rc_free(many->next);
    rc_free(many);
}

/* One turn of one many; true when it wants another one soon. */
static bool pump(struct rc_many *many)
{
    bool more = many->status < 0 ? end_some(many) : route_some(many);
    if (many->client->closing && many->status == 0) { /* a callback closed it */
        many->status = RINGCACHE_ECANCELED;
        more = true;
    }
    if (many->status == 0 && many->table_number == many->client->table_number) {
        submit_all(many);
    }
    if (many->told == many->count) {
        rc_list_remove(&many->link);
        many->done(many->client, many->ok, many->missed, many->failed, many->user);
        many_free(many);
        return false;
    }
    return more; /* what is under way comes back by itself */
}

void rc_manys_feed(ringcache_client *client)
{
    for (struct rc_list *node = client->manys.next; node != &client->manys; node = node->next) {
        struct rc_many *many = rc_container(node, struct rc_many, link);
        if (!client->closing && many->status == 0 && many->table_number == client->table_number) {
            submit_all(many);
        }
    }
}

void rc_manys_pump(ringcache_client *client)
{
    struct rc_list *first = rc_list_first(&client->manys);
    if (first != NULL) { /* another one is the first to submit, every turn */
        rc_list_remove(first);
        rc_list_append(&client->manys, first);
    }
    struct rc_list turn;
    rc_list_init(&turn);
    rc_list_splice(&turn, &client->manys);
    for (struct rc_list *node; (node = rc_list_first(&turn)) != NULL;) {
        struct rc_many *many = rc_container(node, struct rc_many, link);
        rc_list_remove(node);
        rc_list_append(&client->manys, node);
        if (client->closing) {
            many->status = RINGCACHE_ECANCELED;
        }
        if (pump(many)) {
            rc_env_defer(&client->env);
        }
    }
}

static void deadline_due(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    struct rc_many *many = rc_container(deadline, struct rc_many, deadline);
    struct rc_env *env = &many->client->env;
    if (rc_env_put_off(env, deadline, many->started_us, &many->lagged)) {
        many->deadline_ms = deadline->at_ms;
        return;
    }
    many->status = RINGCACHE_ETIMEDOUT;
    rc_env_defer(env);
}

/* ---- public ---- */

static int check_many(ringcache_client *client, const ringcache_slice *keys, size_t count,
    const ringcache_request *defaults, ringcache_done_cb done)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    if (done == NULL || (keys == NULL && count > 0) || count >= NO_KEY) {
        return rc_client_refuse(
            client, RINGCACHE_EINVAL, "no callback, no keys, or 4294967295 keys or more");
    }
    if (client->table->owners.count == 0) {
        return rc_client_refuse(client, RINGCACHE_ENOSERVER, "the ring has no server");
    }
    if (defaults != NULL && defaults->op != RINGCACHE_GET) {
        return rc_client_refuse(client, RINGCACHE_ENOTSUP, "many keys can be got, nothing else");
    }
    return 0;
}

int ringcache_get_many(ringcache_client *client, const ringcache_slice *keys, size_t count,
    const ringcache_request *defaults, ringcache_reply_cb each, ringcache_done_cb done, void *user)
{
    int rc = check_many(client, keys, count, defaults, done);
    if (rc < 0) {
        return rc;
    }
    rc_client_hear(client);
    struct rc_env *env = &client->env;
    struct rc_many *many = rc_alloc_zeroed(1, sizeof *many);
    uint32_t *next = rc_alloc_zeroed(count, sizeof *next);
    if (many == NULL || next == NULL) {
        rc_free(many);
        rc_free(next);
        return rc_client_refuse(client, RINGCACHE_ENOMEM, ringcache_strerror(RINGCACHE_ENOMEM));
    }
    *many = (struct rc_many){
        .client = client,
        .keys = keys,
        .count = count,
        .each = each,
        .done = done,
        .user = user,
        .next = next,
        .again = NO_KEY,
        .started_us = rc_env_now_us(env),
    };
    if (defaults != NULL) {
        many->defaults = *defaults;
    }
    many->plain = (many->defaults.options & (RINGCACHE_WANT_CAS | RINGCACHE_WANT_TTL)) == 0;
    uint32_t timeout_ms =
        many->defaults.timeout_ms > 0 ? many->defaults.timeout_ms : client->settings.timeout_ms;
    many->deadline_ms = rc_env_now_ms(env) + timeout_ms;
    env->submitted_us = many->started_us;
    rc_list_init(&many->waiting);
    rc_deadline_init(&many->deadline, deadline_due);
    rc_env_arm(env, &many->deadline, many->deadline_ms);
    rc_list_append(&client->manys, &many->link);
    rc_client_update_hold(client);
    rc_env_defer(env);
    return 0;
}
