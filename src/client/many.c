/* SPDX-License-Identifier: MIT */
/* Many keys in one call. A many routes its keys to queues, one for each connection that owns some,
 * and feeds every connection in batches as fast as it answers, at most half of what the connection
 * may have under way: a server that is slow or gone holds up its own keys alone.
 *
 *   keys ── route, a few thousand a turn ──► queue of a lane ── batches ──► requests ──► each
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

/* Keys routed or told of in one turn, so that the loop is not held up. */
enum { SLICE = 4096 };

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

static ringcache_request request_of(const struct rc_many *many, uint32_t key)
{
    ringcache_request request = many->defaults;
    request.op = RINGCACHE_GET;
    request.key = many->keys[key];
    return request;
}

static void route(struct rc_many *many, uint32_t key)
{
    ringcache_client *client = many->client;
    const ringcache_request request = request_of(many, key);
    const char *why = "";
    int rc = rc_check_request(&client->means, &request, &why);
    if (rc < 0) {
        tell(many, key, rc, why);
        return;
    }
    ringcache_slice by = request.route.data != NULL ? request.route : request.key;
    struct rc_choice choice = rc_table_owner(client->table, rc_slice(by.data, by.len));
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

/* The next keys of a queue as requests: how many, at most `most`. They stay in the queue. */
static size_t prepare(struct rc_many *many, const struct queue *queue, size_t most,
    struct rc_operation **ops, struct rc_command *commands)
{
    size_t count = 0;
    uint32_t key = queue->head;
    for (; count < most && key != NO_KEY; key = many->next[key], count++) {
        const ringcache_request request = request_of(many, key);
        struct rc_operation *op = rc_client_take(many->client);
        if (op == NULL) {
            break;
        }
        op->audience = RC_TO_MANY;
        op->many = many;
        op->index = key;
        op->request.started_us = many->started_us;
        op->request.lagged = many->lagged;
        ops[count] = op;
        rc_client_command(many->client, &request, &commands[count]);
    }
    return count;
}

/* The first key of a queue was submitted as `request`, or refused for good. */
static void enter(struct rc_many *many, struct queue *queue, struct rc_request *request, int status)
{
    ringcache_client *client = many->client;
    take(many, queue);
    client->pending++;
    if (status < 0) {
        rc_server_refuse(queue->server, queue->lane, request, status);
    } else if (request->state != RC_REQUEST_FINISHED) {
        rc_env_arm(&client->env, &request->deadline, many->deadline_ms);
    }
}

/* Submit up to `most` keys of a queue as a batch: 0 or RINGCACHE_EBUSY. */
static int submit_batch(struct rc_many *many, struct queue *queue, size_t most)
{
    ringcache_client *client = many->client;
    struct rc_operation *ops[RC_BATCH_MAX];
    struct rc_request *requests[RC_BATCH_MAX];
    struct rc_command commands[RC_BATCH_MAX];
    size_t count = prepare(many, queue, most, ops, commands);
    for (size_t i = 0; i < count; i++) {
        requests[i] = &ops[i]->request;
    }
    int rc = count == 0
                 ? RINGCACHE_EBUSY
                 : rc_server_submit_gets(queue->server, queue->lane, requests, commands, count);
    for (size_t i = 0; i < count; i++) {
        if (rc == RINGCACHE_EBUSY) {
            rc_client_release(client, requests[i]);
        } else {
            enter(many, queue, requests[i], rc);
        }
    }
    rc_failover_asked(client, rc == RINGCACHE_EBUSY ? 0 : count);
    return rc == RINGCACHE_EBUSY ? rc : 0;
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
    const ringcache_request request = request_of(many, queue->head);
    ringcache_slice by = request.route.data != NULL ? request.route : request.key;
    struct rc_submission s = {
        .choice = {.server = queue->server, .lane = queue->lane},
        .route = rc_slice(by.data, by.len),
        .bound = (request.options & RINGCACHE_NO_FAILOVER) != 0,
    };
    struct rc_operation *op;
    struct rc_command command;
    if (is_full_elsewhere(client, &s) || prepare(many, queue, 1, &op, &command) == 0) {
        return false;
    }
    rc_failover_divert(client, &s, &command);
    struct rc_request *asked = &op->request;
    int rc = RINGCACHE_EBUSY;
    if (rc_server_slack(s.choice.server, s.choice.lane) > 0) {
        rc = rc_server_submit_gets(s.choice.server, s.choice.lane, &asked, &command, 1);
    }
    if (rc == RINGCACHE_EBUSY) {
        rc_client_release(client, asked);
        return false;
    }
    if (rc == 0) {
        rc_failover_accepted(client, op, &s, &command);
    }
    enter(many, queue, asked, rc);
    return true;
}

/* The same with as many as make a batch. */
static bool submit_some_elsewhere(struct rc_many *many, struct queue *queue)
{
    bool more = true;
    for (int i = 0; more && i < RC_BATCH_MAX && queue->head != NO_KEY; i++) {
        more = submit_elsewhere(many, queue);
    }
    return more;
}

/* Submit up to a batch from a queue; false when its lane takes no more for now. */
static bool submit_some(struct rc_many *many, struct queue *queue)
{
    bool single = many->client->env.strict || (many->defaults.options & RINGCACHE_WANT_CAS) != 0 ||
                  (many->defaults.options & RINGCACHE_WANT_TTL) != 0;
    if (rc_failover_on(many->client) && !rc_server_available(queue->server)) {
        return submit_some_elsewhere(many, queue);
    }
    size_t slack = rc_server_slack(queue->server, queue->lane);
    size_t most = single ? 1 : RC_BATCH_MAX;
    most = slack < most ? slack : most;
    while (most > 0 && submit_batch(many, queue, most) < 0) {
        most /= 2; /* the bytes of fewer keys may be within the bounds */
    }
    return most > 0;
}

static void submit_all(struct rc_many *many)
{
    struct rc_list *next;
    for (struct rc_list *node = many->waiting.next; node != &many->waiting; node = next) {
        struct queue *queue = rc_container(node, struct queue, link);
        next = node->next;
        bool more = true;
        for (int batch = 0; more && batch < SLICE / RC_BATCH_MAX && queue->head != NO_KEY;
             batch++) {
            more = submit_some(many, queue);
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
